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
            // Bytes up to 3.14, then a text.
            let format = match target.object.type_name_of(format).as_deref() {
                Some("str") => target.text(format, CONTENT_LIMIT)?,
                _ => String::from_utf8_lossy(&target.bytes_object(format, CONTENT_LIMIT)?).into_owned(),
            };
            facts!(target, "format": format);
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
