//! `cargo xtask torch`: tensors of real releases of torch, dumped from outside, beside what torch says of them.
//!
//! A release is gigabytes, so this is no part of `cargo xtask test`: the tests that always run build their memory by hand.
//! The program is `tests/programs/tensors.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use ciborium::Value as Fact;
use heapsake_loader::array::{Array, COMPLEX, Cell};
use heapsake_loader::{AttributeValue, Object, open};
use serde_json::{Value, json};

use crate::test::{finish, named_or_built};
use crate::tidy;

/// Options of `cargo xtask torch`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Interpreters that have torch, each with the release that is to be tried.
    #[arg(long, required = true)]
    python: Vec<PathBuf>,
    /// The heapsake that dumps them, instead of the one that is built now.
    #[arg(long)]
    heapsake: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    let heapsake = named_or_built(arguments.heapsake.as_deref(), &root)?;
    let mut problems = 0;
    for python in &arguments.python {
        let folder = tempfile::tempdir()?;
        let (said, dump) = (folder.path().join("said.json"), folder.path().join("tensors.heapsake"));
        dumped(&root, python, &heapsake, &said, &dump)?;
        let said: Value = serde_json::from_slice(&std::fs::read(&said)?)?;
        let found = compare(&dump, &said)?;
        for problem in &found.problems {
            println!("torch {}: {problem}", said["torch"]);
        }
        println!("torch {}: {} facts compared, {} differ", said["torch"], found.compared, found.problems.len());
        if found.compared < 200 {
            bail!("only {} facts were compared", found.compared);
        }
        problems += found.problems.len();
    }
    if problems > 0 {
        bail!("{problems} differences");
    }
    Ok(())
}

fn dumped(root: &Path, python: &Path, heapsake: &Path, said: &Path, dump: &Path) -> anyhow::Result<()> {
    let mut program = Command::new(python);
    program.arg(root.join("tests/programs/tensors.py")).arg(said);
    let mut program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut line = String::new();
    BufReader::new(program.stdout.take().context("no output")?).read_line(&mut line)?;
    if line.trim() != "ready" {
        bail!("the program said {line:?}: has {} torch?", python.display());
    }
    let mut command = Command::new(heapsake);
    command.args(["dump", &program.id().to_string(), "--redact", "none", "-o"]).arg(dump);
    let made = finish(command.stdout(Stdio::null()));
    program.stdin.take().context("no input")?.write_all(b"end\n")?;
    program.wait()?;
    made
}

/// How much was compared, and what differs.
#[derive(Default)]
struct Found {
    compared: usize,
    problems: Vec<String>,
}

impl Found {
    fn same(&mut self, what: &str, found: &Value, said: &Value) {
        self.compared += 1;
        if !is_same(found, said) {
            self.problems.push(format!("{what} is {:.200}, said {:.200}", found.to_string(), said.to_string()));
        }
    }
}

/// Numbers are the same whether they are whole or not.
fn is_same(found: &Value, said: &Value) -> bool {
    match (found, said) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        _ => found == said,
    }
}

fn compare(dump: &Path, said: &Value) -> anyhow::Result<Found> {
    let opened = open(dump)?;
    let mut frames = opened.threads().iter().flat_map(|thread| &thread.frames);
    let main = frames.find(|frame| frame.function == "main").context("no frame of main")?;
    let variable = main.variables.iter().find(|variable| variable.name == "tensors").context("no tensors")?;
    let tensors = opened.referenced(variable.object).context("the tensors are not in the dump")?;
    let named: Vec<(String, Object<'_>)> =
        tensors.named_entries().into_iter().filter_map(|(name, target)| Some((name, tensors.follow(target)?))).collect();
    let tensor = |wanted: &str| named.iter().find(|(name, _)| name == wanted).map(|(_, object)| object);
    let mut found = Found::default();
    for (name, told) in said["tensors"].as_object().context("no tensors were said")? {
        let Some(object) = tensor(name) else {
            found.problems.push(format!("{name} is not there"));
            continue;
        };
        if let Some((reason, detail)) = object.surrogate() {
            found.problems.push(format!("{name} is a surrogate: {reason} {detail}"));
        }
        found.same(&format!("{name}.dtype"), &fact(object, "dtype_shown"), &told["dtype"]);
        for key in ["shape", "stride", "ndim", "size", "device", "storage_offset", "storage_bytes"] {
            if let Some(expected) = told.get(key) {
                found.same(&format!("{name}.{key}"), &fact(object, key), expected);
            }
        }
        let required = fact(object, "requires_grad");
        if said["gradients"] == json!(true) || !required.is_null() {
            found.same(&format!("{name}.requires_grad"), &required, &told["requires_grad"]);
        }
        let values = Array::of(object).map_or(Value::Null, |array| array.cells(0, array.len()).iter().map(value).collect());
        found.same(&format!("{name}'s values"), &values, &told["values"]);
    }
    for shared in said["shared"].as_array().context("nothing is shared")? {
        let names: Vec<&str> = shared.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let storages: Vec<Value> = names.iter().filter_map(|name| tensor(name)).map(|object| fact(object, "storage")).collect();
        found.same(&format!("the storages of {names:?}"), &json!(storages.iter().all(|one| *one == storages[0])), &json!(true));
    }
    if said["gradients"] == json!(true) {
        let gradient = tensor("leaf").and_then(|leaf| leaf.attribute_object("grad")).map(|found| found.address().0);
        found.same("leaf.grad", &json!(gradient), &json!(tensor("gradient").map(|found| found.address().0)));
    }
    Ok(found)
}

fn fact(object: &Object<'_>, name: &str) -> Value {
    match object.attribute(name) {
        Some(AttributeValue::Plain(value)) => plain(&value),
        _ => Value::Null,
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Plain(value) => plain(value),
        _ => Value::Null,
    }
}

fn plain(fact: &Fact) -> Value {
    match fact {
        Fact::Bool(flag) => json!(flag),
        Fact::Integer(number) => i64::try_from(i128::from(*number)).map_or(Value::Null, |number| json!(number)),
        Fact::Float(number) => json!(number),
        Fact::Text(text) => json!(text),
        Fact::Array(items) => items.iter().map(plain).collect(),
        Fact::Tag(COMPLEX, parts) => plain(parts),
        _ => Value::Null,
    }
}
