//! What can go wrong between a process identifier and a readable heap: one [`ErrorKind`] for the crate, and the
//! [`Error`] that carries it with its numbers.
//!
//! Content of a target's memory is never an error here (it is [`Unreadable`](crate::memory::Unreadable), or a
//! surrogate in the dump); errors are for what stops a dump from being made at all. Messages are in lower case, and what
//! the user can do about it stands on a line of its own, after `hint: `.

use std::error::Error as StandardError;
use std::fmt;

/// Why no dump can be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No process has this identifier.
    NoSuchProcess,
    /// The kernel refuses access to the process.
    NotPermitted,
    /// Another process traces the target already.
    AlreadyTraced,
    /// The process has ended, and its parent has not collected it.
    Zombie,
    /// The process ended while it was being read.
    ProcessDied,
    /// The identifier belongs to a thread of the kernel, which has no memory of its own.
    KernelThread,
    /// The process asked to stop and read itself from outside.
    OwnProcess,
    /// A thread did not stop within the time allowed.
    DidNotStop,
    /// There is not enough memory for a copy of the process's.
    OutOfMemory,
    /// A file that is no core file.
    NotACore,
    /// A core file of a processor that is not read.
    OtherMachine,
    /// The process is no CPython, or none was found in it.
    NotPython,
    /// The process runs another implementation of Python.
    OtherImplementation,
    /// The interpreter is starting up or shutting down.
    NotReady,
    /// This build of CPython has no column in the layout table.
    UnknownLayout,
    /// The layout table does not describe this process: a live type or number contradicts it.
    LayoutMismatch,
    /// The layout table itself is malformed.
    LayoutTable,
    /// There is debug information, and it cannot be read or does not have what is needed.
    DebugInformation,
    /// Memory that the dump cannot do without could not be read.
    Unreadable,
    /// The dump could not be written.
    Write,
    /// The operating system refused or failed an operation.
    System,
}

/// An [`ErrorKind`] with what exactly happened, what the user can do, and the cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StandardError + Send + Sync>>,
}

/// What a fallible operation of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind`; `message` in lower case, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), hint: None, source: None }
    }

    /// The same, with a line that says what the user can do.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// The same, without that line: as the cause of another that has one.
    pub(crate) fn without_hint(mut self) -> Error {
        self.hint = None;
        self
    }

    /// The same, with what caused it.
    pub fn source(mut self, source: impl Into<Box<dyn StandardError + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }

    /// Which error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the user can do about it.
    pub fn hint_line(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<heapsake_core::Error> for Error {
    fn from(error: heapsake_core::Error) -> Error {
        let hint = error.hint_line();
        let told = match error.kind() {
            heapsake_core::ErrorKind::Write => {
                Error::new(ErrorKind::Write, "writing the dump failed").source(error.into_source())
            }
            // It says the path.
            _ => return Error::new(ErrorKind::Write, "the dump cannot be made").source(error),
        };
        match hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl StandardError for Error {
    fn source(&self) -> Option<&(dyn StandardError + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
