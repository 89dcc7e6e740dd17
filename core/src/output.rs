//! The file that a dump is written to: readable by its owner only, under a `.partial` name until it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// Bytes that are gathered before they go to the file.
const BUFFER: usize = 1 << 20;

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
    /// Creates the file that will be `path`, with mode 0600, under the name `path` + `.partial`.
    ///
    /// # Errors
    /// [`ErrorKind::Create`].
    pub fn create(path: &Path) -> Result<DumpFile, Error> {
        let partial = DumpFile::partial_path(path);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let failed = |source| Error::new(ErrorKind::Create(path.to_owned()), source);
        if path.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let file = options.open(&partial).map_err(failed)?;
        Ok(DumpFile { file, buffer: Vec::with_capacity(BUFFER), path: path.to_owned(), partial, written: 0, finished: false })
    }

    /// The name that the file that will be `path` has until it is complete.
    pub fn partial_path(path: &Path) -> PathBuf {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        partial.into()
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
        let written = self.flush().and_then(|()| self.file.sync_data());
        written.map_err(|source| Error::new(ErrorKind::Write, source))?;
        fs::rename(&self.partial, &self.path).map_err(|source| Error::new(ErrorKind::Rename(self.path.clone()), source))?;
        self.finished = true;
        Ok(self.path.clone())
    }
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
