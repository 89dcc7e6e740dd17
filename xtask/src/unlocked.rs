//! The package for builds of CPython without an interpreter lock, made for those that the tests have: launchers of freeze-core. None
//! of them has pip, so it is put beside their own modules. PyO3 knows no such build before 3.14.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::test::finish;

/// The first minor release that PyO3 makes an extension for.
const FIRST: u32 = 14;

/// Makes the package for each of `pythons` that has no lock, the extension once for each minor release.
pub(crate) fn provide(root: &Path, pythons: &[PathBuf]) -> Result<()> {
    let mut made: BTreeMap<u32, PathBuf> = BTreeMap::new();
    for python in pythons {
        let Some((minor, folder)) = asked(python)? else { continue };
        let package = match made.entry(minor) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(package(root, minor).with_context(|| format!("the package for CPython 3.{minor}t"))?)
            }
        };
        let place = folder.join("heapsake");
        let _ = fs::remove_file(&place);
        symlink(&*package, &place).with_context(|| place.display().to_string())?;
    }
    Ok(())
}

/// The minor release of a build without a lock for which the package can be made, and the last folder that it looks for modules in.
fn asked(python: &Path) -> Result<Option<(u32, PathBuf)>> {
    let question = "import sys; print(sys.version_info[1], 't' in getattr(sys, 'abiflags', ''), sys.path[-1])";
    let output = Command::new(python).args(["-I", "-c", question]).output().with_context(|| python.display().to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = text.trim().splitn(3, ' ').collect();
    let [minor, unlocked, folder] = words[..] else { bail!("{} does not say where its modules are", python.display()) };
    let minor = minor.parse()?;
    Ok((unlocked == "True" && minor >= FIRST).then(|| (minor, PathBuf::from(folder))))
}

/// The folder of the package, with the extension for one minor release; built now.
fn package(root: &Path, minor: u32) -> Result<PathBuf> {
    let folder = root.join("target/unlocked").join(format!("3.{minor}"));
    let package = folder.join("heapsake");
    // Modules that there are no more are no part of it.
    let _ = fs::remove_dir_all(&package);
    fs::create_dir_all(&package)?;
    // Such a build has an extension of its own; without the interpreter's pip and headers this is what PyO3 has to know.
    let config = folder.join("pyo3");
    let lines = [
        "implementation=CPython",
        &format!("version=3.{minor}"),
        "shared=true",
        "abi3=false",
        "pointer_width=64",
        "build_flags=Py_GIL_DISABLED",
        "suppress_build_script_link_lines=true",
    ];
    let text = lines.join("\n") + "\n";
    // Written anew it would have everything built anew.
    if fs::read_to_string(&config).ok().as_ref() != Some(&text) {
        fs::write(&config, text)?;
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--quiet", "--package", "heapsake-python", "--features", "pyo3/extension-module"]);
    finish(build.env("PYO3_CONFIG_FILE", &config).current_dir(root))?;
    let extension = package.join(format!("_heapsake.cpython-3{minor}t-x86_64-linux-gnu.so"));
    let _ = fs::remove_file(&extension);
    fs::copy(root.join("target/release/lib_heapsake.so"), &extension)?;
    let source = root.join("frontends/python/heapsake");
    for entry in fs::read_dir(&source)? {
        let entry = entry?;
        let place = package.join(entry.file_name());
        let is_extension = entry.path().extension().is_some_and(|ending| ending == "so");
        if !is_extension && entry.file_name() != "__pycache__" {
            symlink(entry.path(), place)?;
        }
    }
    Ok(package)
}
