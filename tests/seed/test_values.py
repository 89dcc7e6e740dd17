"""Types as values, locks, ranges, proxies, descriptors, buffers, weak references, super: T38, T39, T43, T50 to T66, T83."""
import builtins
import collections
import io
import types
import weakref

import opened

import heapsake
from opened import edge, edge_kind

#: the flag of classes that a program made
HEAP = 1 << 9


class Values(opened.Theme):
    program = "values.py"

    def text(self, view, name):
        return view.attributes[name].value

    def test_t38_type_and_a_metaclass(self):
        for case in self.each("t38_type_and_a_metaclass"):
            of_all, meta = case["of_all"], case["meta"]
            self.assertEqual((of_all.type_name, of_all.type, self.text(of_all, "__name__")), ("type", of_all, "type"))
            self.assertFalse(self.text(of_all, "__flags__") & HEAP)
            self.assertIs(case.again("of_all"), type)
            self.assertEqual((meta.type, self.text(meta, "__qualname__"), self.text(meta, "__module__"), self.text(meta, "level")),
                             (of_all, "Meta", "__main__", 3))
            self.assertEqual(list(meta.attributes["__bases__"].items), [of_all])
            made = case.again("meta")
            self.assertTrue(issubclass(made, type))
            self.assertEqual((made.__name__, made.__module__, made.level), ("Meta", "__main__", 3))
        self.assertEqual(self.after["counts"], {})

    def test_t39_locks(self):
        for case in self.each("t39_locks"):
            self.assertEqual([self.text(case[name], "locked") for name in ("free", "held")], [False, True])
            self.assertEqual([case.again(name).locked() for name in ("free", "held")], [False, True])
            for name in ("free", "held"):
                self.assertEqual(type(case.again(name)).__qualname__, "lock")
                with self.assertRaises(heapsake.Refused):
                    case.again(name).acquire()
            self.assertEqual((self.text(case["reentrant"], "owner"), self.text(case["reentrant"], "count")), (case.said["owner"], 3))
            self.assertEqual((self.text(case["untaken"], "owner"), self.text(case["untaken"], "count")), (None, 0))
            waiters = list(case["condition"].attributes["_waiters"].items)
            self.assertEqual(len(waiters), case.said["waiters"])
            self.assertEqual([self.text(waiter, "locked") for waiter in waiters], [True])
            thread = next(thread for thread in case.dump.threads if thread.name == "waiting")
            self.assertEqual(thread.waits_for.object, case["condition"])

    def test_t43_built_in_types(self):
        for case in self.each("t43_built_in_types"):
            views, told = self.views[case.how], case.said["types"]
            self.assertGreater(len(told), 120)
            for name, (address, module, qualified, static) in told.items():
                view = views[address]
                self.assertEqual((self.text(view, "__qualname__"), self.text(view, "__module__"), view.surrogate), (qualified, module, None), name)
                self.assertEqual(not self.text(view, "__flags__") & HEAP, static, name)
                here, _, attribute = name.partition(".")
                self.assertEqual(case.dump.modules[here][attribute], view, name)
            for name in ("int", "list", "dict", "ValueError", "OSError", "property"):
                self.assertIs(case.dump.modules["builtins"][name].rebuild(), getattr(builtins, name))

    def test_t50_range(self):
        for case in self.each("t50_range"):
            value, long = case["value"], case["long"]
            self.assertEqual([self.text(value, name) for name in ("start", "stop", "step", "length")], [4, 10, 2, 3])
            self.assertEqual([self.text(long, name) for name in ("start", "stop", "step", "length")], [-2 ** 70, 2 ** 70, 2 ** 65, 64])
            self.assertEqual((case.again("value"), case.again("long")), (range(4, 10, 2), range(-2 ** 70, 2 ** 70, 2 ** 65)))

    def test_t51_range_iterator(self):
        for case in self.each("t51_range_iterator"):
            self.assertEqual((case["short"].type_name, case["long"].type_name), ("range_iterator", "longrange_iterator"))
            for local, expected in (("short", [10, 13, 16, 19]), ("long", list(range(2 ** 67, 2 ** 70, 2 ** 66))), ("done", [])):
                self.assertEqual(list(case.again(local)), expected, local)

    def test_t52_dict_proxy(self):
        for case in self.each("t52_dict_proxy"):
            proxy = case["proxy"]
            self.assertEqual(proxy.type_name, "mappingproxy")
            entries = {key.value: value for key, value in proxy.items}
            self.assertEqual(sorted(entries), case.said["keys"])
            names = edge(case["cls"], "__dict__")
            self.assertEqual(entries, {key.value: value for key, value in names.items})
            self.assertIn(names, [target for _, _, target in proxy.edges])
            made = case.again("proxy")
            self.assertIs(type(made), types.MappingProxyType)
            self.assertEqual((sorted(made), made["entry"]), (case.said["keys"], ["of the class"]))

    def test_t53_proxies_of_other_things(self):
        for case in self.each("t53_proxies_of_other_things"):
            slotted = case.dump.modules["__main__"]["Slotted"]
            self.assertEqual(sorted(key.value for key, _ in case["of_slotted"].items), case.said["keys"])
            self.assertIn(edge(slotted, "__dict__"), [target for _, _, target in case["of_slotted"].edges])
            self.assertIn(case["names"], [target for _, _, target in case["of_dict"].edges])
            self.assertEqual(case.again("of_dict")["plain"], ["dict"])
            self.assertIs(case.again("of_dict")["plain"], case.again("names")["plain"])
            self.assertEqual(sorted(case.again("of_slotted")), case.said["keys"])

    def test_t54_slot_descriptor(self):
        for case in self.each("t54_slot_descriptor"):
            for local, name, offset in (("descriptor", "first", "offset"), ("second", "second", "second")):
                view = case[local]
                self.assertEqual((view.type_name, self.text(view, "__name__"), edge(view, "__objclass__")), ("member_descriptor", name, case["Local"]))
                self.assertEqual(self.text(view, "offset"), case.said[offset])
            self.assertEqual(type(case.again("descriptor")).__qualname__, "member_descriptor")
            self.assertEqual(case.again("descriptor").__name__, "first")

    def test_t55_getset_descriptor(self):
        for case in self.each("t55_getset_descriptor"):
            # from 3.15 on all classes have those of object
            owner = case.dump.modules["builtins" if case.said["owner"] == "object" else "__main__"][case.said["owner"]]
            for local, name in (("descriptor", "__weakref__"), ("of_dict", "__dict__")):
                self.assertEqual((case[local].type_name, self.text(case[local], "__name__"), edge(case[local], "__objclass__")),
                                 ("getset_descriptor", name, owner))
                self.assertEqual(case.again(local).__name__, name)

    def built_in(self, case, **types):
        for local, name in types.items():
            view = case[local]
            self.assertEqual((view.kind, self.text(view, "__name__"), view.surrogate), ("type", name, None))

    def test_t56_types_of_buffers(self):
        for case in self.each("t56_types_of_buffers"):
            self.built_in(case, of_bytes="BytesIO", of_text="StringIO")
            self.assertEqual([case[name].public_names[0] for name in ("of_bytes", "of_text")], ["io.BytesIO", "io.StringIO"])

    def buffers(self, case, expected):
        for local, (kind, value, position, closed) in expected.items():
            view, made = case[local], case.again(local)
            self.assertEqual((view.type_name, self.text(view, "closed")), ("_io." + kind, closed), local)
            self.assertEqual(made.closed, closed, local)
            if closed:
                with self.assertRaises(ValueError):
                    made.getvalue()
                continue
            self.assertEqual(self.text(view, "position"), position, local)
            self.assertEqual((made.getvalue(), made.tell()), (value, position), local)
            self.assertEqual(made.read(), value[position:], local)

    def test_t57_buffers_written(self):
        for case in self.each("t57_buffers_written"):
            self.buffers(case, {
                "empty": ("BytesIO", b"", 0, False), "written": ("BytesIO", b"written bytes", 13, False), "back": ("BytesIO", b"written bytes", 3, False),
                "closed": ("BytesIO", None, None, True), "text": ("StringIO", "text \u20ac", 6, False), "text_back": ("StringIO", "text \u20ac", 2, False),
                "text_closed": ("StringIO", None, None, True), "text_empty": ("StringIO", "", 0, False)})

    def test_t58_buffers_opened_on_a_value(self):
        for case in self.each("t58_buffers_opened_on_a_value"):
            self.buffers(case, {
                "initial": ("BytesIO", b"initial", 0, False), "moved": ("BytesIO", b"initial moved", 4, False), "closed": ("BytesIO", None, None, True),
                "text": ("StringIO", "opened", 0, False), "text_moved": ("StringIO", "opened and moved", 5, False),
                "text_closed": ("StringIO", None, None, True)})

    def test_t59_ordered_dict(self):
        for case in self.each("t59_ordered_dict"):
            ordered = case["ordered"]
            self.assertEqual([str(key.value) for key, _ in ordered.items], case.said["order"])
            self.assertEqual(dict((key.value, value) for key, value in ordered.items)["me"], ordered)
            made = case.again("ordered")
            self.assertIs(type(made), collections.OrderedDict)
            self.assertEqual([str(key) for key in made], case.said["order"])
            self.assertIs(made["me"], made)
            self.assertEqual(made[6], [6])

    def test_t60_types_of_weak_references(self):
        for case in self.each("t60_types_of_weak_references"):
            for local, here in (("reference", weakref.ReferenceType), ("proxy", weakref.ProxyType), ("callable_proxy", weakref.CallableProxyType)):
                self.assertEqual((self.text(case[local], "__qualname__"), self.text(case[local], "__flags__") & HEAP), (here.__qualname__, 0))
                public = {"reference": "ReferenceType", "proxy": "ProxyType", "callable_proxy": "CallableProxyType"}[local]
                self.assertIn("weakref." + public, case[local].public_names)

    def test_t61_live_weak_reference(self):
        for case in self.each("t61_live_weak_reference"):
            self.assertEqual((edge(case["reference"], "referent"), edge_kind(case["reference"], "referent")), (case["referent"], "weak"))
            self.assertEqual(case.dump.modules["__main__"]["REFERENT"], case["referent"])
            self.assertIs(case.again("reference")(), case.again("referent"))

    def test_t62_dead_weak_reference(self):
        for case in self.each("t62_dead_weak_reference"):
            self.assertTrue(case.said["dead"])
            self.assertIn(edge(case["reference"], "referent"), (None, case.dump.modules["builtins"]["None"]))
            self.assertIsNone(case.again("reference")())

    def test_t63_type_super(self):
        for case in self.each("t63_type_super"):
            self.built_in(case, value="super")
            self.assertIs(case.again("value"), super)

    def supers(self, case, thisclass, instance, cls):
        view = case["value"]
        self.assertEqual((view.type_name, edge(view, "__thisclass__"), edge(view, "__self__"), edge(view, "__self_class__")),
                         ("super", thisclass, instance, cls))
        made = case.again("value")
        self.assertEqual(type(made).__qualname__, "super")
        for name, expected in (("__thisclass__", thisclass), ("__self__", instance), ("__self_class__", cls)):
            self.assertIs(getattr(made, name), None if expected is None else expected.rebuild(), name)

    def test_t64_super_unbound(self):
        for case in self.each("t64_super_unbound"):
            self.supers(case, case.dump.modules["__main__"]["Upper"], None, None)

    def test_t65_super_of_an_object(self):
        for case in self.each("t65_super_of_an_object"):
            lower = case.dump.modules["__main__"]["Lower"]
            self.supers(case, lower, case["instance"], lower)

    def test_t66_super_of_a_class(self):
        for case in self.each("t66_super_of_a_class"):
            main = case.dump.modules["__main__"]
            self.supers(case, main["Upper"], main["Lower"], main["Lower"])

    def test_t83_buffers_with_attributes(self):
        for case in self.each("t83_buffers_with_attributes"):
            for local, value, base in (("data", b"position three", io.BytesIO), ("text", "position three", io.StringIO)):
                view, made = case[local], case.again(local)
                self.assertEqual((self.text(view, "position"), view.attributes["extra"].items[0].value), (3, "attribute"))
                self.assertEqual((made.getvalue(), made.tell(), made.extra), (value, 3, ["attribute"]))
            self.assertIs(case.again("data").extra, case.again("text").extra)
            self.assertEqual(case["plain"].attributes["extra"].items[0].value, "of a plain one")
            self.assertEqual((case.again("plain").extra, case.again("plain").getvalue()), (["of a plain one"], b"plain"))
