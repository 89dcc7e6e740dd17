//! `_stackless.channel`: who waits at it, in order, and for what.

use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Object, Reducer, Registration, TypeMatch, inventory};
use heapsake_cpython::heap::State as Told;

use crate::documented;
use crate::scheduler::Schedulers;
use crate::seen::{Seen, known};

documented! {
    /// *What it holds.* The queue of tasklets that wait to send or to receive by it.
    /// *What is saved.* `balance` (above zero: so many wait to send, below: to receive), those that wait as its elements, in
    /// their order, the first also as `queue`; `closing`, `closed`, `preference` (-1: the receiver runs first, 1: the sender, 0: neither) and
    /// `schedule_all`.
    /// *What becomes a surrogate.* None but the unreadable. A queue that does not lead back is cut, and said to be broken.
    Channel as DOCUMENTATION;
}

static REDUCER: Channel = Channel;

inventory::submit! {
    Registration {
        types: &[TypeMatch::Base("_stackless.channel")],
        reducer: &REDUCER,
        origin: "built in",
        file: file!(),
        saves: "balance, who waits, flags",
    }
}

impl Reducer for Channel {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let seen = Seen::of(object)?;
        let layout = known(seen.facts.layouts.channel)?;
        let at = object.address();
        let balance = seen.field(layout.balance, at)?;
        let queue = Schedulers::of(&seen).queue(&seen, at);
        if let Some(first) = queue.waiting.first() {
            sink.edge(EdgeKind::Attribute, Name::Text("queue"), *first);
        }
        for waiting in &queue.waiting {
            sink.element(*waiting);
        }
        let closing = seen.field(layout.closing, at)? != 0;
        let preference = match seen.field(layout.preference, at)? {
            3 => -1,
            preference => preference as i64,
        };
        let is_whole = queue.is_whole && queue.waiting.len() as u64 == u64::from(balance.unsigned_abs());
        Told::new()
            .with("balance", balance)
            .with("waiting", queue.waiting.len() as u64)
            .with_some("direction", (balance != 0).then_some(if balance > 0 { "sending" } else { "receiving" }))
            .with("closing", closing)
            .with("closed", closing && balance == 0)
            .with("preference", preference)
            .with("schedule_all", seen.field(layout.schedule_all, at)? != 0)
            .with_some("ring", (!is_whole).then_some("broken"))
            .tell(sink);
        Ok(())
    }

    fn reads_a_layout(&self) -> bool {
        true
    }
}
