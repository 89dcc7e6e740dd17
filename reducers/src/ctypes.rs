//! `ctypes`: C data, function pointers and arguments, by `Modules/_ctypes/`.
//!
//! Every instance has a block of memory, its own or one inside of another object; what it means is known to its class.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;
use heapsake_cpython::layouts::data::CDataObject;

use crate::framework::{CONTENT_LIMIT, Fact, Target, facts, known, reducers};

reducers! {
    /// *What it holds.* A block of memory in the shape of a C type.
    /// *What is saved.* Its address and size, the first 64 KiB as `contents`, the `value` of a number; the object that owns the
    /// block and those that it keeps alive.
    /// *What becomes a surrogate.* None: a block that is not readable is left out.
    Data [
        "_ctypes._CData", "_ctypes._SimpleCData", "_ctypes.Structure", "_ctypes.Union", "_ctypes.Array", "_ctypes._Pointer",
    ] "address, size and contents" => data;

    /// *What it holds.* The address of a function, and how to call it.
    /// *What is saved.* `restype`, `argtypes`, `errcheck`, the Python callable if it is a callback, and the address.
    /// *What becomes a surrogate.* None but the unreadable.
    Function ["_ctypes.PyCFuncPtr", "_ctypes.CFuncPtr"] "`restype`, `argtypes`, the address" => function;

    /// *What it holds.* An argument that `byref` made.
    /// *What is saved.* The object behind it, as `_obj`.
    /// *What becomes a surrogate.* None but the unreadable.
    Argument ["CArgObject", "_ctypes.CArgObject"] "the object behind it" => |target, sink| {
        target.attribute(sink, "_obj", known(target.layouts().ctypes_argument)?.obj)
    };
}

fn data(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().ctypes_data)?;
    tell_block(target, sink, &layout)?;
    let (block, size) = (target.field(layout.b_ptr)?, target.field(layout.b_size)?);
    if let Ok(contents) = target.bytes(block, size, CONTENT_LIMIT) {
        if let Some(value) = number(&target.object.type_name(), &contents) {
            facts!(target, "value": value);
        }
        facts!(target, "contents": contents);
    }
    Ok(())
}

fn tell_block(target: &Target<'_>, sink: &mut dyn Sink, layout: &CDataObject) -> Result<(), Failure> {
    target.internal(sink, "b_base", layout.b_base)?;
    target.attribute(sink, "_objects", layout.b_objects)?;
    facts!(target,
        "address": target.field(layout.b_ptr)?.0,
        "size": target.field(layout.b_size)?,
        "length": target.field(layout.b_length)?,
        "index": target.field(layout.b_index)?,
        "owns_memory": target.field(layout.b_needsfree)? != 0,
    );
    Ok(())
}

/// The value of an instance of one of `ctypes`' own numbers.
fn number(type_name: &str, contents: &[u8]) -> Option<Fact> {
    macro_rules! decoded {
        ($type:ty) => {
            contents.first_chunk().map(|bytes| <$type>::from_le_bytes(*bytes).into())
        };
    }
    match type_name.strip_prefix("ctypes.")? {
        "c_bool" => contents.first().map(|byte| (*byte != 0).into()),
        "c_byte" | "c_int8" => decoded!(i8),
        "c_ubyte" | "c_uint8" => decoded!(u8),
        "c_short" | "c_int16" => decoded!(i16),
        "c_ushort" | "c_uint16" => decoded!(u16),
        "c_int" | "c_int32" => decoded!(i32),
        "c_uint" | "c_uint32" => decoded!(u32),
        "c_long" | "c_longlong" | "c_int64" | "c_ssize_t" => decoded!(i64),
        "c_ulong" | "c_ulonglong" | "c_uint64" | "c_size_t" | "c_void_p" => decoded!(u64),
        "c_float" => decoded!(f32),
        "c_double" => decoded!(f64),
        _ => None,
    }
}

fn function(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().ctypes_function)?;
    tell_block(target, sink, &known(target.layouts().ctypes_data)?)?;
    target.attributes(
        sink,
        &[
            ("restype", layout.restype),
            ("argtypes", layout.argtypes),
            ("errcheck", layout.errcheck),
            ("callable", layout.callable),
        ],
    )?;
    for (name, field) in [
        ("thunk", layout.thunk),
        ("converters", layout.converters),
        ("checker", layout.checker),
        ("paramflags", layout.paramflags),
    ] {
        target.internal(sink, name, field)?;
    }
    let block = target.field(known(target.layouts().ctypes_data)?.b_ptr)?;
    if let Ok(function) = target.object.word_at(block) {
        facts!(target, "function": function);
    }
    Ok(())
}
