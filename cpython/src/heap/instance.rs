//! What every instance may have beside its C part: a dictionary or values in each of CPython's forms, slots and C members;
//! and the fields of the types that a list describes.
//!
//! A dictionary that exists is told as the internal edge `__dict__`; values without one are told as attributes, in the order
//! of their insertion. Where both exist (3.13 lets a dictionary use the values inside of an instance), the dictionary
//! tells them. Mirrors `Include/internal/pycore_object.h`, `Objects/dictobject.c`, `Python/structmember.c`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::head::Head;
use super::members::{Member, T_OBJECT_EX};
use super::payload::{Told, ToldField};
use super::state::Plain;
use super::types::{Attributes, INLINE_VALUES, TypeEntry};
use super::{CPythonHeap, unreadable};
use crate::memory::Memory;

/// In front of an instance: the dictionary, a word before the collector's head of two; free-threaded builds have no such head.
const MANAGED_DICT: i64 = -24;
const MANAGED_VALUES: i64 = -32;
const MANAGED_DICT_UNCOLLECTED: i64 = -8;

/// Where an instance has its attributes now.
enum Place {
    Nowhere,
    Dict(Address),
    Values(Address),
}

impl<M: Memory> CPythonHeap<M> {
    fn place_of_attributes(&self, entry: &TypeEntry, object: Address) -> Result<Place, Failure> {
        let found = |dict: Address| if dict.is_null() { Place::Nowhere } else { Place::Dict(dict) };
        Ok(match entry.attributes {
            Attributes::None => Place::Nowhere,
            Attributes::At(offset) => found(self.pointer(object.offset(i64::from(offset)))?),
            Attributes::FromEnd(offset) => {
                let items = self.item_count_of(entry, self.head(object))?;
                let size = entry.basic_size.saturating_add(items.saturating_mul(entry.item_size));
                let at = size.checked_next_multiple_of(8).ok_or_else(unreadable)? as i64;
                found(self.pointer(object.offset(at.wrapping_add(offset)))?)
            }
            Attributes::ValuesAndDict => {
                let values = self.pointer(object.offset(MANAGED_VALUES))?;
                if values.is_null() { found(self.pointer(object.offset(MANAGED_DICT))?) } else { Place::Values(values) }
            }
            Attributes::DictOrValues => {
                let word = self.pointer(object.offset(MANAGED_DICT))?;
                if word.0 & 1 == 1 { Place::Values(word.offset(1)) } else { found(word) }
            }
            Attributes::DictPointer => {
                let at = if self.layouts().object.ob_ref_local.is_some() { MANAGED_DICT_UNCOLLECTED } else { MANAGED_DICT };
                let dict = self.pointer(object.offset(at))?;
                let values = object.offset(entry.basic_size as i64);
                let valid = || self.optional_field(self.layouts().dict_values.and_then(|layout| layout.valid), values);
                if dict.is_null() && entry.flags & INLINE_VALUES != 0 && valid() == Some(1) {
                    Place::Values(values)
                } else {
                    found(dict)
                }
            }
        })
    }

    /// Where the values of an instance's attributes are, when they are a block of their own.
    pub(super) fn values_apart(&self, entry: &TypeEntry, object: Address) -> Option<Address> {
        match self.place_of_attributes(entry, object) {
            Ok(Place::Values(values)) => Some(values),
            _ => None,
        }
    }

    /// The number of items of an instance of a type that has some; integers keep it in their own way.
    pub(super) fn item_count_of(&self, entry: &TypeEntry, head: Head<'_>) -> Result<u64, Failure> {
        if entry.payload == super::Payload::Int {
            return Ok(self.digits(head)?.0);
        }
        Ok(self.head_field(self.layouts().var_object.ob_size, head)?.unsigned_abs())
    }

    /// Tells what an instance has beside its C part.
    pub(super) fn reduce_instance<S: Sink + ?Sized>(
        &self,
        entry: &TypeEntry,
        object: Address,
        sink: &mut S,
    ) -> Result<(), Failure> {
        match self.place_of_attributes(entry, object)? {
            Place::Nowhere => {}
            Place::Dict(dict) => sink.edge(EdgeKind::Internal, Name::Text("__dict__"), dict),
            Place::Values(values) => self.values(values, entry.keys.len(), |index, value| {
                if let Some(name) = entry.keys.get(index) {
                    sink.edge(EdgeKind::Attribute, Name::Object(*name), value);
                }
            })?,
        }
        if !entry.members.is_empty() {
            self.reduce_members(entry, object, sink)?;
        }
        if !entry.unknown_words.is_empty() || entry.unknown_items {
            self.scan(entry, object, sink)?;
        }
        Ok(())
    }

    fn reduce_members<S: Sink + ?Sized>(&self, entry: &TypeEntry, object: Address, sink: &mut S) -> Result<(), Failure> {
        let mut facts = false;
        for member in &entry.members {
            if !member.is_object() {
                facts = true;
                continue;
            }
            let target = self.pointer(self.place_of_member(entry, member, object)?)?;
            if !target.is_null() || member.kind != T_OBJECT_EX {
                let name = member.name_object.map_or(Name::Text(&member.name), Name::Object);
                sink.edge(EdgeKind::Attribute, name, target);
            }
        }
        if facts {
            sink.state(&MemberFacts { heap: self, entry, object });
        }
        Ok(())
    }

    /// Tells the fields that a list describes.
    pub(super) fn reduce_fields<S: Sink + ?Sized>(
        &self,
        fields: &[ToldField],
        object: Address,
        sink: &mut S,
    ) -> Result<(), Failure> {
        let mut facts = false;
        for field in fields {
            let at = object.offset(i64::from(field.offset));
            match field.told {
                Told::Edge(kind) => sink.edge(kind, Name::Text(field.name), self.pointer(at)?),
                Told::Bound(kind) => {
                    let target = self.pointer(at)?;
                    if !target.is_null() {
                        sink.edge(kind, Name::Text(field.name), target);
                    }
                }
                _ => facts = true,
            }
        }
        if facts {
            sink.state(&FieldFacts { heap: self, fields, object });
        }
        Ok(())
    }

    /// The attribute `name` of the object at `object`, as far as it is stored in it: in its dictionary, values or slots.
    pub fn attribute(&self, object: Address, name: &str) -> Option<Address> {
        let entry = self.type_of(object)?;
        let mut found = None;
        match self.place_of_attributes(entry, object).ok()? {
            Place::Nowhere => {}
            Place::Dict(dict) => found = self.dict_get(dict, name),
            Place::Values(values) => {
                let _ = self.values(values, entry.keys.len(), |index, value| {
                    if found.is_none() && entry.keys.get(index).is_some_and(|key| self.is_text_equal(*key, name)) {
                        found = Some(value);
                    }
                });
            }
        }
        found.or_else(|| {
            let member = entry.members.iter().find(|member| member.is_object() && &*member.name == name)?;
            let place = self.place_of_member(entry, member, object).ok()?;
            self.pointer(place).ok().filter(|target| !target.is_null())
        })
    }

    fn fact(&self, told: Told, at: Address) -> Option<Plain> {
        let memory = &self.memory;
        Some(match told {
            Told::Edge(_) | Told::Bound(_) => return None,
            Told::Signed64 => memory.read_i64(at)?.into(),
            Told::Signed32 => memory.read_i32(at)?.into(),
            Told::Unsigned64 => memory.word(at)?.into(),
            Told::Flag32 => (memory.read_u32(at)? != 0).into(),
            Told::Flag8 => (memory.read_u8(at)? != 0).into(),
            Told::CString => self.c_text(memory.pointer(at)?)?.into(),
            Told::Signed64In(offset) => memory.read_i64(memory.pointer(at)?.offset(i64::from(offset)))?.into(),
            Told::CStringIn(offset) => {
                let inner = memory.pointer(at)?;
                self.c_text(memory.pointer(inner.offset(i64::from(offset)))?)?.into()
            }
        })
    }

    /// The value of a C member, by the kinds of `Include/structmember.h`.
    fn member_fact(&self, entry: &TypeEntry, member: &Member, object: Address) -> Option<Plain> {
        let memory = &self.memory;
        let at = self.place_of_member(entry, member, object).ok()?;
        Some(match member.kind {
            0 => (memory.read_u16(at)? as i16).into(),
            1 => memory.read_i32(at)?.into(),
            2 | 17 | 19 => memory.read_i64(at)?.into(),
            3 => f32::from_bits(memory.read_u32(at)?).into(),
            4 => memory.read_f64(at)?.into(),
            5 => self.c_text(memory.pointer(at)?)?.into(),
            7 => String::from(char::from(memory.read_u8(at)?)).into(),
            8 => (memory.read_u8(at)? as i8).into(),
            9 => memory.read_u8(at)?.into(),
            10 => memory.read_u16(at)?.into(),
            11 => memory.read_u32(at)?.into(),
            12 | 18 => memory.word(at)?.into(),
            13 => self.c_text(at)?.into(),
            14 => (memory.read_u8(at)? != 0).into(),
            _ => return None,
        })
    }
}

/// Facts are read when a sink asks for them: marking does not.
struct FieldFacts<'a, M: Memory> {
    heap: &'a CPythonHeap<M>,
    fields: &'a [ToldField],
    object: Address,
}

impl<M: Memory> Serialize for FieldFacts<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = |field: &ToldField| self.object.offset(i64::from(field.offset));
        let facts = self.fields.iter().filter_map(|field| Some((field.name, self.heap.fact(field.told, at(field))?)));
        let facts: Vec<_> = facts.collect();
        let mut map = serializer.serialize_map(Some(facts.len()))?;
        facts.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

struct MemberFacts<'a, M: Memory> {
    heap: &'a CPythonHeap<M>,
    entry: &'a TypeEntry,
    object: Address,
}

impl<'a, M: Memory> Serialize for MemberFacts<'a, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fact = |member: &'a Member| Some((&member.name, self.heap.member_fact(self.entry, member, self.object)?));
        let facts = self.entry.members.iter().filter_map(fact);
        let facts: Vec<_> = facts.collect();
        let mut map = serializer.serialize_map(Some(facts.len()))?;
        facts.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}
