//! Tests of what is compared and what is refused when the table is made.

use heapsake_cpython::layouts::{Cell, StructCells, Table};

use super::{check, compare};

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
