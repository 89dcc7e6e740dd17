//! Native stacks beside Python's: address by address those of gdb, and Python's frames among them where C calls them.

use std::collections::BTreeMap;
use std::process::Command;

use heapsake_tests::{Waiting, every, file, in_parallel, no_problems, run};
use serde_json::Value;

/// Prints a thread's number and the address of every frame that is a call, the innermost first.
const FRAMES: &str = "import gdb
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            print('frame', thread.ptid[1], frame.pc())
        frame = frame.older()
";

/// The stacks of a process as gdb unwinds them, by the kernel's numbers of the threads.
fn by_gdb(pid: &str, script: &std::path::Path) -> Option<BTreeMap<u64, Vec<u64>>> {
    std::fs::write(script, FRAMES).expect("a script");
    let mut command = Command::new("gdb");
    command.args(["-nx", "-batch", "-ex", "set backtrace past-main on", "-ex", "set backtrace past-entry on"]);
    let output = command.args(["-p", pid, "-x"]).arg(script).output().ok()?;
    let mut stacks: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let ["frame", thread, address] = *line.split_whitespace().collect::<Vec<_>>() {
            stacks.entry(thread.parse().expect("a number")).or_default().push(address.parse().expect("a number"));
        }
    }
    Some(stacks)
}

/// Where words stand in lines, each behind the one before.
fn in_order(lines: &[String], words: &[&str]) -> bool {
    let mut rest = lines.iter();
    words.iter().all(|word| rest.any(|line| line.contains(word)))
}

#[test]
fn native_stacks_are_those_of_gdb_and_python_stands_among_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = in_parallel(&every(), |environment| {
        let version = &environment.version;
        let name = |what: &str| folder.path().join(format!("{version}-{what}"));
        let mut command = environment.python();
        let waiting = Waiting::start(command.arg(file("programs/native/deep.py")));
        // Both are to look at the same moment.
        let stopped = Command::new("kill").args(["-STOP", &waiting.pid()]).status().expect("kill");
        assert!(stopped.success());
        let dump = name("deep.heapsake");
        run(environment.heapsake().args(["dump", &waiting.pid(), "--native", "-o"]).arg(&dump)).success("heapsake dump");
        let mut bad = Vec::new();
        let told = run(environment.heapsake().args(["stack", "--native", "--json"]).arg(&dump)).success("heapsake stack");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let threads = told["threads"].as_array().expect("threads");
        for thread in threads {
            let placed: u64 =
                thread["native"].as_array().into_iter().flatten().filter_map(|frame| frame["frames"].as_u64()).sum();
            let frames = thread["frames"].as_array().map_or(0, Vec::len) as u64;
            if placed != frames || frames < 3 || !thread["native_cut"].is_null() {
                bad.push(format!(
                    "{version}: {} of {frames} frames are placed, {}: {}",
                    placed, thread["name"], thread["native_cut"]
                ));
            }
        }
        // gdb finds no libraries of what was started by a loader of its own.
        let is_launched = environment.minor >= 14;
        match by_gdb(&waiting.pid(), &name("frames.py")).filter(|_| !is_launched) {
            Some(stacks) => {
                if stacks.len() != threads.len() || stacks.len() != 3 {
                    bad.push(format!("{version}: {} threads, by gdb {}", threads.len(), stacks.len()));
                }
                for thread in threads {
                    let native = thread["native"].as_array().into_iter().flatten().rev();
                    let ours: Vec<u64> = native.filter_map(|frame| frame["address"].as_u64()).collect();
                    let theirs = stacks.get(&thread["native_id"].as_u64().unwrap_or(0));
                    if theirs != Some(&ours) {
                        bad.push(format!("{version}: {}: {ours:x?} and by gdb {theirs:x?}", thread["name"]));
                    }
                }
            }
            None if is_launched => {}
            None => {
                assert!(std::env::var_os("CI").is_none(), "gdb is part of this test");
                println!("{version}: not compared with gdb, which is not here");
            }
        }
        let text = run(environment.heapsake().args(["stack", "--native", "--short", "--thread", "MainThread"]).arg(&dump));
        let lines: Vec<String> = text.success("heapsake stack").lines().map(str::to_owned).collect();
        // What calls is a C function wherever Python does not call itself.
        let calls =
            ["in <module>", "  C ", "in <lambda>", "  C ", "in outer", "in inner", "  C ", "in Item.__lt__", "in descend"];
        let before_3_11 = ["in <module>", "  C ", "in <lambda>", "  C ", "in outer", "  C ", "in inner", "  C ", "in __lt__"];
        let expected = if environment.minor >= 11 { &calls[..] } else { &before_3_11[..] };
        let descents = lines.iter().filter(|line| line.contains("in descend")).count();
        if !in_order(&lines, expected) || descents != 5 {
            bad.push(format!("{version}: {lines:#?}"));
        }
        // Where the names of static functions are, what sorts is between what asks for it and what it asks.
        let names = ["in inner", "C list_sort", "C slot_tp_richcompare"];
        if lines.iter().any(|line| line.contains("list_sort")) && !in_order(&lines, &names) {
            bad.push(format!("{version}: {lines:#?}"));
        }
        println!("{version}: {} lines of both kinds in the main thread", lines.len());
        bad
    });
    no_problems(&results.concat());
}

#[test]
fn a_thread_that_dies_has_its_native_stack_without_being_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = in_parallel(&every(), |environment| {
        let version = &environment.version;
        let place = folder.path().join(version);
        std::fs::create_dir(&place).expect("a folder");
        let mut command = environment.heapsake();
        command
            .args(["run", "-o"])
            .arg(&place)
            .arg("--python")
            .arg(&environment.python)
            .arg("--")
            .arg(file("programs/native/fatal.py"));
        let ended = run(&mut command);
        let listed = std::fs::read_dir(&place).expect("a folder");
        let dumps: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
        let [dump] = &dumps[..] else { return vec![format!("{version}: {} dumps: {ended:?}", dumps.len())] };
        let shown = run(environment.heapsake().arg(dump)).success("heapsake");
        let stack = run(environment.heapsake().args(["stack", "--native", "--short", "--thread", "worker"]).arg(dump));
        let lines: Vec<String> = stack.success("heapsake stack").lines().map(str::to_owned).collect();
        let mut bad = Vec::new();
        let is_fault = |line: &&str| line.starts_with("  in C: ") && line.contains(" ← ");
        if shown.lines().find(is_fault).is_none() {
            bad.push(format!("{version}: {shown}"));
        }
        // The innermost frame is that of C.
        if !in_order(&lines, &["in work", "  C "]) {
            bad.push(format!("{version}: {lines:#?}"));
        }
        bad
    });
    no_problems(&results.concat());
}
