//! The signal that a process is about to die of, with what the kernel and the processor say of it.
//!
//! It is the same whoever saw it: a supervisor that traces the process, or the process's own handler. The thread is known by
//! the kernel's number and, from its registers, by what the C library knows it by, which is `threading.get_ident()`.

use ciborium::Value;
use heapsake_core::Address;

use crate::memory::Mapping;

/// A signal that a process is about to die of.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Death {
    /// The process.
    pub pid: i32,
    /// The thread that gets the signal, by the kernel's number.
    pub thread: i32,
    /// The signal's number.
    pub signal: i32,
    /// Why it is sent: `si_code`.
    pub code: i32,
    /// The address that was at fault, where the kernel says one.
    pub address: Option<Address>,
    /// The process that sent it, where one did.
    pub sender: Option<i32>,
    /// The thread as the C library knows it, where the processor's register is known.
    pub ident: Option<u64>,
    /// The registers of the thread by name, where the processor is known.
    pub registers: Vec<(&'static str, u64)>,
    /// The file and the offset in it of the instruction, where it lies in one.
    pub place: Option<(String, u64)>,
    /// The signal that a handler of the program was given before, and after which it sent itself this one.
    pub before: Option<Box<Death>>,
}

/// Numbers, names and meanings of the signals that the kernel sends for what a thread has done, and that a program ends
/// itself with.
const SIGNALS: [(i32, &str, &str); 7] = [
    (libc::SIGSEGV, "SIGSEGV", "segmentation fault"),
    (libc::SIGBUS, "SIGBUS", "bus error"),
    (libc::SIGFPE, "SIGFPE", "arithmetic error"),
    (libc::SIGILL, "SIGILL", "illegal instruction"),
    (libc::SIGABRT, "SIGABRT", "aborted"),
    (libc::SIGTRAP, "SIGTRAP", "breakpoint"),
    (libc::SIGSYS, "SIGSYS", "bad system call"),
];

/// Others that leave a core, which somebody or a limit sends; who dies of one may have been healthy.
const OTHERS: [(i32, &str, &str); 3] = [
    (libc::SIGQUIT, "SIGQUIT", "quit"),
    (libc::SIGXCPU, "SIGXCPU", "limit of processor time"),
    (libc::SIGXFSZ, "SIGXFSZ", "limit of file size"),
];

/// What `si_code` means, by signal; from `siginfo.h` of the kernel.
const CODES: [(i32, i32, &str); 18] = [
    (libc::SIGSEGV, 1, "SEGV_MAPERR"),
    (libc::SIGSEGV, 2, "SEGV_ACCERR"),
    (libc::SIGSEGV, 3, "SEGV_BNDERR"),
    (libc::SIGSEGV, 4, "SEGV_PKUERR"),
    (libc::SIGBUS, 1, "BUS_ADRALN"),
    (libc::SIGBUS, 2, "BUS_ADRERR"),
    (libc::SIGBUS, 3, "BUS_OBJERR"),
    (libc::SIGBUS, 4, "BUS_MCEERR_AR"),
    (libc::SIGFPE, 1, "FPE_INTDIV"),
    (libc::SIGFPE, 2, "FPE_INTOVF"),
    (libc::SIGFPE, 3, "FPE_FLTDIV"),
    (libc::SIGFPE, 7, "FPE_FLTINV"),
    (libc::SIGILL, 1, "ILL_ILLOPC"),
    (libc::SIGILL, 2, "ILL_ILLOPN"),
    (libc::SIGILL, 5, "ILL_PRVOPC"),
    (libc::SIGTRAP, 1, "TRAP_BRKPT"),
    (libc::SIGTRAP, 2, "TRAP_TRACE"),
    (libc::SIGSYS, 1, "SYS_SECCOMP"),
];
/// Codes of any signal.
const SENT: [(i32, &str); 5] = [(0, "SI_USER"), (0x80, "SI_KERNEL"), (-1, "SI_QUEUE"), (-6, "SI_TKILL"), (-4, "SI_ASYNCIO")];

/// The signals of which a process dies without warning, unless it handles them.
pub fn signals() -> impl Iterator<Item = i32> {
    SIGNALS.iter().map(|(number, ..)| *number)
}

impl Death {
    /// The signal's name.
    pub fn name(&self) -> String {
        self.known().map_or_else(|| format!("signal {}", self.signal), |(name, _)| name.to_owned())
    }

    /// Name and meaning of the signal.
    fn known(&self) -> Option<(&'static str, &'static str)> {
        SIGNALS.iter().chain(&OTHERS).find(|known| known.0 == self.signal).map(|(_, name, meaning)| (*name, *meaning))
    }

    /// Whether the kernel sent it for what the thread did; then it says where.
    pub fn is_fault(&self) -> bool {
        self.code > 0 && self.code != 0x80
    }

    /// What happened, in words.
    pub fn reason(&self) -> String {
        let meaning = self.known().map(|(_, meaning)| format!(" ({meaning})")).unwrap_or_default();
        let first = self.before.as_deref().unwrap_or(self);
        let address = first.address.map(|address| format!(" at address {:#x}", address.0)).unwrap_or_default();
        format!("{}{meaning}{address}", self.name())
    }

    /// Finds the file that the instruction lies in.
    pub fn find_place(&mut self, mappings: &[Mapping]) {
        let instruction = ["rip", "pc"].iter().find_map(|name| self.register(name)).map(Address);
        self.place = instruction.and_then(|instruction| {
            let mapping = mappings.iter().find(|mapping| mapping.span.contains(instruction))?;
            let offset = mapping.offset.0 + (instruction.0 - mapping.span.start.0);
            Some((mapping.file()?.to_string_lossy().into_owned(), offset))
        });
        if let Some(before) = &mut self.before {
            before.find_place(mappings);
        }
    }

    fn register(&self, name: &str) -> Option<u64> {
        self.registers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn code_name(&self) -> Option<&'static str> {
        let of_signal = CODES.iter().find(|(signal, code, _)| (*signal, *code) == (self.signal, self.code));
        let of_any = || SENT.iter().find(|(code, _)| *code == self.code).map(|(_, name)| *name);
        of_signal.map(|(.., name)| *name).or_else(of_any)
    }

    /// It as a fact of a dump: a map by name.
    pub fn fact(&self) -> Value {
        let mut fact: Vec<(Value, Value)> = Vec::new();
        let mut add = |name: &str, value: Option<Value>| fact.extend(value.map(|value| (name.into(), value)));
        add("name", Some(self.name().into()));
        add("number", Some(self.signal.into()));
        add("code", Some(self.code.into()));
        add("code_name", self.code_name().map(Value::from));
        add("address", self.address.map(|address| address.0.into()));
        add("sender", self.sender.map(Value::from));
        add("thread", Some(self.thread.into()));
        add("ident", self.ident.map(Value::from));
        add("file", self.place.as_ref().map(|(file, _)| file.as_str().into()));
        add("file_offset", self.place.as_ref().map(|(_, offset)| (*offset).into()));
        let registers: Vec<(Value, Value)> =
            self.registers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        add("registers", (!registers.is_empty()).then_some(Value::Map(registers)));
        add("before", self.before.as_ref().map(|before| before.fact()));
        Value::Map(fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_in_words() {
        let mut death = Death { signal: 11, code: 1, address: Some(Address(0)), ..Death::default() };
        assert_eq!(
            (death.reason().as_str(), death.code_name()),
            ("SIGSEGV (segmentation fault) at address 0x0", Some("SEGV_MAPERR"))
        );
        assert!(death.is_fault());
        death = Death { signal: 6, code: -6, before: Some(Box::new(death)), ..Death::default() };
        assert_eq!((death.name().as_str(), death.code_name(), death.is_fault()), ("SIGABRT", Some("SI_TKILL"), false));
        assert_eq!(Death { signal: 34, ..Death::default() }.name(), "signal 34");
        assert_eq!(signals().count(), 7);
    }

    #[test]
    fn the_instruction_is_placed_in_its_file() {
        let maps = b"1000-3000 r-xp 00002000 08:01 7 /lib/x.so\n5000-6000 rw-p 00000000 00:00 0 \n";
        let mappings = crate::memory::maps::parse(maps).expect("a map");
        let placed = |instruction| {
            let mut death = Death { registers: vec![("rip", instruction)], ..Death::default() };
            death.find_place(&mappings);
            death.place
        };
        assert_eq!(placed(0x1010), Some(("/lib/x.so".to_owned(), 0x2010)));
        assert_eq!((placed(0x5000), placed(0)), (None, None));
    }
}
