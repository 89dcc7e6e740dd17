//! The plugin's side: what [`plugin!`](crate::plugin) exports, and the object and the sink behind which the host stands.
//!
//! A panic of a reducer is caught here and told as the reason; nothing unwinds into the host.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Integer, Name, Sink, Text, TypeId, Value};
use heapsake_core::reduce::{Failure, Member, Object, Reason, Registration, TypeMatch, inventory};

use crate::abi::{self, Host};

/// Makes the crate a plugin: exports the entry, which hands over every reducer that the crate submits to `inventory`.
///
/// Without arguments the plugin has the crate's name, version and description.
#[macro_export]
macro_rules! plugin {
    () => {
        $crate::plugin!(
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            description: env!("CARGO_PKG_DESCRIPTION"),
        );
    };
    (name: $name:expr, version: $version:expr, description: $description:expr $(,)?) => {
        /// The entry that heapsake looks for.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub extern "C" fn heapsake_plugin_v1() -> *const $crate::abi::Plugin {
            $crate::exported($name, $version, $description)
        }
    };
}

fn registrations() -> &'static [Registration] {
    static ALL: OnceLock<Vec<Registration>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<Registration> = inventory::iter::<Registration>.into_iter().copied().collect();
        all.sort_by_key(|one| one.types.first().map(|matched| matched.name()));
        all
    })
}

/// The table of the reducers that this library submits, made once. For [`plugin!`](crate::plugin).
pub fn exported(name: &'static str, version: &'static str, description: &'static str) -> *const abi::Plugin {
    /// The address of the table; tables hold pointers, which no static may.
    static TABLE: OnceLock<usize> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let reducers: Vec<abi::Reducer> = registrations().iter().enumerate().map(|(at, one)| reducer(at, one)).collect();
        let table = abi::Plugin {
            magic: abi::MAGIC,
            size: size_of::<abi::Plugin>() as u32,
            major: abi::MAJOR,
            minor: abi::MINOR,
            name: abi::Text::new(name),
            version: abi::Text::new(version),
            reducer_size: size_of::<abi::Reducer>() as u32,
            reducer_count: reducers.len() as u32,
            reducers: reducers.leak().as_ptr(),
            description: abi::Text::new(description),
        };
        std::ptr::from_ref(Box::leak(Box::new(table))).expose_provenance()
    });
    std::ptr::with_exposed_provenance(*table)
}

fn reducer(at: usize, one: &'static Registration) -> abi::Reducer {
    let types: Vec<abi::Type> = one
        .types
        .iter()
        .map(|matched| {
            let number = if matches!(matched, TypeMatch::Exact(_)) { abi::EXACT } else { abi::BASE };
            abi::Type { matched: number, reserved: 0, name: abi::Text::new(matched.name()) }
        })
        .collect();
    abi::Reducer {
        type_count: types.len() as u64,
        types: types.leak().as_ptr(),
        saves: abi::Text::new(one.saves),
        file: abi::Text::new(one.file),
        reduce: Some(reduce),
        data: std::ptr::without_provenance_mut(at),
    }
}

extern "C" fn reduce(host: *const Host, object: *mut c_void, data: *mut c_void) -> i32 {
    let told = catch_unwind(AssertUnwindSafe(|| {
        let mut seen = Seen { host: Host::copied(host), handle: object };
        let Some(registration) = registrations().get(data.addr()) else { return abi::REFUSED };
        let mut sink = Telling { host: seen.host, handle: object, refused: false };
        let told = catch_unwind(AssertUnwindSafe(|| registration.reducer.reduce(&seen, &mut sink)));
        let failure = match told {
            Ok(Ok(())) if !sink.refused => return abi::OK,
            Ok(Ok(())) => Failure::new(Reason::ReducerFailed, "told more than the host takes"),
            Ok(Err(failure)) => failure,
            Err(panic) => Failure::new(Reason::ReducerFailed, format!("panicked: {}", message(&panic))),
        };
        seen.fail(&failure);
        abi::REFUSED
    }));
    // What panics here is the panic's own payload.
    told.unwrap_or(abi::REFUSED)
}

fn message(panic: &Box<dyn std::any::Any + Send>) -> &str {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "no message",
    }
}

/// The object, seen through the host's functions.
struct Seen {
    host: Host,
    handle: *mut c_void,
}

/// Asks for bytes of a length that is not known: once with room for most, once more with room for all.
fn ask(mut call: impl FnMut(*mut u8, u64) -> i64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 256];
    for _ in 0..2 {
        let length = usize::try_from(call(bytes.as_mut_ptr(), bytes.len() as u64)).ok()?;
        if length <= bytes.len() {
            bytes.truncate(length);
            return Some(bytes);
        }
        bytes.resize(length, 0);
    }
    None
}

fn ask_text(call: impl FnMut(*mut u8, u64) -> i64) -> Option<String> {
    Some(String::from_utf8_lossy(&ask(call)?).into_owned())
}

impl Seen {
    fn fail(&mut self, failure: &Failure) {
        if let Some(fail) = self.host.fail {
            fail(self.handle, failure.reason as u32, failure.detail.as_ptr(), failure.detail.len() as u64);
        }
    }
}

impl Object for Seen {
    fn address(&self) -> Address {
        Address(self.host.address.map_or(0, |address| address(self.handle)))
    }

    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure> {
        let read = self.host.read.map(|read| read(self.handle, address.0, into.as_mut_ptr(), into.len() as u64));
        if read == Some(abi::OK) { Ok(()) } else { Err(Failure::new(Reason::Unreadable, format!("at {address}"))) }
    }

    fn type_name(&self) -> String {
        let name = self.host.type_name.and_then(|name| ask_text(|into, room| name(self.handle, into, room)));
        name.unwrap_or_default()
    }

    fn is_object(&self, address: Address) -> bool {
        self.host.is_object.is_some_and(|ask| ask(self.handle, address.0) == 1)
    }

    fn type_name_of(&self, address: Address) -> Option<String> {
        let name = self.host.type_name_of?;
        ask_text(|into, room| name(self.handle, address.0, into, room))
    }

    fn reduce_base(&self, _: &mut dyn Sink) -> Result<(), Failure> {
        // The host tells it to the real sink, at this place in what is told.
        match self.host.reduce_base.map(|reduce| reduce(self.handle)) {
            Some(abi::OK) => Ok(()),
            _ => Err(Failure::new(Reason::ReducerFailed, "told more than the host takes")),
        }
    }

    fn bases(&self) -> Vec<String> {
        let Some(base) = self.host.base else { return vec![self.type_name()] };
        (0..).map_while(|at| ask_text(|into, room| base(self.handle, at, into, room))).collect()
    }

    fn members(&self) -> Vec<Member> {
        let Some(member) = self.host.member else { return Vec::new() };
        let one = |at| {
            let mut found = abi::Member::default();
            let name = ask_text(|into, room| member(self.handle, at, into, room, &raw mut found))?;
            Some(Member { name, offset: found.offset, kind: found.kind, is_object: found.is_object == 1 })
        };
        (0..).map_while(one).collect()
    }

    fn process_fact(&self, name: &str) -> Option<Vec<u8>> {
        let fact = self.host.process_fact?;
        ask(|into, room| fact(self.handle, name.as_ptr(), name.len() as u64, into, room))
    }
}

/// The sink behind which the host stands.
struct Telling {
    host: Host,
    handle: *mut c_void,
    refused: bool,
}

impl Telling {
    fn told(&mut self, status: Option<i32>) {
        self.refused |= status != Some(abi::OK);
    }

    fn told_value(&mut self, kind: u32, bytes: &[u8]) {
        let status = self.host.value.map(|value| value(self.handle, kind, bytes.as_ptr(), bytes.len() as u64));
        self.told(status);
    }
}

impl Sink for Telling {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Integer(Integer::Small(number)) => self.told_value(abi::VALUE_INTEGER, &number.to_le_bytes()),
            Value::Integer(integer) => {
                let (negative, magnitude) = integer.magnitude();
                let bytes: Vec<u8> = std::iter::once(u8::from(negative)).chain(magnitude).collect();
                self.told_value(abi::VALUE_BIG, &bytes);
            }
            Value::Float(number) => self.told_value(abi::VALUE_FLOAT, &number.to_le_bytes()),
            Value::Complex(real, imaginary) => {
                self.told_value(abi::VALUE_COMPLEX, &[real.to_le_bytes(), imaginary.to_le_bytes()].concat());
            }
            Value::Text(Text::Utf8(text)) => self.told_value(abi::VALUE_TEXT, text.as_bytes()),
            Value::Text(text) => {
                let mut bytes = Vec::new();
                text.write_wtf8(&mut bytes);
                self.told_value(abi::VALUE_TEXT, &bytes);
            }
            Value::Bytes(bytes) => self.told_value(abi::VALUE_BYTES, bytes),
        }
    }

    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        let text = |text: &str| {
            let edge = self.host.edge?;
            Some(edge(self.handle, kind as u32, text.as_ptr(), text.len() as u64, target.0))
        };
        let status = match name {
            Name::Text(name) => text(name),
            Name::Index(index) => self.host.indexed_edge.map(|edge| edge(self.handle, kind as u32, index, target.0)),
            // Which text the object has is the host's knowledge; a plugin that needs it reads it.
            Name::Object(address) => text(&address.to_string()),
        };
        self.told(status);
    }

    fn element(&mut self, target: Address) {
        let status = self.host.element.map(|element| element(self.handle, target.0));
        self.told(status);
    }

    fn entry(&mut self, key: Address, value: Address) {
        let status = self.host.entry.map(|entry| entry(self.handle, key.0, value.0));
        self.told(status);
    }

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let mut bytes = Vec::new();
        if ciborium::into_writer(state, &mut bytes).is_err() {
            self.refused = true;
            return;
        }
        let status = self.host.state.map(|state| state(self.handle, bytes.as_ptr(), bytes.len() as u64));
        self.told(status);
    }
}
