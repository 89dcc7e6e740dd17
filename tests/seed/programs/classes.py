"""Cases of classes and their instances: T67 to T78, T88 to T90, T104 to T106, T108."""
import abc
import collections
import fractions
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage
from stage import case, say


def names_of(cls):
    return sorted(dir(cls))


@case
def t67_class_local_to_a_function(then):
    class Local:
        """Doc of Local."""

        level = ["class attribute"]

        def method(self):
            return self.level

        @staticmethod
        def static():
            return "static"

    class Derived(Local):
        pass

    instance = Derived()
    say(names=names_of(Local), derived=names_of(Derived), dict=sorted(Local.__dict__), qualname=Local.__qualname__)
    then()


class Slots:
    __slots__ = ("one", "two", "unset")

    def __init__(self):
        self.one, self.two = 1, ["two"]


class SlotsAndDict:
    __slots__ = ("slot", "__dict__", "__weakref__")

    def __init__(self):
        self.slot, self.attribute = ["slot"], ["dict"]


@case
def t68_slots(then):
    instance = Slots()
    then()


@case
def t69_slots_and_a_dict(then):
    instance = SlotsAndDict()
    only = SlotsAndDict.__new__(SlotsAndDict)
    then()


@case
def t70_class_that_refers_to_itself(then):
    class Recursive:
        def again(self):
            return Recursive, self.number

    Recursive.itself = Recursive
    instance = Recursive()
    instance.number = 70
    then()


@case
def t71_cycles_through_bases_and_proxies(then):
    class Base:
        pass

    class Holder(Base):
        pass

    Base.of_holder = Holder.__dict__
    Base.subclasses = {"holder": Holder}
    instance = Holder()
    then()


@case
def t72_class_of_the_library(then):
    cls, instance = fractions.Fraction, fractions.Fraction(3, 7)
    say(names=sorted(vars(fractions.Fraction)))
    then()


@case
def t73_named_tuple(then):
    Made = collections.namedtuple("Made", "left middle right", defaults=(2, 3))
    payload = ["left"]
    instance = Made(payload)
    say(fields=list(Made._fields), defaults=Made._field_defaults)
    then()


@case
def t74_class_with_an_attribute_named_dict(then):
    class Odd:
        __dict__ = 74
        other = ["other"]

    instance = Odd()
    instance.kept = ["in the real one"]
    then()


@case
def t75_exception_class(then):
    class Stop(BaseException):
        code = 75

        def __init__(self, one, two):
            super().__init__("made of both")
            self.one, self.two = one, two

    instance = Stop([1], [2])
    then()


@case
def t76_foreign_slot_descriptor(then):
    class Owner:
        __slots__ = ("slot",)

    class Borrower:
        foreign = Owner.__dict__["slot"]

    instance = Borrower()
    then()


class Meta(type):
    registry = []

    def __call__(cls, *arguments):
        stage.called("Meta.__call__")
        return type.__call__(cls, *arguments)

    def __getattribute__(cls, name):
        stage.called("Meta.__getattribute__ of %s" % name)
        return type.__getattribute__(cls, name)

    def __getattr__(cls, name):
        stage.called("Meta.__getattr__")
        raise AttributeError(name)

    def __instancecheck__(cls, instance):
        stage.called("Meta.__instancecheck__")
        return False


@case
def t77_metaclass(then):
    class LocalMeta(Meta):
        level = 77

    class WithMeta(metaclass=LocalMeta):
        attribute = ["with meta"]

    class Inherits(WithMeta):
        pass

    instance = object.__new__(Inherits)
    object.__setattr__(instance, "number", 5)
    stage.COUNTS.clear()
    then()


@case
def t78_abstract_base_class(then):
    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self):
            return 0

    class Square(Shape):
        def area(self):
            return 1

    class Registered:
        def area(self):
            return 2

    class Stranger:
        pass

    Shape.register(Registered)
    square = Square()
    say(checks=[issubclass(Registered, Shape), issubclass(Square, Shape), issubclass(Stranger, Shape), issubclass(int, Shape)])
    then()


@case
def t88_hostile_getattr(then):
    class Hostile:
        def __init__(self):
            self.__dict__["payload"] = ["kept"]

        def __getattr__(self, name):
            stage.called("Hostile.__getattr__ of %s" % name)
            raise RuntimeError(name)

    class HostileMeta(type):
        def __getattr__(cls, name):
            stage.called("HostileMeta.__getattr__ of %s" % name)
            raise RuntimeError(name)

    class OfHostileMeta(metaclass=HostileMeta):
        entry = ["entry"]

    instance, second, of_meta = Hostile(), Hostile(), OfHostileMeta()
    del second.__dict__["payload"]
    stage.COUNTS.clear()
    then()


@case
def t89_hostile_getattribute(then):
    class Hostile:
        def __getattribute__(self, name):
            stage.called("Hostile.__getattribute__ of %s" % name)
            raise RuntimeError(name)

    class HostileMeta(type):
        def __getattribute__(cls, name):
            stage.called("HostileMeta.__getattribute__ of %s" % name)
            raise RuntimeError(name)

    class OfHostileMeta(metaclass=HostileMeta):
        entry = ["entry"]

    instance, empty, of_meta = Hostile(), Hostile(), OfHostileMeta()
    object.__setattr__(instance, "payload", ["kept"])
    stage.COUNTS.clear()
    then()


@case
def t90_object_that_is_everything(then):
    class Null:
        def __init__(self, *arguments, **options):
            pass

        def itself(self, *arguments, **options):
            stage.called("Null")
            return self

        __call__ = __getattribute__ = __getattr__ = __setattr__ = __delattr__ = __reduce_ex__ = __reduce__ = itself
        __getstate__ = __iter__ = __getitem__ = __len__ = __repr__ = __hash__ = __eq__ = itself

    class NullMeta(type):
        pass

    class NullWithMeta(Null, metaclass=NullMeta):
        pass

    instance, of_meta = Null(), NullWithMeta()
    stage.COUNTS.clear()
    then()


@case
def t104_class_that_is_missing(then):
    class Missing:
        def __init__(self, number):
            self.number = number

    instance = Missing(104)
    then()


@case
def t105_subclasses_of_containers(then):
    class Mapping(dict):
        pass

    class Sequence(list):
        pass

    mapping, sequence = Mapping(one=[1], two=[2]), Sequence(["a", ["b"]])
    mapping.extra = sequence.extra = ["attribute"]
    then()


@case
def t106_class_and_subclass_that_are_missing(then):
    class Upper:
        def __init__(self, *needed):
            stage.called("Upper.__init__") if not needed else None
            self.needed = needed

    class Lower(Upper):
        def __new__(cls, *needed):
            stage.called("Lower.__new__") if not needed else None
            return super().__new__(cls)

    upper, lower = Upper(1), Lower(2)
    then()


@case
def t108_state_that_blocks_for_ever(then):
    class Blocks:
        def __init__(self):
            self.kept, self.me = ["kept"], self

        def __getstate__(self):
            stage.called("Blocks.__getstate__")
            threading.Event().wait()

        __reduce__ = __getstate__

    instance = Blocks()
    then()


stage.play()
