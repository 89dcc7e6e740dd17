//! Random graphs: every form of storage, subclasses of built-ins, what is suspended, cycles, shared nodes, hostile texts.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::{prop_compose, prop_oneof};

use super::{Atom, Base, Class, Graph, Mapping, Node, Sequence, Storage};
use crate::model::point;

const BUILT_IN: [&str; 15] = [
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "bytearray",
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "Exception",
    "KeyError",
    "OrderedDict",
    "deque",
];
const ITERATORS: [&str; 26] = [
    "list",
    "reversed",
    "tuple",
    "keys",
    "values",
    "items",
    "set",
    "str",
    "bytes",
    "range",
    "zip",
    "map",
    "enumerate",
    "filter",
    "chain",
    "count",
    "cycle",
    "islice",
    "repeat",
    "product",
    "callable",
    "deque",
    "permutations",
    "zip_longest",
    "takewhile",
    "groupby",
];
const HOLDERS: [&str; 15] = [
    "slice",
    "pair",
    "record",
    "frozen",
    "property",
    "static",
    "class method",
    "partial",
    "method",
    "proxy",
    "chain map",
    "view",
    "variable",
    "values",
    "namespace",
];

fn atom() -> impl Strategy<Value = Atom> {
    let floats = [0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1e308, 0.1];
    prop_oneof![
        1 => select(vec!["None", "True", "False", "...", "NotImplemented"]).prop_map(Atom::Constant),
        2 => (-300i64..300).prop_map(Atom::Small),
        2 => any::<i64>().prop_map(Atom::Small),
        1 => (any::<bool>(), "[1-9a-f][0-9a-f]{14,60}").prop_map(|(negative, digits)| Atom::Big(negative, digits)),
        1 => select(floats.to_vec()).prop_map(|number| Atom::Float(number.to_bits())),
        1 => any::<u64>().prop_map(Atom::Float),
        3 => vec(point(), 0..12).prop_map(Atom::Text),
        1 => vec(any::<u8>(), 0..40).prop_map(Atom::Bytes),
        1 => vec(any::<u8>(), 0..40).prop_map(Atom::Bytearray),
    ]
}

fn storage() -> impl Strategy<Value = Storage> {
    let slots = || vec(0u8..8, 0..4);
    prop_oneof![
        3 => Just(Storage::Dict),
        2 => slots().prop_map(Storage::Slots),
        1 => slots().prop_map(Storage::Both),
        1 => slots().prop_map(Storage::Weak),
    ]
}

prop_compose! {
    fn class()(
        base in prop_oneof![2 => Just(Base::Object), 3 => select(BUILT_IN.to_vec()).prop_map(Base::BuiltIn)],
        parent in option::weighted(0.3, any::<u8>()),
        storage in storage(),
        is_renamed in proptest::bool::weighted(0.1),
    ) -> Class {
        Class { base, parent, storage, is_renamed }
    }
}

fn pairs() -> impl Strategy<Value = Vec<(u8, u32)>> {
    vec((0u8..12, any::<u32>()), 0..6)
}

fn sequence() -> impl Strategy<Value = Sequence> {
    prop_oneof![
        3 => Just(Sequence::List),
        1 => option::of(0u8..6).prop_map(Sequence::Deque),
        2 => Just(Sequence::Tuple),
        1 => Just(Sequence::Set),
        1 => Just(Sequence::Frozenset),
    ]
}

fn held() -> impl Strategy<Value = [u32; 2]> {
    [any::<u32>(), any::<u32>()]
}

fn instance() -> impl Strategy<Value = Node> {
    (any::<u8>(), atom(), pairs(), prop_oneof![3 => Just(0u8), 1 => 1u8..4], any::<bool>()).prop_map(
        |(class, payload, attributes, removed, is_looked_at)| Node::Instance {
            class,
            payload,
            attributes,
            removed,
            is_looked_at,
        },
    )
}

fn function() -> impl Strategy<Value = Node> {
    (any::<u8>(), held(), vec(any::<u32>(), 0..3), pairs()).prop_map(|(style, held, defaults, attributes)| Node::Function {
        style,
        held,
        defaults,
        attributes,
    })
}

fn suspended() -> impl Strategy<Value = Node> {
    let kinds = vec!["generator", "generator", "coroutine", "async generator"];
    (select(kinds), any::<u8>(), held(), 0u8..14, any::<bool>())
        .prop_map(|(kind, style, held, steps, is_looked_at)| Node::Suspended { kind, style, held, steps, is_looked_at })
}

fn raised() -> impl Strategy<Value = Node> {
    (option::of(any::<u8>()), vec(any::<u32>(), 0..3), option::of(any::<u32>()), 0u8..5)
        .prop_map(|(class, arguments, cause, depth)| Node::Raised { class, arguments, cause, depth })
}

fn mapping() -> impl Strategy<Value = Node> {
    let kinds = [Mapping::Dict, Mapping::Dict, Mapping::Ordered, Mapping::Default, Mapping::Counter];
    (select(kinds.to_vec()), vec((atom(), any::<u32>()), 0..10), 0u8..3, 0u8..3)
        .prop_map(|(kind, entries, removed, moved)| Node::Mapping(kind, entries, removed, moved))
}

fn node() -> impl Strategy<Value = Node> {
    let chains = vec!["list", "tuple", "dict", "cell", "partial", "exception", "link"];
    let wide = vec!["list", "tuple", "set", "texts", "numbers"];
    prop_oneof![
        4 => atom().prop_map(Node::Atom),
        6 => (sequence(), vec(any::<u32>(), 0..8), 0u8..3).prop_map(|(kind, items, removed)| Node::Sequence(kind, items, removed)),
        5 => mapping(),
        8 => instance(),
        3 => function(),
        5 => suspended(),
        4 => (select(ITERATORS.to_vec()), any::<u32>(), 0u8..5).prop_map(|(kind, source, steps)| Node::Iterator { kind, source, steps }),
        3 => raised(),
        4 => (select(HOLDERS.to_vec()), held()).prop_map(|(kind, held)| Node::Holder(kind, held)),
        1 => option::weighted(0.8, any::<u32>()).prop_map(Node::Cell),
        1 => pairs().prop_map(Node::Module),
        2 => (0u8..5, any::<u32>()).prop_map(|(kind, target)| Node::Weak(kind, target)),
        1 => (select(chains), 1u16..1500, any::<u32>()).prop_map(|(kind, depth, end)| Node::Chain(kind, depth, end)),
        1 => (select(wide), 1u16..2000, any::<u32>()).prop_map(|(kind, count, held)| Node::Wide(kind, count, held)),
        4 => any::<u8>().prop_map(Node::Ready),
        1 => any::<u8>().prop_map(Node::Class),
        1 => held().prop_map(Node::Thread),
        1 => (held(), 0u8..4).prop_map(|(held, depth)| Node::Task(held, depth)),
    ]
}

prop_compose! {
    /// A graph of up to five classes and thirty nodes.
    pub fn any_graph()(classes in vec(class(), 1..6), nodes in vec(node(), 1..30)) -> Graph {
        Graph { classes, nodes }
    }
}
