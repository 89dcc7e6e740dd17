//! Stackless Python: what tells it from the CPython of the same version number, and whether a switch of tasklets is under way.
//!
//! Its hex version, implementation name and cache tag are CPython's, so it is told by signs, of which two must agree:
//! exported types, the size of `_PyRuntime`, the size of frames, the place of `f_code` that frames publish, and the text of
//! the version. Mirrors `Stackless/core/slp_transfer.c`, `Stackless/module/scheduling.c`.

use heapsake_core::Address;

use crate::layouts::Layouts;
use crate::memory::Memory;

/// Types that only Stackless exports.
const TYPES: [&str; 3] = ["PyTasklet_Type", "PyChannel_Type", "PyCFrame_Type"];
/// `sizeof(_PyRuntime)` of Stackless 3.7, and of CPython 3.7 without and with the limit of digits of integers.
const RUNTIME_SIZE: (u64, [u64; 2]) = (9744, [1512, 1520]);
/// `tp_basicsize` of frames, and where a frame's code is, of Stackless 3.7 and of CPython 3.7.
const FRAME_SIZE: (u64, u64) = (376, 368);
const FRAME_CODE: (u64, u64) = (360, 32);
/// `tp_basicsize` and `tp_members` of a type, and the fields and size of a member: older than any version that is read, and
/// needed before a layout is chosen.
const TYPE_BASICSIZE: i64 = 32;
const TYPE_MEMBERS: i64 = 240;
const MEMBER_OFFSET: i64 = 16;
const MEMBER_SIZE: i64 = 40;
const MAXIMUM_MEMBERS: i64 = 64;

/// What the signs say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signs {
    /// How many say that it is Stackless.
    pub for_it: u8,
    /// How many say that it is not.
    pub against: u8,
}

impl Signs {
    /// What a binary shows that has symbols, with their sizes, by `find`, and this text of its version.
    pub fn gather<M: Memory + ?Sized>(memory: &M, find: impl Fn(&str) -> Option<(Address, u64)>, text: Option<&str>) -> Signs {
        let mut signs = Signs::default();
        let mut count = |sign: Option<bool>| match sign {
            Some(true) => signs.for_it += 1,
            Some(false) => signs.against += 1,
            None => {}
        };
        let frame = find("PyFrame_Type").map(|(address, _)| address);
        let exported = TYPES.iter().filter(|name| find(name).is_some()).count();
        count(match exported {
            0 => frame.map(|_| false),
            all if all == TYPES.len() => Some(true),
            _ => None,
        });
        count(find("_PyRuntime").and_then(|(_, size)| match size {
            size if size == RUNTIME_SIZE.0 => Some(true),
            size if RUNTIME_SIZE.1.contains(&size) => Some(false),
            _ => None,
        }));
        let either = |(stackless, plain): (u64, u64), found: u64| match found {
            found if found == stackless => Some(true),
            found if found == plain => Some(false),
            _ => None,
        };
        count(frame.and_then(|frame| either(FRAME_SIZE, memory.word(frame.offset(TYPE_BASICSIZE))?)));
        count(frame.and_then(|frame| either(FRAME_CODE, published(memory, frame, b"f_code")?)));
        count(text.map(|text| text.contains("Stackless")));
        signs
    }

    /// Whether it is Stackless; `None` if the signs contradict each other.
    pub fn verdict(self) -> Option<bool> {
        match (self.for_it, self.against) {
            (0, _) => Some(false),
            (for_it, against) if for_it >= 2 && for_it > against => Some(true),
            (for_it, against) if against >= 2 && against > for_it => Some(false),
            _ => None,
        }
    }
}

/// The offset of a member that the type at `class` publishes.
fn published<M: Memory + ?Sized>(memory: &M, class: Address, name: &[u8]) -> Option<u64> {
    let members = memory.pointer(class.offset(TYPE_MEMBERS)).filter(|members| !members.is_null())?;
    for member in (0..MAXIMUM_MEMBERS).map(|index| members.offset(index * MEMBER_SIZE)) {
        let at = memory.pointer(member).filter(|at| !at.is_null())?;
        if memory.c_string(at, 64).is_some_and(|found| found == name) {
            return memory.word(member.offset(MEMBER_OFFSET));
        }
    }
    None
}

/// A thread state, and the identity of its thread.
pub(crate) type State = (Address, u64);

/// Why this is no good moment to read tasklets, in words: a switch that is under way, a callback of the scheduler.
///
/// `transfer.cst` is left as it was when a switch is over, so it tells nothing alone: while a stack is being switched to, it
/// still belongs to the tasklet that is the current one already.
pub(crate) fn switching<M: Memory + ?Sized>(memory: &M, layouts: &Layouts, runtime: Address, states: &[State]) -> Vec<String> {
    let mut found = Vec::new();
    let (Some(transfer), Some(cstack)) = (layouts.runtime.transfer_cstack, layouts.stackless_cstack) else { return found };
    let (Some(current), Some(schedlock)) = (layouts.thread.current_tasklet, layouts.thread.schedlock) else { return found };
    let target = transfer.read(memory, runtime).filter(|target| !target.is_null());
    let switched_to = target.and_then(|target| {
        let task = cstack.task.read(memory, target).filter(|task| !task.is_null())?;
        Some((cstack.tstate.read(memory, target)?, task))
    });
    for (state, ident) in states {
        if let Some((owner, task)) = switched_to
            && owner == *state
            && current.read(memory, *state) == Some(task)
        {
            found.push(format!("thread {ident} was switching to the tasklet at {task}"));
        }
        if schedlock.read(memory, *state).is_some_and(|locked| locked != 0) {
            found.push(format!("thread {ident} was in a callback of the scheduler of tasklets"));
        }
    }
    found
}

#[cfg(test)]
#[path = "stackless_tests.rs"]
mod tests;
