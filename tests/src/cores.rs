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

/// A core that gdb makes of a live process; none without gdb.
pub fn gdb_core(pid: &str, path: &Path) -> Option<()> {
    let mut command = Command::new("gdb");
    command.args(["-batch", "-nx", "-p", pid, "-ex"]).arg(format!("generate-core-file {}", path.display()));
    let ended = command.output().ok()?;
    assert!(path.exists(), "gdb made no core: {}", String::from_utf8_lossy(&ended.stderr));
    Some(())
}
