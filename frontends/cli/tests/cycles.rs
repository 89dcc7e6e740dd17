//! Cycles, against the collector of each interpreter: what it frees is garbage, and what is cut is freed without it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use heapsake_tests::pythons;
use serde_json::Value;

fn address(value: &Value) -> u64 {
    let text = value["address"].as_str().and_then(|text| text.strip_prefix("0x")).expect("an address");
    u64::from_str_radix(text, 16).expect("hexadecimal")
}

fn members(group: &Value) -> BTreeSet<u64> {
    group["example"]["objects"].as_array().expect("a list").iter().map(address).collect()
}

#[test]
fn cycles_are_what_the_collector_frees_and_cuts_free_without_it() {
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/rings.py");
        let mut child =
            Command::new(&python).arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let told: Value = serde_json::from_str(&line()).expect("JSON");
        assert_eq!(line(), "ready");
        let dump = folder.path().join("rings.heapsake");
        let heapsake = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_heapsake"));
            command.args(arguments).env("XDG_CACHE_HOME", folder.path()).stdin(Stdio::null());
            let output = command.output().expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let path = dump.to_str().expect("text");
        heapsake(&["dump", &child.id().to_string(), "-o", path]);
        let found: Value = serde_json::from_slice(&heapsake(&["cycles", path, "--most", "1000", "--json"])).expect("JSON");
        let groups = found["shown"].as_array().expect("a list");
        assert_eq!(found["faults"], 0);
        let place = python.display();

        // What was dropped is garbage, and nothing else is.
        let garbage: Vec<&Value> = groups.iter().filter(|group| group["garbage"] == true).collect();
        let watched: BTreeSet<u64> = told["watched"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        let seen: BTreeSet<u64> = garbage.iter().flat_map(|group| members(group)).collect();
        assert!(watched.is_subset(&seen), "{place}: {watched:?} of {seen:?}");
        assert!(found["unreachable"]["objects"].as_u64() >= Some(seen.len() as u64));
        let first_live = groups.iter().position(|group| group["garbage"] == false).expect("live ones");
        assert!(groups[first_live..].iter().all(|group| group["garbage"] == false), "{place}: garbage comes first");

        // Each structure that is held is a cycle of its own, and what is to be cut frees it by counting alone.
        let mut input = child.stdin.take().expect("its input");
        let expected: BTreeMap<&str, &[&str]> = BTreeMap::from([
            ("trees", &[".parent"][..]),
            ("ring", &[".next"]),
            ("chain", &[".prev"]),
            ("slotted", &[".owner"]),
            ("button", &[".callback"]),
            ("cache", &[".entries"]),
            ("job", &[".__traceback__"]),
        ]);
        for (name, cuts) in expected {
            let id = told["kept"][name].as_u64().expect("told");
            // Structures of one type are told together, so their own component may not be the example.
            let of_type = |group: &&Value| group["garbage"] == false && members(group).contains(&id);
            let group = groups.iter().find(of_type).unwrap_or_else(|| panic!("{place}: {name} is in no cycle"));
            let example = &group["example"];
            let names: Vec<&str> =
                example["cuts"].as_array().expect("a list").iter().filter_map(|cut| cut["name"].as_str()).collect();
            assert_eq!(names, cuts, "{place}: {name}: {example}");
            let cycle = example["cycle"].as_array().expect("a list");
            assert!(cycle.len() >= 2, "{place}: {name}");
            let back = cycle.last().expect("steps")["to"].as_u64();
            assert_eq!(back, cycle[0]["from"]["object"].as_u64(), "{place}: {name}: it comes back");
            for (one, next) in cycle.iter().zip(&cycle[1..]) {
                assert_eq!(one["to"], next["from"]["object"], "{place}: {name}");
            }
            let words: Vec<&str> = names.iter().map(|name| name.trim_start_matches('.')).collect();
            writeln!(input, "{name} {}", words.join(" ")).expect("it reads");
            let alive: Value = serde_json::from_str(&line()).expect("JSON");
            assert_eq!(alive[0], 0, "{place}: {name}, cut at {names:?}, is not freed");
            assert!(alive[1].as_u64() > Some(0), "{place}: {name} is freed without a cut");
        }
        writeln!(input, "collect").expect("it reads");
        let after: Value = serde_json::from_str(&line()).expect("JSON");
        let collected: BTreeSet<u64> = after["garbage"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        for group in garbage {
            let types: BTreeMap<u64, &str> = group["example"]["objects"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|one| (address(one), one["type"].as_str().expect("text")))
                .collect();
            let kept: Vec<_> = types.iter().filter(|(id, _)| !collected.contains(id)).collect();
            // From 3.11 on attributes may have no dict of their own before the collector asks.
            assert!(kept.is_empty(), "{place}: the collector keeps {kept:?} of {group}");
        }
        assert!(child.wait().expect("it ends").success());
    }
}

#[test]
fn cycles_are_told_in_words() {
    let golden = heapsake_tests::file("golden/3.12.heapsake");
    let output =
        Command::new(env!("CARGO_BIN_EXE_heapsake")).arg("cycles").arg(golden).args(["--most", "1"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in ["cycles of", "modules, which refer to themselves", "would go with it", "  cut ", "more kinds (--most)"] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}
