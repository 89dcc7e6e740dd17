//! What stands in brackets: tuples, lists, sets, dicts, and comprehensions with what they bind.

use std::sync::Arc;

use super::super::error::ExpressionError;
use super::parser::{Parsed, Parser};
use super::tokens::Token;
use super::tree::{Clause, Comprehension, Entry, Kind, Made, Node, Symbol, Target};

impl Parser {
    pub(super) fn comprehension(&mut self, made: Made, element: Node, value: Option<Node>, start: usize) -> Parsed<Node> {
        let mut clauses = Vec::new();
        loop {
            if self.is_word("async") {
                return Err(ExpressionError::new("async for would run code of the dump, which is not run", self.start));
            }
            if !self.take_word("for")? {
                break;
            }
            let target = self.deeper(Parser::targets)?;
            if !self.take_word("in")? {
                return Err(self.unexpected("in"));
            }
            let iterable = self.deeper(Parser::or)?;
            let mut conditions = Vec::new();
            while self.take_word("if")? {
                let start = self.start;
                let condition = self.deeper(Parser::or)?;
                if let (Kind::Name(name), true) = (&condition.kind, self.is(":=")) {
                    let name = name.clone();
                    self.advance()?;
                    let value = self.expression()?;
                    conditions.push(self.node(Kind::Walrus(name, Box::new(value)), start));
                } else {
                    conditions.push(condition);
                }
            }
            clauses.push(Clause { target, iterable, conditions });
        }
        for node in [Some(&element), value.as_ref()].into_iter().flatten() {
            if matches!(node.kind, Kind::Starred(_)) {
                return Err(ExpressionError::syntax("iterable unpacking cannot be used in a comprehension", start));
            }
        }
        Ok(self.node(Kind::Comprehension(Arc::new(Comprehension { made, element, value, clauses })), start))
    }

    fn targets(&mut self) -> Parsed<Target> {
        let first = self.target()?;
        if !self.is(",") {
            return match first {
                Target::Rest(_) => Err(self.unexpected("a comma")),
                first => Ok(first),
            };
        }
        let mut targets = vec![first];
        while self.take(",")? && !self.is_word("in") && !self.is(")") && !self.is("]") {
            targets.push(self.target()?);
        }
        if targets.iter().filter(|target| matches!(target, Target::Rest(_))).count() > 1 {
            return Err(ExpressionError::syntax("two starred targets", self.start));
        }
        Ok(Target::Several(targets))
    }

    fn target(&mut self) -> Parsed<Target> {
        if self.take("*")? {
            return Ok(Target::Rest(Box::new(self.deeper(Parser::target)?)));
        }
        let start = self.start;
        for (open, close) in [("(", ")"), ("[", "]")] {
            if self.take(open)? {
                if self.take(close)? {
                    return Ok(Target::Several(Vec::new()));
                }
                let inner = self.deeper(Parser::targets)?;
                self.expect(close, start)?;
                return Ok(if open == "[" && !matches!(inner, Target::Several(_)) {
                    Target::Several(vec![inner])
                } else {
                    inner
                });
            }
        }
        let Token::Name(name) = &self.token else { return Err(self.unexpected("a name to bind")) };
        let target = Target::Name(Symbol::from(name.as_str()));
        self.advance()?;
        if self.is(".") || self.is("[") {
            let message = "only names are bound: nothing in a dump changes";
            return Err(ExpressionError::new(message, start));
        }
        Ok(target)
    }

    pub(super) fn parenthesised(&mut self, start: usize) -> Parsed<Node> {
        if self.take(")")? {
            return Ok(self.node(Kind::Tuple(Vec::new()), start));
        }
        let first = self.starred_or_named()?;
        let node = if self.is_word("for") || self.is_word("async") {
            self.comprehension(Made::Generator, first, None, start)?
        } else if self.is(",") {
            let items = self.more_items(first, ")")?;
            self.node(Kind::Tuple(items), start)
        } else if matches!(first.kind, Kind::Starred(_)) {
            return Err(ExpressionError::syntax("a starred expression stands in a list, a tuple or a call", start));
        } else {
            first
        };
        self.expect(")", start)?;
        Ok(node)
    }

    fn more_items(&mut self, first: Node, close: &str) -> Parsed<Vec<Node>> {
        let mut items = vec![first];
        while self.take(",")? && !self.is(close) {
            items.push(self.starred_or_named()?);
        }
        Ok(items)
    }

    pub(super) fn list(&mut self, start: usize) -> Parsed<Node> {
        if self.take("]")? {
            return Ok(self.node(Kind::List(Vec::new()), start));
        }
        let first = self.starred_or_named()?;
        let node = if self.is_word("for") || self.is_word("async") {
            self.comprehension(Made::List, first, None, start)?
        } else {
            let items = self.more_items(first, "]")?;
            self.node(Kind::List(items), start)
        };
        self.expect("]", start)?;
        Ok(node)
    }

    /// A set or a dict.
    pub(super) fn braces(&mut self, start: usize) -> Parsed<Node> {
        if self.take("}")? {
            return Ok(self.node(Kind::Dict(Vec::new()), start));
        }
        let mut entries = Vec::new();
        if !self.is("**") {
            let first = self.starred_or_named()?;
            if !self.is(":") {
                let node = if self.is_word("for") || self.is_word("async") {
                    self.comprehension(Made::Set, first, None, start)?
                } else {
                    let items = self.more_items(first, "}")?;
                    self.node(Kind::Set(items), start)
                };
                self.expect("}", start)?;
                return Ok(node);
            }
            self.advance()?;
            let value = self.expression()?;
            if self.is_word("for") || self.is_word("async") {
                let node = self.comprehension(Made::Dict, first, Some(value), start)?;
                self.expect("}", start)?;
                return Ok(node);
            }
            entries.push(Entry::Pair(first, value));
            if !self.is("}") && !self.take(",")? {
                return Err(self.unexpected("a comma"));
            }
        }
        while !self.is("}") {
            if self.take("**")? {
                entries.push(Entry::Mapping(self.binary(0)?));
            } else {
                let key = self.expression()?;
                self.expect(":", start)?;
                entries.push(Entry::Pair(key, self.expression()?));
            }
            if !self.take(",")? {
                break;
            }
        }
        self.expect("}", start)?;
        Ok(self.node(Kind::Dict(entries), start))
    }
}
