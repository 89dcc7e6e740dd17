//! Every reducer over every interpreter found: a program builds the objects and says what Python knows of them; they are read
//! from outside and compared. What Python's collector says that an object refers to must be among its edges.

#[path = "../../cpython/src/live.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, TypeId, Value};
use heapsake_core::reduce::Registry;
use heapsake_cpython::attach::Runtime;
use heapsake_cpython::memory::Snapshot;
use heapsake_cpython::{CPythonHeap, Facts};
use heapsake_reducers as _;
use serde_json::Value as Json;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/program.py");

#[derive(Default)]
struct Told {
    attributes: BTreeMap<String, u64>,
    targets: BTreeSet<u64>,
    elements: Vec<u64>,
    entries: Vec<[u64; 2]>,
    state: BTreeMap<String, Json>,
    value: Option<String>,
}

impl Sink for Told {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, value: Value<'_>) {
        if let Value::Bytes(bytes) = value {
            self.value = Some(String::from_utf8_lossy(bytes).into_owned());
        }
    }

    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        self.targets.insert(target.0);
        if let (Name::Text(name), EdgeKind::Attribute | EdgeKind::Internal) = (name, kind) {
            self.attributes.entry(name.to_owned()).or_insert(target.0);
        }
    }

    fn element(&mut self, target: Address) {
        self.targets.insert(target.0);
        self.elements.push(target.0);
    }

    fn entry(&mut self, key: Address, value: Address) {
        self.targets.extend([key.0, value.0]);
        self.entries.push([key.0, value.0]);
    }

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let ciborium::Value::Map(entries) = ciborium::Value::serialized(state).unwrap() else { panic!("no map") };
        self.state.extend(entries.into_iter().map(|(name, value)| (name.into_text().unwrap(), plain(value))));
    }
}

fn plain(value: ciborium::Value) -> Json {
    match value {
        ciborium::Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        ciborium::Value::Array(values) => values.into_iter().map(plain).collect(),
        other => serde_json::to_value(&other).unwrap(),
    }
}

fn numbers(list: &Json) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(Json::as_u64).collect()
}

fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}

#[test]
fn what_python_says_is_what_is_told() {
    let mut wrong = Vec::new();
    for (minor, interpreter) in live::interpreters() {
        if let Err(problems) = compare(&interpreter) {
            wrong.extend(problems.into_iter().map(|problem| format!("3.{minor}: {problem}")));
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

fn compare(interpreter: &Path) -> Result<(), Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("said.json");
    let mut child = Command::new(interpreter)
        .args(["-W", "ignore", PROGRAM])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let snapshot = (line.trim() == "ready").then(|| Snapshot::of_process(child.id() as i32).unwrap());
    let problems = snapshot.map(|snapshot| {
        let said: Vec<Json> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        differences(snapshot, child.id() as i32, &said)
    });
    drop(child.stdin.take());
    let _ = child.kill();
    let _ = child.wait();
    match problems {
        None => Err(vec!["the program has failed".to_owned()]),
        Some(problems) if problems.is_empty() => Ok(()),
        Some(problems) => Err(problems),
    }
}

fn differences(snapshot: Snapshot, pid: i32, said: &[Json]) -> Vec<String> {
    let runtime = Runtime::of_snapshot(&snapshot).unwrap();
    let facts = Facts {
        layouts: runtime.layouts.clone(),
        version: runtime.version,
        flags: runtime.flags,
        runtime: runtime.address,
        interpreter: runtime.interpreter,
        pid: Some(pid),
        mapped: None,
        root: "/".into(),
        kept: heapsake_cpython::heap::Kept::default(),
    };
    let heap = CPythonHeap::new(snapshot, facts, Registry::linked().unwrap());
    let mut problems = Vec::new();
    for object in said {
        let label = object["label"].as_str().unwrap();
        let mut problem = |text: String| problems.push(format!("{label}: {text}"));
        let mut told = Told::default();
        let address = object["address"].as_u64().unwrap();
        if let Err(failure) = heap.reduce_object(Address(address), &mut told) {
            problem(format!("{failure}"));
        }
        for (name, expected) in object["facts"].as_object().unwrap() {
            match told.state.get(name) {
                Some(found) if same(found, expected) => {}
                found => problem(format!("{name} is {found:?}, not {expected}")),
            }
        }
        for (name, expected) in object["attributes"].as_object().unwrap() {
            let found = told.attributes.get(name);
            if found.copied() != expected.as_u64() {
                problem(format!("{name} leads to {found:x?}, not {:x?}", expected.as_u64()));
            }
        }
        if !object["elements"].is_null() && numbers(&object["elements"]) != told.elements {
            problem(format!("{} elements, not {}", told.elements.len(), numbers(&object["elements"]).len()));
        }
        if let Some(count) = object["element_count"].as_u64()
            && told.elements.len() as u64 != count
        {
            problem(format!("{} elements, not {count}", told.elements.len()));
        }
        if let Some(entries) = object["entries"].as_array() {
            let expected: Vec<Vec<u64>> = entries.iter().map(numbers).collect();
            if expected != told.entries {
                problem(format!("entries are {:x?}, not {expected:x?}", told.entries));
            }
        }
        for referent in numbers(&object["referents"]) {
            if !told.targets.contains(&referent) {
                let name = heap.type_name_of(Address(referent));
                problem(format!("no edge to {referent:#x}, a {name:?}"));
            }
        }
    }
    problems
}
