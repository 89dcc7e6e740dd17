//! The text of a description, line by line; what is wrong is said with the line's number.

use std::fmt;

use heapsake_core::heap::EdgeKind;
use heapsake_core::reduce::TypeMatch;

use super::reduce::DescribedType;

/// The version of the format.
const VERSION: &str = "1";
/// Arrays inside of a struct are not longer.
const MOST_ITEMS: u64 = 1 << 20;

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, 1 based; 0 for the file as a whole.
    pub line: usize,
    /// What.
    pub message: String,
}

impl Problem {
    pub(super) fn new(line: usize, message: String) -> Problem {
        Problem { line, message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// A described field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// Where something lies: steps, between which a pointer is followed.
pub(super) type Place = Vec<Step>;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// So many bytes on.
    Bytes(i64),
    /// Where the member of a struct lies.
    Member(String, String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(Number, Shown),
    /// Text up to its NUL, behind a pointer.
    Text,
    /// Text of at most so many bytes.
    Characters(u64),
    /// So many bytes.
    Bytes(u64),
    /// Bytes behind a pointer, as many as the number at the place says.
    BytesBehind(Place),
    Object(EdgeKind),
    /// So many objects in a row.
    Objects(u64),
    /// Objects behind a pointer, as many as the number at the place says.
    ObjectsBehind(Place),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// Signed, of so many bytes.
    Signed(u8),
    Unsigned(u8),
    Float(u8),
    Bool,
    Pointer,
}

/// How a number is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    Plain,
    Hexadecimal,
    OneOf(Vec<(i128, String)>),
    Flags(Vec<(i128, String)>),
    Descriptor,
}

/// Reads the text of a description.
///
/// # Errors
/// The first thing that is wrong.
pub fn parse(text: &str) -> Result<Vec<DescribedType>, Problem> {
    let mut types: Vec<DescribedType> = Vec::new();
    let mut begun = false;
    for (at, line) in text.lines().enumerate() {
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        let problem = |message: String| Problem::new(at + 1, message);
        let (word, rest) = line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
        if !begun {
            if (word, rest) != ("heapsake-type", VERSION) {
                return Err(problem(format!("the first line is `heapsake-type {VERSION}`, not `{line}`")));
            }
            begun = true;
            continue;
        }
        if let "type" | "base" = word
            && !rest.starts_with('=')
        {
            types.push(begin(word, rest, at + 1).map_err(problem)?);
            continue;
        }
        let Some(current) = types.last_mut() else {
            return Err(problem(format!("`{word}` before any `type`")));
        };
        match word {
            "struct" | "saves" if !rest.starts_with('=') => {
                let into = if word == "struct" { &mut current.structure } else { &mut current.saves };
                if rest.is_empty() || !into.is_empty() {
                    let how = if rest.is_empty() { "nothing" } else { "a second line" };
                    return Err(problem(format!("`{word}` with {how}")));
                }
                rest.clone_into(into);
            }
            _ => {
                let field = field(line, &current.structure).map_err(problem)?;
                if current.fields.iter().any(|known| known.name == field.name) {
                    return Err(problem(format!("a second field {}", field.name)));
                }
                current.fields.push(field);
            }
        }
    }
    if !begun {
        return Err(Problem::new(0, "it is empty".to_owned()));
    }
    match types.iter().find(|one| one.fields.is_empty()) {
        Some(empty) => Err(Problem::new(empty.line, format!("{} has no fields", empty.matched.name()))),
        None if types.is_empty() => Err(Problem::new(0, "it describes no type".to_owned())),
        None => Ok(types),
    }
}

fn without_comment(line: &str) -> &str {
    let comment = line
        .char_indices()
        .find(|(at, letter)| *letter == '#' && line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    line[..comment.map_or(line.len(), |(at, _)| at)].trim()
}

fn begin(word: &str, name: &str, line: usize) -> Result<DescribedType, String> {
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("`{word}` wants the qualified name of one type, not `{name}`"));
    }
    let name: &'static str = name.to_owned().leak();
    let matched = if word == "type" { TypeMatch::Exact(name) } else { TypeMatch::Base(name) };
    Ok(DescribedType::new(matched, line))
}

/// The words of a field, one after the other.
struct Words<'a>(std::iter::Peekable<std::str::SplitWhitespace<'a>>);

fn field(line: &str, structure: &str) -> Result<Field, String> {
    let (name, rest) = line.split_once('=').ok_or_else(|| format!("`{line}` is no `name = place kind`"))?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("a field has one name, not `{name}`"));
    }
    let mut words = Words(rest.split_whitespace().peekable());
    let place = words.place(structure)?;
    let kind = words.kind(structure)?;
    match words.0.next() {
        Some(word) => Err(format!("`{word}` after the end of the field")),
        None => Ok(Field { name: name.to_owned(), place, kind }),
    }
}

impl<'a> Words<'a> {
    fn next(&mut self, wanted: &str) -> Result<&'a str, String> {
        self.0.next().ok_or_else(|| format!("{wanted} is missing"))
    }

    fn place(&mut self, structure: &str) -> Result<Place, String> {
        let mut steps = vec![step(self.next("the place")?, structure)?];
        while self.0.next_if_eq(&"->").is_some() {
            steps.push(step(self.next("the place after `->`")?, "")?);
        }
        Ok(steps)
    }

    fn kind(&mut self, structure: &str) -> Result<Kind, String> {
        let word = self.next("the kind")?;
        let (base, count) = match word.split_once('[') {
            Some((base, count)) => {
                let count = count.strip_suffix(']').and_then(number);
                let count = count.and_then(|count| u64::try_from(count).ok()).filter(|count| (1..=MOST_ITEMS).contains(count));
                (base, Some(count.ok_or_else(|| format!("`{word}` has no length from 1 to {MOST_ITEMS}"))?))
            }
            None => (word, None),
        };
        Ok(match (base, count) {
            ("char*", None) => Kind::Text,
            ("char", Some(count)) => Kind::Characters(count),
            ("bytes", Some(count)) => Kind::Bytes(count),
            ("bytes*", None) => Kind::BytesBehind(self.count(structure)?),
            ("object", None) => Kind::Object(self.edge_kind()),
            ("object", Some(count)) => Kind::Objects(count),
            ("object*", None) => Kind::ObjectsBehind(self.count(structure)?),
            (_, None) => Kind::Number(number_kind(word).ok_or_else(|| format!("`{word}` is no kind"))?, self.shown()?),
            _ => return Err(format!("`{word}` is no kind")),
        })
    }

    fn count(&mut self, structure: &str) -> Result<Place, String> {
        match self.0.next() {
            Some("count") => self.place(structure),
            _ => Err("`count PLACE` is missing".to_owned()),
        }
    }

    fn edge_kind(&mut self) -> EdgeKind {
        let kinds = [("weak", EdgeKind::Weak), ("borrowed", EdgeKind::Borrowed), ("internal", EdgeKind::Internal)];
        let found = kinds.into_iter().find(|(word, _)| self.0.next_if_eq(word).is_some());
        found.map_or(EdgeKind::Attribute, |(_, kind)| kind)
    }

    fn shown(&mut self) -> Result<Shown, String> {
        Ok(match self.0.peek().copied() {
            Some("hex") => {
                self.0.next();
                Shown::Hexadecimal
            }
            Some("descriptor") => {
                self.0.next();
                Shown::Descriptor
            }
            Some("one-of") => Shown::OneOf(self.choices()?),
            Some("flags") => Shown::Flags(self.choices()?),
            _ => Shown::Plain,
        })
    }

    /// `NUMBER WORD, NUMBER WORD …` to the end of the line.
    fn choices(&mut self) -> Result<Vec<(i128, String)>, String> {
        let word = self.next("a word")?;
        let rest = self.0.by_ref().collect::<Vec<_>>().join(" ");
        let choice = |text: &str| {
            let (value, name) = text.trim().split_once(' ')?;
            Some((number(value)?, name.trim().to_owned()))
        };
        rest.split(',').map(|text| choice(text).ok_or_else(|| format!("`{word}` wants `NUMBER WORD`, not `{text}`"))).collect()
    }
}

fn step(word: &str, structure: &str) -> Result<Step, String> {
    if let Some(offset) = number(word) {
        let offset = i64::try_from(offset).ok().filter(|offset| offset.abs() <= 1 << 32);
        return offset.map(Step::Bytes).ok_or_else(|| format!("{word} bytes are too far"));
    }
    let is_word = |name: &str| !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let is_name = |name: &str| name.split('.').all(is_word);
    match word.split_once('.') {
        Some(("", member)) if is_name(member) && !structure.is_empty() => {
            Ok(Step::Member(structure.to_owned(), member.to_owned()))
        }
        Some(("", member)) if is_name(member) => {
            Err(format!("`{word}` of which struct? say `struct NAME` before, or NAME{word}"))
        }
        Some((of, member)) if is_name(of) && is_name(member) => Ok(Step::Member(of.to_owned(), member.to_owned())),
        _ => Err(format!("`{word}` is no place: a number of bytes, .member or Struct.member")),
    }
}

fn number(word: &str) -> Option<i128> {
    match word.strip_prefix("0x") {
        Some(digits) if !digits.starts_with(['+', '-']) => i128::from_str_radix(digits, 16).ok(),
        _ => word.parse().ok(),
    }
}

fn number_kind(word: &str) -> Option<Number> {
    Some(match word {
        "i8" => Number::Signed(1),
        "i16" => Number::Signed(2),
        "i32" => Number::Signed(4),
        "i64" => Number::Signed(8),
        "u8" => Number::Unsigned(1),
        "u16" => Number::Unsigned(2),
        "u32" => Number::Unsigned(4),
        "u64" => Number::Unsigned(8),
        "f32" => Number::Float(4),
        "f64" => Number::Float(8),
        "bool" => Number::Bool,
        "pointer" => Number::Pointer,
        _ => return None,
    })
}
