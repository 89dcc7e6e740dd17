//! `mmap`: mapped memory, by `Modules/mmapmodule.c`.
//!
//! Its value is the content, up to a limit, so that a dump of a program that maps a database does not become one.

use heapsake_core::heap::{Sink, Value};
use heapsake_core::reduce::Failure;

use crate::framework::{CONTENT_LIMIT, Target, facts, known, reducers, whole};

reducers! {
    /// *What it holds.* Memory, of a file or of none, and a position in it.
    /// *What is saved.* The first 64 KiB as its value; `size`, `pos`, `offset`, `access`, `fd`, the file's `path` and
    /// `closed`; `truncated` if there is more.
    /// *What becomes a surrogate.* One whose memory is not readable, as beyond the end of a file that was cut.
    Mmap ["mmap.mmap"] "the first 64 KiB, size, position, descriptor" => mapping;
}

fn mapping(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().mmap)?;
    let (data, size) = (target.field(layout.data)?, target.field(layout.data_size)?);
    let descriptor = target.field(layout.fd)?;
    let access = match target.field(layout.access)? {
        0 => "default",
        1 => "read",
        2 => "write",
        3 => "copy",
        _ => "unknown",
    };
    facts!(target,
        "size": size,
        "pos": target.field(layout.pos)?,
        "offset": target.field(layout.offset)?,
        "access": access,
        "fd": (descriptor >= 0).then_some(descriptor),
        "path": (descriptor >= 0).then(|| target.facts.descriptor(descriptor.into())).flatten(),
        "closed": data.is_null(),
    );
    if data.is_null() {
        return Ok(());
    }
    if whole(size)? > CONTENT_LIMIT as u64 {
        facts!(target, "truncated": true);
    }
    sink.value(Value::Bytes(&target.bytes(data, size, CONTENT_LIMIT)?));
    Ok(())
}

#[cfg(test)]
#[path = "mmap_tests.rs"]
mod tests;
