//! Exceptions: what all of them have, and the fields of those that have some of their own. Mirrors `Objects/exceptions.c`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;

use crate::heap::{CPythonHeap, Payload, State, TypeEntry};
use crate::layout::Field;
use crate::memory::Memory;

type Fields = Vec<(&'static str, Field<Address>)>;

/// The traceback of an exception; null where there is none.
pub(crate) fn traceback_of<M: Memory>(heap: &CPythonHeap<M>, exception: Address) -> Address {
    if heap.payload_of(exception) != Some(Payload::Exception) {
        return Address::NULL;
    }
    heap.layouts().base_exception.traceback.read(&heap.memory, exception).unwrap_or_default()
}

/// Tells an exception; its dictionary is told as every instance's is.
pub(crate) fn reduce<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let layout = heap.layouts().base_exception;
    let of_all: [(&'static str, Field<Address>); 4] = [
        ("args", layout.args),
        ("__cause__", layout.cause),
        ("__context__", layout.context),
        ("__traceback__", layout.traceback),
    ];
    for (name, field) in of_all {
        sink.edge(EdgeKind::Attribute, Name::Text(name), heap.field(field, object)?);
    }
    if let Some(notes) = heap.optional_field(layout.notes, object).filter(|notes| !notes.is_null()) {
        sink.edge(EdgeKind::Attribute, Name::Text("__notes__"), notes);
    }
    let mut state = State::new().with("__suppress_context__", heap.field(layout.suppress_context, object)? != 0);
    let (fields, size) = own_fields(heap, entry);
    if entry.basic_size >= size as u64 {
        for (name, field) in fields {
            sink.edge(EdgeKind::Attribute, Name::Text(name), heap.field(field, object)?);
        }
        if is_unicode_error(entry) {
            let layout = heap.layouts().unicode_error;
            state = state.with("start", heap.field(layout.start, object)?).with("end", heap.field(layout.end, object)?);
        }
        if entry.is_a("OSError") {
            let written = heap.field(heap.layouts().os_error.written, object)?;
            state = state.with_some("characters_written", (written >= 0).then_some(written));
        }
    }
    state.tell(sink);
    Ok(())
}

fn is_unicode_error(entry: &TypeEntry) -> bool {
    ["UnicodeEncodeError", "UnicodeDecodeError", "UnicodeTranslateError"].iter().any(|name| entry.is_a(name))
}

/// The fields of the exception's nearest base that has some, and the size of its struct.
fn own_fields<M: Memory>(heap: &CPythonHeap<M>, entry: &TypeEntry) -> (Fields, usize) {
    let layouts = heap.layouts();
    if entry.is_a("OSError") {
        let layout = layouts.os_error;
        let fields = vec![
            ("errno", layout.myerrno),
            ("strerror", layout.strerror),
            ("filename", layout.filename),
            ("filename2", layout.filename2),
        ];
        return (fields, layout.size);
    }
    if entry.is_a("SyntaxError") {
        let layout = layouts.syntax_error;
        let mut fields = vec![
            ("msg", layout.msg),
            ("filename", layout.filename),
            ("lineno", layout.lineno),
            ("offset", layout.offset),
            ("text", layout.text),
            ("print_file_and_line", layout.print_file_and_line),
        ];
        fields.extend(layout.end_lineno.map(|field| ("end_lineno", field)));
        fields.extend(layout.end_offset.map(|field| ("end_offset", field)));
        return (fields, layout.size);
    }
    if entry.is_a("ImportError") {
        let layout = layouts.import_error;
        let mut fields = vec![("msg", layout.msg), ("name", layout.name), ("path", layout.path)];
        fields.extend(layout.name_from.map(|field| ("name_from", field)));
        return (fields, layout.size);
    }
    if is_unicode_error(entry) {
        let layout = layouts.unicode_error;
        return (vec![("encoding", layout.encoding), ("object", layout.object), ("reason", layout.reason)], layout.size);
    }
    if entry.is_a("SystemExit") {
        return (vec![("code", layouts.system_exit.code)], layouts.system_exit.size);
    }
    if entry.is_a("StopIteration") {
        return (vec![("value", layouts.stop_iteration.value)], layouts.stop_iteration.size);
    }
    if let (Some(layout), true) = (layouts.exception_group, entry.is_a("BaseExceptionGroup")) {
        return (vec![("message", layout.msg), ("exceptions", layout.excs)], layout.size);
    }
    if let (Some(layout), true) = (layouts.attribute_error, entry.is_a("AttributeError")) {
        return (vec![("name", layout.name), ("obj", layout.obj)], layout.size);
    }
    if let (Some(layout), true) = (layouts.name_error, entry.is_a("NameError")) {
        return (vec![("name", layout.name)], layout.size);
    }
    (Vec::new(), 0)
}
