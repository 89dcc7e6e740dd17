//! The language of questions to a heap: expressions in Python's grammar over the objects of a dump.
//!
//! No code of the dump ever runs: a property, a method in Python, an operator that a class defines is told, not called.
//! Every evaluation ends: steps, elements, bytes and time have limits. docs/expressions.md is the language.

#![allow(clippy::float_cmp, reason = "Python compares floats exactly")]
#![allow(clippy::unnecessary_box_returns, reason = "an error on its way is kept small, as it is in results")]

mod arguments;
mod attributes;
mod builtins;
mod compare;
mod completion;
mod comprehension;
mod construct;
mod cursor;
mod error;
mod evaluate;
mod format;
mod forms;
mod heap;
mod items;
mod keys;
mod limits;
mod methods;
mod numbers;
mod operators;
mod percent;
mod representation;
mod scope;
mod show;
mod specification;
mod syntax;
mod types;
mod values;

pub use completion::{Completion, CompletionKind, complete};
pub use error::ExpressionError;
pub use limits::Limits;
pub use scope::Scope;
pub use values::{Child, Entries, Flow, Part, Span, Value, View};

use evaluate::Evaluator;
use syntax::{Node, Statement};

/// How deep a value that a session keeps may be nested.
const KEPT_DEEP: usize = 100;

/// What an expression is in a scope.
///
/// # Errors
/// What is wrong with it, and in which column: the text, an operation that Python refuses too, one that would run code of
/// the dump, a value that the dump lacks, or a limit.
pub fn evaluate(scope: &Scope<'_>, text: &str, limits: &Limits) -> Result<Value, ExpressionError> {
    let node = syntax::parse(text)?;
    evaluated(scope, &node, limits).map(|(value, _)| value)
}

/// What a line of a session is: an expression, whose value is then called `_`, or `name = expression`, which has none.
///
/// # Errors
/// As [`evaluate`].
pub fn execute(scope: &mut Scope<'_>, text: &str, limits: &Limits) -> Result<Option<Value>, ExpressionError> {
    let (name, node) = match syntax::parse_statement(text)? {
        Statement::Expression(node) => (None, node),
        Statement::Assignment(name, node) => (Some(name), node),
    };
    let (value, assigned) = evaluated(scope, &node, limits)?;
    let kept = assigned.into_iter().chain(name.clone().map(|name| (name.to_string(), value.clone())));
    for (name, value) in kept {
        if depth(&value, KEPT_DEEP) == 0 {
            let message = format!("an iterator, or a value nested more than {KEPT_DEEP} deep, is not kept: list() makes a list");
            return Err(ExpressionError::new(message, 0));
        }
        scope.bind(name, value);
    }
    if name.is_some() {
        return Ok(None);
    }
    let is_none = matches!(value, Value::None);
    if !is_none && depth(&value, KEPT_DEEP) > 0 {
        scope.bind("_", value.clone());
    }
    Ok(Some(value))
}

type Bound = Vec<(String, Value)>;

fn evaluated(scope: &Scope<'_>, node: &Node, limits: &Limits) -> Result<(Value, Bound), ExpressionError> {
    let mut evaluator = Evaluator::new(scope, *limits);
    let value = evaluator.evaluate(node).map_err(|failure| {
        let mut failure = *failure;
        if failure.column == error::NOWHERE {
            failure.column = node.column as usize;
        }
        failure
    })?;
    let assigned = std::mem::take(&mut evaluator.assigned);
    Ok((value, assigned.into_iter().map(|(name, value)| (name.to_string(), value)).collect()))
}

/// How much of a depth is left below a value; 0 when it is nested deeper.
fn depth(value: &Value, left: usize) -> usize {
    if left == 0 {
        return 0;
    }
    let inner = |values: &mut dyn Iterator<Item = &Value>| values.map(|value| depth(value, left - 1)).min().unwrap_or(left);
    match value {
        Value::List(items) | Value::Tuple(items) => inner(&mut items.iter()),
        Value::Dict(entries) | Value::Set(entries) | Value::Frozenset(entries) => {
            inner(&mut entries.pairs().iter().flat_map(|(key, value)| [key, value]))
        }
        Value::Method(method) => inner(&mut std::iter::once(&method.0)),
        Value::Bound(bound) => inner(&mut std::iter::once(&bound.0)),
        Value::View(_, of) => inner(&mut std::iter::once(&**of)),
        Value::Slice(bounds) => inner(&mut bounds.iter()),
        // It may go on with others, of which each line would add one.
        Value::Iterator(_) => 0,
        _ => left,
    }
}

#[cfg(test)]
mod expression_tests;
