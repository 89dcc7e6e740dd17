//! `docs/benchmarks.md`: the table of a run; figures and conditions as all pages of benchmarks show them.

use std::fmt::Write;
use std::fs;

use anyhow::Context;
use serde_json::Value;

use super::number;

/// The figures of one tool, one of each run.
pub(crate) struct Row {
    what: &'static str,
    pub(crate) cpu: Vec<f64>,
    pub(crate) pause: Vec<f64>,
    pub(crate) extra: Vec<f64>,
    pub(crate) bytes: Vec<f64>,
    pub(crate) open_cpu: Vec<f64>,
    pub(crate) open_peak: Vec<f64>,
    resident: Vec<f64>,
}

impl Row {
    pub(crate) fn new(what: &'static str) -> Row {
        let none = Vec::new;
        Row {
            what,
            cpu: none(),
            pause: none(),
            extra: none(),
            bytes: none(),
            open_cpu: none(),
            open_peak: none(),
            resident: none(),
        }
    }

    pub(crate) fn add(&mut self, captured: &Value, opened: &Value) -> anyhow::Result<()> {
        self.cpu.push(number(captured, "cpu")?);
        self.pause.push(number(captured, "pause")?);
        self.extra.push(number(captured, "extra")?);
        self.bytes.push(number(captured, "bytes")?);
        self.resident.push(number(captured, "resident")?);
        self.open_cpu.push(number(opened, "cpu")?);
        self.open_peak.push(number(opened, "peak")?);
        Ok(())
    }
}

/// A run.
pub(crate) struct Run<'a> {
    pub(crate) python: &'a str,
    pub(crate) records: u64,
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    pub(crate) rows: &'a [Row],
    /// What dumping from outside told, each time.
    pub(crate) command_line: &'a [Value],
}

/// The page.
pub(crate) fn page(run: &Run<'_>) -> anyhow::Result<String> {
    let outside = run.command_line.first().context("no run")?;
    let resident = number(outside, "resident")?;
    let mut page = String::from(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench peers`; run it on a machine of your own and compare within a run only.\n\
         Every tool dumps the same program where it fails: `benches/programs/records.py`.\n\n\
         | | dump, CPU s | program stands still | extra memory | file | open to the stack, CPU s | memory of opening |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in run.rows {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.what,
            spread(&row.cpu, |value| format!("{value:.2}")),
            spread(&row.pause, duration),
            spread(&row.extra, megabytes),
            spread(&row.bytes, megabytes),
            spread(&row.open_cpu, |value| format!("{value:.3}")),
            spread(&row.open_peak, megabytes),
        )?;
    }
    let bound = resident / 3e9 + 0.05;
    write!(
        page,
        "\nThe least of the runs, and the median where they differ.\n\n\
         - *CPU*: user and system time of the process and its children; loading the tool itself is not counted.\n\
         - *Program stands still*: for heapsake, what the dump's header says (fork time from inside; frozen by ptrace from \
         outside); the other tools work in the program's own thread, so it is their whole time by the clock.\n\
         - *Extra memory*: the most that was resident beyond what was before, of the process or of a forked child, whose \
         pages shared with the program are not counted; from outside it is another process's, not the program's.\n\
         - *Open to the stack*: a fresh process opens the file and shows the frames with their variables (coredumpy, dill and \
         cloudpickle rebuild everything for that; the two picklers need the program's modules). The memory is all that was \
         resident at most, the interpreter included; from outside: of `heapsake stack`, no Python.\n\
         - The program holds {} objects in {:.0} MB of resident memory. The bar for the pause from outside, \
         RSS / 3 GB/s + 50 ms, is {:.0} ms for it.\n",
        number(outside, "objects")?,
        resident / 1e6,
        bound * 1e3,
    )?;
    let (mine, others) = run.rows.split_first().context("no tool")?;
    for other in others.iter().filter(|other| !other.extra.is_empty() && !mine.extra.is_empty()) {
        let times = |figure: fn(&Row) -> &Vec<f64>| least(figure(other)) / least(figure(mine));
        writeln!(
            page,
            "- Beside heapsake in the program, {}: {:.1} times the CPU to dump, {:.2} times the file, {:.1} times the extra \
             memory, {:.0} times the CPU to the first stack.",
            other.what.trim_matches('`'),
            times(|row| &row.cpu),
            times(|row| &row.bytes),
            times(|row| &row.extra),
            times(|row| &row.open_cpu),
        )?;
    }
    let conditions = conditions(&Conditions {
        command: format!("cargo xtask bench peers --records {} --rounds {}", run.records, run.rounds),
        seconds: run.seconds,
        python: run.python.to_owned(),
        runs: format!("{} of heapsake and cloudpickle, in turn; 1 of the others", run.rounds),
    })?;
    write!(page, "\n## Conditions\n\n{conditions}")?;
    Ok(page)
}

/// Under which figures were got.
pub(crate) struct Conditions {
    pub(crate) command: String,
    pub(crate) seconds: u64,
    pub(crate) python: String,
    pub(crate) runs: String,
}

/// The conditions as a table, with what the machine says of itself.
pub(crate) fn conditions(run: &Conditions) -> anyhow::Result<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let processor = field(&read("/proc/cpuinfo"), "model name");
    let memory: f64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = std::process::Command::new("date").arg("+%Y-%m-%d").output().map(|output| output.stdout).unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("?");
    let mut text = String::new();
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| date | {} |", String::from_utf8_lossy(&date).trim())?;
    writeln!(text, "| command | `{}` |", run.command)?;
    writeln!(text, "| took | {} s; load average at its end {load} |", run.seconds)?;
    writeln!(text, "| machine | {processor}, {cores} cores, {:.0} GB |", memory / 1e6)?;
    writeln!(text, "| system | Linux {} |", read("/proc/sys/kernel/osrelease").trim())?;
    writeln!(text, "| Python | {} |", run.python)?;
    writeln!(text, "| heapsake | {} |", env!("CARGO_PKG_VERSION"))?;
    writeln!(text, "| runs | {} |", run.runs)?;
    Ok(text)
}

/// The least of some figures, and the median where it is shown differently.
pub(crate) fn spread(values: &[f64], show: impl Fn(f64) -> String) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(median)) = (sorted.first(), sorted.get(sorted.len() / 2)) else { return "–".to_owned() };
    let (least, median) = (show(*least), show(*median));
    if least == median { least } else { format!("{least} ({median})") }
}

/// The least of some figures.
pub(crate) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// A size in bytes, in MB.
pub(crate) fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

/// A time in seconds, in the unit that suits it.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_least_and_the_median_where_it_differs() {
        assert_eq!(spread(&[], duration), "–");
        assert_eq!(spread(&[0.0021, 0.0014, 1.5], duration), "1.4 ms (2.1 ms)");
        assert_eq!(spread(&[2.5e6, 2.54e6], megabytes), "2.5 MB");
    }

    #[test]
    fn the_page_has_a_line_a_tool_and_compares_with_the_first() {
        let told = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let opened = told(r#"{"cpu": 0.5, "peak": 3e7}"#);
        let mut rows = [Row::new("first"), Row::new("second")];
        for (row, cpu) in rows.iter_mut().zip(["1.0", "5.0"]) {
            let captured = format!(r#"{{"cpu": {cpu}, "pause": 0.01, "extra": 1e6, "bytes": 2e6, "resident": 1e8}}"#);
            row.add(&told(&captured), &opened).expect("all figures");
        }
        assert!(Row::new("third").add(&opened, &opened).is_err(), "a figure that is missing is no zero");
        let outside = [told(r#"{"resident": 3e8, "objects": 1000}"#)];
        let run = Run { python: "3.11.7", records: 10, rounds: 1, seconds: 2, rows: &rows, command_line: &outside };
        let page = page(&run).expect("a page");
        assert!(page.contains("| second | 5.00 | 10.0 ms | 1.0 MB | 2.0 MB | 0.500 | 30.0 MB |"), "{page}");
        assert!(page.contains("second: 5.0 times the CPU to dump") && page.contains("is 150 ms for it"), "{page}");
    }
}
