//! CPython 3.14 and 3.15, as Debian's next release has them: dumped in every way, opened by them and by older ones, and held
//! against CPython's own reader of other processes.
//!
//! They are started by their own dynamic loader, so that `/proc/PID/exe` is no Python.

use std::path::PathBuf;

use heapsake_tests::rich::{dumps, opened};
use heapsake_tests::{Environment, Waiting, file, in_parallel, minors, newer, no_problems, problems, run};

/// The newest and the oldest of those that a version manager has.
fn ends() -> Vec<Environment> {
    let known = minors();
    [known.first(), known.last()].into_iter().flatten().cloned().collect()
}

#[test]
fn newer_dumps_are_opened_by_older_pythons_and_the_other_way_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let (newer, ends) = (newer(), if newer().is_empty() { Vec::new() } else { ends() });
    let all: Vec<&Environment> = newer.iter().chain(&ends).collect();
    let made = in_parallel(&all, |environment| dumps(environment, folder.path()));
    // What older ones make of each other's is tested elsewhere.
    let is_new = |index: usize| index < newer.len();
    let pairs: Vec<(&Environment, &Vec<(&str, PathBuf)>)> = all
        .iter()
        .enumerate()
        .flat_map(|(opener, environment)| {
            let made = made.iter().enumerate().filter(move |(maker, _)| is_new(opener) || is_new(*maker));
            made.map(move |(_, dumps)| (*environment, dumps))
        })
        .collect();
    let results = in_parallel(&pairs, |(opener, dumps)| opened(opener, dumps));
    let checked: u64 = results.iter().map(|(checked, _)| checked).sum();
    println!("{} pairs, {checked} facts checked", pairs.len());
    assert!(checked > 400 * pairs.len() as u64 || pairs.is_empty(), "only {checked} facts were checked");
    no_problems(&results.into_iter().flat_map(|(_, found)| found).collect::<Vec<_>>());
}

#[test]
fn stacks_tasks_and_what_is_new_are_as_cpython_reads_them_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    for environment in newer() {
        let dump = folder.path().join(format!("{}.heapsake", environment.version));
        let program = file("programs/newer.py");
        let waiting = Waiting::start(environment.python().arg(&program).arg("wait"));
        let executable = std::fs::read_link(format!("/proc/{}/exe", waiting.pid())).expect("a process");
        assert!(executable.ends_with("ld-linux-x86-64.so.2"), "{}", executable.display());
        run(environment.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&dump)).success("heapsake dump");
        let mut command = environment.python();
        let out = run(command.arg(file("programs/unwinder.py")).arg(waiting.pid()).arg(&dump)).success("the comparison");
        waiting.release();
        no_problems(&problems(&out));
        for opener in newer().iter().chain(&ends()) {
            let out = run(opener.python().arg(&program).arg("open").arg(&dump)).success("the opener");
            no_problems(&problems(&out));
            println!("{} opened by {}: {}", environment.version, opener.version, out.trim());
        }
        let compared = out.lines().find_map(|line| line.strip_prefix("compared ")?.parse::<u64>().ok());
        println!("{}: {compared:?} frames and tasks compared", environment.version);
        assert!(compared.is_some_and(|compared| compared > 20), "{}: only {compared:?} were compared", environment.version);
    }
}
