//! An open dump and what its client was told: numbers of frames, sources and variables.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use heapsake_loader::{Dump, Error, harmless_line};

use crate::protocol::{Failure, InitializeArguments};
use crate::references::References;
use crate::results::Results;
use crate::sources::Sources;
use crate::stacks::{FrameKey, Stacks};

/// Objects whose chunks are decoded together.
pub(crate) const PAGE: usize = 100;
/// Bytes of decoded chunks that are kept: those of some 5 million objects, so that a page of a large heap is decoded once.
const KEPT: usize = 256 << 20;

/// Faults of a file that are told.
const FAULTS: usize = 20;

/// What an answer is: a body, or why there is none.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Failure {
    /// A failure that is told where it was asked.
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), show: false }
    }

    /// One that the editor shows at once.
    pub(crate) fn shown(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), show: true }
    }
}

/// The session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) dump: Arc<Dump>,
    pub(crate) client: Client,
    pub(crate) stacks: Stacks,
    pub(crate) references: References,
    pub(crate) sources: Sources,
    pub(crate) results: Results,
    frames: Mutex<Frames>,
    /// Faults of the file that the user was told of.
    told_faults: Mutex<usize>,
}

/// What a client said of itself.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// What it adds to lines and columns that start at 1.
    pub(crate) line_shift: i64,
    pub(crate) column_shift: i64,
    pub(crate) pages: bool,
    pub(crate) knows_memory: bool,
    pub(crate) shows_progress: bool,
}

impl Client {
    pub(crate) fn of(arguments: &InitializeArguments) -> Client {
        let shift = |starts_at_1: Option<bool>| if starts_at_1 == Some(false) { -1 } else { 0 };
        Client {
            line_shift: shift(arguments.lines_start_at1),
            column_shift: shift(arguments.columns_start_at1),
            pages: arguments.supports_variable_paging == Some(true),
            knows_memory: arguments.supports_memory_references == Some(true),
            shows_progress: arguments.supports_progress_reporting == Some(true),
        }
    }
}

#[derive(Debug, Default)]
struct Frames {
    keys: Vec<FrameKey>,
    numbers: HashMap<FrameKey, i64>,
}

impl Session {
    /// Opens a dump. Damage is no error: it is told afterwards.
    pub(crate) fn open(path: &Path, client: Client) -> Result<Session, Error> {
        let mut dump = heapsake_loader::open(path)?;
        dump.keep_decoded(KEPT);
        Ok(Session::of(Arc::new(dump), client))
    }

    /// A session about a dump that is open.
    pub(crate) fn of(dump: Arc<Dump>, client: Client) -> Session {
        Session {
            stacks: Stacks::new(Arc::clone(&dump)),
            client,
            references: References::default(),
            sources: Sources::default(),
            results: Results::default(),
            frames: Mutex::default(),
            told_faults: Mutex::default(),
            dump,
        }
    }

    /// What is damaged in the file that the user was not told of: reading more of it may find more.
    pub(crate) fn new_faults(&self) -> Vec<String> {
        let mut told = self.told_faults.lock().unwrap_or_else(PoisonError::into_inner);
        if *told > FAULTS {
            return Vec::new();
        }
        let faults = self.dump.faults();
        let new = faults.iter().take(FAULTS).skip(*told);
        let mut lines: Vec<String> = new.map(|fault| format!("damaged: {}", harmless_line(&fault.to_string(), 400))).collect();
        if faults.len() > FAULTS {
            lines.push("… there is more damage: heapsake check lists it".to_owned());
        }
        *told = faults.len().min(FAULTS + 1);
        lines
    }

    /// The number of a row, for its client.
    pub(crate) fn frame_number(&self, key: FrameKey) -> i64 {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = frames.numbers.get(&key) {
            return *known;
        }
        frames.keys.push(key);
        let number = frames.keys.len() as i64;
        frames.numbers.insert(key, number);
        number
    }

    /// The row of a number.
    pub(crate) fn frame_key(&self, number: i64) -> Answer<FrameKey> {
        let frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let key = place.and_then(|place| frames.keys.get(place).copied());
        key.ok_or_else(|| Failure::new(format!("no frame has the number {number}")))
    }
}
