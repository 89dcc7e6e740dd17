"""What a session of the debugger keeps: the stack it looks at, the names of each frame, the prompt of ``interact``.

Nothing here changes the dump: what is assigned stays in the namespace of its frame.
"""
import builtins
import code
import collections.abc

#: where pdb keeps ``$name``
CONVENIENCE = "__pdb_convenience_variables"


class Stack(collections.abc.Sequence):
    """What pdb takes for its list of (frame, line), innermost last; a frame is built when it is asked for."""

    def __init__(self, frames, entries, convert):
        self.frames, self.entries, self.convert = frames, entries, convert
        self.known, self.built = {}, {}

    def __len__(self):
        return len(self.entries)

    def facts(self, number):
        if number not in self.known:
            self.known[number] = self.convert(self.entries[number])
        return self.known[number]

    def __getitem__(self, number):
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError("stack index out of range")
        number %= len(self)
        if number not in self.built:
            facts = self.facts(number)
            self.built[number] = self.frames.frame(facts), facts.lineno
        return self.built[number]


class Namespace(dict):
    """Names as seen from one frame: what the session set, then locals, then globals.  ``eval`` takes it for globals and locals."""

    def __init__(self, local_values, names, convenience):
        super().__init__(local_values)
        self["__builtins__"] = builtins
        self._names, self._convenience = names, convenience
        self._known = dict(local_values)

    def is_assigned(self, name):
        """Whether the session gave it the value that it has."""
        return dict.__contains__(self, name) and (name not in self._known or dict.__getitem__(self, name) is not self._known[name])

    def __missing__(self, name):
        return self._convenience if name == CONVENIENCE else self._names[name]

    def known(self):
        """Every name, for completion."""
        return set(self) | {name for name in self._names} | set(vars(builtins))


class Leave(SystemExit):
    """``exit()`` within ``interact``."""


class Console(code.InteractiveConsole):
    """The prompt of ``interact``, on the debugger's own input and output."""

    def __init__(self, debugger, names):
        super().__init__(names, "<stdin>")
        self.debugger = debugger

    def write(self, text):
        self.debugger.stdout.write(text)

    def raw_input(self, prompt=""):
        return self.debugger.read_line(prompt)

    def runcode(self, compiled):
        try:
            exec(compiled, self.locals, self.locals)
        except SystemExit:
            raise
        except BaseException:
            self.debugger.say_exception()


def leave(status=None):
    raise Leave(status)


__all__ = ["Console", "Leave", "Namespace", "Stack", "leave"]
