//! The shortest way from the root to a node.

use std::collections::VecDeque;
use std::ops::Deref;

use super::link::Links;
use super::{EdgeReference, Graph, Node};

impl<S: Deref<Target = [u8]>> Graph<S> {
    /// The edges of a shortest way from the root to `node` along such links, in order; none when no way leads there.
    ///
    /// Found breadth first from `node` backwards: what holds an object is mostly near, what the roots reach is everything.
    pub fn path_from_root(&self, node: Node, links: Links) -> Option<Vec<EdgeReference<'_, S>>> {
        let root = self.root();
        if node > root {
            return None;
        }
        // For each node that was met, 1 more than the next one on the way.
        let mut towards = vec![0u32; root.0 as usize + 1];
        let mut queue = VecDeque::from([node]);
        towards[node.0 as usize] = node.0 + 1;
        while let Some(here) = queue.pop_front() {
            if here == root {
                return Some(self.retrace(&towards, node, links));
            }
            for edge in self.incoming(here).filter(|edge| links.contains(edge.link())) {
                let met = &mut towards[edge.source().0 as usize];
                if *met == 0 {
                    *met = here.0 + 1;
                    queue.push_back(edge.source());
                }
            }
        }
        None
    }

    fn retrace(&self, towards: &[u32], node: Node, links: Links) -> Vec<EdgeReference<'_, S>> {
        let mut path = Vec::new();
        let mut here = self.root();
        while here != node {
            let next = Node(towards[here.0 as usize] - 1);
            let mut edges = self.outgoing(here);
            let Some(edge) = edges.find(|edge| edge.target() == next && links.contains(edge.link())) else { break };
            path.push(edge);
            here = next;
        }
        path
    }
}
