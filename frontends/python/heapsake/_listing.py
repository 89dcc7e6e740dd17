"""Source at the prompt: always that of the dump, with a word where the file of this machine is another."""
import linecache

from . import _sources
from ._error import Error


class Listing:
    """``list``, ``longlist`` and ``source``; a part of the debugger."""

    def begin_listing(self):
        """Whether there is source of the current frame; says once of each file that this machine's differs."""
        filename = self.curframe.f_code.co_filename
        self.rebuilder.frames.show_source(filename)
        if not linecache.getlines(filename):
            problem = getattr(self.dump, "source_problem", lambda name: None)(filename)
            self.error("the dump has no source of %s%s" % (filename, ": %s" % problem if problem else ""))
            return False
        if filename not in self.compared:
            self.compared.add(filename)
            if _sources.differs_here(filename, self.dump):
                self.message("  (source differs here: %s of this machine is not what the program ran; this is the dump's)" % filename)
        return True

    def do_list(self, arg):
        """l(ist) [first[, last] | .]

        List the source that the dump holds: 11 lines around the current one, or on from the last listing.
        """
        if self.begin_listing():
            super().do_list(arg)

    do_l = do_list

    def do_longlist(self, arg):
        """ll | longlist

        List the whole source of the current function or frame.
        """
        if self.begin_listing():
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


__all__ = ["Listing"]
