//! What a reducer told of one object, as bytes that cross a pipe: written by the worker, told to a sink by the host.
//!
//! The worker is not trusted: every length is checked against the bytes left, kinds and reasons against the known ones.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Integer, Name, Sink, Text, Value};
use heapsake_core::reduce::{Failure, Object, Reason};

use crate::abi;

/// More than this may not be told of one object.
pub(crate) const MOST_TOLD: usize = 32 << 20;
/// Nor a single text, state or string of bytes that is longer.
const LONGEST_PART: usize = 8 << 20;

const STATE: u8 = 1;
const EDGE: u8 = 2;
const INDEXED_EDGE: u8 = 3;
const ELEMENT: u8 = 4;
const ENTRY: u8 = 5;
const VALUE: u8 = 6;
const BASE: u8 = 7;

/// What is being told of an object.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    pub(crate) bytes: Vec<u8>,
}

/// More is told than [`MOST_TOLD`], or a kind is not known.
#[derive(Debug)]
pub(crate) struct Refused;

impl Telling {
    fn add(&mut self, tag: u8, fixed: &[&[u8]], rest: &[u8]) -> Result<(), Refused> {
        let length = fixed.iter().map(|part| part.len()).sum::<usize>() + 5;
        if rest.len() > LONGEST_PART || self.bytes.len() + length + rest.len() > MOST_TOLD {
            return Err(Refused);
        }
        self.bytes.push(tag);
        self.bytes.extend(fixed.iter().copied().flatten());
        if matches!(tag, STATE | EDGE | VALUE) {
            self.bytes.extend((rest.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(rest);
        }
        Ok(())
    }

    pub(crate) fn state(&mut self, cbor: &[u8]) -> Result<(), Refused> {
        self.add(STATE, &[], cbor)
    }

    pub(crate) fn edge(&mut self, kind: u32, name: &[u8], target: u64) -> Result<(), Refused> {
        self.add(EDGE, &[&[edge_kind(kind)? as u8], &target.to_le_bytes()], name)
    }

    pub(crate) fn indexed_edge(&mut self, kind: u32, index: u32, target: u64) -> Result<(), Refused> {
        self.add(INDEXED_EDGE, &[&[edge_kind(kind)? as u8], &index.to_le_bytes(), &target.to_le_bytes()], &[])
    }

    pub(crate) fn element(&mut self, target: u64) -> Result<(), Refused> {
        self.add(ELEMENT, &[&target.to_le_bytes()], &[])
    }

    pub(crate) fn entry(&mut self, key: u64, value: u64) -> Result<(), Refused> {
        self.add(ENTRY, &[&key.to_le_bytes(), &value.to_le_bytes()], &[])
    }

    pub(crate) fn value(&mut self, kind: u32, bytes: &[u8]) -> Result<(), Refused> {
        let fits = match kind {
            abi::VALUE_INTEGER | abi::VALUE_FLOAT => bytes.len() == 8,
            abi::VALUE_COMPLEX => bytes.len() == 16,
            abi::VALUE_TEXT | abi::VALUE_BYTES => true,
            abi::VALUE_BIG => !bytes.is_empty(),
            _ => false,
        };
        if fits { self.add(VALUE, &[&[kind as u8]], bytes) } else { Err(Refused) }
    }

    pub(crate) fn base(&mut self) -> Result<(), Refused> {
        self.add(BASE, &[], &[])
    }
}

fn edge_kind(number: u32) -> Result<EdgeKind, Refused> {
    u8::try_from(number).ok().and_then(EdgeKind::from_number).ok_or(Refused)
}

/// Tells to `sink` what a worker told; stops at the first that makes no sense.
pub(crate) fn tell(told: &[u8], object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
    let mut left = told;
    while !left.is_empty() {
        one(&mut left, object, sink)?.ok_or_else(|| corrupt("what it told makes no sense"))?;
    }
    Ok(())
}

fn corrupt(detail: &'static str) -> Failure {
    Failure::new(Reason::ReducerFailed, detail)
}

fn array<const N: usize>(left: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = left.split_first_chunk()?;
    *left = rest;
    Some(*head)
}

fn word(left: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(array(left)?))
}

fn bytes<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(array(left)?) as usize;
    let (head, rest) = left.split_at_checked(length)?;
    *left = rest;
    Some(head)
}

/// Tells the next; the inner none when it makes no sense.
fn one(left: &mut &[u8], object: &dyn Object, sink: &mut dyn Sink) -> Result<Option<()>, Failure> {
    let Some([tag]) = array(left) else { return Ok(None) };
    if tag == BASE {
        return object.reduce_base(sink).map(Some);
    }
    if tag == STATE {
        let Some(cbor) = bytes(left) else { return Ok(None) };
        let state: Result<ciborium::Value, _> = ciborium::from_reader(cbor);
        let state = state.map_err(|_| corrupt("its state is no CBOR"))?;
        if !matches!(&state, ciborium::Value::Map(entries) if entries.iter().all(|(name, _)| name.is_text())) {
            return Err(corrupt("its state is no map of names"));
        }
        sink.state(&state);
        return Ok(Some(()));
    }
    Ok(plain(tag, left, sink))
}

fn plain(tag: u8, left: &mut &[u8], sink: &mut dyn Sink) -> Option<()> {
    match tag {
        EDGE => {
            let [kind] = array(left)?;
            let target = Address(word(left)?);
            let name = String::from_utf8_lossy(bytes(left)?);
            sink.edge(EdgeKind::from_number(kind)?, Name::Text(&name), target);
        }
        INDEXED_EDGE => {
            let [kind] = array(left)?;
            let index = u32::from_le_bytes(array(left)?);
            sink.edge(EdgeKind::from_number(kind)?, Name::Index(index), Address(word(left)?));
        }
        ELEMENT => sink.element(Address(word(left)?)),
        ENTRY => {
            let key = word(left)?;
            sink.entry(Address(key), Address(word(left)?));
        }
        VALUE => {
            let [kind] = array(left)?;
            value(u32::from(kind), bytes(left)?, sink)?;
        }
        _ => return None,
    }
    Some(())
}

fn value(kind: u32, bytes: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let mut left = bytes;
    match kind {
        abi::VALUE_INTEGER => sink.value(Value::Integer(Integer::Small(word(&mut left)? as i64))),
        abi::VALUE_FLOAT => sink.value(Value::Float(f64::from_bits(word(&mut left)?))),
        abi::VALUE_COMPLEX => {
            let real = f64::from_bits(word(&mut left)?);
            sink.value(Value::Complex(real, f64::from_bits(word(&mut left)?)));
        }
        abi::VALUE_TEXT => sink.value(Value::Text(Text::Utf8(&String::from_utf8_lossy(bytes)))),
        abi::VALUE_BYTES => sink.value(Value::Bytes(bytes)),
        abi::VALUE_BIG => {
            let [sign] = array(&mut left)?;
            let mut digits = left.to_vec();
            digits.resize(digits.len().next_multiple_of(4), 0);
            sink.value(Value::Integer(Integer::Digits { negative: sign == 1, bits: 32, width: 4, digits: &digits }));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use heapsake_core::heap::TypeId;

    struct Here;

    impl Object for Here {
        fn address(&self) -> Address {
            Address(8)
        }

        fn read_at(&self, _: Address, _: &mut [u8]) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[derive(Default)]
    struct Counting(usize);

    impl Sink for Counting {
        fn begin(&mut self, _: TypeId, _: u64) {}
        fn value(&mut self, _: Value<'_>) {
            self.0 += 1;
        }
        fn edge(&mut self, _: EdgeKind, _: Name<'_>, _: Address) {
            self.0 += 1;
        }
        fn element(&mut self, _: Address) {
            self.0 += 1;
        }
        fn entry(&mut self, _: Address, _: Address) {
            self.0 += 1;
        }
        fn state(&mut self, _: &dyn erased_serde::Serialize) {
            self.0 += 1;
        }
    }

    fn everything() -> Vec<u8> {
        let mut telling = Telling::default();
        telling.state(&[0xa1, 0x61, b'a', 1]).unwrap();
        telling.edge(1, b"name", 16).unwrap();
        telling.indexed_edge(6, 4, 16).unwrap();
        telling.element(16).unwrap();
        telling.entry(16, 24).unwrap();
        telling.value(abi::VALUE_TEXT, b"text").unwrap();
        telling.value(abi::VALUE_BIG, &[1, 2, 3]).unwrap();
        telling.base().unwrap();
        telling.bytes
    }

    #[test]
    fn what_is_cut_or_wrong_is_an_error_and_never_a_panic() {
        let whole = everything();
        let mut sink = Counting::default();
        tell(&whole, &Here, &mut sink).unwrap();
        assert_eq!(sink.0, 7);
        let cuts = (0..whole.len()).filter(|cut| tell(&whole[..*cut], &Here, &mut Counting::default()).is_ok()).count();
        assert_eq!(cuts, 8, "after each part, and nowhere else");
        for at in 0..whole.len() {
            for byte in 0..=255 {
                let mut wrong = whole.clone();
                wrong[at] = byte;
                // Whatever it tells then, it ends.
                let _ = tell(&wrong, &Here, &mut Counting::default());
            }
        }
    }

    #[test]
    fn what_is_too_much_or_unknown_is_refused() {
        let mut telling = Telling::default();
        assert!(telling.edge(0, b"", 1).is_err() && telling.edge(99, b"", 1).is_err() && telling.edge(300, b"", 1).is_err());
        assert!(telling.value(abi::VALUE_INTEGER, b"short").is_err() && telling.value(77, b"").is_err());
        assert!(telling.value(abi::VALUE_BYTES, &vec![0; LONGEST_PART + 1]).is_err());
        let most = (0..9).take_while(|_| telling.value(abi::VALUE_BYTES, &vec![0; LONGEST_PART]).is_ok()).count();
        assert_eq!(most, 3);
        assert!(telling.bytes.len() <= MOST_TOLD);
    }
}
