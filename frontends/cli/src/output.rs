//! What goes to standard output: text with colour on a terminal, plain when piped, JSON when asked.

use std::fmt::Display;
use std::io::{self, IsTerminal, StdoutLock, Write};

pub(crate) use heapsake_loader::harmless;
use serde_json::Value;

/// A colour or weight.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Title,
    Name,
    Problem,
    Dim,
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct Output {
    lock: StdoutLock<'static>,
    colour: bool,
    /// Whether JSON was asked for.
    pub(crate) json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        let terminal = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Output { lock: io::stdout().lock(), colour: terminal && !json, json }
    }

    /// The text in a style, when there is colour.
    pub(crate) fn style(&self, style: Style, text: impl Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let code = match style {
            Style::Title => "1",
            Style::Name => "36",
            Style::Problem => "31",
            Style::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.lock, "{text}")
    }

    /// Writes a value as JSON.
    pub(crate) fn value(&mut self, value: &Value) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.lock, value)?;
        writeln!(self.lock)
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What went wrong and why, each cause once, and the hint after all of them.
pub(crate) fn told(problem: &anyhow::Error) -> String {
    let whole = problem.to_string();
    let (message, hint) = whole.split_once("\nhint: ").map_or((whole.as_str(), None), |(message, hint)| (message, Some(hint)));
    let (mut message, mut hint) = (message.to_owned(), hint.map(str::to_owned));
    for cause in problem.chain().skip(1) {
        let cause = cause.to_string();
        let (cause, its_hint) = cause.split_once("\nhint: ").map_or((cause.as_str(), None), |(cause, hint)| (cause, Some(hint)));
        if !message.contains(cause) {
            message = format!("{message}: {cause}");
        }
        hint = hint.or_else(|| its_hint.map(str::to_owned));
    }
    hint.map_or(message.clone(), |hint| format!("{message}\nhint: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            (count(0), count(999), count(1000), count(1234567)),
            ("0".into(), "999".into(), "1,000".into(), "1,234,567".into())
        );
        assert_eq!(bytes(2_500_000), "2.5 MB");
        let cause = anyhow::anyhow!("no room\nhint: make some");
        assert_eq!(told(&cause.context("writing failed")), "writing failed: no room\nhint: make some");
        assert_eq!(told(&anyhow::anyhow!("b: a").context("c: b: a\nhint: d")), "c: b: a\nhint: d");
        assert_eq!(harmless("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\n");
    }
}
