//! Why a file could not be opened. Content never makes an error: it makes faults.

use std::path::PathBuf;
use std::{fmt, io};

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such file.
    NotFound,
    /// It may not be read.
    NotPermitted,
    /// It is a folder.
    Directory,
    /// It has no bytes.
    Empty,
    /// It is something else.
    NotADump,
    /// Reading failed.
    Read,
}

/// An error of the loader.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    path: PathBuf,
    source: Option<io::Error>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, path: PathBuf, source: Option<io::Error>) -> Error {
        Error { kind, path, source }
    }

    pub(crate) fn of_io(path: PathBuf, source: io::Error) -> Error {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::NotPermitted,
            io::ErrorKind::IsADirectory => ErrorKind::Directory,
            _ => ErrorKind::Read,
        };
        Error { kind, path, source: Some(source) }
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match (&self.kind, &self.source) {
            (ErrorKind::NotFound, _) => {
                write!(f, "{path}: no such file\nhint: dumps end in .heapsake, unfinished ones in .heapsake.partial")
            }
            (ErrorKind::NotPermitted, _) => {
                write!(f, "{path}: not permitted\nhint: dumps are readable by their owner only; ask that user for it")
            }
            (ErrorKind::Directory, _) => write!(f, "{path}: is a folder\nhint: name the dump inside it"),
            (ErrorKind::Empty, _) => {
                write!(f, "{path}: is empty\nhint: the disk may have been full when it was written; look for a .partial file")
            }
            (ErrorKind::NotADump, _) => {
                write!(
                    f,
                    "{path}: not a heapsake dump: it has neither the first line nor a chunk of one\nhint: an ELF core file is opened with `heapsake core`"
                )
            }
            (ErrorKind::Read, Some(source)) => write!(f, "{path}: cannot be read: {source}"),
            (ErrorKind::Read, None) => write!(f, "{path}: cannot be read"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
