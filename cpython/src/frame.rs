//! Frames: frame objects up to 3.10, interpreter frames with or without a frame object from 3.11 on.
//!
//! A frame is one node: its frame object where it has one, else the interpreter frame at its own address. Its variables are
//! told by name with what they are bound to, cells opened; the operand stack by index. Which of the two shapes a CPython
//! has is decided by the structs that exist. Mirrors `Objects/frameobject.c`, `Include/internal/pycore_frame.h`.

use std::fmt;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, VariableKind};
use heapsake_core::reduce::Failure;
use rustc_hash::FxHashSet;

use crate::codeobject::{Code, OPTIMIZED};
use crate::heap::{CPythonHeap, Payload, State, TypeEntry, corrupt};
use crate::layout::Field;
use crate::memory::Memory;

/// Chains of frames, tracebacks and threads are not followed further.
pub(crate) const MAXIMUM_DEPTH: usize = 1 << 23;

/// Frames of C functions, and others that Python does not show, that stand one behind the other.
const MAXIMUM_CFRAMES: usize = 1000;

/// Of a stack of unknown depth no more is looked at.
const MAXIMUM_STALE: u64 = 4096;

// `enum _frameowner`.
const OWNED_BY_GENERATOR: i8 = 1;
const OWNED_BY_FRAME_OBJECT: i8 = 2;

/// `FRAME_EXECUTING` of 3.10's frame states.
const EXECUTING: i8 = 0;

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Frame {
    /// The frame object; null where there is none.
    object: Address,
    /// The interpreter frame; null up to 3.10.
    interpreter: Address,
}

/// A variable of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The string object that names it.
    pub(crate) name: Address,
    /// Where it lives.
    pub(crate) kind: VariableKind,
    /// What it is bound to; null when unbound.
    pub(crate) target: Address,
    /// The cell that holds it; null where none does.
    pub(crate) cell: Address,
}

/// A call of the evaluation loop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evaluation {
    /// The frames that it runs and that Python shows, the innermost first; none while it begins or ends.
    pub(crate) frames: Vec<Frame>,
    /// An address on the C stack that belongs to the call.
    pub(crate) on_stack: Option<Address>,
}

/// How the chain of a thread's frames ends before the outermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// What lies here is no frame, or not there.
    At(Address),
    /// It has more than [`MAXIMUM_DEPTH`].
    TooDeep,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Break::At(at) => write!(
                f,
                "what leads on to its outer frames, at {at}, is not there; those of functions are told by the data stack, those \
                 of generators may be missing"
            ),
            Break::TooDeep => write!(f, "it has more frames than {MAXIMUM_DEPTH}: the outer ones are left out"),
        }
    }
}

/// What lies on a frame's operand stack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack {
    /// The slots, the bottom first.
    pub(crate) slots: Vec<Address>,
    /// Whether the depth is unknown, so that slots may be left over.
    pub(crate) is_stale: bool,
}

impl Frame {
    /// The frame that is the node `node`.
    pub(crate) fn of_node<M: Memory>(heap: &CPythonHeap<M>, node: Address) -> Option<Frame> {
        if node.is_null() {
            return None;
        }
        if heap.is_added_frame(node) {
            return Some(Frame { object: Address::NULL, interpreter: node });
        }
        (heap.payload_of(node) == Some(Payload::Frame)).then(|| Frame::of_object(heap, node))
    }

    /// The frame of a frame object.
    pub(crate) fn of_object<M: Memory>(heap: &CPythonHeap<M>, object: Address) -> Frame {
        Frame { object, interpreter: heap.optional_field(heap.layouts().frame.f_frame, object).unwrap_or_default() }
    }

    /// The frame at `object`, or the first one that Stackless's frames of C functions lead to from there.
    pub(crate) fn past_cframes<M: Memory>(heap: &CPythonHeap<M>, object: Address) -> Option<Frame> {
        let mut next = object;
        for _ in 0..MAXIMUM_CFRAMES {
            let entry = heap.type_of(next)?;
            if entry.payload == Payload::Frame {
                return Some(Frame::of_object(heap, next));
            }
            let layout = heap.layouts().stackless_cframe.filter(|_| entry.description.name == "_stackless.cframe")?;
            next = layout.f_back.read(&heap.memory, next)?;
        }
        None
    }

    /// The frame of an interpreter frame.
    pub(crate) fn of_interpreter_frame<M: Memory>(heap: &CPythonHeap<M>, interpreter: Address) -> Option<Frame> {
        let layout = heap.layouts().interpreter_frame?;
        let object = layout.frame_obj.read(&heap.memory, interpreter)?;
        let object = if heap.payload_of(object) == Some(Payload::Frame) { object } else { Address::NULL };
        Some(Frame { object, interpreter })
    }

    /// The node; from now on the heap knows it as one.
    pub(crate) fn node<M: Memory>(self, heap: &CPythonHeap<M>) -> Address {
        if self.object.is_null() {
            heap.add_frame(self.interpreter);
            return self.interpreter;
        }
        self.object
    }

    /// The frame object; null where there is none.
    pub(crate) fn object(self) -> Address {
        self.object
    }

    /// A pointer that lies in the frame object up to 3.10 and in the interpreter frame later.
    fn pointer<M: Memory>(
        self,
        heap: &CPythonHeap<M>,
        old: Option<Field<Address>>,
        new: Option<Field<Address>>,
    ) -> Option<Address> {
        match old {
            Some(field) => field.read(&heap.memory, self.object),
            None => new?.read(&heap.memory, self.interpreter),
        }
    }

    /// The code object.
    pub(crate) fn code<M: Memory>(self, heap: &CPythonHeap<M>) -> Option<Code> {
        let new = heap.layouts().interpreter_frame.and_then(|layout| layout.f_code.or(layout.f_executable));
        Code::read(heap, heap.reference(self.pointer(heap, heap.layouts().frame.f_code, new)?)).ok()
    }

    /// The mapping of the global names.
    pub(crate) fn globals<M: Memory>(self, heap: &CPythonHeap<M>) -> Address {
        let new = heap.layouts().interpreter_frame.map(|layout| layout.f_globals);
        self.pointer(heap, heap.layouts().frame.f_globals, new).unwrap_or_default()
    }

    fn builtins<M: Memory>(self, heap: &CPythonHeap<M>) -> Address {
        let new = heap.layouts().interpreter_frame.map(|layout| layout.f_builtins);
        self.pointer(heap, heap.layouts().frame.f_builtins, new).unwrap_or_default()
    }

    /// The mapping of the local names, or for functions a copy that was asked for.
    pub(crate) fn locals<M: Memory>(self, heap: &CPythonHeap<M>) -> Address {
        let new = heap.layouts().interpreter_frame.map(|layout| layout.f_locals);
        self.pointer(heap, heap.layouts().frame.f_locals, new).unwrap_or_default()
    }

    fn owner<M: Memory>(self, heap: &CPythonHeap<M>) -> i8 {
        heap.optional_field(heap.layouts().interpreter_frame.map(|layout| layout.owner), self.interpreter).unwrap_or(0)
    }

    /// Whether Python shows it: it has a code object, and has begun to run it unless a generator owns it.
    pub(crate) fn is_complete<M: Memory>(self, heap: &CPythonHeap<M>) -> bool {
        if self.interpreter.is_null() {
            return !self.object.is_null();
        }
        let owner = self.owner(heap);
        if !(0..=OWNED_BY_FRAME_OBJECT).contains(&owner) {
            return false;
        }
        let Some(code) = self.code(heap) else { return false };
        let first = heap.optional_field(heap.layouts().code.co_firsttraceable, code.address).unwrap_or(0);
        owner == OWNED_BY_GENERATOR || self.offset(heap, &code).is_some_and(|offset| offset >= i64::from(first) * 2)
    }

    /// Offset in bytes of the instruction that was last executed; below zero before the first.
    pub(crate) fn offset<M: Memory>(self, heap: &CPythonHeap<M>, code: &Code) -> Option<i64> {
        if let Some(field) = heap.layouts().frame.f_lasti {
            let offset = i64::from(field.read(&heap.memory, self.object)?);
            // 3.10 counts code units, and is the release that knows the depth of the stack.
            let counts_units = heap.layouts().frame.f_stackdepth.is_some();
            return Some(if counts_units && offset > 0 { offset * 2 } else { offset });
        }
        let layout = heap.layouts().interpreter_frame?;
        let pointer = layout.prev_instr.or(layout.instr_ptr)?.read(&heap.memory, self.interpreter)?;
        code.offset_of(heap, pointer)
    }

    /// The line that the frame object holds, while a trace function runs.
    pub(crate) fn set_line<M: Memory>(self, heap: &CPythonHeap<M>) -> Option<u32> {
        if self.object.is_null() {
            return None;
        }
        let layout = &heap.layouts().frame;
        let line = u32::try_from(layout.f_lineno.read(&heap.memory, self.object)?).ok()?;
        // Up to 3.9 the field is right only under a trace function, later it is 0 otherwise.
        let is_traced = || layout.f_trace.read(&heap.memory, self.object).is_some_and(|trace| !trace.is_null());
        (line > 0 && (layout.f_stacktop.is_none() || is_traced())).then_some(line)
    }

    /// The frame that called this one; none for the outermost and for suspended generators.
    pub(crate) fn back<M: Memory>(self, heap: &CPythonHeap<M>) -> Option<Frame> {
        let layouts = heap.layouts();
        if !self.object.is_null() {
            let back = layouts.frame.f_back.read(&heap.memory, self.object)?;
            if !back.is_null() {
                return Frame::past_cframes(heap, back);
            }
        }
        let layout = layouts.interpreter_frame?;
        if self.interpreter.is_null() || self.owner(heap) == OWNED_BY_FRAME_OBJECT {
            return None;
        }
        Frame::first_complete(heap, layout.previous.read(&heap.memory, self.interpreter)?)
    }

    /// The first frame that Python shows, from an interpreter frame on outwards.
    pub(crate) fn first_complete<M: Memory>(heap: &CPythonHeap<M>, interpreter: Address) -> Option<Frame> {
        let layout = heap.layouts().interpreter_frame?;
        let mut next = interpreter;
        for _ in 0..MAXIMUM_CFRAMES {
            if next.is_null() {
                return None;
            }
            let frame = Frame::of_interpreter_frame(heap, next)?;
            if frame.is_complete(heap) {
                return Some(frame);
            }
            next = layout.previous.read(&heap.memory, next)?;
        }
        None
    }

    /// How the chain from an interpreter frame on outwards breaks off, if it does.
    pub(crate) fn breaks_off<M: Memory>(heap: &CPythonHeap<M>, innermost: Address) -> Option<Break> {
        let layout = heap.layouts().interpreter_frame?;
        let mut seen = FxHashSet::default();
        let mut next = innermost;
        while !next.is_null() {
            let frame = Frame { object: Address::NULL, interpreter: next };
            let owner = layout.owner.read(&heap.memory, next);
            // One of the evaluation loop's own has no code.
            let is_frame = owner.is_some_and(|owner| owner > OWNED_BY_FRAME_OBJECT) || frame.code(heap).is_some();
            if is_frame && seen.len() == MAXIMUM_DEPTH {
                return Some(Break::TooDeep);
            }
            let is_new = is_frame && seen.insert(next);
            let previous = layout.previous.read(&heap.memory, next).filter(|_| is_new);
            let Some(previous) = previous else { return Some(Break::At(next)) };
            next = previous;
        }
        None
    }

    /// How many bytes it takes on a data stack.
    pub(crate) fn size<M: Memory>(self, heap: &CPythonHeap<M>) -> Option<i64> {
        let code = self.code(heap)?;
        let slots = (code.slots as i64).checked_add(code.stack_size as i64)?;
        let specials = heap.layouts().interpreter_frame?.localsplus.offset() as i64;
        slots.checked_mul(8)?.checked_add(specials)
    }

    /// The calls of the evaluation loop that run the frames of a thread, the innermost first, from the interpreter frame
    /// `innermost` on.
    pub(crate) fn by_evaluation<M: Memory>(heap: &CPythonHeap<M>, innermost: Address) -> Vec<Evaluation> {
        let Some(layout) = heap.layouts().interpreter_frame else { return Vec::new() };
        let (mut calls, mut frames) = (Vec::new(), Vec::new());
        let mut seen = FxHashSet::default();
        let mut next = innermost;
        while !next.is_null() && seen.len() < MAXIMUM_DEPTH && seen.insert(next) {
            let Some(frame) = Frame::of_interpreter_frame(heap, next) else { break };
            // A call begins with a frame of the loop's own, which lies on the C stack (3.12+), or with one that says so.
            let is_first = match layout.is_entry {
                Some(is_entry) => is_entry.read(&heap.memory, next).is_some_and(|is_entry| is_entry != 0),
                None => frame.owner(heap) > OWNED_BY_FRAME_OBJECT,
            };
            if frame.is_complete(heap) {
                frames.push(frame);
            }
            if is_first {
                let on_stack = layout.is_entry.is_none().then_some(next);
                calls.push(Evaluation { frames: std::mem::take(&mut frames), on_stack });
            }
            next = layout.previous.read(&heap.memory, next).unwrap_or_default();
        }
        if !frames.is_empty() {
            calls.push(Evaluation { frames, on_stack: None });
        }
        calls
    }

    /// Where the slots of fast locals and of the operand stack begin.
    fn slots_at<M: Memory>(self, heap: &CPythonHeap<M>) -> Option<Address> {
        match heap.layouts().frame.f_localsplus {
            Some(field) => Some(field.at(self.object)),
            None => Some(heap.layouts().interpreter_frame?.localsplus.at(self.interpreter)),
        }
    }

    /// The variables in slots, in the order of the code; those of comprehensions that were inlined only when bound.
    ///
    /// # Errors
    /// The slots or their names cannot be read.
    pub(crate) fn variables<M: Memory>(self, heap: &CPythonHeap<M>, code: &Code) -> Result<Vec<Binding>, Failure> {
        let names = code.names(heap)?;
        let start = self.slots_at(heap).ok_or_else(|| corrupt("the layout has no fast locals"))?;
        let words = heap.words(start, code.slots as u64)?;
        let mut bindings: Vec<Binding> = Vec::with_capacity(names.len());
        for (slot, word) in names.iter().zip(words.iter()) {
            let mut word = heap.reference(word);
            if word.is_null() && slot.kind == VariableKind::Free {
                word = slot.free.and_then(|index| self.closure_cell(heap, index)).unwrap_or_default();
            }
            let is_cell = slot.cell && !word.is_null() && heap.is_cell(word);
            let target = if is_cell { heap.field(heap.layouts().cell.ob_ref, word).unwrap_or_default() } else { word };
            let cell = if is_cell { word } else { Address::NULL };
            if slot.hidden && target.is_null() {
                continue;
            }
            // Up to 3.10 a parameter that is a cell has two slots.
            if slot.kind == VariableKind::Cell {
                let twin = |known: &&mut Binding| known.kind == VariableKind::Argument && known.name == slot.name;
                if let Some(parameter) = bindings.iter_mut().find(twin) {
                    (parameter.target, parameter.cell) = (target, cell);
                    continue;
                }
            }
            bindings.push(Binding { name: slot.name, kind: slot.kind, target, cell });
        }
        Ok(bindings)
    }

    /// The cell of a free variable that was not copied into the frame yet.
    fn closure_cell<M: Memory>(self, heap: &CPythonHeap<M>, index: usize) -> Option<Address> {
        let layout = heap.layouts().interpreter_frame?;
        let function = heap.reference(layout.f_func.or(layout.f_funcobj)?.read(&heap.memory, self.interpreter)?);
        if function.is_null() || &*heap.type_of(function)?.description.name != "function" {
            return None;
        }
        let closure = heap.layouts().function.func_closure.read(&heap.memory, function)?;
        heap.items_of_tuple(closure, index as u64 + 1)?.get(index).copied()
    }

    /// The operand stack.
    pub(crate) fn stack<M: Memory>(self, heap: &CPythonHeap<M>, code: &Code) -> Stack {
        self.read_stack(heap, code).unwrap_or_default()
    }

    fn read_stack<M: Memory>(self, heap: &CPythonHeap<M>, code: &Code) -> Option<Stack> {
        let layout = &heap.layouts().frame;
        let memory = &heap.memory;
        let between = |start: Address, top: Address| i64::try_from(top.0.checked_sub(start.0)? / 8).ok();
        let (start, depth) = if let Some(base) = layout.f_valuestack {
            let start = base.read(memory, self.object)?;
            let depth = match (layout.f_stacktop, layout.f_stackdepth) {
                (Some(top), _) => {
                    let top = top.read(memory, self.object)?;
                    let executing = heap.optional_field(layout.f_executing, self.object).unwrap_or(0) != 0;
                    if !top.is_null() {
                        between(start, top)?
                    } else if executing {
                        -1
                    } else {
                        0
                    }
                }
                (None, Some(depth)) => {
                    let state = heap.optional_field(layout.f_state, self.object).unwrap_or(EXECUTING);
                    let depth = i64::from(depth.read(memory, self.object)?);
                    if depth < 0 && state != EXECUTING { 0 } else { depth }
                }
                (None, None) => return None,
            };
            (start, depth)
        } else {
            let layout = heap.layouts().interpreter_frame?;
            let locals = layout.localsplus.at(self.interpreter);
            let start = locals.offset(code.slots as i64 * 8);
            let depth = match (layout.stacktop, layout.stackpointer) {
                (Some(top), _) => match i64::from(top.read(memory, self.interpreter)?) {
                    top if top < 0 => -1,
                    top => (top - code.slots as i64).max(0),
                },
                (None, Some(pointer)) => match pointer.read(memory, self.interpreter)? {
                    Address::NULL => -1,
                    top => between(start, top)?,
                },
                (None, None) => return None,
            };
            (start, depth)
        };
        let is_stale = depth < 0;
        let depth = if is_stale { MAXIMUM_STALE } else { depth as u64 };
        let count = depth.min(code.stack_size as u64);
        let slots = heap.words(start, count).ok()?.iter().map(|word| heap.reference(word)).collect();
        Some(Stack { slots, is_stale })
    }

    /// The uppermost object on the operand stack, where its depth is known. What is delegated to may have a position above
    /// it, a tagged number or nothing (3.15).
    pub(crate) fn top_of_stack<M: Memory>(self, heap: &CPythonHeap<M>, code: &Code) -> Option<Address> {
        let stack = self.stack(heap, code);
        stack.slots.iter().rfind(|slot| !slot.is_null()).copied().filter(|_| !stack.is_stale)
    }

    /// The code unit after the last executed one: opcode and argument.
    pub(crate) fn next_unit<M: Memory>(self, heap: &CPythonHeap<M>, code: &Code) -> Option<[u8; 2]> {
        code.unit(heap, self.offset(heap, code)?.checked_add(2)?)
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// The object that a word of a frame refers to. Where stacks are known by a pointer to their top (3.14+), the two lowest
    /// bits are a tag: 3 is a number in place of an object, 2 something that is none, 1 a reference that is not counted, and alone
    /// nothing.
    fn reference(&self, word: Address) -> Address {
        let is_tagged = self.layouts().interpreter_frame.is_some_and(|layout| layout.stackpointer.is_some());
        match word.0 & 3 {
            2 | 3 if is_tagged => Address::NULL,
            _ if is_tagged => Address(word.0 & !3),
            _ => word,
        }
    }

    fn is_cell(&self, object: Address) -> bool {
        self.type_of(object).is_some_and(|entry| entry.description.kind == heapsake_core::heap::TypeKind::Cell)
    }
}

/// Tells the frame object at `object`.
pub(crate) fn reduce<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    _: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    tell(heap, Frame::of_object(heap, object), sink)
}

/// Tells the interpreter frame at `interpreter`, which has no frame object.
pub(crate) fn reduce_interpreter_frame<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    _: &TypeEntry,
    interpreter: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    tell(heap, Frame { object: Address::NULL, interpreter }, sink)
}

fn tell<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, frame: Frame, sink: &mut S) -> Result<(), Failure> {
    let attribute = EdgeKind::Attribute;
    let code = frame.code(heap).ok_or_else(|| corrupt("a frame without a code object"))?;
    sink.edge(attribute, Name::Text("f_code"), code.address);
    sink.edge(attribute, Name::Text("f_globals"), frame.globals(heap));
    sink.edge(attribute, Name::Text("f_builtins"), frame.builtins(heap));
    sink.edge(attribute, Name::Text("f_back"), frame.back(heap).map(|back| back.node(heap)).unwrap_or_default());
    let locals = frame.locals(heap);
    if code.flags & OPTIMIZED == 0 {
        sink.edge(attribute, Name::Text("f_locals"), locals);
    } else if !locals.is_null() {
        sink.edge(EdgeKind::Internal, Name::Text("f_locals"), locals);
    }
    let mut traced = false;
    if !frame.object.is_null() {
        let layout = heap.layouts().frame;
        let trace = heap.field(layout.f_trace, frame.object)?;
        traced = !trace.is_null();
        sink.edge(attribute, Name::Text("f_trace"), trace);
        let kept = [
            ("f_extra_locals", layout.f_extra_locals),
            ("f_locals_cache", layout.f_locals_cache),
            ("f_overwritten_fast_locals", layout.f_overwritten_fast_locals),
            // A frame of a C function, which is no caller.
            ("f_back", heap.layouts().stackless_cframe.map(|_| layout.f_back)),
        ];
        let caller = frame.back(heap).map_or(Address::NULL, |back| back.object);
        for (name, field) in kept {
            let target = heap.optional_field(field, frame.object);
            if let Some(target) = target.filter(|target| !target.is_null() && *target != caller) {
                sink.edge(EdgeKind::Internal, Name::Text(name), target);
            }
        }
    }
    let layout = heap.layouts().interpreter_frame;
    if let Some(function) = layout.and_then(|layout| layout.f_func.or(layout.f_funcobj)) {
        let function = heap.reference(heap.field(function, frame.interpreter)?);
        if heap.is_object(function) {
            sink.edge(EdgeKind::Internal, Name::Text("f_funcobj"), function);
        }
    }
    for binding in frame.variables(heap, &code)? {
        sink.edge(EdgeKind::Local, Name::Object(binding.name), binding.target);
        if !binding.cell.is_null() {
            sink.edge(EdgeKind::Internal, Name::Object(binding.name), binding.cell);
        }
    }
    let stack = frame.stack(heap, &code);
    for (index, slot) in stack.slots.iter().enumerate() {
        if stack.is_stale && heap.is_object(*slot) {
            sink.edge(EdgeKind::Stale, Name::Index(index as u32), *slot);
        } else if !stack.is_stale && !slot.is_null() {
            sink.edge(EdgeKind::Internal, Name::Index(index as u32), *slot);
        }
    }
    // As `dis.Positions` calls what is known from 3.11 on of the expression that it is at: columns count bytes of UTF-8.
    let offset = frame.offset(heap, &code);
    let position = offset.map(|offset| code.position(heap, offset)).unwrap_or_default();
    let set_line = frame.set_line(heap);
    let position_at_line = Some(position).filter(|position| set_line.is_none_or(|line| position.line == Some(line)));
    let mut state = State::new()
        .with("f_lineno", set_line.or(position.line).unwrap_or(0))
        .with_some("f_lasti", offset)
        .with_some("end_lineno", position_at_line.and_then(|position| position.end_line))
        .with_some("col_offset", position_at_line.and_then(|position| position.column))
        .with_some("end_col_offset", position_at_line.and_then(|position| position.end_column))
        .with_some("owner", layout.map(|_| frame.owner(heap)));
    // What Stackless leaves softly says how deep its operand stack is; what stands in the evaluator does not.
    if stack.is_stale && heap.layouts().stackless_cframe.is_some() {
        state = state.with("operand_stack", "unknown");
    }
    if traced {
        let flag = |field| heap.optional_field(Some(field), frame.object).map(|flag: i8| flag != 0);
        state = state
            .with_some("f_trace_lines", flag(heap.layouts().frame.f_trace_lines))
            .with_some("f_trace_opcodes", flag(heap.layouts().frame.f_trace_opcodes));
    }
    state.tell(sink);
    Ok(())
}
