//! This process, or the forked child that it has become, read in place.
//!
//! Only pages are read that `/proc/self/maps` calls readable, that no device or kernel page backs, and that a
//! probe through `/proc/self/mem` (which answers an error where a load would answer a signal) has found present:
//! a file mapping ends where its file ends, and a thread's stack may begin with guard pages that the map does not show.
#![expect(unsafe_code, reason = "loads from this process's own memory by address")]

use super::maps::{self, Mapping};
use super::{Memory, Source, Unreadable, region_map};
use crate::error::{Error, ErrorKind, Result};
use heapsake_core::{Address, RegionMap, Span};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

const PAGE: u64 = 4096;

/// This process's memory.
#[derive(Debug)]
pub struct Own {
    mappings: Vec<Mapping>,
    regions: RegionMap,
}

impl Own {
    /// This process's memory as it is mapped now. After a fork the child calls this anew.
    ///
    /// # Safety
    ///
    /// While the value lives, nothing may unmap or protect a mapping that exists now, or shorten a file that is
    /// mapped; and while a slice borrowed from it lives, nothing may write to the bytes of that slice. A forked child that
    /// does nothing but walk, and takes its own memory from mappings made after this call, keeps both.
    pub unsafe fn capture() -> Result<Own> {
        let mappings = maps::own().map_err(|error| {
            Error::new(ErrorKind::System, "the memory map of this process cannot be read").source(error)
        })?;
        let probe = Probe { memory: File::open("/proc/self/mem").ok() };
        let mut spans = Vec::new();
        for mapping in mappings.iter().filter(|mapping| mapping.is_readable()) {
            let span = probe.readable_part(mapping);
            if !span.is_empty() {
                spans.push(span);
            }
        }
        Ok(Own { regions: region_map(&spans), mappings })
    }

    /// The start of `length` bytes at `address`, if they lie inside of one region.
    #[inline]
    fn locate(&self, address: Address, length: usize) -> Option<*const u8> {
        let region = self.regions.find(address)?;
        let span = self.regions.regions().get(usize::from(region.0))?;
        let available = span.end.0 - address.0;
        (length as u64 <= available).then(|| std::ptr::with_exposed_provenance(address.0 as usize))
    }
}

impl Memory for Own {
    #[inline]
    fn read_at(&self, address: Address, into: &mut [u8]) -> std::result::Result<(), Unreadable> {
        let from = self.locate(address, into.len()).ok_or(Unreadable::new(address, into.len()))?;
        // SAFETY: `locate` found all bytes in one region, which was readable at capture and by the contract of `capture`
        // still is. `into` is borrowed mutably, hence made by the caller; `copy` also allows it to overlap.
        unsafe { std::ptr::copy(from, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    #[inline]
    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        let from = self.locate(address, length)?;
        // SAFETY: as in `read_at`; that nothing writes to the bytes while they are borrowed is the contract of `capture`.
        Some(unsafe { std::slice::from_raw_parts(from, length) })
    }

    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        let from = self.locate(address, 8)?.cast::<u64>();
        // SAFETY: as in `read_at`; the read is an unaligned one.
        Some(u64::from_le(unsafe { from.read_unaligned() }))
    }
}

impl Source for Own {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }
    fn regions(&self) -> &RegionMap {
        &self.regions
    }
}

/// Asks the kernel, without risk, whether a page of this process is there.
struct Probe {
    memory: Option<File>,
}

impl Probe {
    fn is_present(&self, address: u64) -> Option<bool> {
        let memory = self.memory.as_ref()?;
        Some(matches!(memory.read_at(&mut [0], address), Ok(1)))
    }

    /// The pages of `mapping` that can be loaded from: without what lies beyond the file's end, and without
    /// guard pages at the low end.
    fn readable_part(&self, mapping: &Mapping) -> Span {
        let Span { start: Address(start), end: Address(end) } = mapping.span;
        let empty = Span { start: Address(start), end: Address(start) };
        if mapping.file().is_some() {
            return match self.is_present(end - PAGE) {
                Some(true) => mapping.span,
                Some(false) => Span { start: Address(start), end: Address(self.end_of_file(start, end)) },
                None => within_file(mapping).unwrap_or(empty),
            };
        }
        let mut first = start;
        while first < end && self.is_present(first) == Some(false) {
            first += PAGE;
            if first - start > 4096 * PAGE {
                return empty;
            }
        }
        Span { start: Address(first), end: Address(end) }
    }

    /// The end of the pages from `start` on that are present, given that the page before `end` is not.
    fn end_of_file(&self, start: u64, end: u64) -> u64 {
        let (mut present, mut absent) = (start, end - PAGE);
        while present < absent {
            let middle = present + (absent - present) / 2 / PAGE * PAGE;
            if self.is_present(middle) == Some(true) {
                present = middle + PAGE;
            } else {
                absent = middle;
            }
        }
        absent
    }
}

/// The part of a file mapping that the file still backs, by the file's size; nothing when it cannot be told.
fn within_file(mapping: &Mapping) -> Option<Span> {
    let metadata = std::fs::metadata(mapping.file()?).ok()?;
    if metadata.ino() != mapping.inode {
        return None;
    }
    let bytes = metadata.len().saturating_sub(mapping.offset.0).next_multiple_of(PAGE);
    Some(Span::new(mapping.span.start, bytes.min(mapping.span.len())))
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
