//! An object's process as the structs of Stackless need it: fields by the layout table, kinds by the names of types.

use heapsake_core::Address;
use heapsake_core::reduce::{Failure, Object, Reason};
use heapsake_cpython::Facts;
use heapsake_cpython::layout::{Field, Scalar};
use heapsake_cpython::memory::{Memory, Unreadable};

/// Base classes that are looked at.
const MAXIMUM_BASES: usize = 64;
/// Frames of C functions that stand one behind the other.
const MAXIMUM_CFRAMES: usize = 1000;

/// Memory as an object offers it, with what is known of the runtime.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) object: &'a dyn Object,
    pub(crate) facts: &'a Facts,
}

impl Memory for Seen<'_> {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        self.object.read_at(address, into).map_err(|_| Unreadable::new(address, into.len()))
    }
}

/// What `f` of a tasklet, or `f_back` of a frame, leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leads {
    /// Nothing.
    Nowhere,
    /// A frame of Python, at once or over frames of C functions.
    Frame(Address),
    /// Frames of C functions alone: the outermost of them.
    CFrame(Address),
}

impl<'a> Seen<'a> {
    pub(crate) fn of(object: &'a dyn Object) -> Result<Seen<'a>, Failure> {
        let facts = object.runtime().and_then(|facts| facts.downcast_ref::<Facts>());
        Ok(Seen { object, facts: facts.ok_or_else(|| Failure::new(Reason::ReducerFailed, "the runtime is not CPython"))? })
    }

    /// A field of the struct at `at`.
    pub(crate) fn field<T: Scalar>(&self, field: Field<T>, at: Address) -> Result<T::Value, Failure> {
        field.read(self, at).ok_or_else(|| Failure::new(Reason::Unreadable, format!("at {}", field.at(at))))
    }

    /// A field that may be unreadable.
    pub(crate) fn optional<T: Scalar>(&self, field: Option<Field<T>>, at: Address) -> Option<T::Value> {
        field?.read(self, at)
    }

    /// A pointer that may be null or unreadable.
    pub(crate) fn pointer(&self, field: Field<Address>, at: Address) -> Option<Address> {
        field.read(self, at).filter(|target| !target.is_null())
    }

    /// The pointer that lies at `at`.
    pub(crate) fn pointer_at(&self, at: Address) -> Option<Address> {
        self.object.word_at(at).ok().map(Address)
    }

    /// Whether the object at `at` is of the type of this name, or of one that is made of it.
    pub(crate) fn is_a(&self, at: Address, name: &str) -> bool {
        if !self.object.is_object(at) {
            return false;
        }
        if self.object.type_name_of(at).is_some_and(|found| found == name) {
            return true;
        }
        let layouts = &self.facts.layouts;
        let mut class = layouts.object.ob_type.read(self, at);
        for _ in 0..MAXIMUM_BASES {
            let Some(here) = class.filter(|class| !class.is_null()) else { return false };
            let found = self.pointer(layouts.type_object.tp_name, here).and_then(|text| self.c_string(text, 128));
            if found.is_some_and(|found| found == name.as_bytes()) {
                return true;
            }
            class = layouts.type_object.tp_base.read(self, here);
        }
        false
    }

    pub(crate) fn is_tasklet(&self, at: Address) -> bool {
        self.is_a(at, "_stackless.tasklet")
    }

    pub(crate) fn is_channel(&self, at: Address) -> bool {
        self.is_a(at, "_stackless.channel")
    }

    /// Where a frame or a frame of a C function leads, itself included.
    pub(crate) fn leads(&self, from: Address) -> Leads {
        let mut last = None;
        let mut next = from;
        for _ in 0..MAXIMUM_CFRAMES {
            match self.object.type_name_of(next).as_deref() {
                Some("frame") => return Leads::Frame(next),
                Some("_stackless.cframe") => last = Some(next),
                _ => break,
            }
            let Some(layout) = self.facts.layouts.stackless_cframe else { break };
            next = layout.f_back.read(self, next).unwrap_or_default();
        }
        last.map_or(Leads::Nowhere, Leads::CFrame)
    }
}

/// What is to be there when the target is Stackless.
pub(crate) fn known<T>(layout: Option<T>) -> Result<T, Failure> {
    layout.ok_or_else(|| Failure::new(Reason::ReducerFailed, "the layouts are not those of Stackless"))
}
