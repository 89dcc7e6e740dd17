//! `cargo xtask stackless`: tasklets of a real Stackless Python 3.7, dumped from outside, beside what it says of itself.
//!
//! Such an interpreter is in no registry, so this is no part of `cargo xtask test`: the tests that always run build their
//! memory by hand. The program is `tests/programs/tasklets.py`.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use ciborium::Value as Plain;
use heapsake_core::Address;
use heapsake_core::format::records::{Frame, Thread};
use heapsake_loader::{AttributeValue, Dump, LabelName, Object, PlainValue};
use serde_json::Value;

use crate::interpreters::STACKLESS;
use crate::test::{finish, named_or_built};
use crate::tidy;

/// Options of `cargo xtask stackless`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The Stackless Python; else what `HEAPSAKE_STACKLESS` names.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The heapsake that dumps it, instead of the one that is built now.
    #[arg(long)]
    heapsake: Option<PathBuf>,
    /// Where the dumps and what the program said are left.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let named = arguments.python.clone().or_else(|| std::env::var_os(STACKLESS).map(PathBuf::from));
    let Some(python) = named else { bail!("no Stackless Python is named\nhint: --python PATH, or {STACKLESS}=PATH") };
    let root = tidy::root()?;
    let heapsake = named_or_built(arguments.heapsake.as_deref(), &root)?;
    let temporary = tempfile::tempdir()?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder)?;
    let mut problems = 0;
    for mode in ["main", "run", "nested"] {
        let (said, dump) = (folder.join(format!("{mode}.json")), folder.join(format!("{mode}.heapsake")));
        let _ = std::fs::remove_file(&dump);
        let mut program = Command::new(&python);
        program.arg(root.join("tests/programs/tasklets.py")).arg(&said).arg(mode);
        let mut program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(program.stdout.take().context("no output")?).read_line(&mut line)?;
        if line.trim() != "ready" {
            bail!("the program said {line:?}: is {} a Stackless Python 3.7?", python.display());
        }
        let mut command = Command::new(&heapsake);
        command.args(["dump", &program.id().to_string(), "-o"]).arg(&dump);
        let dumped = finish(command.stdout(Stdio::null()));
        program.stdin.take().context("no input")?.write_all(b"end\n")?;
        program.wait()?;
        dumped?;
        let summary = Command::new(&heapsake).arg(&dump).output()?;
        let said: Value = serde_json::from_slice(&std::fs::read(&said)?)?;
        let opened = heapsake_loader::open(&dump)?;
        let found = Comparison::new(&opened, &said).run(&String::from_utf8_lossy(&summary.stdout));
        for problem in &found.problems {
            println!("{mode}: {problem}");
        }
        problems += found.problems.len();
        println!("{mode}: {} facts compared, {} differ", found.compared, found.problems.len());
    }
    if problems > 0 {
        bail!("{problems} differences");
    }
    Ok(())
}

/// What the program said, and the dump of it.
struct Comparison<'a> {
    dump: &'a Dump,
    said: &'a Value,
    compared: usize,
    problems: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(dump: &'a Dump, said: &'a Value) -> Comparison<'a> {
        Comparison { dump, said, compared: 0, problems: Vec::new() }
    }

    fn same(&mut self, what: &str, found: impl std::fmt::Debug + PartialEq, said: impl std::fmt::Debug + PartialEq, equal: bool) {
        self.compared += 1;
        if !equal {
            self.problems.push(format!("{what}: {found:?}, said {said:?}"));
        }
    }

    fn run(mut self, summary: &str) -> Comparison<'a> {
        let fact = |name: &str| self.dump.fact(name).and_then(Plain::as_text).unwrap_or_default().to_owned();
        let (layout, python) = (fact("layout"), fact("python"));
        self.same("layout", &layout, "a column of Stackless", layout.starts_with("CPython 3.7.") && layout.contains("s,"));
        self.same("python", &python, "Stackless", python.starts_with("3.7.") && python.ends_with('s'));
        let list = |name: &str| self.said[name].as_array().cloned().unwrap_or_default();
        let (tasklets, channels) = (list("tasklets"), list("channels"));
        let kinds: HashSet<&str> = tasklets.iter().filter_map(|one| one["kind"].as_str()).collect();
        self.same("kinds", kinds.len(), "ten or more", kinds.len() >= 10);
        for one in &tasklets {
            self.tasklet(one);
        }
        for one in &channels {
            self.channel(one);
        }
        self.rings();
        self.names();
        let generator = self.dump.object_at(Address(self.said["generator"].as_u64().unwrap_or(0)));
        let frame = generator.and_then(|generator| generator.attribute_object("gi_frame"));
        let back = frame.as_ref().and_then(|frame| frame.attribute_object("f_back")).map(|back| back.type_name().to_owned());
        self.same("the caller of a suspended generator", (frame.is_some(), &back), "none", frame.is_some() && back.is_none());
        for words in ["a value: receive on <channel", "its turn, place", "tasklet)"] {
            self.same("the summary", words, "in it", summary.contains(words));
        }
        self
    }

    fn tasklet(&mut self, said: &Value) {
        let id = said["id"].as_u64().unwrap_or(0);
        let kind = said["kind"].as_str().unwrap_or("");
        let place = format!("{} {kind} at {id:#x}", said["class"].as_str().unwrap_or(""));
        let Some(object) = self.dump.object_at(Address(id)) else {
            self.problems.push(format!("{place}: not in the dump"));
            return;
        };
        let class = object.type_name().rsplit('.').next().unwrap_or_default();
        self.same(&place, class, &said["class"], said["class"] == class);
        let is_current = said["words"]["is_current"] == true;
        for (name, word) in said["words"].as_object().into_iter().flatten() {
            if name == "recursion_depth" && is_current {
                continue;
            }
            let found = plain(&object, name);
            self.same(&format!("{place}: {name}"), &found, word, agrees(found.as_ref(), word));
        }
        let state = plain(&object, "state").and_then(|state| state.into_text().ok()).unwrap_or_default();
        if let Some(expected) = said["kind"].as_str() {
            let (expected, hard) = expected.strip_suffix(" hard").map_or((expected, false), |rest| (rest, true));
            self.same(&format!("{place}: state"), &state, expected, state == expected);
            if !is_current && said["words"]["alive"] == true && expected != "in run" {
                let switched = plain(&object, "switched").and_then(|word| word.into_text().ok());
                let expected = if hard { "hard" } else { "soft" };
                self.same(&format!("{place}: switched"), &switched, expected, switched.as_deref() == Some(expected));
            }
        }
        for (edge, name) in
            [("channel", "_channel"), ("next", "next"), ("prev", "prev"), ("cstate", "cstate"), ("tempval", "tempval")]
        {
            // What it was asked with is on its way to the one that runs.
            if let (Some(target), false) = (said[edge].as_u64(), is_current && edge == "tempval") {
                let found = edge_of(&object, name);
                self.same(&format!("{place}: {name}"), found, target, found == Some(target));
            }
        }
        if said["bomb"] == true {
            let bomb = object.attribute_object("tempval").and_then(|bomb| bomb.attribute_object("type"));
            self.same(&format!("{place}: the bomb's type"), bomb.is_some(), true, bomb.is_some());
        }
        if let Some(label) = said["label"].as_str() {
            let found = object.attribute_object("label").and_then(|label| label.text());
            self.same(&format!("{place}: label"), &found, label, found.as_deref() == Some(label));
        }
        if state == "not yet run" {
            let has = object.attribute_object("function").is_some() && object.attribute_object("arguments").is_some();
            self.same(&format!("{place}: function and arguments"), has, true, has);
        }
        self.thread(said, &place);
    }

    fn thread(&mut self, said: &Value, place: &str) {
        let words = &said["words"];
        let id = said["id"].as_u64();
        let of_thread = |one: &&Value| one["words"]["thread_id"] == words["thread_id"] && one["words"]["alive"] == true;
        let is_alone = self.said["tasklets"].as_array().into_iter().flatten().filter(of_thread).count() == 1;
        let expected = words["alive"] == true && !(is_alone && words["is_main"] == true);
        let thread = self.dump.threads().iter().find(|thread| Some(thread.ident) == id && thread.kind == "tasklet");
        self.same(&format!("{place}: shown"), thread.is_some(), expected, thread.is_some() == expected);
        let Some(thread) = thread else { return };
        self.same(
            &format!("{place}: thread"),
            thread.carrier,
            &words["thread_id"],
            thread.carrier == words["thread_id"].as_u64(),
        );
        let name = thread.name.clone().unwrap_or_default();
        let says = (name.contains("Main-"), name.contains("Current-"));
        let is = (words["is_main"] == true, words["is_current"] == true);
        self.same(&format!("{place}: name"), &name, is, says == is);
        if let Some(given) = said["name"].as_str() {
            self.same(&format!("{place}: name"), &name, given, name == given);
        }
        let frames: Vec<&Value> = said["frames"].as_array().into_iter().flatten().collect();
        // The teller has returned from telling; it is a line further on.
        let told = if said["teller"] == true { frames.len().saturating_sub(2) } else { frames.len() };
        let found = thread.frames.len() - usize::from(said["teller"] == true).min(thread.frames.len());
        self.same(&format!("{place}: frames"), found, told, found == told);
        for (frame, said) in thread.frames.iter().zip(frames.into_iter().take(told)) {
            self.frame(frame, said, place);
        }
        if let Some(handled) = said["handled"].as_array() {
            let exception = thread.exception.and_then(|exception| self.dump.referenced(exception));
            let class = exception.as_ref().map(|exception| exception.type_name().to_owned());
            let arguments = exception.as_ref().and_then(|exception| exception.attribute_object("args"));
            let first = arguments.and_then(|arguments| arguments.follow(*arguments.elements(0, 1).first()?));
            let agrees = class.as_deref() == handled[0].as_str() && first.as_ref().is_some_and(|first| shows(first, &handled[1]));
            self.same(&format!("{place}: handles"), &class, handled, agrees);
        }
    }

    fn frame(&mut self, frame: &Frame, said: &Value, place: &str) {
        let found = (frame.filename.as_str(), frame.line, frame.function.as_str());
        let agrees = said[0] == found.0 && said[1] == found.1 && said[2] == found.2;
        self.same(&format!("{place}: frame"), found, said, agrees);
        if frame.function == "<module>" {
            return;
        }
        for (name, value) in said[3].as_object().into_iter().flatten() {
            let variable = frame.variables.iter().find(|variable| variable.name == *name);
            let object = variable.and_then(|variable| self.dump.referenced(variable.object));
            let agrees = object.as_ref().is_some_and(|object| shows(object, value));
            self.same(&format!("{place}: {}.{name}", frame.function), object.map(|object| object.value()), value, agrees);
        }
    }

    fn channel(&mut self, said: &Value) {
        let id = said["id"].as_u64().unwrap_or(0);
        let place = format!("channel at {id:#x}");
        let Some(object) = self.dump.object_at(Address(id)) else {
            self.problems.push(format!("{place}: not in the dump"));
            return;
        };
        for (name, word) in said["words"].as_object().into_iter().flatten() {
            let found = plain(&object, name);
            self.same(&format!("{place}: {name}"), &found, word, agrees(found.as_ref(), word));
        }
        let waiting = object.elements(0, object.len()).into_iter();
        let queue: Vec<u64> = waiting.filter_map(|target| Some(object.follow(target)?.address().0)).collect();
        let expected: Vec<u64> = said["queue"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        self.same(&format!("{place}: queue"), &queue, &expected, queue == expected);
    }

    fn rings(&mut self) {
        for (ident, said) in self.said["rings"].as_object().into_iter().flatten() {
            let ring: Vec<u64> = said["ring"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
            for (place, id) in ring.iter().enumerate() {
                let object = self.dump.object_at(Address(*id));
                let found = object.as_ref().and_then(|object| plain(object, "place"));
                self.same(&format!("place of {id:#x}"), &found, place, agrees(found.as_ref(), &Value::from(place)));
                let count = object.filter(|_| place == 0).and_then(|object| plain(&object, "run_count"));
                if place == 0 {
                    self.same("run count", &count, &said["count"], agrees(count.as_ref(), &said["count"]));
                }
            }
            let is_of = |thread: &&Thread| thread.carrier.map(|carrier| carrier.to_string()).as_ref() == Some(ident);
            let shown: Vec<u64> =
                self.dump.threads().iter().filter(is_of).map(|thread| thread.ident).filter(|id| ring.contains(id)).collect();
            let is_main = |id: &u64| {
                let object = self.dump.object_at(Address(*id));
                object.is_some_and(|object| plain(&object, "is_main") == Some(Plain::Bool(true)))
            };
            let without_main = |ids: &[u64]| ids.iter().copied().filter(|id| !is_main(id)).collect::<Vec<_>>();
            let (shown, ring) = (without_main(&shown), without_main(&ring));
            self.same("order of the ring", &shown, &ring, shown == ring);
        }
    }

    fn names(&mut self) {
        let names: Vec<&str> = self.dump.threads().iter().filter_map(|thread| thread.name.as_deref()).collect();
        let unique: HashSet<&str> = names.iter().copied().collect();
        self.same("names", names.len(), unique.len(), names.len() == unique.len());
        let mode = self.said["mode"].as_str().unwrap_or("").to_owned();
        let main = if mode == "main" { "Main-Current-Tasklet of MainThread" } else { "Main-Tasklet of MainThread" };
        self.same("names", &names, main, names.contains(&main));
        let caught = self.dump.fact("caught").cloned();
        self.same("caught", &caught, "nothing", caught.is_none());
    }
}

/// A fact of a reducer.
fn plain(object: &Object<'_>, name: &str) -> Option<Plain> {
    match object.attribute(name)? {
        AttributeValue::Plain(value) => Some(value),
        _ => None,
    }
}

/// Where the edge of this name leads.
fn edge_of(object: &Object<'_>, name: &str) -> Option<u64> {
    let named = |edge: &heapsake_loader::Edge| matches!(&edge.name, LabelName::Text(text) if text == name);
    let edge = object.edges().into_iter().find(named)?;
    Some(object.follow(edge.target)?.address().0)
}

fn agrees(found: Option<&Plain>, said: &Value) -> bool {
    match (found, said) {
        (Some(Plain::Bool(found)), Value::Bool(said)) => found == said,
        (Some(Plain::Bool(found)), Value::Number(said)) => said.as_i64() == Some(i64::from(*found)),
        (Some(Plain::Integer(found)), Value::Number(said)) => {
            let said = said.as_i64().map(i128::from).or(said.as_u64().map(i128::from));
            said == Some(i128::from(*found))
        }
        (Some(Plain::Integer(found)), Value::Bool(said)) => i128::from(*found) == i128::from(*said),
        _ => false,
    }
}

fn shows(object: &Object<'_>, said: &Value) -> bool {
    match (object.value(), said) {
        (PlainValue::Int(found), Value::Number(said)) => said.as_i64() == Some(found),
        (PlainValue::Int(found), Value::Bool(said)) => found == i64::from(*said),
        (PlainValue::Float(found), Value::Number(said)) => said.as_f64() == Some(found),
        (_, Value::String(said)) => object.text().as_ref() == Some(said),
        _ => false,
    }
}
