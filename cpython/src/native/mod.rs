//! Native stacks: the frames of C functions that threads stand in, by the tables of unwinding that compilers leave in every
//! binary for exceptions (`.eh_frame`), and the names of the functions, by the symbols of the binaries.
//!
//! Memory alone is read, so that it is the same for a copy, for a process that stands still and for a core file. Where a
//! table is missing the stack ends early, and says why.

mod names;
mod unwind;

use std::path::PathBuf;

use heapsake_core::Address;

use crate::machine::ThreadPointer;
use crate::memory::{Registers, Source};
use crate::symbols::Symbols;
use names::Names;
use unwind::Unwinder;

/// The evaluation loop: what it calls in C stands above it, what it runs in Python is in frames of its own.
const EVALUATION: &str = "_PyEval_EvalFrameDefault";
/// Of an evaluation loop that is many functions, each of which ends in a call of the next one.
const EVALUATION_PART: &str = "_TAIL_CALL_";

/// The native stack of a thread.
#[derive(Clone, Debug, Default)]
pub struct NativeStack {
    /// The kernel's number of the thread.
    pub thread: i32,
    /// What its thread-local storage is found by.
    pub thread_pointer: ThreadPointer,
    /// Its frames, the innermost first.
    pub frames: Vec<NativeFrame>,
    /// Why there are no more of them, if they end before the thread began.
    pub cut: Option<String>,
}

/// A frame of a C function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeFrame {
    /// The instruction: the one that is executed next, or that a call returns to.
    pub instruction: Address,
    /// The top of its part of the stack, which ends where that of its caller begins.
    pub stack: Address,
    /// The function, as its symbol is written; none where there is no symbol.
    pub function: Option<String>,
    /// How far into the function the instruction is, in bytes.
    pub offset: u64,
    /// The binary, as the process sees it.
    pub file: Option<PathBuf>,
    /// The instruction by the addresses of the binary, as a disassembler shows them.
    pub file_address: u64,
}

impl NativeFrame {
    /// Whether this is the evaluation loop, which runs Python's frames.
    pub(crate) fn evaluates(&self) -> bool {
        let is_it = |name: &str| {
            // A compiler may set parts of it apart: `_PyEval_EvalFrameDefault.cold`.
            name.split('.').next() == Some(EVALUATION) || name.starts_with(EVALUATION_PART)
        };
        self.function.as_deref().is_some_and(is_it)
    }
}

/// The native stacks of the threads with these registers.
pub(crate) fn stacks<S: Source>(memory: &S, symbols: &Symbols, registers: &[Registers]) -> Vec<NativeStack> {
    let mut unwinder = Unwinder::new(memory);
    let mut names = Names::new(symbols);
    let stack = |registers: &Registers| {
        let (instructions, cut) = unwinder.unwind(registers);
        let frames = instructions.into_iter().map(|at| names.frame(at)).collect();
        NativeStack { thread: registers.thread, thread_pointer: registers.thread_pointer, frames, cut }
    };
    registers.iter().map(stack).collect()
}
