//! What requests ask, by request. Missing fields are none; fields that are not read here are left alone.

use serde::Deserialize;
use serde_json::Value;

/// `initialize`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitializeArguments {
    pub(crate) lines_start_at1: Option<bool>,
    pub(crate) columns_start_at1: Option<bool>,
    pub(crate) supports_variable_paging: Option<bool>,
    pub(crate) supports_memory_references: Option<bool>,
    pub(crate) supports_progress_reporting: Option<bool>,
}

/// `launch` and `attach`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LaunchArguments {
    /// The dump.
    pub(crate) dump: Option<Value>,
}

/// `setBreakpoints`, `setFunctionBreakpoints`, `setInstructionBreakpoints`, `setDataBreakpoints`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BreakpointsArguments {
    pub(crate) breakpoints: Option<Vec<Value>>,
    /// The older form of `setBreakpoints`.
    pub(crate) lines: Option<Vec<i64>>,
}

/// `setExceptionBreakpoints`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExceptionBreakpointsArguments {
    pub(crate) filters: Option<Vec<Value>>,
    pub(crate) filter_options: Option<Vec<Value>>,
}

/// `stackTrace`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StackTraceArguments {
    pub(crate) thread_id: i64,
    pub(crate) start_frame: Option<i64>,
    pub(crate) levels: Option<i64>,
    pub(crate) format: Option<FrameFormat>,
}

/// How frames are to be called.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct FrameFormat {
    pub(crate) module: Option<bool>,
    pub(crate) line: Option<bool>,
}

/// `scopes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScopesArguments {
    pub(crate) frame_id: i64,
}

/// `variables`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariablesArguments {
    pub(crate) variables_reference: i64,
    pub(crate) filter: Option<String>,
    pub(crate) start: Option<i64>,
    pub(crate) count: Option<i64>,
    pub(crate) format: Option<ValueFormat>,
}

/// How values are to be shown.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ValueFormat {
    pub(crate) hex: Option<bool>,
}

/// `evaluate`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EvaluateArguments {
    pub(crate) expression: String,
    pub(crate) frame_id: Option<i64>,
    pub(crate) context: Option<String>,
    pub(crate) format: Option<ValueFormat>,
}

/// `exceptionInfo`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExceptionInfoArguments {
    pub(crate) thread_id: i64,
}

/// `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceArguments {
    pub(crate) source: Option<AskedSource>,
    pub(crate) source_reference: Option<i64>,
}

/// The source that is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AskedSource {
    pub(crate) path: Option<String>,
    pub(crate) source_reference: Option<i64>,
}

/// `completions`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompletionsArguments {
    pub(crate) text: String,
    pub(crate) column: i64,
    pub(crate) line: Option<i64>,
    pub(crate) frame_id: Option<i64>,
}

/// `modules`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModulesArguments {
    pub(crate) start_module: Option<i64>,
    pub(crate) module_count: Option<i64>,
}

/// `readMemory`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadMemoryArguments {
    pub(crate) memory_reference: String,
    pub(crate) offset: Option<i64>,
    pub(crate) count: i64,
}

/// `cancel`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelArguments {
    pub(crate) request_id: Option<i64>,
    pub(crate) progress_id: Option<String>,
}
