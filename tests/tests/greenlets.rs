//! Greenlets and gevent's, in every interpreter and from releases of greenlet whose layouts differ: each is shown as a thread
//! with the frames, lines and variables that greenlet itself tells of, from inside and from outside.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use heapsake_tests::{Waiting, file, in_parallel, no_problems, problems, run};

/// Greenlets of gevent.
const COUNT: &str = "1000";
/// How long the summary of so many may take on a busy machine.
const SUMMARY: Duration = Duration::from_secs(5);

struct Case {
    minor: u32,
    home: PathBuf,
    /// The folder of an older release of greenlet, without gevent.
    older: Option<PathBuf>,
}

impl Case {
    fn python(&self) -> Command {
        let mut command = Command::new(self.home.join("bin/python"));
        if let Some(older) = &self.older {
            // gevent is built for the newer release.
            command.env("PYTHONPATH", older).args(["-c", WITHOUT_GEVENT]);
        }
        command.arg(file("programs/greenlets.py"));
        command
    }

    fn heapsake(&self) -> Command {
        Command::new(self.home.join("bin/heapsake"))
    }

    fn compare(&self, said: &Path, dump: &Path) -> Vec<String> {
        let mut command = Command::new(self.home.join("bin/python"));
        command.arg("-I").arg(file("programs/greenlets_compare.py")).arg(said).arg(dump);
        let is_blind = self.older.as_ref().is_some_and(|older| older.ends_with("3.0.0"));
        let out = run(command.args(is_blind.then_some("blind"))).success("the comparison");
        assert!(out.contains(" greenlets, greenlet "), "{out}");
        problems(&out)
    }
}

const WITHOUT_GEVENT: &str = "import sys; sys.modules['gevent'] = None; sys.argv = sys.argv[1:]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'))";

fn cases() -> Option<Vec<Case>> {
    let Some(base) = std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "in CI gevent must be there: PyPI could not be reached");
        println!("not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it where PyPI can be reached)");
        return None;
    };
    let mut cases = Vec::new();
    for minor in 8..=13 {
        let home = base.join(format!("concurrency-3.{minor}"));
        if !home.is_dir() {
            println!("not tested: greenlets in 3.{minor}, which was not found");
            continue;
        }
        let older = std::fs::read_dir(home.join("older")).into_iter().flatten().flatten();
        cases.extend(older.map(|folder| Case { minor, home: home.clone(), older: Some(folder.path()) }));
        cases.push(Case { minor, home, older: None });
    }
    assert!(!cases.is_empty(), "HEAPSAKE_TEST_PROGRAMS has no environment with greenlet");
    Some(cases)
}

#[test]
fn s11_every_greenlet_is_a_thread_with_its_frames() {
    let Some(cases) = cases() else { return };
    let found = in_parallel(&cases, |case| {
        let folder = tempfile::tempdir().expect("a folder");
        let (said, dump) = (folder.path().join("said.json"), folder.path().join("outside.heapsake"));
        let program = Waiting::start(case.python().arg(&said).arg(COUNT));
        run(case.heapsake().args(["dump", &program.pid(), "-o"]).arg(&dump)).success("the dump");
        program.release();
        let mut found = case.compare(&said, &dump);
        if case.older.is_none() {
            let started = Instant::now();
            let summary = run(case.heapsake().arg(&dump)).success("the summary");
            let took = started.elapsed();
            if took > SUMMARY || !summary.contains(", greenlet) and 199 more with the same stack") {
                found.push(format!("the summary, after {took:?}:\n{summary}"));
            }
            let inside = folder.path().join("inside.heapsake");
            run(case.python().arg(&said).arg(COUNT).arg(&inside)).success("the program that dumps itself");
            found.extend(case.compare(&said, &inside));
        }
        let place = format!("3.{} with {:?}", case.minor, case.older.as_ref().and_then(|older| older.file_name()));
        found.into_iter().map(|problem| format!("{place}: {problem}")).collect::<Vec<_>>()
    });
    no_problems(&found.concat());
}

#[test]
fn s12_greenlets_below_c_in_generators_and_in_except_have_their_whole_chain() {
    let Some(cases) = cases() else { return };
    let found = in_parallel(&cases, |case| {
        if case.older.is_some() {
            return Vec::new();
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (said, dump) = (folder.path().join("said.json"), folder.path().join("outside.heapsake"));
        let program = Waiting::start(case.python().arg(&said).arg("0"));
        run(case.heapsake().args(["dump", &program.pid(), "-o"]).arg(&dump)).success("the dump");
        program.release();
        let stacks = run(case.heapsake().arg("stack").arg(&dump).arg("--short")).success("the stacks");
        // A stack is a heading, then a line for each frame, the outermost first, and a blank line.
        let chains: Vec<&str> = stacks.split("\n\n").filter(|stack| stack.contains(", greenlet)")).collect();
        let has = |names: &[&str]| {
            chains.iter().any(|chain| {
                let mut rest = *chain;
                names.iter().all(|name| match rest.split_once(name) {
                    Some((_, after)) => {
                        rest = after;
                        true
                    }
                    None => false,
                })
            })
        };
        let expected: [&[&str]; 3] =
            [&["in below_c", "<lambda>", "in back"], &["in in_generator", "in numbers", "in back"], &["in handling", "in back"]];
        let missing = expected.into_iter().filter(|names| !has(names));
        missing.map(|names| format!("3.{}: no greenlet is in {names:?}:\n{stacks}", case.minor)).collect::<Vec<_>>()
    });
    no_problems(&found.concat());
}

#[test]
fn a_greenlet_is_looked_at_by_its_name() {
    let Some(cases) = cases() else { return };
    let Some(case) = cases.iter().rev().find(|case| case.older.is_none()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (said, dump) = (folder.path().join("said.json"), folder.path().join("outside.heapsake"));
    let program = Waiting::start(case.python().arg(&said).arg("0"));
    run(case.heapsake().args(["dump", &program.pid(), "-o"]).arg(&dump)).success("the dump");
    program.release();
    let ask = |arguments: &[&str]| {
        run(case.heapsake().args(&arguments[..1]).arg(&dump).args(&arguments[1..])).success(&format!("{arguments:?}"))
    };
    let stack = ask(&["stack", "--thread", "Slotted-1"]);
    assert!(stack.contains("Slotted-1 (") && stack.contains(", greenlet)") && stack.contains("number = "), "{stack}");
    // Every fifth is of that class, and each function has its argument by this name.
    let number = ask(&["inspect", "thread:Slotted-1/frame:0/number"]);
    assert!(["0", "5", "10", "15"].iter().any(|one| number.contains(one)), "{number}");
    let typed = "threads\nthread Slotted-1\np number\nq\n";
    let python = case.home.join("bin/python");
    let session = heapsake_tests::converse(Command::new(python).args(["-I", "-m", "heapsake", "debug"]).arg(&dump), typed);
    assert!(session.out.contains("Slotted-1 · ") && session.out.contains(" · greenlet at "), "{}", session.out);
}
