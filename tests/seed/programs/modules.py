"""Cases of modules and their dicts: T1 to T15, T36, T37, T79 to T81, T97."""
import operator  # noqa: F401
import os
import os.path
import sys
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hidden
import renamed
import shop
import stage
from stage import case, say

sys.modules.pop("hidden")


class Kept(stage.Counted):
    """Instance and dict are both held."""

    def __init__(self):
        self.number, self.me = 5, self

    def double(self):
        return self.number * 2


class Meta(type):
    pass


class KeptWithMeta(stage.Counted, metaclass=Meta):
    def __init__(self):
        self.number, self.me = 6, self

    def double(self):
        return self.number * 2


class HandsOut(Kept):
    """Pickle would be given its dict."""

    def __reduce_ex__(self, protocol):
        stage.called("HandsOut.__reduce_ex__")
        return HandsOut, (), self.__dict__


class Split:
    """Many attributes in keys that its class shares; some instances have keys of their own."""

    def __init__(self, number):
        self.one, self.two, self.three = number, number + 1, [number]


class StrangeModule(types.ModuleType):
    """A module class with hooks."""

    def __getattr__(self, name):
        stage.called("StrangeModule.__getattr__")
        raise AttributeError(name)


def made(name, **names):
    module = types.ModuleType(name, "Made at run time.")
    vars(module).update(names)
    exec("def twice(number):\n    return number * 2 + offset\nclass Inner:\n    level = 7\n", vars(module))
    return module


@case
def t1_instance_and_its_dict(then):
    instance = Kept()
    of_instance = instance.__dict__
    of_later = Kept().__dict__
    later = of_later["me"]
    untouched = [Split(number) for number in range(3)]
    asked = Split(10)
    of_asked = asked.__dict__
    grown = Split(20)
    grown.four = "of its own"
    of_grown = grown.__dict__
    shrunk = Split(30)
    del shrunk.two
    of_shrunk = shrunk.__dict__
    then()


@case
def t2_instance_of_a_metaclass_and_its_dict(then):
    of_instance = KeptWithMeta().__dict__
    instance = of_instance["me"]
    second = KeptWithMeta()
    of_second = second.__dict__
    then()


@case
def t3_instance_that_hands_out_its_dict(then):
    instance = HandsOut()
    of_instance = instance.__dict__
    then()


@case
def t4_module_in_a_local(then):
    module = shop
    removed = hidden
    library = os
    say(in_modules="shop" in sys.modules, removed_in_modules="hidden" in sys.modules, names=sorted(vars(shop)), removed_names=sorted(vars(hidden)))
    then()


@case
def t5_module_of_the_program(then):
    module = shop
    second = shop.stock
    function = shop.price
    counter = shop.Counter(4)
    say(result=shop.price(2))
    then()


@case
def t6_strange_module(then):
    module = StrangeModule("strange", "With hooks.")
    module.held = ["strange"]
    module.__package__ = ""
    sys.modules["strange"] = module
    then()


@case
def t7_module_made_at_run_time(then):
    alone = made("nowhere.alone", offset=1, data=["alone"])
    names_first = vars(made("nowhere.names", offset=2))
    names_first["owner"] = sys.modules.get("nowhere.names")
    both = made("nowhere.both", offset=3)
    both_names = vars(both)
    function = alone.twice
    instance = alone.Inner()
    then()


@case
def t8_module_with_another_name(then):
    module = renamed
    then()


@case
def t9_names_to_map(then):
    package = types.ModuleType("firm")
    package.__path__ = []
    module = types.ModuleType("firm.books")
    module.__package__ = "firm"
    module.firm = package
    code = "class Book:\n    pages = 3\n    class Page:\n        pass\ndef read(book):\n    return book\n"
    exec(code, vars(module))
    sys.modules["firm"], sys.modules["firm.books"] = package, module
    book = module.Book()
    book.title = "kept"
    page = module.Book.Page()
    read = module.read
    beside = types.ModuleType("firmament")
    then()


@case
def t10_made_at_run_time_to_map(then):
    module = made("elsewhere.gone", offset=5)
    names = vars(module)
    instance = module.Inner()
    function = module.twice
    then()


@case
def t11_path_module(then):
    module = os.path
    then()


@case
def t12_path_join(then):
    join = os.path.join
    then()


@case
def t14_module_dict(then):
    of_shop = vars(shop)
    of_library = vars(os)
    module, library = shop, os
    then()


@case
def t15_dict_of_a_made_module(then):
    names_first = vars(made("made.first", offset=1))
    module = made("made.second", offset=2)
    names_after = vars(module)
    function = names_first["twice"]
    then()


@case
def t36_modules_dict(then):
    modules = sys.modules
    then()


@case
def t37_builtins_dict(then):
    import builtins
    of_builtins = vars(builtins)
    of_frame = sys._getframe().f_builtins
    say(same=of_builtins is of_frame)
    then()


@case
def t79_modules_and_attributes(then):
    path, join, counter = os.path, os.path.join, shop.Counter
    then()


@case
def t80_public_objects(then):
    import collections
    import itertools
    import math
    import time
    found = {}
    for module in (os, math, itertools, collections, time, operator):
        for name, value in vars(module).items():
            if not name.startswith("_") and callable(value):
                found["%s.%s" % (module.__name__, name)] = value
    say(names=sorted(found), addresses={name: id(value) for name, value in found.items()})
    then()


@case
def t81_claims_of_another_module(then):
    getcwd, isdir = os.getcwd, os.path.isdir
    say(claims=[getcwd.__module__, isdir.__module__])
    then()


@case
def t97_owner_of_globals(then):
    function = shop.price
    names = vars(shop)
    method = shop.Counter(1).step
    lonely = {"__builtins__": __builtins__}
    exec("def nobody():\n    return 1\n", lonely)
    nobody = lonely["nobody"]
    then()


stage.play()
