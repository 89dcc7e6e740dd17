"""Names of files for tests: what a node id says, of characters that every file system and shell takes, no longer than it may be."""
import hashlib

#: bytes of a name; what is put behind, a phase, a worker, a number and the ending, has room in the 255 that file systems take
LONGEST = 150


def stem(node_id):
    """``tests/test_shop.py::test_add[spoon-4]`` gives ``tests-test_shop.py-test_add-spoon-4``."""
    kept, gap = [], False
    for character in node_id:
        if character.isalnum() or character in "_.=+,@":
            if gap and kept:
                kept.append("-")
            kept.append(character)
            gap = False
        else:
            gap = True
    name = "".join(kept).lstrip(".-") or "test"
    encoded = name.encode("utf-8", "replace")
    if len(encoded) <= LONGEST:
        return encoded.decode("utf-8")
    # the end of an id tells more than its middle, but the beginning is what is looked for
    mark = hashlib.sha256(node_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "%s-%s" % (encoded[: LONGEST - 9].decode("utf-8", "ignore"), mark)


def shown(text):
    """A line of a terminal: what is no printable character is shown as its escape."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


__all__ = ["LONGEST", "shown", "stem"]
