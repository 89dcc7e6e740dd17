//! The schedulers of all threads: which tasklet is the first of each, which runs, and the ring of those that may run.
//!
//! A ring that bites its tail, leads out of memory or into another one is cut there, and said to be broken.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use heapsake_core::Address;
use heapsake_cpython::layout::Field;

use crate::seen::Seen;

/// The name under which the schedulers of a target are kept.
const KEPT: &str = "stackless";
/// Interpreters, and threads of one.
const MAXIMUM_STATES: usize = 100_000;
/// Tasklets of a ring or of a channel's queue.
const MAXIMUM_QUEUE: usize = 1 << 24;
/// Members of the list of those that wait in `stackless.run()`.
const MAXIMUM_WATCHDOGS: u64 = 10_000;

/// A thread's scheduler.
#[derive(Debug, Default)]
pub(crate) struct OfThread {
    /// Where its thread state lies.
    pub(crate) state: Address,
    /// `threading.get_ident()`.
    pub(crate) ident: u64,
    pub(crate) main: Address,
    pub(crate) current: Address,
    /// Its innermost frame.
    pub(crate) frame: Address,
    pub(crate) nesting_level: i32,
    /// How many tasklets may run, as the scheduler counts them.
    pub(crate) run_count: i32,
    /// Those that may run, the one that runs in front.
    pub(crate) ring: Vec<Address>,
    /// Whether the ring closes.
    pub(crate) is_whole: bool,
    /// Whether it waits until another thread gives it something to run.
    pub(crate) is_blocked: bool,
    /// Whether switching is forbidden, or a callback of the scheduler runs.
    pub(crate) is_trapped: bool,
    /// Those that wait in `stackless.run()`, the outermost first.
    pub(crate) watchdogs: Vec<Address>,
}

/// The queue of a channel.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Those that wait, the first in front.
    pub(crate) waiting: Vec<Address>,
    /// Whether it leads back to the channel.
    pub(crate) is_whole: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Schedulers {
    pub(crate) threads: Vec<OfThread>,
    /// Thread and place in its ring.
    places: BTreeMap<Address, (usize, u32)>,
    /// Channel and place in its queue, of the tasklets that were looked at; none for one that leads to no channel.
    blocked: RefCell<BTreeMap<Address, Option<(Address, u32)>>>,
    /// The queues that were looked at.
    queues: RefCell<BTreeMap<Address, Rc<Queue>>>,
}

impl Schedulers {
    /// Those of the process of an object; worked out once.
    pub(crate) fn of(seen: &Seen<'_>) -> Rc<Schedulers> {
        seen.facts.kept.get(KEPT, || Schedulers::read(seen))
    }

    fn read(seen: &Seen<'_>) -> Schedulers {
        let mut found = Schedulers::default();
        let mut met = BTreeSet::new();
        for state in states(seen) {
            let Some(thread) = of_thread(seen, state, &mut met) else { continue };
            let index = found.threads.len();
            for (place, tasklet) in thread.ring.iter().enumerate() {
                found.places.entry(*tasklet).or_insert((index, place as u32));
            }
            found.threads.push(thread);
        }
        found
    }

    /// The thread whose state lies there.
    pub(crate) fn thread(&self, state: Address) -> Option<&OfThread> {
        self.threads.iter().find(|thread| thread.state == state)
    }

    /// The place of a tasklet in the ring of its thread; the one that runs has 0.
    pub(crate) fn place(&self, tasklet: Address) -> Option<u32> {
        self.places.get(&tasklet).map(|(_, place)| *place)
    }

    /// The channel that a tasklet is blocked on, and its place in the queue.
    pub(crate) fn channel(&self, seen: &Seen<'_>, tasklet: Address) -> Option<(Address, u32)> {
        if let Some(known) = self.blocked.borrow().get(&tasklet) {
            return *known;
        }
        let layout = seen.facts.layouts.tasklet?;
        let mut met = BTreeSet::from([tasklet]);
        let mut at = tasklet;
        let channel = loop {
            match seen.pointer(layout.next, at) {
                Some(next) if seen.is_channel(next) => break Some(next),
                Some(next) if met.len() < MAXIMUM_QUEUE && seen.is_tasklet(next) && met.insert(next) => at = next,
                _ => break None,
            }
        };
        let mut blocked = self.blocked.borrow_mut();
        if let Some(channel) = channel {
            for (place, waiting) in self.queue(seen, channel).waiting.iter().enumerate() {
                blocked.entry(*waiting).or_insert(Some((channel, place as u32)));
            }
        }
        // A queue that does not have those that lead to it is broken.
        for one in met {
            blocked.entry(one).or_insert(channel.map(|channel| (channel, u32::MAX)));
        }
        blocked.get(&tasklet).copied().flatten()
    }

    /// The queue of a channel; worked out once.
    pub(crate) fn queue(&self, seen: &Seen<'_>, channel: Address) -> Rc<Queue> {
        if let Some(known) = self.queues.borrow().get(&channel) {
            return Rc::clone(known);
        }
        let queue = Rc::new(read_queue(seen, channel));
        self.queues.borrow_mut().insert(channel, Rc::clone(&queue));
        queue
    }
}

fn read_queue(seen: &Seen<'_>, channel: Address) -> Queue {
    let mut queue = Queue::default();
    let (Some(layout), Some(tasklet)) = (seen.facts.layouts.channel, seen.facts.layouts.tasklet) else { return queue };
    let mut met = BTreeSet::new();
    let mut next = layout.head.read(seen, channel);
    while let Some(waiting) = next {
        if waiting == channel {
            queue.is_whole = true;
            break;
        }
        if queue.waiting.len() >= MAXIMUM_QUEUE || !seen.is_tasklet(waiting) || !met.insert(waiting) {
            break;
        }
        queue.waiting.push(waiting);
        next = tasklet.next.read(seen, waiting);
    }
    queue
}

/// All thread states of all interpreters.
fn states(seen: &Seen<'_>) -> Vec<Address> {
    let layouts = &seen.facts.layouts;
    let interpreters = chain(seen, seen.facts.runtime, layouts.runtime.interpreters_head, layouts.interpreter.next);
    let mut met = BTreeSet::new();
    let mut found = Vec::new();
    for interpreter in interpreters {
        let states = chain(seen, interpreter, layouts.interpreter.threads_head, layouts.thread.next);
        found.extend(states.into_iter().filter(|state| met.insert(*state)));
        if found.len() >= MAXIMUM_STATES {
            break;
        }
    }
    found
}

/// What a list that ends with a null has; one that bites its tail ends there.
fn chain(seen: &Seen<'_>, owner: Address, head: Field<Address>, next: Field<Address>) -> Vec<Address> {
    let mut found = Vec::new();
    let mut met = BTreeSet::new();
    let mut at = seen.pointer(head, owner);
    while let Some(here) = at.filter(|here| found.len() < MAXIMUM_STATES && met.insert(*here)) {
        found.push(here);
        at = seen.pointer(next, here);
    }
    found
}

/// A thread; `met` are the tasklets of the rings before, of which none is in two.
fn of_thread(seen: &Seen<'_>, state: Address, met: &mut BTreeSet<Address>) -> Option<OfThread> {
    let layouts = &seen.facts.layouts;
    let layout = layouts.thread;
    let pointer = |field| seen.optional::<Address>(field, state).unwrap_or_default();
    let number = |field| seen.optional::<i32>(field, state).unwrap_or(0);
    let mut thread = OfThread {
        state,
        ident: layout.thread_id.read(seen, state)?,
        main: pointer(layout.main_tasklet),
        current: pointer(layout.current_tasklet),
        frame: pointer(layout.frame),
        nesting_level: number(layout.nesting_level),
        run_count: number(layout.runcount),
        is_blocked: number(layout.tasklet_is_blocked) != 0,
        is_trapped: number(layout.switch_trap) != 0 || seen.optional(layout.schedlock, state).unwrap_or(0) != 0,
        watchdogs: watchdogs(seen, pointer(layout.watchdogs)),
        ..OfThread::default()
    };
    let next = layouts.tasklet?.next;
    let mut at = thread.current;
    thread.is_whole = at.is_null();
    while !at.is_null() && thread.ring.len() < MAXIMUM_QUEUE && seen.is_tasklet(at) && met.insert(at) {
        thread.ring.push(at);
        at = next.read(seen, at).unwrap_or_default();
        thread.is_whole = at == thread.current;
    }
    Some(thread)
}

/// The items of a list that are tasklets.
fn watchdogs(seen: &Seen<'_>, list: Address) -> Vec<Address> {
    let layouts = &seen.facts.layouts;
    if list.is_null() || seen.object.type_name_of(list).is_none_or(|name| name != "list") {
        return Vec::new();
    }
    let count = layouts.var_object.ob_size.read(seen, list).and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    let Some(items) = seen.pointer(layouts.list.ob_item, list) else { return Vec::new() };
    let items = (0..count.min(MAXIMUM_WATCHDOGS)).map_while(|index| seen.pointer_at(items.offset(8 * index as i64)));
    let mut found: Vec<Address> = items.filter(|item| seen.is_tasklet(*item)).collect();
    found.dedup();
    found
}
