"""What a debugger writes to: text of a dump without what a terminal would act on."""
import re

#: control characters but for line feeds and tabs, marks that turn the direction of text, and halves of characters
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
#: the same, but for colours
HARMFUL_WITHOUT_COLOURS = re.compile("\x1b(?!\\[[0-9;]{0,20}m)|" + HARMFUL.pattern.replace("\x0b-\x1f", "\x0b-\x1a\x1c-\x1f"))


def _escaped(found):
    letter = found.group()
    return "" if letter == "\r" else letter.encode("unicode_escape").decode("ascii")


def harmless(text, colours=False):
    """The text with harmful characters escaped, as Python's ``repr`` escapes them."""
    return (HARMFUL_WITHOUT_COLOURS if colours else HARMFUL).sub(_escaped, text)


class Harmless:
    """A stream that text of a dump may be written to."""

    def __init__(self, stream, colours=False):
        self._stream, self._colours = stream, colours

    def write(self, text):
        text = harmless(text, self._colours)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self._stream, name)


__all__ = ["Harmless", "harmless"]
