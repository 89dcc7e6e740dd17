"""Objects of this Python made from the views of a dump: lazily, each once, without running or importing anything of it.

``rebuild(view)`` never fails and never recurses over the graph.  Built-ins become real ones; what is large or far becomes
a container that is filled when touched; instances get the look of their class and their attributes when asked; what can
not be rebuilt becomes a stand-in that shows what is known and refuses to act.
"""
import collections
import io
import threading

from . import _classes, _containers, _registry, _streams
from ._classes import Classes, Key, bare
from ._registry import RESTORERS

#: objects rebuilt at once by one call; beyond, containers are lazy
BUDGET = 4000
#: items from which on a container is lazy however much budget is left
LARGE = 1000
#: items of an immutable container that is rebuilt at once in any case, where all are plain values
PLAIN = 8
#: dumps whose rebuilt objects are kept
KEPT = 16

SCALARS = {"NoneType": type(None), "bool": bool, "int": int, "float": float, "complex": complex, "str": str, "bytes": bytes}


class Needs:
    """An immutable object that is made when the objects for ``views`` are there."""

    __slots__ = ("views", "combine", "lazily")

    def __init__(self, views, combine, lazily=None):
        self.views, self.combine, self.lazily = views, combine, lazily


class Rebuilder:
    """The rebuilt objects of one dump."""

    def __init__(self, dump=None, choices=None):
        from . import _choices, _frames

        self.dump, self.choices = dump, choices or _choices.DEFAULT
        self.memo = {}      # key of a view: object
        self.origin = {}    # id of an object: its view; the memo keeps both alive
        self.beside = {}    # id of a view without an id: the view
        self.restoring = []  # views that are given to their restorers
        self.pending = {}   # id of an instance without its attributes: its view
        self.beside_names = {}  # id of an instance: what it has besides its dictionary, slots say, by name
        self.slotted = {}   # id of an instance: names of those that its dictionary has too
        self.links = {}     # (id of an exception, name): traceback, cause, context
        self.left = None    # objects that may still be rebuilt at once, while one is being rebuilt
        self.lock = threading.RLock()
        self.fills = collections.deque()
        self.classes = Classes(self)
        self.frames = _frames.Frames(self)

    # -- identity

    def key_of(self, view):
        """What identifies an object; without a dump of its own, a rebuilder serves views of several.

        What a reducer wrote beside the objects has a view without an id: each such view stands for itself.
        """
        number = view.id
        if number is None or number < 0:
            self.beside[id(view)] = view
            return None, id(view)
        return view if self.dump is None else number

    def known(self, view):
        return self.key_of(view) in self.memo

    def keep(self, view, value):
        key = self.key_of(view)
        if key not in self.memo:
            self.memo[key] = value
            if type(value) not in (int, float, bool, type(None)):
                self.origin[id(value)] = view
        return self.memo[key]

    def view_of(self, value):
        """The view that a rebuilt object came from, or None."""
        return self.origin.get(id(value))

    # -- rebuilding

    def rebuild(self, view, budget=BUDGET):
        key = self.key_of(view)
        if key in self.memo:
            return self.memo[key]
        with self.lock:
            outer, fills = self.left, self.fills
            given = self.left = budget if outer is None else min(budget, outer)
            self.fills = collections.deque()
            try:
                value = self.resolve(view)
                while self.fills:
                    fill = self.fills.popleft()
                    try:
                        fill[0](*fill[1:])
                    except Exception:
                        continue  # one object's damage is that object's
                return value
            finally:
                # what is rebuilt on the way to another object comes out of that one's budget
                self.left, self.fills = None if outer is None else outer - given + self.left, fills

    def resolve(self, root):
        """The object for a view; what it holds may still have to be filled in."""
        stack, open_views, broken = [root], {}, {}
        while stack:
            view = stack[-1]
            key = self.key_of(view)
            if key in self.memo:
                stack.pop()
                continue
            needs = open_views.pop(key, None)
            if needs is None:
                made = self.make(view)
                if type(made) is Needs and any(needed is None for needed in made.views):
                    made = self.stand_in(view)  # a part of it is not in the dump
                if type(made) is not Needs:
                    self.keep(view, made)
                    stack.pop()
                    continue
                open_views[key] = made
                for needed in reversed(made.views):
                    other = self.key_of(needed)
                    if other in open_views and open_views[other].lazily is not None:
                        # it contains itself: the way back leads to one that looks its items up
                        self.keep(needed, open_views[other].lazily())
                    elif other in open_views:
                        # one that cannot be there before what it is made of: the way back ends in a surrogate
                        broken[other] = self.stand_in(needed)
                    elif other not in self.memo:
                        stack.append(needed)
            else:
                stack.pop()
                try:
                    keys = [self.key_of(needed) for needed in needs.views]
                    value = needs.combine([self.memo[each] if each in self.memo else broken[each] for each in keys])
                except Exception:
                    value = self.stand_in(view)
                self.keep(view, value)
        return self.memo[self.key_of(root)]

    def make(self, view):
        """An object whose contents may be pending, or ``Needs``."""
        self.left -= 1
        try:
            reason = view.surrogate
            if reason:
                return self.surrogate(view, reason)
            name = bare(view.type_name)
            if self.choices.modules:
                bound = self.choices.bound(self, view, name)
                if bound is not NotImplemented:
                    return bound if type(bound) is not Needs else Needs([], lambda values: bound)
            if RESTORERS:
                restored = self.restored(view, name)
                if restored is not NotImplemented:
                    return restored
            scalar = SCALARS.get(name)
            if scalar is not None:
                value = view.value
                return value if type(value) is scalar else self.surrogate(view, "its value is not in the dump")
            maker = maker_of(view, name)
            if maker is not None:
                made = maker(self, view)
                if made is not NotImplemented:
                    return made
            reduction = getattr(view, "reduction", None)
            if reduction is not None and reduction.callable is not None:
                from . import _reduced

                made = _reduced.make(self, reduction)
                if made is not NotImplemented:
                    return made
            return self.instance(view, name)
        except RecursionError:
            return self.stand_in(view)
        except Exception:
            return self.stand_in(view)

    def restored(self, view, name):
        """What a restorer of this process makes of a view; NotImplemented where there is none.

        One that raises, or that rebuilds what it is asked for, costs this object.
        """
        restorer = _registry.restorer_of(name, [bare(each) for each in (view.bases or ())])
        if restorer is None or view in self.restoring:
            return NotImplemented
        self.restoring.append(view)
        try:
            return restorer.function(view)
        except Exception as problem:
            return self.surrogate(view, "its restorer %s raised %s" % (restorer.origin, type(problem).__name__))
        finally:
            self.restoring.remove(view)

    def few(self, items):
        """Whether a container of these items is rebuilt as a whole now."""
        size = len(items)
        return not size or (size <= LARGE and self.left > 0)

    # -- what stands for what

    def surrogate(self, view, reason):
        value = object.__new__(self.classes.surrogate(view, str(reason)))
        self.pending[id(value)] = view
        return value

    def stand_in(self, view):
        """What stands for an object that could not be made as what it was."""
        try:
            return self.surrogate(view, "it cannot be rebuilt here")
        except Exception:
            return Key("an object that cannot be rebuilt")

    def instance(self, view, name):
        """An object of a rebuilt class, its attributes pending."""
        items = view.items
        names = [bare(each) for each in (view.bases or ())]
        if "type" in names or view.kind == "type":
            return self.classes.of_type(view)
        layout = next((_classes.LAYOUTS[each] for each in names if each in _classes.LAYOUTS), object)
        if name in _classes.LAYOUTS and not names:
            layout = _classes.LAYOUTS[name]
        flavour = ""
        if name in _classes.CALLABLE:
            flavour = "call"
        elif layout is object and items is not None and len(items):
            flavour = "items"
        cls = self.classes.of_instance(view, flavour)
        layout = _classes.layout_of((cls,))
        if issubclass(layout, BaseException):
            value = layout.__new__(cls)
            self.fills.append((self.fill_exception, value, view))
        elif issubclass(layout, (tuple, frozenset)):
            return self.immutable(view, cls, tuple if issubclass(layout, tuple) else frozenset, items)
        elif issubclass(layout, (list, dict, set)):
            value = layout.__new__(cls)
            value._heapsake_source = _containers.Source(self, items)
        elif issubclass(layout, bytearray):
            value = bytearray.__new__(cls)
            bytearray.__init__(value, contents(view))
        elif layout is object:
            value = object.__new__(cls)
        elif layout in (io.BytesIO, io.StringIO):
            value = layout.__new__(cls)
            layout.__init__(value)
            if not _streams.fill_buffer(value, view):
                return self.surrogate(view, "a part of its value is not in the dump")
        else:
            value = layout.__new__(cls, view.value) if view.value is not None else object.__new__(self.classes.surrogate(view, "its value is not in the dump"))
        self.pending[id(value)] = view
        return value

    def immutable(self, view, cls, base, items):
        """A tuple or frozenset, or an instance of a class derived from one."""
        lazy = _containers.LazyTuple if base is tuple else _containers.LazyFrozenset
        exact = cls is base

        def lazily():
            value = base.__new__(lazy if exact else cls)
            value.__dict__["_heapsake_source"] = _containers.Source(self, items)
            if not exact:
                self.pending[id(value)] = view
            return value

        def combine(values):
            value = base.__new__(cls, values if base is tuple else [self.hashable(item) for item in values])
            if not exact:
                self.pending[id(value)] = view
            return value

        whole = self.few(items) or len(items) <= PLAIN and all(bare(item.type_name) in SCALARS for item in items)
        if whole and any(item is not None and item.type_name in ("traceback", "frame") for item in items):
            whole = False  # what sys.exc_info() gave may be in a variable of that very frame
        return Needs(list(items), combine, lazily) if whole else lazily()

    # -- filling

    def fill_attributes(self, value):
        """Puts the attributes of an instance into its dictionary."""
        view = self.pending.pop(id(value), None)
        if view is None:
            return
        try:
            attributes, held = view.attributes, _classes.attribute(view, "__dict__")
            names = ()
            if held is not None and held.type_name == "dict" and not held.surrogate:
                names = self.share_dictionary(value, held)
            own = object.__getattribute__(value, "__dict__")
            slots = () if view.type is None or view.type.surrogate else self.classes.slots(view.type)
            for name in list(attributes):
                if name in OWN or (name in names and name not in slots):
                    continue
                if name in names:
                    self.slotted.setdefault(id(value), set()).add(name)
                place = self.beside_names.setdefault(id(value), {}) if names or name in slots else own
                place.setdefault(name, self.rebuild(attributes[name], BUDGET // 4))
        except Exception:
            return  # what the damaged dump still has is there

    def share_dictionary(self, value, view):
        """Gives an instance the dictionary that it has in the dump, which others may hold too; the names that are in it."""
        own, shared = object.__getattribute__(value, "__dict__"), self.memo.get(self.key_of(view))
        if own or not isinstance(shared, (dict, type(None))):
            return ()  # it keeps something of ours
        if shared is None:
            shared = self.keep(view, own)
            for name, item in view.items:
                self.put(shared, self.rebuild(name), self.rebuild(item, BUDGET // 4))
        else:
            if isinstance(shared, _containers.LazyDict):
                shared._heapsake_fill()
            try:
                object.__setattr__(value, "__dict__", shared)
            except AttributeError:
                own.update(shared)  # a buffer or the like, whose dictionary cannot be another
        return frozenset(name for name in dict.__iter__(shared) if isinstance(name, str)) | OWN

    def fill_exception(self, value, view):
        arguments = _classes.attribute(view, "args")
        if arguments is not None:
            found = self.resolve(arguments)
            BaseException.args.__set__(value, found if type(found) is tuple else tuple(found) if isinstance(found, tuple) else (found,))
        suppress = _classes.value_of(view, "__suppress_context__", (bool, int))
        if suppress is not None:
            BaseException.__suppress_context__.__set__(value, bool(suppress))
        for name in ("errno", "strerror", "filename", "filename2", "code", "value", "msg", "name", "path", "encoding", "object",
                     "start", "end", "reason", "lineno", "offset", "end_lineno", "end_offset", "text", "print_file_and_line",
                     "obj", "name_from", "characters_written"):
            found = _classes.attribute(view, name)
            if found is not None and hasattr(type(value), name):
                try:
                    # One that was never set reads as None, and set to None it would be in the message of an OSError.
                    found = self.resolve(found)
                    if found is not None:
                        setattr(value, name, found)
                except Exception:
                    continue

    def put(self, mapping, key, value):
        """Puts an entry into a real dict, whatever the key; one that equals another key is kept beside it."""
        try:
            key = self.hashable(key)
            if key in mapping:
                key = Key(key)
        except Exception:
            key = Key(key)
        dict.__setitem__(mapping, key, value)

    def put_in_set(self, add, values, item):
        try:
            add(values, self.hashable(item))
        except Exception:
            add(values, Key(item))

    def key(self, view):
        """The object for a key of a mapping, ready to be hashed."""
        return self.hashable(self.rebuild(view))

    def hashable(self, value):
        """The value, or what stands for it where hashing it fails, is endless, or would be deep."""
        kind = type(value)
        if kind in (str, int, bytes, float, bool, type(None)) or isinstance(kind, _classes.DeadType):
            return value
        stack, seen = [(value, 0)], 0
        while stack:
            item, depth = stack.pop()
            seen += 1
            if depth > 100 or seen > 10000:
                return Key(value)
            if type(item) in (tuple, frozenset):
                stack.extend((each, depth + 1) for each in item)
        try:
            hash(value)
        except Exception:
            return Key(value)
        return value


#: attributes that are not put into an instance's dictionary
OWN = frozenset("""__dict__ __class__ __weakref__ args __traceback__ __cause__ __context__ __suppress_context__
    characters_written""".split())


def contents(view):
    """The bytes of a bytearray and the like."""
    value = view.value
    if not isinstance(value, (bytes, bytearray)):
        value = getattr(view, "payload", None)
    if not isinstance(value, (bytes, bytearray)):
        for name in ("contents", "value", "data"):
            found = _classes.attribute(view, name)
            if found is not None and isinstance(found.value, (bytes, bytearray)):
                return bytes(found.value)
        value = bytes(item.value for item in view.items)
    return bytes(value)


def maker_of(view, name):
    """The function(rebuilder, view) that makes objects of this type, or None; loaded when first needed."""
    global _MAKERS
    if _MAKERS is None:
        from . import _makers

        _MAKERS = _makers
    return _MAKERS.maker_of(view, name)


_MAKERS = None
_REBUILDERS = collections.OrderedDict()
_SHARED = Rebuilder()


def rebuilder_of(dump, choices=None):
    """The rebuilder of a dump, one for each choice that was made; the last few keep what they rebuilt."""
    if dump is None and choices is None:
        return _SHARED
    key = id(dump), None if choices is None else choices.key
    found = _REBUILDERS.get(key)
    if found is None:
        found = _REBUILDERS[key] = Rebuilder(dump, choices)
        while len(_REBUILDERS) > KEPT:
            _REBUILDERS.popitem(last=False)
    _REBUILDERS.move_to_end(key)
    return found


def rebuild(view, names=None, modules=None, code=False):
    """The object of this Python for a view: a real one, or what stands for it.  ``View.rebuild()`` calls this.

    ``names={"package": "other"}`` shows rebuilt classes, functions and modules under other module names, a package with all
    that is in it.  ``modules={"posixpath": "os.path"}`` takes objects of a module in the dump from a module of this Python,
    which is imported; what it lacks becomes a surrogate.  With a package goes all that is in it: the dump then says which of its
    modules are imported, ``__main__`` excepted.  ``code=True`` lets rebuilt functions run, where this version of Python
    compiled them.  Each set of choices has objects of its own.
    """
    choices = None
    if names or modules or code:
        from ._choices import Choices

        choices = Choices(names, modules, code)
    return rebuilder_of(getattr(view, "dump", None), choices).rebuild(view)


def view_of(value):
    """The view that a rebuilt object came from, or None for any other object."""
    for rebuilder in [_SHARED, *_REBUILDERS.values()]:
        found = rebuilder.view_of(value)
        if found is not None:
            return found
    return None


__all__ = ["Key", "Rebuilder", "rebuild", "rebuilder_of", "view_of"]
