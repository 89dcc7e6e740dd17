//! `csv`: dialects, readers and writers, by `Modules/_csv.c`.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use crate::framework::{Fact, Target, character, facts, known, reducers};

reducers! {
    /// *What it holds.* How fields and rows are told apart.
    /// *What is saved.* Its parameters, under their names.
    /// *What becomes a surrogate.* None but the unreadable.
    Dialect ["_csv.Dialect"] "its parameters" => dialect;

    /// *What it holds.* An iterator of lines, and the row that is being read.
    /// *What is saved.* `dialect`, the iterator, the fields so far and `line_num`.
    /// *What becomes a surrogate.* None but the unreadable.
    Reader ["_csv.reader"] "`dialect`, `line_num` and the fields so far" => |target, sink| {
        let layout = known(target.layouts().csv_reader)?;
        target.attributes(sink, &[("dialect", layout.dialect), ("iterator", layout.input_iter), ("fields", layout.fields)])?;
        facts!(target, "line_num": target.field(layout.line_num)?);
        Ok(())
    };

    /// *What it holds.* A function that takes rows as text.
    /// *What is saved.* `dialect` and the function.
    /// *What becomes a surrogate.* None but the unreadable.
    Writer ["_csv.writer"] "`dialect` and where it writes" => |target, sink| {
        let layout = known(target.layouts().csv_writer)?;
        target.attributes(sink, &[("dialect", layout.dialect), ("write", layout.write)])?;
        layout.error_obj.map_or(Ok(()), |at| target.internal(sink, "error_obj", at))
    };
}

/// No character is a code point of none: 0 up to 3.10, beyond Unicode since.
fn dialect(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().csv_dialect)?;
    let one = |point: u32| -> Fact { (point != 0 && point < 0x11_0000).then(|| character(point)).into() };
    target.attribute(sink, "lineterminator", layout.lineterminator)?;
    facts!(target,
        "delimiter": one(target.field(layout.delimiter)?),
        "quotechar": one(target.field(layout.quotechar)?),
        "escapechar": one(target.field(layout.escapechar)?),
        "doublequote": target.field(layout.doublequote)? != 0,
        "skipinitialspace": target.field(layout.skipinitialspace)? != 0,
        "strict": target.field(layout.strict)? != 0,
        "quoting": target.field(layout.quoting)?,
    );
    Ok(())
}
