//! Tests of what waits: for a graph that another one makes, and for stacks that are looked for. It holds up nobody, and may be
//! cancelled.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use heapsake_loader::{Dump, ObjectId};
use serde_json::{Value, json};

use crate::protocol::{InitializeArguments, Request};
use crate::references::Node;
use crate::server::Server;
use crate::session::{Client, Session};

/// After this long an answer is missed.
const PATIENCE: Duration = Duration::from_mins(2);
/// An expression that needs the graph, over an object of any dump.
const REFS: &str = "len(refs(objects('dict', 1)[0])) > 0";

/// What the adapter wrote, and who waits for more.
#[derive(Clone, Default)]
struct Written(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The responses in what was written, by the numbers of their requests; each request is answered once.
fn responses(written: &[u8]) -> HashMap<i64, Value> {
    let text = String::from_utf8_lossy(written);
    let mut found = HashMap::new();
    for message in text.split("Content-Length: ").filter_map(|part| part.split_once("\r\n\r\n")) {
        // The last one may not be whole.
        let Ok(message) = serde_json::from_str::<Value>(message.1) else { continue };
        if message["type"] == "response" {
            let number = message["request_seq"].as_i64().expect("a number");
            assert!(found.insert(number, message).is_none(), "{number} is answered twice");
        }
    }
    found
}

/// A server with a dump in memory, so that no graph of it is kept.
struct Asked {
    server: Server,
    session: Arc<Session>,
    written: Written,
    number: i64,
}

impl Asked {
    fn new() -> Asked {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/3.12.heapsake");
        let dump = Dump::from_bytes(std::fs::read(path).expect("a golden dump")).expect("a dump");
        let session = Arc::new(Session::of(Arc::new(dump), Client::of(&InitializeArguments::default())));
        let written = Written::default();
        let mut server = Server::new(written.clone()).expect("threads");
        server.session = Some(Arc::clone(&session));
        Asked { server, session, written, number: 0 }
    }

    fn send(&mut self, command: &str, arguments: Value) -> i64 {
        self.number += 1;
        self.server.handle(Request { seq: self.number, command: command.to_owned(), arguments });
        self.number
    }

    fn evaluate(&mut self, expression: &str, context: &str) -> i64 {
        self.send("evaluate", json!({ "expression": expression, "context": context }))
    }

    /// Asks who holds some object.
    fn holders(&mut self) -> i64 {
        let node = Node::Holders(ObjectId(u32::try_from(self.number).expect("few")));
        let reference = self.session.references.number(node);
        self.send("variables", json!({ "variablesReference": reference }))
    }

    fn cancel(&mut self, request: i64) {
        let cancel = self.send("cancel", json!({ "requestId": request }));
        self.answer(cancel);
        assert_eq!(self.answer(request)["message"], "cancelled");
    }

    /// The answer to a request, when it comes.
    fn answer(&self, request: i64) -> Value {
        let (text, more) = &*self.written.0;
        let text = text.lock().expect("nobody panicked");
        let missing = |text: &mut Vec<u8>| !responses(text).contains_key(&request);
        let (text, _) = more.wait_timeout_while(text, PATIENCE, missing).expect("nobody panicked");
        responses(&text).remove(&request).unwrap_or_else(|| panic!("request {request} is not answered"))
    }

    fn result(&self, request: i64) -> Value {
        self.answer(request)["body"]["result"].clone()
    }

    fn is_answered(&self, request: i64) -> bool {
        responses(&self.written.0.0.lock().expect("nobody panicked")).contains_key(&request)
    }

    /// Someone who begins to make the graph, and stands still until a word says whether to go on.
    fn maker(&self) -> (JoinHandle<bool>, Sender<bool>) {
        let (dump, (word, words), (begins, begun)) = (Arc::clone(&self.session.dump), channel(), channel());
        let make = move || {
            let made = dump.graph_while(&mut |_, _| {
                let _ = begins.send(());
                words.recv().unwrap_or(false)
            });
            made.is_some()
        };
        let maker = std::thread::spawn(make);
        begun.recv_timeout(PATIENCE).expect("it begins");
        (maker, word)
    }
}

#[test]
fn what_waits_for_the_graph_holds_up_nobody_and_may_be_cancelled() {
    let mut asked = Asked::new();
    let (maker, word) = asked.maker();
    let waiting: Vec<i64> = (0..5).map(|_| asked.holders()).collect();
    let watches: Vec<i64> = (0..5).map(|_| asked.evaluate(REFS, "watch")).collect();
    let console = asked.evaluate(REFS, "repl");
    let behind = asked.evaluate("2 + 2", "repl");

    // What takes no graph is answered, in every lane but the console, which has its order.
    let quick = [
        asked.send("threads", Value::Null),
        asked.send("stackTrace", json!({ "threadId": 1 })),
        asked.send("variables", json!({ "variablesReference": 1 })),
        asked.send("completions", json!({ "text": "le", "column": 3 })),
    ];
    for number in quick {
        assert_eq!(asked.answer(number)["success"], true, "{}", asked.answer(number));
    }
    let sum = asked.evaluate("1 + 1", "watch");
    assert_eq!(asked.result(sum), "2");
    let open: Vec<i64> = waiting.iter().chain(&watches).copied().chain([console, behind]).collect();
    assert!(open.iter().all(|number| !asked.is_answered(*number)));

    // Whoever waits may leave, while the maker stands still: the first in line, one behind it, and the console's.
    asked.cancel(console);
    assert_eq!(asked.result(behind), "4");
    asked.cancel(waiting[0]);
    asked.cancel(watches[4]);
    let sum = asked.evaluate("3 + 3", "watch");
    assert_eq!(asked.result(sum), "6");

    // The maker gives up, and those who are left have their answers all the same.
    word.send(false).expect("it listens");
    assert!(!maker.join().expect("it ends"));
    for number in &waiting[1..] {
        let answer = asked.answer(*number);
        assert_eq!((&answer["success"], &answer["body"]["variables"][0]["name"]), (&json!(true), &json!("held by")), "{answer}");
    }
    for number in &watches[..4] {
        assert_eq!(asked.result(*number), "True");
    }
    let last = asked.evaluate(REFS, "repl");
    assert_eq!(asked.result(last), "True");
}

#[test]
fn a_disconnect_answers_what_waits_for_the_graph() {
    let mut asked = Asked::new();
    let (maker, word) = asked.maker();
    let waiting: Vec<i64> = (0..5).map(|_| asked.holders()).collect();
    let end = asked.send("disconnect", Value::Null);
    assert_eq!(asked.answer(end)["success"], true);
    assert!(waiting.iter().all(|number| asked.answer(*number)["message"] == "cancelled"));
    drop(word);
    assert!(!maker.join().expect("it ends"));
}

#[test]
fn what_waits_for_stacks_holds_up_nobody() {
    let mut asked = Asked::new();
    let waiting: Vec<i64> = (0..5).map(|_| asked.send("stackTrace", json!({ "threadId": 99_999 }))).collect();
    let sum = asked.evaluate("1 + 1", "watch");
    assert_eq!(asked.result(sum), "2");
    assert!(waiting.iter().all(|number| !asked.is_answered(*number)));
    asked.cancel(waiting[2]);
    asked.session.stacks.find();
    for number in [0, 1, 3, 4] {
        assert_eq!(asked.answer(waiting[number])["message"], "no thread has the number 99999");
    }
}
