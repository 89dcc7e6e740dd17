//! Threads, frames, generators and exceptions of every interpreter found, read from outside, against what the program
//! itself says of them; line tables against what the code objects say.

#[path = "../src/live.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod live;

#[path = "frames/corruption.rs"]
mod corruption;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Frame, FrameKind, Name, Outline, RootKind, Sink, Thread, TypeId, Value};
use heapsake_core::reduce::Registry;
use heapsake_cpython::attach::Runtime;
use heapsake_cpython::linetable::{self, Encoding, Ranges};
use heapsake_cpython::memory::Snapshot;
use heapsake_cpython::pystate::{self, CaptureOptions};
use heapsake_cpython::sources::Sources;
use heapsake_cpython::{CPythonHeap, Facts};
use serde_json::Value as Json;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frames/program.py");

/// The program, waiting; killed when dropped.
struct Waiting {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Waiting {
    fn start(interpreter: &Path) -> Waiting {
        Waiting::run(interpreter, &[PROGRAM])
    }

    /// Runs `arguments`, and one more: the file in which the program may say what it knows.
    fn run(interpreter: &Path, arguments: &[&str]) -> Waiting {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("said.json");
        let mut child = Command::new(interpreter)
            .args(["-W", "ignore"])
            .args(arguments)
            .arg(&file)
            .env("HEAPSAKE_TEST", "in the environment")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Waiting { child, input, output, file, _folder: folder }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn ready(&mut self) {
        assert_eq!(self.line(), "ready");
        self.wait();
    }

    /// Waits until the main thread sleeps: a program says that it is ready a moment before it waits.
    fn wait(&self) {
        let asleep = || {
            let stat = std::fs::read_to_string(format!("/proc/{0}/task/{0}/stat", self.child.id())).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('S')
        };
        live::wait_until("the program to wait", asleep);
    }

    fn said(&mut self, word: &str) -> Json {
        assert_eq!(self.line(), word);
        let said = serde_json::from_slice(&std::fs::read(&self.file).unwrap()).unwrap();
        self.wait();
        said
    }

    fn heap(&self) -> CPythonHeap<Snapshot> {
        let snapshot = Snapshot::of_process(self.child.id() as i32).unwrap();
        let runtime = Runtime::of_snapshot(&snapshot).unwrap();
        let facts = Facts {
            layouts: runtime.layouts.clone(),
            version: runtime.version,
            flags: runtime.flags,
            runtime: runtime.address,
            interpreter: runtime.interpreter,
            pid: Some(snapshot.pid()),
            mapped: None,
            root: PathBuf::from("/"),
            kept: heapsake_cpython::heap::Kept::default(),
        };
        CPythonHeap::new(snapshot, facts, Registry::default())
    }

    fn options(&self) -> CaptureOptions {
        CaptureOptions { pid: Some(self.child.id() as i32), root_dir: PathBuf::from("/"), ..CaptureOptions::default() }
    }
}

/// All that is told of an object.
#[derive(Default)]
struct Told {
    edges: Vec<(EdgeKind, Result<String, Address>, Address)>,
    state: BTreeMap<String, Json>,
}

impl Sink for Told {
    fn begin(&mut self, _: TypeId, _: u64) {}
    fn value(&mut self, _: Value<'_>) {}
    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        let name = match name {
            Name::Text(text) => Ok(text.to_owned()),
            Name::Index(index) => Ok(index.to_string()),
            Name::Object(object) => Err(object),
        };
        self.edges.push((kind, name, target));
    }
    fn element(&mut self, _: Address) {}
    fn entry(&mut self, _: Address, _: Address) {}
    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let state = serde_json::to_value(state).unwrap();
        self.state.extend(state.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

impl Told {
    fn of(heap: &CPythonHeap<Snapshot>, object: Address) -> Told {
        let mut told = Told::default();
        heap.reduce_object(object, &mut told).unwrap_or_else(|failure| panic!("{object}: {failure}"));
        for (_, name, _) in &mut told.edges {
            if let Err(object) = *name {
                *name = Ok(heap.text_of(object).unwrap());
            }
        }
        told
    }

    fn find(&self, kind: EdgeKind, name: &str) -> Option<Address> {
        let is_it = |edge: &&(EdgeKind, Result<String, Address>, Address)| edge.0 == kind && edge.1.as_deref() == Ok(name);
        self.edges.iter().find(is_it).map(|edge| edge.2)
    }

    fn attribute(&self, name: &str) -> Address {
        self.find(EdgeKind::Attribute, name).unwrap_or_else(|| panic!("no {name}: {:?}", self.edges))
    }

    /// The bound locals.
    fn locals(&self) -> BTreeMap<String, u64> {
        let locals = self.edges.iter().filter(|edge| edge.0 == EdgeKind::Local && !edge.2.is_null());
        locals.map(|edge| (edge.1.clone().unwrap(), edge.2.0)).collect()
    }
}

fn ids(json: &Json) -> BTreeMap<String, u64> {
    json.as_object().unwrap().iter().map(|(name, id)| (name.clone(), id.as_u64().unwrap())).collect()
}

/// What a frame's names are bound to: its variables, or the entries of its mapping.
fn bindings(heap: &CPythonHeap<Snapshot>, frame: &Frame) -> BTreeMap<String, u64> {
    if frame.locals.is_null() {
        let bound = frame.variables.iter().filter(|variable| !variable.target.is_null());
        return bound.map(|variable| (variable.name.clone(), variable.target.0)).collect();
    }
    let mut found = BTreeMap::new();
    heap.entries(frame.locals, |name, value| {
        found.insert(heap.text_of(name).unwrap(), value.0);
    })
    .unwrap();
    found
}

fn unbound(frame: &Frame) -> Vec<String> {
    let mut names: Vec<String> = frame.variables.iter().filter(|one| one.target.is_null()).map(|one| one.name.clone()).collect();
    names.sort();
    names
}

fn thread<'a>(outline: &'a Outline, name: &str) -> &'a Thread {
    outline.threads.iter().find(|thread| thread.name.as_deref() == Some(name)).unwrap_or_else(|| panic!("no thread {name}"))
}

fn own_frames(thread: &Thread) -> Vec<&Frame> {
    thread.frames.iter().filter(|frame| frame.filename == PROGRAM).collect()
}

/// Calls `check` with a program of every interpreter, which said what it knows.
fn everywhere(check: impl Fn(u32, &mut Waiting, &Json)) {
    for (minor, interpreter) in live::interpreters() {
        eprintln!("3.{minor}");
        let mut program = Waiting::start(&interpreter);
        let said = program.said("ready");
        check(minor, &mut program, &said);
    }
}

/// Lines of the program by their mark.
fn line_of(mark: &str) -> u32 {
    let text = std::fs::read_to_string(PROGRAM).unwrap();
    let found = text.lines().position(|line| line.ends_with(&format!("# at: {mark}")));
    found.unwrap_or_else(|| panic!("no line {mark}")) as u32 + 1
}

#[test]
fn stacks_before_any_frame_object_was_made() {
    everywhere(|minor, program, said| {
        let mut heap = program.heap();
        let outline = pystate::outline(&mut heap, &program.options());
        for (name, frames) in said["threads"].as_object().unwrap() {
            if name == "raw" {
                continue;
            }
            let thread = thread(&outline, name);
            let found = own_frames(thread);
            for said in frames.as_array().unwrap() {
                let function = said[0].as_str().unwrap();
                let frame = found.iter().find(|frame| frame.function == function);
                let frame = frame.unwrap_or_else(|| panic!("3.{minor} {name}: no {function} in {found:#?}"));
                assert_eq!(frame.kind, FrameKind::Running);
                assert_eq!(u64::from(frame.line), said[1].as_u64().unwrap(), "3.{minor} {name} {function}");
                let expected = ids(&said[2]);
                let actual = bindings(&heap, frame);
                for (variable, id) in &expected {
                    assert_eq!(actual.get(variable), Some(id), "3.{minor} {name} {function} {variable}: {actual:?}");
                }
                let said_unbound: Vec<String> =
                    said[3].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
                let found = unbound(frame);
                assert!(said_unbound.iter().all(|one| found.contains(one)), "3.{minor} {function}: {found:?}");
                if minor > 10 || function != "Body" {
                    assert!(frame.qualified_name.ends_with(function), "{}", frame.qualified_name);
                }
                // The node says the same as the outline.
                let told = Told::of(&heap, frame.object);
                assert_eq!(told.state["f_lineno"], said[1], "3.{minor} {name} {function}");
                assert_eq!(told.attribute("f_code"), frame.code);
                assert_eq!(told.attribute("f_globals"), frame.globals);
                if frame.locals.is_null() {
                    assert_eq!(told.locals(), actual);
                } else {
                    assert_eq!(told.attribute("f_locals"), frame.locals);
                }
            }
        }
        let mut deep = own_frames(thread(&outline, "deep"));
        assert_eq!(deep.pop().unwrap().function, "wait");
        assert_eq!(deep.len(), 5001);
        assert_eq!(deep[5000].line, line_of("bottom"));
        for (index, frame) in deep[..5000].iter().enumerate() {
            assert_eq!((frame.line, frame.function.as_str()), (line_of("recurse"), "recurse"));
            assert_eq!(heap.integer(Address(bindings(&heap, frame)["depth"])), Some(5000 - index as i64));
            let back = Told::of(&heap, deep[index + 1].object).attribute("f_back");
            assert_eq!(back, frame.object);
        }
        let main = thread(&outline, "MainThread");
        let functions: Vec<&str> = main.frames.iter().map(|frame| frame.function.as_str()).collect();
        assert_eq!(functions, ["<module>", "main", "serve"]);
        assert_eq!(main.frames[0].locals, main.frames[0].globals);
        assert_eq!(main.ident, said["ident"].as_u64().unwrap());
        assert_eq!(main.native_id, said["native_id"].as_u64());
        assert!(Told::of(&heap, main.frames[0].object).attribute("f_back").is_null());
        let raw = outline.threads.iter().find(|thread| thread.frames.iter().any(|frame| frame.function == "raw")).unwrap();
        assert_eq!((raw.name.as_ref(), raw.object), (None, Address::NULL));
        let comprehension = own_frames(thread(&outline, "comprehension"));
        let innermost = if minor < 12 { "<listcomp>" } else { "comprehension" };
        let innermost = comprehension.iter().find(|frame| frame.function == innermost).unwrap();
        assert!(innermost.variables.iter().any(|variable| variable.name == "item" && !variable.target.is_null()));
    });
}

#[test]
fn stacks_as_sys_current_frames_has_them() {
    everywhere(|minor, program, said| {
        writeln!(program.input, "frames").unwrap();
        let now = program.said("done");
        let mut heap = program.heap();
        let outline = pystate::outline(&mut heap, &program.options());
        let threads = now["frames"].as_object().unwrap();
        assert_eq!(threads.len(), outline.threads.len());
        for thread in &outline.threads {
            if thread.name.as_deref() == Some("MainThread") {
                continue;
            }
            let expected = threads[&thread.ident.to_string()].as_array().unwrap();
            assert_eq!(expected.len(), thread.frames.len());
            for (said, frame) in expected.iter().zip(&thread.frames) {
                let place = format!("3.{minor} {:?} {}", thread.name, frame.function);
                assert_eq!(said[0], frame.function.as_str(), "{place}");
                assert_eq!(said[1], frame.filename.as_str(), "{place}");
                assert_eq!(said[2], frame.line, "{place}");
                assert_eq!(said[4], frame.object.0, "{place}");
                assert_eq!(said[5], frame.locals.is_null(), "{place}");
                let told = Told::of(&heap, frame.object);
                assert_eq!(told.state["f_lasti"], said[3], "{place}");
                let (actual, expected) = (bindings(&heap, frame), ids(&said[6]));
                if frame.locals.is_null() {
                    assert_eq!(actual, expected, "{place}");
                }
            }
        }
        for (label, said_now) in now["generators"].as_object().unwrap() {
            let said = &said["generators"][label];
            let told = Told::of(&heap, Address(said["id"].as_u64().unwrap()));
            let place = format!("3.{minor} {label}");
            let node = ["gi_frame", "cr_frame", "ag_frame"].iter().find_map(|name| told.find(EdgeKind::Attribute, name));
            let Some(frame) = said_now["frame"].as_u64() else {
                assert_eq!(node, Some(Address::NULL), "{place}");
                continue;
            };
            assert_eq!(node, Some(Address(frame)), "{place}");
            let told = Told::of(&heap, Address(frame));
            assert_eq!(told.state["f_lineno"], said_now["line"], "{place}");
            assert_eq!(told.locals(), ids(&said_now["locals"]), "{place}");
        }
    });
}

#[test]
fn generators_in_every_state() {
    everywhere(|minor, program, said| {
        let mut heap = program.heap();
        let outline = pystate::outline(&mut heap, &program.options());
        for (label, said) in said["generators"].as_object().unwrap() {
            let place = format!("3.{minor} {label}");
            let told = Told::of(&heap, Address(said["id"].as_u64().unwrap()));
            assert_eq!(told.state["state"], said["state"], "{place}");
            assert_eq!(heap.text_of(told.attribute("__name__")).as_deref(), said["name"].as_str(), "{place}");
            let prefix = ["gi", "cr", "ag"].into_iter().find(|prefix| told.state.contains_key(&format!("{prefix}_running")));
            let prefix = prefix.unwrap();
            // An async generator runs while something awaits what it awaits.
            let is_running = said["state"] == "running" || label == "awaiting async generator";
            assert_eq!(told.state[&format!("{prefix}_running")], is_running, "{place}");
            assert!(!told.attribute(&format!("{prefix}_code")).is_null(), "{place}");
            let awaited = told.attribute(if prefix == "gi" { "gi_yieldfrom".into() } else { format!("{prefix}_await") }.as_str());
            match said["awaited"].as_u64() {
                Some(0) if label == "over a list" || label.contains("await") || label == "coroutine" => {
                    assert!(heap.is_object(awaited), "{place}");
                }
                Some(expected) => assert_eq!(awaited.0, expected, "{place}"),
                None => {}
            }
            let frame = told.attribute(&format!("{prefix}_frame"));
            assert_eq!(frame.is_null(), said["state"] == "closed", "{place}");
            if frame.is_null() {
                continue;
            }
            let told = Told::of(&heap, frame);
            if let Some(line) = said["line"].as_u64() {
                assert_eq!(told.state["f_lineno"], line, "{place}");
                assert!(told.attribute("f_back").is_null(), "{place}");
            }
            if said["locals"].is_object() {
                assert_eq!(told.locals(), ids(&said["locals"]), "{place}");
            }
            if said["state"] == "running" {
                let stack = &thread(&outline, "running generator").frames;
                let position = stack.iter().position(|one| one.object == frame).unwrap();
                assert_eq!(stack[position].function, "produce");
                assert_eq!(told.attribute("f_back"), stack[position - 1].object);
            }
        }
    });
}

#[test]
fn exceptions_with_their_stacks() {
    everywhere(|minor, program, said| {
        let mut heap = program.heap();
        for (label, said) in said["exceptions"].as_object().unwrap() {
            let place = format!("3.{minor} {label}");
            let told = Told::of(&heap, Address(said["id"].as_u64().unwrap()));
            assert_eq!(told.state["__suppress_context__"], said["suppress"], "{place}");
            for (name, id) in ids(&said["attributes"]) {
                if told.state.contains_key(&name) {
                    continue;
                }
                let target = told.attribute(&name);
                assert!(
                    target.0 == id || (id == 0 && heap.type_name_of(target).as_deref() == Some("NoneType")),
                    "{place} {name}"
                );
            }
            let mut entry = told.attribute("__traceback__");
            for said in said["traceback"].as_array().unwrap() {
                let told = Told::of(&heap, entry);
                assert_eq!(told.state["tb_lineno"], said[1], "{place}");
                assert_eq!(told.state["tb_lasti"], said[2], "{place}");
                assert_eq!(told.attribute("tb_frame").0, said[3].as_u64().unwrap(), "{place}");
                entry = told.attribute("tb_next");
            }
            assert!(entry.is_null(), "{place}");
        }
        let handled = &said["exceptions"]["handled"];
        let exception = Address(handled["id"].as_u64().unwrap());
        for thread in [None, handled["thread"].as_u64()] {
            let options = CaptureOptions { exception: Some(exception), exception_thread: thread, ..program.options() };
            let outline = pystate::outline(&mut heap, &options);
            assert_eq!(outline.exception, Some(exception));
            assert_eq!(outline.roots[0].kind, RootKind::Exception);
            let first = &outline.threads[0];
            assert_eq!((first.name.as_deref(), first.exception), (Some("handling"), Some(exception)));
            let frames: Vec<_> =
                own_frames(first).iter().map(|frame| (frame.kind, frame.function.as_str(), frame.line)).collect();
            let call = handled["traceback"][0][1].as_u64().unwrap() as u32;
            let expected = [(FrameKind::Traceback, "handling", call), (FrameKind::Traceback, "raise_deep", line_of("raised"))];
            assert_eq!(frames, expected, "3.{minor}");
            assert!(first.frames[0].function == "_bootstrap" && first.frames[0].kind == FrameKind::Running);
            let raised = first.frames.last().unwrap();
            assert_eq!(unbound(raised), ["cause"]);
            let names: Vec<&str> = raised.variables.iter().map(|variable| variable.name.as_str()).collect();
            assert_eq!(names, ["argument", "scratch", "cause"]);
        }
        let options = CaptureOptions { find_exception: true, ..program.options() };
        let outline = pystate::outline(&mut heap, &options);
        assert_eq!(outline.exception, Some(exception), "3.{minor}");
        // Nobody said that it died of what it handles: its stack is where it is now.
        let first = &outline.threads[0];
        assert_eq!((first.name.as_deref(), first.exception), (Some("handling"), Some(exception)));
        assert!(first.frames.iter().all(|frame| frame.kind == FrameKind::Running), "3.{minor}");
        assert!(first.frames.iter().all(|frame| frame.function != "raise_deep"), "3.{minor}");
    });
}

#[test]
fn roots_facts_and_sources() {
    everywhere(|minor, program, said| {
        let mut heap = program.heap();
        let hidden = CaptureOptions { hidden_prefixes: vec![PROGRAM.to_owned()], ..program.options() };
        assert!(pystate::outline(&mut heap, &hidden).threads.iter().all(|thread| own_frames(thread).is_empty()));
        let outline = pystate::outline(&mut heap, &program.options());
        for (kind, name) in [
            (RootKind::Module, "threading"),
            (RootKind::Module, "__main__"),
            (RootKind::Interpreter, "sysdict"),
            (RootKind::Interpreter, "codec search cache"),
            (RootKind::Exception, "handling: handled"),
            (RootKind::Thread, "sleeper: thread"),
        ] {
            assert!(outline.roots.iter().any(|root| root.kind == kind && root.name == name), "3.{minor} {name}");
        }
        let fact = |name: &str| {
            let found = outline.facts.iter().find(|(known, _)| known == name);
            serde_json::to_value(&found.unwrap_or_else(|| panic!("no {name}")).1).unwrap()
        };
        assert!(fact("python").as_str().unwrap().starts_with(&format!("3.{minor}.")));
        assert_eq!(fact("argv"), said["argv"]);
        assert_eq!(fact("path"), said["path"]);
        assert_eq!(fact("platform"), "linux");
        assert_eq!(fact("implementation"), "cpython");
        assert_eq!(fact("pid"), program.child.id());
        assert_eq!(fact("ppid"), std::process::id());
        assert_eq!(fact("cwd"), std::env::current_dir().unwrap().to_str().unwrap());
        assert_eq!(fact("environ")["HEAPSAKE_TEST"], "in the environment");
        assert_eq!(fact("module_versions")["__main__"], "7.8.9");
        assert_eq!(fact("flags")["optimize"], 0);
        assert_eq!(fact("gc")["enabled"], true);
        assert_eq!(fact("main_file"), PROGRAM);
        assert_eq!(fact("daemon_threads").as_array().unwrap().len(), 8);
        assert!(fact("resident_bytes").as_u64().unwrap() > 1 << 20);
        assert!(fact("dump_time").as_f64().unwrap() >= fact("start_time").as_f64().unwrap());
        // What starts an interpreter may stand in front.
        let command_line = fact("command_line");
        assert!(command_line.as_array().unwrap().contains(&PROGRAM.into()), "3.{minor}: {command_line}");

        let main = outline.roots.iter().find(|root| root.name == "__main__").unwrap().object;
        let remembered = heap.attribute(main, "remembered").unwrap();
        Told::of(&heap, Told::of(&heap, remembered).attribute("__code__"));
        // As it was seen in the process, which ends before they are read.
        let root_dir = PathBuf::from(format!("/proc/{}/root", program.child.id()));
        let options = CaptureOptions { root_dir, ..program.options() };
        let mut listed = Sources::of(&heap, &options);
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        assert!(!options.root_dir.exists());
        let mut sources = Vec::new();
        let taken = listed.each(&heap, &options, &|_| true, &mut |source| {
            sources.push(source);
            Ok(())
        });
        assert!(taken.is_ok());
        let source = |name: &str| sources.iter().find(|source| source.filename == name).unwrap();
        assert_eq!(source(PROGRAM).text.as_deref(), Some(&*std::fs::read_to_string(PROGRAM).unwrap()));
        assert_eq!(source("<remembered>").text.as_deref(), Some("x = 1\ny = 2\n"));
        assert!(sources.iter().any(|source| source.filename.ends_with("threading.py") && source.text.is_some()));
    });
}

#[test]
fn a_busy_thread_is_the_current_one() {
    let busy = "
import threading, time
started = threading.Event()
def busy():
    started.set()
    while True:
        pass
threading.Thread(target=busy, name='busy', daemon=True).start()
started.wait()
print('ready', flush=True)
time.sleep(1000)
";
    for (minor, interpreter) in live::interpreters() {
        let mut program = Waiting::run(&interpreter, &["-c", busy]);
        program.ready();
        // The main thread may be caught on its way to sleep, and the lock between two threads.
        let deadline = Instant::now() + Duration::from_mins(1);
        let (mut heap, outline) = loop {
            let mut heap = program.heap();
            let outline = pystate::outline(&mut heap, &program.options());
            let current: Vec<_> = outline.threads.iter().map(|thread| (thread.name.as_deref(), thread.current)).collect();
            if current == [(Some("MainThread"), false), (Some("busy"), true)] {
                break (heap, outline);
            }
            assert!(Instant::now() < deadline, "3.{minor}: {current:?}");
        };
        let options = CaptureOptions { current_thread: outline.threads[0].native_id, ..program.options() };
        let current: Vec<bool> = pystate::outline(&mut heap, &options).threads.iter().map(|thread| thread.current).collect();
        assert_eq!(current, [true, false], "3.{minor}");
    }
}

#[test]
fn what_lies_on_operand_stacks() {
    let held = "
import sys
def produce():
    class Held: pass
    kept.append(Held())
    yield [kept[0], (yield kept[0])]
def running(first):
    return [first, sys.stdin.readline()]
kept = []
generator = produce()
next(generator)
print(id(kept[0]), id(generator), flush=True)
running(object())
";
    for (minor, interpreter) in live::interpreters() {
        let mut program = Waiting::run(&interpreter, &["-c", held]);
        let said = program.line();
        let [held, generator] = said.split(' ').map(|id| Address(id.parse().unwrap())).collect::<Vec<_>>()[..] else {
            panic!("{said}")
        };
        program.wait();
        let mut heap = program.heap();
        let frame = Told::of(&heap, Told::of(&heap, generator).attribute("gi_frame"));
        assert_eq!(frame.find(EdgeKind::Internal, "0"), Some(held), "3.{minor}: {:?}", frame.edges);
        let outline = pystate::outline(&mut heap, &program.options());
        let running = outline.threads[0].frames.last().unwrap();
        let first = running.variables[0].target;
        let told = Told::of(&heap, running.object);
        if heap.layouts().interpreter_frame.is_some_and(|layout| layout.stackpointer.is_some()) {
            // The evaluator leaves its stack in order before it calls what may look at it.
            assert_eq!(told.find(EdgeKind::Internal, "0"), Some(first), "3.{minor}: {:?}", told.edges);
            continue;
        }
        let stale: Vec<Address> = told.edges.iter().filter(|edge| edge.0 == EdgeKind::Stale).map(|edge| edge.2).collect();
        assert!(stale.contains(&first), "3.{minor}: {:?}", told.edges);
        assert!(stale.iter().all(|object| heap.type_name_of(*object).is_some()), "3.{minor}");
    }
}

#[test]
fn line_tables_as_code_objects_read_them() {
    everywhere(|minor, _, said| {
        let codes = said["codes"].as_array().unwrap();
        assert!(codes.len() > 100);
        for code in codes {
            let encoding = match code[0].as_str().unwrap() {
                "lnotab" => Encoding::Lnotab,
                "ranges" => Encoding::Ranges,
                _ => Encoding::Locations,
            };
            let table: Vec<u8> = code[1].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8).collect();
            let first = code[2].as_i64().unwrap() as i32;
            let said = code[3].as_array().unwrap();
            for (index, expected) in said.iter().enumerate() {
                let found = linetable::position_at(encoding, &table, first, index as i64 * 2);
                let number = |index: usize| expected[index].as_u64().map(|number| number as u32);
                assert_eq!(found.line, number(0), "3.{minor} {code}");
                if encoding == Encoding::Locations {
                    let found = [found.end_line, found.column, found.end_column];
                    assert_eq!(found, [number(1), number(2), number(3)], "3.{minor} {code}");
                }
            }
            if encoding == Encoding::Locations {
                let end = Ranges::new(encoding, &table, first).last().map(|range| range.end);
                assert_eq!(end, Some(said.len() as u32 * 2));
            }
        }
    });
}
