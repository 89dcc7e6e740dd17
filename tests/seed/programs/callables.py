"""Cases of functions, methods, code, cells, frames, tracebacks and descriptors: T16 to T35, T40 to T42, T44 to T49."""
import _thread
import functools
import operator
import os
import sys
import threading
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import shop
import stage
from stage import case, say, unasked


class Base:
    def plain(self):
        return "plain", self

    def __private(self):
        return "private of Base", self

    def base_private(self):
        return self.__private

    def over(self):
        return "over of Base", self

    def __special__(self):
        return "special", self


class Derived(Base):
    def __private(self):
        return "private of Derived", self

    def derived_private(self):
        return self.__private

    def over(self):
        return "over of Derived", self

    def through_super(self):
        return super().over


setattr(Base, "__m", lambda self: ("literally __m", self))


class Meta(type):
    def of_meta(cls):
        stage.called("Meta.of_meta")


class MetaBase(metaclass=Meta):
    def plain(self):
        return "plain of MetaBase", self

    def __private(self):
        return "private of MetaBase", self

    def base_private(self):
        return self.__private


class MetaDerived(MetaBase):
    def __private(self):
        return "private of MetaDerived", self

    def derived_private(self):
        return self.__private


def decorated(number, factor=2):
    """Doc of decorated."""
    return number * factor


@case
def t16_function_of_the_program(then):
    """Defaults, keyword defaults, annotations, a dict, a closure."""
    function = shop.price
    held = ["captured"]

    def local(first: "text", second=("d",), *rest, third={"k": 1}, **more) -> None:
        """Doc of local."""
        return held, first, second, third

    local.mark = held
    say(doc=local.__doc__, qualname=local.__qualname__, result=repr(local("x")), price=shop.price(4))
    say(price_code=shop.price.__code__.co_code.hex(), local_code=local.__code__.co_code.hex())
    then()


@case
def t17_function_of_a_module_by_name_only(then):
    module = types.ModuleType("strange.place")

    def stray(number):
        return number + 1

    stray.__module__ = "strange.place"
    sys.modules["strange.place"] = module
    then()


@case
def t18_partial_updated(then):
    partial = functools.partial(decorated, 7, factor=3)
    functools.update_wrapper(partial, decorated)
    partial.extra = ["beside"]
    say(result=partial())
    then()


@case
def t19_function_whose_globals_refuse(then):
    function = shop.refusing
    refuses = shop.REFUSES
    then()


@case
def t20_type_of_methods(then):
    value = types.MethodType
    then()


@case
def t21_functions_of_classes(then):
    of_class, of_subclass, of_override = Base.plain, Derived.plain, Derived.over
    of_meta, of_meta_subclass = MetaBase.plain, MetaDerived.plain
    entries = [Base.__dict__["plain"], Derived.__dict__["over"], MetaBase.__dict__["plain"]]
    then()


@case
def t22_bound_methods(then):
    base, derived = Base(), Derived()
    plain, inherited, over = base.plain, derived.plain, derived.over
    private, base_private, derived_private = base.base_private(), derived.base_private(), derived.derived_private()
    literal, special = getattr(derived, "__m"), derived.__special__
    say(private=private()[0], base_private=base_private()[0], derived_private=derived_private()[0])
    then()


@case
def t23_bound_methods_with_a_metaclass(then):
    base, derived = MetaBase(), MetaDerived()
    plain, inherited = base.plain, derived.plain
    private, base_private, derived_private = base.base_private(), derived.base_private(), derived.derived_private()
    of_meta = MetaDerived.of_meta
    then()


@case
def t24_method_of_a_local_class(then):
    class Local:
        def method(self):
            return "local", self

    bound = Local().method
    then()


@case
def t25_attribute_that_is_a_bound_method(then):
    other = Base()

    class Holder:
        borrowed = other.plain

    instance = Holder()
    bound = instance.borrowed
    then()


@case
def t26_method_through_super(then):
    instance = Derived()
    bound = instance.through_super()
    say(result=bound()[0])
    then()


@case
def t27_types_of_code_and_cells(then):
    code, cell = types.CodeType, types.CellType
    then()


def build_code():
    captured, other = [1], 2

    class Local:
        def method(self, first, *rest, keyword=3, **more):
            """Doc of method."""
            nonlocal other
            try:
                numbers = [each + other for each in rest if each]
                inner = lambda x: (x, captured, self)  # noqa: E731
                return {"numbers": numbers, "inner": inner, "text": "constant", "tuple": (1, 2.5, None)}
            except (ValueError, KeyError) as problem:
                other = problem
                raise
            finally:
                captured.append(first)

    return Local.method


@case
def t28_code_object(then):
    code = build_code().__code__
    run = build_code()
    for number in range(200):
        run(None, number, 1)
    warm = run.__code__
    fields = {}
    for name in sorted(dir(code)):
        value = getattr(code, name) if name.startswith("co_") and name != "co_lnotab" else None
        if value is not None and not callable(value):
            fields[name] = value.hex() if isinstance(value, bytes) else list(value) if isinstance(value, tuple) and name != "co_consts" else repr(value)
    fields.pop("co_consts")
    fields["lines"] = [list(each) for each in code.co_lines()] if hasattr(code, "co_lines") else None
    fields["positions"] = [list(each) for each in code.co_positions()] if hasattr(code, "co_positions") else None
    say(fields=fields, consts=[type(each).__name__ for each in code.co_consts])
    then()


def cells():
    held = ["in a cell"]

    def first():
        return held

    def second():
        return later, held

    regular, empty = first.__closure__[0], second.__closure__[1 - second.__code__.co_freevars.index("held")]
    if first is None:
        later = 1
    return held, first, second, regular, empty


@case
def t29_cell_over_a_list(then):
    held, function, _, cell, _ = cells()
    then()


@case
def t30_empty_cell(then):
    _, _, function, _, cell = cells()
    then()


@case
def t31_types_of_frames_and_tracebacks(then):
    frame, traceback = types.FrameType, types.TracebackType
    then()


def failing(depth):
    kept = ["depth", depth]
    if depth:
        return failing(depth - 1)
    raise ValueError("at the bottom", kept)


@case
def t32_frame_and_traceback(then):
    frame = sys._getframe()
    try:
        failing(2)
    except ValueError as problem:
        traceback = problem.__traceback__
    say(lines=[entry.tb_lineno for entry in each_of(traceback)], last=[entry.tb_lasti for entry in each_of(traceback)])
    then()


def each_of(traceback):
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


@case
def t33_outer_frame(then):
    number, text, listed = 33, "populated", [1, 2, 3]
    mine = [sys._getframe()]
    say(lineno=sys._getframe().f_lineno + 2, builtins=id(sys._getframe().f_builtins), globals=id(globals()), code=id(sys._getframe().f_code),
        listed=id(listed))
    then()


@unasked
def t33_frame_that_nobody_asked(then):
    number, text, listed = 34, "never asked for", [4, 5]
    captured = [6]
    unset = lambda: captured  # noqa: E731
    say(listed=id(listed), captured=id(captured))
    then()


@case
def t34_traceback_of_a_finished_thread(then):
    kept = []

    def work():
        try:
            failing(1)
        except ValueError as problem:
            kept.append(problem.__traceback__)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    traceback = kept.pop()
    say(lines=[entry.tb_lineno for entry in each_of(traceback)], last=[entry.tb_lasti for entry in each_of(traceback)],
        names=[entry.tb_frame.f_code.co_name for entry in each_of(traceback)])
    then()


@case
def t35_types_of_descriptors_and_an_instance_of_each(then):
    wrapper_type, method_type, bound_type = types.WrapperDescriptorType, types.MethodDescriptorType, types.MethodWrapperType
    owner = ["owner"]
    wrapper, method, bound = list.__add__, list.append, owner.__add__
    then()


@case
def t40_methods_of_a_lock(then):
    acquire = _thread.allocate_lock().acquire
    lock = acquire.__self__
    release, locked = lock.release, lock.locked
    then()


@case
def t41_attributes_of_object(then):
    names = ["__delattr__", "__format__", "__getattribute__", "__hash__", "__init__", "__new__", "__reduce__", "__reduce_ex__", "__repr__",
             "__setattr__", "__sizeof__", "__str__", "__subclasshook__"]
    found = {name: getattr(object, name) for name in names}
    then()


@case
def t42_new_of_modules(then):
    new = types.ModuleType.__new__
    then()


@case
def t44_types_of_wrappers(then):
    static, of_class, prop = staticmethod, classmethod, property
    then()


def wrapped(*arguments):
    return arguments


@case
def t45_static_and_class_methods(then):
    static, of_class = staticmethod(wrapped), classmethod(wrapped)
    function = wrapped
    if sys.version_info >= (3, 10):
        static.mark = of_class.mark = ["of the wrapper"]
    then()


@case
def t46_property(then):
    get, put, drop = lambda self: 1, lambda self, value: None, lambda self: None  # noqa: E731
    prop = property(get, put, drop, "Doc of the property.")
    only = property(get)
    then()


@case
def t47_types_of_getters(then):
    item, attribute = operator.itemgetter, operator.attrgetter
    then()


@case
def t48_itemgetter(then):
    keys = [1, 3, 5]
    several, one = operator.itemgetter(*keys), operator.itemgetter("only")
    then()


@case
def t49_attrgetter(then):
    several, one = operator.attrgetter("a", "b.c", "d.e.f"), operator.attrgetter("single")
    caller = operator.methodcaller("act", 1, two=2)
    then()


stage.play()
