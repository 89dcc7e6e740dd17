//! Descriptors: what an element is. Mirrors `PyArray_Descr` of NumPy 1, `_PyArray_DescrNumPy2` and `_PyArray_LegacyDescr` of
//! NumPy 2 (`numpy/ndarraytypes.h`).
//!
//! Both begin alike. In NumPy 1 size and alignment are 32 bits each after the type's number; in NumPy 2 flags of 64 bits
//! stand there, then size and alignment of 64 bits each. An alignment is a small power of two, and a pointer or a null
//! pointer stands where the other layout has it, so that one of the two explains a descriptor and never both.

use ciborium::Value as Fact;
use heapsake_core::Address;
use heapsake_core::reduce::Failure;
use heapsake_cpython::memory::Memory;

use crate::contract::{Seen, corrupt, numbers};
use crate::stringdtype::Strings;

/// Fields of fields are followed so deep.
const DEEPEST: usize = 8;
/// The most fields of one structure.
const MOST_FIELDS: usize = 4096;
/// The widest element.
const WIDEST: i64 = 1 << 31;
/// `NPY_DATETIMEUNIT`.
const UNITS: [&str; 15] = ["Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic"];

/// Where the fields of a layout lie, in bytes after the object's head.
struct Layout {
    metadata: i64,
    subarray: i64,
    fields: i64,
    names: i64,
    details: i64,
}

const FIRST: Layout = Layout { subarray: 24, fields: 32, names: 40, metadata: 56, details: 64 };
const SECOND: Layout = Layout { metadata: 40, subarray: 72, fields: 80, names: 88, details: 96 };

/// What an element is.
#[derive(Clone, Debug)]
pub(crate) struct Descriptor {
    pub(crate) address: Address,
    /// `b`, `i`, `u`, `f`, `c`, `m`, `M`, `O`, `S`, `U`, `V`, `T`.
    pub(crate) kind: u8,
    pub(crate) letter: u8,
    /// `<`, `>` or `|`.
    pub(crate) order: u8,
    pub(crate) number: i32,
    pub(crate) size: i64,
    pub(crate) alignment: i64,
    pub(crate) unit: Option<String>,
    pub(crate) fields: Vec<Member>,
    pub(crate) subarray: Option<(Box<Descriptor>, Vec<i64>)>,
    /// What `str(dtype)` says of texts of any length.
    texts: Option<String>,
    second: bool,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) offset: i64,
    pub(crate) descriptor: Descriptor,
}

impl Descriptor {
    /// The descriptor at `address`.
    ///
    /// # Errors
    /// When no layout explains it.
    pub(crate) fn read(seen: &Seen<'_>, address: Address) -> Result<Descriptor, Failure> {
        Descriptor::read_within(seen, address, 0)
    }

    fn read_within(seen: &Seen<'_>, address: Address, depth: usize) -> Result<Descriptor, Failure> {
        if depth > DEEPEST {
            return Err(corrupt("a dtype within itself"));
        }
        let body = seen.body(address);
        let mut head = [0; 16];
        seen.object.read_at(body.offset(8), &mut head)?;
        let [kind, letter, order, _] = [head[0], head[1], head[2], head[3]];
        let number = i32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let (size, alignment, second) = sizes(seen, body).ok_or_else(|| corrupt("a dtype of neither NumPy 1 nor NumPy 2"))?;
        if !b"biufcmMOSUVT".contains(&kind) || !letter.is_ascii_graphic() || !b"<>=|".contains(&order) {
            return Err(corrupt("a dtype of no known kind"));
        }
        let legal = match (kind, size) {
            (b'b', 1) | (b'i' | b'u', 1 | 2 | 4 | 8 | 16) | (b'f', 2 | 4 | 8 | 12 | 16) | (b'c', 8 | 16 | 24 | 32) => true,
            (b'm' | b'M' | b'O', 8) | (b'T', 16) => true,
            (b'S' | b'V', size) => (0..=WIDEST).contains(&size),
            (b'U', size) => (0..=WIDEST).contains(&size) && size % 4 == 0,
            _ => false,
        };
        if !legal {
            return Err(corrupt(format!("a dtype of kind {} and {size} bytes", char::from(kind))));
        }
        let order = match (order, size) {
            (b'=', 0 | 1) => b'|',
            (b'=', _) => b'<',
            (order, _) => order,
        };
        let layout = if second { &SECOND } else { &FIRST };
        let mut found = Descriptor {
            address,
            kind,
            letter,
            order,
            number,
            size,
            alignment,
            unit: None,
            fields: Vec::new(),
            subarray: None,
            texts: None,
            second,
        };
        found.texts = found.strings(seen).map(|strings| shown_texts(seen, &strings));
        if matches!(kind, b'm' | b'M') {
            found.unit = unit(seen, seen.pointer_at(body.offset(layout.details))?.offset(32));
        }
        if kind == b'V' {
            found.read_structure(seen, body, layout, depth)?;
        }
        Ok(found)
    }

    fn read_structure(&mut self, seen: &Seen<'_>, body: Address, layout: &Layout, depth: usize) -> Result<(), Failure> {
        let subarray = seen.pointer_at(body.offset(layout.subarray))?;
        if !subarray.is_null() {
            let base = Descriptor::read_within(seen, seen.pointer_at(subarray)?, depth + 1)?;
            let shape = seen.look(seen.pointer_at(subarray.offset(8))?).ok_or_else(|| corrupt("a subarray of no shape"))?;
            let shape = match shape.integer {
                Some(length) => vec![length],
                None => shape.elements.iter().map(|length| seen.integer(*length).unwrap_or(-1)).collect(),
            };
            let count = shape.iter().try_fold(1i64, |count, next| count.checked_mul(*next));
            if shape.iter().any(|length| *length < 0) || count.and_then(|count| count.checked_mul(base.size)) != Some(self.size) {
                return Err(corrupt("a subarray that is not as large as its dtype"));
            }
            self.subarray = Some((Box::new(base), shape));
            return Ok(());
        }
        let names = seen.pointer_at(body.offset(layout.names))?;
        let fields = seen.pointer_at(body.offset(layout.fields))?;
        let (Some(names), Some(fields)) = (seen.look(names), seen.look(fields)) else { return Ok(()) };
        for name in names.elements.iter().take(MOST_FIELDS) {
            let text = seen.text(*name).unwrap_or_default();
            let is_wanted = |key: Address| key == *name || seen.text(key).as_deref() == Some(&*text);
            let Some((_, value)) = fields.entries.iter().find(|(key, _)| is_wanted(*key)) else { continue };
            let field = seen.look(*value).unwrap_or_default().elements;
            let [descriptor, offset, ..] = field[..] else { return Err(corrupt("a field without an offset")) };
            let descriptor = Descriptor::read_within(seen, descriptor, depth + 1)?;
            let offset = seen.integer(offset).unwrap_or(-1);
            if offset < 0 || offset.checked_add(descriptor.size).is_none_or(|end| end > self.size) {
                return Err(corrupt("a field outside of its structure"));
            }
            self.fields.push(Member { name: text, offset, descriptor });
        }
        Ok(())
    }

    /// Of texts of any length: where they lie; none of other elements, and where it makes no sense.
    pub(crate) fn strings(&self, seen: &Seen<'_>) -> Option<Strings> {
        (self.kind == b'T').then(|| Strings::read(seen, seen.body(self.address))).flatten()
    }

    /// The object that `metadata` names.
    pub(crate) fn metadata(&self, seen: &Seen<'_>) -> Address {
        self.pointer(seen, |layout| layout.metadata)
    }

    /// Mapping and names of the fields.
    pub(crate) fn field_objects(&self, seen: &Seen<'_>) -> [Address; 2] {
        [self.pointer(seen, |layout| layout.fields), self.pointer(seen, |layout| layout.names)]
    }

    fn pointer(&self, seen: &Seen<'_>, field: fn(&Layout) -> i64) -> Address {
        // A descriptor of NumPy 2 that is not of the old kind ends before the fields.
        if self.kind == b'T' {
            return Address::NULL;
        }
        let layout = if self.second { &SECOND } else { &FIRST };
        seen.pointer_at(seen.body(self.address).offset(field(layout))).unwrap_or_default()
    }

    /// Whether an element holds references to objects.
    pub(crate) fn has_objects(&self) -> bool {
        self.kind == b'O'
            || self.fields.iter().any(|field| field.descriptor.has_objects())
            || self.subarray.as_ref().is_some_and(|(base, _)| base.has_objects())
    }

    /// Where in an element references to objects lie.
    pub(crate) fn object_offsets(&self, at: i64, into: &mut Vec<i64>) {
        const MOST: usize = 256;
        if into.len() >= MOST {
            return;
        }
        if self.kind == b'O' {
            into.push(at);
        }
        for field in &self.fields {
            field.descriptor.object_offsets(at + field.offset, into);
        }
        if let Some((base, shape)) = &self.subarray
            && base.has_objects()
        {
            let count: i64 = shape.iter().product();
            (0..count.min(MOST as i64)).for_each(|number| base.object_offsets(at + number * base.size, into));
        }
    }

    /// What an element is, as the file says it: text such as `<i4`, or a map of fields.
    pub(crate) fn item(&self) -> Fact {
        if let Some((base, shape)) = &self.subarray {
            return map([("itemsize", self.size.into()), ("item", base.within()), ("shape", numbers(shape))]);
        }
        if self.fields.is_empty() {
            return self.code().into();
        }
        let fields = self
            .fields
            .iter()
            .map(|field| Fact::Array(vec![field.name.clone().into(), field.descriptor.within(), field.offset.into()]));
        map([("itemsize", self.size.into()), ("fields", Fact::Array(fields.collect()))])
    }

    /// The same within an element, where texts of any length are told as they lie in memory.
    fn within(&self) -> Fact {
        if self.kind == b'T' { format!("|V{}", self.size).into() } else { self.item() }
    }

    /// As `dtype.str` has it.
    pub(crate) fn code(&self) -> String {
        let size = if self.kind == b'U' { self.size / 4 } else { self.size };
        let order = if matches!(self.kind, b'O' | b'S' | b'V' | b'T' | b'b') { '|' } else { char::from(self.order) };
        match &self.unit {
            _ if self.kind == b'O' => "|O".to_owned(),
            Some(unit) if unit != "generic" => format!("{order}{}{size}[{unit}]", char::from(self.kind)),
            _ => format!("{order}{}{size}", char::from(self.kind)),
        }
    }

    /// As `dtype.name` has it.
    pub(crate) fn name(&self) -> String {
        let bits = self.size * 8;
        match self.kind {
            b'b' => "bool".to_owned(),
            b'i' => format!("int{bits}"),
            b'u' => format!("uint{bits}"),
            b'f' => format!("float{bits}"),
            b'c' => format!("complex{bits}"),
            b'O' => "object".to_owned(),
            b'T' => format!("StringDType{bits}"),
            b'M' | b'm' => {
                let name = if self.kind == b'M' { "datetime64" } else { "timedelta64" };
                let unit = self.unit.as_deref().filter(|unit| *unit != "generic");
                unit.map_or_else(|| name.to_owned(), |unit| format!("{name}[{unit}]"))
            }
            _ => {
                let name = match self.kind {
                    b'S' => "bytes",
                    b'U' => "str",
                    _ => "void",
                };
                if bits == 0 { name.to_owned() } else { format!("{name}{bits}") }
            }
        }
    }

    /// As `str(dtype)` has it.
    pub(crate) fn shown(&self) -> String {
        if let Some((base, shape)) = &self.subarray {
            return format!("({}, {})", base.quoted(), tuple(shape));
        }
        if !self.fields.is_empty() {
            let field = |field: &Member| match &field.descriptor.subarray {
                Some((base, shape)) => format!("('{}', {}, {})", field.name, base.quoted(), tuple(shape)),
                None => format!("('{}', {})", field.name, field.descriptor.quoted()),
            };
            let fields: Vec<String> = self.fields.iter().map(field).collect();
            return format!("[{}]", fields.join(", "));
        }
        match self.kind {
            b'S' | b'U' | b'V' => self.code(),
            b'T' => self.texts.clone().unwrap_or_else(|| "StringDType".to_owned()),
            // A byte order of its own is not in the name.
            _ if self.order == b'>' => self.code(),
            _ => self.name(),
        }
    }

    fn quoted(&self) -> String {
        match self.kind {
            _ if !self.fields.is_empty() || self.subarray.is_some() => self.shown(),
            b'b' => "'?'".to_owned(),
            _ => format!("'{}'", self.code().trim_start_matches('|')),
        }
    }
}

/// As `str(dtype)` has it, with what stands for a missing text where that is plain.
fn shown_texts(seen: &Seen<'_>, strings: &Strings) -> String {
    let missing = (!strings.missing.is_null()).then(|| match (seen.text(strings.missing), seen.type_of(strings.missing)) {
        (Some(text), _) => format!("na_object='{text}'"),
        (None, Some(name)) if name == "NoneType" => "na_object=None".to_owned(),
        (None, Some(name)) if name == "float" => "na_object=nan".to_owned(),
        (None, Some(name)) if name.ends_with("NAType") => "na_object=<NA>".to_owned(),
        (None, name) => format!("na_object=<{}>", name.unwrap_or_default()),
    });
    let parts: Vec<String> = missing.into_iter().chain((!strings.coerces).then(|| "coerce=False".to_owned())).collect();
    format!("StringDType({})", parts.join(", "))
}

fn tuple(shape: &[i64]) -> String {
    let shape: Vec<String> = shape.iter().map(i64::to_string).collect();
    format!("({}{})", shape.join(", "), if shape.len() == 1 { "," } else { "" })
}

fn map<const N: usize>(entries: [(&str, Fact); N]) -> Fact {
    Fact::Map(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// Size, alignment, and whether NumPy 2 made the descriptor whose fields begin at `body`.
fn sizes(seen: &Seen<'_>, body: Address) -> Option<(i64, i64, bool)> {
    let is_alignment = |number: i64| matches!(number, 1 | 2 | 4 | 8 | 16 | 32);
    let short = (i64::from(seen.read_i32(body.offset(16))?), i64::from(seen.read_i32(body.offset(20))?));
    let long = (seen.read_i64(body.offset(24))?, seen.read_i64(body.offset(32))?);
    let first = is_alignment(short.1) && (0..=WIDEST).contains(&short.0) && !is_alignment(long.1);
    let second = is_alignment(long.1) && (0..=WIDEST).contains(&long.0) && !is_alignment(short.1);
    match (first, second) {
        (true, false) => Some((short.0, short.1, false)),
        (false, true) => Some((long.0, long.1, true)),
        _ => None,
    }
}

/// The unit of dates and of spans of time, from `PyArray_DatetimeMetaData`.
pub(crate) fn unit(seen: &Seen<'_>, details: Address) -> Option<String> {
    let unit = UNITS.get(usize::try_from(seen.read_i32(details)?).ok()?).filter(|unit| !unit.is_empty())?;
    let multiple = seen.read_i32(details.offset(4))?;
    Some(if multiple == 1 || *unit == "generic" { (*unit).to_owned() } else { format!("{multiple}{unit}") })
}
