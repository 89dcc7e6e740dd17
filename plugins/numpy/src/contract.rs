//! What the reducers of this crate stand on: the object seen through the engine, its facts, and the macro that registers a
//! reducer together with its page in the reference.
//!
//! Nothing read from the target is trusted: counts are compared with a fixed maximum or with what is readable.

use ciborium::Value as Fact;
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Integer, Name, Sink, TypeId, Value};
use heapsake_core::reduce::{Failure, Object, Reason, inventory};
use heapsake_cpython::heap::Facts as Process;
use heapsake_cpython::layouts::Layouts;
use heapsake_cpython::memory::{Memory, Unreadable};

/// The most elements that are read of a mapping or a sequence beside the object.
const MOST_ELEMENTS: usize = 1 << 16;

/// The largest object that is looked through.
const LARGEST_OBJECT: i64 = 4096;

/// An object of a CPython process, and the facts of it noted so far.
pub(crate) struct Seen<'a> {
    pub(crate) object: &'a dyn Object,
    process: &'a Process,
    facts: Vec<(Fact, Fact)>,
}

impl Memory for Seen<'_> {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        self.object.read_at(address, into).map_err(|_| Unreadable::new(address, into.len()))
    }
}

impl<'a> Seen<'a> {
    /// The object, in a CPython.
    ///
    /// # Errors
    /// When the runtime is another one.
    pub(crate) fn of(object: &'a dyn Object) -> Result<Seen<'a>, Failure> {
        let process = object.runtime().and_then(|facts| facts.downcast_ref());
        let process = process.ok_or_else(|| Failure::new(Reason::ReducerFailed, "the runtime is not CPython"))?;
        Ok(Seen { object, process, facts: Vec::new() })
    }

    pub(crate) fn layouts(&self) -> &'a Layouts {
        &self.process.layouts
    }

    pub(crate) fn address(&self) -> Address {
        self.object.address()
    }

    /// Where the fields of a C object begin: after `PyObject_HEAD`.
    pub(crate) fn body(&self, object: Address) -> Address {
        object.offset(self.layouts().object.size as i64)
    }

    /// Notes a fact.
    pub(crate) fn note(&mut self, name: &str, fact: impl Into<Fact>) {
        self.facts.push((name.into(), fact.into()));
    }

    /// Tells what was noted.
    pub(crate) fn tell_facts(&mut self, sink: &mut dyn Sink) {
        if !self.facts.is_empty() {
            sink.state(&Fact::Map(std::mem::take(&mut self.facts)));
        }
    }

    /// The word at `address`.
    ///
    /// # Errors
    /// When it is not readable.
    pub(crate) fn pointer_at(&self, address: Address) -> Result<Address, Failure> {
        self.object.word_at(address).map(Address)
    }

    /// The last part of the qualified name of the type of the object at `address`; none when no object lies there.
    pub(crate) fn type_of(&self, address: Address) -> Option<String> {
        if address.is_null() || !self.object.is_object(address) {
            return None;
        }
        self.object.type_name_of(address)
    }

    /// What the object at `address`, of a built-in type, holds.
    pub(crate) fn look(&self, address: Address) -> Option<Held> {
        if address.is_null() {
            return None;
        }
        let mut held = Held::default();
        self.object.tell_other(address, &mut held).ok()?;
        Some(held)
    }

    /// The text of the `str` object at `address`.
    pub(crate) fn text(&self, address: Address) -> Option<String> {
        self.look(address)?.text
    }

    /// What the package of this name says of its version, if it is imported. Looked for once.
    pub(crate) fn version_of(&self, package: &'static str) -> Option<String> {
        let found = self.process.kept.get(package, || {
            let modules = self.layouts().interpreter.modules.read(self, self.process.interpreter)?;
            let is_named = |(name, _): &&(Address, Address)| self.text(*name).as_deref() == Some(package);
            let (_, module) = self.look(modules)?.entries.iter().find(is_named).copied()?;
            self.text(self.object.attribute_of(module, "__version__")?)
        });
        (*found).clone()
    }

    /// The value of the `int` object at `address`, if it has 64 bits.
    pub(crate) fn integer(&self, address: Address) -> Option<i64> {
        self.look(address)?.integer
    }
}

/// Tells an edge, unless it leads nowhere.
pub(crate) fn edge(sink: &mut dyn Sink, kind: EdgeKind, name: &str, target: Address) {
    if !target.is_null() {
        sink.edge(kind, Name::Text(name), target);
    }
}

/// What an object of a built-in type holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) text: Option<String>,
    pub(crate) integer: Option<i64>,
    pub(crate) elements: Vec<Address>,
    pub(crate) entries: Vec<(Address, Address)>,
    pub(crate) edges: Vec<(String, Address)>,
}

impl Held {
    /// Where the edge of this name leads.
    pub(crate) fn edge(&self, name: &str) -> Option<Address> {
        self.edges.iter().find(|(known, _)| known == name).map(|(_, target)| *target)
    }
}

impl Sink for Held {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Integer(Integer::Small(number)) => self.integer = Some(number),
            Value::Text(text) => {
                let mut bytes = Vec::new();
                text.write_wtf8(&mut bytes);
                self.text = Some(String::from_utf8_lossy(&bytes).into_owned());
            }
            _ => {}
        }
    }

    fn edge(&mut self, _: EdgeKind, name: Name<'_>, target: Address) {
        if let Name::Text(name) = name
            && self.edges.len() < MOST_ELEMENTS
        {
            self.edges.push((name.to_owned(), target));
        }
    }

    fn element(&mut self, target: Address) {
        if self.elements.len() < MOST_ELEMENTS {
            self.elements.push(target);
        }
    }

    fn entry(&mut self, key: Address, value: Address) {
        if self.entries.len() < MOST_ELEMENTS {
            self.entries.push((key, value));
        }
    }

    fn state(&mut self, _: &dyn erased_serde::Serialize) {}
}

/// That what lies there is not what it should be.
pub(crate) fn corrupt(detail: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(Reason::Corrupt, detail)
}

/// Integers as a fact.
pub(crate) fn numbers<T: Copy + Into<i128>>(numbers: &[T]) -> Fact {
    Fact::Array(numbers.iter().map(|number| integer((*number).into())).collect())
}

/// An integer as a fact; beyond what a fact holds, as text.
pub(crate) fn integer(number: i128) -> Fact {
    ciborium::value::Integer::try_from(number).map_or_else(|_| Fact::Text(number.to_string()), Fact::Integer)
}

/// Declares reducers: each with its doc comment, the types it answers for, what it saves in one line, and its functions: what
/// it tells, and what memory it owns where it owns some. One for a class in Python goes `by attributes`, all others by layout.
macro_rules! reducers {
    ($(
        $(#[doc = $line:literal])*
        $name:ident [$($type:literal),+ $(,)?] $saves:literal => $function:expr $(, owning $owned:expr)? $(, by $attributes:ident)?;
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
                    &mut $crate::contract::Seen<'_>,
                    &mut dyn heapsake_core::heap::Sink,
                ) -> Result<(), heapsake_core::reduce::Failure> = $function;
                let mut seen = $crate::contract::Seen::of(object)?;
                let told = reduce(&mut seen, sink);
                // Also of one that failed.
                seen.tell_facts(sink);
                told
            }

            fn reads_a_layout(&self) -> bool {
                matches!(concat!($(stringify!($attributes)),*), "")
            }

            $(
                fn owned_blocks(
                    &self,
                    object: &dyn heapsake_core::reduce::Object,
                    each: &mut dyn FnMut(heapsake_core::Address, u64),
                ) {
                    let owned: fn(&$crate::contract::Seen<'_>) -> Option<Vec<(heapsake_core::Address, u64)>> = $owned;
                    let blocks = $crate::contract::Seen::of(object).ok().and_then(|seen| owned(&seen));
                    blocks.into_iter().flatten().for_each(|(at, length)| each(at, length));
                }
            )?
        }

        heapsake_core::reduce::inventory::submit! {
            heapsake_core::reduce::Registration {
                types: &[$(heapsake_core::reduce::TypeMatch::Base($type)),+],
                reducer: &$name,
                origin: "plugin numpy",
                file: file!(),
                saves: $saves,
            }
        }

        heapsake_core::reduce::inventory::submit! {
            $crate::contract::Documented {
                file: file!(),
                types: &[$($type),+],
                text: concat!($($line, "\n"),*),
            }
        }
    )*};
}
pub(crate) use reducers;

/// The doc comment of a reducer, as the reference shows it.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// Its source file, by `file!()`.
    pub file: &'static str,
    /// The qualified names of the types it answers for.
    pub types: &'static [&'static str],
    /// The doc comment: what the object holds, what is saved, what becomes a surrogate.
    pub text: &'static str,
}

inventory::collect!(Documented);

/// The part of `docs/reducers.md` on this plugin.
pub fn reference() -> String {
    let mut all: Vec<&Documented> = inventory::iter::<Documented>.into_iter().collect();
    all.sort_by_key(|one| (one.file, one.types));
    let mut page = String::from("\n## numpy, pandas, pyarrow, polars and torch (plugin)\n");
    for one in all {
        let types: Vec<String> = one.types.iter().map(|name| format!("`{name}`")).collect();
        page.extend(["\n### ", &types.join(", "), "\n\n"]);
        for line in one.text.lines() {
            let line = line.trim();
            page.extend([if line.starts_with('*') { "* " } else { "  " }, line, "\n"]);
        }
    }
    page
}

/// The objects that the words of an object lead to, from `first` to its `tp_basicsize`: offset, address, type. Its dictionary and its list
/// of weak references are none of them.
pub(crate) fn objects(seen: &Seen<'_>, address: Address, first: i64) -> Vec<(i64, Address, String)> {
    let layout = seen.layouts().type_object;
    let class = seen.layouts().object.ob_type.read(seen, address).unwrap_or_default();
    let size = layout.tp_basicsize.read(seen, class).unwrap_or(0).min(LARGEST_OBJECT);
    let told = [layout.tp_weaklistoffset, layout.tp_dictoffset].map(|at| at.read(seen, class).unwrap_or(0));
    let word = |offset: i64| {
        let held = seen.pointer(address.offset(offset)).filter(|_| !told.contains(&offset))?;
        Some((offset, held, seen.type_of(held)?))
    };
    (first..=size - 8).step_by(8).filter_map(word).collect()
}
