//! Plugins that are shared libraries: the handshake, what they may tell, and everything that a bad one may do.
//!
//! The objects lie at addresses that are mapped in no process, so a plugin that dereferences one crashes.

mod support;

use std::mem::offset_of;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use heapsake_core::heap::EdgeKind;
use heapsake_core::reduce::{Member, Reason, Registry};
use heapsake_plugins::{Found, Limits, Places, Plugins, Programs, abi};
use support::building::{cargo_build, compile, shop};
use support::{Made, open};

const AT: u64 = 0x5eed_0000_0000;

fn article() -> Made {
    Made::default().object(AT, "shop.Article", &[1, 2, AT + 0x100, AT + 0x200]).bytes(AT + 0x100, b"eggcup!!").object(
        AT + 0x200,
        "shop.Shelf",
        &[1],
    )
}

fn reasons(plugins: &Plugins) -> Vec<&str> {
    plugins.refused.iter().map(|one| one.reason.as_str()).collect()
}

#[test]
fn the_header_is_the_interface() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("layout");
    compile("layout.c", &program, &[]);
    let said = String::from_utf8(Command::new(&program).output().unwrap().stdout).unwrap();
    macro_rules! lines {
        ($($name:literal = $type:ident { $($field:ident),* })*) => {
            vec![$(
                format!("{} {}", $name, size_of::<abi::$type>()),
                $(format!("{}.{} {}", $name, stringify!($field), offset_of!(abi::$type, $field)),)*
            )*]
        };
    }
    let mut expected = lines! {
        "heapsake_text" = Text {}
        "heapsake_member" = Member {}
        "heapsake_type" = Type { name }
        "heapsake_reducer" = Reducer { type_count, saves, file, reduce, data }
        "heapsake_plugin" = Plugin {
            size, major, minor, name, version, reducer_size, reducer_count, reducers, description
        }
        "heapsake_host" = Host {
            address, read, type_name, is_object, type_name_of, reduce_base, state, edge, indexed_edge, element, entry, value,
            fail, base, member, process_fact
        }
    };
    expected.push(format!("magic {}", abi::MAGIC));
    expected.push(format!("version {}.{}", abi::MAJOR, abi::MINOR));
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_plugin_in_c_tells_what_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = open(&[shop(folder.path(), "shop", &[])], Limits::default());
    assert_eq!(reasons(&plugins), [""; 0]);
    assert_eq!((plugins.loaded[0].name.as_str(), plugins.loaded[0].version.as_str()), ("shop", "0.3"));
    let told = article().reduce(&plugins, AT);
    assert_eq!((told.text("name"), told.text("type")), ("eggcup!!", "shop.Article"));
    let edges = [(EdgeKind::Attribute, "parent".to_owned(), AT + 0x200), (EdgeKind::Internal, "base".to_owned(), 0xba5e)];
    assert_eq!((&told.edges[..], &told.elements[..], &told.failure), (&edges[..], &[AT + 0x200][..], &None));
    let facts = plugins.facts();
    assert!(format!("{facts:?}").contains("shop.Article"), "{facts:?}");
    assert_eq!(plugins.notes(), [""; 0]);
}

#[test]
fn older_minors_are_taken_and_whatever_is_newer_or_broken_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = offset_of!(abi::Plugin, description).to_string();
    let older = shop(folder.path(), "older", &["-DMINOR=0", &format!("-DSIZE={first}")]);
    let plugins = open(&[older], Limits::default());
    assert_eq!((reasons(&plugins), article().reduce(&plugins, AT).text("name")), (vec![], "eggcup!!"));
    assert_eq!(plugins.loaded[0].description, "", "what lies beyond its size is not read");

    for (name, arguments, reason) in [
        ("major", &["-DMAJOR=2"][..], "made for plugin interface 2.1, and this heapsake has 1.1"),
        ("minor", &["-DMINOR=2"], "made for plugin interface 1.2"),
        ("stale", &["-DMAJOR=0"], "hint: update the plugin"),
        ("short", &["-DSIZE=24"], "its table has 24 bytes"),
        ("magic", &["-DMAGIC=7"], "its table begins with 0x7"),
        ("entry", &["-Dheapsake_plugin_v1=heapsake_plugin_v9"], "does not export heapsake_plugin_v1"),
        ("crash", &["-DCRASH_AT_START"], "crashed with signal 6 while it was opened"),
    ] {
        let refused = shop(folder.path(), name, arguments);
        // One that is well comes after it, and is used.
        let plugins = open(&[refused.clone(), shop(folder.path(), "shop", &[])], Limits::default());
        assert_eq!((plugins.refused.len(), plugins.loaded.len()), (1, 1), "{name}: {plugins:?}");
        assert_eq!(plugins.refused[0].path, refused);
        assert!(plugins.refused[0].reason.contains(reason), "{name}: {:?}", plugins.refused[0].reason);
        assert_eq!(article().reduce(&plugins, AT).text("name"), "eggcup!!");
        assert!(format!("{:?}", plugins.facts()).contains("refused"));
    }
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let plugins = open(&[text], Limits::default());
    assert!(plugins.refused[0].reason.contains("it cannot be opened"), "{plugins:?}");
}

/// How many objects the first plugin was asked about.
fn objects(plugins: &Plugins) -> ciborium::Value {
    let entry = |value: &ciborium::Value, name: &str| {
        let found = value.as_map().and_then(|map| map.iter().find(|(key, _)| key.as_text() == Some(name)));
        found.unwrap_or_else(|| panic!("no {name} in {value:?}")).1.clone()
    };
    let loaded = entry(&plugins.facts()[0].1, "loaded");
    entry(&loaded.as_array().expect("a list")[0], "objects")
}

#[test]
fn a_bad_reducer_costs_its_object_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let deadline = Duration::from_secs(1);
    let plugins = open(&[shop(folder.path(), "shop", &[])], Limits { deadline, crashes: 100 });
    for (name, reason, words) in [
        ("shop.Crash", Reason::ReducerFailed, "plugin shop: crashed with signal 6"),
        ("shop.Dereference", Reason::ReducerFailed, "plugin shop: crashed with signal 11"),
        ("shop.Loop", Reason::ReducerFailed, "plugin shop: gave no answer within 1.0 s"),
        ("shop.Giant", Reason::ReducerFailed, "plugin shop: told what the host does not take"),
        ("shop.Wild", Reason::Unreadable, "plugin shop: nothing lies there"),
        ("shop.Liar", Reason::ReducerFailed, "plugin shop: told what the host does not take"),
        ("shop.Garbage", Reason::ReducerFailed, "plugin shop: its state is no CBOR"),
        ("shop.Impostor", Reason::ReducerFailed, "plugin shop: sent a message of 2147483647 bytes"),
        ("shop.Quiet", Reason::ReducerFailed, "plugin shop: ended with status 7 and no reason"),
    ] {
        let made = article().object(AT + 0x300, name, &[1, 2, 3, 4]);
        let started = Instant::now();
        let told = made.reduce(&plugins, AT + 0x300);
        let (found, detail) = told.failed();
        assert!((found, detail.contains(words)) == (reason, true), "{name}: {found:?} {detail}");
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", started.elapsed());
        // The writing pass tells the same, without asking again.
        let asked = objects(&plugins);
        assert_eq!(made.reduce(&plugins, AT + 0x300).failure, told.failure, "{name}");
        assert_eq!(objects(&plugins), asked, "{name}");
        // The worker was replaced, and what is well behaved is as before.
        let address = AT + 0x1000;
        let well = Made::default().object(address, "shop.Article", &[1, 2, AT + 0x100, 0]).bytes(AT + 0x100, b"saucers!");
        let well = well.object(AT + 0x300, name, &[1, 2, 3, 4]);
        assert_eq!(well.reduce(&plugins, address).text("name"), "saucers!", "{name}");
    }
    let notes = plugins.notes().join("\n");
    assert!(notes.contains("plugin shop failed at"), "{notes}");
}

#[test]
fn many_are_asked_about_at_once_and_who_crashes_costs_itself() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = open(&[shop(folder.path(), "shop", &[])], Limits { crashes: 100, ..Limits::default() });
    let addresses: Vec<u64> = (1..=600).map(|at| AT + 0x1000 * at).collect();
    let is_well = |at: usize| at % 200 != 100;
    let made = addresses.iter().enumerate().fold(Made::default(), |made, (at, address)| {
        made.object(*address, "shop.Crash", &[1, 2, if is_well(at) { 0x77 } else { 0 }])
    });
    // Ten are known before.
    for address in &addresses[..10] {
        made.reduce(&plugins, *address);
    }
    made.expect(&plugins, &addresses);
    assert_eq!(objects(&plugins), ciborium::Value::from(600));
    for (at, address) in addresses.iter().enumerate() {
        let told = made.reduce(&plugins, *address);
        if is_well(at) {
            assert_eq!((told.elements.as_slice(), &told.failure), (&[0x77][..], &None), "{at}");
        } else {
            assert!(told.failed().1.contains("crashed with signal 6"), "{at}: {:?}", told.failure);
        }
    }
    assert_eq!(objects(&plugins), ciborium::Value::from(600), "nothing is asked again");
    let notes = plugins.notes().join("\n");
    assert!(notes.contains("failed at 3 of 600 objects"), "{notes}");
}

#[test]
fn a_handle_serves_for_its_object_only() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = open(&[shop(folder.path(), "shop", &[])], Limits::default());
    let made = Made::default().object(AT, "shop.Keeper", &[1]).object(AT + 8, "shop.Keeper", &[1]);
    for address in [AT, AT + 8] {
        let told = made.reduce(&plugins, address);
        assert_eq!((told.elements.len(), &told.failure), (0, &None));
    }
}

#[test]
fn a_plugin_that_crashes_too_often_is_switched_off_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let panicking = panicking();
    let plugins = open(&[shop(folder.path(), "shop", &[]), panicking], Limits { crashes: 3, ..Limits::default() });
    let mut made = contract();
    for at in 0..6 {
        made = made.object(AT + 0x1000 * (at + 1), "shop.Crash", &[1, 2]);
    }
    let failures: Vec<String> = (0..6).map(|at| made.reduce(&plugins, AT + 0x1000 * (at + 1)).failed().1.to_owned()).collect();
    assert!(failures[2].contains("crashed with signal 6"), "{failures:?}");
    assert!(failures[3..].iter().all(|words| words.contains("plugin shop: switched off: after 3 lost workers")), "{failures:?}");
    assert_eq!(made.reduce(&plugins, AT).text("fact"), "/journal");
    let notes = plugins.notes();
    assert!(notes[0].contains("failed at 6 of 6 objects") && notes[1].contains("was switched off"), "{notes:?}");
    let facts = format!("{:?}", plugins.facts());
    assert!(facts.contains("crashes") && facts.contains("lost workers"), "{facts}");
}

fn panicking() -> PathBuf {
    cargo_build(&["-p", "heapsake-plugins", "--example", "panicking"], "examples/libpanicking.so")
}

fn contract() -> Made {
    let mut made = Made::default().object(AT, "rust.Contract", &[1, 2, AT + 0x100]).object(AT + 0x108, "shop.Shelf", &[1]);
    made.bases = vec!["rust.Contract".to_owned(), "a.very.long.name.".repeat(40)];
    made.members = vec![Member { name: "next".to_owned(), offset: 24, kind: 6, is_object: true }];
    made.facts.insert("fd/7", b"/journal".to_vec());
    made.facts.insert("pid", b"4711".to_vec());
    made
}

#[test]
fn a_plugin_in_rust_speaks_the_whole_contract() {
    let plugins = open(&[panicking()], Limits::default());
    assert_eq!(reasons(&plugins), [""; 0]);
    let told = contract().reduce(&plugins, AT);
    let edges: Vec<(EdgeKind, &str, u64)> = told.edges.iter().map(|(kind, name, to)| (*kind, name.as_str(), *to)).collect();
    let long = "a.very.long.name.".repeat(40);
    let expected = [
        (EdgeKind::Weak, "Index(3)", AT + 0x100),
        (EdgeKind::Internal, "rust.Contract", 1),
        (EdgeKind::Internal, long.as_str(), 1),
        (EdgeKind::Borrowed, "next", 24),
        (EdgeKind::Internal, "base", 0xba5e),
    ];
    assert_eq!(edges, expected);
    assert_eq!(told.entries, [(AT, AT + 0x100)]);
    assert_eq!((told.text("fact"), &told.state["named"]), ("/journal", &ciborium::Value::Null));
    let values = [r#"Text(Utf8("café"))"#, "(true, [1, 0, 0, 0, 0, 0, 0, 0, 2])", "Complex(0.5, -2.0)"];
    assert_eq!(told.values, values);
    assert_eq!(told.failure, None);

    let failing = contract().object(AT, "rust.Contract", &[1, 2, AT + 0x108]);
    let told = failing.reduce(&plugins_again(), AT);
    assert_eq!(told.failed(), (Reason::Corrupt, "plugin panicking: told at the end"));
    assert_eq!((told.edges.len(), told.text("named")), (5, "shop.Shelf"), "what was told before stays");
}

fn plugins_again() -> Plugins {
    open(&[panicking()], Limits::default())
}

#[test]
fn a_plugin_in_c_uses_what_was_added() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = open(&[shop(folder.path(), "shop", &[])], Limits::default());
    let mut made = Made::default().object(AT, "shop.Modern", &[1]);
    made.bases = vec!["shop.Modern".to_owned()];
    made.members = vec![Member { name: "price".to_owned(), offset: 40, kind: 6, is_object: true }];
    made.facts.insert("pid", b"4711".to_vec());
    let told = made.reduce(&plugins, AT);
    let edges = [(EdgeKind::Internal, "shop.Modern".to_owned(), 0), (EdgeKind::Borrowed, "price".to_owned(), 40)];
    assert_eq!((&told.edges[..], told.values[0].as_str(), &told.failure), (&edges[..], r#"Text(Utf8("4711"))"#, &None));
}

#[test]
fn a_panic_stops_at_the_boundary() {
    let plugins = open(&[panicking()], Limits::default());
    let made = Made::default().object(AT, "rust.Panicking", &[1]).object(AT + 8, "rust.Deep", &[1]);
    let told = made.reduce(&plugins, AT);
    assert_eq!(told.failed(), (Reason::ReducerFailed, "plugin panicking: panicked: no luck at 0x5eed00000000"));
    assert_eq!(told.edges, [(EdgeKind::Attribute, "told before".to_owned(), AT)]);
    assert!(format!("{:?}", plugins.facts()).contains("\"crashes\"), Integer(Integer(0))"), "{:?}", plugins.facts());
    let told = made.reduce(&plugins, AT + 8);
    assert!(told.failed().1.starts_with("plugin panicking: "), "a stack without end: {told:?}");
}

#[test]
fn two_reducers_for_one_type_are_refused_by_both_names() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (shop(folder.path(), "one", &[]), shop(folder.path(), "other", &[]));
    let plugins = open(&[one.clone(), other.clone()], Limits::default());
    assert_eq!(plugins.refused.len(), 13, "each of its reducers");
    let reason = &plugins.refused[0].reason;
    for words in ["shop.Article", &one.display().to_string(), &other.display().to_string(), "plugin shop 0.3"] {
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(article().reduce(&plugins, AT).text("name"), "eggcup!!", "the first stays");
}

#[test]
fn the_worker_ends_with_its_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = open(&[shop(folder.path(), "shop", &[])], Limits::default());
    let workers = || {
        let own = std::process::id().to_string();
        let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let path = entry.ok()?.path();
            let status = std::fs::read_to_string(path.join("status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().to_owned();
            let maps = std::fs::read_to_string(path.join("maps")).ok()?;
            (parent == own && maps.contains(&folder.path().display().to_string())).then_some(path)
        });
        children.collect::<Vec<_>>()
    };
    assert_eq!(workers().len(), 1);
    drop(plugins);
    assert_eq!(workers(), Vec::<PathBuf>::new());
}

/// Fails the test where a process is started.
struct Never;

impl heapsake_plugins::Spawner for Never {
    fn spawn(&self) -> std::io::Result<heapsake_plugins::Worker> {
        panic!("a process is started");
    }
}

#[test]
fn no_process_is_started_without_a_library() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Plugins::open(Places::default(), Registry::default(), Box::new(Never));
    assert_eq!((plugins.facts().len(), plugins.notes().len()), (0, 0));
    let path = folder.path().join("a.heapsake-type");
    std::fs::write(&path, "heapsake-type 1\ntype a.B\nx = 16 i64\n").unwrap();
    let places = Places { found: vec![Found { path, is_description: true }], ..Places::default() };
    let plugins = Plugins::open(places, Registry::default(), Box::new(Never));
    let told = Made::default().object(AT, "a.B", &[1, 2, 3]).reduce(&plugins, AT);
    assert_eq!(told.state["x"], ciborium::Value::from(3));
}

#[test]
fn a_worker_that_cannot_be_started_costs_the_plugins_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (command, reason) in
        [(vec![], "no program to run plugins in"), (vec!["/bin/false".into()], "crashed while it was opened")]
    {
        let found = vec![Found { path: shop(folder.path(), "shop", &[]), is_description: false }];
        let places = Places { found, ..Places::default() };
        let plugins = Plugins::open(places, Registry::default(), Box::new(Programs { command }));
        assert!(reasons(&plugins)[0].contains(reason), "{plugins:?}");
    }
}
