//! Many processes by one command: a tree, those of a name, those of a control group; each Python gets a file, what is none is
//! passed over. And all of one: what no root leads to.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use heapsake_core::Address;
use heapsake_loader::{Dump, Limits, Object, open, render};
use heapsake_tests::{Environment, Waiting, every, file, in_parallel, minors, no_problems, run, until};

#[test]
fn a_tree_of_processes_is_dumped() {
    let environments = minors();
    let environment = environments.last().expect("an environment");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = environment.python();
    let waiting = Waiting::start(command.arg(file("programs/cores/family.py")));
    let dumps = |arguments: &[&str], to: &str| {
        let to = folder.path().join(to);
        std::fs::create_dir(&to).expect("a folder");
        let ended = run(environment.heapsake().arg("dump").args(arguments).arg("-o").arg(&to));
        let listed = std::fs::read_dir(&to).expect("a folder").map(|entry| entry.expect("an entry").path());
        let roles = listed.map(|path| {
            let shown = run(environment.heapsake().arg("inspect").arg(&path).arg("module:__main__/ROLE"));
            shown.out.lines().next().unwrap_or_default().to_owned()
        });
        let mut roles: Vec<String> = roles.collect();
        roles.sort();
        (ended, roles)
    };
    // A parent, two children of it, one of which has a child; and a shell that is none of Python's.
    let (ended, roles) = dumps(&[&waiting.pid(), "--tree"], "tree");
    assert_eq!(roles, ["'child 0'", "'child 1'", "'grandchild'", "'parent'"], "{ended:?}");
    assert!(ended.status.success() && ended.out.contains("1 more processes are no CPython"), "{ended:?}");
    let (ended, roles) = dumps(&["--name", "family", "--json"], "name");
    let told: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!((roles.len(), told.as_array().map(Vec::len)), (4, Some(4)), "{ended:?}");
    let paths = told.as_array().expect("a list").iter().map(|one| one["file"].as_str().expect("a path"));
    assert!(paths.into_iter().all(|path| open(Path::new(path)).is_ok_and(|dump| dump.trailer().is_some())), "{told}");
    waiting.release();
    for (arguments, words) in [
        (vec!["--name", "no-such-name-at-all"], "no process is called no-such-name-at-all"),
        (vec!["--cgroup", "no/such/group"], "there is no control group no/such/group"),
        (vec!["2147483646", "--tree"], "there is no process 2147483646"),
    ] {
        let ended = run(environment.heapsake().arg("dump").args(&arguments).arg("-o").arg(folder.path()));
        assert!(ended.status.code() == Some(1) && ended.err.contains(words), "{arguments:?}: {ended:?}");
    }
    let asked_wrongly = [vec![], vec!["1", "--name", "x"], vec!["--tree"]];
    for arguments in asked_wrongly {
        let ended = run(environment.heapsake().arg("dump").args(&arguments));
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {ended:?}");
    }
    let mut sleeper = Command::new("sleep").arg("600").spawn().expect("sleep");
    let pid = sleeper.id().to_string();
    let ended = run(environment.heapsake().args(["dump", &pid, "--tree", "-o"]).arg(folder.path()));
    let _ = sleeper.kill();
    let _ = sleeper.wait();
    assert!(ended.status.code() == Some(1) && ended.err.contains("none of 1 processes is a CPython"), "{ended:?}");
}

#[test]
fn a_control_group_is_dumped() {
    let root = Path::new("/sys/fs/cgroup");
    // The second version has one hierarchy, the first one for each controller.
    let homes = [root.to_owned(), root.join("pids"), root.join("memory")];
    let name = format!("heapsake-test-{}", std::process::id());
    let made = homes.iter().map(|home| home.join(&name)).find(|group| {
        std::fs::create_dir(group).is_ok() && (group.join("cgroup.procs").exists() || std::fs::remove_dir(group).is_err())
    });
    let Some(group) = made else {
        assert!(std::env::var_os("CI").is_none(), "a control group can be made in CI");
        println!("not tested: no control group can be made here");
        return;
    };
    let environments = minors();
    let environment = environments.last().expect("an environment");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = environment.python();
    let waiting = Waiting::start(command.arg(file("programs/cores/order.py")));
    std::fs::write(group.join("cgroup.procs"), waiting.pid()).expect("the process moves");
    let ended = run(environment.heapsake().args(["dump", "--cgroup", &name, "-o"]).arg(folder.path()));
    waiting.release();
    let gone = heapsake_tests::until(|| std::fs::remove_dir(&group).is_ok());
    let dumps = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert!(ended.status.success() && dumps == 1 && gone, "{dumps} dumps, {ended:?}");
}

/// Dumps a program, which is given the file in which it tells of itself, with `--all` and without, as files of these names; gives
/// what it told and both dumps.
fn with_all_and_without(
    heapsake: &Environment,
    program: &mut Command,
    name: impl Fn(&str) -> PathBuf,
) -> (serde_json::Value, Dump, Dump) {
    let waiting = Waiting::start(program.arg(name("said.json")));
    let dumped = |what: &str, option: Option<&str>| {
        let mut command = heapsake.heapsake();
        command.args(["dump", &waiting.pid(), "--redact", "none"]).args(option).arg("-o").arg(name(what));
        run(&mut command).success("heapsake dump");
        open(name(what)).expect("a dump")
    };
    let (all, roots) = (dumped("all", Some("--all")), dumped("roots", None));
    waiting.release();
    let said = std::fs::read_to_string(name("said.json")).expect("what it told");
    (serde_json::from_str(&said).expect("JSON"), all, roots)
}

/// What the collector finds afterwards is in a dump that asks for all, told as what no root leads to, and in no other.
#[test]
fn garbage_is_told_where_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let look = |environment: &Environment, again: u32| {
        let name = |what: &str| folder.path().join(format!("{} {again} {what}", environment.version));
        let mut command = environment.python();
        let (said, all, roots) = with_all_and_without(environment, command.arg(file("programs/cores/garbage.py")), name);
        let addresses = |what: &str| {
            let listed = said[what].as_array().expect("a list").iter();
            listed.map(|address| Address(address.as_u64().expect("an address"))).collect::<Vec<_>>()
        };
        let garbage: Vec<Address> = [addresses("collected"), addresses("names")].concat();
        let missing = garbage.iter().filter(|address| all.object_at(**address).is_none()).count();
        let told = garbage.iter().filter(|address| roots.object_at(**address).is_some()).count();
        let shown = run(environment.heapsake().arg("cycles").arg(name("all")).arg("--json")).success("heapsake cycles");
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        let unreachable = shown["unreachable"]["objects"].as_u64().expect("a number");
        let kept = Address(said["kept"].as_u64().expect("an address"));
        println!("{}: {} collected, {unreachable} unreachable, {missing} missing", environment.version, garbage.len());
        // Numbers and texts of the ring are unreachable as well: one more for each that is too large to be shared.
        let is_right = garbage.len() > 4000 && missing == 0 && told == 0 && unreachable >= garbage.len() as u64;
        let few = unreachable < 3 * garbage.len() as u64;
        let holds = run(environment.heapsake().arg("inspect").arg(name("all")).arg("module:__main__/KEPT.name"));
        if is_right && few && roots.object_at(kept).is_some() && holds.out.contains("'kept 0'") {
            Vec::new()
        } else {
            vec![format!(
                "{}: of {} collected {missing} are missing and {told} told without --all; {unreachable} are unreachable",
                environment.version,
                garbage.len()
            )]
        }
    };
    // A word of C that is out of date may lead to a ring: not three times in a row.
    let results = in_parallel(&minors(), |environment| {
        let mut problems = Vec::new();
        for again in 0..3 {
            problems = look(environment, again);
            if problems.is_empty() {
                break;
            }
        }
        problems
    });
    no_problems(&results.concat());
}

/// Objects that nothing refers to and that no list of the collector has are found where the allocator has them, and none that was
/// freed.
#[test]
fn objects_that_were_lost_are_told_where_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (environments, with_package) = (every(), minors());
    let (oldest, newest) = with_package.first().zip(with_package.last()).expect("an environment");
    // Every version with the allocator that it has, the debugging one, and one without pools.
    let mut cases: Vec<(&Environment, Option<&str>)> = environments.iter().map(|environment| (environment, None)).collect();
    cases.extend([(oldest, Some("debug")), (newest, Some("debug")), (newest, Some("malloc"))]);
    let results = in_parallel(&cases, |(environment, allocator)| {
        let place = format!("{} {}", environment.version, allocator.unwrap_or("pymalloc"));
        let name = |what: &str| folder.path().join(format!("{place} {what}"));
        let mut command = Command::new(&environment.python);
        command.envs(allocator.map(|allocator| ("PYTHONMALLOC", allocator)));
        let (said, all, roots) = with_all_and_without(newest, command.arg(file("programs/cores/leaked.py")), name);
        let listed = |what: &str| said[what].as_array().expect("a list").clone();
        let shown = |object: &Object<'_>| render(object, Limits::default());
        let address = |one: &serde_json::Value| Address(one[0].as_u64().expect("an address"));
        let lost = listed("lost");
        let is_told = |one: &&serde_json::Value| {
            all.object_at(address(one))
                .is_some_and(|object| object.type_name() == one[1] && (one[2].is_null() || shown(&object) == one[2]))
        };
        let told = lost.iter().filter(is_told).count();
        let reached = lost.iter().filter(|one| roots.object_at(address(one)).is_some()).count();
        let is_there = |one: &&serde_json::Value| all.object_at(Address(one.as_u64().expect("an address"))).is_some();
        let freed = listed("freed").iter().filter(is_there).count();
        println!("{place}: {told} of {} lost objects told, and {freed} where freed ones were", lost.len());
        // Without pools what the collector tracks, slices among them. What runs to say that it is ready takes a block or two, and
        // the last one may lie in a stale slot of a frame.
        let least = if *allocator == Some("malloc") { 300 } else { 3000 };
        let is_right = lost.len() == 3000 && (least..=3000).contains(&told) && reached <= 1 && freed < 10;
        if is_right {
            None
        } else {
            Some(format!("{place}: {told} of {} told, {reached} without --all, {freed} freed", lost.len()))
        }
    });
    no_problems(&results.into_iter().flatten().collect::<Vec<_>>());
}

/// Memory that a process shares is that of the moment at which it stands still, as its own is, and does not become more by that.
#[test]
fn shared_memory_is_of_the_same_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = in_parallel(&minors(), |environment| {
        let mut command = environment.python();
        let waiting = Waiting::start(command.arg(file("programs/cores/moving.py")));
        let mut bad = Vec::new();
        for round in 0..3 {
            let name = folder.path().join(format!("{} {round}", environment.version));
            let mut command = environment.heapsake();
            run(command.args(["dump", &waiting.pid(), "--redact", "none", "-o"]).arg(&name)).success("heapsake dump");
            let dump = open(name).expect("a dump");
            let number = |object: Object<'_>| u64::from_le_bytes(object.value_head(8).try_into().expect("eight bytes"));
            // The others begin with zeros.
            let shared = dump.objects().filter(|object| object.type_name() == "mmap.mmap").map(number).max();
            let of_eight = |object: &Object<'_>| object.type_name() == "bytearray" && object.value_head(9).len() == 8;
            let own = dump.objects().find(of_eight).map(number);
            if own.zip(shared).is_none_or(|(own, shared)| own == 0 || own - shared > 1) {
                bad.push(format!("{}: {own:?} and {shared:?}", environment.version));
            }
        }
        // Its pages, in blocks of 512 bytes.
        let files = std::fs::read_dir(format!("/proc/{}/fd", waiting.pid())).expect("its files");
        let sparse = files
            .map(|file| file.expect("a file").path())
            .find(|file| std::fs::read_link(file).is_ok_and(|name| name.to_string_lossy().contains("sparse")));
        let blocks = std::fs::metadata(sparse.expect("the file of memory")).expect("its size").blocks();
        if blocks != 8 {
            bad.push(format!("{}: of the file of memory there are {blocks} blocks", environment.version));
        }
        bad
    });
    no_problems(&results.concat());
}

/// A process with users, processes and mounts of its own, whose program lies where nobody else sees it.
#[test]
fn a_process_in_namespaces_of_its_own_is_dumped() {
    let environments = minors();
    let environment = environments.last().expect("an environment");
    let namespaces = ["--user", "--map-root-user", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child"];
    let possible = run(Command::new("unshare").args(namespaces).arg("true"));
    if !possible.status.success() {
        assert!(std::env::var_os("CI").is_none(), "namespaces can be made in CI: {}", possible.err);
        println!("not tested: no namespace can be made here: {}", possible.err);
        return;
    }
    let (folder, hidden) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let script = "mount -t tmpfs none \"$1\" && cp \"$2\" \"$1/inner.py\" && exec \"$3\" -I \"$1/inner.py\"";
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["sh", "-c", script, "sh"]).arg(hidden.path());
    let waiting = Waiting::start(command.arg(file("programs/cores/order.py")).arg(&environment.python));
    let children = format!("/proc/{0}/task/{0}/children", waiting.pid());
    let child = std::fs::read_to_string(children).expect("its child").trim().to_owned();
    let path = folder.path().join("inner.heapsake");
    run(environment.heapsake().args(["dump", &child, "-o"]).arg(&path)).success("heapsake dump");
    waiting.release();
    let dump = open(&path).expect("a dump");
    let name = hidden.path().join("inner.py");
    assert!(!name.exists(), "only the process sees its program");
    let source = dump.source(&name.to_string_lossy()).expect("the program's file");
    let own = std::fs::read_to_string(file("programs/cores/order.py")).expect("a program");
    assert_eq!(source.text.as_deref(), Some(own.as_str()));
    let shown = run(environment.heapsake().arg("inspect").arg(&path).arg("thread:MainThread/frame:-1/order.items[1]"));
    assert!(shown.out.contains("2.5"), "{shown:?}");
}

/// While it does, the kernel lets nobody seize its thread before somebody has taken the statuses of those that have ended.
#[test]
fn a_thread_that_executes_another_program_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = in_parallel(&minors(), |environment| {
        let mut command = environment.python();
        let waiting = Waiting::start(command.arg(file("programs/cores/executing.py")));
        let path = folder.path().join(&environment.version);
        let command_line = format!("/proc/{}/cmdline", waiting.pid());
        let mut bad = None;
        // It may be stopped before it sees that others are.
        let has_executed = until(|| {
            let ended = run(environment.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&path));
            // What is left is the old program, the new one before or after its start, or none of it.
            let is_said = match ended.status.code() {
                Some(0) => open(&path).is_ok_and(|dump| dump.trailer().is_some()),
                Some(1) => ended.err.contains("process") || ended.err.contains("CPython"),
                _ => false,
            };
            bad = (!is_said).then(|| format!("{}: {ended:?}", environment.version));
            let told = std::fs::read(&command_line).expect("it lives");
            bad.is_some() || !told.windows(12).any(|part| part == b"executing.py")
        });
        assert!(has_executed, "{}: it sees that it is traced", environment.version);
        waiting.release();
        bad
    });
    no_problems(&results.into_iter().flatten().collect::<Vec<_>>());
}

/// What a program does to `sys`, and what becomes of it in the end, keeps nobody from reading the rest.
#[test]
fn a_program_that_ends_or_has_another_version_in_sys_is_dumped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (environments, with_package) = (every(), minors());
    let heapsake = with_package.last().expect("an environment");
    let cases: Vec<(&Environment, &str)> =
        environments.iter().flat_map(|environment| ["ending", "changed", "deleted"].map(|what| (environment, what))).collect();
    let results = in_parallel(&cases, |(environment, what)| {
        let path = folder.path().join(format!("{} {what}", environment.version));
        let mut command = Command::new(&environment.python);
        let waiting = Waiting::start(command.arg(file("programs/cores/ending.py")).arg(what));
        let ended = run(heapsake.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&path));
        waiting.release();
        let variable = if *what == "ending" { "self.order[0]" } else { "order[0]" };
        let shown = run(heapsake.heapsake().arg("inspect").arg(&path).arg(format!("thread:0/frame:-1/{variable}")));
        (!ended.status.success() || !shown.out.contains("'still'"))
            .then(|| format!("{} {what}: {ended:?}, {shown:?}", environment.version))
    });
    no_problems(&results.into_iter().flatten().collect::<Vec<_>>());
}
