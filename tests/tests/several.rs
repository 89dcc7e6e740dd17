//! Processes with more than one CPython: a library that lies there and runs nothing, and a host that runs two.

use std::path::{Path, PathBuf};
use std::process::Command;

use heapsake_loader::open;
use heapsake_tests::cores::gdb_core;
use heapsake_tests::{Environment, Waiting, file, minors, run};

/// The library of an interpreter that is built as one, and the folder that it is installed in.
fn library(environment: &Environment) -> Option<(PathBuf, PathBuf)> {
    let code = "import sys, sysconfig as s; print(s.get_config_var('LIBDIR')); print(s.get_config_var('INSTSONAME')); print(sys.base_prefix)";
    let said = run(environment.python().args(["-c", code])).success("where the library is");
    let mut lines = said.lines();
    let (folder, name, prefix) = (lines.next()?, lines.next()?, lines.next()?);
    let path = Path::new(folder).join(name);
    (name.contains(".so") && path.is_file()).then(|| (path, prefix.into()))
}

/// Interpreters that are libraries, each with its own.
fn libraries() -> Vec<(Environment, PathBuf, PathBuf)> {
    let found: Vec<_> = minors()
        .into_iter()
        .filter_map(|environment| {
            let (path, prefix) = library(&environment)?;
            Some((environment, path, prefix))
        })
        .collect();
    if found.len() < 2 {
        assert!(std::env::var_os("CI").is_none(), "two interpreters that are libraries are part of this test");
        println!("not tested: of {} interpreters that are built as libraries two are needed", found.len());
        return Vec::new();
    }
    found
}

fn shown(opener: &Environment, dump: &Path, path: &str) -> String {
    let ended = run(opener.heapsake().arg("inspect").arg(dump).arg(path));
    format!("{}{}", ended.out, ended.err)
}

#[test]
fn a_library_that_runs_nothing_is_passed_over() {
    let libraries = libraries();
    let folder = tempfile::tempdir().expect("a folder");
    // Each beside the next one, so that it lies above it and below it.
    for (index, (environment, own, _)) in libraries.iter().enumerate() {
        let (_, other, _) = &libraries[(index + 1) % libraries.len()];
        let mut command = environment.python();
        let waiting = Waiting::start(command.arg(file("programs/several/grafted.py")).arg(other));
        let called = format!("{} beside {}", own.display(), other.display());
        let live = folder.path().join(format!("{index}.heapsake"));
        run(environment.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&live)).success(&called);
        assert!(shown(environment, &live, "module:__main__/marker").contains("the one that runs"), "{called}");
        assert_eq!(open(&live).expect("a dump").fact("other_pythons").map(|_| ()), None, "{called}");
        waiting.release();
    }
}

#[test]
fn each_of_two_that_run_can_be_chosen() {
    let libraries = libraries();
    let [(opener, first, home), .., (_, last, last_home)] = &libraries[..] else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let host = folder.path().join("host");
    let source = file("programs/several/host.c");
    run(Command::new("cc").arg("-o").arg(&host).arg(source).args(["-ldl", "-lpthread"])).success("the compiler");
    let code = |marker: &str| format!("import posix\nmarker = ['{marker}']\nposix.write(100, b'x')\nposix.read(0, 1)\n");
    let mut command = Command::new(&host);
    command.arg(first).arg(home).arg(code("first")).arg(last).arg(last_home).arg(code("last"));
    let waiting = Waiting::start(&mut command);
    let to = |name: &str| folder.path().join(name);
    let name = |library: &Path| library.file_name().expect("a name").to_owned();
    let core = gdb_core(&waiting.pid(), &to("core"));
    assert!(core.is_some() || std::env::var_os("CI").is_none(), "gdb is part of this test");
    for kind in ["dump", "core"] {
        if kind == "core" && core.is_none() {
            println!("not tested: gdb is not here to make a core");
            continue;
        }
        let command = |options: &[&std::ffi::OsStr], dump: &str| {
            let mut command = opener.heapsake();
            command.arg(kind);
            if kind == "dump" {
                command.arg(waiting.pid())
            } else {
                command.arg(to("core"))
            };
            command.args(options).arg("-o").arg(to(dump));
            run(&mut command)
        };
        let told = command(&[], "any.heapsake").success("without a choice");
        assert!(told.contains("runs in the process too, and is not in this dump: --libpython chooses it"), "{told}");
        for (library, marker) in [(first, "first"), (last, "last")] {
            let dump = format!("{kind}-{marker}.heapsake");
            command(&["--libpython".as_ref(), &name(library)], &dump).success(marker);
            let shown = shown(opener, &to(&dump), "module:__main__/marker");
            assert!(shown.contains(&format!("'{marker}'")), "{kind} {marker}: {shown}");
        }
        let refused = command(&["--libpython".as_ref(), "libpython2.7.so".as_ref()], "none.heapsake");
        assert!(
            refused.status.code() == Some(1) && refused.err.contains("no CPython of the process is in a file called"),
            "{refused:?}"
        );
        let both = [first, last].iter().all(|library| refused.err.contains(&library.display().to_string()));
        assert!(both && !to("none.heapsake").exists(), "{refused:?}");
    }
    waiting.release();
}
