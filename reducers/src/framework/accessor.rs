//! Facts that only a C library's own accessors know: the library in the target, and what an accessor would return.
//!
//! A library may hide its structs and yet export `long field_of(struct *)`, whose machine code is a test for null, a load and
//! a return, perhaps between the taking and the release of a lock. Those few instructions are read as the declaration of an
//! offset: they are followed here over the target's memory, never run, and whatever else they do ends in "not known". Guessing the offset from the library's version would be
//! the alternative; a library is configured and patched by whoever builds it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use heapsake_core::Address;
use heapsake_cpython::memory::{Files, Mapping, Memory, maps};
use heapsake_cpython::symbols::Symbols;

use super::Target;

/// How long a library that was looked up is taken to be where it was.
const FRESH: Duration = Duration::from_secs(2);
/// `EM_X86_64`.
const X86_64: u16 = 62;
/// Offset of `e_machine` in an ELF header.
const MACHINE_AT: i64 = 18;

/// A shared library that the target has mapped, of machine code that can be followed.
#[derive(Clone, Debug)]
pub(crate) struct Library(Rc<Symbols>);

struct Found {
    pid: i32,
    name: &'static str,
    when: Instant,
    library: Option<Library>,
}

thread_local! {
    static FOUND: RefCell<Vec<Found>> = const { RefCell::new(Vec::new()) };
}

impl Library {
    /// The library whose file name begins with `name`; none if it was not mapped, or nothing is left of what was.
    pub(crate) fn of(target: &Target<'_>, name: &'static str) -> Option<Library> {
        if let Some(mapped) = &target.facts.mapped {
            let library = || Library::among(target, mapped.mappings.clone(), &mapped.files, name);
            return (*target.facts.kept.get(name, library)).clone();
        }
        let pid = target.facts.pid?;
        FOUND.with_borrow_mut(|found| {
            found.retain(|one| one.when.elapsed() < FRESH);
            if let Some(one) = found.iter().find(|one| one.pid == pid && one.name == name) {
                return one.library.clone();
            }
            let mappings = maps::of_process(pid).ok();
            let library = mappings.and_then(|mappings| Library::among(target, mappings, &Files::of_process(pid), name));
            found.push(Found { pid, name, when: Instant::now(), library: library.clone() });
            library
        })
    }

    fn among(target: &Target<'_>, mut mappings: Vec<Mapping>, files: &Files, name: &str) -> Option<Library> {
        let is_named = |path: &std::path::Path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
        mappings.retain(|mapping| mapping.file().is_some_and(is_named));
        let symbols = Symbols::new(target, &mappings, files);
        let header = symbols.binaries().first()?.span().start;
        (target.read_u16(header.offset(MACHINE_AT))? == X86_64).then(|| Library(Rc::new(symbols)))
    }

    /// What the first of `functions` that the library has returns for `argument`; none if it does more than look. Calls of
    /// functions called as in `locks` are passed over.
    pub(crate) fn ask(&self, target: &Target<'_>, functions: &[&str], locks: &[&str], argument: u64) -> Option<u64> {
        let entry = functions.iter().find_map(|name| self.0.find_function(name))?;
        let is_lock = |called: Address| locks.iter().any(|name| self.0.find_function(name) == Some(called));
        follow(target, entry, argument, is_lock)
    }
}

const RAX: usize = 0;
const RSP: usize = 4;
const RDI: usize = 7;
/// Registers that a function that is called leaves as they were: rbx, rbp and r12 to r15.
const PRESERVED: [usize; 6] = [3, 5, 12, 13, 14, 15];

/// Follows the function at `entry` to its return; none at anything but moves, loads, tests, jumps forward, and calls of what
/// takes or releases a lock.
fn follow<M: Memory + ?Sized>(memory: &M, entry: Address, argument: u64, is_lock: impl Fn(Address) -> bool) -> Option<u64> {
    const MOST_INSTRUCTIONS: usize = 32;
    let mut registers = [None; 16];
    registers[RDI] = Some(argument);
    let mut pushed = Vec::new();
    let mut zero = None;
    let mut at = entry;
    for _ in 0..MOST_INSTRUCTIONS {
        let mut code = Code { memory, at };
        let mut first = code.byte()?;
        let repeats = first == 0xf3;
        let short = first == 0x66;
        while matches!(first, 0xf3 | 0x66 | 0x2e) {
            first = code.byte()?;
        }
        let rex = if first & 0xf0 == 0x40 { std::mem::replace(&mut first, code.byte()?) } else { 0 };
        let wide = rex & 8 != 0;
        match first {
            // `ret`
            0xc3 => return registers[RAX],
            // `nop`
            0x90 => {}
            // `push` and `pop` of a register
            0x50..=0x57 => pushed.push(registers[usize::from(first & 7 | rex << 3 & 8)]),
            0x58..=0x5f => registers[usize::from(first & 7 | rex << 3 & 8)] = pushed.pop()?,
            // `sub` and `add` of a small number and the stack pointer: room that nothing is written to
            0x83 if wide => {
                let (operation, operand) = code.operand(rex, &registers)?;
                let Operand::Register(RSP) = operand else { return None };
                code.byte()?;
                if ![0, 5].contains(&operation) {
                    return None;
                }
                zero = None;
            }
            // `call`
            0xe8 => {
                let distance = i64::from(code.word()? as i32);
                let called = code.at.offset(distance);
                if !is_lock(called) && !linked(memory, called).is_some_and(&is_lock) {
                    return None;
                }
                (0..16).filter(|register| !PRESERVED.contains(register)).for_each(|register| registers[register] = None);
                zero = None;
            }
            0x0f => match code.byte()? {
                // `endbr64`
                0x1e if repeats => {
                    code.byte()?;
                }
                // `nop` with an operand
                0x1f => {
                    code.operand(rex, &registers)?;
                }
                // `movzx`, `movsx` of a byte or of two
                extend @ (0xb6 | 0xb7 | 0xbe | 0xbf) => {
                    let (register, operand) = code.operand(rex, &registers)?;
                    let Operand::Memory(address) = operand else { return None };
                    let value = if extend & 1 == 0 {
                        let byte = memory.read_u8(address)?;
                        if extend & 8 == 0 { u64::from(byte) } else { i64::from(byte as i8) as u64 }
                    } else {
                        let half = memory.read_u16(address)?;
                        if extend & 8 == 0 { u64::from(half) } else { i64::from(half as i16) as u64 }
                    };
                    registers[register] = Some(if wide { value } else { value & 0xffff_ffff });
                }
                // `je`, `jne`, far
                condition @ (0x84 | 0x85) => {
                    let distance = i64::from(code.word()? as i32);
                    if zero? == (condition == 0x84) {
                        code.at = forward(code.at, distance)?;
                    }
                }
                _ => return None,
            },
            // `je`, `jne`, `jmp`, near
            condition @ (0x74 | 0x75 | 0xeb) => {
                let distance = i64::from(code.byte()? as i8);
                if condition == 0xeb || zero? == (condition == 0x74) {
                    code.at = forward(code.at, distance)?;
                }
            }
            // `test` of a register with itself
            0x85 if !short => {
                let (register, operand) = code.operand(rex, &registers)?;
                let Operand::Register(other) = operand else { return None };
                let value = registers[register]?;
                zero = (register == other).then_some(if wide { value == 0 } else { value as u32 == 0 });
            }
            // `xor` of a register with itself
            0x31 | 0x33 if !short => {
                let (register, operand) = code.operand(rex, &registers)?;
                registers[register] = matches!(operand, Operand::Register(other) if other == register).then_some(0);
                zero = Some(true);
            }
            // `mov` into a register
            0x8b if !short => {
                let (register, operand) = code.operand(rex, &registers)?;
                registers[register] = match operand {
                    Operand::Register(other) => registers[other].map(|value| if wide { value } else { value & 0xffff_ffff }),
                    Operand::Memory(address) if wide => Some(memory.word(address)?),
                    Operand::Memory(address) => Some(memory.read_u32(address)?.into()),
                };
            }
            // `mov` between registers, written the other way round
            0x89 if !short => {
                let (register, operand) = code.operand(rex, &registers)?;
                let Operand::Register(other) = operand else { return None };
                registers[other] = registers[register].map(|value| if wide { value } else { value & 0xffff_ffff });
            }
            // `movsxd`
            0x63 if wide => {
                let (register, operand) = code.operand(rex, &registers)?;
                registers[register] = match operand {
                    Operand::Register(other) => registers[other].map(|value| i64::from(value as i32) as u64),
                    Operand::Memory(address) => Some(i64::from(memory.read_i32(address)?) as u64),
                };
            }
            _ => return None,
        }
        at = code.at;
    }
    None
}

/// What the entry of a procedure linkage table leads to: `jmp *slot(%rip)`, behind `endbr64`, and with a prefix in some.
fn linked<M: Memory + ?Sized>(memory: &M, entry: Address) -> Option<Address> {
    let mut code = Code { memory, at: entry };
    if memory.read_u32(entry)? == 0xfa1e_0ff3 {
        code.at = entry.offset(4);
    }
    let mut first = code.byte()?;
    if first == 0xf2 {
        first = code.byte()?;
    }
    if (first, code.byte()?) != (0xff, 0x25) {
        return None;
    }
    let distance = i64::from(code.word()? as i32);
    memory.word(code.at.offset(distance)).map(Address)
}

fn forward(at: Address, distance: i64) -> Option<Address> {
    (distance >= 0).then(|| at.offset(distance))
}

/// The second operand of an instruction.
enum Operand {
    Register(usize),
    Memory(Address),
}

struct Code<'a, M: Memory + ?Sized> {
    memory: &'a M,
    at: Address,
}

impl<M: Memory + ?Sized> Code<'_, M> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.memory.read_u8(self.at)?;
        self.at = self.at.offset(1);
        Some(byte)
    }

    fn word(&mut self) -> Option<u32> {
        let word = self.memory.read_u32(self.at)?;
        self.at = self.at.offset(4);
        Some(word)
    }

    /// The operands after an opcode: a register, and a register or an address of a register and a distance.
    fn operand(&mut self, rex: u8, registers: &[Option<u64>; 16]) -> Option<(usize, Operand)> {
        let form = self.byte()?;
        let register = usize::from(form >> 3 & 7 | rex << 1 & 8);
        let base = usize::from(form & 7 | rex << 3 & 8);
        if form >> 6 == 3 {
            return Some((register, Operand::Register(base)));
        }
        // Forms with an index are met in padding alone, where nothing is read.
        let base_value = match form & 7 {
            4 => {
                self.byte()?;
                None
            }
            5 if form >> 6 == 0 => return None,
            _ => *registers.get(base)?,
        };
        let distance = match form >> 6 {
            0 => 0,
            1 => i64::from(self.byte()? as i8),
            _ => i64::from(self.word()? as i32),
        };
        // Without a known base the address is null, which no memory has.
        Some((register, Operand::Memory(base_value.map_or(Address::NULL, |value| Address(value).offset(distance)))))
    }
}

#[cfg(test)]
mod tests {
    use heapsake_cpython::memory::Synthetic;

    use super::*;

    fn returned(code: &[u8], argument: u64) -> Option<u64> {
        let memory = Synthetic::builder()
            .region(Address(0x1000), 0x100)
            .region(Address(0x8000), 0x200)
            // jmp *0x1ffa(%rip), with endbr64 before it and without
            .region(Address(0x2000), 0x20)
            .bytes(Address(0x2000), &[0xff, 0x25, 0xfa, 0x1f, 0, 0])
            .bytes(Address(0x2010), &[0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0xee, 0x1f, 0, 0])
            .region(Address(0x4000), 0x10)
            .words(Address(0x4000), &[0x7000, 0x7000])
            .bytes(Address(0x1000), code)
            .words(Address(0x8080), &[0xffff_fffe_1234_5678, 0x8000])
            .bytes(Address(0x8065), &[0x81])
            .build();
        follow(&memory, Address(0x1000), argument, |called| called == Address(0x7000))
    }

    #[test]
    fn loads_are_followed() {
        // mov 0x80(%rdi),%rax; ret
        assert_eq!(returned(&[0x48, 0x8b, 0x87, 0x80, 0, 0, 0, 0xc3], 0x8000), Some(0xffff_fffe_1234_5678));
        // endbr64; mov 0x80(%rdi),%eax; ret
        assert_eq!(returned(&[0xf3, 0x0f, 0x1e, 0xfa, 0x8b, 0x87, 0x80, 0, 0, 0, 0xc3], 0x8000), Some(0x1234_5678));
        // movzbl 0x65(%rdi),%eax; ret
        assert_eq!(returned(&[0x0f, 0xb6, 0x47, 0x65, 0xc3], 0x8000), Some(0x81));
        // movslq 0x84(%rdi),%rax; ret
        assert_eq!(returned(&[0x48, 0x63, 0x87, 0x84, 0, 0, 0, 0xc3], 0x8000), Some(-2i64 as u64));
        // test %rdi,%rdi; je +8; mov 0x88(%rdi),%rax; ret; xor %eax,%eax; ret
        let tested = [0x48, 0x85, 0xff, 0x74, 8, 0x48, 0x8b, 0x87, 0x88, 0, 0, 0, 0xc3, 0x31, 0xc0, 0xc3];
        assert_eq!(returned(&tested, 0x8000), Some(0x8000));
        assert_eq!(returned(&tested, 0), Some(0));
    }

    #[test]
    fn a_lock_is_passed_over() {
        // push %rbp; push %rbx; mov %rdi,%rbx; sub $8,%rsp; mov 0x88(%rdi),%rdi; call 0x2000; mov 0x80(%rbx),%rbp;
        // call 0x2010; add $8,%rsp; mov %rbp,%rax; pop %rbx; pop %rbp; ret
        let locked = |distance: u32, load: &[u8]| {
            let mut code = vec![0x55, 0x53, 0x48, 0x89, 0xfb, 0x48, 0x83, 0xec, 8, 0x48, 0x8b, 0xbf, 0x88, 0, 0, 0, 0xe8];
            code.extend(distance.to_le_bytes());
            code.extend(load);
            code.push(0xe8);
            code.extend((0x1010 - code.len() as u32 - 4).to_le_bytes());
            code.extend([0x48, 0x83, 0xc4, 8, 0x48, 0x89, 0xe8, 0x5b, 0x5d, 0xc3]);
            code
        };
        let load = [0x48, 0x8b, 0xab, 0x80, 0, 0, 0];
        assert_eq!(returned(&locked(0x0feb, &load), 0x8000), Some(0xffff_fffe_1234_5678));
        // Another function, by the same way and at once; what the lock may have changed.
        assert_eq!(returned(&locked(0x0fec, &load), 0x8000), None);
        assert_eq!(returned(&locked(0x6fe3, &load), 0x8000), None);
        assert_eq!(returned(&locked(0x0feb, &[0x48, 0x8b, 0xaf, 0x80, 0, 0, 0]), 0x8000), None);
        // The lock itself.
        assert_eq!(returned(&locked(0x5feb, &load), 0x8000), Some(0xffff_fffe_1234_5678));
    }

    #[test]
    fn whatever_else_is_not_known() {
        for code in [
            &[0xe8, 0, 0, 0, 0, 0xc3][..],            // a call
            &[0x48, 0x89, 0x07, 0xc3],                // a store
            &[0xc3],                                  // nothing in the register
            &[0xeb, 0xfe],                            // a loop
            &[0x48, 0x8b, 0x87, 0, 0x10, 0, 0, 0xc3], // a load from what is not mapped
            &[0x74, 0, 0xc3],                         // a jump by a flag of the caller's
        ] {
            assert_eq!(returned(code, 0x8000), None, "{code:x?}");
        }
        assert_eq!(returned(&[0x90; 0x100], 0x8000), None);
    }
}
