"""Real code objects of a dump, for functions that are to run: only where that was chosen, and only on the version of Python that
compiled them.

From 3.11 on an interpreter rewrites the byte code of what it runs; what it wrote is taken back here, as ``co_code`` does.
"""
import dis
import opcode
import sys
import types

from ._classes import attribute, value_of
from .rebuild import Needs

#: kinds of variables in ``co_localspluskinds``: CO_FAST_LOCAL, CO_FAST_CELL and CO_FAST_FREE
KINDS = (("co_varnames", 0x20), ("co_cellvars", 0x40), ("co_freevars", 0x80))
#: what may be in ``co_consts``
CONSTANTS = (type(None), bool, int, float, complex, str, bytes, tuple, frozenset, type(Ellipsis), types.CodeType)


def is_ours(dump):
    """Whether this version of Python made the dump."""
    header = getattr(dump, "header", None) or {}
    version = header.get("hexversion")
    if isinstance(version, int):
        return version >> 16 == sys.hexversion >> 16
    return str(header.get("python", "")).split(".")[:2] == [str(part) for part in sys.version_info[:2]]


def code(rebuilder, view):
    """The code object; NotImplemented where it cannot be had."""
    if not is_ours(rebuilder.dump):
        return NotImplemented
    listed = [attribute(view, name) for name in ("co_name", "co_filename", "co_consts", "co_names")]
    counts = {name: value_of(view, name, int) for name in ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_stacksize", "co_flags",
                                                           "co_firstlineno")}
    raw = value_of(view, "co_code_adaptive", bytes)
    raw = value_of(view, "co_code", bytes) if raw is None else plain_code(raw)
    if raw is None or None in listed or None in counts.values():
        return NotImplemented
    parts = dict(counts, co_code=raw)
    for name in ("co_linetable", "co_exceptiontable", "co_lnotab"):
        found = value_of(view, name, bytes)
        if found is not None:
            parts[name] = found
    if value_of(view, "co_qualname", str) is not None:
        parts["co_qualname"] = str.__str__(value_of(view, "co_qualname", str))
    parts.update(variables(view))
    parts["co_nlocals"] = len(parts["co_varnames"])

    def combine(values):
        constants, names = tuple(iter(values[2])), tuple(iter(values[3]))
        if not all(type(each) in CONSTANTS for each in constants):
            raise ValueError("a constant that no compiler makes")
        return TEMPLATE.replace(co_name=values[0], co_filename=values[1], co_consts=constants, co_names=names, **parts)

    # a tuple of constants that is itself in the way of a cycle cannot be: constants are made before their code
    return Needs(listed[:2] + [listed[2], listed[3]], combine)


TEMPLATE = (lambda: None).__code__


def variables(view):
    """Names of the variables by their kind."""
    together, kinds = attribute(view, "co_localsplusnames"), value_of(view, "co_localspluskinds", bytes)
    if together is None or kinds is None:
        return {name: tuple(each.value for each in attribute(view, name).items) for name, _ in KINDS}
    names = [each.value for each in together.items]
    return {name: tuple(each for each, kind in zip(names, kinds) if kind & bit) for name, bit in KINDS}


def plain_code(adaptive):
    """Byte code as it was compiled; None where an instruction is not known: a debugger or a profiler was at work."""
    made, at = bytearray(adaptive), 0
    while at + 1 < len(made):
        number = PLAIN.get(made[at])
        if number is None:
            return None
        made[at] = number
        caches = CACHES.get(number, 0)
        made[at + 2:at + 2 + 2 * caches] = bytes(2 * min(caches, (len(made) - at - 2) // 2))
        at += 2 + 2 * caches
    return bytes(made)


def _tables():
    """{number of an instruction: of the one that was compiled}, and {number: cells of its cache}."""
    numbers = dict(getattr(dis, "_all_opmap", opcode.opmap))
    base = getattr(dis, "deoptmap", {})
    plain = {number: numbers[base.get(name, name)] for name, number in numbers.items() if base.get(name, name) in numbers
             and not name.startswith(("INSTRUMENTED_", "ENTER_EXECUTOR"))}
    entries = getattr(opcode, "_inline_cache_entries", {})
    if hasattr(entries, "items"):
        # a dict, from 3.15 on a frozen one
        return plain, {numbers[name]: count for name, count in entries.items() if name in numbers}
    return plain, {number: count for number, count in enumerate(entries) if count}


PLAIN, CACHES = _tables()

__all__ = ["code", "is_ours"]
