//! Everything that has a stack: threads, greenlets and tasklets at once; tasks and suspended generators when they are found,
//! which reads the whole dump and happens beside the first answers.
//!
//! Stacks are numbered from 1: threads in the dump's order, the one of the exception first, then tasks, then generators. Rows
//! of a stack are counted from the innermost frame, as the protocol has them; labels stand between frames.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use heapsake_analysis::sources::is_own;
use heapsake_analysis::waits::{Suspended, Task, Waits};
use heapsake_core::format::records::{Frame, Thread};
use heapsake_core::heap::FrameKind;
use heapsake_loader::{Dump, ObjectId};

/// Generators and coroutines that are shown as threads.
const MOST_SUSPENDED: usize = 1000;
/// Tasks that are shown.
const MOST_TASKS: usize = 10_000;
/// How long an answer waits for tasks and generators; in dumps of usual size they are there before.
const PATIENCE: Duration = Duration::from_millis(100);

/// A row of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FrameKey {
    /// The stack.
    pub(crate) stack: i64,
    /// Its row, the innermost first.
    pub(crate) row: u32,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// The frame at this position, the outermost first.
    Frame(u32),
    /// Words between frames.
    Label(String),
}

/// A stack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stack<'s> {
    Thread(&'s Thread),
    Task(&'s Task),
    Suspended(&'s Suspended),
    /// Words in place of a stack.
    Nothing(&'static str),
    /// That so many more are not shown.
    More(&'static str, usize),
}

impl<'s> Stack<'s> {
    /// Its frames, outermost first.
    pub(crate) fn frames(self) -> &'s [Frame] {
        match self {
            Stack::Thread(thread) => &thread.frames,
            Stack::Task(task) => &task.frames,
            Stack::Suspended(suspended) => &suspended.frames,
            Stack::Nothing(_) | Stack::More(..) => &[],
        }
    }
}

/// The stacks of one dump.
#[derive(Debug)]
pub(crate) struct Stacks {
    dump: Arc<Dump>,
    found: OnceLock<Found>,
    progress: Mutex<Progress>,
    finished: Condvar,
    rows: Mutex<HashMap<i64, Arc<Vec<Row>>>>,
    /// Whether stacks have a frame of the program itself.
    own: Mutex<HashMap<i64, bool>>,
}

#[derive(Debug, Default)]
struct Found {
    waits: Waits,
    /// Unfinished tasks, by position.
    tasks: Vec<usize>,
    unshown_tasks: usize,
    suspended: Vec<Suspended>,
    unshown_suspended: usize,
}

#[derive(Default)]
struct Progress {
    finished: bool,
    /// What waits for it.
    then: Vec<Box<dyn FnOnce() + Send>>,
    /// Whether stacks were told without what was not found yet.
    told_early: bool,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.then.len();
        f.debug_struct("Progress").field("finished", &self.finished).field("waiting", &waiting).finish_non_exhaustive()
    }
}

impl Stacks {
    pub(crate) fn new(dump: Arc<Dump>) -> Stacks {
        Stacks {
            dump,
            found: OnceLock::new(),
            progress: Mutex::default(),
            finished: Condvar::new(),
            rows: Mutex::default(),
            own: Mutex::default(),
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for tasks and generators; gives the stacks that the client does not know of, when it was told the others.
    pub(crate) fn find(&self) -> Vec<i64> {
        let look = std::panic::AssertUnwindSafe(|| {
            let waits = Waits::of(&self.dump);
            let live = |task: &Task| !matches!(task.state, "finished" | "cancelled") && !task.frames.is_empty();
            let mut tasks: Vec<usize> = (0..waits.tasks.len()).filter(|index| live(&waits.tasks[*index])).collect();
            let unshown_tasks = tasks.len().saturating_sub(MOST_TASKS);
            tasks.truncate(MOST_TASKS);
            let (suspended, total) = waits.suspended(&self.dump, MOST_SUSPENDED);
            let unshown_suspended = total - suspended.len();
            Found { waits, tasks, unshown_tasks, suspended, unshown_suspended }
        });
        // A conclusion that fails costs what it would have told, not the session.
        let found = std::panic::catch_unwind(look).unwrap_or_default();
        let _ = self.found.set(found);
        let mut progress = self.progress();
        progress.finished = true;
        let (told_early, then) = (progress.told_early, std::mem::take(&mut progress.then));
        drop(progress);
        self.finished.notify_all();
        for act in then {
            act();
        }
        if told_early { (self.threads() + 1..=self.count()).collect() } else { Vec::new() }
    }

    /// Waits a little for tasks and generators; whether all stacks are known.
    pub(crate) fn settle(&self) -> bool {
        let progress = self.progress();
        let waited = self.finished.wait_timeout_while(progress, PATIENCE, |progress| !progress.finished);
        let (mut progress, _) = waited.unwrap_or_else(PoisonError::into_inner);
        progress.told_early |= !progress.finished;
        progress.finished
    }

    /// Does something when everything is found: at once, or on the thread that finds it.
    pub(crate) fn when_found(&self, act: impl FnOnce() + Send + 'static) {
        let mut progress = self.progress();
        if progress.finished {
            drop(progress);
            act();
        } else {
            progress.then.push(Box::new(act));
        }
    }

    /// What threads and tasks wait for, once it is found.
    pub(crate) fn waits(&self) -> Option<&Waits> {
        self.found.get().map(|found| &found.waits)
    }

    /// Stacks that are known at once.
    fn threads(&self) -> i64 {
        (self.dump.threads().len() as i64).max(1)
    }

    /// Number of the stacks that are known.
    pub(crate) fn count(&self) -> i64 {
        let found = self.found.get();
        let found = found.map_or(0, |found| {
            let notes = usize::from(found.unshown_tasks > 0) + usize::from(found.unshown_suspended > 0);
            found.tasks.len() + found.suspended.len() + notes
        });
        self.threads() + found as i64
    }

    /// The stack with a number.
    pub(crate) fn get(&self, number: i64) -> Option<Stack<'_>> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        let threads = self.dump.threads();
        if let Some(thread) = threads.get(place) {
            return Some(Stack::Thread(thread));
        }
        if threads.is_empty() && place == 0 {
            return Some(Stack::Nothing("no thread is in the dump"));
        }
        let found = self.found.get()?;
        let place = place - threads.len().max(1);
        if let Some(index) = found.tasks.get(place) {
            return Some(Stack::Task(&found.waits.tasks[*index]));
        }
        let place = place - found.tasks.len();
        if let Some(suspended) = found.suspended.get(place) {
            return Some(Stack::Suspended(suspended));
        }
        let more = [("tasks", found.unshown_tasks), ("generators", found.unshown_suspended)];
        let mut more = more.into_iter().filter(|(_, count)| *count > 0);
        more.nth(place - found.suspended.len()).map(|(what, count)| Stack::More(what, count))
    }

    /// The rows of a stack.
    pub(crate) fn rows(&self, number: i64) -> Option<Arc<Vec<Row>>> {
        let stack = self.get(number)?;
        let mut known = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(known.entry(number).or_insert_with(|| Arc::new(rows_of(stack)))))
    }

    /// Whether a stack has a frame of the program itself, and not of libraries alone.
    pub(crate) fn has_own(&self, number: i64) -> bool {
        let has_own = |stack: Stack<'_>| stack.frames().iter().any(|frame| is_own(&frame.filename));
        let mut known = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(number).or_insert_with(|| self.get(number).is_some_and(has_own))
    }

    /// The frame of a row; none for labels.
    pub(crate) fn frame(&self, key: FrameKey) -> Option<&Frame> {
        let rows = self.rows(key.stack)?;
        match rows.get(key.row as usize)? {
            Row::Frame(at) => self.get(key.stack)?.frames().get(*at as usize),
            Row::Label(_) => None,
        }
    }

    /// The exception of a stack: that of a thread, of the dump, or the one that a task ended with.
    pub(crate) fn exception(&self, number: i64) -> Option<ObjectId> {
        match self.get(number)? {
            Stack::Thread(thread) => {
                let own = thread.exception.and_then(|exception| exception.id).map(ObjectId);
                own.or_else(|| (number == 1).then(|| self.dump.exception()).flatten())
            }
            Stack::Nothing(_) => self.dump.exception(),
            Stack::Task(_) | Stack::Suspended(_) | Stack::More(..) => None,
        }
    }
}

fn rows_of(stack: Stack<'_>) -> Vec<Row> {
    let frames = stack.frames();
    let mut rows: Vec<Row> = Vec::with_capacity(frames.len() + 1);
    if matches!(stack, Stack::Suspended(suspended) if suspended.is_cut) {
        rows.push(Row::Label("… more frames, further inside, that are not shown".to_owned()));
    }
    let mut inner: Option<FrameKind> = None;
    for (at, frame) in frames.iter().enumerate().rev() {
        if inner.is_some_and(|inner| inner != frame.kind) {
            let label = match frame.kind {
                FrameKind::Traceback => "above: where it stood · below: the traceback of the exception",
                _ => "above: the traceback of the exception · below: its callers",
            };
            rows.push(Row::Label(label.to_owned()));
        }
        inner = Some(frame.kind);
        rows.push(Row::Frame(at as u32));
    }
    match stack {
        Stack::Thread(thread) => {
            let lost = (thread.depth as usize).saturating_sub(frames.len());
            match lost {
                0 if frames.is_empty() => rows.push(Row::Label("no frame of Python".to_owned())),
                0 => {}
                lost => rows.push(Row::Label(format!("… {lost} more frames, which are not in the dump"))),
            }
        }
        Stack::Nothing(why) => rows.push(Row::Label(why.to_owned())),
        Stack::More(what, count) => rows.push(Row::Label(format!("{count} more {what} are not shown as threads"))),
        Stack::Task(_) | Stack::Suspended(_) => {}
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(kinds: &[FrameKind], depth: u32) -> Thread {
        let frames = kinds.iter().map(|kind| Frame { kind: *kind, ..Frame::default() }).collect();
        Thread { frames, depth, ..Thread::default() }
    }

    #[test]
    fn labels_stand_where_the_kind_changes_and_where_frames_are_missing() {
        let label = |row: &Row| match row {
            Row::Frame(at) => at.to_string(),
            Row::Label(words) => words.clone(),
        };
        let shown = |thread: &Thread| rows_of(Stack::Thread(thread)).iter().map(label).collect::<Vec<_>>();
        let (running, traceback) = (FrameKind::Running, FrameKind::Traceback);
        let seam = "above: the traceback of the exception · below: its callers";
        assert_eq!(shown(&thread(&[running, traceback, traceback], 3)), ["2", "1", seam, "0"]);
        assert_eq!(shown(&thread(&[running], 5)), ["0", "… 4 more frames, which are not in the dump"]);
        assert_eq!(shown(&thread(&[], 0)), ["no frame of Python"]);
        assert_eq!(shown(&thread(&[], 2)), ["… 2 more frames, which are not in the dump"]);
    }
}
