//! From the registers of a thread to those of its callers, by the rules of call frame information (DWARF 5, 6.4; the
//! `.eh_frame` of the Linux Standard Base).
//!
//! The rules of a binary are found by its program headers in memory, as the runtime's own unwinder does; sections need not be
//! there, and the kernel's own library (vdso) is like any other. A frame that no rule covers is stepped over as a leaf, if it
//! is the innermost, or by its frame pointer.

use std::rc::Rc;

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, Evaluation, EvaluationResult, Expression, LittleEndian, Location,
    Pointer, Register, RegisterRule, UnwindContext, UnwindSection, Value, Vendor,
};
use heapsake_core::{Address, Span};
use object::elf;
use rustc_hash::FxHashMap;

use crate::machine::{MOST_GENERAL, Machine};
use crate::memory::{Mapping, Memory, Registers, Source};
use crate::program_headers::{Head, ProgramHeader};

/// Longer tables than any binary has.
const LARGEST_TABLE: u64 = 256 << 20;
/// Deeper stacks than the largest of C stacks has room for.
const MAXIMUM_FRAMES: usize = 1 << 18;
/// Handlers of signals that interrupt one another.
const MAXIMUM_SIGNALS: usize = 64;
/// Steps of an expression; those of compilers have a dozen.
const MAXIMUM_STEPS: u32 = 100;
/// Expressions of all frames; few frames have one.
const MAXIMUM_EXPRESSIONS: u64 = 1 << 22;
/// A longer entry of a table has more rules than any function, in bytes.
const LONGEST_ENTRY: usize = 1 << 16;
const WORD: i64 = 8;
/// `mov x8, #139; svc #0`: the call of `rt_sigreturn` on aarch64.
const RETURN_FROM_SIGNAL: u64 = 0xd400_0001_d280_1168;

type Slice<'b> = EndianSlice<'b, LittleEndian>;

/// Where an instruction was found on a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// It.
    pub(super) instruction: Address,
    /// An address that surely is in the function: what a call returns to may be the next function's first byte.
    pub(super) inside: Address,
    /// The top of the stack there.
    pub(super) stack: Address,
    /// What is added to the binary's own addresses.
    pub(super) bias: u64,
}

/// Unwinds stacks of one process.
pub(super) struct Unwinder<'m, S> {
    memory: &'m S,
    /// By the start of the mapping that an instruction lies in.
    modules: FxHashMap<Address, Option<Rc<Module>>>,
    context: Box<UnwindContext<usize>>,
    /// How many expressions were evaluated.
    expressions: u64,
}

/// A binary's tables.
struct Module {
    bias: u64,
    tables: Option<Tables>,
}

struct Tables {
    header: Vec<u8>,
    frames: Vec<u8>,
    bases: BaseAddresses,
}

/// The registers of a frame.
#[derive(Clone, Copy)]
struct Known {
    machine: Machine,
    /// By their DWARF numbers; none where it is not known any more.
    registers: [Option<u64>; MOST_GENERAL],
    /// What is executed next, or what a call returns to.
    instruction: Option<u64>,
}

impl Known {
    fn stack(&self) -> Option<u64> {
        self.registers.get(self.machine.stack_pointer()).copied().flatten()
    }

    fn set(&mut self, register: usize, value: Option<u64>) {
        if let Some(slot) = self.registers.get_mut(register) {
            *slot = value;
        }
    }

    fn get(&self, register: usize) -> Option<u64> {
        self.registers.get(register).copied().flatten()
    }
}

/// Why there are no callers to be had.
enum End {
    /// The thread began here.
    Beginning,
    Cut(String),
}

impl<'m, S: Source> Unwinder<'m, S> {
    pub(super) fn new(memory: &'m S) -> Unwinder<'m, S> {
        Unwinder { memory, modules: FxHashMap::default(), context: Box::new(UnwindContext::new()), expressions: 0 }
    }

    /// The instructions of a thread's frames, the innermost first, and why there are no more if they end too early.
    pub(super) fn unwind(&mut self, registers: &Registers) -> (Vec<At>, Option<String>) {
        let machine = registers.machine;
        let mut known = Known { machine, registers: [None; MOST_GENERAL], instruction: Some(registers.instruction.0) };
        for (slot, value) in known.registers.iter_mut().zip(registers.general).take(machine.general().len()) {
            *slot = Some(value);
        }
        let mut found = Vec::new();
        // What is executed next is in its function; what a call returns to is one behind it.
        let mut is_exact = true;
        let mut signals = 0;
        loop {
            // A thread begins where a call would return to nowhere; a call of nothing stands at nothing.
            let Some(instruction) = known.instruction.filter(|instruction| *instruction != 0 || is_exact) else {
                return (found, None);
            };
            let inside = Address(if is_exact { instruction } else { instruction - 1 });
            let module = self.module(inside);
            let bias = module.as_ref().map_or(0, |module| module.bias);
            let stack = Address(known.stack().unwrap_or(0));
            found.push(At { instruction: Address(instruction), inside, stack, bias });
            if found.len() >= MAXIMUM_FRAMES {
                return (found, Some(format!("there are more than {MAXIMUM_FRAMES} frames")));
            }
            let before = known;
            let stepped = match module.as_ref().and_then(|module| module.tables.as_ref()) {
                Some(tables) => self.step(tables, inside, &mut known, is_exact),
                None => None,
            };
            let end = match stepped.unwrap_or_else(|| self.step_blindly(&mut known, is_exact)) {
                // A stack grows downwards; only a signal's handler may have one of its own.
                Ok(is_signal) if is_signal && signals < MAXIMUM_SIGNALS || grew(&known, &before, is_exact) => {
                    signals += usize::from(is_signal);
                    is_exact = is_signal;
                    continue;
                }
                Ok(_) => End::Cut(format!("the frame at {instruction:#x} has no end")),
                Err(end) => end,
            };
            return match end {
                End::Beginning => (found, None),
                End::Cut(why) => (found, Some(why)),
            };
        }
    }

    /// From a frame to its caller, by rules, if there are any for this frame; whether the frame is that of a signal. Of the innermost,
    /// or an interrupted one, the return address may still be where the call left it.
    fn step(&mut self, tables: &Tables, inside: Address, known: &mut Known, is_innermost: bool) -> Option<Result<bool, End>> {
        let Tables { header, frames, bases } = tables;
        let header = EhFrameHdr::new(header, LittleEndian).parse(bases, 8).ok()?;
        let mut section = EhFrame::new(frames, LittleEndian);
        if known.machine == Machine::Aarch64 {
            section.set_vendor(Vendor::AArch64);
        }
        let entry = header.table()?.fde_for_address(&section, bases, inside.0, EhFrame::cie_from_offset).ok()?;
        if entry.entry_len().max(entry.cie().entry_len()) > LONGEST_ENTRY {
            return None;
        }
        let row = entry.unwind_info_for_address(&section, bases, &mut self.context, inside.0).ok()?;
        let unreadable = || End::Cut(format!("the stack cannot be read at {:#x}", inside.0));
        let memory = self.memory;
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                value(known, *register).map(|base| base.wrapping_add_signed(*offset))
            }
            CfaRule::Expression(expression) => {
                self.expressions += 1;
                expression.get(&section).ok().and_then(|expression| evaluate(memory, known, expression, None))
            }
        };
        let Some(cfa) = cfa else { return Some(Err(unreadable())) };
        let mut caller = *known;
        caller.set(known.machine.stack_pointer(), Some(cfa));
        // Where no rule tells of it, it is not known, unless the call left it in a register.
        caller.instruction = known.machine.link().filter(|_| is_innermost).and_then(|link| known.get(link));
        let return_address = entry.cie().return_address_register();
        let mut is_outermost = false;
        for (register, rule) in row.registers() {
            let at = |offset: i64| memory.word(Address(cfa.wrapping_add_signed(offset)));
            let read =
                |expression: &gimli::UnwindExpression<usize>| evaluate(memory, known, expression.get(&section).ok()?, Some(cfa));
            self.expressions += u64::from(matches!(rule, RegisterRule::Expression(_) | RegisterRule::ValExpression(_)));
            if self.expressions > MAXIMUM_EXPRESSIONS {
                return Some(Err(End::Cut("there are more expressions than any program has".to_owned())));
            }
            let restored = match rule {
                RegisterRule::Undefined => {
                    is_outermost |= *register == return_address;
                    None
                }
                RegisterRule::SameValue => value(known, *register),
                RegisterRule::Offset(offset) => at(*offset),
                RegisterRule::ValOffset(offset) => Some(cfa.wrapping_add_signed(*offset)),
                RegisterRule::Register(other) => value(known, *other),
                RegisterRule::Expression(expression) => read(expression).and_then(|address| memory.word(Address(address))),
                RegisterRule::ValExpression(expression) => read(expression),
                RegisterRule::Constant(value) => Some(*value),
                RegisterRule::Architectural => None,
            };
            if *register == return_address {
                caller.instruction = restored;
            }
            if usize::from(register.0) < known.machine.general().len() {
                caller.set(usize::from(register.0), restored);
            }
        }
        if is_outermost {
            return Some(Err(End::Beginning));
        }
        caller.instruction = caller.instruction.map(|instruction| known.machine.code(instruction));
        if caller.instruction.is_none() {
            return Some(Err(unreadable()));
        }
        *known = caller;
        Some(Ok(entry.is_signal_trampoline()))
    }

    /// From a frame without rules to its caller: the innermost may be in a function that has just been called, or has jumped
    /// nowhere; others may keep a frame pointer.
    fn step_blindly(&self, known: &mut Known, is_innermost: bool) -> Result<bool, End> {
        let (instruction, machine) = (known.instruction.unwrap_or(0), known.machine);
        let is_code = |address: &u64| self.is_code(Address(*address));
        if let Some(interrupted) = self.interrupted(known) {
            *known = interrupted;
            return Ok(true);
        }
        let left = machine.link().and_then(|link| known.get(link)).map(|link| machine.code(link));
        if let Some(caller) = left.filter(|caller| is_innermost && is_code(caller) && *caller != instruction) {
            known.instruction = Some(caller);
            return Ok(false);
        }
        let returns = |address: Option<u64>| Some(machine.code(self.memory.word(Address(address?))?)).filter(is_code);
        if is_innermost
            && machine.link().is_none()
            && let Some(caller) = returns(known.stack())
        {
            known.instruction = Some(caller);
            known.set(machine.stack_pointer(), known.stack().map(|stack| stack.wrapping_add_signed(WORD)));
            return Ok(false);
        }
        let base = known.get(machine.frame_pointer()).filter(|base| Some(*base) > known.stack() || is_innermost);
        let above = base.and_then(|base| base.checked_add_signed(WORD));
        match (base, returns(above)) {
            (Some(base), Some(caller)) => {
                known.instruction = Some(caller);
                known.set(machine.stack_pointer(), base.checked_add_signed(2 * WORD));
                known.set(machine.frame_pointer(), self.memory.word(Address(base)));
                Ok(false)
            }
            _ => Err(End::Cut(format!("nothing says how to unwind the code at {instruction:#x}"))),
        }
    }

    /// What a signal interrupted, where the kernel's own code that returns from handlers has no rules, as on aarch64: the registers
    /// are in the frame that the kernel made for the handler (`rt_sigframe`, `arch/arm64/kernel/signal.c`).
    fn interrupted(&self, known: &Known) -> Option<Known> {
        const REGISTERS: i64 = 128 + 176 + 8;
        if known.machine != Machine::Aarch64 || self.memory.word(Address(known.instruction?))? != RETURN_FROM_SIGNAL {
            return None;
        }
        let saved = Address(known.stack()?).offset(REGISTERS);
        let mut interrupted = *known;
        for (index, slot) in interrupted.registers.iter_mut().enumerate() {
            *slot = Some(self.memory.word(saved.offset(WORD * index as i64))?);
        }
        interrupted.instruction = self.memory.word(saved.offset(WORD * MOST_GENERAL as i64));
        Some(interrupted)
    }

    fn is_code(&self, address: Address) -> bool {
        self.mapping(address).is_some_and(|mapping| mapping.permissions.execute)
    }

    fn mapping(&self, address: Address) -> Option<&'m Mapping> {
        let mappings = self.memory.mappings();
        let after = mappings.partition_point(|mapping| mapping.span.start <= address);
        mappings.get(after.checked_sub(1)?).filter(|mapping| mapping.span.contains(address))
    }

    /// The binary that an instruction lies in.
    fn module(&mut self, address: Address) -> Option<Rc<Module>> {
        let mapping = self.mapping(address)?;
        if let Some(known) = self.modules.get(&mapping.span.start) {
            return known.clone();
        }
        let module = self.read_module(mapping).map(Rc::new);
        self.modules.insert(mapping.span.start, module.clone());
        module
    }

    /// Where the file's first byte is mapped, which is the binary's header, for the part of it that is `mapping`.
    fn start(&self, mapping: &Mapping) -> Option<Address> {
        if mapping.offset.0 == 0 {
            return Some(mapping.span.start);
        }
        let same = |other: &&Mapping| {
            (other.device, other.inode, &other.path) == (mapping.device, mapping.inode, &mapping.path) && other.path.is_some()
        };
        let before = self.memory.mappings().iter().take_while(|other| other.span.start < mapping.span.start);
        before.filter(same).filter(|other| other.offset.0 == 0).last().map(|first| first.span.start)
    }

    fn read_module(&self, mapping: &Mapping) -> Option<Module> {
        let start = self.start(mapping)?;
        let head = Head::in_memory(self.memory, start)?;
        let first = head.of_kind(elf::PT_LOAD).find(|header| header.offset == 0)?;
        let bias = start.0.wrapping_sub(first.address);
        let tables = head.of_kind(elf::PT_GNU_EH_FRAME).next().and_then(|header| {
            let loads: Vec<&ProgramHeader> = head.of_kind(elf::PT_LOAD).collect();
            self.read_tables(header, &loads, bias)
        });
        Some(Module { bias, tables })
    }

    fn read_tables(&self, header: &ProgramHeader, loads: &[&ProgramHeader], bias: u64) -> Option<Tables> {
        let read = |address: u64, length: u64| self.memory.read_vec(Address(address), length, LARGEST_TABLE as usize).ok();
        let at = header.address.wrapping_add(bias);
        let bytes = read(at, header.in_memory)?;
        let mut bases = BaseAddresses::default().set_eh_frame_hdr(at);
        let Pointer::Direct(frames_at) = EhFrameHdr::new(&bytes, LittleEndian).parse(&bases, 8).ok()?.eh_frame_ptr() else {
            return None;
        };
        bases = bases.set_eh_frame(frames_at);
        // How long the table is only a section says; it ends with its segment at the latest.
        let segment = |load: &&&ProgramHeader| {
            Span::new(Address(load.address.wrapping_add(bias)), load.in_memory).contains(Address(frames_at))
        };
        let load = loads.iter().find(segment)?;
        let end = load.address.wrapping_add(bias).wrapping_add(load.in_memory);
        let frames = read(frames_at, end.checked_sub(frames_at)?)?;
        Some(Tables { header: bytes, frames, bases })
    }
}

fn value(known: &Known, register: Register) -> Option<u64> {
    // Rules of procedure linkage tables count from where the instruction is.
    if known.machine.return_address() == Some(register.0) {
        return known.instruction;
    }
    known.get(usize::from(register.0))
}

/// Whether the stack has grown from the frame before, as it does towards callers. Where calls leave the return address in a
/// register a leaf may have none of it, and a function that was given its frame by its caller, as `ffi_call_SYSV` of libffi
/// on aarch64, gives back no more than the frame pointer.
fn grew(known: &Known, before: &Known, is_innermost: bool) -> bool {
    let frame = known.machine.frame_pointer();
    let is_frameless = || {
        let moved = is_innermost && known.instruction != before.instruction || known.get(frame) > before.get(frame);
        known.machine.link().is_some() && moved
    };
    known.stack() > before.stack() || known.stack() == before.stack() && is_frameless()
}

/// What an expression comes to.
fn evaluate<M: Memory>(memory: &M, known: &Known, expression: Expression<Slice<'_>>, initial: Option<u64>) -> Option<u64> {
    let encoding = gimli::Encoding { address_size: 8, format: gimli::Format::Dwarf32, version: 4 };
    let mut evaluation: Evaluation<Slice<'_>> = expression.evaluation(encoding);
    evaluation.set_max_iterations(MAXIMUM_STEPS);
    if let Some(initial) = initial {
        evaluation.set_initial_value(initial);
    }
    let mut result = evaluation.evaluate().ok()?;
    loop {
        result = match result {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresMemory { address, size, .. } => {
                let mut bytes = [0; 8];
                memory.read_at(Address(address), bytes.get_mut(..usize::from(size))?).ok()?;
                evaluation.resume_with_memory(Value::Generic(u64::from_le_bytes(bytes))).ok()?
            }
            EvaluationResult::RequiresRegister { register, .. } => {
                evaluation.resume_with_register(Value::Generic(value(known, register)?)).ok()?
            }
            _ => return None,
        };
    }
    match evaluation.as_result().first()?.location {
        Location::Address { address } => Some(address),
        _ => None,
    }
}

#[cfg(test)]
#[path = "unwind_tests.rs"]
mod tests;
