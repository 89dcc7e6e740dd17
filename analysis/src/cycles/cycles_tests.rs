//! Components against petgraph's own, and the choice of what to cut.

use heapsake_core::graph::Builder;
use heapsake_loader::Bytes;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::*;

/// A graph of pseudorandom edges, a share of them weak.
fn random(objects: u32, edges: usize, seed: u64) -> (HeapGraph, Vec<(u32, u32, Link)>) {
    let mut state = seed | 1;
    let mut next = |limit: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % limit
    };
    let mut told: Vec<(u32, u32, Link)> = (0..edges)
        .map(|_| {
            let link = [Link::Attribute, Link::Element, Link::Weak, Link::Type][next(4) as usize];
            (next(objects), next(objects), link)
        })
        .collect();
    told.sort_unstable();
    let mut builder = Builder::new(u64::MAX);
    let mut edges = told.iter().peekable();
    for object in 0..objects {
        builder.object(object);
        while let Some((_, to, link)) = edges.next_if(|(from, ..)| *from == object) {
            builder.edge(*link, *to);
        }
    }
    let (graph, left_out) = builder.finish(objects, [0; 16]);
    assert_eq!(left_out, 0);
    (graph.map_bytes(Bytes::from), told)
}

#[test]
fn components_are_those_of_petgraph() {
    for (seed, (objects, edges)) in (0..).zip([(1, 3), (5, 4), (40, 30), (40, 90), (300, 500), (3000, 3500), (3000, 9000)]) {
        let (graph, told) = random(objects, edges, seed);
        let left_out = |node: u32| node % 7 == 3;
        let ours = components::find(&graph, CYCLIC, |node| !left_out(node));
        let mut theirs = DiGraph::<(), ()>::new();
        let nodes: Vec<_> = (0..objects).map(|_| theirs.add_node(())).collect();
        let mut loops = vec![false; objects as usize];
        for (from, to, link) in told {
            if CYCLIC.contains(link) && !left_out(from) && !left_out(to) {
                theirs.add_edge(nodes[from as usize], nodes[to as usize], ());
                loops[from as usize] |= from == to;
            }
        }
        let theirs =
            kosaraju_scc(&theirs).into_iter().map(|part| part.iter().map(|node| node.index() as u32).collect::<Vec<_>>());
        let mut theirs: Vec<Vec<u32>> = theirs.filter(|part| part.len() > 1 || loops[part[0] as usize]).collect();
        for part in &mut theirs {
            part.sort_unstable();
        }
        theirs.sort();
        let mut ours = ours;
        ours.sort();
        assert_eq!(ours, theirs, "{objects} objects, {edges} edges");
    }
}

#[test]
fn a_ring_of_millions_takes_no_stack() {
    let objects = 3_000_000;
    let mut builder = Builder::new(u64::MAX);
    for object in 0..objects {
        builder.object(object);
        builder.edge(Link::Attribute, (object + 1) % objects);
    }
    let graph = builder.finish(objects, [0; 16]).0.map_bytes(Bytes::from);
    let found = components::find(&graph, CYCLIC, |_| true);
    assert_eq!((found.len(), found[0].len()), (1, objects as usize));
    assert!(components::find(&graph, CYCLIC, |node| node != 7).is_empty());
}

#[test]
fn what_is_freed_is_what_counting_frees() {
    // 0 and 1 hold each other; 0 holds 2, which holds 3; 3 is held by 4 as well, and 5 by 2 alone; 5 weakly by 4.
    let mut builder = Builder::new(u64::MAX);
    let edges: [&[(u32, Link)]; 6] = [
        &[(1, Link::Attribute), (2, Link::Attribute)],
        &[(0, Link::Item)],
        &[(3, Link::Element), (5, Link::Element), (5, Link::Element)],
        &[],
        &[(3, Link::Attribute), (5, Link::Weak)],
        &[],
    ];
    for (object, edges) in (0..).zip(edges) {
        builder.object(object);
        for (to, link) in edges {
            builder.edge(*link, *to);
        }
    }
    let graph = builder.finish(6, [0; 16]).0.map_bytes(Bytes::from);
    let freed = freed::with(&graph, &[ObjectId(0), ObjectId(1)], &[1, 10, 100, 1000, 10_000, 100_000]);
    assert_eq!(freed, Freed { objects: 4, bytes: 100_111 });
}
