//! Strongly connected components: Tarjan's, with a stack of its own, over the edges that keep alive.
//!
//! petgraph's recurses, and its Kosaraju asks for edges in both directions; a filter over nodes and links would be an
//! adaptor of the graph. This one needs twelve bytes a node, and sixteen for each step of the deepest way.

use heapsake_loader::{HeapGraph, Links, Node};

/// A component that was given out.
const DONE: u32 = u32::MAX;

/// The components with more than one node, and nodes with an edge to themselves; of nodes that `takes`, by edges of `links`.
/// The nodes of each ascend.
pub(super) fn find(graph: &HeapGraph, links: Links, takes: impl Fn(u32) -> bool) -> Vec<Vec<u32>> {
    let count = graph.objects();
    // When a node was met, from 1; and the earliest that its part of the walk leads back to.
    let (mut met, mut low) = (vec![0u32; count as usize], vec![0u32; count as usize]);
    let (mut open, mut way): (Vec<u32>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
    let (mut found, mut clock) = (Vec::new(), 0);
    for start in (0..count).filter(|node| takes(*node)) {
        if met[start as usize] != 0 {
            continue;
        }
        let mut enter = Some(start);
        loop {
            if let Some(node) = enter.take() {
                clock += 1;
                (met[node as usize], low[node as usize]) = (clock, clock);
                open.push(node);
                way.push((node, 0));
            }
            let Some((node, seen)) = way.pop() else { break };
            let mut at = seen;
            let mut edges = graph.outgoing(Node(node));
            if let Some(last) = (seen as usize).checked_sub(1) {
                edges.nth(last);
            }
            for edge in edges {
                at += 1;
                let target = edge.target().0;
                if !links.contains(edge.link()) || target >= count || !takes(target) {
                    continue;
                }
                match met[target as usize] {
                    0 => {
                        enter = Some(target);
                        break;
                    }
                    DONE => {}
                    when => low[node as usize] = low[node as usize].min(when),
                }
            }
            if enter.is_some() {
                way.push((node, at));
                continue;
            }
            let back = low[node as usize];
            if let Some((before, _)) = way.last() {
                low[*before as usize] = low[*before as usize].min(back);
            }
            if back == met[node as usize] {
                let from = open.iter().rposition(|one| *one == node).unwrap_or_default();
                let mut members = open.split_off(from);
                for one in &members {
                    met[*one as usize] = DONE;
                }
                if members.len() > 1
                    || graph.outgoing(Node(node)).any(|edge| edge.target().0 == node && links.contains(edge.link()))
                {
                    members.sort_unstable();
                    found.push(members);
                }
            }
        }
    }
    found
}
