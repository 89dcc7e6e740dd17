//! Random programs, run by every interpreter: a dump from inside and one from outside have what the program says of its
//! objects, and are near-isomorphic to each other; loaded and dumped
//! again it is the same, and rebuilt in Python it is what the program said.
//!
//! `HEAPSAKE_REAL_GRAPHS` says how many graphs each interpreter makes, in batches of one process, and `HEAPSAKE_REAL_SEED`
//! which; a failure names its seed and the smallest program that fails, of `HEAPSAKE_REAL_SHRINKING` that were tried.

use std::path::{Path, PathBuf};

use heapsake_core::Address;
use heapsake_loader::{Dump, isomorphism, open};
use heapsake_tests::model::dumped_again;
use heapsake_tests::programs::{Description, Graph, any_graph, differences, rebuilt_differences, source};
use heapsake_tests::{Environment, Waiting, file, in_parallel, minors, problems, run};
use proptest::prelude::{ProptestConfig, Strategy};
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// Graphs of one process.
const BATCH: u64 = 25;
/// Graphs of each interpreter where nothing else is asked for.
const FEW: u64 = 10;
/// Smaller graphs that are tried when one fails, where nothing else is asked for.
const SHRINKING: u64 = 100;

fn asked(name: &str, otherwise: impl FnOnce() -> u64) -> u64 {
    std::env::var(name).ok().map_or_else(otherwise, |number| number.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Where a dump from inside and one from outside are, of a program at one place, and what it said there.
struct Taken {
    said: PathBuf,
    inside: PathBuf,
    outside: PathBuf,
}

fn taken(target: &Environment, program: &Path, folder: &Path) -> Taken {
    let name = |what: &str| folder.join(format!("{}.{what}", target.version));
    let (said, inside, outside) = (name("json"), name("inside.heapsake"), name("outside.heapsake"));
    let mut command = target.python();
    command.arg(file("programs/graphs/run.py")).arg(program).arg(&said).arg(&inside);
    let waiting = Waiting::start(&mut command);
    let mut command = target.heapsake();
    run(command.args(["dump", &waiting.pid(), "--redact", "none", "-o"]).arg(&outside)).success("heapsake dump");
    waiting.release();
    Taken { said, inside, outside }
}

fn compared(target: &Environment, openers: &[Environment], program: &Path, folder: &Path) -> Vec<String> {
    let taken = taken(target, program, folder);
    let opened = |path: &Path| open(path).expect("a dump");
    let (said, inside, outside) = (Description::read(&taken.said), opened(&taken.inside), opened(&taken.outside));
    let mut bad = Vec::new();
    for (how, dump) in [("from inside", &inside), ("from outside", &outside)] {
        bad.extend(differences(&said, dump).into_iter().map(|one| format!("{} {how}: {one}", target.version)));
    }
    let root = |dump: &Dump| dump.object_at(said.root).map(|object| object.id());
    match (root(&inside), root(&outside)) {
        (Some(one), Some(other)) => {
            let report = isomorphism::compare_from(&inside, &outside, &[("GRAPHS".to_owned(), one, other)]);
            if !report.is_isomorphic() || report.guesses_that_differ > 0 {
                bad.push(format!("{}: from inside and from outside differ: {report}", target.version));
            }
            assert!(
                report.matched + 10 > said.rows.len() as u64,
                "{} of {} objects were compared",
                report.matched,
                said.rows.len()
            );
        }
        found => bad.push(format!("{}: the graphs are not in the dumps: {found:?}", target.version)),
    }
    let again = Dump::from_bytes(dumped_again(&outside)).expect("a dump");
    let report = isomorphism::compare(&outside, &again);
    let is_same = report.is_isomorphic() && report.guesses_that_differ + report.transient_that_differ == 0;
    if !is_same || report.matched != u64::from(outside.object_count()) {
        bad.push(format!("{}: loaded and dumped again it is another: {report}", target.version));
    }
    for opener in openers {
        let name = format!("{} rebuilt by {}", target.version, opener.version);
        bad.extend(rebuilt(&taken, &said, opener, folder).into_iter().map(|one| format!("{name}: {one}")));
    }
    bad
}

/// What is wrong with the graphs of a dump that an interpreter rebuilt.
fn rebuilt(taken: &Taken, said: &Description, opener: &Environment, folder: &Path) -> Vec<String> {
    let again = folder.join(format!("{}.{}.again.heapsake", taken.inside.display(), opener.version));
    let mut command = opener.python();
    command.arg(file("programs/graphs/rebuilt.py")).args([&taken.outside, &taken.said, &again]);
    let out = run(&mut command).success("the program that rebuilds");
    let mut bad = problems(&out);
    bad.extend(out.lines().filter_map(|line| line.strip_prefix("SURROGATES ")).map(|line| format!("surrogates: {line}")));
    let number = |what: &str| out.lines().find_map(|line| line.strip_prefix(what)?.trim().parse::<u64>().ok());
    let (Some(compared), Some(root)) = (number("compared "), number("root ")) else { panic!("{out}") };
    assert!(compared > 2, "{out}");
    let (differences, held) = rebuilt_differences(said, &open(&again).expect("a dump"), Address(root));
    assert!(held > 1, "nothing of the rebuilt graphs is in their dump");
    bad.extend(differences);
    bad
}

fn checked(graphs: &[Graph], targets: &[Environment]) -> Vec<(Environment, String)> {
    program_checked(&source(graphs), targets, 2)
}

/// What is wrong with dumps of a program, by interpreter; so many rebuild each: itself, and the next versions.
fn program_checked(source: &str, targets: &[Environment], openers: usize) -> Vec<(Environment, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program.py");
    std::fs::write(&program, source).expect("a program");
    let all = minors();
    let results = in_parallel(targets, |target| {
        let at = all.iter().position(|one| one.version == target.version).unwrap_or_default();
        let openers: Vec<Environment> = all.iter().cycle().skip(at).take(openers).cloned().collect();
        let bad = compared(target, &openers, &program, folder.path());
        bad.into_iter().map(|problem| (target.clone(), problem)).collect::<Vec<_>>()
    });
    results.concat()
}

/// The smallest graph like this one that still fails, and how, on an interpreter where it does.
fn shrunk(mut tree: impl ValueTree<Value = Graph>, target: &Environment) -> Option<(Graph, String)> {
    let fails = |graph: &Graph| {
        let bad = checked(std::slice::from_ref(graph), std::slice::from_ref(target));
        bad.into_iter().next().map(|(_, problem)| problem)
    };
    let mut smallest = tree.current();
    let mut problem = fails(&smallest)?;
    let mut goes_on = tree.simplify();
    for _ in 0..asked("HEAPSAKE_REAL_SHRINKING", || SHRINKING) {
        if !goes_on {
            break;
        }
        let graph = tree.current();
        goes_on = match fails(&graph) {
            Some(said) => {
                (smallest, problem) = (graph, said);
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    Some((smallest, problem))
}

/// Fails with a program as small as was found, which is kept for `programs/graphs/regressions`.
fn told(trees: Vec<impl ValueTree<Value = Graph>>, bad: &[(Environment, String)]) -> ! {
    let shown = bad.iter().take(12).map(|(_, problem)| problem.as_str()).collect::<Vec<_>>().join("\n");
    let target = &bad[0].0;
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real_graph.py");
    for tree in trees {
        if let Some((graph, problem)) = shrunk(tree, target) {
            let program = source(std::slice::from_ref(&graph));
            std::fs::write(&kept, &program).expect("the program is kept");
            panic!("{shown}\n\nthe smallest that fails, kept as {}: {problem}\n{program}", kept.display());
        }
    }
    panic!("{shown}\n\nno graph of the batch fails alone");
}

#[test]
fn dumps_of_random_programs_have_what_they_say_of_themselves() {
    let targets = minors();
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    let seed = asked("HEAPSAKE_REAL_SEED", now);
    println!("HEAPSAKE_REAL_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let strategy = any_graph();
    let mut left = asked("HEAPSAKE_REAL_GRAPHS", || FEW);
    while left > 0 {
        let count = left.min(BATCH);
        let trees: Vec<_> = (0..count).map(|_| strategy.new_tree(&mut runner).expect("a graph")).collect();
        let graphs: Vec<Graph> = trees.iter().map(|tree| tree.current()).collect();
        let bad = checked(&graphs, &targets);
        if !bad.is_empty() {
            told(trees, &bad);
        }
        left -= count;
    }
}

/// Programs that once failed.
#[test]
fn programs_that_once_failed_do_not_any_more() {
    let folder = std::fs::read_dir(file("programs/graphs/regressions")).expect("the folder");
    let mut programs: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    programs.sort();
    let targets = minors();
    let sources: Vec<String> = programs.iter().map(|path| std::fs::read_to_string(path).expect("a program")).collect();
    let bad = program_checked(&sources.concat(), &targets, 1);
    let shown: Vec<&str> = bad.iter().map(|(_, problem)| problem.as_str()).collect();
    assert!(bad.is_empty(), "{}", shown.join("\n"));
}
