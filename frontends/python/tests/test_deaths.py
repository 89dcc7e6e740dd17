"""What a keeper was told, where a program dies of a signal: the dump is named, counted, bounded and told of as any other."""
import os
import signal
import unittest

from programs import Programs

PROGRAM = """
import ctypes, os, sys
import heapsake
heapsake.install(sys.argv[1], %s)
print("begun", flush=True)
ctypes.string_at(0)
"""

#: the C library finds its heap broken, and aborts with the lock of that heap held
BROKEN_HEAP = """
import ctypes, sys, threading
import heapsake
heapsake.install(sys.argv[1], %s)
# with one thread alone it takes no locks
threading.Thread(target=threading.Event().wait, daemon=True).start()
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
blocks = [library.malloc(2000) for _ in range(8)]
ctypes.memset(blocks[2], 0x41, 2100)
for block in blocks[1:4]:
    library.free(block)
print("it went well")
"""


class Deaths(Programs):
    def die(self, settings):
        self.write(PROGRAM % settings)
        os.makedirs(self.dumps_folder, exist_ok=True)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.output, ended.rest), (-signal.SIGSEGV, "begun\n", ""), ended.error)
        return ended.lines

    def test_quiet(self):
        self.assertEqual(self.die("quiet=True"), [])
        dump, = self.dumps()
        self.assertIn("SIGSEGV", dump.header["reason"])

    def test_names(self):
        line, = self.die("template='{reason}-{program}-{node}-{host}'")
        name = os.path.basename(self.paths()[0])
        self.assertEqual(name, "SIGSEGV__segmentation_fault__at_address_0x0-app-%s.heapsake" % os.uname().nodename)
        self.assertTrue(line.endswith(self.paths()[0]))
        self.die("template='{reason}-{program}-{node}-{host}'")
        self.assertEqual(len(self.dumps()), 2)

    def test_at_most(self):
        for template in (None, "{program}-{exception}-{pid}"):
            settings = "at_most=1, template=%r" % template
            for path in self.paths():
                os.unlink(path)
            line, = self.die(settings)
            self.assertIn(" saved to ", line)
            full = "%s has 1 dumps, and at_most is 1" % self.dumps_folder
            self.assertEqual(self.die(settings), ["heapsake: no dump of SIGSEGV (segmentation fault) at address 0x0: " + full])
            self.assertEqual(self.die(settings + ", quiet=True"), [])
            # Nor does what an exception leaves have room.
            self.write("import heapsake, sys\nheapsake.install(sys.argv[1], %s)\n1 / 0\n" % settings)
            ended = self.start(self.dumps_folder)
            self.assertEqual(ended.lines, ["heapsake: no dump of uncaught ZeroDivisionError: " + full])

    def test_a_broken_heap_of_the_c_library(self):
        os.mkdir(self.dumps_folder)
        for number, settings in enumerate(("quiet=False", "at_most=5", "disk=1 << 30"), 1):
            self.write(BROKEN_HEAP % settings)
            ended = self.start(self.dumps_folder)
            self.assertEqual((ended.status, ended.output), (-signal.SIGABRT, ""), ended.error)
            self.assertIn("SIGABRT (aborted) saved to ", ended.error)
            self.assertEqual(len(self.dumps()), number)

    def test_a_folder_that_is_not_there(self):
        other = os.path.join(self.folder, "other")
        os.mkdir(other)
        for settings in ("quiet=False", "at_most=5", "disk=1 << 30"):
            self.write(PROGRAM % settings)
            ended = self.start(self.dumps_folder, environment={"TMPDIR": other})
            self.assertEqual((ended.status, ended.rest), (-signal.SIGSEGV, ""))
            name, = os.listdir(other)
            said = " saved to %s; cannot create %s: No such file or directory"
            self.assertIn(said % (os.path.join(other, name), os.path.join(self.dumps_folder, name)), ended.lines[0])
            os.unlink(os.path.join(other, name))

    def test_disk(self):
        os.mkdir(self.dumps_folder)
        other = os.path.join(self.dumps_folder, "other.heapsake")
        with open(other, "wb") as file:
            file.truncate(1 << 20)
        told = "heapsake: no dump of SIGSEGV (segmentation fault) at address 0x0: "
        line, = self.die("disk=%d" % (1 << 20))
        self.assertEqual(line, told + "the dumps in %s have 1048576 bytes, and disk is 1048576" % self.dumps_folder)
        line, = self.die("disk=%d" % ((1 << 20) + (1 << 16)))
        self.assertRegex(line, r"\A%sit has \d+ bytes with all cut that can be, and disk leaves 65536\Z" % told.replace("(", r"\(").replace(")", r"\)"))
        self.assertEqual(os.listdir(self.dumps_folder), ["other.heapsake"])
        os.unlink(other)
        line, = self.die("disk=%d" % (8 << 20))
        self.assertIn(" saved to ", line)


if __name__ == "__main__":
    unittest.main()
