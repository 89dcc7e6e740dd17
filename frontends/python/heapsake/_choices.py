"""How objects of a dump are rebuilt when the user has a say: under other module names, as objects of modules that are there, and
whether their functions run.

Without a choice nothing is imported and nothing runs.
"""
import enum
import importlib
import types

from ._classes import ABSENT, attribute, bare, value_of


def prefixes(name):
    """The dotted name and the packages that it lies in, the longest first."""
    while name:
        yield name
        name = name.rpartition(".")[0]


class Choices:
    """``names`` maps names of modules, or of packages with all that is in them, to those that rebuilt classes, functions and
    modules show; ``modules`` maps names in the dump to modules of this Python, whose own objects then stand for the dump's;
    ``code`` lets functions run that this version of Python has compiled.

    The name of a package in ``modules`` binds all that is in it: which of its modules are imported, and run by that, is up to
    the dump, but for ``__main__``.
    """

    def __init__(self, names=None, modules=None, code=False):
        self.names, self.modules, self.code = dict(names or {}), dict(modules or {}), bool(code)
        for each in list(self.names.items()) + [(name, name) for name in self.modules]:
            if not all(isinstance(text, str) and text for text in each):
                raise TypeError("names of modules are text, as {\"package\": \"other.package\"}; %r is not" % (each,))
        for module in self.modules.values():
            if not isinstance(module, (str, types.ModuleType)):
                raise TypeError("what a module is bound to is a module or the name of one, not a %s" % type(module).__name__)
        self.found, self.compared = {}, set()

    @property
    def key(self):
        modules = frozenset((name, module if isinstance(module, str) else id(module)) for name, module in self.modules.items())
        return frozenset(self.names.items()), modules, self.code

    def name(self, name):
        """The name under which a module of the dump is shown."""
        if self.names and isinstance(name, str):
            for prefix in prefixes(name):
                if prefix in self.names:
                    return self.names[prefix] + name[len(prefix):]
        return name

    def module(self, name):
        """(module of this Python, None), (None, why there is none), or None where the name is not bound to any."""
        if name in self.found:
            return self.found[name]
        for prefix in prefixes(name):
            if prefix in self.modules:
                found = self.found[name] = self.imported(self.modules[prefix], name[len(prefix):])
                return found
        return None

    def imported(self, target, rest):
        parts = rest.split(".")[1:]
        if "__main__" in parts or not all(part.isidentifier() for part in parts):
            name = target if isinstance(target, str) else target.__name__
            return None, "the module %s is not imported because a dump names it" % (name + rest)
        try:
            if isinstance(target, str):
                return importlib.import_module(target + rest), None
            for part in parts:
                target = getattr(target, part)
            return target, None
        except Exception as problem:
            name = target if isinstance(target, str) else target.__name__
            return None, "the module %s that it is bound to is not here: %s" % (name + rest, type(problem).__name__)

    def bound(self, rebuilder, view, name):
        """What this Python has in the place of an object of a bound module; NotImplemented where its module is not bound."""
        bases = [bare(each) for each in view.bases or ()]
        if name == "module" or "module" in bases:
            found = self.module(value_of(view, "__name__", str, ""))
            return NotImplemented if found is None else found[0] if found[1] is None else rebuilder.surrogate(view, found[1])
        if name in ("function", "builtin_function_or_method") or name == "type" or "type" in bases:
            return self.member(rebuilder, view)
        if view.type is None or view.type.surrogate or not any(value_of(view.type, "__module__", str, "").startswith(each.partition(".")[0]) for each in self.modules):
            return NotImplemented
        found = self.located(rebuilder, view.type)
        if found is None:
            return NotImplemented
        if found[1] is not None:
            return rebuilder.surrogate(view, found[1])
        if not isinstance(found[0], type):
            return rebuilder.surrogate(view, "what its class is bound to is no class here")
        return self.instance(rebuilder, view, found[0])

    def compare(self, rebuilder, name, module):
        """Says once of each module whether its source is that of the dump."""
        if name not in self.compared:
            self.compared.add(name)
            from ._differing import warn

            try:
                warn(rebuilder.dump, name, module)
            except Warning:
                pass  # where warnings are errors: they are no reason to rebuild less

    def member(self, rebuilder, view):
        """The class or function of a bound module that has the name of one in the dump."""
        found = self.located(rebuilder, view)
        return NotImplemented if found is None else found[0] if found[1] is None else rebuilder.surrogate(view, found[1])

    def located(self, rebuilder, view):
        """(what has the name of a class or function, None), (None, why nothing has), or None where its module is not bound."""
        module, name = value_of(view, "__module__", str, ""), value_of(view, "__qualname__", str) or value_of(view, "__name__", str)
        found = self.module(module) if name else None
        if found is None or found[1] is not None:
            return found
        here = found[0]
        self.compare(rebuilder, module, here)
        try:
            for part in name.split("."):
                here = getattr(here, part)
        except Exception:
            return None, "the module %s that it is bound to has no %s" % (found[0].__name__, name)
        return here, None

    def instance(self, rebuilder, view, cls):
        """An object of a real class, made without a call of its constructor; of an enumeration, the member that is there."""
        if issubclass(cls, enum.Enum):
            name = value_of(view, "_name_", str)
            if name in cls._member_map_:
                return cls._member_map_[name]
            if not issubclass(cls, enum.Flag):
                return rebuilder.surrogate(view, "the enumeration that it is bound to has no member %s" % name)
        base = next((kind for kind in (list, dict, set) if issubclass(cls, kind)), object)
        try:
            value = base.__new__(cls)
        except TypeError:
            return rebuilder.surrogate(view, "an object of the class that it is bound to cannot be made without its constructor")
        rebuilder.fills.append((fill_instance, rebuilder, value, view, base))
        return value


def fill_instance(rebuilder, value, view, base):
    """Items, then slots and the dictionary, past every method of the class."""
    if base is list:
        list.extend(value, [rebuilder.resolve(item) for item in view.items])
    elif base is dict:
        for key, item in view.items:
            rebuilder.put(value, rebuilder.resolve(key), rebuilder.resolve(item))
    elif base is set:
        for item in view.items:
            rebuilder.put_in_set(set.add, value, rebuilder.resolve(item))
    held, attributes = attribute(view, "__dict__"), view.attributes
    slots = {name: slot for cls in reversed(type(value).__mro__) for name, slot in vars(cls).items()
             if isinstance(slot, types.MemberDescriptorType)}
    if held is None:
        names = [name for name in list(attributes) if name not in slots]
    else:
        names = [key.value for key, _ in held.items if isinstance(key.value, str)]
    for name, slot in slots.items():
        found = attribute(view, name, ABSENT)
        if found is not ABSENT and name not in names:
            slot.__set__(value, rebuilder.resolve(found))
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return
    for name in names:
        if name not in ("__dict__", "__weakref__", "__class__"):
            own[name] = rebuilder.resolve(attributes[name])


#: what is done when nobody chooses
DEFAULT = Choices()

__all__ = ["Choices", "DEFAULT"]
