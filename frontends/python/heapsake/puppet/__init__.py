"""A process in which stock debugpy shows the stacks of a dump to any IDE that debugs Python, without an extension.

Each thread of the dump is a thread here that stands on the dead line, in real frames that call each other.  Nothing of the
dump runs: the frames only bind their values, and wait, or raise the dead exception.
"""
