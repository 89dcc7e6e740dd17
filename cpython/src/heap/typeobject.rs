//! Classes: names, bases, resolution order, dictionary. Mirrors `Objects/typeobject.c`.
//!
//! Static types of 3.12 and later keep dictionary and subclasses in the interpreter, where they are looked up.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;
use serde::ser::{Serialize, Serializer};

use super::state::State;
use super::types::HEAPTYPE;
use super::{CPythonHeap, unreadable};
use crate::layout::Field;
use crate::memory::Memory;

pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, object: Address, sink: &mut S) -> Result<(), Failure> {
    let layouts = heap.layouts();
    let layout = &layouts.type_object;
    let bytes = heap.piece(object, layout.size as u64)?;
    let pointer = |field: Field<Address>| field.decode(&bytes).ok_or_else(unreadable);
    let flags = layout.tp_flags.decode(&bytes).ok_or_else(unreadable)?;
    let mut tell = |kind: EdgeKind, name: &str, target: Address| {
        if !target.is_null() {
            sink.edge(kind, Name::Text(name), target);
        }
    };
    if flags & HEAPTYPE != 0 {
        let heap_type = &layouts.heap_type;
        tell(EdgeKind::Attribute, "__name__", heap.field(heap_type.ht_name, object)?);
        tell(EdgeKind::Attribute, "__qualname__", heap.field(heap_type.ht_qualname, object)?);
        tell(EdgeKind::Internal, "ht_slots", heap.field(heap_type.ht_slots, object)?);
        tell(EdgeKind::Internal, "ht_module", heap.optional_field(heap_type.ht_module, object).unwrap_or_default());
    }
    tell(EdgeKind::Attribute, "__base__", pointer(layout.tp_base)?);
    tell(EdgeKind::Attribute, "__bases__", pointer(layout.tp_bases)?);
    tell(EdgeKind::Attribute, "__mro__", pointer(layout.tp_mro)?);
    tell(EdgeKind::Internal, "__dict__", heap.dict_of_type(object));
    tell(EdgeKind::Internal, "tp_cache", pointer(layout.tp_cache)?);
    let subclasses = match (heap.state_of_static_type(object), layouts.static_type_state) {
        (Some(state), Some(layout)) => heap.field(layout.tp_subclasses, state)?,
        _ => pointer(layout.tp_subclasses)?,
    };
    // Where the interpreter keeps them and was not found, an index stands there.
    if heap.is_dict(subclasses) {
        tell(EdgeKind::Internal, "tp_subclasses", subclasses);
    }
    sink.state(&TypeFacts { heap, object, flags });
    Ok(())
}

/// Facts are read when a sink asks for them: marking does not.
struct TypeFacts<'a, M: Memory> {
    heap: &'a CPythonHeap<M>,
    object: Address,
    flags: u64,
}

impl<M: Memory> Serialize for TypeFacts<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (heap, object) = (self.heap, self.object);
        let layout = &heap.layouts().type_object;
        let mut state = State::new();
        if self.flags & HEAPTYPE == 0 {
            let full = heap.class_name(object);
            let (module, name) = full.rsplit_once('.').unwrap_or(("builtins", &full));
            state = state
                .with("__name__", name.to_owned())
                .with("__qualname__", name.to_owned())
                .with("__module__", module.to_owned());
        }
        state
            .with("__flags__", self.flags)
            .with_some("__basicsize__", layout.tp_basicsize.read(&heap.memory, object))
            .with_some("__itemsize__", layout.tp_itemsize.read(&heap.memory, object))
            .with_some("__dictoffset__", layout.tp_dictoffset.read(&heap.memory, object))
            .serialize(serializer)
    }
}
