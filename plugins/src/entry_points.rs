//! What installed packages declare: the entry-point group `heapsake.plugins` of their `.dist-info`.
//!
//! An entry point names a module, and the plugin is a file in its place: the library `package/module.so`, or whatever
//! plugins lie in the folder `package/module/`. Nothing is imported. Only folders of installed packages are read, which the
//! caller names; a `.dist-info` that lies elsewhere declares nothing.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::places::{listed, plugins_in};

/// The group.
pub const GROUP: &str = "heapsake.plugins";
/// No file of entry points is longer.
const LONGEST: u64 = 1 << 20;

/// A plugin that a package declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    /// The name of the entry point.
    pub(crate) name: String,
    /// The module that it names.
    pub(crate) module: String,
    /// The folder of installed packages.
    folder: PathBuf,
    /// The file that says so.
    pub(crate) file: PathBuf,
}

impl Declared {
    /// The files that are meant.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let words: Vec<&str> = self.module.split('.').collect();
        let is_word = |word: &&str| !word.is_empty() && word.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        let Some((last, parents)) = words.split_last().filter(|_| words.iter().all(is_word)) else { return Vec::new() };
        let parent = parents.iter().fold(self.folder.clone(), |folder, word| folder.join(word));
        if parent.join(last).is_dir() {
            return plugins_in(&parent.join(last));
        }
        // `module.so`, and with the tags that builders put in between.
        let is_library = |name: &Path| {
            let text = name.to_str().unwrap_or_default();
            text.strip_prefix(*last).is_some_and(|rest| rest.starts_with('.')) && name.extension() == Some(OsStr::new("so"))
        };
        let names = listed(&parent).into_iter().filter(|name| is_library(Path::new(name)));
        names.map(|name| parent.join(name)).collect()
    }
}

/// What the packages of these folders declare. A folder is read again only when it has changed.
pub(crate) fn declared(folders: &[PathBuf]) -> Vec<Declared> {
    static KNOWN: Mutex<Option<HashMap<PathBuf, (SystemTime, Vec<Declared>)>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    let mut all = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_absolute()) {
        let Ok(changed) = fs::metadata(folder).and_then(|of_folder| of_folder.modified()) else { continue };
        match known.get(folder) {
            Some((then, found)) if *then == changed => all.extend_from_slice(found),
            _ => {
                let found = read(folder);
                all.extend_from_slice(&found);
                known.insert(folder.clone(), (changed, found));
            }
        }
    }
    all
}

fn read(folder: &Path) -> Vec<Declared> {
    let mut found = Vec::new();
    for name in listed(folder) {
        if Path::new(&name).extension() != Some(OsStr::new("dist-info")) {
            continue;
        }
        let file = folder.join(name).join("entry_points.txt");
        let short = fs::metadata(&file).is_ok_and(|of_file| of_file.len() <= LONGEST);
        let Some(text) = short.then(|| fs::read_to_string(&file).ok()).flatten() else { continue };
        for (name, module) in group(&text) {
            found.push(Declared { name, module, folder: folder.to_owned(), file: file.clone() });
        }
    }
    found
}

/// The names and modules of the group in the text of an `entry_points.txt`.
fn group(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = section.trim() == GROUP;
        } else if inside
            && !line.starts_with(['#', ';'])
            && let Some((name, value)) = line.split_once('=')
        {
            let module = value.split([':', '[']).next().unwrap_or_default().trim();
            found.push((name.trim().to_owned(), module.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_read_and_nothing_else() {
        let text =
            "[console_scripts]\na = b:c\n\n[ heapsake.plugins ]\n# no\nledger = ledger._plugin [extra]\nx=y:z\n[other]\nq=r";
        let expected = [("ledger", "ledger._plugin"), ("x", "y")];
        assert_eq!(group(text), expected.map(|(name, module)| (name.to_owned(), module.to_owned())));
    }

    #[test]
    fn a_module_is_a_file_or_a_folder_and_never_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("site-packages");
        let dist_info = packages.join("ledger-1.0.dist-info");
        fs::create_dir_all(&dist_info).unwrap();
        fs::create_dir_all(packages.join("ledger/types")).unwrap();
        for file in ["ledger/_plugin.abi3.so", "ledger/_pluginother.so", "ledger/types/a.heapsake-type", "ledger/types/b.txt"] {
            fs::write(packages.join(file), "").unwrap();
        }
        let lines = "[heapsake.plugins]\na = ledger._plugin\nb = ledger.types\nc = ...etc\nd = ledger/../x\n";
        fs::write(dist_info.join("entry_points.txt"), lines).unwrap();
        let found = declared(std::slice::from_ref(&packages));
        let files: Vec<Vec<PathBuf>> = found.iter().map(Declared::files).collect();
        let expected =
            [vec![packages.join("ledger/_plugin.abi3.so")], vec![packages.join("ledger/types/a.heapsake-type")], vec![], vec![]];
        assert_eq!(files, expected);
        assert_eq!(declared(&[PathBuf::from("site-packages")]), []);
    }
}
