//! `docs/referents.md`: the table of types, with its conditions.

use std::collections::BTreeMap;
use std::fmt::Write;

use heapsake_core::reduce::Registry;
use heapsake_greenlet as _;
use heapsake_numpy as _;
use heapsake_reducers as _;

use super::{Counted, Share};

/// Shares that are aimed at, in percent: of types that are known, and of those that are scanned.
const GOALS: [u64; 2] = [100, 97];

/// What was counted of one type.
#[derive(Default)]
struct Row {
    package: &'static str,
    told_by: String,
    is_known: bool,
    objects: u64,
    absent: u64,
    edges: u64,
    further: u64,
    wrong: u64,
    /// References found, and all of them, by minor release.
    found: BTreeMap<u8, [u64; 2]>,
    lost: BTreeMap<String, u64>,
}

impl Row {
    fn add(&mut self, minor: u8, share: &Share) {
        self.objects += share.objects;
        self.absent += share.absent;
        self.edges += share.edges;
        self.further += share.further;
        self.wrong += share.wrong;
        let found = self.found.entry(minor).or_default();
        found[0] += share.found;
        found[1] += share.edges;
        for (name, count) in &share.lost {
            *self.lost.entry(name.clone()).or_default() += count;
        }
    }

    fn sum(&self) -> [u64; 2] {
        self.found.values().fold([0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    }
}

/// Whether the content is known, and what knows it.
fn told_by(registry: &Registry, share: &Share) -> (bool, String) {
    match share.origin.as_str() {
        "conservative" => (false, "scan".into()),
        origin if origin.starts_with("base ") => (false, format!("{}, scan", origin.replacen("base ", "`", 1) + "`")),
        "exact" => (true, "engine".into()),
        "members" => (true, "declared members".into()),
        _ => {
            let found = registry.find(share.bases.iter().map(String::as_str));
            let file = found.map_or_else(|| share.origin.clone(), |found| format!("`{}`", found.file));
            (true, file.replace("src/", ""))
        }
    }
}

/// The name of a type as the table has it: Cython's own types have the release of Cython in their names.
fn named(share: &Share) -> String {
    let module = match share.module.as_str() {
        module if module.starts_with("_cython_") => "_cython",
        module => module,
    };
    if module == "builtins" { share.name.clone() } else { format!("{module}.{}", share.name) }
}

/// In percent, rounded down, so that only what is whole is 100.
fn percent([found, of]: [u64; 2]) -> String {
    match (found * 1000).checked_div(of) {
        None => "—".into(),
        Some(1000) => "100".into(),
        Some(thousandths) => format!("{}.{}", thousandths / 10, thousandths % 10),
    }
}

/// The page.
pub(super) fn page(versions: &[(String, Vec<String>)], counted: &[Counted]) -> anyhow::Result<String> {
    let registry = Registry::linked().map_err(|duplicate| anyhow::anyhow!("{duplicate}"))?;
    let mut rows: BTreeMap<(bool, String), Row> = BTreeMap::new();
    for one in counted {
        for share in one.shares.iter().filter(|share| !share.origin.is_empty()) {
            let (is_known, told_by) = told_by(&registry, share);
            let row = rows.entry((!is_known, named(share))).or_default();
            if row.package.is_empty() {
                *row = Row { package: one.package, told_by, is_known, ..Row::default() };
            }
            row.add(one.minor, share);
        }
    }
    let minors: Vec<u8> =
        rows.values().flat_map(|row| row.found.keys().copied()).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    let mut page = String::from(include_str!("head.md"));
    for (version, packages) in versions {
        writeln!(page, "* CPython {version}: {}.", packages.join(", "))?;
    }
    summary(&mut page, &rows, &minors)?;
    table(&mut page, &rows, &minors)?;
    Ok(page)
}

type Rows = BTreeMap<(bool, String), Row>;

fn summary(page: &mut String, rows: &Rows, minors: &[u8]) -> anyhow::Result<()> {
    page.push_str("\n## All together\n\n| | types | objects | not in the dump | references |");
    minors.iter().try_for_each(|minor| write!(page, " 3.{minor} |"))?;
    page.push_str(" share, % | goal, % | guesses that are none |\n|---|--:|--:|--:|--:|");
    for _ in minors {
        page.push_str("--:|");
    }
    page.push_str("--:|--:|--:|\n");
    for (is_known, what, goal) in [(true, "known", GOALS[0]), (false, "unknown, scanned", GOALS[1])] {
        let these: Vec<&Row> = rows.values().filter(|row| row.is_known == is_known).collect();
        let all = |of: fn(&Row) -> u64| these.iter().map(|row| of(row)).sum::<u64>();
        let share = |minor: Option<u8>| {
            let one = |row: &&Row| minor.map_or(row.sum(), |minor| row.found.get(&minor).copied().unwrap_or_default());
            percent(these.iter().map(one).fold([0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]]))
        };
        let (objects, absent, edges, wrong) =
            (all(|row| row.objects), all(|row| row.absent), all(|row| row.edges), all(|row| row.wrong));
        write!(page, "| {what} | {} | {objects} | {absent} | {edges} |", these.len())?;
        minors.iter().try_for_each(|minor| write!(page, " {} |", share(Some(*minor))))?;
        writeln!(page, " {} | {goal} | {wrong} |", share(None))?;
    }
    page.push_str("\n## Below its goal\n\n");
    let below = |row: &&Row| row.sum()[0] * 100 < row.sum()[1] * if row.is_known { GOALS[0] } else { GOALS[1] };
    for ((_, name), row) in rows.iter().filter(|(_, row)| below(row)) {
        let lost: Vec<String> = row.lost.iter().map(|(name, count)| format!("{count} × `{name}`")).collect();
        writeln!(page, "* `{name}` ({}), {} %: without {}.", row.told_by, percent(row.sum()), lost.join(", "))?;
    }
    if !rows.values().any(|row| below(&row)) {
        page.push_str("No type.\n");
    }
    Ok(())
}

fn table(page: &mut String, rows: &Rows, minors: &[u8]) -> anyhow::Result<()> {
    page.push_str("\n## By type\n\n| type | package | told by | objects | not in the dump | references |");
    minors.iter().try_for_each(|minor| write!(page, " 3.{minor}, % |"))?;
    page.push_str(" further | guesses that are none |\n|---|---|---|--:|--:|--:|");
    for _ in minors {
        page.push_str("--:|");
    }
    page.push_str("--:|--:|\n");
    for ((_, name), row) in rows.iter().filter(|(_, row)| row.edges > 0) {
        write!(page, "| `{name}` | {} | {} | {} | {} | {} |", row.package, row.told_by, row.objects, row.absent, row.edges)?;
        minors.iter().try_for_each(|minor| write!(page, " {} |", percent(row.found.get(minor).copied().unwrap_or_default())))?;
        writeln!(page, " {} | {} |", row.further, row.wrong)?;
    }
    page.push_str("\n## Without references\n\nTypes whose objects refer to nothing that the collector knows, by what tells them; a number after one: guesses.\n\n");
    let mut without: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((_, name), row) in rows.iter().filter(|(_, row)| row.edges == 0) {
        let guesses = if row.wrong > 0 { format!(" {}", row.wrong) } else { String::new() };
        without.entry(&row.told_by).or_default().push(format!("`{name}`{guesses}"));
    }
    for (told_by, names) in without {
        writeln!(page, "* {told_by}: {}.", names.join(", "))?;
    }
    Ok(())
}
