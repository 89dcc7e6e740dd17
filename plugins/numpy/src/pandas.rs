//! `pandas`: frames and series, the managers and blocks below them, and Cython's classes that they are built of.
//!
//! Cython's attributes have no public layout. Each is found among the first words of its object by the type of what it leads
//! to (a tuple of blocks, a list of indexes, a placement, an array), which no version has confused so far; a word that leads
//! to nothing of that kind is not told. A frame says where each column lies: `placement` has block and row by column.

use ciborium::Value as Fact;
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;
use heapsake_cpython::memory::Memory;

use crate::contract::{self, Seen, corrupt, edge, numbers, reducers};
use crate::ndarray::Header;

/// Words of an object in which its attributes are looked for.
const WORDS: i64 = 8;
/// The most columns whose place is told.
const MOST_COLUMNS: usize = 1 << 20;
/// The most blocks.
const MOST_BLOCKS: usize = 1 << 16;

reducers! {
    /// *What it holds.* Columns or one column, with labels, in blocks of one dtype each.
    /// *What is saved.* `shape`; `columns` and `index`; the values of each block; `placement`: block and row of each column.
    /// *What becomes a surrogate.* None: what does not fit together is left out.
    Table ["pandas.core.generic.NDFrame"] "shape, labels, the values of every block" => tell_table, by attributes;

    /// *What it holds.* The blocks of a frame, and its labels.
    /// *What is saved.* `blocks`, `axes`, `_blknos`, `_blklocs`.
    /// *What becomes a surrogate.* None.
    Manager ["pandas._libs.internals.BlockManager"] "blocks and axes" => tell_manager;

    /// *What it holds.* Values of one dtype of some columns.
    /// *What is saved.* `values`, `_mgr_locs`, `refs`.
    /// *What becomes a surrogate.* None.
    Block [
        "pandas._libs.internals.SharedBlock", "pandas._libs.internals.Block", "pandas._libs.internals.NumpyBlock",
        "pandas._libs.internals.NDArrayBackedBlock",
    ] "values and where they belong" => tell_block;

    /// *What it holds.* Which columns a block has.
    /// *What is saved.* `_as_slice` and `_as_array`.
    /// *What becomes a surrogate.* None.
    Placement ["pandas._libs.internals.BlockPlacement"] "the columns of a block" => |seen, sink| {
        // One of the two is there, the other is `None`.
        let known = objects(seen, seen.address());
        for (_, word, name) in &known {
            edge(sink, EdgeKind::Attribute, if name == "slice" { "_as_slice" } else { "_as_array" }, *word);
        }
        let has_slice = known.iter().any(|(_, _, name)| name == "slice");
        let first = (seen.body(seen.address()).0 - seen.address().0) as i64;
        let none = contract::objects(seen, seen.address(), first).into_iter().find(|(_, _, name)| name == "NoneType");
        if let (Some((_, word, _)), 1) = (none, known.len()) {
            edge(sink, EdgeKind::Attribute, if has_slice { "_as_array" } else { "_as_slice" }, word);
        }
        Ok(())
    };

    /// *What it holds.* An array and what its numbers mean: dates, spans, periods, categories, texts.
    /// *What is saved.* `_ndarray` and `_dtype`.
    /// *What becomes a surrogate.* None.
    Backed ["pandas._libs.arrays.NDArrayBacked"] "the array and its dtype" => |seen, sink| {
        let words = objects(seen, seen.address());
        let array = words.iter().find(|(_, word, _)| is_array(seen, *word));
        let dtype = words.iter().find(|(_, word, name)| name.contains("ype") && array.is_none_or(|(_, array, _)| array != word));
        for (name, found) in [("_ndarray", array), ("_dtype", dtype)] {
            if let Some((_, word, _)) = found {
                edge(sink, EdgeKind::Attribute, name, *word);
            }
        }
        Ok(())
    };

    /// *What it holds.* Weak references to the blocks that share values.
    /// *What is saved.* `referenced_blocks`.
    /// *What becomes a surrogate.* None.
    References ["pandas._libs.internals.BlockValuesRefs"] "the blocks that share values" => |seen, sink| {
        for (_, word, _) in objects(seen, seen.address()).iter().filter(|(_, _, name)| name == "list") {
            edge(sink, EdgeKind::Attribute, "referenced_blocks", *word);
        }
        Ok(())
    };
}

/// The objects that the first words of an object lead to, up to its size: place, address, type. Types are none of them.
fn objects(seen: &Seen<'_>, address: Address) -> Vec<(i64, Address, String)> {
    let first = (seen.body(address).0 - address.0) as i64;
    let mut found = contract::objects(seen, address, first);
    found.retain(|(at, _, name)| *at < first + 8 * WORDS && name != "type" && name != "dict" && name != "NoneType");
    found
}

fn is_array(seen: &Seen<'_>, address: Address) -> bool {
    seen.type_of(address).is_some_and(|name| name == "numpy.ndarray" || name == "numpy.memmap")
        && Header::read(seen, address).is_ok()
}

fn is_block(name: &str) -> bool {
    name.starts_with("pandas.") && name.ends_with("Block")
}

/// The blocks and axes of a manager: of a frame's by its words, of a series' by its attributes.
struct Parts {
    blocks: Address,
    axes: Address,
    arrays: Vec<Address>,
}

fn parts(seen: &Seen<'_>, manager: Address) -> Option<Parts> {
    let named = |name| seen.object.attribute_of(manager, name);
    if let (Some(blocks), Some(axes)) = (named("blocks"), named("axes")) {
        return Some(Parts { blocks, axes, arrays: Vec::new() });
    }
    let words = objects(seen, manager);
    let blocks = words.iter().find(|(_, word, name)| {
        let blocks = || seen.look(*word).unwrap_or_default().elements;
        name == "tuple" && blocks().iter().all(|block| seen.type_of(*block).is_some_and(|name| is_block(&name)))
    })?;
    let axes = words.iter().find(|(_, _, name)| name == "list")?;
    let arrays = words.iter().map(|(_, word, _)| *word).filter(|word| is_array(seen, *word)).collect();
    Some(Parts { blocks: blocks.1, axes: axes.1, arrays })
}

fn tell_manager(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let found = parts(seen, seen.address()).ok_or_else(|| corrupt("a manager without blocks or axes"))?;
    edge(sink, EdgeKind::Attribute, "blocks", found.blocks);
    edge(sink, EdgeKind::Attribute, "axes", found.axes);
    for (name, array) in ["_blknos", "_blklocs"].into_iter().zip(found.arrays) {
        edge(sink, EdgeKind::Attribute, name, array);
    }
    Ok(())
}

/// What a block has: placement, references, values.
fn block_parts(seen: &Seen<'_>, block: Address) -> [Address; 3] {
    let mut found = [Address::NULL; 3];
    for (_, word, name) in objects(seen, block) {
        let at = match name.rsplit('.').next() {
            Some("BlockPlacement") => 0,
            Some("BlockValuesRefs") => 1,
            _ => 2,
        };
        if found[at].is_null() {
            found[at] = word;
        }
    }
    found
}

fn tell_block(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let found = block_parts(seen, seen.address());
    for (name, target) in ["_mgr_locs", "refs", "values"].into_iter().zip(found) {
        edge(sink, EdgeKind::Attribute, name, target);
    }
    Ok(())
}

fn tell_table(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let Some(manager) =
        seen.object.attribute_of(seen.address(), "_mgr").or_else(|| seen.object.attribute_of(seen.address(), "_data"))
    else {
        return Ok(());
    };
    let Some(found) = parts(seen, manager) else { return Ok(()) };
    let blocks = seen.look(found.blocks).unwrap_or_default().elements;
    let axes = seen.look(found.axes).unwrap_or_default().elements;
    let single = axes.len() == 1;
    if let Some(index) = axes.last() {
        edge(sink, EdgeKind::Attribute, "index", *index);
    }
    if !single && let Some(columns) = axes.first() {
        edge(sink, EdgeKind::Attribute, "columns", *columns);
    }
    let mut placement: Vec<[i64; 2]> = Vec::new();
    let mut rows = None;
    for (number, block) in blocks.iter().take(MOST_BLOCKS).enumerate() {
        let [place, _, values] = block_parts(seen, *block);
        if values.is_null() {
            continue;
        }
        // A series has one block, whose values are its own.
        let name = if single { "values".to_owned() } else { format!("block {number}") };
        sink.edge(if single { EdgeKind::Attribute } else { EdgeKind::Internal }, Name::Text(&name), values);
        rows = rows.or_else(|| length(seen, values));
        for (row, column) in columns_of(seen, place).into_iter().enumerate() {
            let Some(column) = usize::try_from(column).ok().filter(|column| *column < MOST_COLUMNS) else { continue };
            if placement.len() <= column {
                placement.resize(column + 1, [-1, -1]);
            }
            placement[column] = [number as i64, row as i64];
        }
    }
    if sink.is_marking() {
        return Ok(());
    }
    let rows = rows.or_else(|| length(seen, *axes.last()?)).unwrap_or(0);
    if single {
        seen.note("shape", numbers(&[rows]));
    } else {
        seen.note("shape", numbers(&[rows, placement.len() as i64]));
        seen.note("placement", Fact::Array(placement.iter().map(|place| numbers(place)).collect()));
    }
    Ok(())
}

/// The columns of a block, from its placement.
fn columns_of(seen: &Seen<'_>, place: Address) -> Vec<i64> {
    for (_, word, name) in objects(seen, place) {
        if name == "slice" {
            let slice = seen.look(word).unwrap_or_default();
            let limit = 1u64 << 40;
            let bound =
                |name| slice.edge(name).and_then(|bound| seen.integer(bound)).filter(|bound| bound.unsigned_abs() <= limit);
            if let (Some(start), Some(stop)) = (bound("start"), bound("stop")) {
                let step = bound("step").unwrap_or(1).clamp(-(1 << 20), 1 << 20);
                let count = match step.signum() {
                    1 => (stop - start + step - 1) / step,
                    -1 => (start - stop - step - 1) / -step,
                    _ => 0,
                };
                return (0..count.clamp(0, MOST_COLUMNS as i64)).map(|number| start + number * step).collect();
            }
        }
        if is_array(seen, word)
            && let Ok(header) = Header::read(seen, word)
            && let [count] = header.dimensions[..]
        {
            let numbers = (0..count.clamp(0, MOST_COLUMNS as i64)).map(|number| seen.read_i64(header.data.offset(8 * number)));
            return numbers.map_while(|number| number).collect();
        }
    }
    Vec::new()
}

/// The number of rows of values or labels, from the first array that they are made of.
fn length(seen: &Seen<'_>, values: Address) -> Option<i64> {
    if is_array(seen, values) {
        return Header::read(seen, values).ok()?.dimensions.last().copied();
    }
    let inner = ["_ndarray", "_data", "_sparse_values", "_range"].iter().find_map(|name| seen.object.attribute_of(values, name));
    let inner =
        inner.or_else(|| objects(seen, values).into_iter().map(|(_, word, _)| word).find(|word| is_array(seen, *word)))?;
    if is_array(seen, inner) {
        return Header::read(seen, inner).ok()?.dimensions.last().copied();
    }
    let range = seen.look(inner)?;
    seen.integer(range.edge("length")?)
}
