//! Who holds an object, against what each interpreter's own collector says; and the graph that is kept.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use heapsake_tests::pythons;
use serde_json::Value;

/// A dump of the program in `held.py`, and what it said.
fn dumped(python: &Path, folder: &Path) -> (PathBuf, Vec<Value>) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/held.py");
    let mut child = Command::new(python).arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let lines = lines.map(|line| line.expect("a line")).take_while(|line| line != "ready");
    let told = lines.map(|line| serde_json::from_str(&line).expect("JSON")).collect();
    let dump = folder.join("held.heapsake");
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapsake"));
    let made = command.arg("dump").arg(child.id().to_string()).arg("-o").arg(&dump).output().expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    drop(child.stdin.take());
    child.wait().expect("it ends");
    (dump, told)
}

fn inspect(dump: &Path, cache: &Path, path: &str, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapsake"));
    command.arg("inspect").arg(dump).arg(path).args(options).env("XDG_CACHE_HOME", cache);
    command.stdin(Stdio::null()).output().expect("it runs")
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn address(value: &Value) -> u64 {
    let text = value["address"].as_str().and_then(|text| text.strip_prefix("0x")).expect("an address");
    u64::from_str_radix(text, 16).expect("hexadecimal")
}

const STRONG: [&str; 6] = ["attribute", "local", "internal", "element", "key", "item"];
/// Types whose instances hold what the collector is not told, or has not been told yet: it does not track them, or these
/// came to be after the program asked.
const UNTOLD: [&str; 3] = ["frame", "traceback", "weakref"];

#[test]
fn referrers_are_those_that_the_collector_tells() {
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let (dump, told) = dumped(&python, folder.path());
        assert_eq!(told.len(), 9);
        for one in told {
            let place = format!("{} {}", python.display(), one["name"]);
            let path = format!("object:{:#x}", one["address"].as_u64().expect("an address"));
            let output = inspect(&dump, folder.path(), &path, &["--referrers", "--most", "100000", "--json"]);
            let found = json(&output);
            let shown = found["referrers"]["shown"].as_array().expect("a list");
            assert_eq!(Value::from(shown.len()), found["referrers"]["count"]);
            let mut ours: BTreeMap<u64, (&str, Vec<&str>)> = BTreeMap::new();
            for holder in shown {
                let edges = holder["edges"].as_array().expect("a list");
                let links = edges.iter().filter_map(|edge| edge["link"].as_str()).collect();
                ours.insert(address(holder), (holder["type"].as_str().unwrap_or_default(), links));
            }
            for theirs in one["referrers"].as_array().expect("a list") {
                let id = theirs[0].as_u64().expect("an address");
                let removed = ours.remove(&id);
                // From 3.11 on a generator holds what the dump has in a frame of its own.
                let in_frame =
                    theirs[1] == "generator" && ours.values().any(|(name, links)| *name == "frame" && *links == ["local"]);
                // The frame that asked was gone by the time of the dump.
                assert!(removed.is_some() || in_frame || theirs[1] == "frame", "{place}: {theirs} is no referrer");
            }
            // Only from 3.9 on does a type learn of its instances.
            ours.retain(|_, (name, links)| links.iter().any(|link| STRONG.contains(link)) && !UNTOLD.contains(name));
            assert!(ours.is_empty(), "{place}: the collector does not know of {ours:?}");
        }
    }
}

#[test]
fn a_path_leads_from_a_root_to_the_object_step_by_step() {
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let (dump, told) = dumped(&python, folder.path());
        let links = told.iter().find(|one| one["name"] == "links").and_then(|one| one["address"].as_u64()).expect("told");
        let path = format!("object:{links:#x}");
        let found = json(&inspect(&dump, folder.path(), &path, &["--path-from-roots", "--json"]));
        let hops = found["path_from_roots"].as_array().expect("a way");
        assert_eq!(hops.last().map(address), Some(links));
        assert_eq!(hops[0]["link"], "root");
        assert!(hops.len() <= 5, "the globals, kept, ring, perhaps its __dict__, and links: {hops:?}");
        // Every step is an edge: the one before is among the referrers of the next.
        for pair in hops.windows(2) {
            let next = format!("object:#{}", pair[1]["object"]);
            let holders = json(&inspect(&dump, folder.path(), &next, &["--referrers", "--most", "100000", "--json"]));
            let holders = holders["referrers"]["shown"].as_array().expect("a list");
            let from = holders.iter().find(|holder| holder["object"] == pair[0]["object"]).expect("an edge");
            assert!(from["edges"].as_array().expect("a list").iter().any(|edge| edge["name"] == pair[1]["name"]));
        }
        let text = inspect(&dump, folder.path(), &path, &["--referrers", "--path-from-roots", "--most", "1"]);
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(text.contains("held by 1 object") && text.contains("links") && text.contains("a root leads to it in"), "{text}");
        let many = inspect(&dump, folder.path(), "kept[\"target\"]", &["--referrers", "--most", "2"]);
        let many = String::from_utf8_lossy(&many.stdout).into_owned();
        assert!(many.contains("  … and ") && many.contains(" more"), "{many}");
    }
}

#[cfg(unix)]
#[test]
fn the_graph_is_kept_for_its_owner_and_made_anew_when_it_is_damaged() {
    use std::os::unix::fs::PermissionsExt;
    let python = pythons().pop().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let (dump, _) = dumped(&python, folder.path());
    let ask = |cache: &Path| {
        let output = inspect(&dump, cache, "kept[\"target\"]", &["--referrers"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let first = ask(folder.path());
    let list = || -> Vec<PathBuf> {
        let entries = folder.path().join("heapsake").read_dir().expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let kept = list();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0].metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    let whole = std::fs::read(&kept[0]).expect("its bytes");
    std::fs::write(&kept[0], vec![0xff; whole.len()]).expect("damage");
    assert_eq!(ask(folder.path()), first);
    assert_eq!((list(), std::fs::read(&kept[0]).expect("its bytes")), (kept, whole), "made anew");
    // A place where nothing can be kept.
    assert_eq!(ask(&dump), first);
    let frame = inspect(&dump, folder.path(), "frame:-1", &["--referrers"]);
    assert_eq!(frame.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&frame.stderr).contains("is no object of the dump"), "{frame:?}");
}
