//! `numpy.generic`: single elements as objects. Mirrors `numpy/arrayscalars.h`.
//!
//! A scalar is told as an array of no dimensions: `item` says what it is, its bytes are the value.

use ciborium::Value as Fact;
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Sink, Value};
use heapsake_core::reduce::Failure;

use crate::contract::{Seen, corrupt, edge, reducers};
use crate::descriptor::{Descriptor, unit};

/// The most bytes of a structure.
const WIDEST: i64 = 1 << 20;

reducers! {
    /// *What it holds.* One element: a number, a date, a text, bytes, a structure.
    /// *What is saved.* Its bytes and `item`, which says what they are; `value` of a number; of a date or a span `ticks` and
    /// `unit`; of a structure its dtype and base.
    /// *What becomes a surrogate.* A structure whose dtype makes no sense, or whose memory is not readable.
    Scalar ["numpy.generic"] "the value" => tell;
}

fn tell(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let name = seen.object.type_name();
    let name = name.strip_prefix("numpy.").unwrap_or(&name);
    let code = match name {
        "bool" | "bool_" => "|b1",
        "int8" => "|i1",
        "uint8" => "|u1",
        "int16" => "<i2",
        "uint16" => "<u2",
        "int32" | "intc" => "<i4",
        "uint32" | "uintc" => "<u4",
        "int64" | "longlong" => "<i8",
        "uint64" | "ulonglong" => "<u8",
        "float16" => "<f2",
        "float32" => "<f4",
        "float64" => "<f8",
        "float128" | "longdouble" => "<f16",
        "complex64" => "<c8",
        "complex128" => "<c16",
        "complex256" | "clongdouble" => "<c32",
        "datetime64" | "timedelta64" => return tell_time(seen, sink, name),
        "void" | "record" | "rec.record" => return tell_structure(seen, sink),
        "object_" => {
            let held = seen.pointer_at(seen.body(seen.address()))?;
            edge(sink, EdgeKind::Attribute, "value", held);
            return Ok(());
        }
        // Texts and bytes are what they are derived from; of a class of the program's own nothing more is known.
        _ => return seen.object.reduce_base(sink),
    };
    let width: usize = code[2..].parse().map_err(|_| corrupt("a code without a width"))?;
    let mut bytes = [0; 32];
    let bytes = &mut bytes[..width];
    seen.object.read_at(seen.body(seen.address()), bytes)?;
    seen.note("item", code);
    seen.note("scalar", true);
    seen.note("dtype_shown", name);
    let word = bytes.iter().take(8).rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    let spare = 64 - 8 * width.min(8) as u32;
    match (code.as_bytes()[1], width) {
        (b'b', _) => seen.note("value", word != 0),
        (b'i', _) => seen.note("value", (word << spare) as i64 >> spare),
        (b'u', _) => seen.note("value", word),
        (b'f', 4) => seen.note("value", f64::from(f32::from_bits(word as u32))),
        (b'f', 8) => seen.note("value", f64::from_bits(word)),
        // What has no plain form is decoded by the opener.
        _ => {}
    }
    sink.value(Value::Bytes(bytes));
    Ok(())
}

/// `PyDatetimeScalarObject`, `PyTimedeltaScalarObject`.
fn tell_time(seen: &mut Seen<'_>, sink: &mut dyn Sink, name: &str) -> Result<(), Failure> {
    let body = seen.body(seen.address());
    let ticks = seen.object.word_at(body)?;
    let unit = unit(seen, body.offset(8)).ok_or_else(|| corrupt("a time without a unit"))?;
    let kind = if name == "datetime64" { 'M' } else { 'm' };
    seen.note("item", if unit == "generic" { format!("<{kind}8") } else { format!("<{kind}8[{unit}]") });
    seen.note("scalar", true);
    seen.note("dtype_shown", format!("{name}[{unit}]"));
    seen.note("ticks", ticks as i64);
    seen.note("unit", unit);
    sink.value(Value::Bytes(&ticks.to_le_bytes()));
    Ok(())
}

/// `PyVoidScalarObject`: the bytes, the dtype, flags, what owns the bytes.
fn tell_structure(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let body = seen.address().offset(seen.layouts().var_object.size as i64);
    let data = seen.pointer_at(body)?;
    let dtype = seen.pointer_at(body.offset(8))?;
    edge(sink, EdgeKind::Attribute, "dtype", dtype);
    edge(sink, EdgeKind::Attribute, "base", seen.pointer_at(body.offset(24))?);
    let descriptor = Descriptor::read(seen, dtype)?;
    seen.note("item", descriptor.item());
    seen.note("scalar", true);
    seen.note("dtype_shown", descriptor.shown());
    let size = descriptor.size.min(WIDEST);
    if size < descriptor.size {
        seen.note("omitted", Fact::from(descriptor.size - size));
    }
    let mut bytes = vec![0; size as usize];
    seen.object.read_at(data, &mut bytes)?;
    let mut offsets = Vec::new();
    descriptor.object_offsets(0, &mut offsets);
    for offset in offsets {
        if let Some(word) = bytes.get(offset as usize..).and_then(<[u8]>::first_chunk::<8>) {
            edge(sink, EdgeKind::Internal, "field", Address(u64::from_le_bytes(*word)));
        }
    }
    sink.value(Value::Bytes(&bytes));
    Ok(())
}
