//! What reducers that ran after the capture made of objects, and what of them was not run.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use heapsake_core::format::ChunkKind;
use heapsake_core::format::records::{Annotations, Reduction};

use crate::container::Container;
use crate::object::ObjectId;

/// The annotations of a dump.
#[derive(Debug, Default)]
pub struct Annotated {
    /// By number of the object: of several the last, but no failure in place of what another gave.
    reductions: BTreeMap<u32, Reduction>,
    notes: Vec<String>,
}

impl Annotated {
    pub(crate) fn read(container: &Container) -> Annotated {
        let mut all = Annotated::default();
        for chunk in container.of_kind(ChunkKind::Annotations) {
            let Some(record) = container.record::<Annotations>(chunk.offset, "what reducers made of objects") else { continue };
            for reduction in record.reductions {
                match all.reductions.entry(reduction.object) {
                    Entry::Vacant(place) => drop(place.insert(reduction)),
                    Entry::Occupied(place) if reduction.failure.is_some() && place.get().failure.is_none() => {}
                    Entry::Occupied(mut place) => drop(place.insert(reduction)),
                }
            }
            all.notes.extend(record.notes);
        }
        all
    }

    /// That of one object.
    pub fn of(&self, object: ObjectId) -> Option<&Reduction> {
        self.reductions.get(&object.0)
    }

    /// All, by number of the object.
    pub fn reductions(&self) -> impl ExactSizeIterator<Item = &Reduction> {
        self.reductions.values()
    }

    /// What was not run, and why, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Reducer, reason and number of objects of each failure, the most frequent first.
    pub fn failures(&self) -> Vec<(&str, &str, u64)> {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for reduction in self.reductions.values() {
            if let Some(failure) = &reduction.failure {
                *counts.entry((&reduction.origin, failure)).or_default() += 1;
            }
        }
        let mut failures: Vec<_> = counts.into_iter().map(|((origin, failure), count)| (origin, failure, count)).collect();
        failures.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
        failures
    }
}
