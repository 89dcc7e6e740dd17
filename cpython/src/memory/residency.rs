//! Which pages of a mapping hold anything: `/proc/PID/pagemap`, one 64-bit entry per page.
//!
//! An anonymous page that is neither present nor swapped reads as zeros, and a page of a private file mapping that was never
//! written reads as the file: neither has to be copied while the process stands still.
//! The bits are those of the kernel's `Documentation/admin-guide/mm/pagemap.rst`.

use heapsake_core::{Address, Span};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const PAGE: u64 = 4096;
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const FILE_OR_SHARED: u64 = 1 << 61;
/// A gap of so many pages is copied with what surrounds it: a system call costs more.
const JOINED_GAP: u64 = 4;
const ENTRIES: usize = 1 << 14;

/// Which pages of a span must be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// Every page that holds anything: anonymous memory.
    Resident,
    /// Pages that the process has a copy of its own of: a private mapping of a file.
    Written,
}

/// The pages of a process that hold anything.
#[derive(Debug)]
pub(super) struct Residency {
    pagemap: File,
    entries: Vec<u8>,
}

impl Residency {
    pub(super) fn open(thread: i32) -> io::Result<Residency> {
        Ok(Residency { pagemap: File::open(format!("/proc/{thread}/pagemap"))?, entries: vec![0; ENTRIES * 8] })
    }

    /// The runs of wanted pages inside `span`, ascending, short gaps included.
    pub(super) fn runs(&mut self, span: Span, wanted: Wanted) -> io::Result<Vec<Span>> {
        let mut runs: Vec<Span> = Vec::new();
        let mut page = span.start.0 / PAGE;
        let end = span.end.0 / PAGE;
        while page < end {
            let count = ENTRIES.min((end - page) as usize);
            let Some(entries) = self.entries.get_mut(..count * 8) else { break };
            self.pagemap.read_exact_at(entries, page * 8)?;
            for entry in entries.chunks_exact(8) {
                let entry = entry.try_into().map_or(0, u64::from_le_bytes);
                let is_wanted = match wanted {
                    Wanted::Resident => entry & (PRESENT | SWAPPED) != 0,
                    Wanted::Written => entry & SWAPPED != 0 || (entry & PRESENT != 0 && entry & FILE_OR_SHARED == 0),
                };
                if is_wanted {
                    let next = Address((page + 1) * PAGE);
                    match runs.last_mut() {
                        Some(last) if page * PAGE - last.end.0 <= JOINED_GAP * PAGE => last.end = next,
                        _ => runs.push(Span { start: Address(page * PAGE), end: next }),
                    }
                }
                page += 1;
            }
        }
        Ok(runs)
    }
}
