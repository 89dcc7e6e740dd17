//! Values that hold others, and their end: one after another, so that nesting of any depth does not overflow the stack.

use std::cell::RefCell;
use std::ops::Deref;

use super::cursor::Cursor;
use super::values::{Entries, Flow, Value};

/// Elements of a list or a tuple.
#[derive(Clone, Debug, Default)]
pub struct Nested(Vec<Value>);

impl From<Vec<Value>> for Nested {
    fn from(values: Vec<Value>) -> Nested {
        Nested(values)
    }
}

impl Deref for Nested {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.0
    }
}

/// What is to be dropped.
enum Left {
    Value(Value),
    Cursor(Cursor),
}

thread_local! {
    /// What was in values that are being dropped; none while none is.
    static LEFT: RefCell<Option<Vec<Left>>> = const { RefCell::new(None) };
}

/// Whether the end of a value may be the end of others.
fn holds(value: &Value) -> bool {
    use Value as V;
    matches!(
        value,
        V::List(_)
            | V::Tuple(_)
            | V::Dict(_)
            | V::Set(_)
            | V::Frozenset(_)
            | V::Slice(_)
            | V::Method(_)
            | V::Bound(_)
            | V::Iterator(_)
            | V::View(..)
    )
}

/// Drops these when what is around them is dropped; at once when nothing is.
fn drop_flat(values: impl Iterator<Item = Left>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return;
    }
    let mut started = Vec::new();
    let outermost = LEFT.try_with(|left| {
        let mut left = left.borrow_mut();
        if let Some(left) = &mut *left {
            left.extend(&mut values);
            return false;
        }
        started.extend(&mut values);
        *left = Some(Vec::new());
        true
    });
    if outermost != Ok(true) {
        return;
    }
    while let Some(one) = started.pop() {
        match one {
            Left::Value(value) => drop(value),
            Left::Cursor(cursor) => drop(cursor),
        }
        // What it held is next.
        let _ = LEFT.try_with(|left| {
            if let Some(left) = &mut *left.borrow_mut() {
                started.append(left);
            }
        });
    }
    let _ = LEFT.try_with(|left| *left.borrow_mut() = None);
}

impl Drop for Nested {
    fn drop(&mut self) {
        drop_flat(std::mem::take(&mut self.0).into_iter().filter(holds).map(Left::Value));
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        let both = std::mem::take(&mut self.entries).into_iter().flat_map(|(key, value)| [key, value]);
        drop_flat(both.filter(holds).map(Left::Value));
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let cursor = match self.cursor.get_mut() {
            Ok(cursor) => cursor,
            Err(poisoned) => poisoned.into_inner(),
        };
        drop_flat(std::iter::once(Left::Cursor(std::mem::replace(cursor, Cursor::Ended))));
    }
}
