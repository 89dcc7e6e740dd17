//! The watch modes: a dump before memory runs out, and one of a program that hangs. The program goes on afterwards.
//!
//! *Memory.* What is used is read as often as it may have grown by what is left: some gigabytes a second, and never less than
//! four times a second. One dump is made each time that the limit is crossed from below; it counts as below again under nine
//! tenths of it.
//!
//! *Hangs.* Where all threads stand is looked at fifty times in the time that is asked for, at irregular times; if they stood
//! still at each look, a dump is made, and the next one after the program has gone on. A wait is a hang: the time that is asked
//! for must be longer than any that the program waits for on purpose.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use heapsake_cpython::memory::available;
use heapsake_cpython::progress::{Position, Progress};

use super::session::{Session, locked};
use crate::output::bytes;

/// So fast may memory be filled, in bytes a second.
const FASTEST: u64 = 4 << 30;
const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(250);
/// Looks in the time after which a program counts as hanging.
const LOOKS: u32 = 50;
/// A program that does not start, or is no Python any more, is asked again after so long.
const PATIENCE: Duration = Duration::from_millis(100);

/// How much memory is too much.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Most {
    /// A share of what may be used.
    Share(f64),
    /// What the program has in memory, in bytes.
    Bytes(u64),
}

impl Most {
    /// `90%`, or a size such as `200MB`, `1.5GiB`, `4096`.
    pub(crate) fn parse(text: &str) -> Result<Most, String> {
        let wrong = || "it is to be a share such as 90%, or a size such as 200MB or 1.5GiB".to_owned();
        let at = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(at);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit.trim().to_ascii_lowercase().as_str() {
            "%" if number > 0.0 && number <= 100.0 => return Ok(Most::Share(number / 100.0)),
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        if number > 0.0 { Ok(Most::Bytes((number * factor) as u64)) } else { Err(wrong()) }
    }

    /// What is used of what, in bytes; the first is too much when it is larger.
    fn used(self, pid: i32) -> Option<(u64, u64, String)> {
        match self {
            Most::Bytes(limit) => {
                let used = available::resident(pid)?;
                Some((used, limit, format!("{} in memory, {} asked for", bytes(used), bytes(limit))))
            }
            Most::Share(share) => {
                let tightest = available::limits(pid).into_iter().max_by(|a, b| a.share().total_cmp(&b.share()))?;
                let text = format!("{} of {}, {}", bytes(tightest.used), tightest.what, bytes(tightest.limit));
                Some((tightest.used, (tightest.limit as f64 * share) as u64, text))
            }
        }
    }
}

/// A time that a program may hang.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or_else(|| "it is to be a number of seconds".to_owned())
}

/// Watches the memory of the program until nobody is left to say that it runs.
pub(super) fn memory(pid: i32, most: Most, session: &Mutex<Session<'_>>, runs: &Receiver<()>) {
    let mut above = false;
    let mut wait = SHORTEST;
    while runs.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        let Some((used, limit, text)) = most.used(pid) else { continue };
        if used >= limit && !above {
            above = true;
            locked(session).watched(pid, &format!("memory: {text}"), || true);
        } else if used < limit / 10 * 9 {
            above = false;
        }
        let left = limit.saturating_sub(used);
        wait = if above { LONGEST } else { Duration::from_secs_f64(left as f64 / FASTEST as f64).clamp(SHORTEST, LONGEST) };
    }
}

/// Watches the progress of the program until nobody is left to say that it runs.
pub(super) fn hang(pid: i32, most: Duration, session: &Mutex<Session<'_>>, runs: &Receiver<()>) {
    let mut look = Looker { pid, progress: None };
    let mut before: Option<Position> = None;
    let (mut since, mut looks, mut told) = (Instant::now(), 0, false);
    let mut wait = PATIENCE;
    let mut random = u64::from(std::process::id()) | 1;
    while runs.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        let now = look.look();
        let stands = now.as_ref().zip(before.as_ref()).is_some_and(|(now, before)| !now.went_on_since(before));
        if stands {
            looks += 1;
        } else {
            (since, looks, told) = (Instant::now(), 0, false);
        }
        if looks >= LOOKS && since.elapsed() >= most && !told {
            told = true;
            let mut session = locked(session);
            // Whoever had the session may have held the program up.
            let still = || look.look().zip(now.as_ref()).is_some_and(|(again, now)| !again.went_on_since(now));
            session.watched(pid, &format!("hang: nothing was run for {} s", most.as_secs_f64()), still);
        }
        wait = if now.is_none() { PATIENCE } else { irregular(most / LOOKS, &mut random) };
        before = now;
    }
}

/// From three to five quarters of a time, so that what the program does regularly is not met at the same point each time.
fn irregular(time: Duration, random: &mut u64) -> Duration {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    time.mul_f64(0.75 + (*random % 1024) as f64 / 2048.0).clamp(SHORTEST, Duration::from_mins(1))
}

/// The program, once it can be looked at.
struct Looker {
    pid: i32,
    progress: Option<Progress>,
}

impl Looker {
    fn look(&mut self) -> Option<Position> {
        if self.progress.is_none() {
            self.progress = Progress::of_process(self.pid);
        }
        let found = self.progress.as_mut()?.look();
        if found.is_none() {
            self.progress = None;
        }
        // One that was stopped by a key or a signal stands still because it is told to.
        found.filter(|_| !available::is_stopped(self.pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much() {
        for (text, most) in [
            ("90%", Most::Share(0.9)),
            ("100 %", Most::Share(1.0)),
            ("200MB", Most::Bytes(200_000_000)),
            ("1.5GiB", Most::Bytes(3 << 29)),
            ("4096", Most::Bytes(4096)),
            ("2k", Most::Bytes(2000)),
        ] {
            assert_eq!(Most::parse(text), Ok(most), "{text}");
        }
        for text in ["", "%", "0%", "101%", "MB", "-1", "1.2.3MB", "5 apples", "0"] {
            assert!(Most::parse(text).is_err(), "{text}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(["0", "-1", "x", "inf"].into_iter().all(|text| seconds(text).is_err()));
    }

    #[test]
    fn irregular_times_are_near_the_time() {
        let mut random = 7;
        let times: Vec<Duration> = (0..100).map(|_| irregular(Duration::from_secs(1), &mut random)).collect();
        assert!(times.iter().all(|time| (0.75..=1.25).contains(&time.as_secs_f64())), "{times:?}");
        assert!(times.iter().collect::<std::collections::BTreeSet<_>>().len() > 50);
    }
}
