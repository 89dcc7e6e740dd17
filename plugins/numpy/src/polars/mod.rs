//! `polars`: frames and series, by the buffers of their columns.
//!
//! They are Rust's structures behind objects of two classes, `PyDataFrame` and `PySeries`, and have no public layout:
//! `types.rs` knows the releases, `series.rs` takes nothing for a series that does not agree with itself. An object tells its
//! columns as parts of its value (`columns`: name, `dtype`, and where elements are known `item`, `offset`, `mask`), which
//! `table` of the loader reads.

mod series;
mod types;
mod values;

use ciborium::Value as Fact;
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, Value};
use heapsake_core::reduce::{Failure, Reason};
use heapsake_cpython::memory::Memory;

use crate::contract::{Seen, numbers, objects, reducers};
use crate::ndarray::WHOLE_LIMIT;
use series::Series;
use types::{Numbers, Type};

/// The most columns.
const MOST_COLUMNS: u64 = 1 << 16;
/// Bytes of a column in a frame: a series, or one value as often as there are rows.
const COLUMN: i64 = 160;
/// Within it: pointer and table of a series; of one value the name, and how often.
const SERIES: i64 = 8;
const REPEATED_NAME: i64 = 96;
const REPEATED_LENGTH: i64 = 120;
/// Bytes of elements of which the first rows alone are saved where they are more.
const MOST_BYTES: u64 = WHOLE_LIMIT;

reducers! {
    /// *What it holds.* Columns of equal length, each a series.
    /// *What is saved.* `shape`, and of each column name, type, number of missing values, and all values: truth values, whole
    /// numbers, floats, texts, days, moments, spans and times of the day. Of more than 64 MiB of values the first rows
    /// (`saved`), of texts 64 MiB.
    /// *What becomes a surrogate.* A frame of a release that is not known (1.8 to 1.14 and 1.17 to 2.1 are), or whose columns are
    /// not where they should be. Of columns of other types (categories, lists, structures, decimals, bytes), and of one value
    /// that is repeated, there is no value, with the `reason`.
    Frame ["PyDataFrame"] "names, types and values of the columns" => |seen, sink| tell(seen, sink, false),
        owning |seen| owned(seen, false);

    /// *What it holds.* Values of one type, some of which may be missing.
    /// *What is saved.* What a frame tells of a column.
    /// *What becomes a surrogate.* One of a release that is not known (1.8 to 1.14 and 1.17 to 2.1 are), or that contradicts itself.
    Single ["PySeries"] "name, type and values" => |seen, sink| tell(seen, sink, true), owning |seen| owned(seen, true);
}

/// A column of a frame.
enum Part {
    Series(Series),
    /// One value, so many times.
    Repeated(String, u64),
    /// A series of a type that is laid out otherwise.
    Other,
}

/// The releases' numbers; none where polars is not imported.
fn release(seen: &Seen<'_>) -> Result<Option<Numbers>, Failure> {
    let Some(release) = seen.version_of("polars") else { return Ok(None) };
    let numbers = Numbers::of_release(&release);
    numbers.map(Some).ok_or_else(|| Failure::new(Reason::ReducerFailed, format!("polars {release} is not known")))
}

/// The words of an object that may be its fields.
fn fields(seen: &Seen<'_>) -> Vec<u64> {
    let body = seen.body(seen.address());
    let class = seen.layouts().object.ob_type.read(seen, seen.address()).unwrap_or_default();
    let size = seen.layouts().type_object.tp_basicsize.read(seen, class).unwrap_or(0);
    let count = (size - (body.0 - seen.address().0) as i64).clamp(0, 256) / 8;
    (0..count).map_while(|number| Some(seen.pointer(body.offset(8 * number))?.0)).collect()
}

/// The columns of a frame, or the one of a series.
fn parts(seen: &Seen<'_>, numbers: Numbers, single: bool) -> Option<Vec<Part>> {
    let fields = fields(seen);
    if single {
        return fields.windows(2).find_map(|two| {
            let [pointer, table] = two else { return None };
            series::read(seen, numbers, *pointer, *table).map(|series| vec![Part::Series(series)])
        });
    }
    // A list: how many have room, where they lie, how many there are. Nothing else of a frame has a number on both sides.
    fields.windows(3).find_map(|three| {
        let [capacity, columns, count] = three else { return None };
        if *count > MOST_COLUMNS || count > capacity || *capacity > 1 << 40 || columns & 7 != 0 || *columns == 0 {
            return None;
        }
        if *count == 0 {
            return (*capacity == 0 && matches!(*columns, 8 | 16)).then(Vec::new);
        }
        let column = |number: i64| {
            let at = Address(*columns).offset(COLUMN * number);
            let (pointer, table) = (seen.pointer(at.offset(SERIES))?.0, seen.pointer(at.offset(SERIES + 8))?.0);
            if let Some(series) = series::read(seen, numbers, pointer, table) {
                return Some(Part::Series(series));
            }
            if series::is_counted(seen, pointer, table) {
                return Some(Part::Other);
            }
            let length = seen.pointer(at.offset(REPEATED_LENGTH))?.0;
            Some(Part::Repeated(series::name(seen, at.offset(REPEATED_NAME))?, length))
        };
        let columns: Vec<Part> = (0..*count as i64).map(column).collect::<Option<_>>()?;
        let rows = rows(&columns);
        let agree = columns.iter().filter_map(Part::length).all(|length| length == rows);
        (agree && columns.iter().any(|part| matches!(part, Part::Series(_)))).then_some(columns)
    })
}

impl Part {
    fn length(&self) -> Option<u64> {
        match self {
            Part::Series(series) => Some(series.length),
            Part::Repeated(_, length) => Some(*length),
            Part::Other => None,
        }
    }
}

fn rows(parts: &[Part]) -> u64 {
    parts.iter().find_map(Part::length).unwrap_or(0)
}

fn tell(seen: &mut Seen<'_>, sink: &mut dyn Sink, single: bool) -> Result<(), Failure> {
    let Some(release) = release(seen)? else {
        // Some other class of this name.
        let first = (seen.body(seen.address()).0 - seen.address().0) as i64;
        for (at, held, _) in objects(seen, seen.address(), first) {
            sink.edge(EdgeKind::Conservative, Name::Index(at as u32), held);
        }
        return Ok(());
    };
    let Some(parts) = parts(seen, release, single) else {
        return Err(Failure::new(Reason::Corrupt, "columns that are not where polars has them"));
    };
    if sink.is_marking() {
        return Ok(());
    }
    let rows = rows(&parts);
    let a_row: u64 = parts.iter().map(Part::a_row).sum();
    let saved = if a_row.saturating_mul(rows) > MOST_BYTES { MOST_BYTES / a_row } else { rows };
    let (mut value, mut text) = (Vec::new(), WHOLE_LIMIT as usize);
    let columns: Vec<Fact> = parts.iter().map(|part| part.fact(seen, saved, &mut text, &mut value)).collect();
    let width = columns.len() as u64;
    seen.note("shape", if single { numbers(&[rows]) } else { numbers(&[rows, width]) });
    seen.note("columns", Fact::Array(columns));
    if saved < rows {
        seen.note("saved", saved);
        seen.note("omitted", rows - saved);
    }
    sink.value(Value::Bytes(&value));
    Ok(())
}

impl Part {
    /// Bytes in the file for a row.
    fn a_row(&self) -> u64 {
        match self {
            Part::Series(series) => values::item(series).map_or(0, |(width, _)| width as u64 + u64::from(series.nulls > Some(0))),
            Part::Repeated(..) | Part::Other => 0,
        }
    }

    /// What is told of a column; its values are added.
    fn fact(&self, seen: &Seen<'_>, saved: u64, text: &mut usize, value: &mut Vec<u8>) -> Fact {
        let mut facts: Vec<(Fact, Fact)> = Vec::new();
        let mut note = |name: &str, fact: Fact| facts.push((name.into(), fact));
        match self {
            Part::Repeated(name, length) => {
                note("name", name.as_str().into());
                note("length", (*length).into());
                note("reason", "one value for all rows, which is not read".into());
            }
            Part::Other => note("reason", "a column of this type is not read".into()),
            Part::Series(series) => {
                note("name", series.name.as_str().into());
                note("dtype", shown(series).into());
                note("length", series.length.into());
                if let Some(nulls) = series.nulls {
                    note("nulls", nulls.into());
                }
                match values::add(seen, series, saved, text, value) {
                    Some(column) => {
                        note("item", column.item.into());
                        note("offset", column.offset.into());
                        if let Some(mask) = column.mask {
                            note("mask", mask.into());
                        }
                        if column.lost > 0 {
                            note("lost", column.lost.into());
                        }
                    }
                    None if values::item(series).is_none() => note("reason", "values of this type are not read".into()),
                    None => note("reason", "the values are not readable".into()),
                }
            }
        }
        Fact::Map(facts)
    }
}

/// A type as polars writes it.
fn shown(series: &Series) -> String {
    let unit = series.unit.unwrap_or("ns");
    match series.meaning {
        None => "?".to_owned(),
        Some(Type::Boolean) => "Boolean".to_owned(),
        Some(Type::Unsigned(width)) => format!("UInt{}", 8 * width),
        Some(Type::Signed(width)) => format!("Int{}", 8 * width),
        Some(Type::Float(width)) => format!("Float{}", 8 * width),
        Some(Type::Datetime) => match &series.zone {
            Some(zone) => format!("Datetime(time_unit='{unit}', time_zone='{zone}')"),
            None => format!("Datetime(time_unit='{unit}', time_zone=None)"),
        },
        Some(Type::Duration) => format!("Duration(time_unit='{unit}')"),
        Some(known) => format!("{known:?}"),
    }
}

/// Where the elements lie, and their bytes.
fn owned(seen: &Seen<'_>, single: bool) -> Option<Vec<(Address, u64)>> {
    let parts = parts(seen, release(seen).ok()??, single)?;
    let mut blocks = Vec::new();
    for part in &parts {
        let Part::Series(series) = part else { continue };
        blocks.extend(series.chunks.iter().flat_map(|chunk| chunk.blocks(values::width(series))));
    }
    Some(blocks)
}
