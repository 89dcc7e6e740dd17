//! Where plugins are looked for, and which files are fit to be one. Nothing is opened here, and no code runs.
//!
//! Three places, in this order: the files and folders that `HEAPSAKE_PLUGINS` names, the user's data folder
//! (`$XDG_DATA_HOME/heapsake/plugins`), and what installed packages declare ([`entry_points`](crate::entry_points)). The
//! working directory is never one of them: a relative path is refused. A file that somebody else can change is refused, for
//! whoever writes it would run code as us.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::entry_points;
use crate::host::Limits;

/// The ending of a description of a type.
pub const TYPE_FILE: &str = "heapsake-type";

/// Where to look, and what is allowed.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Files and folders, as `HEAPSAKE_PLUGINS` lists them.
    pub path: Vec<PathBuf>,
    /// The user's folder of plugins.
    pub data: Option<PathBuf>,
    /// Folders of installed packages.
    pub packages: Vec<PathBuf>,
    /// The only names that are allowed, if there is a list.
    pub allow: Option<BTreeSet<String>>,
    /// What a plugin may cost.
    pub limits: Limits,
}

/// Files that are fit to be plugins, and those that are not.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// In the order in which they are opened.
    pub found: Vec<Found>,
    /// What was left out.
    pub refused: Vec<Refusal>,
    /// What a plugin may cost.
    pub limits: Limits,
}

/// A file that may be a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Whether it describes types in text; else it is a library.
    pub is_description: bool,
}

/// A file or a reducer that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub path: PathBuf,
    /// Why; a hint may follow on a line of its own.
    pub reason: String,
}

impl Settings {
    /// What the environment says: `HEAPSAKE_PLUGINS`, `HEAPSAKE_PLUGINS_ALLOW` (names, with commas), and
    /// `HEAPSAKE_PLUGINS_DEADLINE` (seconds for an object).
    pub fn from_environment(packages: Vec<PathBuf>) -> Settings {
        let path = std::env::var_os("HEAPSAKE_PLUGINS").unwrap_or_default();
        let allow = std::env::var("HEAPSAKE_PLUGINS_ALLOW").ok();
        let deadline = std::env::var("HEAPSAKE_PLUGINS_DEADLINE").ok().and_then(|text| text.parse().ok());
        let mut limits = Limits::default();
        if let Some(deadline) = deadline.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok()) {
            limits.deadline = deadline.clamp(Duration::from_millis(10), Duration::from_hours(1));
        }
        Settings {
            path: std::env::split_paths(&path).filter(|path| !path.as_os_str().is_empty()).collect(),
            data: data_folder(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME")),
            packages,
            allow: allow.map(|names| names.split(',').map(|name| name.trim().to_owned()).collect()),
            limits,
        }
    }
}

fn data_folder(data: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let data = data.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".local/share")));
    Some(data?.join("heapsake/plugins"))
}

/// The folders of the packages that are installed for the Python at `python`, whether or not in a virtual environment.
pub fn packages_of(python: &Path) -> Vec<PathBuf> {
    let Some(prefix) = python.parent().and_then(Path::parent).filter(|_| python.is_absolute()) else { return Vec::new() };
    let mut found = Vec::new();
    for name in listed(&prefix.join("lib")) {
        if name.to_string_lossy().starts_with("python3") {
            found.push(prefix.join("lib").join(name).join("site-packages"));
        }
    }
    found
}

impl Places {
    /// Looks for plugins.
    pub fn find(settings: &Settings) -> Places {
        let mut places = Places { limits: settings.limits, ..Places::default() };
        let mut seen = BTreeSet::new();
        let mut wanted: Vec<Candidate> = Vec::new();
        for path in &settings.path {
            if path.is_relative() {
                places.refuse(path, "its path is relative: plugins are never taken from the working directory");
            } else if path.is_dir() {
                wanted.extend(folder(path));
            } else if path.exists() {
                wanted.push(Candidate::new(path.clone()));
            } else {
                places.refuse(path, "there is no such file");
            }
        }
        settings.data.iter().for_each(|data| wanted.extend(folder(data)));
        for declared in entry_points::declared(&settings.packages) {
            let files = declared.files();
            if files.is_empty() {
                let reason = format!("package entry point {} names {}, where no plugin lies", declared.name, declared.module);
                places.refuse(&declared.file, &reason);
            }
            wanted.extend(files.into_iter().map(Candidate::new));
        }
        for Candidate { path, is_description } in wanted {
            let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            if !seen.insert(real.clone()) {
                continue;
            }
            let name = plugin_name(&path);
            match (&settings.allow, unsafe_reason(&real)) {
                (Some(allow), _) if !allow.contains(&name) => {
                    places.refuse(&path, &format!("{name} is not in HEAPSAKE_PLUGINS_ALLOW"));
                }
                (_, Some(reason)) => places.refuse(&path, &reason),
                _ => places.found.push(Found { path, is_description }),
            }
        }
        places
    }

    /// Whether there is nothing to open and nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.refused.is_empty()
    }

    fn refuse(&mut self, path: &Path, reason: &str) {
        self.refused.push(Refusal { path: path.to_owned(), reason: reason.to_owned() });
    }
}

struct Candidate {
    path: PathBuf,
    is_description: bool,
}

impl Candidate {
    fn new(path: PathBuf) -> Candidate {
        let is_description = path.extension() == Some(OsStr::new(TYPE_FILE));
        Candidate { path, is_description }
    }
}

/// The name by which a file is allowed: its own without `lib` and without what follows the first full stop.
pub fn plugin_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.split('.').next().unwrap_or_default();
    name.strip_prefix("lib").filter(|rest| !rest.is_empty()).unwrap_or(name).to_owned()
}

/// The names in a folder, sorted; none when there is no such folder.
pub(crate) fn listed(folder: &Path) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<OsString> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    names
}

/// The plugins of a folder.
fn folder(folder: &Path) -> Vec<Candidate> {
    plugins_in(folder).into_iter().map(Candidate::new).collect()
}

pub(crate) fn plugins_in(folder: &Path) -> Vec<PathBuf> {
    let endings = ["so", TYPE_FILE].map(OsStr::new);
    let paths = listed(folder).into_iter().map(|name| folder.join(name));
    paths.filter(|path| path.extension().is_some_and(|ending| endings.contains(&ending)) && path.is_file()).collect()
}

/// Why a file is not safe to run: others can change it, or put another in its place.
fn unsafe_reason(path: &Path) -> Option<String> {
    const WORLD: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let Ok(file) = fs::metadata(path) else { return Some("it cannot be read".to_owned()) };
    if !file.is_file() {
        return Some("it is no file".to_owned());
    }
    if file.mode() & WORLD != 0 {
        return Some("everybody may write to it\nhint: chmod o-w".to_owned());
    }
    // The kernel gives a process's own folder to its effective user.
    let own = fs::metadata("/proc/self").map(|of_process| of_process.uid());
    if file.uid() != 0 && own.is_ok_and(|own| own != file.uid()) {
        return Some(format!("it belongs to user {}, which is neither this one nor root", file.uid()));
    }
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok())?;
    (folder.mode() & WORLD != 0 && folder.mode() & STICKY == 0)
        .then(|| "everybody may write to its folder\nhint: chmod o-w".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files_without_what_linkers_add() {
        for (path, name) in
            [("/x/libledger.so", "ledger"), ("/x/ledger.abi3.so", "ledger"), ("lib", "lib"), ("a.heapsake-type", "a")]
        {
            assert_eq!(plugin_name(Path::new(path)), name);
        }
    }

    #[test]
    fn the_data_folder_is_absolute_or_none() {
        let folder = |data: Option<&str>, home: Option<&str>| data_folder(data.map(Into::into), home.map(Into::into));
        assert_eq!(folder(Some("/d"), Some("/h")), Some("/d/heapsake/plugins".into()));
        assert_eq!(folder(Some("d"), Some("/h")), Some("/h/.local/share/heapsake/plugins".into()));
        assert_eq!(folder(None, Some("h")), None);
    }
}
