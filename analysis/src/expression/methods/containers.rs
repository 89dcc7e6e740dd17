//! Methods of dicts, lists, tuples, ranges and sets that change nothing.

use std::sync::Arc;

use super::super::arguments::Arguments;
use super::super::cursor::{Cursor, Items, Store};
use super::super::error::{Evaluated, type_error, value_error};
use super::super::evaluate::Evaluator;
use super::super::forms::Form;
use super::super::syntax::BinaryOperator;
use super::super::values::{Entries, Value, View};

impl Evaluator<'_> {
    pub(super) fn dict_method(&mut self, value: &Value, store: &Store, name: &'static str, given: Arguments) -> Evaluated<Value> {
        if let Some(class) = self.overrides(value, name) {
            return Err(self.not_run(value, &class, name));
        }
        let view = |view| Ok(Value::View(view, Arc::new(value.clone())));
        match name {
            "get" => {
                let given = given.positions(name, 1, 2)?;
                let found = self.found_in(store, &given[0])?;
                Ok(found.or_else(|| given.get(1).cloned()).unwrap_or(Value::None))
            }
            "copy" => {
                given.positions(name, 0, 0)?;
                self.makes_a_dict(value, name)?;
                let mut entries = Entries::default();
                for (shown, value) in self.copied(store)? {
                    self.put(&mut entries, shown, value)?;
                }
                Ok(Value::Dict(Arc::new(entries)))
            }
            _ => {
                given.positions(name, 0, 0)?;
                match name {
                    "keys" => view(View::Keys),
                    "values" => view(View::Values),
                    _ => view(View::Items),
                }
            }
        }
    }

    pub(super) fn sequence_method(
        &mut self,
        value: &Value,
        form: &Form,
        name: &'static str,
        given: Arguments,
    ) -> Evaluated<Value> {
        if let Some(class) = self.overrides(value, name) {
            return Err(self.not_run(value, &class, name));
        }
        let items = match form {
            Form::List(items) | Form::Tuple(items) | Form::Sequence(items) => items.clone(),
            Form::Range(span) => Items::Range(*span),
            _ => return type_error("no sequence"),
        };
        match name {
            "copy" => {
                given.positions(name, 0, 0)?;
                if let Items::Made(made) = &items {
                    self.made(made.len() as u64)?;
                }
                Ok(Value::list(self.all(&items)?))
            }
            "count" => {
                let given = given.positions(name, 1, 1)?;
                let mut count = 0;
                let mut cursor = Cursor::new(items);
                while let Some(element) = self.next(&mut cursor)? {
                    count += i64::from(self.alike(&element, &given[0])?);
                }
                Ok(Value::Int(count))
            }
            _ => {
                let given = given.positions(name, 1, if matches!(form, Form::Range(_)) { 1 } else { 3 })?;
                let length = i128::from(items.len());
                let mut bound = |value: Option<&Value>, default: i128| -> Evaluated<i128> {
                    match value {
                        None => Ok(default),
                        Some(value) => {
                            let at = self.wide_index(value)?;
                            Ok(if at < 0 { (at + length).max(0) } else { at.min(length) })
                        }
                    }
                };
                let (from, to) = (bound(given.get(1), 0)?, bound(given.get(2), length)?);
                let mut cursor = Cursor::new(items);
                let mut at = 0i128;
                while let Some(element) = self.next(&mut cursor)? {
                    if at >= to {
                        break;
                    }
                    if at >= from && self.alike(&element, &given[0])? {
                        return Ok(Value::wide(at));
                    }
                    at += 1;
                }
                let kind = self.type_name(value);
                match form {
                    Form::Tuple(_) => value_error("tuple.index(x): x not in tuple"),
                    _ => {
                        let shown = self.repr(&given[0])?;
                        let shown = super::super::forms::harmless(&super::super::values::string_of(&shown));
                        value_error(format!("{shown} is not in {kind}"))
                    }
                }
            }
        }
    }

    pub(super) fn set_method(&mut self, value: &Value, form: &Form, name: &'static str, given: Arguments) -> Evaluated<Value> {
        if let Some(class) = self.overrides(value, name) {
            return Err(self.not_run(value, &class, name));
        }
        let operator = match name {
            "union" => Some(BinaryOperator::Or),
            "intersection" => Some(BinaryOperator::And),
            "difference" => Some(BinaryOperator::Subtract),
            "symmetric_difference" => Some(BinaryOperator::Xor),
            _ => None,
        };
        if let Some(operator) = operator {
            let most = if name == "symmetric_difference" { 1 } else { 1000 };
            let given = given.positions(name, usize::from(most == 1), most)?;
            let mut found = value.clone();
            if given.is_empty() {
                let members = self.members(value)?;
                found = if matches!(form, Form::Frozenset(_)) { Value::Frozenset(members) } else { Value::Set(members) };
            }
            for other in given {
                let members = self.members(&other)?;
                found = self.set_operation(operator, &found, &members)?;
            }
            return Ok(found);
        }
        if name == "copy" {
            given.positions(name, 0, 0)?;
            let members = self.members(value)?;
            return Ok(if matches!(form, Form::Frozenset(_)) { Value::Frozenset(members) } else { Value::Set(members) });
        }
        let given = given.positions(name, 1, 1)?;
        if matches!(form, Form::View(..)) {
            return self.disjoint_view(value, &given[0]).map(Value::Bool);
        }
        let own = Store::Made(self.members(value)?);
        let other = Store::Made(self.members(&given[0])?);
        Ok(Value::Bool(match name {
            "issubset" => self.subset(&own, &other)?,
            "issuperset" => self.subset(&other, &own)?,
            _ => {
                let mut disjoint = true;
                for (member, _) in self.pairs(&own)? {
                    disjoint &= self.found_in(&other, &member)?.is_none();
                }
                disjoint
            }
        }))
    }
}
