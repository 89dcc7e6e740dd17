//! The tree of an expression.
//!
//! Chains of operators of one rank and chains of attributes, items and calls are lists, so that only brackets, conditions,
//! signs and powers nest.

use std::sync::Arc;

use super::super::values::Value;

/// A name.
pub(crate) type Symbol = Arc<str>;

/// A part of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Where it stands, in characters from 0; of an operation, where its operator stands.
    pub(crate) column: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Constant(Value),
    Name(Symbol),
    /// Pieces of an f-string.
    Format(Vec<Part>),
    Tuple(Vec<Node>),
    List(Vec<Node>),
    Set(Vec<Node>),
    Dict(Vec<Entry>),
    Starred(Box<Node>),
    Comprehension(Arc<Comprehension>),
    Unary(UnaryOperator, Box<Node>),
    /// From left to right.
    Binary(Box<Node>, Vec<(BinaryOperator, u32, Node)>),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Box<Node>, Vec<(Comparison, u32, Node)>),
    /// Condition, then, else.
    Conditional(Box<[Node; 3]>),
    Trailed(Box<Node>, Vec<(Trailer, u32)>),
    Slice(Box<[Option<Node>; 3]>),
    Walrus(Symbol, Box<Node>),
}

/// What follows a value.
#[derive(Clone, Debug)]
pub(crate) enum Trailer {
    Attribute(Symbol),
    Item(Node),
    Call(Vec<Argument>),
}

#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Positional(Node),
    Named(Symbol, Node),
    /// `*x`.
    Several(Node),
    /// `**x`.
    SeveralNamed(Node),
}

/// An entry of a dict display.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Pair(Node, Node),
    /// `**x`.
    Mapping(Node),
}

/// A piece of an f-string.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(Vec<u32>),
    Value {
        value: Node,
        /// `r`, `s`, `a`; `r` too where `=` asks for it.
        conversion: Option<char>,
        /// The format specification, which may have values in it.
        specification: Vec<Part>,
    },
}

/// What a comprehension makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    List,
    Set,
    Dict,
    Generator,
}

#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) made: Made,
    pub(crate) element: Node,
    /// Of a dict the value.
    pub(crate) value: Option<Node>,
    pub(crate) clauses: Vec<Clause>,
}

/// `for target in iterable if condition …`.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) target: Target,
    pub(crate) iterable: Node,
    pub(crate) conditions: Vec<Node>,
}

/// What a value is bound to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Name(Symbol),
    Several(Vec<Target>),
    /// One that takes what is left over.
    Rest(Box<Target>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOperator {
    Plus,
    Minus,
    Invert,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    MatrixMultiply,
    ShiftLeft,
    ShiftRight,
    And,
    Or,
    Xor,
}

impl BinaryOperator {
    /// As it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::FloorDivide => "//",
            BinaryOperator::Modulo => "%",
            BinaryOperator::Power => "**",
            BinaryOperator::MatrixMultiply => "@",
            BinaryOperator::ShiftLeft => "<<",
            BinaryOperator::ShiftRight => ">>",
            BinaryOperator::And => "&",
            BinaryOperator::Or => "|",
            BinaryOperator::Xor => "^",
        }
    }

    /// The methods that a class may define for it: of the left and of the right operand.
    pub(crate) fn methods(self) -> (&'static str, &'static str) {
        match self {
            BinaryOperator::Add => ("__add__", "__radd__"),
            BinaryOperator::Subtract => ("__sub__", "__rsub__"),
            BinaryOperator::Multiply => ("__mul__", "__rmul__"),
            BinaryOperator::Divide => ("__truediv__", "__rtruediv__"),
            BinaryOperator::FloorDivide => ("__floordiv__", "__rfloordiv__"),
            BinaryOperator::Modulo => ("__mod__", "__rmod__"),
            BinaryOperator::Power => ("__pow__", "__rpow__"),
            BinaryOperator::MatrixMultiply => ("__matmul__", "__rmatmul__"),
            BinaryOperator::ShiftLeft => ("__lshift__", "__rlshift__"),
            BinaryOperator::ShiftRight => ("__rshift__", "__rrshift__"),
            BinaryOperator::And => ("__and__", "__rand__"),
            BinaryOperator::Or => ("__or__", "__ror__"),
            BinaryOperator::Xor => ("__xor__", "__rxor__"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

impl Comparison {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterEqual => ">=",
            Comparison::In => "in",
            Comparison::NotIn => "not in",
            Comparison::Is => "is",
            Comparison::IsNot => "is not",
        }
    }
}
