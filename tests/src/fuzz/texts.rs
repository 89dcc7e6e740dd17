//! Hostile texts: layout tables, descriptions of types and what is read by them, paths.

use std::cell::Cell;
use std::sync::LazyLock;

use heapsake_cli::path::{Path, Place, Step};
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, TypeId, Value};
use heapsake_core::reduce::{Failure, Object, Reason, Reducer};
use heapsake_cpython::layouts::{Layouts, Table};
use heapsake_loader::Dump;
use heapsake_plugins::{answers, declarative};

/// A table that is read is written again as it is, and gives layouts or says why not.
pub(super) fn layout_table(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(table) = Table::parse(text) else { return };
    for column in table.columns() {
        let _ = Layouts::for_column(column);
        let alone = table.only(column).to_string();
        let read = Table::parse(&alone).unwrap_or_else(|problem| panic!("{problem} in\n{alone}"));
        assert_eq!(read.columns(), std::slice::from_ref(column), "{alone}");
    }
    let again = table.to_string();
    let read = Table::parse(&again).unwrap_or_else(|problem| panic!("{problem} in\n{again}"));
    assert_eq!(read.columns(), table.columns());
}

/// Small tables, and columns of the built-in one.
pub(super) fn tables() -> Vec<Vec<u8>> {
    let known = Table::lp64().expect("the table");
    let mut tables: Vec<Vec<u8>> = known.columns().iter().rev().take(2).map(|one| known.only(one).to_string().into()).collect();
    let head = "heapsake-layouts 1 lp64\n";
    let columns = "column 3.12.1 hex=0x030c01f0 flags=- binary=build-id:f9d5 compiler=GNU C11 12.2.0\n";
    for rest in [
        "",
        "row 3.12.1\n",
        "row 3.12.1\nPyObject 16\n  ob_type 8\n  ob_bits 1.2:3\n  gone .\n",
        "# comment\nrow 3.12.1\nOther .\n",
    ] {
        tables.push(format!("{head}{columns}{rest}").into());
    }
    tables.push(head.into());
    tables
}

/// The bytes of the objects that descriptions are read by.
const OBJECT: u64 = 0x7000;

/// An object of some bytes, at [`OBJECT`].
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) bytes: &'a [u8],
    /// The file that its type comes from.
    pub(super) library: Option<&'a std::path::Path>,
    /// How often it may still be read, so that what never ends is seen.
    reads: Cell<u32>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(bytes: &'a [u8], library: Option<&'a std::path::Path>) -> Seen<'a> {
        Seen { bytes, library, reads: Cell::new(4 << 20) }
    }
}

impl Object for Seen<'_> {
    fn address(&self) -> Address {
        Address(OBJECT)
    }

    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure> {
        self.reads.set(self.reads.get().checked_sub(1).expect("it ends"));
        let start = address.0.checked_sub(OBJECT).and_then(|start| usize::try_from(start).ok());
        let found = start.and_then(|start| self.bytes.get(start..start.checked_add(into.len())?));
        into.copy_from_slice(found.ok_or_else(|| Failure::new(Reason::Unreadable, ""))?);
        Ok(())
    }

    fn is_object(&self, address: Address) -> bool {
        address.0.is_multiple_of(16)
    }

    fn process_fact(&self, name: &str) -> Option<Vec<u8>> {
        let library = self.library.filter(|_| name.starts_with("library/"))?;
        Some(library.as_os_str().as_encoded_bytes().to_vec())
    }
}

/// What is told, counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) told: u64,
}

impl Sink for Counted {
    fn begin(&mut self, _: TypeId, _: u64) {
        panic!("a reducer tells no type");
    }
    fn value(&mut self, _: Value<'_>) {
        self.told += 1;
    }
    fn edge(&mut self, _: EdgeKind, _: Name<'_>, _: Address) {
        self.told += 1;
    }
    fn element(&mut self, _: Address) {
        self.told += 1;
    }
    fn entry(&mut self, _: Address, _: Address) {
        self.told += 1;
    }
    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let state = ciborium::Value::serialized(&state).expect("it can be written");
        self.told += state.as_map().expect("a map from names").len() as u64;
    }
}

/// Divides a description from the bytes of an object.
const DIVISION: u8 = 0xff;

/// What a worker says makes sense or is refused; a description is read or refused, and tells of an object what it says.
pub(super) fn descriptors(bytes: &[u8]) {
    let mut sink = Counted::default();
    match bytes.split_first() {
        Some((0, told)) => {
            let _ = answers::tell_worker_bytes(told, &Seen::new(&[], None), &mut sink);
            // Nothing is told twice, and nothing is made of nothing.
            assert!(sink.told <= told.len() as u64);
        }
        Some((1, message)) => drop(answers::hear(message, &Seen::new(&[], None), &mut sink)),
        _ => {
            let mut parts = bytes.splitn(2, |byte| *byte == DIVISION);
            let Ok(text) = std::str::from_utf8(parts.next().unwrap_or_default()) else { return };
            let Ok(described) = declarative::parse(text) else { return };
            for one in &described {
                let object = Seen::new(parts.next().unwrap_or_default(), None);
                let _ = one.reduce(&object, &mut sink);
                assert!(!one.types().is_empty());
            }
        }
    }
}

/// Descriptions, with objects that fit them, and what workers say.
pub(super) fn descriptions() -> Vec<Vec<u8>> {
    let mut object = vec![0; 96];
    for (at, word) in (0..96).step_by(8).zip([1, OBJECT, OBJECT + 64, 7, OBJECT, OBJECT + 32, 2, 3, 0x6161_6161, OBJECT, 0, 9]) {
        object[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    let texts = [
        include_str!("../../../plugins/example/handle.heapsake-type"),
        include_str!("../../../plugins/tests/programs/vault.heapsake-type"),
        "heapsake-type 1\ntype a.A\nn = 24 i64 hex\nkind = 48 u8 one-of 0 EUR, 2 USD\nflags = 57 u8 flags 1 a, 2 b\n",
        "heapsake-type 1\ntype a.A\nitems = 8 object* count 48\nnext = 8 -> 8 object weak\nname = 16 char[4]\nraw = 0 bytes[16]\n",
        "heapsake-type 1\nbase a.A\nraw = 8 bytes* count 56\nfile = 24 i32 descriptor\nx = 40 -> 8 -> 0 f64\nthree = 8 object[3]\n",
    ];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| [text.as_bytes(), &[DIVISION], &object].concat()).collect();
    // Told: an edge, an element, an entry, a state, a text.
    let mut told = vec![0];
    told.extend([2, 0]);
    told.extend(8u64.to_le_bytes());
    told.extend(1u32.to_le_bytes());
    told.push(b'x');
    told.push(4);
    told.extend(16u64.to_le_bytes());
    told.push(5);
    told.extend([0; 16]);
    told.extend([1, 4, 0, 0, 0, 0xa1, 0x61, b'a', 7]);
    told.extend([6, 3, 2, 0, 0, 0, b'h', b'i']);
    seeds.push(told.clone());
    let mut body = vec![0xa1, 0x64];
    body.extend(b"Told\xa2\x64told");
    body.push(0x58);
    body.push(told.len() as u8 - 1);
    body.extend(&told[1..]);
    body.extend(b"\x67failure\xf6");
    let mut message = vec![1];
    message.extend((body.len() as u32).to_le_bytes());
    message.extend(body);
    seeds.push(message);
    seeds
}

/// A path that is read means the same when it is written out, and finds something in a dump or says why not.
pub(super) fn inspect_path(bytes: &[u8]) {
    static DUMP: LazyLock<Dump> =
        LazyLock::new(|| heapsake_loader::open(crate::file("golden/3.12.heapsake")).expect("the golden dump"));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(path) = Path::parse(text) {
        let shown = written(&path);
        let again = Path::parse(&shown).unwrap_or_else(|problem| panic!("{problem:#} in {shown:?}"));
        assert_eq!(again, path, "{shown:?}");
        assert!(!DUMP.threads().is_empty());
        let _ = heapsake_cli::inspected(&DUMP, text);
    }
}

/// A path in full.
fn written(path: &Path) -> String {
    let mut text = match &path.place {
        Place::Exception => "exception".to_owned(),
        Place::Frame(None, number) => format!("frame:{number}"),
        Place::Frame(Some(name), number) => format!("thread:{name}/frame:{number}"),
        Place::Thread(name) => format!("thread:{name}"),
        Place::Module(name) => format!("module:{name}"),
        Place::Address(address) => format!("object:{address:#x}"),
        Place::Number(number) => format!("object:#{number}"),
    };
    for step in &path.steps {
        match step {
            Step::Attribute(name) => text.push_str(&format!("/{name}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Indexes(indexes) => {
                text.push_str(&format!("[{},]", indexes.iter().map(i64::to_string).collect::<Vec<_>>().join(",")));
            }
            Step::Key(key) => text.push_str(&format!("[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\""))),
            Step::Slice(from, to) => {
                let bound = |bound: &Option<i64>| bound.map_or_else(String::new, |number| number.to_string());
                text.push_str(&format!("[{}:{}]", bound(from), bound(to)));
            }
        }
    }
    text
}

/// Paths of every kind.
pub(super) fn paths() -> Vec<Vec<u8>> {
    let paths = [
        "exception/args[0]",
        "order.items[3]",
        "thread:MainThread/frame:-1/order.items[3]",
        "thread:0/frame:0/x",
        "thread:MainThread",
        "thread:MainThread/kept[2:5]",
        "module:__main__/SETTINGS[\"host\"]['it\\'s']",
        "object:0x7f21a4c0",
        "object:#47.__dict__[0]",
        "grid[3, -4][2:][:-1][:]",
        "frame:-1",
        "",
    ];
    paths.iter().map(|path| path.as_bytes().to_vec()).collect()
}
