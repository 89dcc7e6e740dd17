//! Where plugins are looked for: sorted, allowed or not, safe or not, and never in the working directory.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use heapsake_plugins::{Places, Settings, packages_of};

fn file(path: &Path) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    path.to_owned()
}

fn found(settings: &Settings) -> (Vec<PathBuf>, Vec<String>) {
    let places = Places::find(settings);
    (places.found.into_iter().map(|one| one.path).collect(), places.refused.into_iter().map(|one| one.reason).collect())
}

#[test]
fn places_come_in_order_and_files_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let listed = [file(&at("b/two.so")), file(&at("a/libone.so")), file(&at("a/three.heapsake-type"))];
    file(&at("a/readme.txt"));
    file(&at("a/below/four.so"));
    let data = file(&at("data/five.so"));
    let packages = at("lib/python3.11/site-packages");
    let declared = file(&packages.join("ledger/_plugin.so"));
    let entry = file(&packages.join("ledger-1.dist-info/entry_points.txt"));
    fs::write(&entry, "[heapsake.plugins]\nledger = ledger._plugin\nlost = ledger._lost\n").unwrap();
    let settings = Settings {
        path: vec![listed[0].clone(), at("a"), at("a"), at("nowhere")],
        data: Some(at("data")),
        packages: packages_of(&at("bin/python")),
        ..Settings::default()
    };
    let (paths, reasons) = found(&settings);
    assert_eq!(paths, [&listed[0], &listed[1], &listed[2], &data, &declared].map(Clone::clone));
    let lost = "package entry point lost names ledger._lost, where no plugin lies";
    assert_eq!(reasons, ["there is no such file", lost]);
}

#[test]
fn nothing_comes_from_the_working_directory() {
    let here = PathBuf::from("src");
    let settings = Settings { path: vec![here.clone()], packages: vec![here], ..Settings::default() };
    let (paths, reasons) = found(&settings);
    assert_eq!(paths, [""; 0].map(PathBuf::from));
    assert_eq!(reasons, ["its path is relative: plugins are never taken from the working directory"]);
    assert_eq!(packages_of(Path::new("bin/python")), [""; 0].map(PathBuf::from));
}

#[test]
fn a_list_allows_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (file(&folder.path().join("libone.so")), file(&folder.path().join("two.so")));
    let allow = |names: &[&str]| Settings {
        path: vec![one.clone(), two.clone()],
        allow: Some(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>()),
        ..Settings::default()
    };
    assert_eq!(found(&allow(&["one"])), (vec![one.clone()], vec!["two is not in HEAPSAKE_PLUGINS_ALLOW".to_owned()]));
    assert_eq!(found(&allow(&[""])).0.len(), 0);
}

#[test]
fn what_others_can_change_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let one = file(&folder.path().join("inner/one.so"));
    let settings = Settings { path: vec![one.clone()], ..Settings::default() };
    assert_eq!(found(&settings).0.len(), 1);
    fs::set_permissions(&one, Permissions::from_mode(0o666)).unwrap();
    assert!(found(&settings).1[0].starts_with("everybody may write to it"));
    fs::set_permissions(&one, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(one.parent().unwrap(), Permissions::from_mode(0o777)).unwrap();
    assert!(found(&settings).1[0].starts_with("everybody may write to its folder"));
    // By another way to the same file.
    let link = folder.path().join("link.so");
    std::os::unix::fs::symlink(&one, &link).unwrap();
    assert!(found(&Settings { path: vec![link], ..Settings::default() }).1[0].starts_with("everybody may write to its folder"));
}
