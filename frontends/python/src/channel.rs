//! The channel between a process that runs reducers and the one that watches it: frames of a kind, a length and bytes.
//!
//! What comes from there is not trusted: a reducer can write to any descriptor.

use std::io::{self, Write};

use heapsake_core::format::records::Reduction;

/// The longest frame. A reduction is shorter ([`crate::reduction::LONGEST`]).
const LONGEST: usize = 2 << 20;
const HEADER: usize = 5;

/// What a process that runs reducers says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    /// Python runs.
    Begun,
    /// It is about to load the reducers of a package.
    Loading(String),
    /// It will ask a reducer about so many objects of a type: origin, type, number.
    Planned(String, String, u64),
    /// It is about to ask the reducer of this origin about an object; the seconds that it may take, where it says so.
    Asking(u32, String, Option<f64>),
    /// What a reducer gave.
    Reduced(Reduction),
    /// Something was not run, and why.
    Note(String),
    /// A reducer for these types is there, run or not.
    Answers(String),
    /// Everything is done.
    Done,
}

/// Writes a message in one piece.
///
/// # Errors
/// What `out` says.
pub(crate) fn send(out: &mut dyn Write, message: &Message) -> io::Result<()> {
    let body = match message {
        Message::Loading(text) | Message::Note(text) | Message::Answers(text) => encode(text),
        Message::Planned(origin, name, count) => encode(&(origin, name, count)),
        Message::Asking(object, origin, seconds) => encode(&(object, origin, seconds)),
        Message::Reduced(reduction) => encode(reduction),
        Message::Begun | Message::Done => Vec::new(),
    };
    let kind = match message {
        Message::Begun => b'B',
        Message::Loading(_) => b'L',
        Message::Planned(..) => b'P',
        Message::Asking(..) => b'A',
        Message::Reduced(_) => b'R',
        Message::Note(_) => b'N',
        Message::Answers(_) => b'T',
        Message::Done => b'D',
    };
    let mut frame = vec![kind];
    frame.extend((body.len() as u32).to_le_bytes());
    frame.extend(body);
    out.write_all(&frame)
}

fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// Takes the first message off `bytes`: none when it is not whole yet.
///
/// # Errors
/// When the bytes are no message.
pub(crate) fn take(bytes: &mut Vec<u8>) -> Result<Option<Message>, Garbled> {
    let Some(header) = bytes.get(..HEADER) else { return Ok(None) };
    let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize;
    let kind = header[0];
    if length > LONGEST || !b"BLPARNTD".contains(&kind) {
        return Err(Garbled);
    }
    let Some(body) = bytes.get(HEADER..HEADER + length) else { return Ok(None) };
    let message = match kind {
        b'B' => Message::Begun,
        b'L' => Message::Loading(decode(body)?),
        b'P' => {
            let (origin, name, count) = decode(body)?;
            Message::Planned(origin, name, count)
        }
        b'A' => {
            let (object, origin, seconds) = decode(body)?;
            Message::Asking(object, origin, seconds)
        }
        b'R' => Message::Reduced(decode(body)?),
        b'N' => Message::Note(decode(body)?),
        b'T' => Message::Answers(decode(body)?),
        _ => Message::Done,
    };
    bytes.drain(..HEADER + length);
    Ok(Some(message))
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Garbled> {
    ciborium::from_reader(body).map_err(|_| Garbled)
}
