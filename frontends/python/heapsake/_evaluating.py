"""What is typed at the prompt, evaluated in one namespace of a frame's locals over its globals.

Every value is shown by a bounded representation; nothing that is assigned reaches the dump.
"""
import codeop
import sys
import types

from . import _completion, _repr
from ._classes import DeadType
from ._session import Console, Leave, leave


class Evaluating:
    """Evaluation and display of expressions; a part of the debugger."""

    def preloop(self):
        """Values of a dump do not change: what is on display is shown once."""

    def _getval(self, arg):
        try:
            return eval(arg, self.curframe_locals, self.curframe_locals)
        except BaseException:
            self.say_exception()
            raise

    def _getval_except(self, arg, frame=None):
        names = self.curframe_locals if frame is None else self.namespaces.get(frame, self.curframe_locals)
        try:
            return eval(arg, names, names)
        except BaseException as problem:
            return Words("** raised %s: %s **" % (type(problem).__name__, problem))

    def displayhook(self, value):
        if value is not None:
            self.message(_repr.one_line(value))

    def default(self, line):
        if line[:1] == "!":
            line = line[1:].strip()
        try:
            compiled = codeop.compile_command(line + "\n", "<stdin>", "single")
            while compiled is None:
                line += "\n" + self.read_line("...   ")
                compiled = codeop.compile_command(line, "<stdin>", "single")
            saved = sys.stdin, sys.stdout, sys.displayhook
            sys.stdin, sys.stdout, sys.displayhook = self.stdin, self.stdout, self.displayhook
            try:
                exec(compiled, self.curframe_locals, self.curframe_locals)
            finally:
                sys.stdin, sys.stdout, sys.displayhook = saved
        except EOFError:
            self.message("")
        except BaseException:
            self.say_exception()

    def value(self, arg, write):
        try:
            value = self._getval(arg)
        except BaseException:
            return  # said already
        try:
            self.message(write(value))
        except BaseException:
            self.say_exception()

    def do_p(self, arg):
        """p expression

        Print the value of the expression, cut where it is long.
        """
        self.value(arg, _repr.one_line)

    def do_pp(self, arg):
        """pp expression

        Pretty-print the value of the expression, cut where it is long.
        """
        self.value(arg, _repr.pretty)

    def do_object(self, arg):
        """object ADDRESS [NAME]

        Show the object at an address, as id() gave it and a representation has it; give it this name in the current frame.
        """
        words = arg.split()
        try:
            address = int(words[0], 0)
        except (IndexError, ValueError):
            self.error("an address is expected, such as 0x7f3a5c0b1d40")
            return
        view = self.dump.at(address) if 0 <= address < 1 << 64 else None
        if view is None:
            self.error("no object of the dump begins at %#x" % address)
            return
        value = self.rebuilder.rebuild(view)
        if len(words) > 1:
            self.curframe_locals[words[1]] = value
        self.message(_repr.one_line(value))

    def do_args(self, arg):
        """a(rgs)

        Print the argument list of the current function.
        """
        made = self.curframe.f_code
        count = made.co_argcount + made.co_kwonlyargcount + bool(made.co_flags & 4) + bool(made.co_flags & 8)
        for name in made.co_varnames[:count]:
            known = dict.__contains__(self.curframe_locals, name)
            self.message("%s = %s" % (name, _repr.one_line(self.curframe_locals[name]) if known else "*** undefined ***"))

    do_a = do_args

    def do_retval(self, arg):
        """retval

        Print the return value of the current function: a function of a dump has not returned.
        """
        known = dict.__contains__(self.curframe_locals, "__return__")
        if known:
            self.message(_repr.one_line(self.curframe_locals["__return__"]))
        else:
            self.error("Not yet returned!")

    do_rv = do_retval

    def do_whatis(self, arg):
        """whatis expression

        Print the type of the argument.
        """
        self.value(arg, kind_line)

    def do_display(self, arg):
        """display [expression]

        Show the value of the expression; without expression, list those shown in this frame.
        """
        shown = self.displaying.setdefault(self.curframe, {})
        if arg:
            shown[arg] = self._getval_except(arg)
            self.message("display %s: %s" % (arg, _repr.one_line(shown[arg])))
        else:
            self.message("Currently displaying:" if shown else "No expression is being displayed")
            for name, value in shown.items():
                self.message("%s: %s" % (name, _repr.one_line(value)))

    def do_interact(self, arg):
        """interact

        Start an interactive interpreter with the names of the current frame; exit() or the end of input leads back.
        """
        names = self.curframe_locals
        offered = [name for name in ("exit", "quit") if not dict.__contains__(names, name)]
        names.update(dict.fromkeys(offered, leave))
        saved = sys.stdin, sys.stdout, sys.displayhook
        sys.stdin, sys.stdout, sys.displayhook = self.stdin, self.stdout, self.displayhook
        try:
            Console(self, names).interact("*pdb interact start*", "")
        except Leave:
            pass  # exit() was typed
        finally:
            sys.stdin, sys.stdout, sys.displayhook = saved
            for name in offered:
                names.pop(name, None)
        self.message("*exit from pdb interact command*")

    # -- completion

    def completions(self, before):
        """(length of what is replaced, texts) for the text before the cursor."""
        if self.curframe_locals is None:
            return 0, []
        return _completion.completions(before, self.curframe_locals.known, self.evaluated)

    def evaluated(self, text):
        return eval(text, self.curframe_locals, self.curframe_locals)

    def _complete_expression(self, text, line, begidx, endidx):
        before = line[:endidx]
        replaced, texts = self.completions(before)
        if before[:len(before) - replaced][-1:] in ("'", '"') and getattr(self, "pyrepl_input", None) is None:
            # readline itself closes a quotation
            texts = [each[:-2] for each in texts]
        kept = text[:len(text) - replaced] if replaced <= len(text) else ""
        return [kept + each for each in texts]

    complete_p = complete_pp = complete_print = complete_whatis = complete_display = complete_source = _complete_expression
    complete_refs = complete_path = _complete_expression

    def completenames(self, text, line, begidx, endidx):
        return super().completenames(text, line, begidx, endidx) + self._complete_expression(text, line, begidx, endidx)

    def completedefault(self, text, line, begidx, endidx):
        return self._complete_expression(text, line, begidx, endidx)


class Words(str):
    """Text that shows without quotes."""

    def __heapsake_describe__(self, limits):
        return str.__str__(self)

    def __repr__(self):
        return str.__str__(self)


def cut(text, most):
    return text if len(text) <= most else text[:most - 3] + "..."


def kind_line(value):
    if isinstance(value, types.MethodType) and hasattr(value.__func__, "__code__"):
        return "Method %s" % value.__func__.__code__.co_name
    if isinstance(value, types.FunctionType):
        return "Function %s" % value.__code__.co_name
    if type(value) in (type, DeadType):
        return "Class %s.%s" % (value.__module__, value.__qualname__)
    return str(type(value))


__all__ = ["Evaluating", "Words", "cut", "kind_line"]
