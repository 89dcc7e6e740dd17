//! Any petgraph graph as a [`Heap`](super::Heap).
