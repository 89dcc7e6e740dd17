//! The evaluation of a tree, within limits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use heapsake_loader::{Dump, ObjectId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::comprehension::Variables;
use super::error::{Evaluated, Failure, NOWHERE, raised, refused, type_error};
use super::forms::{Form, harmless};
use super::keys::Key;
use super::limits::Limits;
use super::scope::Scope;
use super::syntax::{Argument, Comparison, Entry, Kind, Node, Part, Symbol, Trailer, UnaryOperator};
use super::values::{Entries, Value};

/// How deep operations follow nested values.
const DEEPEST: usize = 150;

/// One evaluation.
#[derive(Debug)]
pub(crate) struct Evaluator<'s> {
    pub(crate) scope: &'s Scope<'s>,
    pub(crate) dump: &'s Dump,
    pub(crate) limits: Limits,
    steps: u64,
    elements: u64,
    bytes: u64,
    deadline: Option<Instant>,
    depth: usize,
    /// Of the comprehensions around.
    pub(crate) variables: Variables,
    /// What `:=` bound.
    pub(crate) assigned: HashMap<Symbol, Value>,
    /// Names that were looked up.
    names: FxHashMap<Symbol, Value>,
    /// By type and name: what a class has.
    pub(crate) class_attributes: FxHashMap<u32, FxHashMap<Symbol, Option<(ObjectId, Value)>>>,
    /// Numbers of types by their objects.
    pub(crate) classes: Option<FxHashMap<u32, u32>>,
    /// Positions of keys in large mappings that were asked more than once.
    pub(crate) indexes: FxHashMap<ObjectId, (u32, Option<Arc<FxHashMap<Key, u64>>>)>,
}

impl<'s> Evaluator<'s> {
    pub(crate) fn new(scope: &'s Scope<'s>, limits: Limits) -> Evaluator<'s> {
        Evaluator {
            scope,
            dump: scope.dump,
            deadline: Instant::now().checked_add(limits.time),
            limits,
            steps: 0,
            elements: 0,
            bytes: 0,
            depth: 0,
            variables: Vec::new(),
            assigned: HashMap::new(),
            names: FxHashMap::default(),
            class_attributes: FxHashMap::default(),
            classes: None,
            indexes: FxHashMap::default(),
        }
    }

    /// Counts a step.
    pub(crate) fn step(&mut self) -> Evaluated<()> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            return Err(refused(format!("stopped after {} steps; a higher limit goes on", grouped(self.limits.steps))));
        }
        if self.steps.is_multiple_of(1024) {
            self.in_time()?;
        }
        Ok(())
    }

    pub(crate) fn in_time(&self) -> Evaluated<()> {
        if self.limits.watch.as_ref().is_some_and(|watch| !watch.goes_on()) {
            return Err(refused("cancelled"));
        }
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(refused(format!("stopped after {:?}; a longer time goes on", self.limits.time)));
        }
        Ok(())
    }

    /// Counts what one step does to so many digits or letters, as steps.
    pub(crate) fn worked(&mut self, parts: u64) -> Evaluated<()> {
        if parts < 4096 {
            return Ok(());
        }
        self.steps = self.steps.saturating_add(parts / 4096);
        self.step()?;
        self.in_time()
    }

    /// Counts elements that are made.
    pub(crate) fn made(&mut self, count: u64) -> Evaluated<()> {
        self.elements = self.elements.saturating_add(count);
        if self.elements > self.limits.elements {
            return Err(refused(format!(
                "stopped after {} elements were made; a higher limit goes on",
                grouped(self.limits.elements)
            )));
        }
        Ok(())
    }

    /// Counts one more of many elements that are made; looks at the time now and then.
    pub(crate) fn one_more(&mut self) -> Evaluated<()> {
        self.made(1)?;
        if self.elements.is_multiple_of(4096) { self.in_time() } else { Ok(()) }
    }

    /// Whether a text of so many letters is within the limit, four bytes a letter: asked while it grows.
    pub(crate) fn within_bytes(&self, letters: usize) -> Evaluated<()> {
        let most = self.limits.bytes / 4;
        if letters as u64 > most {
            return Err(refused(format!("a text of more than {most} characters is not made")));
        }
        Ok(())
    }

    /// Counts bytes of text and integers.
    pub(crate) fn taken(&mut self, bytes: u64) -> Evaluated<()> {
        if bytes > self.limits.bytes {
            let message =
                format!("{} bytes at once are more than the {} that may be used", grouped(bytes), grouped(self.limits.bytes));
            return Err(refused(message));
        }
        self.bytes = self.bytes.saturating_add(bytes);
        // What was read is not all kept: ten times as much may pass.
        if self.bytes / 10 > self.limits.bytes {
            return Err(refused(format!(
                "stopped after {} bytes of text and integers; a higher limit goes on",
                grouped(self.bytes)
            )));
        }
        Ok(())
    }

    /// Does something one level deeper in nested values.
    pub(crate) fn deeper<T>(&mut self, act: impl FnOnce(&mut Self) -> Evaluated<T>) -> Evaluated<T> {
        if self.depth >= DEEPEST {
            return Err(raised("RecursionError", "nested too deeply"));
        }
        self.depth += 1;
        let result = act(self);
        self.depth -= 1;
        result
    }

    /// The value of a part of an expression.
    pub(crate) fn evaluate(&mut self, node: &Node) -> Evaluated<Value> {
        self.step()?;
        self.within(node).map_err(|failure| at(failure, node.column))
    }

    fn within(&mut self, node: &Node) -> Evaluated<Value> {
        match &node.kind {
            Kind::Constant(value) => Ok(value.clone()),
            Kind::Name(name) => self.name(name),
            Kind::Format(parts) => self.formatted(parts).map(|codes| Value::codes(&codes)),
            Kind::Tuple(nodes) => self.items(nodes).map(Value::tuple),
            Kind::List(nodes) => self.items(nodes).map(Value::list),
            Kind::Set(nodes) => {
                let items = self.items(nodes)?;
                self.set_of(items).map(Value::Set)
            }
            Kind::Dict(entries) => self.dict(entries),
            Kind::Starred(_) => Err(raised("SyntaxError", "a starred expression stands in a list, a tuple or a call")),
            Kind::Comprehension(comprehension) => self.comprehension(comprehension),
            Kind::Unary(operator, inner) => {
                let value = self.evaluate(inner)?;
                self.unary(*operator, &value)
            }
            Kind::Not(inner) => {
                let value = self.evaluate(inner)?;
                Ok(Value::Bool(!self.truth(&value)?))
            }
            Kind::Binary(first, rest) => {
                let mut value = self.evaluate(first)?;
                for (operator, column, node) in rest {
                    let right = self.evaluate(node)?;
                    self.step()?;
                    value = self.binary(*operator, &value, &right).map_err(|failure| at(failure, *column))?;
                }
                Ok(value)
            }
            Kind::And(nodes) | Kind::Or(nodes) => {
                let stops = matches!(node.kind, Kind::Or(_));
                let mut value = Value::None;
                for (position, node) in nodes.iter().enumerate() {
                    value = self.evaluate(node)?;
                    if position + 1 < nodes.len() && self.truth(&value)? == stops {
                        break;
                    }
                }
                Ok(value)
            }
            Kind::Compare(first, rest) => {
                let mut left = self.evaluate(first)?;
                let mut answer = Value::Bool(true);
                for (comparison, column, node) in rest {
                    let right = self.evaluate(node)?;
                    self.step()?;
                    let holds = self.compare(*comparison, &left, &right).map_err(|failure| at(failure, *column))?;
                    answer = Value::Bool(holds);
                    if !holds {
                        break;
                    }
                    left = right;
                }
                Ok(answer)
            }
            Kind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                let value = self.evaluate(condition)?;
                if self.truth(&value)? { self.evaluate(then) } else { self.evaluate(otherwise) }
            }
            Kind::Trailed(first, trailers) => {
                let mut value = self.evaluate(first)?;
                for (trailer, column) in trailers {
                    self.step()?;
                    value = self.trailed(&value, trailer).map_err(|failure| at(failure, *column))?;
                }
                Ok(value)
            }
            Kind::Slice(bounds) => {
                let mut values = [Value::None, Value::None, Value::None];
                for (value, bound) in values.iter_mut().zip(bounds.iter()) {
                    if let Some(node) = bound {
                        *value = self.evaluate(node)?;
                    }
                }
                Value::slice(values)
            }
            Kind::Walrus(name, inner) => {
                let value = self.evaluate(inner)?;
                if self.variables.iter().any(|(known, _)| known == name) {
                    return Err(raised(
                        "SyntaxError",
                        format!("{name:?} is bound by a comprehension and cannot be rebound by :="),
                    ));
                }
                self.assigned.insert(name.clone(), value.clone());
                Ok(value)
            }
        }
    }

    fn trailed(&mut self, value: &Value, trailer: &Trailer) -> Evaluated<Value> {
        match trailer {
            Trailer::Attribute(name) => self.attribute(value, name),
            Trailer::Item(node) => {
                let item = self.evaluate(node)?;
                self.item(value, &item)
            }
            Trailer::Call(arguments) => {
                let (positional, named) = self.arguments(arguments)?;
                self.call(value, positional, named)
            }
        }
    }

    #[allow(clippy::type_complexity, reason = "arguments as a call has them")]
    fn arguments(&mut self, arguments: &[Argument]) -> Evaluated<(Vec<Value>, Vec<(Symbol, Value)>)> {
        let mut positional = Vec::with_capacity(arguments.len());
        let mut named: Vec<(Symbol, Value)> = Vec::new();
        for argument in arguments {
            match argument {
                Argument::Positional(node) => positional.push(self.evaluate(node)?),
                Argument::Named(name, node) => {
                    let value = self.evaluate(node)?;
                    named.push((name.clone(), value));
                }
                Argument::Several(node) => {
                    let value = self.evaluate(node)?;
                    let mut cursor = self.cursor(&value)?;
                    while let Some(value) = self.next(&mut cursor)? {
                        self.made(1)?;
                        positional.push(value);
                    }
                }
                Argument::SeveralNamed(node) => {
                    let value = self.evaluate(node)?;
                    let Form::Dict(store) = self.form(&value)? else {
                        return type_error(format!("argument after ** must be a mapping, not {}", self.type_name(&value)));
                    };
                    for (key, value) in self.pairs(&store)? {
                        let Some(name) = self.text_of(&key) else { return type_error("keywords must be strings") };
                        self.one_more()?;
                        named.push((Symbol::from(name), value));
                    }
                }
            }
        }
        let mut before = FxHashSet::default();
        if let Some((name, _)) = named.iter().find(|(name, _)| !before.insert(name)) {
            return type_error(format!("got multiple values for keyword argument '{}'", harmless(name)));
        }
        Ok((positional, named))
    }

    fn items(&mut self, nodes: &[Node]) -> Evaluated<Vec<Value>> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            if let Kind::Starred(inner) = &node.kind {
                let value = self.evaluate(inner)?;
                let mut cursor = self.cursor(&value).map_err(|failure| at(failure, node.column))?;
                while let Some(value) = self.next(&mut cursor)? {
                    self.made(1)?;
                    values.push(value);
                }
            } else {
                values.push(self.evaluate(node)?);
            }
        }
        self.made(nodes.len() as u64)?;
        Ok(values)
    }

    pub(crate) fn set_of(&mut self, items: Vec<Value>) -> Evaluated<Arc<Entries>> {
        let mut entries = Entries::default();
        for item in items {
            self.put(&mut entries, item, Value::None)?;
        }
        Ok(Arc::new(entries))
    }

    fn dict(&mut self, nodes: &[Entry]) -> Evaluated<Value> {
        let mut entries = Entries::default();
        for node in nodes {
            match node {
                Entry::Pair(key, value) => {
                    let shown = self.evaluate(key)?;
                    let value = self.evaluate(value)?;
                    self.made(1)?;
                    self.put(&mut entries, shown, value)?;
                }
                Entry::Mapping(node) => {
                    let value = self.evaluate(node)?;
                    let Form::Dict(store) = self.form(&value)? else {
                        return type_error(format!("'{}' object is not a mapping", self.type_name(&value)));
                    };
                    for (shown, value) in self.copied(&store)? {
                        self.put(&mut entries, shown, value)?;
                    }
                }
            }
        }
        Ok(Value::Dict(Arc::new(entries)))
    }

    /// The text of an f-string.
    fn formatted(&mut self, parts: &[Part]) -> Evaluated<Vec<u32>> {
        let mut text = Vec::new();
        for part in parts {
            match part {
                Part::Text(codes) => text.extend_from_slice(codes),
                Part::Value { value, conversion, specification } => {
                    let column = value.column;
                    let mut value = self.evaluate(value)?;
                    let specification = self.formatted(specification)?;
                    value = match conversion {
                        Some('r') => Value::codes(&self.repr(&value)?),
                        Some('a') => Value::codes(&self.ascii(&value)?),
                        Some(_) => Value::codes(&self.str(&value)?),
                        None => value,
                    };
                    let shown = self.format(&value, &specification).map_err(|failure| at(failure, column))?;
                    self.within_bytes(text.len() + shown.len()).map_err(|failure| at(failure, column))?;
                    text.extend(shown);
                }
            }
            self.taken(text.len() as u64 * 4)?;
        }
        Ok(text)
    }

    /// The value of a name.
    fn name(&mut self, name: &Symbol) -> Evaluated<Value> {
        if let Some((_, value)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return Ok(value.clone());
        }
        if let Some(value) = self.assigned.get(name) {
            return Ok(value.clone());
        }
        if let Some(value) = self.names.get(name) {
            return Ok(value.clone());
        }
        let value = self.scope.look_up(name)?;
        self.names.insert(name.clone(), value.clone());
        Ok(value)
    }

    /// Whether a value counts as true.
    pub(crate) fn truth(&mut self, value: &Value) -> Evaluated<bool> {
        for name in ["__bool__", "__len__"] {
            if let Some(class) = self.overrides(value, name) {
                return Err(self.not_run(value, &class, name));
            }
        }
        if let Value::Object(_) = value
            && matches!(self.form(value), Ok(Form::Other))
        {
            for name in ["__bool__", "__len__"] {
                if self.class_attribute(value, name).is_some() {
                    let type_name = self.type_name(value);
                    return Err(refused(format!("whether a {type_name} is true is told by its {name}, which is not run")));
                }
            }
            return Ok(true);
        }
        Ok(match self.form(value)? {
            Form::None => false,
            Form::Bool(flag) => flag,
            Form::Int(number) => number != 0,
            Form::Float(number) => number != 0.0,
            Form::Complex(real, imaginary) => real != 0.0 || imaginary != 0.0,
            Form::Text(codes) => !codes.is_empty(),
            Form::Bytes(bytes) | Form::Bytearray(bytes) => !bytes.is_empty(),
            Form::List(items) | Form::Tuple(items) | Form::Sequence(items) => items.len() > 0,
            Form::Set(store) | Form::Frozenset(store) | Form::Dict(store) | Form::View(_, store) => store.len() > 0,
            Form::Range(span) => !span.is_empty(),
            Form::Array(items) if items.len() != 1 => {
                return Err(raised("ValueError", "the truth of an array of several elements is not known: use any() or all()"));
            }
            Form::Array(items) => {
                let only = items.at(self.dump, 0).unwrap_or(Value::Stray(0));
                return self.deeper(|evaluator| evaluator.truth(&only));
            }
            Form::Table(_) => return Err(raised("ValueError", "the truth of a table is not known")),
            _ => true,
        })
    }

    pub(crate) fn unary(&mut self, operator: UnaryOperator, value: &Value) -> Evaluated<Value> {
        let (name, sign) = match operator {
            UnaryOperator::Plus => ("__pos__", "+"),
            UnaryOperator::Minus => ("__neg__", "-"),
            UnaryOperator::Invert => ("__invert__", "~"),
        };
        if let Some(class) = self.overrides(value, name) {
            return Err(self.not_run(value, &class, name));
        }
        match super::numbers::unary(operator, &self.form(value)?) {
            Some(value) => self.sized(value),
            None => {
                self.not_of_c(value, &[name])?;
                type_error(format!("bad operand type for unary {sign}: '{}'", self.type_name(value)))
            }
        }
    }

    pub(crate) fn compare(&mut self, comparison: Comparison, left: &Value, right: &Value) -> Evaluated<bool> {
        match comparison {
            Comparison::Is => self.same(left, right),
            Comparison::IsNot => Ok(!self.same(left, right)?),
            Comparison::In => self.contains(right, left),
            Comparison::NotIn => Ok(!self.contains(right, left)?),
            Comparison::Equal => self.equal(left, right),
            Comparison::NotEqual => {
                if let Some(class) = self.overrides(left, "__ne__").or_else(|| self.overrides(right, "__ne__")) {
                    return Err(self.not_run(left, &class, "__ne__"));
                }
                Ok(!self.equal(left, right)?)
            }
            ordering => self.ordered(ordering, left, right),
        }
    }
}

/// A failure whose place is known now.
fn at(mut failure: Failure, column: u32) -> Failure {
    if failure.column == NOWHERE {
        failure.column = column as usize;
    }
    failure
}

/// A number with commas.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
