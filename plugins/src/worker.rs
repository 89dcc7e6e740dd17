//! The worker: a process that opens plugins and lets them reduce, with the target's memory only by asking for it.
//!
//! It talks over the socket that is its standard input, and ends when the other side is gone. A plugin that does not come
//! back in time is ended with it: by the host, and where the host is gone too, by a thread that watches the time.

use std::io::{self, BufReader};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use heapsake_core::reduce::Reason;

use crate::callbacks::{HOST, Session, gone};
use crate::library::{self, Opened};
use crate::protocol::{Answer, Asked, Request, receive, send};
use crate::told::MOST_TOLD;

/// The argument by which a program is asked to be a worker.
pub const WORKER: &str = "__plugin-worker";
/// How much longer than allowed a plugin runs before the worker ends itself.
const GRACE: Duration = Duration::from_secs(1);
/// How long a library may take to open.
pub(crate) const OPENING: Duration = Duration::from_secs(10);

/// When the worker must have ended if it is still at the same work.
static ALARM: Mutex<Option<Instant>> = Mutex::new(None);

/// Runs the worker on the socket that is standard input; gives the exit status.
pub fn worker() -> i32 {
    match io::stdin().as_fd().try_clone_to_owned() {
        Ok(channel) => serve(UnixStream::from(channel)),
        Err(_) => 2,
    }
}

fn serve(channel: UnixStream) -> i32 {
    library::bound();
    thread::spawn(watch);
    let Ok(mut session) = channel.try_clone().map(Session::new) else { return 2 };
    let mut channel = BufReader::new(channel);
    let mut opened: Vec<Opened> = Vec::new();
    loop {
        match receive(&mut channel) {
            Err(problem) => gone(&problem),
            Ok(Request::Load { path }) => {
                alarm(Some(OPENING));
                let answer = match Opened::open(&path) {
                    Ok(one) => {
                        let description = one.description.clone();
                        opened.push(one);
                        Answer::Loaded(description)
                    }
                    Err(problem) => Answer::Refused(problem),
                };
                say(channel.get_mut(), &answer);
            }
            Ok(Request::Reduce { library, reducer, type_name, deadline, objects }) => {
                let one = opened.get(library as usize);
                for Asked { address, head } in objects {
                    alarm(Some(Duration::from_millis(deadline)));
                    let reduce = |handle| one.and_then(|one| one.reduce(reducer, &HOST, handle));
                    let (back, status) = session.during(address, type_name.clone(), head, reduce);
                    session = back;
                    say(channel.get_mut(), &told(&mut session, status));
                }
            }
        }
    }
}

fn say(channel: &mut UnixStream, answer: &Answer) {
    alarm(None);
    send(channel, answer).unwrap_or_else(|problem| gone(&problem));
}

fn told(session: &mut Session, status: Option<i32>) -> Answer {
    let mut told = std::mem::take(&mut session.telling.bytes);
    told.truncate(MOST_TOLD);
    let failed = |words: &str| Some((Reason::ReducerFailed as u8, words.to_owned()));
    let failure = match (session.failure.take(), status) {
        (Some(failure), _) => Some(failure),
        (None, Some(crate::abi::OK)) => None,
        (None, Some(status)) => failed(&format!("ended with status {status} and no reason")),
        (None, None) => failed("has no such reducer"),
    };
    Answer::Told { told, failure }
}

fn alarm(after: Option<Duration>) {
    if let Ok(mut alarm) = ALARM.lock() {
        *alarm = after.map(|after| Instant::now() + after + GRACE);
    }
}

/// Ends the worker when a plugin does not come back, whether or not somebody is left to see it.
fn watch() {
    loop {
        thread::sleep(Duration::from_millis(200));
        let late = ALARM.lock().is_ok_and(|alarm| alarm.is_some_and(|alarm| Instant::now() > alarm));
        if late {
            std::process::abort();
        }
    }
}
