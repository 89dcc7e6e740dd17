//! C structs out of DWARF: every complete definition of a name in a binary, with offsets and widths of its members.
//!
//! Reads versions 2 to 5 of linked little-endian ELF files, and files of separate debug information. A name may be a
//! struct's tag, a union's, or a typedef of either. Two translation units that define one name differently are both
//! reported: which of them is meant is not guessed.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gimli::{DebugInfoOffset, DebuggingInformationEntry, DwAt, LittleEndian, UnitOffset};
use object::{Object, ObjectSection};

type Reader<'a> = gimli::EndianSlice<'a, LittleEndian>;
type Unit<'a> = gimli::Unit<Reader<'a>>;
type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;

/// How deep embedded structs are opened; the runtime state of CPython needs 5.
const DEPTH: usize = 12;

/// A struct or union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Structure {
    /// `sizeof`.
    pub(crate) size: u64,
    /// Its members, in order.
    pub(crate) members: Vec<MemberInfo>,
}

/// A member of a struct or union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MemberInfo {
    /// Its name; none for an anonymous struct or union.
    pub(crate) name: Option<String>,
    /// Where it begins, in bits.
    pub(crate) bit: u64,
    /// What it is.
    pub(crate) shape: Shape,
}

/// What a member is, as far as reading it needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// An integer or enumeration of so many bits.
    Integer { bits: u64, signed: bool, field: bool },
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
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// Every distinct complete definition of each name, in the order found.
    pub(crate) structures: HashMap<String, Vec<Structure>>,
    /// The compiler of the first translation unit.
    pub(crate) compiler: Option<String>,
    /// `build-id:…`, or `crc32:…` of a binary without one.
    pub(crate) binary: String,
}

/// Looks up `names` in the binary at `path`, or in its file of separate debug information below `debug_folder`; `None`
/// if neither has any.
pub(crate) fn read(path: &Path, debug_folder: &Path, names: &HashSet<&str>) -> Result<Option<Definitions>> {
    let data = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let file = object::File::parse(&*data).with_context(|| format!("parsing {}", path.display()))?;
    let binary = match file.build_id()? {
        Some(id) => format!("build-id:{}", hexadecimal(id)),
        None => format!("crc32:{:08x}", crc32fast::hash(&data)),
    };
    let structures = if has_debug_information(&file) {
        structures(&file, names)
    } else {
        let Some(path) = separate_file(path, &file, debug_folder) else {
            return Ok(None);
        };
        let data = std::fs::read(&path)?;
        let file = object::File::parse(&*data).with_context(|| format!("parsing {}", path.display()))?;
        if !has_debug_information(&file) {
            return Ok(None);
        }
        structures(&file, names)
    };
    let found = structures.with_context(|| format!("the debug information of {}", path.display()))?;
    Ok(Some(Definitions { binary, ..found }))
}

fn has_debug_information(file: &object::File<'_>) -> bool {
    file.section_by_name(".debug_info").is_some_and(|section| !matches!(section.data(), Ok([]) | Err(_)))
}

fn structures(file: &object::File<'_>, names: &HashSet<&str>) -> Result<Definitions> {
    let section = |id: gimli::SectionId| -> Result<Cow<'_, [u8]>> {
        let Some(section) = file.section_by_name(id.name()) else {
            return Ok(Cow::Borrowed(&[]));
        };
        let data = section.compressed_data()?;
        match data.format {
            object::CompressionFormat::None => Ok(Cow::Borrowed(data.data)),
            object::CompressionFormat::Zlib => {
                let mut inflated = Vec::new();
                flate2::read::ZlibDecoder::new(data.data).take(data.uncompressed_size).read_to_end(&mut inflated)?;
                Ok(Cow::Owned(inflated))
            }
            other => bail!("{} is compressed by {other:?}; objcopy --decompress-debug-sections opens it", id.name()),
        }
    };
    let sections = gimli::DwarfSections::load(section)?;
    let dwarf = sections.borrow(|bytes| gimli::EndianSlice::new(bytes, LittleEndian));
    let mut search = Search { dwarf: &dwarf, units: Vec::new(), found: Definitions::default() };
    search.run(names)?;
    Ok(search.found)
}

/// The file that holds the debug information of a stripped binary, by its build id, else by its link, as gdb looks.
fn separate_file(path: &Path, file: &object::File<'_>, debug_folder: &Path) -> Option<PathBuf> {
    let mut candidates = Vec::new();
    if let Ok(Some([first, rest @ ..])) = file.build_id() {
        candidates.push(debug_folder.join(format!(".build-id/{first:02x}/{}.debug", hexadecimal(rest))));
    }
    if let (Ok(Some((name, _))), Some(folder)) = (file.gnu_debuglink(), path.parent()) {
        let name = String::from_utf8_lossy(name).into_owned();
        candidates.push(folder.join(&name));
        candidates.push(folder.join(".debug").join(&name));
        candidates.push(debug_folder.join(folder.strip_prefix("/").unwrap_or(folder)).join(&name));
    }
    candidates.into_iter().find(|candidate| candidate != path && candidate.is_file())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

struct Search<'d, 'a> {
    dwarf: &'d gimli::Dwarf<Reader<'a>>,
    units: Vec<(usize, Unit<'a>)>,
    found: Definitions,
}

impl<'a> Search<'_, 'a> {
    fn run(&mut self, names: &HashSet<&str>) -> Result<()> {
        let mut headers = self.dwarf.units();
        while let Some(header) = headers.next()? {
            let start = header.debug_info_offset().map_or(0, |offset| offset.0);
            self.units.push((start, self.dwarf.unit(header)?));
        }
        for index in 0..self.units.len() {
            let mut candidates = Vec::new();
            let unit = &self.units[index].1;
            let mut tree = unit.entries_tree(None)?;
            let root = tree.root()?;
            if self.found.compiler.is_none() {
                self.found.compiler = self.string(unit, root.entry(), gimli::DW_AT_producer)?;
            }
            let mut children = root.children();
            while let Some(child) = children.next()? {
                let entry = child.entry();
                if matches!(entry.tag(), gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type | gimli::DW_TAG_typedef)
                    && let Some(name) = self.string(unit, entry, gimli::DW_AT_name)?
                    && names.contains(name.as_str())
                {
                    candidates.push((name, entry.offset()));
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
                let index = after.checked_sub(1).context("a type reference before the first unit")?;
                let start = self.units[index].0;
                Ok(Some((index, UnitOffset(offset - start))))
            }
            Some(other) => bail!("a type reference of the form {other:?} is not followed"),
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
        bail!("a chain of typedefs without end")
    }

    /// The struct or union at `offset`; `None` if it is neither, or only declared.
    fn structure(&self, unit: usize, offset: UnitOffset, depth: usize) -> Result<Option<Structure>> {
        let Some((unit, entry)) = self.strip(unit, offset)? else {
            return Ok(None);
        };
        let complete = entry.attr_value(gimli::DW_AT_declaration).is_none();
        if !matches!(entry.tag(), gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type) || !complete {
            return Ok(None);
        }
        let size = number(&entry, gimli::DW_AT_byte_size).context("a struct without a size")?;
        let mut members = Vec::new();
        let mut tree = self.units[unit].1.entries_tree(Some(entry.offset()))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let member = child.entry();
            if member.tag() == gimli::DW_TAG_member {
                members.push(self.member(unit, member, depth)?);
            }
        }
        Ok(Some(Structure { size, members }))
    }

    fn member(&self, unit: usize, entry: &Entry<'a>, depth: usize) -> Result<MemberInfo> {
        let name = self.string(&self.units[unit].1, entry, gimli::DW_AT_name)?;
        let (of, offset) = self.target(unit, entry, gimli::DW_AT_type)?.context("a member without a type")?;
        let mut shape = self.shape(of, offset, depth)?;
        let mut bit = location(entry, self.units[unit].1.encoding())? * 8;
        if let Some(width) = number(entry, gimli::DW_AT_bit_size) {
            let Shape::Integer { bits: storage, signed, .. } = shape else {
                bail!("a bit field that is no integer");
            };
            if let Some(first) = number(entry, gimli::DW_AT_data_bit_offset) {
                bit = first;
            } else if let Some(from_top) = number(entry, gimli::DW_AT_bit_offset) {
                // Before version 4, counted from the most significant bit of the storage unit.
                bit = (bit + storage).checked_sub(from_top + width).context("a bit field before its struct")?;
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
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type if depth < DEPTH => {
                self.structure(unit, entry.offset(), depth + 1)?.map_or(Shape::Opaque, Shape::Structure)
            }
            gimli::DW_TAG_enumeration_type => {
                let bits = bytes.context("an enumeration without a size")? * 8;
                let signed = match self.target(unit, &entry, gimli::DW_AT_type)? {
                    Some((unit, underlying)) => {
                        matches!(self.shape(unit, underlying, depth)?, Shape::Integer { signed: true, .. })
                    }
                    None => false,
                };
                Shape::Integer { bits, signed, field: false }
            }
            gimli::DW_TAG_base_type => {
                let bytes = bytes.context("a base type without a size")?;
                let encoding = match entry.attr_value(gimli::DW_AT_encoding) {
                    Some(gimli::AttributeValue::Encoding(encoding)) => encoding,
                    other => bail!("a base type with the encoding {other:?}"),
                };
                match encoding {
                    gimli::DW_ATE_signed | gimli::DW_ATE_signed_char => {
                        Shape::Integer { bits: bytes * 8, signed: true, field: false }
                    }
                    gimli::DW_ATE_unsigned | gimli::DW_ATE_unsigned_char | gimli::DW_ATE_boolean | gimli::DW_ATE_UTF => {
                        Shape::Integer { bits: bytes * 8, signed: false, field: false }
                    }
                    gimli::DW_ATE_float => Shape::Float(bytes),
                    _ => Shape::Opaque,
                }
            }
            _ => Shape::Opaque,
        })
    }
}

/// The byte offset of a member; version 2 spells it as an expression that adds to the struct's address.
fn location(entry: &Entry<'_>, encoding: gimli::Encoding) -> Result<u64> {
    match entry.attr_value(gimli::DW_AT_data_member_location) {
        None => Ok(0),
        Some(gimli::AttributeValue::Exprloc(expression)) => {
            let mut operations = expression.operations(encoding);
            match (operations.next()?, operations.next()?) {
                (Some(gimli::Operation::PlusConstant { value }), None) => Ok(value),
                other => bail!("a member at {other:?}"),
            }
        }
        Some(value) => value.udata_value().with_context(|| format!("a member at {value:?}")),
    }
}

fn number(entry: &Entry<'_>, name: DwAt) -> Option<u64> {
    entry.attr_value(name)?.udata_value()
}

impl Structure {
    /// The member at a dotted path: its first bit and its shape. Anonymous structs and unions are looked through.
    pub(crate) fn find(&self, path: &str) -> Option<(u64, &Shape)> {
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
    pub(crate) fn paths(&self, depth: usize) -> Vec<(String, u64, &Shape)> {
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
