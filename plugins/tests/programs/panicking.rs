//! A plugin in Rust that panics, runs out of stack, and answers by the words of the contract.

use heapsake_plugins::heapsake_core::Address;
use heapsake_plugins::heapsake_core::heap::{EdgeKind, Integer, Name, Sink, Text, Value};
use heapsake_plugins::heapsake_core::reduce::{Failure, Object, Reason, Reducer, Registration, TypeMatch, inventory};

struct Panicking;
struct Deep;
struct Contract;

impl Reducer for Panicking {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        sink.edge(EdgeKind::Attribute, Name::Text("told before"), object.address());
        panic!("no luck at {}", object.address());
    }
}

impl Reducer for Deep {
    #[expect(unconditional_recursion, reason = "that is what it is for")]
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        // A reducer that recurses into itself.
        self.reduce(object, sink)?;
        sink.element(object.address());
        Ok(())
    }
}

impl Reducer for Contract {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let word = object.word_at(object.address().offset(16))?;
        sink.edge(EdgeKind::Weak, Name::Index(3), Address(word));
        sink.entry(object.address(), Address(word));
        for name in object.bases() {
            sink.edge(EdgeKind::Internal, Name::Text(&name), Address(1));
        }
        for member in object.members() {
            sink.edge(EdgeKind::Borrowed, Name::Text(&member.name), Address(u64::from(member.offset)));
        }
        let named = object.type_name_of(Address(word));
        let fact = object.process_fact("fd/7").map(|fact| String::from_utf8_lossy(&fact).into_owned());
        sink.state(&std::collections::BTreeMap::from([("named", named), ("fact", fact)]));
        object.reduce_base(sink)?;
        sink.value(Value::Text(Text::Latin1(b"caf\xe9")));
        let digits = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
        sink.value(Value::Integer(Integer::Digits { negative: true, bits: 32, width: 4, digits: &digits }));
        sink.value(Value::Complex(0.5, -2.0));
        if object.is_object(Address(word)) {
            return Err(Failure::new(Reason::Corrupt, "told at the end"));
        }
        Ok(())
    }
}

macro_rules! submit {
    ($($name:literal => $reducer:expr),+ $(,)?) => {$(
        inventory::submit! {
            Registration {
                types: &[TypeMatch::Exact($name)],
                reducer: &$reducer,
                origin: "test",
                file: file!(),
                saves: "nothing",
            }
        }
    )+};
}

submit! {
    "rust.Panicking" => Panicking,
    "rust.Deep" => Deep,
    "rust.Contract" => Contract,
}

heapsake_plugins::plugin!(name: "panicking", version: "0.0.1", description: "a test");
