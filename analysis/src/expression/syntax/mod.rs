//! Python's grammar of expressions: text to a tree. Nesting is bounded, so that nothing that walks a tree recurses without end.

mod displays;
mod literals;
mod parser;
mod strings;
mod tokens;
mod tree;

pub(crate) use parser::{Statement, parse, parse_statement};
pub(crate) use tokens::{is_name_part, is_name_start};
pub(crate) use tree::{
    Argument, BinaryOperator, Comparison, Comprehension, Entry, Kind, Made, Node, Part, Symbol, Target, Trailer, UnaryOperator,
};
