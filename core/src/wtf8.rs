//! WTF-8: UTF-8 that may have surrogates without their other half, as Python's texts may.

/// A surrogate without its other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoneSurrogate {
    /// Where its [`LENGTH`](Self::LENGTH) bytes begin.
    pub at: usize,
    /// U+D800 to U+DFFF.
    pub code: u16,
}

impl LoneSurrogate {
    /// Bytes of each.
    pub const LENGTH: usize = 3;

    /// The first in `text`.
    ///
    /// ```
    /// use heapsake_core::wtf8::LoneSurrogate;
    /// assert_eq!(LoneSurrogate::find(b"a\xed\xb2\x80"), Some(LoneSurrogate { at: 1, code: 0xdc80 }));
    /// assert_eq!(LoneSurrogate::find("\u{d7ff}\u{e000}".as_bytes()), None);
    /// ```
    pub fn find(text: &[u8]) -> Option<LoneSurrogate> {
        let at = text.windows(Self::LENGTH).position(|bytes| bytes[0] == 0xed && bytes[1] >= 0xa0)?;
        let code = 0xd000 | u16::from(text[at + 1] & 0x3f) << 6 | u16::from(text[at + 2] & 0x3f);
        Some(LoneSurrogate { at, code })
    }

    /// Where it ends.
    pub fn end(self) -> usize {
        self.at + Self::LENGTH
    }
}
