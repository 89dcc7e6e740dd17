//! Tests of the making of a graph: how often it asks whether to go on, and who makes it when several want it.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use super::graph_tests::{Thing, bytes, file, kept, ring};
use super::{HeapGraph, PUT_TOGETHER, READ, STEPS};
use crate::{Dump, open};

/// After this long something hangs.
const PATIENCE: Duration = Duration::from_mins(2);
/// Parts that may be gone through between two questions, and a few.
const MOST_BETWEEN: usize = 100_000;

/// One object with a million edges, and a few others with few: a chunk, and 15 parts of a large container.
fn wide() -> Vec<Thing> {
    let mut things = vec![Thing::default(); 40];
    things[0].elements = (0..1_000_000).map(|at| at % 40).collect();
    things
}

fn all_of(graph: &HeapGraph) -> Vec<u8> {
    graph.bytes().to_vec()
}

#[test]
fn whoever_makes_it_is_asked_every_few_thousand_edges() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let path = file(folder.path(), &bytes(&wide(), &[0]));
    let mut heard = Vec::new();
    let dump = open(&path).unwrap();
    let made = dump.graph_kept_in(Some(&cache), &mut |step, of| {
        heard.push(step);
        of == STEPS
    });
    let whole = all_of(&made.unwrap());
    assert!(heard.is_sorted() && heard.last().is_some_and(|step| *step <= STEPS), "{heard:?}");
    let asked = |from: usize, to: usize| heard.iter().filter(|step| (from..to).contains(step)).count();
    let once = 1_000_000 / MOST_BETWEEN;
    // The edges are read, and gone through four times to put the graph together, which is 10 MB to write and to check.
    assert!(asked(0, READ) >= once, "{heard:?}");
    assert!(asked(READ, PUT_TOGETHER) >= 4 * once, "{heard:?}");
    assert!(asked(PUT_TOGETHER, STEPS + 1) >= 5 * once / 2, "{heard:?}");

    // Whenever it is given up, nothing is left of it, and the next one makes it.
    for last in (0..heard.len()).step_by(3) {
        fs::remove_dir_all(&cache).unwrap();
        let mut asked = 0;
        let given_up = dump.graph_kept_in(Some(&cache), &mut |_, _| {
            asked += 1;
            asked <= last
        });
        if heard[last] < PUT_TOGETHER {
            assert!(given_up.is_none() && asked == last + 1, "asked {asked} times, to end after {last}");
            assert!(kept(&cache).is_empty());
        } else {
            // It is made, and whether it can be kept is no reason to make it again.
            assert_eq!(all_of(&given_up.unwrap()), whole);
            assert!(kept(&cache).iter().all(|path| path.extension().is_some_and(|ending| ending == "graph")));
        }
        assert_eq!(all_of(&dump.graph_kept_in(Some(&cache), &mut |_, _| true).unwrap()), whole);
    }

    // So is one who waits for a kept one to be checked.
    let (mut asked, most) = (0, whole.len() / (2 << 20));
    let given_up = dump.graph_kept_in(Some(&cache), &mut |step, _| {
        asked += 1;
        assert_eq!(step, 0, "it is not made");
        asked < most
    });
    assert!(given_up.is_none() && asked == most, "asked {asked} times");
}

/// One who asks for the graph on a thread of its own: says how far it heard that it is, and goes on when it is told so.
struct Asking {
    thread: JoinHandle<Option<usize>>,
    heard: Receiver<usize>,
    word: Option<Sender<bool>>,
}

impl Asking {
    /// It waits for a word whenever it hears a step from `from` on.
    fn begin(dump: &Arc<Dump>, from: usize) -> Asking {
        let (dump, (hears, heard), (word, words)) = (Arc::clone(dump), channel(), channel::<bool>());
        let thread = spawn(move || {
            let graph = dump.graph_while(&mut |step, _| {
                if step < from {
                    return true;
                }
                let _ = hears.send(step);
                words.recv().expect("a word")
            });
            graph.map(|graph| std::ptr::from_ref(graph).addr())
        });
        Asking { thread, heard, word: Some(word) }
    }

    fn hears(&self) -> usize {
        self.heard.recv_timeout(PATIENCE).expect("it is asked")
    }

    fn say(&self, goes_on: bool) {
        self.word.as_ref().expect("not left").send(goes_on).expect("it listens");
    }

    /// Lets it go on from now on; where the graph is in the end.
    fn ended(mut self) -> std::thread::Result<Option<usize>> {
        let word = self.word.take().expect("not left");
        // What it hears ends when it does.
        loop {
            match self.heard.recv_timeout(PATIENCE) {
                Ok(_) => drop(word.send(true)),
                Err(RecvTimeoutError::Disconnected) => return self.thread.join(),
                Err(RecvTimeoutError::Timeout) => panic!("it neither ends nor is asked"),
            }
        }
    }
}

#[test]
fn one_who_waits_hears_how_far_it_is_and_may_leave() {
    let dump = Arc::new(Dump::from_bytes(bytes(&wide(), &[0])).unwrap());
    let maker = Asking::begin(&dump, READ);
    let at = maker.hears();
    let waiting = Asking::begin(&dump, 0);
    // Whatever it heard before the maker stood still.
    while waiting.hears() < at {
        waiting.say(true);
    }
    waiting.say(false);
    assert!(waiting.ended().unwrap().is_none(), "it left, and the maker stands where it stood");
    assert!(dump.graph_if_made().is_none());
    maker.say(true);
    assert!(maker.ended().unwrap().is_some());
}

#[test]
fn those_who_wait_go_on_when_the_maker_gives_up_or_fails() {
    for fails in [false, true] {
        let dump = Arc::new(Dump::from_bytes(bytes(&ring(), &[0])).unwrap());
        let maker = Asking::begin(&dump, 0);
        maker.hears();
        let waiting = [Asking::begin(&dump, 0), Asking::begin(&dump, 0), Asking::begin(&dump, 0)];
        for one in &waiting {
            assert_eq!(one.hears(), 0);
        }
        if fails {
            // Without a word it panics.
            let Asking { thread, word, .. } = maker;
            drop(word);
            assert!(thread.join().is_err());
        } else {
            maker.say(false);
            assert_eq!(maker.ended().unwrap(), None);
        }
        // One after the other makes it, and gives it up; the last one has it.
        let [first, second, third] = waiting;
        for next in [first, second] {
            next.say(true);
            assert_eq!(next.hears(), 0);
            next.say(false);
            assert_eq!(next.ended().unwrap(), None);
        }
        third.say(true);
        let made = third.ended().unwrap();
        assert!(made.is_some() && made == dump.graph_if_made().map(|graph| std::ptr::from_ref(graph).addr()));
    }
}
