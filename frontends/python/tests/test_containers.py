"""Containers that are rebuilt item by item can be shared between threads."""
import unittest

from heapsake import _containers


class Interrupted:
    """Views of a list; while the first block that is asked for is read, another thread reads another one."""

    def __init__(self, length):
        self.length, self.source, self.met = length, None, []

    def __len__(self):
        return self.length

    def __getitem__(self, part):
        if not self.met:
            self.met.append(part)
            self.met.append(self.source.item(0))
        return list(range(part.start, part.stop))


class Rebuilder:
    def rebuild(self, view):
        return view


class Containers(unittest.TestCase):
    def test_a_block_is_read_with_its_own_start(self):
        items = Interrupted(3 * _containers.BLOCK)
        items.source = _containers.Source(Rebuilder(), items)
        wanted = _containers.BLOCK + 40
        self.assertEqual(items.source.item(wanted), wanted)
        self.assertEqual(items.met[1], 0)
        self.assertEqual([items.source.item(index) for index in range(len(items))], list(range(len(items))))


if __name__ == "__main__":
    unittest.main()
