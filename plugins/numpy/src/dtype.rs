//! `numpy.dtype`: what the elements of an array are.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Sink};
use heapsake_core::reduce::Failure;

use crate::contract::{Seen, edge, reducers};
use crate::descriptor::Descriptor;

reducers! {
    /// *What it holds.* Kind, size, byte order and alignment of an element; unit of a time; names, types and offsets of fields.
    /// *What is saved.* All of it: `str`, `name`, `kind`, `char`, `num`, `itemsize`, `alignment`, `byteorder`, and `item`, from
    /// which an opener decodes elements; `names` and `fields` as objects; of texts of any length `coerce` and `na_object`.
    /// *What becomes a surrogate.* One that neither NumPy 1's nor NumPy 2's layout explains.
    DataType ["numpy.dtype"] "kind, size, byte order, unit, fields" => tell;
}

fn tell(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let found = Descriptor::read(seen, seen.address())?;
    let [fields, names] = found.field_objects(seen);
    edge(sink, EdgeKind::Attribute, "fields", fields);
    edge(sink, EdgeKind::Attribute, "names", names);
    edge(sink, EdgeKind::Attribute, "metadata", found.metadata(seen));
    if let Some((base, _)) = &found.subarray {
        edge(sink, EdgeKind::Attribute, "base", base.address);
    }
    let strings = found.strings(seen);
    edge(sink, EdgeKind::Attribute, "na_object", strings.as_ref().map_or(Address::NULL, |strings| strings.missing));
    if sink.is_marking() {
        return Ok(());
    }
    if let Some(strings) = strings {
        seen.note("coerce", strings.coerces);
    }
    seen.note("name", found.name());
    seen.note("str", if found.kind == b'T' { found.shown() } else { found.code() });
    seen.note("shown", found.shown());
    seen.note("kind", char::from(found.kind).to_string());
    seen.note("char", char::from(found.letter).to_string());
    seen.note("num", found.number);
    seen.note("itemsize", found.size);
    seen.note("alignment", found.alignment);
    seen.note("byteorder", char::from(found.order).to_string());
    seen.note("hasobject", found.has_objects() || found.kind == b'T');
    seen.note("item", found.item());
    Ok(())
}
