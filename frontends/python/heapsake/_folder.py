"""The folder that dumps are kept in: what is there, how much room is left, and names in it that nobody else gets.

Processes that fail at once agree by a lock of the folder that the kernel takes back from whoever dies; it is waited for two
seconds at most, and where there is none, names are still given once only.
"""
import os
import time

from ._template import ENDING

#: how long the lock is waited for
PATIENCE = 2.0
#: the smallest dump that is worth writing, in bytes
SMALLEST = 64 << 10
#: seconds after which a file that was begun, and that nobody goes on with, is no dump
ABANDONED = 600.0
#: of the free space, what a dump may take
SHARE = 0.9


class Full(Exception):
    """There is no room for another dump; why, in words."""


class Held:
    """The lock of a folder, held while it lives, if it is to be had."""

    def __init__(self, folder):
        self.folder, self.handle = folder, None

    def __enter__(self):
        try:
            import fcntl

            self.handle = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
            until = time.monotonic() + PATIENCE
            while True:
                try:
                    fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        break
                    time.sleep(0.005)
        except (ImportError, OSError):
            pass  # a file system without locks
        return self

    def __exit__(self, *_):
        if self.handle is not None:
            try:
                import fcntl

                # A child that was forked meanwhile has the descriptor as well, and must not keep the lock.
                fcntl.flock(self.handle, fcntl.LOCK_UN)
            except (ImportError, OSError):
                pass
            os.close(self.handle)


def _is_dump(name):
    return name.endswith(ENDING) or (name.endswith(".partial") and ENDING + "." in name)


def _dumps(folder):
    """The dumps in a folder by name, finished or not, with their sizes.

    A folder that is read while a dump in it gets its name may show neither the old nor the new one: it is read until it shows the
    same twice.
    """
    found, before = {}, None
    for _ in range(10):
        now = _listed(folder)
        found.update(now)
        if before is not None and before.keys() == now.keys():
            break
        before = now
    return found


def _listed(folder):
    """Of files that are begun, and that nobody goes on with, the bytes count only, under no name."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_dump(entry.name):
                name = entry.name[: entry.name.index(ENDING) + len(ENDING)]
                try:
                    about = entry.stat(follow_symlinks=False)
                    size = about.st_size
                    if not entry.name.endswith(ENDING) and _is_abandoned(entry.path, about):
                        found[""] = found.get("", 0) + size
                        continue
                except OSError:
                    size = 0  # gone, or renamed, meanwhile
                found[name] = max(found.get(name, 0), size)
    return found


def _is_abandoned(path, about):
    """Whether a file that was begun is of a process that is gone: it is old, and has not the lock that is held while it is written."""
    if not 0 < time.time() - about.st_mtime - ABANDONED:
        return False
    try:
        import fcntl

        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def too_much(path, disk):
    """How many bytes the finished dumps of the folder have more than ``disk`` with the one at the path, which is gone then; else 0.

    Processes that dump at once each had the same room; whoever is ready first keeps it.
    """
    folder, name = os.path.split(path)
    with Held(folder):
        with os.scandir(folder) as entries:
            sizes = [_size(entry) for entry in entries if entry.name.endswith(ENDING) and entry.name != name]
        more = sum(sizes) + os.path.getsize(path) - disk
        if more > 0:
            os.unlink(path)
        return max(more, 0)


def _size(entry):
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def reserve(folder, stem, *, makes=True, **limits):
    """As ``_reserve``, in a folder that is made if it is not there and ``makes`` says so; what is given is to be released."""
    try:
        if makes:
            os.makedirs(folder, exist_ok=True)
        return _reserve(folder, stem, **limits)
    except OSError as problem:
        path = os.path.join(folder, stem + ENDING)
        raise OSError("cannot create %s: %s" % (path, problem.strerror or problem)) from problem


def _reserve(folder, stem, *, counts, at_most, disk, unless):
    """A path that nobody else gets, ``Reserved``.

    ``counts`` says of a name whether it counts for ``at_most``.  ``Full`` where there is no room; ``unless`` is a text that no
    name may have in it: None is given where one has.
    """
    with Held(folder):
        room = None
        if at_most is not None or disk is not None or unless is not None:
            there = _dumps(folder)
            if unless is not None and any(unless in name for name in there):
                return None
            if at_most is not None:
                number = sum(1 for name in there if name and (counts is None or counts(name)))
                if number >= at_most:
                    raise Full("%s has %d dumps, and at_most is %d" % (folder, number, at_most))
            if disk is not None:
                room = _room(folder, disk, sum(there.values()))
        return _create(folder, stem, room)


def _room(folder, disk, used):
    about = os.statvfs(folder)
    free = int(about.f_bavail * about.f_frsize * SHARE)
    if disk - used < SMALLEST:
        raise Full("the dumps in %s have %d bytes, and disk is %d" % (folder, used, disk))
    if free < SMALLEST:
        raise Full("the disk of %s is full" % folder)
    return min(disk - used, free)


def _create(folder, stem, room=None):
    number = 0
    while True:
        path = os.path.join(folder, stem + ("-%d" % number if number else "") + ENDING)
        try:
            reserved = Reserved(path, room)
            # One that was completed meanwhile has the name.
            if not os.path.lexists(path):
                return reserved
            reserved.release()
        except FileExistsError:
            # Another's.
            pass
        number += 1


class Reserved:
    """A name, taken by an empty file that the dump takes over: as it is called until it is complete.

    ``room`` is how many bytes may be written there, None for as many as there are.  The file is held open, so that no other gets its
    number: a name that another has by now is told from ours.
    """

    def __init__(self, path, room):
        self.path, self.room = path, room
        self._handle = os.open(path + ".partial", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def release(self):
        """Gives the name back, where no dump has begun there: only what is ours, and only while nobody writes to it."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            with _Locked(handle):
                ours, there = os.fstat(handle), os.lstat(self.path + ".partial")
                if (ours.st_dev, ours.st_ino, ours.st_size) == (there.st_dev, there.st_ino, 0):
                    os.unlink(self.path + ".partial")
        except OSError:
            pass  # it has its name, or is gone, or is being written
        finally:
            os.close(handle)


class _Locked:
    """The lock that is held while a dump is written; ``BlockingIOError`` where another has it."""

    def __init__(self, handle):
        self.handle, self.unlock = handle, None

    def __enter__(self):
        try:
            import fcntl

            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.unlock = lambda: fcntl.flock(self.handle, fcntl.LOCK_UN)
        except BlockingIOError:
            raise
        except (ImportError, OSError):
            pass  # a file system without locks
        return self

    def __exit__(self, *_):
        if self.unlock is not None:
            self.unlock()


def prepare(folder):
    """Makes a folder for what can make none when it is needed; where it cannot be made, that is said of the dump."""
    if folder is not None:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            pass


__all__ = ["Full", "prepare", "reserve", "too_much"]
