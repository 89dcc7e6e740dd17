//! Three programs from PyPI that die of a bad input: a web application, a data-frame job, a code formatter.
//!
//! Each runs in an environment of its own, under `heapsake run` and with `heapsake.install()`. Then the program, its folder
//! and its environment are out of the way, and the dump is opened by other versions that have none of its packages.

use std::path::{Path, PathBuf};

use heapsake_tests::{Ended, Environment, converse, environments, file, no_problems, run};

/// A program, and what somebody finds in its dump.
struct Program {
    name: &'static str,
    /// The last line of what Python says.
    dies_of: &'static str,
    summary: &'static [&'static str],
    stack: &'static [&'static str],
    inspect: &'static [(&'static str, &'static str)],
    /// What is typed in pdb, and what the answer holds.
    session: &'static [(&'static str, &'static [&'static str])],
}

const PROGRAMS: [Program; 3] = [
    Program {
        name: "shop",
        dies_of: "KeyError: 'spoon'",
        summary: &[
            "KeyError: 'spoon'",
            "MainThread (",
            "shop.py\", line 18, in add",
            "PRICES[name]",
            "name = 'spoon'",
            "customer='Grace'",
        ],
        stack: &[
            "/flask/app.py",
            "/werkzeug/test.py",
            "return self.wsgi_app(environ, start_response)",
            "'PATH_INFO': '/order/2'",
        ],
        inspect: &[
            ("self.lines[0][\"price\"]", "975"),
            ("frame:-2/body[\"lines\"][1][\"name\"]", "'spoon'"),
            ("thread:MainThread/frame:-3/self.config[\"SHOP\"]", "'Corner shop'"),
            ("thread:MainThread/frame:-3/self.config[\"SECRET_KEY\"]", "<redacted:"),
            ("thread:MainThread/frame:-3/rule.rule", "'/order/<int:number>'"),
            ("exception/args[0]", "'spoon'"),
            ("module:__main__/PRICES[\"cup\"]", "975"),
        ],
        session: &[
            ("bt", &["shop.py(47)<module>()", "flask/app.py(865)dispatch_request()", "> ", "shop.py(18)add()"]),
            ("p name, count, PRICES", &["('spoon', 4, {'tea': 320, 'cup': 975})"]),
            ("args", &["self = <__main__.Basket", "name = 'spoon'", "count = 4"]),
            ("l", &["18  ->\t        self.lines.append", "def __init__(self, customer):"]),
            ("source self", &["class Basket:", "def add(self, name, count):"]),
            ("up", &["shop.py(31)order()", "g.basket.add"]),
            ("pp body", &["{'lines': [{'count': 1, 'name': 'cup'}, {'count': 4, 'name': 'spoon'}]}"]),
            ("ll", &["@app.route(\"/order/<int:number>\", methods=[\"POST\"])", "return jsonify(number=number"]),
            ("interact", &["interact"]),
            ("[line['name'] for line in body['lines']][position]", &["'spoon'"]),
            ("exit()", &["exit"]),
            ("up", &["flask/app.py(865)dispatch_request()"]),
            ("p self.config['SHOP'], rule.endpoint, view_args", &["('Corner shop', 'order', {'number': 2})"]),
            ("p self.config['SECRET_KEY']", &["redacted"]),
            ("p self.before_request_funcs", &["None: [<function remember"]),
            ("p req.environ['HTTP_X_CUSTOMER'], req.environ['QUERY_STRING']", &["('Grace', 'note=quick')"]),
            ("ll", &["def dispatch_request(self)", "raise_routing_exception"]),
            ("whatis self", &["flask.app.Flask"]),
            ("p sorted(self.url_map._rules_by_endpoint)", &["['order', 'static']"]),
        ],
    },
    Program {
        name: "sales",
        dies_of: "ValueError: invalid literal for int() with base 10: 'many'",
        summary: &[
            "ValueError: invalid literal for int() with base 10: 'many'",
            "sales.py\", line 24, in revenue",
            "counts.astype(\"int64\")",
            "pandas",
        ],
        stack: &["pandas/core/generic.py", "dtype = 'int64'", "errors = 'raise'"],
        inspect: &[
            ("frame:2/name", "'march'"),
            ("frame:2/self.sources[\"february\"]", "'day,region,item,count\\n2024-03-01,north,tea,3"),
            ("thread:MainThread/frame:3/table._item_cache[\"count\"]._name", "'count'"),
            ("frame:3/counts._mgr.axes[0]._range", "range(0, 4"),
            ("module:pandas/__version__", "'2."),
            ("exception/args[0]", "\"invalid literal for int() with base 10: 'many'\""),
        ],
        session: &[
            ("bt 4", &["sales.py(49)<module>()", "sales.py(24)revenue()", "… ", "_astype_nansafe()"]),
            ("p dtype", &["dtype('int64')"]),
            ("up 7", &["sales.py(24)revenue()", "-> checked = counts.astype(\"int64\")"]),
            ("ll", &["def revenue(table):", "->\t    checked"]),
            ("p type(table).__name__, counts._name", &["('DataFrame', 'count')"]),
            ("whatis counts", &["pandas.core.series.Series"]),
            ("pp counts", &["name='count'"]),
            ("p counts._mgr.axes[0]._range", &["range(0, 4)"]),
            ("p table.shape", &["(4, 5)"]),
            ("up", &["sales.py(36)run()"]),
            ("p name, list(self.done)", &["('march', ['february'])"]),
            ("pp self.sources", &["'february': 'day,region", "south,tea,many"]),
            ("interact", &["interact"]),
            ("[line.split(',')[3] for line in text.splitlines()[1:]]", &["['3', '1', '2', 'many']"]),
            ("exit()", &["exit"]),
            ("source self", &["class Job:", "self.done[name] = revenue(table)"]),
            ("down", &["sales.py(24)revenue()"]),
            ("l", &["->\t    checked = counts.astype"]),
        ],
    },
    Program {
        name: "batch",
        dies_of: "Cannot parse: 2:19:     return width * * height",
        summary: &[
            "InvalidInput: Cannot parse: 2:19:     return width * * height",
            "in Batch.run",
            "name = 'broken.py'",
            "raise exc from None",
        ],
        stack: &["black/__init__.py", "faulty_line = '    return width * * height'", "TargetVersion.PY38: 8"],
        inspect: &[
            ("lines[1]", "'    return width * * height'"),
            ("frame:2/self.formatted[\"good.py\"]", "'x = {\"a\": 1}\\n'"),
            ("frame:2/self.mode.line_length", "60"),
            ("thread:MainThread/frame:-1/exc.args[0]", "'Cannot parse: 2:19:"),
            ("module:black/FileMode.line_length", "88"),
        ],
        session: &[
            ("bt", &["batch.py(34)<module>()", "batch.py(21)run()", "> ", "black/parsing.py", "lib2to3_parse()"]),
            ("p lineno, column, faulty_line", &["(2, 19, '    return width * * height')"]),
            ("p errors", &["InvalidInput('Cannot parse: 2:19:"]),
            ("args", &["src_txt = 'def area(width, height):", "TargetVersion.PY38: 8"]),
            ("ll", &["def lib2to3_parse(src_txt: str", "raise exc from None"]),
            ("up 3", &["batch.py(21)run()"]),
            ("p self.formatted, self.mode.line_length", &["({'good.py': 'x = {\"a\": 1}\\n'}, 60)"]),
            ("pp self.files", &["'broken.py': 'def area(width, height):\\n    return width * * height\\n'"]),
            ("p [version.name for version in self.mode.target_versions]", &["['PY38']"]),
            ("l", &["->\t            self.formatted[name] = black.format_str"]),
            ("interact", &["interact"]),
            ("sorted(set(self.files) - set(self.formatted))", &["['broken.py', 'never.py']"]),
            ("exit()", &["exit"]),
            ("down", &["format_str()"]),
            ("p mode.line_length, mode.string_normalization", &["(60, True)"]),
            ("source black", &["NameError"]),
            ("exceptions", &["InvalidInput("]),
        ],
    },
];

/// A folder under another name, until this is dropped.
struct Away {
    from: PathBuf,
    to: PathBuf,
}

impl Away {
    fn put(from: PathBuf) -> Away {
        let to = from.with_extension("away");
        std::fs::rename(&from, &to).expect("the environment is put away");
        Away { from, to }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        // What cannot be put back is made again by the next run of the test command.
        let _ = std::fs::rename(&self.to, &self.from);
    }
}

fn crash(program: &Program, environment: &Environment, python: &Path, folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let script = folder.join(format!("{}.py", program.name));
    std::fs::copy(file(&format!("programs/real/{}.py", program.name)), &script).expect("the program");
    let died = |ended: &Ended, how: &str| {
        assert_eq!(ended.status.code(), Some(1), "{} {how}: {}", program.name, ended.err);
        assert!(ended.err.contains(program.dies_of), "{} {how}: {}", program.name, ended.err);
    };
    let supervised = folder.join("run.heapsake");
    let ended = run(environment.heapsake().args(["run", "--python"]).arg(python).arg("-o").arg(&supervised).arg(&script));
    died(&ended, "under heapsake run");

    let hooked = folder.join("hooked");
    std::fs::create_dir(&hooked).expect("a folder");
    let ended = run(std::process::Command::new(python).arg(&script).arg("--install").arg(&hooked));
    died(&ended, "with install()");
    let left: Vec<PathBuf> =
        std::fs::read_dir(&hooked).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    let [dump] = &left[..] else { panic!("{} left {left:?}: {}", program.name, ended.err) };
    assert!(ended.err.contains(&format!("saved to {}", dump.display())), "{}", ended.err);
    vec![("run", supervised), ("install", dump.clone())]
}

/// What is missing of what the answer should hold.
fn missing(what: &str, answer: &str, expected: &[&str]) -> Vec<String> {
    let lacks = expected.iter().filter(|needle| !answer.contains(**needle));
    lacks.map(|needle| format!("{what} lacks {needle:?}:\n{}", answer.chars().take(1500).collect::<String>())).collect()
}

fn examine(program: &Program, opener: &Environment, dump: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut ask = |arguments: &[&str], expected: &[&str]| {
        let mut command = opener.heapsake();
        let ended = run(command.args(&arguments[..1]).arg(dump).args(&arguments[1..]).current_dir("/"));
        let what = format!("{arguments:?}");
        if !ended.status.success() {
            found.push(format!("{what} ended with {}: {}", ended.status, ended.err));
        }
        found.extend(missing(&what, &ended.out, expected));
    };
    ask(&["stack"], program.stack);
    for (path, expected) in program.inspect {
        ask(&["inspect", path], &[expected]);
    }
    let summary = run(opener.heapsake().arg(dump).current_dir("/")).success("the summary");
    found.extend(missing("the summary", &summary, program.summary));
    if summary.lines().count() > 110 || summary.lines().any(|line| line.chars().count() > 600) {
        found.push(format!("the summary is no summary: {} lines\n{summary}", summary.lines().count()));
    }

    let typed: String = program.session.iter().map(|(line, _)| format!("{line}\n")).collect::<String>() + "q\n";
    let ended = converse(opener.python().args(["-m", "heapsake", "debug"]).arg(dump).current_dir("/"), &typed);
    if !ended.status.success() || !ended.err.is_empty() {
        found.push(format!("the session ended with {}: {}", ended.status, ended.err));
    }
    let said = ended.out.replace("\n>>> ", "\n(Pdb) ").replace(">>> ", "(Pdb) ");
    let answers: Vec<&str> = said.split("(Pdb) ").skip(1).collect();
    if answers.len() != program.session.len() + 1 {
        found.push(format!("{} answers to {} lines:\n{said}", answers.len(), program.session.len() + 1));
    }
    for ((line, expected), answer) in program.session.iter().zip(answers) {
        found.extend(missing(&format!("pdb's {line}"), answer, expected));
    }
    found
}

#[test]
fn real_programs_are_understood_on_another_machine() {
    let Some(base) = std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "in CI the programs from PyPI must be there: PyPI could not be reached");
        println!("not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it where PyPI can be reached)");
        return;
    };
    let environments = environments();
    let mut found = Vec::new();
    for program in &PROGRAMS {
        let home = base.join(program.name);
        let python = home.join("bin/python");
        let version = run(std::process::Command::new(&python).args(["-c", "import sys; print(sys.version_info[1])"]));
        let minor: u32 = version.success("the program's interpreter").trim().parse().expect("a number");
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        let dumps = crash(program, &environments[0], &python, folder.path());
        let moved: Vec<(&str, PathBuf)> = dumps
            .into_iter()
            .map(|(how, path)| {
                let target = elsewhere.path().join(format!("{how}.heapsake"));
                std::fs::copy(&path, &target).expect("the dump is moved");
                (how, target)
            })
            .collect();
        drop(folder);
        let away = Away::put(home);
        let others: Vec<&Environment> = environments.iter().filter(|one| one.minor != minor).collect();
        assert!(others.len() > 1 || environments.len() < 3, "no other version opens what {minor} made");
        for opener in [others.first(), others.last()].into_iter().flatten() {
            for (how, dump) in &moved {
                let place = format!("{} of 3.{minor} by {how}, opened by {}", program.name, opener.version);
                found.extend(examine(program, opener, dump).into_iter().map(|problem| format!("{place}: {problem}")));
            }
        }
        drop(away);
        println!(
            "{}: made by 3.{minor}, opened by {}",
            program.name,
            others.iter().map(|one| one.version.as_str()).collect::<Vec<_>>().join(", ")
        );
    }
    no_problems(&found);
}
