//! The registry of this crate: every file in it, sorted, no duplicates, and a reference page of all.

use std::collections::BTreeSet;
use std::path::Path;

use heapsake_core::reduce::Registry;

use crate::framework::testing::registrations;

#[test]
fn every_file_registers_one_or_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let registered: BTreeSet<String> =
        registrations().iter().filter_map(|one| Some(Path::new(one.file).file_name()?.to_string_lossy().into_owned())).collect();
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| {
            Path::new(name).extension().is_some_and(|extension| extension == "rs")
                && !name.ends_with("_tests.rs")
                && name != "lib.rs"
        })
        .collect();
    assert_eq!(registered, files);
}

#[test]
fn the_registry_is_sorted_and_has_no_duplicates() {
    let registry = Registry::linked().unwrap();
    let names: Vec<&str> = registry.entries().map(|(matched, _)| matched.name()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(names.len() > 100, "{}", names.len());
    assert!(registrations().iter().all(|one| !one.saves.is_empty() && one.origin == "built in"));
}

#[test]
fn the_reference_says_what_of_every_reducer() {
    let page = crate::reference(&[]);
    for one in registrations() {
        for matched in one.types {
            assert!(page.contains(&format!("`{}`", matched.name())), "{}", matched.name());
        }
    }
    for words in ["*What it holds.*", "*What is saved.*", "*What becomes a surrogate.*"] {
        assert_eq!(page.matches(words).count(), registrations().len(), "{words}");
    }
}
