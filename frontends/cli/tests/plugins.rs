//! Plugins of every sort over every interpreter found: found at start-up, reduced from outside and from inside, refused with
//! a reason; and a program is dumped whatever its plugins do.

#[path = "../../../plugins/tests/support/building.rs"]
mod building;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use heapsake_tests::pythons;
use serde_json::Value;

/// The command, with plugins from these places alone.
fn heapsake(plugins: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapsake"));
    for name in ["HEAPSAKE_PYTHON", "HEAPSAKE_PLUGINS_ALLOW"] {
        command.env_remove(name);
    }
    command.env("HEAPSAKE_PLUGINS", plugins).env("XDG_DATA_HOME", "/nonexistent").stdin(Stdio::null());
    command.env("HEAPSAKE_PLUGINS_DEADLINE", "1");
    command
}

fn finish(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn json(arguments: &[&str], dump: &Path) -> Value {
    let output = finish(heapsake(Path::new("")).args(&arguments[..1]).arg(dump).args(&arguments[1..]).arg("--json"));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn summary(dump: &Path) -> Value {
    let output = finish(heapsake(Path::new("")).arg(dump).arg("--json"));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A program with accounts and vaults that waits.
struct Program {
    child: Child,
    said: Value,
}

impl Program {
    fn start(python: &Path, modules: &Path, dump: Option<&Path>, plugins: &Path) -> Program {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/ledger.py");
        let mut command = Command::new(python);
        command.arg(script).arg(modules).args(dump).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("HEAPSAKE_PLUGINS", plugins).env("XDG_DATA_HOME", "/nonexistent").env_remove("HEAPSAKE_PLUGINS_ALLOW");
        command.env("HEAPSAKE_PLUGINS_DEADLINE", "1");
        let mut child = command.spawn().expect("python runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        match serde_json::from_str(&line) {
            Ok(said) => Program { child, said },
            Err(_) => {
                let ended = child.wait_with_output().expect("it ends");
                panic!("{}: {}", python.display(), String::from_utf8_lossy(&ended.stderr));
            }
        }
    }

    /// Lets it end; gives its standard error.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", output.status);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn address(object: &Value) -> u64 {
    let text = object["address"].as_str().unwrap_or_else(|| panic!("no address: {object}"));
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("an address")
}

fn attribute<'a>(object: &'a Value, name: &str) -> &'a Value {
    object["attributes"].get(name).unwrap_or_else(|| panic!("no {name}: {object}"))
}

/// What the two doors tell of the two types.
fn check(dump: &Path, said: &Value, modules: &Path, place: &str) {
    let account = json(&["inspect", "account"], dump);
    assert_eq!(account["surrogate"], Value::Null, "{place}: {account}");
    assert_eq!(attribute(&account, "holder"), "Ada", "{place}");
    assert_eq!(attribute(&account, "balance"), -123.45, "{place}");
    let journal = modules.join("journal.txt").display().to_string();
    assert_eq!(attribute(&account, "journal"), &Value::from(journal.as_str()), "{place}");
    assert_eq!(address(attribute(&account, "parent")), said["parent"].as_u64().expect("a number"), "{place}");
    let elements = |object: &Value| object["elements"].as_array().expect("elements").iter().map(address).collect::<Vec<_>>();
    let entries: Vec<u64> = said["entries"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
    assert_eq!(elements(&account), entries, "{place}");

    let vault = json(&["inspect", "vault"], dump);
    assert_eq!(vault["surrogate"], Value::Null, "{place}: {vault}");
    for (name, expected) in [
        ("holder", Value::from("Grace")),
        ("cents", 99.into()),
        ("currency", "CHF".into()),
        ("flags", vec!["audited", "numbered"].into()),
        ("opened_at", 1.5.into()),
        ("country", "ch".into()),
        ("journal_open_on", journal.as_str().into()),
    ] {
        assert_eq!(attribute(&vault, name), &expected, "{place} {name}");
    }
    assert_eq!(address(attribute(&vault, "parent")), said["account"].as_u64().expect("a number"), "{place}");
    assert_eq!(attribute(&vault, "owner")["shown"], "'the bank'", "{place}");
    assert_eq!(elements(&vault), entries, "{place}");
    let facts = &summary(dump)["facts"]["plugins"];
    assert_eq!(
        (facts["loaded"].as_array().map(Vec::len), &facts["refused"]),
        (Some(2), &Value::Array(vec![])),
        "{place}: {facts}"
    );
}

/// A folder with the plugin in Rust and the description.
fn plugins(folder: &Path) -> PathBuf {
    let plugins = folder.join("plugins");
    std::fs::create_dir_all(&plugins).expect("a folder");
    let built = building::cargo_build(&["-p", "heapsake-ledger"], "libheapsake_ledger.so");
    std::fs::copy(built, plugins.join("libheapsake_ledger.so")).expect("a copy");
    let description = building::here().join("tests/programs/vault.heapsake-type");
    std::fs::copy(description, plugins.join("vault.heapsake-type")).expect("a copy");
    plugins
}

#[test]
fn accounts_and_vaults_are_read_from_outside_and_from_inside() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = plugins(folder.path());
    for (number, python) in pythons().iter().enumerate() {
        let modules = folder.path().join(number.to_string());
        std::fs::create_dir(&modules).expect("a folder");
        std::fs::write(modules.join("journal.txt"), "a line").expect("a file");
        if building::ledger_extension(python, &modules).is_none() {
            continue;
        }
        let dump = modules.join("outside.heapsake");
        let program = Program::start(python, &modules, None, &plugins);
        let pid = program.child.id().to_string();
        let made = finish(heapsake(&plugins).args(["dump", &pid, "-o"]).arg(&dump));
        assert_eq!(String::from_utf8_lossy(&made.stderr), "", "nothing to complain of");
        let said = program.said.clone();
        check(&dump, &said, &modules, &format!("{} from outside", python.display()));
        program.end();

        let has_package = Command::new(python).args(["-I", "-c", "import heapsake"]).output().expect("python runs");
        if !has_package.status.success() {
            println!("{}: not tested from inside, for it has no heapsake", python.display());
            continue;
        }
        let dump = modules.join("inside.heapsake");
        let program = Program::start(python, &modules, Some(&dump), &plugins);
        let said = program.said.clone();
        assert_eq!(children(program.child.id()), [0; 0], "nothing is left of the dump");
        check(&dump, &said, &modules, &format!("{} from inside", python.display()));
        assert_eq!(program.end(), "", "the program hears nothing of it");
    }
}

/// The processes, ended ones included, whose parent is this one.
fn children(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("processes");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|rest| rest.trim() == parent.to_string()))
    };
    numbers.filter(is_child).collect()
}

#[test]
fn a_bad_plugin_costs_its_objects_and_the_dump_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a folder");
    // Its crashing reducer for the accounts, its endless one for the vault; and a plugin that is refused beside it.
    building::shop(&plugins, "shop", &["-DCRASHES=\"ledger.Account\"", "-DLOOPS=\"ledger.Vault\""]);
    building::shop(&plugins, "newer", &["-DMAJOR=9"]);
    std::fs::write(plugins.join("wrong.heapsake-type"), "heapsake-type 1\ntype a.B\nx = 1 i9\n").expect("a file");
    for (number, python) in pythons().iter().enumerate() {
        let modules = folder.path().join(number.to_string());
        std::fs::create_dir(&modules).expect("a folder");
        std::fs::write(modules.join("journal.txt"), "a line").expect("a file");
        if building::ledger_extension(python, &modules).is_none() {
            continue;
        }
        let told = |text: &str, place: &str| {
            for line in [
                "libnewer.so is not used: it is made for plugin interface 9.1, and this heapsake has 1.1; hint: update heapsake",
                "wrong.heapsake-type is not used: line 3: `i9` is no kind",
                "plugin shop failed at 5 of 5 objects",
                "plugin shop was switched off after 3 lost workers",
            ] {
                assert!(text.contains(line), "{place}: {line:?} in {text}");
            }
        };
        let dump = modules.join("outside.heapsake");
        let program = Program::start(python, &modules, None, Path::new(""));
        let pid = program.child.id().to_string();
        let made = finish(heapsake(&plugins).args(["dump", &pid, "-o"]).arg(&dump));
        told(&String::from_utf8_lossy(&made.stderr), "from outside");
        program.end();
        surrogate(&dump);

        let has_package = Command::new(python).args(["-I", "-c", "import heapsake"]).output().expect("python runs");
        if !has_package.status.success() {
            println!("{}: not tested from inside, for it has no heapsake", python.display());
            continue;
        }
        let dump = modules.join("inside.heapsake");
        told(&Program::start(python, &modules, Some(&dump), &plugins).end(), "from inside");
        surrogate(&dump);
    }
}

fn surrogate(dump: &Path) {
    // Which are asked about first is the walk's affair; three of them end a worker.
    let names = ["bank", "account", "trust", "vault", "cellar"];
    let details = names.map(|name| {
        let object = json(&["inspect", name], dump);
        assert_eq!(object["surrogate"]["reason"], "reducer failed", "{object}");
        object["surrogate"]["detail"].as_str().expect("words").to_owned()
    });
    let crashed = details.iter().filter(|words| *words == "plugin shop: crashed with signal 6").count();
    let late = details.iter().filter(|words| *words == "plugin shop: gave no answer within 1.0 s").count();
    let off = details.iter().filter(|words| words.starts_with("plugin shop: switched off: after 3 lost workers")).count();
    assert!(crashed + late == 3 && off == 2, "{details:?}");
    assert_eq!(json(&["inspect", "entries[0][0]"], dump)["shown"], "'first'", "the rest is there");
    // What a reducer does not tell is told as guesses, as if there were none.
    let holders = json(&["inspect", "bank", "--referrers"], dump)["referrers"]["shown"].clone();
    let links = holders.as_array().expect("holders").iter().flat_map(|holder| holder["edges"].as_array().expect("edges"));
    assert!(links.into_iter().any(|edge| edge["link"] == "conservative"), "{holders}");
    let told = summary(dump);
    let refused = told["facts"]["plugins"]["refused"].as_array().map(Vec::len);
    assert_eq!(refused, Some(2), "{}", told["facts"]["plugins"]);
    let notes = told["omissions"]["notes"].to_string();
    assert!(notes.contains("plugin shop failed at 5 of 5 objects") && notes.contains("libnewer.so is not used"), "{notes}");
}

#[test]
fn a_plugin_that_points_out_of_memory_harms_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = building::shop(folder.path(), "shop", &["-DSTRAYS=\"ledger.Account\""]);
    std::fs::write(folder.path().join("journal.txt"), "a line").expect("a file");
    let python = &pythons()[0];
    if building::ledger_extension(python, folder.path()).is_none() {
        return;
    }
    let program = Program::start(python, folder.path(), None, Path::new(""));
    let dump = folder.path().join("a.heapsake");
    finish(heapsake(&library).args(["dump", &program.child.id().to_string(), "-o"]).arg(&dump));
    program.end();
    let output = finish(heapsake(Path::new("")).args(["check", "--json"]).arg(&dump));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told["complete"], &told["faults"]), (&true.into(), &Value::Array(vec![])), "{told}");
    let account = json(&["inspect", "account"], &dump);
    assert_eq!((&account["surrogate"], account["elements"].as_array().map(Vec::len)), (&Value::Null, Some(6)), "{account}");
    assert_eq!(json(&["inspect", "entries[0][0]"], &dump)["shown"], "'first'", "the rest is there");
}

/// The processes that have this file mapped.
fn processes_with(library: &Path) -> Vec<u32> {
    let name = library.display().to_string();
    let entries = std::fs::read_dir("/proc").expect("processes");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|pid| std::fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains(&name))).collect()
}

/// Waits for a condition, for a minute at most.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "{what} does not happen");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_plugin_that_loops_ends_even_when_its_host_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = building::shop(folder.path(), "shop", &["-DLOOPS=\"ledger.Account\""]);
    std::fs::write(folder.path().join("journal.txt"), "a line").expect("a file");
    let python = &pythons()[0];
    if building::ledger_extension(python, folder.path()).is_none() {
        return;
    }
    let program = Program::start(python, folder.path(), None, Path::new(""));
    let pid = program.child.id().to_string();
    let mut command = heapsake(&library);
    command.args(["dump", &pid, "-o"]).arg(folder.path().join("a.heapsake")).env("HEAPSAKE_PLUGINS_DEADLINE", "3");
    let mut dumper = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    let at_work = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let user = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(11)?.parse::<u64>().ok());
        user.is_some_and(|ticks| ticks >= 10)
    };
    wait_until("the loop", || processes_with(&library).into_iter().any(at_work));
    dumper.kill().expect("it is killed");
    dumper.wait().expect("it ends");
    wait_until("the worker's end", || processes_with(&library).is_empty());
    program.end();
}

#[test]
fn plugins_are_listed_and_so_is_what_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = plugins(folder.path());
    building::shop(&plugins, "newer", &["-DMAJOR=9"]);
    let output = finish(heapsake(&plugins).args(["reducers", "--json"]));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let find = |name: &str| {
        let all = told["reducers"].as_array().expect("reducers");
        all.iter().find(|one| one["type"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let account = find("ledger.Account");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(account["origin"], format!("plugin heapsake-ledger {version}"));
    assert_eq!((&account["version"], &account["subclasses"]), (&version.into(), &true.into()));
    assert_eq!(account["saves"], "holder, balance, parent, entries and the open journal");
    assert_eq!(find("ledger.Vault")["origin"], "description vault");
    assert_eq!(find("_socket.socket")["origin"], "built in");
    assert!(told["refused"][0]["reason"].as_str().is_some_and(|reason| reason.contains("9.1")), "{}", told["refused"]);

    let output = finish(heapsake(&plugins).arg("reducers"));
    let text = String::from_utf8_lossy(&output.stdout);
    for words in ["ledger.Account", "not used", "libnewer.so: it is made for plugin interface 9.1"] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    let output = finish(heapsake(&plugins).arg("reducers").env("HEAPSAKE_PLUGINS_ALLOW", "vault"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("ledger.Account") && text.contains("heapsake_ledger is not in HEAPSAKE_PLUGINS_ALLOW"), "{text}");
    let output = finish(heapsake(Path::new("plugins")).arg("reducers").current_dir(folder.path()));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("ledger.Account") && text.contains("never taken from the working directory"), "{text}");
    // The user's own folder.
    let data = folder.path().join("data/heapsake");
    std::fs::create_dir_all(&data).expect("a folder");
    std::fs::rename(&plugins, data.join("plugins")).expect("it moves");
    let output = finish(heapsake(Path::new("")).arg("reducers").env("XDG_DATA_HOME", folder.path().join("data")));
    assert!(String::from_utf8_lossy(&output.stdout).contains("ledger.Account"));
}

#[test]
fn a_package_declares_a_plugin() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = plugins(folder.path());
    let packages = folder.path().join("lib/python3.12/site-packages");
    let package = packages.join("ledger_heapsake");
    std::fs::create_dir_all(&package).expect("a folder");
    std::fs::create_dir_all(packages.join("ledger_heapsake-1.0.dist-info")).expect("a folder");
    std::fs::copy(plugins.join("libheapsake_ledger.so"), package.join("_plugin.abi3.so")).expect("a copy");
    let text = "[heapsake.plugins]\nledger = ledger_heapsake._plugin\n";
    std::fs::write(packages.join("ledger_heapsake-1.0.dist-info/entry_points.txt"), text).expect("a file");
    let listed = |from: &Path, python: Option<PathBuf>| {
        let mut command = heapsake(Path::new(""));
        let output = finish(command.arg("reducers").current_dir(from).envs(python.map(|python| ("HEAPSAKE_PYTHON", python))));
        String::from_utf8_lossy(&output.stdout).contains("ledger.Account")
    };
    assert!(listed(Path::new("/"), Some(folder.path().join("bin/python"))));
    assert!(!listed(&packages, None), "what lies in the working directory declares nothing");

    for (number, python) in pythons().iter().enumerate() {
        let modules = folder.path().join(number.to_string());
        std::fs::create_dir(&modules).expect("a folder");
        std::fs::write(modules.join("journal.txt"), "a line").expect("a file");
        if let Some(python) = environment(python, &modules, &package)
            && building::ledger_extension(&python, &modules).is_some()
        {
            let dump = modules.join("inside.heapsake");
            let heard = Program::start(&python, &modules, Some(&dump), Path::new("")).end();
            assert_eq!(heard, "", "{}", python.display());
            assert_eq!(attribute(&json(&["inspect", "account"], &dump), "holder"), "Ada", "{}", python.display());
            let mut command = Command::new(&python);
            let output = finish(command.args(["-m", "heapsake", "reducers"]).env("XDG_DATA_HOME", "/nonexistent"));
            assert!(String::from_utf8_lossy(&output.stdout).contains("ledger.Account"), "{}", python.display());
        }
    }
}

/// A virtual environment that has heapsake and a package that declares a plugin; none, and said why, without heapsake.
fn environment(python: &Path, folder: &Path, package: &Path) -> Option<PathBuf> {
    let ask = |python: &Path, question: &str| {
        let output = Command::new(python).args(["-I", "-c", question]).output().expect("python runs");
        output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    };
    let Some(has) = ask(python, "import heapsake, os; print(os.path.dirname(os.path.dirname(heapsake.__file__)))") else {
        println!("{}: not tested from inside, for it has no heapsake", python.display());
        return None;
    };
    let made = folder.join("environment");
    finish(Command::new(python).args(["-m", "venv", "--without-pip"]).arg(&made));
    let own = made.join("bin/python");
    let packages = ask(&own, "import sysconfig; print(sysconfig.get_path('purelib'))").expect("a folder");
    std::fs::write(packages.join("other.pth"), has.display().to_string()).expect("a file");
    let copy = packages.join("ledger_heapsake");
    std::fs::create_dir_all(&copy).expect("a folder");
    std::fs::copy(package.join("_plugin.abi3.so"), copy.join("_plugin.abi3.so")).expect("a copy");
    let declared = packages.join("ledger_heapsake-1.0.dist-info");
    std::fs::create_dir_all(&declared).expect("a folder");
    let text = "[heapsake.plugins]\nledger = ledger_heapsake._plugin\n";
    std::fs::write(declared.join("entry_points.txt"), text).expect("a file");
    Some(own)
}
