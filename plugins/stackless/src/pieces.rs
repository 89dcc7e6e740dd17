//! `_stackless.cframe`, `_stackless.cstack`, `_stackless.bomb`: frames of C functions, copied pieces of C stacks, and
//! exceptions on their way into a tasklet.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Object, Reducer, Registration, TypeMatch, inventory};
use heapsake_cpython::heap::State as Told;
use heapsake_cpython::layout::Field;

use crate::documented;
use crate::scheduler::Schedulers;
use crate::seen::{Seen, known};

documented! {
    /// *What it holds.* What a C function needs to go on after what it called, among the frames of Python: a generator and the
    /// value for it, a function and its arguments.
    /// *What is saved.* `f_back`, `ob1`, `ob2`, `ob3`, `i`, `n`, and the address of the function that goes on (`execute`).
    /// *What becomes a surrogate.* None but the unreadable.
    CFrame as CFRAME;
    /// *What it holds.* The piece of the C stack that a tasklet needs to go on, copied away while others run over it.
    /// *What is saved.* `task`, `size` in words, `nesting_level`, `serial`, its end (`startaddr`) and its thread. The copied words
    /// are not saved, nor are the links between all pieces.
    /// *What becomes a surrogate.* None but the unreadable.
    CStack as CSTACK;
    /// *What it holds.* An exception that a tasklet will raise when it runs.
    /// *What is saved.* `type`, `value` and `traceback`.
    /// *What becomes a surrogate.* None but the unreadable.
    Bomb as BOMB;
}

inventory::submit! {
    Registration {
        types: &[TypeMatch::Exact("_stackless.cframe")],
        reducer: &CFrame,
        origin: "built in",
        file: file!(),
        saves: "what it goes on with",
    }
}

inventory::submit! {
    Registration {
        types: &[TypeMatch::Exact("_stackless.cstack")],
        reducer: &CStack,
        origin: "built in",
        file: file!(),
        saves: "its tasklet, size and place",
    }
}

inventory::submit! {
    Registration {
        types: &[TypeMatch::Exact("_stackless.bomb")],
        reducer: &Bomb,
        origin: "built in",
        file: file!(),
        saves: "the exception",
    }
}

fn attributes(seen: &Seen<'_>, sink: &mut dyn Sink, at: Address, fields: &[(&str, Field<Address>)]) -> Result<(), Failure> {
    for (name, field) in fields {
        let target = seen.field(*field, at)?;
        if !target.is_null() {
            sink.edge(EdgeKind::Attribute, Name::Text(name), target);
        }
    }
    Ok(())
}

impl Reducer for CFrame {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let seen = Seen::of(object)?;
        let layout = known(seen.facts.layouts.stackless_cframe)?;
        let at = object.address();
        let fields = [("f_back", layout.f_back), ("ob1", layout.ob1), ("ob2", layout.ob2), ("ob3", layout.ob3)];
        attributes(&seen, sink, at, &fields)?;
        let execute = seen.field(layout.f_execute, at)?;
        Told::new()
            .with("execute", execute.0)
            .with("i", seen.field(layout.i, at)?)
            .with("n", seen.field(layout.n, at)?)
            .tell(sink);
        Ok(())
    }

    fn reads_a_layout(&self) -> bool {
        true
    }
}

impl Reducer for CStack {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let seen = Seen::of(object)?;
        let layout = known(seen.facts.layouts.stackless_cstack)?;
        let at = object.address();
        let task = seen.field(layout.task, at)?;
        if seen.is_tasklet(task) {
            sink.edge(EdgeKind::Borrowed, Name::Text("task"), task);
        }
        let state = seen.field(layout.tstate, at)?;
        let schedulers = Schedulers::of(&seen);
        let thread = schedulers.thread(state);
        Told::new()
            .with("size", seen.field(seen.facts.layouts.var_object.ob_size, at)?)
            .with("nesting_level", seen.field(layout.nesting_level, at)?)
            .with("serial", seen.field(layout.serial, at)?)
            .with("startaddr", seen.field(layout.startaddr, at)?.0)
            .with_some("thread_id", thread.map(|thread| thread.ident))
            .tell(sink);
        Ok(())
    }

    fn reads_a_layout(&self) -> bool {
        true
    }
}

impl Reducer for Bomb {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let seen = Seen::of(object)?;
        let layout = known(seen.facts.layouts.bomb)?;
        let fields = [("type", layout.curexc_type), ("value", layout.curexc_value), ("traceback", layout.curexc_traceback)];
        attributes(&seen, sink, object.address(), &fields)
    }

    fn reads_a_layout(&self) -> bool {
        true
    }
}
