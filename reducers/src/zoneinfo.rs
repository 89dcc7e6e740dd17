//! `zoneinfo`: time zones by name, by `Modules/_zoneinfo.c`.

use crate::framework::{facts, known, reducers};

reducers! {
    /// *What it holds.* The transitions of a time zone, read from a file.
    /// *What is saved.* `key`, what the file was, and whether the offset is fixed; the transitions are in the file.
    /// *What becomes a surrogate.* None but the unreadable.
    ZoneInfo ["zoneinfo.ZoneInfo"] "`key`" => |target, sink| {
        let layout = known(target.layouts().zone_info)?;
        target.attributes(sink, &[("key", layout.key), ("file", layout.file_repr)])?;
        facts!(target, "fixed_offset": target.field(layout.fixed_offset)? != 0);
        Ok(())
    };
}
