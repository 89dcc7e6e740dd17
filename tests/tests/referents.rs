//! References of C types in a dump against what `gc.get_referents` gives: the standard library in every interpreter, and some
//! packages that other tests need too. `docs/referents.md` has the table with many more.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use heapsake_tests::{Waiting, environments, file, in_parallel, newer, no_problems, run};

/// What each environment with packages from PyPI holds of them.
const PACKAGES: [(&str, &[&str]); 3] =
    [("numeric1", &["numpy", "pandas"]), ("numeric2", &["numpy", "pandas"]), ("concurrency-3.13", &["gevent"])];
/// The least share of the references of unknown types, in percent.
const UNKNOWN: u64 = 97;

struct Job {
    name: String,
    home: PathBuf,
    programs: &'static [&'static str],
}

fn jobs() -> Vec<Job> {
    let bin = |python: &PathBuf| python.parent().expect("a folder").to_owned();
    let mut jobs: Vec<Job> = environments()
        .iter()
        .chain(&newer())
        .map(|one| Job { name: one.version.clone(), home: bin(&one.python), programs: &["zoo"] })
        .collect();
    match std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from) {
        Some(base) => {
            for (name, programs) in PACKAGES {
                let home = base.join(name).join("bin");
                if home.is_dir() {
                    jobs.push(Job { name: name.into(), home, programs });
                } else {
                    assert!(std::env::var_os("CI").is_none(), "in CI {name} must be there");
                    println!("not tested: {name}, which was not found");
                }
            }
        }
        None => {
            assert!(std::env::var_os("CI").is_none(), "in CI the programs from PyPI must be there: PyPI could not be reached");
            println!(
                "packages are not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it where PyPI can be reached)"
            );
        }
    }
    jobs
}

/// What was counted: a JSON object a line, of which the tests need these.
struct Share {
    is_known: bool,
    edges: u64,
    found: u64,
    line: String,
}

impl Share {
    fn parse(line: &str) -> Share {
        let value: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).expect("a JSON object");
        let text = |name: &str| value[name].as_str().expect("a text").to_owned();
        let number = |name: &str| value[name].as_u64().expect("a number");
        let origin = text("origin");
        Share {
            is_known: origin != "conservative" && !origin.starts_with("base "),
            edges: number("edges"),
            found: number("found"),
            line: line.to_owned(),
        }
    }
}

#[test]
fn objects_of_c_types_have_the_references_that_the_collector_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    let jobs = jobs();
    let results = in_parallel(&jobs, |job| {
        let (said, dump) =
            (folder.path().join(format!("{}.json", job.name)), folder.path().join(format!("{}.heapsake", job.name)));
        let mut program = Command::new(job.home.join("python"));
        let waiting = Waiting::start(program.arg("-B").arg(file("programs/referents/target.py")).arg(&said).args(job.programs));
        let mut command = Command::new(job.home.join("heapsake"));
        run(command.args(["dump", &waiting.pid(), "--redact", "none", "-o"]).arg(&dump)).success("heapsake dump");
        waiting.release();
        let mut comparison = Command::new(job.home.join("python"));
        comparison.args(["-I", "-B"]).arg(file("programs/referents/compare.py")).arg(&dump).arg(&said);
        let shares: Vec<Share> = run(&mut comparison).success("the comparison").lines().map(Share::parse).collect();
        let sum = |is_known: bool| {
            let these = shares.iter().filter(|share| share.is_known == is_known);
            these.fold((0, 0, 0), |sum, share| (sum.0 + 1, sum.1 + share.found, sum.2 + share.edges))
        };
        let ((known, ..), (unknown, found, of)) = (sum(true), sum(false));
        println!("{}: {known} known types {:?}, {unknown} unknown ones {found} of {of}", job.name, sum(true));
        let lacks = |share: &&Share| share.found < share.edges;
        let mut bad: Vec<String> = Vec::new();
        for share in shares.iter().filter(|share| share.is_known).filter(lacks) {
            bad.push(format!("{}: a known type lacks references: {}", job.name, share.line));
        }
        if known < 60 || unknown < 15 {
            bad.push(format!("{}: only {known} known types and {unknown} unknown ones", job.name));
        }
        if found * 100 < of * UNKNOWN {
            let which: Vec<&str> =
                shares.iter().filter(|share| !share.is_known).filter(lacks).map(|share| &*share.line).collect();
            bad.push(format!("{}: {found} of {of} references of unknown types:\n    {}", job.name, which.join("\n    ")));
        }
        bad
    });
    no_problems(&results.concat());
}
