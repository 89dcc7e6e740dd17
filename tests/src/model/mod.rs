//! Heaps that describe themselves: what the property tests dump, and the oracle that a loaded dump is held against.
//!
//! A [`Model`] is a list of nodes with everything that a reducer may tell, and says of each what a dump must have of it. It is
//! dumped as the heap that it is; [`differences`] compares the loaded dump with the description, by address, and never by
//! what heapsake itself says of isomorphism.

mod again;
mod expected;
mod heap;
mod later;
mod strategy;

pub use again::dumped_again;
pub use expected::{Whole, differences};
pub use later::written_later;
pub(crate) use strategy::point;
pub use strategy::{any_model, large_model};

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, TypeKind};
use heapsake_core::reduce::Reason;

/// Where the first place is.
const BASE: u64 = 0x5500_0000_0000;
/// Bytes from one place to the next.
const PLACE: u64 = 16;
/// Where no object of a model lies.
const OUTSIDE: u64 = 0xdead_0000;

/// Where a reference leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nowhere.
    Nothing,
    /// To the node with this number; counted around, so that any number is one.
    Node(u32),
    /// To memory where objects may lie, and where none does.
    Hole(u8),
    /// Out of all memory.
    Outside(u8),
}

/// How an edge is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// By a text of the reducer's.
    Text(String),
    /// By a number.
    Index(u32),
}

/// A labelled edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What it means.
    pub kind: EdgeKind,
    /// What it is called.
    pub label: Label,
    /// Where it leads.
    pub aim: Aim,
}

/// What a node holds besides edges.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// An integer that fits.
    Small(i64),
    /// An integer of digits of 30 bits, least significant first.
    Big(bool, Vec<u32>),
    /// A double, by its bits.
    Float(u64),
    /// Two of them.
    Complex(u64, u64),
    /// Code points, lone surrogates among them.
    Text(Vec<u32>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A sequence.
    Elements(Vec<Aim>),
    /// A mapping.
    Entries(Vec<(Aim, Aim)>),
}

/// When a reducer fails, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// Before it has told anything, the type even.
    AtOnce,
    /// After the type.
    AfterType,
    /// After so many edges, at most all.
    AfterEdges(u8),
    /// After everything.
    AtLast,
}

/// An object of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The number of its type; counted around.
    pub type_number: u8,
    /// Its size in bytes.
    pub size: u64,
    /// What it holds.
    pub content: Content,
    /// Its edges, in order.
    pub edges: Vec<Edge>,
    /// Its facts, by name.
    pub facts: Vec<(String, String)>,
    /// How its reducer fails, with which reason and words.
    pub failure: Option<(Fails, Reason, String)>,
}

/// A frame of a thread of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The name of its function and of its file.
    pub name: String,
    /// The line.
    pub line: u32,
    /// The frame as an object.
    pub object: Aim,
    /// Its variables.
    pub variables: Vec<(String, Aim)>,
}

/// A heap that describes itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Names and kinds of the types; never none.
    pub types: Vec<(String, TypeKind)>,
    /// The objects; never none.
    pub nodes: Vec<Node>,
    /// What the walk starts from.
    pub roots: Vec<(String, Aim)>,
    /// Stacks, outermost frame first.
    pub threads: Vec<Vec<Frame>>,
    /// Scatters the nodes over memory: the number that a node's number is multiplied with.
    pub scatter: u32,
}

impl Model {
    /// The number of a node that an aim leads to.
    pub fn node(&self, aim: Aim) -> Option<usize> {
        match aim {
            Aim::Node(number) => Some(number as usize % self.nodes.len()),
            _ => None,
        }
    }

    /// Places in memory: a prime, so that any scatter meets each of them once; every second is a hole.
    fn places(&self) -> u64 {
        let least = 2 * self.nodes.len() as u64 + 300;
        // There is always one below twice a number.
        (least..2 * least).find(|number| (2..=number.isqrt()).all(|divisor| number % divisor != 0)).unwrap_or(least)
    }

    /// The place with this number.
    fn place(&self, number: u64, places: u64) -> Address {
        let step = 1 + u64::from(self.scatter) % (places - 1);
        Address(BASE + number * step % places * PLACE)
    }
}

/// Addresses of a model's nodes and of what aims lead to.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    model: &'a Model,
    count: u64,
}

impl<'a> Places<'a> {
    /// Those of `model`.
    pub fn new(model: &'a Model) -> Places<'a> {
        Places { model, count: model.places() }
    }

    /// The address of a node.
    pub fn of_node(&self, node: usize) -> Address {
        self.model.place(node as u64, self.count)
    }

    /// The address that an aim leads to.
    pub fn of(&self, aim: Aim) -> Address {
        match aim {
            Aim::Nothing => Address::NULL,
            Aim::Node(_) => self.of_node(self.model.node(aim).unwrap_or_default()),
            Aim::Hole(number) => self.model.place(self.model.nodes.len() as u64 + u64::from(number), self.count),
            Aim::Outside(number) => Address(OUTSIDE + u64::from(number) * PLACE),
        }
    }

    /// The bytes of memory in which objects may lie.
    pub fn length(&self) -> u64 {
        self.count * PLACE
    }
}
