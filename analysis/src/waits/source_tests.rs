//! Source text as people write it.

use super::*;

fn items(line: &str) -> Vec<String> {
    with_items(line).map(|(_, items)| items).unwrap_or_default()
}

#[test]
fn with_statements() {
    assert_eq!(items("    with self.lock:  # a: b"), ["self.lock"]);
    assert_eq!(items("with a, b[0] as c, open('x', 'y') as d:"), ["a", "b[0]", "open('x', 'y')"]);
    assert_eq!(items("with (a, b):"), ["a", "b"]);
    assert_eq!(items("with (a) as b, (c):"), ["(a)", "(c)"]);
    assert_eq!(with_items("async with lock: await x()"), Some((true, vec!["lock".to_owned()])));
    assert_eq!(with_items("without = 1"), None);
}

#[test]
fn calls_of_a_line() {
    let named =
        |line: &str| -> Vec<(String, String)> { calls(line).into_iter().map(|call| (call.receiver, call.name)).collect() };
    let one = |receiver: &str, name: &str| (receiver.to_owned(), name.to_owned());
    assert_eq!(named("x = self.locks[i].acquire(timeout=len(a))"), [one("self.locks[i]", "acquire"), one("", "len")]);
    assert_eq!(named("time.sleep(1)  # a.b()"), [one("time", "sleep")]);
    assert_eq!(named("f(x).get()"), [one("", "f"), one("", "get")]);
}

#[test]
fn arguments_of_a_call() {
    let call = call_of("self.lock.acquire(f(a, b), timeout=len(c)) # acquire(False)").expect("a call");
    assert_eq!((call.receiver.as_str(), call.name.as_str(), call.is_whole), ("self.lock", "acquire", true));
    assert_eq!((call.argument(0, "blocking"), call.argument(1, "timeout")), (Some("f(a, b)"), Some("len(c)")));
    let call = call_of("acquire(True, x == 1)").expect("a call");
    assert_eq!((call.argument(0, "blocking"), call.argument(1, "timeout")), (Some("True"), Some("x == 1")));
    let call = call_of("f(x).get(").expect("a call");
    assert_eq!((call.name.as_str(), call.argument(0, "block"), call.is_whole), ("get", None, false));
    assert_eq!(call_of("lock"), None);
    assert!(calls(&"f(".repeat(LONGEST_LINE)).is_empty());
}

#[test]
fn what_is_held_at_a_line() {
    let text = "\
def f(self):
    with other:
        pass
    a.acquire()
    b.acquire()
    b.release()
    if x:
        c.acquire()
    with self.d, e as g:
        # with not_this:
        for i in y:
            async with h:
                wait()
        else:
            wait()
    wait()";
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let names = |line: u32| -> Vec<String> { held(&lines, 1, line).into_iter().map(|held| held.expression).collect() };
    assert_eq!(names(13), ["h", "e", "self.d", "a"]);
    assert_eq!(names(15), ["e", "self.d", "a"]);
    assert_eq!(names(16), ["a"]);
    assert_eq!(names(3), ["other"]);
}
