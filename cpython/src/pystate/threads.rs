//! Interpreters and thread states: which there are, what they are called, what they handle, which of them runs.

use heapsake_core::Address;
use rustc_hash::{FxHashMap, FxHashSet};

use super::CaptureOptions;
use crate::exceptions::traceback_of;
use crate::frame::{Evaluation, Frame, MAXIMUM_DEPTH};
use crate::genobject::handled_exceptions;
use crate::heap::{CPythonHeap, Payload};
use crate::memory::Memory;
use crate::traceback;

const MAXIMUM_INTERPRETERS: usize = 10_000;

/// A thread state.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) address: Address,
    pub(super) interpreter: Address,
    /// `threading.get_ident()`.
    pub(super) ident: u64,
    /// The kernel's identity.
    pub(super) native_id: Option<u64>,
    /// The `threading.Thread`; null where there is none.
    pub(super) object: Address,
    pub(super) name: Option<String>,
    pub(super) is_daemon: bool,
    /// Whether it is the main thread of the process.
    pub(super) is_main: bool,
    /// Counts upwards with every thread state that an interpreter makes.
    id: u64,
}

impl State {
    pub(super) fn is(&self, identity: u64) -> bool {
        self.ident == identity || self.native_id == Some(identity)
    }

    /// The innermost frame that Python shows.
    pub(super) fn innermost<M: Memory>(&self, heap: &CPythonHeap<M>) -> Option<Frame> {
        if let Some(field) = heap.layouts().thread.frame {
            let object = field.read(&heap.memory, self.address)?;
            return Frame::past_cframes(heap, object);
        }
        Frame::first_complete(heap, self.interpreter_frame(heap)?)
    }

    /// The innermost interpreter frame, whether Python shows it or not (3.11+).
    pub(super) fn interpreter_frame<M: Memory>(&self, heap: &CPythonHeap<M>) -> Option<Address> {
        let layouts = heap.layouts();
        let layout = &layouts.thread;
        match (layout.current_frame, layout.cframe, layouts.cframe) {
            (Some(field), ..) => field.read(&heap.memory, self.address),
            (None, Some(cframe), Some(inner)) => {
                let call = cframe.read(&heap.memory, self.address)?;
                let frame_of = |call| inner.current_frame.read(&heap.memory, call);
                // A call of the evaluation loop that has just begun has no frame yet, but what lay on the C stack before.
                let is_whole = |frame: &Address| Frame::first_complete(heap, *frame).is_some();
                let before = || inner.previous.read(&heap.memory, call).and_then(frame_of).filter(is_whole);
                let found = frame_of(call);
                found.filter(is_whole).or_else(before).or(found)
            }
            _ => None,
        }
    }

    /// The calls of the evaluation loop that run its frames, the innermost first: one each up to 3.10.
    pub(super) fn by_evaluation<M: Memory>(&self, heap: &CPythonHeap<M>) -> Vec<Evaluation> {
        if heap.layouts().thread.frame.is_some() {
            let call = |frame| Evaluation { frames: vec![frame], on_stack: None };
            return self.frames(heap).into_iter().map(call).collect();
        }
        let innermost = self.interpreter_frame(heap).unwrap_or_default();
        let mut calls = Frame::by_evaluation(heap, innermost);
        let frames = self.cut_off(heap, calls.iter().flat_map(|call| call.frames.iter().copied()));
        if !frames.is_empty() {
            calls.push(Evaluation { frames, on_stack: None });
        }
        calls
    }

    /// Its frames, the innermost first.
    pub(super) fn frames<M: Memory>(&self, heap: &CPythonHeap<M>) -> Vec<Frame> {
        let mut frames = chain(heap, self.innermost(heap));
        let others = self.cut_off(heap, frames.iter().copied());
        frames.extend(others);
        frames
    }

    /// The exception that is on its way.
    pub(super) fn in_flight<M: Memory>(&self, heap: &CPythonHeap<M>) -> Option<Address> {
        let layout = &heap.layouts().thread;
        let found = heap.optional_field(layout.current_exception.or(layout.curexc_value), self.address)?;
        is_exception(heap, found).then_some(found)
    }

    /// The exceptions that it handles, the innermost first.
    pub(super) fn handled<M: Memory>(&self, heap: &CPythonHeap<M>) -> Vec<Address> {
        let layout = &heap.layouts().exception_item;
        let mut found = Vec::new();
        let mut seen = FxHashSet::default();
        let mut next = heap.layouts().thread.exc_info.read(&heap.memory, self.address).unwrap_or_default();
        while !next.is_null() && seen.len() < MAXIMUM_DEPTH && seen.insert(next) {
            let values = handled_exceptions(heap, next).into_iter().map(|(_, target)| target);
            found.extend(values.filter(|target| is_exception(heap, *target)));
            next = layout.previous_item.read(&heap.memory, next).unwrap_or_default();
        }
        found
    }
}

fn is_exception<M: Memory>(heap: &CPythonHeap<M>, object: Address) -> bool {
    heap.payload_of(object) == Some(Payload::Exception)
}

/// The frames from `first` on, each one's caller after it; a chain that bites its tail ends.
pub(super) fn chain<M: Memory>(heap: &CPythonHeap<M>, first: Option<Frame>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut seen = FxHashSet::default();
    let mut next = first;
    while let Some(frame) = next {
        if frames.len() >= MAXIMUM_DEPTH || !seen.insert(frame.node(heap)) {
            break;
        }
        frames.push(frame);
        next = frame.back(heap);
    }
    frames
}

/// All interpreters, the one that was made first in front.
pub(super) fn interpreters<M: Memory>(heap: &CPythonHeap<M>) -> Vec<Address> {
    let mut found = Vec::new();
    if heap.facts.runtime.is_null() {
        return found;
    }
    let layouts = heap.layouts();
    let mut next = layouts.runtime.interpreters_head.read(&heap.memory, heap.facts.runtime).unwrap_or_default();
    while !next.is_null() && found.len() < MAXIMUM_INTERPRETERS && !found.contains(&next) {
        found.push(next);
        next = layouts.interpreter.next.read(&heap.memory, next).unwrap_or_default();
    }
    found.sort_by_key(|interpreter| layouts.interpreter.id.read(&heap.memory, *interpreter));
    found
}

/// All thread states, in the order in which they were made, interpreter by interpreter.
pub(super) fn states<M: Memory>(heap: &CPythonHeap<M>) -> Vec<State> {
    let layouts = heap.layouts();
    let layout = &layouts.thread;
    let main_ident = layouts.runtime.main_thread.read(&heap.memory, heap.facts.runtime);
    let mut states = Vec::new();
    let mut seen = FxHashSet::default();
    for interpreter in interpreters(heap) {
        let named = thread_objects(heap, interpreter);
        let begin = states.len();
        let mut next = layouts.interpreter.threads_head.read(&heap.memory, interpreter).unwrap_or_default();
        while !next.is_null() && states.len() < MAXIMUM_DEPTH && seen.insert(next) {
            let Some(ident) = layout.thread_id.read(&heap.memory, next) else { break };
            let object = named.get(&ident).copied().unwrap_or_default();
            let number = |name| heap.attribute(object, name).and_then(|value| heap.integer(value));
            let is_main = main_ident == Some(ident);
            let native_id = heap.optional_field(layout.native_thread_id, next).filter(|id| *id != 0);
            let native_id = native_id.or_else(|| number("_native_id").and_then(|id| u64::try_from(id).ok()));
            let name = heap.attribute(object, "_name").and_then(|name| heap.text_of(name));
            states.push(State {
                address: next,
                interpreter,
                ident,
                native_id: native_id.or_else(|| heap.facts.pid.filter(|_| is_main).map(|pid| pid as u64)),
                object,
                name: name.or_else(|| is_main.then(|| "MainThread".to_owned())),
                is_daemon: number("_daemonic") == Some(1),
                is_main,
                id: layout.id.read(&heap.memory, next).unwrap_or(0),
            });
            next = layout.next.read(&heap.memory, next).unwrap_or_default();
        }
        states[begin..].sort_by_key(|state| state.id);
    }
    states
}

/// The `threading.Thread` objects of an interpreter, by ident.
fn thread_objects<M: Memory>(heap: &CPythonHeap<M>, interpreter: Address) -> FxHashMap<u64, Address> {
    let mut found = FxHashMap::default();
    let modules = heap.layouts().interpreter.modules.read(&heap.memory, interpreter).unwrap_or_default();
    let threading = heap.dict_get(modules, "threading");
    if let Some(active) = threading.and_then(|module| heap.attribute(module, "_active")).filter(|dict| heap.is_dict(*dict)) {
        let _ = heap.entries(active, |ident, thread| {
            if let Some(ident) = heap.integer(ident) {
                found.insert(ident as u64, thread);
            }
        });
    }
    found
}

/// Whether a thread state may run code of Python now: `_Py_THREAD_ATTACHED` (3.13+).
pub(crate) const ATTACHED: i32 = 1;

/// The thread state that holds the interpreter lock; without such a lock the one that runs, if it is the only one.
fn holder<M: Memory>(heap: &CPythonHeap<M>, states: &[State]) -> Option<Address> {
    let layouts = heap.layouts();
    if layouts.object.ob_ref_local.is_some() {
        let attached = |state: &&State| heap.optional_field(layouts.thread.state, state.address) == Some(ATTACHED);
        let mut running = states.iter().filter(attached);
        return running.next().filter(|_| running.next().is_none()).map(|state| state.address);
    }
    if let Some(field) = layouts.thread.holds_gil {
        let holds = |state: &&State| field.read(&heap.memory, state.address) == Some(1);
        return states.iter().find(holds).map(|state| state.address);
    }
    if let Some(field) = layouts.runtime.tstate_current {
        return field.read(&heap.memory, heap.facts.runtime).filter(|holder| !holder.is_null());
    }
    let gil = layouts.interpreter.gil?.read(&heap.memory, states.first()?.interpreter)?;
    let is_locked = layouts.gil.locked.read(&heap.memory, gil)? == 1;
    layouts.gil.last_holder.read(&heap.memory, gil).filter(|_| is_locked)
}

/// The position of the thread that the process dies in, if it is one of Python's.
pub(super) fn dying(states: &[State], options: &CaptureOptions) -> Option<usize> {
    let death = options.death.as_ref()?;
    let by_ident = states.iter().position(|state| Some(state.ident) == death.ident);
    by_ident.or_else(|| states.iter().position(|state| state.native_id == u64::try_from(death.thread).ok()))
}

/// The position of the current thread, if there is one.
pub(super) fn current<M: Memory>(heap: &CPythonHeap<M>, states: &[State], options: &CaptureOptions) -> Option<usize> {
    if options.death.is_some() {
        return dying(states, options);
    }
    if let Some(identity) = options.current_thread {
        return states.iter().position(|state| state.is(identity));
    }
    let holder = holder(heap, states)?;
    states.iter().position(|state| state.address == holder)
}

/// The exception that is given, or where one is to be found, that of the current thread, the main thread, any thread.
pub(super) fn exception<M: Memory>(heap: &CPythonHeap<M>, states: &[State], options: &CaptureOptions) -> Option<Address> {
    if options.exception.is_some() || !options.find_exception {
        return options.exception.filter(|exception| !exception.is_null());
    }
    let first = current(heap, states, options).and_then(|index| states.get(index));
    let others = || states.iter().filter(|_| !options.only_current);
    let order = || first.into_iter().chain(others().filter(|state| state.is_main)).chain(others());
    order().find_map(|state| state.in_flight(heap)).or_else(|| order().find_map(|state| state.handled(heap).first().copied()))
}

/// The position of the thread that `exception` belongs to: the one that is named, else one that has it in flight, handles
/// it, or runs a frame of its traceback; else the current one, else the main thread.
pub(super) fn owner<M: Memory>(
    heap: &CPythonHeap<M>,
    states: &[State],
    exception: Address,
    options: &CaptureOptions,
) -> Option<usize> {
    let named = options.exception_thread.and_then(|identity| states.iter().position(|state| state.is(identity)));
    named
        .or_else(|| states.iter().position(|state| state.in_flight(heap) == Some(exception)))
        .or_else(|| states.iter().position(|state| state.handled(heap).contains(&exception)))
        .or_else(|| {
            let entries = traceback::entries(heap, traceback_of(heap, exception));
            let nodes: FxHashSet<Address> = entries.iter().map(|entry| entry.frame.node(heap)).collect();
            let runs = |state: &State| state.frames(heap).iter().any(|frame| nodes.contains(&frame.node(heap)));
            states.iter().position(runs)
        })
        .or_else(|| current(heap, states, options))
        .or_else(|| states.iter().position(|state| state.is_main))
        .or_else(|| (!states.is_empty()).then_some(0))
}
