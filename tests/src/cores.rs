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

/// The same core without its list of mapped files (`NT_FILE`), as older kernels and converters of minidumps write it: the note is
/// of a kind that nobody knows.
pub fn without_files(core: &[u8]) -> Vec<u8> {
    const NOTE: u32 = 4;
    const FILE: u32 = 0x4649_4c45;
    let mut changed = core.to_vec();
    let half = |at: usize| u32::from_le_bytes(core[at..at + 4].try_into().expect("four bytes"));
    let word = |at: usize| u64::from_le_bytes(core[at..at + 8].try_into().expect("eight bytes")) as usize;
    let count = usize::from(u16::from_le_bytes([core[56], core[57]]));
    for header in (0..count).map(|index| word(32) + 56 * index).filter(|header| half(*header) == NOTE) {
        let (mut at, end) = (word(header + 8), word(header + 8) + word(header + 32));
        while at < end {
            if half(at + 8) == FILE {
                changed[at + 8..at + 12].copy_from_slice(b"none");
            }
            at += 12 + (half(at) as usize).next_multiple_of(4) + (half(at + 4) as usize).next_multiple_of(4);
        }
    }
    assert_ne!(changed, core, "the core has a list of files");
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
