//! Cores of programs: by the kernel, when one dies, and by gdb, of one that goes on.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program by way of a shell that lets the kernel write its core, to the folder that it works in.
pub fn with_core(program: &Command, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    command.current_dir(folder);
    command
}

/// Whether the kernel writes cores to the folder that a program works in; else why not.
///
/// # Errors
/// What it does instead.
pub fn kernel_writes_cores() -> Result<(), String> {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let pattern = pattern.trim();
    if pattern.starts_with("core") && !pattern.contains('/') {
        Ok(())
    } else {
        Err(format!("the kernel writes no cores to the working directory here, but to {pattern}"))
    }
}

/// The core that the kernel wrote to a folder.
pub fn kernel_core(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let is_core = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core"));
    entries.into_iter().find(is_core).unwrap_or_else(|| panic!("no core in {}", folder.display()))
}

/// The kinds of notes, and where the stack pointer lies in a thread's registers.
const FILE: u32 = 0x4649_4c45;
const PRSTATUS: u32 = 1;
const STACK_POINTER: usize = 112 + 19 * 8;

fn half(core: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(core[at..at + 4].try_into().expect("four bytes"))
}

fn word(core: &[u8], at: usize) -> usize {
    u64::from_le_bytes(core[at..at + 8].try_into().expect("eight bytes")) as usize
}

/// Where the program headers of this type lie.
fn headers(core: &[u8], wanted: u32) -> impl Iterator<Item = usize> + '_ {
    let count = usize::from(u16::from_le_bytes([core[56], core[57]]));
    (0..count).map(|index| word(core, 32) + 56 * index).filter(move |header| half(core, *header) == wanted)
}

/// Where the notes of this kind begin, and where their contents do.
fn notes(core: &[u8], wanted: u32) -> Vec<(usize, usize)> {
    const NOTE: u32 = 4;
    let mut found = Vec::new();
    for header in headers(core, NOTE) {
        let (mut at, end) = (word(core, header + 8), word(core, header + 8) + word(core, header + 32));
        while at < end {
            let contents = at + 12 + (half(core, at) as usize).next_multiple_of(4);
            if half(core, at + 8) == wanted {
                found.push((at, contents));
            }
            at = contents + (half(core, at + 4) as usize).next_multiple_of(4);
        }
    }
    found
}

/// The same core without its list of mapped files (`NT_FILE`), as older kernels and converters of minidumps write it: the note is
/// of a kind that nobody knows.
pub fn without_files(core: &[u8]) -> Vec<u8> {
    let mut changed = core.to_vec();
    for (at, _) in notes(core, FILE) {
        changed[at + 8..at + 12].copy_from_slice(b"none");
    }
    assert_ne!(changed, core, "the core has a list of files");
    changed
}

/// The same core with zeros where the stacks of its threads were, as gdb leaves what it could not read.
pub fn without_stacks(core: &[u8]) -> Vec<u8> {
    const LOAD: u32 = 1;
    let mut changed = core.to_vec();
    let mut blanked = 0;
    for (_, registers) in notes(core, PRSTATUS) {
        let pointer = word(core, registers + STACK_POINTER);
        let has = |header: &usize| (0..word(core, header + 40)).contains(&pointer.wrapping_sub(word(core, header + 16)));
        for header in headers(core, LOAD).filter(has) {
            let start = word(core, header + 8);
            changed[start..start + word(core, header + 32)].fill(0);
            blanked += 1;
        }
    }
    assert!(blanked > 0, "the core has stacks");
    changed
}

/// A core that gdb makes of a live process; none without gdb.
pub fn gdb_core(pid: &str, path: &Path) -> Option<()> {
    let mut command = Command::new("gdb");
    command.args(["-batch", "-nx", "-p", pid, "-ex"]).arg(format!("generate-core-file {}", path.display()));
    let ended = command.output().ok()?;
    assert!(path.exists(), "gdb made no core: {}", String::from_utf8_lossy(&ended.stderr));
    Some(())
}
