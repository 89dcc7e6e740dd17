"""Who holds an object, against this Python's own collector."""
import gc
import os
import tempfile
import unittest
import weakref
from unittest import mock

import heapsake


class Held:
    def __init__(self, name):
        self.name = name


HOLDERS = {"list": [Held("first"), Held("second")]}
HOLDERS["tuple"] = (HOLDERS["list"][0],)
HOLDERS["dict"] = {"key": HOLDERS["list"][0]}
HOLDERS["weak"] = weakref.ref(HOLDERS["list"][0])


class Referrers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        environment = mock.patch.dict(os.environ, {"XDG_CACHE_HOME": folder.name})
        environment.start()
        self.addCleanup(environment.stop)
        gc.collect()
        self.addresses = {id(holder) for holder in gc.get_referrers(HOLDERS["list"][0])}
        self.path = os.path.join(folder.name, "one.heapsake")
        heapsake.dump(self.path)
        self.dump = heapsake.load(self.path)
        module = self.dump.modules[__name__]
        self.held = module.attributes["HOLDERS"].items[0][1].items[0]
        self.folder = folder.name

    def test_they_are_those_that_the_collector_tells(self):
        self.assertEqual(self.held.address, id(HOLDERS["list"][0]))
        strong = {view.address for view in self.held.referrers if view.kind != "weakref"}
        self.assertEqual(strong, self.addresses)
        self.assertEqual({view.address for view in self.held.referrers} - strong, {id(HOLDERS["weak"])})
        self.assertEqual(len(os.listdir(os.path.join(self.folder, "heapsake"))), 1)

    def test_the_path_is_walked_edge_by_edge(self):
        path = self.held.path_from_root()
        self.assertEqual(path[-1][1], self.held)
        for (_, before), (_, after) in zip(path, path[1:]):
            self.assertIn(before, after.referrers)


if __name__ == "__main__":
    unittest.main()
