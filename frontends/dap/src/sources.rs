//! Source files, from the dump alone: a file of this machine may have the same path and another text.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use heapsake_analysis::sources::is_own;
use heapsake_loader::harmless_line;
use serde_json::{Value, json};

use crate::protocol::{Failure, Source, SourceArguments};
use crate::session::{Answer, Session};

/// Characters of a path.
const LONGEST: usize = 4096;

/// Numbers of source files.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    state: Mutex<(Vec<String>, HashMap<String, i64>)>,
}

impl Sources {
    /// The number of a file.
    fn number(&self, filename: &str) -> i64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.1.get(filename) {
            return *known;
        }
        state.0.push(filename.to_owned());
        let number = state.0.len() as i64;
        state.1.insert(filename.to_owned(), number);
        number
    }

    /// The file of a number.
    fn filename(&self, number: i64) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        state.0.get(place).cloned()
    }
}

impl Session {
    /// A file, as frames and lists show it. Whether the dump has its text shows when it is asked for.
    pub(crate) fn source_of(&self, filename: &str) -> Source {
        let name = filename.rsplit(['/', '\\']).next().unwrap_or(filename);
        Source {
            name: harmless_line(if name.is_empty() { filename } else { name }, LONGEST),
            path: harmless_line(filename, LONGEST),
            source_reference: self.sources.number(filename),
            presentation_hint: (!is_own(filename)).then_some("deemphasize"),
            origin: "from the dump",
        }
    }

    /// `source`.
    pub(crate) fn source(&self, arguments: &SourceArguments) -> Answer<Value> {
        let asked = arguments.source.as_ref();
        let number = asked.and_then(|source| source.source_reference).filter(|number| *number > 0);
        let number = number.or(arguments.source_reference).unwrap_or(0);
        let filename = match (number, asked.and_then(|source| source.path.clone())) {
            (0, Some(path)) => path,
            (number, _) => {
                let known = self.sources.filename(number);
                known.ok_or_else(|| Failure::new(format!("no source has the number {number}")))?
            }
        };
        let shown = harmless_line(&filename, LONGEST);
        let Some(source) = self.dump.source(&filename) else {
            return Err(Failure::new(format!("the dump has no text of {shown}")));
        };
        match &source.text {
            Some(text) => Ok(json!({ "content": text, "mimeType": "text/x-python" })),
            None if source.problem.is_empty() => Err(Failure::new(format!("the dump has no text of {shown}"))),
            None => {
                let why = harmless_line(&source.problem, 200);
                Err(Failure::new(format!("the dump has no text of {shown}: {why}")))
            }
        }
    }

    /// `loadedSources`: the files whose text is in the dump.
    pub(crate) fn loaded_sources(&self) -> Answer<Value> {
        let names = self.dump.source_names().into_iter();
        let has_text = |name: &String| self.dump.source(name).is_some_and(|source| source.text.is_some());
        let sources: Vec<Source> = names.filter(has_text).map(|name| self.source_of(&name)).collect();
        Ok(json!({ "sources": sources }))
    }
}
