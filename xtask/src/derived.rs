//! Columns of builds that publish no debug information: made of the column of another patch release, by what is known to differ.
//!
//! Where the numbers come from stands with each. They are proven as any column is: the self-check compares them with what a
//! process publishes of itself, and the tests dump real processes of such builds.

use heapsake_cpython::layouts::{Cell, Column, Flags, HexVersion, Layouts, StructCells};

/// A column that is made of another one.
struct Derived {
    version: HexVersion,
    flags: Flags,
    /// The version that it is made of, of the same flags.
    of: HexVersion,
    changes: &'static [&'static [Change]],
}

/// What differs.
enum Change {
    /// The struct is larger by so many bytes.
    Size(&'static str, i32),
    /// Fields of the struct that lie at this offset or beyond lie so many bytes further on.
    From(&'static str, u32, i32),
    /// There is no such field.
    Gone(&'static str, &'static str),
}

/// The collector of 3.14.0 to 3.14.4 goes in steps: three generations as before, nothing after `phase`
/// (`Include/internal/pycore_interp_structs.h`; `_gc_runtime_state` has 240 bytes). The state of a thread has no
/// `datastack_cached_chunk` at its end, and the interpreter a word less between the functions for forks and the tasks.
const IN_STEPS: &[Change] = &[
    Change::Size("GcRuntimeState", -24),
    Change::Gone("GcRuntimeState", "generation0"),
    Change::From("PyInterpreterState", 7408 + 264, -24),
    Change::From("PyInterpreterState", 10_720, -8),
    Change::Size("PyInterpreterState", -40),
    Change::Size("PyThreadState", -8),
    Change::From("PyThreadStateImpl", 832, -8),
    Change::Size("PyThreadStateImpl", -8),
    Change::Size("PyRuntimeState", -40),
];

/// In 3.14.0 to 3.14.2 the runtime has three words less in front of its first interpreter.
const RUNTIME: &[Change] = &[Change::From("PyRuntimeState", 90_000, -24), Change::Size("PyRuntimeState", -24)];

/// Groups of exceptions do not keep a text of what they hold yet.
const GROUPS: &[Change] = &[Change::Size("PyBaseExceptionGroupObject", -8)];

/// Without an interpreter lock the collector is the same. What is missing in front of the allocator's state is lost in how that is
/// aligned.
const FREE_THREADED: &[Change] = &[
    Change::Size("PyInterpreterState", -64),
    Change::Size("PyThreadState", -8),
    Change::From("PyThreadStateImpl", 832, -8),
    Change::Size("PyThreadStateImpl", -8),
    Change::Size("PyRuntimeState", -64),
];

/// In 3.13.12 the runtime has three words more in front of its first interpreter than in 3.13.5, and groups of exceptions keep
/// a text of what they hold; the state of a thread is not longer yet, as it is in 3.13.15.
const OF_3_13_12: &[Change] = &[
    Change::From("PyRuntimeState", 88_400, 24),
    Change::Size("PyRuntimeState", 24),
    Change::Size("PyBaseExceptionGroupObject", 8),
];

/// The same, where interpreters begin at multiples of 64 bytes.
const OF_3_13_12_FREE_THREADED: &[Change] = &[
    Change::From("PyRuntimeState", 100_000, 64),
    Change::Size("PyRuntimeState", 64),
    Change::Size("PyBaseExceptionGroupObject", 8),
];

const DERIVED: [Derived; 5] = [
    Derived { version: HexVersion(0x030d_0cf0), flags: Flags::NONE, of: HexVersion(0x030d_05f0), changes: &[OF_3_13_12] },
    Derived {
        version: HexVersion(0x030d_0cf0),
        flags: Flags { free_threaded: true, ..Flags::NONE },
        of: HexVersion(0x030d_05f0),
        changes: &[OF_3_13_12_FREE_THREADED],
    },
    Derived {
        version: HexVersion(0x030e_02f0),
        flags: Flags::NONE,
        of: HexVersion(0x030e_08f0),
        changes: &[IN_STEPS, RUNTIME, GROUPS],
    },
    Derived {
        version: HexVersion(0x030e_02f0),
        flags: Flags { free_threaded: true, ..Flags::NONE },
        of: HexVersion(0x030e_08f0),
        changes: &[FREE_THREADED, GROUPS],
    },
    Derived { version: HexVersion(0x030e_03f0), flags: Flags::NONE, of: HexVersion(0x030e_08f0), changes: &[IN_STEPS, GROUPS] },
];

/// Whether a column is made of another one.
pub(crate) fn is_derived(column: &Column) -> bool {
    DERIVED.iter().any(|derived| (derived.version, derived.flags) == (column.version, column.flags))
}

/// The columns that can be made of these.
pub(crate) fn columns(known: &[Column]) -> Vec<Column> {
    let derived = DERIVED.iter().filter_map(|derived| {
        let base = known.iter().find(|column| (column.version, column.flags) == (derived.of, derived.flags))?;
        Some(derived.column(base))
    });
    derived.collect()
}

impl Derived {
    fn column(&self, base: &Column) -> Column {
        let origin = format!("derived-from:{}", base.name());
        let mut column = Column::new(self.version, self.flags, origin, base.compiler.clone());
        for declaration in Layouts::DECLARATIONS {
            let Some(cells) = base.structure(declaration.name) else { continue };
            let mut changed = StructCells::new(self.size(declaration.name, cells.size()));
            for field in declaration.fields {
                if let Some(cell) = cells.field(field.row()).and_then(|cell| self.cell(declaration.name, field.row(), cell)) {
                    changed.insert(field.row(), cell);
                }
            }
            column.insert(declaration.name, changed);
        }
        column
    }

    fn changes(&self) -> impl Iterator<Item = &'static Change> {
        self.changes.iter().copied().flatten()
    }

    fn size(&self, structure: &str, size: u32) -> u32 {
        let more = self.changes().filter_map(|change| match change {
            Change::Size(name, more) if *name == structure => Some(*more),
            _ => None,
        });
        size.saturating_add_signed(more.sum())
    }

    /// Where the field lies that lies at `cell` in the other column.
    fn cell(&self, structure: &str, field: &str, cell: Cell) -> Option<Cell> {
        let is_gone = |change: &Change| matches!(change, Change::Gone(of, name) if (*of, *name) == (structure, field));
        if self.changes().any(is_gone) {
            return None;
        }
        let more = self.changes().filter_map(|change| match change {
            Change::From(name, from, more) if *name == structure && cell.offset >= *from => Some(*more),
            _ => None,
        });
        Some(Cell { offset: cell.offset.saturating_add_signed(more.sum()), ..cell })
    }
}
