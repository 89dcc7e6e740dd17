//! Which names of files a template gives, as `Template.pattern` of `heapsake._template` says it by a regular expression.
//!
//! A name is matched by keeping all places in it that the pieces so far may end at, so no name takes long.

use std::collections::BTreeSet;

/// The names of one template.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    /// A date and a time of the day.
    Time,
    /// The number of a process.
    Process,
    Anything,
    /// Nothing, or anything and a hyphen.
    AnythingBefore,
    /// Nothing, or a hyphen and anything.
    AnythingBehind,
}

impl Pattern {
    /// Of a text in which 0, 1 and 2 stand for anything, a time and a process.
    pub(crate) fn new(text: &str) -> Pattern {
        let (mut pieces, mut left) = (Vec::new(), text);
        while let Some(rest) = left.strip_prefix("\0-") {
            left = rest;
            if pieces.is_empty() {
                pieces.push(Piece::AnythingBefore);
            }
        }
        while let Some(letter) = left.chars().next() {
            let (piece, length) = match letter {
                '-' if left[1..].starts_with('\0') => (Piece::AnythingBehind, 2),
                '\0' => (Piece::Anything, 1),
                '\u{1}' => (Piece::Time, 1),
                '\u{2}' => (Piece::Process, 1),
                _ => {
                    let length = letter.len_utf8();
                    if let Some(Piece::Text(text)) = pieces.last_mut() {
                        text.push(letter);
                        left = &left[length..];
                        continue;
                    }
                    (Piece::Text(letter.to_string()), length)
                }
            };
            pieces.push(piece);
            left = &left[length..];
        }
        Pattern(pieces)
    }

    /// Whether a file of this name counts, finished or not.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some(name) = without_ending(name) else { return false };
        let mut places = BTreeSet::from([0]);
        for piece in &self.0 {
            places = places.iter().flat_map(|from| piece.ends(name.as_bytes(), *from)).collect();
        }
        places.into_iter().any(|from| is_number_behind(&name.as_bytes()[from..]))
    }
}

impl Piece {
    /// Where it may end that begins there.
    fn ends(&self, name: &[u8], from: usize) -> Vec<usize> {
        let rest = &name[from..];
        match self {
            Piece::Text(text) => rest.starts_with(text.as_bytes()).then_some(from + text.len()).into_iter().collect(),
            Piece::Time => {
                let is_digit = |at: usize| rest.get(at).is_some_and(u8::is_ascii_digit);
                let is_time = rest.get(8) == Some(&b'-') && (0..15).all(|at| at == 8 || is_digit(at));
                is_time.then_some(from + 15).into_iter().collect()
            }
            Piece::Process => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                (1..=digits).map(|count| from + count).collect()
            }
            Piece::Anything => (from..=name.len()).collect(),
            Piece::AnythingBefore => {
                let behind = rest.iter().enumerate().filter(|(_, byte)| **byte == b'-').map(|(at, _)| from + at + 1);
                std::iter::once(from).chain(behind).collect()
            }
            Piece::AnythingBehind if rest.first() == Some(&b'-') => std::iter::once(from).chain(from + 1..=name.len()).collect(),
            Piece::AnythingBehind => vec![from],
        }
    }
}

/// The name up to what all names of dumps end with: `.heapsake`, and of one that is begun a number and `.partial`.
fn without_ending(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".partial").unwrap_or(name);
    let digits = name.len() - name.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    let numbered = (digits > 0).then(|| name[..name.len() - digits].strip_suffix('.')).flatten();
    numbered.and_then(|name| name.strip_suffix(".heapsake")).or_else(|| name.strip_suffix(".heapsake"))
}

/// What stands between a name and its ending: nothing, a fingerprint, a number, or both.
fn is_number_behind(rest: &[u8]) -> bool {
    if rest.is_empty() {
        return true;
    }
    let Some(rest) = rest.strip_prefix(b"-") else { return false };
    let mut parts = rest.split(|byte| *byte == b'-');
    let is_hexadecimal = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    let first = parts.next().is_some_and(|part| !part.is_empty() && is_hexadecimal(part));
    let second = parts.next().is_none_or(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    first && second && parts.next().is_none()
}
