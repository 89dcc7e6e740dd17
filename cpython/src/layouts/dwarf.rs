//! C structs out of DWARF: every complete definition of a name in a binary, with offsets and widths of its members.
//!
//! Reads versions 2 to 5 of linked little-endian ELF files, and files of separate debug information. A name may be a
//! struct's tag, a union's, or a typedef of either. Two translation units that define one name differently are both
//! reported: which of them is meant is not guessed.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use gimli::{DebugInfoOffset, DebuggingInformationEntry, DwAt, LittleEndian, UnitOffset};
use object::{Object, ObjectSection};

use crate::error::{Error, ErrorKind, Result};

/// The names of structs that are looked up.
pub type Names<'n> = rustc_hash::FxHashSet<&'n str>;
type Reader<'a> = gimli::EndianSlice<'a, LittleEndian>;
type Unit<'a> = gimli::Unit<Reader<'a>>;
type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;

/// How deep embedded structs are opened; the runtime state of CPython needs 5.
const DEPTH: usize = 12;
/// Members that are kept of one file, and pieces of long names; the largest CPython has some hundred thousand. A bound on what
/// a hostile file costs.
const MAXIMUM_MEMBERS: usize = 4_000_000;
/// Bytes of a name that count as much as a member.
const NAME: usize = 64;
/// Bytes of a file.
const MAXIMUM_FILE: u64 = 1 << 30;
/// Bytes of all inflated sections of a file.
const MAXIMUM_INFLATED: u64 = 1 << 30;

/// Where files of separate debug information are looked for.
#[derive(Clone, Debug)]
pub struct DebugFiles {
    root: PathBuf,
    folders: Vec<PathBuf>,
}

impl DebugFiles {
    /// Those of this machine, in the first of `folders` that has one.
    pub fn in_folders<'a>(folders: impl IntoIterator<Item = &'a Path>) -> DebugFiles {
        DebugFiles { root: PathBuf::from("/"), folders: folders.into_iter().map(Path::to_owned).collect() }
    }

    /// Those of a target whose root is `root`, and those of this machine.
    pub fn under(root: &Path) -> DebugFiles {
        DebugFiles { root: root.to_owned(), folders: vec![root.join("usr/lib/debug"), PathBuf::from("/usr/lib/debug")] }
    }

    /// The file that holds the debug information of the stripped binary at `path`, by its build id, else by its link, as
    /// gdb looks; only one that says of itself that it belongs to that binary.
    fn belonging_to(&self, path: &Path, file: &object::File<'_>) -> Option<Vec<u8>> {
        let build_id = file.build_id().ok().flatten();
        if let Some([first, rest @ ..]) = build_id {
            let name = format!(".build-id/{first:02x}/{}.debug", hexadecimal(rest));
            let same = |data: &Vec<u8>| {
                let file = object::File::parse(&**data).ok();
                file.is_some_and(|file| file.build_id().ok().flatten() == build_id)
            };
            if let Some(data) = self.folders.iter().find_map(|folder| load(&folder.join(&name)).ok().filter(same)) {
                return Some(data);
            }
        }
        let (link, checksum) = file.gnu_debuglink().ok().flatten()?;
        // A link is a file's name. One that is a path would lead out of the folders, and out of the target's root.
        let link = String::from_utf8_lossy(link).into_owned();
        let name = Path::new(&link).file_name()?;
        let folder = path.parent()?;
        let mut candidates = vec![folder.join(name), folder.join(".debug").join(name)];
        let inside = folder.strip_prefix(&self.root).or_else(|_| folder.strip_prefix("/")).unwrap_or(folder);
        candidates.extend(self.folders.iter().map(|folder| folder.join(inside).join(name)));
        let others = candidates.into_iter().filter(|candidate| candidate != path);
        others.filter_map(|candidate| load(&candidate).ok()).find(|data| crc32fast::hash(data) == checksum)
    }
}

/// A struct or union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Structure {
    /// `sizeof`.
    pub size: u64,
    /// Its members, in order.
    pub members: Vec<MemberInfo>,
}

/// A member of a struct or union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberInfo {
    /// Its name; none for an anonymous struct or union.
    pub name: Option<String>,
    /// Where it begins, in bits.
    pub bit: u64,
    /// What it is.
    pub shape: Shape,
}

/// What a member is, as far as reading it needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// An integer or enumeration of so many bits.
    Integer {
        /// Its width.
        bits: u64,
        /// Whether it has a sign.
        signed: bool,
        /// Whether it is a bit field.
        field: bool,
    },
    /// A floating-point number of so many bytes.
    Float(u64),
    /// A pointer.
    Pointer,
    /// An embedded struct or union.
    Structure(Structure),
    /// An array, or something else that is not opened.
    Opaque,
}

/// The definitions found in one binary.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// Every distinct complete definition of each name, in the order found.
    pub structures: HashMap<String, Vec<Structure>>,
    /// The compiler of the first translation unit.
    pub compiler: Option<String>,
    /// `build-id:…`, or `crc32:…` of a binary without one.
    pub binary: String,
}

/// Looks up `names` in the binary at `path`, or in its file of separate debug information; `None` if neither has any.
///
/// # Errors
/// [`ErrorKind::DebugInformation`] if there is some that cannot be read.
pub fn read(path: &Path, debug_files: &DebugFiles, names: &Names<'_>) -> Result<Option<Definitions>> {
    read_open(path, path, debug_files, names)
}

/// As [`read`], of a binary at `path` that is opened as `opened`: its name may be gone, or stand for another file.
///
/// # Errors
/// As [`read`].
pub fn read_open(opened: &Path, path: &Path, debug_files: &DebugFiles, names: &Names<'_>) -> Result<Option<Definitions>> {
    let failed = |error: Error| {
        Error::new(ErrorKind::DebugInformation, format!("the debug information of {} cannot be read", path.display()))
            .source(error)
    };
    let data = load(opened).map_err(failed)?;
    let file = object::File::parse(&*data).map_err(|error| failed(error.into()))?;
    let binary = match file.build_id().map_err(|error| failed(error.into()))? {
        Some(id) => format!("build-id:{}", hexadecimal(id)),
        None => format!("crc32:{:08x}", crc32fast::hash(&data)),
    };
    let found = if has_debug_information(&file) {
        structures(&file, names)
    } else {
        let Some(data) = debug_files.belonging_to(path, &file) else { return Ok(None) };
        let file = object::File::parse(&*data).map_err(|error| failed(error.into()))?;
        if !has_debug_information(&file) {
            return Ok(None);
        }
        structures(&file, names)
    };
    Ok(Some(Definitions { binary, ..found.map_err(failed)? }))
}

fn load(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Error::new(ErrorKind::DebugInformation, "it cannot be opened").source(error);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAXIMUM_FILE {
        return Err(malformed("it is no file, or too large"));
    }
    std::fs::read(path).map_err(failed)
}

fn malformed(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::DebugInformation, what)
}

impl From<gimli::Error> for Error {
    fn from(error: gimli::Error) -> Error {
        malformed("malformed DWARF").source(error)
    }
}

impl From<object::Error> for Error {
    fn from(error: object::Error) -> Error {
        malformed("malformed ELF").source(error)
    }
}

fn has_debug_information(file: &object::File<'_>) -> bool {
    file.section_by_name(".debug_info").is_some_and(|section| !matches!(section.data(), Ok([]) | Err(_)))
}

fn structures(file: &object::File<'_>, names: &Names<'_>) -> Result<Definitions> {
    let mut left = MAXIMUM_INFLATED;
    let section = |id: gimli::SectionId| -> Result<Cow<'_, [u8]>> {
        let Some(section) = file.section_by_name(id.name()) else {
            return Ok(Cow::Borrowed(&[]));
        };
        let data = section.compressed_data()?;
        match data.format {
            object::CompressionFormat::None => Ok(Cow::Borrowed(data.data)),
            object::CompressionFormat::Zlib => {
                let mut inflated = Vec::new();
                let length = data.uncompressed_size;
                left = left.checked_sub(length).ok_or_else(|| malformed("its sections inflate to more than 1 GiB"))?;
                let read = flate2::read::ZlibDecoder::new(data.data).take(length).read_to_end(&mut inflated);
                read.map_err(|error| malformed("a section that cannot be inflated").source(error))?;
                Ok(Cow::Owned(inflated))
            }
            other => Err(malformed(format!("{} is compressed by {other:?}", id.name()))
                .hint("`objcopy --decompress-debug-sections` opens it")),
        }
    };
    let sections = gimli::DwarfSections::load(section)?;
    let dwarf = sections.borrow(|bytes| gimli::EndianSlice::new(bytes, LittleEndian));
    let mut search = Search { dwarf: &dwarf, units: Vec::new(), found: Definitions::default(), members: Cell::new(0) };
    search.run(names)?;
    Ok(search.found)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

struct Search<'d, 'a> {
    dwarf: &'d gimli::Dwarf<Reader<'a>>,
    units: Vec<(usize, Unit<'a>)>,
    found: Definitions,
    members: Cell<usize>,
}

impl<'a> Search<'_, 'a> {
    fn run(&mut self, names: &Names<'_>) -> Result<()> {
        let mut headers = self.dwarf.units();
        while let Some(header) = headers.next()? {
            let start = header.debug_info_offset().map_or(0, |offset| offset.0);
            self.units.push((start, self.dwarf.unit(header)?));
        }
        for index in 0..self.units.len() {
            let mut candidates = Vec::new();
            let unit = &self.units[index].1;
            let root = {
                let mut tree = unit.entries_tree(None)?;
                let root = tree.root()?;
                if self.found.compiler.is_none() {
                    self.found.compiler = self.string(unit, root.entry(), gimli::DW_AT_producer)?;
                }
                root.entry().offset()
            };
            // The namespaces of C++ are looked through: a name is unique enough without theirs.
            let mut scopes = vec![root];
            while let Some(scope) = scopes.pop() {
                let mut tree = unit.entries_tree(Some(scope))?;
                let mut children = tree.root()?.children();
                while let Some(child) = children.next()? {
                    let entry = child.entry();
                    if entry.tag() == gimli::DW_TAG_namespace {
                        scopes.push(entry.offset());
                    } else if (is_structure(entry) || entry.tag() == gimli::DW_TAG_typedef)
                        && let Some(name) = self.string(unit, entry, gimli::DW_AT_name)?
                        && names.contains(name.as_str())
                    {
                        candidates.push((name, entry.offset()));
                    }
                }
            }
            for (name, offset) in candidates {
                if let Some(structure) = self.structure(index, offset, 0)? {
                    let known = self.found.structures.entry(name).or_default();
                    if !known.contains(&structure) {
                        known.push(structure);
                    }
                }
            }
        }
        Ok(())
    }

    fn string(&self, unit: &Unit<'a>, entry: &Entry<'a>, name: DwAt) -> Result<Option<String>> {
        let Some(value) = entry.attr_value(name) else {
            return Ok(None);
        };
        let text = self.dwarf.attr_string(unit, value)?;
        Ok(Some(text.to_string_lossy().into_owned()))
    }

    /// The unit and entry that a type reference leads to.
    fn target(&self, unit: usize, entry: &Entry<'a>, name: DwAt) -> Result<Option<(usize, UnitOffset)>> {
        match entry.attr_value(name) {
            None => Ok(None),
            Some(gimli::AttributeValue::UnitRef(offset)) => Ok(Some((unit, offset))),
            Some(gimli::AttributeValue::DebugInfoRef(DebugInfoOffset(offset))) => {
                let after = self.units.partition_point(|(start, _)| *start <= offset);
                let index = after.checked_sub(1).ok_or_else(|| malformed("a type reference before the first unit"))?;
                let start = self.units[index].0;
                Ok(Some((index, UnitOffset(offset - start))))
            }
            Some(other) => Err(malformed(format!("a type reference of the form {other:?} is not followed"))),
        }
    }

    /// Follows typedefs, qualifiers and specifications down to a type that has a shape of its own; `None` is void.
    fn strip(&self, mut unit: usize, mut offset: UnitOffset) -> Result<Option<(usize, Entry<'a>)>> {
        for _ in 0..64 {
            let entry = self.units[unit].1.entry(offset)?;
            let next = match entry.tag() {
                gimli::DW_TAG_typedef
                | gimli::DW_TAG_const_type
                | gimli::DW_TAG_volatile_type
                | gimli::DW_TAG_restrict_type
                | gimli::DW_TAG_atomic_type => self.target(unit, &entry, gimli::DW_AT_type)?,
                _ => match self.target(unit, &entry, gimli::DW_AT_specification)? {
                    Some(specification) => Some(specification),
                    None => return Ok(Some((unit, entry))),
                },
            };
            match next {
                Some(next) => (unit, offset) = next,
                None => return Ok(None),
            }
        }
        Err(malformed("a chain of typedefs without end"))
    }

    /// The struct or union at `offset`; `None` if it is neither, or only declared.
    fn structure(&self, unit: usize, offset: UnitOffset, depth: usize) -> Result<Option<Structure>> {
        let Some((unit, entry)) = self.strip(unit, offset)? else {
            return Ok(None);
        };
        let complete = entry.attr_value(gimli::DW_AT_declaration).is_none();
        if !is_structure(&entry) || !complete {
            return Ok(None);
        }
        let size = number(&entry, gimli::DW_AT_byte_size).ok_or_else(|| malformed("a struct without a size"))?;
        let mut members = Vec::new();
        let mut tree = self.units[unit].1.entries_tree(Some(entry.offset()))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let member = child.entry();
            // A base class is an anonymous member; a member of the class itself has no place in its instances.
            let of_class =
                member.attr_value(gimli::DW_AT_external).is_some() || member.attr_value(gimli::DW_AT_declaration).is_some();
            if matches!(member.tag(), gimli::DW_TAG_member | gimli::DW_TAG_inheritance) && !of_class {
                let member = self.member(unit, member, depth)?;
                let length = member.name.as_ref().map_or(0, String::len);
                self.members.set(self.members.get() + 1 + length / NAME);
                if self.members.get() > MAXIMUM_MEMBERS {
                    return Err(malformed("more members of structs than any CPython has"));
                }
                members.push(member);
            }
        }
        Ok(Some(Structure { size, members }))
    }

    fn member(&self, unit: usize, entry: &Entry<'a>, depth: usize) -> Result<MemberInfo> {
        let name = self.string(&self.units[unit].1, entry, gimli::DW_AT_name)?;
        let (of, offset) = self.target(unit, entry, gimli::DW_AT_type)?.ok_or_else(|| malformed("a member without a type"))?;
        let mut shape = self.shape(of, offset, depth)?;
        let mut bit = location(entry, self.units[unit].1.encoding())? * 8;
        if let Some(width) = number(entry, gimli::DW_AT_bit_size) {
            let Shape::Integer { bits: storage, signed, .. } = shape else {
                return Err(malformed("a bit field that is no integer"));
            };
            if let Some(first) = number(entry, gimli::DW_AT_data_bit_offset) {
                bit = first;
            } else if let Some(from_top) = number(entry, gimli::DW_AT_bit_offset) {
                // Before version 4, counted from the most significant bit of the storage unit.
                bit = (bit + storage).checked_sub(from_top + width).ok_or_else(|| malformed("a bit field before its struct"))?;
            }
            shape = Shape::Integer { bits: width, signed, field: true };
        }
        Ok(MemberInfo { name, bit, shape })
    }

    fn shape(&self, unit: usize, offset: UnitOffset, depth: usize) -> Result<Shape> {
        let Some((unit, entry)) = self.strip(unit, offset)? else {
            return Ok(Shape::Opaque);
        };
        let bytes = number(&entry, gimli::DW_AT_byte_size);
        Ok(match entry.tag() {
            gimli::DW_TAG_pointer_type => Shape::Pointer,
            _ if is_structure(&entry) && depth < DEPTH => {
                self.structure(unit, entry.offset(), depth + 1)?.map_or(Shape::Opaque, Shape::Structure)
            }
            gimli::DW_TAG_enumeration_type => {
                let bits = bytes.ok_or_else(|| malformed("an enumeration without a size"))?.saturating_mul(8);
                // What underlies it is a base type; a type that leads back to this one is none.
                let underlying = match self.target(unit, &entry, gimli::DW_AT_type)? {
                    Some((unit, underlying)) => self.strip(unit, underlying)?,
                    None => None,
                };
                let base = underlying.filter(|(_, entry)| entry.tag() == gimli::DW_TAG_base_type);
                let shape = base.map(|(_, entry)| base_type(&entry)).transpose()?;
                Shape::Integer { bits, signed: matches!(shape, Some(Shape::Integer { signed: true, .. })), field: false }
            }
            gimli::DW_TAG_base_type => base_type(&entry)?,
            _ => Shape::Opaque,
        })
    }
}

fn is_structure(entry: &Entry<'_>) -> bool {
    matches!(entry.tag(), gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type | gimli::DW_TAG_union_type)
}

fn base_type(entry: &Entry<'_>) -> Result<Shape> {
    let bytes = number(entry, gimli::DW_AT_byte_size).ok_or_else(|| malformed("a base type without a size"))?;
    let encoding = match entry.attr_value(gimli::DW_AT_encoding) {
        Some(gimli::AttributeValue::Encoding(encoding)) => encoding,
        other => return Err(malformed(format!("a base type with the encoding {other:?}"))),
    };
    let bits = bytes.saturating_mul(8);
    Ok(match encoding {
        gimli::DW_ATE_signed | gimli::DW_ATE_signed_char => Shape::Integer { bits, signed: true, field: false },
        gimli::DW_ATE_unsigned | gimli::DW_ATE_unsigned_char | gimli::DW_ATE_boolean | gimli::DW_ATE_UTF => {
            Shape::Integer { bits, signed: false, field: false }
        }
        gimli::DW_ATE_float => Shape::Float(bytes),
        _ => Shape::Opaque,
    })
}

/// The byte offset of a member; version 2 spells it as an expression that adds to the struct's address.
fn location(entry: &Entry<'_>, encoding: gimli::Encoding) -> Result<u64> {
    match entry.attr_value(gimli::DW_AT_data_member_location) {
        None => Ok(0),
        Some(gimli::AttributeValue::Exprloc(expression)) => {
            let mut operations = expression.operations(encoding);
            match (operations.next()?, operations.next()?) {
                (Some(gimli::Operation::PlusConstant { value }), None) => Ok(value),
                other => Err(malformed(format!("a member at {other:?}"))),
            }
        }
        Some(value) => value.udata_value().ok_or_else(|| malformed(format!("a member at {value:?}"))),
    }
}

fn number(entry: &Entry<'_>, name: DwAt) -> Option<u64> {
    entry.attr_value(name)?.udata_value()
}

impl Structure {
    /// The member at a dotted path: its first bit and its shape. Anonymous structs and unions are looked through.
    pub fn find(&self, path: &str) -> Option<(u64, &Shape)> {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        for member in &self.members {
            let found = match (&member.name, &member.shape, rest) {
                (None, Shape::Structure(inner), _) => inner.find(path),
                (Some(own), Shape::Structure(inner), Some(rest)) if own == name => inner.find(rest),
                (Some(own), shape, None) if own == name => Some((0, shape)),
                _ => None,
            };
            if let Some((bit, shape)) = found {
                return Some((member.bit + bit, shape));
            }
        }
        None
    }

    /// Every path of at most `depth` components, with its first bit and shape.
    pub fn paths(&self, depth: usize) -> Vec<(String, u64, &Shape)> {
        let mut paths = Vec::new();
        for member in &self.members {
            let prefix = member.name.clone().unwrap_or_default();
            if member.name.is_some() {
                paths.push((prefix.clone(), member.bit, &member.shape));
            }
            let deeper = if member.name.is_some() { depth.saturating_sub(1) } else { depth };
            if let (Shape::Structure(inner), 1..) = (&member.shape, deeper) {
                for (path, bit, shape) in inner.paths(deeper) {
                    let path = if prefix.is_empty() { path } else { format!("{prefix}.{path}") };
                    paths.push((path, member.bit + bit, shape));
                }
            }
        }
        paths
    }
}

#[cfg(test)]
#[path = "dwarf_tests.rs"]
mod tests;
