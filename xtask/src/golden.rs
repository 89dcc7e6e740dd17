//! Golden dumps: one of each minor release, of a small program that stands still, which every later version must open.
//!
//! Made where nothing tells of the machine: a copy of the interpreter in the system's temporary folder, an empty environment.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::interpreters::{self, Interpreter};
use crate::test::finish;
use crate::tidy;

/// Makes them anew, in `tests/golden`.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = tidy::root()?;
    let mut minors: Vec<Interpreter> = Vec::new();
    for one in interpreters::find(&[])? {
        minors.retain(|known| known.version.minor() != one.version.minor());
        minors.push(one);
    }
    let mut total = 0;
    for interpreter in minors {
        let target = root.join(format!("tests/golden/3.{}.heapsake", interpreter.version.minor()));
        make(&root, &interpreter, &target).with_context(|| format!("the golden dump of {}", interpreter.name()))?;
        total += fs::metadata(&target)?.len();
    }
    println!("{total} bytes in tests/golden");
    Ok(())
}

fn make(root: &Path, interpreter: &Interpreter, target: &Path) -> anyhow::Result<()> {
    let home = std::env::temp_dir().join("heapsake-golden").join(interpreter.name());
    let _ = fs::remove_dir_all(&home);
    let python = copy(interpreter, &home)?;
    let program = home.join("program.py");
    fs::copy(root.join("tests/golden/program.py"), &program)?;
    let mut command = Command::new(&python);
    command.args(["-I", "-S", "-OO"]).arg(&program).current_dir("/").env_clear();
    if interpreter.binaries.len() > 1 {
        command.env("LD_LIBRARY_PATH", home.join("lib"));
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
    if line != "ready\n" {
        bail!("the program said {line:?}");
    }
    let mut dump = Command::new(env!("CARGO"));
    dump.args(["run", "--quiet", "--release", "--package", "heapsake-cli", "--", "dump", &child.id().to_string(), "-o"]);
    let dumped = finish(dump.arg(target).current_dir(root));
    drop(child.stdin.take());
    let status = child.wait()?;
    fs::remove_dir_all(&home)?;
    dumped?;
    if !status.success() {
        bail!("the program ended with {status}");
    }
    Ok(())
}

/// The interpreter and the part of its library that it starts with, below `home`; gives the executable.
fn copy(interpreter: &Interpreter, home: &Path) -> anyhow::Result<PathBuf> {
    let binary = interpreter.binaries.first().context("no executable")?;
    let ask = ["-I", "-S", "-c", "import os; print(os.path.dirname(os.__file__))"];
    let library = PathBuf::from(String::from_utf8(Command::new(binary).args(ask).output()?.stdout)?.trim());
    let python = home.join("bin/python3");
    fs::create_dir_all(home.join("bin"))?;
    fs::copy(binary, &python)?;
    let copied = home.join("lib").join(library.file_name().context("a library without a name")?);
    for shared in interpreter.binaries.iter().skip(1) {
        fs::create_dir_all(home.join("lib"))?;
        fs::copy(shared, home.join("lib").join(shared.file_name().context("a library without a name")?))?;
    }
    for part in ["", "encodings", "collections", "lib-dynload"] {
        fs::create_dir_all(copied.join(part))?;
        let Ok(entries) = fs::read_dir(library.join(part)) else { continue };
        for entry in entries {
            let entry = entry?.path();
            if entry.extension().is_some_and(|ending| ending == "py") {
                fs::copy(&entry, copied.join(part).join(entry.file_name().context("a name")?))?;
            }
        }
    }
    Ok(python)
}
