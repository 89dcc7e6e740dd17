"""What holds nothing but a value and a position, made real: buffers in memory, and iterators over ranges."""
import io

from ._classes import attribute, value_of

#: real classes of buffers, by their qualified names
BUFFERS = {"_io.BytesIO": io.BytesIO, "_io.StringIO": io.StringIO}


def fill_buffer(made, view):
    """Value, position, and whether it is closed; False where the dump has only a part of the value."""
    kind = io.BytesIO if isinstance(made, io.BytesIO) else io.StringIO
    if value_of(view, "closed", (bool, int)):
        kind.close(made)
        return True
    value, length = value_of(view, "value", (str, bytes)), value_of(view, "length", int)
    if kind is io.BytesIO and value is not None and length is not None and len(value) < length:
        behind = attribute(view, "buf")
        value = behind.value[:length] if behind is not None and isinstance(behind.value, bytes) else None
    position = value_of(view, "position", int)
    if value is None or position is None or position < 0 or length is None or len(value) != length:
        return False
    # nothing is translated: the value is what it became when it was written
    kind.__init__(made, value, *(("",) if kind is io.StringIO else ()))
    kind.seek(made, position)
    return True


def buffer_of(rebuilder, view, name):
    made = BUFFERS[name]()
    return made if fill_buffer(made, view) else NotImplemented


def range_iterator(rebuilder, view):
    """What is left of it, as the same kind of iterator."""
    start, step, length = [value_of(view, name, int) for name in ("start", "step", "length")]
    if start is None or length is None or not step:
        return NotImplemented
    taken = value_of(view, "index", int, 0)
    return iter(range(start + taken * step, start + length * step, step))


__all__ = ["BUFFERS", "buffer_of", "fill_buffer", "range_iterator"]
