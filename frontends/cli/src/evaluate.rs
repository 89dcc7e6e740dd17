//! `heapsake inspect FILE --eval EXPRESSION`, and how values of expressions are told.

use anyhow::bail;
use heapsake_analysis::expression::{ExpressionError, Limits, Scope, Value, evaluate};
use heapsake_loader::Dump;
use serde_json::json;

use crate::inspect::object_json;
use crate::output::{Output, harmless};
use crate::path::{Path, Place};

/// Characters of a value that are shown.
pub(crate) const SHOWN: usize = 4000;
/// Children that JSON has.
const CHILDREN: u64 = 1000;

/// How much an expression may do.
#[derive(clap::Args, Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// The most steps of an expression: parts evaluated and elements gone through.
    #[arg(long, default_value_t = Limits::default().steps, value_name = "STEPS")]
    limit: u64,
    /// The most seconds of an expression.
    #[arg(long, default_value_t = Limits::default().time.as_secs(), value_name = "SECONDS")]
    seconds: u64,
}

impl Budget {
    pub(crate) fn limits(self) -> Limits {
        let usual = Limits::default();
        // Who allows more steps allows as many elements.
        let elements = usual.elements.max(self.limit / 4);
        Limits { steps: self.limit, elements, time: std::time::Duration::from_secs(self.seconds), ..usual }
    }
}

/// The frame of a place.
pub(crate) fn scope<'d>(dump: &'d Dump, place: &str) -> anyhow::Result<Scope<'d>> {
    let path = Path::parse(place)?;
    if !path.steps.is_empty() {
        bail!("{place:?} is no frame\nhint: --in thread:NAME/frame:NUMBER, 0 is the outermost, -1 the innermost");
    }
    let (thread, frame) = match &path.place {
        Place::Frame(..) | Place::Thread(_) => crate::inspect::frame_of(dump, &path.place)?,
        _ => bail!("{place:?} is no frame\nhint: --in thread:NAME/frame:NUMBER, 0 is the outermost, -1 the innermost"),
    };
    Ok(Scope::of_frame(dump, thread, frame))
}

/// Evaluates, and tells the value.
pub(crate) fn show(
    dump: &Dump,
    expression: &str,
    place: Option<&str>,
    budget: Budget,
    output: &mut Output,
) -> anyhow::Result<()> {
    let scope = match place {
        Some(place) => scope(dump, place)?,
        None if dump.threads().first().is_some_and(|thread| !thread.frames.is_empty()) => scope(dump, "frame:-1")?,
        None => Scope::of_dump(dump),
    };
    match evaluate(&scope, expression, &budget.limits()) {
        Ok(value) if output.json => output.value(&value_json(dump, &value))?,
        Ok(value) => output.line(value.show(dump, SHOWN))?,
        Err(problem) => bail!("{}", told(expression, &problem)),
    }
    Ok(())
}

/// An error in one line, and where.
pub(crate) fn told(expression: &str, problem: &ExpressionError) -> String {
    let column = problem.column;
    let text: String = expression.chars().skip(column).take(20).collect();
    let at = if text.is_empty() { "at its end".to_owned() } else { format!("at column {}: {}", column + 1, harmless(&text)) };
    format!("{problem}\nhint: {at}")
}

/// A value as JSON.
pub(crate) fn value_json(dump: &Dump, value: &Value) -> serde_json::Value {
    let mut told = match value.object() {
        Some(id) => object_json(&dump.object(id)),
        None => json!({ "type": value.type_name(dump), "shown": value.show(dump, SHOWN), "length": value.length(dump) }),
    };
    if let Some(text) = value.plain_text(dump) {
        told["text"] = text.into();
    }
    if value.object().is_none() {
        let children = value.children(dump, 0, CHILDREN).into_iter();
        told["children"] = children.map(|child| json!([child.name, child.value.show(dump, 200)])).collect();
    }
    told
}

/// An error as JSON.
pub(crate) fn error_json(problem: &ExpressionError) -> serde_json::Value {
    json!({ "error": problem.message, "exception": problem.exception, "column": problem.column })
}
