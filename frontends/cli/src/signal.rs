//! The signal that a program died of, in words: which, where, and the registers of the thread.

use ciborium::Value;
use heapsake_core::format::records::Thread;
use heapsake_loader::Dump;

use crate::native::{self, NativeFrame};
use crate::output::{Output, Style, harmless};

/// Registers in a line.
const IN_A_LINE: usize = 4;
/// Functions of C that are named, the innermost first; `heapsake stack --native` has all.
const IN_A_CHAIN: usize = 6;

/// The signal among the facts of a thread that died of one.
pub(crate) fn of_thread(thread: &Thread) -> Option<&Value> {
    thread.facts.iter().find(|(name, _)| name == "signal").map(|(_, value)| value)
}

/// What a thread's heading says of it.
pub(crate) fn heading(thread: &Thread) -> String {
    let name = of_thread(thread).and_then(|signal| text(signal, "name"));
    name.map(|name| format!(", died of {name}")).unwrap_or_default()
}

/// Prints what is known of the signal that the program died of, if it did.
pub(crate) fn print(dump: &Dump, output: &mut Output) -> anyhow::Result<()> {
    let Some(signal) = dump.fact("signal") else { return Ok(()) };
    let thread = dump.threads().iter().find(|thread| of_thread(thread).is_some());
    let name = thread.and_then(|thread| thread.name.as_deref()).map(|name| format!(" in {}", harmless(name)));
    let native = number(signal, "thread").map(|number| format!(", kernel thread {number}")).unwrap_or_default();
    output.line("")?;
    let what = format!("Died of {}{}{native}", words(signal), name.unwrap_or_default());
    output.line(output.style(Style::Problem, what))?;
    print_place(signal, output)?;
    let native = thread.and_then(native::of_thread).unwrap_or_default();
    if !native.is_empty() {
        let names: Vec<String> = native.iter().rev().take(IN_A_CHAIN).map(NativeFrame::name).collect();
        let more = if native.len() > IN_A_CHAIN { " ← …" } else { "" };
        output.line(format!("  in C: {}{more}", names.join(" ← ")))?;
    }
    if let Some(before) = field(signal, "before") {
        output.line(format!("  a handler of the program was given {} before", words(before)))?;
        print_place(before, output)?;
    }
    Ok(())
}

fn print_place(signal: &Value, output: &mut Output) -> anyhow::Result<()> {
    let registers: Vec<(&str, u64)> = field(signal, "registers")
        .and_then(Value::as_map)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_text()?, u64::try_from(value.as_integer()?).ok()?)))
        .collect();
    if let Some((_, instruction)) = registers.iter().find(|(name, _)| ["rip", "pc"].contains(name)) {
        let place = text(signal, "file").zip(number(signal, "file_offset"));
        let place = place.map(|(file, offset)| format!(", {} + {offset:#x}", harmless(file)));
        output.line(format!("  the instruction at {instruction:#x}{}", place.unwrap_or_default()))?;
    }
    for line in registers.chunks(IN_A_LINE) {
        let words: Vec<String> = line.iter().map(|(name, value)| format!("{:>7} {value:#018x}", harmless(name))).collect();
        output.line(format!("  {}", words.join("  ")))?;
    }
    Ok(())
}

/// Name, code, address and sender.
fn words(signal: &Value) -> String {
    let mut words = harmless(text(signal, "name").unwrap_or("a signal"));
    if let Some(code) = text(signal, "code_name") {
        words.push_str(&format!(" ({})", harmless(code)));
    }
    if let Some(address) = number(signal, "address") {
        words.push_str(&format!(" at address {address:#x}"));
    }
    if let Some(sender) = number(signal, "sender") {
        words.push_str(&format!(", sent by process {sender}"));
    }
    words
}

fn field<'v>(signal: &'v Value, name: &str) -> Option<&'v Value> {
    signal.as_map()?.iter().find(|(known, _)| known.as_text() == Some(name)).map(|(_, value)| value)
}

fn text<'v>(signal: &'v Value, name: &str) -> Option<&'v str> {
    field(signal, name)?.as_text()
}

fn number(signal: &Value, name: &str) -> Option<u64> {
    u64::try_from(field(signal, name)?.as_integer()?).ok()
}
