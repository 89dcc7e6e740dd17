//! What counting references would free: some objects, and all that these alone hold.

use std::collections::{HashMap, HashSet};

use heapsake_loader::{HeapGraph, Links, Node, ObjectId};

/// What is held by more references than these is taken to be held from elsewhere: counting them would take longer than
/// all else.
const MOST_REFERENCES: usize = 1 << 16;

/// Objects, and what they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What would be freed when the cycles of these members were cut and nobody else held them.
pub(super) fn with(graph: &HeapGraph, members: &[ObjectId], sizes: &[u64]) -> Freed {
    let mut freed = Freed::default();
    let mut gone: HashSet<u32> = members.iter().map(|id| id.0).collect();
    // References that are left, of what was met.
    let mut left: HashMap<u32, usize> = HashMap::new();
    let mut queue: Vec<u32> = members.iter().map(|id| id.0).collect();
    while let Some(node) = queue.pop() {
        freed.objects += 1;
        freed.bytes = freed.bytes.saturating_add(sizes.get(node as usize).copied().unwrap_or(0));
        for edge in graph.outgoing(Node(node)).filter(|edge| Links::STRONG.contains(edge.link())) {
            let target = edge.target();
            if gone.contains(&target.0) {
                continue;
            }
            let left = left.entry(target.0).or_insert_with(|| {
                let all = graph.incoming(target);
                if all.len() > MOST_REFERENCES {
                    usize::MAX
                } else {
                    all.filter(|edge| Links::STRONG.contains(edge.link())).count()
                }
            });
            *left = left.saturating_sub(1);
            if *left == 0 {
                gone.insert(target.0);
                queue.push(target.0);
            }
        }
    }
    freed
}
