//! `cargo xtask seed`: the page `docs/seed.md`, which tests cover the acceptance cases of heapsake's predecessors.
//!
//! A test covers a case when its name begins with the case's: `fn t12_…` in Rust, `def test_t12_…` in Python. A case without a
//! test says why in the table; one that has a test says nothing there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::tidy;

/// The table of cases: id, what is expected, and why there is no test yet.
const TABLE: &str = "tests/seed/cases.md";
const PAGE: &str = "docs/seed.md";
/// How the last column begins of a case that has no test.
const MISSING: &str = "no test: ";
/// Letters that ids begin with, and what the cases are about, in the order of the page.
const GROUPS: &[(char, &str)] =
    &[('C', "Capture"), ('V', "Values"), ('L', "Loading"), ('T', "The predecessors' own tests"), ('S', "Tasklets and greenlets")];
const HEAD: &str = "# Acceptance cases

heapsake carries on pyheapdump and sPickle.
This is what it must do better than they did, what their own tests asked of them, and the tests that show it.
The table of cases is `tests/seed/cases.md`; `cargo xtask seed` writes this page.
";

/// Options of `cargo xtask seed`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare with the page instead of writing it; exit 1 if they differ.
    #[arg(long)]
    check: bool,
}

/// A row of the table.
#[derive(Debug, PartialEq)]
struct Case {
    id: String,
    expected: String,
    missing: Option<String>,
}

/// Of each id the tests, each with its file.
type Tests = BTreeMap<String, Vec<(String, String)>>;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    let cases = parse(&fs::read_to_string(root.join(TABLE)).context(TABLE)?)?;
    let mut tests = Tests::new();
    scan(&root, &root, &mut tests)?;
    let problems = problems(&cases, &tests);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    let (page, path) = (page(&cases, &tests), root.join(PAGE));
    if !arguments.check {
        return fs::write(&path, page).context(PAGE);
    }
    match fs::read_to_string(&path) {
        Ok(there) if there == page => Ok(()),
        _ => bail!("{PAGE} is not what the table and the tests say\nhint: cargo xtask seed"),
    }
}

fn parse(text: &str) -> anyhow::Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else { continue };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [id, expected, last] = cells[..] else { bail!("{TABLE}, line {}: three columns are expected", number + 1) };
        if id == "id" || id.starts_with('-') {
            continue;
        }
        let missing = match last.strip_prefix(MISSING) {
            Some(why) => Some(why.to_owned()),
            None if last.is_empty() => None,
            None => bail!("{TABLE}, line {}: the last column is empty, or begins with {MISSING:?}", number + 1),
        };
        if case_of(&format!("{}_", id.to_lowercase())).as_deref() != Some(id) || expected.is_empty() {
            bail!("{TABLE}, line {}: {id:?} is no id with words", number + 1);
        }
        if cases.iter().any(|case| case.id == id) {
            bail!("{TABLE}, line {}: {id} is there twice", number + 1);
        }
        cases.push(Case { id: id.to_owned(), expected: expected.to_owned(), missing });
    }
    Ok(cases)
}

/// The id that the name of a test begins with.
fn case_of(name: &str) -> Option<String> {
    let (word, _) = name.split_once('_')?;
    let letter = word.chars().next()?.to_ascii_uppercase();
    let digits = word.get(1..)?;
    let is_id = word.starts_with(|first: char| first.is_ascii_lowercase())
        && GROUPS.iter().any(|(known, _)| *known == letter)
        && !digits.is_empty()
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| format!("{letter}{digits}"))
}

/// The tests in the files below a folder.
fn scan(root: &Path, folder: &Path, tests: &mut Tests) -> anyhow::Result<()> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                scan(root, &path, tests)?;
            }
            continue;
        }
        let names = match path.extension().and_then(|ending| ending.to_str()) {
            Some("rs") => rust_tests(&fs::read_to_string(&path)?),
            Some("py") if name.starts_with("test_") => python_tests(&fs::read_to_string(&path)?),
            _ => continue,
        };
        let file = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        for test in names {
            if let Some(id) = case_of(test.strip_prefix("test_").unwrap_or(&test)) {
                tests.entry(id).or_default().push((file.clone(), test));
            }
        }
    }
    Ok(())
}

/// Names of functions that are marked as tests, and not ignored.
fn rust_tests(text: &str) -> Vec<String> {
    let (mut found, mut marked, mut ignored) = (Vec::new(), false, false);
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if line.starts_with("#[ignore") {
            ignored = true;
        } else if let Some(rest) = line.strip_prefix("fn ") {
            if marked && !ignored {
                found.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
            }
            (marked, ignored) = (false, false);
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            (marked, ignored) = (false, false);
        }
    }
    found
}

/// Names of methods that `unittest` runs.
fn python_tests(text: &str) -> Vec<String> {
    let methods = text.lines().filter_map(|line| line.strip_prefix("    def test_"));
    methods.filter_map(|rest| Some(format!("test_{}", rest.split_once('(')?.0))).collect()
}

fn problems(cases: &[Case], tests: &Tests) -> Vec<String> {
    let mut found = Vec::new();
    for case in cases {
        match (&case.missing, tests.get(&case.id)) {
            (None, None) => found.push(format!("{} has no test", case.id)),
            (Some(_), Some(tests)) => {
                found.push(format!("{} has a test, {}: take {MISSING:?} out of {TABLE}", case.id, tests[0].1));
            }
            _ => {}
        }
    }
    for (id, tests) in tests {
        if !cases.iter().any(|case| case.id == *id) {
            found.push(format!("{} in {} names a case that {TABLE} does not know", tests[0].1, tests[0].0));
        }
    }
    found
}

fn page(cases: &[Case], tests: &Tests) -> String {
    let mut page = HEAD.to_owned();
    for (letter, title) in GROUPS {
        let rows: Vec<&Case> = cases.iter().filter(|case| case.id.starts_with(*letter)).collect();
        if rows.is_empty() {
            continue;
        }
        let covered = rows.iter().filter(|case| case.missing.is_none()).count();
        let _ = write!(
            page,
            "\n## {title}\n\n{covered} of {} have tests.\n\n| case | expected | tests |\n|---|---|---|\n",
            rows.len()
        );
        for case in rows {
            let told = match &case.missing {
                Some(why) => format!("none: {why}"),
                None => by_file(tests.get(&case.id).map_or(&[], Vec::as_slice)),
            };
            let _ = writeln!(page, "| {} | {} | {told} |", case.id, case.expected);
        }
    }
    page
}

/// The tests of one case, those of a file together.
fn by_file(tests: &[(String, String)]) -> String {
    let mut files: Vec<(&str, Vec<String>)> = Vec::new();
    for (file, test) in tests {
        match files.last_mut() {
            Some((known, names)) if known == file => names.push(format!("`{test}`")),
            _ => files.push((file, vec![format!("`{test}`")])),
        }
    }
    let told: Vec<String> = files.into_iter().map(|(file, names)| format!("{file}: {}", names.join(", "))).collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Vec<Case> {
        parse(&format!("# Cases\n\n| id | expected | |\n|---|---|---|\n{rows}")).expect("a table")
    }

    #[test]
    fn what_a_name_says() {
        assert_eq!(case_of("t12_path_function").as_deref(), Some("T12"));
        for name in ["t12", "T12_path", "x1_other", "t_12", "t012_zero", "t1x_word", "table_1"] {
            assert_eq!(case_of(name), None, "{name}");
        }
    }

    #[test]
    fn tests_are_found_where_they_run() {
        let rust = "#[test]\nfn t1_one() {}\nfn t2_no_test() {}\n#[test]\n#[ignore = \"slow\"]\nfn t3_ignored() {}\n#[test]\n// why\nfn t4_four() {}\n";
        assert_eq!(rust_tests(rust), ["t1_one", "t4_four"]);
        let python =
            "class A(TestCase):\n    def test_t5_five(self):\n        pass\n    def t6_no(self):\ndef test_t7_no_method():\n";
        assert_eq!(python_tests(python), ["test_t5_five"]);
    }

    #[test]
    fn every_case_has_a_test_or_a_reason_and_no_test_is_lost() {
        let cases = table("| T1 | one |  |\n| T2 | two |  |\n| T3 | three | no test: later |\n| T4 | four | no test: later |\n");
        let one = |name: &str| vec![("file.py".to_owned(), name.to_owned())];
        let tests = Tests::from([
            ("T1".to_owned(), one("test_t1_one")),
            ("T3".to_owned(), one("test_t3_three")),
            ("T9".to_owned(), one("test_t9_nine")),
        ]);
        let found = problems(&cases, &tests);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("T2 has no test"), "{found:?}");
        assert!(found[1].starts_with("T3 has a test, test_t3_three"), "{found:?}");
        assert!(found[2].starts_with("test_t9_nine in file.py"), "{found:?}");
    }

    #[test]
    fn a_row_that_is_none_is_refused() {
        for rows in ["| T1 | one |\n", "| T1 | one | perhaps |\n", "| 1T | one |  |\n", "| T1 | one |  |\n| T1 | again |  |\n"] {
            assert!(parse(rows).is_err(), "{rows}");
        }
    }
}
