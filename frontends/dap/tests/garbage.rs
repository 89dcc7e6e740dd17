//! Whatever a client sends: the adapter ends, every request is answered once, and nothing goes wrong inside.

use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// After this long a connection hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// Requests that editors send, and some that are none.
const COMMANDS: [&str; 36] = [
    "initialize",
    "launch",
    "attach",
    "configurationDone",
    "threads",
    "stackTrace",
    "scopes",
    "variables",
    "evaluate",
    "exceptionInfo",
    "completions",
    "source",
    "loadedSources",
    "modules",
    "readMemory",
    "setBreakpoints",
    "setFunctionBreakpoints",
    "setExceptionBreakpoints",
    "setDataBreakpoints",
    "setInstructionBreakpoints",
    "cancel",
    "terminate",
    "continue",
    "next",
    "stepIn",
    "stepOut",
    "stepBack",
    "reverseContinue",
    "pause",
    "goto",
    "restartFrame",
    "restart",
    "setVariable",
    "disassemble",
    "",
    "a\u{1b}[2J command",
];
/// Names of their arguments.
const FIELDS: [&str; 24] = [
    "threadId",
    "startFrame",
    "levels",
    "frameId",
    "variablesReference",
    "filter",
    "start",
    "count",
    "format",
    "expression",
    "context",
    "text",
    "column",
    "line",
    "source",
    "sourceReference",
    "memoryReference",
    "offset",
    "startModule",
    "moduleCount",
    "breakpoints",
    "filters",
    "requestId",
    "dump",
];

fn golden() -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "heapsake") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.first().expect("a golden dump").display().to_string()
}

/// The adapter's output, kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the adapter answers to `input`.
fn talk(input: Vec<u8>) -> Vec<Value> {
    let kept = Kept::default();
    let (output, (done, ended)) = (kept.clone(), channel());
    std::thread::spawn(move || {
        heapsake_dap::serve(Cursor::new(input), output).expect("threads");
        let _ = done.send(());
    });
    ended.recv_timeout(PATIENCE).expect("the adapter ends when its input does");
    let bytes = kept.0.lock().expect("no writer panicked").clone();
    messages(&bytes)
}

fn messages(bytes: &[u8]) -> Vec<Value> {
    let mut reader = BufReader::new(bytes);
    let mut found = Vec::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).expect("text") == 0 {
            return found;
        }
        let length: usize = header.trim().strip_prefix("Content-Length: ").expect("a header").parse().expect("a number");
        let mut body = vec![0; length + 2];
        reader.read_exact(&mut body).expect("a whole message");
        found.push(serde_json::from_slice(&body[2..]).expect("JSON"));
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = format!("Content-Length: {}\r\n\r\n", message.len()).into_bytes();
    bytes.extend_from_slice(message);
    bytes
}

/// Checks what holds of any answers.
fn check(answers: &[Value], asked: &[i64]) {
    for (answer, seq) in answers.iter().zip(1..) {
        assert_eq!(answer["seq"], seq, "{answer}");
        assert!(!answer.to_string().contains("a mistake of heapsake"), "{answer}");
        let controls = |text: &str| text.chars().any(|letter| letter == '\u{1b}');
        assert!(!controls(answer["message"].as_str().unwrap_or_default()), "{answer}");
    }
    let first = |event: &str| answers.iter().position(|answer| answer["event"] == event);
    assert!(first("thread").is_none_or(|thread| first("stopped").is_some_and(|stopped| stopped < thread)), "{answers:?}");
    for seq in asked {
        let of_it = answers.iter().filter(|answer| answer["type"] == "response" && answer["request_seq"] == *seq);
        assert_eq!(of_it.count(), 1, "request {seq} is answered once");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3i64..40).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z.\\[\\]()'0-9 ]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((prop::sample::select(&FIELDS[..]), inner), 0..4)
                .prop_map(|entries| entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        ]
    })
}

fn any_arguments() -> impl Strategy<Value = Value> {
    let number = prop_oneof![(-2i64..60).prop_map(Value::from), Just(json!(1 << 30)), Just(json!((1i64 << 30) + 1)), any_json()];
    vec((prop::sample::select(&FIELDS[..]), number), 0..8)
        .prop_map(|entries| entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_are_answered(requests in vec((prop::sample::select(&COMMANDS[..]), any_arguments()), 0..24), opens in any::<bool>()) {
        let mut input = Vec::new();
        let mut asked = Vec::new();
        let opening = [("initialize", json!({})), ("launch", json!({ "dump": golden() })), ("configurationDone", json!({}))];
        let opening = opening.into_iter().filter(|_| opens);
        for ((command, arguments), seq) in opening.chain(requests).zip(1i64..) {
            let message = json!({ "seq": seq, "type": "request", "command": command, "arguments": arguments });
            input.extend(framed(message.to_string().as_bytes()));
            asked.push(seq);
        }
        check(&talk(input), &asked);
    }

    #[test]
    fn any_messages_end(messages in vec(prop_oneof![any_json().prop_map(|value| value.to_string().into_bytes()), vec(any::<u8>(), 0..60)], 0..8)) {
        let input: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        let answers = talk(input);
        check(&answers, &[]);
        let wrong = messages.iter().filter(|message| serde_json::from_slice::<Value>(message).is_err()).count();
        prop_assert!(answers.len() >= wrong, "each message that is none is told");
    }

    #[test]
    fn any_bytes_end(bytes in vec(any::<u8>(), 0..400), good in any::<bool>()) {
        let mut input = Vec::new();
        if good {
            input = framed(json!({ "seq": 7, "type": "request", "command": "initialize" }).to_string().as_bytes());
        }
        input.extend(&bytes);
        check(&talk(input), if good { &[7] } else { &[] });
    }
}

#[test]
fn a_cut_request_ends_the_talk() {
    let whole = framed(json!({ "seq": 1, "type": "request", "command": "threads" }).to_string().as_bytes());
    for length in 0..whole.len() {
        let answers = talk(whole[..length].to_vec());
        assert!(answers.len() <= 1, "{answers:?}");
    }
    let answers = talk(whole);
    assert_eq!(answers[0]["message"], "no dump is open: the first request after initialize is launch or attach");
}
