//! The committed table: read, written, searched, and refused.

use super::*;

#[test]
fn the_committed_table_is_what_it_writes() {
    let table = Table::committed().unwrap();
    assert!(table.rows.len() > 8, "{} rows", table.rows.len());
    assert_eq!(table.text(), TABLE);
    let is_sorted = table.rows.is_sorted_by_key(|row| (row.python, row.first));
    assert!(is_sorted, "rows are not in order");
}

#[test]
fn rows_are_found_by_release() {
    let release = |text| Release::parse(text).unwrap();
    assert_eq!(release("3.5.6"), Release([3, 5, 6]));
    assert_eq!(release("2.0.0.post1"), Release([2, 0, 0]));
    assert_eq!(release("3.0.0rc3"), Release([3, 0, 0]));
    assert_eq!(Release::parse("new"), None);
    let table = Table::committed().unwrap();
    // Before 3.1.1 `_self` stands behind Python's state; a release that nobody has looked at is like the last one known.
    let place = |python, text| table.find(python, release(text)).unwrap().shape.place(Place::Itself);
    assert_eq!(place(11, "2.0.2"), Some(160));
    assert_eq!(place(11, "3.1.1"), Some(8));
    assert_eq!(place(11, "99.0.0"), Some(8));
    assert_eq!(table.find(11, release("0.1.0")), None);
    assert_eq!(table.find(7, release("3.1.1")), None);
}

#[test]
fn other_tables_are_refused() {
    for text in ["", "heapsake-greenlets 2 lp64\n", "heapsake-greenlets 1 lp64\n3.11 2.0.2 2.0.2 nothing=1\n"] {
        assert_eq!(Table::parse(text), None, "{text}");
    }
}
