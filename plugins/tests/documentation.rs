//! What `docs/writing-a-reducer.md` shows is what is built and run: every block that names a file is that file of the
//! repository, and the doors that it teaches tell the same of the same object. Its examples in Python are run by
//! `frontends/python/tests/test_entry_points.py`.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use heapsake_core::heap::EdgeKind;
use heapsake_plugins::Limits;
use support::building::{cargo_build_at, compile_file, here};
use support::{Made, open};

const AT: u64 = 0x5eed_0000_0000;

fn root() -> PathBuf {
    here().parent().expect("the workspace").to_owned()
}

/// The blocks of the page that name a file, with what they show.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(file) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let fence = lines.next().unwrap_or_default();
        assert!(fence.starts_with("```"), "a block follows {line}");
        let shown: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push((file.to_owned(), shown.join("\n")));
    }
    found
}

#[test]
fn every_block_is_the_file_that_it_names() {
    let page = fs::read_to_string(root().join("docs/writing-a-reducer.md")).unwrap();
    let blocks = blocks(&page);
    let names: Vec<&str> = blocks.iter().map(|(name, _)| name.as_str()).collect();
    for needed in [
        "examples/fleet.rs",
        "plugins/template/Cargo.toml",
        "plugins/template/src/lib.rs",
        "plugins/example/handle.c",
        "plugins/example/handle.heapsake-type",
    ] {
        assert!(names.contains(&needed), "{needed} is not shown");
    }
    for (name, shown) in &blocks {
        let file = fs::read_to_string(root().join(name)).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert!(file.trim_end() == shown.trim_end(), "the block of {name} is not the file");
    }
}

#[test]
fn the_doors_tell_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let in_c = folder.path().join("handle.so");
    let all = ["-Wextra", "-Werror", "-shared", "-fPIC"];
    compile_file(&here().join("example/handle.c"), &in_c, &all);
    let described = here().join("example/handle.heapsake-type");
    let made = Made::default()
        .object(AT, "my_package.Handle", &[1, 2, AT + 0x100, (-7i64) as u64, AT + 0x200, 1])
        .bytes(AT + 0x100, b"/var/lib/handle\0")
        .object(AT + 0x200, "my_package.Other", &[1]);
    for door in [template(folder.path()), in_c, described] {
        let plugins = open(std::slice::from_ref(&door), Limits::default());
        let told = made.reduce(&plugins, AT);
        let place = door.display();
        assert_eq!((told.text("path"), &told.state["open"]), ("/var/lib/handle", &true.into()), "{place}");
        assert_eq!(told.state["position"], (-7).into(), "{place}");
        assert_eq!(told.edges, [(EdgeKind::Attribute, "parent".to_owned(), AT + 0x200)], "{place}");
        assert_eq!((told.failure, told.state.len()), (None, 3), "{place}");
    }
}

/// Builds a copy of the template, with the dependencies of this workspace.
fn template(folder: &Path) -> PathBuf {
    let copy = folder.join("template");
    fs::create_dir_all(copy.join("src")).unwrap();
    let from = here().join("template");
    fs::copy(from.join("src/lib.rs"), copy.join("src/lib.rs")).unwrap();
    fs::copy(root().join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();
    let mut manifest = fs::read_to_string(from.join("Cargo.toml")).unwrap();
    for (name, path) in [("heapsake-core", root().join("core")), ("heapsake-plugins", here())] {
        let published = format!("{name} = {{ git = \"https://github.com/heapsake/heapsake\"");
        assert!(manifest.contains(&published), "{manifest}");
        manifest = manifest.replace(&published, &format!("{name} = {{ path = \"{}\"", path.display()));
    }
    fs::write(copy.join("Cargo.toml"), manifest).unwrap();
    cargo_build_at(&copy, &["--offline"], "libmy_package_heapsake.so")
}
