//! Requests, responses and events: the envelopes.

use serde::Serialize;
use serde_json::{Value, json};

/// A request of the client.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its number.
    pub(crate) seq: i64,
    /// Its name.
    pub(crate) command: String,
    /// What it asks; null when there is nothing.
    pub(crate) arguments: Value,
}

/// A message that is no request.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    /// The number of the request that it may have been meant as; 0 where there is none.
    pub(crate) seq: i64,
    /// The name of that request.
    pub(crate) command: String,
    /// What is wrong.
    pub(crate) problem: String,
}

impl Request {
    /// Reads one; none for what needs no answer: a response, an event.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Request>, Unreadable> {
        let unreadable = |problem: String| Unreadable { seq: 0, command: String::new(), problem };
        let value: Value = serde_json::from_slice(bytes).map_err(|problem| unreadable(format!("no JSON: {problem}")))?;
        let Value::Object(mut fields) = value else { return Err(unreadable("a message is a JSON object".to_owned())) };
        let seq = fields.get("seq").and_then(Value::as_i64);
        let command = fields.get("command").and_then(Value::as_str).map(str::to_owned);
        match fields.get("type").and_then(Value::as_str) {
            Some("response" | "event") => return Ok(None),
            Some("request") => {}
            kind => {
                let problem = format!("the type of a message is \"request\", not {}", kind.unwrap_or("missing"));
                return Err(Unreadable { seq: seq.unwrap_or(0), command: command.unwrap_or_default(), problem });
            }
        }
        match (seq, command) {
            (Some(seq), Some(command)) => {
                Ok(Some(Request { seq, command, arguments: fields.remove("arguments").unwrap_or(Value::Null) }))
            }
            (seq, command) => Err(Unreadable {
                seq: seq.unwrap_or(0),
                command: command.unwrap_or_default(),
                problem: "a request has a number `seq` and a text `command`".to_owned(),
            }),
        }
    }
}

/// An answer, without the number that its writer gives it.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) request: i64,
    pub(crate) command: String,
    pub(crate) outcome: Result<Value, Failure>,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// In words, for the user.
    pub(crate) message: String,
    /// Whether the editor is to show it at once.
    pub(crate) show: bool,
}

impl Response {
    /// As it is sent.
    pub(crate) fn into_value(self, seq: i64) -> Value {
        let mut value = json!({
            "seq": seq,
            "type": "response",
            "request_seq": self.request,
            "command": self.command,
            "success": self.outcome.is_ok(),
        });
        match self.outcome {
            Ok(Value::Null) => {}
            Ok(body) => value["body"] = body,
            Err(failure) => {
                // A format's braces would stand for variables.
                value["body"] = json!({ "error": {
                    "id": 1,
                    "format": "{message}",
                    "variables": { "message": failure.message },
                    "showUser": failure.show,
                } });
                value["message"] = failure.message.into();
            }
        }
        value
    }
}

/// Something that is told without being asked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(crate) body: Value,
}

impl Event {
    pub(crate) fn new(event: &'static str, body: Value) -> Event {
        Event { event, body }
    }

    /// As it is sent.
    pub(crate) fn into_value(self, seq: i64) -> Value {
        let mut value = json!({ "seq": seq, "type": "event", "event": self.event });
        if !self.body.is_null() {
            value["body"] = self.body;
        }
        value
    }
}
