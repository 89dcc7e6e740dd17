"""What is done to a module when the program imports it, so that nothing is imported for it before.

One finder, at the head of ``sys.meta_path`` as long as modules are waited for; each import until then costs a look into a dict.
"""
import contextlib
import functools
import sys

from ._hook import Hook

_waiting = {}
_around = {}
_looking = set()


def when_imported(name, action):
    """Calls ``action`` with the module: now where it is imported, else as soon as it is. What goes wrong in it stays in it."""
    module = sys.modules.get(name)
    if module is not None and not _is_being_imported(module):
        _act(action, module)
        return
    _waiting.setdefault(name, []).append(action)
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def around_import(name, context):
    """As long as it is not imported, the module is imported within ``context()``."""
    _around[name] = context
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def no_longer_around(name):
    _around.pop(name, None)
    _leave()


def forget(name, action):
    actions = _waiting.get(name, [])
    if action in actions:
        actions.remove(action)
        if not actions:
            _waiting.pop(name, None)
    _leave()


class Hooks:
    """Functions of modules with ours in front, each ``(module, owner, name, make)``: as long as it is open, also in what is imported
    later.  The owner is a class of the module, or the module itself where it is empty."""

    def __init__(self, *places):
        self._actions = [(module, functools.partial(self._hang, *place)) for module, *place in places]
        self._is_open = False
        self._hung = []

    def _hang(self, owner, name, make, module):
        if self._is_open:
            hook = Hook(functools.reduce(getattr, filter(None, owner.split(".")), module), name, make)
            hook.open()
            self._hung.append(hook)

    def open(self):
        if not self._is_open:
            self._is_open = True
            for module, action in self._actions:
                when_imported(module, action)

    def close(self):
        self._is_open = False
        for module, action in self._actions:
            forget(module, action)
        while self._hung:
            self._hung.pop().close()


def _is_being_imported(module):
    return getattr(getattr(module, "__spec__", None), "_initializing", False)


def _act(action, module):
    try:
        action(module)
    except Exception:
        pass  # a module of another make than the standard library's


def _done(name, module):
    for action in _waiting.pop(name, []):
        _act(action, module)
    no_longer_around(name)


def _leave():
    if not _waiting and not _around and _Finder in sys.meta_path:
        sys.meta_path.remove(_Finder)


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _waiting and name not in _around or name in _looking:
            return None
        # Another finder may ask all others, and so this one, as well.
        _looking.add(name)
        try:
            spec = None
            for finder in list(sys.meta_path):
                find = getattr(finder, "find_spec", None)
                spec = find(name, path, target) if find is not None and finder is not _Finder else None
                if spec is not None:
                    break
        finally:
            _looking.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec, name)
        return spec


class _Loader:
    """Stands in for a module's loader until it has loaded it."""

    def __init__(self, spec, name):
        self._spec, self._name, self._loader = spec, name, spec.loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._spec.loader = module.__loader__ = self._loader
        with _around.get(self._name, contextlib.nullcontext)():
            self._loader.exec_module(module)
        _done(self._name, module)

    def __getattr__(self, name):
        return getattr(self._loader, name)


__all__ = ["Hooks", "around_import", "forget", "no_longer_around", "when_imported"]
