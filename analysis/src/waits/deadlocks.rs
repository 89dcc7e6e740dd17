//! Deadlocks: cycles among those who need each other.
//!
//! Strongly connected parts by petgraph's Kosaraju, which does not recurse, and in each the shortest cycle.

use std::collections::{HashMap, HashSet, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Deadlock, Party, Waits};

/// Members of a part from which a shorter cycle is looked for.
const MOST_STARTS: usize = 64;

/// All of them, the shortest cycle first.
pub(super) fn find(waits: &Waits) -> Vec<Deadlock> {
    let mut graph: DiGraph<Party, ()> = DiGraph::new();
    let mut nodes: HashMap<Party, NodeIndex> = HashMap::new();
    let threads = (0..waits.threads.len()).map(Party::Thread);
    for party in threads.chain((0..waits.tasks.len()).map(Party::Task)) {
        nodes.insert(party, graph.add_node(party));
    }
    for (party, node) in &nodes {
        for need in needs(waits, *party) {
            if let Some(to) = nodes.get(&need) {
                graph.update_edge(*node, *to, ());
            }
        }
    }
    let mut found = Vec::new();
    for part in kosaraju_scc(&graph) {
        let members: HashSet<NodeIndex> = part.iter().copied().collect();
        let mut starts = part.clone();
        starts.sort_unstable();
        let cycles = starts.iter().take(MOST_STARTS).filter_map(|start| cycle(&graph, &members, *start));
        if let Some(nodes) = cycles.min_by_key(Vec::len) {
            let parties: Vec<Party> = nodes.iter().map(|node| graph[*node]).collect();
            let next = parties.iter().cycle().skip(1);
            let certain = parties.iter().zip(next).all(|(from, to)| is_certain(waits, *from, *to));
            found.push(Deadlock { parties, certain });
        }
    }
    found.sort_by(|one, two| (one.parties.len(), &one.parties).cmp(&(two.parties.len(), &two.parties)));
    found
}

/// Whom one needs: by what it waits for without a limit of time, and a task that runs the thread that runs it.
fn needs(waits: &Waits, party: Party) -> Vec<Party> {
    let mut needs = waits.wait(party).filter(|wait| !wait.is_limited).map_or_else(Vec::new, |wait| wait.needs.clone());
    if let Party::Task(index) = party {
        needs.extend(waits.tasks.get(index).and_then(|task| task.thread).map(Party::Thread));
    }
    needs
}

fn is_certain(waits: &Waits, from: Party, to: Party) -> bool {
    let Some(lock) = waits.wait(from).and_then(|wait| wait.lock) else { return true };
    let lock = waits.locks.iter().find(|known| known.object == lock);
    lock.is_none_or(|lock| lock.owners.iter().any(|owner| owner.party == to && owner.certain))
}

/// The shortest cycle through `start` within a part.
fn cycle(graph: &DiGraph<Party, ()>, members: &HashSet<NodeIndex>, start: NodeIndex) -> Option<Vec<NodeIndex>> {
    let mut before: HashMap<NodeIndex, NodeIndex> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let mut next: Vec<NodeIndex> = graph.neighbors(node).filter(|next| members.contains(next)).collect();
        next.sort_unstable();
        for next in next {
            if next == start {
                let mut way = vec![node];
                let mut at = node;
                while at != start {
                    at = *before.get(&at)?;
                    way.push(at);
                }
                way.reverse();
                return Some(way);
            }
            before.entry(next).or_insert_with(|| {
                queue.push_back(next);
                node
            });
        }
    }
    None
}
