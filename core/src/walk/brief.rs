//! An object told in brief: what is asked of objects that a budget cuts.

use crate::address::Address;
use crate::heap::{EdgeKind, Name, Sink, TypeId, Value};

/// Hears type and size alone.
#[derive(Default)]
pub(super) struct Brief {
    pub(super) type_id: u32,
    pub(super) size: u64,
}

impl Sink for Brief {
    fn begin(&mut self, type_id: TypeId, size: u64) {
        (self.type_id, self.size) = (type_id.0, size);
    }

    fn value(&mut self, _: Value<'_>) {}

    fn edge(&mut self, _: EdgeKind, _: Name<'_>, _: Address) {}

    fn element(&mut self, _: Address) {}

    fn entry(&mut self, _: Address, _: Address) {}

    fn state(&mut self, _: &dyn erased_serde::Serialize) {}
}
