//! Tests of declared structs: reading a column, refusing a bad one, and never decoding outside of the struct.

use heapsake_core::Address;
use proptest::prelude::*;

use super::{Bits, Inline, Kind, Layout, LayoutError};
use crate::layouts::{Column, Flags, HexVersion, Table};
use crate::memory::Synthetic;

crate::layout! {
    /// One field of every kind.
    struct Sample as "sample|_sample" from "_sample" {
        byte: u8,
        short as "inner.short": u16,
        number: i32,
        pointer: Address,
        real: f64,
        bits as "state.bits": Bits,
        items: Inline,
        gone: Option<i64>,
        flag: Option<Bits>,
    }
    /// A struct that some builds lack.
    struct Other { next: Address }
}

crate::layouts! {
    /// A set.
    struct Set { pub sample: Sample, pub other: Option<Other> }
}

const TEXT: &str = "heapsake-layouts 1 lp64
column 3.11.7 hex=0x030b07f0 flags=- binary=crc32:0 compiler=none
column 3.13.0t hex=0x030d00f0 flags=t binary=crc32:0 compiler=some compiler 1.2
row            3.11.7 3.13.0t
Sample             48      56
  byte              3       0
  inner.short       4       2
  number            8       4
  pointer          16       8
  real             24      16
  state.bits   32.2:3  33.6:9
  items            48      56
  gone              .      40
  flag              .  55.7:1
Other               .       8
  next              .       0
";

fn set(text: &str, index: usize) -> Result<Set, LayoutError> {
    Set::for_column(&Table::parse(text)?.columns()[index])
}

#[test]
fn a_declaration_names_what_to_look_up() {
    let declaration = Sample::DECLARATION;
    assert_eq!((declaration.name, declaration.c_names, declaration.module), ("Sample", "sample|_sample", Some("_sample")));
    let rows: Vec<_> = declaration.fields.iter().map(|field| (field.row(), field.kind, field.optional)).collect();
    assert_eq!(rows[1], ("inner.short", Kind::Unsigned(2), false));
    assert_eq!(rows[7], ("gone", Kind::Signed(8), true));
    assert_eq!(Set::DECLARATIONS.len(), 2);
    assert_eq!(Other::DECLARATION.c_names, "Other");
}

#[test]
fn a_column_becomes_offsets() {
    let old = set(TEXT, 0).unwrap();
    assert_eq!((old.version, old.flags), (HexVersion(0x030b07f0), Flags::NONE));
    assert_eq!((old.sample.size, old.sample.number.offset(), old.sample.items.offset()), (48, 8, 48));
    assert_eq!(old.sample.pointer.at(Address(0x1000)), Address(0x1010));
    assert!(old.sample.gone.is_none() && old.sample.flag.is_none() && old.other.is_none());
    let new = set(TEXT, 1).unwrap();
    assert_eq!(new.sample.gone.map(super::Field::offset), Some(40));
    assert_eq!(new.other.map(|other| (other.size, other.next.offset())), Some((8, 0)));
}

#[test]
fn fields_decode_from_bytes_and_read_from_memory() {
    let sample = set(TEXT, 1).unwrap().sample;
    let mut bytes = [0u8; 56];
    bytes[0] = 7;
    bytes[2..4].copy_from_slice(&0x1234u16.to_le_bytes());
    bytes[4..8].copy_from_slice(&(-5i32).to_le_bytes());
    bytes[8..16].copy_from_slice(&0x7f00_1234_5678u64.to_le_bytes());
    bytes[16..24].copy_from_slice(&1.5f64.to_le_bytes());
    bytes[33] = 0b1100_0000;
    bytes[34] = 0b1101_0101;
    bytes[55] = 0x80;
    let address = Address(0x5000);
    let memory = Synthetic::builder().region(address, 56).bytes(address, &bytes).build();
    assert_eq!(sample.byte.decode(&bytes), Some(7));
    assert_eq!(sample.short.decode(&bytes), Some(0x1234));
    assert_eq!(sample.number.decode(&bytes), Some(-5));
    assert_eq!(sample.number.read(&memory, address), Some(-5));
    assert_eq!(sample.pointer.decode(&bytes), Some(Address(0x7f00_1234_5678)));
    assert_eq!(sample.pointer.read(&memory, address), Some(Address(0x7f00_1234_5678)));
    assert_eq!(sample.real.read(&memory, address), Some(1.5));
    assert_eq!(sample.bits.decode(&bytes), Some(0b1_0101_0111));
    assert_eq!(sample.bits.read(&memory, address), Some(0b1_0101_0111));
    assert_eq!(sample.flag.and_then(|flag| flag.read(&memory, address)), Some(1));
    assert_eq!(sample.gone.and_then(|gone| gone.decode(&bytes[..47])), None);
    assert_eq!(sample.number.read(&memory, Address(0x9000)), None);
    assert_eq!(sample.number.within(sample.pointer).offset(), 12);
}

#[test]
fn an_absent_field_is_named() {
    let error = set(&TEXT.replace("number            8", "number            ."), 0).unwrap_err();
    assert_eq!(error.to_string(), "the layout table has no Sample.number for CPython 3.11.7");
    let error =
        set("heapsake-layouts 1 lp64\ncolumn 3.8.0 hex=0x030800f0 flags=- binary=x compiler=y\nrow 3.8.0\n", 0).unwrap_err();
    assert_eq!(error.to_string(), "the layout table has no Sample for CPython 3.8.0");
}

#[test]
fn a_cell_that_does_not_fit_is_refused() {
    for (good, bad) in [
        ("number            8", "number           45"),
        ("32.2:3", "47.6:9"),
        ("32.2:3", "32"),
        ("real             24", "real         24.0:8"),
    ] {
        let error = set(&TEXT.replace(good, bad), 0).unwrap_err();
        assert!(matches!(error, LayoutError::BadCell { size: 48, .. }), "{bad}: {error}");
    }
    assert!(set(&TEXT.replace("items            48", "items            49"), 0).is_err());
    assert!(set(&TEXT.replace("33.6:9", "48.1:64"), 1).is_err());
}

proptest! {
    /// Whatever a table says: a layout that is accepted decodes every field from the struct's bytes alone.
    #[test]
    fn no_field_decodes_outside_its_struct(size in 0u32..80, offsets in prop::collection::vec((0u32..90, 0u8..8, 0u8..66), 9), bytes in prop::collection::vec(any::<u8>(), 80)) {
        let mut cells = crate::layouts::StructCells::new(size);
        for (field, (offset, bit, width)) in Sample::DECLARATION.fields.iter().zip(offsets) {
            let (bit, width) = if field.kind == Kind::Bits { (bit, width) } else { (0, 0) };
            cells.insert(field.row(), crate::layouts::Cell { offset, bit, width });
        }
        let mut column = Column::new(HexVersion(0x030b0000), Flags::NONE, String::new(), String::new());
        column.insert("Sample", cells);
        if let Ok(set) = Set::for_column(&column) {
            let sample = set.sample;
            let bytes = &bytes[..size as usize];
            prop_assert!(sample.byte.decode(bytes).is_some());
            prop_assert!(sample.short.decode(bytes).is_some());
            prop_assert!(sample.number.decode(bytes).is_some());
            prop_assert!(sample.pointer.decode(bytes).is_some());
            prop_assert!(sample.real.decode(bytes).is_some());
            prop_assert!(sample.bits.decode(bytes).is_some());
            prop_assert!(sample.gone.is_none_or(|gone| gone.decode(bytes).is_some()));
            prop_assert!(sample.flag.is_none_or(|flag| flag.decode(bytes).is_some()));
            prop_assert!(sample.items.offset() <= bytes.len());
        }
    }

    /// A bit field is what shifting and masking the little-endian number says.
    #[test]
    fn bit_fields_are_little_endian(word in any::<u64>(), bit in 0u8..8, width in 1u8..57) {
        let field = super::Field::<Bits> { offset: 0, bit, width, content: std::marker::PhantomData };
        prop_assert_eq!(field.decode(&word.to_le_bytes()), Some((word >> bit) & ((1 << width) - 1)));
    }
}
