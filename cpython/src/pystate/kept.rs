//! Threads that are objects, as greenlets and tasklets are: found in the collector's lists, told after the marking.
//!
//! What is suspended may be referred to by nothing but a C structure, so references alone do not lead to all of them; the
//! lists do, as every such object is in one, also where Python says that it is not tracked. They are walked only when a
//! module that makes such objects is loaded. Free-threaded builds have the heaps of their allocator instead of lists.

use std::collections::BTreeMap;

use heapsake_core::heap::{Root, RootKind, Thread};
use heapsake_core::reduce::{Stack, Stacks};
use heapsake_core::{Address, Span};
use rustc_hash::{FxHashMap, FxHashSet};

use super::CaptureOptions;
use super::mimalloc;
use super::stacks::Describer;
use super::threads::{self, State, chain};
use crate::frame::{Frame, MAXIMUM_DEPTH};
use crate::heap::{CPythonHeap, Payload};
use crate::memory::Memory;

/// The collector's generations.
const GENERATIONS: i64 = 3;
/// Bits of a link that are no address.
const LINK_FLAGS: u64 = 7;
/// A C stack is taken to be no larger.
const LARGEST_STACK: u64 = 64 << 20;
/// Base classes that are looked at.
const MAXIMUM_BASES: usize = 64;

/// Every object of the collector's lists that keeps a stack, or may.
pub(super) fn roots<M: Memory>(heap: &CPythonHeap<M>) -> Vec<Root> {
    let classes = classes(heap);
    let mut found = Vec::new();
    if classes.is_empty() {
        return found;
    }
    let mut known: FxHashMap<Address, Option<&'static str>> = FxHashMap::default();
    each_collectable(heap, |object| {
        let Some(class) = heap.layouts().object.ob_type.read(&heap.memory, object) else { return };
        let kind = *known.entry(class).or_insert_with(|| bases(heap, class).find_map(|base| classes.get(&base).copied()));
        if let Some(kind) = kind {
            found.push(Root { kind: RootKind::Thread, name: kind.to_owned(), object });
        }
    });
    found
}

/// Those that keep a stack now, as threads. The first of a thread comes before those that it began.
pub fn found_threads<M: Memory>(heap: &CPythonHeap<M>, options: &CaptureOptions) -> Vec<Thread> {
    let noted = heap.noted_stacks();
    if noted.is_empty() {
        return Vec::new();
    }
    let states = threads::states(heap);
    let mut kept = Vec::new();
    for object in noted {
        let Some((stacks, stack)) = heap.stack_of(object) else { continue };
        let carrier = carrier(heap, &states, stack);
        let position =
            carrier.map_or(usize::MAX, |state| states.iter().position(|one| one.address == state.address).unwrap_or(0));
        kept.push(((position, !stack.is_main, !stack.is_current, stack.rank), Kept { object, stacks, stack, carrier }));
    }
    // Stable: the others keep their order.
    kept.sort_by_key(|(rank, _)| *rank);
    // Where no other was begun, the first one of a thread is the thread.
    let counts = kept.iter().fold(BTreeMap::new(), |mut counts: BTreeMap<usize, u32>, (rank, _)| {
        *counts.entry(rank.0).or_default() += 1;
        counts
    });
    let is_thread = |rank: usize, stack: &Stack| stack.is_main && stack.is_current && counts.get(&rank) == Some(&1);
    kept.retain(|(rank, one)| !is_thread(rank.0, &one.stack));
    let mut describer = Describer::new(heap, options);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut found = Vec::new();
    for (_, Kept { object, stacks, stack, carrier }) in kept {
        let innermost = Frame::of_node(heap, stack.innermost).or_else(|| Frame::past_cframes(heap, stack.innermost));
        if innermost.is_none() && !stack.innermost.is_null() {
            continue;
        }
        let frames = describer.running(&chain(heap, innermost));
        // What runs where all frames are left out is told by its thread.
        if frames.is_empty() && stack.is_main && stack.is_current {
            continue;
        }
        let kind = stacks.kind();
        found.push(Thread {
            name: Some(name(heap, object, stacks, stack, carrier, &mut counts)),
            ident: object.0,
            exception: stack.exception.filter(|exception| heap.payload_of(*exception) == Some(Payload::Exception)),
            frames,
            object,
            kind: kind.to_owned(),
            carrier: carrier.map(|state| state.ident),
            ..Thread::default()
        });
    }
    found
}

/// An object that keeps a stack.
struct Kept<'s> {
    object: Address,
    stacks: &'static dyn Stacks,
    stack: Stack,
    carrier: Option<&'s State>,
}

/// What it is called, and where it belongs.
fn name<M: Memory>(
    heap: &CPythonHeap<M>,
    object: Address,
    stacks: &dyn Stacks,
    stack: Stack,
    carrier: Option<&State>,
    counts: &mut BTreeMap<String, u32>,
) -> String {
    let kind = stacks.kind();
    if stack.is_main {
        let thread = carrier.and_then(|state| state.name.as_deref()).unwrap_or("a thread that is gone");
        return match (stacks.says_which_runs(), stack.is_current) {
            (false, _) => format!("main {kind} of {thread}"),
            (true, false) => format!("Main-{} of {thread}", capitalised(kind)),
            (true, true) => format!("Main-Current-{} of {thread}", capitalised(kind)),
        };
    }
    let own = own_name(heap, object, kind, counts);
    if stack.is_current && stacks.says_which_runs() { format!("Current-{own}") } else { own }
}

/// The name that the program gave it, else its class and a number.
fn own_name<M: Memory>(heap: &CPythonHeap<M>, object: Address, kind: &str, counts: &mut BTreeMap<String, u32>) -> String {
    if let Some(given) = heap.attribute(object, "name").and_then(|name| heap.text_of(name)).filter(|name| !name.is_empty()) {
        return given;
    }
    let class = heap.type_name_of(object).unwrap_or_default();
    let class = class.rsplit('.').next().filter(|class| !class.is_empty()).unwrap_or(kind);
    let class = capitalised(class);
    let count = counts.entry(class.clone()).or_default();
    *count += 1;
    format!("{class}-{count}")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// The thread that a stack belongs to: what it says leads into the state of one, over the exceptions that generators handle.
fn carrier<'s, M: Memory>(heap: &CPythonHeap<M>, states: &'s [State], stack: Stack) -> Option<&'s State> {
    by_state(heap, states, stack).or_else(|| by_c_stack(states, stack))
}

/// glibc keeps what `ident` points to where a thread's stack begins, so that the next one above an address on a stack is
/// that of its thread; the stack of the first thread lies above all others.
fn by_c_stack(states: &[State], stack: Stack) -> Option<&State> {
    let address = stack.c_stack?.0;
    let above = states.iter().filter(|state| state.ident > address).min_by_key(|state| state.ident);
    match above {
        Some(state) => (state.ident - address < LARGEST_STACK).then_some(state),
        None => states.iter().find(|state| state.is_main),
    }
}

fn by_state<'s, M: Memory>(heap: &CPythonHeap<M>, states: &'s [State], stack: Stack) -> Option<&'s State> {
    let layouts = heap.layouts();
    let mut next = stack.thread_state?;
    let mut seen = FxHashSet::default();
    while !next.is_null() && seen.len() < MAXIMUM_DEPTH && seen.insert(next) {
        let holds = |state: &&State| next.0.checked_sub(state.address.0).is_some_and(|at| at < layouts.thread.size as u64);
        if let Some(state) = states.iter().find(holds) {
            return Some(state);
        }
        next = layouts.exception_item.previous_item.read(&heap.memory, next)?;
    }
    None
}

/// The classes whose instances keep stacks, of modules that are loaded, and what their instances are called.
fn classes<M: Memory>(heap: &CPythonHeap<M>) -> FxHashMap<Address, &'static str> {
    let mut found = FxHashMap::default();
    for (matched, registration) in heap.registry().entries() {
        let Some(stacks) = registration.reducer.stacks() else { continue };
        let Some(class) = matched.name().strip_prefix(stacks.module()).and_then(|rest| rest.strip_prefix('.')) else { continue };
        for interpreter in threads::interpreters(heap) {
            let modules = heap.layouts().interpreter.modules.read(&heap.memory, interpreter).unwrap_or_default();
            let Some(module) = heap.dict_get(modules, stacks.module()) else { continue };
            let companions = stacks.companions().iter().map(|companion| (*companion, *companion));
            for (class, kind) in companions.chain([(class, stacks.kind())]) {
                if let Some(class) = heap.attribute(module, class) {
                    found.insert(class, kind);
                }
            }
        }
    }
    found
}

fn bases<M: Memory>(heap: &CPythonHeap<M>, class: Address) -> impl Iterator<Item = Address> {
    let base = |class: &Address| heap.layouts().type_object.tp_base.read(&heap.memory, *class).filter(|base| !base.is_null());
    std::iter::successors(Some(class), base).take(MAXIMUM_BASES)
}

/// Every object of the collector's lists, and what looks like an object in the pools of Python's allocator, which lie in `spans`;
/// of a free-threaded build every object that its allocator has. What is larger than a block of a pool and is not collected, such
/// as a long string, has no list that it is on.
pub fn all<M: Memory>(heap: &CPythonHeap<M>, spans: &[Span]) -> Vec<Address> {
    let mut found = Vec::new();
    let take = |object| {
        // Lists of a process that was caught collecting may lead anywhere, and types keep blocks of objects that are gone.
        if heap.is_object(object) {
            found.push(object);
        }
    };
    if mimalloc::has_heaps(heap) {
        mimalloc::each_object(heap, true, take);
    } else {
        each_collectable(heap, take);
        heap.each_object_in_pools(spans, |object| found.push(object));
    }
    found
}

/// Gives every object of the collector's lists to `each`.
fn each_collectable<M: Memory>(heap: &CPythonHeap<M>, mut each: impl FnMut(Address)) {
    if mimalloc::has_heaps(heap) {
        return mimalloc::each_object(heap, false, each);
    }
    let layouts = heap.layouts();
    let head = layouts.gc_head;
    for interpreter in threads::interpreters(heap) {
        let state = match (layouts.interpreter.gc, layouts.runtime.gc) {
            (Some(inline), _) => inline.at(interpreter),
            (None, Some(inline)) => inline.at(heap.facts.runtime),
            (None, None) => return,
        };
        let mut lists: Vec<Address> = Vec::new();
        if let Some(generations) = layouts.gc_state.generations {
            lists.extend((0..GENERATIONS).map(|index| generations.at(state).offset(index * layouts.gc_generation.size as i64)));
        }
        lists.push(layouts.gc_state.permanent_generation.at(state));
        for list in lists {
            let list = layouts.gc_generation.head.at(list);
            let link = |node| head.next.read(&heap.memory, node).map(|next| Address(next.0 & !LINK_FLAGS));
            let mut next = link(list);
            // A list that bites its tail elsewhere than at its head ends at the second round (Brent).
            let (mut turtle, mut steps, mut limit) = (Address::NULL, 0_u64, 1_u64);
            while let Some(node) = next.filter(|node| *node != list && !node.is_null() && *node != turtle) {
                each(node.offset(head.size as i64));
                steps += 1;
                if steps == limit {
                    (turtle, steps, limit) = (node, 0, limit.saturating_mul(2));
                }
                next = link(node);
                if let Some(next) = next {
                    heap.memory.prefetch(next);
                }
            }
        }
        if layouts.interpreter.gc.is_none() {
            return;
        }
    }
}
