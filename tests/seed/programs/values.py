"""Cases of types as values, locks, ranges, proxies, descriptors, buffers, weak references and super: T38, T39, T43, T50 to T66."""
import _thread
import collections
import io
import os
import sys
import threading
import types
import weakref

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage
from stage import case, say


class Meta(type):
    level = 3

    def of_meta(cls):
        stage.called("Meta.of_meta")


class Referent(stage.Counted):
    def __init__(self, name):
        self.name = name


@case
def t38_type_and_a_metaclass(then):
    of_all, meta = type, Meta
    then()


@case
def t39_locks(then):
    free, held = _thread.allocate_lock(), _thread.allocate_lock()
    held.acquire()
    reentrant, untaken = threading.RLock(), threading.RLock()
    for _ in range(3):
        reentrant.acquire()
    condition, started = threading.Condition(), threading.Event()

    def wait():
        with condition:
            started.set()
            condition.wait()

    waiting = threading.Thread(target=wait, name="waiting", daemon=True)
    waiting.start()
    started.wait()
    with condition:
        pass  # it has let go of the lock: it waits
    say(owner=threading.get_ident(), waiters=len(condition._waiters))
    then()


@case
def t43_built_in_types(then):
    import builtins
    found = {}
    for module in (builtins, types, collections):
        for name, value in vars(module).items():
            if isinstance(value, type):
                found["%s.%s" % (module.__name__, name)] = value
    say(types={name: [id(value), value.__module__, value.__qualname__, value.__flags__ & (1 << 9) == 0] for name, value in found.items()})
    then()


@case
def t50_range(then):
    value, long = range(4, 10, 2), range(-2 ** 70, 2 ** 70, 2 ** 65)
    then()


@case
def t51_range_iterator(then):
    short, long, done = iter(range(4, 20, 3)), iter(range(0, 2 ** 70, 2 ** 66)), iter(range(2))
    for each in (short, long, done):
        next(each), next(each)
    then()


class Plain:
    entry = ["of the class"]


class Slotted:
    __slots__ = ("slot", "other")


@case
def t52_dict_proxy(then):
    proxy, cls = Plain.__dict__, Plain
    say(keys=sorted(Plain.__dict__))
    then()


@case
def t53_proxies_of_other_things(then):
    of_slotted = Slotted.__dict__
    names = {"plain": ["dict"]}
    of_dict = types.MappingProxyType(names)
    say(keys=sorted(Slotted.__dict__))
    then()


@case
def t54_slot_descriptor(then):
    class Local:
        __slots__ = ("first", "second")

    descriptor, second = Local.first, Local.second
    say(offset=offset_of(descriptor), second=offset_of(second))
    then()


def offset_of(descriptor):
    """Where a slot lies in an instance, by looking at one."""
    import ctypes

    owner = descriptor.__objclass__
    instance, value = owner(), ["marker"]
    descriptor.__set__(instance, value)
    words = ctypes.string_at(id(instance), owner.__basicsize__)
    return words.index(id(value).to_bytes(8, "little"), 16)


@case
def t55_getset_descriptor(then):
    descriptor = Plain.__dict__["__weakref__"]
    of_dict = Plain.__dict__["__dict__"]
    say(owner=descriptor.__objclass__.__qualname__)
    then()


@case
def t56_types_of_buffers(then):
    of_bytes, of_text = io.BytesIO, io.StringIO
    then()


class Buffer(io.BytesIO):
    pass


@case
def t57_buffers_written(then):
    empty, written, back, closed = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    text, text_back, text_closed, text_empty = io.StringIO(), io.StringIO(), io.StringIO(), io.StringIO()
    for buffer in (written, back, closed):
        buffer.write(b"written bytes")
    for buffer in (text, text_back, text_closed):
        buffer.write("text \u20ac")
    back.seek(3)
    text_back.seek(2)
    closed.close()
    text_closed.close()
    then()


@case
def t58_buffers_opened_on_a_value(then):
    initial, moved, closed = io.BytesIO(b"initial"), io.BytesIO(b"initial moved"), io.BytesIO(b"gone")
    text, text_moved, text_closed = io.StringIO("opened"), io.StringIO("opened and moved"), io.StringIO("gone")
    moved.seek(4)
    text_moved.seek(5)
    closed.close()
    text_closed.close()
    then()


@case
def t59_ordered_dict(then):
    ordered = collections.OrderedDict((number, [number]) for number in range(8))
    ordered["me"] = ordered
    del ordered[3], ordered[0]
    ordered.move_to_end(5)
    ordered.move_to_end("me", last=False)
    ordered.move_to_end(6)
    say(order=[str(key) for key in ordered])
    then()


@case
def t60_types_of_weak_references(then):
    reference, proxy, callable_proxy = weakref.ReferenceType, weakref.ProxyType, weakref.CallableProxyType
    then()


@case
def t61_live_weak_reference(then):
    reference = weakref.ref(Referent("kept") if False else REFERENT)
    referent = REFERENT
    then()


REFERENT = Referent("alive")


class Mortal:
    pass


@case
def t62_dead_weak_reference(then):
    mortal = Mortal()
    reference = weakref.ref(mortal)
    del mortal
    say(dead=reference() is None)
    then()


@case
def t63_type_super(then):
    value = super
    then()


class Upper:
    pass


class Lower(Upper):
    pass


@case
def t64_super_unbound(then):
    value = super(Upper)
    then()


@case
def t65_super_of_an_object(then):
    instance = Lower()
    value = super(Lower, instance)
    then()


@case
def t66_super_of_a_class(then):
    value = super(Upper, Lower)
    then()


@case
def t83_buffers_with_attributes(then):
    class Text(io.StringIO):
        pass

    data, text = Buffer(b"position three"), Text("position three")
    data.seek(3)
    text.seek(3)
    data.extra = text.extra = ["attribute"]
    plain = io.BytesIO(b"plain")
    plain.extra = ["of a plain one"]
    then()


stage.play()
