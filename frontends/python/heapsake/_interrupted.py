"""Whether an exception is one that a handler of a signal raised: such a one passes, whatever it interrupts."""

#: of a function that takes any number of arguments
_VARARGS = 4
#: numbers of signals are below this
_SIGNALS = 65


def is_of_handler(problem):
    """Whether a frame of its traceback is that of a handler: it was given a number, and the frame that it interrupted."""
    trace = BaseException.__dict__["__traceback__"].__get__(problem)
    while trace is not None:
        try:
            if _is_handler(trace.tb_frame):
                return True
        except Exception:
            pass  # its variables are not to be had
        trace = trace.tb_next
    return False


def _is_handler(frame):
    if frame.f_back is None:
        return False
    code, known = frame.f_code, frame.f_locals
    given = [known.get(name) for name in code.co_varnames[:code.co_argcount]]
    if code.co_flags & _VARARGS:
        given += known.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount], ())
    return any(isinstance(number, int) and 0 < number < _SIGNALS and at is frame.f_back for number, at in zip(given, given[1:]))


__all__ = ["is_of_handler"]
