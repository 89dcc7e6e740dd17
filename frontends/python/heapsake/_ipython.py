"""IPython's debugger, which ipdb is, on the stacks of a dump: its colours, contexts and prompt, and our commands.

On a terminal it is ``TerminalPdb``, whose prompt completes what ours does; else ``Pdb``.  IPython is imported only here.
"""
import sys

from ._error import Error
from .debugger import Commands


def shell():
    """IPython's shell, which its debugger wants; made without history and start-up files where none runs."""
    try:
        from IPython import get_ipython
        from IPython.terminal.interactiveshell import TerminalInteractiveShell
        from traitlets.config import Config
    except ImportError as problem:
        raise Error("IPython is not installed for this Python (%s): `%s -m pip install ipython` installs it" % (problem, sys.executable)) from None
    found = get_ipython()
    if found is None:
        main, hooks = sys.modules["__main__"], (sys.excepthook, sys.displayhook)
        try:
            found = TerminalInteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        finally:
            sys.modules["__main__"] = main
            sys.excepthook, sys.displayhook = hooks
    return found


def debugger(dump, stdin=None, stdout=None, name="ipdb"):
    """IPython's debugger for one dump."""
    shell()
    from IPython.core.debugger import Pdb
    from IPython.terminal.debugger import TerminalPdb

    on_terminal = stdin is None and stdout is None and sys.stdin.isatty() and sys.stdout.isatty()
    base = TerminalPdb if on_terminal else Pdb

    class Debugger(Commands, base):
        colours = True

        def __init__(self):
            options = {"pt_session_options": {"completer": completer(self)}} if on_terminal else {}
            super().__init__(stdin=stdin, stdout=stdout, nosigint=True, readrc=False, **options)
            self.open(dump)
            self.prompt = "%s> " % ("ipdb" if name == "ipython" else name)

        @property
        def _curframe_locals(self):
            return self.curframe_locals

        def print_entry(self, number, prefix=""):
            frame, line = self.stack[number]
            self.message(self.format_stack_entry((frame, line), ""))

        def precmd(self, line):
            # pdb of 3.13 feeds itself commands, and IPython's takes a question mark for its own
            return line if line.startswith("_pdbcmd") else super().precmd(line)

        def onecmd(self, line):
            # IPython's commands print, and page, what they find
            saved, sys.stdout = sys.stdout, self.stdout
            try:
                return super().onecmd(line)
            finally:
                sys.stdout = saved

        def do_context(self, arg):
            """context number

            Show so many lines of source around the line of a frame.
            """
            if not arg.strip().isdigit() or int(arg) < 1:
                self.error("The 'context' command requires a positive integer argument.")
            else:
                self.context = int(arg)

        def do_skip_hidden(self, arg):
            """Every frame of a dump is shown."""
            self.error("every frame of a dump is shown")

        do_skip_predicates = do_ignore_module = do_unignore_module = do_skip_hidden

        def do_exception(self, arg):
            """exception: the same as exceptions"""
            self.do_exceptions(arg)

    return Debugger()


def completer(session):
    """The prompt's completer: what the session offers, and its commands in the first word."""
    from prompt_toolkit.completion import Completer, Completion

    class Offers(Completer):
        def get_completions(self, document, complete_event):
            before = document.text_before_cursor
            replaced, texts = session.completions(before)
            if " " not in before:
                names = [each[3:] for each in session.get_names() if each.startswith("do_")]
                texts = sorted(set(name for name in names if name.startswith(before))) + texts
            for text in texts:
                yield Completion(text, start_position=-replaced)

    return Offers()


__all__ = ["debugger", "shell"]
