//! heapsake beside other tools, on the same objects in one run, interleaved; the result goes to `docs/benchmarks.md`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use super::table::{self, Row};
use super::{Program, build, environment, number, program};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// How often the quick tools run; the slow ones run once.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these tools.
    #[arg(long, value_delimiter = ',')]
    tools: Option<Vec<String>>,
    /// Where the table goes.
    #[arg(long, default_value = "docs/benchmarks.md")]
    output: PathBuf,
}

/// A tool, and whether it takes a minute.
struct Tool {
    name: &'static str,
    slow: bool,
    /// What the table says of it.
    what: &'static str,
}

const TOOLS: [Tool; 5] = [
    Tool { name: "heapsake", slow: false, what: "`heapsake.dump()` in the program" },
    Tool { name: "cloudpickle", slow: false, what: "cloudpickle 3.1.2, the frames' variables" },
    Tool { name: "dill", slow: true, what: "dill 0.4.1, the frames' variables" },
    Tool { name: "gc walk", slow: true, what: "a walk of `gc`, as PyHeap's dumper does, no stack" },
    Tool { name: "coredumpy", slow: true, what: "coredumpy 0.5.0, limits off" },
];

/// Measures, and writes the table.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    build(root)?;
    let chosen = arguments.program.interpreter()?;
    let python = environment(root, &chosen)?;
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    let wanted = |tool: &&Tool| arguments.tools.as_ref().is_none_or(|tools| tools.iter().any(|name| name == tool.name));
    let tools: Vec<&Tool> = TOOLS.iter().filter(wanted).collect();
    let mut rows: Vec<Row> = tools.iter().map(|tool| Row::new(tool.what)).collect();
    let mut outside = Row::new("`heapsake dump PID`, from outside");
    let mut command_line = Vec::new();
    let count = arguments.program.records.to_string();
    for round in 0..arguments.rounds.max(1) {
        for (tool, row) in tools.iter().zip(&mut rows).filter(|(tool, _)| round == 0 || !tool.slow) {
            let file = folder.path().join("dump");
            let name: &OsStr = tool.name.as_ref();
            let captured = program(root, &python, "capture.py", &[name, count.as_ref(), file.as_os_str()])?;
            let opened = program(root, &python, "opening.py", &[name, file.as_os_str()])?;
            eprintln!("round {}: {}: {captured} {opened}", round + 1, tool.name);
            row.add(&captured, &opened)?;
            std::fs::remove_file(&file)?;
        }
        let file = folder.path().join("outside.heapsake");
        let told = arguments.program.dumped_outside(root, &python, &file)?;
        eprintln!("round {}: from outside: {told}", round + 1);
        add_outside(&mut outside, &mut command_line, &told)?;
        std::fs::remove_file(&file)?;
    }
    rows.insert(rows.len().min(1), outside);
    let page = table::page(&table::Run {
        python: chosen.name(),
        records: arguments.program.records,
        rounds: arguments.rounds.max(1),
        seconds: started.elapsed().as_secs(),
        rows: &rows,
        command_line: &command_line,
    })?;
    std::fs::write(root.join(&arguments.output), &page)?;
    println!("{page}");
    Ok(())
}

/// Adds what dumping from outside cost, and what showing the stack with the command line cost.
fn add_outside(row: &mut Row, command_line: &mut Vec<Value>, told: &Value) -> anyhow::Result<()> {
    row.cpu.push(number(told, "cpu")?);
    row.pause.push(number(told, "pause")?);
    row.bytes.push(number(told, "bytes")?);
    row.open_cpu.push(number(told, "stack_cpu")?);
    row.open_peak.push(number(told, "stack_peak")?);
    command_line.push(told.clone());
    Ok(())
}
