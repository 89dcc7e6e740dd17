//! Arrays: elements of one kind in one or several dimensions, decoded one by one from the bytes of an object's value.
//!
//! An object is an array when its facts say `shape` and `item` (see `docs/reducers.md`, `numpy.ndarray`). Its bytes may be
//! those of another object (`memory`). Whatever the file says, an element is read only where its bytes are, and a shape
//! costs nothing: elements are counted, never listed.

mod item;
mod time;

use ciborium::Value;
use heapsake_core::Address;
use heapsake_core::format::Target;

use crate::attributes::AttributeValue;
use crate::object::Object;
use item::{Item, Layout, Packed};

pub use item::COMPLEX;

/// The most dimensions.
const MOST_DIMENSIONS: usize = 64;
/// Bytes that are read together when elements follow each other.
const TOGETHER: u64 = 1 << 22;
/// The longest text of any length that is read.
const LONGEST_TEXT: u64 = 1 << 26;

/// An array, or a part of one.
#[derive(Clone, Debug)]
pub struct Array<'d> {
    object: Object<'d>,
    /// Whose value has the bytes.
    memory: Object<'d>,
    shape: Vec<u64>,
    /// In bytes; of objects, in elements.
    strides: Vec<i64>,
    /// Where element 0 begins.
    start: i64,
    layout: Layout,
    dtype: String,
    scalar: bool,
}

/// An element of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// An object of the dump, or nothing, or an address without one.
    Target(Target),
    /// What is no object.
    Plain(Value),
    /// It is not in the dump.
    Missing,
}

impl<'d> Array<'d> {
    /// The array that an object is; none if it is none, or its facts do not fit together.
    pub fn of(object: &Object<'d>) -> Option<Array<'d>> {
        let facts = object.state();
        let fact = |wanted: &str| facts.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let layout = Layout::of(fact("item")?)?;
        let scalar = fact("scalar").is_some();
        let shape: Vec<u64> = match fact("shape") {
            Some(shape) => numbers(shape)?.into_iter().map(|count| u64::try_from(count).ok()).collect::<Option<_>>()?,
            None if scalar => Vec::new(),
            None => return None,
        };
        let count =
            if shape.contains(&0) { Some(0) } else { shape.iter().try_fold(1u64, |count, next| count.checked_mul(*next)) };
        if shape.len() > MOST_DIMENSIONS || count? > 1 << 62 {
            return None;
        }
        let objects = layout.item == Item::Object;
        let strides = if objects {
            c_strides(&shape)
        } else if scalar {
            Vec::new()
        } else {
            numbers(fact("saved_strides").or_else(|| fact("strides"))?)?
        };
        if strides.len() != shape.len() {
            return None;
        }
        let start = fact("offset").and_then(|offset| i64::try_from(i128::from(offset.as_integer()?)).ok()).unwrap_or(0);
        let memory = object.attribute_object("memory").unwrap_or_else(|| object.clone());
        let dtype = fact("dtype_shown").and_then(Value::as_text).unwrap_or_default().to_owned();
        Some(Array { object: object.clone(), memory, shape, strides, start, layout, dtype, scalar })
    }

    /// A column of `count` elements in the value of an object that has several; none if it is nothing of the kind.
    pub(crate) fn within(object: &Object<'d>, item: &Value, start: i64, count: u64, dtype: Option<&str>) -> Option<Array<'d>> {
        let layout = Layout::of(item)?;
        let stride = i64::try_from(layout.size).ok()?;
        if count > 1 << 62 || start < 0 || layout.item == Item::Object {
            return None;
        }
        let (shape, strides, dtype) = (vec![count], vec![stride], dtype.unwrap_or_default().to_owned());
        Some(Array { object: object.clone(), memory: object.clone(), shape, strides, start, layout, dtype, scalar: false })
    }

    /// How many elements there are in each dimension.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Whether it is a single element that is an object by itself.
    pub fn is_scalar(&self) -> bool {
        self.scalar
    }

    /// What an element is, in words.
    pub fn dtype(&self) -> &str {
        &self.dtype
    }

    /// The object.
    pub fn object(&self) -> &Object<'d> {
        &self.object
    }

    /// Number of elements.
    pub fn len(&self) -> u64 {
        self.shape.iter().fold(1, |count, next| count.saturating_mul(*next))
    }

    /// Whether going through all elements is worth it: what a file says of a shape does not decide how much is made of it.
    pub fn is_countable(&self) -> bool {
        const MOST: u64 = 1 << 32;
        let held = match self.layout.item {
            Item::Object => self.memory.len(),
            _ => self.memory.value_length().unwrap_or(0),
        };
        self.len() <= held.saturating_mul(64).clamp(TOGETHER, MOST)
    }

    /// Of an array of which the dump has only the first elements what is there: whole parts of the first dimension, or less
    /// than one such part as one dimension. None of one that is there as a whole, and where nothing of it is.
    pub fn head(&self) -> Option<Array<'d>> {
        let size = if self.layout.item == Item::Object { 1 } else { self.layout.size as u64 };
        let follow =
            c_strides(&self.shape).into_iter().map(|stride| stride.saturating_mul(size as i64)).eq(self.strides.iter().copied());
        let saved = self.object.state().into_iter().find(|(name, _)| name == "saved");
        let held = match saved.and_then(|(_, saved)| u64::try_from(i128::from(saved.as_integer()?)).ok()) {
            Some(saved) => saved,
            None if follow => {
                let held = if self.layout.item == Item::Object { self.memory.len() } else { self.memory.value_length()? };
                held.checked_sub(u64::try_from(self.start).ok()?)?.checked_div(size)?
            }
            None => return None,
        };
        let total = self.len();
        if held == 0 || held >= total {
            return None;
        }
        let mut head = self.clone();
        match held / (total / self.shape[0]) {
            0 if !follow => return None,
            0 => (head.shape, head.strides) = (vec![held], vec![i64::try_from(size).ok()?]),
            parts => head.shape[0] = parts,
        }
        Some(head)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part at a position of the first dimension, negative ones from its end.
    pub fn part(&self, index: i64) -> Option<Array<'d>> {
        let (count, stride) = (*self.shape.first()?, *self.strides.first()?);
        let at = if index < 0 { index.checked_add_unsigned(count)? } else { index };
        if at < 0 || at as u64 >= count {
            return None;
        }
        let mut part = self.clone();
        part.shape.remove(0);
        part.strides.remove(0);
        part.start = self.start.checked_add(at.checked_mul(stride)?)?;
        Some(part)
    }

    /// The element at these positions, one a dimension, negative ones from the end; none outside of the shape.
    pub fn cell(&self, index: &[i64]) -> Option<Cell> {
        let mut part = self.clone();
        for position in index {
            part = part.part(*position)?;
        }
        part.shape.is_empty().then(|| part.read(part.start))
    }

    /// Where the element with this number in C order begins.
    fn place(&self, mut number: u64) -> Option<i64> {
        let mut at = self.start;
        for (count, stride) in self.shape.iter().zip(&self.strides).rev() {
            let position = number % count;
            number /= count;
            at = at.checked_add((position as i64).checked_mul(*stride)?)?;
        }
        Some(at)
    }

    /// Elements in C order, from number `from` on, at most `count`.
    pub fn cells(&self, from: u64, count: u64) -> Vec<Cell> {
        let end = from.saturating_add(count).min(self.len());
        let places: Vec<Option<i64>> = (from..end).map(|number| self.place(number)).collect();
        let (Some(low), Some(high)) = (places.iter().flatten().min().copied(), places.iter().flatten().max().copied()) else {
            return Vec::new();
        };
        let length = high.saturating_sub(low).saturating_add(self.layout.size as i64);
        if self.layout.item == Item::Object {
            // Objects follow each other in C order, and so do those of a part.
            let targets = self.memory.elements(low.max(0) as u64, end - from);
            let cell = |number: usize| targets.get(number).map_or(Cell::Missing, |target| Cell::Target(*target));
            return (0..places.len()).map(cell).collect();
        }
        if low < 0 || length as u64 > TOGETHER {
            return places.into_iter().map(|at| at.map_or(Cell::Missing, |at| self.read(at))).collect();
        }
        let bytes = self.memory.value_part(low as u64, length as u64);
        let element = |at: i64| {
            let start = (at - low) as usize;
            bytes.get(start..start + self.layout.size)
        };
        let texts = if self.layout.item == Item::Packed {
            let elements = places.iter().flatten().filter_map(|at| element(*at));
            self.texts_of(elements.map(Packed::of))
        } else {
            (0, Vec::new())
        };
        let decode = |at: i64| match element(at) {
            None => Cell::Missing,
            Some(bytes) if self.layout.item == Item::Packed => self.text(bytes, &texts),
            Some(bytes) => self.decode(bytes),
        };
        places.into_iter().map(|at| at.map_or(Cell::Missing, decode)).collect()
    }

    /// The element that begins at a place of the value.
    fn read(&self, at: i64) -> Cell {
        let Ok(at) = u64::try_from(at) else { return Cell::Missing };
        if self.layout.item == Item::Object {
            return self.memory.elements(at, 1).first().map_or(Cell::Missing, |target| Cell::Target(*target));
        }
        let bytes = self.memory.value_part(at, self.layout.size as u64);
        if bytes.len() < self.layout.size { Cell::Missing } else { self.decode(&bytes) }
    }

    fn decode(&self, bytes: &[u8]) -> Cell {
        if self.layout.item == Item::Packed {
            return self.text(bytes, &(0, Vec::new()));
        }
        let dump = self.object.dump();
        // An object in a field is known by its address alone.
        let shown = |address: u64| match dump.object_at(Address(address)) {
            _ if address == 0 => Value::Null,
            Some(object) => Value::Text(crate::render::render(&object, crate::render::Limits::default())),
            None => Value::Text(format!("<nothing readable at {address:#x}>")),
        };
        Cell::Plain(self.layout.decode(bytes, &shown))
    }

    /// The part of the value that has the texts of several elements, and where it begins: they mostly follow each other.
    fn texts_of<'e>(&self, elements: impl Iterator<Item = Packed<'e>>) -> (u64, Vec<u8>) {
        let ends = elements.filter_map(|element| match element {
            Packed::Elsewhere(place, length) => Some((place, place.checked_add(length)?)),
            _ => None,
        });
        let (low, high) = ends.fold((u64::MAX, 0), |(low, high), (from, to)| (low.min(from), high.max(to)));
        let length = high.saturating_sub(low);
        if length == 0 || length > TOGETHER { (0, Vec::new()) } else { (low, self.memory.value_part(low, length)) }
    }

    /// A text of any length; `held` are a part of the value and where it begins.
    fn text(&self, element: &[u8], held: &(u64, Vec<u8>)) -> Cell {
        let text = |bytes: &[u8]| Cell::Plain(Value::Text(String::from_utf8_lossy(bytes).into_owned()));
        match Packed::of(element) {
            Packed::Within(bytes) => text(bytes),
            Packed::Elsewhere(place, length) if length <= LONGEST_TEXT => {
                let from = place.checked_sub(held.0).and_then(|from| usize::try_from(from).ok());
                let known = from.and_then(|from| held.1.get(from..from.checked_add(length as usize)?));
                if let Some(known) = known {
                    return text(known);
                }
                let bytes = self.memory.value_part(place, length);
                if bytes.len() as u64 == length { text(&bytes) } else { Cell::Missing }
            }
            // What stands for a missing text is said by the dtype.
            Packed::Missing => {
                let stands = self.object.attribute_object("dtype").and_then(|dtype| match dtype.attribute("na_object")? {
                    AttributeValue::Target(target) => Some(target),
                    _ => None,
                });
                stands.map_or(Cell::Plain(Value::Null), Cell::Target)
            }
            Packed::Elsewhere(..) | Packed::Lost => Cell::Missing,
        }
    }

    /// What an element is in an `.npy` file (`<i4`); none of objects, texts of any length, structures and arrays within.
    pub fn code(&self) -> Option<String> {
        let kind = match &self.layout.item {
            Item::Bool => "b",
            Item::Signed => "i",
            Item::Unsigned => "u",
            Item::Float => "f",
            Item::Complex => "c",
            Item::Date(_) => "M",
            Item::Span(_) => "m",
            Item::Bytes => "S",
            Item::Text => "U",
            Item::Void => "V",
            Item::Packed | Item::Object | Item::Structure(_) | Item::Within(..) => return None,
        };
        let order = match (&self.layout.item, self.layout.size) {
            (Item::Bytes | Item::Void, _) | (_, 1) => '|',
            _ if self.layout.big_endian() => '>',
            _ => '<',
        };
        let size = if self.layout.item == Item::Text { self.layout.size / 4 } else { self.layout.size };
        Some(match &self.layout.item {
            Item::Date(unit) | Item::Span(unit) if unit != "generic" => format!("{order}{kind}{size}[{unit}]"),
            _ => format!("{order}{kind}{size}"),
        })
    }

    /// Whether elements are objects.
    pub fn has_objects(&self) -> bool {
        self.layout.item == Item::Object
    }

    /// Whether elements are texts of any length, of which some may be missing.
    pub fn has_texts(&self) -> bool {
        self.layout.item == Item::Packed
    }

    /// The bytes of all elements, in C order, and the code of an element (`<i4`): what an `.npy` file holds. None of objects
    /// and structures, and of an array that is not in the dump as a whole.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let plain = !matches!(self.layout.item, Item::Object | Item::Packed | Item::Structure(_) | Item::Within(..));
        let size = self.layout.size as u64;
        let total = self.len().checked_mul(size).filter(|total| *total <= 1 << 32)?;
        if !plain || size == 0 {
            return None;
        }
        let whole = self.memory.value_part(0, u64::MAX);
        // Elements may lie upon each other, but what a file says of that does not decide how much is made of it.
        if total > (whole.len() as u64).saturating_mul(64).max(TOGETHER) {
            return None;
        }
        let mut bytes = Vec::new();
        for number in 0..total / size {
            let at = usize::try_from(self.place(number)?).ok()?;
            bytes.extend_from_slice(whole.get(at..at.checked_add(size as usize)?)?);
        }
        Some(bytes)
    }

    /// At most `count` of these bytes from `from` on, up to the first that the dump lacks. Of an array whose elements lie in C
    /// order no more is read than is given.
    pub fn bytes_part(&self, from: u64, count: u64) -> Vec<u8> {
        let size = self.layout.size as u64;
        let total = self.len().saturating_mul(size);
        let count = count.min(total.saturating_sub(from));
        let in_order: Vec<i64> = c_strides(&self.shape).iter().map(|stride| stride.saturating_mul(size as i64)).collect();
        if self.code().is_none() || count == 0 {
            return Vec::new();
        }
        if in_order == self.strides
            && let Some(start) = u64::try_from(self.start).ok().and_then(|start| start.checked_add(from))
        {
            return self.memory.value_part(start, count);
        }
        let whole = self.bytes().unwrap_or_default();
        let end = (from.saturating_add(count)).min(whole.len() as u64);
        whole.get(from as usize..end as usize).unwrap_or_default().to_vec()
    }
}

/// Strides in elements.
fn c_strides(shape: &[u64]) -> Vec<i64> {
    let mut stride = 1i64;
    let mut strides: Vec<i64> = shape
        .iter()
        .rev()
        .map(|count| {
            let next = stride.saturating_mul((*count).clamp(1, 1 << 62) as i64);
            std::mem::replace(&mut stride, next)
        })
        .collect();
    strides.reverse();
    strides
}

fn numbers(fact: &Value) -> Option<Vec<i64>> {
    fact.as_array()?.iter().map(|number| i64::try_from(i128::from(number.as_integer()?)).ok()).collect()
}

#[cfg(test)]
#[path = "array_tests.rs"]
mod tests;
