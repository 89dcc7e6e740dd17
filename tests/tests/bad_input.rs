//! What cannot be opened or found: one message that says what and why, a status of 1, `heapsake.Error` in Python; never a
//! traceback or a panic. A file that is cut opens up to the cut.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use heapsake_tests::{Ended, Environment, Waiting, environments, file, minors, run};

fn dump(environment: &Environment, folder: &Path) -> PathBuf {
    let path = folder.join("golden.heapsake");
    let waiting = Waiting::start(environment.python().arg("-S").arg(file("golden/program.py")));
    run(environment.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&path)).success("heapsake dump");
    waiting.release();
    path
}

fn is_one_message(ended: &Ended, status: i32, told: &[&str], what: &str) {
    assert_eq!(ended.status.code(), Some(status), "{what}: {}\n{}", ended.out, ended.err);
    let lines: Vec<&str> = ended.err.lines().collect();
    let message = lines.first().is_some_and(|line| line.starts_with("heapsake: "));
    let hints = lines.iter().skip(1).all(|line| line.starts_with("hint: "));
    assert!(message && hints, "{what} says:\n{}", ended.err);
    for needle in told {
        assert!(ended.err.contains(needle), "{what} does not say {needle:?}:\n{}", ended.err);
    }
}

#[test]
fn what_is_no_dump_is_said_by_every_command_and_in_python() {
    let folder = tempfile::tempdir().expect("a folder");
    let make = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    };
    let table = [
        (make("text.heapsake", b"this is no dump, it is a text of some length\n"), "not a heapsake dump"),
        (make("empty.heapsake", b""), "empty"),
        (make("elf.heapsake", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0"), "not a heapsake dump"),
        (folder.path().to_owned(), "is a folder"),
        (folder.path().join("absent.heapsake"), "no such file"),
    ];
    let environments = minors();
    for environment in [environments.first(), environments.last()].into_iter().flatten() {
        for (path, told) in &table {
            let shown = path.display().to_string();
            for arguments in [vec![], vec!["stack"], vec!["inspect"], vec!["check"], vec!["debug"]] {
                let ended = run(environment.heapsake().args(&arguments).arg(path));
                is_one_message(&ended, 1, &[told, &shown], &format!("heapsake {} {shown}", arguments.join(" ")));
            }
            let ended = run(environment.python().args(["-m", "heapsake", "debug"]).arg(path));
            is_one_message(&ended, 1, &[told, &shown], &format!("python -m heapsake debug {shown}"));
            let code = "import heapsake, sys\ntry: heapsake.load(sys.argv[1])\nexcept heapsake.Error as problem: print(problem)";
            let said = run(environment.python().args(["-c", code]).arg(path)).success("heapsake.load");
            assert!(said.contains(told) && said.contains(&shown), "{said}");
        }
    }
}

#[test]
fn a_file_that_may_not_be_read_is_not_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = minors();
    let dump = dump(environments.last().expect("an environment"), folder.path());
    std::fs::set_permissions(&dump, std::fs::Permissions::from_mode(0o000)).expect("permissions");
    for environment in environments {
        // Root may read everything: what is needed is loaded as root, the rest is done as nobody.
        let code = "import os, sys, heapsake._heapsake, heapsake.__main__\n\
            if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n\
            try: heapsake.load(sys.argv[1])\n\
            except heapsake.Error as problem: print(problem)\n\
            sys.exit(heapsake.__main__.command(sys.argv[1:]))";
        let ended = run(environment.python().args(["-c", code]).arg(&dump));
        is_one_message(&ended, 1, &["not permitted", "golden.heapsake"], "a dump that may not be read");
        assert!(ended.out.contains("not permitted"), "heapsake.load says {}", ended.out);
    }
}

#[test]
fn what_a_path_does_not_name_is_said_with_what_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    for environment in environments() {
        let dump = dump(&environment, folder.path());
        for (path, told) in [
            ("fleets", &["has no variable fleets", "fleet"][..]),
            ("fleet[\"Boreas\"]", &["no key \"Boreas\"", "Aurore"]),
            ("fleet[\"Aurore\"].captain", &["no attribute captain", "name, cargo"]),
            ("fleet[\"Aurore\"].cargo[2]", &["index 2 of 2"]),
            ("fleet.x[", &["not closed"]),
            ("frame:9", &["frame 9 of 3"]),
            ("thread:Worker", &["no thread is called \"Worker\"", "MainThread"]),
            ("module:flask", &["no module is called \"flask\""]),
            ("object:0x10", &["no object of the dump lies at 0x10"]),
            ("object:#999999999", &["object 999999999 of"]),
        ] {
            let ended = run(environment.heapsake().arg("inspect").arg(&dump).arg(path));
            is_one_message(&ended, 1, told, &format!("{path:?} in {}", environment.version));
        }
        let ended = run(environment.heapsake().args(["stack", "--thread", "Worker"]).arg(&dump));
        is_one_message(&ended, 1, &["no thread is called \"Worker\""], "stack --thread");
        let ended = run(environment.python().args(["-m", "heapsake", "debug", "--thread", "Worker"]).arg(&dump));
        is_one_message(&ended, 1, &["no thread Worker", "MainThread"], "debug --thread");
        std::fs::remove_file(dump).expect("the dump");
    }
}

#[test]
fn a_cut_file_opens_up_to_the_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = minors();
    let environment = environments.last().expect("an environment");
    let whole = std::fs::read(dump(environment, folder.path())).expect("the dump");
    let first_line = whole.iter().position(|byte| *byte == b'\n').expect("a first line") + 1;
    let cuts = [
        first_line,
        first_line + 20,
        whole.len() / 8,
        whole.len() / 4,
        whole.len() / 2,
        whole.len() - whole.len() / 10,
        whole.len() - 1,
    ];
    let code = "import heapsake, sys\nd = heapsake.load(sys.argv[1])\nprint(len(d.faults) > 0, [f.function for t in d.threads for f in t.frames])";
    let mut with_stack = 0;
    for cut in cuts {
        let path = folder.path().join(format!("cut-at-{cut}.heapsake"));
        std::fs::write(&path, &whole[..cut]).expect("a file");
        for arguments in [vec![], vec!["stack"], vec!["check"]] {
            let ended = run(environment.heapsake().args(&arguments).arg(&path));
            assert_eq!(ended.status.code(), Some(1), "{arguments:?} cut at {cut}: {}{}", ended.out, ended.err);
            assert!(!ended.err.contains("panicked") && !ended.err.contains("Traceback"), "{}", ended.err);
        }
        let opener = &environments[cut % environments.len()];
        let said = run(opener.python().args(["-c", code]).arg(&path)).success("heapsake.load");
        assert!(said.starts_with("True "), "a cut at {cut} is no fault: {said}");
        with_stack += usize::from(said.contains("['<module>', 'main', 'wait']"));
    }
    assert!(with_stack >= 4, "the stack is in {with_stack} of {} cut files", cuts.len());
}
