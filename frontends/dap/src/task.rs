//! A request that is worked at: whether its answer is still wanted, and how far a reading of the whole dump is, for a client that
//! shows progress.
//!
//! What is started is ended: a progress that a client was told of ends with its request, whatever that comes to.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heapsake_analysis::expression::Watch;
use serde_json::{Value, json};

use crate::outgoing::Outgoing;

/// Percent between two updates.
const STEP: u32 = 5;

/// What an answer needs that takes long to make, once for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The graph of the dump.
    Graph,
    /// The stacks of tasks and generators.
    Stacks,
}

/// The request.
pub(crate) struct Task {
    is_cancelled: AtomicBool,
    /// Whether what it needs is waited for where it is answered.
    keeps_its_place: bool,
    needs: Mutex<Option<Need>>,
    progress: Option<Progress>,
}

/// What its client is told.
struct Progress {
    outgoing: Arc<Outgoing>,
    id: String,
    request: i64,
    /// The percentage that was told last; none before the start and after the end.
    told: Mutex<Option<u32>>,
}

impl Task {
    /// A request that nobody is told the progress of.
    pub(crate) fn silent() -> Task {
        Task { is_cancelled: AtomicBool::new(false), keeps_its_place: false, needs: Mutex::default(), progress: None }
    }

    /// One whose progress has a name.
    pub(crate) fn told(outgoing: Arc<Outgoing>, id: String, request: i64) -> Task {
        let progress = Progress { outgoing, id, request, told: Mutex::default() };
        Task { progress: Some(progress), ..Task::silent() }
    }

    /// The same, answered before all that come after it: what it needs is waited for in its place.
    pub(crate) fn in_order(self) -> Task {
        Task { keeps_its_place: true, ..self }
    }

    /// Ends the answer: it is to be given anew when there is what it needs.
    pub(crate) fn postpone(&self, need: Need) {
        *self.needs() = Some(need);
    }

    /// What is to be made before it is answered anew.
    pub(crate) fn take_need(&self) -> Option<Need> {
        self.needs().take()
    }

    fn needs(&self) -> MutexGuard<'_, Option<Need>> {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, soon.
    pub(crate) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether this is the name of its progress.
    pub(crate) fn is_called(&self, id: &str) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.id == id)
    }

    /// Hears how far it is; whether it goes on.
    pub(crate) fn step(&self, step: usize, of: usize) -> bool {
        self.reads(step, of);
        self.goes_on()
    }

    /// Its work is done.
    pub(crate) fn end(&self) {
        if let Some(progress) = &self.progress
            && progress.told.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
        {
            progress.outgoing.tell("progressEnd", json!({ "progressId": progress.id }));
        }
    }
}

impl Progress {
    fn tell(&self, event: &'static str, percent: u32, more: Value) {
        let mut body = json!({ "progressId": self.id, "percentage": percent });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.outgoing.tell(event, body);
    }
}

impl Watch for Task {
    fn goes_on(&self) -> bool {
        !self.is_cancelled.load(Ordering::Relaxed)
    }

    fn waits_for_graph(&self) -> bool {
        if !self.keeps_its_place {
            self.postpone(Need::Graph);
        }
        self.keeps_its_place
    }

    fn reads(&self, step: usize, of: usize) {
        let Some(progress) = &self.progress else { return };
        let percent = u32::try_from(step.saturating_mul(100) / of.max(1)).unwrap_or(100).min(100);
        let mut told = progress.told.lock().unwrap_or_else(PoisonError::into_inner);
        match *told {
            None => {
                let more = json!({ "title": "reading the dump", "requestId": progress.request, "cancellable": true });
                progress.tell("progressStart", percent, more);
            }
            Some(before) if percent >= before + STEP => progress.tell("progressUpdate", percent, Value::Null),
            Some(_) => return,
        }
        *told = Some(percent);
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("is_cancelled", &self.is_cancelled).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn progress_starts_once_and_ends_once() {
        let written = Written::default();
        let task = Task::told(Arc::new(Outgoing::new(written.clone())), "reading 3".to_owned(), 7);
        task.end();
        assert!(written.0.lock().expect("a text").is_empty(), "what did not start does not end");
        for step in 0..1000 {
            assert!(task.step(step, 2000));
        }
        task.cancel();
        assert!(!task.step(1500, 2000));
        task.end();
        task.end();
        let text = String::from_utf8(written.0.lock().expect("a text").clone()).expect("text");
        let count = |event: &str| text.matches(&format!("\"event\":\"{event}\"")).count();
        assert_eq!((count("progressStart"), count("progressUpdate"), count("progressEnd")), (1, 10, 1), "{text}");
        assert!(text.contains("\"requestId\":7") && task.is_called("reading 3") && !task.is_called("reading 4"), "{text}");
    }
}
