//! The fire list: dumps of programs in every bad state, each a real process. Each row ends with a good dump or a clear message,
//! with a `.partial` file that opens where one is left, and with a program that is unharmed: it looks at itself, says so, and
//! ends as it should. The table is `docs/fire.md`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use heapsake_tests::{Ended, Environment, file, fire, in_parallel, no_problems, run};
use serde_json::Value;

/// What is to come of a dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// It is complete and opens without a fault.
    Good,
    /// A message with these words, and no dump.
    Said(&'static str),
    /// Either: it depends on the version, or on when something comes.
    Either,
    /// None is made.
    None,
}

use Outcome::{Either, Good, None as Nothing, Said};

/// A row: its name in the program, what it is, and what comes of dumps from inside, the last of which tells that the program
/// can still be saved, and of those from outside.
struct Row {
    name: &'static str,
    what: &'static str,
    inside: &'static [Outcome],
    outside: Outcome,
}

const fn row(name: &'static str, what: &'static str, inside: &'static [Outcome], outside: Outcome) -> Row {
    Row { name, what, inside, outside }
}

const ROWS: [Row; 33] = [
    row("dangling_pointer", "items of a list that point to no memory", &[Good], Good),
    row("freed_object", "an item of a list that was freed", &[Good], Good),
    row("cyclic_pointers", "a tuple that holds itself, a type that is its own base", &[Good], Good),
    row("absurd_refcount", "a reference count of 2^62", &[Good], Good),
    row("absurd_size", "a list, a tuple and a bytearray of 2^60 items and more", &[Good], Good),
    row("negative_size", "a list and a tuple of less than no items", &[Good], Good),
    row("type_pointer_into_nowhere", "objects with no type, a wild one, one that is a list", &[Good], Good),
    row("half_inserted_dict", "a dict that says it has more entries than keys, one whose keys lie nowhere", &[Good], Good),
    row("list_being_resized", "a list without items, one that is longer than its memory", &[Good], Good),
    row("collection_in_progress", "a finaliser that the garbage collector calls", &[Good], Good),
    row("mutating_threads", "three threads that change everything all the time", &[Good, Good, Good], Good),
    row("two_dumps_at_once", "two threads that dump at once", &[Good, Good], Good),
    row("two_from_outside", "two dumps from outside at once", &[], Either),
    row("interpreter_shutdown", "an object that dies with its module, at the end of the interpreter", &[Either], Nothing),
    row("signal_handler", "a handler of a signal", &[Good], Good),
    row("finaliser", "`__del__`", &[Good], Good),
    row("at_exit", "`atexit`", &[Good], Good),
    row("thread_in_c_without_the_lock", "a thread that is in C, without the interpreter lock", &[Good], Good),
    row("thousand_threads", "a thousand threads", &[Good], Good),
    row("after_fork", "a child made by `fork` of a program with threads, and its parent", &[Good, Good], Nothing),
    row("daemon_without_stdio", "a daemon whose standard streams are closed", &[Good], Nothing),
    row("descriptors_exhausted", "no file descriptor left", &[Said("open files"), Good], Good),
    row("disk_full", "a file that may not grow further, as on a full disk or with a quota", &[Said("large"), Good], Nothing),
    row("full_device", "a device that takes nothing", &[Said("space"), Good], Nothing),
    row("read_only_directory", "a folder that takes no file", &[Said("here.heapsake"), Good], Nothing),
    row("memory_limit", "an address space that may grow by 16 MiB", &[Either, Good], Good),
    row("memory_error", "`MemoryError` at the limit of the address space", &[Either, Good], Good),
    row("child_killed", "the child that writes the dump, killed midway", &[Said("signal 9"), Good], Nothing),
    row("interrupted", "Ctrl-C in the program while it dumps", &[Good, Good], Nothing),
    row("interrupted_outside", "Ctrl-C in `heapsake dump` while it writes", &[], Either),
    row("killed_outside", "`heapsake dump` killed while it writes", &[], Either),
    row("disk_full_outside", "a disk that is full, for `heapsake dump`", &[], Said("large")),
    row("read_only_outside", "a folder that takes no file, for `heapsake dump`", &[], Said("self")),
];

/// A program that says lines and waits for some.
struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(environment: &Environment, row: &str, folder: &Path) -> Program {
        let row = if row.ends_with("_outside") { "interrupted_outside" } else { row };
        let row = if row == "two_from_outside" { "interrupted_outside" } else { row };
        let mut command = environment.python();
        command.arg(file("programs/fire/rows.py")).arg(row).arg(folder).arg(folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Program { child, lines }
    }

    fn answer(&mut self) {
        writeln!(self.child.stdin.as_mut().expect("piped")).expect("the program reads");
    }
}

/// Runs a row; gives what is wrong.
fn check(environment: &Environment, row: &Row) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Program::start(environment, row.name, folder.path());
    let mut found = Vec::new();
    let (mut inside, mut last, mut asked) = (Vec::new(), String::new(), 0);
    while let Some(line) = program.lines.next() {
        let line = line.expect("a line");
        if line == "ready" {
            asked += 1;
            let pid = program.child.id();
            found.extend(outside(environment, row, pid, folder.path()));
            program.answer();
        } else if let Some(path) = line.strip_prefix("dump ") {
            inside.push(Ok(PathBuf::from(path)));
        } else if let Some(message) = line.strip_prefix("said ") {
            inside.push(Err(message.to_owned()));
        }
        last = line;
    }
    drop(program.child.stdin.take());
    let status = program.child.wait().expect("the program ends");
    if !status.success() || last != "unharmed" {
        found.push(format!("it ended with {status}, and said {last:?} at last"));
    }
    if (asked == 0) != (row.outside == Nothing) {
        found.push(format!("it was dumped from outside {asked} times"));
    }
    if inside.len() != row.inside.len() {
        found.push(format!("it was dumped {} times from inside: {inside:?}", inside.len()));
    }
    for (made, expected) in inside.iter().zip(row.inside) {
        found.extend(judged(environment, row, made, *expected).map(|problem| format!("from inside: {problem}")));
    }
    found.extend(partials(environment, folder.path()));
    found.into_iter().map(|problem| format!("{} {}: {problem}", environment.version, row.name)).collect()
}

/// What is wrong with what came of a dump.
fn judged(environment: &Environment, row: &Row, made: &Result<PathBuf, String>, expected: Outcome) -> Option<String> {
    match (made, expected) {
        (Ok(path), Good | Either) => {
            let ended = run(environment.heapsake().arg(path).arg("--json"));
            let Ok(told) = serde_json::from_str::<Value>(&ended.out) else {
                return Some(format!("it does not open: {}", ended.err));
            };
            let faults = told["faults"].as_array().map_or(0, Vec::len);
            if ended.status.code() != Some(0) || told["complete"] != true || faults > 0 {
                return Some(format!("it is not whole: {}: {}", told["complete"], told["faults"]));
            }
            let threads = told["threads"].as_array().map_or(0, Vec::len);
            // At the very end of the interpreter there may be no thread with a frame.
            let functions = told["threads"].to_string();
            let known = row.name == "interpreter_shutdown" || functions.contains(&format!("\"function\":\"{}\"", function(row)));
            let many = row.name != "thousand_threads" || threads > 1000;
            (!known || !many).then(|| format!("{} is not among its {threads} threads", function(row)))
        }
        (Err(message), Either) => (message.len() < 10 || message.contains("panicked")).then(|| format!("it says {message:?}")),
        (Err(message), Said(words)) => {
            (!message.contains(words) || message.contains("panicked")).then(|| format!("it says {message:?}, not {words:?}"))
        }
        (made, expected) => Some(format!("it is {made:?} instead of {expected:?}")),
    }
}

/// The function of the program that the row is in.
fn function(row: &Row) -> &str {
    match row.name {
        name if name.ends_with("_outside") => "interrupted_outside",
        "at_exit" => "last",
        // It is called by another thread, or the module's own code has ended.
        "daemon_without_stdio" => "daemon_without_stdio",
        name => name,
    }
}

fn command(environment: &Environment, pid: u32, path: &Path) -> Command {
    let mut command = environment.heapsake();
    command.args(["dump", &pid.to_string(), "-o"]).arg(path);
    command
}

fn result(ended: &Ended, path: &Path) -> Result<PathBuf, String> {
    if ended.status.success() { Ok(path.to_owned()) } else { Err(ended.err.clone()) }
}

/// Dumps a program from outside, in the way of the row.
fn outside(environment: &Environment, row: &Row, pid: u32, folder: &Path) -> Vec<String> {
    let path = folder.join(format!("outside-{}.heapsake", dumps(folder).len()));
    let results = match row.name {
        "two_from_outside" => {
            let paths = [folder.join("first.heapsake"), folder.join("second.heapsake")];
            let both = in_parallel(&paths, |path| result(&run(&mut command(environment, pid, path)), path));
            if both.iter().all(Result::is_err) {
                return vec![format!("neither of two dumps was made: {both:?}")];
            }
            both
        }
        "interrupted_outside" => vec![stopped_midway(environment, pid, &path, "-INT")],
        "killed_outside" => vec![stopped_midway(environment, pid, &path, "-KILL")],
        "disk_full_outside" => {
            let mut limited = Command::new("sh");
            limited.args(["-c", "ulimit -f 4096; exec \"$@\"", "sh"]);
            let plain = command(environment, pid, &path);
            limited.arg(plain.get_program()).args(plain.get_args());
            vec![result(&run(&mut limited), &path)]
        }
        "read_only_outside" => {
            let path = Path::new("/proc/self/here.heapsake");
            vec![result(&run(&mut command(environment, pid, path)), path)]
        }
        _ => vec![result(&run(&mut command(environment, pid, &path)), &path)],
    };
    let judge = |made| judged(environment, row, made, row.outside).map(|problem| format!("from outside: {problem}"));
    results.iter().filter_map(judge).collect()
}

/// Sends a signal to a dump that has begun to write; it may have ended before that.
fn stopped_midway(environment: &Environment, pid: u32, path: &Path, signal: &str) -> Result<PathBuf, String> {
    let mut dump = command(environment, pid, path);
    let mut dumper = dump.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let partial = PathBuf::from(format!("{}.partial", path.display()));
    let deadline = Instant::now() + Duration::from_mins(1);
    let has_begun = || std::fs::metadata(&partial).is_ok_and(|known| known.len() > 100_000);
    while !has_begun() && dumper.try_wait().expect("a child").is_none() {
        assert!(Instant::now() < deadline, "no dump was begun in a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = Command::new("kill").arg(signal).arg(dumper.id().to_string()).stderr(Stdio::null()).status();
    let status = dumper.wait().expect("a child");
    if status.success() { Ok(path.to_owned()) } else { Err(format!("it was ended midway: {status}")) }
}

fn dumps(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

/// What is wrong with the files that were left incomplete.
fn partials(environment: &Environment, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in dumps(folder).iter().filter(|path| path.extension().is_some_and(|ending| ending == "partial")) {
        // Of one that was stopped before its first byte was written there is nothing to open.
        if std::fs::metadata(path).is_ok_and(|known| known.len() == 0) {
            continue;
        }
        let ended = run(environment.heapsake().arg(path).arg("--json"));
        let told = serde_json::from_str::<Value>(&ended.out).unwrap_or_default();
        if told["complete"] != false || ended.err.contains("panicked") {
            found.push(format!("{} does not open: {}{}", path.display(), ended.out, ended.err));
        }
    }
    found
}

#[test]
fn every_row_ends_with_a_dump_or_a_message_and_an_unharmed_program() {
    let environments = fire::environments();
    let only = std::env::var("HEAPSAKE_FIRE_ROW").ok();
    let rows = ROWS.iter().filter(|row| only.as_deref().is_none_or(|only| only == row.name));
    let jobs: Vec<(&Row, &Environment)> = rows.flat_map(|row| environments.iter().map(move |one| (row, one))).collect();
    let started = Instant::now();
    let results = in_parallel(&jobs, |(row, environment)| {
        let begun = Instant::now();
        let found = check(environment, row);
        println!("{} {}: {:.1} s", environment.version, row.name, begun.elapsed().as_secs_f64());
        found
    });
    println!("{} rows in {:.0} s", jobs.len(), started.elapsed().as_secs_f64());
    no_problems(&results.concat());
}

fn words(outcomes: &[Outcome]) -> String {
    let word = |outcome: &Outcome| match outcome {
        Good => "a dump".to_owned(),
        Said(words) => format!("a message (“{words}”)"),
        Either => "a dump or a message".to_owned(),
        Nothing => "–".to_owned(),
    };
    let all: Vec<String> = outcomes.iter().map(word).collect();
    if all.is_empty() { "–".to_owned() } else { all.join(", then ") }
}

#[test]
fn the_table_of_the_documentation_is_this_one() {
    let path = file("../docs/fire.md");
    let text = std::fs::read_to_string(&path).expect("docs/fire.md");
    let table: String = ROWS
        .iter()
        .map(|row| format!("| `{}` | {} | {} | {} |\n", row.name, row.what, words(row.inside), words(&[row.outside])))
        .collect();
    let head = "| row | what | from inside | from outside |\n|---|---|---|---|\n";
    let Some((before, rest)) = text.split_once(head) else { panic!("docs/fire.md has no such table") };
    let after: String = rest.split_inclusive('\n').skip_while(|line| line.starts_with('|')).collect();
    if std::env::var_os("HEAPSAKE_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{head}{table}{after}")).expect("docs/fire.md");
    } else {
        assert!(rest.starts_with(&table), "docs/fire.md is not up to date: HEAPSAKE_WRITE_DOCS=1 cargo test --test fire_list");
    }
}
