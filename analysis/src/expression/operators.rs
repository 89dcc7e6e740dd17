//! Operators on two values: numbers, sequences, sets, dicts, formatting.

use std::sync::Arc;

use super::cursor::{Items, Store};
use super::error::{Evaluated, raised, refused, type_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::keys::Key;
use super::numbers::{self, Number};
use super::syntax::BinaryOperator;
use super::values::{Entries, Value};
use super::views::is_set_view;

impl Evaluator<'_> {
    pub(crate) fn binary(&mut self, operator: BinaryOperator, left: &Value, right: &Value) -> Evaluated<Value> {
        use BinaryOperator as O;
        if let (Value::Int(one), Value::Int(other)) = (left, right)
            && let Some(found) = numbers::binary(operator, &Number::Int(*one), &Number::Int(*other), false)?
        {
            return self.sized(found);
        }
        let (name, reflected) = operator.methods();
        if let Some(class) = self.overrides(left, name) {
            return Err(self.not_run(left, &class, name));
        }
        if let Some(class) = self.overrides(right, reflected) {
            return Err(self.not_run(right, &class, reflected));
        }
        let (one, other) = (self.form(left)?, self.form(right)?);
        if let (Form::Bool(one), Form::Bool(other)) = (&one, &other) {
            match operator {
                O::And => return Ok(Value::Bool(one & other)),
                O::Or => return Ok(Value::Bool(one | other)),
                O::Xor => return Ok(Value::Bool(one ^ other)),
                _ => {}
            }
        }
        if let (Some(one), Some(other)) = (Number::of(&one), Number::of(&other)) {
            if let (Number::Big(one), other) | (other, Number::Big(one)) = (&one, &other) {
                let bits = if let Number::Big(other) = other { other.bits() } else { 64 };
                self.worked(numbers::digits(one.bits()).saturating_mul(numbers::digits(bits)) / 64)?;
            }
            // From 3.14 on a real number is not made complex first.
            let mixed = self.version() >= (3, 14);
            if let Some(found) = numbers::binary(operator, &one, &other, mixed)? {
                return self.sized(found);
            }
            return Err(self.no_operator(operator, left, right));
        }
        match (operator, &one, &other) {
            (O::Add, Form::Text(one), Form::Text(other)) => {
                self.taken((one.len() + other.len()) as u64 * 4)?;
                return Ok(Value::codes(&[&one[..], other].concat()));
            }
            (O::Add, Form::Bytes(one), Form::Bytes(other) | Form::Bytearray(other)) => {
                self.taken((one.len() + other.len()) as u64)?;
                return Ok(Value::bytes(&[&one[..], other].concat()));
            }
            (O::Add, Form::Bytearray(one), Form::Bytes(other) | Form::Bytearray(other)) => {
                self.taken((one.len() + other.len()) as u64)?;
                return Ok(Value::Bytearray([&one[..], other].concat().into()));
            }
            (O::Add, Form::List(one), Form::List(other)) => return self.joined(one, other).map(Value::list),
            (O::Add, Form::Tuple(one), Form::Tuple(other)) => return self.joined(one, other).map(Value::tuple),
            (O::Add, Form::Text(_), _) => {
                return type_error(format!("can only concatenate str (not \"{}\") to str", self.type_name(right)));
            }
            (O::Add, Form::List(_), _) => {
                return type_error(format!("can only concatenate list (not \"{}\") to list", self.type_name(right)));
            }
            (O::Add, Form::Tuple(_), _) => {
                return type_error(format!("can only concatenate tuple (not \"{}\") to tuple", self.type_name(right)));
            }
            (O::Multiply, form, _) if is_sequence(form) && Number::of(&other).is_some() => {
                return self.repeated(&one, left, right);
            }
            (O::Multiply, _, form) if is_sequence(form) && Number::of(&one).is_some() => {
                return self.repeated(&other, right, left);
            }
            (O::Modulo, Form::Text(template), _) => {
                let codes = self.percent(template, right)?;
                return Ok(Value::codes(&codes));
            }
            (O::Modulo, Form::Bytes(template) | Form::Bytearray(template), _) => {
                let codes: Vec<u32> = template.iter().map(|byte| u32::from(*byte)).collect();
                let codes = self.percent_of_bytes(&codes, right)?;
                let bytes: Vec<u8> = codes.iter().map(|code| *code as u8).collect();
                return Ok(if matches!(one, Form::Bytes(_)) { Value::bytes(&bytes) } else { Value::Bytearray(bytes.into()) });
            }
            (O::Or, Form::Dict(one), Form::Dict(other)) if self.version() >= (3, 9) => {
                self.makes_a_dict(left, "__or__")?;
                self.makes_a_dict(right, "__ror__")?;
                let mut entries = Entries::default();
                for store in [one, other] {
                    for (shown, value) in self.pairs(store)? {
                        let key = self.key(&shown)?;
                        self.made(1)?;
                        entries.insert(key, shown, value);
                    }
                }
                return Ok(Value::Dict(Arc::new(entries)));
            }
            (O::And | O::Or | O::Xor | O::Subtract, _, _) => {
                let is_set = |form: &Form| matches!(form, Form::Set(_) | Form::Frozenset(_));
                let computes = |form: &Form| matches!(form, Form::Array(_) | Form::Table(_) | Form::Other);
                if (is_set_view(&one) && !computes(&other)) || (is_set_view(&other) && !computes(&one)) {
                    return self.view_operation(operator, left, right);
                }
                if is_set(&one) && is_set(&other) {
                    let members = self.members(right)?;
                    return self.set_operation(operator, left, &members);
                }
            }
            _ => {}
        }
        for (form, value) in [(&one, left), (&other, right)] {
            if matches!(form, Form::Array(_) | Form::Table(_)) {
                let name = self.type_name(value);
                return Err(refused(format!("{name} computes in C code, which is not run: a comprehension over it does")));
            }
            let counts = match form {
                Form::Other => true,
                // Of deques and arrays, where they are of one kind with the other or repeated.
                Form::Sequence(_) => match operator {
                    O::Add => matches!((&one, &other), (Form::Sequence(_), Form::Sequence(_))),
                    O::Multiply => Number::of(&one).is_some() || Number::of(&other).is_some(),
                    _ => false,
                },
                _ => false,
            };
            if counts && (self.class_attribute(value, name).is_some() || self.class_attribute(value, reflected).is_some()) {
                let type_name = self.type_name(value);
                return Err(refused(format!("{} of a {type_name} is code that is not run", operator.sign())));
            }
        }
        if operator == O::Or && self.version() >= (3, 10) && self.make_a_union(left, right) {
            return Err(refused("a union of types is not made here: a tuple of them does for isinstance()"));
        }
        Err(self.no_operator(operator, left, right))
    }

    fn no_operator(&mut self, operator: BinaryOperator, left: &Value, right: &Value) -> super::error::Failure {
        let sign = if operator == BinaryOperator::Power { "** or pow()" } else { operator.sign() };
        let (one, other) = (self.type_name(left), self.type_name(right));
        raised("TypeError", format!("unsupported operand type(s) for {sign}: '{one}' and '{other}'"))
    }

    /// A result whose size counts.
    pub(crate) fn sized(&mut self, value: Value) -> Evaluated<Value> {
        if let Value::Big(number) = &value {
            self.taken(number.bits() / 8)?;
            // What takes longer than an operation on a few digits is looked at by the clock.
            self.worked(number.bits() / 64)?;
        }
        Ok(value)
    }

    fn joined(&mut self, one: &Items, other: &Items) -> Evaluated<Vec<Value>> {
        // What is of the dump is counted as it is read.
        let made = [one, other].into_iter().filter(|items| matches!(items, Items::Made(_)));
        self.made(made.map(Items::len).sum())?;
        let mut values = self.all(one)?;
        values.extend(self.all(other)?);
        Ok(values)
    }

    fn repeated(&mut self, form: &Form, value: &Value, count: &Value) -> Evaluated<Value> {
        if matches!(self.form(count)?, Form::Float(_) | Form::Complex(..)) {
            return type_error(format!("can't multiply sequence by non-int of type '{}'", self.type_name(count)));
        }
        let count = self.wide_index(count)?.max(0);
        let length = self.length_of(form).unwrap_or(0);
        let total = count.saturating_mul(i128::from(length)).min(i128::from(u64::MAX)) as u64;
        let count = if total == 0 { 0 } else { count as usize };
        match form {
            Form::Text(codes) => {
                self.taken(total.saturating_mul(4))?;
                Ok(Value::codes(&codes.repeat(count)))
            }
            Form::Bytes(bytes) => {
                self.taken(total)?;
                Ok(Value::bytes(&bytes.repeat(count)))
            }
            Form::Bytearray(bytes) => {
                self.taken(total)?;
                Ok(Value::Bytearray(bytes.repeat(count).into()))
            }
            Form::List(items) | Form::Tuple(items) => {
                self.made(total)?;
                let all = if count == 0 { Vec::new() } else { self.all(items)? };
                let mut values = Vec::with_capacity(total as usize);
                for _ in 0..count {
                    values.extend_from_slice(&all);
                }
                Ok(if matches!(form, Form::List(_)) { Value::list(values) } else { Value::tuple(values) })
            }
            _ => type_error(format!("can't multiply a {}", self.type_name(value))),
        }
    }

    /// Keys and values of a mapping.
    pub(crate) fn pairs(&mut self, store: &Store) -> Evaluated<Vec<(Value, Value)>> {
        match store {
            Store::Made(entries) => {
                for _ in 0..entries.len() {
                    self.step()?;
                }
                Ok(entries.pairs().to_vec())
            }
            Store::Held(id, length) => {
                let mut pairs = Vec::new();
                let mut from = 0;
                while from < *length {
                    let some = super::cursor::held_pairs(self.dump, *id, from, 1 << 14);
                    if some.is_empty() {
                        break;
                    }
                    for _ in &some {
                        self.step()?;
                    }
                    self.made(some.len() as u64)?;
                    from += some.len() as u64;
                    pairs.extend(some);
                }
                Ok(pairs)
            }
        }
    }

    /// The keys of a set, sorted by nothing.
    pub(crate) fn member_keys(&mut self, store: &Store) -> Evaluated<Vec<Key>> {
        if let Store::Made(entries) = store {
            return Ok(entries.keys().map(|(key, _)| key.clone()).collect());
        }
        let mut keys = Vec::new();
        for (member, _) in self.pairs(store)? {
            keys.push(self.key(&member)?);
        }
        Ok(keys)
    }

    /// What one can go through as a set.
    pub(crate) fn members(&mut self, value: &Value) -> Evaluated<Arc<Entries>> {
        match value {
            Value::Set(entries) | Value::Frozenset(entries) => return Ok(entries.clone()),
            _ => {}
        }
        let cursor = self.cursor(value)?;
        let items = self.drain(cursor)?;
        self.set_of(items)
    }

    /// The entries of a mapping, for another one to have.
    pub(crate) fn copied(&mut self, store: &Store) -> Evaluated<Vec<(Value, Value)>> {
        if let Store::Made(entries) = store {
            self.made(entries.len() as u64)?;
        }
        self.pairs(store)
    }

    /// `&`, `|`, `-`, `^` of a set and others.
    pub(crate) fn set_operation(&mut self, operator: BinaryOperator, left: &Value, right: &Entries) -> Evaluated<Value> {
        let one = self.members(left)?;
        let mut found = Entries::default();
        let keep: fn(bool) -> bool = match operator {
            BinaryOperator::And => |there| there,
            BinaryOperator::Or => |_| true,
            _ => |there| !there,
        };
        for (key, shown) in one.keys() {
            self.step()?;
            if right.has(key) && key.is_ambiguous() {
                return Err(super::keys::ambiguous());
            }
            if keep(right.has(key)) {
                self.made(1)?;
                found.insert(key.clone(), shown.clone(), Value::None);
            }
        }
        if matches!(operator, BinaryOperator::Or | BinaryOperator::Xor) {
            for (key, shown) in right.keys() {
                self.step()?;
                if !one.has(key) {
                    self.made(1)?;
                    found.insert(key.clone(), shown.clone(), Value::None);
                }
            }
        }
        let found = Arc::new(found);
        Ok(if matches!(self.form(left)?, Form::Frozenset(_)) { Value::Frozenset(found) } else { Value::Set(found) })
    }
}

fn is_sequence(form: &Form) -> bool {
    matches!(form, Form::Text(_) | Form::Bytes(_) | Form::Bytearray(_) | Form::List(_) | Form::Tuple(_))
}
