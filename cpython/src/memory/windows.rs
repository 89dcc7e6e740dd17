//! A process that stays stopped while it is read, through a bounded number of small windows: for one that is dying, or too
//! large to be copied into what memory is left.
//!
//! Nothing is copied in advance and nothing is borrowed, so the reader's memory stays the same however large the target is.
//! A window is an aligned piece of the target, and a place in the table is chosen by its number, so that a walk in the order
//! of addresses meets each piece about once.

use super::available;
use super::freeze::Frozen;
use super::process::{self, Process, Status};
use super::residency;
use super::snapshot::{defect, no_thread};
use super::tracer::Stopped;
use super::{Mapping, Memory, Source, Unreadable};
use crate::error::{Error, ErrorKind, Result};
use heapsake_core::{Address, RegionMap, Span};
use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const WINDOW_BITS: u32 = 14;
const WINDOW: usize = 1 << WINDOW_BITS;
/// Windows that there are at most and at least, as powers of two; between, they take a share of what memory there is.
const TABLE_BITS: RangeInclusive<u32> = 6..=11;
const SHARE: u64 = 4;
/// What a dump takes beside windows: tables of symbols and what is to be written, and of what the process has, for marks, a part.
const WALK: u64 = 12 << 20;
const MARKED_PART: u64 = 32;
const PAGE: usize = 4096;
/// Each page of a window has a bit.
const _: () = assert!(WINDOW / PAGE <= 8);

/// The memory of a process that stands still for as long as this value lives.
pub struct Windows {
    process: Process,
    mappings: Vec<Mapping>,
    writable: Vec<Span>,
    regions: RegionMap,
    threads: Vec<i32>,
    table: RefCell<Vec<Window>>,
    /// How long it stood still before `since`, all stops together.
    before: Duration,
    since: Instant,
    keeper: Option<Keeper>,
}

/// What lets the target go on when it is dropped.
enum Keeper {
    Holding { _hold: Hold },
    Traced { _stopped: Stopped },
}

/// A piece of the target: its number, the region that it shows of it, and what of that was readable.
#[derive(Clone, Default)]
struct Window {
    number: u64,
    region: u32,
    /// Where the region begins in the piece; of a window that was never filled there are no bytes.
    begin: usize,
    bytes: Vec<u8>,
    /// Which pages of the piece were readable, a bit each: a page of a mapped file that was cut is not, between others that are.
    readable: u8,
}

/// How many windows there are, as a power of two, with so much memory available.
fn table_bits(available: Option<u64>) -> u32 {
    let windows = available.unwrap_or(u64::MAX) / SHARE / WINDOW as u64;
    windows.max(1).ilog2().clamp(*TABLE_BITS.start(), *TABLE_BITS.end())
}

/// The thread that traces the target; it lets it go when it is told, or when nobody is left to tell it.
struct Hold {
    release: Option<Sender<()>>,
    tracer: Option<JoinHandle<()>>,
}

impl Windows {
    /// Stops process `pid` until the value is dropped.
    ///
    /// # Errors
    /// As [`Snapshot::of_process`](super::Snapshot::of_process).
    pub fn of_process(pid: i32) -> Result<Windows> {
        Windows::settled(pid, |_| Ok(())).map(|(windows, ())| windows)
    }

    /// As [`Windows::of_process`], but `settle` has a look at the stopped process first, and may stop it again.
    ///
    /// # Errors
    /// As [`Windows::of_process`], and those of `settle`.
    pub fn settled<T: Send + 'static>(
        pid: i32,
        settle: impl FnOnce(&mut Frozen) -> Result<T> + Send + 'static,
    ) -> Result<(Windows, T)> {
        let (release, released) = channel();
        let (report, reported) = channel();
        let tracer = std::thread::Builder::new()
            .name(super::process::HOLDER.into())
            .spawn(move || {
                let stopped = Process::hold(pid).and_then(|mut frozen| {
                    let settled = settle(&mut frozen)?;
                    Ok((frozen, settled))
                });
                match stopped {
                    Ok((frozen, settled)) => {
                        let threads: Vec<i32> = frozen.threads().collect();
                        let heard = report.send(Ok((threads, (frozen.stood(), Instant::now()), settled)));
                        if heard.is_ok() {
                            let _ = released.recv();
                        }
                        drop(frozen);
                    }
                    Err(error) => {
                        let _ = report.send(Err(error));
                    }
                }
            })
            .map_err(no_thread)?;
        let hold = Hold { release: Some(release), tracer: Some(tracer) };
        let (threads, (before, since), settled) = reported.recv().map_err(|_| defect(format!("stopping process {pid}")))??;
        let keeper = Keeper::Holding { _hold: hold };
        let mut windows = Windows::new(Process::open(pid)?, threads, since, Some(keeper))?;
        windows.before = before;
        Ok((windows, settled))
    }

    /// A traced process that stands still; it goes on when the value is dropped.
    ///
    /// # Errors
    /// As [`Snapshot::of_process`](super::Snapshot::of_process).
    pub fn of_traced(stopped: Stopped) -> Result<Windows> {
        let (before, since) = stopped.times();
        let (process, threads) = (Process::open(stopped.pid())?, stopped.threads().to_owned());
        let mut windows = Windows::new(process, threads, since, Some(Keeper::Traced { _stopped: stopped }))?;
        windows.before = before;
        Ok(windows)
    }

    /// This process, the memory of which goes on changing but for what the caller keeps still: by holding the interpreter
    /// lock. It is read through the kernel, so what another thread unmaps meanwhile is unreadable and no more.
    ///
    /// # Errors
    /// When the kernel does not show this process its own memory.
    pub fn own() -> Result<Windows> {
        let process = Process::own();
        let threads = process::threads(process.pid()).unwrap_or_default();
        Windows::new(process, threads, Instant::now(), None)
    }

    /// The memory of process `pid`, every thread of which the caller has stopped, and keeps stopped while the value lives.
    ///
    /// # Errors
    /// As [`Snapshot::untouched`](super::Snapshot::untouched).
    pub fn of_stopped(pid: i32) -> Result<Windows> {
        Windows::new(Process::open(pid)?, process::threads(pid).unwrap_or_default(), Instant::now(), None)
    }

    fn new(process: Process, threads: Vec<i32>, since: Instant, keeper: Option<Keeper>) -> Result<Windows> {
        let mappings = process.mappings()?;
        let readable = mappings.iter().filter(|mapping| mapping.is_readable());
        let spans: Vec<Span> = readable.map(|mapping| mapping.span).collect();
        let table = RefCell::new(vec![Window::default(); 1 << table_bits(available::memory())]);
        let writable = residency::writable(process.reader(), &mappings);
        let (regions, before) = (RegionMap::new(&spans), Duration::ZERO);
        Ok(Windows { process, mappings, writable, regions, threads, table, before, since, keeper })
    }

    /// An error if there is less memory than a dump of a process takes at least: the kernel would end a process, this one or that.
    pub(crate) fn room_for(pid: i32) -> Result<()> {
        let needed = WALK + available::resident(pid).unwrap_or(0) / MARKED_PART;
        match available::memory().filter(|available| *available < needed) {
            None => Ok(()),
            Some(available) => Err(Error::new(
                ErrorKind::OutOfMemory,
                format!(
                    "a dump of process {pid} takes {} MiB of memory even without a copy, and {} MiB are available",
                    needed >> 20,
                    available >> 20
                ),
            )
            .hint("what heapsake takes counts where it runs: outside of the program's control group there may be more")),
        }
    }

    /// Whether the process still lives, so that what was not readable was not there.
    pub(crate) fn is_alive(&self) -> bool {
        Status::of(self.process.reader()).is_ok_and(|status| !status.is_dead())
    }

    /// The process.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// The threads that stand still, by their identifiers in the kernel.
    pub fn threads(&self) -> &[i32] {
        &self.threads
    }

    /// How long it has stood still by now, all stops together.
    pub fn stood(&self) -> Duration {
        self.before + self.since.elapsed()
    }

    /// Lets the process go on, and says how long it stood still, all stops together.
    pub fn release(mut self) -> Duration {
        drop(self.keeper.take());
        self.stood()
    }

    /// Calls `read` with the bytes from `address` on that lie in one window, at least one of them.
    #[inline]
    fn with_window<T>(&self, address: Address, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let region = self.regions.find(address)?;
        let number = address.0 >> WINDOW_BITS;
        let mut table = self.table.try_borrow_mut().ok()?;
        let bits = table.len().trailing_zeros();
        let place = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize;
        let window = table.get_mut(place)?;
        if window.number != number || window.region != region.0 || window.bytes.is_empty() {
            window.region = region.0;
            let region = *self.regions.regions().get(region.0 as usize)?;
            window.fill(&self.process, number, region);
        }
        read(window.from(address.0 as usize % WINDOW)?)
    }
}

impl Window {
    fn fill(&mut self, process: &Process, number: u64, region: Span) {
        let start = (number << WINDOW_BITS).max(region.start.0);
        let end = ((number + 1) << WINDOW_BITS).min(region.end.0);
        self.number = number;
        self.begin = start as usize % WINDOW;
        self.bytes.clear();
        self.bytes.resize(end.saturating_sub(start) as usize, 0);
        self.readable = u8::MAX;
        let mut done = 0;
        while let Some(rest) = self.bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match process.read(Address(start + done as u64), rest) {
                Ok(0) | Err(_) => {
                    let page = (self.begin + done) / PAGE;
                    self.readable &= !(1 << page);
                    done = ((page + 1) * PAGE).saturating_sub(self.begin);
                }
                Ok(count) => done += count,
            }
        }
    }

    /// The bytes from a place in the piece on, to the next page that was not readable; at least one.
    #[inline]
    fn from(&self, place: usize) -> Option<&[u8]> {
        let bytes = self.bytes.get(place.checked_sub(self.begin)?..).filter(|bytes| !bytes.is_empty())?;
        let page = place / PAGE;
        let pages = (self.readable >> page).trailing_ones() as usize;
        let end = ((page + pages) * PAGE).saturating_sub(place).min(bytes.len());
        bytes.get(..end).filter(|bytes| !bytes.is_empty())
    }
}

impl Memory for Windows {
    fn read_at(&self, address: Address, into: &mut [u8]) -> std::result::Result<(), Unreadable> {
        let failure = Unreadable::new(address, into.len());
        if into.len() > 4 * WINDOW {
            // Large reads need no window, and would leave nothing of the others.
            return self.process.read_at(address, into);
        }
        let mut done = 0;
        while done < into.len() {
            let next = Address(address.0.checked_add(done as u64).ok_or(failure)?);
            let rest = &mut into[done..];
            let count = self.with_window(next, |bytes| {
                let count = bytes.len().min(rest.len());
                rest.get_mut(..count)?.copy_from_slice(bytes.get(..count)?);
                Some(count)
            });
            done += count.ok_or(failure)?;
        }
        Ok(())
    }

    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        match self.with_window(address, |bytes| Some(bytes.first_chunk().map(|chunk| u64::from_le_bytes(*chunk)))) {
            Some(Some(word)) => Some(word),
            Some(None) => super::read_array(self, address).map(u64::from_le_bytes),
            None => None,
        }
    }
}

impl Source for Windows {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }
    fn regions(&self) -> &RegionMap {
        &self.regions
    }
    fn writable(&self) -> Vec<Span> {
        self.writable.clone()
    }

    /// Nothing: it stands still meanwhile, and what it has swapped out would have to come back.
    fn searchable(&self, _: Span) -> Vec<Span> {
        Vec::new()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        drop(self.release.take());
        if let Some(tracer) = self.tracer.take() {
            let _ = tracer.join();
        }
    }
}

impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").field("process", &self.process).field("threads", &self.threads).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::Runtime;
    use crate::error::ErrorKind;
    use crate::live::{Program, interpreters, wait_until};
    use crate::memory::{Files, Snapshot};

    #[test]
    fn little_memory_makes_few_windows() {
        assert_eq!([None, Some(1 << 40), Some(64 << 20), Some(0)].map(table_bits), [11, 11, 10, 6]);
    }

    #[test]
    fn a_process_that_was_killed_lives_no_more() {
        let (_, interpreter) = interpreters().pop().unwrap();
        let mut program = Program::start(&interpreter, "import time; print(1); time.sleep(60)");
        program.numbers();
        let windows = Windows::of_process(program.pid()).unwrap();
        assert!(windows.is_alive());
        let pid = program.pid().to_string();
        assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        wait_until("the program to die", || !windows.is_alive());
    }

    #[test]
    #[ignore = "a measurement"]
    fn measures_a_read() {
        let (_, interpreter) = interpreters().pop().unwrap();
        let code = "import time; data = b'x' * (500 << 20); print(id(data), len(data)); time.sleep(60)";
        let mut program = Program::start(&interpreter, code);
        let numbers = program.numbers();
        let windows = Windows::of_process(program.pid()).unwrap();
        let started = Instant::now();
        let step = 64;
        let read = (0..numbers[1] / step).filter(|&index| windows.word(Address(numbers[0] + index * step)).is_some());
        let count = read.count();
        let seconds = started.elapsed().as_secs_f64();
        println!("{:.2} GB/s in order, {:.1} ns a word", numbers[1] as f64 / 1e9 / seconds, seconds * 1e9 / count as f64);
    }

    #[test]
    fn a_page_that_cannot_be_read_hides_none_beside_it() {
        let (_, interpreter) = interpreters().pop().unwrap();
        // Pages 2, 5 and 6 of 16 are of a file that is empty by now.
        let code = "import ctypes, mmap, sys, tempfile\nmapped = ctypes.CDLL(None).mmap\nmapped.restype = ctypes.c_void_p\n\
                    mapped.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]\n\
                    start = mapped(None, 16 * 4096, 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)\n\
                    ctypes.memset(start, 7, 16 * 4096)\nfile = tempfile.TemporaryFile()\nfile.truncate(3 * 4096)\n\
                    for page, count in ((2, 1), (5, 2)): mapped(start + page * 4096, count * 4096, 1, 0x10 | mmap.MAP_SHARED, file.fileno(), 0)\n\
                    file.truncate(0)\nprint(start)\nsys.stdin.readline()";
        let mut program = Program::start(&interpreter, code);
        let start = Address(program.numbers()[0]);
        let windows = Windows::of_process(program.pid()).unwrap();
        let copy = Snapshot::untouched(program.pid()).unwrap();
        for page in 0..16 {
            let expected = (![2, 5, 6].contains(&page)).then_some(0x0707_0707_0707_0707);
            for place in [0, 8, 4088] {
                let address = start.offset(page * 4096 + place);
                assert_eq!((windows.word(address), copy.word(address)), (expected, expected), "{page} {place}");
            }
        }
        // From one page to the next.
        for (page, both) in [(0, true), (1, false), (2, false), (3, true), (4, false), (5, false), (6, false), (7, true)] {
            let address = start.offset(page * 4096 + 4092);
            assert_eq!((windows.word(address).is_some(), copy.word(address).is_some()), (both, both), "{page}");
        }
    }

    #[test]
    fn holds_a_program_and_reads_what_a_copy_would_say() {
        let (_, interpreter) = interpreters().pop().unwrap();
        let code = "import sys, threading, time\nmarker = bytes(range(256)) * 4096\ncount = 0\n\
                    def work():\n    global count\n    while True: count += 1\n\
                    threading.Thread(target=work, daemon=True).start()\nprint(id(marker), sys.getsizeof(marker))\n\
                    for line in sys.stdin: print(count)";
        let mut program = Program::start(&interpreter, code);
        let numbers = program.numbers();
        let [id, size] = numbers[..] else { panic!("{numbers:?}") };
        let windows = Windows::of_process(program.pid()).unwrap();
        assert_eq!(windows.threads().len(), 2);
        assert_eq!(Snapshot::of_process(program.pid()).unwrap_err().kind(), ErrorKind::AlreadyTraced);
        let copy = Snapshot::untouched(program.pid()).unwrap();
        let bytes = windows.read_vec(Address(id), size, usize::MAX).unwrap();
        assert_eq!(bytes, copy.read_vec(Address(id), size, usize::MAX).unwrap());
        let (mut words, mut guards) = (0, 0);
        for region in windows.regions().regions() {
            let mut address = region.start;
            while address < region.end {
                for address in [address, address.offset(4093)] {
                    match (windows.word(address), copy.word(address)) {
                        // A page that guards a stack without a mapping of its own (MADV_GUARD_INSTALL): a copy, which leaves
                        // out what was never touched, does not tell it from such.
                        (None, Some(0)) => guards += 1,
                        (found, copied) => assert_eq!(found, copied, "{address} of {region:?}"),
                    }
                }
                words += 2;
                address = address.offset(4096);
            }
        }
        assert!(words > 2000 && guards <= 64, "{words} words, {guards} on guards");
        for address in [0, 8, 1 << 47, u64::MAX - 3] {
            assert_eq!(windows.word(Address(address)), None);
            assert!(windows.read_at(Address(address), &mut vec![0; 100_000]).is_err());
        }
        let runtime = Runtime::find(&windows, windows.mappings(), &Files::of_process(program.pid())).unwrap();
        assert_eq!(runtime.address, Runtime::of_snapshot(&copy).unwrap().address);
        assert!(windows.release() > Duration::ZERO);
        program.say("count");
        let before = program.numbers()[0];
        wait_until("the program to go on", || {
            program.say("count");
            program.numbers()[0] > before
        });
    }
}
