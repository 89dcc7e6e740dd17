//! Commands of the session: where one is, where one goes, and who holds what.

use anyhow::{Context, bail};
use heapsake_analysis::expression::{Value, evaluate};
use heapsake_loader::Object;

use super::{Outcome, Session};
use crate::holders::{self, Question};
use crate::output::{Output, Style, harmless};
use crate::stack::{find_thread, heading, print_frame, shown_variables};

/// Lines of source before and after the current one.
const AROUND: usize = 5;
/// Holders that `:refs` shows.
const HOLDERS: usize = 20;

/// What there is, in the order of `:help`.
const HELP: [(&str, &str); 13] = [
    (":threads", "the threads"),
    (":thread N", "go to a thread, by number or name"),
    (":where", "the frames of the thread; > is the one whose variables are meant"),
    (":up", "one frame out, to the caller"),
    (":down", "one frame in"),
    (":frame N", "go to a frame: 0 is the outermost, -1 the innermost"),
    (":locals", "the variables of the frame"),
    (":source", "the source around the line"),
    (":refs EXPRESSION", "who holds an object"),
    (":path EXPRESSION", "how a root leads to an object"),
    (":help", "this"),
    (":quit", "leave"),
    ("name = EXPRESSION", "give a name to a value; _ is the last one"),
];

/// Names of the commands, for completion.
pub(super) const NAMES: [&str; 12] =
    [":down", ":frame ", ":help", ":locals", ":path ", ":quit", ":refs ", ":source", ":thread ", ":threads", ":up", ":where"];

impl Session<'_> {
    pub(super) fn command(&mut self, text: &str, output: &mut Output) -> anyhow::Result<Outcome> {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        match name {
            "quit" | "q" | "exit" => return Ok(Outcome::Over),
            "help" | "h" => {
                for (name, what) in HELP {
                    output.line(format!("  {name:<20} {what}"))?;
                }
            }
            "threads" => {
                for (at, thread) in self.dump.threads().iter().enumerate() {
                    let mark = if at == self.thread { '>' } else { ' ' };
                    output.line(format!("{mark} {at:>3}  {}", heading(thread)))?;
                }
            }
            "thread" => {
                if rest.is_empty() {
                    bail!("which thread? :threads lists them");
                }
                let thread = find_thread(self.dump, rest)?;
                let position = self.dump.threads().iter().position(|one| std::ptr::eq(one, thread));
                self.enter(position.unwrap_or(0));
                output.line(self.place())?;
            }
            "where" | "w" | "bt" => self.frames(output)?,
            "up" | "u" => {
                let Some(frame) = self.frame.checked_sub(1) else { bail!("this is the outermost frame") };
                self.moved(frame, output)?;
            }
            "down" | "d" => {
                if self.frame + 1 >= self.frame_count() {
                    bail!("this is the innermost frame");
                }
                self.moved(self.frame + 1, output)?;
            }
            "frame" | "f" => {
                let number: i64 = rest.parse().with_context(|| format!("{rest:?} is no frame number"))?;
                let frames = self.frame_count() as i64;
                let at = if number < 0 { number + frames } else { number };
                if !(0..frames).contains(&at) {
                    bail!("frame {number} of {frames}: the outermost is 0, the innermost -1");
                }
                self.moved(at as usize, output)?;
            }
            "locals" => {
                let Some(frame) = self.dump.threads().get(self.thread).and_then(|thread| thread.frames.get(self.frame)) else {
                    bail!("there is no frame");
                };
                for (name, shown) in shown_variables(self.dump, frame, None).1 {
                    output.line(format!("  {} = {shown}", output.style(Style::Name, harmless(&name))))?;
                }
            }
            "source" | "list" | "l" => self.source(output)?,
            "refs" | "path" => {
                let object = self.object(rest)?;
                let asked = Question { referrers: (name == "refs").then_some(HOLDERS), path: name == "path" };
                holders::show(&object, asked, output)?;
            }
            other => bail!("there is no command :{}\nhint: :help lists them", harmless(other)),
        }
        Ok(Outcome::Done)
    }

    fn frame_count(&self) -> usize {
        self.dump.threads().get(self.thread).map_or(0, |thread| thread.frames.len())
    }

    fn moved(&mut self, frame: usize, output: &mut Output) -> anyhow::Result<()> {
        self.go(self.thread, frame);
        let Some(frame) = self.dump.threads().get(self.thread).and_then(|thread| thread.frames.get(frame)) else {
            bail!("there is no frame");
        };
        print_frame(output, self.dump, frame, false)
    }

    fn frames(&self, output: &mut Output) -> anyhow::Result<()> {
        let Some(thread) = self.dump.threads().get(self.thread) else { bail!("this dump has no threads") };
        output.line(output.style(Style::Title, heading(thread)))?;
        for (at, frame) in thread.frames.iter().enumerate() {
            let mark = if at == self.frame { '>' } else { ' ' };
            let name = output.style(Style::Name, harmless(&frame.qualified_name));
            output.line(format!("{mark} {at:>3}  {name}  {}:{}", harmless(&frame.filename), frame.line))?;
        }
        Ok(())
    }

    fn source(&self, output: &mut Output) -> anyhow::Result<()> {
        let Some(frame) = self.dump.threads().get(self.thread).and_then(|thread| thread.frames.get(self.frame)) else {
            bail!("there is no frame");
        };
        let source = self.dump.source(&frame.filename);
        let Some(text) = source.as_ref().and_then(|source| source.text.as_ref()) else {
            bail!("the dump does not have the source of {}", harmless(&frame.filename));
        };
        let line = frame.line as usize;
        let first = line.saturating_sub(AROUND).max(1);
        for (number, text) in text.lines().enumerate().map(|(at, text)| (at + 1, text)).skip(first - 1).take(2 * AROUND + 1) {
            let mark = if number == line { '>' } else { ' ' };
            output.line(format!("{mark} {number:>5}  {}", harmless(text)))?;
        }
        Ok(())
    }

    /// The object that an expression is.
    fn object(&self, text: &str) -> anyhow::Result<Object<'_>> {
        if text.is_empty() {
            bail!("an expression belongs there");
        }
        let value: Value = evaluate(&self.scope, text, &self.budget.limits())
            .map_err(|problem| anyhow::anyhow!("{}", crate::evaluate::told(text, &problem)))?;
        match value.object() {
            Some(id) => Ok(self.dump.object(id)),
            None => bail!("{} was computed: objects of the dump alone have holders", harmless(text)),
        }
    }
}
