//! The file that a dump is written to: readable by its owner only, under a `.partial` name until it is complete.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// Bytes that are gathered before they go to the file.
const BUFFER: usize = 256 << 10;
/// Dumps that can be under way to the same path at once.
const AT_ONCE: u32 = 16;

/// A dump file that is being written.
///
/// Dropped unfinished it stays under its `.partial` name when it holds a chunk or more, as what is there can be opened;
/// else it is removed.
#[derive(Debug)]
pub struct DumpFile {
    file: File,
    buffer: Vec<u8>,
    path: PathBuf,
    partial: PathBuf,
    written: u64,
    finished: bool,
}

impl DumpFile {
    /// Creates the file that will be `path`, with mode 0600, under the name `path` + `.partial`, or `.2.partial` and so on if
    /// another dump is being written under that one, or something else has it. What an earlier dump left there is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::Create`].
    pub fn create(path: &Path) -> Result<DumpFile, Error> {
        let failed = |source| Error::new(ErrorKind::Create(path.to_owned()), source);
        DumpFile::may_replace(path).map_err(failed)?;
        for number in 1..=AT_ONCE {
            let partial = partial_path(path, number);
            let file = match create_or_take_over(&partial) {
                // It is gone if another dump has just been completed, or the folder is.
                Err(problem) if problem.kind() == io::ErrorKind::NotFound && number < AT_ONCE => continue,
                created => created.map_err(failed)?,
            };
            if let Some(file) = file {
                let buffer = Vec::with_capacity(BUFFER);
                return Ok(DumpFile { file, buffer, path: path.to_owned(), partial, written: 0, finished: false });
            }
        }
        Err(failed(io::Error::from(io::ErrorKind::AlreadyExists)))
    }

    /// Whether a dump may take the place of what is there: of an ordinary file or of nothing. A folder, a device, a pipe and
    /// what the kernel shows as files are no places for one.
    ///
    /// # Errors
    /// That it is none of these, in words.
    pub fn may_replace(path: &Path) -> io::Result<()> {
        let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no ordinary file; name one, or a folder");
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            Ok(about) if !about.is_file() => return Err(no_file()),
            _ => {}
        }
        // As there are links to where standard output goes; other folders may be reached through those of processes.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match fs::canonicalize(folder) {
            Ok(folder) if folder == Path::new("/dev") => Err(no_file()),
            Ok(folder) if ["/proc", "/sys"].iter().any(|kernels| folder.starts_with(kernels)) => Err(no_file()),
            _ => Ok(()),
        }
    }

    /// Creates the file that will be `path`, if no other is: none where a file has that name, or is to have it when it is
    /// complete. Of several who ask at once, one gets the name.
    ///
    /// # Errors
    /// [`ErrorKind::Create`].
    pub fn create_new(path: &Path) -> Result<Option<DumpFile>, Error> {
        let partial = partial_path(path, 1);
        let file = match create_new(&partial) {
            Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            created => created.map_err(|source| Error::new(ErrorKind::Create(path.to_owned()), source))?,
        };
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(None);
        }
        let file =
            DumpFile { file, buffer: Vec::with_capacity(BUFFER), path: path.to_owned(), partial, written: 0, finished: false };
        // Whoever had the name of the partial file before may have completed it; from now on nobody does.
        Ok(fs::symlink_metadata(path).is_err().then_some(file))
    }

    /// The name that the file has until it is complete.
    pub fn unfinished_path(&self) -> &Path {
        &self.partial
    }

    /// The name that the file that will be `path` has until it is complete, if no other dump is on its way there.
    pub fn partial_path(path: &Path) -> PathBuf {
        partial_path(path, 1)
    }

    /// Bytes given so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`ErrorKind::Write`] and [`ErrorKind::Rename`]; the partial file stays.
    pub fn finish(mut self) -> Result<PathBuf, Error> {
        let written = self.flush().and_then(|()| synchronized(&self.file));
        written.map_err(|source| Error::new(ErrorKind::Write, source))?;
        fs::rename(&self.partial, &self.path).map_err(|source| Error::new(ErrorKind::Rename(self.path.clone()), source))?;
        self.finished = true;
        Ok(self.path.clone())
    }
}

fn partial_path(path: &Path, number: u32) -> PathBuf {
    let mut partial = path.as_os_str().to_owned();
    if number > 1 {
        partial.push(format!(".{number}"));
    }
    partial.push(".partial");
    partial.into()
}

/// A file that was not there, readable by its owner only.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A new file at `path`, or the one that a dump left there which nobody writes any more; none if it is anything else. Never
/// goes through a link, which in a folder of many users may lead anywhere.
fn create_or_take_over(path: &Path) -> io::Result<Option<File>> {
    let file = match create_new(path) {
        Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => {
            let about = fs::symlink_metadata(path)?;
            if !about.is_file() || !is_own(&about) {
                return Ok(None);
            }
            OpenOptions::new().write(true).open(path)?
        }
        opened => opened?,
    };
    // Where there are no locks, nobody else is there either, as far as can be known.
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Ok(None);
    }
    // Who held the lock may have given the file its name by now: it is complete.
    if !is_same(&fs::symlink_metadata(path)?, &file.metadata()?) {
        return Ok(None);
    }
    file.set_len(0)?;
    Ok(Some(file))
}

#[cfg(unix)]
fn is_own(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == about.uid())
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_own(_: &fs::Metadata) -> bool {
    true
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

impl Write for DumpFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            self.file.write_all(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.written += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for DumpFile {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let _ = self.flush();
        if self.written <= crate::format::FIRST_LINE.len() as u64 {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Has what was written reach the disk, where the file system knows of that.
fn synchronized(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &[u8] = &[7; 100];

    #[test]
    fn dumps_to_one_path_at_once_are_both_whole_and_the_last_has_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.heapsake");
        let mut one = DumpFile::create(&path).unwrap();
        let mut other = DumpFile::create(&path).unwrap();
        assert_ne!(one.unfinished_path(), other.unfinished_path());
        one.write_all(CONTENT).unwrap();
        other.write_all(&CONTENT[..50]).unwrap();
        other.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), &CONTENT[..50]);
        one.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), CONTENT);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_dump_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.heapsake");
        let mut left = DumpFile::create(&path).unwrap();
        left.write_all(CONTENT).unwrap();
        let partial = left.unfinished_path().to_owned();
        drop(left);
        assert!(partial.exists());
        let again = DumpFile::create(&path).unwrap();
        assert_eq!((again.unfinished_path(), fs::metadata(&partial).unwrap().len()), (&*partial, 0));
    }

    #[test]
    fn of_many_who_ask_for_a_new_name_at_once_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.heapsake");
        for round in 0..50 {
            let path = folder.path().join(format!("{round}.heapsake"));
            let ask = || {
                let Some(mut file) = DumpFile::create_new(&path).unwrap() else { return 0 };
                file.write_all(CONTENT).unwrap();
                file.finish().unwrap();
                1
            };
            let got: u32 = std::thread::scope(|scope| {
                let askers: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
                askers.into_iter().map(|asker| asker.join().unwrap()).sum()
            });
            assert_eq!((got, fs::read(&path).unwrap().as_slice()), (1, CONTENT));
        }
        let one = DumpFile::create_new(&path).unwrap();
        assert!(one.is_some() && DumpFile::create_new(&path).unwrap().is_none());
        drop(one);
        assert!(DumpFile::create_new(&path).unwrap().is_some(), "what was not written leaves the name");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 50);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("a.heapsake"), folder.path().join("precious"));
        fs::write(&precious, CONTENT).unwrap();
        std::os::unix::fs::symlink(&precious, folder.path().join("a.heapsake.partial")).unwrap();
        let file = DumpFile::create(&path).unwrap();
        assert_eq!(file.unfinished_path(), folder.path().join("a.heapsake.2.partial"));
        assert_eq!(fs::read(&precious).unwrap(), CONTENT);
    }
}
