//! Strings and f-strings: their pieces, and the expressions in braces.

use super::super::error::ExpressionError;
use super::literals::{self, Body};
use super::parser::{Parsed, Parser};
use super::tokens::Token;
use super::tree::{Kind, Node, Part};

impl Parser {
    /// Strings one after another, which are one.
    pub(super) fn strings(&mut self) -> Parsed<Node> {
        let start = self.start;
        let mut parts: Vec<Part> = Vec::new();
        let mut bytes: Option<bool> = None;
        let mut is_format = false;
        while let Token::Quote(prefix) = &self.token {
            let prefix = prefix.clone();
            let column = self.start;
            if prefix.contains('t') {
                return Err(ExpressionError::new("template strings are not known here: f\"…\" formats", column));
            }
            let is_bytes = prefix.contains('b');
            if bytes.is_some_and(|before| before != is_bytes) {
                return Err(ExpressionError::syntax("bytes and text are mixed", column));
            }
            bytes = Some(is_bytes);
            let raw = prefix.contains('r');
            let quote = self.tokens.letter(0).unwrap_or('"');
            let triple = self.tokens.letter(1) == Some(quote) && self.tokens.letter(2) == Some(quote);
            self.tokens.at += if triple { 3 } else { 1 };
            let close = Close { quote, triple, opened: column };
            if prefix.contains('f') {
                is_format = true;
                let outside = self.in_format.take();
                let more = self.format_parts(close, raw, false)?;
                self.in_format = outside;
                parts.extend(more);
            } else {
                let mut body = Body { text: Vec::new() };
                while !self.closes(close)? {
                    self.tokens.at = literals::character(&self.tokens.letters, self.tokens.at, raw, is_bytes, &mut body)?;
                }
                parts.push(Part::Text(body.text));
            }
            self.advance()?;
        }
        let kind = if is_format {
            Kind::Format(parts)
        } else {
            let texts = parts.into_iter().flat_map(|part| match part {
                Part::Text(text) => text,
                Part::Value { .. } => Vec::new(),
            });
            Kind::Constant(literals::value(Body { text: texts.collect() }, bytes == Some(true)))
        };
        Ok(self.node(kind, start))
    }

    /// Whether the string ends here; what ends it is passed.
    fn closes(&mut self, close: Close) -> Parsed<bool> {
        let unclosed = || ExpressionError::syntax(format!("the string of column {} is not closed", close.opened), close.opened);
        let Some(letter) = self.tokens.letter(0) else { return Err(unclosed()) };
        if letter == '\n' && !close.triple {
            return Err(unclosed());
        }
        let width = if close.triple { 3 } else { 1 };
        let ends = (0..width).all(|ahead| self.tokens.letter(ahead) == Some(close.quote));
        if ends {
            self.tokens.at += width;
        }
        Ok(ends)
    }

    /// The pieces of an f-string, or of a format specification in one, which a `}` ends.
    fn format_parts(&mut self, close: Close, raw: bool, specification: bool) -> Parsed<Vec<Part>> {
        let mut parts = Vec::new();
        let mut body = Body { text: Vec::new() };
        loop {
            if specification {
                match self.tokens.letter(0) {
                    Some('}') => break,
                    Some(letter) if letter == close.quote && !close.triple => {
                        return Err(ExpressionError::syntax("} belongs before the end of the string", self.tokens.at));
                    }
                    None => return Err(ExpressionError::syntax("the string is not closed", close.opened)),
                    _ => {}
                }
            } else if self.closes(close)? {
                break;
            }
            match (self.tokens.letter(0), self.tokens.letter(1)) {
                // A backslash before a brace is itself.
                (Some('\\'), Some('{' | '}')) => {
                    body.text.push(u32::from('\\'));
                    self.tokens.at += 1;
                }
                (Some('{'), Some('{')) if !specification => {
                    body.text.push(u32::from('{'));
                    self.tokens.at += 2;
                }
                (Some('}'), Some('}')) => {
                    body.text.push(u32::from('}'));
                    self.tokens.at += 2;
                }
                (Some('}'), _) => {
                    return Err(ExpressionError::syntax("a single } in an f-string: }} is one", self.tokens.at));
                }
                (Some('{'), _) => {
                    if !body.text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut body.text)));
                    }
                    self.tokens.at += 1;
                    self.deeper(|parser| parser.replaced(close, raw, &mut parts))?;
                }
                _ => self.tokens.at = literals::character(&self.tokens.letters, self.tokens.at, raw, false, &mut body)?,
            }
        }
        if !body.text.is_empty() {
            parts.push(Part::Text(body.text));
        }
        Ok(parts)
    }

    /// What stands in the braces of an f-string, up to the closing one.
    fn replaced(&mut self, close: Close, raw: bool, parts: &mut Vec<Part>) -> Parsed<()> {
        let outside = self.in_format.replace(0);
        let from = self.tokens.at;
        self.advance()?;
        let value = self.expressions()?;
        let mut shown = None;
        if self.is("=") {
            // The text as it stands there, spaces included.
            while self.tokens.letter(0) == Some(' ') {
                self.tokens.at += 1;
            }
            shown = Some(self.tokens.letters[from..self.tokens.at].iter().map(|letter| u32::from(*letter)).collect::<Vec<_>>());
            self.advance()?;
        }
        let mut conversion = None;
        if self.is("!") {
            conversion = self.tokens.letter(0).filter(|letter| matches!(letter, 'r' | 's' | 'a'));
            if conversion.is_none() {
                return Err(ExpressionError::syntax("after ! one of r, s, a belongs", self.tokens.at));
            }
            self.tokens.at += 1;
            self.advance()?;
        }
        let mut specification = Vec::new();
        let has_specification = self.is(":");
        if has_specification {
            self.tokens.at = self.start + 1;
            self.in_format = None;
            specification = self.format_parts(close, raw, true)?;
            self.tokens.at += 1;
        } else if self.is("}") {
            self.tokens.at = self.start + 1;
        } else {
            return Err(self.unexpected("}"));
        }
        if let Some(text) = shown {
            parts.push(Part::Text(text));
            if conversion.is_none() && !has_specification {
                conversion = Some('r');
            }
        }
        parts.push(Part::Value { value, conversion, specification });
        self.in_format = outside;
        Ok(())
    }
}

/// What ends a string, and where it began.
#[derive(Clone, Copy)]
struct Close {
    quote: char,
    triple: bool,
    opened: usize,
}
