"""pdb on the stacks of a dump: a ``Pdb`` that shows, and never runs.

Frames are real and built when they are looked at.  What is typed is evaluated in one namespace of the frame's locals over
its globals, kept for the session; the dump never changes.  Source text comes from the dump, never from a file that happens
to have the same path here; the working directory's ``.pdbrc`` is not read.
"""
import codeop
import linecache
import os
import pdb
import sys
import types

from . import _repr, _sources
from ._classes import DeadType, attribute, value_of
from ._error import Error
from ._frames import FrameFacts
from ._session import Console, Leave, Namespace, Stack, leave
from .rebuild import rebuilder_of

#: entries that ``where`` shows at each end of a long stack
SHOWN_AT_ENDS = 100


class Debugger(pdb.Pdb):
    """pdb for the threads of one dump."""

    #: the names of the current frame; pdb's own of 3.14 reads the frame instead, and cannot be set
    curframe_locals = None

    def __init__(self, dump, stdin=None, stdout=None):
        super().__init__(stdin=stdin, stdout=stdout, nosigint=True, readrc=False)
        self.dump, self.rebuilder = dump, rebuilder_of(dump)
        self.threads = list(dump.threads)
        self.thread, self.exception, self.chain, self.chain_index = None, None, [], 0
        self.namespaces, self.convenience = {}, {}
        self.prompt = "(Pdb) "

    # -- the session

    def session(self, thread=None):
        self.reset()
        try:
            self.choose_thread(self.first_thread() if thread is None else self.find_thread(thread))
            self.message(self.header())
            self.print_stack_entry(self.stack[self.curindex])
            self.cmdqueue = user_commands()
            self._cmdloop()
        finally:
            self.forget()
            self.rebuilder.frames.restore_sources()

    def header(self):
        name = os.path.basename(str(getattr(self.dump, "path", "") or "dump"))
        parts = ["%s: %s" % (name, self.thread_title(self.thread) if self.thread is not None else "an exception")]
        if len(self.threads) > 1:
            parts.append("%d threads" % len(self.threads))
        faults = len(getattr(self.dump, "faults", None) or ())
        if faults:
            parts.append("%d fault%s in the file" % (faults, "" if faults == 1 else "s"))
        line = "; ".join(parts)
        if self.exception is not None:
            line += "\n" + cut(self.exception_line(self.exception), 300)
        return line

    def first_thread(self):
        """Where the exception is, else the thread that made the dump, else the first with frames."""
        handles = lambda each: each.exception is not None and getattr(each, "kind", "thread") == "thread"
        for wanted in (handles, lambda each: each.is_current, lambda each: True):
            for each in self.threads:
                if wanted(each) and len(each.frames):
                    return each
        if self.dump.exception is not None:
            return None
        raise Error("the dump has no thread with frames")

    def find_thread(self, wanted):
        text = str(wanted)
        if text.isdigit() and 1 <= int(text) <= len(self.threads):
            return self.threads[int(text) - 1]
        named = [each for each in self.threads if text in (each.name, str(each.ident), str(each.native_id))]
        if not named:
            raise Error("no thread %s: there are %s" % (text, ", ".join("%d %s" % (n, t.name) for n, t in enumerate(self.threads, 1)) or "none"))
        return named[0]

    def choose_thread(self, thread):
        if thread is not None and not len(thread.frames):
            raise Error("thread %s has no frames in the dump" % thread.name)
        self.thread = thread
        self.exception = self.dump.exception if thread is None else thread.exception
        self.chain = exception_chain(self.exception)
        self.chain_index = len(self.chain) - 1
        if thread is None:
            self.show_traceback(self.exception)
        else:
            self.show(Stack(self.rebuilder.frames, thread.frames, FrameFacts.of_thread))

    def show_traceback(self, exception):
        entries = self.rebuilder.frames.traceback_views(attribute(exception, "__traceback__"))
        if not entries:
            raise Error("this exception has no traceback in the dump")
        self.show(Stack(self.rebuilder.frames, entries, lambda view: FrameFacts.of_view(
            attribute(view, "tb_frame"), value_of(view, "tb_lineno", int, 1), True)))

    def show(self, stack):
        self.forget()
        self.stack, self.curindex = stack, len(stack) - 1
        self.enter()

    def enter(self):
        """Makes the frame at ``curindex`` the current one."""
        frame = self.stack[self.curindex][0]
        self.curframe, self.lineno = frame, None
        if frame not in self.namespaces:
            facts = self.stack.facts(self.curindex)
            module = frame.f_locals is frame.f_globals
            self.namespaces[frame] = Namespace({} if module else dict(frame.f_locals), self.rebuilder.frames.namespace(facts), self.convenience)
        self.curframe_locals = self.namespaces[frame]
        self.convenience["_frame"] = frame
        self.convenience["_exception"] = None
        if self.chain:
            self.convenience["_exception"] = self.rebuilder.rebuild(self.chain[self.chain_index])

    def forget(self):
        self.curframe = None  # nothing of ours is in its globals
        super().forget()

    def _select_frame(self, number):
        self.curindex = number
        self.enter()
        self.print_stack_entry(self.stack[number])

    def set_convenience_variable(self, frame, name, value):
        self.convenience[name] = value

    def _validate_file_mtime(self):
        """Files of this machine do not matter."""

    # -- what pdb asks of its base

    def canonic(self, filename):
        return filename

    def get_file_breaks(self, filename):
        return []

    def read_line(self, prompt):
        if self.use_rawinput:
            return input(prompt)
        self.stdout.write(prompt)
        self.stdout.flush()
        line = self.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def say_exception(self):
        kind, problem = sys.exc_info()[:2]
        try:
            text = str(problem)
        except Exception:
            text = "?"
        self.error(cut("%s: %s" % (kind.__qualname__, text) if text else kind.__qualname__, 2000))

    # -- evaluation

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

    # -- the stack

    def print_stack_entry(self, frame_lineno, prompt_prefix=pdb.line_prefix):
        self.print_entry(self.curindex, prompt_prefix)

    def print_entry(self, number, prefix=pdb.line_prefix):
        facts = self.stack.facts(number)
        self.rebuilder.frames.show_source(facts.filename)
        line = linecache.getline(facts.filename, facts.lineno).strip() if isinstance(facts.lineno, int) else ""
        self.message("%s%s(%s)%s()%s" % ("> " if number == self.curindex else "  ", facts.filename, facts.lineno,
                                         facts.function or "<lambda>", prefix + line if line else ""))

    def do_where(self, arg):
        """w(here) [count]

        Print the stack, innermost frame last, with an arrow at the current one; with a count, that many from each end.
        """
        try:
            ends = int(arg) if arg else SHOWN_AT_ENDS
        except ValueError:
            self.error("Invalid frame count (%s)" % arg)
            return
        self.print_stack_trace(max(1, ends))

    do_w = do_bt = do_where

    def print_stack_trace(self, ends=SHOWN_AT_ENDS):
        size = len(self.stack)
        middle = range(ends, size - ends) if size > 2 * ends else range(0)
        before = None
        try:
            for number in range(size):
                if number in middle and number != self.curindex:
                    if number == middle.start or number == self.curindex + 1:
                        last = self.curindex if number < self.curindex < middle.stop else middle.stop
                        self.message("  … %s more" % _repr.counted(last - number))
                    continue
                inside = self.stack.facts(number).in_traceback
                if inside and before is False:
                    self.message("  --- from here on: the traceback of the exception ---")
                before = inside
                self.print_entry(number)
        except KeyboardInterrupt:
            pass

    def do_threads(self, arg):
        """threads

        List the threads of the dump; an arrow marks the current one.
        """
        for number, each in enumerate(self.threads, 1):
            where = ""
            if len(each.frames):
                facts = FrameFacts.of_thread(each.frames[len(each.frames) - 1])
                where = " at %s(%s)%s()" % (facts.filename, facts.lineno, facts.function)
            self.message("%s %3d %s%s" % (">" if each is self.thread else " ", number, self.thread_title(each), where))

    def thread_title(self, each):
        title = "%s · %s frame%s" % (each.name, _repr.counted(len(each.frames)), "" if len(each.frames) == 1 else "s")
        kind = getattr(each, "kind", "thread")
        title += "" if kind == "thread" else " · " + kind
        return title if each.exception is None else title + " · " + each.exception.type_name

    def do_thread(self, arg):
        """thread NUMBER | NAME

        Switch to another thread, by its number in the list, name or identifier; without argument, show the current one.
        """
        if not arg:
            self.message("no thread: an exception's traceback" if self.thread is None else self.thread_title(self.thread))
            return
        self.switch(lambda: self.choose_thread(self.find_thread(arg)))

    def switch(self, choose):
        try:
            choose()
        except Error as problem:
            self.error(str(problem))
        else:
            self.print_stack_entry(None)

    def do_exceptions(self, arg):
        """exceptions [number]

        List the chain of exceptions, the root cause first, or go to the traceback of one.
        """
        if not self.chain:
            self.message("This thread has no exception.")
        elif not arg:
            for number, view in enumerate(self.chain):
                traced = attribute(attribute(view, "__traceback__"), "tb_frame") is not None
                self.message("%s %s %s" % (">" if number == self.chain_index else " ", "%3d" % number if traced else "  -",
                                           cut(_repr.one_line(self.rebuilder.rebuild(view)), 80)))
        elif not arg.isdigit() or int(arg) >= len(self.chain):
            self.error("No exception with that number")
        else:
            before, self.chain_index = self.chain_index, int(arg)
            try:
                self.show_traceback(self.chain[self.chain_index])
            except Error as problem:
                self.chain_index = before
                self.error(str(problem))
            else:
                self.print_stack_entry(None)

    def exception_line(self, view):
        value = self.rebuilder.rebuild(view)
        try:
            text = str(value)
        except Exception:
            text = _repr.one_line(value)
        return "%s: %s" % (view.type_name, text) if text else view.type_name

    # -- source

    def do_list(self, arg):
        """l(ist) [first[, last] | .]

        List the source that the dump holds: 11 lines around the current one, or on from the last listing.
        """
        filename = self.curframe.f_code.co_filename
        self.rebuilder.frames.show_source(filename)
        if not linecache.getlines(filename):
            self.error("the dump has no source of %s" % filename)
            return
        super().do_list(arg)

    do_l = do_list

    def do_longlist(self, arg):
        """ll | longlist

        List the whole source of the current function or frame.
        """
        filename = self.curframe.f_code.co_filename
        self.rebuilder.frames.show_source(filename)
        if not linecache.getlines(filename):
            self.error("the dump has no source of %s" % filename)
            return
        super().do_longlist(arg)

    do_ll = do_longlist

    def do_source(self, arg):
        """source expression

        Show the source of a function, class or module of the dump, or of a value's class.
        """
        try:
            value = self._getval(arg)
        except BaseException:
            return  # said already
        try:
            lines, first = _sources.lines_of(value, self.rebuilder)
        except Error as problem:
            self.error(str(problem))
            return
        self._print_lines(lines, first)

    # -- completion

    def _complete_expression(self, text, line, begidx, endidx):
        if "." not in text:
            return sorted(name for name in self.curframe_locals.known() if isinstance(name, str) and name.startswith(text))
        head, _, tail = text.rpartition(".")
        if not all(part.isidentifier() for part in head.split(".")):
            return []
        try:
            value = eval(head, self.curframe_locals, self.curframe_locals)
            return ["%s.%s" % (head, name) for name in dir(value) if name.startswith(tail)]
        except Exception:
            return []

    complete_p = complete_pp = complete_print = complete_whatis = complete_display = complete_source = _complete_expression

    def completedefault(self, text, line, begidx, endidx):
        return self._complete_expression(text, line, begidx, endidx)

    # -- what a dump does not do

    def do_continue(self, arg):
        """A dump does not run."""
        self.error("a dump does not run; q leaves")

    def do_quit(self, arg):
        """q(uit) | exit

        Leave the dump.
        """
        self.quitting = True
        return True

    do_q = do_exit = do_quit

    def do_EOF(self, arg):
        """EOF

        Leave the dump at the end of input.
        """
        self.message("")
        return self.do_quit(arg)


for _name in """do_c do_cont do_step do_s do_next do_n do_return do_r do_until do_unt do_jump do_j do_run do_restart do_debug
        do_break do_b do_tbreak do_commands do_clear do_cl do_condition do_enable do_disable do_ignore do_retval do_rv""".split():
    setattr(Debugger, _name, Debugger.do_continue)


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


def exception_chain(view):
    """The views of an exception and its causes or contexts, the root first."""
    found, seen = [], set()
    while view is not None and view.type_name != "NoneType" and view.id not in seen and len(found) < 999:
        seen.add(view.id)
        found.append(view)
        cause = attribute(view, "__cause__")
        if cause is None or cause.type_name == "NoneType":
            hidden = value_of(view, "__suppress_context__", (bool, int), False)
            cause = None if hidden else attribute(view, "__context__")
        view = cause
    return found[::-1]


def user_commands():
    """The lines of the user's own ``.pdbrc``, in the home directory; never that of the working directory."""
    home = os.path.expanduser("~")
    try:
        with open(os.path.join(home, ".pdbrc"), encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file if line.strip() and not line.strip().startswith("#")]
    except (OSError, UnicodeError):
        return []


def debug(dump, thread=None, stdin=None, stdout=None):
    """A session of pdb on a dump, or on the dump in a file."""
    if isinstance(dump, (str, bytes, os.PathLike)):
        from . import load

        dump = load(dump)
    Debugger(dump, stdin, stdout).session(thread)


__all__ = ["Debugger", "debug"]
