//! Tests of which members are taken for what was declared.

use super::{Cell, Kind, Shape, cell, compiler};

fn plain(offset: u32) -> Cell {
    Cell { offset, bit: 0, width: 0 }
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
