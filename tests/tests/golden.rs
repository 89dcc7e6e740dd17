//! The golden dumps, which were made once by each minor release: what was in them is in them for ever, for every opener.

use std::path::PathBuf;

use heapsake_tests::{environments, file, in_parallel, no_problems, problems, run};

fn golden() -> Vec<PathBuf> {
    (8..=13).map(|minor| file(&format!("golden/3.{minor}.heapsake"))).collect()
}

#[test]
fn what_was_in_a_golden_dump_is_in_it_for_ever() {
    let results = in_parallel(&environments(), |opener| {
        let out = run(opener.python().arg(file("golden/open.py")).args(golden()).current_dir("/")).success("the opener");
        assert!(out.contains("checked 138\n"), "opened by {}: {out}", opener.version);
        problems(&out).into_iter().map(|problem| format!("opened by {}: {problem}", opener.version)).collect::<Vec<_>>()
    });
    no_problems(&results.concat());
}

#[test]
fn golden_dumps_are_whole_and_small() {
    let environments = environments();
    let opener = environments.last().expect("an environment");
    for dump in golden() {
        let size = std::fs::metadata(&dump)
            .unwrap_or_else(|problem| panic!("{}: {problem}; `cargo xtask golden` makes it", dump.display()))
            .len();
        assert!(size < 150_000, "{} has {size} bytes", dump.display());
        let out = run(opener.heapsake().arg("check").arg(&dump)).success("heapsake check");
        assert!(out.contains("no faults"), "{out}");
        let stack =
            run(opener.heapsake().args(["inspect"]).arg(&dump).arg("fleet[\"Aurore\"].cargo[0].weight")).success("inspect");
        assert!(stack.starts_with("12\n"), "{stack}");
    }
}
