//! What tables and kernels leave to whoever unwinds: rules that count from the instruction, handlers without rules.

use super::*;
use crate::memory::Synthetic;

fn known(machine: Machine, stack: u64, instruction: u64) -> Known {
    let mut known = Known { machine, registers: [None; MOST_GENERAL], instruction: Some(instruction) };
    known.set(machine.stack_pointer(), Some(stack));
    known
}

#[test]
fn a_procedure_linkage_table_says_where_the_caller_is_by_the_instruction() {
    // Of every linker: rsp + 8, and 8 more behind the push: breg7 8, breg16 0, lit15, and, lit11, ge, lit3, shl, plus.
    let rule = [0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22];
    let memory = Synthetic::builder().build();
    let cfa = |instruction| {
        let expression = Expression(EndianSlice::new(&rule, LittleEndian));
        evaluate(&memory, &known(Machine::X86_64, 0x1000, instruction), expression, None)
    };
    assert_eq!((cfa(0x40_1020), cfa(0x40_102b)), (Some(0x1008), Some(0x1010)));
}

#[test]
fn a_signal_on_aarch64_is_stepped_over_to_what_it_interrupted() {
    let (code, stack) = (0x40_0000, 0x7000_0000u64);
    let saved: Vec<u64> = (0..31).chain([0x7000_0800, 0x40_1234]).collect();
    let memory = Synthetic::builder()
        .region(Address(code), 16)
        .region(Address(stack), 0x400)
        .words(Address(code), &[RETURN_FROM_SIGNAL])
        .words(Address(stack + 312), &saved)
        .build();
    let unwinder = Unwinder::new(&memory);
    let found = unwinder.interrupted(&known(Machine::Aarch64, stack, code)).expect("a handler's frame");
    assert_eq!((found.get(30), found.stack(), found.instruction), (Some(30), Some(0x7000_0800), Some(0x40_1234)));
    // Other code, another processor, a stack that is not there.
    assert!(unwinder.interrupted(&known(Machine::Aarch64, stack, code + 8)).is_none());
    assert!(unwinder.interrupted(&known(Machine::X86_64, stack, code)).is_none());
    assert!(unwinder.interrupted(&known(Machine::Aarch64, stack + 0x300, code)).is_none());
}
