//! Every version's dump opened by every version: values, identity, rebuilt objects, exceptions, tasks and a session of pdb.

use std::path::PathBuf;
use std::time::Instant;

use heapsake_tests::{Environment, Waiting, environments, file, in_parallel, minors, no_problems, problems, run};

/// The dumps of one interpreter, each with how it was made.
fn dumps(environment: &Environment, folder: &std::path::Path) -> Vec<(&'static str, PathBuf)> {
    let name = |how: &str| folder.join(format!("{}-{how}.heapsake", environment.version));
    let program = file("programs/rich.py");
    let (inside, outside, crash) = (name("inside"), name("outside"), name("run"));

    let ended = run(environment.python().arg(&program).arg("inside").arg(&inside));
    ended.success("the program that dumps itself");

    let waiting = Waiting::start(environment.python().arg(&program).arg("wait"));
    let ended = run(environment.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&outside));
    ended.success("heapsake dump");
    waiting.release();

    let ended = run(environment.heapsake().args(["run", "-o"]).arg(&crash).arg(&program).arg("crash"));
    assert_eq!(ended.status.code(), Some(1), "{}", ended.err);
    assert!(ended.err.contains("LedgerError: ('order cannot be booked', 17)"), "{}", ended.err);
    vec![("inside", inside), ("outside", outside), ("run", crash)]
}

#[test]
fn l8_every_version_opens_the_dumps_of_every_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = minors();
    let made = in_parallel(&environments, |environment| dumps(environment, folder.path()));
    let pairs: Vec<(&Environment, &Vec<(&str, PathBuf)>)> =
        environments.iter().flat_map(|opener| made.iter().map(move |dumps| (opener, dumps))).collect();
    let started = Instant::now();
    let results = in_parallel(&pairs, |(opener, dumps)| {
        // Nothing of the program is there, and nothing of it is looked for.
        opened(opener, dumps)
    });
    let checked: u64 = results.iter().map(|(checked, _)| checked).sum();
    println!("{} pairs, {checked} facts checked in {:?}", pairs.len(), started.elapsed());
    assert!(checked > 400 * pairs.len() as u64, "only {checked} facts were checked");
    no_problems(&results.into_iter().flat_map(|(_, found)| found).collect::<Vec<_>>());
}

/// Opens dumps in a Python that has nothing of the program; what was checked, and the problems.
fn opened(opener: &Environment, dumps: &[(&str, PathBuf)]) -> (u64, Vec<String>) {
    let mut command = opener.python();
    command.arg(file("programs/open_rich.py"));
    for (how, path) in dumps {
        command.arg(how).arg(path);
    }
    let out = run(command.current_dir("/")).success("the opener");
    let checked = out.lines().find_map(|line| line.strip_prefix("checked ")?.parse::<u64>().ok());
    let found = problems(&out).into_iter().map(|problem| format!("opened by {}: {problem}", opener.version));
    (checked.expect("how much was checked"), found.collect())
}

#[test]
fn t99_a_dump_of_another_patch_release_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = environments();
    let pairs: Vec<(&Environment, &Environment)> = environments
        .iter()
        .flat_map(|maker| environments.iter().map(move |opener| (maker, opener)))
        .filter(|(maker, opener)| maker.minor == opener.minor && maker.version != opener.version)
        .collect();
    if pairs.is_empty() {
        println!("not tested: no two patch releases of one version were found");
    }
    let mut found = Vec::new();
    for (maker, opener) in pairs {
        let (checked, problems) = opened(opener, &dumps(maker, folder.path()));
        println!("{} opened by {}: {checked} facts", maker.version, opener.version);
        assert!(checked > 400, "only {checked} facts were checked");
        found.extend(problems);
    }
    no_problems(&found);
}
