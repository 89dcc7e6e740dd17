//! Sorting by Python's `<` alone, which need not be a total order: NaN and sets have none.

use super::error::Evaluated;
use super::evaluate::Evaluator;
use super::syntax::Comparison;
use super::values::Value;

/// A key and the value that it orders.
type Keyed = (Value, Value);

impl Evaluator<'_> {
    /// In ascending order of keys, or descending; equal ones stay as they stood.
    pub(crate) fn sort(&mut self, mut keyed: Vec<Keyed>, descending: bool) -> Evaluated<Vec<Keyed>> {
        let length = keyed.len();
        let mut width = 1;
        while width < length {
            let mut merged = Vec::with_capacity(length);
            let mut rest = keyed.into_iter();
            loop {
                let left: Vec<Keyed> = rest.by_ref().take(width).collect();
                if left.is_empty() {
                    break;
                }
                let right: Vec<Keyed> = rest.by_ref().take(width).collect();
                self.merge(left, right, descending, &mut merged)?;
            }
            keyed = merged;
            width *= 2;
        }
        Ok(keyed)
    }

    /// Two sorted runs as one; of equal keys the left ones are first.
    fn merge(&mut self, left: Vec<Keyed>, right: Vec<Keyed>, descending: bool, merged: &mut Vec<Keyed>) -> Evaluated<()> {
        let in_order = match (left.last(), right.first()) {
            (Some(last), Some(first)) => !self.precedes(first, last, descending)?,
            _ => true,
        };
        if in_order {
            merged.extend(left);
            merged.extend(right);
            return Ok(());
        }
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
            let next = if self.precedes(other, one, descending)? { right.next() } else { left.next() };
            merged.extend(next);
        }
        merged.extend(left);
        merged.extend(right);
        Ok(())
    }

    /// Whether an element that stands behind another must be before it.
    fn precedes(&mut self, later: &Keyed, earlier: &Keyed, descending: bool) -> Evaluated<bool> {
        let (one, other) = if descending { (&earlier.0, &later.0) } else { (&later.0, &earlier.0) };
        self.ordered(Comparison::Less, one, other)
    }
}
