//! `numpy.ufunc`: functions over arrays, by name. Mirrors `PyUFuncObject` (`numpy/ufuncobject.h`), the same in NumPy 1 and 2.

use heapsake_core::heap::{EdgeKind, Sink};
use heapsake_core::reduce::Failure;
use heapsake_cpython::memory::Memory;

use crate::contract::{Seen, corrupt, edge, objects, reducers};

/// No function has more operands (`NPY_MAXARGS` of NumPy 2).
const MOST_OPERANDS: i32 = 64;
/// Where references may begin, and where the first that may be a dictionary is, behind the object's head.
const OBJECTS_FROM: i64 = 72;
const USER_LOOPS: i64 = 80;

reducers! {
    /// *What it holds.* A function that works element by element, with loops for many dtypes.
    /// *What is saved.* `__name__`, `nin`, `nout`, `ntypes`.
    /// *What becomes a surrogate.* One whose counts of operands contradict each other.
    Function ["numpy.ufunc"] "name and number of operands" => tell;
}

fn tell(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let body = seen.body(seen.address());
    let mut bytes = [0; 12];
    seen.object.read_at(body, &mut bytes)?;
    let [inputs, outputs, operands] =
        [0, 4, 8].map(|at| i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    if !(0..=MOST_OPERANDS).contains(&inputs) || inputs.checked_add(outputs) != Some(operands) {
        return Err(corrupt(format!("{inputs} and {outputs} operands, {operands} together")));
    }
    // Behind the counts: the object that made it, loops for further types, what the operation begins with, loops by dtype.
    let head = (body.0 - seen.address().0) as i64;
    for (at, held, name) in objects(seen, seen.address(), head + OBJECTS_FROM) {
        let named = match name.as_str() {
            "dict" if at == head + USER_LOOPS => "userloops",
            "type" => continue,
            _ if at < head + USER_LOOPS => "obj",
            "list" | "dict" => "_loops",
            _ => "identity",
        };
        edge(sink, EdgeKind::Internal, named, held);
    }
    seen.note("nin", inputs);
    seen.note("nout", outputs);
    seen.note("nargs", operands);
    seen.note("ntypes", seen.read_i32(body.offset(32)).unwrap_or(0));
    if let Some(name) = seen.read_i64(body.offset(40)).and_then(|at| seen.c_string(heapsake_core::Address(at as u64), 256)) {
        seen.note("__name__", String::from_utf8_lossy(&name).into_owned());
    }
    Ok(())
}
