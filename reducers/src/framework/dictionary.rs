//! The entries of a dict that belongs to an object's C part (`Objects/dictobject.c`).

use heapsake_core::Address;
use heapsake_core::reduce::{Failure, Reason};
use heapsake_cpython::memory::Memory;

use super::Target;
use super::target::{unreadable, whole};

/// `DICT_KEYS_GENERAL` of `Include/internal/pycore_dict.h`: entries with a hash.
const GENERAL: u8 = 0;

impl Target<'_> {
    /// Gives the entries of the dict at `dict`, key and value, in the order of insertion to `each`.
    ///
    /// # Errors
    /// When the dict is not readable or its fields contradict each other. Or what `each` says.
    pub(crate) fn each_entry(
        &self,
        dict: Address,
        mut each: impl FnMut(Address, Address) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let layouts = self.layouts();
        let table = layouts.dict_keys;
        let keys = self.field_of(layouts.dict.ma_keys, dict)?;
        let values = self.field_of(layouts.dict.ma_values, dict)?;
        let count = whole(self.field_of(table.dk_nentries, keys)?)?;
        let corrupt = || Failure::new(Reason::Corrupt, "a key table of no size");
        let optional =
            |field: Option<heapsake_cpython::layout::Field<u8>>| field.map(|field| self.field_of(field, keys)).transpose();
        let index_bytes = match (optional(table.dk_log2_index_bytes)?, table.dk_size) {
            (Some(log2), _) => 1u64.checked_shl(log2.into()).ok_or_else(corrupt)?,
            (None, Some(size)) => {
                let size = whole(self.field_of(size, keys)?)?;
                let width = match size {
                    0..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => 8,
                };
                size.checked_mul(width).ok_or_else(corrupt)?
            }
            (None, None) => return Err(corrupt()),
        };
        let entries = table.dk_indices.at(keys).0.checked_add(index_bytes).map(Address).ok_or_else(corrupt)?;
        let unicode = match optional(table.dk_kind)? {
            Some(kind) if kind != GENERAL => layouts.dict_unicode_entry,
            _ => None,
        };
        let (stride, key_at, value_at) = match unicode {
            Some(entry) => (entry.size, entry.me_key, entry.me_value),
            None => (layouts.dict_entry.size, layouts.dict_entry.me_key, layouts.dict_entry.me_value),
        };
        if count > 0 {
            let last = (count - 1).checked_mul(stride as u64).and_then(|offset| entries.0.checked_add(offset));
            let last = last.map(Address).ok_or_else(corrupt)?;
            self.read_u8(last).ok_or_else(|| unreadable(last))?;
        }
        for index in 0..count as i64 {
            let entry = entries.offset(index * stride as i64);
            let key = self.field_of(key_at, entry)?;
            let value = match (values.is_null(), layouts.dict_values) {
                (true, _) => self.field_of(value_at, entry)?,
                (false, Some(shape)) => Address(self.object.word_at(shape.values.at(values).offset(8 * index))?),
                (false, None) => Address(self.object.word_at(values.offset(8 * index))?),
            };
            if !key.is_null() && !value.is_null() {
                each(key, value)?;
            }
        }
        Ok(())
    }
}
