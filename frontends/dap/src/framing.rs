//! The framing of messages: `Content-Length: N`, an empty line, N bytes of JSON.
//!
//! After a header that is none there is no telling where the next message begins, so reading ends there, with a reason.

use std::io::{self, BufRead, Read, Write};

/// The longest message that is read; requests are short.
const LONGEST: u64 = 16 << 20;
/// Bytes of headers before one message.
const LONGEST_HEADERS: u64 = 1 << 16;

/// What comes from a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// The bytes of a message.
    Message(Vec<u8>),
    /// The client is gone.
    End,
    /// What came is no message, in words; nothing after it can be read.
    Garbage(String),
}

/// Reads the next message. Reading that fails is the client's end.
pub(crate) fn read(reader: &mut impl BufRead) -> Incoming {
    let mut length: Option<u64> = None;
    let mut left = LONGEST_HEADERS;
    let mut any = false;
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(left).read_until(b'\n', &mut line) {
            Ok(0) if !any && left > 0 => return Incoming::End,
            Ok(0) => return Incoming::Garbage("the headers of a message do not end".to_owned()),
            Ok(_) => {}
            Err(_) => return Incoming::End,
        }
        any = true;
        left -= line.len() as u64;
        let line = line.trim_ascii();
        if line.is_empty() {
            match length {
                Some(length) => return body(reader, length),
                None => return Incoming::Garbage("a message has no Content-Length".to_owned()),
            }
        }
        let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
            return Incoming::Garbage("a line is no header such as `Content-Length: 119`".to_owned());
        };
        if name.trim().eq_ignore_ascii_case("content-length") {
            match value.trim().parse() {
                Ok(number) => length = Some(number),
                Err(_) => return Incoming::Garbage("the Content-Length of a message is no number".to_owned()),
            }
        }
    }
}

fn body(reader: &mut impl BufRead, length: u64) -> Incoming {
    if length > LONGEST {
        return Incoming::Garbage(format!("a message of {length} bytes is longer than {LONGEST}"));
    }
    // Grows with what comes, not with what is promised.
    let mut bytes = Vec::new();
    match reader.take(length).read_to_end(&mut bytes) {
        Ok(read) if read as u64 == length => Incoming::Message(bytes),
        Ok(_) | Err(_) => Incoming::End,
    }
}

/// Writes a message whole.
pub(crate) fn write(writer: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let mut framed = format!("Content-Length: {}\r\n\r\n", message.len()).into_bytes();
    framed.extend_from_slice(message);
    writer.write_all(&framed)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Vec<Incoming> {
        let mut found = Vec::new();
        while !matches!(found.last(), Some(Incoming::End | Incoming::Garbage(_))) {
            found.push(read(&mut bytes));
        }
        found
    }

    #[test]
    fn messages_follow_each_other() {
        let mut bytes = Vec::new();
        write(&mut bytes, "{\"ä\":1}".as_bytes()).expect("room");
        bytes.extend_from_slice(b"content-length:2\nOther: x\n\n{}");
        let expected = [Incoming::Message("{\"ä\":1}".as_bytes().to_vec()), Incoming::Message(b"{}".to_vec()), Incoming::End];
        assert_eq!(all(&bytes), expected);
    }

    #[test]
    fn garbage_is_told() {
        for bytes in ["hello\n", "\r\n\r\n", "Content-Length: x\r\n\r\n", "Content-Length: 99999999999\r\n\r\n", "A: b"] {
            assert!(matches!(all(bytes.as_bytes()).last(), Some(Incoming::Garbage(_))), "{bytes:?}");
        }
        assert_eq!(all(b"Content-Length: 5\r\n\r\n{}"), [Incoming::End]);
        assert!(matches!(all(&vec![b'a'; 1 << 17]).last(), Some(Incoming::Garbage(_))));
    }
}
