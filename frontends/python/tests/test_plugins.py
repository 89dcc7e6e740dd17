"""What native plugins are told of this Python."""
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from heapsake import _plugins


class Surroundings(unittest.TestCase):
    def test_only_folders_of_installed_packages_may_declare_plugins(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix, project = os.path.join(folder, "prefix"), os.path.join(folder, "project", "site-packages")
            installed = os.path.join(prefix, "lib", "site-packages")
            for path in (installed, project):
                os.makedirs(path)
            others = ["", ".", "site-packages", project, os.path.join(prefix, "lib"), None]
            with mock.patch.object(sys, "path", others[:3] + [installed, installed] + others[3:]):
                with mock.patch.object(sys, "prefix", prefix):
                    self.assertEqual(_plugins._packages(), [installed])

    def test_this_environment_has_a_folder_of_packages(self):
        package = os.path.dirname(os.path.dirname(os.path.abspath(_plugins.__file__)))
        self.assertIn(os.path.realpath(package), [os.path.realpath(path) for path in _plugins._packages()])

    def test_the_worker_runs_in_this_python_and_not_in_what_embeds_it(self):
        command, _ = _plugins.surroundings("/somewhere/_heapsake.so")
        self.assertEqual((command[0], command[-1]), (sys.executable, "/somewhere/_heapsake.so"))
        with mock.patch.object(sys, "executable", "/usr/sbin/server"):
            command, _ = _plugins.surroundings("x")
            self.assertNotEqual(command[:1], ["/usr/sbin/server"])

    def test_the_worker_ends_when_nobody_talks_to_it(self):
        from heapsake import _heapsake

        command, _ = _plugins.surroundings(_heapsake.__file__)
        import socket

        ours, theirs = socket.socketpair()
        with theirs:
            worker = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
        ours.close()
        said = worker.communicate(timeout=60)
        self.assertEqual((worker.returncode, said), (0, (b"", b"")))


if __name__ == "__main__":
    unittest.main()
