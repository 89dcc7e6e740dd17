//! Why an object was not written.

use std::{fmt, io};

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It has not the shape that the format needs; what it is instead, and a hint.
    Shape(String, &'static str),
    /// Writing failed.
    Write,
}

/// An error of an extraction.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    source: Option<io::Error>,
}

impl Error {
    pub(super) fn shape(what: impl Into<String>, hint: &'static str) -> Error {
        Error { kind: ErrorKind::Shape(what.into(), hint), source: None }
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Error {
        Error { kind: ErrorKind::Write, source: Some(source) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::Shape(what, hint) => write!(f, "{what}\nhint: {hint}"),
            ErrorKind::Write => f.write_str("writing failed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
