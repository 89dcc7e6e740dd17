"""pytest-xdist's controller: workers learn where dumps go, and the dump of a worker that died is put down to its test."""
import glob
import os

import pytest

from .._template import ENDING
from ._names import stem
from .pytest import PROPERTY, SECTION


class Controller:
    """Beside the plugin, in the process that starts the workers."""

    def __init__(self, plugin):
        self.plugin = plugin

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        node.workerinput["heapsake"] = self.plugin.settings

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        told = getattr(node, "workeroutput", {}).get("heapsake", {})
        self.plugin.problems.extend(told.get("problems", ()))
        for node_id, path in told.get("listed", ()):
            self.plugin.list(node_id, path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem, report):
        """Never answers, as the first answer would end it for other plugins."""
        with self.plugin.harmless(crashitem):
            self.crashed(crashitem, report)

    def crashed(self, crashitem, report):
        plugin, worker = self.plugin, report.node.gateway.id
        pattern = os.path.join(glob.escape(plugin.settings["folder"]), "crash-%s-%s-*%s" % (plugin.settings["run"], worker, ENDING))
        paths = [_renamed(path, "%s-crash-%s" % (stem(crashitem), worker)) for path in sorted(glob.glob(pattern))]
        if plugin.settings["timeout"]:
            # it hung, and was ended for it
            from ._pytest_timeout import found

            paths += found(plugin.settings["folder"], crashitem, worker, plugin.settings["since"])
        for named in paths:
            report.sections.append((SECTION, named))
            report.user_properties.append((PROPERTY, named))
        if not paths:
            plugin.problems.append("no dump of %s: worker %s was ended by none of the signals that leave time for one" % (crashitem, worker))


def _renamed(path, name):
    """The path of the file under the name, or one with a number where there is such a file."""
    number = 0
    while True:
        named = os.path.join(os.path.dirname(path), name + ("-%d" % number if number else "") + ENDING)
        try:
            # unlike a renaming, a link takes nothing away
            os.link(path, named)
            os.unlink(path)
            return named
        except FileExistsError:
            number += 1
        except OSError:
            return path
