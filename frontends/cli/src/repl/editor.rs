//! The session on a terminal: a prompt that names thread and frame, line editing, completion by Tab, and history in the user's
//! state folder.

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::Context as _;
use heapsake_analysis::expression::complete;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use super::commands::NAMES;
use super::{Outcome, Session};

impl Completer for Session<'_> {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..position).unwrap_or(line);
        if before.starts_with(':') && !before.contains(' ') {
            let names = NAMES.iter().filter(|name| name.starts_with(before));
            return Ok((0, names.map(|name| Pair { display: (*name).to_owned(), replacement: (*name).to_owned() }).collect()));
        }
        // Of :refs and :path the expression.
        let skipped = if before.starts_with(':') { before.find(' ').map_or(0, |at| at + 1) } else { 0 };
        let expression = &before[skipped..];
        let found = complete(&self.scope, expression, expression.chars().count());
        let from = found.first().map_or(0, |completion| completion.from);
        let from = expression.char_indices().nth(from).map_or(expression.len(), |(at, _)| at);
        let pairs = found.into_iter().map(|completion| Pair { display: completion.text.clone(), replacement: completion.text });
        Ok((skipped + from, pairs.collect()))
    }
}

impl Hinter for Session<'_> {
    type Hint = String;
}

impl Highlighter for Session<'_> {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Cow::Borrowed(prompt);
        }
        Cow::Owned(format!("\x1b[2m{prompt}\x1b[0m"))
    }
}

impl Validator for Session<'_> {}

impl Helper for Session<'_> {}

/// Where lines of earlier sessions are, as the XDG base directories say; none when the user has none.
fn history() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(base.join("heapsake").join("repl_history"))
}

pub(super) fn run(session: Session<'_>) -> anyhow::Result<i32> {
    let config = Config::builder().auto_add_history(true).build();
    let mut editor: Editor<Session<'_>, FileHistory> = Editor::with_config(config).context("the terminal cannot be edited on")?;
    editor.set_helper(Some(session));
    let kept = history();
    if let Some(path) = &kept {
        if let Some(folder) = path.parent() {
            // Without a history a session is as good.
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = editor.load_history(path);
    }
    println!("no code of the dump runs; :help lists the commands");
    while let Some(session) = editor.helper() {
        let prompt = format!("{}> ", session.place());
        match editor.readline(&prompt) {
            Ok(line) => {
                let Some(session) = editor.helper_mut() else { break };
                // A person sees what failed.
                if session.line(&line)? == Outcome::Over {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(problem) => return Err(problem).context("the terminal cannot be read"),
        }
    }
    if let Some(path) = &kept {
        let _ = editor.save_history(path);
    }
    Ok(0)
}
