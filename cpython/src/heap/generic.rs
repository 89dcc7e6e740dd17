//! C types that nothing knows: every word that looks like a pointer to an object is told as one, and said to be a guess.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;

use super::CPythonHeap;
use super::owned::MOST_WORDS;
use super::types::{HAVE_GC, HEAPTYPE, TypeEntry};
use crate::memory::Memory;

/// Unknown items are scanned up to this many bytes.
const MAXIMUM_ITEMS: u64 = 8 << 20;
/// No object has so many references.
const MAXIMUM_REFERENCES: i64 = 1 << 40;
/// The bits of a count of references that are none of its flags.
const UNFLAGGED: i64 = (1 << 48) - 1;

impl<M: Memory> CPythonHeap<M> {
    /// Whether what lies at `address` looks like an object: aligned, mapped, of a type that is one, with a sane count of
    /// references.
    pub fn is_object(&self, address: Address) -> bool {
        self.is_object_of(address, |_| true)
    }

    /// The same, of a type that `may_be_type` does not rule out before it is read.
    pub(crate) fn is_object_of(&self, address: Address, may_be_type: impl Fn(Address) -> bool) -> bool {
        if address.0 & 7 != 0 || address.0 < 4096 || !self.memory.is_loadable(address) {
            return false;
        }
        // The count first: it is there already when the type is to be followed.
        let layout = &self.layouts().object;
        let is_counted = match (layout.ob_ref_local, layout.ob_refcnt) {
            // The lowest bits of the references of other threads are flags.
            (Some(local), _) => {
                local.read(&self.memory, address).is_some_and(|count| count != 0)
                    || self.optional_field(layout.ob_ref_shared, address).is_some_and(|count| count >> 2 != 0)
            }
            (None, Some(count)) => count.read(&self.memory, address).is_some_and(|count| {
                // From 3.14 on the upper 16 bits are flags. An object in a list of free ones has a pointer there.
                let count = if layout.ob_flags.is_some() { count & UNFLAGGED } else { count };
                count as u32 != 0 && (1..MAXIMUM_REFERENCES).contains(&count)
            }),
            _ => true,
        };
        is_counted && layout.ob_type.read(&self.memory, address).is_some_and(|class| may_be_type(class) && self.is_type(class))
    }

    /// Tells the words of which nothing is known.
    pub(super) fn scan<S: Sink + ?Sized>(&self, entry: &TypeEntry, object: Address, sink: &mut S) -> Result<(), Failure> {
        let end = entry.unknown_words.last().map_or(0, |last| u64::from(*last) + 8);
        let fixed = self.piece(object, end)?;
        let mut others = Vec::new();
        for offset in &entry.unknown_words {
            if let Some(chunk) = fixed.get(*offset as usize..).and_then(<[u8]>::first_chunk::<8>) {
                let word = Address(u64::from_le_bytes(*chunk));
                if !self.scan_word(word, *offset, sink)
                    && entry.flags & (HAVE_GC | HEAPTYPE) != 0
                    && !word.is_null()
                    && (others.len() as u64) < MOST_WORDS
                {
                    others.push(word);
                }
            }
        }
        if entry.unknown_items {
            // The number of items may be something else in a type that says it has some.
            let length = self.item_count_of(entry, self.head(object))?.saturating_mul(entry.item_size);
            if length > 0 && length <= MAXIMUM_ITEMS {
                let first = (entry.basic_size + 7) & !7;
                if let Ok(items) = self.words(object.offset(first as i64), length / 8) {
                    for (index, word) in items.iter().enumerate() {
                        self.scan_word(word, (first + index as u64 * 8) as u32, sink);
                    }
                }
            }
        }
        let end = entry.basic_size.next_multiple_of(8);
        self.follow(entry, object, &others, end, sink);
        Ok(())
    }

    /// Tells every word of the fixed part that looks like a pointer to an object, of a type whose reducer said nothing; texts are left
    /// out.
    pub(super) fn scan_fixed<S: Sink + ?Sized>(&self, entry: &TypeEntry, object: Address, sink: &mut S) -> Result<(), Failure> {
        let fixed = self.piece(object, entry.basic_size)?;
        let (words, _) = fixed.as_chunks::<8>();
        for (index, word) in words.iter().enumerate().skip(self.layouts().object.size / 8) {
            let word = Address(u64::from_le_bytes(*word));
            // The reducer would have named what may be a secret by its name.
            let is_text = self.type_of(word).is_some_and(|known| {
                matches!(known.payload, super::Payload::Str | super::Payload::Bytes | super::Payload::Bytearray)
            });
            if !is_text {
                self.scan_word(word, index as u32 * 8, sink);
            }
        }
        Ok(())
    }

    /// Tells the words of a block that belongs to an object, such as a module's state, with names from `first` on.
    /// Gives those that lead elsewhere.
    pub(super) fn scan_block<S: Sink + ?Sized>(&self, block: Address, length: u64, first: u32, sink: &mut S) -> Vec<Address> {
        let mut others = Vec::new();
        if block.is_null() || length > MAXIMUM_ITEMS {
            return others;
        }
        if let Ok(words) = self.words(block, length / 8) {
            for (index, word) in words.iter().enumerate() {
                if !self.scan_word(word, first.saturating_add(index as u32 * 8), sink) && !word.is_null() {
                    others.push(word);
                }
            }
        }
        others
    }

    #[inline]
    fn scan_word<S: Sink + ?Sized>(&self, word: Address, offset: u32, sink: &mut S) -> bool {
        let is_object = self.is_object(word);
        if is_object {
            sink.edge(EdgeKind::Conservative, Name::Index(offset), word);
        }
        is_object
    }
}
