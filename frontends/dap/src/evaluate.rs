//! `evaluate`: expressions over the heap, by the language that all front ends share. No code of the dump runs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use heapsake_analysis::expression::{self, Limits, Scope};
use heapsake_loader::harmless_line;
use serde_json::{Value as Json, json};

use crate::protocol::{EvaluateArguments, Evaluated, Failure, Variable};
use crate::references::Node;
use crate::session::{Answer, Session};
use crate::shown::{Manner, NAME, hexadecimal};
use crate::stacks::{FrameKey, Row, Stack};
use crate::variables::{Child, Content, Way};

/// The number of a result that is no object of the dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ResultNumber(u32);

/// What expressions gave that is no object of the dump, kept for as long as the session is.
#[derive(Debug, Default)]
pub(crate) struct Results {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    values: Vec<expression::Value>,
    /// The parts of a result, by their position.
    parts: HashMap<(ResultNumber, u64), ResultNumber>,
    /// Names that the user gave in the console.
    names: HashMap<String, expression::Value>,
}

impl Results {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, value: expression::Value) -> ResultNumber {
        let mut state = self.state();
        state.values.push(value);
        ResultNumber(state.values.len() as u32 - 1)
    }

    fn keep_part(&self, of: ResultNumber, at: u64, value: expression::Value) -> ResultNumber {
        if let Some(known) = self.state().parts.get(&(of, at)) {
            return *known;
        }
        let number = self.keep(value);
        self.state().parts.insert((of, at), number);
        number
    }

    /// Keeps the names that the user gave.
    fn name(&self, scope: &Scope<'_>) {
        let names = scope.bound_names().filter_map(|name| Some((name.to_owned(), scope.bound(name)?.clone())));
        self.state().names.extend(names);
    }

    fn get(&self, number: ResultNumber) -> Option<expression::Value> {
        self.state().values.get(number.0 as usize).cloned()
    }
}

impl Session {
    /// The names that a frame sees; without one, those of modules.
    pub(crate) fn scope(&self, frame: Option<i64>) -> Answer<Scope<'_>> {
        let key = frame.map(|number| self.frame_key(number)).transpose()?;
        let of_frame = key.and_then(|key| self.scope_of(key));
        let mut scope = of_frame.unwrap_or_else(|| Scope::of_dump(&self.dump));
        for (name, value) in &self.results.state().names {
            scope.bind(name.clone(), value.clone());
        }
        Ok(scope)
    }

    fn scope_of(&self, key: FrameKey) -> Option<Scope<'_>> {
        let rows = self.stacks.rows(key.stack)?;
        let Row::Frame(at) = rows.get(key.row as usize)? else { return None };
        match self.stacks.get(key.stack)? {
            Stack::Thread(_) => Some(Scope::of_frame(&self.dump, (key.stack - 1) as usize, *at as usize)),
            Stack::Task(_) | Stack::Suspended(_) => {
                let frame = self.dump.referenced(self.stacks.frame(key)?.object)?;
                Some(Scope::of_frame_object(&self.dump, frame.id()))
            }
            Stack::Nothing(_) | Stack::More(..) => None,
        }
    }

    /// `evaluate`.
    pub(crate) fn evaluate(&self, arguments: &EvaluateArguments) -> Answer<Json> {
        let mut scope = self.scope(arguments.frame_id)?;
        let manner = Manner::of_result(arguments);
        let text = arguments.expression.trim();
        let value = if arguments.context.as_deref() == Some("repl") {
            let value = expression::execute(&mut scope, text, &Limits::default());
            self.results.name(&scope);
            value
        } else {
            expression::evaluate(&scope, text, &Limits::default()).map(Some)
        };
        let value = value.map_err(|problem| Failure::new(harmless_line(&problem.to_string(), 2000)))?;
        let Some(value) = value else {
            // A name was given.
            return Ok(json!({ "result": "", "variablesReference": 0 }));
        };
        let variable = match value.object() {
            Some(id) => self.object_variable(id, manner),
            None => {
                let number = self.results.keep(value);
                self.result_variable(number, manner)
            }
        };
        self.references.call(variable.variables_reference, Some(&as_operand(text)));
        Ok(serde_json::to_value(Evaluated::from(variable)).unwrap_or_default())
    }

    /// What an expression gave, without a name.
    pub(crate) fn result_variable(&self, number: ResultNumber, manner: Manner) -> Variable {
        let Some(value) = self.results.get(number) else { return Variable::default() };
        if let Some(id) = value.object() {
            return self.object_variable(id, manner);
        }
        let shown = match value {
            expression::Value::Int(number) if manner.hex => hexadecimal(i128::from(number)),
            _ => manner.line(&value.show(&self.dump, manner.limits.characters)),
        };
        let mut variable = crate::variables::words(shown, harmless_line(&value.type_name(&self.dump), NAME));
        let length = value.length(&self.dump);
        if length > 0 {
            variable.variables_reference = self.references.number(Node::Result(number));
            variable.indexed_variables = self.paged(length);
        }
        variable
    }

    pub(crate) fn result_length(&self, number: ResultNumber) -> u64 {
        self.results.get(number).map_or(0, |value| value.length(&self.dump))
    }

    /// Parts of what an expression gave.
    pub(crate) fn result_children(&self, number: ResultNumber, from: u64, count: u64) -> Vec<Child> {
        let Some(value) = self.results.get(number) else { return Vec::new() };
        let children = value.children(&self.dump, from, count).into_iter().zip(from..);
        let child = |(child, at): (expression::Child, u64)| {
            let content = match child.value.object() {
                Some(id) => Content::Target(heapsake_core::format::Target::Object(id.0)),
                None => Content::Result(self.results.keep_part(number, at, child.value)),
            };
            let is_suffix = child.name.starts_with(['[', '.']);
            let way = if is_suffix { Way::After(child.name.clone()) } else { Way::None };
            Child::new(child.name, content, way)
        };
        children.map(child).collect()
    }
}

/// An expression that a suffix may follow.
fn as_operand(text: &str) -> String {
    let is_plain = text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '[' | ']' | '\''));
    if is_plain { text.to_owned() } else { format!("({text})") }
}
