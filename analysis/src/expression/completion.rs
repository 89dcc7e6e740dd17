//! What may follow at a place of an expression.

use super::scope::Scope;

/// A way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text that belongs there: a name.
    pub text: String,
    /// The column where it begins, in characters from 0: what stands from there to the cursor is replaced.
    pub from: usize,
    /// What it is.
    pub kind: CompletionKind,
}

/// What a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// A variable of the frame, or of the session.
    Variable,
    /// A global name.
    Global,
    /// A built-in of the language.
    Builtin,
    /// An attribute.
    Attribute,
    /// A method of a built-in type that the language has.
    Method,
    /// A key of a mapping.
    Key,
}

/// The ways to go on at `column` of an expression, in characters from 0.
pub fn complete(_scope: &Scope<'_>, _text: &str, _column: usize) -> Vec<Completion> {
    Vec::new()
}
