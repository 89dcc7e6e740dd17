//! `struct`: compiled formats, by `Modules/_struct.c`.

use crate::framework::{CONTENT_LIMIT, facts, known, reducers};

reducers! {
    /// *What it holds.* A format, compiled.
    /// *What is saved.* `format` and `size`.
    /// *What becomes a surrogate.* One whose format is not readable.
    Struct ["Struct", "_struct.Struct"] "`format` and `size`" => |target, sink| {
        let layout = known(target.layouts().structure)?;
        target.internal(sink, "s_format", layout.s_format)?;
        facts!(target, "size": target.field(layout.s_size)?);
        let format = target.field(layout.s_format)?;
        if !format.is_null() {
            let format = target.bytes_object(format, CONTENT_LIMIT)?;
            facts!(target, "format": String::from_utf8_lossy(&format).into_owned());
        }
        Ok(())
    };

    /// *What it holds.* A format, a buffer, and the position in it.
    /// *What is saved.* `struct`, `buffer` and `index`.
    /// *What becomes a surrogate.* None but the unreadable.
    UnpackIterator ["unpack_iterator", "_struct.unpack_iterator"] "the buffer and the position" => |target, sink| {
        let layout = known(target.layouts().structure_iterator)?;
        target.attributes(sink, &[("struct", layout.so), ("buffer", layout.buf_obj)])?;
        facts!(target, "index": target.field(layout.index)?);
        Ok(())
    };
}
