//! Native stacks, as facts of threads have them: the frames of C functions, and where Python's stand among them.

use std::fmt::Write;

use ciborium::Value;
use heapsake_core::format::records::{Frame, Thread};
use serde_json::json;

use crate::output::{Output, Style, harmless};

/// Longer names of functions are shown as their symbols are: a file may say anything.
const LONGEST_SYMBOL: usize = 4096;

/// A frame of a C function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NativeFrame<'d> {
    address: u64,
    function: Option<(&'d str, u64)>,
    file: Option<(&'d str, u64)>,
    /// How many of Python's frames this call of the evaluation loop runs.
    frames: Option<usize>,
    /// For how many frames, those between the innermost and the outermost, this one stands.
    left_out: u64,
}

/// A frame of either kind.
#[derive(Debug, PartialEq)]
pub(crate) enum Merged<'d> {
    Native(NativeFrame<'d>),
    Python(&'d Frame),
}

/// The native frames of a thread, the outermost first; none where they were not unwound.
pub(crate) fn of_thread(thread: &Thread) -> Option<Vec<NativeFrame<'_>>> {
    let frames = fact(thread, "native")?.as_array()?;
    Some(frames.iter().map(NativeFrame::read).collect())
}

/// Why the outermost of a thread's native frames are missing, if they are.
pub(crate) fn cut(thread: &Thread) -> Option<&str> {
    fact(thread, "native_cut")?.as_text()
}

/// The frames of both kinds, the outermost first. A call of the evaluation loop is told by what it runs.
pub(crate) fn merged(thread: &Thread) -> Option<Vec<Merged<'_>>> {
    let native = of_thread(thread)?;
    let placed = native.iter().filter_map(|frame| frame.frames).fold(0_usize, usize::saturating_add);
    // Those whose calls are missing come first: what is missing is the outermost.
    let (unplaced, mut rest) = thread.frames.split_at(thread.frames.len().saturating_sub(placed));
    let mut merged: Vec<Merged<'_>> = unplaced.iter().map(Merged::Python).collect();
    for frame in native {
        let count = frame.frames.filter(|count| *count > 0);
        if frame.left_out > 0 && count.is_some() {
            merged.push(Merged::Native(frame.clone()));
        }
        match count {
            Some(count) => {
                let (here, after) = rest.split_at(count.min(rest.len()));
                merged.extend(here.iter().map(Merged::Python));
                rest = after;
            }
            None => merged.push(Merged::Native(frame)),
        }
    }
    merged.extend(rest.iter().map(Merged::Python));
    Some(merged)
}

/// A fact of a thread, by its name.
pub(crate) fn fact<'d>(thread: &'d Thread, name: &str) -> Option<&'d Value> {
    thread.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

impl NativeFrame<'_> {
    fn read(told: &Value) -> NativeFrame<'_> {
        let field = |name: &str| told.as_map()?.iter().find(|(known, _)| known.as_text() == Some(name)).map(|(_, value)| value);
        let number = |name| field(name).and_then(Value::as_integer).and_then(|number| u64::try_from(number).ok());
        let text = |name| field(name).and_then(Value::as_text);
        NativeFrame {
            address: number("address").unwrap_or(0),
            function: text("function").map(|name| (name, number("offset").unwrap_or(0))),
            file: text("file").map(|path| (path, number("file_address").unwrap_or(0))),
            left_out: number("left_out").unwrap_or(0),
            frames: number("frames").and_then(|count| usize::try_from(count).ok()),
        }
    }

    /// What it is, in a line.
    pub(crate) fn line(&self, output: &Output) -> String {
        if self.left_out > 0 {
            return format!("C … {} frames, which the dump leaves out", self.left_out);
        }
        let file = self.file.map(|(path, _)| format!(", {}", harmless(path))).unwrap_or_default();
        match (self.function, self.file) {
            (Some((name, offset)), _) => {
                let name = demangled(name).unwrap_or_else(|| name.to_owned());
                format!("C {} + {offset:#x}{file}", output.style(Style::Name, harmless(&name)))
            }
            (None, Some((path, address))) => format!("C {} + {address:#x}", harmless(path)),
            (None, None) => format!("C {:#x}", self.address),
        }
    }

    /// The function's name, or where it is.
    pub(crate) fn name(&self) -> String {
        match (self.function, self.file) {
            (Some((name, _)), _) => harmless(&demangled(name).unwrap_or_else(|| name.to_owned())),
            (None, Some((path, address))) => format!("{}+{address:#x}", harmless(path.rsplit('/').next().unwrap_or(path))),
            (None, None) => format!("{:#x}", self.address),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "address": self.address,
            "function": self.function.map(|(name, _)| name),
            "demangled": self.function.and_then(|(name, _)| demangled(name)),
            "offset": self.function.map(|(_, offset)| offset),
            "file": self.file.map(|(path, _)| path),
            "file_address": self.file.map(|(_, address)| address),
            "frames": self.frames,
            "left_out": self.left_out,
        })
    }
}

/// The name of a function of C++ or Rust as its source has it; none of what is no such name, or a name without end.
fn demangled(symbol: &str) -> Option<String> {
    if symbol.len() > LONGEST_SYMBOL {
        return None;
    }
    // Names of old Rust are names of C++ too, with a hash at their end.
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        let mut short = Short::default();
        return write!(short, "{name:#}").is_ok().then_some(short.0);
    }
    // What a compiler has set apart: `_ZN1a1bEv.cold`, `_ZN1a1bEv.part.0`.
    let (symbol, part) = symbol.split_at(symbol.find('.').unwrap_or(symbol.len()));
    let mangled = symbol.starts_with("_Z").then(|| cpp_demangle::Symbol::new(symbol).ok())??;
    let mut short = Short::default();
    mangled.structured_demangle(&mut short, &cpp_demangle::DemangleOptions::default()).ok()?;
    Some(short.0 + part)
}

/// A text that ends before it gets long: what a few bytes stand for may fill any memory.
#[derive(Default)]
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > LONGEST_SYMBOL {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(function: &str, frames: Option<u64>) -> Value {
        let mut told: Vec<(Value, Value)> = vec![("address".into(), 7.into()), ("function".into(), function.into())];
        told.extend(frames.map(|count| ("frames".into(), count.into())));
        Value::Map(told)
    }

    fn names(thread: &Thread) -> Vec<String> {
        let name = |frame: &Merged<'_>| match frame {
            Merged::Native(frame) => frame.name(),
            Merged::Python(frame) => frame.function.clone(),
        };
        merged(thread).expect("native frames").iter().map(name).collect()
    }

    #[test]
    fn names_are_those_of_the_source() {
        for (symbol, name) in [
            ("_ZNSt6vectorIiSaIiEE9push_backEOi", Some("std::vector<int, std::allocator<int> >::push_back(int&&)")),
            ("_ZN5boost3runEv.cold", Some("boost::run().cold")),
            ("_ZN4core3fmt5write17h0123456789abcdefE", Some("core::fmt::write")),
            ("_RNvC7mycrate3foo", Some("mycrate::foo")),
            ("PyEval_EvalCode", None),
            ("_Z", None),
            ("_ZNSt6vector", None),
            ("_PyEval_EvalFrameDefault.cold", None),
        ] {
            assert_eq!(demangled(symbol).as_deref(), name, "{symbol}");
        }
        assert_eq!(demangled(&"_ZN".repeat(10_000)), None);
        // Each level stands for all levels before it, twice.
        let mut bomb = "_Z1f1AIiiE".to_owned();
        bomb.extend((0..30).map(|level: u32| {
            let before = if level == 0 {
                "S_".to_owned()
            } else {
                format!("S{}_", char::from_digit(level - 1, 36).unwrap_or('0').to_uppercase())
            };
            format!("S_I{before}{before}E")
        }));
        assert_eq!(demangled(&bomb), None);
        assert_eq!(demangled(&format!("_ZN{}E", "1a".repeat(1000))).map(|name| name.len() > 1500), Some(true));
    }

    #[test]
    fn frames_of_python_stand_where_their_calls_do() {
        let python = |name: &&str| Frame { function: (*name).to_owned(), ..Frame::default() };
        let mut thread = Thread { frames: ["a", "b", "c"].iter().map(python).collect(), ..Thread::default() };
        assert_eq!(merged(&thread), None);
        let calls = |inner| vec![native("main", None), native("eval", Some(2)), native("call", None), native("eval", inner)];
        thread.facts = vec![("native".to_owned(), Value::Array(calls(Some(1))))];
        assert_eq!(names(&thread), ["main", "a", "b", "call", "c"]);
        // A call that runs nothing stands for itself.
        thread.facts = vec![("native".to_owned(), Value::Array(calls(Some(0))))];
        assert_eq!(names(&thread), ["a", "main", "b", "c", "call", "eval"]);
        // The outermost are missing.
        thread.facts = vec![("native".to_owned(), Value::Array(calls(Some(1)).split_off(2)))];
        assert_eq!(names(&thread), ["a", "b", "call", "c"]);
        // A file that says more than there is.
        thread.facts = vec![("native".to_owned(), Value::Array(calls(Some(9))))];
        assert_eq!(names(&thread), ["main", "a", "b", "call", "c"]);
        thread.facts = vec![("native".to_owned(), Value::Array(vec![Value::Null]))];
        assert_eq!(names(&thread), ["a", "b", "c", "0x0"]);
    }
}
