//! What responses consist of: threads, frames, scopes, variables, sources, modules.

use serde::Serialize;

pub(crate) use super::messages::Failure;

/// The largest number that clients are sure to keep exactly.
pub(crate) const LARGEST: i64 = i32::MAX as i64;

/// A thread, a task, a generator, or whatever else has a stack.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Thread {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// A source file.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) source_reference: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) presentation_hint: Option<&'static str>,
    pub(crate) origin: &'static str,
}

/// A frame, or a label between frames.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StackFrame {
    pub(crate) id: i64,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Source>,
    pub(crate) line: i64,
    pub(crate) column: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) presentation_hint: Option<&'static str>,
}

/// Variables of a frame that belong together.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) presentation_hint: Option<&'static str>,
    pub(crate) variables_reference: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) named_variables: Option<i64>,
    pub(crate) expensive: bool,
}

/// A variable, an attribute, an element.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub(crate) kind: String,
    pub(crate) presentation_hint: PresentationHint,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evaluate_name: Option<String>,
    pub(crate) variables_reference: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) named_variables: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) indexed_variables: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_reference: Option<String>,
}

/// How a variable is to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PresentationHint {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    /// A dump does not change: always read-only.
    pub(crate) attributes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) visibility: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lazy: bool,
}

impl PresentationHint {
    pub(crate) fn of(kind: &'static str) -> PresentationHint {
        PresentationHint { kind: Some(kind), attributes: vec!["readOnly"], ..PresentationHint::default() }
    }
}

/// What an expression gives.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Evaluated {
    pub(crate) result: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub(crate) kind: String,
    pub(crate) presentation_hint: PresentationHint,
    pub(crate) variables_reference: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) named_variables: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) indexed_variables: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_reference: Option<String>,
}

impl From<Variable> for Evaluated {
    fn from(variable: Variable) -> Evaluated {
        Evaluated {
            result: variable.value,
            kind: variable.kind,
            presentation_hint: variable.presentation_hint,
            variables_reference: variable.variables_reference,
            named_variables: variable.named_variables,
            indexed_variables: variable.indexed_variables,
            memory_reference: variable.memory_reference,
        }
    }
}

/// An exception and those that led to it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExceptionDetails {
    pub(crate) message: String,
    pub(crate) type_name: String,
    pub(crate) full_type_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evaluate_name: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) stack_trace: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) inner_exception: Vec<ExceptionDetails>,
}

/// A module of the program.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Module {
    pub(crate) id: i64,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    pub(crate) is_user_code: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
}

/// What may stand at the cursor.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Completion {
    pub(crate) label: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Where the replaced text starts.
    pub(crate) start: i64,
    /// How long it is.
    pub(crate) length: i64,
}
