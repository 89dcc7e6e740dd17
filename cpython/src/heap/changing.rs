//! Dicts and sets that contradict themselves, as they do while a thread changes them: what they count is not what is there.
//! Told without the names of functions, which a stripped binary does not have.

use heapsake_core::Address;

use super::types::DICT_SUBCLASS;
use super::{CPythonHeap, setobject};
use crate::memory::Memory;

/// Of larger containers only their numbers are looked at.
const MOST_ITEMS: u64 = 1 << 14;

/// A container that can be caught.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Container {
    Dict,
    Set,
}

impl Container {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Container::Dict => "dict",
            Container::Set => "set",
        }
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// Which container lies at `word`, if one does whose fields contradict each other.
    pub(crate) fn caught_changing(&self, word: Address) -> Option<Container> {
        if word.0 & 7 != 0 {
            return None;
        }
        let class = self.layouts().object.ob_type.read(&self.memory, word)?;
        let head = self.type_head(class)?;
        let container = if head.flags & DICT_SUBCLASS != 0 {
            Container::Dict
        } else if self.c_text(head.name)? == "set" {
            Container::Set
        } else {
            return None;
        };
        // One that nobody refers to is being taken apart, or was.
        if !self.is_object(word) {
            return None;
        }
        let miscounted = match container {
            Container::Dict => self.is_dict_miscounted(word, MOST_ITEMS),
            Container::Set => setobject::is_miscounted(self, word, MOST_ITEMS),
        };
        miscounted.then_some(container)
    }
}
