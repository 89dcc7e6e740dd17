//! Code objects: names of the fast local slots, instruction offsets, lines. `Objects/codeobject.c`.
//!
//! Up to 3.10 the slots are named by three tuples, one after the other; from 3.11 on by one tuple and a string of kinds.
//! Which of the two a CPython has is decided by the fields that exist. Counts are checked before they size anything.

use std::borrow::Cow;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, VariableKind};
use heapsake_core::reduce::Failure;

use crate::heap::{CPythonHeap, Payload, State, TypeEntry, corrupt};
use crate::layout::Field;
use crate::linetable::{self, Encoding, Position};
use crate::memory::Memory;

/// `CO_OPTIMIZED`: locals live in slots; without it (modules, classes) they live in a mapping.
pub(crate) const OPTIMIZED: i32 = 0x1;
const VARARGS: i32 = 0x4;
const VARKEYWORDS: i32 = 0x8;

// Kinds in `co_localspluskinds` (`Include/internal/pycore_code.h`).
const FAST_HIDDEN: u8 = 0x10;
const FAST_CELL: u8 = 0x40;
const FAST_FREE: u8 = 0x80;

/// Generated code has many of both: up to 3.8 a display of constants takes a word of stack for each.
const MAXIMUM_SLOTS: i64 = 1 << 20;
const MAXIMUM_STACK: i64 = 1 << 24;
const MAXIMUM_BYTES: u64 = 16 << 20;
/// A thread each has one.
const MAXIMUM_COPIES: i64 = 1 << 12;

/// A code object's plain fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    pub(crate) address: Address,
    pub(crate) flags: i32,
    pub(crate) first_line: i32,
    /// Number of parameters, `*args` and `**kwargs` included: they are the first slots.
    pub(crate) parameters: usize,
    /// Fast local slots of every kind.
    pub(crate) slots: usize,
    /// Words of operand stack.
    pub(crate) stack_size: usize,
}

/// A fast local slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The string object that names it.
    pub(crate) name: Address,
    /// Where the variable lives; a parameter that is a cell is a parameter.
    pub(crate) kind: VariableKind,
    /// Whether it may hold a cell in place of the value.
    pub(crate) cell: bool,
    /// Its position among the free variables.
    pub(crate) free: Option<usize>,
    /// Whether it belongs to a comprehension inlined into a module or class body.
    pub(crate) hidden: bool,
}

impl Code {
    /// The code object at `address`.
    ///
    /// # Errors
    /// It is none, cannot be read, or its counts make no sense.
    pub(crate) fn read<M: Memory>(heap: &CPythonHeap<M>, address: Address) -> Result<Code, Failure> {
        if heap.payload_of(address) != Some(Payload::Code) {
            return Err(corrupt("not a code object"));
        }
        let layout = heap.layouts().code;
        let number = |field: Field<i32>| heap.field(field, address);
        let flags = number(layout.co_flags)?;
        let mut parameters = i64::from(number(layout.co_argcount)?) + i64::from(number(layout.co_kwonlyargcount)?);
        parameters += i64::from(flags & VARARGS != 0) + i64::from(flags & VARKEYWORDS != 0);
        let slots = if let Some(field) = layout.co_nlocalsplus {
            i64::from(number(field)?)
        } else {
            let mut count = i64::from(number(layout.co_nlocals)?);
            for names in [layout.co_cellvars, layout.co_freevars].into_iter().flatten() {
                let names = heap.field(names, address)?;
                count += heap.item_count(names)?.min(MAXIMUM_SLOTS as u64) as i64;
            }
            count
        };
        let stack_size = i64::from(number(layout.co_stacksize)?);
        if !(0..=MAXIMUM_SLOTS).contains(&slots) || !(0..=MAXIMUM_STACK).contains(&stack_size) || parameters < 0 {
            return Err(corrupt("the counts of a code object make no sense"));
        }
        Ok(Code {
            address,
            flags,
            first_line: number(layout.co_firstlineno)?,
            parameters: parameters as usize,
            slots: slots as usize,
            stack_size: stack_size as usize,
        })
    }

    /// The names and kinds of the slots, in order.
    ///
    /// # Errors
    /// A table of names cannot be read, or is too short.
    pub(crate) fn names<M: Memory>(&self, heap: &CPythonHeap<M>) -> Result<Vec<Slot>, Failure> {
        let layout = heap.layouts().code;
        let mut slots = Vec::with_capacity(self.slots);
        if let (Some(names), Some(kinds)) = (layout.co_localsplusnames, layout.co_localspluskinds) {
            let names = tuple(heap, heap.field(names, self.address)?, self.slots)?;
            let kinds = bytes(heap, heap.field(kinds, self.address)?)?;
            let mut free = 0..;
            for (index, (name, kind)) in names.into_iter().zip(kinds.iter().copied()).take(self.slots).enumerate() {
                let is_free = kind & FAST_FREE != 0;
                slots.push(Slot {
                    name,
                    kind: match kind {
                        _ if is_free => VariableKind::Free,
                        _ if index < self.parameters => VariableKind::Argument,
                        _ if kind & FAST_CELL != 0 => VariableKind::Cell,
                        _ => VariableKind::Local,
                    },
                    cell: kind & (FAST_CELL | FAST_FREE) != 0,
                    free: if is_free { free.next() } else { None },
                    hidden: kind & FAST_HIDDEN != 0,
                });
            }
        } else {
            let kinds = [VariableKind::Local, VariableKind::Cell, VariableKind::Free];
            let fields = [layout.co_varnames, layout.co_cellvars, layout.co_freevars];
            for (field, kind) in fields.into_iter().flatten().zip(kinds) {
                let names = tuple(heap, heap.field(field, self.address)?, self.slots)?;
                for (index, name) in names.into_iter().enumerate() {
                    let parameter = kind == VariableKind::Local && index < self.parameters;
                    slots.push(Slot {
                        name,
                        kind: if parameter { VariableKind::Argument } else { kind },
                        cell: kind != VariableKind::Local,
                        free: (kind == VariableKind::Free).then_some(index),
                        hidden: false,
                    });
                }
            }
        }
        if slots.len() != self.slots {
            return Err(corrupt("a code object has more slots than names"));
        }
        Ok(slots)
    }

    /// Offset in bytes of the instruction at `pointer`, in code that lies in the code object (3.11+).
    pub(crate) fn offset_of<M: Memory>(&self, heap: &CPythonHeap<M>, pointer: Address) -> Option<i64> {
        let start = heap.layouts().code.co_code_adaptive?.at(self.address);
        let offset = pointer.0.wrapping_sub(start.0) as i64;
        Some(self.offset_in_copy(heap, pointer).unwrap_or(offset))
    }

    /// Where a pointer is in the copy of the instructions that a thread of a build without an interpreter lock has (3.14+).
    fn offset_in_copy<M: Memory>(&self, heap: &CPythonHeap<M>, pointer: Address) -> Option<i64> {
        let layouts = heap.layouts();
        let (field, layout) = layouts.code.co_tlbc.zip(layouts.code_array)?;
        let (start, length) = self.instructions_at(heap).ok()?;
        // Most are in the code object itself.
        if pointer.0.wrapping_sub(start.0) <= length {
            return None;
        }
        let copies = field.read(&heap.memory, self.address).filter(|copies| !copies.is_null())?;
        let count = layout.count.read(&heap.memory, copies)?.clamp(0, MAXIMUM_COPIES);
        let copies = (0..count).filter_map(|index| heap.memory.pointer(layout.entries.at(copies).offset(8 * index)));
        let offsets = copies.filter(|copy| !copy.is_null()).map(|copy| pointer.0.wrapping_sub(copy.0));
        offsets.filter(|offset| *offset <= length).min().map(|offset| offset as i64)
    }

    /// Where the instructions lie, and how many bytes they are.
    fn instructions_at<M: Memory>(&self, heap: &CPythonHeap<M>) -> Result<(Address, u64), Failure> {
        let layouts = heap.layouts();
        let (at, length) = match (layouts.code.co_code_adaptive, layouts.code.co_code) {
            (Some(inline), _) => (inline.at(self.address), heap.item_count(self.address)?.saturating_mul(2)),
            (None, Some(field)) => {
                let object = heap.field(field, self.address)?;
                (layouts.bytes.ob_sval.at(object), heap.item_count(object)?)
            }
            (None, None) => return Err(corrupt("the layout has no code")),
        };
        if length > MAXIMUM_BYTES {
            return Err(corrupt("the length of a code object makes no sense"));
        }
        Ok((at, length))
    }

    /// The bytes of the instructions.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn instructions<M: Memory>(&self, heap: &CPythonHeap<M>) -> Result<Vec<u8>, Failure> {
        let (at, length) = self.instructions_at(heap)?;
        Ok(heap.piece(at, length)?.into_owned())
    }

    /// The code unit at byte `offset`: opcode and argument.
    pub(crate) fn unit<M: Memory>(&self, heap: &CPythonHeap<M>, offset: i64) -> Option<[u8; 2]> {
        let (at, length) = self.instructions_at(heap).ok()?;
        if u64::try_from(offset).ok()?.checked_add(2)? > length {
            return None;
        }
        heap.memory.read_u16(at.offset(offset)).map(u16::to_le_bytes)
    }

    /// Where this CPython keeps the line table, and how it is encoded.
    fn table<M: Memory>(heap: &CPythonHeap<M>) -> Option<(Encoding, Field<Address>)> {
        let layout = heap.layouts().code;
        match (layout.co_lnotab, layout.co_linetable) {
            (Some(field), _) => Some((Encoding::Lnotab, field)),
            (None, Some(field)) if layout.co_code_adaptive.is_some() => Some((Encoding::Locations, field)),
            (None, Some(field)) => Some((Encoding::Ranges, field)),
            (None, None) => None,
        }
    }

    /// The line table and its encoding; empty if it cannot be read.
    fn line_table<'a, M: Memory>(&self, heap: &'a CPythonHeap<M>) -> (Encoding, Cow<'a, [u8]>) {
        let Some((encoding, field)) = Code::table(heap) else {
            return (Encoding::Lnotab, Cow::default());
        };
        (encoding, heap.field(field, self.address).and_then(|object| bytes(heap, object)).unwrap_or_default())
    }

    /// The position of the instruction at byte `offset`.
    pub(crate) fn position<M: Memory>(&self, heap: &CPythonHeap<M>, offset: i64) -> Position {
        let (encoding, table) = self.line_table(heap);
        linetable::position_at(encoding, &table, self.first_line, offset)
    }
}

/// The content of a string of bytes, of a length that makes sense in a code object.
fn bytes<M: Memory>(heap: &CPythonHeap<M>, object: Address) -> Result<Cow<'_, [u8]>, Failure> {
    if heap.item_count(object)? > MAXIMUM_BYTES {
        return Err(corrupt("a table of a code object is too long"));
    }
    heap.bytes_of(object)
}

/// The items of a tuple of names.
fn tuple<M: Memory>(heap: &CPythonHeap<M>, object: Address, maximum: usize) -> Result<Vec<Address>, Failure> {
    heap.items_of_tuple(object, maximum as u64).ok_or_else(|| corrupt("the names of a code object cannot be read"))
}

/// Tells a code object.
pub(crate) fn reduce<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    _: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let layout = heap.layouts().code;
    let edges = [
        ("co_name", Some(layout.co_name)),
        ("co_qualname", layout.co_qualname),
        ("co_filename", Some(layout.co_filename)),
        ("co_consts", Some(layout.co_consts)),
        ("co_names", Some(layout.co_names)),
        ("co_varnames", layout.co_varnames),
        ("co_cellvars", layout.co_cellvars),
        ("co_freevars", layout.co_freevars),
        ("co_localsplusnames", layout.co_localsplusnames),
        ("co_localspluskinds", layout.co_localspluskinds),
        ("co_code", layout.co_code),
        ("co_lnotab", layout.co_lnotab),
        ("co_linetable", layout.co_linetable),
        ("co_exceptiontable", layout.co_exceptiontable),
    ];
    for (name, field) in edges {
        if let Some(field) = field {
            sink.edge(EdgeKind::Attribute, Name::Text(name), heap.field(field, object)?);
        }
    }
    if let Some(cached) = heap.optional_field(layout.co_code_cached, object).filter(|cached| !cached.is_null()) {
        sink.edge(EdgeKind::Internal, Name::Text("_co_code"), cached);
    }
    heap.note_filename(heap.field(layout.co_filename, object)?);
    let number = |field: Field<i32>| heap.optional_field(Some(field), object);
    let optional = |field: Option<Field<i32>>| field.and_then(number);
    let mut state = State::new()
        .with_some("co_argcount", number(layout.co_argcount))
        .with_some("co_posonlyargcount", optional(layout.co_posonlyargcount))
        .with_some("co_kwonlyargcount", number(layout.co_kwonlyargcount))
        .with_some("co_nlocals", number(layout.co_nlocals))
        .with_some("co_stacksize", number(layout.co_stacksize))
        .with_some("co_flags", number(layout.co_flags))
        .with_some("co_firstlineno", number(layout.co_firstlineno))
        .with_some("co_nlocalsplus", optional(layout.co_nlocalsplus))
        .with_some("co_ncellvars", optional(layout.co_ncellvars))
        .with_some("co_nfreevars", optional(layout.co_nfreevars));
    if layout.co_code_adaptive.is_some() {
        let instructions = Code::read(heap, object).and_then(|code| code.instructions(heap));
        state = state.with_some("co_code_adaptive", instructions.ok());
    }
    state.tell(sink);
    Ok(())
}
