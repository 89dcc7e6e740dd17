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
pub(crate) use fact::Fact;
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
        $name:ident [$($type:literal),+ $(,)?] $saves:literal => $function:expr $(, owning $owned:expr)?;
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
                let target = $crate::framework::Target::of(object)?;
                let told = reduce(&target, sink);
                // Once and at the end, also of one that failed: an engine that merges states pays for each.
                target.tell_facts(sink);
                told
            }

            fn reads_a_layout(&self) -> bool {
                true
            }

            $(
                fn owned_blocks(
                    &self,
                    object: &dyn heapsake_core::reduce::Object,
                    each: &mut dyn FnMut(heapsake_core::Address, u64),
                ) {
                    let owned: fn(
                        &$crate::framework::Target<'_>,
                        &mut dyn FnMut(heapsake_core::Address, u64),
                    ) -> Result<(), heapsake_core::reduce::Failure> = $owned;
                    // What cannot be read is told where the object is reduced.
                    let _ = $crate::framework::Target::of(object).and_then(|target| owned(&target, each));
                }
            )?
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

/// Notes facts of the target by name, of what converts into a [`Fact`]; they are told when the reducer is done.
macro_rules! facts {
    ($target:expr, $($name:literal: $value:expr),+ $(,)?) => {
        {
            $($target.note($name, $crate::framework::Fact::from($value));)+
        }
    };
}

pub(crate) use facts;
pub(crate) use reducers;
