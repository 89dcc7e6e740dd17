//! Who holds an object, as Python sees it: the names of the edges beside the objects that they come from.

use heapsake_loader::{Links, ObjectId};
use pyo3::prelude::*;

use crate::dump::Dump;
use crate::view::View;

/// The number of holders, the first of them with the names of their edges and whether they keep the object alive, and roots.
pub(crate) type Holders = (usize, Vec<(Vec<String>, bool, View)>, Vec<String>);

/// The holders of an object. The first question of a dump reads all of it.
pub(crate) fn of(py: Python<'_>, owner: &Py<Dump>, id: ObjectId, most: usize) -> Holders {
    let dump = &owner.get().inner;
    let (count, named, roots) = py.detach(|| {
        let holders = dump.referrers(id);
        let named: Vec<(Vec<String>, bool, ObjectId)> = holders
            .iter()
            .take(most)
            .map(|holder| {
                let from = dump.object(holder.object);
                let names = holder.links.iter().map(|link| (link.word(), from.edge_name(link, id)));
                let names = names.map(|(word, name)| if name.is_empty() { word.to_owned() } else { name });
                (names.collect(), holder.links.meets(Links::STRONG), holder.object)
            })
            .collect();
        (holders.len(), named, dump.root_names(id, most).into_iter().map(|root| root.0).collect())
    });
    let shown = |(names, strong, holder)| (names, strong, View::object_of(py, owner, holder));
    (count, named.into_iter().map(shown).collect(), roots)
}
