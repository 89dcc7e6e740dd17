//! A described type as a reducer: reads each field where its place leads.

use std::sync::Mutex;

use ciborium::Value;
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Object, Reason, Reducer, Registration, TypeMatch};

use super::debug_information::Members;
use super::parse::{Field, Kind, Number, Place, Shown, Step};

/// The longest text behind a pointer.
const LONGEST_TEXT: usize = 4096;
/// The most bytes behind a pointer that are kept.
const MOST_BYTES: u64 = 1 << 16;
/// Objects behind a pointer that are read at once.
const PIECE: u64 = 512;

/// A type that a file describes.
#[derive(Debug)]
pub struct DescribedType {
    /// What it answers for.
    pub(super) matched: TypeMatch,
    /// The name of its struct in C; may be empty.
    pub(super) structure: String,
    pub(super) saves: String,
    pub(super) fields: Vec<Field>,
    /// Where it begins.
    pub(super) line: usize,
    members: Mutex<Members>,
}

impl DescribedType {
    pub(super) fn new(matched: TypeMatch, line: usize) -> DescribedType {
        let (structure, saves) = (String::new(), String::new());
        DescribedType { matched, structure, saves, fields: Vec::new(), line, members: Mutex::default() }
    }

    /// What it answers for.
    pub fn types(&self) -> Vec<TypeMatch> {
        vec![self.matched]
    }

    /// The registration of the type.
    pub fn register(mut self, origin: String, file: String) -> Registration {
        if self.saves.is_empty() {
            self.saves = self.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
        }
        let saves = self.saves.clone();
        Registration::made(vec![self.matched], Box::new(self), origin, file, saves)
    }

    /// Where a place leads; none when a pointer on the way is null.
    fn locate(&self, object: &dyn Object, place: &Place) -> Result<Option<Address>, Failure> {
        let mut at = object.address();
        for (number, step) in place.iter().enumerate() {
            if number > 0 {
                at = Address(object.word_at(at)?);
                if at.is_null() {
                    return Ok(None);
                }
            }
            at = at.offset(match step {
                Step::Bytes(bytes) => *bytes,
                Step::Member(structure, member) => self.member(object, structure, member)?,
            });
        }
        Ok(Some(at))
    }

    fn member(&self, object: &dyn Object, structure: &str, member: &str) -> Result<i64, Failure> {
        let mut members = self.members.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        members.offset(object, self.matched.name(), structure, member).map_err(|problem| {
            Failure::new(Reason::ReducerFailed, format!("where {structure}.{member} lies is not known: {problem}"))
        })
    }

    fn tell(&self, field: &Field, object: &dyn Object, sink: &mut dyn Sink) -> Result<Option<Value>, Failure> {
        let Some(at) = self.locate(object, &field.place)? else { return Ok(None) };
        Ok(Some(match &field.kind {
            Kind::Number(kind, shown) => return number(object, at, *kind, shown),
            Kind::Text => {
                let start = Address(object.word_at(at)?);
                if start.is_null() {
                    return Ok(None);
                }
                text(object, start, LONGEST_TEXT)?
            }
            Kind::Characters(most) => {
                let mut bytes = vec![0; *most as usize];
                object.read_at(at, &mut bytes)?;
                until_nul(&bytes)
            }
            Kind::Bytes(length) => {
                let mut bytes = vec![0; *length as usize];
                object.read_at(at, &mut bytes)?;
                Value::Bytes(bytes)
            }
            Kind::BytesBehind(count) => {
                let (start, count) = (Address(object.word_at(at)?), self.count(object, count)?);
                if start.is_null() {
                    return Ok(None);
                }
                let mut bytes = vec![0; count.min(MOST_BYTES) as usize];
                object.read_at(start, &mut bytes)?;
                Value::Bytes(bytes)
            }
            Kind::Object(kind) => {
                let target = Address(object.word_at(at)?);
                if !target.is_null() {
                    checked_edge(object, sink, *kind, &field.name, target)?;
                }
                return Ok(None);
            }
            Kind::Objects(count) => {
                elements(object, sink, at, *count)?;
                return Ok(None);
            }
            Kind::ObjectsBehind(count) => {
                let (start, count) = (Address(object.word_at(at)?), self.count(object, count)?);
                if !start.is_null() {
                    elements(object, sink, start, count)?;
                }
                return Ok(None);
            }
        }))
    }

    fn count(&self, object: &dyn Object, place: &Place) -> Result<u64, Failure> {
        let Some(at) = self.locate(object, place)? else { return Ok(0) };
        let count = object.word_at(at)? as i64;
        u64::try_from(count).map_err(|_| Failure::new(Reason::Corrupt, format!("a count of {count}")))
    }
}

impl Reducer for DescribedType {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let mut facts = Vec::new();
        let mut failed = None;
        for field in &self.fields {
            match self.tell(field, object, sink) {
                Ok(Some(fact)) => {
                    let open_on = open_on(field, &fact, object);
                    facts.push((field.name.as_str().into(), fact));
                    facts.extend(open_on.map(|path| (format!("{}_open_on", field.name).into(), path.into())));
                }
                Ok(None) => {}
                Err(failure) => {
                    let detail = format!("{}: {}", field.name, failure.detail);
                    failed.get_or_insert(Failure::new(failure.reason, detail.trim_end_matches([':', ' ']).to_owned()));
                }
            }
        }
        if !facts.is_empty() {
            sink.state(&Value::Map(facts));
        }
        failed.map_or(Ok(()), Err)
    }
}

/// What a file descriptor is open on.
fn open_on(field: &Field, fact: &Value, object: &dyn Object) -> Option<String> {
    let Kind::Number(_, Shown::Descriptor) = field.kind else { return None };
    let path = object.process_fact(&format!("fd/{}", i128::from(fact.as_integer()?)))?;
    Some(String::from_utf8_lossy(&path).into_owned())
}

/// An edge to what is an object; a pointer to something else says that the description is wrong.
fn checked_edge(object: &dyn Object, sink: &mut dyn Sink, kind: EdgeKind, name: &str, target: Address) -> Result<(), Failure> {
    if kind != EdgeKind::Weak && !object.is_object(target) {
        return Err(Failure::new(Reason::NotAnObject, format!("no object lies at {target}")));
    }
    sink.edge(kind, Name::Text(name), target);
    Ok(())
}

fn elements(object: &dyn Object, sink: &mut dyn Sink, start: Address, count: u64) -> Result<(), Failure> {
    let absurd = || Failure::new(Reason::Corrupt, format!("a count of {count}"));
    let Some(last) = count.checked_sub(1) else { return Ok(()) };
    let last = last.checked_mul(8).and_then(|bytes| start.0.checked_add(bytes)).ok_or_else(absurd)?;
    object.word_at(Address(last))?;
    let mut left = count;
    let mut at = start;
    while left > 0 {
        let words = left.min(PIECE);
        let mut bytes = vec![0; 8 * words as usize];
        object.read_at(at, &mut bytes)?;
        bytes.as_chunks::<8>().0.iter().for_each(|word| sink.element(Address(u64::from_le_bytes(*word))));
        left -= words;
        at = at.offset(8 * words as i64);
    }
    Ok(())
}

/// The text at `start`, up to its NUL.
fn text(object: &dyn Object, start: Address, most: usize) -> Result<Value, Failure> {
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < most && !bytes.contains(&0) {
        // Never over the end of an aligned block: the text may end where its mapping ends.
        let at = start.offset(bytes.len() as i64);
        let mut piece = vec![0; 64 - (at.0 % 64) as usize];
        if object.read_at(at, &mut piece).is_err() {
            piece.truncate(1);
            object.read_at(at, &mut piece)?;
        }
        bytes.extend(piece);
    }
    Ok(until_nul(&bytes))
}

fn until_nul(bytes: &[u8]) -> Value {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    Value::from(String::from_utf8_lossy(text).into_owned())
}

fn number(object: &dyn Object, at: Address, kind: Number, shown: &Shown) -> Result<Option<Value>, Failure> {
    let size = match kind {
        Number::Signed(size) | Number::Unsigned(size) | Number::Float(size) => usize::from(size),
        Number::Bool => 1,
        Number::Pointer => 8,
    };
    let mut bytes = [0; 8];
    object.read_at(at, &mut bytes[..size])?;
    let whole = u64::from_le_bytes(bytes);
    let value = match kind {
        Number::Float(4) => return Ok(Some(f64::from(f32::from_bits(whole as u32)).into())),
        Number::Float(_) => return Ok(Some(f64::from_bits(whole).into())),
        Number::Bool => return Ok(Some(Value::Bool(whole != 0))),
        Number::Pointer => return Ok((whole != 0).then(|| format!("{whole:#x}").into())),
        Number::Unsigned(_) => i128::from(whole),
        Number::Signed(size) => {
            let unused = 64 - 8 * u32::from(size);
            i128::from((whole << unused) as i64 >> unused)
        }
    };
    let plain = || Value::Integer(ciborium::value::Integer::try_from(value).unwrap_or_else(|_| 0.into()));
    Ok(Some(match shown {
        Shown::Plain | Shown::Descriptor => plain(),
        Shown::Hexadecimal => format!("{value:#x}").into(),
        Shown::OneOf(choices) => {
            let found = choices.iter().find(|(number, _)| *number == value);
            found.map_or_else(plain, |(_, word)| word.as_str().into())
        }
        Shown::Flags(choices) => {
            let set: Vec<Value> = choices
                .iter()
                .filter(|(bit, _)| value & bit == *bit && *bit != 0)
                .map(|(_, word)| word.as_str().into())
                .collect();
            let known = choices.iter().fold(0, |all, (bit, _)| all | bit);
            let rest = (value & !known != 0).then(|| format!("{:#x}", value & !known).into());
            Value::Array(set.into_iter().chain(rest).collect())
        }
    }))
}
