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
mod exceptions;
mod format;
mod forms;
mod heap;
mod items;
mod keys;
mod limits;
mod methods;
mod native;
mod nested;
mod numbers;
mod operators;
mod percent;
mod quoted;
mod representation;
mod rounding;
mod scope;
mod search;
mod show;
mod sort;
mod specification;
mod syntax;
mod types;
mod values;
mod views;

pub use completion::{Completion, CompletionKind, complete};
pub use error::ExpressionError;
pub use limits::{Limits, Watch};
pub use scope::Scope;
pub use values::{Child, Entries, Flow, Nested, Part, Span, Value, View};

use std::sync::Arc;

use rustc_hash::FxHashMap;

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
        if !is_kept(&value) {
            let message = format!("an iterator, or a value nested more than {KEPT_DEEP} deep, is not kept: list() makes a list");
            return Err(ExpressionError::new(message, 0));
        }
        scope.bind(name, value);
    }
    if name.is_some() {
        return Ok(None);
    }
    let is_none = matches!(value, Value::None);
    if !is_none && is_kept(&value) {
        scope.remember(value.clone());
    }
    Ok(Some(value))
}

type Bound = Vec<(String, Value)>;

fn evaluated(scope: &Scope<'_>, node: &Node, limits: &Limits) -> Result<(Value, Bound), ExpressionError> {
    let mut evaluator = Evaluator::new(scope, limits.clone());
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

/// Whether a session keeps a value.
fn is_kept(value: &Value) -> bool {
    height(value, KEPT_DEEP, &mut FxHashMap::default()).is_some()
}

/// How deep a value is nested; none when deeper than so much, and of an iterator. Shared ones are looked at once.
fn height(value: &Value, most: usize, known: &mut FxHashMap<*const (), usize>) -> Option<usize> {
    let place = match value {
        Value::List(items) | Value::Tuple(items) => Arc::as_ptr(items).cast::<()>(),
        Value::Dict(entries) | Value::Set(entries) | Value::Frozenset(entries) => Arc::as_ptr(entries).cast(),
        Value::Method(method) => Arc::as_ptr(method).cast(),
        Value::Bound(bound) => Arc::as_ptr(bound).cast(),
        Value::View(_, of) => Arc::as_ptr(of).cast(),
        Value::Slice(bounds) => Arc::as_ptr(bounds).cast(),
        // It may go on with others, of which each line would add one.
        Value::Iterator(_) => return None,
        _ => return (most > 0).then_some(1),
    };
    if let Some(found) = known.get(&place) {
        return (*found <= most).then_some(*found);
    }
    let left = most.checked_sub(1)?;
    let mut highest = |values: &mut dyn Iterator<Item = &Value>| {
        let mut highest = 0;
        for value in values {
            highest = height(value, left, known)?.max(highest);
        }
        Some(highest)
    };
    let inner = match value {
        Value::List(items) | Value::Tuple(items) => highest(&mut items.iter()),
        Value::Dict(entries) | Value::Set(entries) | Value::Frozenset(entries) => {
            highest(&mut entries.pairs().iter().flat_map(|(key, value)| [key, value]))
        }
        Value::Method(method) => highest(&mut std::iter::once(&method.0)),
        Value::Bound(bound) => highest(&mut std::iter::once(&bound.0)),
        Value::View(_, of) => highest(&mut std::iter::once(&**of)),
        Value::Slice(bounds) => highest(&mut bounds.iter()),
        _ => Some(0),
    }?;
    known.insert(place, inner + 1);
    Some(inner + 1)
}

#[cfg(test)]
mod expression_tests;
#[cfg(test)]
mod limits_tests;
