//! What is large, deep or without an order: an answer or a refusal, never a panic or a wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::expression_tests::{golden, innermost, shown};
use super::{Limits, Scope, Watch, evaluate, execute};

fn answers(cases: &[(&str, &str)]) {
    let dump = golden();
    for (text, answer) in cases {
        assert_eq!(shown(&dump, text), *answer, "{text}");
    }
}

/// Whether it ends with an error that says this.
fn refuses(text: &str, why: &str) {
    let told = shown(&golden(), text);
    assert!(told.contains(why), "{text}: {told}");
}

#[test]
fn sorting_needs_no_total_order() {
    answers(&[
        // As CPython sorts a short list: its runs are not the same, but nothing is lost.
        ("sorted([float('nan')] * 30) == []", "False"),
        ("len(sorted([float('nan') if i % 3 == 0 else -i for i in range(50)]))", "50"),
        (
            "sum(x for x in sorted([float('nan') if i % 3 == 0 else (i * 7919) % 101 for i in range(90)]) if x == x) == sum((i * 7919) % 101 for i in range(90) if i % 3)",
            "True",
        ),
        ("len(sorted([{i % 7, i % 5} for i in range(40)]))", "40"),
        ("sorted([(i * 7919) % 101 for i in range(101)]) == list(range(101))", "True"),
        ("sorted(range(100), reverse=True) == list(range(99, -1, -1))", "True"),
        ("[i for _, i in sorted([(i % 3, i) for i in range(9)], reverse=True)]", "[8, 5, 2, 7, 4, 1, 6, 3, 0]"),
        ("sorted(['b', 'A', 'a'], key=str.lower, reverse=True)", "['b', 'A', 'a']"),
        ("sorted([]) + sorted([1])", "[1]"),
    ]);
    refuses("sorted([i if i % 2 else str(i) for i in range(30)])", "TypeError: '<' not supported between instances of");
}

#[test]
fn a_precision_may_be_large() {
    answers(&[
        ("len(f'{1.5:.70000f}')", "70002"),
        ("f'{1.5:.70000f}'[:5] + f'{1.5:.70000f}'[-3:]", "'1.500000'"),
        ("len(f'{1.5:.70000e}')", "70006"),
        ("f'{1.5:.70000e}'[-5:]", "'0e+00'"),
        ("f'{1.5:.70000g}'", "'1.5'"),
        ("f'{2.5:.70000}'", "'2.5'"),
        ("len('%.70000f' % 0.5)", "70002"),
        ("len(f'{0.5:.70000%}')", "70004"),
        ("f'{1234567:013,}'", "'0,001,234,567'"),
        ("f'{12:06,}'", "'00,012'"),
        ("f'{12:05,}'", "'0,012'"),
        ("f'{12:04,}'", "'0,012'"),
        ("f'{12:03,}'", "'012'"),
        ("f'{255:#012_x}'", "'0x0_0000_00ff'"),
    ]);
}

#[test]
fn ranges_may_be_wide() {
    answers(&[
        ("range(2**70)[-1] == 2**70 - 1", "True"),
        ("range(10)[::2**70]", "range(0, 10, 1180591620717411303424)"),
        ("range(10**9)[::2]", "range(0, 1000000000, 2)"),
        ("range(10)[2:5]", "range(2, 5)"),
        ("len(range(2**62))", "4611686018427387904"),
    ]);
    refuses("len(range(2**70))", "OverflowError: Python int too large to convert to C ssize_t");
    refuses("range(0, 2**90, 2**80)[::2**90]", "too large");
    refuses("range(2**200)", "too large");
    refuses("reversed(range(2**70))", "too large");
}

#[test]
fn an_inner_variable_may_hide_an_outer_one() {
    answers(&[("[x for x in [[1], [2]] for x in x]", "[1, 2]"), ("[x for x in [1, 2]]", "[1, 2]")]);
}

#[test]
fn values_may_be_nested_deeply() {
    let dump = golden();
    let told = |text: &str| match evaluate(&Scope::of_dump(&dump), text, &Limits::default()) {
        Ok(value) => value.show(&dump, 100),
        Err(problem) => problem.to_string(),
    };
    for inner in ["[x]", "(x, 1)", "{1: x}", "map(abs, x)", "enumerate(x)", "(y for y in x)", "[slice(x)]", "zip(x, [1])"] {
        assert_eq!(told(&format!("len([x := {inner} if i else [] for i in range(200000)])")), "200000", "{inner}");
    }
    for (text, why) in [
        ("list([x := map(abs, x) if i else [1] for i in range(2000)][-1])", "RecursionError"),
        ("[x := frozenset([x]) if i else 1 for i in range(20000)]", "RecursionError"),
        ("[x := slice(x) if i else 1 for i in range(20000)]", "a slice of slices is not made"),
        ("str([x := [x] if i else [] for i in range(20000)][-1])", "RecursionError"),
        ("[x := [x] if i else [] for i in range(999)][-1] == [y := [y] if i else [] for i in range(999)][-1]", "RecursionError"),
    ] {
        let answer = told(text);
        assert!(answer.contains(why), "{text}: {answer}");
    }
}

#[test]
fn a_session_keeps_shared_values_and_no_deep_ones() {
    let dump = golden();
    let mut scope = Scope::of_dump(&dump);
    let mut does = |text: &str| execute(&mut scope, text, &Limits::default()).map(|_| ()).map_err(|problem| problem.to_string());
    assert_eq!(does("[x := [x, x] if i else [] for i in range(60)][0]"), Ok(()));
    assert_eq!(does("len(x)"), Ok(()));
    let told = does("[y := [y] if i else [] for i in range(200000)][0]").expect_err("it is too deep");
    assert!(told.contains("is not kept"), "{told}");
    assert!(does("y").is_err());
}

#[test]
fn searches_take_no_product_of_lengths() {
    answers(&[
        ("('a' * 100000).find('a' * 50000 + 'b')", "-1"),
        ("('a' * 100000).rfind('b' + 'a' * 50000)", "-1"),
        ("('a' * 100000).count('a' * 50000 + 'b')", "0"),
        ("'a' * 50000 + 'b' in 'a' * 100000", "False"),
        ("b'a' * 50000 + b'b' in b'a' * 100000", "False"),
        ("'abababac'.find('abac'), 'abababac'.rfind('ab'), 'aaaa'.count('aa'), 'aabaaab'.find('aaab')", "(4, 4, 2, 3)"),
        ("'abc'.find(''), 'abc'.rfind(''), '' in '', 'abc'.find('abcd')", "(0, 3, True, -1)"),
        ("'abcabc'.split('bc'), 'aXbXc'.rsplit('X', 1), 'aaa'.replace('aa', 'b')", "(['a', 'a', ''], ['aXb', 'c'], 'ba')"),
        ("'xxaxx'.strip('yx'), 'a-b-c'.rpartition('-')", "('a', ('a-b', '-', 'c'))"),
        ("b'abcb'.rindex(b'b'), b'abcb'.find(98)", "(3, 1)"),
    ]);
}

#[test]
fn large_integers_take_no_time() {
    answers(&[
        ("-1 >> 3, -9 >> 1, -(2**70) >> 68, (-(2**70) - 1) >> 68, 2**70 >> 69, -(2**70) >> 90", "(-1, -5, -4, -5, 2, -1)"),
        ("(2**4000 // 3**1000) * 3**1000 + 2**4000 % 3**1000 == 2**4000", "True"),
        ("pow(3, 2**1000, 10**50) == pow(3, 2**1000 % (4 * 10**49), 10**50)", "True"),
        (
            "round(15, -1), round(25, -1), round(-5, -1), round(6, -1), round(5, -1), round(10**30 + 6, -1) - 10**30, round(123, -9)",
            "(20, 20, 0, 10, 0, 10, 0)",
        ),
    ]);
    refuses("(1 << 8000000) // (1 << 4000000)", "would take too long");
    refuses("(1 << 8000000) % ((1 << 4000000) + 1)", "would take too long");
    refuses("pow(3, (1 << 60000) - 1, (1 << 60000) - 1)", "would take too long");
    refuses("[-(1 << 8000000) for i in range(100000)]", "bytes of text and integers");
    refuses("[abs(1 << 8000000) for i in range(100000)]", "bytes of text and integers");
}

#[test]
fn copies_are_counted() {
    refuses("[y.copy() for y in [list(range(1000))] for i in range(100)]", "elements were made");
    let dump = golden();
    let limits = Limits { elements: 50_000, ..Limits::default() };
    for copy in ["y.copy()", "dict(y)", "{**y}", "y | {}", "{*y}", "set(y)"] {
        let text = format!("[{copy} for y in [{{n: n for n in range(900)}}] for i in range(60)]");
        let told = evaluate(&Scope::of_dump(&dump), &text, &limits).map_err(|problem| problem.to_string()).err();
        assert!(told.as_ref().is_some_and(|told| told.contains("elements were made")), "{text}: {told:?}");
    }
    refuses("[y[:] for y in [b'a' * 40000] for i in range(300)]", "bytes of text and integers");
    refuses("[y.replace('b', 'c') for y in ['a' * 100000] for i in range(100)]", "bytes of text and integers");
    // What is made is counted and not what it is made of: nothing here makes more than a byte.
    answers(&[(
        "sum(y.startswith('a') + y.count('b') + (y.find('b') < 0) + y.isalpha() for y in ['a' * 200000] for i in range(30))",
        "90",
    )]);
    for call in
        ["upper()", "strip('b')", "split('b')", "partition('b')", "removeprefix('b')", "splitlines()", "ljust(1)", "encode()"]
    {
        refuses(&format!("[y.{call} for y in ['a' * 200000] for i in range(60)]"), "bytes of text and integers");
    }
    refuses("('\\t' * 100000).expandtabs(100)", "characters is not made");
    refuses("'a'.center(300000)", "bytes at once");
    refuses("'1'.zfill(300000)", "bytes at once");
    refuses("f'{1:300000}'", "bytes at once");
    refuses("f'{\"a\":300000}'", "bytes at once");
}

#[test]
fn what_grows_is_looked_at_while_it_grows() {
    let dump = golden();
    let told = |text: &str, limits: Limits| {
        let evaluated = evaluate(&Scope::of_dump(&dump), text, &limits);
        evaluated.map_or_else(|problem| problem.to_string(), |value| value.show(&dump, 100))
    };
    for call in
        ["split(',')", "rsplit(',')", "split()", "rsplit(None, 2000)", "splitlines()", "splitlines(True)", "split(',', 1500)"]
    {
        for text in
            [format!("(', \\n' * 5000).{call}"), format!("b', \\n' * 5000 and (b', \\n' * 5000).{}", call.replace("','", "b','"))]
        {
            let answer = told(&text, Limits { elements: 1000, ..Limits::default() });
            assert!(answer.contains("stopped after 1,000 elements were made"), "{text}: {answer}");
            let counted = told(&format!("len({text})"), Limits { elements: 10_000, ..Limits::default() });
            assert!(counted.parse::<u32>().is_ok_and(|count| count > 1000), "{text}: {counted}");
        }
    }
    // A letter may take ten where it is escaped, and each takes four bytes.
    let small = || Limits { bytes: 1 << 20, ..Limits::default() };
    for text in
        ["repr('\\U000e0001' * 100000)", "repr(b'\\0' * 70000)", "ascii('\\u3042' * 50000)", "repr(bytearray(b'\\0' * 70000))"]
    {
        let answer = told(text, small());
        assert!(answer.contains("a text of more than 262144 characters is not made"), "{text}: {answer}");
    }
    for text in ["'%s' % 5 + '%s%s' % ('a' * 200000, 'b' * 200000)", "'{}{}'.format('a' * 200000, 'b' * 200000)"] {
        let answer = told(text, small());
        assert!(answer.contains("a text of more than 262144 characters is not made"), "{text}: {answer}");
    }
    let answer = told("'a'.join(['b' * 200000, 'c' * 200000])", small());
    assert!(answer.contains("a text of more than 262144 characters is not made"), "{answer}");
    let answer = told("int.from_bytes(b'\\xff' * 2 ** 21, 'big')", Limits::default());
    assert!(answer.contains("an integer of 16777216 bits is more than the"), "{answer}");
    // Names of a call are looked up once each.
    let quick = Limits { time: Duration::from_secs(10), ..Limits::default() };
    assert_eq!(told("len(dict(**{str(n): n for n in range(200000)}))", quick), "200000");
    refuses("dict(a=1, **{'b': 2, 'a': 3})", "TypeError: got multiple values for keyword argument 'a'");
    // Two displays of one element, two repetitions, and the sum of both.
    let budget = |elements: u64| told("len([1] * 400 + [2] * 400)", Limits { elements, ..Limits::default() });
    assert_eq!(budget(2 + 800 + 800), "800");
    assert!(budget(2 + 800 + 799).contains("stopped after 1,601 elements were made"));
}

/// One that waits until the evaluation has begun, and then wants it no more.
#[derive(Debug, Default)]
struct Impatient(AtomicU64);

impl Watch for Impatient {
    fn goes_on(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) < 3
    }
}

#[test]
fn whoever_waits_may_end_it() {
    let dump = golden();
    let endless = "sum(n for n in range(10 ** 15))";
    let told = |watch: Arc<dyn Watch>, text: &str| {
        let limits = Limits { steps: u64::MAX, time: Duration::from_hours(1), watch: Some(watch), ..Limits::default() };
        evaluate(&innermost(&dump), text, &limits).map(|value| value.show(&dump, 100)).map_err(|problem| problem.to_string())
    };
    assert_eq!(told(Arc::new(Impatient::default()), endless), Err("cancelled".to_owned()));
    assert_eq!(told(Arc::new(AtomicBool::new(true)), "[1 for n in range(2000)]"), Err("cancelled".to_owned()));
    assert_eq!(told(Arc::new(AtomicBool::new(true)), "refs(ring)"), Err("cancelled".to_owned()));
    assert_eq!(told(Arc::new(AtomicBool::new(false)), "len(refs(ring, most=1)) > 0"), Ok("True".to_owned()));
    // Another thread does the same.
    let flag = Arc::new(AtomicBool::new(false));
    let (set, waited) = (flag.clone(), flag.clone());
    let other = std::thread::spawn(move || set.store(true, Ordering::Relaxed));
    assert_eq!(told(waited, endless), Err("cancelled".to_owned()));
    other.join().expect("it sets a flag");
}
