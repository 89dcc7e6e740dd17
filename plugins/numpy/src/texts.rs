//! Texts of any length as elements of 16 bytes, in the file: an item `|T16`.
//!
//! Like NumPy's and Arrow's own, but told from the value alone: up to 15 bytes lie in the element, of a longer text the
//! element says where in the value it begins. The last byte is a state: none (an empty text), [`SHORT`] with the length,
//! [`LONG`] (then the first eight bytes are the place, the next seven the length), [`MISSING`], or [`LOST`]: one that makes
//! no sense, or that there was no room for. Texts follow the elements.

/// With the length in the low bits: the text lies in the element.
pub(crate) const SHORT: u8 = 0x60;
/// The text lies where the element says.
pub(crate) const LONG: u8 = 0x40;
/// There is no text: it is missing, which is not an empty one.
pub(crate) const MISSING: u8 = 0x80;
/// The text is not in the file.
pub(crate) const LOST: u8 = 0x20;
/// Bytes of an element.
pub(crate) const ITEM: usize = 16;
/// The longest text that lies in the element.
const LONGEST_SHORT: usize = ITEM - 1;

/// A text of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    Known(&'a [u8]),
    Missing,
    Lost,
}

/// Elements that are being made.
#[derive(Debug)]
pub(crate) struct Texts {
    elements: Vec<u8>,
    long: Vec<u8>,
    /// Where in the value the longer texts begin.
    start: u64,
    /// Bytes of longer texts that may still come.
    left: usize,
    pub(crate) missing: u64,
    pub(crate) lost: u64,
}

impl Texts {
    /// Of `count` elements, which begin at `at` in the value, with at most `most` bytes of longer texts.
    pub(crate) fn new(at: u64, count: usize, most: usize) -> Texts {
        let elements = Vec::with_capacity(count * ITEM);
        Texts { elements, long: Vec::new(), start: at + (count * ITEM) as u64, left: most, missing: 0, lost: 0 }
    }

    /// Whether a text of this length still has room.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        length <= LONGEST_SHORT || length <= self.left
    }

    /// The next element.
    pub(crate) fn push(&mut self, text: Text<'_>) {
        let mut element = [0; ITEM];
        match text {
            Text::Known([]) => {}
            Text::Known(text) if text.len() <= LONGEST_SHORT => {
                element[..text.len()].copy_from_slice(text);
                element[LONGEST_SHORT] = SHORT | text.len() as u8;
            }
            Text::Known(text) if self.has_room(text.len()) => {
                let place = self.start + self.long.len() as u64;
                element[..8].copy_from_slice(&place.to_le_bytes());
                element[8..].copy_from_slice(&(text.len() as u64).to_le_bytes());
                element[LONGEST_SHORT] = LONG;
                self.left -= text.len();
                self.long.extend_from_slice(text);
            }
            Text::Missing => {
                self.missing += 1;
                element[LONGEST_SHORT] = MISSING;
            }
            Text::Known(_) | Text::Lost => {
                self.lost += 1;
                element[LONGEST_SHORT] = LOST;
            }
        }
        self.elements.extend_from_slice(&element);
    }

    /// Elements, then texts.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.elements.append(&mut self.long);
        self.elements
    }
}
