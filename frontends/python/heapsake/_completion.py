"""What a prompt offers to complete: names, attributes and keys.  Only rebuilt objects are asked, so no code of a dump runs."""
import itertools
import re

#: keys of one mapping that are looked at
MOST_KEYS = 2000
#: a name, its attributes and constant keys, at the end of what was typed
EXPRESSION = r"""([^\W\d]\w*(?:\.[^\W\d]\w*|\[(?:-?\d+|'[^'\\]*'|"[^"\\]*")\])*)"""
ATTRIBUTE = re.compile(EXPRESSION + r"\.(\w*)$")
KEY = re.compile(EXPRESSION + r"""\[(['"]?)([^'"\[\]]*)$""")
NAME = re.compile(r"(?:^|[^\w.'\"])((?:[^\W\d]\w*)?)$")


def attributes_of(value):
    try:
        names = dir(value)
    except Exception:
        return []
    return [name for name in names if isinstance(name, str) and name.isidentifier() and not name.lstrip("_").startswith("heapsake")]


def keys_of(value):
    if not isinstance(value, dict):
        return []
    peek = getattr(type(value), "__heapsake_pairs__", None)
    try:
        pairs = peek(value) if peek is not None else dict.items(value)
        return [key for key, _ in itertools.islice(pairs, MOST_KEYS) if type(key) in (str, int)]
    except Exception:
        return []


def completions(before, names, evaluate):
    """(length of what is replaced, texts) for the text before the cursor.

    ``names`` gives the names that are known, ``evaluate`` the object for an expression of names, attributes and constant keys.
    """
    found = ATTRIBUTE.search(before)
    if found:
        head, tail = found.groups()
        return len(tail), _begin(tail, _asked(evaluate, head, attributes_of))
    found = KEY.search(before)
    if found:
        head, quote, tail = found.groups()
        keys = _asked(evaluate, head, keys_of)
        if quote:
            plain = [key for key in keys if type(key) is str and key.isprintable() and quote not in key and "\\" not in key]
            return len(tail), [key + quote + "]" for key in plain if key.startswith(tail)]
        shown = [repr(key) + "]" for key in keys if type(key) is int or key.isprintable()]
        texts = _begin(tail, shown)
        if texts:
            return len(tail), texts
    found = NAME.search(before)
    if found:
        return len(found.group(1)), sorted(_begin(found.group(1), (name for name in names() if isinstance(name, str))))
    return 0, []


def _asked(evaluate, head, of):
    try:
        value = evaluate(head)
    except Exception:
        return []
    return of(value)


def _begin(start, texts):
    hidden = not start.startswith("_")
    return [text for text in texts if text.startswith(start) and not (hidden and text.startswith("_"))]


__all__ = ["completions"]
