//! Views of mappings as sets: they compare with sets and views, and compute with anything that one can go through. Keys and
//! pairs are looked for in the mapping, so that values need no hash.

use super::error::{Evaluated, refused};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::syntax::{BinaryOperator, Comparison};
use super::values::{Entries, Value, View};

/// Whether a form is a view that is a set.
pub(crate) fn is_set_view(form: &Form) -> bool {
    matches!(form, Form::View(View::Keys | View::Items, _))
}

fn is_set(form: &Form) -> bool {
    matches!(form, Form::Set(_) | Form::Frozenset(_)) || is_set_view(form)
}

impl Evaluator<'_> {
    /// A comparison of two of which one is a view of pairs; none where it is none of sets.
    pub(crate) fn compared_views(&mut self, comparison: Comparison, left: &Value, right: &Value) -> Evaluated<Option<bool>> {
        let (one, other) = (self.form(left)?, self.form(right)?);
        let of_pairs = |form: &Form| matches!(form, Form::View(View::Items, _));
        if !(of_pairs(&one) || of_pairs(&other)) || !is_set(&one) || !is_set(&other) {
            return Ok(None);
        }
        let (first, second) = (self.length_of(&one).unwrap_or(0), self.length_of(&other).unwrap_or(0));
        // A set leaves the comparison to the view.
        let own = if is_set_view(&one) { (left, right) } else { (right, left) };
        let ((fits, small), large) = match comparison {
            Comparison::Less => ((first < second, left), right),
            Comparison::LessEqual => ((first <= second, left), right),
            Comparison::Greater => ((first > second, right), left),
            Comparison::GreaterEqual => ((first >= second, right), left),
            _ => ((first == second, own.0), own.1),
        };
        if !fits {
            return Ok(Some(false));
        }
        let mut cursor = self.cursor(small)?;
        while let Some(item) = self.next(&mut cursor)? {
            if !self.contains(large, &item)? {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }

    /// `&`, `|`, `-`, `^` of which one operand is a view: a set.
    pub(crate) fn view_operation(&mut self, operator: BinaryOperator, left: &Value, right: &Value) -> Evaluated<Value> {
        let (one, other) = (self.form(left)?, self.form(right)?);
        if operator == BinaryOperator::And && self.version() >= (3, 9) {
            return self.common(left, right);
        }
        let both_of_pairs = matches!((&one, &other), (Form::View(View::Items, _), Form::View(View::Items, _)));
        let own = self.members(left);
        let own = match own {
            // From 3.10 on only pairs that differ are hashed.
            Err(failure) if operator == BinaryOperator::Xor && both_of_pairs && self.version() >= (3, 10) => {
                let why = format!("^ of views is not known here where a value is unhashable ({})", failure.message);
                return Err(refused(why));
            }
            own => Value::Set(own?),
        };
        let others = self.members(right)?;
        self.set_operation(operator, &own, &others)
    }

    /// Whether a view and something have nothing in common.
    pub(crate) fn disjoint_view(&mut self, view: &Value, other: &Value) -> Evaluated<bool> {
        let form = self.form(other)?;
        let own = self.form(view)?;
        // The shorter one of two sets is gone through.
        let swapped = is_set(&form) && self.length_of(&form) > self.length_of(&own);
        let (within, through) = if swapped { (other, view) } else { (view, other) };
        let mut cursor = self.cursor(through)?;
        while let Some(item) = self.next(&mut cursor)? {
            if self.contains(within, &item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a view and something have in common.
    fn common(&mut self, left: &Value, right: &Value) -> Evaluated<Value> {
        let (mut view, mut other) = if is_set_view(&self.form(left)?) { (left, right) } else { (right, left) };
        let length = |evaluator: &mut Self, value: &Value| -> Evaluated<u64> {
            let form = evaluator.form(value)?;
            Ok(evaluator.length_of(&form).unwrap_or(0))
        };
        let form = self.form(other)?;
        if matches!(form, Form::Set(_)) && self.type_name(other) == "set" && length(self, view)? <= length(self, other)? {
            let (own, members) = (Value::Set(self.members(other)?), self.members(view)?);
            return self.set_operation(BinaryOperator::And, &own, &members);
        }
        if is_set_view(&form) && length(self, other)? > length(self, view)? {
            (view, other) = (other, view);
        }
        let mut cursor = self.cursor(other)?;
        let mut found = Entries::default();
        while let Some(item) = self.next(&mut cursor)? {
            if self.contains(view, &item)? {
                self.put(&mut found, item, Value::None)?;
                self.made(1)?;
            }
        }
        Ok(Value::Set(found.into()))
    }
}
