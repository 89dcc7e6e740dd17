//! Random models: nodes of every kind, cycles, loops, shared nodes, chains, wide and huge ones, hostile texts, every failure.

use heapsake_core::heap::{EdgeKind, TypeKind};
use heapsake_core::reduce::Reason;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any};
use proptest::{prop_compose, prop_oneof};

use super::{Aim, Content, Edge, Fails, Frame, Label, Model, Node};

fn aim() -> impl Strategy<Value = Aim> {
    prop_oneof![
        20 => any::<u32>().prop_map(Aim::Node),
        1 => Just(Aim::Nothing),
        1 => any::<u8>().prop_map(Aim::Hole),
        1 => any::<u8>().prop_map(Aim::Outside),
    ]
}

/// A code point of every width, surrogates and controls included.
pub(crate) fn point() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0x20u32..0x7f,
        1 => 0u32..0x20,
        1 => 0x80u32..0x100,
        1 => 0x100u32..0xd800,
        1 => 0xd800u32..0xe000,
        1 => 0xe000u32..0x1_0000,
        1 => 0x1_0000u32..0x11_0000,
    ]
}

fn name() -> impl Strategy<Value = String> {
    let hostile = ["", "\0", "../../etc/passwd", "a\nb", "\u{202e}", "{}%s%n", "__class__", "\u{10ffff}", "𝔘"];
    prop_oneof![4 => "[a-z_]{1,8}", 2 => ".{0,12}", 1 => proptest::sample::select(hostile.to_vec()).prop_map(str::to_owned)]
}

fn kind() -> impl Strategy<Value = EdgeKind> {
    proptest::sample::select(&EdgeKind::ALL[..])
}

fn label() -> impl Strategy<Value = Label> {
    prop_oneof![4 => name().prop_map(Label::Text), 1 => any::<u32>().prop_map(Label::Index)]
}

fn edge() -> impl Strategy<Value = Edge> {
    (kind(), label(), aim()).prop_map(|(kind, label, aim)| Edge { kind, label, aim })
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        2 => Just(Content::Nothing),
        2 => any::<i64>().prop_map(Content::Small),
        1 => (-300i64..300).prop_map(Content::Small),
        1 => (any::<bool>(), vec(any::<u32>(), 0..12)).prop_map(|(negative, digits)| Content::Big(negative, digits)),
        1 => any::<f64>().prop_filter("equal to itself", |number| !number.is_nan()).prop_map(|number| Content::Float(number.to_bits())),
        1 => (-1e300..1e300, -1.0..1.0).prop_map(|(real, imaginary): (f64, f64)| Content::Complex(real.to_bits(), imaginary.to_bits())),
        3 => vec(point(), 0..40).prop_map(Content::Text),
        2 => vec(any::<u8>(), 0..80).prop_map(Content::Bytes),
        4 => vec(aim(), 0..12).prop_map(Content::Elements),
        3 => vec((aim(), aim()), 0..8).prop_map(Content::Entries),
    ]
}

fn failure() -> impl Strategy<Value = (Fails, Reason, String)> {
    let fails =
        prop_oneof![Just(Fails::AtOnce), Just(Fails::AfterType), (0u8..6).prop_map(Fails::AfterEdges), Just(Fails::AtLast),];
    let reasons = [Reason::Unreadable, Reason::NotAnObject, Reason::Corrupt, Reason::ReducerFailed];
    (fails, proptest::sample::select(reasons.to_vec()), name())
}

prop_compose! {
    fn node()(
        type_number in any::<u8>(),
        size in prop_oneof![4 => 0u64..200, 1 => any::<u32>().prop_map(u64::from), 1 => Just(0)],
        content in content(),
        edges in vec(edge(), 0..6),
        facts in option::weighted(0.2, vec((name(), name()), 1..4)),
        failure in option::weighted(0.1, failure()),
    ) -> Node {
        Node { type_number, size, content, edges, facts: facts.unwrap_or_default(), failure }
    }
}

fn frame() -> impl Strategy<Value = Frame> {
    let variables = vec((name(), aim()), 0..5);
    (name(), any::<u16>(), aim(), variables).prop_map(|(name, line, object, variables)| Frame {
        name,
        line: line.into(),
        object,
        variables,
    })
}

fn types() -> impl Strategy<Value = Vec<(String, TypeKind)>> {
    let kinds = [TypeKind::Object, TypeKind::List, TypeKind::Dict, TypeKind::Str, TypeKind::Int, TypeKind::Module];
    // An empty name is what the loader says of a type that is lost.
    let name = name().prop_filter("a name", |name| !name.is_empty());
    vec((name, proptest::sample::select(kinds.to_vec())), 1..6)
}

prop_compose! {
    fn model(most: usize)(
        types in types(),
        nodes in vec(node(), 1..most),
        roots in vec((name(), aim()), 0..5),
        threads in vec(vec(frame(), 0..4), 0..3),
        scatter in any::<u32>(),
    ) -> Model {
        Model { types, nodes, roots, threads, scatter }
    }
}

/// A model of up to sixty nodes.
pub fn any_model() -> impl Strategy<Value = Model> {
    model(60)
}

/// A model with a chain of thousands, a container of tens of thousands, or a value of megabytes.
pub fn large_model() -> impl Strategy<Value = Model> {
    let shape = prop_oneof![
        (2_000usize..20_000).prop_map(Shape::Chain),
        (1_000usize..140_000).prop_map(Shape::Wide),
        (60_000usize..3_000_000).prop_map(Shape::Text),
        (60_000usize..3_000_000).prop_map(Shape::Bytes),
    ];
    (model(20), shape).prop_map(|(mut model, shape)| {
        let plain = |content| Node { type_number: 0, size: 16, content, edges: Vec::new(), facts: Vec::new(), failure: None };
        let first = model.nodes.len();
        match shape {
            Shape::Chain(length) => {
                let next = |at: usize| Aim::Node((first + (at + 1) % length) as u32);
                model.nodes.extend((0..length).map(|at| plain(Content::Elements(vec![next(at)]))));
            }
            Shape::Wide(length) => {
                let aims = (0..length as u32).map(Aim::Node).collect();
                model.nodes.push(plain(Content::Elements(aims)));
                let aims = (0..length as u32 / 2).map(|at| (Aim::Node(at), Aim::Node(at * 7))).collect();
                model.nodes.push(plain(Content::Entries(aims)));
            }
            Shape::Text(length) => {
                model.nodes.push(plain(Content::Text((0..length as u32).map(|at| 0x20 + at % 0x500).collect())));
            }
            Shape::Bytes(length) => model.nodes.push(plain(Content::Bytes((0..length).map(|at| (at * at / 7) as u8).collect()))),
        }
        model.roots.push(("large".to_owned(), Aim::Node(first as u32)));
        model
    })
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Chain(usize),
    Wide(usize),
    Text(usize),
    Bytes(usize),
}
