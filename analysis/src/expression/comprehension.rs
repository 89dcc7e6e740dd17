//! Comprehensions and generator expressions: loops that can be left and gone on with.

use std::sync::Arc;

use super::cursor::Cursor;
use super::error::{Evaluated, type_error, value_error};
use super::evaluate::Evaluator;
use super::syntax::{Comprehension, Made, Symbol, Target};
use super::values::{Entries, Value};

/// The variables of the comprehensions around a place, inner ones last.
pub(crate) type Variables = Vec<(Symbol, Value)>;

/// A comprehension between two of its elements.
#[derive(Debug)]
pub(crate) struct Suspended {
    comprehension: Arc<Comprehension>,
    /// Of the loops that are entered, outermost first.
    cursors: Vec<Cursor>,
    variables: Variables,
    /// How many of these are of outside.
    outside: usize,
}

impl Evaluator<'_> {
    pub(crate) fn comprehension(&mut self, comprehension: &Arc<Comprehension>) -> Evaluated<Value> {
        // The outermost iterable is looked at in the place around, at once.
        let first = self.evaluate(&comprehension.clauses[0].iterable)?;
        let mut suspended = Suspended {
            comprehension: comprehension.clone(),
            cursors: vec![self.cursor(&first)?],
            variables: self.variables.clone(),
            outside: self.variables.len(),
        };
        match comprehension.made {
            Made::Generator => Ok(Value::flow("generator", Cursor::Comprehension(Box::new(suspended)))),
            Made::List => {
                let mut items = Vec::new();
                while let Some(value) = self.resume(&mut suspended)? {
                    self.made(1)?;
                    items.push(value);
                }
                Ok(Value::list(items))
            }
            Made::Set => {
                let mut entries = Entries::default();
                while let Some(value) = self.resume(&mut suspended)? {
                    self.made(1)?;
                    self.put(&mut entries, value, Value::None)?;
                }
                Ok(Value::Set(Arc::new(entries)))
            }
            Made::Dict => {
                let mut entries = Entries::default();
                while let Some(pair) = self.resume(&mut suspended)? {
                    self.made(1)?;
                    let Value::Tuple(pair) = pair else { continue };
                    self.put(&mut entries, pair[0].clone(), pair[1].clone())?;
                }
                Ok(Value::Dict(Arc::new(entries)))
            }
        }
    }

    /// The next element. Of a dict a pair.
    pub(crate) fn resume(&mut self, suspended: &mut Suspended) -> Evaluated<Option<Value>> {
        std::mem::swap(&mut self.variables, &mut suspended.variables);
        let comprehension = suspended.comprehension.clone();
        let found = self.resumed(&comprehension, &mut suspended.cursors);
        std::mem::swap(&mut self.variables, &mut suspended.variables);
        if matches!(found, Ok(None)) {
            suspended.variables.truncate(suspended.outside);
        }
        found
    }

    fn resumed(&mut self, comprehension: &Comprehension, cursors: &mut Vec<Cursor>) -> Evaluated<Option<Value>> {
        'next: loop {
            let depth = cursors.len();
            let Some(cursor) = cursors.last_mut() else { return Ok(None) };
            let clause = &comprehension.clauses[depth - 1];
            let Some(value) = self.next(cursor)? else {
                cursors.pop();
                continue;
            };
            self.bind(&clause.target, value)?;
            for condition in &clause.conditions {
                let value = self.evaluate(condition)?;
                if !self.truth(&value)? {
                    continue 'next;
                }
            }
            if depth < comprehension.clauses.len() {
                let iterable = self.evaluate(&comprehension.clauses[depth].iterable)?;
                cursors.push(self.cursor(&iterable)?);
                continue;
            }
            let element = self.evaluate(&comprehension.element)?;
            return match &comprehension.value {
                None => Ok(Some(element)),
                Some(value) => {
                    let value = self.evaluate(value)?;
                    Ok(Some(Value::tuple(vec![element, value])))
                }
            };
        }
    }

    fn bind(&mut self, target: &Target, value: Value) -> Evaluated<()> {
        match target {
            Target::Name(name) => {
                match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
                    Some((_, place)) => *place = value,
                    None => self.variables.push((name.clone(), value)),
                }
                Ok(())
            }
            Target::Rest(target) => self.bind(target, value),
            Target::Several(targets) => {
                let Ok(mut cursor) = self.cursor(&value) else {
                    return type_error(format!("cannot unpack non-iterable {} object", self.type_name(&value)));
                };
                let rest = targets.iter().position(|target| matches!(target, Target::Rest(_)));
                let mut values = Vec::new();
                while let Some(value) = self.next(&mut cursor)? {
                    values.push(value);
                    if rest.is_none() && values.len() > targets.len() {
                        return value_error(format!("too many values to unpack (expected {})", targets.len()));
                    }
                    self.made(1)?;
                }
                let least = targets.len() - usize::from(rest.is_some());
                if values.len() < least {
                    let at_least = if rest.is_some() { "at least " } else { "" };
                    let message = format!("not enough values to unpack (expected {at_least}{least}, got {})", values.len());
                    return value_error(message);
                }
                if let Some(rest) = rest {
                    let middle: Vec<Value> = values.splice(rest..values.len() - (least - rest), []).collect();
                    values.insert(rest, Value::list(middle));
                }
                for (target, value) in targets.iter().zip(values) {
                    self.bind(target, value)?;
                }
                Ok(())
            }
        }
    }
}
