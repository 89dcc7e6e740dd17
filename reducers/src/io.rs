//! `io`: files, buffers, texts over them, and files in memory, by `Modules/_io/`.
//!
//! A position is told where memory has it: that of the raw file as of its last use, less what was read ahead. `name`, and the
//! `mode` of a text file, are in the instance's dict.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, Text};
use heapsake_core::reduce::Failure;

use crate::framework::{CONTENT_LIMIT, Target, facts, known, reducers, whole};

mod text_position;

reducers! {
    /// *What it holds.* A file descriptor.
    /// *What is saved.* `fd`, `mode`, `closed`, `closefd`, and while the process lives what the descriptor is open on, its
    /// `device` and `inode`, and its position.
    /// *What becomes a surrogate.* None but the unreadable.
    FileIo ["_io.FileIO"] "descriptor, mode, `closed`, path, position" => file;

    /// *What it holds.* A raw file and a buffer before it.
    /// *What is saved.* `raw`, `position`, `closed`, the buffer's size, and what is read ahead or not yet written.
    /// *What becomes a surrogate.* None but the unreadable.
    Buffered [
        "_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom",
    ] "raw file, position, what waits in the buffer" => buffered, owning |target, each| {
        let layout = target.layouts().buffered;
        each(target.field(layout.buffer)?, whole(target.field(layout.buffer_size)?)?);
        Ok(())
    };

    /// *What it holds.* A reader and a writer.
    /// *What is saved.* `reader` and `writer`.
    /// *What becomes a surrogate.* None but the unreadable.
    BufferedPair ["_io.BufferedRWPair"] "`reader` and `writer`" => |target, sink| {
        let layout = target.layouts().buffered_pair;
        target.attributes(sink, &[("reader", layout.reader), ("writer", layout.writer)])
    };

    /// *What it holds.* A buffer of bytes, and how they are text.
    /// *What is saved.* `buffer`, `encoding`, `errors`, `newline`, `line_buffering`, `write_through`, `closed`, what is decoded ahead or not
    /// yet written, and `position` in bytes where the encoding lets it be told.
    /// *What becomes a surrogate.* None but the unreadable.
    TextIoWrapper ["_io.TextIOWrapper"] "buffer, encoding, errors, position, what waits" => text;

    /// *What it holds.* Text that is used like a file.
    /// *What is saved.* `value`, up to 65,536 code points, `length`, `position` and `closed`.
    /// *What becomes a surrogate.* One whose text is not readable.
    StringIo ["_io.StringIO"] "`value`, `position`" => string, owning |target, each| {
        let layout = target.layouts().string_io;
        each(target.field(layout.buf)?, target.field(layout.buf_size)?.saturating_mul(4));
        Ok(())
    };

    /// *What it holds.* Bytes that are used like a file.
    /// *What is saved.* `value`, up to 64 KiB, `length`, `position` and `closed`; the whole is in the `bytes` object behind it.
    /// *What becomes a surrogate.* One whose bytes are not readable.
    BytesIo ["_io.BytesIO"] "`value`, `position`" => bytes;

    /// *What it holds.* A view of the memory of a `BytesIO`.
    /// *What is saved.* `source`.
    /// *What becomes a surrogate.* None but the unreadable.
    BytesIoBuffer ["_io._BytesIOBuffer"] "`source`" => |target, sink| {
        target.attribute(sink, "source", target.layouts().bytes_io_buffer.source)
    };
}

fn file(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().fileio;
    let descriptor = target.field(layout.fd)?;
    let flag = |field| Ok::<bool, Failure>(target.field(field)? != 0);
    let (readable, writable) = (flag(layout.readable)?, flag(layout.writable)?);
    let truncates = layout.truncate.map_or(Ok(false), flag)?;
    // `mode_string` of fileio.c; that a file was emptied is remembered from 3.15 on.
    let mode = match (flag(layout.created)?, flag(layout.appending)?, readable, writable) {
        (true, _, true, _) => "xb+",
        (true, ..) => "xb",
        (_, true, true, _) => "ab+",
        (_, true, ..) => "ab",
        (_, _, true, true) if truncates => "wb+",
        (_, _, true, true) => "rb+",
        (_, _, true, false) => "rb",
        _ => "wb",
    };
    facts!(target,
        "fd": descriptor,
        "mode": mode,
        "closed": descriptor < 0,
        "closefd": flag(layout.closefd)?,
    );
    if descriptor >= 0
        && let Some(open_on) = target.facts.descriptor(descriptor.into())
    {
        facts!(target, "open_on": open_on, "position": kernel_position(target, descriptor));
        if let Some((device, inode)) = target.facts.descriptor_file(descriptor.into()) {
            facts!(target, "device": device, "inode": inode);
        }
    }
    Ok(())
}

/// The position that the kernel has for a descriptor of a process that lives.
fn kernel_position(target: &Target<'_>, descriptor: i32) -> Option<i64> {
    let text = std::fs::read_to_string(target.facts.process_file(&format!("fdinfo/{descriptor}"))?).ok()?;
    text.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok())
}

fn buffered(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().buffered;
    target.attribute(sink, "raw", layout.raw)?;
    facts!(target,
        "buffer_size": target.field(layout.buffer_size)?,
        "detached": target.field(layout.detached)? != 0,
        "closed": is_closed(target, target.address()),
        "position": buffered_position(target, target.address())?,
    );
    let buffer = target.field(layout.buffer)?;
    let position = target.field(layout.pos)?;
    let read_end = target.field(layout.read_end)?;
    let (write_position, write_end) = (target.field(layout.write_pos)?, target.field(layout.write_end)?);
    if !buffer.is_null() && target.field(layout.readable)? != 0 && (0..read_end).contains(&position) {
        facts!(target, "read_ahead": target.bytes(buffer.offset(position), read_end - position, CONTENT_LIMIT)?);
    }
    if !buffer.is_null() && target.field(layout.writable)? != 0 && (0..write_end).contains(&write_position) {
        let unwritten = target.bytes(buffer.offset(write_position), write_end - write_position, CONTENT_LIMIT)?;
        facts!(target, "unwritten": unwritten);
    }
    Ok(())
}

/// `tell` of a buffered file: where the raw file is, less what lies between that and the position in the buffer.
fn buffered_position(target: &Target<'_>, address: Address) -> Result<Option<i64>, Failure> {
    let layout = target.layouts().buffered;
    let get = |field| target.field_of(field, address);
    let flag = |field| Ok::<bool, Failure>(target.field_of(field, address)? != 0);
    let raw = match get(layout.abs_pos)? {
        known if known >= 0 => Some(known),
        _ => {
            let file = target.field_of(layout.raw, address)?;
            let is_file = target.is_of_type(file, "_io.FileIO");
            let descriptor = is_file.then(|| target.field_of(target.layouts().fileio.fd, file)).transpose()?;
            descriptor.and_then(|descriptor| kernel_position(target, descriptor))
        }
    };
    let valid_read = flag(layout.readable)? && get(layout.read_end)? != -1;
    let valid_write = flag(layout.writable)? && get(layout.write_end)? != -1;
    let raw_in_buffer = get(layout.raw_pos)?;
    let ahead = if (valid_read || valid_write) && raw_in_buffer >= 0 { raw_in_buffer.wrapping_sub(get(layout.pos)?) } else { 0 };
    Ok(raw.map(|raw| raw.wrapping_sub(ahead)))
}

/// Whether the file at `address` is closed; none for a type that only its own code knows.
fn is_closed(target: &Target<'_>, address: Address) -> Option<bool> {
    const DEEPEST: usize = 4;
    let layouts = target.layouts();
    let mut address = address;
    for _ in 0..DEEPEST {
        address = match target.object.type_name_of(address)?.as_str() {
            "_io.TextIOWrapper" => target.field_of(layouts.text_io.buffer, address).ok()?,
            "_io.BufferedReader" | "_io.BufferedWriter" | "_io.BufferedRandom" => {
                target.field_of(layouts.buffered.raw, address).ok()?
            }
            "_io.FileIO" => return Some(target.field_of(layouts.fileio.fd, address).ok()? < 0),
            "_io.BytesIO" => return Some(target.field_of(layouts.bytes_io.buf, address).ok()?.is_null()),
            _ => return None,
        };
    }
    None
}

fn text(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().text_io;
    // What it was opened with; none where line ends are translated.
    let newline = ("newline", layout.readnl);
    target.attributes(sink, &[("buffer", layout.buffer), ("encoding", layout.encoding), ("errors", layout.errors), newline])?;
    for (name, field) in [
        ("encoder", layout.encoder),
        ("decoder", layout.decoder),
        ("readnl", layout.readnl),
        ("pending_bytes", layout.pending_bytes),
        ("decoded_chars", layout.decoded_chars),
        ("snapshot", layout.snapshot),
        ("raw", layout.raw),
    ] {
        target.internal(sink, name, field)?;
    }
    facts!(target,
        "line_buffering": target.field(layout.line_buffering)? != 0,
        "write_through": target.field(layout.write_through)? != 0,
        "detached": target.field(layout.detached)? != 0,
        "closed": is_closed(target, target.address()),
        "pending": target.field(layout.pending_bytes_count)?,
    );
    if let Ok(Some(position)) = text_position::position(target) {
        facts!(target, "position": position);
    }
    Ok(())
}

/// The state of a `StringIO` whose text is still being gathered (`STATE_ACCUMULATING`).
const ACCUMULATING: i32 = 2;

fn string(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().string_io;
    for (name, field) in [("decoder", layout.decoder), ("readnl", layout.readnl), ("writenl", layout.writenl)] {
        target.internal(sink, name, field)?;
    }
    target.internals(
        sink,
        &[("accumulated", layout.accu_large), ("accumulating", layout.accu_small), ("written", layout.writer_buffer)],
    )?;
    let writer = layout.writer.map_or(Ok(Address::NULL), |field| target.field(field))?;
    if let Some(layout) = target.layouts().unicode_writer.filter(|_| !writer.is_null()) {
        let buffer = target.field_of(layout.buffer, writer)?;
        if !buffer.is_null() {
            sink.edge(EdgeKind::Internal, Name::Text("written"), buffer);
        }
    }
    let length = target.field(layout.string_size)?;
    facts!(target,
        "length": length,
        "position": target.field(layout.pos)?,
        "closed": target.field(layout.closed)? != 0,
    );
    if target.field(layout.state)? == ACCUMULATING {
        if let Some(value) = accumulated(target)? {
            facts!(target, "value": value);
        }
        return Ok(());
    }
    let buffer = target.field(layout.buf)?;
    let value = target.bytes(buffer, length.saturating_mul(4), 4 * CONTENT_LIMIT)?;
    let mut text = Vec::new();
    Text::Ucs4(&value).write_wtf8(&mut text);
    facts!(target, "value": String::from_utf8_lossy(&text).into_owned());
    if length > CONTENT_LIMIT as i64 {
        facts!(target, "truncated": true);
    }
    Ok(())
}

/// The text so far: two lists of pieces up to 3.11, a half-filled string since.
fn accumulated(target: &Target<'_>) -> Result<Option<String>, Failure> {
    let layout = target.layouts().string_io;
    if let (Some(large), Some(small)) = (layout.accu_large, layout.accu_small) {
        let mut text = String::new();
        for list in [target.field(large)?, target.field(small)?] {
            if list.is_null() {
                continue;
            }
            let items = target.field_of(target.layouts().list.ob_item, list)?;
            let count = crate::framework::whole(target.size_of(list)?)?;
            target.each_word(items, count.min(CONTENT_LIMIT as u64), |piece| {
                if text.len() < CONTENT_LIMIT {
                    text += &target.text(Address(piece), CONTENT_LIMIT - text.len())?;
                }
                Ok(())
            })?;
        }
        return Ok(Some(text));
    }
    let (buffer, position) = match (layout.writer_buffer, layout.writer_position) {
        (Some(buffer), Some(position)) => (target.field(buffer)?, target.field(position)?),
        _ => {
            let writer = target.field(known(layout.writer)?)?;
            if writer.is_null() {
                return Ok(Some(String::new()));
            }
            let layout = known(target.layouts().unicode_writer)?;
            (target.field_of(layout.buffer, writer)?, target.field_of(layout.position, writer)?)
        }
    };
    match (buffer.is_null(), usize::try_from(position)) {
        (true, _) => Ok(Some(String::new())),
        (false, Ok(position)) => Ok(Some(target.text(buffer, position.min(CONTENT_LIMIT))?)),
        (false, Err(_)) => Ok(None),
    }
}

fn bytes(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().bytes_io;
    target.internal(sink, "buf", layout.buf)?;
    let buffer = target.field(layout.buf)?;
    let length = target.field(layout.string_size)?;
    facts!(target,
        "length": length,
        "position": target.field(layout.pos)?,
        "exports": target.field(layout.exports)?,
        "closed": buffer.is_null(),
    );
    if !buffer.is_null() {
        let data = target.layouts().bytes.ob_sval.at(buffer);
        facts!(target, "value": target.bytes(data, length, CONTENT_LIMIT)?);
        if length > CONTENT_LIMIT as i64 {
            facts!(target, "truncated": true);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "io_tests.rs"]
mod tests;
