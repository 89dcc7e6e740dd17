//! By which names modules hold objects: an index of one dump, made at the first question, which shares nothing with another.
//!
//! A name says where an object was found, never what the object claims of itself.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use heapsake_loader::{Dump, Object, ObjectId};

/// Entries of a module that are looked at.
const MOST_NAMES: u64 = 1 << 16;
/// Names that are told of one object: `None` has thousands.
const MOST_OF_ONE: usize = 64;

/// The names of a dump.
#[derive(Debug)]
pub(crate) struct Names {
    public: HashMap<u32, Vec<String>>,
    owners: HashMap<u32, u32>,
}

/// How good a name is: what a module says is its own interface first, then what goes by another name than its module's own,
/// then what the object says itself, then short ones.
type Rank<'t> = (Reverse<bool>, Reverse<bool>, Reverse<bool>, usize, &'t str);

impl Names {
    /// Of all modules of a dump.
    pub(crate) fn of(dump: &Dump) -> Names {
        let (mut found, mut owners): (HashMap<u32, Vec<(bool, bool, String)>>, HashMap<u32, u32>) = Default::default();
        for (key, module) in dump.modules() {
            let Some(module) = dump.referenced(module) else { continue };
            let Some(namespace) = module.namespace() else { continue };
            owners.entry(namespace.id().0).or_insert(module.id().0);
            let alias = text(module.attribute_object("__name__")).is_some_and(|own| own != key);
            let hidden = key.split('.').any(|part| part.starts_with('_'));
            let interface = interface(&module);
            for (name, value) in namespace.entries(0, MOST_NAMES) {
                let (Some(name), Some(value)) = (text(namespace.follow(name)), namespace.follow(value)) else { continue };
                if name.starts_with('_') {
                    continue;
                }
                let names = found.entry(value.id().0).or_default();
                if names.len() < MOST_OF_ONE {
                    names.push((!hidden && interface.contains(&name), alias && !hidden, format!("{key}.{name}")));
                }
            }
        }
        let public = found.into_iter().map(|(id, names)| (id, sorted(&dump.object(ObjectId(id)), names))).collect();
        Names { public, owners }
    }

    /// The names under which modules hold an object, the best one first.
    pub(crate) fn public(&self, id: ObjectId) -> Vec<String> {
        self.public.get(&id.0).cloned().unwrap_or_default()
    }

    /// The module whose mapping of names an object is.
    pub(crate) fn owner(&self, id: ObjectId) -> Option<ObjectId> {
        self.owners.get(&id.0).copied().map(ObjectId)
    }
}

fn sorted(object: &Object<'_>, mut names: Vec<(bool, bool, String)>) -> Vec<String> {
    let claimed = text(object.attribute_object("__module__")).unwrap_or_default();
    names.sort_by(|one, other| rank(one, &claimed).cmp(&rank(other, &claimed)));
    names.into_iter().map(|(_, _, name)| name).collect()
}

fn rank<'t>((interface, alias, name): &'t (bool, bool, String), claimed: &str) -> Rank<'t> {
    let own = name.rsplit_once('.').is_some_and(|(module, _)| module == claimed);
    (Reverse(*interface), Reverse(*alias), Reverse(own), name.len(), name)
}

/// What `__all__` names.
fn interface(module: &Object<'_>) -> BTreeSet<String> {
    let Some(listed) = module.attribute_object("__all__") else { return BTreeSet::new() };
    listed.elements(0, MOST_NAMES).into_iter().filter_map(|name| text(listed.follow(name))).collect()
}

fn text(object: Option<Object<'_>>) -> Option<String> {
    object?.text()
}
