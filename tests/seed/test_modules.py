"""Modules and their dicts, and instances and theirs: T1 to T15, T36, T37, T79 to T81, T97."""
import os
import sys
import types

import opened

import heapsake


class Modules(opened.Theme):
    program = "modules.py"

    def text(self, view, name):
        return view.attributes[name].value

    def owner_is(self, case, instance, names, entries):
        """The dict is the instance's own: one node, and the same attributes both ways."""
        held = {key.value: value for key, value in case[names].items}
        self.assertEqual(sorted(held), sorted(entries))
        self.assertEqual({name: view for name, view in case[instance].attributes.items() if name in held}, held)
        made, made_names = case.again(instance), case.again(names)
        for name in entries:
            self.assertIs(getattr(made, name), made_names[name])

    def test_t1_instance_and_its_dict(self):
        for case in self.each("t1_instance_and_its_dict"):
            for instance, names, entries in (("instance", "of_instance", ["number", "me"]), ("later", "of_later", ["number", "me"]),
                                             ("asked", "of_asked", ["one", "two", "three"]), ("grown", "of_grown", ["one", "two", "three", "four"]),
                                             ("shrunk", "of_shrunk", ["one", "three"])):
                self.assertEqual(opened.edge(case[instance], "__dict__"), case[names], instance)
                self.owner_is(case, instance, names, entries)
                self.assertIs(case.again(instance).__dict__, case.again(names), instance)
            self.assertEqual(case["instance"].attributes["me"], case["instance"])
            self.assertEqual([item.attributes["three"].items[0].value for item in case["untouched"].items], [0, 1, 2])
            made = case["instance"].rebuild(code=True)
            self.assertEqual((made.double(), type(made).__module__, made.me is made), (10, "__main__", True))

    def test_t2_instance_of_a_metaclass_and_its_dict(self):
        for case in self.each("t2_instance_of_a_metaclass_and_its_dict"):
            for instance, names in (("instance", "of_instance"), ("second", "of_second")):
                self.assertEqual(opened.edge(case[instance], "__dict__"), case[names])
                self.owner_is(case, instance, names, ["number", "me"])
                self.assertIs(case.again(instance).__dict__, case.again(names))
            self.assertEqual(case["instance"].type.type_name, "__main__.Meta")
            self.assertEqual(case["instance"].rebuild(code=True).double(), 12)

    def test_t3_reduce_is_never_called(self):
        for case in self.each("t3_instance_that_hands_out_its_dict"):
            self.assertEqual(opened.edge(case["instance"], "__dict__"), case["of_instance"])
            self.owner_is(case, "instance", "of_instance", ["number", "me"])
            self.assertIs(case.again("instance").__dict__, case.again("of_instance"))
        self.assertNotIn("HandsOut.__reduce_ex__", self.after["counts"])

    def test_t4_module_in_a_local(self):
        for case in self.each("t4_module_in_a_local"):
            self.assertEqual((case.said["in_modules"], case.said["removed_in_modules"]), (True, False))
            for local, name, names in (("module", "shop", "names"), ("removed", "hidden", "removed_names")):
                module = case[local]
                self.assertEqual((module.type_name, self.text(module, "__name__")), ("module", name))
                self.assertEqual(os.path.basename(self.text(module, "__file__")), name + ".py")
                self.assertEqual(sorted(key.value for key, _ in opened.edge(module, "__dict__").items), case.said[names])
                made = case.again(local)
                self.assertIsInstance(made, types.ModuleType)
                self.assertEqual((made.__name__, made.__file__), (name, self.text(module, "__file__")))
                self.assertNotIn(name, sys.modules)
            self.assertEqual(case["removed"].attributes["WORD"].items[0].value, "hidden")
            self.assertEqual(case.again("removed").WORD, ["hidden"])
            self.assertEqual(case["library"], case.dump.modules["os"])
            self.assertIsNot(case.again("library"), os)

    def test_t5_module_of_the_program(self):
        for case in self.each("t5_module_of_the_program"):
            self.assertEqual(case["module"].attributes["stock"], case["second"])
            self.assertEqual(opened.edge(case["function"], "__globals__"), opened.edge(case["module"], "__dict__"))
            made = case["module"].rebuild(code=True)
            self.assertIs(made.stock, case["second"].rebuild(code=True))
            self.assertEqual(made.price(2), case.said["result"])
            self.assertEqual(case["counter"].rebuild(code=True).step(3), 7)
            with self.assertRaises(heapsake.Refused):
                case.again("function")(2)

    def test_t6_strange_module(self):
        for case in self.each("t6_strange_module"):
            module = case["module"]
            self.assertEqual(module.type_name, "__main__.StrangeModule")
            self.assertEqual(module.type.attributes["__bases__"].items[0].attributes["__name__"].value, "module")
            self.assertEqual((self.text(module, "__name__"), self.text(module, "__doc__")), ("strange", "With hooks."))
            self.assertEqual(module.attributes["held"].items[0].value, "strange")
            self.assertEqual(case.dump.modules["strange"], module)
            self.assertEqual(module["held"], module.attributes["held"])
            self.assertEqual(case.again("module").held, ["strange"])
            self.assertEqual(type(case.again("module")).__qualname__, "StrangeModule")

    def test_t7_module_made_at_run_time(self):
        for case in self.each("t7_module_made_at_run_time"):
            self.assertEqual((self.text(case["alone"], "__name__"), self.text(case["alone"], "__doc__")), ("nowhere.alone", "Made at run time."))
            self.assertEqual(case["alone"].attributes["data"].items[0].value, "alone")
            self.assertEqual(case["alone"].attributes["twice"], case["function"])
            self.assertNotIn("nowhere.alone", case.dump.modules)
            self.assertEqual(opened.edge(case["both"], "__dict__"), case["both_names"])
            self.assertEqual(case["names_first"]["__name__"].value, "nowhere.names")
            made = case.again("alone")
            self.assertEqual((made.__name__, made.data, type(case.again("instance")).__module__), ("nowhere.alone", ["alone"], "nowhere.alone"))
            self.assertEqual(case["function"].rebuild(code=True)(4), 9)
            self.assertEqual([name for name in sys.modules if name.startswith("nowhere")], [])

    def test_t8_both_names_of_a_module(self):
        for case in self.each("t8_module_with_another_name"):
            self.assertEqual(self.text(case["module"], "__name__"), "another.name")
            self.assertEqual(case.dump.modules["renamed"], case["module"])
            self.assertNotIn("another.name", case.dump.modules)
            self.assertEqual(case.again("module").__name__, "another.name")
            self.assertEqual(case.again("module").MARK, ["renamed"])

    def test_t9_names_are_mapped(self):
        for case in self.each("t9_names_to_map"):
            def mapped(local):
                return case[local].rebuild(names={"firm": "archive.old"})

            module = mapped("module")
            self.assertEqual((module.__name__, module.__package__, module.firm.__name__), ("archive.old.books", "archive.old", "archive.old"))
            self.assertIs(module.firm, mapped("package"))
            book, page = mapped("book"), mapped("page")
            self.assertEqual((type(book).__module__, type(book).__qualname__, book.title), ("archive.old.books", "Book", "kept"))
            self.assertEqual((type(page).__module__, type(page).__qualname__), ("archive.old.books", "Book.Page"))
            self.assertIs(module.Book, type(book))
            self.assertEqual(mapped("read").__module__, "archive.old.books")
            self.assertEqual(mapped("beside").__name__, "firmament")
            # one name alone, and the nearest prefix before a farther one
            both = case["book"].rebuild(names={"firm.books": "ledger", "firm": "archive"})
            self.assertEqual(type(both).__module__, "ledger")
            for wrong in ({"names": {"firm": 1}}, {"names": {1: "firm"}}, {"modules": {"firm": 1}}, {"module": {}}):
                with self.assertRaises(TypeError, msg=wrong):
                    case["book"].rebuild(**wrong)
            # the dump, and what is rebuilt without a mapping, stay as they were
            self.assertEqual(case["book"].type_name, "firm.books.Book")
            self.assertEqual(type(case.again("book")).__module__, "firm.books")
            self.assertEqual(case.again("module").__package__, "firm")

    def test_t10_modules_made_at_run_time_are_mapped(self):
        for case in self.each("t10_made_at_run_time_to_map"):
            names = {"elsewhere": "somewhere"}
            self.assertEqual(case["module"].rebuild(names=names).__name__, "somewhere.gone")
            self.assertEqual(case["names"].rebuild(names=names)["Inner"].__module__, "somewhere.gone")
            self.assertEqual(type(case["instance"].rebuild(names=names)).__module__, "somewhere.gone")
            # bound to a module that is not there: marked, no ImportError
            missing = {"elsewhere.gone": "no_such_module_of_heapsake.inner"}
            for local in ("module", "function", "instance"):
                made = case[local].rebuild(modules=missing)
                self.assertIn("no_such_module_of_heapsake", repr(made), local)
                self.assertIn("surrogate", repr(made), local)
            self.assertEqual([name for name in self.detector.names if not name.startswith("no_such_module_of_heapsake")], [])
            del self.detector.names[:]

    def test_t11_path_module_is_bound_by_mapping(self):
        for case in self.each("t11_path_module"):
            self.assertEqual(self.text(case["module"], "__name__"), "posixpath")
            self.assertEqual(case["module"], case.dump.modules["posixpath"])
            self.assertEqual(case["module"], case.dump.modules["os.path"])
            self.assertIsNot(case.again("module"), os.path)
            self.assertIs(case["module"].rebuild(modules={"posixpath": "os.path"}), os.path)
            self.assertIs(case["module"].rebuild(modules={"posixpath": os.path}), os.path)
            # as one would open it on another platform
            import ntpath
            self.assertIs(case["module"].rebuild(modules={"posixpath": "ntpath"}), ntpath)
            del self.detector.names[:]

    def test_t12_path_function_is_bound_by_mapping(self):
        for case in self.each("t12_path_join"):
            join = case["join"]
            self.assertEqual((self.text(join, "__name__"), self.text(join, "__module__")), ("join", "posixpath"))
            self.assertEqual(join, case.dump.modules["posixpath"]["join"])
            self.assertIs(join.rebuild(modules={"posixpath": "os.path"}), os.path.join)
            with self.assertRaises(heapsake.Refused):
                case.again("join")("a", "b")

    def test_t14_module_dict_before_its_module(self):
        for case in self.each("t14_module_dict"):
            for names, module, name in (("of_shop", "module", "shop"), ("of_library", "library", "os")):
                self.assertEqual(opened.edge(case[module], "__dict__"), case[names])
                made = case.again(names)
                self.assertEqual(made["__name__"], name)
                self.assertIs(case.again(module).__dict__, made)
            self.assertEqual(case.again("module").TILL, case.again("of_shop")["TILL"])
            self.assertIs(case.again("module").TILL, case.again("of_shop")["TILL"])

    def test_t15_dict_of_a_made_module(self):
        for case in self.each("t15_dict_of_a_made_module"):
            self.assertEqual(opened.edge(case["module"], "__dict__"), case["names_after"])
            self.assertIs(case.again("module").__dict__, case.again("names_after"))
            self.assertEqual(opened.edge(case["function"], "__globals__"), case["names_first"])
            self.assertIs(case.again("function").__globals__, case.again("names_first"))

    def test_t36_modules_dict(self):
        for case in self.each("t36_modules_dict"):
            found = {key.value: value for key, value in case["modules"].items}
            self.assertEqual(sorted(found), self.told["modules"])
            self.assertEqual({name: view.address for name, view in found.items()}, self.told["addresses"])
            self.assertEqual({name: case.dump.modules[name] for name in found}, found)
            self.assertEqual(case.dump.modules["sys"].attributes["modules"], case["modules"])
            self.assertIsNot(case.again("modules"), sys.modules)

    def test_t37_builtins_dict(self):
        for case in self.each("t37_builtins_dict"):
            self.assertTrue(case.said["same"])
            self.assertEqual(case["of_builtins"], case["of_frame"])
            self.assertEqual(opened.edge(case.dump.modules["builtins"], "__dict__"), case["of_builtins"])
            self.assertEqual(opened.edge(case.frame.view, "f_builtins"), case["of_builtins"])

    def test_t79_modules_and_attributes_listed(self):
        for case in self.each("t79_modules_and_attributes"):
            listed = case.dump.modules
            self.assertEqual(sorted(listed), self.told["modules"])
            self.assertEqual({name: view.address for name, view in listed.items()}, self.told["addresses"])
            self.assertIn("price", listed["shop"].attributes)
            self.assertEqual(listed["shop"]["Counter"], case["counter"])
            self.assertEqual(listed["posixpath"]["join"], case["join"])

    def test_t80_public_objects_are_named_by_where_they_are(self):
        for case in self.each("t80_public_objects"):
            self.assertGreater(len(case.said["names"]), 300)
            for name in case.said["names"]:
                module, _, attribute = name.partition(".")
                view = case.dump.modules[module][attribute]
                self.assertEqual(view.address, case.said["addresses"][name], name)
                self.assertIsNone(view.surrogate)
                self.assertIn(name, view.public_names, name)
        names = [[opened.Case(self, how, "t80_public_objects").dump.modules["os"][name].public_names for name in ("getcwd", "listdir", "path")]
                 for how in self.dumps]
        self.assertEqual(names[0], names[1])

    def test_t81_public_name_and_origin(self):
        for case in self.each("t81_claims_of_another_module"):
            getcwd, isdir = case["getcwd"], case["isdir"]
            self.assertEqual([self.text(each, "__module__") for each in (getcwd, isdir)], case.said["claims"])
            self.assertEqual(getcwd.public_names[0], "os.getcwd")
            self.assertEqual(isdir.public_names[0], "os.path.isdir")
            self.assertEqual(repr(case.again("getcwd")), "<built-in function os.getcwd>")
            self.assertEqual(case.again("getcwd").__module__, case.said["claims"][0])
            self.assertEqual(getcwd, case.dump.modules["os"]["getcwd"])
            self.assertEqual(isdir, case.dump.modules["os.path"]["isdir"])

    def test_t97_owner_of_globals(self):
        for case in self.each("t97_owner_of_globals"):
            shop = case.dump.modules["shop"]
            self.assertEqual(case["names"].owner, shop)
            self.assertEqual(case["function"].attributes["__globals__"].owner, shop)
            method = case["method"].attributes["__func__"]
            self.assertEqual(method.attributes["__globals__"].owner, shop)
            self.assertIsNone(case["lonely"].owner)
            self.assertIsNone(case["nobody"].attributes["__globals__"].owner)
