"""Files of every layer, sockets, the standard streams: T82, T84 to T87."""
import os

import opened

import heapsake
from opened import edge

#: the flag of classes that a program made
HEAP = 1 << 9


class Files(opened.Theme):
    program = "files.py"

    def text(self, view, name):
        return view.attributes[name].value

    def facts(self, view, **expected):
        self.assertEqual({name: self.text(view, name) for name in expected}, expected)

    def refuses(self, made):
        """A stand-in that acts on nothing."""
        for name in ("read", "write", "seek", "close", "flush"):
            with self.assertRaises(heapsake.Refused, msg=name):
                getattr(made, name)()

    def descriptors(self):
        return len(os.listdir("/proc/self/fd"))

    def test_t82_resources(self):
        before = self.descriptors()
        for case in self.each("t82_resources"):
            said = case.said
            self.facts(case["opened"], mode="r", closed=False, encoding=said["encoding"], position=11)
            raw = case["opened"].attributes["raw"]
            self.facts(raw, fd=said["fd"], name=said["path"], open_on=said["path"])
            made = case.again("opened")
            self.assertEqual((made.mode, made.closed, made.encoding.upper(), made.tell()), ("r", False, "UTF-8", 11))
            self.refuses(made)
            self.facts(case["closed"], closed=True)
            self.facts(case["closed"].attributes["raw"], fd=-1, closed=True, name=said["path"])
            self.assertTrue(case.again("closed").closed)
            # standard output is one object, wherever it is met
            names = case.dump.modules["sys"]
            self.assertEqual([names["__stdout__"], names["stdout"]], [case["out"], case["out"]])
            self.assertIs(case.again("out"), names["stdout"].rebuild())
            sock, left, right = case["sock"], case["left"], case["right"]
            self.facts(sock, fd=said["socket"][0], family=said["family"], closed=False)
            self.assertEqual([item.value for item in sock.attributes["laddr"].items], ["127.0.0.1", said["socket"][1]])
            self.assertEqual(tuple(case.again("sock").getsockname()), ("127.0.0.1", said["socket"][1]))
            self.assertEqual(case.again("sock").fileno(), said["socket"][0])
            self.facts(left, fd=said["left"], family=said["left_family"], closed=False)
            self.facts(right, fd=-1, family=said["left_family"], closed=True)
            for local in ("sock", "left", "right"):
                with self.assertRaises(heapsake.Refused):
                    case.again(local).send(b"x")
        self.assertEqual(self.descriptors(), before)

    def test_t84_types_of_files(self):
        for case in self.each("t84_types_of_files"):
            for local, name in (("raw", "FileIO"), ("reader", "BufferedReader"), ("writer", "BufferedWriter"), ("random", "BufferedRandom"),
                                ("text", "TextIOWrapper")):
                view = case[local]
                self.assertEqual((view.kind, self.text(view, "__name__"), self.text(view, "__module__"), view.surrogate), ("type", name, "_io", None))
                self.assertEqual(view.public_names[0], "io." + name)

    def test_t85_raw_file(self):
        for case in self.each("t85_raw_file"):
            said = case.said
            self.facts(case["opened"], name="changed", open_on=said["path"], mode="rb", closed=False, fd=said["fd"], position=7)
            self.facts(case["closed"], name=said["path"], mode="rb", closed=True, fd=-1)
            opened_file, closed = case.again("opened"), case.again("closed")
            self.assertEqual((opened_file.name, opened_file.mode, opened_file.closed, opened_file.fileno(), opened_file.tell()),
                             ("changed", "rb", False, said["fd"], 7))
            self.assertEqual((closed.name, closed.mode, closed.closed, closed.fileno()), (said["path"], "rb", True, -1))
            for made in (opened_file, closed):
                self.refuses(made)

    def test_t86_buffered_files(self):
        for case in self.each("t86_buffered_files"):
            raws = {key.value: value for key, value in case["raws"].items}
            kinds = {"reader": "BufferedReader", "writer": "BufferedWriter", "random": "BufferedRandom"}
            for local, prefix, closed in (("opened", "", False), ("closed", "closed ", True)):
                for key, view in case[local].items:
                    self.assertEqual((view.type_name, edge(view, "raw")), ("_io." + kinds[key.value], raws[prefix + key.value]))
                    self.facts(view, closed=closed)
                    self.assertIs(view.rebuild().raw, raws[prefix + key.value].rebuild())
                    self.assertEqual(view.rebuild().closed, closed)
                    self.refuses(view.rebuild())
            opened_files = {key.value: value for key, value in case["opened"].items}
            self.facts(opened_files["reader"], position=7, read_ahead=b"789abcdef")
            self.facts(opened_files["writer"], position=4, unwritten=b"WXYZ")
            self.facts(opened_files["random"], position=2)
            self.assertEqual({name: self.text(raws[name], "fd") for name in kinds}, case.said["fds"])

    def test_t87_text_files(self):
        for case in self.each("t87_text_files"):
            text, closed = case["text"], case["closed"]
            self.facts(text, encoding="iso-8859-1", errors="replace", line_buffering=True, readnl="\r\n", closed=False, position=case.said["tell"])
            self.assertEqual((edge(text, "buffer"), edge(case["buffer"], "raw")), (case["buffer"], case["raw"]))
            self.facts(case["raw"], fd=case.said["fd"], name=case.said["path"])
            self.facts(closed, encoding="iso-8859-1", errors="ignore", line_buffering=False, readnl="\r\n", closed=True)
            self.assertEqual(edge(closed, "buffer"), case["closed_buffer"])
            made = case.again("text")
            self.assertEqual((made.encoding, made.errors, made.readnl, made.line_buffering, made.closed, made.tell()),
                             ("iso-8859-1", "replace", "\r\n", True, False, case.said["tell"]))
            self.assertIs(made.buffer, case.again("buffer"))
            self.assertIs(made.buffer.raw, case.again("raw"))
            self.assertIs(case.again("closed").buffer, case.again("closed_buffer"))
            self.assertTrue(case.again("closed").closed)
            self.facts(case["temporary"], unwritten=b"unflushed", position=9)
            self.refuses(made)
