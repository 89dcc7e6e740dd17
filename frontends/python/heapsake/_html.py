"""A dump as a notebook shows it: what happened, where, and with which variables.  Every text of the dump is escaped."""
import html
import time

from . import _repr
from ._output import harmless
from ._places import Places
from .rebuild import rebuilder_of

#: rows of each table
ROWS = 20
#: characters of a value or a line
WIDTH = 120


def text(value, most=WIDTH):
    shown = harmless(str(value))
    return html.escape(shown if len(shown) <= most else shown[:most - 1] + "…")


def table(title, heads, rows, left=0):
    """A table of escaped cells; nothing, where there are no rows."""
    if not rows:
        return ""
    lines = ["<h4>%s</h4>" % text(title), "<table>", "<tr>%s</tr>" % "".join("<th style='text-align:left'>%s</th>" % text(each) for each in heads)]
    lines += ["<tr>%s</tr>" % "".join("<td style='text-align:left'>%s</td>" % cell for cell in row) for row in rows]
    lines.append("</table>")
    if left > 0:
        lines.append("<p>… %s more</p>" % _repr.counted(left))
    return "\n".join(lines)


def place_row(place):
    facts = place.facts(place.frames[len(place.frames) - 1]) if len(place.frames) else None
    where = "" if facts is None else "%s:%s %s()" % (facts.filename, facts.lineno, facts.function)
    return [text(place.number), text(place.name), text(place.state), _repr.counted(len(place.frames)), text(where), text(place.waits),
            "" if place.exception is None else text(place.exception.type_name)]


def summary(dump):
    """The page, without scripts and links."""
    places, rebuilder, header = Places(dump), rebuilder_of(dump), dump.header
    parts = ["<div><b>%s</b> · %s" % (text(dump.path), text(header.get("reason") or ""))]
    made = header.get("created")
    if isinstance(made, (int, float)) and 0 < made < 1 << 40:
        parts.append(" · %s UTC" % time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(made)))
    parts.append(" · %s objects" % _repr.counted(header.get("objects") or 0))
    first = places.first()
    exception = dump.exception if first is None else first.exception
    if exception is not None:
        parts.append("<p><b>%s</b>: %s</p>" % (text(exception.type_name), text(_repr.one_line(rebuilder.rebuild(exception)), 400)))
    if first is not None:
        parts.append(table("Stack of %s, innermost frame first" % first.name, ("where", "variables"), *stack(first, rebuilder)))
    heads = ("number", "name", "state", "frames", "at", "waits for", "exception")
    for title, group in (("Threads", places.threads), ("Tasks", places.tasks)):
        parts.append(table(title, heads, [place_row(each) for each in group[:ROWS]], len(group) - ROWS))
    faults = list(dump.faults)
    parts.append(table("Faults in the file", ("at byte", "consequence"), [[text(each.offset), text(each.consequence)] for each in faults[:ROWS]],
                       len(faults) - ROWS))
    notes = list(dump.notes)
    parts.append(table("Left out", ("",), [[text(each, 400)] for each in notes[:ROWS]], len(notes) - ROWS))
    parts.append("<p>heapsake.set_last(dump), then %debug or pdb.pm(); %heapsake FILE --debug; heapsake.debug(dump)</p></div>")
    return "\n".join(parts)


def stack(place, rebuilder):
    """Rows for the innermost frames, and how many frames are left."""
    rows, entries = [], place.frames
    for number in range(len(entries) - 1, max(-1, len(entries) - 1 - ROWS), -1):
        facts = place.facts(entries[number])
        shown = []
        for name, view in list(facts.locals.items())[:ROWS]:
            value = _repr.one_line(rebuilder.rebuild(view), items=5, depth=2, text=60, total=WIDTH)
            shown.append("%s = %s" % (text(name, 60), text(value)))
        rows.append([text("%s:%s %s()" % (facts.filename, facts.lineno, facts.function)), "<br>".join(shown)])
    return rows, len(entries) - len(rows)


__all__ = ["summary"]
