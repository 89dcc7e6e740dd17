//! Generators, coroutines and async generators with their frames, and the awaitables made of them. Mirrors
//! `Objects/genobject.c`.
//!
//! Up to 3.10 a generator points to a frame object, which is gone when it has finished; from 3.11 on it holds an interpreter
//! frame and a state. How that state is numbered is decided by the fields that came with each numbering.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;

use crate::codeobject::Code;
use crate::frame::Frame;
use crate::heap::{CPythonHeap, Payload, State, TypeEntry, unreadable};
use crate::layout::{Field, Inline};
use crate::memory::Memory;

/// `YIELD_FROM`, the opcode that a generator of 3.8 to 3.10 stands before while it delegates.
const YIELD_FROM: u8 = 72;
/// The argument of the `RESUME` after a `yield from` (2) or an `await` (3), in its low bits.
const RESUME_PLACE: u8 = 3;
const RESUME_AFTER_YIELD_FROM: u8 = 2;

/// Where a generator stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    Created,
    Suspended,
    /// Suspended in `yield from` or `await`.
    Delegating,
    Running,
    Closed,
}

impl Progress {
    fn word(self) -> &'static str {
        match self {
            Progress::Created => "created",
            Progress::Suspended | Progress::Delegating => "suspended",
            Progress::Running => "running",
            Progress::Closed => "closed",
        }
    }
}

/// The fields that the three kinds share, and what Python calls them.
struct Shape {
    prefix: &'static str,
    name: Field<Address>,
    qualified_name: Field<Address>,
    code: Option<Field<Address>>,
    frame: Option<Field<Address>>,
    interpreter_frame: Option<Field<Inline>>,
    state: Option<Field<i8>>,
    running: Option<Field<i8>>,
    exception: Field<Inline>,
}

impl Shape {
    fn of<M: Memory>(heap: &CPythonHeap<M>, payload: Payload) -> Shape {
        let layouts = heap.layouts();
        match payload {
            Payload::Coroutine => {
                let layout = layouts.coroutine;
                Shape {
                    prefix: "cr",
                    name: layout.cr_name,
                    qualified_name: layout.cr_qualname,
                    code: layout.cr_code,
                    frame: layout.cr_frame,
                    interpreter_frame: layout.cr_iframe,
                    state: layout.cr_frame_state,
                    running: layout.cr_running,
                    exception: layout.cr_exc_state,
                }
            }
            Payload::AsyncGenerator => {
                let layout = layouts.async_generator;
                Shape {
                    prefix: "ag",
                    name: layout.ag_name,
                    qualified_name: layout.ag_qualname,
                    code: layout.ag_code,
                    frame: layout.ag_frame,
                    interpreter_frame: layout.ag_iframe,
                    state: layout.ag_frame_state,
                    running: layout.ag_running,
                    exception: layout.ag_exc_state,
                }
            }
            _ => {
                let layout = layouts.generator;
                Shape {
                    prefix: "gi",
                    name: layout.gi_name,
                    qualified_name: layout.gi_qualname,
                    code: layout.gi_code,
                    frame: layout.gi_frame,
                    interpreter_frame: layout.gi_iframe,
                    state: layout.gi_frame_state,
                    running: layout.gi_running,
                    exception: layout.gi_exc_state,
                }
            }
        }
    }

    /// The frame, also of one that has finished where its memory is still there.
    fn frame<M: Memory>(&self, heap: &CPythonHeap<M>, object: Address) -> Option<Frame> {
        match (self.frame, self.interpreter_frame) {
            (Some(field), _) => {
                let frame = field.read(&heap.memory, object)?;
                (heap.payload_of(frame) == Some(Payload::Frame)).then(|| Frame::of_object(heap, frame))
            }
            (None, Some(inline)) => Frame::of_interpreter_frame(heap, inline.at(object)),
            (None, None) => None,
        }
    }

    fn progress<M: Memory>(&self, heap: &CPythonHeap<M>, object: Address) -> Result<Progress, Failure> {
        let Some(field) = self.state else {
            return Ok(self.old_progress(heap, object));
        };
        let state = heap.field(field, object)?;
        let layouts = heap.layouts();
        // 3.15 numbers upwards from 0 and has the frame that all others stand on; 3.13 tells delegation apart, since it
        // points to the instruction that is being executed.
        Ok(if layouts.thread.base_frame.is_some() {
            match state {
                0 => Progress::Created,
                1 => Progress::Suspended,
                2 | 3 => Progress::Delegating,
                4 => Progress::Running,
                _ => Progress::Closed,
            }
        } else if layouts.interpreter_frame.is_some_and(|layout| layout.instr_ptr.is_some()) {
            match state {
                -3 => Progress::Created,
                -2 => Progress::Suspended,
                -1 => Progress::Delegating,
                0 => Progress::Running,
                _ => Progress::Closed,
            }
        } else {
            match state {
                -2 => Progress::Created,
                -1 if self.is_after_delegation(heap, object) => Progress::Delegating,
                -1 => Progress::Suspended,
                0 => Progress::Running,
                _ => Progress::Closed,
            }
        })
    }

    /// 3.11 and 3.12: what follows the last executed instruction of a suspended generator is a `RESUME`.
    fn is_after_delegation<M: Memory>(&self, heap: &CPythonHeap<M>, object: Address) -> bool {
        let unit = self.frame(heap, object).and_then(|frame| frame.next_unit(heap, &frame.code(heap)?));
        unit.is_some_and(|[_, argument]| argument & RESUME_PLACE >= RESUME_AFTER_YIELD_FROM)
    }

    fn old_progress<M: Memory>(&self, heap: &CPythonHeap<M>, object: Address) -> Progress {
        let frame = self.frame(heap, object);
        let Some((frame, code)) = frame.and_then(|frame| Some((frame, frame.code(heap)?))) else {
            return Progress::Closed;
        };
        if self.is_running(heap, object, frame) {
            return Progress::Running;
        }
        match frame.offset(heap, &code) {
            Some(offset) if offset < 0 => Progress::Created,
            _ => match frame.next_unit(heap, &code) {
                Some([YIELD_FROM, _]) => Progress::Delegating,
                _ => Progress::Suspended,
            },
        }
    }

    fn is_running<M: Memory>(&self, heap: &CPythonHeap<M>, object: Address, frame: Frame) -> bool {
        match (self.running, heap.layouts().frame.f_state) {
            (Some(field), _) => heap.optional_field(Some(field), object).is_some_and(|running| running != 0),
            (None, state) => heap.optional_field(state, frame.object()) == Some(0),
        }
    }

    fn code<M: Memory>(&self, heap: &CPythonHeap<M>, object: Address) -> Option<Code> {
        match self.code {
            Some(field) => Code::read(heap, field.read(&heap.memory, object)?).ok(),
            None => self.frame(heap, object)?.code(heap),
        }
    }
}

/// Tells a generator, coroutine or async generator, or what awaiting makes of one.
pub(crate) fn reduce<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    if entry.payload == Payload::Awaitable {
        return reduce_awaitable(heap, entry, object, sink);
    }
    let shape = Shape::of(heap, entry.payload);
    let progress = shape.progress(heap, object)?;
    let attribute = EdgeKind::Attribute;
    sink.edge(attribute, Name::Text("__name__"), heap.field(shape.name, object)?);
    sink.edge(attribute, Name::Text("__qualname__"), heap.field(shape.qualified_name, object)?);
    let [frame_name, code_name, awaited_name, running_name, suspended_name] = match shape.prefix {
        "cr" => ["cr_frame", "cr_code", "cr_await", "cr_running", "cr_suspended"],
        "ag" => ["ag_frame", "ag_code", "ag_await", "ag_running", "ag_suspended"],
        _ => ["gi_frame", "gi_code", "gi_yieldfrom", "gi_running", "gi_suspended"],
    };
    let code = shape.code(heap, object);
    sink.edge(attribute, Name::Text(code_name), code.map(|code| code.address).unwrap_or_default());
    let frame = if progress == Progress::Closed { None } else { shape.frame(heap, object) };
    sink.edge(attribute, Name::Text(frame_name), frame.map(|frame| frame.node(heap)).unwrap_or_default());
    let awaited = match (progress, frame, code) {
        (Progress::Delegating, Some(frame), Some(code)) => frame.top_of_stack(heap, &code),
        _ => None,
    };
    sink.edge(attribute, Name::Text(awaited_name), awaited.unwrap_or_default());
    for (name, target) in handled_exceptions(heap, shape.exception.at(object)) {
        sink.edge(EdgeKind::Internal, Name::Text(name), target);
    }
    let layouts = heap.layouts();
    let mut running = progress == Progress::Running;
    let mut state = State::new().with("state", progress.word());
    match entry.payload {
        Payload::Coroutine => {
            sink.edge(attribute, Name::Text("cr_origin"), heap.field(layouts.coroutine.cr_origin, object)?);
        }
        Payload::AsyncGenerator => {
            let layout = layouts.async_generator;
            if let Some(field) = layout.ag_running_async {
                running = heap.field(field, object)? != 0;
            }
            let finalizer = heap.field(layout.ag_finalizer, object)?;
            if heap.is_object(finalizer) {
                sink.edge(EdgeKind::Internal, Name::Text("ag_finalizer"), finalizer);
            }
            state = state
                .with("ag_closed", heap.field(layout.ag_closed, object)? != 0)
                .with("ag_hooks_inited", heap.field(layout.ag_hooks_inited, object)? != 0);
        }
        _ => {}
    }
    state = state.with(running_name, running);
    state = state.with(suspended_name, matches!(progress, Progress::Suspended | Progress::Delegating));
    state.tell(sink);
    Ok(())
}

/// What an item of the stack of handled exceptions holds.
pub(crate) fn handled_exceptions<M: Memory>(heap: &CPythonHeap<M>, item: Address) -> Vec<(&'static str, Address)> {
    let layout = heap.layouts().exception_item;
    let fields = [("exc_type", layout.exc_type), ("exc_value", Some(layout.exc_value)), ("exc_traceback", layout.exc_traceback)];
    let read = |(name, field)| Some((name, heap.optional_field(field, item)?));
    fields.into_iter().filter_map(read).filter(|(_, target): &(_, Address)| !target.is_null()).collect()
}

fn reduce_awaitable<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let layouts = heap.layouts();
    let mut tell = |name: &'static str, field: Field<Address>| {
        sink.edge(EdgeKind::Attribute, Name::Text(name), heap.field(field, object)?);
        Ok::<(), Failure>(())
    };
    let progress = |state: u32| match state {
        0 => "created",
        1 => "suspended",
        _ => "closed",
    };
    match entry.description.name.as_str() {
        "async_generator_asend" => {
            let layout = layouts.async_generator_asend;
            tell("ags_gen", layout.ags_gen)?;
            tell("ags_sendval", layout.ags_sendval)?;
            State::new().with("state", progress(heap.field(layout.ags_state, object)?)).tell(sink);
        }
        "async_generator_athrow" => {
            let layout = layouts.async_generator_athrow;
            tell("agt_gen", layout.agt_gen)?;
            let thrown = [
                ("agt_args", layout.agt_args),
                ("agt_typ", layout.agt_typ),
                ("agt_val", layout.agt_val),
                ("agt_tb", layout.agt_tb),
            ];
            for (name, field) in thrown {
                field.map_or(Ok(()), |field| tell(name, field))?;
            }
            State::new().with("state", progress(heap.field(layout.agt_state, object)?)).tell(sink);
        }
        "async_generator_wrapped_value" => tell("agw_val", layouts.async_generator_value.agw_val)?,
        "coroutine_wrapper" => tell("cw_coroutine", layouts.coroutine_wrapper.cw_coroutine)?,
        _ => {
            let layout = layouts.anext_awaitable.ok_or_else(unreadable)?;
            tell("wrapped", layout.wrapped)?;
            tell("default_value", layout.default_value)?;
        }
    }
    Ok(())
}
