//! Builds without an interpreter lock, dumped from inside: all threads stand still for the moment of the dump, and what a program
//! says of itself, reference by reference, is what its dump has.

use heapsake_tests::{compared, environments, file, in_parallel, no_problems, problems, run, without_a_lock};

#[test]
fn a_dump_from_inside_has_every_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = environments();
    let opener = environments.last().expect("an environment");
    let results = in_parallel(&without_a_lock(), |interpreter| {
        let name = &interpreter.version;
        let (dump, said) = (folder.path().join(format!("{name}.heapsake")), folder.path().join(format!("{name}.json")));
        let mut program = interpreter.python();
        run(program.arg(file("programs/self_description.py")).arg(&said).arg(&dump)).success(name);
        let out = run(opener.python().arg(file("programs/compare.py")).arg(&dump).arg(&said)).success("the comparison");
        let [objects, found, of] = compared(&out);
        println!("{name}: {objects} objects compared, {found} of {of} references");
        let mut bad: Vec<String> = problems(&out).into_iter().map(|problem| format!("{name}: {problem}")).collect();
        if objects < 50_000 || found * 1000 < of * 999 {
            bad.push(format!("{name}: only {objects} objects and {found} of {of} references"));
        }
        bad
    });
    no_problems(&results.concat());
}

#[test]
fn threads_that_run_at_once_are_caught_between_two_steps() {
    let folder = tempfile::tempdir().expect("a folder");
    for interpreter in without_a_lock() {
        let place = folder.path().join(&interpreter.version);
        std::fs::create_dir(&place).expect("a folder");
        let out = run(interpreter.python().arg(file("programs/free_threaded.py")).arg(&place)).success(&interpreter.version);
        println!("{}: {}", interpreter.version, out.trim());
        no_problems(&problems(&out));
        let checked = out.lines().find_map(|line| line.strip_prefix("checked ")?.split(' ').next()?.parse::<u64>().ok());
        assert!(checked.is_some_and(|checked| checked >= 36), "{}: {checked:?} threads were checked", interpreter.version);
    }
}
