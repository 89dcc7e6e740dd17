//! Why an object is not complete.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an object became a surrogate. The number is the one in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[repr(u8)]
pub enum Reason {
    /// The target's memory does not have the bytes.
    Unreadable = 1,
    /// What lies there is no object: its type pointer leads to no type.
    NotAnObject = 2,
    /// Its fields contradict each other.
    Corrupt = 3,
    /// Its reducer failed.
    ReducerFailed = 4,
    /// A limit of bytes, time or objects was reached before it was read.
    Budget = 5,
    /// Its value was withheld.
    Redacted = 6,
    /// The loader met only references to it: its chunk is lost.
    Lost = 7,
}

impl Reason {
    /// Every reason, in the order of the file's numbers.
    pub const ALL: [Reason; 7] = [
        Reason::Unreadable,
        Reason::NotAnObject,
        Reason::Corrupt,
        Reason::ReducerFailed,
        Reason::Budget,
        Reason::Redacted,
        Reason::Lost,
    ];

    /// The reason with this number in the file.
    pub fn from_number(number: u8) -> Option<Reason> {
        Self::ALL.iter().copied().find(|reason| *reason as u8 == number)
    }

    /// The words that front ends show.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Unreadable => "unreadable memory",
            Reason::NotAnObject => "not an object",
            Reason::Corrupt => "corrupt",
            Reason::ReducerFailed => "reducer failed",
            Reason::Budget => "beyond the budget",
            Reason::Redacted => "redacted",
            Reason::Lost => "lost with its chunk",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What made an object a surrogate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason.
    pub reason: Reason,
    /// What exactly, lower case; may be empty.
    pub detail: Cow<'static, str>,
}

impl Failure {
    /// A failure with a reason and what exactly.
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Failure {
        Failure { reason, detail: detail.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.detail {
            "" => write!(f, "{}", self.reason),
            detail => write!(f, "{}: {detail}", self.reason),
        }
    }
}

impl std::error::Error for Failure {}
