//! Cores of another processor: CPythons of aarch64 in an emulator, which writes cores as the kernel of that processor does, are
//! read to the last reference, with their stacks in Python and in C, against what the programs say of themselves.

use std::path::{Path, PathBuf};

use heapsake_tests::cores::with_core;
use heapsake_tests::{Environment, Waiting, aarch64, compared, environments, file, in_parallel, no_problems, problems, run};

/// The core that the emulator wrote of its program to a folder, not the one that the kernel wrote of the emulator.
fn emulated_core(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let is_core = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("qemu_") && path.extension().is_some_and(|ending| ending == "core")
    };
    entries.find(is_core).unwrap_or_else(|| panic!("no core in {}", folder.display()))
}

#[test]
fn cores_of_aarch64_are_read_to_the_last_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = environments();
    let opener = environments.last().expect("an environment");
    let results = in_parallel(&aarch64(), |(interpreter, system)| examine(interpreter, system, folder.path(), opener));
    no_problems(&results.concat());
}

fn examine(interpreter: &Environment, system: &Path, folder: &Path, opener: &Environment) -> Vec<String> {
    let name = &interpreter.version;
    let place = folder.join(name);
    std::fs::create_dir(&place).expect("a folder");
    let (dump, said) = (place.join("core.heapsake"), place.join("said.json"));
    let mut program = interpreter.python();
    program.arg(file("programs/self_description.py")).arg(&said);
    let waiting = Waiting::start(&mut with_core(&program, &place));
    waiting.until_it_reads();
    waiting.die("ABRT");
    let core = emulated_core(&place);
    let mut command = opener.heapsake();
    command.arg("core").arg(&core).args(["--redact", "none", "--all", "--native", "-o"]).arg(&dump);
    command.arg("--sysroot").arg(system).arg("--exe").arg(interpreter.python.with_added_extension("elf"));
    let told = run(&mut command).success(name);
    let out = run(opener.python().arg(file("programs/compare.py")).arg(&dump).arg(&said)).success("the comparison");
    let [objects, found, of] = compared(&out);
    println!("{name}: {}; {objects} objects compared, {found} of {of} references", told.trim_end());
    let mut bad: Vec<String> = problems(&out).into_iter().map(|problem| format!("{name}: {problem}")).collect();
    if objects < 50_000 || found * 1000 < of * 999 {
        bad.push(format!("{name}: only {objects} objects and {found} of {of} references"));
    }
    let facts = run(opener.heapsake().arg(&dump).arg("--json")).success("heapsake FILE");
    let facts: serde_json::Value = serde_json::from_str(&facts).expect("JSON");
    let signal = &facts["facts"]["signal"];
    let (is_abort, has_registers) = (signal["name"] == "SIGABRT", signal["registers"]["pc"].is_u64());
    if facts["facts"]["python"] != **name || !is_abort || !has_registers {
        bad.push(format!("{name}: it is told as {} with {signal}", facts["facts"]["python"]));
    }
    let summary = run(opener.heapsake().arg(&dump)).success("heapsake FILE");
    if !summary.contains("the instruction at 0x") || !summary.contains("libc.so.6 + 0x") {
        bad.push(format!("{name}: it is not told where it stood:\n{summary}"));
    }
    let shown = run(opener.heapsake().args(["stack", "--native"]).arg(&dump)).success("heapsake stack");
    // Python's frames to the line, and C's from the system call to the program's beginning.
    for wanted in ["in main", "in <module>", "C Py_RunMain + "] {
        if !shown.contains(wanted) {
            bad.push(format!("{name}: no {wanted:?} in\n{shown}"));
        }
    }
    // The call that reads, which the C library makes; 3.15 has no function of its own around it.
    let innermost: Vec<&str> = shown.lines().filter(|line| !line.is_empty()).rev().take(3).collect();
    let calls = innermost.first().is_some_and(|line| line.trim_start().starts_with("C ") && line.contains("/libc.so.6"));
    if !calls || (interpreter.minor == 11 && !innermost.iter().any(|line| line.contains("C _Py_read + "))) {
        bad.push(format!("{name}: it does not read:\n{shown}"));
    }
    bad
}
