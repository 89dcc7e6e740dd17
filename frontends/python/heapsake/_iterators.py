"""Iterators of a dump: real ones that go on where the dead ones stood, drawing from what was rebuilt of their sources.

Positions are reached by stepping over rebuilt containers, by arithmetic, or by a state that is given back; none of this runs
a function of the dump.  One whose next item needs such a function is real too, and its next step refuses.
"""
import itertools
import operator

from ._classes import attribute, value_of
from .rebuild import Needs

ITERATORS = {}
#: what is not stepped over to find a position
MOST_STEPS = 1000000


def makes(*names):
    def register(function):
        for name in names:
            ITERATORS[name] = function
        return function

    return register


def held(view, name):
    """The view of an attribute, or of what an iterator holds for itself; None where there is nothing."""
    found = attribute(view, name)
    if found is None:
        found = next((target for kind, label, target in view.edges if kind == "internal" and label == name), None)
    return None if found is None or (found.type_name == "NoneType" and not found.surrogate) else found


def number_of(view, name, default=None):
    found = held(view, name)
    number = None if found is None else found.value
    return number if type(number) is int else default


def iterator(value):
    if not hasattr(type(value), "__next__"):
        raise TypeError("what it draws from cannot be rebuilt as an iterator")
    return value


def ended(*nothing):
    """An iterator that is at its end."""
    return iter(())


def skip(steps, values):
    """``values`` without its first items; the very iterator where it is one."""
    if steps > MOST_STEPS:
        return itertools.islice(values, steps, None)
    values = iter(values)
    for _ in itertools.islice(values, max(steps, 0)):
        pass
    return values


def positioned(rebuilder, view, source, begin):
    """An iterator over a container that may still have to be filled."""
    if source is None:
        return ended()
    return Needs([source], lambda values: begin(values[0]))


# -- over containers

@makes("list_iterator", "tuple_iterator", "iterator", "str_iterator", "str_ascii_iterator", "bytes_iterator", "bytearray_iterator")
def forwards(rebuilder, view):
    names = ("list", "tuple", "sequence", "str", "bytes", "bytearray")
    source, index = next(filter(None, (held(view, name) for name in names)), None), number_of(view, "index", 0)

    def begin(value):
        made = iter(value)
        if type(value) in (list, tuple, str, bytes, bytearray):
            # a position beyond the items is cut to their number, and they may still be on their way
            rebuilder.fills.append((made.__setstate__, index))
            return made
        return itertools.islice(made, index, None)

    return positioned(rebuilder, view, source, begin)


@makes("list_reverseiterator", "reversed")
def backwards(rebuilder, view):
    source, index = held(view, "list") or held(view, "sequence"), number_of(view, "index", -1)

    def begin(value):
        if type(value) is tuple or type(value) is str:
            made = reversed(value)
            made.__setstate__(index)
            return made
        if type(value) is not list:
            return (value[at] for at in range(index, -1, -1))
        if index >= len(source.items):
            return ended()
        # of a list that is empty yet the iterator would be at its end
        place = [None] * (index + 1)
        made = reversed(place)

        def fill():
            place[:] = value[:index + 1]

        rebuilder.fills.append((fill,))
        return made

    return positioned(rebuilder, view, source, begin)


@makes("dict_keyiterator", "dict_valueiterator", "dict_itemiterator", "dict_reversekeyiterator", "dict_reversevalueiterator",
       "dict_reverseitemiterator")
def over_a_dict(rebuilder, view):
    """Over the entries as the dump has them, each rebuilt when it comes."""
    source, remaining, kind = held(view, "dict"), number_of(view, "remaining", 0), view.type_name
    if source is None or not remaining:
        return ended()

    def rest():
        size = len(source.items)
        first = max(size - remaining, 0)
        places = range(first, size) if "reverse" not in kind else range(min(remaining, size) - 1, -1, -1)
        for place in places:
            key, value = source.items[place]
            if "key" in kind:
                yield rebuilder.key(key)
            elif "value" in kind:
                yield rebuilder.rebuild(value)
            else:
                yield rebuilder.key(key), rebuilder.rebuild(value)

    return rest()


@makes("set_iterator")
def over_a_set(rebuilder, view):
    """In the order of the dead set: the hashes of this Python are others."""
    source, remaining = held(view, "set"), number_of(view, "remaining", 0)
    if source is None or not remaining:
        return ended()
    return (rebuilder.key(item) for item in source.items[max(len(source.items) - remaining, 0):])


@makes("_collections._deque_iterator", "collections._deque_iterator", "_collections._deque_reverse_iterator", "collections._deque_reverse_iterator")
def over_a_deque(rebuilder, view):
    source, remaining = held(view, "deque"), number_of(view, "remaining", 0)
    if source is None or not remaining:
        return ended()
    size = len(source.items)
    places = range(min(remaining, size) - 1, -1, -1) if "reverse" in view.type_name else range(max(size - remaining, 0), size)
    return (rebuilder.rebuild(source.items[place]) for place in places)


@makes("callable_iterator")
def calls(rebuilder, view):
    called, sentinel = held(view, "callable"), attribute(view, "sentinel")
    if called is None or sentinel is None:
        return ended()
    return Needs([called, sentinel], lambda values: iter(*values))


# -- over other iterators

def drawing(names, build):
    """A maker of what draws from others: ``names`` of what it needs, an iterator where one is missing, none then left."""
    def make(rebuilder, view):
        needed = [held(view, name) for name in names]
        if needed[-1] is None:
            return ended()
        present = [each for each in needed if each is not None]

        def combine(values):
            values = iter(values)
            return build(view, *[None if each is None else next(values) for each in needed])

        return Needs(present, combine)

    return make


def several(names, build):
    """The same of what draws from a tuple of iterators, some of which may have ended."""
    def make(rebuilder, view):
        first, sources = held(view, names[0]), held(view, names[1])
        if sources is None:
            return ended()
        items = list(sources.items)
        present = [item for item in items if item.type_name not in ("", "NoneType")]

        def combine(values):
            function = values[0] if first is not None else None
            drawn = iter(values[first is not None:])
            return build(view, function, *[iterator(next(drawn)) if item in present else ended() for item in items])

        return Needs(([] if first is None else [first]) + present, combine)

    return make


def numbered(view, inner):
    return enumerate(iterator(inner), number_of(view, "en_longindex", number_of(view, "count", 0)))


def zipped(view, _, *inner):
    if not value_of(view, "strict", bool):
        return zip(*inner)
    try:
        return zip(*inner, strict=True)
    except TypeError:
        return zip(*inner)  # before 3.10


def sliced(view, inner):
    begun, following, stop = number_of(view, "count", 0), number_of(view, "next", 0), number_of(view, "stop")
    return itertools.islice(iterator(inner), max(following - begun, 0), None if stop is None else max(stop - begun, 0), number_of(view, "step", 1))


def accumulated(view, total, initial, function, inner):
    function = operator.add if function is None else function
    if attribute(view, "total") is None:
        return itertools.accumulate(iterator(inner), function, initial=initial)
    made = itertools.accumulate(iterator(inner), function, initial=total)
    next(made)
    return made


def dropped(view, predicate, inner):
    begun = value_of(view, "started", (bool, int))
    return itertools.dropwhile((lambda item: False) if begun else predicate, iterator(inner))


def taken(view, predicate, inner):
    return itertools.takewhile(predicate, ended() if value_of(view, "stopped", (bool, int)) else iterator(inner))


def grouped(view, function, value, key, group, inner):
    current, shown = attribute(view, "currkey"), attribute(view, "tgtkey")
    if current is None and shown is None:
        return itertools.groupby(iterator(inner), function)
    if current is None:
        value = key = group  # its item was taken out of the group, and more may follow
    elif attribute(view, "currvalue") is None:
        value = key
    made = itertools.groupby(itertools.chain((value,), iterator(inner)), None if function is None else Known(key, function))
    # otherwise the item begins a group that was not given out yet
    if current is None or shown is None or current == shown:
        next(made)
    return made


class Known:
    """A function whose first result is known, and which is not called for that."""

    def __init__(self, first, function):
        self.first, self.function = [first], function

    def __call__(self, item):
        return self.first.pop() if self.first else self.function(item)


ITERATORS["enumerate"] = drawing(("iterator",), numbered)
ITERATORS["filter"] = drawing(("function", "iterator"), lambda view, function, inner: filter(function, iterator(inner)))
ITERATORS["zip"] = several(("", "iterators"), zipped)
ITERATORS["map"] = several(("function", "iterators"), lambda view, function, *inner: map(function, *inner))
ITERATORS["itertools.islice"] = drawing(("iterator",), sliced)
ITERATORS["itertools.accumulate"] = drawing(("total", "initial", "function", "iterator"), accumulated)
ITERATORS["itertools.starmap"] = drawing(("function", "iterator"), lambda view, function, inner: itertools.starmap(function, iterator(inner)))
ITERATORS["itertools.takewhile"] = drawing(("predicate", "iterator"), taken)
ITERATORS["itertools.dropwhile"] = drawing(("predicate", "iterator"), dropped)
ITERATORS["itertools.filterfalse"] = drawing(("predicate", "iterator"), lambda view, test, inner: itertools.filterfalse(test, iterator(inner)))
ITERATORS["itertools.compress"] = drawing(("data", "selectors"), lambda view, data, chosen: itertools.compress(iterator(data), iterator(chosen)))
ITERATORS["itertools.zip_longest"] = several(("fillvalue", "iterators"), lambda view, fill, *inner: itertools.zip_longest(*inner, fillvalue=fill))
ITERATORS["itertools.groupby"] = drawing(("keyfunc", "currvalue", "currkey", "tgtkey", "iterator"), grouped)


@makes("itertools.chain")
def chained(rebuilder, view):
    source, active = held(view, "source"), held(view, "active")
    if source is None:
        return ended()

    def combine(values):
        rest = itertools.chain.from_iterable(iterator(values[0]))
        return rest if active is None else itertools.chain(iterator(values[1]), rest)

    return Needs([source] + ([] if active is None else [active]), combine)


@makes("itertools.cycle")
def cycled(rebuilder, view):
    saved, inner, index = held(view, "saved"), held(view, "iterator"), number_of(view, "index", 0)
    if saved is None:
        return NotImplemented
    count = len(saved.items)
    if count > MOST_STEPS:
        return NotImplemented

    def seen():
        return (rebuilder.rebuild(item) for item in saved.items)

    if inner is None:
        return skip(index if index < count else 0, itertools.cycle(seen()))
    return Needs([inner], lambda values: skip(count, itertools.cycle(itertools.chain(seen(), iterator(values[0])))))


@makes("itertools.count")
def counted(rebuilder, view):
    first, step = held(view, "count"), held(view, "step")
    if first is None:
        return NotImplemented
    return Needs([first] + ([] if step is None else [step]), lambda values: itertools.count(*values))


@makes("itertools.repeat")
def repeated(rebuilder, view):
    subject, times = attribute(view, "object"), number_of(view, "times")
    return Needs([subject], lambda values: itertools.repeat(values[0], *(() if times is None else (times,))))


@makes("itertools._tee")
def teed(rebuilder, view):
    """What is shared is drawn from the one iterator behind all twins, once."""
    place, index, before, seen = held(view, "data"), number_of(view, "index", 0), [], set()
    while place is not None and rebuilder.key_of(place) not in seen:
        seen.add(rebuilder.key_of(place))
        before.extend(list(place.items)[index:])
        behind, place, index = held(place, "iterator"), held(place, "next"), 0
        if len(before) > MOST_STEPS:
            return NotImplemented

    def combine(values):
        key = "tee", rebuilder.key_of(behind)
        if key not in rebuilder.links:
            rebuilder.links[key] = itertools.tee(iterator(values[0]), 1)[0]
        shared = rebuilder.links[key].__copy__()
        return itertools.tee(itertools.chain((rebuilder.rebuild(item) for item in before), shared), 1)[0]

    return NotImplemented if behind is None else Needs([behind], combine)


def combining(source, build):
    """A maker of what goes through combinations of the items of its pools."""
    def make(rebuilder, view):
        pools, result, chosen = held(view, source), held(view, "result"), number_of(view, "r", 0)
        if pools is None or chosen > MOST_STEPS:
            return NotImplemented
        if value_of(view, "stopped", (bool, int)):
            return ended()
        sizes = [len(pool.items) for pool in pools.items] if source == "pools" else [len(pools.items)]
        steps = 0
        if result is not None:
            indices = attribute(view, "indices")
            indices = tuple(item.value for item in indices.items)[:None if source == "pools" else chosen]
            places = build([range(size) for size in sizes], chosen)
            most = MOST_STEPS * 10 // max(len(indices), 10)
            steps = next((at for at, each in enumerate(itertools.islice(places, most), 1) if each == indices), None)
            if steps is None:
                return NotImplemented

        def combine(values):
            found = values[0] if source == "pools" else [values[0]]
            # which are gone through at once
            if not all(isinstance(each, (tuple, list)) for each in (found, *(found if isinstance(found, (tuple, list)) else ()))):
                raise TypeError("a pool is no tuple")
            return skip(steps, build(found, chosen))

        return Needs([pools], combine)

    return make


ITERATORS["itertools.product"] = combining("pools", lambda pools, chosen: itertools.product(*pools))
ITERATORS["itertools.permutations"] = combining("pool", lambda pools, chosen: itertools.permutations(pools[0], chosen))
ITERATORS["itertools.combinations"] = combining("pool", lambda pools, chosen: itertools.combinations(pools[0], chosen))
ITERATORS["itertools.combinations_with_replacement"] = combining(
    "pool", lambda pools, chosen: itertools.combinations_with_replacement(pools[0], chosen))


def knowing(make):
    """Of an iterator of which the dump tells nothing, whether it is at its end is not known."""
    return lambda rebuilder, view: make(rebuilder, view) if len(view.attributes) else NotImplemented


ITERATORS.update((name, knowing(make)) for name, make in list(ITERATORS.items()))

__all__ = ["ITERATORS"]
