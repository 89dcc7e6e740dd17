//! `abc`: what an abstract class knows of other classes, by `Modules/_abc.c`.
//!
//! Each set holds weak references; so the classes in it are reached over weak edges.

use crate::framework::{known, reducers};

reducers! {
    /// *What it holds.* Classes that were registered, and those that were found to be subclasses or not.
    /// *What is saved.* The three sets of weak references, each there from its first entry on.
    /// *What becomes a surrogate.* None but the unreadable.
    AbcData ["_abc._abc_data", "_abc_data"] "registry and caches" => |target, sink| {
        let layout = known(target.layouts().abc_data)?;
        target.attributes(sink, &[
            ("_abc_registry", layout.registry),
            ("_abc_cache", layout.cache),
            ("_abc_negative_cache", layout.negative_cache),
        ])
    };
}
