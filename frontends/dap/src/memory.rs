//! `readMemory`: the bytes of bytes, bytearrays and arrays. What the dump lacks of them is told as unreadable.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heapsake_core::heap::TypeKind;
use heapsake_loader::array::Array;
use heapsake_loader::{Object, ObjectId};
use serde_json::{Value, json};

use crate::protocol::{Failure, ReadMemoryArguments};
use crate::session::{Answer, Session};

/// Bytes of one answer.
const MOST: u64 = 8 << 20;

impl Session {
    /// Whether an object's value is bytes.
    pub(crate) fn has_memory(&self, object: &Object<'_>) -> bool {
        match object.kind() {
            TypeKind::Bytes | TypeKind::Bytearray => object.surrogate().is_none(),
            TypeKind::Object | TypeKind::Sequence => array_of(object).is_some(),
            _ => false,
        }
    }

    /// `readMemory`.
    pub(crate) fn read_memory(&self, arguments: &ReadMemoryArguments) -> Answer<Value> {
        let unknown = || Failure::new(format!("no memory is called {:?}", arguments.memory_reference));
        let number = arguments.memory_reference.strip_prefix("object:").and_then(|digits| digits.parse::<u32>().ok());
        let id = number.filter(|number| *number < self.dump.object_count()).ok_or_else(unknown)?;
        let object = self.dump.object(ObjectId(id));
        if !self.has_memory(&object) {
            return Err(unknown());
        }
        let count = u64::try_from(arguments.count).map_err(|_| Failure::new("the count of bytes is below zero"))?;
        let offset = arguments.offset.unwrap_or(0);
        let Ok(from) = u64::try_from(offset) else {
            let before = offset.unsigned_abs().min(count);
            return Ok(json!({ "address": format!("-{:#x}", offset.unsigned_abs()), "unreadableBytes": before }));
        };
        let wanted = count.min(MOST);
        let bytes = match array_of(&object) {
            Some(array) => array.bytes_part(from, wanted),
            None => object.value_part(from, wanted),
        };
        let missing = wanted - bytes.len() as u64;
        let mut body = json!({ "address": format!("{from:#x}"), "data": STANDARD.encode(bytes) });
        if missing > 0 {
            body["unreadableBytes"] = missing.into();
        }
        Ok(body)
    }
}

/// An array of numbers.
fn array_of<'d>(object: &Object<'d>) -> Option<Array<'d>> {
    object.decoded()?.state()?;
    Array::of(object).filter(|array| array.code().is_some())
}
