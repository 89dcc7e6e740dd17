//! The layout table against the live process: the sizes that CPython's own types declare, and, from 3.13 on, the offsets
//! that CPython publishes of itself.
//!
//! A type's `tp_basicsize` equals the size of its struct but where its items begin inside of the struct: int, tuple, bytes,
//! memoryview, and from 3.11 on code, frame and generator objects. A custom build (`--with-trace-refs`, a patched
//! interpreter) fails here, and is refused rather than misread.

use crate::layout::{Content, Field};
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

/// How the comparison of a size of a type begins.
const SIZE: &str = "tp_basicsize of ";

impl Mismatch {
    /// Whether it is the size of a type, and was overwritten: another layout makes it larger by a few words.
    fn is_damage(&self) -> bool {
        const FARTHEST: u64 = 4096;
        self.what.starts_with(SIZE) && self.process.abs_diff(self.table) > FARTHEST
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} in the process and {} in the table", self.what, self.process, self.table)
    }
}

impl SelfCheck {
    /// Compares `layouts` with the types that `binary` exports, and with the debug offsets at `runtime` if there are any.
    pub fn new<M: Memory + ?Sized>(memory: &M, runtime: Address, binary: &Binary, layouts: &Layouts) -> SelfCheck {
        SelfCheck::of(memory, runtime, |name| binary.find(name).map(|symbol| symbol.address), layouts)
    }

    /// The same with types that `find` gives by name.
    pub(crate) fn of<M: Memory + ?Sized>(
        memory: &M,
        runtime: Address,
        find: impl Fn(&str) -> Option<Address>,
        layouts: &Layouts,
    ) -> SelfCheck {
        let mut check = SelfCheck::default();
        for (name, size) in basic_sizes(layouts) {
            let Some(symbol) = find(name) else { continue };
            // An exception's symbol is a pointer to its type.
            let address = if name.starts_with("PyExc_") { memory.pointer(symbol) } else { Some(symbol) };
            // A type that is not ready yet has no size.
            let found = address.and_then(|address| layouts.type_object.tp_basicsize.read(memory, address));
            if let Some(found) = found.filter(|&found| found != 0) {
                check.compare(|| format!("{SIZE}{name}"), size as u64, found as u64);
            }
        }
        for (name, fields) in published_members(layouts) {
            let Some(class) = find(name) else { continue };
            for (member, process) in members(memory, class, layouts) {
                if let Some((_, table)) = fields.iter().find(|(known, _)| known.as_bytes() == member) {
                    let what = || format!("the member {} of {name}", String::from_utf8_lossy(&member));
                    check.compare(what, *table as u64, process);
                }
            }
        }
        if let Some(offsets) = published_offsets(memory, runtime, layouts) {
            for (what, table, process) in offsets {
                check.compare(|| format!("the debug offset {what}"), table, process);
            }
        }
        check
    }

    /// The first number by which the layout is another one. A few that were overwritten, as in a process that died of that, are not.
    pub(crate) fn contradiction(&self) -> Option<&Mismatch> {
        const MOST_DAMAGED: usize = 10;
        let is_damaged = self.mismatches.len() * MOST_DAMAGED <= self.compared;
        self.mismatches.iter().find(|mismatch| !is_damaged || !mismatch.is_damage())
    }

    fn compare(&mut self, what: impl Fn() -> String, table: u64, process: u64) {
        self.compared += 1;
        if table != process {
            self.mismatches.push(Mismatch { what: what(), table, process });
        }
    }
}

/// A type's `tp_members` are not looked at further.
const MAXIMUM_MEMBERS: i64 = 64;

/// The members that the type at `class` publishes, by name, with their offsets.
fn members<M: Memory + ?Sized>(memory: &M, class: Address, layouts: &Layouts) -> Vec<(Vec<u8>, u64)> {
    let layout = layouts.member_def;
    let Some(first) = layouts.type_object.tp_members.read(memory, class).filter(|first| !first.is_null()) else {
        return Vec::new();
    };
    let all = (0..MAXIMUM_MEMBERS).map(|index| first.offset(index * layout.size as i64));
    // The names lie in read-only memory, which a core may lack.
    all.map_while(|member| {
        let name = memory.c_string(layout.name.read(memory, member).filter(|name| !name.is_null())?, 64)?;
        Some((name, u64::try_from(layout.offset.read(memory, member)?).ok()?))
    })
    .collect()
}

/// Exported types, and where the table has those of their fields that some of them publish as members.
fn published_members(layouts: &Layouts) -> Vec<(&'static str, Vec<(&'static str, usize)>)> {
    fn at<T: Content>(name: &'static str, field: Option<Field<T>>) -> Option<(&'static str, usize)> {
        Some((name, field?.offset()))
    }
    let frame = layouts.frame;
    let generator = layouts.generator;
    let of_all = [
        (
            "PyFrame_Type",
            vec![
                at("f_back", Some(frame.f_back)),
                at("f_code", frame.f_code),
                at("f_builtins", frame.f_builtins),
                at("f_globals", frame.f_globals),
                at("f_lasti", frame.f_lasti),
                at("f_trace_lines", Some(frame.f_trace_lines)),
                at("f_trace_opcodes", Some(frame.f_trace_opcodes)),
            ],
        ),
        (
            "PyGen_Type",
            vec![at("gi_frame", generator.gi_frame), at("gi_running", generator.gi_running), at("gi_code", generator.gi_code)],
        ),
        (
            "PyTasklet_Type",
            layouts
                .tasklet
                .map_or(Vec::new(), |tasklet| vec![at("cstate", Some(tasklet.cstate)), at("tempval", Some(tasklet.tempval))]),
        ),
        ("PyChannel_Type", layouts.channel.map_or(Vec::new(), |channel| vec![at("balance", Some(channel.balance))])),
        (
            "PyCFrame_Type",
            layouts.stackless_cframe.map_or(Vec::new(), |cframe| {
                vec![
                    at("f_back", Some(cframe.f_back)),
                    at("ob1", Some(cframe.ob1)),
                    at("ob2", Some(cframe.ob2)),
                    at("ob3", Some(cframe.ob3)),
                    at("i", Some(cframe.i)),
                    at("n", Some(cframe.n)),
                ]
            }),
        ),
        (
            "PyCStack_Type",
            layouts.stackless_cstack.map_or(Vec::new(), |cstack| {
                vec![
                    at("next", Some(cstack.next)),
                    at("prev", Some(cstack.prev)),
                    at("serial", Some(cstack.serial)),
                    at("task", Some(cstack.task)),
                    at("nesting_level", Some(cstack.nesting_level)),
                    at("startaddr", Some(cstack.startaddr)),
                ]
            }),
        ),
        (
            "PyBomb_Type",
            layouts.bomb.map_or(Vec::new(), |bomb| {
                vec![
                    at("type", Some(bomb.curexc_type)),
                    at("value", Some(bomb.curexc_value)),
                    at("traceback", Some(bomb.curexc_traceback)),
                ]
            }),
        ),
    ];
    of_all.into_iter().map(|(name, fields)| (name, fields.into_iter().flatten().collect())).collect()
}

/// Exported types, and the `tp_basicsize` that the table implies.
fn basic_sizes(layouts: &Layouts) -> Vec<(&'static str, usize)> {
    let mut sizes = of_every_version(layouts);
    sizes.extend(layouts.tasklet.map(|tasklet| ("PyTasklet_Type", tasklet.size)));
    sizes.extend(layouts.channel.map(|channel| ("PyChannel_Type", channel.size)));
    sizes.extend(layouts.stackless_cframe.map(|cframe| ("PyCFrame_Type", cframe.size)));
    sizes.extend(layouts.bomb.map(|bomb| ("PyBomb_Type", bomb.size)));
    sizes
}

fn of_every_version(layouts: &Layouts) -> Vec<(&'static str, usize)> {
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

/// How many bytes more than in the table the state of the first thread has at its end. It is the last in the interpreter,
/// which is the last in the runtime, so both are larger by it; what a build with the JIT has there is not read.
fn tail_of_the_first_thread<M: Memory + ?Sized>(memory: &M, runtime: Address, layouts: &Layouts) -> isize {
    const MAXIMUM_TAIL: isize = 64;
    let more = |size: usize, published: Field<u64>| {
        let published = usize::try_from(published.read(memory, runtime)?).ok()?;
        isize::try_from(published).ok()?.checked_sub_unsigned(size)
    };
    let tail = layouts.debug_offsets.filter(|_| layouts.thread_implementation.is_some()).and_then(|offsets| {
        let tail = more(layouts.interpreter.size, offsets.interpreter_size)?;
        (more(layouts.runtime.size, offsets.runtime_size)? == tail).then_some(tail)
    });
    tail.filter(|tail| tail.abs() <= MAXIMUM_TAIL && tail % 8 == 0).unwrap_or(0)
}

/// What `_Py_DebugOffsets` says, beside what the table says.
fn published_offsets<M: Memory + ?Sized>(
    memory: &M,
    runtime: Address,
    layouts: &Layouts,
) -> Option<Vec<(&'static str, u64, u64)>> {
    let offsets = layouts.debug_offsets?;
    crate::version::debug_offsets(memory, runtime)?;
    let tail = tail_of_the_first_thread(memory, runtime, layouts);
    let mut pairs = Vec::new();
    let mut pair = |name, table: usize, published: Field<u64>| {
        if let Some(published) = published.read(memory, runtime) {
            pairs.push((name, table as u64, published));
        }
    };
    pair("runtime_state.size", layouts.runtime.size.saturating_add_signed(tail), offsets.runtime_size);
    pair("runtime_state.interpreters_head", layouts.runtime.interpreters_head.offset(), offsets.interpreters_head);
    pair("interpreter_state.size", layouts.interpreter.size.saturating_add_signed(tail), offsets.interpreter_size);
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
