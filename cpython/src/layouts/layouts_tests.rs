//! Tests of the built-in table against its declarations, and against facts of CPython that come from elsewhere.

use std::collections::HashSet;

use super::{Flags, HexVersion, Layouts, Table};

fn all() -> Vec<Layouts> {
    Table::lp64().unwrap().columns().iter().map(|column| Layouts::for_column(column).unwrap()).collect()
}

#[test]
fn every_column_gives_layouts() {
    let build = |layouts: &Layouts| format!("{}{}", layouts.version.minor(), layouts.flags);
    let builds: Vec<String> = all().iter().map(build).collect();
    let of_13 = ["13", "13", "13t", "13", "13t", "13", "13t"];
    let before = ["7", "7s", "7", "8", "9", "10", "11", "12"];
    let after = ["14", "14t", "14", "14", "14t", "15", "15t"];
    assert_eq!(builds, [&before[..], &of_13, &after].concat());
    assert_eq!(Layouts::lp64(HexVersion(0x030b08f0), Flags::NONE).unwrap().version, HexVersion(0x030b07f0));
    assert!(Layouts::lp64(HexVersion(0x03060ff0), Flags::NONE).is_err());
}

#[test]
fn the_table_has_the_rows_that_are_declared() {
    let table = Table::lp64().unwrap();
    let expected = Table::new(Layouts::DECLARATIONS, table.columns().to_vec());
    assert_eq!(table.to_string(), expected.to_string(), "run `cargo xtask layouts`");
}

#[test]
fn names_are_unique_and_spelt_as_in_c() {
    let mut structures = HashSet::new();
    for structure in Layouts::DECLARATIONS {
        assert!(structures.insert(structure.name), "{} is declared twice", structure.name);
        let mut rows = HashSet::new();
        for field in structure.fields {
            assert!(rows.insert(field.row()), "{}.{} is declared twice", structure.name, field.row());
            let letter = |c: char| c.is_ascii_alphanumeric() || "_.|".contains(c);
            assert!(field.paths.chars().all(letter), "{}.{}", structure.name, field.paths);
        }
    }
}

/// What extension modules can see through the limited API and the documented macros, which has never moved.
#[test]
fn what_is_public_lies_where_it_is_documented_to() {
    for layouts in all() {
        // Without an interpreter lock objects have a longer header.
        let more = if layouts.flags.free_threaded { 16 } else { 0 };
        assert_eq!((layouts.object.size, layouts.object.ob_type.offset()), (more + 16, more + 8));
        assert_eq!(layouts.var_object.ob_size.offset(), more + 16);
        let hash = if layouts.version.minor() >= 14 { 8 } else { 0 };
        assert_eq!((layouts.list.ob_item.offset(), layouts.tuple.ob_item.offset()), (more + 24, more + 24 + hash));
        assert_eq!((layouts.type_object.tp_name.offset(), layouts.type_object.tp_flags.offset()), (more + 24, more + 168));
        assert_eq!(layouts.float.ob_fval.offset(), more + 16);
        assert_eq!((layouts.ascii.length.offset(), layouts.ascii.hash.offset()), (more + 16, more + 24));
        // From 3.14 on such a build has whether a string is interned in a byte of its own.
        let is_apart = layouts.flags.free_threaded && layouts.version.minor() >= 14;
        let bits = if is_apart { "@49.0:3 @49.4:1".to_owned() } else { format!("@{at}.2:3 @{at}.6:1", at = more + 32) };
        assert_eq!(format!("{:?} {:?}", layouts.ascii.kind, layouts.ascii.ascii), bits);
    }
}

/// The shapes that code tells apart by the fields that exist.
#[test]
fn each_minor_release_has_one_shape_of_each_kind() {
    for layouts in all() {
        let minor = layouts.version.minor();
        assert_eq!(layouts.long.lv_tag.is_some(), minor >= 12, "integers with a tag");
        assert_eq!(layouts.dict_keys.dk_size.is_some(), minor <= 10, "key tables sized by a number");
        assert_eq!(layouts.dict_keys.dk_log2_size.is_some(), minor >= 11, "key tables sized by a logarithm");
        assert_eq!(layouts.dict_values.is_some_and(|values| values.embedded.is_some()), minor >= 13, "inline values");
        assert_eq!(layouts.interpreter_frame.is_some(), minor >= 11, "interpreter frames");
        assert_eq!(layouts.cframe.is_some(), matches!(minor, 11 | 12), "C frames");
        assert_eq!(layouts.frame.f_stacktop.is_some(), minor <= 9, "frames with a stack pointer");
        assert_eq!(layouts.frame.f_stackdepth.is_some(), minor == 10, "frames with a stack depth");
        assert_eq!(layouts.code.co_lnotab.is_some(), minor <= 9, "line number tables by pairs");
        assert_eq!(layouts.code.co_localsplusnames.is_some(), minor >= 11, "one table of fast locals");
        assert_eq!(layouts.thread.current_exception.is_some(), minor >= 12, "exceptions as one object");
        assert_eq!(layouts.debug_offsets.is_some(), minor >= 13, "debug offsets");
        assert_eq!(layouts.interpreter_frame.is_some_and(|frame| frame.stackpointer.is_some()), minor >= 14, "tagged references");
        assert_eq!(layouts.object.ob_flags.is_some(), minor >= 14, "reference counts of 32 bits");
        let is_byte = minor >= 14 || layouts.flags.free_threaded || layouts.version > HexVersion(0x030d_00f0);
        assert_eq!(layouts.lock.mutex.is_some(), is_byte, "locks of one byte");
        assert_eq!(layouts.object.ob_ref_local.is_some(), layouts.flags.free_threaded, "two counts of references");
        assert_eq!(layouts.interpreter.asyncio_tasks_head.is_some(), minor >= 14, "lists of tasks");
        let has_copies = minor >= 14 && layouts.flags.free_threaded;
        assert_eq!(
            (layouts.code.co_tlbc.is_some(), layouts.code_array.is_some()),
            (has_copies, has_copies),
            "copies of instructions"
        );
        assert_eq!(layouts.string_io.writer.is_some(), minor >= 14, "texts written apart");
        assert_eq!(layouts.thread.base_frame.is_some(), minor >= 15, "states of generators from 0 on");
        assert_eq!(layouts.frozen_dict.is_some(), minor >= 15, "dictionaries that do not change");
        assert_eq!(layouts.code.co_posonlyargcount.is_some(), minor >= 8, "parameters by position alone");
        assert_eq!(layouts.gc_head.size, if minor == 7 { 32 } else { 16 }, "the collector's head");
        let stackless = [layouts.tasklet.is_some(), layouts.channel.is_some(), layouts.thread.main_tasklet.is_some()];
        assert_eq!(stackless, [layouts.flags.stackless; 3], "tasklets");
    }
}
