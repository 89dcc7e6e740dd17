//! Who works off requests: one thread the short ones, in their order; one what is typed in the console, in its order; a few
//! others the long ones, beside them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Threads for long requests.
const LONG: usize = 3;

type Work = Box<dyn FnOnce() + Send>;

/// Which lane a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Milliseconds.
    Short,
    /// What is typed, which may give names to what is typed next.
    Console,
    /// Whatever may need the whole graph, or as long as a user's expression takes.
    Long,
}

/// The threads. All but that of the short lane are left alone at the end: what they work at is not wanted any more.
pub(crate) struct Lanes {
    short: Option<Sender<Work>>,
    console: Sender<Work>,
    long: Sender<Work>,
    worker: Option<JoinHandle<()>>,
}

impl Lanes {
    pub(crate) fn new() -> std::io::Result<Lanes> {
        let (short, worker) = in_order("short requests")?;
        let (console, _) = in_order("the console")?;
        let (long, of_long) = channel();
        let of_long = Arc::new(Mutex::new(of_long));
        for _ in 0..LONG {
            let of_long = Arc::clone(&of_long);
            std::thread::Builder::new().name("long requests".to_owned()).spawn(move || work_off(&of_long))?;
        }
        Ok(Lanes { short: Some(short), console, long, worker: Some(worker) })
    }

    pub(crate) fn send(&self, lane: Lane, work: impl FnOnce() + Send + 'static) {
        let work: Work = Box::new(work);
        let sender = match lane {
            Lane::Short => self.short.as_ref(),
            Lane::Console => Some(&self.console),
            Lane::Long => Some(&self.long),
        };
        // Work never panics through: a lane is there as long as these are.
        let _ = sender.map(|sender| sender.send(work));
    }

    /// Works off the short lane.
    pub(crate) fn finish(&mut self) {
        self.short = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// A thread that does one thing after the other.
fn in_order(name: &str) -> std::io::Result<(Sender<Work>, JoinHandle<()>)> {
    let (sender, receiver) = channel::<Work>();
    let worker = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        for work in receiver {
            work();
        }
    })?;
    Ok((sender, worker))
}

fn work_off(of_long: &Mutex<Receiver<Work>>) {
    loop {
        let next = of_long.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(_) => return,
        }
    }
}
