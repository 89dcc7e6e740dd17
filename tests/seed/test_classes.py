"""Classes and their instances: T67 to T78, T88 to T90, T104 to T106, T108."""
import abc
import fractions

import opened

import heapsake
from opened import edge, edge_kind


class ClassesOfADump(opened.Theme):
    program = "classes.py"

    def text(self, view, name):
        return view.attributes[name].value

    def entries(self, cls):
        return {key.value: value for key, value in edge(cls, "__dict__").items}

    def test_t67_class_local_to_a_function(self):
        for case in self.each("t67_class_local_to_a_function"):
            local, derived = case["Local"], case["Derived"]
            self.assertEqual([self.text(local, name) for name in ("__name__", "__module__", "__qualname__", "__doc__")],
                             ["Local", "__main__", case.said["qualname"], "Doc of Local."])
            self.assertEqual(sorted(self.entries(local)), case.said["dict"])
            self.assertEqual(list(derived.attributes["__bases__"].items), [local])
            self.assertEqual(case["instance"].type, derived)
            made, made_derived = case.again("Local"), case.again("Derived")
            self.assertEqual((made.__name__, made.__module__, made.__qualname__, made.level), ("Local", "__main__", case.said["qualname"], ["class attribute"]))
            self.assertEqual((made_derived.__mro__[:2], type(case.again("instance"))), ((made_derived, made), made_derived))
            for cls, names in ((made, "names"), (made_derived, "derived")):
                self.assertEqual(sorted(dir(cls)), case.said[names])
            self.assertEqual(case["instance"].rebuild(code=True).method(), ["class attribute"])
            self.assertEqual(case["Derived"].rebuild(code=True).static(), "static")

    def test_t68_slots(self):
        for case in self.each("t68_slots"):
            instance, made = case["instance"], case.again("instance")
            self.assertEqual((self.text(instance, "one"), instance.attributes["two"].items[0].value), (1, "two"))
            self.assertNotIn("unset", instance.attributes)
            self.assertIsNone(edge(instance, "__dict__"))
            self.assertEqual((made.one, made.two), (1, ["two"]))
            with self.assertRaises(AttributeError):
                made.unset
            self.assertIn("unset", dir(made))

    def test_t69_slots_and_a_dict(self):
        for case in self.each("t69_slots_and_a_dict"):
            instance, made = case["instance"], case.again("instance")
            names = edge(instance, "__dict__")
            if names is not None:  # from 3.12 on there is none until somebody asks
                self.assertEqual([key.value for key, _ in names.items], ["attribute"])
            self.assertEqual([instance.attributes[name].items[0].value for name in ("slot", "attribute")], ["slot", "dict"])
            self.assertEqual((made.slot, made.attribute, vars(made)), (["slot"], ["dict"], {"attribute": ["dict"]}))
            for name in ("slot", "attribute"):
                self.assertFalse(hasattr(case.again("only"), name))

    def test_t70_class_that_refers_to_itself(self):
        for case in self.each("t70_class_that_refers_to_itself"):
            self.assertEqual(self.entries(case["Recursive"])["itself"], case["Recursive"])
            made = case.again("Recursive")
            self.assertIs(made.itself, made)
            running = case["instance"].rebuild(code=True)
            self.assertEqual(running.again(), (type(running), 70))
            self.assertIs(running.itself, type(running))

    def test_t71_cycles_through_bases_and_proxies(self):
        for case in self.each("t71_cycles_through_bases_and_proxies"):
            proxy = self.entries(case["Base"])["of_holder"]
            self.assertEqual(proxy.type_name, "mappingproxy")
            self.assertIn(edge(case["Holder"], "__dict__"), [target for _, _, target in proxy.edges])
            self.assertEqual(self.entries(case["Base"])["subclasses"]["holder"], case["Holder"])
            base, holder = case.again("Base"), case.again("Holder")
            self.assertEqual((holder.__bases__, base.subclasses["holder"]), ((base,), holder))
            self.assertEqual(base.of_holder["__module__"], "__main__")
            self.assertIs(case.again("instance").subclasses["holder"], type(case.again("instance")))

    def test_t72_class_of_the_library(self):
        for case in self.each("t72_class_of_the_library"):
            cls, instance = case["cls"], case["instance"]
            self.assertEqual(sorted(self.entries(cls)), case.said["names"])
            self.assertEqual((cls.public_names[0], self.text(cls, "__module__"), instance.type), ("fractions.Fraction", "fractions", cls))
            self.assertEqual((self.text(instance, "_numerator"), self.text(instance, "_denominator")), (3, 7))
            self.assertIsNot(case.again("cls"), fractions.Fraction)
            self.assertEqual((case.again("cls").__module__, case.again("cls").__name__), ("fractions", "Fraction"))
            chosen = {"fractions": "fractions"}
            self.assertIs(cls.rebuild(modules=chosen), fractions.Fraction)
            made = instance.rebuild(modules=chosen)
            self.assertIs(type(made), fractions.Fraction)
            self.assertEqual(made, fractions.Fraction(3, 7))

    def test_t73_named_tuple(self):
        for case in self.each("t73_named_tuple"):
            made = case["Made"]
            self.assertEqual([item.value for item in self.entries(made)["_fields"].items], case.said["fields"])
            self.assertEqual({key.value: value.value for key, value in self.entries(made)["_field_defaults"].items}, case.said["defaults"])
            self.assertEqual([item for item in case["instance"].items][0], case["payload"])
            again = case.again("instance")
            self.assertEqual((again.left, again.middle, again.right, again[1:]), (["left"], 2, 3, (2, 3)))
            self.assertIs(again.left, case.again("payload"))
            self.assertEqual((type(again)._fields, type(again)._field_defaults), (tuple(case.said["fields"]), case.said["defaults"]))

    def test_t74_class_with_an_attribute_named_dict(self):
        for case in self.each("t74_class_with_an_attribute_named_dict"):
            odd, instance = case["Odd"], case["instance"]
            names = self.entries(odd)
            self.assertEqual((names["__dict__"].value, names["other"].items[0].value), (74, "other"))
            self.assertEqual((edge(odd, "__dict__").type_name, odd.attributes["other"]), ("dict", names["other"]))
            self.assertEqual(instance.attributes["kept"].items[0].value, "in the real one")
            self.assertEqual(case.again("instance").kept, ["in the real one"])
            self.assertEqual(case.again("Odd").other, ["other"])

    def test_t75_exception_class(self):
        for case in self.each("t75_exception_class"):
            stop, made = case["Stop"], case.again("instance")
            self.assertEqual(stop.attributes["__bases__"].items[0], case.dump.modules["builtins"]["BaseException"])
            self.assertEqual(self.text(stop, "code"), 75)
            self.assertEqual([item.value for item in case["instance"].attributes["args"].items], ["made of both"])
            self.assertIsInstance(made, BaseException)
            self.assertNotIsInstance(made, Exception)
            self.assertEqual((made.args, made.one, made.two, made.code, type(made).__qualname__),
                             (("made of both",), [1], [2], 75, "t75_exception_class.<locals>.Stop"))

    def test_t76_foreign_slot_descriptor(self):
        for case in self.each("t76_foreign_slot_descriptor"):
            foreign = self.entries(case["Borrower"])["foreign"]
            self.assertEqual((foreign.type_name, edge(foreign, "__objclass__")), ("member_descriptor", case["Owner"]))
            self.assertEqual(self.entries(case["Owner"])["slot"], foreign)
            self.assertIs(foreign.rebuild().__objclass__, case.again("Owner"))
            self.assertIs(case.again("Borrower").foreign, case.again("Owner").slot)
            self.assertEqual(vars(case.again("instance")), {})

    def test_t77_metaclass(self):
        for case in self.each("t77_metaclass"):
            self.assertEqual((case["WithMeta"].type, case["Inherits"].type), (case["LocalMeta"], case["LocalMeta"]))
            self.assertEqual(list(case["LocalMeta"].attributes["__bases__"].items), [case.dump.modules["__main__"]["Meta"]])
            self.assertEqual((self.text(case["LocalMeta"], "level"), self.text(case["instance"], "number")), (77, 5))
            made = case.again("Inherits")
            self.assertEqual((made.__mro__[1], made.attribute, made.level), (case.again("WithMeta"), ["with meta"], 77))
            self.assertEqual(case.again("LocalMeta").level, 77)
            self.assertTrue(issubclass(case.again("LocalMeta"), type))
            self.assertEqual((case.again("instance").number, type(case.again("instance"))), (5, made))
        self.assertEqual(self.after["counts"], {})

    def test_t78_abstract_base_class(self):
        for case in self.each("t78_abstract_base_class"):
            shape = case["Shape"]
            self.assertEqual(case.said["checks"], [True, True, False, False])
            data = self.entries(shape)["_abc_impl"]

            def referents(name):
                held = data.attributes[name]
                found = []
                for item in held.items if held.type_name == "set" else ():
                    self.assertEqual(edge_kind(item, "referent"), "weak")
                    found.append(edge(item, "referent"))
                return found

            self.assertEqual(referents("_abc_registry"), [case["Registered"]])
            self.assertIn(case["Square"], referents("_abc_cache"))
            self.assertIn(case["Stranger"], referents("_abc_negative_cache"))
            made = case.again("Shape")
            self.assertEqual([issubclass(case.again(name), made) for name in ("Registered", "Square", "Stranger")], [True, True, False])
            self.assertFalse(issubclass(int, made))
            self.assertIsInstance(case.again("square"), made)
            self.assertEqual(sorted(item.value for item in self.entries(shape)["__abstractmethods__"].items), ["area"])
            self.assertIsNot(type(made), abc.ABCMeta)

    def test_t88_hostile_getattr(self):
        for case in self.each("t88_hostile_getattr"):
            self.assertEqual((case["instance"].type, case["instance"].attributes["payload"].items[0].value), (case["Hostile"], "kept"))
            self.assertEqual((case["of_meta"].type, case["OfHostileMeta"].type), (case["OfHostileMeta"], case["HostileMeta"]))
            self.assertEqual((case.again("instance").payload, vars(case.again("second")), case.again("OfHostileMeta").entry), (["kept"], {}, ["entry"]))
            with self.assertRaises(AttributeError):
                case.again("instance").other
        self.assertEqual(self.after["counts"], {})

    def test_t89_hostile_getattribute(self):
        for case in self.each("t89_hostile_getattribute"):
            self.assertEqual((case["instance"].type, case["instance"].attributes["payload"].items[0].value), (case["Hostile"], "kept"))
            self.assertEqual(case["of_meta"].type, case["OfHostileMeta"])
            self.assertNotIn("payload", case["empty"].attributes)
            self.assertEqual((case.again("instance").payload, vars(case.again("empty")), case.again("OfHostileMeta").entry), (["kept"], {}, ["entry"]))
        self.assertEqual(self.after["counts"], {})

    def test_t90_object_that_is_everything(self):
        for case in self.each("t90_object_that_is_everything"):
            for instance, cls in (("instance", "Null"), ("of_meta", "NullWithMeta")):
                view = case[instance]
                self.assertEqual((view.type, view.surrogate), (case[cls], None))
                names = edge(view, "__dict__")
                self.assertEqual(0 if names is None else len(names.items), 0)
                self.assertEqual([name for name in view.attributes if name != "__dict__"], [])
                self.assertEqual(vars(case.again(instance)), {})
                self.assertIs(type(case.again(instance)), case.again(cls))
            self.assertEqual(case["NullWithMeta"].type, case["NullMeta"])
        self.assertEqual(self.after["counts"], {})

    def test_t104_class_that_is_missing(self):
        for case in self.each("t104_class_that_is_missing"):
            made = case.again("instance")
            self.assertEqual((type(made).__qualname__, type(made).__module__, made.number), ("t104_class_that_is_missing.<locals>.Missing", "__main__", 104))
            with self.assertRaisesRegex(heapsake.Refused, "comes from a dump"):
                type(made)(1)
            self.assertIn("Missing", repr(made))
            # and one that stands for what is not there says so
            missing = case["instance"].rebuild(modules={"__main__": "no_such_program_of_heapsake"})
            del self.detector.names[:]
            self.assertIn("surrogate of __main__.t104_class_that_is_missing.<locals>.Missing", repr(missing))
            self.assertIn("no_such_program_of_heapsake", repr(missing))
            self.assertEqual((type(missing).__qualname__, type(missing).__module__, missing.number), (type(made).__qualname__, "__main__", 104))

    def test_t105_subclasses_of_containers(self):
        for case in self.each("t105_subclasses_of_containers"):
            mapping, sequence = case.again("mapping"), case.again("sequence")
            self.assertEqual({key.value: value.items[0].value for key, value in case["mapping"].items}, {"one": 1, "two": 2})
            self.assertEqual((dict(mapping), mapping["one"], len(mapping), mapping.extra), ({"one": [1], "two": [2]}, [1], 2, ["attribute"]))
            self.assertEqual((list(sequence), sequence[1], len(sequence), sequence.extra), (["a", ["b"]], ["b"], 2, ["attribute"]))
            self.assertIs(mapping.extra, sequence.extra)
            self.assertIsInstance(mapping, dict)
            self.assertIsInstance(sequence, list)
            sequence.extend(["more"])
            mapping["more"] = 3
            self.assertEqual((sequence[2], len(mapping)), ("more", 3))

    def test_t106_class_and_subclass_that_are_missing(self):
        for case in self.each("t106_class_and_subclass_that_are_missing"):
            upper, lower = case.again("upper"), case.again("lower")
            self.assertEqual((upper.needed, lower.needed), ((1,), (2,)))
            self.assertEqual(type(lower).__bases__, (type(upper),))
            self.assertIsInstance(lower, type(upper))
            self.assertEqual([type(each).__qualname__ for each in (upper, lower)],
                             ["t106_class_and_subclass_that_are_missing.<locals>." + name for name in ("Upper", "Lower")])
        self.assertEqual(self.after["counts"], {})



    def test_t108_state_that_blocks_for_ever(self):
        for case in self.each("t108_state_that_blocks_for_ever"):
            instance, made = case["instance"], case.again("instance")
            self.assertEqual((instance.type, instance.surrogate), (case["Blocks"], None))
            self.assertEqual((instance.attributes["kept"].items[0].value, instance.attributes["me"]), ("kept", instance))
            self.assertEqual((made.kept, made.me is made), (["kept"], True))
        self.assertNotIn("Blocks.__getstate__", self.after["counts"])
