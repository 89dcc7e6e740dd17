//! Patch releases and builds of CPython 3.14 and 3.15 of which there is no package: the collector in steps of 3.14.0 to 3.14.4,
//! builds without an interpreter lock, whose threads have instructions of their own. Dumped from outside, against what the
//! program says of itself.

use heapsake_tests::{Waiting, compared, environments, file, frozen, in_parallel, no_problems, problems, run};

#[test]
fn builds_without_a_package_are_read_to_the_last_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = environments();
    let opener = environments.last().expect("an environment");
    let interpreters = frozen();
    let results = in_parallel(&interpreters, |interpreter| {
        let name = &interpreter.version;
        let (dump, said) = (folder.path().join(format!("{name}.heapsake")), folder.path().join(format!("{name}.json")));
        let mut program = interpreter.python();
        let waiting = Waiting::start(program.arg(file("programs/self_description.py")).arg(&said));
        let mut command = opener.heapsake();
        let told = run(command.args(["dump", &waiting.pid(), "--redact", "none", "--all", "-o"]).arg(&dump)).success(name);
        waiting.release();
        let out = run(opener.python().arg(file("programs/compare.py")).arg(&dump).arg(&said)).success("the comparison");
        let [objects, found, of] = compared(&out);
        println!("{name}: {}; {objects} objects compared, {found} of {of} references", told.trim_end());
        let mut bad: Vec<String> = problems(&out).into_iter().map(|problem| format!("{name}: {problem}")).collect();
        if objects < 50_000 || found * 1000 < of * 999 {
            bad.push(format!("{name}: only {objects} objects and {found} of {of} references"));
        }
        // The stack, to the line, and who stands on it.
        let shown = run(opener.heapsake().arg("stack").arg(&dump)).success("heapsake stack");
        for (function, source) in [("main", "os.read(0, 1)"), ("<module>", "main()")] {
            let frame = format!("in {function}");
            let place = shown.lines().skip_while(|line| !line.ends_with(&frame)).nth(1).unwrap_or_default();
            if place.trim() != source {
                bad.push(format!("{name}: {function} stands at {place:?} and not at {source:?}:\n{shown}"));
            }
        }
        let facts = run(opener.heapsake().arg(&dump).arg("--json")).success("heapsake FILE");
        let facts: serde_json::Value = serde_json::from_str(&facts).expect("JSON");
        if facts["facts"]["python"] != **name {
            bad.push(format!("{name}: it is told as {}", facts["facts"]["python"]));
        }
        bad
    });
    no_problems(&results.concat());
}
