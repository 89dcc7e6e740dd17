//! The source text of every file that a frame or a code object of the dump names, each once, those of frames first.
//!
//! Text comes from the target's disk, or, where the file is not there (cells of a notebook, `exec`, doctests), from
//! `linecache.cache` in its memory. Nothing is imported and no loader is asked. Encodings as by PEP 263 and
//! `Parser/tokenizer.c`.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use heapsake_core::Address;
use heapsake_core::heap::Source;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::heap::CPythonHeap;
use crate::memory::Memory;
use crate::pystate::{self, CaptureOptions};

const MAXIMUM_FILE: u64 = 4 << 20;
const MAXIMUM_TOTAL: usize = 64 << 20;
const MAXIMUM_LINES: u64 = 1 << 20;

/// The sources of a target. What its process must be asked for is known from the beginning: it may end while its dump is written.
#[derive(Debug)]
pub struct Sources {
    places: Places,
    /// The files that frames name.
    of_frames: Vec<String>,
    /// Bytes of text given so far.
    total: usize,
}

impl Sources {
    /// Has a look at where the files of a target are.
    pub fn of<M: Memory>(heap: &CPythonHeap<M>, options: &CaptureOptions) -> Sources {
        Sources { places: Places::new(heap, options), of_frames: pystate::named_files(heap, options), total: 0 }
    }

    /// Gives the sources of the files that were noted to `take`, of those whose names are `wanted`.
    ///
    /// # Errors
    /// That of `take`.
    pub fn each<M: Memory>(
        &mut self,
        heap: &CPythonHeap<M>,
        options: &CaptureOptions,
        wanted: &dyn Fn(&str) -> bool,
        take: &mut dyn FnMut(Source) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut seen = FxHashSet::default();
        let noted = heap.noted_filenames();
        let mut others: Vec<String> = noted.iter().filter_map(|name| heap.text_of(*name)).collect();
        others.sort_unstable();
        let odd = noted.iter().filter_map(|name| Some((heap.text_of(*name)?, heap.odd_path_of(*name)?)));
        self.places.odd = odd.collect();
        let places = &self.places;
        for filename in self.of_frames.iter().chain(&others) {
            if filename.is_empty() || !wanted(filename) || options.is_hidden(filename) || !seen.insert(filename) {
                continue;
            }
            let (mut text, mut problem) = match places.read(filename) {
                _ if !options.takes_source(&places.absolute(filename)) => {
                    (None, "left out: other sources were asked for".to_owned())
                }
                Ok((text, problem)) => (Some(text), problem),
                Err(problem) => match places.remembered(heap, filename) {
                    Some(text) => (Some(text), String::new()),
                    None => (None, problem),
                },
            };
            let length = text.as_ref().map_or(0, String::len);
            if self.total + length > MAXIMUM_TOTAL {
                text = None;
                problem = format!("left out: all sources together are larger than {} MiB", MAXIMUM_TOTAL >> 20);
            } else {
                self.total += length;
            }
            take(Source { filename: filename.clone(), text, problem })?;
        }
        Ok(())
    }
}

/// Where the files of the target lie.
#[derive(Debug)]
struct Places {
    root: PathBuf,
    /// The folder that `root` leads through, where that is the view of a process: it stays when the process ends.
    _held: Option<File>,
    /// Folders that a relative name may start from.
    folders: Vec<PathBuf>,
    /// `linecache.cache` of the target.
    remembered: Address,
    /// `sys.modules` of the target.
    modules: Address,
    /// The files of modules that are frozen into the interpreter, by their names for code objects.
    frozen: Vec<(String, String)>,
    /// The paths that are no UTF-8, by the texts that stand for them.
    odd: FxHashMap<String, PathBuf>,
    /// When the process was started or written to a core, in seconds since 1970, and in words.
    began: Option<(f64, &'static str)>,
}

impl Places {
    fn new<M: Memory>(heap: &CPythonHeap<M>, options: &CaptureOptions) -> Places {
        let layout = &heap.layouts().interpreter;
        let read = |field: crate::layout::Field<Address>| field.read(&heap.memory, heap.facts.interpreter).unwrap_or_default();
        let modules = read(layout.modules);
        let mut folders: Vec<PathBuf> = pystate::process::working_directory(options).into_iter().collect();
        if let Some(path) = heap.dict_get(read(layout.sysdict), "path") {
            let entries = heap.type_of(path).and_then(|_| heap.items_of_list(path, 1000)).unwrap_or_default();
            folders.extend(entries.into_iter().filter_map(|entry| heap.text_of(entry)).map(PathBuf::from));
        }
        folders.retain(|folder| folder.is_absolute());
        let remembered = heap.dict_get(modules, "linecache").and_then(|module| heap.attribute(module, "cache"));
        let (root, held) = held(&options.root_dir);
        let mut places = Places {
            root,
            _held: held,
            folders,
            remembered: remembered.unwrap_or_default(),
            modules,
            frozen: Vec::new(),
            odd: FxHashMap::default(),
            began: began(options),
        };
        places.frozen = places.frozen_files(heap);
        places
    }

    /// `<frozen os>` has the source that the module's `__file__` names.
    fn frozen_files<M: Memory>(&self, heap: &CPythonHeap<M>) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if heap.is_dict(self.modules) {
            let _ = heap.entries(self.modules, |name, module| {
                let file = heap.attribute(module, "__file__").and_then(|file| heap.text_of(file));
                if let (Some(name), Some(file)) =
                    (heap.text_of(name), file.filter(|file| Path::new(file).extension().is_some_and(|kind| kind == "py")))
                {
                    found.push((format!("<frozen {name}>"), file));
                }
            });
        }
        found
    }

    /// The name with the folder before it that it most likely starts from.
    fn absolute(&self, filename: &str) -> PathBuf {
        let path = Path::new(filename);
        match self.folders.first() {
            Some(folder) if path.is_relative() && !filename.starts_with('<') => folder.join(path),
            _ => path.to_owned(),
        }
    }

    /// The text of a file, and what is to be said of it; or why there is none.
    fn read(&self, filename: &str) -> Result<(String, String), String> {
        if filename.starts_with('<') && filename.ends_with('>') {
            return match self.frozen.iter().find(|(name, _)| name == filename) {
                Some((_, file)) => self.read_file(Path::new(file)),
                None => Err("no file: the code was made at run time, or is frozen into the interpreter".to_owned()),
            };
        }
        let path = self.odd.get(filename).map_or(Path::new(filename), PathBuf::as_path);
        if path.is_absolute() {
            return self.read_file(path);
        }
        let mut problem = None;
        for folder in &self.folders {
            match self.read_file(&folder.join(path)) {
                Ok(found) => return Ok(found),
                Err(why) => {
                    problem.get_or_insert(why);
                }
            }
        }
        Err(problem.unwrap_or_else(|| "a relative name, and no folder is known that it starts from".to_owned()))
    }

    fn read_file(&self, path: &Path) -> Result<(String, String), String> {
        let inside: PathBuf = match path.strip_prefix("/") {
            Ok(inside) if !self.root.as_os_str().is_empty() => self.root.join(inside),
            _ => path.to_owned(),
        };
        // Looked at before it is opened: opening a pipe would wait for its other end.
        let about = std::fs::metadata(&inside).map_err(|error| describe(&error, path))?;
        if !about.is_file() {
            return Err("not a regular file".to_owned());
        }
        if about.len() > MAXIMUM_FILE {
            return Err(format!("left out: {} bytes are more than {} MiB", about.len(), MAXIMUM_FILE >> 20));
        }
        let mut bytes = Vec::with_capacity(about.len() as usize + 1);
        let file = File::open(&inside).map_err(|error| describe(&error, path))?;
        file.take(MAXIMUM_FILE).read_to_end(&mut bytes).map_err(|error| describe(&error, path))?;
        let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let problem = match (modified, self.began) {
            (Some(modified), Some((began, words))) if modified.as_secs_f64() > began + 1.0 => words,
            _ => "",
        };
        Ok((decode(bytes), problem.to_owned()))
    }

    /// The text that the target's `linecache` has under this name.
    fn remembered<M: Memory>(&self, heap: &CPythonHeap<M>, filename: &str) -> Option<String> {
        let entry = heap.dict_get(self.remembered, filename)?;
        // (size, mtime, lines, fullname); a tuple of one is a loader that was not asked yet.
        let lines = *heap.items_of_tuple(entry, 4)?.get(2)?;
        let lines = if heap.type_of(lines)?.payload == crate::heap::Payload::List {
            heap.items_of_list(lines, MAXIMUM_LINES)?
        } else {
            return None;
        };
        let mut text = String::new();
        for line in lines {
            text.push_str(&heap.text_of(line)?);
            if text.len() as u64 > MAXIMUM_FILE {
                return None;
            }
        }
        Some(text)
    }
}

/// A folder to start from that stays: the root of a process as `/proc` shows it is gone when the process has ended.
fn held(root: &Path) -> (PathBuf, Option<File>) {
    let is_view = root.starts_with("/proc") && root.ends_with("root");
    match is_view.then(|| File::open(root)).and_then(Result::ok) {
        Some(folder) => (PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())), Some(folder)),
        None => (root.to_owned(), None),
    }
}

/// When files of the process were what they were, and what is to be said of those that were changed since.
fn began(options: &CaptureOptions) -> Option<(f64, &'static str)> {
    let written = options.written.and_then(|written| written.duration_since(UNIX_EPOCH).ok());
    let started = || Some((pystate::process::start_time(options)?, "the file was changed after the process was started"));
    written.map(|written| (written.as_secs_f64(), "the file was changed after the core was written")).or_else(started)
}

fn describe(error: &std::io::Error, path: &Path) -> String {
    let in_archive =
        || path.ancestors().skip(1).any(|folder| folder.extension().is_some_and(|kind| kind == "zip" || kind == "egg"));
    match error.kind() {
        _ if in_archive() => "inside of an archive".to_owned(),
        std::io::ErrorKind::NotFound => "the file is not there".to_owned(),
        std::io::ErrorKind::PermissionDenied => "the file may not be read".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}

/// How a source file is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encoding {
    Utf8,
    Latin1,
}

/// The text of a source file, by its mark or cookie; what is no such text has replacement characters.
fn decode(bytes: Vec<u8>) -> String {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return String::from_utf8_lossy(rest).into_owned();
    }
    match cookie(&bytes) {
        Encoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Encoding::Utf8 => String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// The encoding that a comment in the first two lines names; the second line counts only after a blank or a comment.
fn cookie(bytes: &[u8]) -> Encoding {
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let blanks = line.iter().take_while(|byte| matches!(**byte, b' ' | b'\t' | b'\x0c')).count();
        let rest = &line[blanks..];
        if rest.is_empty() {
            continue;
        }
        if rest[0] != b'#' {
            break;
        }
        let comment = String::from_utf8_lossy(rest);
        let named = comment.match_indices("coding").find_map(|(at, word)| {
            let name = comment[at + word.len()..].strip_prefix([':', '='])?.trim_start_matches([' ', '\t']);
            let length = name.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)));
            Some(name[..length.unwrap_or(name.len())].to_ascii_lowercase().replace('_', "-")).filter(|name| !name.is_empty())
        });
        if let Some(name) = named {
            let is_latin1 = ["latin-1", "latin1", "l1", "iso-8859-1", "iso8859-1", "8859", "cp819"].contains(&name.as_str());
            return if is_latin1 || name.starts_with("iso-8859-1-") || name.starts_with("latin-1-") {
                Encoding::Latin1
            } else {
                Encoding::Utf8
            };
        }
    }
    Encoding::Utf8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_named_in_the_first_two_lines() {
        for (text, encoding) in [
            (&b"# -*- coding: latin-1 -*-\nx"[..], Encoding::Latin1),
            (b"#!/usr/bin/python\r\n# vim: set fileencoding=ISO_8859_1 :\r\n", Encoding::Latin1),
            (b"\n \t# coding:   L1", Encoding::Latin1),
            (b"\n\n# coding: latin-1", Encoding::Utf8),
            (b"x = 1\n# coding: latin-1", Encoding::Utf8),
            (b"# coding: utf-8\n# coding: latin-1", Encoding::Utf8),
            (b"# coding latin-1", Encoding::Utf8),
            (b"# coding:", Encoding::Utf8),
            (b"# encoding=latin-1-unix\n", Encoding::Latin1),
            (b"", Encoding::Utf8),
        ] {
            assert_eq!(cookie(text), encoding, "{}", String::from_utf8_lossy(text));
        }
        let decode = |bytes: &[u8]| decode(bytes.to_vec());
        assert_eq!(decode(b"# coding: latin-1\ns = '\xe9'\n"), "# coding: latin-1\ns = 'é'\n");
        assert_eq!(decode("\u{feff}s = 'é'".as_bytes()), "s = 'é'");
        assert_eq!(decode(b"\xff\n"), "\u{fffd}\n");
    }
}
