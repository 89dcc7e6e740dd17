"""Who holds an object, and how a root leads to it, asked at the prompt."""
import ast
import re

from . import _repr
from ._classes import attribute
from ._evaluating import cut

#: holders that are listed
SHOWN_HOLDERS = 20


class Holding:
    """``refs`` and ``path``; a part of the debugger."""

    def view_of(self, text, quiet=False):
        """The object of the dump that an expression means; None, with a message, where it means none."""
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = None
        view = None if tree is None else self.meant(tree)
        if view is not None or quiet and tree is None:
            return view
        try:
            value = eval(text, self.curframe_locals, self.curframe_locals)
        except BaseException:
            if not quiet:
                self.say_exception()
            return None
        view = value if getattr(value, "dump", None) is self.dump and hasattr(value, "type_name") else self.rebuilder.view_of(value)
        if view is None and not quiet:
            self.error("this value is no object of the dump: name one by variables, attributes, items, or its address")
        return view

    def meant(self, tree):
        """The view for a name, its attributes and constant items, or for an address; without rebuilding anything."""
        if isinstance(tree, ast.Name):
            facts = self.stack.facts(self.curindex)
            if self.curframe_locals.is_assigned(tree.id):
                return None
            for names in (facts.locals, facts.globals):
                if tree.id in names:
                    return names[tree.id]
            return None
        if isinstance(tree, ast.Constant) and type(tree.value) is int and tree.value >= 1 << 12:
            return self.dump.at(tree.value) if tree.value < 1 << 64 else None
        if isinstance(tree, ast.Attribute):
            return attribute(self.meant(tree.value), tree.attr)
        if isinstance(tree, ast.Subscript):
            inner, index = self.meant(tree.value), tree.slice
            index = getattr(index, "value", index) if type(index).__name__ == "Index" else index
            if inner is None or not isinstance(index, ast.Constant) or type(index.value) not in (str, int):
                return None
            try:
                return inner[index.value] if inner.is_mapping or type(index.value) is int else None
            except (LookupError, TypeError, AttributeError):
                return None
        return None

    def line_of(self, view):
        text = cut(_repr.one_line(self.rebuilder.rebuild(view), items=5, depth=2, text=80, total=160), 200)
        if not text.startswith("<"):
            return "%s at %#x: %s" % (view.type_name, view.address, text)
        # what is real here, a frame or a cell, has an address of this process in its representation
        return re.sub(r" at 0x[0-9a-f]+\b", " at %#x" % view.address, text, count=1)

    def do_refs(self, arg):
        """refs expression

        Show who holds an object of the dump, those that keep it alive first; _refs is then the list of these holders.  The
        first question about a dump reads all of it.
        """
        view = self.view_of(arg) if arg else self.error("an expression is expected, such as a variable")
        if view is None:
            return
        count, holders, roots = view.holders(SHOWN_HOLDERS)
        self.message("%s\nheld by %s object%s%s" % (
            self.line_of(view), _repr.counted(count), "" if count == 1 else "s", "; it is a root" if roots else ""))
        for root in roots:
            self.message("  root %s" % root)
        for names, strong, holder in holders:
            self.message("  %s of %s%s" % (", ".join(names), self.line_of(holder), "" if strong else " (does not keep it alive)"))
        if count > len(holders):
            self.message("  … %s more" % _repr.counted(count - len(holders)))
        self.curframe_locals["_refs"] = [self.rebuilder.rebuild(holder) for _, _, holder in holders]

    def do_path(self, arg):
        """path expression

        Show the shortest way from a root to an object of the dump; _path is then the list of the objects on it.
        """
        view = self.view_of(arg) if arg else self.error("an expression is expected, such as a variable")
        if view is None:
            return
        steps = view.path_from_root()
        if steps is None:
            self.message("no root leads to %s" % self.line_of(view))
            return
        self.message("a root leads to it in %s step%s" % (_repr.counted(len(steps)), "" if len(steps) == 1 else "s"))
        for name, step in steps:
            self.message("  %s = %s" % (name, self.line_of(step)))
        self.curframe_locals["_path"] = [self.rebuilder.rebuild(step) for _, step in steps]


__all__ = ["Holding"]
