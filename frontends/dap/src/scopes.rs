//! `scopes`: what belongs to a frame. Nothing is counted that would have to be looked for.

use serde_json::{Value, json};

use crate::protocol::{Scope, ScopesArguments};
use crate::references::Node;
use crate::session::{Answer, Session};

impl Session {
    /// `scopes`. A label has none.
    pub(crate) fn scopes(&self, arguments: &ScopesArguments) -> Answer<Value> {
        let key = self.frame_key(arguments.frame_id)?;
        let mut scopes = Vec::new();
        let mut add = |name: &'static str, hint: Option<&'static str>, node: Node, named: Option<usize>, expensive: bool| {
            scopes.push(Scope {
                name,
                presentation_hint: hint,
                variables_reference: self.references.number(node),
                named_variables: named.map(|number| number as i64),
                expensive,
            });
        };
        if let Some(frame) = self.stacks.frame(key) {
            let locals = self.locals(key).len();
            let closure = self.closure(key).len();
            add("Locals", Some("locals"), Node::Locals(key), Some(locals), false);
            if closure > 0 {
                add("Closure", None, Node::Closure(key), Some(closure), false);
            }
            if self.stacks.exception(key.stack).is_some() {
                add("Exception", None, Node::Exception(key.stack), None, false);
            }
            if frame.globals.id.is_some() {
                add("Globals", None, Node::Globals(key), None, true);
            }
            if locals + closure > 0 {
                add("Held by", None, Node::HeldBy(key), None, true);
            }
        } else if self.stacks.exception(key.stack).is_some() {
            add("Exception", None, Node::Exception(key.stack), None, false);
        }
        Ok(json!({ "scopes": scopes }))
    }
}
