"""pytest-xdist's controller: workers learn where dumps go, and the dump of a worker that died is put down to its test."""
import glob
import os

import pytest

from ._names import ENDING
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
        self.plugin.left_out += told.get("left_out", 0)
        self.plugin.problems.extend(told.get("problems", ()))
        for node_id, path in told.get("listed", ()):
            self.plugin.list(node_id, path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem, report):
        """Never answers, as the first answer would end it for other plugins."""
        plugin, worker = self.plugin, report.node.gateway.id
        pattern = os.path.join(glob.escape(plugin.settings["folder"]), "crash-%s-%s-*%s" % (plugin.settings["run"], worker, ENDING))
        found = sorted(glob.glob(pattern))
        for path in found:
            named = plugin.path(crashitem, "-crash-%s" % worker)
            try:
                os.rename(path, named)
            except OSError:
                named = path
            report.sections.append((SECTION, named))
            report.user_properties.append((PROPERTY, named))
        if not found:
            plugin.problems.append("%s, as worker %s left none: no signal ended it that can be caught" % (crashitem, worker))
