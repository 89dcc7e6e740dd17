//! Stackless Python's tasklets as threads, its channels and schedulers, read from memory.
//!
//! A tasklet that does not run keeps its innermost frame, from which the runtime's own reader finds the callers, also when
//! it was switched with a piece of the C stack: that copy is needed to go on, not to read. Where the fields lie is a column
//! of the layout table (`heapsake_cpython::layouts::stackless`). Mirrors `Stackless/module/taskletobject.c`,
//! `channelobject.c`, `scheduling.c`.
//!
//! A binary sees the reducers when it names this crate (`use heapsake_stackless as _;`).

mod channel;
mod pieces;
mod scheduler;
mod seen;
mod tasklet;

/// What `docs/reducers.md` says of this crate: for every reducer its types, and the doc comment.
pub fn reference() -> [(&'static [&'static str], &'static str); 5] {
    [
        (&["_stackless.bomb"], pieces::BOMB),
        (&["_stackless.cframe"], pieces::CFRAME),
        (&["_stackless.channel"], channel::DOCUMENTATION),
        (&["_stackless.cstack"], pieces::CSTACK),
        (&["_stackless.tasklet"], tasklet::DOCUMENTATION),
    ]
}

/// Declares a reducer, and its doc comment as a text for the reference.
macro_rules! documented {
    ($($(#[doc = $line:literal])* $name:ident as $text:ident;)*) => {$(
        $(#[doc = $line])*
        pub(crate) struct $name;

        pub(crate) const $text: &str = concat!($($line, "\n"),*);
    )*};
}

pub(crate) use documented;

#[cfg(test)]
mod stackless_tests;
#[cfg(test)]
mod testing;
