//! What can go wrong for a whole dump. Content never does: an object that cannot be read becomes a surrogate.

use std::path::PathBuf;
use std::{fmt, io};

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The dump could not be written.
    Write,
    /// The file could not be made at this path.
    Create(PathBuf),
    /// The finished file could not get its name.
    Rename(PathBuf),
    /// Nothing could be appended to this dump, which is as it was.
    Append(PathBuf),
}

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    kind: ErrorKind,
    #[source]
    source: io::Error,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, source: io::Error) -> Error {
        Error { kind, source }
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// What the user can do about it.
    pub fn hint_line(&self) -> Option<&'static str> {
        match self.source.kind() {
            io::ErrorKind::StorageFull => Some("free some space, or write elsewhere with -o"),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotFound => {
                Some("name a folder that exists and is writable")
            }
            _ => None,
        }
    }

    /// What the system said.
    pub fn into_source(self) -> io::Error {
        self.source
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        match &self.kind {
            ErrorKind::Write => write!(f, "writing the dump failed: {source}")?,
            ErrorKind::Create(path) => write!(f, "cannot create {}: {source}", path.display())?,
            ErrorKind::Append(path) => write!(f, "cannot append to {}: {source}", path.display())?,
            ErrorKind::Rename(path) => write!(f, "cannot move the finished dump to {}: {source}", path.display())?,
        }
        match self.hint_line() {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
