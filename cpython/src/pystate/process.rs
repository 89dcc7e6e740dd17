//! What the kernel says of a process while it lives: `/proc/PID/…`, by `proc(5)`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ciborium::Value;
use heapsake_core::Span;

use super::CaptureOptions;
use crate::memory::maps;

/// More of a file of `/proc` is not read.
const MAXIMUM_FILE: u64 = 4 << 20;
/// `AT_CLKTCK` and `AT_PAGESZ` of the auxiliary vector.
const CLOCK_TICKS: u64 = 17;
const PAGE_SIZE: u64 = 6;

/// A process that lives.
struct Living {
    folder: PathBuf,
}

/// The name that a thread of a process has for the kernel.
pub(super) fn thread_name(pid: i32, thread: i32) -> Option<String> {
    let living = Living { folder: PathBuf::from(format!("/proc/{pid}/task/{thread}")) };
    Some(living.text("comm")?.trim_end_matches('\n').to_owned())
}

impl Living {
    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        use std::io::Read;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(self.folder.join(name)).ok()?;
        file.take(MAXIMUM_FILE).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&self.bytes(name)?).into_owned())
    }

    fn link(&self, name: &str) -> Option<String> {
        Some(std::fs::read_link(self.folder.join(name)).ok()?.to_string_lossy().into_owned())
    }

    /// A line of `status`.
    fn status(&self, field: &str) -> Option<u64> {
        let text = self.text("status")?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn auxiliary(&self, wanted: u64) -> Option<u64> {
        let words = self.bytes("auxv")?;
        let words: Vec<u64> = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        words.chunks_exact(2).find(|pair| pair[0] == wanted).map(|pair| pair[1])
    }

    /// Seconds since 1970 at which it was started.
    fn start_time(&self) -> Option<f64> {
        let stat = self.text("stat")?;
        // The name in brackets may hold anything; what follows the last bracket are numbers.
        let ticks: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
        let per_second = self.auxiliary(CLOCK_TICKS).filter(|ticks| *ticks > 0)?;
        let system = std::fs::read_to_string("/proc/stat").ok()?;
        let boot: u64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(boot as f64 + ticks as f64 / per_second as f64)
    }

    fn resident(&self) -> Option<u64> {
        let pages: u64 = self.text("statm")?.split_whitespace().nth(1)?.parse().ok()?;
        pages.checked_mul(self.auxiliary(PAGE_SIZE)?)
    }
}

fn living(options: &CaptureOptions) -> Option<Living> {
    Some(Living { folder: Path::new("/proc").join(options.pid?.to_string()) }).filter(|living| living.folder.exists())
}

/// The number of a thread in the namespace that it lives in.
pub(super) fn own_number(pid: i32, thread: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().last()?.parse().ok()
}

/// Its working directory, as it sees it.
pub(crate) fn working_directory(options: &CaptureOptions) -> Option<PathBuf> {
    living(options)?.link("cwd").map(PathBuf::from)
}

/// The mappings that it has now, each with how many bytes of it are in memory; nothing if it is no more or may not be looked at.
pub(crate) fn resident(options: &CaptureOptions) -> Vec<(Span, u64)> {
    use std::io::BufRead;
    let mut found = Vec::new();
    let file = living(options).and_then(|living| std::fs::File::open(living.folder.join("smaps")).ok());
    let mut mapping = None;
    let lines = file.into_iter().flat_map(|file| std::io::BufReader::new(file).split(b'\n'));
    for line in lines.map_while(std::result::Result::ok) {
        if let Some(kilobytes) = line.strip_prefix(b"Rss:") {
            let kilobytes = std::str::from_utf8(kilobytes).ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
            found.extend(mapping.take().zip(kilobytes.map(|kilobytes: u64| kilobytes.saturating_mul(1024))));
        } else if line.first().is_some_and(u8::is_ascii_hexdigit)
            && let Ok([head]) = maps::parse(&line).as_deref()
        {
            mapping = Some(head.span);
        }
    }
    found
}

/// When it was started.
pub(crate) fn start_time(options: &CaptureOptions) -> Option<f64> {
    living(options)?.start_time()
}

/// The environment that it was started with.
pub(super) fn environ(options: &CaptureOptions) -> Option<Value> {
    let text = living(options)?.text("environ")?;
    let pairs = text.split('\0').filter_map(|entry| entry.split_once('='));
    Some(Value::Map(pairs.map(|(name, value)| (name.into(), value.into())).collect()))
}

/// The facts of the header that memory does not have, and those that it may lack.
pub(super) fn facts(options: &CaptureOptions) -> Vec<(String, Value)> {
    let mut facts: Vec<(String, Value)> = Vec::new();
    let mut add = |name: &str, value: Option<Value>| facts.extend(value.map(|value| (name.to_owned(), value)));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64());
    add("dump_time", now.ok().map(Value::from));
    add("pid", options.pid.map(Value::from));
    let Some(process) = living(options) else { return facts };
    add("ppid", process.status("PPid").map(Value::from));
    add("uid", process.status("Uid").map(Value::from));
    add("native_threads", process.status("Threads").map(Value::from));
    add("cwd", process.link("cwd").map(Value::from));
    add("executable", process.link("exe").map(Value::from));
    add("start_time", process.start_time().map(Value::from));
    add("resident_bytes", process.resident().map(Value::from));
    let arguments =
        process.text("cmdline").map(|line| Value::Array(line.trim_end_matches('\0').split('\0').map(Value::from).collect()));
    add("command_line", arguments);
    let kernel = |name: &str| std::fs::read_to_string(Path::new("/proc/sys/kernel").join(name)).ok();
    let words = ["ostype", "hostname", "osrelease", "version"].map(|name| kernel(name).map(|word| word.trim().to_owned()));
    let words: Vec<String> = words.into_iter().flatten().chain([std::env::consts::ARCH.to_owned()]).collect();
    add("uname", Some(words.join(" ").into()));
    facts
}
