//! `threads` and `stackTrace`: stacks by name, rows a page at a time.

use heapsake_core::format::records::Frame;
use heapsake_loader::harmless_line;
use serde_json::{Value, json};

use crate::protocol::{Failure, FrameFormat, StackFrame, StackTraceArguments, Thread};
use crate::session::{Answer, Session};
use crate::shown::count;
use crate::stacks::{FrameKey, Row, Stack};
use crate::task::{Need, Task};

/// Characters of a name.
const NAME: usize = 200;

impl Session {
    /// `threads`.
    pub(crate) fn threads(&self) -> Answer<Value> {
        self.stacks.settle();
        let stacks = (1..=self.stacks.count()).filter_map(|id| Some(Thread { id, name: self.name(id, self.stacks.get(id)?) }));
        Ok(json!({ "threads": stacks.collect::<Vec<_>>() }))
    }

    /// How a stack is called.
    fn name(&self, number: i64, stack: Stack<'_>) -> String {
        let (name, frames, kind) = match stack {
            Stack::Thread(thread) => {
                let name = thread.name.clone().unwrap_or_else(|| format!("thread {}", thread.ident));
                (name, (thread.depth as usize).max(thread.frames.len()), thread.kind.as_str())
            }
            Stack::Task(task) => (task.name.clone(), task.frames.len(), "task"),
            Stack::Suspended(suspended) => {
                let name = if suspended.name.is_empty() { "?" } else { &suspended.name };
                (name.to_owned(), suspended.frames.len(), suspended.kind.as_str())
            }
            Stack::Nothing(why) => return why.to_owned(),
            Stack::More(what, number) => return format!("… {} more {what}", count(number as u64)),
        };
        let mut shown = harmless_line(&name, NAME);
        shown.push_str(&format!(" · {} frame{}", count(frames as u64), if frames == 1 { "" } else { "s" }));
        if !kind.is_empty() {
            shown.push_str(&format!(" · {}", harmless_line(kind, NAME)));
        }
        if let Stack::Task(task) = stack {
            shown.push_str(&format!(", {}", task.state));
        }
        if let Some(exception) = self.stacks.exception(number) {
            shown.push_str(&format!(" · {}", harmless_line(self.dump.object(exception).type_name(), NAME)));
        }
        shown
    }

    /// `stackTrace`.
    pub(crate) fn stack_trace(&self, arguments: &StackTraceArguments, task: &Task) -> Answer<Value> {
        let stack = arguments.thread_id;
        let unknown = || Failure::new(format!("no thread has the number {stack}"));
        let Some(rows) = self.stacks.rows(stack) else {
            if self.stacks.waits().is_none() {
                // It may be one of those that are still looked for.
                task.postpone(Need::Stacks);
            }
            return Err(unknown());
        };
        let start = usize::try_from(arguments.start_frame.unwrap_or(0)).unwrap_or(0).min(rows.len());
        let levels = usize::try_from(arguments.levels.unwrap_or(0)).ok().filter(|levels| *levels > 0);
        let end = levels.map_or(rows.len(), |levels| start.saturating_add(levels).min(rows.len()));
        let frames = self.stacks.get(stack).ok_or_else(unknown)?.frames();
        // Where all frames are of libraries, none stands back.
        let library = if self.stacks.has_own(stack) { "subtle" } else { "normal" };
        let format = arguments.format.clone().unwrap_or_default();
        let shown = (start..end).map(|row| {
            let id = self.frame_number(FrameKey { stack, row: row as u32 });
            match &rows[row] {
                Row::Frame(at) => {
                    frames.get(*at as usize).map_or_else(StackFrame::default, |frame| self.row(id, frame, &format, library))
                }
                Row::Label(words) => {
                    StackFrame { id, name: words.clone(), presentation_hint: Some("label"), ..StackFrame::default() }
                }
            }
        });
        Ok(json!({ "stackFrames": shown.collect::<Vec<_>>(), "totalFrames": rows.len() }))
    }

    /// A frame; `library` is how those of libraries are to be shown.
    fn row(&self, id: i64, frame: &Frame, format: &FrameFormat, library: &'static str) -> StackFrame {
        let source = (!frame.filename.is_empty()).then(|| self.source_of(&frame.filename));
        let name = if frame.qualified_name.is_empty() { &frame.function } else { &frame.qualified_name };
        let mut name = harmless_line(if name.is_empty() { "?" } else { name }, NAME);
        if format.module == Some(true)
            && let Some(source) = &source
        {
            name = format!("{}!{name}", source.name.trim_end_matches(".py"));
        }
        if format.line == Some(true) {
            name.push_str(&format!(":{}", frame.line));
        }
        let is_library = source.as_ref().is_some_and(|source| source.presentation_hint.is_some());
        StackFrame {
            id,
            name,
            line: if source.is_some() { i64::from(frame.line.max(1)) + self.client.line_shift } else { 0 },
            column: if source.is_some() { 1 + self.client.column_shift } else { 0 },
            presentation_hint: is_library.then_some(library),
            source,
        }
    }
}
