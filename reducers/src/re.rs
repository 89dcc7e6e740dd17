//! `re`: patterns, matches and scanners, by `Modules/_sre/`.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Reason};

use crate::framework::{Fact, NUMBER_LIMIT, Target, facts, reducers};

reducers! {
    /// *What it holds.* A regular expression, compiled.
    /// *What is saved.* `pattern`, `flags`, `groups` and `groupindex`.
    /// *What becomes a surrogate.* None but the unreadable.
    Pattern ["re.Pattern"] "`pattern`, `flags` and `groups`" => |target, sink| {
        let layout = target.layouts().pattern;
        target.attributes(sink, &[("pattern", layout.pattern), ("groupindex", layout.groupindex)])?;
        target.internal(sink, "indexgroup", layout.indexgroup)?;
        facts!(target, "flags": target.field(layout.flags)?, "groups": target.field(layout.groups)?);
        Ok(())
    };

    /// *What it holds.* Where a pattern and its groups were found.
    /// *What is saved.* `string`, `re`, `pos`, `endpos`, `lastindex`, and the `spans` of the whole and of each group, -1 where
    /// a group took no part.
    /// *What becomes a surrogate.* One whose spans are not readable.
    Match ["re.Match"] "`string`, `re` and the spans" => matched;

    /// *What it holds.* A pattern that goes through a string.
    /// *What is saved.* `pattern`.
    /// *What becomes a surrogate.* None but the unreadable.
    Scanner ["_sre.SRE_Scanner"] "`pattern`" => |target, sink| {
        target.attribute(sink, "pattern", target.layouts().pattern_scanner.pattern)
    };
}

fn matched(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().match_;
    target.attributes(sink, &[("string", layout.string), ("re", layout.pattern)])?;
    target.internal(sink, "regs", layout.regs)?;
    let last = target.field(layout.lastindex)?;
    facts!(target,
        "pos": target.field(layout.pos)?,
        "endpos": target.field(layout.endpos)?,
        "lastindex": (last >= 0).then_some(last),
    );
    let groups = target.field(layout.groups)?;
    let marks = groups.checked_mul(2).ok_or_else(|| Failure::new(Reason::Corrupt, format!("{groups} groups")))?;
    let marks = target.numbers(layout.mark.at(target.address()), marks, NUMBER_LIMIT)?;
    let spans = marks.as_chunks::<2>().0.iter().map(|span| span.iter().copied().collect::<Fact>());
    facts!(target, "spans": spans.collect::<Fact>());
    Ok(())
}
