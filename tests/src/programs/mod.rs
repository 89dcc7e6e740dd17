//! Random Python object graphs as programs: what a program builds, its source text, and what it says of itself.
//!
//! A [`Graph`] is classes and nodes; a node refers to others by numbers that are counted around, so that any number is one,
//! and what is immutable refers to earlier nodes alone. [`source`] writes it down in Python, over what
//! `programs/graphs/making.py` offers; [`Description`] is what `programs/graphs/describing.py` said of the objects that came
//! of it, and [`differences`] holds a dump against that, by address.

mod again;
mod description;
mod source;
mod strategy;

pub use again::rebuilt_differences;
pub use description::{Description, differences};
pub use source::source;
pub use strategy::any_graph;

/// What a class derives from, unless from another of its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// `object`.
    Object,
    /// A built-in with a value or items, or an exception, by its name in Python.
    BuiltIn(&'static str),
}

/// Where instances of a class keep their attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In a dictionary, inline or managed, as the version has it.
    Dict,
    /// In slots.
    Slots(Vec<u8>),
    /// In slots and in a dictionary.
    Both(Vec<u8>),
    /// In slots, and there can be weak references.
    Weak(Vec<u8>),
}

/// A class of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// What it derives from.
    pub base: Base,
    /// An earlier class that it derives from instead.
    pub parent: Option<u8>,
    /// Where instances keep attributes.
    pub storage: Storage,
    /// Whether its name is a hostile one.
    pub is_renamed: bool,
}

/// A plain value.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// `None`, `True`, `...` and the like, as Python writes them.
    Constant(&'static str),
    /// An integer that fits.
    Small(i64),
    /// A larger one, by its hexadecimal digits.
    Big(bool, String),
    /// A double, by its bits.
    Float(u64),
    /// Code points, lone surrogates among them.
    Text(Vec<u32>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Bytes that can be changed.
    Bytearray(Vec<u8>),
}

/// A container of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// `list`
    List,
    /// `collections.deque`, with or without a greatest length.
    Deque(Option<u8>),
    /// `tuple`
    Tuple,
    /// `set`
    Set,
    /// `frozenset`
    Frozenset,
}

/// A container of keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// `dict`
    Dict,
    /// `collections.OrderedDict`
    Ordered,
    /// `collections.defaultdict`
    Default,
    /// `collections.Counter`
    Counter,
}

/// An object of a graph, or several that belong together.
#[expect(missing_docs, reason = "each variant says what its fields are")]
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A plain value.
    Atom(Atom),
    /// Items, of which some were removed.
    Sequence(Sequence, Vec<u32>, u8),
    /// Entries, of which some were removed and some moved to the end.
    Mapping(Mapping, Vec<(Atom, u32)>, u8, u8),
    /// An instance of a class of the graph: its value, attributes, how many were removed, whether its `__dict__` is read.
    Instance { class: u8, payload: Atom, attributes: Vec<(u8, u32)>, removed: u8, is_looked_at: bool },
    /// A function with what its cells, its defaults and its attributes hold.
    Function { style: u8, held: [u32; 2], defaults: Vec<u32>, attributes: Vec<(u8, u32)> },
    /// A generator, coroutine or async generator at a position; whether its frame is read.
    Suspended { kind: &'static str, style: u8, held: [u32; 2], steps: u8, is_looked_at: bool },
    /// An iterator that has given so many items.
    Iterator { kind: &'static str, source: u32, steps: u8 },
    /// An exception that was raised and caught: of a class of the graph or a built-in one, with a cause, some frames deep.
    Raised { class: Option<u8>, arguments: Vec<u32>, cause: Option<u32>, depth: u8 },
    /// What holds two others in a way of its own.
    Holder(&'static str, [u32; 2]),
    /// A cell.
    Cell(Option<u32>),
    /// A module with names.
    Module(Vec<(u8, u32)>),
    /// A weak reference or a container of some.
    Weak(u8, u32),
    /// One holds the next, so many times.
    Chain(&'static str, u16, u32),
    /// A container of many.
    Wide(&'static str, u16, u32),
    /// An object of the library.
    Ready(u8),
    /// A class of the graph.
    Class(u8),
    /// A thread with variables.
    Thread([u32; 2]),
    /// A task of asyncio that waits, in coroutines so deep.
    Task([u32; 2], u8),
}

/// A graph of objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Its classes.
    pub classes: Vec<Class>,
    /// Its objects; never none.
    pub nodes: Vec<Node>,
}
