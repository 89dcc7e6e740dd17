//! Equality, order and containment.

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::FromPrimitive;

use super::cursor::{Cursor, Items, Store};
use super::error::{Evaluated, refused, type_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::keys::Key;
use super::numbers::Number;
use super::search;
use super::syntax::Comparison;
use super::values::{Value, View};

/// Entries of a mapping that are gone through rather than indexed.
const FEW: u64 = 32;

impl Evaluator<'_> {
    /// `left == right`.
    pub(crate) fn equal(&mut self, left: &Value, right: &Value) -> Evaluated<bool> {
        self.deeper(|evaluator| evaluator.equal_within(left, right))
    }

    /// Whether they are one, or equal: what containers compare their elements by.
    pub(crate) fn alike(&mut self, left: &Value, right: &Value) -> Evaluated<bool> {
        Ok(self.same(left, right)? || self.equal(left, right)?)
    }

    fn equal_within(&mut self, left: &Value, right: &Value) -> Evaluated<bool> {
        self.step()?;
        for (value, other) in [(left, right), (right, left)] {
            if let Some(class) = self.overrides(value, "__eq__") {
                if let Some(holds) = self.generated_equality(value, other)? {
                    return Ok(holds);
                }
                return Err(self.not_run(value, &class, "__eq__"));
            }
        }
        let (one, other) = (self.form(left)?, self.form(right)?);
        if let (Some(one), Some(other)) = (Number::of(&one), Number::of(&other)) {
            return Ok(equal_numbers(&one, &other));
        }
        Ok(match (&one, &other) {
            (Form::None, Form::None) | (Form::Ellipsis, Form::Ellipsis) => true,
            (Form::Text(one), Form::Text(other)) => one == other,
            (Form::Bytes(one) | Form::Bytearray(one), Form::Bytes(other) | Form::Bytearray(other)) => one == other,
            (Form::List(one), Form::List(other)) | (Form::Tuple(one), Form::Tuple(other)) => self.equal_items(one, other)?,
            (Form::Sequence(one), Form::Sequence(other)) if self.type_name(left) == self.type_name(right) => {
                self.equal_items(one, other)?
            }
            (Form::Set(one) | Form::Frozenset(one), Form::Set(other) | Form::Frozenset(other)) => {
                one.len() == other.len() && self.subset(one, other)?
            }
            (Form::View(View::Keys, one), Form::View(View::Keys, other) | Form::Set(other) | Form::Frozenset(other))
            | (Form::Set(one) | Form::Frozenset(one), Form::View(View::Keys, other)) => {
                one.len() == other.len() && self.subset(one, other)?
            }
            (Form::View(View::Items, _), _) | (_, Form::View(View::Items, _)) => {
                match self.compared_views(Comparison::Equal, left, right)? {
                    Some(holds) => holds,
                    None => self.same(left, right)?,
                }
            }
            (Form::Dict(one), Form::Dict(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                // Two ordered dicts are equal in order alone.
                let ordered = |name: String| name == "OrderedDict";
                let in_order = ordered(self.type_name(left)) && ordered(self.type_name(right));
                let others = if in_order { self.pairs(other)? } else { Vec::new() };
                for (position, (key, value)) in self.pairs(one)?.into_iter().enumerate() {
                    if in_order && !self.alike(&key, &others[position].0)? {
                        return Ok(false);
                    }
                    match self.found_in(other, &key)? {
                        Some(found) if self.alike(&value, &found)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Form::Range(one), Form::Range(other)) => {
                let length = one.len();
                length == other.len() && (length == 0 || (one.start == other.start && (length == 1 || one.step == other.step)))
            }
            (Form::Slice(one), Form::Slice(other)) => {
                let (one, other) = (one.to_vec(), other.to_vec());
                self.equal_items(&Items::made(one), &Items::made(other))?
            }
            (Form::Class, Form::Class) => self.same(left, right)?,
            (Form::Array(_) | Form::Table(_), _) | (_, Form::Array(_) | Form::Table(_)) => {
                return Err(refused("arrays and tables compare in C code, which is not run: a comprehension over them does"));
            }
            (Form::Other, _) | (_, Form::Other) => match (left, right) {
                (Value::Method(one), Value::Method(other)) => one.1 == other.1 && self.same(&one.0, &other.0)?,
                (Value::Bound(one), Value::Bound(other)) => one.1 == other.1 && self.same(&one.0, &other.0)?,
                _ if self.same(left, right)? => true,
                _ => {
                    self.identity_is_equality(left, right)?;
                    false
                }
            },
            _ => self.same(left, right)?,
        })
    }

    /// Instances of one dataclass, which compare by their fields.
    fn generated_equality(&mut self, left: &Value, right: &Value) -> Evaluated<Option<bool>> {
        if !self.is_generated(left, "__eq__") {
            return Ok(None);
        }
        let (one, other) = (self.type_of(left)?, self.type_of(right)?);
        if !self.same(&one, &other)? {
            // The other's own may still say that they are equal.
            return Ok(if self.overrides(right, "__eq__").is_some() { None } else { Some(false) });
        }
        let (Some(one), Some(other)) = (self.dataclass_fields(left, "compare")?, self.dataclass_fields(right, "compare")?) else {
            return Ok(None);
        };
        for ((_, one), (_, other)) in one.iter().zip(&other) {
            if !self.alike(one, other)? {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }

    /// Refuses where a type of C has an equality of its own.
    fn identity_is_equality(&mut self, left: &Value, right: &Value) -> Evaluated<()> {
        for value in [left, right] {
            if let Value::Object(id) = value {
                let object = self.dump.object(*id);
                self.whole(&object)?;
                if let Some((class, found)) = self.class_attribute(value, "__eq__") {
                    let class = self.class_name(&Value::Object(class));
                    let is_c = found.object().is_some_and(|id| self.dump.object(id).type_name() == "wrapper_descriptor");
                    let other_type = self.type_name(left) != self.type_name(right);
                    if is_c && class != "object" && class != "type" && !other_type {
                        let message = format!(
                            "== of a {} is C code, which is not run; `is` tells whether they are one",
                            self.type_name(value)
                        );
                        return Err(refused(message));
                    }
                }
            }
        }
        Ok(())
    }

    fn equal_items(&mut self, one: &Items, other: &Items) -> Evaluated<bool> {
        if one.len() != other.len() {
            return Ok(false);
        }
        let (mut one, mut other) = (Cursor::new(one.clone()), Cursor::new(other.clone()));
        while let (Some(left), Some(right)) = (self.next(&mut one)?, self.next(&mut other)?) {
            if !self.alike(&left, &right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether all members of the first are in the second.
    pub(crate) fn subset(&mut self, one: &Store, other: &Store) -> Evaluated<bool> {
        for (member, _) in self.pairs(one)? {
            if self.found_in(other, &member)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The value under a key.
    pub(crate) fn found_in(&mut self, store: &Store, wanted: &Value) -> Evaluated<Option<Value>> {
        let key = self.key(wanted)?;
        match store {
            Store::Made(entries) => match entries.get(&key) {
                Some(_) if key.is_ambiguous() => Err(super::keys::ambiguous()),
                found => Ok(found.cloned()),
            },
            Store::Held(id, length) => {
                let position = self.position_in(*id, *length, &key)?;
                let Some(position) = position else {
                    if let Some(class) = self.overrides(wanted, "__eq__") {
                        return Err(self.not_run(wanted, &class, "__eq__"));
                    }
                    return Ok(None);
                };
                Ok(super::cursor::held_pairs(self.dump, *id, position, 1).pop().map(|(_, value)| value))
            }
        }
    }

    /// Where a key stands in a mapping of the dump.
    fn position_in(&mut self, id: heapsake_loader::ObjectId, length: u64, wanted: &Key) -> Evaluated<Option<u64>> {
        if length > FEW {
            let known = self.indexes.entry(id).or_default();
            known.0 += 1;
            if let Some(index) = &known.1 {
                return Ok(index.get(wanted).copied());
            }
            if known.0 > 2 && length <= self.limits.elements {
                let mut index = rustc_hash::FxHashMap::default();
                let mut at = 0u64;
                while at < length {
                    let some = super::cursor::held_pairs(self.dump, id, at, 1 << 14);
                    if some.is_empty() {
                        break;
                    }
                    for (key, _) in some {
                        if !matches!(key, Value::Stray(_))
                            && let Ok(key) = self.key(&key)
                        {
                            index.entry(key).or_insert(at);
                        }
                        at += 1;
                        self.step()?;
                    }
                }
                let found = index.get(wanted).copied();
                self.indexes.entry(id).or_default().1 = Some(Arc::new(index));
                return Ok(found);
            }
        }
        let mut at = 0u64;
        let mut batch = 256;
        while at < length {
            let some = super::cursor::held_pairs(self.dump, id, at, batch);
            batch = (batch * 4).min(1 << 14);
            if some.is_empty() {
                break;
            }
            for (key, _) in some {
                self.step()?;
                if self.is_key(&key, wanted)? {
                    return Ok(Some(at));
                }
                at += 1;
            }
        }
        Ok(None)
    }

    /// Whether a key of the dump is the wanted one; what is lost is none.
    fn is_key(&mut self, key: &Value, wanted: &Key) -> Evaluated<bool> {
        let Value::Object(id) = key else { return Ok(false) };
        use heapsake_core::heap::TypeKind as K;
        let object = self.dump.object(*id);
        match (wanted, object.kind()) {
            (Key::Object(wanted), _) if wanted == id => Ok(true),
            (Key::Text(text), K::Str) => {
                // Compared where it lies: most keys are of another length.
                let ascii = text.iter().all(|code| *code < 0x80);
                if ascii && object.surrogate().is_none() {
                    let same = |bytes: &[u8]| {
                        bytes.len() == text.len() && bytes.iter().zip(&**text).all(|(byte, code)| u32::from(*byte) == *code)
                    };
                    return Ok(object.with_text(same).unwrap_or(false));
                }
                Ok(self.key(key).is_ok_and(|key| key == *wanted))
            }
            (Key::Text(_), _) | (_, K::Str) => Ok(false),
            (Key::Int(number), K::Int) if object.type_name() == "int" && object.surrogate().is_none() => {
                Ok(object.value() == heapsake_loader::PlainValue::Int(*number))
            }
            (Key::Int(_), K::Tuple | K::None) => Ok(false),
            _ => Ok(self.key(key).is_ok_and(|key| key == *wanted)),
        }
    }

    /// `value in container`.
    pub(crate) fn contains(&mut self, container: &Value, value: &Value) -> Evaluated<bool> {
        if let Some(class) = self.overrides(container, "__contains__") {
            return Err(self.not_run(container, &class, "__contains__"));
        }
        match self.form(container)? {
            Form::Text(codes) => match self.form(value)? {
                Form::Text(wanted) => {
                    self.worked(codes.len() as u64)?;
                    Ok(search::find(&codes, &wanted).is_some())
                }
                _ => type_error(format!("'in <string>' requires string as left operand, not {}", self.type_name(value))),
            },
            Form::Bytes(bytes) | Form::Bytearray(bytes) => match self.form(value)? {
                Form::Bytes(wanted) | Form::Bytearray(wanted) => {
                    self.worked(bytes.len() as u64)?;
                    Ok(search::find(&bytes, &wanted).is_some())
                }
                form if Number::of(&form).is_some() => {
                    let wanted = self.wide_index(value)?;
                    match u8::try_from(wanted) {
                        Ok(byte) => Ok(bytes.contains(&byte)),
                        Err(_) => Err(super::error::raised("ValueError", "byte must be in range(0, 256)")),
                    }
                }
                _ => type_error(format!("a bytes-like object is required, not '{}'", self.type_name(value))),
            },
            Form::Dict(store) | Form::View(View::Keys, store) => Ok(self.found_in(&store, value)?.is_some()),
            Form::Set(store) | Form::Frozenset(store) => {
                if let Form::Set(inner) = self.form(value)? {
                    // A set is looked for as a frozen one.
                    let mut keys = self.member_keys(&inner)?;
                    keys.sort_unstable();
                    let wanted = Key::Frozenset(keys);
                    return Ok(match &store {
                        Store::Made(entries) => entries.has(&wanted),
                        Store::Held(id, length) => self.position_in(*id, *length, &wanted)?.is_some(),
                    });
                }
                Ok(self.found_in(&store, value)?.is_some())
            }
            Form::Range(span) => match self.form(value)? {
                Form::Bool(_) | Form::Int(_) => {
                    let wanted = self.wide_index(value)?;
                    let inside = if span.step > 0 {
                        wanted >= span.start && wanted < span.stop
                    } else {
                        wanted <= span.start && wanted > span.stop
                    };
                    Ok(inside && (wanted - span.start) % span.step == 0)
                }
                Form::Float(number) => {
                    let Some(whole) = (number.fract() == 0.0).then(|| BigInt::from_f64(number)).flatten() else {
                        return Ok(false);
                    };
                    self.contains(container, &Value::integer(whole))
                }
                _ => Ok(false),
            },
            Form::View(View::Items, store) => match self.form(value)? {
                Form::Tuple(items) if items.len() == 2 => {
                    let pair = self.all(&items)?;
                    match self.found_in(&store, &pair[0])? {
                        Some(found) => self.alike(&found, &pair[1]),
                        None => Ok(false),
                    }
                }
                _ => Ok(false),
            },
            _ => {
                let mut cursor = match self.cursor(container) {
                    Ok(cursor) => cursor,
                    Err(failure) if failure.exception == Some("TypeError") => {
                        return type_error(format!("argument of type '{}' is not iterable", self.type_name(container)));
                    }
                    Err(failure) => return Err(failure),
                };
                while let Some(element) = self.next(&mut cursor)? {
                    if self.alike(&element, value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// `<`, `<=`, `>`, `>=`.
    pub(crate) fn ordered(&mut self, comparison: Comparison, left: &Value, right: &Value) -> Evaluated<bool> {
        self.deeper(|evaluator| evaluator.ordered_within(comparison, left, right))
    }

    fn ordered_within(&mut self, comparison: Comparison, left: &Value, right: &Value) -> Evaluated<bool> {
        self.step()?;
        let name = |comparison: Comparison| match comparison {
            Comparison::Less => "__lt__",
            Comparison::LessEqual => "__le__",
            Comparison::Greater => "__gt__",
            _ => "__ge__",
        };
        let mirrored = match comparison {
            Comparison::Less => Comparison::Greater,
            Comparison::LessEqual => Comparison::GreaterEqual,
            Comparison::Greater => Comparison::Less,
            _ => Comparison::LessEqual,
        };
        if let Some(class) = self.overrides(left, name(comparison)) {
            return Err(self.not_run(left, &class, name(comparison)));
        }
        if let Some(class) = self.overrides(right, name(mirrored)) {
            return Err(self.not_run(right, &class, name(mirrored)));
        }
        let (one, other) = (self.form(left)?, self.form(right)?);
        let holds = |ordering: Option<Ordering>| match (comparison, ordering) {
            (_, None) => false,
            (Comparison::Less, Some(ordering)) => ordering.is_lt(),
            (Comparison::LessEqual, Some(ordering)) => ordering.is_le(),
            (Comparison::Greater, Some(ordering)) => ordering.is_gt(),
            (_, Some(ordering)) => ordering.is_ge(),
        };
        if let (Some(one), Some(other)) = (Number::of(&one), Number::of(&other))
            && !matches!(one, Number::Complex(..))
            && !matches!(other, Number::Complex(..))
        {
            return Ok(holds(compare_numbers(&one, &other)));
        }
        match (&one, &other) {
            (Form::Text(one), Form::Text(other)) => return Ok(holds(Some(one.cmp(other)))),
            (Form::Bytes(one) | Form::Bytearray(one), Form::Bytes(other) | Form::Bytearray(other)) => {
                return Ok(holds(Some(one.cmp(other))));
            }
            (Form::List(one), Form::List(other)) | (Form::Tuple(one), Form::Tuple(other)) => {
                return self.ordered_items(comparison, one, other);
            }
            (Form::Slice(one), Form::Slice(other)) => {
                let bounds = |bounds: &[Value; 3]| Items::made(bounds.to_vec());
                return self.ordered_items(comparison, &bounds(one), &bounds(other));
            }
            (Form::Sequence(one), Form::Sequence(other)) if self.type_name(left) == self.type_name(right) => {
                return self.ordered_items(comparison, one, other);
            }
            (
                Form::Set(one) | Form::Frozenset(one) | Form::View(View::Keys, one),
                Form::Set(other) | Form::Frozenset(other) | Form::View(View::Keys, other),
            ) => {
                let (small, large) =
                    if matches!(comparison, Comparison::Less | Comparison::LessEqual) { (one, other) } else { (other, one) };
                let strict = matches!(comparison, Comparison::Less | Comparison::Greater);
                let fits = if strict { small.len() < large.len() } else { small.len() <= large.len() };
                return Ok(fits && self.subset(small, large)?);
            }
            (Form::View(View::Items, _), _) | (_, Form::View(View::Items, _)) => {
                if let Some(holds) = self.compared_views(comparison, left, right)? {
                    return Ok(holds);
                }
            }
            _ => {}
        }
        for (form, value) in [(&one, left), (&other, right)] {
            if matches!(form, Form::Array(_) | Form::Table(_) | Form::Other)
                && let Some((class, _)) = self.class_attribute(value, name(comparison))
                && self.class_name(&Value::Object(class)) != "object"
            {
                return Err(refused(format!("{} of a {} is C code, which is not run", comparison.sign(), self.type_name(value))));
            }
        }
        let (one, other) = (self.type_name(left), self.type_name(right));
        type_error(format!("'{}' not supported between instances of '{one}' and '{other}'", comparison.sign()))
    }

    fn ordered_items(&mut self, comparison: Comparison, one: &Items, other: &Items) -> Evaluated<bool> {
        let lengths = one.len().cmp(&other.len());
        let (mut one, mut other) = (Cursor::new(one.clone()), Cursor::new(other.clone()));
        while let (Some(left), Some(right)) = (self.next(&mut one)?, self.next(&mut other)?) {
            if !self.alike(&left, &right)? {
                return self.ordered(comparison, &left, &right);
            }
        }
        Ok(match comparison {
            Comparison::Less => lengths.is_lt(),
            Comparison::LessEqual => lengths.is_le(),
            Comparison::Greater => lengths.is_gt(),
            _ => lengths.is_ge(),
        })
    }
}

fn compare_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (one, other) {
        (Number::Int(one), Number::Int(other)) => Some(one.cmp(other)),
        (Number::Float(one), Number::Float(other)) => one.partial_cmp(other),
        (Number::Float(one), _) => compare_float(*one, &other.big()),
        (_, Number::Float(other)) => compare_float(*other, &one.big()).map(Ordering::reverse),
        _ => Some(one.big().cmp(&other.big())),
    }
}

fn compare_float(one: f64, other: &BigInt) -> Option<Ordering> {
    if one.is_nan() {
        return None;
    }
    if one.is_infinite() {
        return Some(if one > 0.0 { Ordering::Greater } else { Ordering::Less });
    }
    let whole = BigInt::from_f64(one.floor())?;
    Some(whole.cmp(other).then(if one.fract() == 0.0 { Ordering::Equal } else { Ordering::Greater }))
}

fn equal_numbers(one: &Number, other: &Number) -> bool {
    let parts = |number: &Number| match number {
        Number::Complex(real, imaginary) => (Number::Float(*real), *imaginary),
        other => (other.clone(), 0.0),
    };
    let ((one, first), (other, second)) = (parts(one), parts(other));
    first == second && compare_numbers(&one, &other) == Some(Ordering::Equal)
}
