//! Arrays and frames against what NumPy and pandas say of them, for NumPy 1 and 2, opened where neither is installed.

use std::path::PathBuf;
use std::process::Command;

use heapsake_tests::{environments, file, no_problems, problems, run};

const PROGRAMS: [&str; 2] = ["numeric1", "numeric2"];
/// A cell of what `arrays.py` holds, by the command.
const CELLS: [(&str, &str); 7] = [
    ("arrays[\"grid\"][3,4]", "22"),
    ("arrays[\"view\"][1][1]", "14"),
    ("arrays[\"reversed\"][0,0]", "23"),
    ("arrays[\"nested\"][0].p.f", "2.5"),
    ("tables[\"mixed\"][\"texts\"][3]", "'d'"),
    ("tables[\"mixed\"][\"kinds\"][1]", "'v'"),
    ("series[\"by label\"][\"y\"]", "2"),
];

/// The environments with NumPy; none, and a word about it, where they could not be made.
fn base() -> Option<PathBuf> {
    let base = std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from);
    if base.is_none() {
        assert!(std::env::var_os("CI").is_none(), "in CI the programs from PyPI must be there: PyPI could not be reached");
        println!("not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it where PyPI can be reached)");
    }
    base
}

#[test]
fn t13_a_big_extension_module_is_dumped_as_it_is() {
    let Some(base) = base() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut found = Vec::new();
    for name in PROGRAMS {
        let (dump, said) = (folder.path().join(format!("{name}.heapsake")), folder.path().join(format!("{name}.json")));
        let mut program = Command::new(base.join(name).join("bin/python"));
        run(program.arg(file("programs/numeric/lazy.py")).arg(&dump).arg(&said)).success(name);
        for opener in environments() {
            let mut command = opener.python();
            let out = run(command.arg(file("programs/numeric/lazy_compare.py")).arg(&dump).arg(&said)).success("the comparison");
            let place = format!("{name} opened by {}", opener.version);
            found.extend(problems(&out).into_iter().map(|problem| format!("{place}: {problem}")));
            let compared = out.lines().find_map(|line| line.strip_prefix("compared ")?.parse::<u32>().ok());
            if compared.is_none_or(|compared| compared < 100) {
                found.push(format!("{place}: {compared:?} names"));
            }
        }
    }
    no_problems(&found);
}

#[test]
fn arrays_and_frames_are_what_their_library_says() {
    let Some(base) = base() else { return };
    let environments = environments();
    let folder = tempfile::tempdir().expect("a folder");
    let mut found = Vec::new();
    for name in PROGRAMS {
        let python = base.join(name).join("bin/python");
        let (dump, said) = (folder.path().join(format!("{name}.heapsake")), folder.path().join(format!("{name}.json")));
        run(Command::new(&python).arg(file("programs/numeric/arrays.py")).arg(&said).arg(&dump)).success(name);
        for opener in [environments.first(), environments.last()].into_iter().flatten() {
            let mut command = opener.python();
            let out = run(command.arg(file("programs/numeric/compare.py")).arg(&dump).arg(&said)).success("the comparison");
            let compared: usize =
                out.lines().find_map(|line| line.strip_prefix("compared ")?.parse().ok()).expect("how much was compared");
            println!("{name} opened by {}: {compared} facts", opener.version);
            let place = format!("{name} opened by {}", opener.version);
            found.extend(problems(&out).into_iter().map(|problem| format!("{place}: {problem}")));
            if compared < 900 {
                found.push(format!("{place}: only {compared} facts"));
            }
            for (path, expected) in CELLS {
                let ended = run(opener.heapsake().arg("inspect").arg(&dump).arg(format!("frame:-1/{path}")));
                if ended.out.lines().next() != Some(expected) {
                    found.push(format!("{place}: {path} is {:?}, not {expected}\n{}", ended.out, ended.err));
                }
            }
        }
    }
    no_problems(&found);
}
