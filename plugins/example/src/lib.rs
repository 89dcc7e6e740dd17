//! A plugin: what the accounts of the C extension `ledger` hold. Offsets are those of its `AccountObject`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Object, Reason, Reducer, Registration, TypeMatch, inventory};

#[derive(serde::Serialize)]
struct Account {
    holder: String,
    balance: f64,
    journal: Option<String>,
}

struct AccountReducer;

impl Reducer for AccountReducer {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let field = |offset: i64| object.word_at(object.address().offset(offset));
        let parent = Address(field(32)?);
        if !parent.is_null() {
            sink.edge(EdgeKind::Attribute, Name::Text("parent"), parent);
        }
        let (entries, count) = (Address(field(40)?), field(48)?);
        if count > 1_000_000 {
            return Err(Failure::new(Reason::Corrupt, format!("{count} entries")));
        }
        for at in 0..count as i64 {
            sink.element(Address(object.word_at(entries.offset(8 * at))?));
        }
        // What only the process knows, and only while it lives.
        let mut descriptor = [0; 4];
        object.read(56, &mut descriptor)?;
        let journal = object.process_fact(&format!("fd/{}", i32::from_le_bytes(descriptor)));
        sink.state(&Account {
            holder: c_text(object, Address(field(16)?))?,
            balance: field(24)? as i64 as f64 / 100.0,
            journal: journal.map(|path| String::from_utf8_lossy(&path).into_owned()),
        });
        Ok(())
    }
}

/// The text at an address of the target, up to its NUL.
fn c_text(object: &dyn Object, start: Address) -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut byte = [0];
    while text.len() < 1000 {
        object.read_at(start.offset(text.len() as i64), &mut byte)?;
        if byte == [0] {
            break;
        }
        text.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

inventory::submit! {
    Registration {
        types: &[TypeMatch::Base("ledger.Account")],
        reducer: &AccountReducer,
        origin: "ledger",
        file: file!(),
        saves: "holder, balance, parent, entries and the open journal",
    }
}

heapsake_plugins::plugin!();
