//! The layout table against the live process: the sizes that CPython's own types declare, and, from 3.13 on, the offsets
//! that CPython publishes of itself.
//!
//! A type's `tp_basicsize` equals the size of its struct but where its items begin inside of the struct: int, tuple, bytes,
//! memoryview, and from 3.11 on code, frame and generator objects. A custom build (`--with-trace-refs`, a patched
//! interpreter) fails here, and is refused rather than misread.

use crate::layout::Field;
use crate::layouts::Layouts;
use crate::memory::Memory;
use crate::symbols::Binary;
use heapsake_core::Address;
use std::fmt;

/// What was compared, and what differs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SelfCheck {
    /// How many numbers were compared.
    pub compared: usize,
    /// Those that differ.
    pub mismatches: Vec<Mismatch>,
}

/// A number of the layout table that the process contradicts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// What was compared.
    pub what: String,
    /// The number that the table implies.
    pub table: u64,
    /// The number in the process.
    pub process: u64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} in the process and {} in the table", self.what, self.process, self.table)
    }
}

impl SelfCheck {
    /// Compares `layouts` with the types that `binary` exports, and with the debug offsets at `runtime` if there are any.
    pub fn new<M: Memory + ?Sized>(memory: &M, runtime: Address, binary: &Binary, layouts: &Layouts) -> SelfCheck {
        let mut check = SelfCheck::default();
        for (name, size) in basic_sizes(layouts) {
            let Some(symbol) = binary.find(name) else { continue };
            // An exception's symbol is a pointer to its type.
            let address = if name.starts_with("PyExc_") { memory.pointer(symbol.address) } else { Some(symbol.address) };
            // A type that is not ready yet has no size.
            let found = address.and_then(|address| layouts.type_object.tp_basicsize.read(memory, address));
            if let Some(found) = found.filter(|&found| found != 0) {
                check.compare(|| format!("tp_basicsize of {name}"), size as u64, found as u64);
            }
        }
        if let Some(offsets) = published_offsets(memory, runtime, layouts) {
            for (what, table, process) in offsets {
                check.compare(|| format!("the debug offset {what}"), table, process);
            }
        }
        check
    }

    fn compare(&mut self, what: impl Fn() -> String, table: u64, process: u64) {
        self.compared += 1;
        if table != process {
            self.mismatches.push(Mismatch { what: what(), table, process });
        }
    }
}

/// Exported types, and the `tp_basicsize` that the table implies.
fn basic_sizes(layouts: &Layouts) -> Vec<(&'static str, usize)> {
    let frame_data = layouts.interpreter_frame.map_or(0, |frame| frame.localsplus.offset());
    let generator = |size: usize, iframe: Option<usize>| iframe.map_or(size, |iframe| iframe + frame_data);
    vec![
        ("PyBaseObject_Type", layouts.object.size),
        ("PyType_Type", layouts.heap_type.size),
        ("PyLong_Type", layouts.long.ob_digit.offset()),
        ("PyFloat_Type", layouts.float.size),
        ("PyComplex_Type", layouts.complex.size),
        ("PyUnicode_Type", layouts.unicode.size),
        ("PyBytes_Type", layouts.bytes.ob_sval.offset() + 1),
        ("PyByteArray_Type", layouts.bytearray.size),
        ("PyTuple_Type", layouts.tuple.ob_item.offset()),
        ("PyList_Type", layouts.list.size),
        ("PyDict_Type", layouts.dict.size),
        ("PySet_Type", layouts.set.size),
        ("PyFrozenSet_Type", layouts.set.size),
        ("PyRange_Type", layouts.range.size),
        ("PySlice_Type", layouts.slice.size),
        ("PyModule_Type", layouts.module.size),
        ("PyCapsule_Type", layouts.capsule.size),
        ("PyMemoryView_Type", layouts.memoryview.ob_array.offset()),
        ("PyCode_Type", layouts.code.co_code_adaptive.map_or(layouts.code.size, Field::offset)),
        ("PyFunction_Type", layouts.function.size),
        ("PyMethod_Type", layouts.method.size),
        ("PyCFunction_Type", layouts.cfunction.size),
        ("PyClassMethod_Type", layouts.class_method.size),
        ("PyStaticMethod_Type", layouts.static_method.size),
        ("PyProperty_Type", layouts.property.size),
        ("PySuper_Type", layouts.super_object.size),
        ("PyCell_Type", layouts.cell.size),
        ("PyMemberDescr_Type", layouts.member_descriptor.size),
        ("PyGetSetDescr_Type", layouts.getset_descriptor.size),
        ("PyMethodDescr_Type", layouts.method_descriptor.size),
        ("PyWrapperDescr_Type", layouts.wrapper_descriptor.size),
        ("PyDictProxy_Type", layouts.mapping_proxy.size),
        ("_PyWeakref_RefType", layouts.weak_reference.size),
        ("PyFrame_Type", layouts.frame.f_frame_data.map_or(layouts.frame.size, |data| data.offset() + frame_data)),
        ("PyGen_Type", generator(layouts.generator.size, layouts.generator.gi_iframe.map(Field::offset))),
        ("PyTraceBack_Type", layouts.traceback.size),
        ("PyODict_Type", layouts.ordered_dict.size),
        ("PyEnum_Type", layouts.enumerate.size),
        ("PyReversed_Type", layouts.reversed.size),
        ("PyZip_Type", layouts.zip.size),
        ("PyMap_Type", layouts.map.size),
        ("PyFilter_Type", layouts.filter.size),
        ("PySeqIter_Type", layouts.sequence_iterator.size),
        ("PyContext_Type", layouts.context.size),
        ("PyContextVar_Type", layouts.context_variable.size),
        ("PyExc_BaseException", layouts.base_exception.size),
        ("PyExc_OSError", layouts.os_error.size),
        ("PyExc_SyntaxError", layouts.syntax_error.size),
        ("PyExc_ImportError", layouts.import_error.size),
        ("PyExc_StopIteration", layouts.stop_iteration.size),
        ("PyExc_SystemExit", layouts.system_exit.size),
    ]
}

/// What `_Py_DebugOffsets` says, beside what the table says.
fn published_offsets<M: Memory + ?Sized>(
    memory: &M,
    runtime: Address,
    layouts: &Layouts,
) -> Option<Vec<(&'static str, u64, u64)>> {
    let offsets = layouts.debug_offsets?;
    crate::version::debug_offsets(memory, runtime)?;
    let mut pairs = Vec::new();
    let mut pair = |name, table: usize, published: Field<u64>| {
        if let Some(published) = published.read(memory, runtime) {
            pairs.push((name, table as u64, published));
        }
    };
    pair("runtime_state.size", layouts.runtime.size, offsets.runtime_size);
    pair("runtime_state.interpreters_head", layouts.runtime.interpreters_head.offset(), offsets.interpreters_head);
    pair("interpreter_state.size", layouts.interpreter.size, offsets.interpreter_size);
    pair("interpreter_state.id", layouts.interpreter.id.offset(), offsets.interpreter_id);
    pair("interpreter_state.next", layouts.interpreter.next.offset(), offsets.interpreter_next);
    pair("interpreter_state.threads_head", layouts.interpreter.threads_head.offset(), offsets.threads_head);
    if let Some(gc) = layouts.interpreter.gc {
        pair("interpreter_state.gc", gc.offset(), offsets.interpreter_gc);
    }
    pair("interpreter_state.imports_modules", layouts.interpreter.modules.offset(), offsets.modules);
    pair("interpreter_state.sysdict", layouts.interpreter.sysdict.offset(), offsets.sysdict);
    pair("interpreter_state.builtins", layouts.interpreter.builtins.offset(), offsets.builtins);
    pair("thread_state.size", layouts.thread.size, offsets.thread_size);
    pair("thread_state.prev", layouts.thread.prev.offset(), offsets.thread_prev);
    pair("thread_state.next", layouts.thread.next.offset(), offsets.thread_next);
    pair("thread_state.interp", layouts.thread.interp.offset(), offsets.thread_interp);
    if let Some(current_frame) = layouts.thread.current_frame {
        pair("thread_state.current_frame", current_frame.offset(), offsets.current_frame);
    }
    pair("thread_state.thread_id", layouts.thread.thread_id.offset(), offsets.thread_id);
    if let Some(native_thread_id) = layouts.thread.native_thread_id {
        pair("thread_state.native_thread_id", native_thread_id.offset(), offsets.native_thread_id);
    }
    if let Some(frame) = layouts.interpreter_frame {
        pair("interpreter_frame.size", frame.size, offsets.frame_size);
        pair("interpreter_frame.localsplus", frame.localsplus.offset(), offsets.frame_localsplus);
        pair("interpreter_frame.previous", frame.previous.offset(), offsets.frame_previous);
    }
    pair("code_object.size", layouts.code.size, offsets.code_size);
    pair("code_object.filename", layouts.code.co_filename.offset(), offsets.co_filename);
    pair("pyobject.ob_type", layouts.object.ob_type.offset(), offsets.ob_type);
    pair("type_object.size", layouts.type_object.size, offsets.type_size);
    pair("type_object.tp_name", layouts.type_object.tp_name.offset(), offsets.tp_name);
    pair("type_object.tp_flags", layouts.type_object.tp_flags.offset(), offsets.tp_flags);
    pair("tuple_object.ob_item", layouts.tuple.ob_item.offset(), offsets.tuple_ob_item);
    pair("tuple_object.ob_size", layouts.var_object.ob_size.offset(), offsets.tuple_ob_size);
    pair("list_object.ob_item", layouts.list.ob_item.offset(), offsets.list_ob_item);
    pair("dict_object.ma_keys", layouts.dict.ma_keys.offset(), offsets.dict_ma_keys);
    pair("dict_object.ma_values", layouts.dict.ma_values.offset(), offsets.dict_ma_values);
    pair("float_object.ob_fval", layouts.float.ob_fval.offset(), offsets.ob_fval);
    pair("long_object.ob_digit", layouts.long.ob_digit.offset(), offsets.long_ob_digit);
    pair("bytes_object.ob_sval", layouts.bytes.ob_sval.offset(), offsets.ob_sval);
    pair("unicode_object.length", layouts.ascii.length.offset(), offsets.unicode_length);
    pair("unicode_object.asciiobject_size", layouts.ascii.size, offsets.ascii_size);
    pair("gc.collecting", layouts.gc_state.collecting.offset(), offsets.gc_collecting);
    Some(pairs)
}
