//! Expressions over dumps, against the interpreters themselves: a program says what its own `eval` gives of tens of thousands of
//! expressions over its live objects, and is dumped; the same is then asked of the dump.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use heapsake_tests::{file, newer, pythons};
use serde_json::Value;

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

fn heapsake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heapsake")).args(arguments).stdin(Stdio::null()).output().expect("it runs")
}

/// The interpreters that are asked: those that others test with, and the newest.
fn interpreters() -> Vec<PathBuf> {
    pythons().into_iter().chain(newer().into_iter().map(|environment| environment.python)).collect()
}

/// Dumps a program that says that it is ready.
fn dumped(python: &Path, name: &str, arguments: &[&str], folder: &Path) -> String {
    let mut child = Command::new(python)
        .arg(program(name))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let dump = folder.join("made.heapsake").to_str().expect("text").to_owned();
    let made = heapsake(&["dump", &child.id().to_string(), "-o", &dump]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    drop(child.stdin.take());
    child.wait().expect("it ends");
    dump
}

/// What a session answers to lines: each as JSON, or as it is shown; and the status.
fn session(dump: &str, lines: &str, options: &[&str], folder: &Path) -> (String, String, Option<i32>) {
    let (asked, told) = (folder.join("asked"), folder.join("told"));
    std::fs::write(&asked, lines).expect("a file");
    let ended = Command::new(env!("CARGO_BIN_EXE_heapsake"))
        .args(["repl", dump])
        .args(options)
        .stdin(File::open(&asked).expect("the lines"))
        .stdout(File::create(&told).expect("a file"))
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    let complaints = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!complaints.contains("panicked"), "{complaints}");
    (std::fs::read_to_string(&told).expect("what it said"), complaints, ended.status.code())
}

fn answers(told: &str) -> Vec<Value> {
    told.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// How many expressions a program says the values of, and those that are others in its dump.
fn compared(dump: &str, expected: &Path, folder: &Path) -> (usize, Vec<String>) {
    let expected = answers(&std::fs::read_to_string(expected).expect("the answers"));
    let lines: String = expected.iter().map(|one| format!("repr(({}))\n", one[0].as_str().expect("text"))).collect();
    let (told, complaints, _) = session(dump, &lines, &["--json"], folder);
    let told = answers(&told);
    assert_eq!(told.len(), expected.len(), "{complaints}");
    let mut wrong = Vec::new();
    for (one, found) in expected.iter().zip(&told) {
        let (wanted, had) = match &one[1]["exception"] {
            Value::Null => (&one[1]["repr"], &found["text"]),
            exception => (exception, &found["exception"]),
        };
        if wanted != had {
            wrong.push(format!("{}\n  it is   {}\n  we say {found}", one[0], one[1]));
        }
    }
    (expected.len(), wrong)
}

#[test]
fn expressions_are_what_the_interpreter_says() {
    for python in interpreters() {
        let folder = tempfile::tempdir().expect("a folder");
        let expected = folder.path().join("expected");
        let (list, expected_name) = (program("expressions.txt"), expected.to_str().expect("text").to_owned());
        let dump = dumped(&python, "expressions.py", &[list.to_str().expect("text"), &expected_name], folder.path());
        let (compared, wrong) = compared(&dump, &expected, folder.path());
        println!("{}: {compared} expressions", python.display());
        assert!(compared > 25_000, "only {compared} expressions");
        let shown = wrong[..wrong.len().min(20)].join("\n");
        assert!(wrong.is_empty(), "{}: {} of {compared} differ\n{shown}", python.display(), wrong.len());
    }
}

/// Arrays of NumPy and tables of pandas and polars, of the oldest and newest releases that are tested.
#[test]
fn elements_of_arrays_and_tables_are_what_their_library_says() {
    let Some(base) = std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "in CI the environments with NumPy must be there: HEAPSAKE_TEST_PROGRAMS");
        return println!("not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it where PyPI can be reached)");
    };
    let arrays = ("numeric_expressions.py", 4000);
    let columns = ("polars_expressions.py", 500);
    for (name, (program, least)) in [("numeric1", arrays), ("numeric2", arrays), ("polars1", columns), ("polars2", columns)] {
        let folder = tempfile::tempdir().expect("a folder");
        let expected = folder.path().join("expected");
        let given = [file("programs/numeric"), expected.clone()].map(|path| path.to_str().expect("text").to_owned());
        let python = base.join(name).join("bin/python");
        let dump = dumped(&python, program, &[&given[0], &given[1]], folder.path());
        let (compared, wrong) = compared(&dump, &expected, folder.path());
        println!("{name}: {compared} expressions");
        assert!(compared > least, "{name}: only {compared} expressions");
        assert!(wrong.is_empty(), "{name}: {} of {compared} differ\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    }
}

/// Expressions that would run code, or go beyond limits, and what is said.
const REFUSED: [(&str, &str); 82] = [
    ("structure.wide", "Structure.wide is computed by C code, which is not run"),
    ("x.anything", "Calls defines __getattr__, which is not run"),
    ("x.dear", "a property is not run: Calls.dear"),
    ("x.total()", "Calls.total is code of the dump, which is not run"),
    ("len(x)", "Calls defines __len__, which is not run"),
    ("x == 1", "Calls defines __eq__, which is not run"),
    ("1 == x", "Calls defines __eq__, which is not run"),
    ("x != 1", "Calls defines __eq__, which is not run"),
    ("[x] == [1]", "Calls defines __eq__, which is not run"),
    ("x in [1]", "Calls defines __eq__, which is not run"),
    ("1 in x", "Calls defines __contains__, which is not run"),
    ("repr(x)", "Calls defines __repr__, which is not run"),
    ("repr([x])", "Calls defines __repr__, which is not run"),
    ("f'{x}'", "Calls defines __format__, which is not run"),
    ("'%s' % x", "Calls defines __repr__, which is not run"),
    ("x[0]", "Calls defines __getitem__, which is not run"),
    ("list(x)", "Calls defines __iter__, which is not run"),
    ("[n for n in x]", "Calls defines __iter__, which is not run"),
    ("1 if x else 2", "Calls defines __bool__, which is not run"),
    ("not x", "Calls defines __bool__, which is not run"),
    ("x + 1", "Calls defines __add__, which is not run"),
    ("x < 1", "Calls defines __lt__, which is not run"),
    ("sorted([1, x])", "Calls defines __lt__, which is not run"),
    ("x()", "Calls defines __call__, which is not run"),
    ("-x", "Calls defines __neg__, which is not run"),
    ("abs(x)", "Calls defines __abs__, which is not run"),
    ("int(x)", "Calls defines __int__, which is not run"),
    ("Calls()", "__main__.Calls(…) would run code of the dump"),
    ("work(1, 2)", "work is code of the dump, which is not run"),
    ("len(order)", "Order defines __len__, which is not run; its list payload has 3"),
    ("missing['b']", "Missing defines __missing__, which is not run"),
    ("has.lazy", "Lazy defines __set__ and __get__, which are not run"),
    ("lambda: 0", "lambda makes a function"),
    ("print(1)", "print is none of this language's functions"),
    ("open('a')", "an expression opens no file"),
    ("__import__('os')", "nothing is imported"),
    ("eval('1')", "no code runs"),
    ("many.append(1)", "append() changes its object, and nothing in a dump changes"),
    ("many.sort()", "sort() changes its object"),
    ("million.pop(1)", "pop() changes its object"),
    ("many[0] = 1", "only a name can be assigned to"),
    ("hash(x)", "hashes of a program that is no more"),
    ("id([])", "at no address of the dump"),
    ("refs([])", "objects of the dump"),
    ("at(16)", "no object of the dump lies at 0x10"),
    ("objects('Nothing')", "no type called Nothing"),
    ("[0] * 10 ** 9", "elements were made"),
    ("'a' * 10 ** 12", "bytes at once are more than"),
    ("2 ** 10 ** 9", "bits is more than the"),
    ("10 ** 10 ** 10 ** 10", "bits is more than the"),
    ("1 << 10 ** 12", "bits is more than the"),
    ("sum(range(10 ** 12))", "stopped after"),
    ("[n for n in range(10 ** 9)]", "stopped after"),
    ("len(list(range(10 ** 12)))", "stopped after"),
    ("'%*d' % (10 ** 6, 1) * 10 ** 6", "bytes at once are more than"),
    ("any(a == -b for a in many for b in many if b)", "stopped after"),
    ("bytes(numbers)", "the bytes of a array are lent by C code"),
    ("bytes(memory)", "the bytes of a memoryview are lent by C code"),
    ("int(memory)", "memory that C code lends"),
    ("float(dec)", "__float__ of a Decimal is C code, which is not run"),
    ("int(dec)", "__int__ of a Decimal is C code, which is not run"),
    ("round(dec)", "__round__ of a Decimal is C code"),
    ("abs(dec)", "__abs__ of a Decimal is C code"),
    ("-dec", "__neg__ of a Decimal is C code"),
    ("-span", "__neg__ of a timedelta is C code"),
    ("complex(dec)", "__complex__ of a Decimal is C code"),
    ("'%d' % dec", "__int__ of a Decimal is C code"),
    ("'%.1f' % dec", "__float__ of a Decimal is C code"),
    ("divmod(dec, 1)", "__divmod__ of a Decimal is C code"),
    ("queue + queue", "+ of a deque is code that is not run"),
    ("defaults.copy()", "copy of a defaultdict makes another in C code"),
    ("ordered.copy()", "copy of a OrderedDict makes another in C code"),
    ("'x'.translate", "str.translate is a method of C that this language does not have"),
    ("[].__len__()", "list.__len__ is a method of C that this language does not have"),
    ("isinstance(claims, int)", "Claims defines __class__, which is not run; its type is Claims"),
    ("claims.__class__", "Claims defines __class__, which is not run"),
    ("Made.anything", "Meta defines __getattr__, which is not run"),
    ("Made.dear", "a property is not run: Meta.dear"),
    ("{float('nan'), float('nan')}", "whether a NaN that was computed is another one cannot be told"),
    ("float('nan') in {float('nan')}", "whether a NaN that was computed is another one cannot be told"),
    ("int('1' * 5000)", "whether int() takes 5000 digits is set by sys.set_int_max_str_digits()"),
    ("str(7 ** 10 ** 6)", "digits of an integer"),
];

/// Expressions that the newer versions refuse where the older ones know no such operation.
const REFUSED_FROM: [(u32, &str, &str); 5] = [
    (9, "list[int]", "list[…] makes a type by code that is not run"),
    (9, "ordered | ordered", "__or__ of a OrderedDict makes another in C code"),
    (9, "{} | defaults", "__ror__ of a defaultdict makes another in C code"),
    (10, "int | str", "a union of types is not made here"),
    (10, "int | None", "a union of types is not made here"),
];

fn minor_version(python: &Path) -> u32 {
    let asked = ["-c", "import sys; print(sys.version_info[1])"];
    let told = Command::new(python).args(asked).output().expect("python runs");
    String::from_utf8_lossy(&told.stdout).trim().parse().expect("a number")
}

#[test]
fn nothing_of_the_dump_runs_and_everything_ends() {
    for python in interpreters() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = dumped(&python, "expressions_hostile.py", &[], folder.path());
        let lines: String = REFUSED.iter().map(|(expression, _)| format!("{expression}\n")).collect();
        let (told, _, status) = session(&dump, &lines, &["--json", "--limit", "2000000"], folder.path());
        assert_eq!(status, Some(1), "the last line failed");
        let told = answers(&told);
        assert_eq!(told.len(), REFUSED.len());
        for ((expression, words), found) in REFUSED.iter().zip(&told) {
            let error = found["error"].as_str().unwrap_or_else(|| panic!("{expression} is {found}"));
            assert!(error.contains(words), "{expression}: {error}");
            assert!(found["exception"].is_null(), "{expression}: {found}");
        }
        let minor = minor_version(&python);
        let from: Vec<_> = REFUSED_FROM.iter().filter(|(least, ..)| minor >= *least).collect();
        let lines: String = from.iter().map(|(_, expression, _)| format!("{expression}\n")).collect();
        let (told, ..) = session(&dump, &lines, &["--json"], folder.path());
        let told = answers(&told);
        assert_eq!(told.len(), from.len());
        for ((_, expression, words), found) in from.into_iter().zip(&told) {
            assert!(found["error"].as_str().is_some_and(|error| error.contains(words)), "{expression}: {found}");
            assert!(found["exception"].is_null(), "{expression}: {found}");
        }
        let good = "len(million), million[999999], sum(million.values())
repr(ring)
len(deep), deep is deep, type(deep[0][0][0]) is list
first + kept
inside
calls
[name for name in vars()]
x is x, [x] == [x], x in [x]
text
";
        let (told, complaints, status) = session(&dump, good, &[], folder.path());
        assert_eq!(
            (complaints.as_str(), status),
            ("NameError: name 'inside' is not defined (in work)\nhint: at column 1: inside\n", Some(0))
        );
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "(1000000, 1, 1000000)");
        assert_eq!(lines[1], "'[[...], [...]]'");
        assert_eq!(lines[2], "(100000, True, True)".replace("100000", "1"));
        assert_eq!(lines[3], "83");
        // The program's own methods were never called, neither by dumping nor by asking.
        assert_eq!(lines[4], "[]");
        assert_eq!(lines[5], "['first', 'unbound_later', 'kept']");
        assert_eq!(lines[6], "(True, True, True)");
        assert!(!lines[7].contains(['\x1b', '\u{202e}']) && lines.len() == 8, "{told:?}");
        let deep = "repr(deep)\ndeep == other\ndeep < other\nlate\nstr(deep)\nsorted([deep, other])\n{deep: 1}\n";
        let (told, _, _) = session(&dump, deep, &["--json"], folder.path());
        let exceptions: Vec<String> = answers(&told).iter().map(|one| one["exception"].to_string()).collect();
        let expected = [
            "RecursionError",
            "RecursionError",
            "RecursionError",
            "UnboundLocalError",
            "RecursionError",
            "RecursionError",
            "TypeError",
        ];
        assert_eq!(exceptions, expected.map(|name| format!("{name:?}")));
    }
}

/// What would make a hundred million parts; and why it does not.
const MANY: [(&str, &str); 11] = [
    ("(b',' * 10 ** 8).split(b',')", "elements were made"),
    ("(b',' * 10 ** 8).rsplit(b',')", "elements were made"),
    ("(b'a ' * 5 * 10 ** 7).split()", "elements were made"),
    ("(b'a ' * 5 * 10 ** 7).rsplit()", "elements were made"),
    ("(b'\\n' * 10 ** 8).splitlines()", "elements were made"),
    ("(',' * 6 * 10 ** 7).split(',')", "elements were made"),
    ("('\\n' * 6 * 10 ** 7).splitlines(True)", "elements were made"),
    ("list(b',' * 10 ** 8)", "elements were made"),
    ("[*(',' * 6 * 10 ** 7)]", "elements were made"),
    ("[0] * 4000000 + [1] * 4000000", "elements were made"),
    ("repr('\\U000e0001' * 6 * 10 ** 7)", "a text of more than 67108864 characters is not made"),
];

/// In a process that has not the memory for them, as the others were made in one that had.
#[test]
fn what_is_refused_is_refused_before_it_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = folder.path().join("asked");
    let lines: String = MANY.iter().map(|(expression, _)| format!("{expression}\n")).collect();
    std::fs::write(&asked, lines).expect("a file");
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/3.12.heapsake");
    // Bytes are gone through as numbers of 4 bytes each, and from their end as a copy of these.
    let ended = Command::new("sh")
        .args(["-c", "ulimit -v 1700000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_heapsake"), "repl", dump, "--json"])
        .stdin(File::open(&asked).expect("the lines"))
        .output()
        .expect("it runs");
    let told = answers(&String::from_utf8_lossy(&ended.stdout));
    let complaints = String::from_utf8_lossy(&ended.stderr);
    for (at, (expression, words)) in MANY.iter().enumerate() {
        let Some(found) = told.get(at) else { panic!("{expression} ended the session with {}: {complaints}", ended.status) };
        assert!(found["error"].as_str().is_some_and(|error| error.contains(words)), "{expression}: {found}");
    }
}

#[test]
fn a_session_goes_from_frame_to_frame() {
    for python in interpreters() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = dumped(&python, "expressions_hostile.py", &[], folder.path());
        let lines = ":where\n:up\ninside\n:up\n:up\n:frame -1\nkept\n_ + 1\nn = _ * 2\nn + _\n:locals\n:source\n:refs million\n:path many\n:threads\n:thread 0\n:help\n# a comment\n\nNone\nquit\n1 +";
        let (told, complaints, status) = session(&dump, lines, &[], folder.path());
        assert_eq!((complaints.as_str(), status), ("", Some(0)), "{told}");
        let has = |needle: &str| assert!(told.contains(needle), "{needle:?} is not in\n{told}");
        for needle in [
            "'cell'",
            "\n42\n",
            "\n43\n",
            "\n129\n",
            "in outer",
            "kept = 42",
            "first = 41",
            "sys.stdin.readline()",
            "held by 1 object",
            "a root leads to it in",
            "MainThread (4 frames",
            ":threads",
        ] {
            has(needle);
        }
        // The last value is called _ where the frame has none, and an assignment comes before both.
        let (told, complaints, _) = session(&dump, "6 * 7\n_\n:frame 1\n_\n_ = 5\n_\n", &[], folder.path());
        assert_eq!(complaints, "");
        assert!(told.starts_with("42\n42\n") && told.ends_with("'own'\n5\n"), "{told}");
        let (_, complaints, status) = session(&dump, ":nothing\n:frame 9\n1 +\n:thread nobody\n", &[], folder.path());
        assert_eq!(status, Some(1));
        for needle in [
            "there is no command :nothing",
            "frame 9 of 4",
            "SyntaxError: a value belongs here, not the end",
            "no thread is called",
        ] {
            assert!(complaints.contains(needle), "{complaints}");
        }
        // One expression from the command line, in a frame.
        let ended = heapsake(&["inspect", &dump, "--eval", "[name, inside]", "--in", "thread:MainThread/frame:2"]);
        assert_eq!(ended.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&ended.stderr).contains("NameError: name 'name' is not defined (in "));
        let ended = heapsake(&["inspect", &dump, "--eval", "inside * 2", "--in", "thread:MainThread/frame:2", "--json"]);
        let told: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
        assert_eq!((told["text"].as_str(), told["type"].as_str()), (Some("cellcell"), Some("str")));
        let ended = heapsake(&["inspect", &dump, "--eval", "sum(many)", "--limit", "1000"]);
        assert!(String::from_utf8_lossy(&ended.stderr).contains("stopped after 1,000 steps"));
    }
}

#[test]
fn a_terminal_has_completion_and_history() {
    let python = pythons().pop().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = dumped(&python, "expressions_hostile.py", &[], folder.path());
    let ended = Command::new(&python)
        .arg(program("expressions_terminal.py"))
        .args([env!("CARGO_BIN_EXE_heapsake"), &dump])
        .env("XDG_STATE_HOME", folder.path())
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(said, "ended with 0\n", "{}", String::from_utf8_lossy(&ended.stderr));
    let history = std::fs::read_to_string(folder.path().join("heapsake/repl_history")).expect("a history");
    assert!(history.contains("many.index(7)"), "{history}");
}

#[test]
fn a_line_that_is_too_long_is_refused_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/3.12.heapsake");
    let lines = format!("1 + 1\n1 + {}\n2 + 2\n", "1 + ".repeat(1 << 19));
    let (told, complaints, status) = session(dump, &lines, &[], folder.path());
    assert_eq!(told, "2\n4\n");
    assert_eq!(complaints, "a line of more than 1048576 bytes is not read\n");
    assert_eq!(status, Some(0));
}
