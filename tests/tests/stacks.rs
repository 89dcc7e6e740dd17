//! Stacks beside those of another tool, pystack, that reads processes and cores from outside as well: the same threads, the
//! same frames, the same lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use heapsake_loader::open;
use heapsake_tests::cores::{kernel_core, kernel_writes_cores, with_core};
use heapsake_tests::{Waiting, file, in_parallel, minors, no_problems, run};

/// Frames of threads, the outermost first, by the kernel's number of the thread.
type Stacks = BTreeMap<u64, Vec<(String, u32, String)>>;

/// What pystack says.
fn told(text: &str) -> Stacks {
    let mut found = Stacks::new();
    let mut thread = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("Traceback for thread ") {
            thread = rest.split(' ').next().and_then(|number| number.parse().ok()).expect("a thread");
            found.entry(thread).or_default();
        } else if let Some(rest) = line.trim_start().strip_prefix("(Python) File \"") {
            let (name, rest) = rest.split_once("\", line ").expect("a file");
            let (line, function) = rest.split_once(", in ").expect("a line");
            let frame = (name.to_owned(), line.parse().expect("a number"), function.to_owned());
            found.get_mut(&thread).expect("a thread").push(frame);
        }
    }
    found
}

/// What a dump says.
fn dumped(path: &Path) -> Stacks {
    let dump = open(path).expect("a dump");
    let threads = dump.threads().iter().filter(|thread| thread.kind.is_empty());
    let frames = |thread: &heapsake_core::format::records::Thread| {
        let frames = thread.frames.iter().map(|frame| (frame.filename.clone(), frame.line, frame.function.clone()));
        frames.collect()
    };
    threads.map(|thread| (thread.native_id.expect("a number"), frames(thread))).collect()
}

#[test]
fn stacks_are_those_that_pystack_tells() {
    let Some(programs) = std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "HEAPSAKE_TEST_PROGRAMS names the environment of pystack in CI");
        println!("not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it)");
        return;
    };
    kernel_writes_cores().expect("cores of the kernel are part of this test");
    let pystack = programs.join("servers/bin/pystack");
    if !pystack.is_file() {
        assert!(std::env::var_os("CI").is_none(), "pystack is part of CI");
        println!("not tested: pystack is not to be had for this Python");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let results = in_parallel(&minors(), |environment| {
        let place = folder.path().join(&environment.version);
        std::fs::create_dir(&place).expect("a folder");
        let mut command = environment.python();
        command.arg(file("programs/cores/order.py"));
        let waiting = Waiting::start(&mut with_core(&command, &place));
        let (live, of_core) = (place.join("live.heapsake"), place.join("core.heapsake"));
        run(environment.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&live)).success("heapsake dump");
        let live_told = told(&run(Command::new(&pystack).args(["remote", &waiting.pid()])).success("pystack remote"));
        waiting.die("ABRT");
        let core = kernel_core(&place);
        run(environment.heapsake().arg("core").arg(&core).arg("-o").arg(&of_core)).success("heapsake core");
        let python = environment.python.canonicalize().expect("a path");
        let core_told = told(&run(Command::new(&pystack).arg("core").arg(&core).arg(&python)).success("pystack core"));
        let mut bad = Vec::new();
        for (how, ours, theirs) in [("live", dumped(&live), live_told), ("core", dumped(&of_core), core_told)] {
            let frames: usize = theirs.values().map(Vec::len).sum();
            println!("{} {how}: {} threads, {frames} frames", environment.version, theirs.len());
            if theirs.len() < 2 || frames < 10 {
                bad.push(format!("{} {how}: pystack tells little: {theirs:#?}", environment.version));
            }
            if ours != theirs {
                bad.push(format!("{} {how}: {ours:#?}\npystack: {theirs:#?}", environment.version));
            }
        }
        bad
    });
    no_problems(&results.concat());
}
