//! What source text says of locks: the blocks that enclose a line, and the calls in one.
//!
//! No parser: indentation and the shape of a line. It sees `with`, `async with` and `acquire()` on one line each, and errs
//! towards saying less: a `release()` anywhere between counts, an `acquire()` deeper than the line does not.

/// Nobody writes longer ones by hand.
const LONGEST_LINE: usize = 4096;
/// Lines that are looked at above one.
const MOST_LINES: u32 = 3000;

/// Something that is held at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// The expression that names it.
    pub(super) expression: String,
    /// Whether by `async with` or `await`.
    pub(super) is_async: bool,
    /// Where it was taken.
    pub(super) line: u32,
}

/// A call: what is before the dot, and the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// What is before the last dot; empty where there is none, or where it is no plain path.
    pub(super) receiver: String,
    /// The name.
    pub(super) name: String,
    /// What it is called with, as far as the line goes.
    pub(super) arguments: String,
    /// Whether it ends on the line.
    pub(super) is_whole: bool,
    /// Whether it is within the arguments of another.
    is_inner: bool,
}

impl Call {
    /// The argument in this position, or of this name.
    pub(super) fn argument(&self, position: usize, name: &str) -> Option<&str> {
        let mut from = 0;
        let ends = top_level(&self.arguments, ',').into_iter().chain([self.arguments.len()]);
        ends.enumerate().find_map(|(index, end)| {
            let argument = self.arguments[std::mem::replace(&mut from, end + 1)..end].trim();
            match argument.split_once('=').map(|(left, right)| (left.trim(), right.trim())) {
                Some((left, right)) if !right.starts_with('=') => (left == name).then_some(right),
                _ => (index == position && !argument.is_empty()).then_some(argument),
            }
        })
    }
}

fn indentation(line: &str) -> usize {
    line.chars().take_while(|letter| letter.is_whitespace()).map(|letter| if letter == '\t' { 8 } else { 1 }).sum()
}

/// The line without a comment at its end.
fn code(line: &str) -> &str {
    let mut quote = None;
    for (at, letter) in line.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter == '#' => return line[..at].trim(),
            None => {}
        }
    }
    line.trim()
}

/// The expressions that a `with` statement enters, and whether it is an `async` one.
pub(super) fn with_items(line: &str) -> Option<(bool, Vec<String>)> {
    let text = code(line);
    let (is_async, rest) = match text.strip_prefix("async ") {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let rest = rest.strip_prefix("with").filter(|rest| rest.starts_with([' ', '(']))?.trim();
    let head = rest.get(..top_level(rest, ':').first().copied().unwrap_or(rest.len()))?.trim();
    let head = match head.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')) {
        Some(inside) if closes_at_end(head) => inside,
        _ => head,
    };
    let mut items = Vec::new();
    let mut from = 0;
    let cuts = top_level(head, ',');
    for end in cuts.into_iter().chain([head.len()]) {
        let item = head.get(from..end).unwrap_or_default().trim();
        let item = item.split_once(" as ").map_or(item, |(item, _)| item.trim());
        if !item.is_empty() {
            items.push(item.to_owned());
        }
        from = end + 1;
    }
    Some((is_async, items))
}

/// Positions of a letter, which may itself be a bracket, outside of brackets.
fn top_level(text: &str, wanted: char) -> Vec<usize> {
    let mut depth = 0i32;
    let mut found = Vec::new();
    for (at, letter) in text.char_indices() {
        if letter == wanted && depth == 0 {
            found.push(at);
        }
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// Whether the bracket that opens a text closes at its end.
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0i32;
    for (at, letter) in text.char_indices() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if depth == 0 {
            return at + 1 == text.len();
        }
    }
    false
}

/// The call that an expression is: the last that is in the arguments of no other.
pub(super) fn call_of(expression: &str) -> Option<Call> {
    calls(expression).into_iter().rfind(|call| !call.is_inner)
}

/// The calls of a line, in the order of their names.
pub(super) fn calls(line: &str) -> Vec<Call> {
    let text = code(line);
    let mut found = Vec::new();
    if text.len() > LONGEST_LINE {
        return found;
    }
    let outermost = top_level(text, '(');
    for (at, _) in text.match_indices('(') {
        let path = path_before(&text[..at]);
        let (receiver, name) = match last_dot(path) {
            Some(dot) => (&path[..dot], &path[dot + 1..]),
            None => ("", path),
        };
        if !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
            let rest = &text[at + 1..];
            let end = top_level(rest, ')').first().copied();
            found.push(Call {
                receiver: receiver.to_owned(),
                name: name.to_owned(),
                arguments: rest[..end.unwrap_or(rest.len())].to_owned(),
                is_whole: end.is_some(),
                is_inner: outermost.binary_search(&at).is_err(),
            });
        }
    }
    found
}

/// The longest end of a text that is a path: names, dots and subscripts.
fn path_before(text: &str) -> &str {
    let mut depth = 0i32;
    let mut start = text.len();
    for (at, letter) in text.char_indices().rev() {
        match letter {
            ']' => depth += 1,
            '[' if depth > 0 => depth -= 1,
            letter if depth > 0 || letter.is_alphanumeric() || letter == '_' || letter == '.' => {}
            _ => break,
        }
        start = at;
    }
    if depth == 0 { &text[start..] } else { "" }
}

fn last_dot(path: &str) -> Option<usize> {
    top_level(path, '.').last().copied()
}

/// What is held at `line` of a function that begins at `first`, the innermost first. Lines count from 1.
pub(super) fn held(lines: &[String], first: u32, line: u32) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    let mut released: Vec<String> = Vec::new();
    let at = |number: u32| lines.get((number as usize).wrapping_sub(1)).map(String::as_str);
    let Some(here) = at(line) else { return held };
    let mut limit = indentation(here);
    for number in (first.max(1)..line).rev().take(MOST_LINES as usize) {
        let Some(text) = at(number) else { break };
        let plain = code(text);
        if plain.is_empty() {
            continue;
        }
        let indent = indentation(text);
        for call in calls(text) {
            match call.name.as_str() {
                "release" => released.push(call.receiver),
                "acquire" if indent <= limit => {
                    let is_async = plain.contains("await ");
                    if !released.contains(&call.receiver) && !call.receiver.is_empty() {
                        held.push(Held { expression: call.receiver, is_async, line: number });
                    }
                }
                _ => {}
            }
        }
        if indent < limit {
            limit = indent;
            if let Some((is_async, items)) = with_items(text) {
                held.extend(items.into_iter().rev().map(|expression| Held { expression, is_async, line: number }));
            }
        }
    }
    held
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
