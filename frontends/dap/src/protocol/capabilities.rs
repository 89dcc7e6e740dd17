//! What this adapter can do, as `initialize` tells it. What a dump cannot do is left out: it neither runs nor changes.

use serde_json::{Value, json};

/// The capabilities.
pub(crate) fn capabilities() -> Value {
    json!({
        "supportsConfigurationDoneRequest": true,
        "supportsDelayedStackTraceLoading": true,
        "supportsEvaluateForHovers": true,
        "supportsExceptionInfoRequest": true,
        "supportsCompletionsRequest": true,
        "completionTriggerCharacters": [".", "["],
        "supportsLoadedSourcesRequest": true,
        "supportsModulesRequest": true,
        "supportsReadMemoryRequest": true,
        "supportsClipboardContext": true,
        "supportsTerminateRequest": true,
        "supportsValueFormattingOptions": true,
        "supportsCancelRequest": true,
        "supportsFunctionBreakpoints": true,
        "exceptionBreakpointFilters": [],
    })
}
