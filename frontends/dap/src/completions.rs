//! `completions`: how an expression may go on. Positions are counted in UTF-16 units, as editors count them.

use heapsake_analysis::expression::{CompletionKind, complete};
use heapsake_loader::harmless_line;
use serde_json::{Value, json};

use crate::protocol::{Completion, CompletionsArguments};
use crate::session::{Answer, Session};
use crate::shown::NAME;

/// Completions of one answer.
const MOST: usize = 1000;

impl Session {
    /// `completions`.
    pub(crate) fn completions(&self, arguments: &CompletionsArguments) -> Answer<Value> {
        let scope = self.scope(arguments.frame_id)?;
        let first = 1 + self.client.column_shift;
        let line = usize::try_from(arguments.line.unwrap_or(1).saturating_sub(1 + self.client.line_shift)).unwrap_or(0);
        let text = arguments.text.lines().nth(line).unwrap_or(&arguments.text);
        let wanted = usize::try_from(arguments.column.saturating_sub(first)).unwrap_or(0);
        let cursor = characters(text, wanted);
        let found = complete(&scope, text, cursor).into_iter().take(MOST);
        let targets = found.map(|one| {
            let start = units(text, one.from);
            Completion {
                label: harmless_line(&one.text, NAME),
                kind: match one.kind {
                    CompletionKind::Variable | CompletionKind::Global => "variable",
                    CompletionKind::Builtin => "function",
                    CompletionKind::Method => "method",
                    CompletionKind::Key => "value",
                    CompletionKind::Attribute => "property",
                },
                start: start as i64 + first,
                length: units(text, cursor).saturating_sub(start) as i64,
            }
        });
        Ok(json!({ "targets": targets.collect::<Vec<_>>() }))
    }
}

/// The UTF-16 units of the first characters.
fn units(text: &str, characters: usize) -> usize {
    text.chars().take(characters).map(char::len_utf16).sum()
}

/// The characters that so many UTF-16 units are.
fn characters(text: &str, units: usize) -> usize {
    let mut seen = 0;
    text.chars()
        .take_while(|letter| {
            seen += letter.len_utf16();
            seen <= units
        })
        .count()
}
