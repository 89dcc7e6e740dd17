"""Functions, methods, code, cells, frames, tracebacks, descriptors: T16 to T35, T40 to T42, T44 to T49."""
import inspect
import os
import sys
import types

import opened

import heapsake
from opened import edge


#: the flag of classes that a program made
HEAP = 1 << 9


def locals_of(frame):
    return {key.value: value for key, value in frame.attributes["f_locals"].items}


class Callables(opened.Theme):
    program = "callables.py"

    def text(self, view, name):
        return view.attributes[name].value

    def built_in(self, case, **types):
        """Types as values: built-in ones, each by its name, one node each, and this Python's own when rebuilt."""
        for local, name in types.items():
            view = case[local]
            self.assertEqual((view.type_name, view.kind, self.text(view, "__name__")), ("type", "type", name))
            self.assertFalse(self.text(view, "__flags__") & HEAP, name)
            self.assertIsNone(view.surrogate)

    def method(self, view, function, instance):
        self.assertEqual(view.type_name, "method")
        self.assertEqual((edge(view, "__func__"), edge(view, "__self__")), (function, instance))

    def entry(self, cls, name):
        return dict((key.value, value) for key, value in edge(cls, "__dict__").items)[name]

    # -- functions

    def test_t16_function_of_the_program(self):
        for case in self.each("t16_function_of_the_program"):
            price, local = case["function"], case["local"]
            shop = case.dump.modules["shop"]
            self.assertEqual([self.text(price, name) for name in ("__name__", "__qualname__", "__module__", "__doc__")],
                             ["price", "price", "shop", "What some cost."])
            self.assertEqual([item.value for item in price.attributes["__defaults__"].items], [3])
            self.assertEqual({key.value: item.value for key, item in price.attributes["__kwdefaults__"].items}, {"unit": "piece"})
            self.assertEqual(edge(price, "__globals__"), edge(shop, "__dict__"))
            self.assertEqual(price.attributes["checked"].items[0].value, "by hand")
            self.assertEqual(shop["price"], price)
            self.assertEqual((self.text(local, "__qualname__"), self.text(local, "__doc__")), (case.said["qualname"], case.said["doc"]))
            self.assertEqual(local.attributes["__closure__"].items[0].attributes["cell_contents"], case["held"])
            self.assertEqual(local.attributes["mark"], case["held"])
            made = price.rebuild()
            # from 3.14 on annotations come of code that runs when they are asked for
            are_made = sys.version_info < (3, 14)
            signature, annotated = "(number: int, factor=3, *, unit='piece') -> int", {"number": int, "return": int}
            self.assertEqual(str(inspect.signature(made)), signature if are_made else "(number, factor=3, *, unit='piece')")
            self.assertEqual((made.__name__, made.__qualname__, made.__module__, made.__doc__), ("price", "price", "shop", "What some cost."))
            self.assertEqual((made.__defaults__, made.__kwdefaults__, made.__annotations__, made.checked),
                             ((3,), {"unit": "piece"}, annotated if are_made else {}, ["by hand"]))
            self.assertIs(made.__globals__, shop.rebuild().__dict__)
            self.assertIs(local.rebuild().__closure__[0].cell_contents, case.again("held"))
            self.assertEqual(local.rebuild().__annotations__, {"first": "text", "return": None} if are_made else {})
            with self.assertRaisesRegex(heapsake.Refused, "does not run"):
                made(4)
            running = price.rebuild(code=True)
            self.assertEqual(running.__code__.co_code.hex(), case.said["price_code"])
            self.assertEqual(running(4), case.said["price"])
            self.assertEqual((str(inspect.signature(running)), running.__annotations__), (signature, annotated))
            inner = local.rebuild(code=True)
            self.assertEqual(inner.__code__.co_code.hex(), case.said["local_code"])
            self.assertEqual(repr(inner("x")), case.said["result"])
            self.assertEqual(inner.__annotations__, {"first": "text", "return": None})

    def test_t17_function_of_a_module_by_name_only(self):
        for case in self.each("t17_function_of_a_module_by_name_only"):
            self.assertEqual(self.text(case["stray"], "__module__"), "strange.place")
            self.assertEqual(case.dump.modules["strange.place"], case["module"])
            self.assertNotIn("stray", case["module"].attributes)
            self.assertEqual(case["stray"].attributes["__globals__"].owner, case.dump.modules["__main__"])
            module, stray = case.again("module"), case.again("stray")
            self.assertEqual(stray.__module__, "strange.place")
            self.assertFalse(hasattr(module, "stray"))
            self.assertNotIn("stray", dir(module))
            self.assertEqual(case["stray"].rebuild(code=True)(1), 2)

    def test_t18_partial_updated(self):
        for case in self.each("t18_partial_updated"):
            partial = case["partial"]
            self.assertEqual(partial.type_name, "functools.partial")
            self.assertEqual(partial.attributes["func"], case.dump.modules["__main__"]["decorated"])
            self.assertEqual([item.value for item in partial.attributes["args"].items], [7])
            self.assertEqual({key.value: item.value for key, item in partial.attributes["keywords"].items}, {"factor": 3})
            self.assertEqual({key.value for key, _ in edge(partial, "__dict__").items} >= {"__wrapped__", "__name__", "__doc__", "extra"}, True)
            self.assertEqual(partial.attributes["__wrapped__"], partial.attributes["func"])
            made = case.again("partial")
            self.assertEqual((made.args, made.keywords, made.__name__, made.__doc__, made.extra), ((7,), {"factor": 3}, "decorated", "Doc of decorated.", ["beside"]))
            self.assertIs(made.__wrapped__, made.func)
            self.assertEqual(partial.rebuild(code=True)(), case.said["result"])
            self.assertEqual(partial.rebuild(code=True)(factor=5), 35)

    def test_t19_function_whose_globals_refuse(self):
        for case in self.each("t19_function_whose_globals_refuse"):
            names = edge(case["function"], "__globals__")
            self.assertEqual(names["REFUSES"], case["refuses"])
            self.assertEqual((case["refuses"].type_name, case["refuses"].surrogate), ("shop.Refusing", None))
            self.assertEqual(case["refuses"].attributes["kept"].items[0].value, "inside")
            self.assertEqual(case.again("function").__globals__["REFUSES"].kept, ["inside"])
            number, refuses = 3, case["refuses"].rebuild(code=True)
            self.assertEqual(case["function"].rebuild(code=True)(number), (refuses, number))
        self.assertEqual(self.after["counts"], {})

    # -- methods

    def test_t20_type_of_methods(self):
        for case in self.each("t20_type_of_methods"):
            self.built_in(case, value="method")
            self.assertIs(case.again("value"), types.MethodType)

    def test_t21_functions_of_classes(self):
        for case in self.each("t21_functions_of_classes"):
            main = case.dump.modules["__main__"]
            entries = list(case["entries"].items)
            for owner, name, at in (("Base", "plain", 0), ("Derived", "over", 1), ("MetaBase", "plain", 2)):
                self.assertEqual(self.entry(main[owner], name), entries[at])
            self.assertEqual([case[name] for name in ("of_class", "of_subclass", "of_override", "of_meta", "of_meta_subclass")],
                             [entries[0], entries[0], entries[1], entries[2], entries[2]])
            self.assertIs(case.again("of_class"), case.again("of_subclass"))
            self.assertEqual(case["of_class"].rebuild(code=True)(5), ("plain", 5))
            self.assertIs(main["Derived"].rebuild().plain, case.again("of_class"))

    def test_t22_bound_methods(self):
        for case in self.each("t22_bound_methods"):
            main = case.dump.modules["__main__"]
            base, derived = case["base"], case["derived"]
            for local, owner, name, instance in (
                    ("plain", "Base", "plain", base), ("inherited", "Base", "plain", derived), ("over", "Derived", "over", derived),
                    ("private", "Base", "_Base__private", base), ("base_private", "Base", "_Base__private", derived),
                    ("derived_private", "Derived", "_Derived__private", derived), ("literal", "Base", "__m", derived),
                    ("special", "Base", "__special__", derived)):
                self.method(case[local], self.entry(main[owner], name), instance)
                made = case.again(local)
                self.assertIs(made.__self__, instance.rebuild())
                self.assertIs(made.__func__, self.entry(main[owner], name).rebuild())
                with self.assertRaises(heapsake.Refused):
                    made()
                running = case[local].rebuild(code=True)
                self.assertEqual(running(), running.__func__(running.__self__))
                if local in case.said:
                    self.assertEqual(running()[0], case.said[local])

    def test_t23_bound_methods_with_a_metaclass(self):
        for case in self.each("t23_bound_methods_with_a_metaclass"):
            main = case.dump.modules["__main__"]
            base, derived = case["base"], case["derived"]
            for local, owner, name, instance in (
                    ("plain", "MetaBase", "plain", base), ("inherited", "MetaBase", "plain", derived),
                    ("private", "MetaBase", "_MetaBase__private", base), ("base_private", "MetaBase", "_MetaBase__private", derived),
                    ("derived_private", "MetaDerived", "_MetaDerived__private", derived), ("of_meta", "Meta", "of_meta", main["MetaDerived"])):
                self.method(case[local], self.entry(main[owner], name), instance)
                self.assertIs(case.again(local).__self__, instance.rebuild())
            self.assertEqual(case["derived_private"].rebuild(code=True)()[0], "private of MetaDerived")
            self.assertEqual(case["base_private"].rebuild(code=True)()[0], "private of MetaBase")
        self.assertEqual(self.after["counts"], {})

    def test_t24_method_of_a_local_class(self):
        for case in self.each("t24_method_of_a_local_class"):
            self.method(case["bound"], self.entry(case["Local"], "method"), edge(case["bound"], "__self__"))
            self.assertEqual(edge(case["bound"], "__self__").type, case["Local"])
            made = case["bound"].rebuild(code=True)
            self.assertEqual(type(made.__self__).__qualname__, "t24_method_of_a_local_class.<locals>.Local")
            self.assertIs(type(made.__self__), case["Local"].rebuild(code=True))
            self.assertEqual(made(), ("local", made.__self__))

    def test_t25_attribute_that_is_a_bound_method(self):
        for case in self.each("t25_attribute_that_is_a_bound_method"):
            self.assertEqual(self.entry(case["Holder"], "borrowed"), case["bound"])
            self.method(case["bound"], self.entry(case.dump.modules["__main__"]["Base"], "plain"), case["other"])
            self.assertIs(case.again("bound").__self__, case.again("other"))
            self.assertIs(case.again("instance").borrowed, case.again("bound"))
            other = case["other"].rebuild(code=True)
            self.assertEqual(case["instance"].rebuild(code=True).borrowed(), ("plain", other))

    def test_t26_method_through_super(self):
        for case in self.each("t26_method_through_super"):
            main = case.dump.modules["__main__"]
            self.method(case["bound"], self.entry(main["Base"], "over"), case["instance"])
            self.assertNotEqual(edge(case["bound"], "__func__"), self.entry(main["Derived"], "over"))
            self.assertEqual(case["bound"].rebuild(code=True)()[0], case.said["result"])

    # -- code and cells

    def test_t27_types_of_code_and_cells(self):
        for case in self.each("t27_types_of_code_and_cells"):
            self.built_in(case, code="code", cell="cell")
            self.assertEqual((case.again("code"), case.again("cell")), (types.CodeType, types.CellType))

    def test_t28_code_object(self):
        for case in self.each("t28_code_object"):
            code, fields = case["code"], case.said["fields"]
            for name in ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_nlocals", "co_stacksize", "co_flags", "co_firstlineno",
                         "co_name", "co_filename", "co_qualname"):
                if name in fields:
                    self.assertEqual(repr(self.text(code, name)), fields[name], name)
            for name in ("co_linetable", "co_exceptiontable"):
                if name in fields:
                    self.assertEqual(self.text(code, name).hex(), fields[name], name)
            self.assertEqual([item.value for item in code.attributes["co_names"].items], fields["co_names"])
            self.assertEqual([item.type_name for item in code.attributes["co_consts"].items], case.said["consts"])
            for local in ("code", "warm"):
                made = case[local].rebuild(code=True)
                again = {}
                for name in fields:
                    if name.startswith("co_"):
                        value = getattr(made, name)
                        again[name] = value.hex() if isinstance(value, bytes) else list(value) if isinstance(value, tuple) else repr(value)
                again["lines"] = [list(each) for each in made.co_lines()] if hasattr(made, "co_lines") else None
                again["positions"] = [list(each) for each in made.co_positions()] if hasattr(made, "co_positions") else None
                self.assertEqual(again, fields, local)
                self.assertEqual([type(each).__name__ for each in made.co_consts], case.said["consts"])
            self.assertEqual(case["code"].rebuild(code=True), case["warm"].rebuild(code=True))
            self.assertEqual(case["run"].rebuild(code=True)(None, 7, 1, 0)["numbers"], [3])
            inert = case.again("code")
            self.assertEqual((inert.co_name, inert.co_firstlineno, inert.co_varnames[:4]), (made.co_name, made.co_firstlineno, made.co_varnames[:4]))
            self.assertNotEqual(inert.co_code, made.co_code)

    def test_t28_code_runs_on_its_own_version_only(self):
        golden = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")
        names = sorted(name for name in os.listdir(golden) if name.endswith(".heapsake"))
        self.assertGreater(len(names), 5)
        for name in names:
            dump = heapsake.load(os.path.join(golden, name))
            numbers = dump.modules["__main__"]["numbers"].rebuild(code=True)
            self.assertEqual(numbers.__name__, "numbers")
            if name == "%d.%d.heapsake" % sys.version_info[:2]:
                self.assertEqual(inspect.isgeneratorfunction(numbers), True)
                self.assertEqual(len(list(numbers(3))), 3)
            else:
                with self.assertRaises(heapsake.Refused, msg=name):
                    list(numbers(3))

    def test_t29_cell_over_a_list(self):
        for case in self.each("t29_cell_over_a_list"):
            self.assertEqual((case["cell"].type_name, case["cell"].attributes["cell_contents"]), ("cell", case["held"]))
            self.assertEqual(case["function"].attributes["__closure__"].items[0], case["cell"])
            self.assertIs(case.again("cell").cell_contents, case.again("held"))

    def test_t30_empty_cell(self):
        for case in self.each("t30_empty_cell"):
            self.assertNotIn("cell_contents", case["cell"].attributes)
            self.assertIn(case["cell"], list(case["function"].attributes["__closure__"].items))
            with self.assertRaises(ValueError):
                case.again("cell").cell_contents
            with self.assertRaises(NameError):
                case["function"].rebuild(code=True)()

    # -- frames and tracebacks

    def test_t31_types_of_frames_and_tracebacks(self):
        for case in self.each("t31_types_of_frames_and_tracebacks"):
            self.built_in(case, frame="frame", traceback="traceback")
            self.assertEqual((case.again("frame"), case.again("traceback")), (types.FrameType, types.TracebackType))

    def entries(self, traceback):
        while traceback is not None and traceback.type_name == "traceback":
            yield traceback
            traceback = traceback.attributes.get("tb_next")

    def check_traceback(self, case, names):
        entries = list(self.entries(case["traceback"]))
        self.assertEqual([self.text(each, "tb_lineno") for each in entries], case.said["lines"])
        self.assertEqual([self.text(each, "tb_lasti") for each in entries], case.said["last"])
        frames = [edge(each, "tb_frame") for each in entries]
        self.assertEqual([self.text(edge(frame, "f_code"), "co_name") for frame in frames], names)
        for frame, depth in zip(frames[1:], range(len(names) - 2, -1, -1)):
            kept = locals_of(frame)["kept"]
            self.assertEqual([item.value for item in kept.items], ["depth", depth])
        made, lines, made_names = case.again("traceback"), [], []
        while made is not None:
            lines.append(made.tb_lineno)
            made_names.append(made.tb_frame.f_code.co_name)
            made = made.tb_next
        self.assertEqual((lines, made_names), (case.said["lines"], names))
        return frames

    def test_t32_frame_and_traceback(self):
        for case in self.each("t32_frame_and_traceback"):
            frame = case["frame"]
            self.assertEqual((frame.type_name, frame), ("frame", case.frame.view))
            self.assertEqual(self.text(edge(frame, "f_code"), "co_name"), "t32_frame_and_traceback")
            self.assertEqual(locals_of(frame)["traceback"], case["traceback"])
            frames = self.check_traceback(case, ["t32_frame_and_traceback", "failing", "failing", "failing"])
            self.assertEqual(frames[0], frame)
            self.assertIsInstance(case.again("frame"), types.FrameType)
            self.assertIsInstance(case.again("traceback"), types.TracebackType)
            self.assertEqual(case.again("frame").f_code.co_name, "t32_frame_and_traceback")
            self.assertIs(case.again("frame").f_locals["frame"], case.again("frame"))
            self.assertIs(case.again("frame").f_locals["traceback"], case.again("traceback"))
            # the frame went on after the exception: the traceback shows it at the line where that was
            self.assertIs(case.again("traceback").tb_frame.f_locals["traceback"], case.again("traceback"))

    def test_t33_outer_frame(self):
        for case in self.each("t33_outer_frame"):
            frame, said = case["mine"].items[0], case.said
            self.assertEqual(frame, case.frame.view)
            for name, label in (("builtins", "f_builtins"), ("globals", "f_globals"), ("code", "f_code")):
                self.assertEqual(edge(frame, label).address, said[name])
            self.assertEqual(edge(frame, "f_globals"), edge(case.dump.modules["__main__"], "__dict__"))
            self.assertEqual((self.text(frame, "f_lineno"), case.frame.lineno), (said["lineno"], said["lineno"]))
            self.assertGreater(self.text(frame, "f_lasti"), 0)
            self.assertEqual((case["number"].value, case["text"].value, case["listed"].address), (33, "populated", said["listed"]))
            self.assertEqual(edge(frame, "f_back").type_name, "frame")
            made = frame.rebuild()
            self.assertEqual((made.f_locals["number"], made.f_locals["text"], made.f_locals["listed"]), (33, "populated", [1, 2, 3]))
            self.assertIs(made.f_globals, edge(frame, "f_globals").rebuild())
            # and of one whose locals nobody asked for
            unasked = opened.Case(self, case.how, "t33_frame_that_nobody_asked")
            self.assertEqual(sorted(unasked.locals), ["captured", "listed", "number", "text", "unset"])
            self.assertEqual((unasked["number"].value, unasked["text"].value, unasked["listed"].address, unasked["captured"].address),
                             (34, "never asked for", unasked.said["listed"], unasked.said["captured"]))

    def test_t34_traceback_of_a_finished_thread(self):
        for case in self.each("t34_traceback_of_a_finished_thread"):
            frames = self.check_traceback(case, case.said["names"])
            self.assertEqual(case.said["names"], ["work", "failing", "failing"])
            for inner, outer in zip(frames[1:], frames):
                self.assertEqual(edge(inner, "f_back"), outer)

    # -- built-in functions and descriptors

    def test_t35_types_of_descriptors_and_an_instance_of_each(self):
        for case in self.each("t35_types_of_descriptors_and_an_instance_of_each"):
            self.built_in(case, wrapper_type="wrapper_descriptor", method_type="method_descriptor", bound_type="method-wrapper")
            self.assertEqual([case.again(name) for name in ("wrapper_type", "method_type", "bound_type")],
                             [types.WrapperDescriptorType, types.MethodDescriptorType, types.MethodWrapperType])
            for local, kind, name in (("wrapper", "wrapper_descriptor", "__add__"), ("method", "method_descriptor", "append")):
                view = case[local]
                self.assertEqual((view.type_name, self.text(view, "__name__")), (kind, name))
                self.assertEqual(self.text(edge(view, "__objclass__"), "__name__"), "list")
            self.assertEqual((case["bound"].type_name, edge(case["bound"], "__self__")), ("method-wrapper", case["owner"]))
            self.assertEqual(edge(case["bound"], "descr"), case["wrapper"])

    def test_t40_methods_of_a_lock(self):
        for case in self.each("t40_methods_of_a_lock"):
            for name in ("acquire", "release", "locked"):
                self.assertEqual((case[name].type_name, self.text(case[name], "__name__")), ("builtin_function_or_method", name))
                self.assertEqual(edge(case[name], "__self__"), case["lock"])
                with self.assertRaises(heapsake.Refused):
                    case.again(name)()
            self.assertEqual(case["lock"].type_name, "_thread.lock")

    def test_t41_attributes_of_object(self):
        for case in self.each("t41_attributes_of_object"):
            found = {key.value: value for key, value in case["found"].items}
            for name in [item.value for item in case["names"].items]:
                view = found[name]
                self.assertIsNone(view.surrogate, name)
                self.assertEqual(self.text(view, "__name__"), name)
                owner = edge(view, "__objclass__") or edge(view, "__self__")
                self.assertEqual(self.text(owner, "__name__"), "object", name)
                made, here = view.rebuild(), getattr(object, name)
                # what a type binds anew at every look-up is one with it by function and type
                self.assertEqual((made, type(made)), (here, type(here)), name)

    def test_t42_new_of_modules(self):
        for case in self.each("t42_new_of_modules"):
            view = case["new"]
            self.assertEqual((view.type_name, self.text(view, "__name__")), ("builtin_function_or_method", "__new__"))
            self.assertEqual(self.text(edge(view, "__self__"), "__name__"), "module")
            self.assertEqual(case.again("new"), types.ModuleType.__new__)

    def test_t44_types_of_wrappers(self):
        for case in self.each("t44_types_of_wrappers"):
            self.built_in(case, static="staticmethod", of_class="classmethod", prop="property")
            self.assertEqual([case.again(name) for name in ("static", "of_class", "prop")], [staticmethod, classmethod, property])

    def test_t45_static_and_class_methods(self):
        for case in self.each("t45_static_and_class_methods"):
            for local, kind in (("static", staticmethod), ("of_class", classmethod)):
                self.assertEqual((case[local].type_name, edge(case[local], "__func__")), (kind.__name__, case["function"]))
                self.assertIs(type(case.again(local)), kind)
                self.assertIs(case.again(local).__func__, case.again("function"))
                if sys.version_info >= (3, 10):
                    self.assertEqual(case[local].attributes["mark"].items[0].value, "of the wrapper")
                    self.assertEqual(case.again(local).mark, ["of the wrapper"])
            if sys.version_info >= (3, 10):
                self.assertIs(case.again("static").mark, case.again("of_class").mark)

    def test_t46_property(self):
        for case in self.each("t46_property"):
            prop, made = case["prop"], case.again("prop")
            self.assertEqual([edge(prop, name) for name in ("fget", "fset", "fdel")], [case["get"], case["put"], case["drop"]])
            self.assertEqual(self.text(prop, "__doc__"), "Doc of the property.")
            self.assertIs(type(made), property)
            self.assertEqual([made.fget, made.fset, made.fdel, made.__doc__],
                             [case.again("get"), case.again("put"), case.again("drop"), "Doc of the property."])
            only = case.again("only")
            self.assertEqual((edge(case["only"], "fget"), only.fget, only.fset, only.fdel), (case["get"], case.again("get"), None, None))

    def test_t47_types_of_getters(self):
        for case in self.each("t47_types_of_getters"):
            for local, name in (("item", "itemgetter"), ("attribute", "attrgetter")):
                self.assertEqual((self.text(case[local], "__name__"), case[local].public_names[0]), (name, "operator." + name))

    def test_t48_itemgetter(self):
        for case in self.each("t48_itemgetter"):
            several, one = case.again("several"), case.again("one")
            self.assertEqual([item.value for item in case["several"].attributes["item"].items], [1, 3, 5])
            self.assertEqual(case["one"].attributes["item"].value, "only")
            self.assertEqual(case["several"].type_name, "operator.itemgetter")
            self.assertEqual(several("abcdef"), ("b", "d", "f"))
            self.assertEqual(one({"only": [1]}), [1])

    def test_t49_attrgetter(self):
        for case in self.each("t49_attrgetter"):
            self.assertEqual(case["several"].type_name, "operator.attrgetter")
            several, one, caller = case.again("several"), case.again("one"), case.again("caller")

            class Deep:
                def __getattr__(self, name):
                    return Deep() if len(name) == 1 and name != "f" else name

                def act(self, *arguments, **options):
                    return arguments, options

            deep = Deep()
            self.assertEqual(one(deep), "single")
            self.assertEqual([type(each) for each in several(deep)], [Deep, Deep, str])
            self.assertEqual(caller(deep), ((1,), {"two": 2}))
