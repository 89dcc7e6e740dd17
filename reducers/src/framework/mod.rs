//! What every reducer of this crate stands on: the target seen through an object, facts for its state, and the macro that
//! registers a reducer together with the page it has in the reference.
//!
//! No file beside the reducers' knows an offset: fields come from the layouts of the target's CPython, and a struct that
//! this CPython does not have is refused.

mod accessor;
mod dictionary;
mod fact;
mod page;
mod ring;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod text;

pub(crate) use accessor::Library;
pub(crate) use fact::{Fact, tell_facts};
pub use page::{Documented, reference};
pub(crate) use ring::Ring;
pub(crate) use target::{Target, known, unreadable, whole};
pub(crate) use text::character;

/// The most bytes of a buffer, and the most code points of a text, that go into a state.
pub(crate) const CONTENT_LIMIT: usize = 1 << 16;

/// The most numbers that go into a state.
pub(crate) const NUMBER_LIMIT: usize = 100_000;

/// Declares reducers: each with its doc comment, the types it answers for, what it saves in one line, and its function.
macro_rules! reducers {
    ($(
        $(#[doc = $line:literal])*
        $name:ident [$($type:literal),+ $(,)?] $saves:literal => $function:expr;
    )*) => {$(
        $(#[doc = $line])*
        struct $name;

        impl heapsake_core::reduce::Reducer for $name {
            fn reduce(
                &self,
                object: &dyn heapsake_core::reduce::Object,
                sink: &mut dyn heapsake_core::heap::Sink,
            ) -> Result<(), heapsake_core::reduce::Failure> {
                let reduce: fn(
                    &$crate::framework::Target<'_>,
                    &mut dyn heapsake_core::heap::Sink,
                ) -> Result<(), heapsake_core::reduce::Failure> = $function;
                reduce(&$crate::framework::Target::of(object)?, sink)
            }
        }

        heapsake_core::reduce::inventory::submit! {
            heapsake_core::reduce::Registration {
                types: &[$(heapsake_core::reduce::TypeMatch::Base($type)),+],
                reducer: &$name,
                origin: "built in",
                file: file!(),
                saves: $saves,
            }
        }

        heapsake_core::reduce::inventory::submit! {
            $crate::framework::Documented {
                name: stringify!($name),
                file: file!(),
                types: &[$($type),+],
                text: concat!($($line, "\n"),*),
            }
        }
    )*};
}

/// Tells facts, by name: what converts into a [`Fact`].
macro_rules! facts {
    ($sink:expr, $($name:literal: $value:expr),+ $(,)?) => {
        $crate::framework::tell_facts($sink, &[$(($name, $crate::framework::Fact::from($value))),+])
    };
}

pub(crate) use facts;
pub(crate) use reducers;
