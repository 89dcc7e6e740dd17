"""A function of another module with ours in front of it, which calls it; taken away where it is still ours."""


class Hook:
    """``make`` is given what was there, and gives what takes its place."""

    def __init__(self, owner, name, make):
        self.owner, self.name, self.make = owner, name, make
        self.before = self.ours = None
        self.inherited = False

    def open(self):
        """Puts ours in front, unless it is the outermost already."""
        current = getattr(self.owner, self.name, None)
        if current is None or current is self.ours:
            return
        self.inherited = self.name not in vars(self.owner)
        self.before, self.ours = current, self.make(current)
        setattr(self.owner, self.name, self.ours)

    def close(self):
        if self.ours is None or vars(self.owner).get(self.name) is not self.ours:
            return
        if self.inherited:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.before)
        self.before = self.ours = None


__all__ = ["Hook"]
