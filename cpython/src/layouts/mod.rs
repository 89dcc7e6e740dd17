//! The structs of CPython that are read, and the table that says where their fields lie.

mod table;
mod version;

pub use table::{Cell, Column, StructCells, Table};
pub use version::{Flags, HexVersion};
