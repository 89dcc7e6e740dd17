//! The names of functions by addresses: all symbols of the binaries that stacks lead through.

use std::path::Path;

use heapsake_core::Address;
use rustc_hash::FxHashMap;

use super::NativeFrame;
use super::unwind::At;
use crate::symbols::{Function, Symbols};

/// Names functions of one process.
pub(super) struct Names<'s> {
    symbols: &'s Symbols,
    /// The functions of a binary, by where it begins, ascending.
    functions: FxHashMap<Address, Vec<Function>>,
}

impl<'s> Names<'s> {
    pub(super) fn new(symbols: &'s Symbols) -> Names<'s> {
        Names { symbols, functions: FxHashMap::default() }
    }

    pub(super) fn frame(&mut self, at: At) -> NativeFrame {
        let At { instruction, inside, stack, bias } = at;
        let mut frame =
            NativeFrame { instruction, stack, file_address: instruction.0.wrapping_sub(bias), ..NativeFrame::default() };
        let Some(binary) = self.symbols.binaries().iter().find(|binary| binary.span().contains(inside)) else { return frame };
        frame.file = Some(Path::to_owned(binary.path()));
        let functions = self.functions.entry(binary.span().start).or_insert_with(|| binary.functions());
        let after = functions.partition_point(|function| function.start <= inside);
        // Of functions within functions (parts of assembly) the nearest that reaches so far.
        let covers = |function: &&Function| inside.0 - function.start.0 < function.length;
        let nearest = functions.get(..after).unwrap_or_default().iter().rev().take(NEAR).find(covers);
        if let Some(function) = nearest {
            frame.function = Some(String::from_utf8_lossy(&function.name).into_owned());
            frame.offset = instruction.0 - function.start.0;
        }
        frame
    }
}

/// How many symbols before an address may cover it.
const NEAR: usize = 16;
