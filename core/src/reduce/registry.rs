//! The registry of reducers: sorted by what they answer for, duplicates refused. The only file that names `inventory`.
//!
//! Linked-in reducers submit themselves with `inventory::submit!`; their order is not guaranteed, and a binary sees those
//! of a crate only when it names that crate (`use heapsake_reducers as _;`).

use std::fmt;

use super::Reducer;

pub use inventory;

/// What a reducer answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeMatch {
    /// The type with exactly this qualified name, and no other.
    Exact(&'static str),
    /// The type with this qualified name, and those that have it as a base, unless a nearer base has a reducer.
    Base(&'static str),
}

impl TypeMatch {
    /// The qualified name.
    pub fn name(self) -> &'static str {
        match self {
            TypeMatch::Exact(name) | TypeMatch::Base(name) => name,
        }
    }
}

/// What is submitted to the registry.
#[derive(Clone, Copy)]
pub struct Registration {
    /// The types answered for.
    pub types: &'static [TypeMatch],
    /// The reducer.
    pub reducer: &'static dyn Reducer,
    /// Where it comes from: `built in`, a library's file, a Python entry point.
    pub origin: &'static str,
    /// The source file, by `file!()`: for `heapsake reducers` and the test that counts one or more a file.
    pub file: &'static str,
    /// What is saved, in one line.
    pub saves: &'static str,
}

impl Registration {
    /// A registration made while the program runs, of what a plugin or a file says. It stays for the rest of the process.
    pub fn made(types: Vec<TypeMatch>, reducer: Box<dyn Reducer>, origin: String, file: String, saves: String) -> Registration {
        Registration {
            types: types.leak(),
            reducer: Box::leak(reducer),
            origin: origin.leak(),
            file: file.leak(),
            saves: saves.leak(),
        }
    }
}

inventory::collect!(Registration);

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("types", &self.types).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Two reducers that answer for the same type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The type.
    pub name: &'static str,
    /// Both origins.
    pub origins: [String; 2],
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "two reducers answer for {}: {} and {}", self.name, self.origins[0], self.origins[1])
    }
}

impl std::error::Error for Duplicate {}

/// All reducers, by type name.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    entries: Vec<(TypeMatch, Registration)>,
}

impl Registry {
    /// The linked-in reducers.
    ///
    /// # Errors
    /// When two answer for the same type.
    pub fn linked() -> Result<Registry, Duplicate> {
        let mut registry = Registry::default();
        for registration in inventory::iter::<Registration> {
            registry.add(*registration)?;
        }
        Ok(registry)
    }

    /// Adds a reducer.
    ///
    /// # Errors
    /// When another answers for one of its types already; then nothing of it is added.
    pub fn add(&mut self, registration: Registration) -> Result<(), Duplicate> {
        for wanted in registration.types {
            if let Ok(at) = self.position(wanted.name()) {
                let there = &self.entries[at].1;
                let origin = |one: &Registration| format!("{} ({})", one.origin, one.file);
                return Err(Duplicate { name: wanted.name(), origins: [origin(there), origin(&registration)] });
            }
        }
        for wanted in registration.types {
            match self.position(wanted.name()) {
                Ok(_) => {}
                Err(at) => self.entries.insert(at, (*wanted, registration)),
            }
        }
        Ok(())
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.name().cmp(name))
    }

    /// The reducer for a type: `mro` are the qualified names of its method resolution order, itself first.
    pub fn find<'a>(&self, mro: impl IntoIterator<Item = &'a str>) -> Option<&Registration> {
        mro.into_iter().enumerate().find_map(|(distance, name)| {
            let (matched, registration) = &self.entries[self.position(name).ok()?];
            (distance == 0 || matches!(matched, TypeMatch::Base(_))).then_some(registration)
        })
    }

    /// All entries, sorted by type name.
    pub fn entries(&self) -> impl Iterator<Item = (&TypeMatch, &Registration)> {
        self.entries.iter().map(|(matched, registration)| (matched, registration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Sink;
    use crate::reduce::{Failure, Object};

    struct Nothing;
    impl Reducer for Nothing {
        fn reduce(&self, _: &dyn Object, _: &mut dyn Sink) -> Result<(), Failure> {
            Ok(())
        }
    }

    fn registration(types: &'static [TypeMatch], origin: &'static str) -> Registration {
        Registration { types, reducer: &Nothing, origin, file: file!(), saves: "" }
    }

    #[test]
    fn duplicates_are_refused_with_both_origins() {
        let mut registry = Registry::default();
        registry.add(registration(&[TypeMatch::Base("b.B"), TypeMatch::Exact("a.A")], "first")).unwrap();
        let refused = registry.add(registration(&[TypeMatch::Base("c.C"), TypeMatch::Base("a.A")], "second")).unwrap_err();
        assert_eq!(refused.name, "a.A");
        assert!(refused.to_string().contains("first") && refused.to_string().contains("second"), "{refused}");
        assert_eq!(registry.entries().map(|(known, _)| known.name()).collect::<Vec<_>>(), ["a.A", "b.B"]);
    }

    #[test]
    fn the_nearest_base_answers_and_exact_ones_only_for_themselves() {
        let mut registry = Registry::default();
        registry.add(registration(&[TypeMatch::Exact("a.A")], "exact")).unwrap();
        registry.add(registration(&[TypeMatch::Base("b.B")], "base")).unwrap();
        let origin = |mro: &[&str]| registry.find(mro.iter().copied()).map(|found| found.origin);
        assert_eq!(origin(&["a.A", "b.B"]), Some("exact"));
        assert_eq!(origin(&["x.X", "a.A", "b.B"]), Some("base"));
        assert_eq!(origin(&["x.X", "a.A"]), None);
    }
}
