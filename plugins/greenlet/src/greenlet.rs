//! `greenlet.greenlet`: its state, what it holds, and the frame that it is suspended in.
//!
//! States follow from where its C stack begins and ends, which all releases keep in the same words.

use std::cell::OnceCell;
use std::rc::Rc;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Registry;
use heapsake_core::reduce::{Failure, Object, Reason, Reducer, Registration, Stack, Stacks, TypeMatch, inventory};
use heapsake_cpython::heap::State as Told;
use heapsake_cpython::memory::{Memory, Unreadable};
use heapsake_cpython::{CPythonHeap, Facts};

use crate::shape::{Place, Release, Shape, Table};

/// Words of the C++ object that are looked at where its layout is not known.
const SCANNED: i64 = 30;
/// What the first greenlet of a thread has for the beginning of its C stack.
const MAIN: u64 = u64::MAX;
/// The name under which the layouts of a target are kept.
const KEPT: &str = "greenlet";

/// Declares a reducer, and its doc comment as a text for the reference.
macro_rules! documented {
    ($($(#[doc = $line:literal])* $name:ident;)*) => {$(
        $(#[doc = $line])*
        struct $name;

        const DOCUMENTATION: &str = concat!($($line, "\n"),*);
    )*};
}

documented! {
    /// *What it holds.* A function that runs on a C stack of its own, its frames while it is suspended, its parent; gevent's
    /// `Greenlet` and `Hub` are such.
    /// *What is saved.* `state` (not started, suspended, running or finished), whether it is the first of its thread (`main`),
    /// `gr_frame` and by it all frames with their variables, `parent`, `run`, `gr_context`, what is being switched to it, the
    /// exception that it handles, and how the layout was known (`layout`). A suspended one is shown as a thread.
    /// *What becomes a surrogate.* None but the unreadable. Of a release whose layout is not known (`layout` is `scan`) only what
    /// looks like its frame is told. The copied part of the C stack is not saved.
    Greenlet;
}

static REDUCER: Greenlet = Greenlet;

inventory::submit! {
    Registration {
        types: &[TypeMatch::Base("greenlet.greenlet")],
        reducer: &REDUCER,
        origin: "built in",
        file: file!(),
        saves: "state, frames, parent, what it runs",
    }
}

/// What `docs/reducers.md` says of this crate: types, and the doc comment.
pub fn reference() -> (&'static str, &'static [&'static str], &'static str) {
    ("greenlet", &["greenlet.greenlet"], DOCUMENTATION)
}

impl Reducer for Greenlet {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let found = View::of(object)?;
        found.tell(sink)
    }

    fn reads_a_layout(&self) -> bool {
        true
    }

    fn stacks(&self) -> Option<&dyn Stacks> {
        Some(self)
    }
}

impl Stacks for Greenlet {
    fn kind(&self) -> &'static str {
        "greenlet"
    }

    fn module(&self) -> &'static str {
        "greenlet"
    }

    fn stack(&self, object: &dyn Object) -> Result<Option<Stack>, Failure> {
        let view = View::of(object)?;
        let innermost = match view.known {
            Known::Shape { .. } => view.pointer(Place::TopFrame).filter(|_| view.state() == "suspended"),
            Known::Scan { frame, .. } => frame,
        };
        Ok(innermost.map(|innermost| Stack {
            innermost,
            exception: view.pointer(Place::Exception),
            thread_state: view.pointer(Place::ExceptionInfo),
            c_stack: view.pointer(Place::StackStart),
            is_main: view.is_main(),
            ..Stack::default()
        }))
    }
}

/// The layouts of a target's greenlets.
struct Layouts {
    table: Option<Shape>,
    own: OnceCell<Option<Shape>>,
}

/// How the fields of an object are known.
#[derive(Clone, Copy)]
enum Known {
    Shape {
        shape: Shape,
        origin: &'static str,
    },
    /// Nothing but what its words look like.
    Scan {
        body: Address,
        frame: Option<Address>,
    },
}

/// A greenlet.
struct View<'a> {
    object: &'a dyn Object,
    known: Known,
    body: Address,
}

impl<'a> View<'a> {
    fn of(object: &'a dyn Object) -> Result<View<'a>, Failure> {
        let facts = object.runtime().and_then(|facts| facts.downcast_ref::<Facts>());
        let facts = facts.ok_or_else(|| Failure::new(Reason::ReducerFailed, "the runtime is not CPython"))?;
        let layouts: Rc<Layouts> = facts.kept.get(KEPT, || Layouts { table: in_table(object, facts), own: OnceCell::new() });
        if let Some(view) = layouts.table.and_then(|shape| View::checked(object, shape, "table")) {
            return Ok(view);
        }
        let own = *layouts.own.get_or_init(|| Shape::of_process(facts));
        if let Some(view) = own.and_then(|shape| View::checked(object, shape, "debug information")) {
            return Ok(view);
        }
        Ok(View::scanned(object, facts))
    }

    /// The object by a shape, if it fits.
    fn checked(object: &'a dyn Object, shape: Shape, origin: &'static str) -> Option<View<'a>> {
        let address = object.address();
        let body = shape.body(address, |at| object.word_at(at).ok())?;
        let view = View { object, known: Known::Shape { shape, origin }, body };
        let word = |place| Some(object.word_at(body.offset(shape.place(place)?.into())).ok());
        if word(Place::Itself).is_some_and(|itself| itself != Some(address.0)) {
            return None;
        }
        let (start, stop) = (word(Place::StackStart)??, word(Place::StackStop)??);
        if start > stop {
            return None;
        }
        let is_frame = |frame: Address| object.type_name_of(frame).is_some_and(|name| name == "frame");
        if !Address(word(Place::TopFrame)??).is_null() && !is_frame(Address(word(Place::TopFrame)??)) {
            return None;
        }
        // The first of a thread is a smaller object, which ends before these.
        let owner: &[Place] = if stop == MAIN { &[] } else { &[Place::Parent, Place::Main, Place::Run, Place::RunInfo] };
        let pointers = [Place::Context, Place::Exception, Place::Arguments, Place::Keywords];
        let are_objects = pointers
            .iter()
            .chain(owner)
            .filter_map(|place| word(*place))
            .all(|target| target.is_some_and(|target| target == 0 || object.is_object(Address(target))));
        are_objects.then_some(view)
    }

    fn scanned(object: &'a dyn Object, facts: &Facts) -> View<'a> {
        let start = object.address().offset(facts.layouts.object.size as i64);
        let words = |at: Address| (0..SCANNED).map_while(move |index| object.word_at(at.offset(8 * index)).ok());
        let itself = object.address().0;
        let body = words(start).take(8).map(Address).find(|body| words(*body).any(|word| word == itself)).unwrap_or_default();
        let mut frames = words(body).map(Address).filter(|word| object.type_name_of(*word).is_some_and(|name| name == "frame"));
        let frame = match (frames.next(), frames.next()) {
            (frame, None) => frame,
            _ => None,
        };
        View { object, known: Known::Scan { body, frame }, body }
    }

    fn word(&self, place: Place) -> Option<u64> {
        let Known::Shape { shape, .. } = self.known else { return None };
        self.object.word_at(self.body.offset(shape.place(place)?.into())).ok()
    }

    fn pointer(&self, place: Place) -> Option<Address> {
        self.word(place).map(Address).filter(|target| !target.is_null())
    }

    fn is_main(&self) -> bool {
        self.word(Place::StackStop) == Some(MAIN)
    }

    fn state(&self) -> &'static str {
        let is_set = |place| self.pointer(place).is_some();
        match (is_set(Place::StackStop), is_set(Place::StackStart), is_set(Place::TopFrame)) {
            (false, ..) => "not started",
            (true, false, _) => "finished",
            (true, true, true) => "suspended",
            (true, true, false) => "running",
        }
    }

    fn tell(&self, sink: &mut dyn Sink) -> Result<(), Failure> {
        let origin = match self.known {
            Known::Scan { body, frame } => {
                if let Some(frame) = frame {
                    sink.edge(EdgeKind::Conservative, Name::Text("gr_frame"), frame);
                }
                let frames = frame.map_or("none found", |_| "found by their look");
                Told::new().with("layout", "scan").with("frames", frames).with("implementation", body.0).tell(sink);
                return Ok(());
            }
            Known::Shape { origin, .. } => origin,
        };
        let mut tell = |kind, name, place| {
            if let Some(target) = self.pointer(place) {
                sink.edge(kind, Name::Text(name), target);
            }
        };
        tell(EdgeKind::Attribute, "gr_frame", Place::TopFrame);
        tell(EdgeKind::Attribute, "gr_context", Place::Context);
        tell(EdgeKind::Internal, "args", Place::Arguments);
        tell(EdgeKind::Internal, "kwargs", Place::Keywords);
        tell(EdgeKind::Internal, "exc_value", Place::Exception);
        if !self.is_main() {
            tell(EdgeKind::Attribute, "parent", Place::Parent);
            tell(EdgeKind::Attribute, "run", Place::Run);
            tell(EdgeKind::Internal, "run_info", Place::RunInfo);
            tell(EdgeKind::Internal, "main", Place::Main);
        }
        let state = self.state();
        let mut told = Told::new().with("state", state).with("main", self.is_main()).with("layout", origin);
        told = told.with_some("stack_saved", self.word(Place::StackSaved));
        if self.pointer(Place::PreviousFrame).is_some() {
            told = told.with("frames", "only the innermost: its callers are known by a place on the C stack");
        }
        told.tell(sink);
        Ok(())
    }
}

/// Memory as an object offers it.
struct Seen<'a>(&'a dyn Object);

impl Memory for Seen<'_> {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        self.0.read_at(address, into).map_err(|_| Unreadable::new(address, into.len()))
    }
}

/// The shape that the table has for what the target has imported.
fn in_table(object: &dyn Object, facts: &Facts) -> Option<Shape> {
    let heap = CPythonHeap::new(Seen(object), facts.clone(), Registry::default());
    let modules = facts.layouts.interpreter.modules.read(&heap.memory, facts.interpreter)?;
    let module = heap.dict_get(modules, "greenlet")?;
    let release = Release::parse(&heap.text_of(heap.attribute(module, "__version__")?)?)?;
    if facts.flags.free_threaded {
        return None;
    }
    Table::committed()?.find(facts.version.minor(), release).map(|row| row.shape)
}

#[cfg(test)]
#[path = "greenlet_tests.rs"]
mod tests;
