"""What the program is called in the names of its dumps: the same before it runs and while it does, and in its workers."""
import os
import sys

#: options of Python whose value may be a word of its own
_WITH_VALUE = "WX"
#: in a worker, what its parent is called
_parent = None


def program():
    """The module that ``-m`` names, a folder or archive that is run, else the name of the file, without the ending."""
    if _parent is not None:
        return _parent
    first = (getattr(sys, "argv", None) or [""])[0]
    first = first if isinstance(first, str) else ""
    main = sys.modules.get("__main__")
    module = getattr(getattr(main, "__spec__", None), "name", None)
    if first == "-m":
        module = _named_module()
    if isinstance(module, str) and module not in ("", "__main__"):
        name = module[: -len(".__main__")] if module.endswith(".__main__") else module
    else:
        # A folder that is run has a file too, but it is called `__main__.py`.
        file = first.rstrip("/") if module == "__main__" else getattr(main, "__file__", None)
        file = file if isinstance(file, str) else first
        name = os.path.splitext(os.path.basename(file))[0] if file != "-c" else ""
    return name.lstrip("-.") or "python"


def _named_module():
    """What ``-m`` names on the command line: before it runs, the arguments do not tell."""
    words = getattr(sys, "orig_argv", None)  # from 3.10 on
    if words is None:
        try:
            with open("/proc/self/cmdline", "rb") as file:
                words = [os.fsdecode(word) for word in file.read().split(b"\0")]
        except OSError:
            return None
    rest = iter(words[1:])
    for word in rest:
        if word == "--check-hash-based-pycs":
            next(rest, None)
        for at, letter in enumerate("" if word.startswith("--") else word):
            if letter == "m":
                return word[at + 1:] or next(rest, None)
            if letter in _WITH_VALUE:
                if not word[at + 1:]:
                    next(rest, None)
                break
    return None


def of_parent(name):
    """A worker that is started anew runs no file of its own, and hears of its parent's late, if at all."""
    global _parent
    _parent = name


__all__ = ["of_parent", "program"]
