//! A parser by precedence. What Python's grammar of expressions has is read; `lambda`, `await` and `yield` are refused in words.

use super::super::error::ExpressionError;
use super::super::values::Value;
use super::tokens::{Token, Tokens};
use super::tree::{Argument, BinaryOperator, Comparison, Kind, Made, Node, Symbol, Trailer, UnaryOperator};

pub(super) type Parsed<T> = Result<T, ExpressionError>;

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

pub(super) struct Parser {
    pub(super) tokens: Tokens,
    pub(super) token: Token,
    /// Where it begins.
    pub(super) start: usize,
    pub(super) depth: usize,
    /// How many brackets are open in the value of an f-string; none outside of one.
    pub(super) in_format: Option<usize>,
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

    pub(super) fn advance(&mut self) -> Parsed<()> {
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

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(&self.token, Token::Operator(found) if *found == sign)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(found) if *found == word)
    }

    /// Whether the sign is there; it is passed.
    pub(super) fn take(&mut self, sign: &str) -> Parsed<bool> {
        let found = self.is(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn take_word(&mut self, word: &str) -> Parsed<bool> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, sign: &str, opened: usize) -> Parsed<()> {
        if self.take(sign)? {
            return Ok(());
        }
        Err(self.unexpected(&format!("{sign} for what column {opened} opens")))
    }

    pub(super) fn unexpected(&self, wanted: &str) -> ExpressionError {
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

    pub(super) fn node(&self, kind: Kind, column: usize) -> Node {
        Node { kind, column: column as u32 }
    }

    /// Does something one level deeper.
    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return Err(ExpressionError::syntax(format!("nested more than {DEEPEST} deep"), self.start));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Expressions with commas between them: a tuple, or a single one.
    pub(super) fn expressions(&mut self) -> Parsed<Node> {
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

    pub(super) fn starred_or_named(&mut self) -> Parsed<Node> {
        let start = self.start;
        if self.take("*")? {
            let node = self.deeper(|parser| parser.binary(0))?;
            return Ok(self.node(Kind::Starred(Box::new(node)), start));
        }
        self.named()
    }

    /// An expression, or `name := expression`.
    pub(super) fn named(&mut self) -> Parsed<Node> {
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
    pub(super) fn expression(&mut self) -> Parsed<Node> {
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

    pub(super) fn or(&mut self) -> Parsed<Node> {
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
    pub(super) fn binary(&mut self, rank: usize) -> Parsed<Node> {
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
}
