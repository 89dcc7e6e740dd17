"""A process that reserves terabytes, which it does not use, is dumped like any other: from inside."""
import os
import subprocess
import sys
import tempfile
import unittest

import heapsake

PROGRAM = """
import mmap, sys, heapsake
NORESERVE = 0x4000
reserved = mmap.mmap(-1, 4 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
reserved[1 << 40] = 7
marker = ["the one"]
heapsake.dump(sys.argv[1])
"""


@unittest.skipUnless(sys.platform == "linux" and sys.maxsize > 1 << 32, "reserves terabytes as Linux on 64 bits can")
class Sparse(unittest.TestCase):
    def test_terabytes_that_were_only_reserved_cost_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sparse.heapsake")
            subprocess.run([sys.executable, "-c", PROGRAM, path], check=True, timeout=120)
            dump = heapsake.load(path)
            self.assertEqual(list(dump.faults), [])
            marker = dump.threads[0].frames[-1].locals["marker"]
            self.assertEqual(marker.items[0].value, "the one")


if __name__ == "__main__":
    unittest.main()
