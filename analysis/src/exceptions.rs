//! Exceptions: what led to one, and what it says. Nothing of the program runs, so an own `__str__` is not asked.

use std::collections::HashSet;

use heapsake_core::heap::TypeKind;
use heapsake_loader::{AttributeValue, Dump, Limits, Object, PlainValue, render};

use crate::waits::{member, number, text};

/// Exceptions of a chain that are followed.
const CHAIN: usize = 20;
/// Notes of an exception that are read.
const NOTES: u64 = 10;
/// Entries of a traceback that are followed.
const ENTRIES: usize = 100_000;
/// The file of the frames that `heapsake run` puts around a program.
const OURS: &str = "<heapsake run>";
/// Members of a group that are followed.
const MEMBERS: u64 = 20;

/// The exceptions of the dump's chain, each with the words that link it to the one before.
pub fn chain(dump: &Dump) -> Vec<(&'static str, Object<'_>)> {
    dump.exception().map_or_else(Vec::new, |id| chain_of(&dump.object(id)))
}

/// An exception and those that led to it, each with the words that link it to the one before.
pub fn chain_of<'d>(exception: &Object<'d>) -> Vec<(&'static str, Object<'d>)> {
    let mut chain: Vec<(&'static str, Object<'d>)> = Vec::new();
    let mut next = Some(("", exception.clone()));
    while let Some((link, exception)) = next.take() {
        if chain.len() == CHAIN || chain.iter().any(|(_, known)| known.id() == exception.id()) {
            break;
        }
        let is_exception = |object: &Object<'d>| object.attribute("args").is_some();
        let cause = exception.attribute_object("__cause__").filter(is_exception);
        let context = || exception.attribute_object("__context__").filter(is_exception);
        next = match cause {
            Some(cause) => Some(("caused by", cause)),
            None => {
                let is_suppressed = matches!(
                    exception.attribute("__suppress_context__"),
                    Some(AttributeValue::Plain(ciborium::Value::Bool(true)))
                );
                let link = if is_suppressed { "while handling, and suppressed (from None)" } else { "while handling" };
                context().map(|context| (link, context))
            }
        };
        chain.push((link, exception));
    }
    chain
}

/// What `str` gives for an exception whose class does not say otherwise: the argument, or the tuple of arguments.
pub fn message(exception: &Object<'_>) -> String {
    let Some(arguments) = exception.attribute_object("args") else { return String::new() };
    let is = |base: &str| exception.type_description().is_some_and(|known| known.mro.iter().any(|name| name == base));
    let limits = Limits { characters: 300, ..Limits::default() };
    let shown = |object: Option<Object<'_>>| object.map(|object| render(&object, limits)).filter(|text| text != "None");
    if is("OSError")
        && let Some(number) = shown(exception.attribute_object("errno"))
    {
        let strerror = exception.attribute_object("strerror").and_then(|text| text.text()).unwrap_or_default();
        let file = |name: &str, before: &str| {
            shown(exception.attribute_object(name)).map(|name| format!("{before}{name}")).unwrap_or_default()
        };
        return format!("[Errno {number}] {strerror}{}{}", file("filename", ": "), file("filename2", " -> "));
    }
    let given: Vec<Object<'_>> = arguments.elements(0, 5).into_iter().filter_map(|one| arguments.follow(one)).collect();
    let special = match &given[..] {
        [encoding, text, start, end, reason] if is("UnicodeEncodeError") || is("UnicodeDecodeError") => {
            of_codec(encoding, text, [start, end], reason)
        }
        [message, place] if is("SyntaxError") => of_syntax(message, place),
        [message, exceptions] if is("BaseExceptionGroup") => of_group(message, exceptions),
        _ => None,
    };
    if let Some(special) = special {
        return special;
    }
    let first = || arguments.follow(*arguments.elements(0, 1).first()?);
    match (arguments.len(), first()) {
        (0, _) => String::new(),
        (1, Some(only)) if !is("KeyError") => only.text().unwrap_or_else(|| render(&only, limits)),
        (1, Some(only)) => render(&only, limits),
        _ => render(&arguments, limits),
    }
}

/// `'utf-8' codec can't decode byte 0xff in position 0: invalid start byte` (`UnicodeDecodeError_str` and its sister).
fn of_codec(encoding: &Object<'_>, text: &Object<'_>, [start, end]: [&Object<'_>; 2], reason: &Object<'_>) -> Option<String> {
    let place = |object: &Object<'_>| match object.value() {
        PlainValue::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    let (start, end) = (place(start)?, place(end)?);
    let (does, one) = match text.kind() {
        TypeKind::Str => (
            "encode character",
            character(text, start).map(|code| match code {
                ..=0xff => format!("'\\x{code:02x}'"),
                0x100..=0xffff => format!("'\\u{code:04x}'"),
                _ => format!("'\\U{code:08x}'"),
            }),
        ),
        _ => ("decode byte", text.value_part(start, 1).first().map(|byte| format!("0x{byte:02x}"))),
    };
    let what = match one {
        _ if end != start + 1 => format!("{does}s in position {start}-{}", end.saturating_sub(1)),
        Some(one) => format!("{does} {one} in position {start}"),
        // It is not in the dump.
        None => format!("{does} in position {start}"),
    };
    Some(format!("'{}' codec can't {what}: {}", encoding.text()?, reason.text()?))
}

/// A character of a text, which is in WTF-8: surrogates have three bytes there.
fn character(text: &Object<'_>, place: u64) -> Option<u32> {
    const LOOKED_AT: u64 = 1 << 20;
    let bytes = text.value_head(LOOKED_AT);
    let mut starts = bytes.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80).map(|(at, _)| at);
    let start = starts.nth(usize::try_from(place).ok()?)?;
    let first = u32::from(*bytes.get(start)?);
    let (length, begin) = match first {
        ..0x80 => (1, first),
        0x80..0xe0 => (2, first & 0x1f),
        0xe0..0xf0 => (3, first & 0x0f),
        _ => (4, first & 7),
    };
    let rest = bytes.get(start + 1..start + length)?;
    Some(rest.iter().fold(begin, |code, byte| code << 6 | u32::from(byte & 0x3f)))
}

/// `invalid syntax (f.py, line 3)`.
fn of_syntax(message: &Object<'_>, place: &Object<'_>) -> Option<String> {
    let parts: Vec<Object<'_>> = place.elements(0, 2).into_iter().filter_map(|one| place.follow(one)).collect();
    let [file, line] = &parts[..] else { return None };
    let file = file.text().map(|file| file.rsplit('/').next().unwrap_or_default().to_owned());
    let line = match line.value() {
        PlainValue::Int(line) => Some(format!("line {line}")),
        _ => None,
    };
    let place: Vec<String> = file.into_iter().chain(line).collect();
    let message = message.text()?;
    Some(if place.is_empty() { message } else { format!("{message} ({})", place.join(", ")) })
}

/// `some failed (2 sub-exceptions)`.
fn of_group(message: &Object<'_>, exceptions: &Object<'_>) -> Option<String> {
    let count = exceptions.len();
    Some(format!("{} ({count} sub-exception{})", message.text()?, if count == 1 { "" } else { "s" }))
}

/// Its notes, the first ten.
pub fn notes(exception: &Object<'_>) -> Vec<String> {
    let Some(notes) = exception.attribute_object("__notes__") else { return Vec::new() };
    notes.elements(0, NOTES).into_iter().filter_map(|target| notes.follow(target)?.text()).collect()
}

/// A place of a traceback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file of the code.
    pub filename: String,
    /// The line.
    pub line: i64,
    /// The qualified name of the function, its bare name before Python 3.11.
    pub function: String,
}

/// The places of an exception's traceback, outermost first; at most a hundred thousand. Frames of `heapsake run` are not of the program.
pub fn traceback(exception: &Object<'_>) -> Vec<Entry> {
    traceback_up_to(exception, ENTRIES)
}

/// The same, and no more than `most`.
pub fn traceback_up_to(exception: &Object<'_>, most: usize) -> Vec<Entry> {
    let most = most.min(ENTRIES);
    let mut entries = Vec::new();
    let mut seen = HashSet::new();
    let mut next = member(exception, "__traceback__");
    while let Some(entry) = next.take().filter(|entry| seen.len() < most && seen.insert(entry.id())) {
        let code = member(&entry, "tb_frame").and_then(|frame| member(&frame, "f_code"));
        let named = |name: &str| code.as_ref().and_then(|code| text(code, name));
        let filename = named("co_filename").unwrap_or_default();
        if let Some(line) = number(&entry, "tb_lineno").filter(|_| filename != OURS) {
            entries.push(Entry {
                filename,
                line: i64::try_from(line).unwrap_or(0),
                function: named("co_qualname").or_else(|| named("co_name")).unwrap_or_default(),
            });
        }
        next = member(&entry, "tb_next");
    }
    entries
}

/// The members of a group of exceptions, the first ones.
pub fn grouped<'d>(exception: &Object<'d>) -> Vec<Object<'d>> {
    let is_group = exception.type_description().is_some_and(|known| known.mro.iter().any(|name| name == "BaseExceptionGroup"));
    let members = if is_group { member(exception, "exceptions") } else { None };
    let Some(members) = members else { return Vec::new() };
    members.elements(0, MEMBERS).into_iter().filter_map(|target| members.follow(target)).collect()
}
