//! The structs of CPython that are read, and the table that says where their fields lie.

mod table;
mod version;

pub use table::{Cell, Column, StructCells, Table};
pub use version::{Flags, HexVersion};

crate::layout! {
    /// Every object (`Include/object.h`).
    pub struct PyObject as "_object" { ob_refcnt: u64, ob_type: heapsake_core::Address }
}

crate::layouts! {
    /// Where the fields of one CPython lie.
    pub struct Layouts { pub object: PyObject }
}
