//! Whether the moment at which a process was stopped is a good one to read it.
//!
//! Threads that wait for the interpreter lock stand at a safe point. The one that holds it may stand anywhere: in the midst
//! of a collection, when the headers of collected objects hold other numbers, or in the midst of a change to a dict, a list,
//! a set or a deque, when the fields of that one object contradict each other. Reading is safe all the same, as every read
//! is checked; the object may read wrongly. Where the holder stands is told by its registers and by the return addresses on
//! its stack, up to the evaluation loop; a word left over from an earlier call may tell too much, so a bad moment is a
//! suspicion. A dict or a set that these words point at and that contradicts itself is a proof, and needs no names of
//! functions, which are stripped from many binaries.

use std::time::Duration;

use heapsake_core::reduce::Registry;
use heapsake_core::{Address, Span};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::attach::Runtime;
use crate::error::Result;
use crate::heap::{CPythonHeap, Container, Facts};
use crate::machine::Machine;
use crate::memory::{Files, Frozen, Memory, Process, Registers};
use crate::pystate;
use crate::stackless;
use crate::symbols::{Symbols, Which};

/// How often a process is stopped until a bad moment is taken as it is.
const MAXIMUM_STOPS: u32 = 12;
/// How long it goes on before it is stopped again: at first, and at last, by when a collection may have ended.
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LAST_WAIT: Duration = Duration::from_millis(64);
/// How much of the holder's stack is looked at.
const STACK: usize = 8 << 10;
const MAXIMUM_THREADS: usize = 100_000;
const MAXIMUM_INTERPRETERS: usize = 1000;

/// The functions of CPython that change a container, of every version: some are static, and there only with their symbols.
const CHANGING: &str = "
    PyDict_Clear PyDict_DelItem PyDict_SetDefault PyDict_SetDefaultRef PyDict_SetItem _PyDict_DelItem_KnownHash _PyDict_Pop
    _PyDict_Pop_KnownHash _PyDict_SetItem_KnownHash _PyDict_SetItem_Take2 _PyObjectDict_SetItem
    _PyObject_StoreInstanceAttribute clear_lock_held convert_to_nonsplit delitem_common dict_merge dict_popitem
    dict_popitem_impl dict_setdefault_ref_lock_held dict_update dictresize insert_combined_dict insert_split_dict
    insert_split_value insert_to_emptydict insertdict insertion_resize make_keys_shared setitem_lock_held
    setitem_take2_lock_held store_instance_attr_dict store_instance_attr_lock_held

    PyList_Append PyList_Insert PyList_SetSlice _PyList_AppendTakeRefListResize _PyList_Extend _list_clear _list_extend app1
    ins1 list_append list_ass_slice list_ass_slice_lock_held list_ass_subscript list_clear list_extend list_extend_dict
    list_extend_fast list_extend_lock_held list_extend_set list_inplace_concat list_inplace_repeat list_insert
    list_insert_impl list_pop list_pop_impl list_preallocate_exact list_remove list_resize list_reverse list_sort
    list_sort_impl

    PySet_Add PySet_Clear PySet_Discard set_add_entry set_add_key set_clear set_clear_internal set_discard_entry
    set_discard_key set_merge set_merge_lock_held set_pop set_pop_impl set_swap_bodies set_table_resize set_update_internal

    deque_append deque_append_impl deque_append_internal deque_appendleft deque_appendleft_impl deque_appendleft_internal
    deque_clear deque_del_item deque_extend deque_extendleft deque_pop deque_pop_impl deque_popleft deque_popleft_impl
    _odict_add_new_node _odict_clear_node _odict_resize
";

/// The functions of Stackless that switch tasklets, or move them between queues.
const SWITCHING: &str = "
    climb_stack_and_transfer slp_channel_insert slp_channel_remove slp_channel_remove_slow slp_current_insert
    slp_current_insert_after slp_current_remove slp_current_remove_tasklet slp_current_uninsert slp_schedule_task_prepared
    slp_switch slp_transfer transfer_with_tracing
";

/// What must be known of a live process to judge its moments.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The runtime, found while the process went on.
    pub(crate) runtime: Runtime,
    /// The functions that change a container, ascending.
    changing: Vec<(Span, Change)>,
    evaluation: Vec<Span>,
}

/// A function, and what it does.
type Change = (&'static str, &'static str);

/// How a process was caught.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Moment {
    /// How often it was stopped.
    pub stops: u32,
    /// Why the last stop was no good moment, in words; nothing if it was one.
    pub caught: Vec<String>,
}

impl Watch {
    /// Has a look at a process that goes on; `None` if that is not a Python that can be read so.
    pub(crate) fn of_process(pid: i32, which: Which) -> Option<Watch> {
        let process = Process::open(pid).ok()?;
        let files = Files::of_process(pid);
        let mappings = process.mappings().ok()?;
        let symbols = Symbols::new(&process, &mappings, &files).of(which);
        let machine = Machine::OWN.unwrap_or_default();
        Runtime::with_symbols(&process, &mappings, &files, &symbols, machine).ok().map(|runtime| Watch::new(runtime, &symbols))
    }

    /// What is to be known of a runtime; nothing of where its threads stand if its binary has no symbols.
    pub(crate) fn new(runtime: Runtime, symbols: &Symbols) -> Watch {
        let containers = CHANGING.split_whitespace().map(|name| (name, "changes a container"));
        let tasklets = SWITCHING.split_whitespace().map(|name| (name, "switches tasklets"));
        let known: FxHashMap<&[u8], Change> = containers.chain(tasklets).map(|change| (change.0.as_bytes(), change)).collect();
        let mut changing = Vec::new();
        let mut evaluation = Vec::new();
        let binary = symbols.binaries().iter().find(|binary| binary.path() == runtime.binary);
        let symbols = binary.into_iter().flat_map(|binary| binary.with_prefix(""));
        for (name, symbol) in symbols.filter(|(_, symbol)| symbol.is_function && symbol.size > 0) {
            // A compiler makes parts of a function, such as `list_resize.part.0`.
            let name = name.split(|&byte| byte == b'.').next().unwrap_or_default();
            let span = Span::new(symbol.address, symbol.size);
            if name == b"_PyEval_EvalFrameDefault" {
                evaluation.push(span);
            } else if let Some(known) = known.get(name) {
                changing.push((span, *known));
            }
        }
        changing.sort();
        Watch { runtime, changing, evaluation }
    }

    /// Stops the process again until the moment is good, or it has been often enough.
    pub(crate) fn settle(&self, frozen: &mut Frozen) -> Result<Moment> {
        let mut wait = FIRST_WAIT;
        let mut stops = 1;
        loop {
            let caught = self.judge(frozen.process(), &frozen.registers());
            if caught.is_empty() || stops >= MAXIMUM_STOPS {
                return Ok(Moment { stops, caught });
            }
            frozen.again(wait)?;
            stops += 1;
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    /// Why this is no good moment.
    pub(crate) fn judge<M: Memory>(&self, memory: &M, registers: &[Registers]) -> Vec<String> {
        let mut caught = Vec::new();
        let interpreters = self.interpreters(memory);
        if interpreters.iter().any(|interpreter| self.is_collecting(memory, *interpreter)) {
            caught.push("a garbage collection was at work".to_owned());
        }
        let heap = CPythonHeap::new(memory, Facts::of_memory(self.runtime.layouts.clone()), Registry::default());
        for running in interpreters.iter().flat_map(|interpreter| self.running(memory, *interpreter)) {
            let Some(ident) = self.runtime.layouts.thread.thread_id.read(memory, running) else { continue };
            let Some(stood) = registers.iter().find(|registers| registers.thread_pointer.is_of(ident)) else { continue };
            let words = words(memory, stood);
            let line = match self.changing(stood, &words) {
                Some((function, doing)) => format!("thread {ident} was in {function}, which {doing}"),
                None => match half_changed(&heap, stood, &words) {
                    Some((container, address)) => format!("thread {ident} was changing the {} at {address}", container.name()),
                    None => continue,
                },
            };
            if !caught.contains(&line) {
                caught.push(line);
            }
        }
        let layouts = &self.runtime.layouts;
        if layouts.tasklet.is_some() {
            let states: Vec<_> = interpreters.iter().flat_map(|interpreter| self.states(memory, *interpreter)).collect();
            caught.extend(stackless::switching(memory, layouts, self.runtime.address, &states));
        }
        caught
    }

    /// The thread states of an interpreter, with the identities of their threads.
    pub(crate) fn states<M: Memory>(&self, memory: &M, interpreter: Address) -> Vec<(Address, u64)> {
        let layouts = &self.runtime.layouts;
        let mut found = Vec::new();
        let mut next = layouts.interpreter.threads_head.read(memory, interpreter).unwrap_or_default();
        let mut seen = FxHashSet::default();
        while !next.is_null() && found.len() < MAXIMUM_THREADS && seen.insert(next) {
            let Some(ident) = layouts.thread.thread_id.read(memory, next) else { break };
            found.push((next, ident));
            next = layouts.thread.next.read(memory, next).unwrap_or_default();
        }
        found
    }

    pub(crate) fn interpreters<M: Memory>(&self, memory: &M) -> Vec<Address> {
        let layouts = &self.runtime.layouts;
        let mut found = Vec::new();
        let mut next = layouts.runtime.interpreters_head.read(memory, self.runtime.address).unwrap_or_default();
        while !next.is_null() && found.len() < MAXIMUM_INTERPRETERS && !found.contains(&next) {
            found.push(next);
            next = layouts.interpreter.next.read(memory, next).unwrap_or_default();
        }
        found
    }

    fn is_collecting<M: Memory>(&self, memory: &M, interpreter: Address) -> bool {
        let layouts = &self.runtime.layouts;
        let state = match (layouts.interpreter.gc, layouts.runtime.gc) {
            (Some(inline), _) => inline.at(interpreter),
            (None, Some(inline)) => inline.at(self.runtime.address),
            (None, None) => return false,
        };
        layouts.gc_state.collecting.read(memory, state).is_some_and(|collecting| collecting != 0)
    }

    /// The thread states that may be changing something: the one that holds the interpreter's lock; without such a lock all
    /// that run.
    fn running<M: Memory>(&self, memory: &M, interpreter: Address) -> Vec<Address> {
        let layouts = &self.runtime.layouts;
        if layouts.object.ob_ref_local.is_none() {
            return self.holder(memory, interpreter).into_iter().collect();
        }
        let attached =
            |state: &Address| layouts.thread.state.and_then(|field| field.read(memory, *state)) == Some(pystate::ATTACHED);
        self.states(memory, interpreter).into_iter().map(|(state, _)| state).filter(attached).collect()
    }

    /// The thread state that holds the interpreter's lock.
    pub(crate) fn holder<M: Memory>(&self, memory: &M, interpreter: Address) -> Option<Address> {
        let layouts = &self.runtime.layouts;
        if let Some(holds) = layouts.thread.holds_gil {
            let mut next = layouts.interpreter.threads_head.read(memory, interpreter)?;
            for _ in 0..MAXIMUM_THREADS {
                if next.is_null() || holds.read(memory, next)? == 1 {
                    break;
                }
                next = layouts.thread.next.read(memory, next)?;
            }
            return Some(next).filter(|holder| !holder.is_null());
        }
        if let Some(current) = layouts.runtime.tstate_current {
            return current.read(memory, self.runtime.address).filter(|holder| !holder.is_null());
        }
        let gil = layouts.interpreter.gil?.read(memory, interpreter)?;
        let is_locked = layouts.gil.locked.read(memory, gil)? == 1;
        layouts.gil.last_holder.read(memory, gil).filter(|holder| is_locked && !holder.is_null())
    }

    /// The function that changes a container and that this thread is in, called from the evaluation loop.
    fn changing(&self, registers: &Registers, words: &[Address]) -> Option<Change> {
        let is_evaluation = |address: &Address| self.evaluation.iter().any(|span| span.contains(*address));
        let returns = words.iter().copied();
        let mut inner = std::iter::once(registers.instruction).chain(returns).take_while(|address| !is_evaluation(address));
        inner.find_map(|address| self.function(address))
    }

    fn function(&self, address: Address) -> Option<Change> {
        let after = self.changing.partition_point(|(span, _)| span.start <= address);
        let (span, change) = self.changing.get(after.checked_sub(1)?)?;
        span.contains(address).then_some(*change)
    }
}

/// The container that a thread is in the midst of changing, by its registers and these words of its stack.
fn half_changed<M: Memory>(heap: &CPythonHeap<M>, registers: &Registers, words: &[Address]) -> Option<(Container, Address)> {
    let mut seen = FxHashSet::default();
    let pointers = registers.general.iter().map(|word| Address(*word)).chain(words.iter().copied());
    // Neither what is no pointer, nor one to the stack itself.
    let near = Span::new(registers.stack, STACK as u64);
    let mut pointers = pointers.filter(|word| word.0 & 7 == 0 && word.0 >= 1 << 16 && word.0 < 1 << 47 && !near.contains(*word));
    pointers.find_map(|word| seen.insert(word).then(|| heap.caught_changing(word)).flatten().map(|container| (container, word)))
}

/// The words on top of a thread's stack, down to its end, should that be near.
fn words<M: Memory>(memory: &M, registers: &Registers) -> Vec<Address> {
    let mut stack = vec![0; STACK];
    let length = (0..4)
        .map(|halvings| STACK >> halvings)
        .find(|&length| stack.get_mut(..length).is_some_and(|bytes| memory.read_at(registers.stack, bytes).is_ok()));
    let words = stack.get(..length.unwrap_or(0)).unwrap_or_default().as_chunks::<8>().0.iter();
    words.map(|word| Address(u64::from_le_bytes(*word))).collect()
}

#[cfg(test)]
#[path = "moment_tests.rs"]
mod tests;
