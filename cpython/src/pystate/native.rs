//! Native stacks as facts of their threads, each call of the evaluation loop with the number of Python's frames that it runs.

use std::collections::BTreeMap;

use ciborium::Value;
use heapsake_core::Address;
use heapsake_core::heap::Thread;

use super::CaptureOptions;
use super::process;
use super::threads::State;
use crate::native::{NativeFrame, NativeStack};

/// What a thread is that Python knows nothing of.
pub(super) const KIND: &str = "native";

/// Of a longer stack so many frames are told, of either end.
const INNERMOST: usize = 700;
const OUTERMOST: usize = 300;

/// The native stack of a thread of Python.
pub(super) fn of_state<'o>(options: &'o CaptureOptions, state: &State) -> Option<&'o NativeStack> {
    let by_ident = options.native_stacks.iter().find(|stack| stack.thread_pointer.is_of(state.ident));
    by_ident.or_else(|| of_thread(options, i32::try_from(state.native_id?).ok()?))
}

/// The native stack of a thread, by the kernel's number.
pub(super) fn of_thread(options: &CaptureOptions, thread: i32) -> Option<&NativeStack> {
    options.native_stacks.iter().find(|stack| stack.thread == thread)
}

/// Threads of C code alone: of all that were unwound those that are none of `known`, by the C library's identity and the kernel's.
pub(super) fn others(options: &CaptureOptions, known: &[(u64, Option<u64>)]) -> impl Iterator<Item = Thread> {
    let is_known = move |stack: &&NativeStack| {
        // The kernel's numbers are others in a namespace, so they are believed where there is nothing better.
        let of_kernel = u64::try_from(stack.thread).ok().filter(|_| stack.thread_pointer.ident().is_none());
        known
            .iter()
            .any(|(ident, native_id)| stack.thread_pointer.is_of(*ident) || of_kernel.is_some() && *native_id == of_kernel)
    };
    let others = options.native_stacks.iter().filter(move |stack| !is_known(stack));
    others.map(|stack| Thread {
        name: options.pid.and_then(|pid| process::thread_name(pid, stack.thread)),
        ident: stack.thread_pointer.ident().unwrap_or(0),
        native_id: u64::try_from(stack.thread).ok(),
        kind: KIND.to_owned(),
        facts: facts(stack, &[]).collect(),
        ..Thread::default()
    })
}

/// A call of the evaluation loop.
pub(super) struct Call {
    /// How many of Python's frames it runs.
    pub(super) frames: usize,
    /// An address on the C stack that belongs to it.
    pub(super) on_stack: Option<Address>,
}

/// A native stack as facts: `native`, its frames, the outermost first, and `native_cut`, why it begins later than the thread.
/// `calls` are those of the evaluation loop, the innermost first.
pub(super) fn facts<'s>(stack: &'s NativeStack, calls: &[Call]) -> impl Iterator<Item = (String, Value)> + use<'s> {
    let placed = placed(stack, calls);
    let frame = |(index, frame): (usize, &NativeFrame)| {
        let mut told: Vec<(Value, Value)> = vec![("address".into(), frame.instruction.0.into())];
        if let Some(function) = &frame.function {
            told.push(("function".into(), function.as_str().into()));
            told.push(("offset".into(), frame.offset.into()));
        }
        if let Some(file) = &frame.file {
            told.push(("file".into(), file.to_string_lossy().into_owned().into()));
            told.push(("file_address".into(), frame.file_address.into()));
        }
        if let Some(count) = placed.get(&index) {
            told.push(("frames".into(), (*count as u64).into()));
        }
        Value::Map(told)
    };
    let told = |from: usize, to: usize| stack.frames.iter().enumerate().take(to).skip(from).map(frame);
    let count = stack.frames.len();
    let mut frames: Vec<Value> = Vec::new();
    if count > INNERMOST + OUTERMOST {
        // A stack that overflows is the same all along, and a thread's record is to stay small.
        let end = count - OUTERMOST;
        let calls: usize = placed.range(INNERMOST..end).map(|(_, frames)| *frames).sum();
        frames.extend(told(0, INNERMOST));
        frames.push(Value::Map(vec![
            ("left_out".into(), ((end - INNERMOST) as u64).into()),
            ("frames".into(), (calls as u64).into()),
        ]));
        frames.extend(told(end, count));
    } else {
        frames.extend(told(0, count));
    }
    frames.reverse();
    let cut = stack.cut.as_ref().map(|cut| ("native_cut".to_owned(), cut.as_str().into()));
    std::iter::once(("native".to_owned(), Value::Array(frames))).chain(cut)
}

/// By the positions of native frames, how many of Python's they run: those in whose part of the stack a call has something,
/// else, as it is up to 3.11, one after the other those that are the evaluation loop by name. Should the outermost be missing,
/// the innermost still belong together.
fn placed(stack: &NativeStack, calls: &[Call]) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    if calls.iter().any(|call| call.on_stack.is_some()) {
        // By where each frame's part of the stack begins and ends: a handler's may be on a stack of its own.
        let next = |index: usize| stack.frames.get(index + 1).map(|next| next.stack);
        let mut parts: Vec<(Address, Address, usize)> =
            stack.frames.iter().enumerate().filter_map(|(index, one)| Some((one.stack, next(index)?, index))).collect();
        parts.sort();
        for (call, at) in calls.iter().filter_map(|call| Some((call, call.on_stack?))) {
            let after = parts.partition_point(|(start, ..)| *start <= at);
            let part = after.checked_sub(1).and_then(|before| parts.get(before)).filter(|(_, end, _)| at < *end);
            if let Some((.., index)) = part {
                *found.entry(*index).or_insert(0) += call.frames;
            }
        }
        return found;
    }
    let evaluations = stack.frames.iter().enumerate().filter(|(_, frame)| frame.evaluates());
    found.extend(evaluations.zip(calls).map(|((index, _), call)| (index, call.frames)));
    found
}
