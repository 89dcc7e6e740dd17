//! Which pages of a mapping hold anything: `/proc/PID/pagemap`, one 64-bit entry per page.
//!
//! An anonymous page that is neither present nor swapped reads as zeros, and a page of a private file mapping that was never
//! written reads as the file: neither has to be copied while the process stands still.
//! Linux 6.7 and later search the whole address space for what a process has of its own, in a time that does not depend on how
//! many mappings there are, and leave out what was only read: the kernel's one page of zeros, which the page map calls present.
//! The bits are those of the kernel's `Documentation/admin-guide/mm/pagemap.rst`.

use super::maps::Mapping;
use super::process::{PageKinds, PageRun, populated_runs};
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
/// From this length on a mapping may be one that was reserved rather than used: the shadow of a sanitizer, a mapped database.
pub(super) const SPARSE: u64 = 4 << 30;
/// Gaps of so many bytes are marked with what surrounds them: they cost less than a region more.
const MARKED_GAP: u64 = 1 << 20;
/// Above it lies the kernel.
const USER_SPACE: u64 = 1 << 48;
/// As many as the kernel gathers at once: asked for more, Linux 6.18 tells some of the last ones twice (`fs/proc/task_mmu.c`).
const RUNS: usize = 512;

/// Where objects may lie: the writable memory of `mappings`, and of large ones only what holds anything. `thread` shows it.
///
/// Marks take a share of what they cover, and no machine has that share of what can be reserved.
pub(super) fn writable(thread: i32, mappings: &[Mapping]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut residency = None;
    for mapping in mappings.iter().filter(|mapping| mapping.is_readable() && mapping.permissions.write) {
        let runs = (mapping.span.len() >= SPARSE).then(|| {
            let residency = residency.get_or_insert_with(|| Residency::open(thread).ok());
            residency.as_mut()?.runs(mapping.span, Wanted::Resident).ok()
        });
        match runs.flatten() {
            Some(runs) => spans.extend(joined(&runs)),
            None => spans.push(mapping.span),
        }
    }
    spans
}

/// The runs of a mapping to be marked: fewer, short gaps included.
pub(super) fn joined(runs: &[Span]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for run in runs {
        match spans.last_mut() {
            Some(last) if run.start.0 - last.end.0 <= MARKED_GAP => last.end = run.end,
            _ => spans.push(*run),
        }
    }
    spans
}

/// Which pages of a span must be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// Every page that holds anything.
    Resident,
    /// The same, and no page beside: to read one of shared memory that nobody has written to makes it.
    Exactly,
    /// Pages that the process has of its own: of anonymous memory those that hold anything, of a private mapping of a file those
    /// that were changed.
    Own,
    /// Pages that are in memory now: none that would have to be fetched, and no guard.
    Present,
}

/// The pages of a process that hold anything.
#[derive(Debug)]
pub(super) struct Residency {
    pagemap: File,
    entries: Vec<u8>,
    /// All that the process has of its own, ascending, where the kernel has searched for it.
    own: Option<Vec<Span>>,
}

impl Residency {
    pub(super) fn open(thread: i32) -> io::Result<Residency> {
        Ok(Residency { pagemap: File::open(format!("/proc/{thread}/pagemap"))?, entries: vec![0; ENTRIES * 8], own: None })
    }

    /// With all that lies in `mappings`, which are ascending, searched for at once.
    pub(super) fn searched(thread: i32, mappings: &[Mapping]) -> io::Result<Residency> {
        let mut residency = Residency::open(thread)?;
        let mut spans = mappings.iter().map(|mapping| mapping.span).filter(|span| span.end.0 <= USER_SPACE);
        if let Some(first) = spans.next() {
            let whole = Span { start: first.start, end: spans.next_back().map_or(first.end, |last| last.end) };
            residency.own = residency.scanned(whole, PageKinds::Own).ok();
        }
        Ok(residency)
    }

    /// Whether to ask for the runs of a small mapping costs next to nothing.
    pub(super) fn is_searched(&self) -> bool {
        self.own.is_some()
    }

    /// The runs of wanted pages inside `span`, ascending, short gaps included if they may be.
    pub(super) fn runs(&mut self, span: Span, wanted: Wanted) -> io::Result<Vec<Span>> {
        let searched = match (wanted, &self.own) {
            (Wanted::Own, Some(own)) => return Ok(near_joined(span.parts_in(own))),
            (Wanted::Own, None) if span.len() >= SPARSE => self.scanned(span, PageKinds::Own),
            (Wanted::Resident | Wanted::Exactly, _) if span.len() >= SPARSE => self.scanned(span, PageKinds::Populated),
            _ => return self.looked_up(span, wanted),
        };
        let joined = |runs| if wanted == Wanted::Exactly { runs } else { near_joined(runs) };
        searched.map(joined).or_else(|_| self.looked_up(span, wanted))
    }

    /// The runs of pages of these kinds, by a search of the kernel's.
    fn scanned(&self, span: Span, kinds: PageKinds) -> io::Result<Vec<Span>> {
        let mut runs: Vec<Span> = Vec::new();
        let mut found = vec![PageRun::default(); RUNS];
        let mut left = span;
        while !left.is_empty() {
            let (count, end) = populated_runs(&self.pagemap, left, kinds, &mut found)?;
            for [start, end, _] in found.iter().take(count) {
                let before = runs.last().map_or(span.start.0, |last| last.end.0);
                if *start < before || *end > span.end.0 {
                    return Err(io::Error::other("the search tells pages twice"));
                }
                match runs.last_mut() {
                    Some(last) if last.end.0 == *start => last.end = Address(*end),
                    _ => runs.push(Span { start: Address(*start), end: Address(*end) }),
                }
            }
            if end <= left.start {
                return Err(io::Error::other("the search does not get on"));
            }
            left.start = end;
        }
        Ok(runs)
    }

    /// The wanted runs, by the entries of all pages.
    fn looked_up(&mut self, span: Span, wanted: Wanted) -> io::Result<Vec<Span>> {
        let mut runs: Vec<Span> = Vec::new();
        // The page map has an entry for each page as the kernel has them: of 16 or 64 KiB on some machines of aarch64.
        let size = rustix::param::page_size() as u64;
        let mut page = span.start.0 / size;
        let gap = if wanted == Wanted::Exactly { 0 } else { JOINED_GAP * PAGE };
        let end = span.end.0.div_ceil(size);
        while page < end {
            let count = ENTRIES.min((end - page) as usize);
            let Some(entries) = self.entries.get_mut(..count * 8) else { break };
            self.pagemap.read_exact_at(entries, page * 8)?;
            for entry in entries.chunks_exact(8) {
                let entry = entry.try_into().map_or(0, u64::from_le_bytes);
                let is_wanted = match wanted {
                    Wanted::Resident | Wanted::Exactly => entry & (PRESENT | SWAPPED) != 0,
                    Wanted::Present => entry & PRESENT != 0,
                    Wanted::Own => entry & SWAPPED != 0 || (entry & PRESENT != 0 && entry & FILE_OR_SHARED == 0),
                };
                if is_wanted {
                    let next = Address((page + 1) * size);
                    match runs.last_mut() {
                        Some(last) if page * size - last.end.0 <= gap => last.end = next,
                        _ => runs.push(Span { start: Address(page * size), end: next }),
                    }
                }
                page += 1;
            }
        }
        Ok(runs)
    }
}

/// Runs with short gaps included.
fn near_joined(mut runs: Vec<Span>) -> Vec<Span> {
    runs.dedup_by(|next, last| {
        let is_near = next.start.0 - last.end.0 <= JOINED_GAP * PAGE;
        if is_near {
            last.end = next.end;
        }
        is_near
    });
    runs
}

/// How much of a live process is in memory.
#[derive(Debug)]
pub(crate) struct Present(Residency);

impl Present {
    /// Of process `pid`, if it may be looked at.
    pub(crate) fn of(pid: i32) -> Option<Present> {
        Residency::open(pid).ok().map(Present)
    }

    /// Bytes of a span that are in memory, give or take short gaps; none of a span that is mostly address space.
    pub(crate) fn bytes(&mut self, span: Span) -> Option<u64> {
        let runs = (span.len() < SPARSE).then(|| self.0.looked_up(span, Wanted::Present).ok())??;
        Some(runs.iter().map(|run| run.len()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{Program, interpreters};
    use memmap2::{Advice, MmapOptions};

    #[test]
    fn many_runs_are_told_in_order_and_once() {
        // Every ninth page. A kernel that is asked for 1,024 runs at once tells 188 of so many twice.
        let (pages, step) = (9 * (2 * 1024 + 700), 9);
        let mut map = MmapOptions::new().len(pages << 12).map_anon().unwrap();
        map.advise(Advice::NoHugePage).unwrap();
        for page in (0..pages).step_by(step) {
            map[page << 12] = 1;
        }
        let span = Span::new(Address(map.as_ptr().expose_provenance() as u64), (pages << 12) as u64);
        let mut residency = Residency::open(std::process::id() as i32).unwrap();
        for kinds in [PageKinds::Own, PageKinds::Populated] {
            assert_eq!(residency.scanned(span, kinds).unwrap().len(), pages / step);
        }
        let runs = near_joined(residency.scanned(span, PageKinds::Own).unwrap());
        assert_eq!(runs, residency.looked_up(span, Wanted::Resident).unwrap());
        assert_eq!(runs.len(), pages / step);
    }

    #[test]
    fn both_ways_find_the_pages_that_were_touched() {
        let length = 4usize << 40;
        let mut map = MmapOptions::new().len(length).no_reserve_swap().map_anon().unwrap();
        // Else the kernel may answer with huge pages, of zeros as well.
        map.advise(Advice::NoHugePage).unwrap();
        let start = Address(map.as_ptr().expose_provenance() as u64);
        // The last two are apart for the copy, and together for the marks.
        let places = [3 << 30, 1 << 40, (1 << 40) + (64 << 12)];
        for place in places {
            map[place] = 1;
        }
        let only_read = 2 << 40;
        assert_eq!(std::hint::black_box(&map)[only_read], 0);
        let thread = std::process::id() as i32;
        let mut residency = Residency::open(thread).unwrap();
        let whole = Span::new(start, length as u64);
        let runs = residency.runs(whole, Wanted::Own).unwrap();
        let holds = |spans: &[Span], place: usize| spans.iter().any(|span| span.contains(start.offset(place as i64)));
        assert!(places.iter().all(|place| holds(&runs, *place)), "{runs:?}");
        assert!(runs.iter().all(|run| run.len() <= 2 << 20), "{runs:?}");
        assert!(!holds(&runs, only_read), "{runs:?}");
        let page = Span::new(start.offset(only_read as i64), PAGE);
        assert_eq!(residency.looked_up(page, Wanted::Resident).unwrap(), [page]);
        for run in &runs {
            let around = Span { start: run.start.offset(-(1 << 20)), end: run.end.offset(1 << 20) };
            assert!(residency.looked_up(around, Wanted::Resident).unwrap().contains(run), "{run:?}");
        }
        let mappings = super::super::maps::own().unwrap();
        let mut searched = Residency::searched(thread, &mappings).unwrap();
        assert_eq!(searched.own.is_some(), residency.scanned(page, PageKinds::Own).is_ok());
        assert_eq!(searched.runs(whole, Wanted::Own).unwrap(), runs);
        let spans = writable(thread, &mappings);
        assert!(places.iter().all(|place| holds(&spans, *place)), "{spans:?}");
        assert!(!holds(&spans, 3 << 40));
        assert!(spans.iter().map(|span| span.len()).sum::<u64>() < 1 << 40);
    }
    #[test]
    fn of_a_file_what_was_changed_is_the_process_s_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mapped");
        std::fs::write(&path, vec![1; 64 << 12]).unwrap();
        let (_, interpreter) = interpreters().pop().unwrap();
        let code = "import mmap, time\nfile = open({path}, 'rb')\nhere = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE)\n\
                    here[40 << 12] = 2\nprint(here[9 << 12], flush=True)\ntime.sleep(60)";
        let mut program = Program::start(&interpreter, &code.replace("{path}", &format!("{:?}", path.display().to_string())));
        program.numbers();
        let mappings = super::super::maps::of_process(program.pid()).unwrap();
        let span = mappings.iter().find(|mapping| mapping.file() == Some(&path)).unwrap().span;
        let mut residency = Residency::searched(program.pid(), &mappings).unwrap();
        let changed = Span::new(span.start.offset(40 << 12), PAGE);
        assert_eq!(residency.runs(span, Wanted::Own).unwrap(), [changed]);
        assert_eq!(residency.looked_up(span, Wanted::Own).unwrap(), [changed]);
        let resident = residency.looked_up(span, Wanted::Resident).unwrap();
        assert!(resident.iter().any(|run| run.contains(span.start.offset(9 << 12))), "{resident:?}");
    }
}
