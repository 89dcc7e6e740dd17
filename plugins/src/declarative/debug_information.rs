//! Where the members of a struct lie, by the debug information of the library that the type comes from.
//!
//! The library is the one that the target has mapped, named by the process fact `library/TYPE`; it is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use gimli::{AttributeValue, DebuggingInformationEntry, LittleEndian, UnitOffset};
use heapsake_core::reduce::Object as Reduced;
use object::{Object, ObjectSection};

type Reader<'a> = gimli::EndianSlice<'a, LittleEndian>;
type Unit<'a> = gimli::Unit<Reader<'a>>;
type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;
type Offsets = BTreeMap<String, i64>;

/// A larger library is not read.
const LARGEST: u64 = 1 << 30;
/// No struct has more members, those of structs within it included.
const MOST_MEMBERS: usize = 100_000;
/// How deep anonymous structs, and chains of typedefs, are followed.
const DEPTH: usize = 16;

/// What was looked up so far. A described type lives as long as one dump, and its library is one.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: BTreeMap<String, Result<Offsets, String>>,
}

impl Members {
    /// The offset of a member of a struct of the library that the type `type_name` comes from.
    ///
    /// # Errors
    /// Why it is not known.
    pub(super) fn offset(&mut self, object: &dyn Reduced, type_name: &str, structure: &str, member: &str) -> Result<i64, String> {
        if !self.known.contains_key(structure) {
            let library = object.process_fact(&format!("library/{type_name}"));
            let offsets = match library {
                Some(library) => read(&PathBuf::from(OsString::from_vec(library)), structure),
                None => Err("the library that the type comes from is not there to be read".to_owned()),
            };
            self.known.insert(structure.to_owned(), offsets);
        }
        let offsets = self.known.get(structure).ok_or("it was not looked up")?.as_ref().map_err(Clone::clone)?;
        offsets.get(member).copied().ok_or_else(|| format!("{structure} has no such member"))
    }
}

/// The members of the struct, of its tag or of a typedef for it, as the library's debug information has them.
fn read(library: &Path, structure: &str) -> Result<Offsets, String> {
    let named = |problem: &dyn std::fmt::Display| format!("{}: {problem}", library.display());
    let size = fs::metadata(library).map_err(|problem| named(&problem))?.len();
    if size > LARGEST {
        return Err(named(&format!("{size} bytes, at most {LARGEST} are read")));
    }
    let data = fs::read(library).map_err(|problem| named(&problem))?;
    let file = object::File::parse(&*data).map_err(|problem| named(&problem))?;
    let section = |id: gimli::SectionId| -> Result<&[u8], String> {
        let Some(section) = file.section_by_name(id.name()) else { return Ok(&[]) };
        let data = section.compressed_data().map_err(|problem| problem.to_string())?;
        match data.format {
            object::CompressionFormat::None => Ok(data.data),
            _ => Err(format!("{} is compressed\nhint: objcopy --decompress-debug-sections", id.name())),
        }
    };
    let sections = gimli::DwarfSections::load(section).map_err(|problem| named(&problem))?;
    let dwarf = sections.borrow(|bytes| gimli::EndianSlice::new(bytes, LittleEndian));
    let mut found: BTreeSet<Vec<(String, i64)>> = BTreeSet::new();
    search(&dwarf, structure, &mut found).map_err(|problem| named(&problem))?;
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(members), None) => Ok(members.into_iter().collect()),
        (None, _) => {
            Err(named(&format!("no debug information of a struct {structure}\nhint: build it with -g, or give offsets")))
        }
        _ => Err(named(&format!("several different structs {structure}"))),
    }
}

fn search(dwarf: &gimli::Dwarf<Reader<'_>>, wanted: &str, found: &mut BTreeSet<Vec<(String, i64)>>) -> gimli::Result<()> {
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        let unit = dwarf.unit(header)?;
        let mut tree = unit.entries_tree(None)?;
        let mut children = tree.root()?.children();
        let mut candidates = Vec::new();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            let is_candidate = matches!(entry.tag(), gimli::DW_TAG_structure_type | gimli::DW_TAG_typedef);
            if is_candidate && name(dwarf, &unit, entry)?.as_deref() == Some(wanted) {
                candidates.push(entry.offset());
            }
        }
        for candidate in candidates {
            let mut members = Vec::new();
            let mut left = MOST_MEMBERS;
            collect(dwarf, &unit, candidate, ("", 0), (DEPTH, &mut left), &mut members)?;
            members.sort();
            if !members.is_empty() {
                found.insert(members);
            }
        }
    }
    Ok(())
}

/// The members of the struct to which `offset` leads by typedefs, those of structs within it by their path; anonymous structs
/// and unions are looked through. `within` is the path so far and where it lies.
fn collect<'a>(
    dwarf: &gimli::Dwarf<Reader<'a>>,
    unit: &Unit<'a>,
    offset: UnitOffset,
    within: (&str, i64),
    (depth, left): (usize, &mut usize),
    members: &mut Vec<(String, i64)>,
) -> gimli::Result<()> {
    let entry = unit.entry(offset)?;
    if depth == 0 {
        return Ok(());
    }
    if entry.tag() == gimli::DW_TAG_typedef {
        return match entry.attr_value(gimli::DW_AT_type) {
            Some(AttributeValue::UnitRef(of)) => collect(dwarf, unit, of, within, (depth - 1, left), members),
            _ => Ok(()),
        };
    }
    if !matches!(entry.tag(), gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type) {
        return Ok(());
    }
    let mut tree = unit.entries_tree(Some(offset))?;
    let mut children = tree.root()?.children();
    while let Some(child) = children.next()? {
        let member = child.entry();
        match left.checked_sub(1) {
            Some(rest) => *left = rest,
            None => return Ok(()),
        }
        // A bit field has no place that bytes could say.
        if member.tag() != gimli::DW_TAG_member || member.attr_value(gimli::DW_AT_bit_size).is_some() {
            continue;
        }
        let place = member.attr_value(gimli::DW_AT_data_member_location);
        let Some(place) = place.map_or(Some(0), |place| place.udata_value()) else { continue };
        let place = within.1.saturating_add_unsigned(place);
        let path = match name(dwarf, unit, member)? {
            Some(name) if within.0.is_empty() => name,
            Some(name) => format!("{}.{name}", within.0),
            None => within.0.to_owned(),
        };
        if let Some(AttributeValue::UnitRef(of)) = member.attr_value(gimli::DW_AT_type) {
            collect(dwarf, unit, of, (&path, place), (depth - 1, left), members)?;
        }
        if member.attr_value(gimli::DW_AT_name).is_some() {
            members.push((path, place));
        }
    }
    Ok(())
}

fn name<'a>(dwarf: &gimli::Dwarf<Reader<'a>>, unit: &Unit<'a>, entry: &Entry<'a>) -> gimli::Result<Option<String>> {
    let Some(value) = entry.attr_value(gimli::DW_AT_name) else { return Ok(None) };
    Ok(Some(dwarf.attr_string(unit, value)?.to_string_lossy().into_owned()))
}
