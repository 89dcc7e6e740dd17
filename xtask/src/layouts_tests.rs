//! Tests of what is compared and what is refused when the table is made.

use heapsake_cpython::layout::Kind;
use heapsake_cpython::layouts::{Cell, StructCells, Table};

use super::{cell, check, compare, compiler};
use crate::dwarf::Shape;

fn plain(offset: u32) -> Cell {
    Cell { offset, bit: 0, width: 0 }
}

#[test]
fn a_moved_field_is_a_difference() {
    let table = Table::lp64().unwrap();
    let old = &table.columns()[0];
    assert_eq!(compare(old, old), 0);
    let mut new = old.clone();
    let mut cells = StructCells::new(24);
    cells.insert("ob_size", plain(8));
    new.insert("PyVarObject", cells);
    assert_eq!(compare(old, &new), 1, "ob_size moved");
    new.insert("PyVarObject", StructCells::new(32));
    assert_eq!(compare(old, &new), 2, "ob_size is gone, and the size is another");
    assert!(check(&table.to_string(), std::slice::from_ref(old)).is_ok());
    assert!(check(&table.to_string(), &[new]).is_err());
    let edited = table.to_string().replacen("PyVarObject ", "PyFixObject ", 1);
    assert!(check(&edited, std::slice::from_ref(old)).is_err());
}

#[test]
fn a_member_must_be_what_was_declared() {
    let integer = |bits, signed, field| Shape::Integer { bits, signed, field };
    assert_eq!(cell(Kind::Unsigned(4), 64, &integer(32, true, false)), Some(plain(8)), "signedness is free");
    assert_eq!(cell(Kind::Unsigned(4), 64, &integer(64, false, false)), None);
    assert_eq!(cell(Kind::Signed(1), 64, &integer(8, true, true)), None, "a bit field is declared as such");
    assert_eq!(cell(Kind::Address, 64, &Shape::Pointer), Some(plain(8)));
    assert_eq!(cell(Kind::Address, 64, &integer(64, false, false)), Some(plain(8)));
    assert_eq!(cell(Kind::Address, 64, &integer(32, false, false)), None);
    assert_eq!(cell(Kind::Float(8), 64, &Shape::Float(8)), Some(plain(8)));
    assert_eq!(cell(Kind::Inline, 64, &Shape::Opaque), Some(plain(8)));
    assert_eq!(cell(Kind::Bits, 67, &integer(3, false, true)), Some(Cell { offset: 8, bit: 3, width: 3 }));
    assert_eq!(cell(Kind::Bits, 64, &integer(32, true, false)), Some(Cell { offset: 8, bit: 0, width: 32 }));
    assert_eq!(cell(Kind::Bits, 64, &Shape::Pointer), None);
}

#[test]
fn a_compiler_is_named_without_options_and_paths() {
    assert_eq!(compiler("GNU C11 12.2.0 -mtune=generic -I/home/someone"), "GNU C11 12.2.0");
    assert_eq!(compiler("clang version 17.0.6 (https://github.com/llvm)"), "clang version 17.0.6");
}
