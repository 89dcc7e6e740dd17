//! Reducers written in Python: run over dumps from outside by the Python of the console script, when its folder of installed
//! packages has any; and what of the program's own is not run.
//!
//! Only packages that are installed beside heapsake count, so neither a folder that the command is run in nor a variable of
//! the environment of Python's brings code in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use heapsake_core::format::records::Annotations;
use heapsake_core::format::{ChunkKind, Compressor, append};
use heapsake_loader::{Dump, open};
use serde_json::Value;

/// By which the package's console script says which Python it runs in.
pub(crate) const PYTHON: &str = "HEAPSAKE_PYTHON";
/// By which it says where it is installed.
pub(crate) const PACKAGES: &str = "HEAPSAKE_PACKAGES";
/// The group of entry points, as its section is headed.
const SECTION: &str = "[heapsake.reducers]";
/// The module in which a program has its reducers.
const REGISTRY: &str = "heapsake._registry";
/// A list of entry points is hardly longer.
const LONGEST_LIST: u64 = 1 << 20;

/// The folder of installed packages that holds the package file `initial` (`…/site-packages/heapsake/__init__.py`), when a
/// package in it brings reducers. Looked at once in a process.
pub fn packages_with_reducers(initial: &Path) -> Option<PathBuf> {
    static KNOWN: Mutex<Option<HashMap<PathBuf, bool>>> = Mutex::new(None);
    let folder = initial.parent()?.parent()?;
    if !is_packages(folder) {
        return None;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.get_or_insert_default().entry(folder.to_owned()).or_insert_with(|| has_reducers(folder));
    found.then(|| folder.to_owned())
}

/// Whether a folder is one that packages are installed to.
fn is_packages(folder: &Path) -> bool {
    folder.is_absolute() && folder.file_name().is_some_and(|name| name == "site-packages" || name == "dist-packages")
}

/// Whether a package in this folder brings reducers.
fn has_reducers(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let lists = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let ending = path.extension()?;
        (ending == "dist-info" || ending == "egg-info").then(|| path.join("entry_points.txt"))
    });
    lists.into_iter().any(|list| {
        let short = list.metadata().is_ok_and(|known| known.is_file() && known.len() <= LONGEST_LIST);
        short && std::fs::read_to_string(&list).is_ok_and(|text| text.lines().any(|line| line.trim() == SECTION))
    })
}

/// The Python of the console script, and its folder of installed packages.
struct Console {
    python: PathBuf,
    packages: PathBuf,
}

impl Console {
    fn known() -> Option<Console> {
        let python = PathBuf::from(std::env::var_os(PYTHON)?);
        let packages = PathBuf::from(std::env::var_os(PACKAGES)?);
        is_packages(&packages).then_some(Console { python, packages })
    }

    /// What the package's own command answers, as JSON. In isolated mode, so that what is imported is what is installed.
    fn ask(&self, arguments: &[&str], file: Option<&Path>) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.python);
        command.args(["-I", "-m", "heapsake"]).args(arguments).args(file);
        command.env_remove(PYTHON).env_remove(PACKAGES);
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", self.python.display()))?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned();
            bail!("{} ended with {}: {told}", self.python.display(), output.status);
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("{} gave no JSON", self.python.display()))
    }
}

/// What was done with a dump that was made from outside.
#[derive(Debug, Default)]
pub(crate) struct Reduced {
    /// Objects that a reducer gave something for.
    pub(crate) reduced: u64,
    /// Objects for which one failed.
    pub(crate) failed: u64,
    /// What was not run, and why.
    pub(crate) notes: Vec<String>,
}

impl Reduced {
    /// What to tell, when there is something.
    pub(crate) fn line(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.reduced > 0 {
            parts.push(format!("reducers in Python gave {} objects their state", self.reduced));
        }
        if self.failed > 0 {
            parts.push(format!("they failed for {}", self.failed));
        }
        parts.extend(self.notes.iter().cloned());
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Runs the reducers of installed packages over the dump at `path`, and notes in it which of the program's own were not
/// run. Never fails: the dump is there, and what went wrong is told.
pub(crate) fn reduce(path: &Path) -> Reduced {
    let mut done = Reduced::default();
    let mut answers = Vec::new();
    let mut unsaid = Vec::new();
    if let Some(console) = Console::known().filter(|console| has_reducers(&console.packages)) {
        match console.ask(&["_reduce"], Some(path)) {
            Ok(answer) => {
                let texts = |name: &str| -> Vec<String> {
                    let all = answer[name].as_array().into_iter().flatten();
                    all.filter_map(|text| text.as_str().map(str::to_owned)).collect()
                };
                done.reduced = answer["reduced"].as_u64().unwrap_or(0);
                done.failed = answer["failed"].as_u64().unwrap_or(0);
                done.notes = texts("notes");
                answers = texts("answers");
            }
            Err(problem) => unsaid.push(format!("reducers of installed packages were not run: {problem:#}")),
        }
    }
    if let Ok(dump) = open(path) {
        unsaid.extend(of_the_program(&dump, &answers));
    }
    if !unsaid.is_empty() {
        let record = Annotations { notes: unsaid.clone(), ..Annotations::default() };
        let appended = append(path, Compressor::zlib(), |writer| writer.record(ChunkKind::Annotations, 0, 0, &record));
        if let Err(problem) = appended {
            done.notes.push(format!("the dump does not say what was not run: {problem}"));
        }
        done.notes.extend(unsaid);
    }
    done
}

/// Which reducers that the program has registered were not run, as a sentence each; `answers` has the types that others
/// answered for.
fn of_the_program(dump: &Dump, answers: &[String]) -> Vec<String> {
    let registry = dump.modules().find(|(name, _)| *name == REGISTRY).and_then(|(_, module)| dump.referenced(module));
    let Some(reducers) = registry.and_then(|module| module.attribute_object("REDUCERS")) else { return Vec::new() };
    let mut told = Vec::new();
    for (name, target) in reducers.named_entries() {
        if answers.contains(&name) {
            continue;
        }
        let registered = reducers.follow(target);
        let of = |field: &str| registered.as_ref().and_then(|registered| registered.attribute_object(field));
        let origin = of("origin").and_then(|origin| origin.text()).unwrap_or_default();
        let subclasses = of("base").is_some_and(|flag| flag.value() == heapsake_loader::PlainValue::Int(1));
        let is_wanted =
            |known: &heapsake_core::heap::TypeDescription| known.name == name || (subclasses && known.mro.contains(&name));
        let wanted: Vec<bool> = dump.types().iter().map(is_wanted).collect();
        let count = dump.objects_of_types(&wanted).count();
        if count > 0 {
            told.push(format!(
                "{count} objects of {name} were not given to their reducer {origin}: it is registered in the program, and only \
                 dumps from inside run it"
            ));
        }
    }
    told
}

/// Reducers of installed packages, each an object with `type`, `origin`, `saves` and the like; none where no Python is known.
///
/// # Errors
/// When the Python cannot be asked.
pub(crate) fn listed() -> anyhow::Result<Option<Value>> {
    let Some(console) = Console::known() else { return Ok(None) };
    if !has_reducers(&console.packages) {
        return Ok(Some(Value::Array(Vec::new())));
    }
    console.ask(&["_reducers"], None).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let base = tempfile::tempdir().unwrap();
        let add = |folder: &str, text: &str| {
            let info = base.path().join(folder).join("bring-1.0.dist-info");
            std::fs::create_dir_all(&info).unwrap();
            std::fs::write(info.join("entry_points.txt"), text).unwrap();
            base.path().join(folder).join("heapsake/__init__.py")
        };
        let with = "[console_scripts]\nx = y:z\n\n[heapsake.reducers]\nbring = bring\n";
        let file = add("a/site-packages", with);
        assert_eq!(packages_with_reducers(&file), Some(base.path().join("a/site-packages")));
        assert_eq!(packages_with_reducers(&add("b/site-packages", "[heapsake.reducers.more]\nx = y\n")), None);
        assert_eq!(packages_with_reducers(&add("working", with)), None);
        assert_eq!(packages_with_reducers(Path::new("site-packages/heapsake/__init__.py")), None);
    }
}
