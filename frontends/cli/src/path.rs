//! Paths to objects, as one would type them: `thread:MainThread/frame:-1/order.items[3]`.
//!
//! A path is a place and steps. Places: `exception`, `thread:NAME|NUMBER` with `/frame:N` (0 outermost, −1 innermost),
//! `module:NAME`, `object:0xADDRESS`, `object:#NUMBER`; without one the innermost frame of the first thread is meant. Steps:
//! `/name` or `.name` an attribute (first a variable of a frame), `[3]`, `[-1]`, `["key"]` an element or entry, `[3, 4]` an
//! element of an array, `[2:5]` a part.

use std::iter::Peekable;
use std::str::Chars;

use anyhow::{Context, bail};

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The exception that is the reason of the dump.
    Exception,
    /// A thread, by name or position; none for the first; and a frame of it.
    Frame(Option<String>, i64),
    /// A thread alone.
    Thread(String),
    /// A module, by name.
    Module(String),
    /// An object, by address.
    Address(u64),
    /// An object, by number.
    Number(u32),
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An attribute.
    Attribute(String),
    /// An element, or the entry under this number.
    Index(i64),
    /// The element at these positions of an array, one a dimension.
    Indexes(Vec<i64>),
    /// The entry under this text.
    Key(String),
    /// Elements from here to there.
    Slice(Option<i64>, Option<i64>),
}

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Where it starts.
    pub place: Place,
    /// What leads on from there.
    pub steps: Vec<Step>,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> anyhow::Result<Path> {
        let (place, rest) = place(text)?;
        let mut letters = rest.chars().peekable();
        let mut steps = Vec::new();
        while let Some(letter) = letters.peek().copied() {
            match letter {
                '/' | '.' => {
                    letters.next();
                    if letters.peek().is_none() {
                        bail!("the path ends after {letter:?}: a name belongs there");
                    }
                }
                '[' => {
                    letters.next();
                    steps.push(subscript(&mut letters)?);
                }
                _ => steps.push(Step::Attribute(name(&mut letters)?)),
            }
        }
        Ok(Path { place, steps })
    }
}

fn place(text: &str) -> anyhow::Result<(Place, &str)> {
    let cut = |rest: &'_ str| rest.find(['/', '[']).unwrap_or(rest.len());
    if let Some(rest) = text.strip_prefix("thread:") {
        let end = rest.find('/').unwrap_or(rest.len());
        let thread = rest[..end].to_owned();
        return match rest[end..].strip_prefix("/frame:") {
            Some(after) => {
                let end = after.find(['/', '.', '[']).unwrap_or(after.len());
                let number = after[..end].parse().with_context(|| format!("{:?} is no frame number", &after[..end]))?;
                Ok((Place::Frame(Some(thread), number), &after[end..]))
            }
            None if end == rest.len() => Ok((Place::Thread(thread), "")),
            None => Ok((Place::Frame(Some(thread), -1), &rest[end..])),
        };
    }
    if let Some(after) = text.strip_prefix("frame:") {
        let end = after.find(['/', '.', '[']).unwrap_or(after.len());
        let number = after[..end].parse().with_context(|| format!("{:?} is no frame number", &after[..end]))?;
        return Ok((Place::Frame(None, number), &after[end..]));
    }
    if let Some(rest) = text.strip_prefix("module:") {
        let end = cut(rest);
        return Ok((Place::Module(rest[..end].to_owned()), &rest[end..]));
    }
    if let Some(rest) = text.strip_prefix("object:") {
        let end = rest.find(['/', '.', '[']).unwrap_or(rest.len());
        let number = &rest[..end];
        let place = match (number.strip_prefix('#'), number.strip_prefix("0x")) {
            (Some(digits), _) => Place::Number(digits.parse().with_context(|| format!("{number:?} is no object number"))?),
            (_, Some(digits)) => {
                Place::Address(u64::from_str_radix(digits, 16).with_context(|| format!("{number:?} is no address"))?)
            }
            _ => bail!("object:{number} names no object\nhint: object:0x7f… by address, object:#12 by number"),
        };
        return Ok((place, &rest[end..]));
    }
    match text.strip_prefix("exception") {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '.', '[']) => Ok((Place::Exception, rest)),
        _ => Ok((Place::Frame(None, -1), text)),
    }
}

fn name(letters: &mut Peekable<Chars<'_>>) -> anyhow::Result<String> {
    let mut name = String::new();
    while let Some(letter) = letters.next_if(|letter| !['.', '/', '['].contains(letter)) {
        name.push(letter);
    }
    if name.contains(']') {
        bail!("{name:?} has a ] that closes nothing");
    }
    Ok(name)
}

fn subscript(letters: &mut Peekable<Chars<'_>>) -> anyhow::Result<Step> {
    if let Some(quote) = letters.next_if(|letter| ['"', '\''].contains(letter)) {
        let mut key = String::new();
        loop {
            match letters.next() {
                Some('\\') => key.push(letters.next().context("a path ends within a key")?),
                Some(letter) if letter == quote => break,
                Some(letter) => key.push(letter),
                None => bail!("the key {quote}{key} is not closed"),
            }
        }
        return match letters.next() {
            Some(']') => Ok(Step::Key(key)),
            _ => bail!("after the key {key:?} a ] is missing"),
        };
    }
    let mut inside = String::new();
    loop {
        match letters.next() {
            Some(']') => break,
            Some(letter) => inside.push(letter),
            None => bail!("[{inside} is not closed"),
        }
    }
    let number =
        |text: &str| text.trim().parse::<i64>().with_context(|| format!("[{inside}]: a number or a quoted key belongs there"));
    match inside.split_once(':') {
        Some((from, to)) => {
            let bound = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
            Ok(Step::Slice(bound(from)?, bound(to)?))
        }
        None if inside.contains(',') => {
            let positions = inside.trim_end().trim_end_matches(',').split(',');
            Ok(Step::Indexes(positions.map(number).collect::<anyhow::Result<_>>()?))
        }
        None => Ok(Step::Index(number(&inside)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_one_would_type_them() {
        let attribute = |name: &str| Step::Attribute(name.into());
        let frame = |thread: Option<&str>, number| Place::Frame(thread.map(str::to_owned), number);
        for (text, place, steps) in [
            ("exception", Place::Exception, vec![]),
            ("exception/args[0]", Place::Exception, vec![attribute("args"), Step::Index(0)]),
            ("exceptional", frame(None, -1), vec![attribute("exceptional")]),
            ("order.items[3]", frame(None, -1), vec![attribute("order"), attribute("items"), Step::Index(3)]),
            (
                "thread:MainThread/frame:-1/order.items[3]",
                frame(Some("MainThread"), -1),
                vec![attribute("order"), attribute("items"), Step::Index(3)],
            ),
            ("thread:Thread-1 (work)/frame:0", frame(Some("Thread-1 (work)"), 0), vec![]),
            ("thread:1", Place::Thread("1".into()), vec![]),
            (
                "module:app.core/CACHE[\"a.b\"]['it\\'s']",
                Place::Module("app.core".into()),
                vec![attribute("CACHE"), Step::Key("a.b".into()), Step::Key("it's".into())],
            ),
            ("object:0x7f00[2:]", Place::Address(0x7f00), vec![Step::Slice(Some(2), None)]),
            ("grid[3, -4]", frame(None, -1), vec![attribute("grid"), Step::Indexes(vec![3, -4])]),
            ("object:#12.x[-1]", Place::Number(12), vec![attribute("x"), Step::Index(-1)]),
        ] {
            assert_eq!(Path::parse(text).unwrap(), Path { place, steps }, "{text}");
        }
    }

    #[test]
    fn wrong_paths_say_what_is_wrong() {
        for (text, told) in [
            ("a[", "not closed"),
            ("a[x]", "a number or a quoted key"),
            ("a['k", "not closed"),
            ("a['k'x]", "] is missing"),
            ("object:12", "names no object"),
            ("thread:x/frame:y", "no frame number"),
            ("a.", "a name belongs there"),
            ("a]b", "closes nothing"),
        ] {
            let problem = format!("{:#}", Path::parse(text).unwrap_err());
            assert!(problem.contains(told), "{text}: {problem}");
        }
    }
}
