//! Cores of real programs, by the kernel and by gdb: their dumps are near-isomorphic to the one of the live process, and to the
//! one from inside; what a core lacks is said, and what it has is there.

use std::path::Path;
use std::process::Command;

use heapsake_core::format::records::Thread;
use heapsake_loader::{Dump, isomorphism, open};
use heapsake_tests::cores::{gdb_core, kernel_core, kernel_writes_cores, with_core, without_files, without_stacks};
use heapsake_tests::programs::{Description, differences};
use heapsake_tests::{
    Ended, Environment, Waiting, every, file, in_parallel, last_of_each, minors, no_problems, run, until, without_a_lock,
};

/// The program whose cores are looked at: everything that once was a problem.
fn program(folder: &Path) -> std::path::PathBuf {
    let listed = std::fs::read_dir(file("programs/graphs/regressions")).expect("the folder");
    let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let sources: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).expect("a program")).collect();
    let path = folder.join("program.py");
    std::fs::write(&path, sources.concat()).expect("a program");
    path
}

fn dump_of(environment: &Environment, core: &Path, options: &[&str], to: &Path) -> Ended {
    let mut command = environment.heapsake();
    run(command.arg("core").arg(core).args(["--redact", "none"]).args(options).arg("-o").arg(to))
}

/// The stacks of a dump as text, but for the order of the threads.
fn stacks(dump: &Dump) -> Vec<String> {
    let told = |thread: &Thread| {
        let frames: Vec<String> =
            thread.frames.iter().map(|frame| format!("{}:{}:{}", frame.filename, frame.line, frame.function)).collect();
        format!("{:?} {} {}", thread.name, thread.native_id.unwrap_or(0), frames.join(" < "))
    };
    let mut stacks: Vec<String> = dump.threads().iter().map(told).collect();
    stacks.sort();
    stacks
}

/// What the kernel says of descriptors is not in a core: of the three standard streams, of the two sockets of the event loop,
/// and of what it polls.
const DESCRIPTORS: u64 = 6;

/// What differs between two dumps of one program at one place, from its graphs on, but for facts of so many objects.
fn differing(name: &str, said: &Description, one: &Dump, other: &Dump, facts: u64) -> Vec<String> {
    let root = |dump: &Dump| dump.object_at(said.root).map(|object| object.id());
    let (Some(first), Some(second)) = (root(one), root(other)) else { return vec![format!("{name}: the graphs are not there")] };
    let report = isomorphism::compare_from(one, other, &[("GRAPHS".to_owned(), first, second)]);
    let mut bad = Vec::new();
    if report.difference_count > 0 || report.known_of_process_alone > facts || report.guesses_that_differ > 0 {
        bad.push(format!("{name}: {report}"));
    }
    if report.matched + 10 < said.rows.len() as u64 {
        bad.push(format!("{name}: {} of {} objects were compared", report.matched, said.rows.len()));
    }
    bad
}

#[test]
fn live_and_cores_of_one_program_are_one_heap() {
    kernel_writes_cores().expect("cores of the kernel are part of this test");
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path());
    let environments: Vec<Environment> = every().into_iter().chain(last_of_each(without_a_lock())).collect();
    let results = in_parallel(&environments, |environment| {
        let place = folder.path().join(&environment.version);
        std::fs::create_dir(&place).expect("a folder");
        let name = |what: &str| place.join(what);
        let mut command = environment.python();
        command.arg(file("programs/graphs/run.py")).arg(&program).arg(name("said.json")).arg(name("inside.heapsake"));
        let waiting = Waiting::start(&mut with_core(&command, &place));
        let live = name("live.heapsake");
        let mut command = environment.heapsake();
        run(command.args(["dump", &waiting.pid(), "--redact", "none", "-o"]).arg(&live)).success("heapsake dump");
        let by_gdb = gdb_core(&waiting.pid(), &name("gcore"));
        assert!(by_gdb.is_some() || std::env::var_os("CI").is_none(), "gdb is part of this test");
        waiting.die("ABRT");
        let said = Description::read(&name("said.json"));
        let live = open(&live).expect("a dump");
        let mut bad = Vec::new();
        if environment.has_package {
            let inside = open(name("inside.heapsake")).expect("a dump");
            bad.extend(differing(&format!("{}: from inside and live", environment.version), &said, &inside, &live, 0));
        } else {
            println!("{}: there is no package, so nothing is dumped from inside", environment.version);
        }
        bad.extend(differences(&said, &live).into_iter().map(|one| format!("{}, live: {one}", environment.version)));
        let mut cores = vec![("kernel", kernel_core(&place))];
        if by_gdb.is_some() {
            cores.push(("gdb", name("gcore")));
        } else {
            println!("{}: without gdb there is no core of a live process", environment.version);
        }
        for (by, core) in cores {
            let called = format!("{}, core by {by}", environment.version);
            let to = name(&format!("{by}.heapsake"));
            let told = dump_of(environment, &core, &[], &to).success("heapsake core");
            let dump = open(&to).expect("a dump");
            println!("{called}: {}", told.trim_end());
            if told.contains("not found") || told.contains("refused") || told.contains("names of") || told.contains("data stack")
            {
                bad.push(format!("{called}: {told}"));
            }
            bad.extend(differing(&called, &said, &live, &dump, DESCRIPTORS));
            // From all roots: a core of the kernel has the threads in another order.
            let whole = isomorphism::compare(&live, &dump);
            if whole.matched * 10 < u64::from(live.object_count()) * 9 {
                bad.push(format!("{called}: of {} objects {} were compared: {whole}", live.object_count(), whole.matched));
            }
            bad.extend(differences(&said, &dump).into_iter().map(|one| format!("{called}: {one}")));
            if stacks(&live) != stacks(&dump) {
                bad.push(format!("{called}: stacks\n{:#?}\nand live\n{:#?}", stacks(&dump), stacks(&live)));
            }
            let signal = dump.fact("signal").is_some();
            if signal != (by == "kernel") {
                bad.push(format!("{called}: whether it died of a signal: {signal}"));
            }
        }
        bad
    });
    no_problems(&results.concat());
}

/// What libraries of C know of their objects, and what was written to a file by way of memory.
#[test]
fn what_libraries_and_files_have_is_told_of_cores() {
    kernel_writes_cores().expect("cores of the kernel are part of this test");
    // A file in memory changes without a time of change.
    let folder = tempfile::Builder::new().tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let environments = minors();
    let results = in_parallel(&environments, |environment| {
        let place = folder.path().join(&environment.version);
        std::fs::create_dir(&place).expect("a folder");
        let (data, live, by_gdb, of_core) = (place.join("data"), place.join("live"), place.join("gcore"), place.join("told"));
        let mut command = environment.python();
        let waiting = Waiting::start(&mut with_core(command.arg(file("programs/cores/libraries.py")).arg(&data), &place));
        let mut command = environment.heapsake();
        run(command.args(["dump", &waiting.pid(), "--redact", "none", "-o"]).arg(&live)).success("heapsake dump");
        gdb_core(&waiting.pid(), &by_gdb).expect("gdb is part of this test");
        waiting.die("ABRT");
        let mut bad = Vec::new();
        for core in [None, Some(by_gdb.clone()), Some(kernel_core(&place))] {
            let dump = match &core {
                Some(core) => {
                    dump_of(environment, core, &[], &of_core).success("heapsake core");
                    &of_core
                }
                None => &live,
            };
            for (expression, wanted) in [
                ("cursor.statement.sql", "'select id from orders where id > 1'"),
                ("connection.total_changes", "3"),
                ("connection.in_transaction", "True"),
                ("digest.name", "'sha256'"),
            ] {
                let shown = run(environment.heapsake().arg("inspect").arg(dump).args(["--eval", expression]));
                if shown.out.trim_end() != wanted {
                    bad.push(format!("{}, {core:?}: {expression}: {shown:?}", environment.version));
                }
            }
            let dump = open(dump).expect("a dump");
            let shared = dump.objects().find(|object| object.type_name() == "mmap.mmap").expect("what was mapped");
            if shared.value_head(19) != b"WHAT lies in a file" {
                bad.push(format!("{}, {core:?}: {:?}", environment.version, shared.value_head(19)));
            }
            let is_said = |fault: &str| fault.contains("is told as the file is now");
            let faults = dump.fact("core").map_or_else(String::new, |core| format!("{core:?}"));
            if core.as_ref().is_some_and(|core| *core != by_gdb) != is_said(&faults) {
                bad.push(format!("{}, {core:?}: {faults}", environment.version));
            }
        }
        bad
    });
    no_problems(&results.concat());
}

#[test]
fn what_a_core_lacks_is_said_and_what_it_has_is_there() {
    kernel_writes_cores().expect("cores of the kernel are part of this test");
    let folder = tempfile::tempdir().expect("a folder");
    let environments = every();
    let results = in_parallel(&environments, |environment| {
        let place = folder.path().join(&environment.version);
        let empty = place.join("empty");
        std::fs::create_dir_all(&empty).expect("a folder");
        let mut command = environment.python();
        command.arg(file("programs/cores/order.py")).arg(place.join("model"));
        let mut program = with_core(&command, &place);
        let waiting = Waiting::start(&mut program);
        waiting.die("SEGV");
        let core = kernel_core(&place);
        let mut bad = Vec::new();
        let mut look = |what: &str, core: &Path, options: &[&str], words: &[&str]| {
            let called = format!("{} {what}", environment.version);
            let to = place.join(format!("{what}.heapsake"));
            let told = dump_of(environment, core, options, &to).success(&called);
            println!("{called}: {}", told.trim_end());
            bad.extend(words.iter().filter(|word| !told.contains(**word)).map(|word| format!("{called}: no {word:?} in {told}")));
            if told.contains("/dev/zero") {
                bad.push(format!("{called}: anonymous shared memory is missed: {told}"));
            }
            let order = |path: &str| run(environment.heapsake().arg("inspect").arg(&to).arg(path));
            let path = "thread:MainThread/frame:-1/order";
            for (step, expected) in
                [("", "Order"), (".items[1]", "2.5"), (".names['größe']", "42"), (".total", "0xc9f2c9cd04674edea40000000")]
            {
                let shown = order(&format!("{path}{step}"));
                if !shown.out.contains(expected) {
                    bad.push(format!("{called}: {path}{step} is not {expected}: {}{}", shown.out, shown.err));
                }
            }
            let dump = open(&to).expect("a dump");
            let worker = dump.threads().iter().find(|thread| thread.name.as_deref() == Some("worker"));
            if worker.is_none_or(|worker| worker.frames.iter().all(|frame| frame.function != "work")) {
                bad.push(format!("{called}: the worker's stack is not there: {:?}", stacks(&dump)));
            }
        };
        look("whole", &core, &[], &["SIGSEGV"]);
        let empty = empty.to_str().expect("a name");
        look("without files", &core, &["--sysroot", empty], &["the executable", "was not found", "not found: ", "names of"]);
        let wrong = Path::new("/bin/sh").canonicalize().expect("a path");
        look("wrong executable", &core, &["--exe", wrong.to_str().expect("a name")], &["refused: it is another build"]);
        let listless = place.join("core.listless");
        std::fs::write(&listless, without_files(&std::fs::read(&core).expect("a core"))).expect("a file");
        let words = ["does not tell which files were mapped; the loader's own list does"];
        if environment.minor < 14 {
            look("without list", &listless, &[], &words);
            look("without list and files", &listless, &["--sysroot", empty], &["the executable", "was not found", words[0]]);
        } else {
            println!("{}: it is started by its loader, which then has no list that a core leads to", environment.version);
        }
        // Frames that the C stack leads to are told by the data stack.
        let stackless = place.join("core.stackless");
        std::fs::write(&stackless, without_stacks(&std::fs::read(&core).expect("a core"))).expect("a file");
        let words: &[&str] = if environment.minor >= 11 { &["told by the data stack"] } else { &[] };
        look("without stacks", &stackless, &[], words);
        let told = |what: &str| stacks(&open(place.join(format!("{what}.heapsake"))).expect("a dump"));
        if told("whole") != told("without stacks") {
            let (whole, without) = (told("whole"), told("without stacks"));
            bad.push(format!("{}: stacks {whole:#?}, without those of C {without:#?}", environment.version));
        }
        let view = |index: u32| {
            let path = format!("thread:MainThread/frame:-1/order.views[{index}]");
            run(environment.heapsake().arg("inspect").arg(place.join("whole.heapsake")).arg(path)).success("a view")
        };
        // What was mapped of the file that was replaced is gone; it is not what took its place.
        let (old, new) = (view(0), view(1));
        if !old.contains("unreadable memory") || new.contains("unreadable memory") {
            bad.push(format!("{}: of the replaced file: {old}; of the one there: {new}", environment.version));
        }
        // Half of it: whatever is left opens, or it is said why not.
        let bytes = std::fs::read(&core).expect("a core");
        let half = place.join("core.half");
        std::fs::write(&half, &bytes[..bytes.len() / 2]).expect("a file");
        let to = place.join("half.heapsake");
        let ended = dump_of(environment, &half, &[], &to);
        println!("{} cut in half: {} {}", environment.version, ended.out.trim_end(), ended.err.trim_end());
        match ended.status.code() {
            Some(0) if ended.out.contains("the core file is cut") => {
                open(&to).expect("a dump");
            }
            Some(1) if ended.err.contains("hint: ") => {}
            _ => bad.push(format!("{} cut in half: {ended:?}", environment.version)),
        }
        bad
    });
    no_problems(&results.concat());
}

/// What the main module has imported by name is not taken for its own where names are lost, and of a core that is cut the objects
/// are told that are left.
#[test]
fn types_keep_their_names_without_binaries_and_a_cut_core_has_the_objects_that_are_left() {
    kernel_writes_cores().expect("cores of the kernel are part of this test");
    let folder = tempfile::tempdir().expect("a folder");
    let environments = every();
    let results = in_parallel(&environments, |environment| {
        let place = folder.path().join(&environment.version);
        let empty = place.join("empty");
        std::fs::create_dir_all(&empty).expect("a folder");
        let mut command = environment.python();
        command.arg(file("programs/cores/imported.py"));
        let waiting = Waiting::start(&mut with_core(&command, &place));
        waiting.die("ABRT");
        let core = kernel_core(&place);
        let mut bad = Vec::new();
        let variables = |what: &str, options: &[&str]| -> Vec<String> {
            let to = place.join(format!("{what}.heapsake"));
            dump_of(environment, &core, options, &to).success(what);
            let told = run(environment.heapsake().arg("stack").arg(&to)).success("heapsake stack");
            told.lines().filter(|line| line.starts_with("      ") && line.contains(" = ")).map(str::to_owned).collect()
        };
        let mut whole = variables("whole", &[]);
        let mut nameless = variables("without files", &["--sysroot", empty.to_str().expect("a name")]);
        // What an array consists of is told by a table among the constants of its module, which may be built in.
        if nameless.iter().any(|line| line.starts_with("      numbers = <array.array unreadable memory: at ")) {
            for lines in [&mut whole, &mut nameless] {
                lines.retain(|line| !line.starts_with("      numbers = "));
            }
        }
        if whole.len() < 30 || whole != nameless {
            bad.push(format!("{}: {whole:#?}, and without files {nameless:#?}", environment.version));
        }
        // What a library has lies behind the arenas: where the interpreter is one, a core that is cut has nothing to begin with.
        // Builds without a lock have arenas before all else.
        let mut asked = environment.python();
        asked.args(["-c", "print('libpython' in open('/proc/self/maps').read())"]);
        let is_behind = run(&mut asked).success("a look at its mappings").trim() == "True" || environment.version.ends_with('t');
        let bytes = std::fs::read(&core).expect("a core");
        let (cut, to) = (place.join("core.cut"), place.join("cut.heapsake"));
        std::fs::write(&cut, &bytes[..bytes.len() / 10 * 6]).expect("a file");
        let ended = dump_of(environment, &cut, &[], &to);
        if is_behind {
            if ended.status.code() != Some(1) || !ended.err.contains("hint: the core file is cut") {
                bad.push(format!("{}: {ended:?}", environment.version));
            }
        } else if ended.status.code() == Some(0) && ended.out.contains("no root leads to any more") {
            let dump = open(&to).expect("a dump");
            let totals = dump.objects().filter(|object| object.type_name() == "float").count();
            println!("{}: {totals} of 60,000 floats are in six tenths of the core", environment.version);
            if !(10_000..60_000).contains(&totals) {
                bad.push(format!("{}: {totals} floats", environment.version));
            }
        } else {
            bad.push(format!("{}: {ended:?}", environment.version));
        }
        bad
    });
    no_problems(&results.concat());
}

#[test]
fn a_core_through_a_pipe_and_a_process_that_is_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = minors();
    let environment = environments.last().expect("an environment");
    let mut command = environment.python();
    let waiting = Waiting::start(command.arg(file("programs/cores/order.py")));
    let core = folder.path().join("gcore");
    if gdb_core(&waiting.pid(), &core).is_none() {
        assert!(std::env::var_os("CI").is_none(), "gdb is part of this test");
        println!("not tested: gdb is not here to make a core");
        return;
    }
    let stopped = Command::new("kill").args(["-STOP", &waiting.pid()]).status().expect("kill");
    assert!(stopped.success());
    // As the kernel does: the core by standard input, the process beside it. Of the stream the head alone is read then.
    for (options, is_held) in [(vec!["--pid".to_owned(), waiting.pid()], true), (Vec::new(), false)] {
        let to = folder.path().join(format!("held-{is_held}.heapsake"));
        let mut command = environment.heapsake();
        command.args(["core", "-", "--redact", "none"]).args(options).arg("-o").arg(&to);
        let input = std::fs::File::open(&core).expect("a core");
        let ended = command.stdin(input).output().expect("heapsake");
        assert!(ended.status.success(), "{ended:?}");
        let dump = open(&to).expect("a dump");
        assert_eq!(dump.fact("core").is_some(), !is_held);
        assert!(dump.threads().iter().any(|thread| thread.name.as_deref() == Some("worker")), "{:?}", stacks(&dump));
        assert_eq!(
            dump.fact("pid").and_then(|pid| pid.as_integer()),
            waiting.pid().parse::<i128>().ok().and_then(|pid| pid.try_into().ok())
        );
    }
    // A core of another process than the one that is named is read as it comes.
    let to = folder.path().join("other.heapsake");
    let mut command = environment.heapsake();
    command.args(["core", "-", "--pid", &std::process::id().to_string(), "-o"]).arg(&to);
    let ended = command.stdin(std::fs::File::open(&core).expect("a core")).output().expect("heapsake");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("the core is not of process"), "{ended:?}");
    assert!(open(&to).expect("a dump").fact("core").is_some());
    let goes_on = Command::new("kill").args(["-CONT", &waiting.pid()]).status().expect("kill");
    assert!(goes_on.success());
    waiting.release();
}

#[test]
fn what_is_no_core_of_python_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = minors();
    let environment = environments.last().expect("an environment");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("empty"), "").expect("a file");
    std::fs::write(path("text"), "this is a text").expect("a file");
    let to = path("x.heapsake");
    let said = |core: &Path, options: &[&str]| {
        let ended = dump_of(environment, core, options, &to);
        assert!(!ended.status.success() && !to.exists(), "{core:?}: {ended:?}");
        assert!(ended.status.code() == Some(1) && !ended.err.contains("panicked"), "{core:?}: {ended:?}");
        ended.err
    };
    for (core, words) in [
        (path("missing"), "cannot be opened"),
        (path("empty"), "the file is empty"),
        (path("text"), "not as an ELF file does"),
        (folder.path().to_owned(), "is a folder"),
        (environment.python.canonicalize().expect("a path"), "not a core file"),
        (file("golden/3.8.heapsake"), "heapsake FILE opens it"),
    ] {
        let told = said(&core, &[]);
        assert!(told.contains(words), "{core:?}: {told}");
    }
    assert!(said(&path("empty"), &["--sysroot", "/nowhere"]).contains("/nowhere is no folder"));
    assert!(said(&path("empty"), &["--exe", "/nowhere"]).contains("the executable /nowhere"));
    // One without what the program could write to: its objects were never in it.
    let mut program = environment.python();
    let program = program
        .arg("-c")
        .arg("import os; open('/proc/self/coredump_filter', 'w').write('0x12'); print('ready', flush=True); os.read(0, 1)");
    let hollow = path("hollow");
    std::fs::create_dir(&hollow).expect("a folder");
    let waiting = Waiting::start(&mut with_core(program, &hollow));
    waiting.die("ABRT");
    let told = said(&kernel_core(&hollow), &[]);
    assert!(told.contains("the interpreter's state is not in the core file") && told.contains("coredump_filter"), "{told}");
    // A core of a program that is no Python.
    kernel_writes_cores().expect("cores of the kernel are part of this test");
    let mut sleeper = Command::new("sleep");
    sleeper.arg("600");
    let mut child = with_core(&sleeper, folder.path()).spawn().expect("sleep");
    let is_sleep = || std::fs::read_to_string(format!("/proc/{}/comm", child.id())).is_ok_and(|name| name == "sleep\n");
    assert!(until(is_sleep), "sleep does not start");
    Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().expect("kill");
    child.wait().expect("sleep");
    let told = said(&kernel_core(folder.path()), &[]);
    assert!(told.contains("no CPython was found") && told.contains("sleep"), "{told}");
}
