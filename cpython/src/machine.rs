//! The processors whose processes are read, and what their registers are called: by the kernel's `user_regs_struct` and
//! `user_pt_regs`, and by the numbers of debug information (the psABI of x86-64, DWARF for the Arm 64-bit Architecture).

/// A processor: 64 bits, little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Machine {
    /// AMD's and Intel's.
    #[default]
    X86_64,
    /// Arm's.
    Aarch64,
}

/// How many registers debug information numbers, at most.
pub(crate) const MOST_GENERAL: usize = 32;

/// In the order of `elf_prstatus`.
const X86_64: [&str; 27] = [
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip",
    "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
];
const AARCH64: [&str; 34] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",
    "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp", "pc", "pstate",
];
/// In the order of debug information.
const X86_64_GENERAL: [&str; 16] =
    ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
/// What a dump's header tells, in its order.
const X86_64_TOLD: [&str; 19] = [
    "rip", "rsp", "rbp", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "eflags", "fs_base",
];

impl Machine {
    /// The one that heapsake itself runs on, if it is one of these.
    pub const OWN: Option<Machine> = if cfg!(target_arch = "x86_64") {
        Some(Machine::X86_64)
    } else if cfg!(target_arch = "aarch64") {
        Some(Machine::Aarch64)
    } else {
        None
    };

    /// By `e_machine` of an ELF file.
    pub fn of_elf(number: u16) -> Option<Machine> {
        match number {
            62 => Some(Machine::X86_64),
            183 => Some(Machine::Aarch64),
            _ => None,
        }
    }

    /// As Linux calls it: `uname -m`, with its usual spelling in text.
    pub fn name(self) -> &'static str {
        match self {
            Machine::X86_64 => "x86-64",
            Machine::Aarch64 => "aarch64",
        }
    }

    /// The registers of `elf_prstatus`, in their order.
    pub(crate) fn registers(self) -> &'static [&'static str] {
        match self {
            Machine::X86_64 => &X86_64,
            Machine::Aarch64 => &AARCH64,
        }
    }

    /// Those that debug information numbers, in its order.
    pub(crate) fn general(self) -> &'static [&'static str] {
        match self {
            Machine::X86_64 => &X86_64_GENERAL,
            Machine::Aarch64 => &AARCH64[..32],
        }
    }

    /// Those that a dump's header tells, in its order.
    pub(crate) fn told(self) -> &'static [&'static str] {
        match self {
            Machine::X86_64 => &X86_64_TOLD,
            Machine::Aarch64 => &AARCH64,
        }
    }

    /// The register that has the instruction that is executed next.
    pub(crate) fn instruction(self) -> &'static str {
        match self {
            Machine::X86_64 => "rip",
            Machine::Aarch64 => "pc",
        }
    }

    /// The register that has the top of the stack.
    pub(crate) fn stack(self) -> &'static str {
        match self {
            Machine::X86_64 => "rsp",
            Machine::Aarch64 => "sp",
        }
    }

    /// The position of the stack pointer among [`Machine::general`].
    pub(crate) fn stack_pointer(self) -> usize {
        match self {
            Machine::X86_64 => 7,
            Machine::Aarch64 => 31,
        }
    }

    /// The position of the frame pointer, where a function keeps one.
    pub(crate) fn frame_pointer(self) -> usize {
        match self {
            Machine::X86_64 => 6,
            Machine::Aarch64 => 29,
        }
    }

    /// The position of the register that a call leaves the return address in, where it is not put on the stack.
    pub(crate) fn link(self) -> Option<usize> {
        match self {
            Machine::X86_64 => None,
            Machine::Aarch64 => Some(30),
        }
    }

    /// The number that debug information has for the return address, where that is no register.
    pub(crate) fn return_address(self) -> Option<u16> {
        match self {
            Machine::X86_64 => Some(16),
            Machine::Aarch64 => None,
        }
    }

    /// A code address without what is kept in bits that no address uses: signatures of return addresses.
    pub(crate) fn code(self, address: u64) -> u64 {
        match self {
            Machine::X86_64 => address,
            Machine::Aarch64 => address & 0x0000_ffff_ffff_ffff,
        }
    }
}

/// What a thread finds its thread-local storage by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ThreadPointer {
    machine: Machine,
    value: u64,
}

impl ThreadPointer {
    /// That of a thread; 0 where it is not known.
    pub fn new(machine: Machine, value: u64) -> ThreadPointer {
        ThreadPointer { machine, value }
    }

    /// Whether it is of the thread that the C library knows by `ident` (`pthread_self()`): that is the pointer itself, or, on
    /// aarch64, a descriptor in front of what it points to (`TLS_DTV_AT_TP` of glibc; musl's is the same).
    pub fn is_of(self, ident: u64) -> bool {
        match self.machine {
            Machine::X86_64 => ident != 0 && self.value == ident,
            Machine::Aarch64 => ident != 0 && ident < self.value && self.value - ident <= LARGEST_DESCRIPTOR,
        }
    }

    /// What the C library knows the thread by, where that follows from the pointer alone.
    pub fn ident(self) -> Option<u64> {
        Some(self.value).filter(|value| *value != 0 && self.machine == Machine::X86_64)
    }
}

/// More than glibc's `struct pthread` has had, and less than a stack.
const LARGEST_DESCRIPTOR: u64 = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_where_their_numbers_say() {
        for machine in [Machine::X86_64, Machine::Aarch64] {
            let general = machine.general();
            assert!(general.len() <= MOST_GENERAL);
            assert_eq!(general[machine.stack_pointer()], machine.stack());
            assert!(["rbp", "x29"].contains(&general[machine.frame_pointer()]));
            for name in machine.told().iter().chain(general).chain([&machine.instruction()]) {
                assert!(machine.registers().contains(name), "{name}");
            }
        }
        assert_eq!(Machine::of_elf(3), None);
    }

    #[test]
    fn a_descriptor_lies_in_front_of_what_the_thread_pointer_points_to() {
        let (intel, arm) = (ThreadPointer::new(Machine::X86_64, 0x7000), ThreadPointer::new(Machine::Aarch64, 0x7000));
        assert!(intel.is_of(0x7000) && !intel.is_of(0x6000) && !ThreadPointer::default().is_of(0));
        assert!(arm.is_of(0x6000) && !arm.is_of(0x7000) && !arm.is_of(0x4000));
        assert!(!ThreadPointer::new(Machine::Aarch64, 0x1000).is_of(0));
        assert_eq!((intel.ident(), arm.ident()), (Some(0x7000), None));
    }
}
