"""V1 to V22, and what of C1 to C16 needs no process of its own: each dump of the program beside what the program wrote down."""
import inspect
import json
import os
import select
import struct
import subprocess
import sys
import types
import unittest

import heapsake

from opening import PROGRAMS, Case, command, of, run


def values(view):
    return [item.value for item in view.items]


class Modules(Case):
    @of("v1_v2_v3")
    def test_v1_a_global_that_was_changed(self, found, facts):
        self.assertEqual(found["module"].attributes["setting"].value, 999)
        self.assertEqual(found.dump.modules["shopping"], found["module"])
        self.assertEqual(found["module"].rebuild().setting, 999)

    @of("v1_v2_v3")
    def test_v2_a_global_that_was_added_and_one_that_was_deleted(self, found, facts):
        module = found["module"]
        self.assertEqual(module.attributes["added"].address, facts["added"])
        self.assertEqual(values(module.attributes["added"]), ["added at run time"])
        self.assertNotIn("removed", list(module.attributes))
        self.assertIn("unchanged", list(module.attributes))
        self.assertFalse(hasattr(module.rebuild(), "removed"))

    @of("v1_v2_v3")
    def test_v3_a_class_attribute_and_a_method_that_were_patched(self, found, facts):
        shop = found["shop"].type
        self.assertEqual(shop.attributes["late"].address, facts["late"])
        self.assertEqual(shop.attributes["total"].address, facts["patched"])
        self.assertEqual(shop.attributes["total"].attributes["__name__"].value, "patched")
        rebuilt = found["shop"].rebuild()
        self.assertEqual((rebuilt.late, rebuilt.total.__name__, type(rebuilt).__module__), (("late",), "patched", "shopping"))

    @of("v4")
    def test_v4_one_node_for_the_globals_of_function_module_and_frame(self, found, facts):
        names = found["module"].attributes["__dict__"]
        for other in (found["function"].attributes["__globals__"], found["frame"].attributes["f_globals"],
                      found["suspended"].attributes["gi_frame"].attributes["f_globals"], found["names"]):
            self.assertEqual(other, names)
        self.assertEqual(names.address, facts["globals"])
        self.assertEqual(sorted(key.value for key, _ in names.items), facts["names"])
        self.assertIn("crash", facts["names"])
        function, frame = found["function"].rebuild(), found["frame"].rebuild()
        self.assertIs(function.__globals__, frame.f_globals)
        self.assertIs(function.__globals__["crash"], function)

    @of("v5")
    def test_v5_instances_of_classes_of_main(self, found, facts):
        order, special = found["order"], found["special"]
        self.assertEqual((order.type.address, special.type.address), (facts["order"], facts["special"]))
        self.assertEqual((order.type_name, special.type_name), ("__main__.Order", "__main__.Special"))
        self.assertEqual(special.bases, ["__main__.Special", "__main__.Order", "object"])
        self.assertEqual(sorted(name for name in order.type.attributes if name in facts["attributes"]), facts["attributes"])
        self.assertEqual((order.attributes["number"].value, special.attributes["number"].value, special.attributes["extra"].value), (5, 6, "in a slot"))
        rebuilt = special.rebuild()
        kind = type(rebuilt)
        self.assertEqual((kind.__name__, kind.__module__, kind.__mro__[1].__name__, kind.kind), ("Special", "__main__", "Order", "order"))
        self.assertEqual((rebuilt.number, rebuilt.extra), (6, "in a slot"))
        self.assertIsInstance(rebuilt, type(order.rebuild()))

    def test_v6_another_version_of_the_module_is_importable(self):
        """Values are the dump's; the class of this machine is taken only where it is asked for, and with a warning."""
        folder = os.path.join(self.program.folder, "importable")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(PROGRAMS, "other_shopping.py")) as source, open(os.path.join(folder, "shopping.py"), "w") as target:
            target.write(source.read())
        for path in self.program.paths.values():
            ended = run(sys.executable, "-c", OTHER_VERSION, path, folder, cwd="/")
            self.assertEqual((ended.returncode, ended.stdout), (0, "well\n"), ended.stderr)


OTHER_VERSION = """
import sys, warnings
sys.path.insert(0, sys.argv[2])
import heapsake
dump = heapsake.load(sys.argv[1])
main = next(frame for frame in dump.threads[0].frames if frame.function == "main")
case = next(value for key, value in main.locals["suspended"].items if key.value == "v6")
shop = {key.value: value for key, value in case["gi_frame"]["f_locals"].items}["shop"]
assert shop.type.attributes["rate"].value == 1
dead = shop.rebuild()
assert type(dead).rate == 1 and dead.items == [2, 3], dead
try:
    dead.total()
except heapsake.Refused:
    pass
else:
    raise AssertionError("code of a dump ran")
assert "shopping" not in sys.modules, "it was imported"
# asked for
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    real = shop.rebuild(modules={"shopping": "shopping"})
import shopping
assert type(real) is shopping.Shop and shopping.imported and real.items == [2, 3], real
assert real.total() == 5000 and real.rate == 1000
assert len(told) == 1 and "shopping" in str(told[0].message) and "differ" in str(told[0].message), [str(each.message) for each in told]
assert type(shop.rebuild()).rate == 1, "only where it is asked for"
print("well")
"""


class Iterators(Case):
    #: over containers; the others draw from iterators
    PLAIN = {"list", "tuple", "dict", "values", "items", "set", "range", "long range", "reversed", "text", "wide", "bytes", "ended", "deque", "reversed deque"}

    def rests(self, found, facts, plain):
        iterators = {key.value: view for key, view in found["iterators"].items}
        self.assertEqual(set(iterators), set(facts["rest"]))
        for name, rest in facts["rest"].items():
            if (name in self.PLAIN) != plain:
                continue
            made = iterators[name].rebuild()
            if name == "own map":
                self.assertIs(type(made), map)
                self.assertRaises(heapsake.Refused, next, made)
                continue
            took = []
            for item in made:
                took.append([item[0], list(item[1])] if name == "groupby" else list(item) if isinstance(item, tuple) else item)
                if len(took) == 12:
                    break
            self.assertEqual(took, rest, name)

    @of("c2_v7")
    def test_c2_iterators_over_containers(self, found, facts):
        iterators = {key.value: view for key, view in found["iterators"].items}
        for name, container, index in [("list", "list", 2), ("tuple", "tuple", 2), ("reversed", "list", 1), ("text", "str", 2)]:
            self.assertEqual(iterators[name].attributes[container].type_name, container)
            self.assertEqual(iterators[name].attributes["index"].value, index, name)
        for name in ("dict", "values", "items"):
            self.assertEqual((iterators[name].attributes["dict"].type_name, iterators[name].attributes["remaining"].value), ("dict", 2))
        self.assertEqual((iterators["set"].attributes["set"].type_name, iterators["set"].attributes["remaining"].value), ("set", 4))
        self.rests(found, facts, True)

    @of("c2_v7")
    def test_v7_iterators_over_iterators(self, found, facts):
        iterators = {key.value: view for key, view in found["iterators"].items}
        for name, edge in [("chain", "active"), ("cycle", "iterator"), ("tee", "data"), ("map", "iterators"), ("zip", "iterators"), ("filter", "iterator"),
                           ("islice", "iterator"), ("accumulate", "iterator"), ("groupby", "iterator"), ("enumerate", "iterator")]:
            self.assertIsNone(iterators[name].attributes[edge].surrogate, name)
        self.assertEqual(iterators["tee"].attributes["data"], iterators["other tee"].attributes["data"])
        self.rests(found, facts, False)


class Suspended(Case):
    @of("c1")
    def test_c1_what_is_suspended(self, found, facts):
        for name, prefix, awaited in [("generator", "gi", "gi_yieldfrom"), ("expression", "gi", "gi_yieldfrom"), ("delegating", "gi", "gi_yieldfrom"),
                                      ("coroutine", "cr", "cr_await"), ("async_generator", "ag", "ag_await")]:
            view = found[name]
            frame = view.attributes[prefix + "_frame"]
            line = facts["lines"][{"async_generator": "async"}.get(name, name)]
            self.assertEqual((frame.attributes["f_lineno"].value, frame.attributes["f_code"]), (line, view.attributes[prefix + "_code"]), name)
            held = view.attributes[awaited] if awaited in list(view.attributes) else None
            if name == "delegating":
                self.assertEqual((held.address, held), (facts["inner"], found["inner"]))
            elif name == "coroutine":
                self.assertIsNotNone(held)
        local = {key.value: value for key, value in found["generator"].attributes["gi_frame"].attributes["f_locals"].items}
        self.assertEqual((values(local["local_in_generator"]), local["number"].value, local["limit"].value), (["held"], 1, 4))
        # the operand stack: the iterator of the loop, at its position
        stack = [target for _, label, target in found["generator"].attributes["gi_frame"].edges if target.type_name == "range_iterator"]
        self.assertEqual(len(stack), 1)
        self.assertEqual(stack[0].rebuild().__length_hint__(), 2)
        for name, kind in [("generator", types.GeneratorType), ("expression", types.GeneratorType), ("delegating", types.GeneratorType),
                           ("coroutine", types.CoroutineType), ("async_generator", types.AsyncGeneratorType)]:
            made = found[name].rebuild()
            self.assertIs(type(made), kind)
            code = getattr(made, {"coroutine": "cr_code", "async_generator": "ag_code"}.get(name, "gi_code"))
            self.assertTrue(code.co_name in ("numbers", "<genexpr>", "outer", "waits", "ticks"), code)
        made = found["generator"].rebuild()
        self.assertEqual((inspect.getgeneratorstate(made), made.gi_frame.f_locals["local_in_generator"], made.gi_frame.f_lineno),
                         (inspect.GEN_SUSPENDED, ["held"], facts["lines"]["generator"]))
        self.assertIs(found["delegating"].rebuild().gi_yieldfrom, found["inner"].rebuild())
        # what comes next is code of the program, which does not run
        self.assertRaises(heapsake.Refused, next, made)

    @of("c3")
    def test_c3_matches_singletons_views_frames_and_tracebacks(self, found, facts):
        match = found["match"]
        self.assertEqual([list(span) for span in match.attributes["spans"].rebuild()], facts["spans"])
        self.assertEqual((match.attributes["string"].value, match.attributes["re"].attributes["pattern"].value), ("hello wide world", r"(\w+) (?P<second>\w+)( never)?"))
        self.assertEqual(match.attributes["re"].attributes["groupindex"].rebuild(), {"second": 2})
        self.assertEqual((found["ellipsis"].address, found["singleton"].address), (facts["ellipsis"], facts["not"]))
        self.assertIs(found["ellipsis"].rebuild(), Ellipsis)
        self.assertIs(found["singleton"].rebuild(), NotImplemented)
        for name in ("keys", "values", "items"):
            self.assertEqual(found[name].attributes["mapping"].address, facts["mapping"])
            self.assertEqual(found[name].attributes["mapping"], found["mapping"])
        self.assertEqual([key.address for key, _ in found["mapping"].items], facts["keys"])
        self.assertEqual([value.address for _, value in found["mapping"].items], facts["values"])
        mapping = found["mapping"].rebuild()
        self.assertEqual([sorted(map(str, found[name].rebuild())) for name in ("keys", "values", "items")],
                         [sorted(map(str, each)) for each in (mapping.keys(), mapping.values(), mapping.items())])
        frame = found["frame"]
        self.assertEqual([frame.attributes["f_lineno"].value, frame.attributes["f_code"].address, frame.attributes["f_globals"].address],
                         [facts["frame line"], facts["frame code"], facts["frame globals"]])
        self.assertEqual({key.value: value.rebuild() for key, value in frame.attributes["f_locals"].items}, {"number": 3, "held": {"number": 3}})
        trace = found["traceback"]
        self.assertEqual([trace.attributes["tb_lineno"].value, trace.attributes["tb_lasti"].value, trace.attributes["tb_frame"].address], facts["traceback"])

    @of("c13_c14_c15_c16")
    def test_c13_an_object_whose_state_never_comes(self, found, facts):
        self.assertEqual(found["sleeping"].attributes["held"].rebuild(), [1, 2])
        self.assertEqual(type(found["sleeping"].rebuild()).__name__, "Sleeping")

    @of("c13_c14_c15_c16")
    def test_c14_objects_whose_hooks_raise(self, found, facts):
        self.assertEqual([found[name].attributes["kind"].rebuild() for name in ("exiting", "interrupting")], [SystemExit, KeyboardInterrupt])
        rebuilt = found["exiting"].rebuild()
        self.assertEqual((type(rebuilt).__name__, rebuilt.kind), ("Raising", SystemExit))

    @of("c13_c14_c15_c16")
    def test_c15_an_object_that_its_state_changes(self, found, facts):
        self.assertEqual(found["changing"].attributes["calls"].value, 0)

    @of("c13_c14_c15_c16")
    def test_c16_an_object_that_refuses_and_counts(self, found, facts):
        self.assertEqual(found["unpicklable"].attributes["calls"].value, 0)
        self.assertEqual(vars(found["unpicklable"].rebuild()), {"calls": 0})


class Live(Case):
    """What belongs to a process: shown, never opened."""

    def setUp(self):
        super().setUp()
        before = sorted(os.listdir("/proc/self/fd"))
        self.addCleanup(lambda: self.assertEqual(sorted(os.listdir("/proc/self/fd")), before, "descriptors were opened"))

    def refuses(self, view, *names):
        """A stand-in has the type's name, and does nothing."""
        made = view.rebuild()
        for name in names:
            with self.assertRaises(Exception, msg=name) as told:
                getattr(made, name)()
            self.assertRegex(str(told.exception), "dump", name)
        return made

    @of("v8")
    def test_v8_compiled_formats(self, found, facts):
        for name in ("plain", "native"):
            view = found[name]
            text = view.attributes["format"].value
            self.assertEqual([text.decode() if isinstance(text, bytes) else text, view.attributes["size"].value], facts[name])
            made = view.rebuild()
            self.assertEqual((type(made), made.format if isinstance(made.format, str) else made.format.decode(), made.size), (struct.Struct, *facts[name]))

    @of("v9")
    def test_v9_databases(self, found, facts):
        connection, cursor = found["connection"], found["cursor"]
        self.assertEqual(connection.attributes["path"].value, facts["path"])
        self.assertEqual((connection.attributes["isolation_level"].value or "", connection.attributes["closed"].value), (facts["level"], False))
        self.assertEqual(connection.attributes["total_changes"].value, facts["changes"])
        self.assertEqual(cursor.attributes["connection"], connection)
        self.assertEqual(cursor.attributes["statement"].attributes["sql"].value, "select number, name from orders where number > ? order by number")
        self.assertEqual([column.items[0].value for column in cursor.attributes["description"].items], ["number", "name"])
        self.assertEqual([row.rebuild() for row in found["rows"].items], [(4, "order 4"), (5, "order 5")])
        self.assertNotIn("path", list(found["memory"].attributes))
        self.assertEqual(found["closed"].attributes["closed"].value, True)
        self.refuses(connection, "commit", "cursor", "execute")
        self.refuses(cursor, "fetchone", "execute")

    @of("v10")
    def test_v10_files_of_every_layer(self, found, facts):
        def path(title):
            return os.path.join(facts["folder"], title + ".txt")

        modes = {"raw": "rb", "buffered": "rb", "updated": "rb+", "text": "r", "written": "w", "appended": "ab", "gone": "rb"}
        for name, (descriptor, device, inode) in facts["descriptors"].items():
            view = found[name]
            raw = view
            while "fd" not in list(raw.attributes):
                raw = raw.attributes["buffer" if "buffer" in list(raw.attributes) else "raw"]
            self.assertEqual((raw.attributes["fd"].value, raw.attributes["device"].value, raw.attributes["inode"].value), (descriptor, device, inode), name)
            self.assertEqual(view.attributes["closed"].value, False)
            if name in modes:
                told = raw.attributes["name"].value if "name" in list(raw.attributes) else view.attributes["name"].value
                self.assertEqual(told, path(name))
                mode = view.attributes["mode"] if "mode" in list(view.attributes) else raw.attributes["mode"]
                self.assertEqual(mode.value, modes[name], name)
                self.assertTrue(raw.attributes["open_on"].value.startswith(path(name)), raw.attributes["open_on"].value)
        for name in ("raw", "buffered", "text", "updated", "gone"):
            self.assertEqual(found[name].attributes["position"].value, 7, name)
        self.assertEqual(found["appended"].attributes["position"].value, 7)
        self.assertEqual(found["appended"].attributes["unwritten"].value, b"seven b")
        self.assertTrue(found["buffered"].attributes["read_ahead"].value.startswith(b"789"))
        self.assertIn("(deleted)", found["gone"].attributes["raw"].attributes["open_on"].value)
        text, written = found["text"], found["written"]
        self.assertEqual([text.attributes[name].value for name in ("encoding", "errors", "newline", "line_buffering")], ["iso-8859-1", "replace", "\r\n", False])
        self.assertEqual([written.attributes[name].value for name in ("encoding", "newline")], ["utf-16", "\r\n"])
        self.assertIn("unflushed \u20ac".encode("utf-16-le"), unwritten_of(written))
        self.assertEqual(found["closed"].attributes["closed"].value, True)
        self.assertEqual(found["output"].address, found.dump.modules["sys"].attributes["stdout"].address)
        self.assertEqual(found["temporary"].attributes["name"].value, facts["temporary"])
        self.assertEqual(found["temporary"].attributes["file"].attributes["unwritten"].value, b"seven b")
        self.assertEqual(found["spooled"].attributes["_file"].attributes["position"].value, 7)
        made = found["text"].rebuild()
        self.assertEqual((made.encoding, made.errors, made.closed, made.tell()), ("iso-8859-1", "replace", False, 7))
        self.assertEqual(found["buffered"].rebuild().tell(), 7)
        self.refuses(found["buffered"], "read", "close", "seek")
        made = self.refuses(found["written"], "flush", "readline", "close")
        self.assertEqual((made.fileno(), made.writable(), made.readable()), (facts["descriptors"]["written"][0], True, False))

    @of("v11")
    def test_v11_sockets(self, found, facts):
        inet, stream, datagram, unix = facts["constants"]
        for name, (local, remote, descriptor) in facts["addresses"].items():
            view = found[name]
            family, kind = (unix, stream) if name == "unix" else (inet, datagram if name == "udp" else stream)
            told = [view.attributes[each].value for each in ("family", "type", "fd", "closed")]
            self.assertEqual((told[0], told[1] & 15, told[2], told[3]), (family, kind, descriptor, False), name)
            laddr = view.attributes["laddr"].rebuild()
            self.assertEqual(list(laddr) if name != "unix" else laddr, local, name)
            if remote is not None:
                self.assertEqual(list(view.attributes["raddr"].rebuild()), remote, name)
        states = {name: found[name].attributes["status"].value for name in ("listening", "connected", "accepted", "unix")}
        self.assertRegex(states["listening"], "(?i)listen")
        self.assertRegex(states["connected"], "(?i)established")
        self.assertEqual((found["connected"].attributes["timeout"].value, found["closed"].attributes["closed"].value), (2.5, True))
        self.assertRegex(found["left"].attributes["status"].value, "(?i)connected|established")
        made = self.refuses(found["listening"], "accept", "recv", "close")
        self.assertEqual(list(made.getsockname()), facts["addresses"]["listening"][0])
        self.assertEqual(list(found["connected"].rebuild().getpeername()), facts["addresses"]["connected"][1])
        self.assertEqual((found["connected"].rebuild().gettimeout(), found["connected"].rebuild().fileno()), (2.5, facts["addresses"]["connected"][2]))

    @of("v12")
    def test_v12_polls(self, found, facts):
        registered = [[each.items[0].value, each.items[1].value] for each in found["epoll"].attributes["registered"].items]
        # the kernel adds errors and the other side's end to every mask
        self.assertEqual(sorted([descriptor, mask & ~(select.EPOLLERR | select.EPOLLHUP)] for descriptor, mask in registered), sorted(facts["masks"]))
        self.assertEqual((found["epoll"].attributes["fd"].value, found["epoll"].attributes["closed"].value), (facts["fd"], False))
        self.assertEqual({key.value: value.value for key, value in found["poll"].attributes["registered"].items}, {fd: mask & 7 for fd, mask in facts["masks"]})
        key, entry = found["selector"].attributes["_fd_to_key"].items[0]
        self.assertEqual((key.value, entry.rebuild().events, entry.rebuild().data), (facts["selected"], 1, "what is read"))
        self.refuses(found["epoll"], "poll", "close")
        self.refuses(found["poll"], "poll")

    @of("v22")
    def test_v22_processes_threads_and_executors(self, found, facts):
        running, finished = found["running"], found["finished"]
        self.assertEqual([running.attributes["pid"].value, raw_of(running.attributes["stdin"]).attributes["fd"].value, raw_of(running.attributes["stdout"]).attributes["fd"].value],
                         facts["running"])
        self.assertEqual((running.attributes["returncode"].value, finished.attributes["returncode"].value, finished.attributes["pid"].value), (None, 3, facts["finished"]))
        alive, over, waiting = found["alive"], found["over"], found["waiting"]
        self.assertEqual([alive.attributes["_ident"].value, alive.attributes["_native_id"].value], facts["alive"])
        self.assertEqual((alive.attributes["_target"].address, alive.attributes["_args"].rebuild(), alive.attributes["_name"].value), (facts["report"], (4,), "alive"))
        self.assertEqual([each.rebuild().is_alive() for each in (alive, over, waiting)], [True, False, False])
        thread = next(thread for thread in found.dump.threads if thread.name == "alive")
        self.assertEqual((thread.object, thread.ident, thread.native_id), (alive, *facts["alive"]))
        self.assertEqual([future.address for future in found["futures"].items], facts["work"])
        self.assertEqual([future.attributes["_state"].value for future in found["futures"].items], ["RUNNING", "PENDING", "PENDING"])
        pending = found["executor"].attributes["_work_queue"].items
        self.assertEqual([item.attributes["future"].address for item in pending], facts["work"][1:])
        self.assertEqual(found["folder"].attributes["name"].value, facts["folder"])
        self.refuses(running, "kill", "wait")
        self.refuses(alive, "start")
        self.refuses(found["executor"], "shutdown")


def raw_of(view):
    while "fd" not in list(view.attributes):
        view = view.attributes["buffer" if "buffer" in list(view.attributes) else "raw"]
    return view


def unwritten_of(view):
    """The bytes that a text file has not written yet, wherever they wait."""
    found = b""
    for kind, name, target in view.edges:
        if name == "pending_bytes":
            parts = [target.value] if target.value is not None else [item.value for item in target.items]
            found += b"".join(part if isinstance(part, bytes) else part.encode("utf-16-le") for part in parts)
    buffer = view.attributes["buffer"]
    return found + (buffer.attributes["unwritten"].value if "unwritten" in list(buffer.attributes) else b"")


class References(Case):
    @of("v13")
    def test_v13_weak_references(self, found, facts):
        def referent(name):
            return next(target.address for kind, label, target in found[name].edges if kind == "weak")

        for name, target in [("with_callback", "alive"), ("proxy", "alive"), ("callable_proxy", "called"), ("weakly", "only")]:
            self.assertEqual(referent(name), facts[target], name)
        callback = next((kind, target.address) for kind, label, target in found["with_callback"].edges if label == "callback")
        self.assertEqual((callback[0] != "weak", callback[1]), (True, facts["gone"]))
        self.assertEqual([target.type_name for kind, _, target in found["dead"].edges if kind == "weak" and target.type_name != "NoneType"], [])
        only = found.object_at(facts["only"])
        self.assertEqual((only.type_name, only.attributes["name"].value), ("__main__.Target", "weakly held only"))
        # that nothing else holds it is to be seen
        self.assertEqual({kind for holder in only.referrers for kind, _, target in holder.edges if target == only}, {"weak"})
        self.assertEqual(only.path_from_root()[-2][1], found["weakly"])
        values_of, keys_of, set_of = (found[name].rebuild() for name in ("values", "keys", "weak_set"))
        self.assertEqual(sorted((key, value.name) for key, value in values_of.items()), [("a", "alive"), ("c", "called")])
        self.assertEqual([(key.name, value) for key, value in keys_of.items()], [("key", "value")])
        self.assertEqual(sorted(each.name for each in set_of), ["alive", "key"])
        self.assertEqual((len(values_of), len(keys_of), len(set_of), values_of["a"].name), (2, 1, 2, "alive"))
        self.assertIs(found["with_callback"].rebuild()(), found["alive"].rebuild())
        self.assertIsNone(found["dead"].rebuild()())

    @of("v14")
    def test_v14_values_of_every_thread(self, found, facts):
        local = found["local"]
        told = {}
        for kind, label, target in local.edges:
            if str(label).startswith("__dict__"):
                value = {key.value: each for key, each in target.items}["value"]
                told[str(label)] = value
        self.assertEqual(len(told), 3, told)
        for number, (ident, address) in facts["locals"].items():
            value = told["__dict__ of thread %d" % ident if int(number) else "__dict__"]
            self.assertEqual((value.address, values(value)), (address, ["of thread", int(number)]))
        self.assertEqual((local.attributes["value"].rebuild(), local.attributes["__thread__"].value), (["of thread", 0], facts["locals"]["0"][0]))

    @of("v15")
    def test_v15_mapped_memory_and_views(self, found, facts):
        anonymous, mapped = found["anonymous"], found["mapped"]
        self.assertEqual((anonymous.payload[:5], len(anonymous.payload), anonymous.attributes["pos"].value), (b"hello", 8192, 3))
        self.assertEqual((mapped.payload, mapped.attributes["offset"].value, mapped.attributes["size"].value), (bytes(range(256)) * 16, facts["offset"], 4096))
        self.assertEqual(mapped.attributes["path"].value, facts["path"])
        for name in ("strided", "shaped"):
            view = found[name]
            told = [view.attributes["ndim"].value, list(view.attributes["shape"].rebuild()), list(view.attributes["strides"].rebuild()), view.attributes["format"].value]
            self.assertEqual(told, facts[name])
            self.assertEqual(view.attributes["obj"].address, facts["base"])
        self.assertEqual((anonymous.rebuild().size(), anonymous.rebuild().tell()), (8192, 3))
        self.assertEqual(found["over_bytes"].attributes["obj"].value, b"seen through")
        self.assertEqual(found["of_map"].attributes["obj"].address, facts["anonymous"])
        self.assertEqual(bytes(found["base"].rebuild()), bytes(range(48)))
        self.assertEqual(bytes(found["over_bytes"].rebuild()), b"seen through")

    @of("v16")
    def test_v16_objects_that_lie(self, found, facts):
        for name, address in zip(("hostile", "liar", "shadowed"), facts["kinds"]):
            view = found[name]
            self.assertEqual((view.type.address, view.attributes["inside"].value, view.type_name), (address, "attribute", "__main__." + name.capitalize()))
            made = view.rebuild()
            self.assertEqual((type(made).__name__, made.inside), (name.capitalize(), "attribute"))

    @of("v17")
    def test_v17_an_object_by_its_logged_address(self, found, facts):
        address = facts["address"]
        self.assertEqual(found.dump.at(address), found["logged"])
        self.assertIsNone(found.dump.at(address + 1))
        shown = run(*command(), "inspect", found.dump.path, "object:%#x" % address)
        self.assertIn("the log", shown.stdout, shown.stderr)
        told = subprocess.run([*command(), "debug", found.dump.path], input="object %#x found\np found['in']\nobject %#x\nq\n" % (address, address + 1), stdout=subprocess.PIPE,
                              universal_newlines=True, timeout=120, cwd="/").stdout
        self.assertIn("{'in': 'the log'}", told)
        self.assertIn("'the log'\n", told)
        self.assertIn("no object of the dump begins at %#x" % (address + 1), told)


class Facts(Case):
    @of("v18")
    def test_v18_what_the_header_says(self, found, facts):
        header = found.dump.header
        for name in ("argv", "executable", "path", "platform", "hexversion"):
            self.assertEqual(header[name], facts[name], name)
        self.assertEqual({name: header["flags"][name] for name in facts["flags"]}, facts["flags"])
        self.assertEqual(header["build"], facts["build"])
        self.assertIn(facts["host"], header["uname"])
        environment = header["environ"]
        self.assertEqual(environment["OF_THE_TEST"], "plain value")
        self.assertNotIn("hush-hush", str(environment) + str(header))
        self.assertIn("SECRET_TOKEN", environment)
        self.assertEqual(header["gc"]["enabled"], facts["gc"])
        self.assertEqual(header["pid"], self.program.pid)
        self.assertTrue(facts["time"] - 1 <= header["dump_time"] <= facts["time"] + 120)
        self.assertEqual(header["reason"], "on demand")
        # from 3.15 on the module has none until somebody asks
        self.assertEqual(header["module_versions"].get("json"), vars(json).get("__version__"))
        main = found.dump.threads[0]
        self.assertEqual((main.name, main.ident, main.native_id), ("MainThread", facts["ident"], facts["native"]))
        self.assertTrue(all(thread.name and thread.native_id for thread in found.dump.threads))
        self.assertEqual({"setter-1", "setter-2", "alive"} - {thread.name for thread in found.dump.threads}, set())
        self.assertIsInstance(found.dump.notes, list)

    @of("v19")
    def test_v19_exceptions(self, found, facts):
        refusing, contextual = found["refusing"], found["contextual"]
        self.assertEqual((refusing.type_name, refusing.attributes["args"].rebuild(), refusing.attributes["code"].value), ("__main__.Refusing", ("second",), 7))
        self.assertEqual(refusing.attributes["__cause__"].address, facts["cause"])
        self.assertEqual((contextual.attributes["__context__"].address, contextual.attributes["__context__"].attributes["filename"].value), (facts["context"], "a file"))
        made = refusing.rebuild()
        self.assertEqual((type(made).__name__, made.args, made.code, made.__cause__.args, made.__traceback__.tb_lineno), ("Refusing", ("second",), 7, ("first",), facts["line"]))
        self.assertEqual((contextual.rebuild().__context__.errno, contextual.rebuild().__suppress_context__, made.__suppress_context__), (2, False, True))
        self.assertIsInstance(made, Exception)
        if "group" in found.views:
            inner = found["group"].attributes["exceptions"]
            self.assertEqual([each.type_name for each in inner.items], ["__main__.Refusing", "TypeError"])
            self.assertEqual(inner.items[0], refusing)
            self.assertEqual(refusing.attributes["__notes__"].rebuild(), ["a note"])
            self.assertIs(found["group"].rebuild().exceptions[0], made)

    @of("v20")
    def test_v20_an_object_that_cannot_show_itself(self, found, facts):
        view = found["unprintable"]
        self.assertEqual((view.type_name, view.attributes["inside"].value), ("__main__.Unprintable", "attribute"))
        self.assertIn("Unprintable", repr(view))
        self.assertRegex(repr(view.rebuild()), "__main__.Unprintable object at 0x.*inside='attribute'")
        told = subprocess.run([*command(), "debug", found.dump.path], input="object %#x\nq\n" % view.address, stdout=subprocess.PIPE,
                              universal_newlines=True, timeout=120, cwd="/").stdout
        self.assertIn("Unprintable object at", told)

    @of("v21")
    def test_v21_sources(self, found, facts):
        first, second, missing, changed = facts["paths"]
        dump = found.dump
        self.assertIn("here = 'first'", dump.source(first))
        self.assertTrue(dump.source(second).startswith("# another file of the same name"))
        self.assertIsNone(dump.source(missing))
        self.assertIn("not there", dump.source_problem(missing))
        self.assertIn("changed", dump.source_problem(changed))
        self.assertEqual([dump.source_problem(path) for path in (first, second)], ["", ""])
        for name, path, text in [("first", first, "here = 'first'"), ("second", second, "here = 'second'")]:
            frame = found[name].attributes["gi_frame"]
            self.assertEqual(frame.attributes["f_code"].attributes["co_filename"].value, path)
            lines = dump.source(path).splitlines()
            self.assertIn("yield here", lines[frame.attributes["f_lineno"].value - 1])


if __name__ == "__main__":
    unittest.main()
