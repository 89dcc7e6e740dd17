//! `evaluate`: expressions over the heap, by the language that all front ends share. No code of the dump runs.

use std::sync::Arc;
use std::time::Duration;

use heapsake_analysis::expression::{self, Limits, Scope};
use heapsake_loader::harmless_line;
use serde_json::{Value as Json, json};

use crate::protocol::{EvaluateArguments, Evaluated, Failure, Variable};
use crate::references::{Called, Node};
use crate::results::ResultNumber;
use crate::session::{Answer, Session};
use crate::shown::{Manner, NAME, hexadecimal};
use crate::stacks::{FrameKey, Row, Stack};
use crate::task::Task;
use crate::variables::{Child, Content, Way};

/// How long an evaluation may take that no user waits for: clients ask again and again.
const UNASKED: Duration = Duration::from_secs(2);

/// The limits of an evaluation: short for watches and hovers, unless they ask for the graph of the dump.
fn limits(context: Option<&str>, text: &str, task: &Arc<Task>) -> Limits {
    let is_long = matches!(context, Some("repl" | "clipboard")) || text.contains("refs(") || text.contains("path(");
    let limits = Limits { watch: Some(Arc::clone(task) as _), ..Limits::default() };
    if is_long { limits } else { Limits { time: UNASKED, ..limits } }
}

impl Session {
    /// The names that a frame sees; without one, those of modules.
    pub(crate) fn scope(&self, frame: Option<i64>) -> Answer<Scope<'_>> {
        let key = frame.map(|number| self.frame_key(number)).transpose()?;
        let of_frame = key.and_then(|key| self.scope_of(key));
        let mut scope = of_frame.unwrap_or_else(|| Scope::of_dump(&self.dump));
        self.results.bind(&mut scope);
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
    pub(crate) fn evaluate(&self, arguments: &EvaluateArguments, task: &Arc<Task>) -> Answer<Json> {
        let mut scope = self.scope(arguments.frame_id)?;
        let manner = Manner::of_result(arguments);
        let text = arguments.expression.trim();
        let context = arguments.context.as_deref();
        let limits = limits(context, text, task);
        let value = if context == Some("repl") {
            let value = expression::execute(&mut scope, text, &limits);
            self.results.name(&scope);
            value
        } else {
            expression::evaluate(&scope, text, &limits).map(Some)
        };
        let value = value.map_err(|problem| Failure::new(harmless_line(&problem.to_string(), 2000)))?;
        let Some(value) = value else {
            // A name was given.
            return Ok(json!({ "result": "", "variablesReference": 0 }));
        };
        let keep = |value: expression::Value| {
            let question = (arguments.frame_id, text.to_owned(), context.unwrap_or_default().to_owned());
            Some(self.results.keep(question, value))
        };
        let mut variable = self.result_variable(value, keep, manner);
        let frame = arguments.frame_id.and_then(|number| self.frame_key(number).ok());
        let called = Called { expression: Some(as_operand(text)), frame };
        variable.variables_reference = self.references.call(variable.variables_reference, called);
        Ok(serde_json::to_value(Evaluated::from(variable)).unwrap_or_default())
    }

    /// What an expression gave, without a name. It is kept where it has parts.
    pub(crate) fn result_variable(
        &self,
        value: expression::Value,
        keep: impl FnOnce(expression::Value) -> Option<ResultNumber>,
        manner: Manner,
    ) -> Variable {
        if let Some(id) = value.object() {
            return self.object_variable(id, manner);
        }
        let shown = match &value {
            expression::Value::Int(number) if manner.hex => hexadecimal(i128::from(*number)),
            _ => manner.line(&value.show(&self.dump, manner.limits.characters)),
        };
        let mut variable = crate::variables::words(shown, harmless_line(&value.type_name(&self.dump), NAME));
        let length = value.length(&self.dump);
        if length > 0
            && let Some(number) = keep(value)
        {
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
                None => Content::Result(child.value, number, at),
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
