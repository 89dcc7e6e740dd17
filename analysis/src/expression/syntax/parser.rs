//! A parser by precedence. What Python's grammar of expressions has is read; `lambda`, `await` and `yield` are refused in words.

use std::sync::Arc;

use super::super::error::ExpressionError;
use super::super::values::Value;
use super::literals::{self, Body};
use super::tokens::{Token, Tokens};
use super::tree::{
    Argument, BinaryOperator, Clause, Comparison, Comprehension, Entry, Kind, Made, Node, Part, Symbol, Target, Trailer,
    UnaryOperator,
};

type Parsed<T> = Result<T, ExpressionError>;

/// Brackets, conditions, signs and powers within each other.
const DEEPEST: usize = 90;

/// A line of a session.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Expression(Node),
    /// `name = expression`.
    Assignment(Symbol, Node),
}

/// An expression.
pub(crate) fn parse(text: &str) -> Parsed<Node> {
    let mut parser = Parser::new(text)?;
    let node = parser.expressions()?;
    parser.end(node)
}

/// An expression, or an assignment to a name.
pub(crate) fn parse_statement(text: &str) -> Parsed<Statement> {
    let mut parser = Parser::new(text)?;
    let node = parser.expressions()?;
    if !parser.is("=") {
        return parser.end(node).map(Statement::Expression);
    }
    let Kind::Name(name) = node.kind else {
        return Err(ExpressionError::new("only a name can be assigned to: nothing in a dump changes", node.column as usize));
    };
    parser.advance()?;
    let node = parser.expressions()?;
    parser.end(node).map(|node| Statement::Assignment(name, node))
}

struct Parser {
    tokens: Tokens,
    token: Token,
    /// Where it begins.
    start: usize,
    depth: usize,
    /// How many brackets are open in the value of an f-string; none outside of one.
    in_format: Option<usize>,
}

impl Parser {
    fn new(text: &str) -> Parsed<Parser> {
        let mut parser = Parser { tokens: Tokens::new(text)?, token: Token::End, start: 0, depth: 0, in_format: None };
        parser.advance()?;
        Ok(parser)
    }

    fn end(&self, node: Node) -> Parsed<Node> {
        match &self.token {
            Token::End => Ok(node),
            Token::Operator(sign) if sign.ends_with('=') && !matches!(*sign, "==" | "!=" | "<=" | ">=") => {
                let message = format!("{sign} assigns, and nothing in a dump changes: == compares");
                Err(ExpressionError::syntax(message, self.start))
            }
            _ => Err(self.unexpected("an operator, or the end of the expression")),
        }
    }

    fn advance(&mut self) -> Parsed<()> {
        let (token, start) = self.tokens.next(self.in_format == Some(0))?;
        if let (Some(open), Token::Operator(sign)) = (&mut self.in_format, &token) {
            match *sign {
                "(" | "[" | "{" => *open += 1,
                ")" | "]" | "}" => *open = open.saturating_sub(1),
                _ => {}
            }
        }
        self.token = token;
        self.start = start;
        Ok(())
    }

    fn is(&self, sign: &str) -> bool {
        matches!(&self.token, Token::Operator(found) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(found) if *found == word)
    }

    /// Whether the sign is there; it is passed.
    fn take(&mut self, sign: &str) -> Parsed<bool> {
        let found = self.is(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn take_word(&mut self, word: &str) -> Parsed<bool> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, sign: &str, opened: usize) -> Parsed<()> {
        if self.take(sign)? {
            return Ok(());
        }
        Err(self.unexpected(&format!("{sign} for what column {opened} opens")))
    }

    fn unexpected(&self, wanted: &str) -> ExpressionError {
        let found = match &self.token {
            Token::Name(name) => format!("{name:?}"),
            Token::Word(word) => format!("{word:?}"),
            Token::Operator(sign) => format!("{sign:?}"),
            Token::Quote(_) => "a string".to_owned(),
            Token::Number(_) => "a number".to_owned(),
            Token::End => "the end".to_owned(),
        };
        ExpressionError::syntax(format!("{wanted} belongs here, not {found}"), self.start)
    }

    fn node(&self, kind: Kind, column: usize) -> Node {
        Node { kind, column: column as u32 }
    }

    /// Does something one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return Err(ExpressionError::syntax(format!("nested more than {DEEPEST} deep"), self.start));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Expressions with commas between them: a tuple, or a single one.
    fn expressions(&mut self) -> Parsed<Node> {
        let start = self.start;
        let first = self.starred_or_named()?;
        if !self.is(",") {
            if matches!(first.kind, Kind::Starred(_)) {
                return Err(ExpressionError::syntax("a starred expression stands in a list, a tuple or a call", start));
            }
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",")? {
            if !self.begins_expression() {
                break;
            }
            items.push(self.starred_or_named()?);
        }
        Ok(self.node(Kind::Tuple(items), start))
    }

    fn begins_expression(&self) -> bool {
        match &self.token {
            Token::Name(_) | Token::Quote(_) | Token::Number(_) => true,
            Token::Word(word) => matches!(*word, "not" | "None" | "True" | "False" | "lambda" | "await" | "yield"),
            Token::Operator(sign) => matches!(*sign, "(" | "[" | "{" | "-" | "+" | "~" | "*" | "..."),
            Token::End => false,
        }
    }

    fn starred_or_named(&mut self) -> Parsed<Node> {
        let start = self.start;
        if self.take("*")? {
            let node = self.deeper(|parser| parser.binary(0))?;
            return Ok(self.node(Kind::Starred(Box::new(node)), start));
        }
        self.named()
    }

    /// An expression, or `name := expression`.
    fn named(&mut self) -> Parsed<Node> {
        let start = self.start;
        let node = self.expression()?;
        if !self.is(":=") {
            return Ok(node);
        }
        let Kind::Name(name) = node.kind else {
            return Err(ExpressionError::syntax("a name belongs before :=", start));
        };
        self.advance()?;
        let value = self.expression()?;
        Ok(self.node(Kind::Walrus(name, Box::new(value)), start))
    }

    /// An expression without commas: a condition, or what stands in one.
    fn expression(&mut self) -> Parsed<Node> {
        self.deeper(|parser| {
            let start = parser.start;
            let then = parser.or()?;
            if !parser.take_word("if")? {
                return Ok(then);
            }
            let condition = parser.or()?;
            if !parser.take_word("else")? {
                return Err(parser.unexpected("else"));
            }
            let otherwise = parser.expression()?;
            Ok(parser.node(Kind::Conditional(Box::new([condition, then, otherwise])), start))
        })
    }

    fn or(&mut self) -> Parsed<Node> {
        let start = self.start;
        let first = self.and()?;
        if !self.is_word("or") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word("or")? {
            parts.push(self.and()?);
        }
        Ok(self.node(Kind::Or(parts), start))
    }

    fn and(&mut self) -> Parsed<Node> {
        let start = self.start;
        let first = self.not()?;
        if !self.is_word("and") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word("and")? {
            parts.push(self.not()?);
        }
        Ok(self.node(Kind::And(parts), start))
    }

    fn not(&mut self) -> Parsed<Node> {
        let start = self.start;
        if self.take_word("not")? {
            let inner = self.deeper(Parser::not)?;
            return Ok(self.node(Kind::Not(Box::new(inner)), start));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Node> {
        let start = self.start;
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        loop {
            let column = self.start as u32;
            let found = match &self.token {
                Token::Operator("==") => Comparison::Equal,
                Token::Operator("!=") => Comparison::NotEqual,
                Token::Operator("<") => Comparison::Less,
                Token::Operator("<=") => Comparison::LessEqual,
                Token::Operator(">") => Comparison::Greater,
                Token::Operator(">=") => Comparison::GreaterEqual,
                Token::Word("in") => Comparison::In,
                Token::Word("is") => Comparison::Is,
                Token::Word("not") => Comparison::NotIn,
                _ => break,
            };
            self.advance()?;
            let found = match found {
                Comparison::Is if self.take_word("not")? => Comparison::IsNot,
                Comparison::NotIn if !self.take_word("in")? => return Err(self.unexpected("in")),
                found => found,
            };
            rest.push((found, column, self.binary(0)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.node(Kind::Compare(Box::new(first), rest), start))
    }

    /// Operators of a rank and above: `|` is 0.
    fn binary(&mut self, rank: usize) -> Parsed<Node> {
        const RANKS: [&[(&str, BinaryOperator)]; 6] = [
            &[("|", BinaryOperator::Or)],
            &[("^", BinaryOperator::Xor)],
            &[("&", BinaryOperator::And)],
            &[("<<", BinaryOperator::ShiftLeft), (">>", BinaryOperator::ShiftRight)],
            &[("+", BinaryOperator::Add), ("-", BinaryOperator::Subtract)],
            &[
                ("*", BinaryOperator::Multiply),
                ("/", BinaryOperator::Divide),
                ("//", BinaryOperator::FloorDivide),
                ("%", BinaryOperator::Modulo),
                ("@", BinaryOperator::MatrixMultiply),
            ],
        ];
        let Some(operators) = RANKS.get(rank) else { return self.unary() };
        let start = self.start;
        let first = self.binary(rank + 1)?;
        let mut rest = Vec::new();
        while let Token::Operator(sign) = &self.token
            && let Some((_, operator)) = operators.iter().find(|(known, _)| known == sign)
        {
            let column = self.start as u32;
            self.advance()?;
            rest.push((*operator, column, self.binary(rank + 1)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.node(Kind::Binary(Box::new(first), rest), start))
    }

    fn unary(&mut self) -> Parsed<Node> {
        let start = self.start;
        let operator = match &self.token {
            Token::Operator("+") => UnaryOperator::Plus,
            Token::Operator("-") => UnaryOperator::Minus,
            Token::Operator("~") => UnaryOperator::Invert,
            _ => return self.power(),
        };
        self.advance()?;
        let inner = self.deeper(Parser::unary)?;
        Ok(self.node(Kind::Unary(operator, Box::new(inner)), start))
    }

    fn power(&mut self) -> Parsed<Node> {
        let start = self.start;
        let base = self.trailed()?;
        let column = self.start as u32;
        if !self.take("**")? {
            return Ok(base);
        }
        let exponent = self.deeper(Parser::unary)?;
        Ok(self.node(Kind::Binary(Box::new(base), vec![(BinaryOperator::Power, column, exponent)]), start))
    }

    /// A value and its attributes, items and calls.
    fn trailed(&mut self) -> Parsed<Node> {
        let start = self.start;
        let first = self.atom()?;
        let mut trailers = Vec::new();
        loop {
            let column = self.start;
            if self.take(".")? {
                let Token::Name(name) = &self.token else { return Err(self.unexpected("the name of an attribute")) };
                trailers.push((Trailer::Attribute(Symbol::from(name.as_str())), column as u32));
                self.advance()?;
            } else if self.take("[")? {
                let item = self.deeper(Parser::subscript)?;
                self.expect("]", column)?;
                trailers.push((Trailer::Item(item), column as u32));
            } else if self.take("(")? {
                let arguments = self.deeper(Parser::arguments)?;
                self.expect(")", column)?;
                trailers.push((Trailer::Call(arguments), column as u32));
            } else {
                break;
            }
        }
        if trailers.is_empty() {
            return Ok(first);
        }
        Ok(self.node(Kind::Trailed(Box::new(first), trailers), start))
    }

    fn subscript(&mut self) -> Parsed<Node> {
        let start = self.start;
        let first = self.slice()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",")? && !self.is("]") {
            items.push(self.slice()?);
        }
        Ok(self.node(Kind::Tuple(items), start))
    }

    fn slice(&mut self) -> Parsed<Node> {
        let start = self.start;
        let mut bounds = [None, None, None];
        if !self.is(":") {
            let node = self.starred_or_named()?;
            if !self.is(":") {
                return Ok(node);
            }
            bounds[0] = Some(node);
        }
        for bound in &mut bounds[1..] {
            if !self.take(":")? {
                break;
            }
            if !self.is(":") && !self.is("]") && !self.is(",") {
                *bound = Some(self.expression()?);
            }
        }
        Ok(self.node(Kind::Slice(Box::new(bounds)), start))
    }

    fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        let mut named = false;
        while !self.is(")") {
            let start = self.start;
            if self.take("**")? {
                arguments.push(Argument::SeveralNamed(self.expression()?));
                named = true;
            } else if self.take("*")? {
                arguments.push(Argument::Several(self.expression()?));
            } else {
                let node = self.named()?;
                if self.is("=") {
                    let Kind::Name(name) = node.kind else {
                        return Err(ExpressionError::syntax("the name of a parameter belongs before =", start));
                    };
                    self.advance()?;
                    arguments.push(Argument::Named(name, self.expression()?));
                    named = true;
                } else if self.is_word("for") || self.is_word("async") {
                    let node = self.comprehension(Made::Generator, node, None, start)?;
                    if !arguments.is_empty() || !self.is(")") {
                        let message = "a generator expression beside other arguments needs its own parentheses";
                        return Err(ExpressionError::syntax(message, start));
                    }
                    arguments.push(Argument::Positional(node));
                } else if named {
                    return Err(ExpressionError::syntax("a positional argument follows a named one", start));
                } else {
                    arguments.push(Argument::Positional(node));
                }
            }
            if !self.take(",")? {
                break;
            }
        }
        Ok(arguments)
    }

    fn comprehension(&mut self, made: Made, element: Node, value: Option<Node>, start: usize) -> Parsed<Node> {
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

    fn atom(&mut self) -> Parsed<Node> {
        let start = self.start;
        let constant = |value| Kind::Constant(value);
        let kind = match std::mem::replace(&mut self.token, Token::End) {
            Token::Name(name) => Kind::Name(Symbol::from(name)),
            Token::Number(number) => constant(number.0),
            Token::Word("None") => constant(Value::None),
            Token::Word("True") => constant(Value::Bool(true)),
            Token::Word("False") => constant(Value::Bool(false)),
            Token::Operator("...") => constant(Value::Ellipsis),
            Token::Word(word @ ("lambda" | "await" | "yield")) => {
                let message = match word {
                    "lambda" => "lambda makes a function, and this language has none: a comprehension says the same",
                    _ => "await and yield run code, and no code of the dump runs",
                };
                return Err(ExpressionError::new(message, start));
            }
            Token::Quote(prefix) => {
                self.token = Token::Quote(prefix);
                return self.deeper(Parser::strings);
            }
            Token::Operator("(") => {
                self.advance()?;
                return self.deeper(|parser| parser.parenthesised(start));
            }
            Token::Operator("[") => {
                self.advance()?;
                return self.deeper(|parser| parser.list(start));
            }
            Token::Operator("{") => {
                self.advance()?;
                return self.deeper(|parser| parser.braces(start));
            }
            other => {
                self.token = other;
                return Err(self.unexpected("a value"));
            }
        };
        self.advance()?;
        Ok(self.node(kind, start))
    }

    fn parenthesised(&mut self, start: usize) -> Parsed<Node> {
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

    fn list(&mut self, start: usize) -> Parsed<Node> {
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
    fn braces(&mut self, start: usize) -> Parsed<Node> {
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

    /// Strings one after another, which are one.
    fn strings(&mut self) -> Parsed<Node> {
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

impl Value {
    /// The text of a constant.
    #[cfg(test)]
    pub(crate) fn constant_text(&self) -> Option<String> {
        match self {
            Value::Text(text) => text.iter().map(|code| char::from_u32(*code)).collect(),
            _ => None,
        }
    }
}
