//! `operator`: the callables that fetch items, attributes and methods, by `Modules/_operator.c`.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use crate::framework::{Target, facts, reducers};

reducers! {
    /// *What it holds.* The item to fetch, or a tuple of them.
    /// *What is saved.* `item`, and how many there are.
    /// *What becomes a surrogate.* None but the unreadable.
    ItemGetter ["operator.itemgetter"] "the items" => |target, sink| {
        let layout = target.layouts().item_getter;
        target.attribute(sink, "item", layout.item)?;
        facts!(target, "nitems": target.field(layout.nitems)?);
        Ok(())
    };

    /// *What it holds.* The names of the attributes to fetch, each split at its dots.
    /// *What is saved.* `attr`, and how many there are.
    /// *What becomes a surrogate.* None but the unreadable.
    AttributeGetter ["operator.attrgetter"] "the attributes' names" => |target, sink| {
        let layout = target.layouts().attribute_getter;
        target.attribute(sink, "attr", layout.attr)?;
        facts!(target, "nattrs": target.field(layout.nattrs)?);
        Ok(())
    };

    /// *What it holds.* The name of a method, and arguments for it.
    /// *What is saved.* `name`, `args` and `kwds`; from 3.13 on `xargs`: the name, then the arguments.
    /// *What becomes a surrogate.* None but the unreadable.
    MethodCaller ["operator.methodcaller"] "the method's name and arguments" => method_caller;
}

fn method_caller(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().method_caller;
    target.attributes(sink, &[("name", layout.name), ("kwds", layout.kwds)])?;
    for (name, field) in [("args", layout.args), ("xargs", layout.xargs)] {
        if let Some(field) = field {
            target.attribute(sink, name, field)?;
        }
    }
    // An array of borrowed references while there are `xargs`, later a tuple. Before the first call neither counts.
    if target.optional(layout.vectorcall_args)?.is_none_or(Address::is_null) {
        return Ok(());
    }
    let arguments = layout.vectorcall_args.filter(|_| layout.xargs.is_none());
    target.internals(sink, &[("vectorcall_args", arguments), ("vectorcall_kwnames", layout.vectorcall_kwnames)])
}
