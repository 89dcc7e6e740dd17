//! Texts of any kind, nesting of any depth, values that a dump lacks, and completion, over a golden dump.

use std::time::Duration;

use heapsake_loader::Dump;
use proptest::prelude::*;

use super::{CompletionKind, ExpressionError, Limits, Scope, Value, complete, evaluate, execute};

const LIMITS: Limits = Limits { steps: 50_000, elements: 50_000, bytes: 1 << 20, time: Duration::from_secs(5), watch: None };

pub(super) fn golden() -> Dump {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/3.12.heapsake");
    heapsake_loader::open(path).expect("the golden dump")
}

pub(super) fn innermost(dump: &Dump) -> Scope<'_> {
    Scope::of_frame(dump, 0, dump.threads()[0].frames.len() - 1)
}

pub(super) fn shown(dump: &Dump, text: &str) -> String {
    match evaluate(&innermost(dump), text, &LIMITS) {
        Ok(value) => value.show(dump, 200),
        Err(problem) => problem.to_string(),
    }
}

/// Pieces that make an expression more often than letters do.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "fleet",
        "ring",
        "ports",
        "x",
        "1",
        "2.5",
        "0x1f",
        "'a'",
        "b'b'",
        "f'{",
        "}'",
        "f\"{x!r:>{5}}\"",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        ":=",
        "=",
        ".",
        "+",
        "-",
        "*",
        "**",
        "//",
        "%",
        "<<",
        "<",
        "==",
        "!=",
        "in",
        "not",
        "is",
        "and",
        "or",
        "if",
        "else",
        "for",
        "lambda",
        "None",
        "...",
        "len",
        "sum",
        "sorted",
        "repr",
        "str",
        ".format",
        ".join",
        " ",
        "\\",
        "'",
        "\"",
        "refs",
        "path",
        "[0]",
        "['Aurore']",
        "range(10)",
        "for x in",
        "if x",
        "*ring",
        "**fleet",
        "~",
        "@",
        "1e",
        "_",
        "\u{e9}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_a_value_or_an_error_in_it(text in prop_oneof![any::<String>(), soup()]) {
        let dump = golden();
        let mut scope = innermost(&dump);
        match execute(&mut scope, &text, &LIMITS) {
            Ok(value) => {
                let line = value.unwrap_or(Value::None).show(&dump, 100);
                prop_assert!(line.chars().count() <= 201 && !line.contains('\n'), "{line:?}");
            }
            Err(problem) => prop_assert!(problem.column <= text.chars().count(), "{problem:?}"),
        }
        for completion in complete(&scope, &text, text.chars().count()) {
            prop_assert!(completion.from <= text.chars().count());
        }
    }
}

#[test]
fn nesting_ends_in_an_error_and_chains_have_no_depth() {
    let dump = golden();
    let deep = 20_000;
    for text in [
        "(".repeat(deep),
        "[".repeat(deep),
        "{".repeat(deep),
        format!("{}1", "-".repeat(deep)),
        format!("{}1", "not ".repeat(deep)),
        format!("{}1", "2**".repeat(deep)),
        format!("{}1", "1 if 1 else ".repeat(deep)),
        "f'{".repeat(deep),
        "x[".repeat(deep),
        "len(".repeat(deep),
        "[x for x in ".repeat(deep),
        "[x for (".to_owned() + &"(".repeat(deep),
    ] {
        let problem = evaluate(&innermost(&dump), &text, &LIMITS).expect_err("too deep");
        assert!(problem.message.contains("deep") || problem.exception == Some("SyntaxError"), "{problem:?}");
    }
    assert_eq!(shown(&dump, &format!("{}1", "1 + ".repeat(10_000))), "10001");
    assert_eq!(shown(&dump, &format!("{}1", "1 and ".repeat(10_000))), "1");
    assert_eq!(shown(&dump, &format!("{}1", "1 == ".repeat(10_000))), "True");
    assert_eq!(shown(&dump, &format!("1{}", ".real".repeat(deep))).chars().next(), Some('S'));
    assert_eq!(shown(&dump, &format!("(1){}", ".real".repeat(10_000))), "1");
    // As deep as it goes, in each way that nests.
    for (open, close) in
        [("(", ")"), ("[", "]"), ("len([", "])"), ("[*", "]"), ("{0: ", "}"), ("-(", ")"), ("any(x for x in [", "])")]
    {
        let most = (1..100).rev().find(|depth| {
            let text = format!("{}1{}", open.repeat(*depth), close.repeat(*depth));
            !matches!(evaluate(&innermost(&dump), &text, &LIMITS),
                Err(ExpressionError { message, .. }) if message.contains("nested more than"))
        });
        assert!(most.is_some_and(|most| most >= 20), "{open}: {most:?}");
    }
}

#[test]
fn what_the_dump_lacks_is_said() {
    let dump = golden();
    for (text, told) in [
        ("len(password)", "the dump does not have the value of the str #"),
        ("password + 'x'", "redacted"),
        ("[password] == ['a']", "redacted"),
        ("f'{password}'", "redacted"),
        ("'a' in [password]", "redacted"),
        ("ring[99]", "IndexError: list index out of range"),
        ("fleet['Boreas']", "KeyError: 'Boreas'"),
        ("nothing", "NameError: name 'nothing' is not defined (in wait)"),
        ("fleet[", "SyntaxError: a value belongs here, not the end"),
        ("next(counting)", "'generator' object is not an iterator"),
        ("list(counting)", "no code of the dump runs"),
    ] {
        assert!(shown(&dump, text).contains(told), "{text}: {}", shown(&dump, text));
    }
    // What needs no value works.
    assert_eq!(shown(&dump, "password is None"), "False");
    assert_eq!(shown(&dump, "type(password) is str"), "True");
    assert_eq!(shown(&dump, "[hop[0] for hop in path(ring)]"), "['thread:MainThread/frame:2/ring']");
    assert_eq!(shown(&dump, "('[12]', True) in [(name, holder is ring) for name, holder in refs(ring)]"), "True");
    assert_eq!(shown(&dump, "sorted(ship.name for ship in objects('Ship')) == sorted(s.name for s in fleet.values())"), "True");
    assert_eq!(shown(&dump, "at(id(ring)) is ring and size(ring) > 100"), "True");
}

#[test]
fn completion_knows_names_attributes_and_keys() {
    let dump = golden();
    let scope = innermost(&dump);
    let found = |text: &str| complete(&scope, text, text.chars().count());
    let texts = |text: &str| found(text).into_iter().map(|one| one.text).collect::<Vec<_>>();
    assert_eq!(found("1 + fle")[0].text, "fleet");
    assert_eq!((found("1 + fle")[0].from, found("1 + fle")[0].kind), (4, CompletionKind::Variable));
    assert!(texts("sor").contains(&"sorted".to_owned()));
    assert!(texts("Shi").contains(&"Ship".to_owned()));
    let ship = texts("fleet['Aurore'].");
    assert!(["name", "cargo", "sister", "flag"].iter().all(|name| ship.contains(&(*name).to_owned())), "{ship:?}");
    assert_eq!(texts("fleet['Aurore'].cargo[0].we"), ["weight"]);
    assert!(texts("ports.").contains(&"index".to_owned()));
    assert_eq!(texts("fleet['Au"), ["'Aurore']"]);
    assert_eq!(texts("fleet[\"Au"), ["\"Aurore\"]"]);
    assert!(texts("'a'.up").contains(&"upper".to_owned()));
    assert!(texts("nothing.").is_empty() && texts("1 + ").len() > 10);
}

#[test]
fn what_a_session_keeps_is_bounded() {
    let dump = golden();
    let mut scope = innermost(&dump);
    execute(&mut scope, "x = []", &LIMITS).expect("a list");
    let stopped = (0..1000).find(|_| execute(&mut scope, "x = [x]", &LIMITS).is_err());
    assert!(stopped.is_some_and(|at| at < 200), "{stopped:?}");
    assert!(execute(&mut scope, "g = (n for n in x)", &LIMITS).is_err());
    assert_eq!(execute(&mut scope, "len(x)", &LIMITS).expect("a number").expect("a value").show(&dump, 10), "1");
    assert_eq!(execute(&mut scope, "_ + 1", &LIMITS).expect("a number").expect("a value").show(&dump, 10), "2");
    let long = evaluate(&scope, "list(range(20000))", &LIMITS).expect("a list");
    assert!(long.show(&dump, 100).ends_with(" more]") && long.length(&dump) == 20_000);
    assert_eq!(long.children(&dump, 19_998, 10).len(), 2);
}
