"""Bounded representations: whatever the value, the text is short, every cut is counted, and no code of a dump runs.

``one_line`` is what ``p`` and the ``repr`` of rebuilt objects show, ``pretty`` what ``pp`` shows.  A value from the
dump describes itself to this module by ``type(value).__heapsake_describe__``; other objects are asked for their ``repr``.
"""
import collections
import itertools

#: most bits of an integer written in decimal
DECIMAL_BITS = 8192


class Limits:
    """How much is shown; ``left`` counts characters down over one whole representation."""

    def __init__(self, items=100, depth=6, text=2000, total=20000):
        self.items, self.depth, self.text, self.left = items, depth, text, total


class Description:
    """How a stand-in shows itself: ``opening``, then its parts ``(label, value)``, then ``closing``."""

    __slots__ = ("opening", "parts", "closing", "more")

    def __init__(self, opening, parts=(), closing="", more=0):
        self.opening, self.parts, self.closing, self.more = opening, parts, closing, more


def counted(number):
    return format(number, ",")


def _text(value, limits):
    """A string or bytes, cut with its length."""
    kind = str if isinstance(value, str) else bytearray if isinstance(value, bytearray) else bytes
    size, keep = kind.__len__(value), max(20, min(limits.text, limits.left))
    if size <= keep:
        plain = kind.__getitem__(value, slice(None))
        return kind.__repr__(plain)
    return "%s… %s more" % (kind.__repr__(kind.__getitem__(value, slice(keep))), counted(size - keep))


def _integer(value):
    bits = int.bit_length(value)
    if bits <= DECIMAL_BITS:
        return int.__repr__(value)
    return "%#x… (an int of %s bits)" % (int.__rshift__(value, bits - 64), counted(bits))


SHAPES = (
    (list, "[", "]"),
    (tuple, "(", ")"),
    (frozenset, "frozenset({", "})"),
    (set, "{", "}"),
    (collections.deque, "deque([", "])"),
)
MAPPINGS = ((collections.Counter, "Counter({", "})"), (collections.OrderedDict, "OrderedDict({", "})"), (dict, "{", "}"))


def describe(value, limits):
    """(description, None) for what has parts, (None, text) for what has none."""
    kind = type(value)
    own = getattr(kind, "__heapsake_describe__", None)
    if own is not None:
        found = own(value, limits)
        if found is not None:
            return (found, None) if isinstance(found, Description) else (None, found)
    if issubclass(kind, (str, bytes, bytearray)):
        return None, _text(value, limits)
    for plain in (float, complex):
        if issubclass(kind, plain):
            return None, plain.__repr__(value)
    if kind is bool or value is None:
        return None, repr(value)
    if issubclass(kind, int):
        return None, _integer(value)
    if issubclass(kind, dict):
        return _mapping(value, kind, limits), None
    for base, opening, closing in SHAPES:
        if issubclass(kind, base):
            return _sequence(value, base, opening, closing, limits), None
    return None, _guarded(value, limits)


def _sequence(value, base, opening, closing, limits):
    size = len(value)
    if not size and base in (set, frozenset):
        return Description("%s()" % base.__name__)
    if base is collections.deque and value.maxlen is not None:
        closing = "], maxlen=%d)" % value.maxlen
    if base is tuple and size == 1:
        closing = ",)"
    shown = itertools.islice(iter(value), limits.items)
    return Description(opening, [(None, item) for item in shown], closing, max(0, size - limits.items))


def _mapping(value, kind, limits):
    size = len(value)
    if issubclass(kind, collections.defaultdict):
        opening, closing = "defaultdict(%s, {" % one_line(value.default_factory, depth=1), "})"
    else:
        opening, closing = next((o, c) for base, o, c in MAPPINGS if issubclass(kind, base))
    peek = getattr(kind, "__heapsake_pairs__", None)
    pairs = peek(value) if peek is not None else dict.items(value)
    shown = [(NONE if key is None else key, item) for key, item in itertools.islice(pairs, limits.items)]
    return Description(opening, shown, closing, max(0, size - limits.items))


class _None:
    """None as a key: a label of None is no label."""

    def __heapsake_describe__(self, limits):
        return "None"


NONE = _None()


def _guarded(value, limits):
    """The ``repr`` of an object that is not the dump's; one that fails is named."""
    try:
        text = repr(value)
    except BaseException as problem:
        if isinstance(problem, (KeyboardInterrupt, SystemExit)):
            raise
        return "<%s object, whose repr raised %s>" % (type(value).__name__, type(problem).__name__)
    keep = max(20, min(limits.text, limits.left))
    return text if len(text) <= keep else "%s… %s more" % (text[:keep], counted(len(text) - keep))


class _Writer:
    """Writes one value; knows what it is inside of, so that a cycle is named, not followed."""

    def __init__(self, limits):
        self.limits, self.open = limits, {}

    def line(self, value, depth=0, inner=0):
        limits = self.limits
        description, text = describe(value, limits)
        if description is None:
            limits.left -= len(text)
            return text
        parts = description.parts
        limits.left -= len(description.opening) + len(description.closing)
        instance = description.opening[0] == "<"
        if id(value) in self.open:
            return description.opening.rstrip(":") + ("" if instance else "...") + description.closing
        if parts and (depth >= limits.depth or limits.left <= 0 or (instance and inner >= 2)):
            return description.opening.rstrip(":") + ("" if instance else "…") + description.closing
        self.open[id(value)] = True
        try:
            written = []
            for number, part in enumerate(parts):
                if limits.left <= 0:
                    rest = len(parts) - number + description.more
                    written.append("… %s more" % counted(rest))
                    break
                written.append(self.part(part, instance, lambda v, _: self.line(v, depth + 1, inner + instance)))
            else:
                if description.more:
                    written.append("… %s more" % counted(description.more))
        finally:
            del self.open[id(value)]
        return _joined(description, instance, written, ", ")

    def part(self, part, instance, write):
        label, value = part
        self.limits.left -= 2
        if label is None:
            return write(value, 0)
        if instance or isinstance(label, Named):
            name = label if instance else label.name
            return "%s=%s" % (name, write(value, len(str(name)) + 1))
        key = self.line(label, self.limits.depth - 2, 1)
        return "%s: %s" % (key, write(value, len(key) + 2))

    def block(self, value, width, indent=0, depth=0):
        """Over several lines where one does not do."""
        spare = Limits(self.limits.items, max(1, self.limits.depth - depth), self.limits.text, self.limits.left)
        line = _Writer(spare).line(value)
        if indent + len(line) <= width or depth >= self.limits.depth or id(value) in self.open or self.limits.left <= 0:
            self.limits.left -= len(line)
            return line
        description, text = describe(value, self.limits)
        if description is None or not description.parts:
            self.limits.left -= len(line)
            return line
        instance = description.opening[0] == "<"
        inner = indent + (2 if instance else len(description.opening))
        self.open[id(value)] = True
        try:
            written = []
            for number, part in enumerate(description.parts):
                if self.limits.left <= 0:
                    written.append("… %s more" % counted(len(description.parts) - number + description.more))
                    break
                written.append(self.part(part, instance, lambda v, offset: self.block(v, width, inner + offset, depth + 1)))
            else:
                if description.more:
                    written.append("… %s more" % counted(description.more))
        finally:
            del self.open[id(value)]
        return _joined(description, instance, written, ",\n" + " " * inner, "\n" + " " * inner)


def _joined(description, instance, written, comma, first=" "):
    opening = description.opening
    if instance and opening and written:
        opening += first
    return opening + comma.join(written) + description.closing


class Named:
    """A label that is a field's name rather than a key."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


def one_line(value, items=100, depth=6, text=2000, total=20000):
    """A bounded ``repr``."""
    return _Writer(Limits(items, depth, text, total)).line(value)


def pretty(value, width=80, items=100, depth=6, text=2000, total=40000):
    """A bounded ``pprint.pformat``."""
    return _Writer(Limits(items, depth, text, total)).block(value, width)


__all__ = ["Description", "Limits", "Named", "counted", "describe", "one_line", "pretty"]
