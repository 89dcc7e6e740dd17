//! pdb, ipdb, IPython, pudb and stock debugpy, as PyPI has them, on dumps of other versions of Python: each of the versions that
//! there are opens them, by scripts, on terminals with keys typed, and through debugpy's own protocol.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use heapsake_tests::{file, in_parallel, no_problems, problems, run};

/// A Python with debuggers, and the dump of the program in it.
struct Opener {
    python: PathBuf,
    dump: PathBuf,
}

/// The openers, by version. The program's source is gone, and that of its module is another one, before any dump is opened.
fn openers() -> &'static [Opener] {
    static OPENERS: OnceLock<(tempfile::TempDir, Vec<Opener>)> = OnceLock::new();
    let made = OPENERS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let listed = std::env::var_os("HEAPSAKE_TEST_DEBUGGERS").filter(|listed| !listed.is_empty());
        assert!(listed.is_some() || std::env::var_os("CI").is_none(), "in CI the environments with debuggers must be there");
        if listed.is_none() {
            println!("not tested: debuggers: HEAPSAKE_TEST_DEBUGGERS is not set (cargo xtask test sets it where it can)");
        }
        let pythons: Vec<PathBuf> = listed.iter().flat_map(std::env::split_paths).collect();
        let (program, aside) = (folder.path().join("program.py"), folder.path().join("aside.py"));
        let source = std::fs::read_to_string(file("programs/debuggers/aside.py")).expect("a file");
        std::fs::copy(file("programs/debuggers/program.py"), &program).expect("a copy");
        std::fs::write(&aside, &source).expect("a copy");
        let dumps = in_parallel(&pythons, |python| dumped(python, &program));
        std::fs::remove_file(&program).expect("it is there");
        std::fs::write(&aside, source.replace("    stop", "    # changed meanwhile\n    stop")).expect("it can be written");
        let openers = pythons.into_iter().zip(dumps).map(|(python, dump)| Opener { python, dump }).collect();
        (folder, openers)
    });
    &made.1
}

fn dumped(python: &Path, program: &Path) -> PathBuf {
    let version = python.ancestors().nth(2).and_then(Path::file_name).expect("a folder of a version").to_string_lossy();
    let dump = program.with_file_name(format!("{version}.heapsake"));
    let ended = run(Command::new(python).args(["-m", "heapsake", "run", "-o"]).arg(&dump).arg(program));
    assert!(dump.is_file(), "{}: no dump: {}", python.display(), ended.err);
    dump
}

/// Runs a script of `programs/debuggers` in an opener; gives what it checked and its problems.
fn checked(opener: &Opener, script: &str, arguments: &[&str], dumps: &[&PathBuf]) -> (u64, Vec<String>) {
    let mut command = Command::new(&opener.python);
    command.arg(file("programs/debuggers").join(script)).args(arguments).args(dumps);
    let ended = run(&mut command);
    let place = format!("{} {script} {}", opener.python.display(), arguments.join(" "));
    let count = ended.out.lines().find_map(|line| line.strip_prefix("checked ")?.parse().ok());
    let mut found: Vec<String> = problems(&ended.out).into_iter().map(|problem| format!("{place}: {problem}")).collect();
    if count.is_none() {
        found.push(format!("{place}: ended with {}:\n{}\n{}", ended.status, ended.out, ended.err));
    }
    (count.unwrap_or(0), found)
}

/// The dumps that an opener is given: of the next version, and of the oldest and the newest.
fn others(openers: &[Opener], at: usize) -> Vec<&PathBuf> {
    let mut places = vec![(at + 1) % openers.len(), 0, openers.len() - 1];
    places.sort_unstable();
    places.dedup();
    places.into_iter().filter(|place| *place != at || openers.len() == 1).map(|place| &openers[place].dump).collect()
}

#[test]
fn pdb_and_ipdb_answer_a_script_on_dumps_of_other_versions() {
    let openers = openers();
    let cases: Vec<(usize, &str)> = (0..openers.len()).flat_map(|at| [(at, "pdb"), (at, "ipdb")]).collect();
    let results = in_parallel(&cases, |(at, name)| checked(&openers[*at], "scripted.py", &[name], &others(openers, *at)));
    println!("{} lines answered", results.iter().map(|(count, _)| count).sum::<u64>());
    no_problems(&results.into_iter().flat_map(|(_, found)| found).collect::<Vec<_>>());
}

#[test]
fn pdb_ipdb_ipython_and_pudb_show_a_dump_on_a_terminal() {
    let openers = openers();
    let names = ["pdb", "ipdb", "ipython", "pudb"];
    let cases: Vec<(usize, &str)> = (0..openers.len()).flat_map(|at| names.map(|name| (at, name))).collect();
    let results = in_parallel(&cases, |(at, name)| checked(&openers[*at], "terminal.py", &[name], &others(openers, *at)[..1]));
    no_problems(&results.into_iter().flat_map(|(_, found)| found).collect::<Vec<_>>());
}

#[test]
fn stock_debugpy_shows_the_dead_stacks() {
    let openers = openers();
    let cases: Vec<usize> = (0..openers.len()).collect();
    let results = in_parallel(&cases, |at| checked(&openers[*at], "puppet.py", &[], &others(openers, *at)[..1]));
    no_problems(&results.into_iter().flat_map(|(_, found)| found).collect::<Vec<_>>());
}

#[test]
fn a_notebook_shows_a_dump_and_debugs_it() {
    let openers = openers();
    let has_kernel = |at: &usize| {
        let asked = run(Command::new(&openers[*at].python).args(["-I", "-c", "import jupyter_client, ipykernel"]));
        asked.status.success()
    };
    let cases: Vec<usize> = (0..openers.len()).filter(has_kernel).collect();
    assert!(cases.len() == 2 || std::env::var_os("CI").is_none(), "two of the environments have a kernel: {cases:?}");
    let results = in_parallel(&cases, |at| checked(&openers[*at], "kernel.py", &[], &others(openers, *at)[..1]));
    println!("{} notebooks", cases.len());
    no_problems(&results.into_iter().flat_map(|(_, found)| found).collect::<Vec<_>>());
}
