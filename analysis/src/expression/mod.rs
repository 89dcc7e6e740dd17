//! The language of questions to a heap: expressions in Python's grammar over the objects of a dump.
//!
//! No code of the dump ever runs: a property, a method in Python, an operator that a class defines is told, not called.
//! Every evaluation ends: steps, elements, bytes and time have limits. docs/expressions.md is the language.

mod completion;
mod error;
mod limits;
mod scope;
mod show;
mod values;

pub use completion::{Completion, CompletionKind, complete};
pub use error::ExpressionError;
pub use limits::Limits;
pub use scope::Scope;
pub use values::{Child, Value};

/// What an expression is in a scope.
///
/// # Errors
/// What is wrong with it, and in which column: the text, an operation that Python refuses too, one that would run code of
/// the dump, a value that the dump lacks, or a limit.
pub fn evaluate(_scope: &Scope<'_>, _text: &str, _limits: &Limits) -> Result<Value, ExpressionError> {
    Err(ExpressionError::new("expressions are not evaluated yet", 0))
}
