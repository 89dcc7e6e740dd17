//! Qualified names of classes, and texts and dictionaries read without knowing their types: what decoding a type needs.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::rc::Rc;

use heapsake_core::Address;
use heapsake_core::wtf8::LoneSurrogate;

use super::CPythonHeap;
use super::types::{BYTES_SUBCLASS, DICT_SUBCLASS, HEAPTYPE, UNICODE_SUBCLASS};
use super::unicodeobject::StringData;
use crate::memory::Memory;

/// Texts longer than this are no names.
const MAXIMUM_TEXT: usize = 1 << 16;
/// Neither are bytes longer than this.
const LONGEST_NAME: u64 = 256;

impl<M: Memory> CPythonHeap<M> {
    fn has_flag(&self, object: Address, flag: u64) -> bool {
        object.0 & 7 == 0
            && self
                .layouts()
                .object
                .ob_type
                .read(&self.memory, object)
                .and_then(|class| self.layouts().type_object.tp_flags.read(&self.memory, class))
                .is_some_and(|flags| flags & flag != 0)
    }

    /// Whether a string object lies at `object`.
    pub fn is_text(&self, object: Address) -> bool {
        self.has_flag(object, UNICODE_SUBCLASS)
    }

    /// Whether a string object lies at `object` that `sys.intern` would give for every other of its text.
    pub fn is_interned(&self, object: Address) -> bool {
        self.is_text(object) && self.layouts().ascii.interned.read(&self.memory, object).is_some_and(|interned| interned != 0)
    }

    /// Whether a dictionary lies at `object`.
    pub fn is_dict(&self, object: Address) -> bool {
        self.has_flag(object, DICT_SUBCLASS)
    }

    /// The text of the string object at `object`, lone surrogates replaced; `None` when it is none, or longer than 64 Ki.
    pub fn text_of(&self, object: Address) -> Option<String> {
        match String::from_utf8(self.wtf8_of(object)?) {
            Ok(text) => Some(text),
            Err(error) => {
                let mut bytes = error.into_bytes();
                let mut from = 0;
                while let Some(found) = LoneSurrogate::find(&bytes[from..]) {
                    bytes[from + found.at..from + found.end()].copy_from_slice("\u{fffd}".as_bytes());
                    from += found.end();
                }
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
        }
    }

    /// The path that the string object at `object` names, if it is no UTF-8: its bytes are surrogates in the text (PEP 383).
    pub fn odd_path_of(&self, object: Address) -> Option<PathBuf> {
        let text = self.wtf8_of(object)?;
        let mut rest = &text[..];
        let mut path = Vec::new();
        while let Some(found) = LoneSurrogate::find(rest) {
            // Others name no file.
            if !(0xdc80..=0xdcff).contains(&found.code) {
                return None;
            }
            path.extend_from_slice(&rest[..found.at]);
            path.push(found.code as u8);
            rest = &rest[found.end()..];
        }
        let is_odd = rest.len() < text.len();
        path.extend_from_slice(rest);
        is_odd.then(|| PathBuf::from(OsString::from_vec(path)))
    }

    fn wtf8_of(&self, object: Address) -> Option<Vec<u8>> {
        if !self.is_text(object) {
            return None;
        }
        let mut found = None;
        let tell = |text: &StringData<'_>| {
            if text.length() <= MAXIMUM_TEXT {
                text.text().write_wtf8(found.insert(Vec::new()));
            }
        };
        self.with_text(object, tell).ok()?;
        found
    }

    /// The name that the `bytes` object at `object` is; `None` when it is none, or longer than names are.
    pub fn name_of_bytes(&self, object: Address) -> Option<String> {
        if !self.has_flag(object, BYTES_SUBCLASS) || self.item_count(object).ok()? > LONGEST_NAME {
            return None;
        }
        String::from_utf8(self.bytes_of(object).ok()?.into_owned()).ok()
    }

    /// The value under the string `key` in the dictionary at `dict`.
    pub fn dict_get(&self, dict: Address, key: &str) -> Option<Address> {
        if !self.is_dict(dict) {
            return None;
        }
        let mut found = None;
        let _ = self.entries(dict, |candidate, value| {
            if found.is_none() && self.is_text_equal(candidate, key) {
                found = Some(value);
            }
        });
        found
    }

    /// Whether the string object at `object` has this text.
    pub fn is_text_equal(&self, object: Address, text: &str) -> bool {
        if !self.is_text(object) {
            return false;
        }
        let mut equal = false;
        let _ = self.with_text(object, |found| equal = found.is_equal(text));
        equal
    }

    /// The items of the tuple at `tuple`, at most `maximum`; `None` when none lies there.
    pub fn items_of_tuple(&self, tuple: Address, maximum: u64) -> Option<Vec<Address>> {
        if tuple.is_null() || tuple.0 & 7 != 0 {
            return None;
        }
        let count = self.layouts().var_object.ob_size.read(&self.memory, tuple)?;
        let count = u64::try_from(count).ok()?.min(maximum);
        let items = self.words(self.layouts().tuple.ob_item.at(tuple), count).ok()?;
        Some(items.iter().collect())
    }

    /// The module that a class says it is of; `builtins` for static types without a dot.
    pub(crate) fn module_of(&self, class: Address) -> Option<String> {
        let head = self.type_head(class)?;
        if head.flags & HEAPTYPE == 0 {
            let name = self.c_text(self.layouts().type_object.tp_name.read(&self.memory, class)?)?;
            return Some(name.rsplit_once('.').map_or("builtins", |(module, _)| module).to_owned());
        }
        self.text_of(self.dict_get(self.dict_of_type(class), "__module__")?)
    }

    /// The qualified name of a class, with its module unless that is `builtins`.
    pub(crate) fn class_name(&self, class: Address) -> Rc<str> {
        if let Some(name) = self.names.borrow().get(&class) {
            return Rc::clone(name);
        }
        let name: Rc<str> = self.decode_class_name(class).unwrap_or_default().into();
        self.names.borrow_mut().insert(class, Rc::clone(&name));
        name
    }

    fn decode_class_name(&self, class: Address) -> Option<String> {
        let head = self.type_head(class)?;
        if head.flags & HEAPTYPE == 0 {
            let name = self.c_text(self.layouts().type_object.tp_name.read(&self.memory, class)?)?;
            return Some(name.strip_prefix("builtins.").map(str::to_owned).unwrap_or(name));
        }
        let qualified = self.text_of(self.layouts().heap_type.ht_qualname.read(&self.memory, class)?)?;
        match self.module_of(class).as_deref() {
            None | Some("builtins" | "") => Some(qualified),
            Some(module) => Some(format!("{module}.{qualified}")),
        }
    }

    /// The qualified name of the type of the object at `object`; `None` when no object lies there.
    pub fn type_name_of(&self, object: Address) -> Option<String> {
        if !self.is_object(object) {
            return None;
        }
        let class = self.layouts().object.ob_type.read(&self.memory, object)?;
        Some(self.class_name(class).to_string())
    }
}
