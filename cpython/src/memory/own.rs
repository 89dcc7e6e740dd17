//! This process, or the forked child that it has become, read in place.
//!
//! Only pages are read that `/proc/self/maps` calls readable, that no device or kernel page backs, and that a
//! probe through `/proc/self/mem` (which answers an error where a load would answer a signal) has found present:
//! a file mapping ends where its file ends, and a thread's stack may begin with guard pages that the map does not show.
#![expect(unsafe_code, reason = "loads from this process's own memory by address")]

use super::maps::{self, Mapping};
use super::process::page_heads;
use super::residency::{self, Residency, Wanted};
use super::{Memory, PAGE, PAGE_HEAD, PageHead, Source, Unreadable};
use crate::error::{Error, ErrorKind, Result};
use heapsake_core::{Address, RegionMap, Span};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

/// Pages whose beginnings are asked for at once: `IOV_MAX`.
const HEADS: usize = 1024;

/// This process's memory.
#[derive(Debug)]
pub struct Own {
    mappings: Vec<Mapping>,
    writable: Vec<Span>,
    regions: RegionMap,
    /// The region that was read from last: most reads stay in one.
    last: Cell<Span>,
    /// Mappings that may have guard pages in the middle: those of no file, ascending.
    anonymous: Vec<Span>,
    probe: Probe,
    /// Pages of these that were asked for, and whether they are there.
    probed: RefCell<FxHashMap<u64, bool>>,
}

/// More than is read of anything before it is known to be an object.
const AHEAD: i64 = 64;

impl Own {
    /// This process's memory as it is mapped now. After a fork the child calls this anew.
    ///
    /// # Safety
    ///
    /// While the value lives, nothing may unmap or protect a mapping that exists now, or shorten a file that is
    /// mapped; and while a slice borrowed from it lives, nothing may write to the bytes of that slice. A forked child that
    /// does nothing but walk, and takes its own memory from mappings made after this call, keeps both.
    pub unsafe fn capture() -> Result<Own> {
        let mappings = maps::own()
            .map_err(|error| Error::new(ErrorKind::System, "the memory map of this process cannot be read").source(error))?;
        let probe = Probe { memory: File::open("/proc/self/mem").ok() };
        let mut spans = Vec::new();
        for mapping in mappings.iter().filter(|mapping| mapping.is_readable()) {
            let span = probe.readable_part(mapping);
            if !span.is_empty() {
                spans.push(span);
            }
        }
        let last = Cell::new(Span::new(Address::NULL, 0));
        let writable = residency::writable(std::process::id() as i32, &mappings);
        let anonymous = mappings.iter().filter(|mapping| mapping.path.is_none() && mapping.permissions.write);
        let anonymous = anonymous.map(|mapping| mapping.span).collect();
        Ok(Own { regions: RegionMap::new(&spans), mappings, writable, last, anonymous, probe, probed: RefCell::default() })
    }

    fn is_page_loadable(&self, address: Address) -> bool {
        let after = self.anonymous.partition_point(|span| span.start <= address);
        let within = after.checked_sub(1).and_then(|before| self.anonymous.get(before));
        if !within.is_some_and(|span| span.contains(address)) {
            return true;
        }
        let page = address.0 / PAGE;
        *self.probed.borrow_mut().entry(page).or_insert_with(|| self.probe.is_present(page * PAGE) != Some(false))
    }

    /// The start of `length` bytes at `address`, if they lie inside of one region.
    #[inline]
    fn locate(&self, address: Address, length: usize) -> Option<*const u8> {
        let mut span = self.last.get();
        if !span.contains(address) {
            span = *self.regions.regions().get(self.regions.find(address)?.0 as usize)?;
            self.last.set(span);
        }
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
        let from = self.locate(address, 8)?.cast::<[u8; 8]>();
        // SAFETY: as in `read_at`; bytes have no alignment.
        Some(u64::from_le_bytes(unsafe { from.read() }))
    }

    fn is_loadable(&self, address: Address) -> bool {
        self.is_page_loadable(address) && self.is_page_loadable(address.offset(AHEAD))
    }

    #[inline]
    fn prefetch(&self, address: Address) {
        prefetch(std::ptr::with_exposed_provenance(address.0 as usize));
    }
}

/// Asks for the cache line at `place`, which may lead anywhere.
#[inline]
pub(super) fn prefetch(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which neither reads nor faults, whatever lies there.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

impl Source for Own {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }
    fn regions(&self) -> &RegionMap {
        &self.regions
    }
    fn writable(&self) -> Vec<Span> {
        self.writable.clone()
    }
    fn searchable(&self, span: Span) -> Vec<Span> {
        let residency = Residency::open(std::process::id() as i32);
        residency.and_then(|mut residency| residency.runs(span, Wanted::Present)).unwrap_or_default()
    }

    /// Through the kernel: a page may be guarded in the middle of a mapping, and a load from it ends the process.
    fn each_page(&self, part: Span, each: &mut dyn FnMut(Address, &PageHead)) {
        let mut heads = vec![[0; PAGE_HEAD]; HEADS];
        let mut page = part.start.0.next_multiple_of(PAGE);
        while page < part.end.0 {
            let count = ((part.end.0 - page).div_ceil(PAGE) as usize).min(HEADS);
            let Ok(read) = page_heads(Address(page), &mut heads[..count]) else { return };
            for (head, at) in heads.iter().take(read).zip((page..).step_by(PAGE as usize)) {
                each(Address(at), head);
            }
            // The one after those that were read is not to be had.
            page += PAGE * (read as u64 + u64::from(read < count));
        }
    }
}

/// Asks the kernel, without risk, whether a page of this process is there.
#[derive(Debug)]
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
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Mutex;

    /// The child of one test inherits the file mapping that another test shortens.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    fn capture() -> Own {
        // SAFETY: the tests below borrow only bytes that they own and do not change, and shorten no file that stays mapped.
        unsafe { Own::capture() }.unwrap()
    }

    #[test]
    fn reads_its_own_values() {
        let values: Vec<u64> = (0..10_000u64).map(|number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let own = capture();
        let start = Address(values.as_ptr().expose_provenance() as u64);
        for (index, &value) in values.iter().enumerate() {
            let address = start.offset(8 * index as i64);
            assert_eq!(own.word(address), Some(value));
            assert_eq!(own.slice(address, 8).unwrap(), value.to_le_bytes());
            let mut bytes = [0; 8];
            own.read_at(address, &mut bytes).unwrap();
            assert_eq!(u64::from_le_bytes(bytes), value);
        }
        let text = c"a text in read-only memory";
        let address = Address(text.as_ptr().expose_provenance() as u64);
        assert_eq!(own.c_string(address, 100).unwrap(), text.to_bytes());
        assert_eq!(own.c_string(address, 5), None);
    }

    #[test]
    fn a_guard_page_in_the_middle_of_a_mapping_is_not_followed_to() {
        const GUARD: i32 = 102;
        // SAFETY: a new mapping, of which nothing else knows.
        let start = unsafe {
            let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(std::ptr::null_mut(), 8 * PAGE as usize, access, kind, -1, 0)
        };
        assert_ne!(start, libc::MAP_FAILED);
        // SAFETY: pages of that mapping, in which nothing lies.
        if unsafe { libc::madvise(start.wrapping_byte_add(4 * PAGE as usize), PAGE as usize, GUARD) } != 0 {
            println!("not tested: this kernel has no guard pages within mappings (before Linux 6.13)");
            return;
        }
        // SAFETY: the first page can be written to.
        unsafe { start.cast::<u64>().write(7) };
        let own = capture();
        let at = |bytes: u64| Address(start.expose_provenance() as u64 + bytes);
        assert_eq!(own.word(at(0)), Some(7));
        for (bytes, expected) in [(0, true), (4 * PAGE - 8, false), (4 * PAGE, false), (5 * PAGE - 8, false), (5 * PAGE, true)] {
            assert_eq!(own.is_loadable(at(bytes)), expected, "{bytes} bytes in");
        }
        drop(own);
        // SAFETY: the mapping that was made above; what reads it is dropped.
        let unmapped = unsafe { libc::munmap(start, 8 * PAGE as usize) };
        assert_eq!(unmapped, 0);
    }

    #[test]
    fn refuses_wild_pointers() {
        let own = capture();
        for address in [0, 1, 4095, 0xdead_beef_dead_beef, u64::MAX, u64::MAX - 7, 1 << 47, (1 << 47) - 4] {
            assert_eq!(own.word(Address(address)), None, "{address:#x}");
            assert!(own.slice(Address(address), 1 << 40).is_none());
            assert!(own.read_at(Address(address), &mut [0; 16]).is_err());
        }
        for mapping in own.mappings().iter().filter(|mapping| mapping.is_special() || !mapping.permissions.read) {
            assert_eq!(own.word(mapping.span.start), None, "{mapping:?}");
        }
    }

    #[test]
    fn a_forked_child_can_read_every_region_to_its_end() {
        let _alone = ONE_AT_A_TIME.lock();
        // SAFETY: the child calls nothing but the code below, whose allocator is in order after `fork`, and ends by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let readable = std::panic::catch_unwind(|| {
                let own = capture();
                let mut pages = 0;
                for span in own.regions().regions() {
                    let mut address = span.start;
                    while address < span.end {
                        pages += u64::from(own.word(address).is_some());
                        address = address.offset(4096);
                    }
                    assert!(own.word(span.end.offset(-8)).is_some());
                    assert_eq!(own.slice(span.end.offset(-7), 8), None);
                }
                pages > 100
            });
            // SAFETY: ends the child without running what belongs to the parent.
            unsafe { libc::_exit(i32::from(!readable.unwrap_or(false))) };
        }
        let mut status = -1;
        // SAFETY: `status` outlives the call.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, status), (child, 0), "the child was killed or found a region that it cannot read");
    }

    #[test]
    fn a_file_mapping_ends_with_its_file() {
        let _alone = ONE_AT_A_TIME.lock();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 3 * 4096 + 10]).unwrap();
        // SAFETY: the file has no name, so nobody else changes it; it is shortened below, and the lost pages are not touched.
        let map = unsafe { memmap2::MmapOptions::new().len(8 * 4096).map(&file) }.unwrap();
        let start = Address(map.as_ptr().expose_provenance() as u64);
        for (length, present) in [(3 * 4096 + 10, 4), (4096, 1), (0, 0)] {
            file.set_len(length).unwrap();
            let own = capture();
            for page in 0..8 {
                let found = own.word(start.offset(page * 4096)).is_some();
                assert_eq!(found, page < present, "page {page} of a file of {length} bytes");
            }
        }
    }
}
