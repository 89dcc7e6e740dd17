//! Text to tokens, one at a time: names, numbers, operators, where a string begins.

use unicode_general_category::{GeneralCategory, get_general_category};

use super::super::error::ExpressionError;
use super::super::values::Value;
use super::literals;

/// The most characters of an expression.
const LONGEST: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(String),
    /// A word of the language: `if`, `in`.
    Word(&'static str),
    Operator(&'static str),
    /// The beginning of a string: its prefix in lower case; the quote is the next character.
    Quote(String),
    Number(Number),
    End,
}

/// A number as a token, which is compared by nothing but its place.
#[derive(Clone, Debug)]
pub(crate) struct Number(pub(crate) Value);

impl PartialEq for Number {
    fn eq(&self, _: &Number) -> bool {
        false
    }
}

/// Words that are no names.
const WORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield",
];

/// Longer ones first.
const OPERATORS: [&str; 48] = [
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "->", ":=", "+=", "-=", "*=", "/=", "%=",
    "&=", "|=", "^=", "@=", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":",
    ".", ";", "=", "!",
];

/// A text that is read token by token.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) letters: Vec<char>,
    /// Where the next token is looked for.
    pub(crate) at: usize,
}

impl Tokens {
    pub(crate) fn new(text: &str) -> Result<Tokens, ExpressionError> {
        let letters: Vec<char> = text.chars().take(LONGEST + 1).collect();
        if letters.len() > LONGEST {
            return Err(ExpressionError::new(format!("an expression of more than {LONGEST} characters"), LONGEST));
        }
        Ok(Tokens { letters, at: 0 })
    }

    pub(crate) fn letter(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    /// The next token and where it begins. `in_format` says that a `:` ends the value of an f-string here.
    pub(crate) fn next(&mut self, in_format: bool) -> Result<(Token, usize), ExpressionError> {
        self.skip_space();
        let start = self.at;
        let Some(letter) = self.letter(0) else { return Ok((Token::End, start)) };
        if letter.is_ascii_digit() || (letter == '.' && self.letter(1).is_some_and(|next| next.is_ascii_digit())) {
            let (number, end) = literals::number(&self.letters, start)?;
            self.at = end;
            return Ok((Token::Number(Number(number)), start));
        }
        if is_name_start(letter) {
            while self.letter(0).is_some_and(is_name_part) {
                self.at += 1;
            }
            let name: String = self.letters[start..self.at].iter().collect();
            if self.letter(0).is_some_and(is_quote) && is_prefix(&name) {
                return Ok((Token::Quote(name.to_ascii_lowercase()), start));
            }
            return Ok((WORDS.iter().find(|word| **word == name).map_or(Token::Name(name), |word| Token::Word(word)), start));
        }
        if is_quote(letter) {
            return Ok((Token::Quote(String::new()), start));
        }
        let here = |operator: &&&str| operator.chars().enumerate().all(|(ahead, wanted)| self.letter(ahead) == Some(wanted));
        let found = OPERATORS.iter().filter(|operator| !(in_format && **operator == ":=")).find(here);
        match found {
            Some(operator) => {
                self.at += operator.len();
                Ok((Token::Operator(operator), start))
            }
            None => Err(ExpressionError::syntax(format!("{letter:?} has no meaning here"), start)),
        }
    }

    fn skip_space(&mut self) {
        while let Some(letter) = self.letter(0) {
            match letter {
                ' ' | '\t' | '\n' | '\r' | '\x0c' => self.at += 1,
                '\\' if self.letter(1) == Some('\n') => self.at += 2,
                '#' => {
                    while self.letter(0).is_some_and(|letter| letter != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }
}

pub(crate) fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '\'')
}

fn is_prefix(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().as_str(), "r" | "u" | "b" | "f" | "br" | "rb" | "fr" | "rf" | "t" | "tr" | "rt")
}

/// Whether a name may begin with it.
pub(crate) fn is_name_start(letter: char) -> bool {
    use GeneralCategory as G;
    letter == '_'
        || letter.is_ascii_alphabetic()
        || (!letter.is_ascii()
            && matches!(
                get_general_category(letter),
                G::UppercaseLetter
                    | G::LowercaseLetter
                    | G::TitlecaseLetter
                    | G::ModifierLetter
                    | G::OtherLetter
                    | G::LetterNumber
            ))
}

/// Whether a name may go on with it.
pub(crate) fn is_name_part(letter: char) -> bool {
    use GeneralCategory as G;
    is_name_start(letter)
        || letter.is_ascii_digit()
        || (!letter.is_ascii()
            && matches!(
                get_general_category(letter),
                G::NonspacingMark | G::SpacingMark | G::DecimalNumber | G::ConnectorPunctuation
            ))
}
