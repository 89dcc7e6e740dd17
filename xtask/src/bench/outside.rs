//! heapsake beside the other tools that look at a process from outside, on the same processes; the result goes to
//! `docs/outside.md`.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use serde_json::Value;

use super::table::{self, Conditions, duration, least, megabytes, spread};
use super::{Chosen, build, chosen, number, said};
use crate::test::{self, pip};

/// The tools that are measured beside it, at these versions, and what PyHeap needs.
const PEERS: [&str; 3] = ["pystack==1.7.2", "py-spy==0.4.3", "pyelftools==0.30"];
/// What each leaves or shows, in the order of the table.
const TOOLS: [(&str, &str); 7] = [
    ("heapsake dump PID", "every object with its values, all stacks"),
    ("gcore", "raw memory"),
    ("PyHeap", "the collector's objects, texts by `str()`, all stacks"),
    ("heapsake core", "of gcore's core: every object with its values, all stacks"),
    ("pystack core --locals", "of gcore's core: stacks, variables to 80 characters"),
    ("pystack remote --locals", "stacks, variables to 80 characters"),
    ("py-spy dump --locals", "stacks, variables as short texts"),
];

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The interpreter (default: a 3.11 that pyenv or PATH knows).
    #[arg(long)]
    python: Option<PathBuf>,
    /// Things that the programs hold, a quarter each lists of two, dicts of one, instances of two attributes and strings.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000, 5_000_000])]
    things: Vec<u64>,
    /// How often the quick tools run; PyHeap runs once.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A checkout of PyHeap (github.com/ivanyu/pyheap), which is no package. It needs a gdb that can call functions.
    #[arg(long)]
    pyheap: Option<PathBuf>,
    /// It runs on programs of at most so many things: it takes half a minute and more for a million.
    #[arg(long, default_value_t = 1_000_000)]
    pyheap_most: u64,
    /// Where the table goes.
    #[arg(long, default_value = "docs/outside.md")]
    output: PathBuf,
}

/// Measures, and writes the page.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    build(root)?;
    let interpreter = chosen(arguments.python.as_ref())?;
    let python = environment(root, &interpreter)?;
    let heapsake = root.join("target/release/heapsake");
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    // The tools run elsewhere.
    let pyheap = arguments.pyheap.as_ref().map(|path| path.canonicalize().with_context(|| path.display().to_string()));
    let pyheap = pyheap.transpose()?;
    let mut sizes = Vec::new();
    for count in &arguments.things {
        let (things, rounds) = (count.to_string(), arguments.rounds.to_string());
        let mut words: Vec<&OsStr> = vec![things.as_ref(), rounds.as_ref(), heapsake.as_os_str(), folder.path().as_os_str()];
        words.extend(pyheap.as_ref().filter(|_| *count <= arguments.pyheap_most).map(|path| path.as_os_str()));
        let text = said(root, &python, "inspectors.py", &words)?;
        let runs: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        for run in &runs {
            eprintln!("{things}: {run}");
        }
        sizes.push((things, runs));
    }
    if arguments.pyheap.is_none() {
        println!("not measured: PyHeap: --pyheap names a checkout");
    }
    let page = page(
        &sizes,
        &Conditions {
            command: format!("cargo xtask bench outside --things {} --rounds {}", joined(&arguments.things), arguments.rounds),
            seconds: started.elapsed().as_secs(),
            python: interpreter.name().to_owned(),
            runs: format!("{}, in turn; 1 of PyHeap", arguments.rounds),
        },
    )?;
    std::fs::write(root.join(&arguments.output), &page)?;
    println!("{page}");
    Ok(())
}

fn joined(things: &[u64]) -> String {
    things.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

/// The interpreter of a virtual environment with the peers.
fn environment(root: &Path, chosen: &Chosen) -> anyhow::Result<PathBuf> {
    let python = test::environment(&root.join("target/environments/outside").join(chosen.name()), chosen.binary()?)?;
    pip(&python, ["install", "--quiet", PEERS[0], PEERS[1], PEERS[2]])?;
    Ok(python)
}

/// The page: a table a size, and how the bars were met.
fn page(sizes: &[(String, Vec<Value>)], conditions: &Conditions) -> anyhow::Result<String> {
    let mut page = String::from(
        "# From outside, beside other tools\n\n\
         Written by `cargo xtask bench outside`; run it on a machine of your own and compare within a run only.\n\
         In each table all tools look at the same process: `benches/programs/living.py`, in which a thread beats every 2 ms and \
         notes when it was held up.\n",
    );
    let mut bars = String::from(
        "\n## The bars\n\n\
         | things | memory of the program | pause, told | bar: RSS / 3 GB/s + 50 ms | dump, s | memory of `dump` | bar: RSS + 10 % | \
         memory of `core` | of the core's size |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (things, runs) in sizes {
        writeln!(page, "\n## {things} things\n")?;
        table(&mut page, runs)?;
        bar(&mut bars, things, runs)?;
    }
    page.push_str(
        "\nThe least of the runs, and the median where they differ.\n\n\
         - *Held up*: the longest time that the beating thread did not run; what a user of the program would feel.\n\
         - *In all*: the sum of such times over 20 ms.\n\
         - *Memory*: the most that the tool and its children had of their own at once, looked at every 2 ms; pages of mapped files \
         do not count.\n\
         - *File*: what it takes on the disk.\n\
         - *Ran code*: how often the tool ran code of the program (`__str__`, `__dir__`, `__sizeof__` of one object).\n\
         - PyHeap runs on programs of up to as many things as `--pyheap-most` says. It has gdb call functions in the program at \
         its next entry into the interpreter, and waits for ever for a program that makes none: this one makes one each beat.\n",
    );
    page.push_str(&bars);
    write!(page, "\n## Conditions\n\n{}", table::conditions(conditions)?)?;
    Ok(page)
}

/// The runs of a tool that ended well.
fn of<'a>(runs: &'a [Value], tool: &str) -> Vec<&'a Value> {
    runs.iter().filter(|run| run["tool"] == tool && run["failed"].is_null()).collect()
}

fn figures(runs: &[&Value], name: &str) -> anyhow::Result<Vec<f64>> {
    runs.iter().filter(|run| !run[name].is_null()).map(|run| number(run, name)).collect()
}

fn table(page: &mut String, runs: &[Value]) -> anyhow::Result<()> {
    page.push_str(
        "| | what there is then | s | CPU s | held up | in all | memory | file | ran code |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (tool, what) in TOOLS {
        let found = of(runs, tool);
        if found.is_empty() {
            let failed = runs.iter().find(|run| run["tool"] == tool).and_then(|run| run["failed"].as_str());
            writeln!(page, "| {tool} | not measured: {} |{}", failed.unwrap_or("it was not run"), " – |".repeat(7))?;
            continue;
        }
        let figures = |name: &str, show: fn(f64) -> String| anyhow::Ok(spread(&figures(&found, name)?, show));
        // A core is read without the program.
        let of_program = |name: &str| if tool.contains(" core") { Ok("–".to_owned()) } else { figures(name, duration) };
        writeln!(
            page,
            "| {tool} | {what} | {} | {} | {} | {} | {} | {} | {} |",
            figures("wall", |value| format!("{value:.2}"))?,
            figures("cpu", |value| format!("{value:.2}"))?,
            of_program("gap")?,
            of_program("late")?,
            figures("peak", megabytes)?,
            figures("held", megabytes)?,
            figures("called", |value| value.to_string())?,
        )?;
    }
    Ok(())
}

fn bar(bars: &mut String, things: &str, runs: &[Value]) -> anyhow::Result<()> {
    let (live, core, gcore) = (of(runs, "heapsake dump PID"), of(runs, "heapsake core"), of(runs, "gcore"));
    let Some(first) = live.first() else {
        writeln!(bars, "| {things} |{}", " – |".repeat(8))?;
        return Ok(());
    };
    let resident = number(first, "resident")?;
    let (size, peak) = (figures(&gcore, "bytes")?, figures(&core, "peak")?);
    let share = if size.is_empty() || peak.is_empty() {
        "–".to_owned()
    } else {
        format!("{:.1} % of {}", least(&peak) / least(&size) * 100.0, spread(&size, megabytes))
    };
    writeln!(
        bars,
        "| {things} | {} | {} | {} | {} | {} | {} | {} | {share} |",
        megabytes(resident),
        spread(&figures(&live, "pause")?, duration),
        duration(resident / 3e9 + 0.05),
        spread(&figures(&live, "wall")?, |value| format!("{value:.2}")),
        spread(&figures(&live, "peak")?, megabytes),
        megabytes(resident * 1.1),
        spread(&peak, megabytes),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_has_a_line_and_one_that_failed_says_why() {
        let told = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let figures = r#""wall": 0.5, "cpu": 0.25, "peak": 2e7, "gap": 0.015, "late": 0, "called": 0, "resident": 3e8, "bytes": 4e8, "held": 3e6"#;
        let mut runs: Vec<Value> = ["gcore", "heapsake core", "heapsake dump PID"]
            .map(|tool| told(&format!(r#"{{"tool": "{tool}", {figures}, "pause": 0.012}}"#)))
            .into();
        runs.push(told(r#"{"tool": "PyHeap", "failed": "no gdb"}"#));
        let conditions = Conditions { command: "x".to_owned(), seconds: 1, python: "3.11.7".to_owned(), runs: "1".to_owned() };
        let page = page(&[("1000".to_owned(), runs)], &conditions).expect("a page");
        assert!(page.contains("| gcore | raw memory | 0.50 | 0.25 | 15.0 ms | 0.0 ms | 20.0 MB | 3.0 MB | 0 |"), "{page}");
        assert!(page.contains("| PyHeap | not measured: no gdb |"), "{page}");
        assert!(
            page.contains("| 1000 | 300.0 MB | 12.0 ms | 150.0 ms | 0.50 | 20.0 MB | 330.0 MB | 20.0 MB | 5.0 % of 400.0 MB |"),
            "{page}"
        );
    }
}
