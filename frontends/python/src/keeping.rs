//! What a keeper was told of names, numbers and bytes, for dumps that are made where nothing of Python runs.
//!
//! The rules are those of `heapsake._folder` and `heapsake._template`, and are applied in the child that is split off, which may
//! run ordinary code: the folder is looked at when the dump is about to be made, so dumps of other processes count as well.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use heapsake_core::DumpFile;
use pyo3::prelude::*;

use crate::pattern::Pattern;
use crate::{fork, isolation};

const ENDING: &str = ".heapsake";
/// How long the lock of a folder is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is tried.
const PAUSE: Duration = Duration::from_millis(5);
/// The smallest dump that is worth writing, in bytes.
const SMALLEST: u64 = 64 << 10;
/// After which time a file that was begun, and that nobody goes on with, is no dump.
const ABANDONED: Duration = Duration::from_mins(10);
/// How often a folder is read until it shows the same twice.
const LOOKS: usize = 10;
/// The longest name, and the longest reason in one, in bytes.
const LONGEST: usize = 200;
const LONGEST_REASON: usize = 120;

/// The settings, as Python hands them over.
#[pyclass(frozen, skip_from_py_object, module = "heapsake._heapsake")]
pub(crate) struct Limits(pub(crate) Arc<Rules>);

#[derive(Debug)]
pub(crate) struct Rules {
    /// The name without ending, in which 1, 2 and 3 stand for time, process and reason.
    name: String,
    /// The names that count for `at_most`; without it the name comes from no template.
    counted: Option<Pattern>,
    at_most: Option<u64>,
    disk: Option<u64>,
    /// Nothing is said.
    pub(crate) quiet: bool,
    /// Seconds that the program's clock is before that of the world.
    offset: i64,
}

/// Why there is no dump, in words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) problem: String,
    /// Whether there is no room by what the keeper was told, which is no failure.
    pub(crate) is_full: bool,
}

/// A name that nobody else gets: an empty file, which the dump takes over.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// How many bytes there is room for.
    pub(crate) room: Option<u64>,
    begun: File,
}

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (name, counted=None, at_most=None, disk=None, quiet=false, offset=0))]
    fn new(name: String, counted: Option<&str>, at_most: Option<u64>, disk: Option<u64>, quiet: bool, offset: i64) -> Limits {
        let counted = counted.map(Pattern::new);
        Limits(Arc::new(Rules { name, counted, at_most, disk, quiet, offset }))
    }

    /// The name of a dump that is made now.
    fn stem(&self, pid: i32, reason: &str) -> String {
        self.0.stem(pid, reason)
    }

    /// Whether a file of this name counts.
    fn counts(&self, name: &str) -> bool {
        self.0.counts(name)
    }
}

impl Refusal {
    fn full(problem: String) -> Refusal {
        Refusal { problem, is_full: true }
    }

    fn failed(path: &Path, problem: &io::Error) -> Refusal {
        // As the C library says it, without the number.
        let text = problem.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        Refusal { problem: format!("cannot create {}: {text}", path.display()), is_full: false }
    }
}

impl Rules {
    pub(crate) fn stem(&self, pid: i32, reason: &str) -> String {
        let mut name = String::new();
        for letter in self.name.chars() {
            match letter {
                '\u{1}' => name.push_str(&self.time()),
                '\u{2}' => name.push_str(&pid.to_string()),
                '\u{3}' => name.push_str(&sanitised(reason, LONGEST_REASON)),
                _ => name.push(letter),
            }
        }
        if self.counted.is_some() {
            while name.contains("--") {
                name = name.replace("--", "-");
            }
        }
        let name = sanitised(if self.counted.is_some() { name.trim_matches('-') } else { &name }, LONGEST);
        if name.is_empty() { "python".to_owned() } else { name }
    }

    fn time(&self) -> String {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        heapsake_cli::stamp(seconds.saturating_add_signed(self.offset))
    }

    fn counts(&self, name: &str) -> bool {
        self.counted.as_ref().is_none_or(|pattern| pattern.matches(name))
    }

    /// A name for a dump in the folder, and the room for it.
    pub(crate) fn reserve(&self, folder: &Path, stem: &str) -> Result<Place, Refusal> {
        let failed = |problem| Refusal::failed(&named(folder, stem, 0), &problem);
        let _held = Held::of(folder);
        let mut room = None;
        if self.at_most.is_some() || self.disk.is_some() {
            let there = dumps(folder).map_err(failed)?;
            if let Some(at_most) = self.at_most {
                let number = there.keys().filter(|name| !name.is_empty() && self.counts(name)).count() as u64;
                if number >= at_most {
                    let text = format!("{} has {number} dumps, and at_most is {at_most}", folder.display());
                    return Err(Refusal::full(text));
                }
            }
            if let Some(disk) = self.disk {
                let free = fork::free_space(folder).map_err(failed)?;
                room = Some(self::room(folder, disk, there.values().sum(), free)?);
            }
        }
        let (path, begun) = create(folder, stem)?;
        Ok(Place { path, room, begun })
    }

    /// Takes the finished dump away again where it is more than there is room for by now.
    pub(crate) fn check(&self, place: &Place) -> Result<(), Refusal> {
        let (Some(disk), Some(room)) = (self.disk, place.room) else { return Ok(()) };
        let failed = |problem| Refusal::failed(&place.path, &problem);
        let size = fs::metadata(&place.path).map_err(failed)?.len();
        if size > room {
            fs::remove_file(&place.path).map_err(failed)?;
            return Err(Refusal::full(format!("it has {size} bytes with all cut that can be, and disk leaves {room}")));
        }
        let folder = place.path.parent().unwrap_or(Path::new("/"));
        let _held = Held::of(folder);
        let finished = |name: &OsString| Path::new(name).extension().is_some_and(|ending| ending == "heapsake");
        let names = names(folder).map_err(failed)?.into_iter().filter(finished);
        let used: u64 = names.filter_map(|name| fs::symlink_metadata(folder.join(name)).ok()).map(|about| about.len()).sum();
        if used > disk {
            fs::remove_file(&place.path).map_err(failed)?;
            return Err(Refusal::full("dumps that were made at once have used up what disk leaves".to_owned()));
        }
        Ok(())
    }
}

impl Place {
    /// Gives the name back, where no dump has begun there: only what is ours, and only while nobody writes to it.
    pub(crate) fn release(&self) {
        let partial = DumpFile::partial_path(&self.path);
        let is_ours =
            |begun: &fs::Metadata, there: &fs::Metadata| (begun.dev(), begun.ino(), begun.len()) == (there.dev(), there.ino(), 0);
        if !matches!(self.begun.try_lock(), Err(TryLockError::WouldBlock))
            && let (Ok(begun), Ok(there)) = (self.begun.metadata(), fs::symlink_metadata(&partial))
            && is_ours(&begun, &there)
        {
            let _ = fs::remove_file(&partial);
        }
    }
}

/// The lock of a folder, if it is to be had in time.
struct Held(Option<File>);

impl Held {
    fn of(folder: &Path) -> Held {
        let until = Instant::now() + PATIENCE;
        let file = File::open(folder).ok();
        while file.as_ref().is_some_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock))) && Instant::now() < until
        {
            std::thread::sleep(PAUSE);
        }
        Held(file)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}

fn sanitised(text: &str, longest: usize) -> String {
    let known = |letter: char| if letter.is_alphanumeric() || "._+=@,-".contains(letter) { letter } else { '_' };
    let text: String = text.chars().map(known).collect();
    let mut from = text.len().saturating_sub(longest);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].trim_start_matches('.').to_owned()
}

/// The dumps in a folder by name, finished or not, with their sizes. One that gets its name meanwhile may be seen under none.
fn dumps(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let (mut found, mut before) = (BTreeMap::new(), None);
    for _ in 0..LOOKS {
        let now = listed(folder)?;
        let names: Vec<String> = now.keys().cloned().collect();
        found.extend(now);
        if before.as_ref() == Some(&names) {
            break;
        }
        before = Some(names);
    }
    Ok(found)
}

/// The names of what is in a folder.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    isolation::names_in(&File::open(folder)?)
}

/// Of files that are begun, and that nobody goes on with, the bytes count only, under no name.
fn listed(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for entry in names(folder)? {
        let path = folder.join(&entry);
        let whole = entry.to_string_lossy().into_owned();
        let is_finished = whole.ends_with(ENDING);
        if !(is_finished || whole.ends_with(".partial") && whole.contains(".heapsake.")) {
            continue;
        }
        let name = &whole[..whole.find(ENDING).unwrap_or_default() + ENDING.len()];
        // Gone, or renamed, meanwhile.
        let about = fs::symlink_metadata(&path).ok();
        let size = about.as_ref().map_or(0, fs::Metadata::len);
        if !is_finished && about.is_some_and(|about| is_abandoned(&path, &about)) {
            *found.entry(String::new()).or_default() += size;
        } else {
            let known = found.entry(name.to_owned()).or_default();
            *known = size.max(*known);
        }
    }
    Ok(found)
}

/// Whether a file that was begun is of a process that is gone: it is old, and has not the lock that is held while it is written.
fn is_abandoned(path: &Path, about: &fs::Metadata) -> bool {
    let is_old = about.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED));
    let open = || OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    is_old && open().is_ok_and(|file| file.try_lock().is_ok())
}

fn room(folder: &Path, disk: u64, used: u64, free: u64) -> Result<u64, Refusal> {
    let free = free / 10 * 9;
    let left = disk.saturating_sub(used);
    if left < SMALLEST {
        let text = format!("the dumps in {} have {used} bytes, and disk is {disk}", folder.display());
        return Err(Refusal::full(text));
    }
    if free < SMALLEST {
        return Err(Refusal::full(format!("the disk of {} is full", folder.display())));
    }
    Ok(left.min(free))
}

fn named(folder: &Path, stem: &str, number: u32) -> PathBuf {
    let behind = if number == 0 { String::new() } else { format!("-{number}") };
    folder.join(format!("{stem}{behind}{ENDING}"))
}

/// The name, taken by an empty file: as it is called until it is complete.
fn create(folder: &Path, stem: &str) -> Result<(PathBuf, File), Refusal> {
    let mut number = 0;
    loop {
        let path = named(folder, stem, number);
        let partial = DumpFile::partial_path(&path);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial) {
            Ok(begun) => {
                // One that was completed meanwhile has the name.
                let place = Place { path, room: None, begun };
                if fs::symlink_metadata(&place.path).is_err() {
                    return Ok((place.path, place.begun));
                }
                place.release();
            }
            Err(problem) => {
                let is_taken = problem.kind() == io::ErrorKind::AlreadyExists;
                if !is_taken && (problem.kind() != io::ErrorKind::NotFound || !folder.is_dir()) {
                    return Err(Refusal::failed(&path, &problem));
                }
            }
        }
        number += 1;
    }
}
