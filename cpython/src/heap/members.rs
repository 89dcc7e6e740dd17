//! Slots and C members of instances, as a type declares them: `PyMemberDef` of `Include/descrobject.h`.

use heapsake_core::Address;
use heapsake_core::reduce::Failure;

use super::types::{MAXIMUM_BASIC_SIZE, MAXIMUM_CLASSES, TypeEntry};
use super::{CPythonHeap, corrupt};
use crate::memory::Memory;

/// A C member or a slot.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: Box<str>,
    /// The string object with its name, where one was found.
    pub name_object: Option<Address>,
    /// Where it lies, in bytes from the start.
    pub offset: u32,
    /// Whether the items of an instance lie in between (3.15: slots of tuples), so that it lies that much further.
    pub is_after_items: bool,
    /// The C type, as `Include/structmember.h` numbers it.
    pub kind: i32,
}

/// `T_OBJECT`: a null pointer is `None`.
pub(crate) const T_OBJECT: i32 = 6;
/// `T_OBJECT_EX`: a null pointer is no attribute.
pub(crate) const T_OBJECT_EX: i32 = 16;

/// `_Py_AFTER_ITEMS` of the flags of a `PyMemberDef`, which follow its offset (3.15).
const AFTER_ITEMS: u32 = 1 << 4;

impl Member {
    /// Whether it is an object and not a number or a C string.
    pub fn is_object(&self) -> bool {
        matches!(self.kind, T_OBJECT | T_OBJECT_EX)
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// Adds those that a class itself declares.
    pub(super) fn members_of(&self, class: Address, into: &mut Vec<Member>) {
        let Some(head) = self.type_head(class) else { return };
        let layout = &self.layouts().member_def;
        let text_at = self.layouts().ascii.size as i64;
        for index in 0..MAXIMUM_CLASSES {
            if head.members.is_null() {
                return;
            }
            let Ok(bytes) = self.piece(head.members.offset((index * layout.size as u64) as i64), layout.size as u64) else {
                return;
            };
            let (Some(name), Some(kind), Some(offset)) =
                (layout.name.decode(&bytes), layout.type_.decode(&bytes), layout.offset.decode(&bytes))
            else {
                return;
            };
            let Some(text) = self.c_text(name).filter(|text| !text.is_empty()) else { return };
            if !(0..MAXIMUM_BASIC_SIZE).contains(&offset) {
                continue;
            }
            let candidate = name.offset(-text_at);
            let name_object = (self.text_of(candidate).as_deref() == Some(&*text)).then_some(candidate);
            let flags = bytes.get(layout.offset.offset() + 8..).and_then(<[u8]>::first_chunk::<4>);
            let is_after_items = flags.is_some_and(|flags| u32::from_le_bytes(*flags) & AFTER_ITEMS != 0);
            into.push(Member { name: text.into(), name_object, offset: offset as u32, is_after_items, kind });
        }
    }

    /// Where an instance has a member.
    pub(crate) fn place_of_member(&self, entry: &TypeEntry, member: &Member, object: Address) -> Result<Address, Failure> {
        let at = object.offset(i64::from(member.offset));
        if !member.is_after_items {
            return Ok(at);
        }
        let items = self.item_count_of(entry, self.head(object))?.saturating_mul(entry.item_size);
        let items = items.checked_next_multiple_of(8).and_then(|items| i64::try_from(items).ok());
        Ok(at.offset(items.ok_or_else(|| corrupt("more items than there is memory"))?))
    }
}
