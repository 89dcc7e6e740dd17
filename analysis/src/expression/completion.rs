//! What may follow at a place of an expression.

use super::builtins;
use super::evaluate::Evaluator;
use super::forms::Form;
use super::limits::Limits;
use super::methods;
use super::scope::Scope;
use super::syntax;
use super::types::CALLABLE;

/// Completions that are given.
const MOST: usize = 500;

/// A way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text that belongs there: a name, or a key with its quotes and bracket.
    pub text: String,
    /// The column where it begins, in characters from 0: what stands from there to the cursor is replaced.
    pub from: usize,
    /// What it is.
    pub kind: CompletionKind,
}

/// What a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompletionKind {
    /// A variable of the frame, or of the session.
    Variable,
    /// A global name.
    Global,
    /// An attribute.
    Attribute,
    /// A key of a mapping.
    Key,
    /// A method of a built-in type that the language has.
    Method,
    /// A built-in of the language.
    Builtin,
}

/// The ways to go on at `column` of an expression, in characters from 0. What stands before a `.` or `[` is evaluated, within
/// small limits.
pub fn complete(scope: &Scope<'_>, text: &str, column: usize) -> Vec<Completion> {
    let letters: Vec<char> = text.chars().take(column).collect();
    let word = letters.iter().rev().take_while(|letter| syntax::is_name_part(**letter)).count();
    let from = letters.len() - word;
    let prefix: String = letters[from..].iter().collect();
    let limits = Limits { steps: 200_000, elements: 100_000, time: std::time::Duration::from_millis(500), ..Limits::default() };
    let mut found = Vec::new();
    let before: &[char] = &letters[..from];
    let mut add = |text: String, kind| {
        if text.starts_with(&prefix) && is_name(&text) {
            found.push(Completion { text, from, kind });
        }
    };
    if before.last() == Some(&'.') {
        let Some(owner) = operand(&before[..before.len() - 1]) else { return Vec::new() };
        let mut evaluator = Evaluator::new(scope, limits);
        let Ok(value) = syntax::parse(&owner).map_err(Box::new).and_then(|node| evaluator.evaluate(&node)) else {
            return Vec::new();
        };
        let of_form: Vec<&str> = evaluator.form(&value).map_or_else(|_| Vec::new(), |form| methods::of_form(&form).to_vec());
        for name in evaluator.attribute_names(&value).unwrap_or_default() {
            if prefix.is_empty() && name.starts_with("__") {
                continue;
            }
            let kind = if of_form.contains(&name.as_str()) { CompletionKind::Method } else { CompletionKind::Attribute };
            add(name, kind);
        }
    } else if let Some(open) = open_bracket(&letters) {
        return keys(scope, limits, &letters, open);
    } else {
        for (name, _) in scope.locals() {
            add(name, CompletionKind::Variable);
        }
        for name in scope.bound_names() {
            add(name.to_owned(), CompletionKind::Variable);
        }
        if scope.last().is_some() {
            add("_".to_owned(), CompletionKind::Variable);
        }
        if let Some(globals) = scope.globals() {
            for (name, _) in globals.named_entries() {
                add(name, CompletionKind::Global);
            }
        }
        for name in builtins::FUNCTIONS.iter().chain(&CALLABLE) {
            add((*name).to_owned(), CompletionKind::Builtin);
        }
    }
    found.sort_by(|one, other| (one.kind, &one.text).cmp(&(other.kind, &other.text)));
    found.dedup_by(|one, other| one.text == other.text);
    found.truncate(MOST);
    found
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(syntax::is_name_start) && letters.all(syntax::is_name_part)
}

/// The operand that ends a text: names, attributes, items and calls.
fn operand(letters: &[char]) -> Option<String> {
    let mut at = letters.len();
    loop {
        let end = at;
        while at > 0 && syntax::is_name_part(letters[at - 1]) {
            at -= 1;
        }
        if at == end {
            let (close, open) = match letters.get(at.checked_sub(1)?)? {
                ')' => (')', '('),
                ']' => (']', '['),
                '"' | '\'' => {
                    // A string, without escapes within.
                    let quote = letters[at - 1];
                    let start = letters[..at - 1].iter().rposition(|letter| *letter == quote)?;
                    return Some(letters[start..].iter().collect());
                }
                _ => return None,
            };
            let mut depth = 0;
            while at > 0 {
                at -= 1;
                if letters[at] == close {
                    depth += 1;
                } else if letters[at] == open {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            if depth != 0 {
                return None;
            }
            if at > 0 && (syntax::is_name_part(letters[at - 1]) || matches!(letters[at - 1], ')' | ']')) {
                continue;
            }
            break;
        }
        if at > 0 && letters[at - 1] == '.' {
            at -= 1;
            continue;
        }
        break;
    }
    Some(letters[at..].iter().collect())
}

/// The bracket that is open at the end, with nothing but the beginning of a key after it.
fn open_bracket(letters: &[char]) -> Option<usize> {
    let open = letters.iter().rposition(|letter| *letter == '[')?;
    let key = &letters[open + 1..];
    let is_begun = key.is_empty() || (matches!(key[0], '"' | '\'') && !key[1..].contains(&key[0]));
    let is_item = open > 0 && (syntax::is_name_part(letters[open - 1]) || matches!(letters[open - 1], ')' | ']'));
    (is_begun && is_item).then_some(open)
}

fn keys(scope: &Scope<'_>, limits: Limits, letters: &[char], open: usize) -> Vec<Completion> {
    let Some(owner) = operand(&letters[..open]) else { return Vec::new() };
    let begun: String = letters[open + 1..].iter().collect();
    let mut evaluator = Evaluator::new(scope, limits);
    let Ok(value) = syntax::parse(&owner).map_err(Box::new).and_then(|node| evaluator.evaluate(&node)) else { return Vec::new() };
    let Ok(Form::Dict(store)) = evaluator.form(&value) else { return Vec::new() };
    let pairs = match &store {
        super::cursor::Store::Made(entries) => entries.pairs().iter().take(MOST).cloned().collect(),
        super::cursor::Store::Held(id, _) => super::cursor::held_pairs(scope.dump(), *id, 0, MOST as u64),
    };
    let mut found = Vec::new();
    for (key, _) in pairs {
        let Ok(shown) = evaluator.repr(&key) else { continue };
        let mut shown = super::values::string_of(&shown);
        if begun.starts_with('"') && shown.starts_with('\'') && !shown.contains('"') {
            shown = format!("\"{}\"", &shown[1..shown.len() - 1]);
        }
        if shown.starts_with(&begun) && shown.chars().count() <= 200 {
            found.push(Completion { text: format!("{shown}]"), from: open + 1, kind: CompletionKind::Key });
        }
    }
    found
}
