//! A thread that goes before others as long as a process stands still because of it, where it may.

use rustix::process::{getpriority_process, setpriority_process};

/// The first of all that are not of real time.
const FIRST: i32 = -20;

/// The calling thread goes first until this is dropped; those that it starts meanwhile do as well.
#[derive(Debug)]
pub(super) struct Urgency {
    /// How nice it was before, if that was changed.
    before: Option<i32>,
}

impl Urgency {
    pub(super) fn begin() -> Urgency {
        // Of a thread, for all that POSIX says of processes.
        let before = getpriority_process(None).ok();
        Urgency { before: before.filter(|_| setpriority_process(None, FIRST).is_ok()) }
    }
}

impl Drop for Urgency {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            let _ = setpriority_process(None, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends() {
        let before = getpriority_process(None).expect("it is known");
        let urgent = Urgency::begin();
        let is_first = getpriority_process(None) == Ok(FIRST);
        assert_eq!(is_first, urgent.before.is_some(), "{urgent:?}");
        drop(urgent);
        assert_eq!(getpriority_process(None), Ok(before));
    }
}
