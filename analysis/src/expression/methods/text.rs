//! Methods of texts and bytes. Both are lists of numbers here; of bytes only ASCII has letters.

use std::ops::Range;

use super::super::arguments::Arguments;
use super::super::error::{Evaluated, refused, type_error, value_error};
use super::super::evaluate::Evaluator;
use super::super::forms::Form;
use super::super::search::{Wanted, find, find_last};
use super::super::values::{Value, string_of};
use super::unicode;

/// A text or bytes.
fn made(codes: &[u32], is_bytes: bool) -> Value {
    if is_bytes { Value::bytes(&codes.iter().map(|code| *code as u8).collect::<Vec<u8>>()) } else { Value::codes(codes) }
}

/// The bytes that so many letters take.
fn weight(letters: usize, is_bytes: bool) -> u64 {
    letters as u64 * if is_bytes { 1 } else { 4 }
}

impl Evaluator<'_> {
    /// The codes of an argument of the same kind.
    fn same_kind(&mut self, value: &Value, is_bytes: bool, function: &str) -> Evaluated<Vec<u32>> {
        match self.form(value)? {
            Form::Text(codes) if !is_bytes => Ok(codes.to_vec()),
            Form::Bytes(bytes) | Form::Bytearray(bytes) if is_bytes => Ok(bytes.iter().map(|byte| u32::from(*byte)).collect()),
            Form::Int(number) if is_bytes && matches!(function, "find" | "rfind" | "index" | "rindex" | "count") => {
                match u8::try_from(number) {
                    Ok(byte) => Ok(vec![u32::from(byte)]),
                    Err(_) => value_error("byte must be in range(0, 256)"),
                }
            }
            _ => {
                let given = self.type_name(value);
                if is_bytes {
                    return type_error(format!("a bytes-like object is required, not '{given}'"));
                }
                type_error(format!("{function}() argument must be str, not {given}"))
            }
        }
    }

    /// The part that `start` and `end` mean: where it begins and ends; none where it begins beyond its end.
    fn window(&mut self, length: usize, start: Option<&Value>, end: Option<&Value>) -> Evaluated<Option<(usize, usize)>> {
        let length = length as i128;
        let mut bound = |value: Option<&Value>, default: i128| -> Evaluated<i128> {
            Ok(match value {
                None => default,
                Some(value) => match self.form(value)? {
                    Form::None => default,
                    _ => {
                        let at = self.wide_index(value)?;
                        if at < 0 { (at + length).max(0) } else { at }
                    }
                },
            })
        };
        let start = bound(start, 0)?;
        let end = bound(end, length)?.min(length);
        Ok((start <= end && start <= length).then_some((start as usize, end as usize)))
    }

    pub(super) fn text_method(
        &mut self,
        codes: &[u32],
        is_bytes: bool,
        name: &'static str,
        given: Arguments,
    ) -> Evaluated<Value> {
        for _ in 0..codes.len() / 4096 {
            self.step()?;
        }
        let whole = |found: Vec<u32>| made(&found, is_bytes);
        let ascii = |code: u32| !is_bytes || code < 0x80;
        match name {
            "upper" | "lower" | "swapcase" | "title" | "capitalize" | "casefold" => {
                given.positions(name, 0, 0)?;
                if name == "casefold" && codes.iter().any(|code| *code > 0x7f) {
                    return Err(refused("casefold() of letters beyond ASCII is not known here: lower() is"));
                }
                self.taken(weight(codes.len(), is_bytes))?;
                let found = cased(codes, is_bytes, name);
                self.taken(weight(found.len().saturating_sub(codes.len()), is_bytes))?;
                Ok(whole(found))
            }
            "strip" | "lstrip" | "rstrip" => {
                let given = given.positions(name, 0, 1)?;
                let wanted = match given.first() {
                    None | Some(Value::None) => None,
                    Some(value) => {
                        let mut wanted = self.same_kind(value, is_bytes, name)?;
                        wanted.sort_unstable();
                        Some(wanted)
                    }
                };
                let goes = |code: u32| match &wanted {
                    Some(wanted) => wanted.binary_search(&code).is_ok(),
                    None if is_bytes => matches!(code, 0x09..=0x0d | 0x20),
                    None => unicode::is_space(code),
                };
                let mut from = 0;
                let mut to = codes.len();
                while name != "rstrip" && from < to && goes(codes[from]) {
                    from += 1;
                }
                while name != "lstrip" && to > from && goes(codes[to - 1]) {
                    to -= 1;
                }
                self.taken(weight(to - from, is_bytes))?;
                Ok(made(&codes[from..to], is_bytes))
            }
            "startswith" | "endswith" => {
                let given = given.positions(name, 1, 3)?;
                let window = self.window(codes.len(), given.get(1), given.get(2))?;
                let prefixes = match self.form(&given[0])? {
                    Form::Tuple(items) => self.all(&items)?,
                    _ => vec![given[0].clone()],
                };
                for prefix in prefixes {
                    let wanted = match self.same_kind(&prefix, is_bytes, "") {
                        Ok(wanted) => wanted,
                        Err(failure) if failure.exception == Some("TypeError") => {
                            let kind = if is_bytes { "bytes" } else { "str" };
                            let found = self.type_name(&prefix);
                            return type_error(format!("{name} first arg must be {kind} or a tuple of {kind}, not {found}"));
                        }
                        Err(failure) => return Err(failure),
                    };
                    let Some((from, to)) = window else { continue };
                    let part = &codes[from..to];
                    if if name == "startswith" { part.starts_with(&wanted) } else { part.ends_with(&wanted) } {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            "find" | "index" | "rfind" | "rindex" | "count" => {
                let given = given.positions(name, 1, 3)?;
                let wanted = self.same_kind(&given[0], is_bytes, name)?;
                let window = self.window(codes.len(), given.get(1), given.get(2))?;
                if name == "count" {
                    let Some((from, to)) = window else { return Ok(Value::Int(0)) };
                    if wanted.is_empty() {
                        return Ok(Value::Int((to - from) as i64 + 1));
                    }
                    let part = Wanted::new(&wanted);
                    let (mut at, mut count) = (from, 0);
                    while let Some(found) = part.find(&codes[..to], at) {
                        count += 1;
                        at = found + wanted.len();
                    }
                    return Ok(Value::Int(count));
                }
                let found = window.and_then(|(from, to)| {
                    if name.starts_with('r') { find_last(&codes[from..to], &wanted) } else { find(&codes[from..to], &wanted) }
                        .map(|at| at + from)
                });
                match found {
                    Some(at) => Ok(Value::Int(at as i64)),
                    None if name.ends_with("find") => Ok(Value::Int(-1)),
                    None => value_error(if is_bytes { "subsection not found" } else { "substring not found" }),
                }
            }
            "replace" => {
                let [old, new, count] = given.bind(name, ["/old", "/new", "count"], 2)?;
                let old = self.same_kind(&old.unwrap_or(Value::None), is_bytes, name)?;
                let new = self.same_kind(&new.unwrap_or(Value::None), is_bytes, name)?;
                let most = match count {
                    Some(count) => self.wide_index(&count)?,
                    None => -1,
                };
                let replaced = self.replaced(codes, &old, &new, most)?;
                self.taken(weight(replaced.len(), is_bytes))?;
                Ok(whole(replaced))
            }
            "split" | "rsplit" => {
                let [separator, most] = given.bind(name, ["sep", "maxsplit"], 0)?;
                let most = match most {
                    Some(most) => self.wide_index(&most)?,
                    None => -1,
                };
                let separator = match separator {
                    None | Some(Value::None) => None,
                    Some(value) => match self.form(&value)? {
                        Form::None => None,
                        _ => Some(self.same_kind(&value, is_bytes, name)?),
                    },
                };
                if separator.as_ref().is_some_and(Vec::is_empty) {
                    return value_error("empty separator");
                }
                self.taken(weight(codes.len(), is_bytes))?;
                let backwards = name == "rsplit";
                let reversed = if backwards { codes.iter().rev().copied().collect() } else { Vec::new() };
                let separator = separator.map(|mut separator| {
                    if backwards {
                        separator.reverse();
                    }
                    separator
                });
                let text = if backwards { &reversed } else { codes };
                let parts = Parts { separator: separator.as_deref(), most, is_bytes };
                // All are counted before one is made.
                parts.tell(text, &mut |_| self.one_more())?;
                let mut found = Vec::new();
                parts.tell(text, &mut |part| {
                    let part = if backwards { codes.len() - part.end..codes.len() - part.start } else { part };
                    found.push(made(&codes[part], is_bytes));
                    Ok(())
                })?;
                if backwards {
                    found.reverse();
                }
                Ok(Value::list(found))
            }
            "splitlines" => {
                let [keep] = given.bind(name, ["keepends"], 0)?;
                let keep = match keep {
                    Some(keep) => self.truth(&keep)?,
                    None => false,
                };
                self.taken(weight(codes.len(), is_bytes))?;
                lines(codes, is_bytes, keep, &mut |_| self.one_more())?;
                let mut found = Vec::new();
                lines(codes, is_bytes, keep, &mut |line| {
                    found.push(made(&codes[line], is_bytes));
                    Ok(())
                })?;
                Ok(Value::list(found))
            }
            "partition" | "rpartition" => {
                let given = given.positions(name, 1, 1)?;
                let wanted = self.same_kind(&given[0], is_bytes, name)?;
                if wanted.is_empty() {
                    return value_error("empty separator");
                }
                self.taken(weight(codes.len(), is_bytes))?;
                let found = if name == "partition" { find(codes, &wanted) } else { find_last(codes, &wanted) };
                let parts: [&[u32]; 3] = match found {
                    Some(at) => [&codes[..at], &wanted, &codes[at + wanted.len()..]],
                    None if name == "partition" => [codes, &[], &[]],
                    None => [&[], &[], codes],
                };
                Ok(Value::tuple(parts.iter().map(|part| made(part, is_bytes)).collect()))
            }
            "removeprefix" | "removesuffix" => {
                let given = given.positions(name, 1, 1)?;
                let wanted = self.same_kind(&given[0], is_bytes, name)?;
                let rest = if name == "removeprefix" { codes.strip_prefix(&wanted[..]) } else { codes.strip_suffix(&wanted[..]) };
                let rest = rest.unwrap_or(codes);
                self.taken(weight(rest.len(), is_bytes))?;
                Ok(made(rest, is_bytes))
            }
            "join" => {
                let given = given.positions(name, 1, 1)?;
                let Ok(mut cursor) = self.cursor(&given[0]) else { return type_error("can only join an iterable") };
                let mut joined: Vec<u32> = Vec::new();
                let mut at = 0;
                while let Some(item) = self.next(&mut cursor)? {
                    if at > 0 {
                        joined.extend_from_slice(codes);
                    }
                    match self.same_kind(&item, is_bytes, name) {
                        Ok(part) => {
                            self.within_bytes(joined.len() + part.len())?;
                            joined.extend(part);
                        }
                        Err(failure) if failure.exception == Some("TypeError") => {
                            let found = self.type_name(&item);
                            let wanted = if is_bytes { "a bytes-like object" } else { "str instance" };
                            return type_error(format!("sequence item {at}: expected {wanted}, {found} found"));
                        }
                        Err(failure) => return Err(failure),
                    }
                    at += 1;
                }
                self.taken(weight(joined.len(), is_bytes))?;
                Ok(whole(joined))
            }
            "center" | "ljust" | "rjust" => {
                let given = given.positions(name, 1, 2)?;
                let width = self.wide_index(&given[0])?.max(0);
                self.taken((width as u64).max(codes.len() as u64).saturating_mul(weight(1, is_bytes)))?;
                let fill = match given.get(1) {
                    Some(fill) => self.same_kind(fill, is_bytes, name)?,
                    None => vec![0x20],
                };
                let [fill] = fill[..] else { return type_error("The fill character must be exactly one character long") };
                let missing = (width as usize).saturating_sub(codes.len());
                // The odd one goes where CPython puts it.
                let left = match name {
                    "ljust" => 0,
                    "rjust" => missing,
                    _ => missing / 2 + (missing & width as usize & 1),
                };
                let mut padded = vec![fill; left];
                padded.extend_from_slice(codes);
                padded.resize(padded.len() + missing - left, fill);
                Ok(whole(padded))
            }
            "zfill" => {
                let given = given.positions(name, 1, 1)?;
                let width = self.wide_index(&given[0])?.max(0);
                self.taken((width as u64).max(codes.len() as u64).saturating_mul(weight(1, is_bytes)))?;
                let missing = (width as usize).saturating_sub(codes.len());
                let sign = usize::from(matches!(codes.first(), Some(0x2b | 0x2d)));
                let mut padded = codes[..sign].to_vec();
                padded.resize(sign + missing, 0x30);
                padded.extend_from_slice(&codes[sign..]);
                Ok(whole(padded))
            }
            "expandtabs" => {
                let [size] = given.bind(name, ["tabsize"], 0)?;
                let size = match size {
                    Some(size) => self.wide_index(&size)?.clamp(0, 1 << 20) as usize,
                    None => 8,
                };
                let mut column = 0;
                let mut out = Vec::new();
                for code in codes {
                    match code {
                        0x09 if size > 0 => {
                            let spaces = size - column % size;
                            out.resize(out.len() + spaces, 0x20);
                            column += spaces;
                        }
                        0x09 => {}
                        0x0a | 0x0d => {
                            out.push(*code);
                            column = 0;
                        }
                        code => {
                            out.push(*code);
                            column += 1;
                        }
                    }
                    self.within_bytes(out.len())?;
                }
                self.taken(weight(out.len(), is_bytes))?;
                Ok(whole(out))
            }
            "encode" => {
                let [encoding, errors] = given.bind(name, ["encoding", "errors"], 0)?;
                self.encoded(codes, encoding, errors)
            }
            "decode" => {
                let [encoding, errors] = given.bind(name, ["encoding", "errors"], 0)?;
                let bytes: Vec<u8> = codes.iter().map(|code| *code as u8).collect();
                self.decoded(&bytes, encoding, errors)
            }
            "hex" => {
                let given = given.positions(name, 0, 2)?;
                if !given.is_empty() {
                    return Err(refused("hex() with a separator is not known here"));
                }
                self.taken(weight(codes.len() * 2, false))?;
                let digits: String = codes.iter().map(|code| format!("{code:02x}")).collect();
                Ok(Value::text(&digits))
            }
            "format" => self.format_template(codes, given).map(|codes| Value::codes(&codes)),
            "format_map" => {
                let mut given = given.positions(name, 1, 1)?;
                let mapping = given.remove(0);
                let Form::Dict(store) = self.form(&mapping)? else { return type_error("format_map() wants a mapping") };
                let mut named = Vec::new();
                for (key, value) in self.pairs(&store)? {
                    if let Some(name) = self.text_of(&key) {
                        named.push((super::super::syntax::Symbol::from(name), value));
                    }
                }
                self.format_template(codes, Arguments { positional: Vec::new(), named }).map(|codes| Value::codes(&codes))
            }
            _ => {
                given.positions(name, 0, 0)?;
                let all =
                    |holds: &dyn Fn(u32) -> bool| !codes.is_empty() && codes.iter().all(|code| ascii(*code) && holds(*code));
                let (upper, lower, title) = (
                    |code: u32| ascii(code) && unicode::is_upper(code),
                    |code: u32| ascii(code) && unicode::is_lower(code),
                    |code: u32| ascii(code) && unicode::is_title(code),
                );
                Ok(Value::Bool(match name {
                    "isascii" => codes.iter().all(|code| *code < 0x80),
                    "isalpha" => all(&unicode::is_alphabetic),
                    "isdecimal" => all(&unicode::is_decimal),
                    "isdigit" => all(&unicode::is_digit),
                    "isnumeric" => all(&unicode::is_numeric),
                    "isalnum" => all(&|code| unicode::is_alphabetic(code) || unicode::is_numeric(code)),
                    "isspace" if is_bytes => all(&|code| matches!(code, 0x09..=0x0d | 0x20)),
                    "isspace" => all(&unicode::is_space),
                    "isprintable" => codes.iter().all(|code| unicode::is_printable(*code)),
                    "isidentifier" => {
                        let text = string_of(codes);
                        let mut letters = text.chars();
                        use super::super::syntax::{is_name_part, is_name_start};
                        letters.next().is_some_and(is_name_start) && letters.all(is_name_part)
                    }
                    "isupper" => codes.iter().any(|code| upper(*code)) && !codes.iter().any(|code| lower(*code) || title(*code)),
                    "islower" => codes.iter().any(|code| lower(*code)) && !codes.iter().any(|code| upper(*code) || title(*code)),
                    "istitle" => {
                        let (mut any, mut inside) = (false, false);
                        for code in codes {
                            if upper(*code) || title(*code) {
                                if inside {
                                    return Ok(Value::Bool(false));
                                }
                                (any, inside) = (true, true);
                            } else if lower(*code) {
                                if !inside {
                                    return Ok(Value::Bool(false));
                                }
                                any = true;
                            } else {
                                inside = false;
                            }
                        }
                        any
                    }
                    _ => return Err(refused(format!("{name}() is not known here"))),
                }))
            }
        }
    }

    fn replaced(&mut self, codes: &[u32], old: &[u32], new: &[u32], most: i128) -> Evaluated<Vec<u32>> {
        let mut out = Vec::new();
        let (mut at, mut count) = (0, 0i128);
        if old.is_empty() {
            for (position, code) in codes.iter().map(Some).chain([None]).enumerate() {
                if most < 0 || (position as i128) < most {
                    out.extend_from_slice(new);
                }
                out.extend(code);
                self.within_bytes(out.len())?;
            }
            return Ok(out);
        }
        let wanted = Wanted::new(old);
        while most < 0 || count < most {
            let Some(found) = wanted.find(codes, at) else { break };
            out.extend_from_slice(&codes[at..found]);
            out.extend_from_slice(new);
            self.within_bytes(out.len())?;
            at = found + old.len();
            count += 1;
        }
        out.extend_from_slice(&codes[at..]);
        Ok(out)
    }
}

fn cased(codes: &[u32], is_bytes: bool, name: &str) -> Vec<u32> {
    let mut out = Vec::with_capacity(codes.len());
    let mut inside = false;
    for (at, code) in codes.iter().copied().enumerate() {
        if is_bytes && code > 0x7f {
            out.push(code);
            inside = false;
            continue;
        }
        let (is_upper, is_lower) = (unicode::is_upper(code), unicode::is_lower(code));
        let is_cased = is_upper || is_lower || unicode::is_title(code);
        match name {
            "upper" => unicode::upper(code, &mut out),
            "swapcase" if is_upper => unicode::lower(codes, at, &mut out),
            "swapcase" if is_lower => unicode::upper(code, &mut out),
            "swapcase" => out.push(code),
            "capitalize" if at == 0 => unicode::title(code, &mut out),
            "title" if !inside => unicode::title(code, &mut out),
            _ => unicode::lower(codes, at, &mut out),
        }
        inside = is_cased;
    }
    out
}

/// What a text is parted by: a separator, or spaces; at most so many times.
struct Parts<'a> {
    separator: Option<&'a [u32]>,
    most: i128,
    is_bytes: bool,
}

/// Hears where a part is; a failure is the end.
type Told<'a> = &'a mut dyn FnMut(Range<usize>) -> Evaluated<()>;

impl Parts<'_> {
    fn tell(&self, codes: &[u32], tell: Told<'_>) -> Evaluated<()> {
        let mut count = 0i128;
        let mut goes_on = || {
            count += 1;
            self.most < 0 || count <= self.most
        };
        let mut at = 0;
        if let Some(separator) = self.separator {
            let wanted = Wanted::new(separator);
            while goes_on()
                && let Some(found) = wanted.find(codes, at)
            {
                tell(at..found)?;
                at = found + separator.len();
            }
            return tell(at..codes.len());
        }
        let is_space = |code: u32| if self.is_bytes { matches!(code, 0x09..=0x0d | 0x20) } else { unicode::is_space(code) };
        loop {
            while at < codes.len() && is_space(codes[at]) {
                at += 1;
            }
            if at == codes.len() {
                return Ok(());
            }
            if !goes_on() {
                // What is left keeps the spaces at its end, as in CPython.
                return tell(at..codes.len());
            }
            let from = at;
            while at < codes.len() && !is_space(codes[at]) {
                at += 1;
            }
            tell(from..at)?;
        }
    }
}

/// Tells the lines of a text, with their ends or without.
fn lines(codes: &[u32], is_bytes: bool, keep: bool, tell: Told<'_>) -> Evaluated<()> {
    let mut from = 0;
    let mut at = 0;
    while at < codes.len() {
        let ends = if is_bytes { matches!(codes[at], 0x0a | 0x0d) } else { unicode::ends_line(codes[at]) };
        if !ends {
            at += 1;
            continue;
        }
        let width = if codes[at] == 0x0d && codes.get(at + 1) == Some(&0x0a) { 2 } else { 1 };
        tell(from..if keep { at + width } else { at })?;
        at += width;
        from = at;
    }
    if from < codes.len() { tell(from..codes.len()) } else { Ok(()) }
}
