"""A process that reserves terabytes, which it does not use, or has pages that no load may touch, is dumped like any other: from
inside."""
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


# A guard that is no mapping of its own: as the C library has them between stacks, of kernels that have them.
GUARDED = """
import ctypes, mmap, sys, heapsake
GUARD_INSTALL = 102
memory = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory[::4096] = b"m" * len(memory[::4096])
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
marker = [ctypes.CDLL(None, use_errno=True).madvise(ctypes.c_void_p(address + (32 << 20)), ctypes.c_size_t(4096), GUARD_INSTALL)]
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

    def test_a_guard_in_the_middle_of_a_mapping_is_not_touched(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "guarded.heapsake")
            subprocess.run([sys.executable, "-c", GUARDED, path], check=True, timeout=120)
            dump = heapsake.load(path)
            self.assertEqual(list(dump.faults), [])
            installed = dump.threads[0].frames[-1].locals["marker"].items[0].value
            if installed != 0:
                print("this kernel has no guards within mappings: the dump was made without one")
            memory = {region.kind: region for region in dump.memory}
            self.assertIn("arenas", memory)


if __name__ == "__main__":
    unittest.main()
