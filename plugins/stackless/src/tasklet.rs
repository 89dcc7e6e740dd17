//! `_stackless.tasklet`: its state, what it holds, what it waits for, and the frame that it stands in.
//!
//! The frames of the one that runs are those of its thread; its own fields are empty, and what it handles is in the thread's
//! state, as the two are exchanged at each switch.

use std::rc::Rc;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Object, Reducer, Registration, Stack, Stacks, TypeMatch, inventory};
use heapsake_cpython::heap::State as Told;
use heapsake_cpython::layouts::stackless::PyTaskletObject;

use crate::documented;
use crate::scheduler::{OfThread, Schedulers};
use crate::seen::{Leads, Seen, known};

/// `flags.blocked` of two bits, as a signed number: sends, or receives.
const SENDING: u64 = 1;
const RECEIVING: u64 = 3;
/// Exceptions that are handled one within the other, as generators do.
const MAXIMUM_HANDLED: usize = 100_000;

documented! {
    /// *What it holds.* A function that runs in turn with others in one thread of Stackless Python: its frames while it does not
    /// run, a value or an exception on its way to it, its neighbours in a queue.
    /// *What is saved.* `state` (current, scheduled, not yet run, blocked receiving, blocked sending, in run, paused, bound, ended
    /// or thread gone), Stackless's own words (`alive`, `paused`, `blocked`, `scheduled`, `restorable`, `atomic`, `block_trap`,
    /// `is_main`, `is_current`, `nesting_level`, `thread_id` …), `switched` (soft or hard), its `place` in the ring or queue,
    /// `frame` and by it all frames with their variables, `_channel`, `tempval` (what it sends, or the function that it is bound
    /// to), for one that has not run `function` and `arguments`, and the exception that it handles. Living ones are shown as
    /// threads, called `Main-` and `Current-`.
    /// *What becomes a surrogate.* None but the unreadable. The copied piece of the C stack is not saved.
    Tasklet as DOCUMENTATION;
}

static REDUCER: Tasklet = Tasklet;

inventory::submit! {
    Registration {
        types: &[TypeMatch::Base("_stackless.tasklet")],
        reducer: &REDUCER,
        origin: "built in",
        file: file!(),
        saves: "state, flags, frames, channel, value on its way",
    }
}

impl Reducer for Tasklet {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        View::of(object)?.tell(sink)
    }

    fn reads_a_layout(&self) -> bool {
        true
    }

    fn stacks(&self) -> Option<&dyn Stacks> {
        Some(self)
    }
}

impl Stacks for Tasklet {
    fn kind(&self) -> &'static str {
        "tasklet"
    }

    fn module(&self) -> &'static str {
        "_stackless"
    }

    fn companions(&self) -> &'static [&'static str] {
        &["channel"]
    }

    fn says_which_runs(&self) -> bool {
        true
    }

    fn stack(&self, object: &dyn Object) -> Result<Option<Stack>, Failure> {
        let view = View::of(object)?;
        let innermost = match view.leads {
            _ if !view.is_alive() => return Ok(None),
            Leads::Frame(frame) => frame,
            Leads::Nowhere | Leads::CFrame(_) => Address::NULL,
        };
        Ok(Some(Stack {
            innermost,
            exception: view.handled().first().copied(),
            thread_state: view.thread_state(),
            c_stack: None,
            is_main: view.is_main(),
            is_current: view.runs.is_some(),
            rank: view.rank(),
        }))
    }
}

/// Where a tasklet stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It runs.
    Current,
    /// In the ring.
    Scheduled,
    /// In the ring or out of it, and has not begun.
    NotYetRun,
    /// In the queue of a channel.
    Receiving,
    /// In the queue of a channel.
    Sending,
    /// In `stackless.run()`, until what it watches has run.
    InRun,
    /// In no queue.
    Paused,
    /// Has a function, but no arguments.
    Bound,
    /// Has ended, or was never bound.
    Ended,
    /// Has frames, and no thread to run in.
    ThreadGone,
}

impl Standing {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Standing::Current => "current",
            Standing::Scheduled => "scheduled",
            Standing::NotYetRun => "not yet run",
            Standing::Receiving => "blocked receiving",
            Standing::Sending => "blocked sending",
            Standing::InRun => "in run",
            Standing::Paused => "paused",
            Standing::Bound => "bound",
            Standing::Ended => "ended",
            Standing::ThreadGone => "thread gone",
        }
    }
}

/// A tasklet.
struct View<'a> {
    seen: Seen<'a>,
    schedulers: Rc<Schedulers>,
    layout: PyTaskletObject,
    at: Address,
    next: Address,
    prev: Address,
    tempval: Address,
    cstate: Address,
    blocked: u64,
    /// Where its frames begin: its own field, or that of the thread in which it runs.
    innermost: Address,
    leads: Leads,
    /// The place of the thread in which it runs now.
    runs: Option<usize>,
    /// The place of the thread to which its C stack belongs.
    owner: Option<usize>,
}

impl<'a> View<'a> {
    fn of(object: &'a dyn Object) -> Result<View<'a>, Failure> {
        let seen = Seen::of(object)?;
        let layout = known(seen.facts.layouts.tasklet)?;
        let schedulers = Schedulers::of(&seen);
        let at = object.address();
        let cstate = seen.field(layout.cstate, at)?;
        let owner = known(seen.facts.layouts.stackless_cstack)?.tstate.read(&seen, cstate);
        let position = |state: Address| schedulers.threads.iter().position(|thread| thread.state == state);
        let owner = owner.filter(|owner| !owner.is_null()).and_then(position);
        let runs = schedulers.threads.iter().position(|thread| thread.current == at);
        let own = seen.field(layout.frame, at)?;
        let innermost = runs.and_then(|index| schedulers.threads.get(index)).map_or(own, |thread| thread.frame);
        Ok(View {
            next: seen.field(layout.next, at)?,
            prev: seen.field(layout.prev, at)?,
            tempval: seen.field(layout.tempval, at)?,
            blocked: seen.field(layout.blocked, at)?,
            leads: if innermost.is_null() { Leads::Nowhere } else { seen.leads(innermost) },
            seen,
            layout,
            at,
            cstate,
            innermost,
            runs,
            owner: runs.or(owner),
            schedulers,
        })
    }

    fn thread(&self) -> Option<&OfThread> {
        self.schedulers.threads.get(self.owner?)
    }

    fn thread_state(&self) -> Option<Address> {
        self.thread().map(|thread| thread.state)
    }

    fn is_main(&self) -> bool {
        self.schedulers.threads.iter().any(|thread| thread.main == self.at)
    }

    fn is_alive(&self) -> bool {
        !self.innermost.is_null() && self.owner.is_some()
    }

    fn is_blocked(&self) -> bool {
        self.blocked == SENDING || self.blocked == RECEIVING
    }

    /// C calls that its stack holds: then only a switch of C stacks leads back to it.
    fn nesting_level(&self) -> i32 {
        let running = self.runs.and_then(|index| self.schedulers.threads.get(index)).map(|thread| thread.nesting_level);
        let kept =
            || self.seen.optional(self.seen.facts.layouts.stackless_cstack.map(|cstack| cstack.nesting_level), self.cstate);
        running.or_else(kept).unwrap_or(0)
    }

    fn standing(&self) -> Standing {
        let has_begun = !matches!(self.leads, Leads::CFrame(_));
        let watches = || self.thread().is_some_and(|thread| thread.watchdogs.contains(&self.at));
        match self.blocked {
            _ if self.runs.is_some() => Standing::Current,
            _ if self.innermost.is_null() && self.has_function() => Standing::Bound,
            _ if self.innermost.is_null() => Standing::Ended,
            _ if self.owner.is_none() => Standing::ThreadGone,
            SENDING => Standing::Sending,
            RECEIVING => Standing::Receiving,
            _ if !has_begun => Standing::NotYetRun,
            _ if !self.next.is_null() => Standing::Scheduled,
            _ if watches() => Standing::InRun,
            _ => Standing::Paused,
        }
    }

    /// Whether it is bound: what waits in it is neither nothing nor None.
    fn has_function(&self) -> bool {
        self.seen.object.type_name_of(self.tempval).is_some_and(|name| name != "NoneType")
    }

    /// The place among those of its thread: the ring, then those that are in no queue, then those that are blocked.
    fn rank(&self) -> u32 {
        const UNQUEUED: u32 = 1 << 30;
        const BLOCKED: u32 = 1 << 31;
        match self.schedulers.place(self.at) {
            Some(place) => place.min(UNQUEUED - 1),
            None if self.is_blocked() => BLOCKED,
            None => UNQUEUED,
        }
    }

    /// The exceptions that it handles, the innermost first.
    fn handled(&self) -> Vec<Address> {
        let layouts = &self.seen.facts.layouts;
        let item = layouts.exception_item;
        let running = self.runs.and_then(|index| self.schedulers.threads.get(index));
        let first = match running {
            Some(thread) => layouts.thread.exc_info.read(&self.seen, thread.state),
            None => self.layout.exc_info.read(&self.seen, self.at),
        };
        let mut found = Vec::new();
        let mut met = std::collections::BTreeSet::new();
        let mut next = first.unwrap_or_default();
        while !next.is_null() && met.len() < MAXIMUM_HANDLED && met.insert(next) {
            let value = self.seen.pointer(item.exc_value, next);
            let is_exception = |value: &Address| self.seen.object.type_name_of(*value).is_some_and(|name| name != "NoneType");
            found.extend(value.filter(is_exception));
            next = item.previous_item.read(&self.seen, next).unwrap_or_default();
        }
        found
    }

    fn tell(&self, sink: &mut dyn Sink) -> Result<(), Failure> {
        let standing = self.standing();
        let mut tell = |kind, name: &str, target: Option<Address>| {
            if let Some(target) = target.filter(|target| !target.is_null()) {
                sink.edge(kind, Name::Text(name), target);
            }
        };
        let (attribute, internal) = (EdgeKind::Attribute, EdgeKind::Internal);
        if let Leads::Frame(frame) = self.leads {
            tell(attribute, "frame", Some(frame));
        }
        tell(attribute, "tempval", Some(self.tempval));
        tell(attribute, "cstate", Some(self.cstate));
        let own = self.layout.frame.read(&self.seen, self.at);
        tell(internal, "f", own.filter(|own| !matches!(self.leads, Leads::Frame(frame) if frame == *own)));
        let blocked_on = if self.is_blocked() { self.schedulers.channel(&self.seen, self.at) } else { None };
        tell(attribute, "_channel", blocked_on.map(|(channel, _)| channel));
        tell(internal, "next", Some(self.next));
        tell(internal, "prev", Some(self.prev));
        tell(internal, "def_globals", self.layout.def_globals.read(&self.seen, self.at));
        let layouts = &self.seen.facts.layouts;
        let item = layouts.exception_item;
        let saved = self.layout.exc_state.at(self.at);
        tell(internal, "exc_type", self.seen.optional(item.exc_type, saved));
        tell(internal, "exc_value", item.exc_value.read(&self.seen, saved));
        tell(internal, "exc_traceback", self.seen.optional(item.exc_traceback, saved));
        tell(internal, "handled", self.handled().first().copied());
        if let (Leads::CFrame(cframe), Some(layout), Standing::NotYetRun) = (self.leads, layouts.stackless_cframe, standing) {
            tell(attribute, "function", self.seen.pointer(layout.ob1, cframe));
            tell(attribute, "arguments", self.seen.pointer(layout.ob2, cframe));
        }
        let flag = |field| self.seen.field(field, self.at).map(|bits: u64| bits != 0);
        let nesting_level = self.nesting_level();
        let place = blocked_on.map(|(_, place)| place).or_else(|| self.schedulers.place(self.at));
        let thread = self.thread();
        Told::new()
            .with("state", standing.word())
            .with("alive", self.is_alive())
            .with("paused", self.is_alive() && self.next.is_null())
            .with("blocked", self.blocked != 0)
            .with("scheduled", !self.next.is_null())
            .with("restorable", nesting_level == 0)
            .with("atomic", flag(self.layout.atomic)?)
            .with("ignore_nesting", flag(self.layout.ignore_nesting)?)
            .with("autoschedule", flag(self.layout.autoschedule)?)
            .with("block_trap", flag(self.layout.block_trap)?)
            .with("is_zombie", flag(self.layout.is_zombie)?)
            .with("pending_irq", flag(self.layout.pending_irq)?)
            .with("is_main", self.is_main())
            .with("is_current", self.runs.is_some())
            .with("nesting_level", nesting_level)
            .with("recursion_depth", self.seen.field(self.layout.recursion_depth, self.at)?)
            .with_some(
                "switched",
                (self.runs.is_none() && self.is_alive()).then_some(if nesting_level > 0 { "hard" } else { "soft" }),
            )
            .with_some("place", place.filter(|place| *place != u32::MAX))
            .with_some("thread_id", thread.map(|thread| thread.ident))
            .with_some("run_count", thread.filter(|_| self.runs.is_some()).map(|thread| thread.run_count))
            .with_some("thread_blocked", thread.filter(|thread| thread.is_blocked).map(|_| true))
            .with_some("ring", thread.filter(|thread| self.runs.is_some() && !thread.is_whole).map(|_| "broken"))
            .with_some("scheduler", thread.filter(|thread| thread.is_trapped).map(|_| "inside a switch, or forbidden to switch"))
            .tell(sink);
        Ok(())
    }
}
