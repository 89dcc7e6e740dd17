//! Registered reducers: what they see of an object, and what happens when one fails or panics.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, TypeId, Value};
use heapsake_core::reduce::{Failure, Member, Object, Reason, Stack, Stacks};

use super::head::Head;
use super::sizes::Size;
use super::types::TypeEntry;
use super::{CPythonHeap, unreadable};
use crate::memory::Memory;

struct View<'a, M: Memory> {
    heap: &'a CPythonHeap<M>,
    entry: &'a TypeEntry,
    object: Address,
}

impl<M: Memory> Object for View<'_, M> {
    fn address(&self) -> Address {
        self.object
    }

    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure> {
        self.heap.memory.read_at(address, into).map_err(|_| unreadable())
    }

    fn type_name(&self) -> String {
        self.entry.description.name.clone()
    }

    fn is_object(&self, address: Address) -> bool {
        self.heap.is_object(address)
    }

    fn type_name_of(&self, address: Address) -> Option<String> {
        self.heap.type_name_of(address)
    }

    fn reduce_base(&self, sink: &mut dyn Sink) -> Result<(), Failure> {
        self.heap.reduce_payload(self.entry, self.heap.head(self.object), sink)
    }

    fn bases(&self) -> Vec<String> {
        self.entry.description.mro.clone()
    }

    fn members(&self) -> Vec<Member> {
        let mut found = Vec::new();
        for class in self.heap.classes(self.entry.address) {
            self.heap.members_of(class, &mut found);
        }
        let member = |one: super::Member| {
            let is_object = one.is_object();
            let place = self.heap.place_of_member(self.entry, &one, self.object).ok()?;
            let offset = u32::try_from(place.0.checked_sub(self.object.0)?).ok()?;
            Some(Member { name: one.name.into(), offset, kind: one.kind, is_object })
        };
        found.into_iter().filter_map(member).collect()
    }

    fn process_fact(&self, name: &str) -> Option<Vec<u8>> {
        if let Some(of) = name.strip_prefix("library/") {
            let class = self.entry.description.mro.iter().position(|base| base == of)?;
            let class = *self.heap.classes(self.entry.address).get(class)?;
            let path = self.heap.facts.library(class, &self.heap.module_of(class)?)?;
            return Some(path.into_os_string().into_encoded_bytes());
        }
        self.heap.facts.process_fact(name)
    }

    fn tell_other(&self, address: Address, sink: &mut dyn Sink) -> Result<(), Failure> {
        match self.heap.type_of(address) {
            // No reducer asks another, so none asks itself.
            Some(entry) if entry.reducer.is_none() => self.heap.reduce_payload(entry, self.heap.head(address), sink),
            _ => Err(Failure::new(Reason::NotAnObject, "nothing that the engine itself knows")),
        }
    }

    fn attribute_of(&self, address: Address, name: &str) -> Option<Address> {
        self.heap.attribute(address, name)
    }

    fn runtime(&self) -> Option<&dyn Any> {
        Some(&self.heap.facts)
    }
}

/// A sink that knows whether anything was told.
struct Counting<'a, S: Sink> {
    sink: &'a mut S,
    told: u64,
}

impl<S: Sink> Sink for Counting<'_, S> {
    fn begin(&mut self, type_id: TypeId, size: u64) {
        self.sink.begin(type_id, size);
    }

    fn block(&mut self, at: Address, length: u64) {
        self.sink.block(at, length);
    }

    fn value(&mut self, value: Value<'_>) {
        self.told += 1;
        self.sink.value(value);
    }

    fn bytes_in_pieces(
        &mut self,
        length: u64,
        read: &mut dyn FnMut(u64, &mut [u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.told += 1;
        self.sink.bytes_in_pieces(length, read)
    }

    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        self.told += 1;
        self.sink.edge(kind, name, target);
    }

    fn element(&mut self, target: Address) {
        self.told += 1;
        self.sink.element(target);
    }

    fn entry(&mut self, key: Address, value: Address) {
        self.told += 1;
        self.sink.entry(key, value);
    }

    fn is_marking(&self) -> bool {
        self.sink.is_marking()
    }

    fn is_first_pass(&self) -> bool {
        self.sink.is_first_pass()
    }

    fn may_defer(&self) -> bool {
        self.sink.may_defer()
    }

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        self.told += 1;
        self.sink.state(state);
    }
}

/// Lets the type's reducer tell the C part, then tells what every instance may have.
pub(super) fn reduce<M: Memory, S: Sink>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let Some(registration) = &entry.reducer else { return Ok(()) };
    if registration.reducer.stacks().is_some() {
        heap.stacks.borrow_mut().insert(object);
    }
    let view = View { heap, entry, object };
    let mut counting = Counting { sink: &mut *sink, told: 0 };
    let told = catch_unwind(AssertUnwindSafe(|| registration.reducer.reduce(&view, &mut counting)));
    // An object whose reducer said nothing is not worse off than one that has none.
    if counting.told == 0 && !matches!(told, Ok(Ok(()))) {
        let _ = heap.scan_fixed(entry, object, sink);
    }
    // Attributes, slots and dictionary do not depend on the reducer.
    let rest = heap.reduce_instance(entry, object, sink);
    match told {
        Ok(told) => told.and(rest),
        Err(panic) => Err(Failure::new(Reason::ReducerFailed, format!("panicked: {}", message(&*panic)))),
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// Tells reducers that want many at once what comes next.
    pub(crate) fn expect(&self, objects: &[Address]) {
        let mut kinds: BTreeMap<Address, Vec<View<'_, M>>> = BTreeMap::new();
        for object in objects.iter().copied() {
            if let Some(entry) = self.type_of(object) {
                kinds.entry(entry.address).or_default().push(View { heap: self, entry, object });
            }
        }
        for views in kinds.values() {
            let objects: Vec<&dyn Object> = views.iter().map(|view| view as &dyn Object).collect();
            if let Some(registration) = &views[0].entry.reducer {
                // What fails here fails again, and is told, where the object is reduced.
                let _ = catch_unwind(AssertUnwindSafe(|| registration.reducer.expect(&objects)));
            }
        }
    }

    /// The stack that an object keeps, and what knows such objects; none if it keeps none now, or it cannot be read.
    pub(crate) fn stack_of(&self, object: Address) -> Option<(&'static dyn Stacks, Stack)> {
        let entry = self.type_of(object)?;
        let stacks = entry.reducer.as_ref()?.reducer.stacks()?;
        let view = View { heap: self, entry, object };
        let stack = catch_unwind(AssertUnwindSafe(|| stacks.stack(&view))).ok()?.ok()??;
        Some((stacks, stack))
    }
}

/// Tells size and blocks, also those that the type's reducer knows of.
pub(super) fn begin<M: Memory, S: Sink>(heap: &CPythonHeap<M>, entry: &TypeEntry, head: Head<'_>, sink: &mut S) {
    let size = heap.size(entry, head);
    let mut owned = Vec::new();
    if let Some(registration) = &entry.reducer {
        let view = View { heap, entry, object: head.object };
        // A reducer that panics is told about where it reduces.
        let mut add = |at: Address, length: u64| {
            // A lie about its length is no size.
            let end = length.checked_sub(1).and_then(|last| at.0.checked_add(last));
            if end.is_some_and(|end| heap.memory.read_u8(Address(end)).is_some()) {
                owned.push((at, length));
            }
        };
        let told = catch_unwind(AssertUnwindSafe(|| registration.reducer.owned_blocks(&view, &mut add)));
        if told.is_err() {
            owned.clear();
        }
    }
    let bytes = owned.iter().fold(size.bytes, |sum, (_, length)| sum.saturating_add(*length));
    Size { bytes, ..size }.begin(entry.id, sink);
    for (at, length) in owned {
        sink.block(at, length);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "no message",
    }
}
