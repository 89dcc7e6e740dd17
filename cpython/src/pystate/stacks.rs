//! Threads with their frames as the outline has them: the thread of the exception first, its stack continued by the
//! traceback.

use std::rc::Rc;

use heapsake_core::Address;
use heapsake_core::heap::{self, FrameKind, Thread, Variable};
use rustc_hash::FxHashMap;

use super::CaptureOptions;
use super::native::{self, Call};
use super::threads::{self, State};
use crate::codeobject::{Code, OPTIMIZED};
use crate::exceptions::traceback_of;
use crate::frame::{Evaluation, Frame};
use crate::heap::CPythonHeap;
use crate::memory::Memory;
use crate::traceback;

/// The texts of a code object, which every frame of a recursion shares.
struct CodeTexts {
    function: String,
    qualified_name: String,
    filename: String,
    is_hidden: bool,
}

/// Frames become descriptions here; texts are decoded once.
pub(super) struct Describer<'a, M: Memory> {
    heap: &'a CPythonHeap<M>,
    options: &'a CaptureOptions,
    codes: FxHashMap<Address, Rc<CodeTexts>>,
    names: FxHashMap<Address, Rc<str>>,
    lines: FxHashMap<(Address, i64), u32>,
}

impl<'a, M: Memory> Describer<'a, M> {
    pub(super) fn new(heap: &'a CPythonHeap<M>, options: &'a CaptureOptions) -> Describer<'a, M> {
        Describer { heap, options, codes: FxHashMap::default(), names: FxHashMap::default(), lines: FxHashMap::default() }
    }

    fn texts(&mut self, code: &Code) -> Rc<CodeTexts> {
        if let Some(texts) = self.codes.get(&code.address) {
            return Rc::clone(texts);
        }
        let heap = self.heap;
        let layout = &heap.layouts().code;
        let text = |field| heap.text_of(heap.optional_field(Some(field), code.address)?);
        let function = text(layout.co_name).unwrap_or_default();
        let filename = text(layout.co_filename).unwrap_or_default();
        let texts = Rc::new(CodeTexts {
            qualified_name: layout.co_qualname.and_then(text).unwrap_or_else(|| function.clone()),
            function,
            is_hidden: self.options.is_hidden(&filename),
            filename,
        });
        self.codes.insert(code.address, Rc::clone(&texts));
        texts
    }

    fn name(&mut self, object: Address) -> String {
        let heap = self.heap;
        let name = self.names.entry(object).or_insert_with(|| heap.text_of(object).unwrap_or_default().into());
        name.to_string()
    }

    /// The line that a frame is at; worked out once for all frames at the same instruction.
    fn line(&mut self, frame: Frame, code: &Code) -> u32 {
        let heap = self.heap;
        match (frame.set_line(heap), frame.offset(heap, code)) {
            (Some(line), _) => line,
            (None, Some(offset)) => {
                *self.lines.entry((code.address, offset)).or_insert_with(|| code.position(heap, offset).line.unwrap_or(0))
            }
            (None, None) => 0,
        }
    }

    /// The description of a frame; none if it is hidden or has no code.
    fn describe(&mut self, frame: Frame, kind: FrameKind, line: Option<u32>) -> Option<heap::Frame> {
        let heap = self.heap;
        let code = frame.code(heap)?;
        let texts = self.texts(&code);
        if texts.is_hidden {
            return None;
        }
        let line = line.unwrap_or_else(|| self.line(frame, &code));
        let bindings = frame.variables(heap, &code).unwrap_or_default();
        let variables =
            bindings.iter().map(|binding| Variable { name: self.name(binding.name), kind: binding.kind, target: binding.target });
        Some(heap::Frame {
            object: frame.node(heap),
            kind,
            variables: variables.collect(),
            function: texts.function.clone(),
            qualified_name: texts.qualified_name.clone(),
            filename: texts.filename.clone(),
            line,
            first_line: u32::try_from(code.first_line).unwrap_or(0),
            code: code.address,
            globals: frame.globals(heap),
            locals: if code.flags & OPTIMIZED == 0 { frame.locals(heap) } else { Address::NULL },
        })
    }

    /// Frames that run, given the innermost first, told the outermost first.
    pub(super) fn running(&mut self, frames: &[Frame]) -> Vec<heap::Frame> {
        frames.iter().rev().filter_map(|frame| self.describe(*frame, FrameKind::Running, None)).collect()
    }

    /// The frames of calls of the evaluation loop, the innermost first; told the outermost first. And the calls, each with
    /// the number of its frames, the innermost first.
    fn by_calls(&mut self, calls: &[Evaluation]) -> (Vec<heap::Frame>, Vec<Call>) {
        let (mut frames, mut told) = (Vec::new(), Vec::new());
        for call in calls.iter().rev() {
            let running = self.running(&call.frames);
            told.push(Call { frames: running.len(), on_stack: call.on_stack });
            frames.extend(running);
        }
        told.reverse();
        (frames, told)
    }

    /// How the exception came about: what called the first frame of its traceback, then the traceback.
    fn of_exception(&mut self, exception: Address) -> Option<Vec<heap::Frame>> {
        let heap = self.heap;
        let entries = traceback::entries(heap, traceback_of(heap, exception));
        let outer = threads::chain(heap, entries.first()?.frame.back(heap));
        let mut frames = self.running(&outer);
        for entry in &entries {
            frames.extend(self.describe(entry.frame, FrameKind::Traceback, Some(entry.line(heap))));
        }
        (!frames.is_empty()).then_some(frames)
    }
}

/// All threads, the one that the process dies in first, or the one of the exception.
pub(super) fn threads<M: Memory>(
    heap: &CPythonHeap<M>,
    states: &[State],
    exception: Option<Address>,
    options: &CaptureOptions,
) -> Vec<Thread> {
    let mut describer = Describer::new(heap, options);
    let owner = exception.and_then(|exception| threads::owner(heap, states, exception, options));
    let current = threads::current(heap, states, options);
    let dying = threads::dying(states, options);
    let signal = || options.death.iter().map(|death| ("signal".to_owned(), death.fact())).collect();
    let mut found: Vec<(bool, Thread)> = Vec::new();
    for (index, state) in states.iter().enumerate() {
        if options.left_out.is_some_and(|identity| state.is(identity)) {
            continue;
        }
        let is_owner = owner == Some(index);
        let own = if is_owner { exception } else { None };
        // What only handles an exception goes on from there: where it is now is its stack.
        // So is that of one that dies of a signal.
        let unwinds = |exception: &Address| {
            options.death.is_none() && (options.exception.is_some() || state.in_flight(heap) == Some(*exception))
        };
        let of_exception = own.filter(unwinds).and_then(|exception| describer.of_exception(exception));
        let native_stack = native::of_state(options, state);
        let calls = native_stack.filter(|_| of_exception.is_none()).map(|_| state.by_evaluation(heap));
        let (frames, calls) = match (of_exception, calls) {
            (Some(frames), _) => (frames, Vec::new()),
            (None, Some(calls)) => describer.by_calls(&calls),
            (None, None) => (describer.running(&state.frames(heap)), Vec::new()),
        };
        let mut facts = if dying == Some(index) { signal() } else { Vec::new() };
        facts.extend(native_stack.into_iter().flat_map(|stack| native::facts(stack, &calls)));
        facts.extend(state.breaks_off(heap).map(|how| ("frames_cut".to_owned(), how.to_string().into())));
        let thread = Thread {
            name: state.name.clone(),
            ident: state.ident,
            native_id: state.native_id,
            current: current == Some(index),
            exception: own.or_else(|| state.in_flight(heap)).or_else(|| state.handled(heap).first().copied()),
            frames,
            object: state.object,
            facts,
            ..Thread::default()
        };
        let is_first = if options.death.is_some() { dying == Some(index) } else { is_owner };
        found.push((!is_first, thread));
    }
    if let Some(death) = options.death.as_ref().filter(|_| dying.is_none()) {
        // A thread of C code alone, of which Python knows nothing.
        let native_id = u64::try_from(death.thread).ok();
        let (ident, kind) = (death.ident.unwrap_or(0), native::KIND.to_owned());
        let mut facts: Vec<_> = signal();
        facts.extend(native::of_thread(options, death.thread).into_iter().flat_map(|stack| native::facts(stack, &[])));
        found.push((false, Thread { ident, native_id, kind, current: true, facts, ..Thread::default() }));
    }
    let known: Vec<_> = found.iter().map(|(_, thread)| (thread.ident, thread.native_id)).collect();
    found.extend(native::others(options, &known).map(|thread| (true, thread)));
    // Stable: the others keep their order.
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, thread)| thread).collect()
}

/// The files that frames name, those of the exception first, each once.
pub(crate) fn named_files<M: Memory>(heap: &CPythonHeap<M>, options: &CaptureOptions) -> Vec<String> {
    let states = threads::states(heap);
    let exception = threads::exception(heap, &states, options);
    let entries = exception.map(|exception| traceback::entries(heap, traceback_of(heap, exception))).unwrap_or_default();
    let mut describer = Describer::new(heap, options);
    let mut files: Vec<String> = Vec::new();
    let mut seen = rustc_hash::FxHashSet::default();
    let frames = entries.iter().rev().map(|entry| entry.frame).chain(states.iter().flat_map(|state| state.frames(heap)));
    for code in frames.filter_map(|frame| frame.code(heap)) {
        if seen.insert(code.address) {
            let texts = describer.texts(&code);
            if !texts.is_hidden && !files.contains(&texts.filename) {
                files.push(texts.filename.clone());
            }
        }
    }
    files
}
