"""Classes made for the objects of a dump: the name, module and bases of the dead class, none of its code.

An instance is empty until an attribute is asked for; then its dictionary is filled from the dump.  Class attributes are
looked up in the dump too, and never become part of the class, so no special method of the dead class can ever run.
"""
import builtins
import collections
import io
import types

from . import _containers, _groups, _repr
from ._error import Refused

#: how deep a class hierarchy is followed
MAX_BASES = 64
#: attributes that an instance's representation shows
SHOWN = 8

BUILTINS = {name: value for name, value in vars(builtins).items() if isinstance(value, type)}
#: the only classes of a dump that are this Python's own, by qualified name
REAL = dict(BUILTINS)
for _kind in (type(None), type(Ellipsis), type(NotImplemented), types.FunctionType, types.ModuleType, types.CodeType,
              types.FrameType, types.TracebackType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType,
              types.MethodType, types.BuiltinFunctionType, types.CellType, types.MappingProxyType, types.MethodDescriptorType,
              types.WrapperDescriptorType, types.MethodWrapperType, types.GetSetDescriptorType, types.MemberDescriptorType):
    REAL[_kind.__name__] = _kind
for _kind in (collections.OrderedDict, collections.defaultdict, collections.deque, collections.Counter, types.SimpleNamespace):
    REAL["%s.%s" % (_kind.__module__, _kind.__qualname__)] = _kind
#: what a rebuilt class inherits from where the dead one inherits from these
LAYOUTS = {
    "list": _containers.LazyList, "dict": _containers.LazyDict, "set": _containers.LazySet, "tuple": _containers.LazyTuple,
    "frozenset": _containers.LazyFrozenset, "collections.OrderedDict": _containers.LazyDict,
    "collections.defaultdict": _containers.LazyDict, "collections.Counter": _containers.LazyDict,
    "collections.deque": _containers.LazyList, "bool": int, "type": type,
    "mmap.mmap": bytearray, "_io.BytesIO": io.BytesIO, "_io.StringIO": io.StringIO,
}
for _name in ("int", "float", "complex", "str", "bytes", "bytearray", "object"):
    LAYOUTS[_name] = BUILTINS[_name]
for _name, _kind in BUILTINS.items():
    if issubclass(_kind, BaseException) and not _name.endswith("ExceptionGroup"):
        LAYOUTS[_name] = _kind
LAYOUTS.update(BaseExceptionGroup=_groups.BaseExceptionGroup, ExceptionGroup=_groups.ExceptionGroup)
#: types of C functions: what is rebuilt of them can be called, and refuses
CALLABLE = frozenset("""builtin_function_or_method method_descriptor wrapper_descriptor method-wrapper classmethod_descriptor
    functools._lru_cache_wrapper""".split())
ABSENT = object()
#: the flag of classes that were made by a program
HEAP_TYPE = 1 << 9


def bare(name):
    """The qualified name of a type, without ``builtins.``; text that any Python can take as a name."""
    if not isinstance(name, str):
        return "object"
    name = name[9:] if name.startswith("builtins.") else name
    return name if name.isprintable() else name.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")


def attribute(view, name, default=None):
    """The view of an attribute, or ``default``."""
    try:
        return default if view is None else view.attributes[name]
    except Exception:
        return default


def value_of(view, name, kind, default=None):
    """The plain value of an attribute when it is of the type ``kind``."""
    found = attribute(view, name)
    value = default if found is None else found.value
    return value if isinstance(value, kind) else default


class DeadType(type):
    """The class of rebuilt classes."""

    def __call__(cls, *arguments, **options):
        raise Refused("%s comes from a dump: it makes no objects" % cls.__qualname__)

    def __getattr__(cls, name):
        origin = cls.__dict__.get("__heapsake_origin__")
        if origin is not None:
            return origin[0].classes.class_attribute(cls, origin[1], name)
        raise AttributeError("%s of the dump has no attribute %r" % (cls.__qualname__, name))

    def __dir__(cls):
        """The names that the dead class and its bases have, none of ours."""
        origin = cls.__dict__.get("__heapsake_origin__")
        names = None if origin is None or origin[1] is None else origin[0].classes.names(origin[1])
        return sorted(names or type.__dir__(cls))

    def __subclasscheck__(cls, other):
        if type.__subclasscheck__(cls, other):
            return True
        origin = cls.__dict__.get("__heapsake_origin__")
        return origin is not None and isinstance(other, type) and origin[0].classes.is_registered(cls, origin[1], other)

    def __instancecheck__(cls, value):
        return type.__instancecheck__(cls, value) or cls.__subclasscheck__(type(value))


class Key:
    """Stands in a rebuilt dict or set for a key that cannot be hashed here, or that equals another one here."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return _repr.one_line(self)

    def __heapsake_describe__(self, limits):
        return _repr.Description("<key: ", [(None, self.value)], ">")


class Classes:
    """The rebuilt classes of one dump."""

    def __init__(self, rebuilder):
        self.rebuilder = rebuilder
        self.made = {}
        self.opened = []

    # -- classes

    def of_instance(self, view, flavour=""):
        """The class for an instance, from the view of its type where there is one, else from the names of its bases."""
        kind = view.type
        names = [bare(name) for name in (view.bases or ())]
        name = bare(view.type_name)
        if kind is not None and not kind.surrogate:
            return self.of_type(kind, flavour, name, names)
        return self.named(name, names, flavour, None)

    def of_type(self, view, flavour="", name=None, names=None):
        """The class that a view of a type stands for; this Python's own only by the closed table."""
        known = self.type_name(view, name)
        if known in REAL and name is None:
            return REAL[known]
        key = (self.rebuilder.key_of(view), flavour or known in REAL)
        if key in self.made:
            return self.made[key]
        if len(self.opened) > MAX_BASES or key in self.opened:
            return object
        self.opened.append(key)
        try:
            bases = (LAYOUTS[known],) if known in LAYOUTS else self.bases(view, names)
            made = self.create(known, bases, flavour, view)
        finally:
            self.opened.pop()
        self.made[key] = made
        return made

    def type_name(self, view, name=None):
        if name is not None:
            return name
        qualified = value_of(view, "__qualname__", str) or value_of(view, "__name__", str) or "object"
        module = value_of(view, "__module__", str)
        return bare("%s.%s" % (module, qualified) if module else qualified)

    def bases(self, view, names):
        found = attribute(view, "__bases__")
        bases = [self.base(item) for item in found.items] if found is not None and not found.surrogate else []
        if not bases and names:
            bases = [next((LAYOUTS[name] for name in names[1:] if name in LAYOUTS), object)]
        return tuple(dict.fromkeys(bases)) or (object,)

    def base(self, view):
        known = self.type_name(view)
        if known in LAYOUTS:
            return LAYOUTS[known]
        made = self.of_type(view)
        return made if isinstance(made, DeadType) else object

    def surrogate(self, view, reason):
        """The class of what stands for an object of which information is missing."""
        kind, name = view.type, bare(view.type_name)
        key = (name, "surrogate", reason)
        if key not in self.made:
            self.made[key] = self.create(name, (object,), "surrogate:%s" % reason, kind)
        return self.made[key]

    def named(self, name, names, flavour, view):
        """A class of which only names are known."""
        key = (name, flavour)
        if key not in self.made:
            base = next((LAYOUTS[each] for each in names if each in LAYOUTS), LAYOUTS.get(name, object))
            self.made[key] = self.create(name, (base,), flavour, view)
        return self.made[key]

    def create(self, name, bases, flavour, view):
        module, qualified = split(name, view)
        module = self.rebuilder.choices.name(module)
        body = {
            "__module__": module, "__qualname__": qualified, "__doc__": None,
            "__heapsake_origin__": (self.rebuilder, view), "__heapsake_flavour__": flavour,
        }
        body.update(self.behaviour(layout_of(bases), flavour))
        from . import _answers

        body.update(_answers.body(self.rebuilder, bare(name)))
        short = bare(value_of(view, "__name__", str) or qualified.rpartition(".")[2] or qualified)
        for attempt in (bases, tuple(base for base in bases if base is not object), (layout_of(bases),), (object,)):
            try:
                return DeadType(short, attempt or (object,), dict(body))
            except TypeError:
                continue
        return DeadType("object", (object,), body)

    def behaviour(self, layout, flavour):
        """The special methods of a rebuilt class; none is the program's."""
        rebuilder, classes = self.rebuilder, self
        pending, slotted, beside = rebuilder.pending, rebuilder.slotted, rebuilder.beside_names
        generic = object.__getattribute__

        def __getattribute__(self, name):
            if pending and name != "__class__" and id(self) in pending:
                rebuilder.fill_attributes(self)
            if slotted and name in slotted.get(id(self), ()) and name in beside[id(self)]:
                return beside[id(self)][name]
            return generic(self, name)

        def __getattr__(self, name):
            return classes.instance_attribute(self, name)

        def __setattr__(self, name, value):
            if name.startswith("_heapsake"):
                return object.__setattr__(self, name, value)
            if pending and id(self) in pending:
                rebuilder.fill_attributes(self)
            own = beside[id(self)] if name in slotted.get(id(self), ()) else object.__getattribute__(self, "__dict__")
            own[name] = value

        def __delattr__(self, name):
            if pending and id(self) in pending:
                rebuilder.fill_attributes(self)
            own = beside[id(self)] if name in slotted.get(id(self), ()) else object.__getattribute__(self, "__dict__")
            try:
                del own[name]
            except KeyError:
                raise AttributeError(name) from None

        def __repr__(self):
            return _repr.one_line(self)

        def __dir__(self):
            return sorted(set(dir(type(self))) | set(names_of(self)))

        body = {"__dir__": __dir__, "__getattribute__": __getattribute__, "__getattr__": __getattr__, "__repr__": __repr__, "__str__": __repr__,
                "__setattr__": __setattr__, "__delattr__": __delattr__, "__format__": lambda self, spec: format(str(self), spec),
                "__reduce_ex__": object.__reduce_ex__}
        if issubclass(layout, BaseException):
            body.update(exception_behaviour(rebuilder))
            del body["__str__"], body["__setattr__"], body["__delattr__"], body["__format__"]
        elif issubclass(layout, (int, float, complex, str, bytes)):
            del body["__str__"], body["__format__"]
        elif issubclass(layout, (list, dict, set, tuple, frozenset, bytearray)):
            if not issubclass(layout, (tuple, frozenset)):
                body["__hash__"] = object.__hash__
        else:
            body["__heapsake_describe__"] = describe_instance
        if issubclass(layout, tuple):
            body["__heapsake_describe__"] = describe_tuple
        if issubclass(layout, (int, float, complex, str, bytes)):
            body["__heapsake_describe__"] = describe_scalar
        if flavour == "items":
            body.update(item_behaviour(rebuilder))
        if flavour in ("call", "weak"):
            body["__call__"] = refuse_call if flavour == "call" else weak_call
            body["__heapsake_describe__"] = describe_call if flavour == "call" else describe_weak
        if flavour.startswith("surrogate"):
            body["__heapsake_describe__"] = describe_surrogate
            body.pop("__str__", None)
        return body

    # -- attributes

    def find(self, view, name):
        """The view of a class attribute along the dead class's method resolution order, or ABSENT."""
        for kind in self.order(view):
            found = attribute(kind, name, ABSENT)
            if found is not ABSENT:
                return found
        return ABSENT

    def order(self, view):
        """The views of the dead class's method resolution order."""
        order = attribute(view, "__mro__")
        return list(order.items)[:MAX_BASES] if order is not None and not order.surrogate else [view]

    def names(self, view):
        """All names of a dead class and its bases; none where the dump has no dictionary of one."""
        found = set()
        for kind in self.order(view):
            names = attribute(kind, "__dict__")
            found.update(key.value for key, _ in (names.items if names is not None else ()) if isinstance(key.value, str))
        return found

    def slots(self, view):
        """The names of the slots that a program's classes gave to their instances."""
        key = self.rebuilder.key_of(view), "slots"
        if key not in self.made:
            found = set()
            for kind in self.order(view):
                names = attribute(kind, "__dict__") if value_of(kind, "__flags__", int, 0) & HEAP_TYPE else None
                found.update(name.value for name, each in (names.items if names is not None else ()) if each.type_name == "member_descriptor")
            self.made[key] = frozenset(found)
        return self.made[key]

    def is_registered(self, cls, view, other):
        """Whether an abstract class knows another one, or a base of it, by registration."""
        stack, seen = [(cls, view)], set()
        while stack:
            cls, view = stack.pop()
            if id(cls) in seen or view is None or len(seen) > MAX_BASES:
                continue
            seen.add(id(cls))
            registry = attribute(attribute(view, "_abc_impl"), "_abc_registry")
            for reference in registry.items if registry is not None else ():
                registered = attribute(reference, "referent")
                if registered is not None and registered.kind == "type":
                    made = self.of_type(registered)
                    if made is not object and (made in other.__mro__ or type.__subclasscheck__(made, other)):
                        return True
            # what is registered with a subclass is registered with the class
            stack.extend((each, vars(each)["__heapsake_origin__"][1]) for each in type.__subclasses__(cls) if isinstance(each, DeadType))
        return False

    def class_attribute(self, cls, view, name):
        found = ABSENT if view is None or name.startswith("__heapsake") else self.find(view, name)
        if found is not ABSENT:
            return self.bound(found, name, None, cls)
        meta = None if view is None or name in UNASKED or name.startswith("__heapsake") else view.type
        found = ABSENT if meta is None or meta.surrogate else self.find(meta, name)
        if found is ABSENT:
            raise AttributeError("%s of the dump has no attribute %r" % (cls.__qualname__, name))
        return self.bound(found, name, cls, type(cls))

    def instance_attribute(self, instance, name):
        cls = type(instance)
        if name.startswith("__heapsake") or name in UNASKED:
            raise AttributeError(name)
        view = cls.__heapsake_origin__[1]
        if view is not None:
            own = self.special(instance, cls, view, name)
            if own is not ABSENT:
                return own
            from . import _answers

            answer = _answers.answer_of(self.rebuilder, instance, name)
            if answer is not None:
                return answer
            found = self.find(view, name)
            if found is not ABSENT:
                return self.bound(found, name, instance, cls)
        raise AttributeError("%s object of the dump has no attribute %r" % (cls.__qualname__, name))

    def special(self, instance, cls, view, name):
        """What it has besides its dictionary, fields of named tuples, and ``name`` and ``value`` of enumeration members."""
        beside = self.rebuilder.beside_names.get(id(instance))
        if beside is not None and name in beside:
            return beside[name]
        if isinstance(instance, tuple):
            fields = self.find(view, "_fields")
            if fields is not ABSENT:
                names = [field.value for field in fields.items]
                if name in names and names.index(name) < len(instance):
                    return instance[names.index(name)]
        if name in ("name", "value"):
            own = object.__getattribute__(instance, "__dict__")
            return own.get("_%s_" % name, ABSENT)
        return ABSENT

    def bound(self, found, name, instance, cls):
        kind = bare(found.type_name)
        if kind in ("member_descriptor", "getset_descriptor") and instance is not None:
            raise AttributeError("%r of this %s is not set, or not in the dump" % (name, cls.__qualname__))
        if instance is not None and kind in ("property", "functools.cached_property", "enum.property", "types.DynamicClassAttribute"):
            raise AttributeError("%r is a property of %s: code of a dump does not run" % (name, cls.__qualname__))
        if kind in ("classmethod", "staticmethod"):
            inner = attribute(found, "__func__")
            if inner is None:
                return self.rebuilder.rebuild(found)
            function = self.rebuilder.rebuild(inner)
            return types.MethodType(function, cls) if kind == "classmethod" and callable(function) else function
        value = self.rebuilder.rebuild(found)
        if instance is not None and (kind in ("function", "method_descriptor") and callable(value)):
            return types.MethodType(value, instance)
        return value


#: names that tools ask of any object, and that must stay unanswered
UNASKED = frozenset("""__wrapped__ __signature__ __iter__ __next__ __len__ __getitem__ __index__ __fspath__ __array__
    __array_interface__ __array_struct__ __await__ __aiter__ __anext__ __enter__ __exit__ __call__ __get__ __set__ __delete__
    __length_hint__ __set_name__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__ __reduce__ __copy__ __deepcopy__
    __conform__ __bool__ __float__ __int__ __rich_repr__ _repr_html_ _repr_mimebundle_ _ipython_display_
    _ipython_canary_method_should_not_exist_ __prepare__ __mro_entries__ __class_getitem__ __isabstractmethod__""".split())


def split(name, view):
    """(module, qualified name) of a qualified type name; the module as the dump has it."""
    module = value_of(view, "__module__", str) if view is not None else None
    if module is not None:
        module = bare(module + ".")[:-1] or module
        return module, name[len(module) + 1:] if name.startswith(module + ".") else name
    head = name.split(".<locals>")[0]
    module = head.rpartition(".")[0]
    return (module, name[len(module) + 1:]) if module else ("builtins", name)


def layout_of(bases):
    for base in bases:
        for kind in base.__mro__:
            if not isinstance(kind, DeadType) and kind is not object:
                return kind
    return object


# -- how instances show themselves

def opening_of(instance):
    cls = type(instance)
    view = cls.__heapsake_origin__[0].view_of(instance)
    name = cls.__qualname__ if cls.__module__ == "builtins" else "%s.%s" % (cls.__module__, cls.__qualname__)
    address = getattr(view, "address", None)
    return "<%s object%s" % (name, " at %#x" % address if isinstance(address, int) else "")


def summary_of(instance):
    """What a reducer says of it in one line, or None."""
    view = type(instance).__heapsake_origin__[0].view_of(instance)
    summary = getattr(view, "summary", None)
    return summary if isinstance(summary, str) else None


def names_of(instance):
    """All attributes of an instance: of its dictionary, and those beside it."""
    own = vars(instance)
    beside = type(instance).__heapsake_origin__[0].beside_names.get(id(instance))
    return {**own, **beside} if beside else own


def describe_instance(instance, limits):
    attributes = names_of(instance)
    summary = summary_of(instance)
    if summary is not None:
        return _repr.Description("%s: %s>" % (opening_of(instance), "".join(c if c.isprintable() else " " for c in summary[:limits.text])))
    if "_name_" in attributes and "_value_" in attributes:
        return describe_member(instance, attributes)
    shown = list(attributes.items())[:SHOWN]
    more = len(attributes) - len(shown)
    return _repr.Description(opening_of(instance) + (":" if attributes else ""), shown, ">", more)


def describe_scalar(instance, limits):
    attributes = vars(instance)
    return describe_member(instance, attributes) if "_name_" in attributes and "_value_" in attributes else None


def describe_member(instance, attributes):
    """Of an enumeration; flags that are none, or several together, may have no name."""
    name = type(instance).__qualname__ + ("" if attributes["_name_"] is None else ".%s" % attributes["_name_"])
    return _repr.Description("<%s:" % name, [(None, attributes["_value_"])], ">")


def describe_tuple(instance, limits):
    fields = getattr(instance, "_fields", None)
    if isinstance(fields, tuple) and len(fields) == len(instance) and all(isinstance(name, str) for name in fields):
        return _repr.Description(type(instance).__name__ + "(", [(_repr.Named(name), item) for name, item in zip(fields, instance)], ")")
    return None


def describe_weak(instance, limits):
    """What it refers to by type and address, as Python shows it: what is held weakly is seldom what is looked for."""
    referent = weak_call(instance)
    return opening_of(instance) + ("; dead>" if referent is None else "; to %s>" % brief(referent))


def describe_call(instance, limits):
    """A C function by its name."""
    attributes = vars(instance)
    name, module, owner = (attributes.get(each) for each in ("__name__", "__module__", "__self__"))
    if type(instance).__qualname__ != "builtin_function_or_method" or not isinstance(name, str):
        return describe_instance(instance, limits)
    if owner is None or isinstance(owner, types.ModuleType):
        view = type(instance).__heapsake_origin__[0].view_of(instance)
        public = next(iter(getattr(view, "public_names", None) or ()), None)
        if public is not None:
            return "<built-in function %s>" % (public[9:] if public.startswith("builtins.") else public)
        return "<built-in function %s>" % (name if module in (None, "builtins") else "%s.%s" % (module, name))
    return "<built-in method %s of %s>" % (name, brief(owner))


def brief(value):
    """Type and address alone."""
    if isinstance(type(value), DeadType):
        return opening_of(value)[1:]
    return "%s object" % type(value).__qualname__


def describe_surrogate(instance, limits):
    reason = type(instance).__heapsake_flavour__.partition(":")[2]
    attributes = names_of(instance)
    opening = opening_of(instance).replace("<", "<surrogate of ", 1)
    return _repr.Description("%s (%s)%s" % (opening, reason, ":" if attributes else ""), list(attributes.items())[:SHOWN], ">",
                             max(0, len(attributes) - SHOWN))


def refuse_call(self, *arguments, **options):
    own = vars(self)
    name = own.get("__qualname__") or own.get("__name__") or type(self).__qualname__
    raise Refused("%s comes from a dump: it does not run" % name)


def weak_call(self):
    return vars(self).get("referent", vars(self).get("__call__"))


def item_behaviour(rebuilder):
    """What a C type's instance can do that has elements."""

    def source(self):
        return _containers.Source(rebuilder, rebuilder.view_of(self).items)

    def __iter__(self):
        view = rebuilder.view_of(self)
        if getattr(view, "is_mapping", False):
            return (rebuilder.key(key) for key, _ in view.items)
        return source(self).all()

    def __getitem__(self, index):
        view = rebuilder.view_of(self)
        if getattr(view, "is_mapping", False):
            for key, value in view.items:
                known = rebuilder.key(key)
                if known is index or known == index:
                    return rebuilder.rebuild(value)
            raise KeyError(index)
        size = len(view.items)
        if isinstance(index, slice):
            return [source(self).item(i) for i in range(*index.indices(size))]
        index = index.__index__()
        if not -size <= index < size:
            raise IndexError("index out of range")
        return source(self).item(index % size)

    def describe(self, limits):
        found = describe_instance(self, limits)
        return _repr.Description(found.opening.rstrip(":") + ":", list(found.parts) + [("items", list_of(self))], ">", found.more)

    def list_of(self):
        view, items = rebuilder.view_of(self), _containers.LazyList()
        if getattr(view, "is_mapping", False):
            items = _containers.LazyDict()
        items._heapsake_source = source(self)
        return items

    return {"__iter__": __iter__, "__len__": lambda self: len(rebuilder.view_of(self).items), "__getitem__": __getitem__,
            "__bool__": lambda self: True, "__heapsake_describe__": describe}


def exception_behaviour(rebuilder):
    """``__traceback__``, ``__cause__`` and ``__context__`` are rebuilt when they are asked for."""

    def linked(name):
        links = rebuilder.links

        def get(self):
            key = id(self), name
            if key not in links:
                view = rebuilder.view_of(self)
                found = None if view is None else attribute(view, name)
                value = None if found is None else rebuilder.rebuild(found)
                kind = types.TracebackType if name == "__traceback__" else BaseException
                suppress = self.__suppress_context__
                put(self, value if isinstance(value, kind) else None)
                # setting a cause, even to None, hides the context
                self.__suppress_context__ = suppress
            return links[key]

        def put(self, value):
            links[id(self), name] = value
            getattr(BaseException, name).__set__(self, value)

        return property(get, put)

    def describe(self, limits):
        name = type(self).__qualname__
        arguments = [(None, argument) for argument in self.args]
        return _repr.Description(name + "(", arguments, ")")

    body = {name: linked(name) for name in ("__traceback__", "__cause__", "__context__")}
    body["__heapsake_describe__"] = describe
    return body


__all__ = ["CALLABLE", "Classes", "DeadType", "Key", "LAYOUTS", "REAL", "attribute", "bare", "value_of"]
