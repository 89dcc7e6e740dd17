//! What the handles of `my_package` hold. Offsets are those of its `HandleObject`:
//! `struct { PyObject_HEAD char *path; int64_t position; PyObject *parent; char open; }`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Object, Reducer, Registration, TypeMatch, inventory};

/// The facts. Any type that serde can make a map of will do.
#[derive(serde::Serialize)]
struct Handle {
    path: String,
    position: i64,
    open: bool,
}

struct HandleReducer;

impl Reducer for HandleReducer {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let field = |offset: i64| object.word_at(object.address().offset(offset));
        let mut open = [0];
        object.read(40, &mut open)?;
        sink.state(&Handle { path: text(object, Address(field(16)?))?, position: field(24)? as i64, open: open != [0] });
        let parent = Address(field(32)?);
        if !parent.is_null() {
            sink.edge(EdgeKind::Attribute, Name::Text("parent"), parent);
        }
        Ok(())
    }
}

/// The C string at an address of the target: an address is read, and never dereferenced.
fn text(object: &dyn Object, start: Address) -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut byte = [0];
    while text.len() < 4096 {
        object.read_at(start.offset(text.len() as i64), &mut byte)?;
        if byte == [0] {
            break;
        }
        text.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

inventory::submit! {
    Registration {
        // Subclasses too; `TypeMatch::Exact` is that very type.
        types: &[TypeMatch::Base("my_package.Handle")],
        reducer: &HandleReducer,
        origin: "my_package",
        file: file!(),
        saves: "path, position, open, parent",
    }
}

heapsake_plugins::plugin!();
