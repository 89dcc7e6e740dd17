"""IPython and Jupyter: a cell that fails leaves a dump, with the sources of all cells; also where nobody looks, under papermill.

    %load_ext heapsake.doors.ipython

or, for kernels that run headless, in ``ipython_kernel_config.py``: ``c.InteractiveShellApp.extensions = ["heapsake.doors.ipython"]``.
``%heapsake_dumps`` tells where dumps go, ``%heapsake_dumps off`` and ``on`` and ``now`` do what they say.

The shell tells of failed cells after it has shown them.  ``set_custom_exc`` would be there earlier, but then older shells take the
cell for one that succeeded, and runners of notebooks go on with the next.
"""
from ._door import hung, keeper


class _Door:
    def __init__(self, shell, kept):
        self.shell, self.keeper, self.on = shell, kept, True

    def after_cell(self, result=None):
        """Of a cell that ran; what failed before that is no more than its text."""
        exception = getattr(result, "error_in_exec", None)
        if self.on and isinstance(exception, BaseException):
            self.keeper.keep(exception, reason=lambda: "%s in cell %s" % (type(exception).__name__, getattr(result, "execution_count", "?")))

    def magic(self, line):
        """%heapsake_dumps [on | off | now]: dumps of cells that fail."""
        word = line.strip()
        if word in ("on", "off"):
            self.on = word == "on"
        elif word == "now":
            return self.keeper.keep(False, reason="asked for in a cell")
        elif word:
            print("heapsake: %%heapsake_dumps takes on, off or now, not %s" % word)
        else:
            where = self.keeper.directory or "the folder that the program is in"
            print("heapsake: dumps of cells that fail are %s; they go to %s" % ("on" if self.on else "off", where))
        return None


_doors = {}


def install(shell=None, directory=None, **options):
    """For the shell that runs, or for this one; whether that worked, else a sentence says why not."""
    kept = keeper(directory, **options)

    def hang():
        from IPython import get_ipython

        here = get_ipython() if shell is None else shell
        if here is None:
            raise ImportError("this program is not run by IPython")
        if id(here) in _doors:
            uninstall(here)
        door = _Door(here, kept)
        here.events.register("post_run_cell", door.after_cell)
        here.register_magic_function(door.magic, "line", "heapsake_dumps")
        _doors[id(here)] = door

    return hung("IPython", hang)


def uninstall(shell):
    """Takes it away."""
    door = _doors.pop(id(shell), None)
    if door is not None:
        shell.events.unregister("post_run_cell", door.after_cell)


def load_ipython_extension(shell):
    """``%load_ext``."""
    install(shell)


def unload_ipython_extension(shell):
    """``%unload_ext``."""
    uninstall(shell)


__all__ = ["install", "load_ipython_extension", "uninstall", "unload_ipython_extension"]
