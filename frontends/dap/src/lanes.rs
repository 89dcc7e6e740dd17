//! Who works off requests: one thread the short ones, in their order; one what is typed in the console, in its order; a few
//! others the long ones, beside them; and one has the graph made for those that need it, so that these wait in its line and not
//! on a thread.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Threads for long requests.
const LONG: usize = 3;
/// Bytes of a thread's stack: values may be nested deep.
const STACK: usize = 64 << 20;
/// How long the end waits for short requests.
const PATIENCE: Duration = Duration::from_secs(2);

type Work = Box<dyn FnOnce() + Send>;

/// Which lane a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Milliseconds.
    Short,
    /// What is typed, which may give names to what is typed next.
    Console,
    /// Whatever may take as long as many holders of an object do, or as long as a user's expression takes.
    Long,
}

/// Where a request goes on that was begun.
#[derive(Clone)]
pub(crate) struct Later {
    long: Sender<Work>,
    reading: Sender<Work>,
}

impl Later {
    /// Goes on beside the short requests.
    pub(crate) fn long(&self, work: impl FnOnce() + Send + 'static) {
        let _ = self.long.send(Box::new(work));
    }

    /// Reads the whole dump, after those that came before.
    pub(crate) fn when_read(&self, work: impl FnOnce() + Send + 'static) {
        let _ = self.reading.send(Box::new(work));
    }
}

/// The threads. All but that of the short lane are left alone at the end: what they work at is not wanted any more.
pub(crate) struct Lanes {
    short: Option<Sender<Work>>,
    console: Sender<Work>,
    later: Later,
    /// Ends when the short lane does.
    worked_off: Receiver<()>,
}

impl Lanes {
    pub(crate) fn new() -> std::io::Result<Lanes> {
        let (short, worked_off) = in_order("short requests")?;
        let (console, _) = in_order("the console")?;
        let (reading, _) = in_order("the reading of the dump")?;
        let (long, of_long) = channel();
        let of_long = Arc::new(Mutex::new(of_long));
        for _ in 0..LONG {
            let of_long = Arc::clone(&of_long);
            spawn("long requests", move || work_off(&of_long))?;
        }
        Ok(Lanes { short: Some(short), console, later: Later { long, reading }, worked_off })
    }

    pub(crate) fn send(&self, lane: Lane, work: impl FnOnce() + Send + 'static) {
        let work: Work = Box::new(work);
        let sender = match lane {
            Lane::Short => self.short.as_ref(),
            Lane::Console => Some(&self.console),
            Lane::Long => Some(&self.later.long),
        };
        // Work never panics through: a lane is there as long as these are.
        let _ = sender.map(|sender| sender.send(work));
    }

    pub(crate) fn later(&self) -> Later {
        self.later.clone()
    }

    /// Lets the short lane work off what it has, for two seconds.
    pub(crate) fn finish(&mut self) {
        if self.short.take().is_some() {
            let _ = self.worked_off.recv_timeout(PATIENCE);
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work).map(drop)
}

/// A thread that does one thing after the other. What is received of the second channel is that it has ended.
fn in_order(name: &str) -> std::io::Result<(Sender<Work>, Receiver<()>)> {
    let (sender, receiver) = channel::<Work>();
    let (until_the_end, ended) = channel();
    spawn(name, move || {
        let _until_the_end: Sender<()> = until_the_end;
        for work in receiver {
            work();
        }
    })?;
    Ok((sender, ended))
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_end_waits_for_short_requests_and_not_for_ever() {
        let (done, is_done) = channel();
        let mut lanes = Lanes::new().expect("threads");
        lanes.send(Lane::Short, move || {
            std::thread::sleep(Duration::from_millis(50));
            let _ = done.send(());
        });
        lanes.finish();
        is_done.try_recv().expect("what is short is worked off");

        let (hold, held) = channel::<()>();
        let mut lanes = Lanes::new().expect("threads");
        lanes.send(Lane::Short, move || {
            let _ = held.recv();
        });
        let begun = Instant::now();
        lanes.finish();
        assert!((PATIENCE..PATIENCE * 20).contains(&begun.elapsed()));
        drop(hold);
    }
}
