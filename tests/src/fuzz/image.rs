//! The memory of a small CPython of any version: types, objects that are right, and instances of every type that has a
//! reducer, whose words are random.
//!
//! It is laid out by the columns of the layout table, since it is to be read and not to check the table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use heapsake_core::{Address, RegionMap, Span};
use heapsake_cpython::attach::{Origin, Runtime};
use heapsake_cpython::layouts::{Column, Layouts, Table};
use heapsake_cpython::memory::{Mapping, Memory, Permissions, Source, Unreadable};
use heapsake_cpython::selfcheck::SelfCheck;

use super::mutation::Mutations;

pub(super) const BASE: u64 = 0x10_0000;
/// Bytes of memory; any of them is less than 2^16 words of 16 bytes away.
pub(super) const LENGTH: usize = 256 << 10;
/// Bytes of an instance whose words are random.
const INSTANCE: u64 = 192;
/// Where objects begin, beyond the first page.
const START: u64 = 4096;

/// `tp_flags`.
const HEAP_TYPE: u64 = 1 << 9;
const READY: u64 = 1 << 12;
const COLLECTED: u64 = 1 << 14;

/// Types that CPython itself has, their sizes, sizes of items, and the bits by which they are told.
const BUILT_IN: [(&str, u64, u64, u64); 24] = [
    ("NoneType", 16, 0, 0),
    ("bool", 28, 4, 1 << 24),
    ("int", 24, 4, 1 << 24),
    ("float", 24, 0, 0),
    ("str", 80, 0, 1 << 28),
    ("bytes", 33, 1, 1 << 27),
    ("bytearray", 56, 0, 0),
    ("tuple", 24, 8, 1 << 26 | COLLECTED),
    ("list", 40, 0, 1 << 25 | COLLECTED),
    ("dict", 48, 0, 1 << 29 | COLLECTED),
    ("set", 200, 0, COLLECTED),
    ("frozenset", 200, 0, COLLECTED),
    ("module", 80, 0, COLLECTED),
    ("code", 200, 1, 0),
    ("frame", 480, 8, COLLECTED),
    ("function", 160, 0, COLLECTED),
    ("method", 64, 0, COLLECTED),
    ("cell", 24, 0, COLLECTED),
    ("traceback", 64, 0, COLLECTED),
    ("generator", 480, 8, COLLECTED),
    ("coroutine", 480, 8, COLLECTED),
    ("async_generator", 480, 8, COLLECTED),
    ("memoryview", 200, 8, COLLECTED),
    ("weakref", 64, 0, COLLECTED),
];

/// The memory, being laid out.
#[derive(Debug)]
pub(super) struct Image {
    column: &'static Column,
    pub(super) bytes: Vec<u8>,
    used: u64,
    types: BTreeMap<String, u64>,
    random: Mutations,
    /// Every object.
    pub(super) objects: Vec<u64>,
    pub(super) runtime: u64,
    pub(super) interpreter: u64,
}

impl Image {
    /// A process of the version that `column` (counted around) is of, with instances of these types besides.
    pub(super) fn new(column: usize, seed: u64, names: &[&str]) -> Image {
        let columns = Table::lp64().expect("the table").columns();
        let mut image = Image {
            column: &columns[column % columns.len()],
            bytes: vec![0; LENGTH],
            used: START,
            types: BTreeMap::new(),
            random: Mutations::new(seed),
            objects: Vec::new(),
            runtime: 0,
            interpreter: 0,
        };
        image.runtime = image.take(12 << 10);
        image.interpreter = image.take(48 << 10);
        let metaclass = image.class("type", 864, 40, 1 << 31 | COLLECTED, "");
        image.put(metaclass + 8, metaclass);
        image.class("object", 16, 0, 0, "");
        for (name, size, item, flags) in BUILT_IN {
            image.class(name, size, item, flags, "object");
        }
        image.class("BaseException", 72, 0, 1 << 30 | COLLECTED, "object");
        image.class("KeyError", 72, 0, 1 << 30 | COLLECTED, "BaseException");
        image.class("app.Thing", INSTANCE, 0, HEAP_TYPE | COLLECTED, "object");
        image.class("app.Things", INSTANCE, 0, HEAP_TYPE | COLLECTED | 1 << 29, "dict");
        image.right_objects();
        for (name, size, _, _) in BUILT_IN {
            image.random_instance(name, size.max(INSTANCE));
        }
        image.random_instance("KeyError", INSTANCE);
        image.random_instance("app.Things", INSTANCE);
        for name in names {
            if !image.types.contains_key(*name) {
                image.class(name, INSTANCE, 0, COLLECTED, "object");
            }
            image.random_instance(name, INSTANCE);
        }
        image.threads();
        image.pool();
        image
    }

    /// The runtime, as if it had been found; none of a version whose layouts are not known well enough.
    pub(super) fn runtime(&self) -> Option<Runtime> {
        Some(Runtime {
            address: Address(self.runtime),
            interpreter: Address(self.interpreter),
            version: self.column.version,
            flags: self.column.flags,
            version_text: None,
            layouts: Layouts::for_column(self.column).ok()?,
            origin: Origin::Exact,
            binary: PathBuf::new(),
            build_id: None,
            check: SelfCheck { compared: 0, mismatches: Vec::new() },
            others: Vec::new(),
        })
    }

    /// Every object as a root, by its number.
    pub(super) fn given(&self) -> Vec<(String, Address)> {
        self.objects.iter().enumerate().map(|(number, object)| (number.to_string(), Address(*object))).collect()
    }

    fn take(&mut self, length: u64) -> u64 {
        let place = self.used.next_multiple_of(16);
        self.used = place + length;
        assert!(self.used as usize <= LENGTH, "the process is full");
        BASE + place
    }

    pub(super) fn write(&mut self, address: u64, bytes: &[u8]) {
        let start = address.wrapping_sub(BASE) as usize;
        if let Some(place) = start.checked_add(bytes.len()).and_then(|end| self.bytes.get_mut(start..end)) {
            place.copy_from_slice(bytes);
        }
    }

    pub(super) fn put(&mut self, address: u64, word: u64) {
        self.write(address, &word.to_le_bytes());
    }

    /// Sets a field, of so many bytes, where this version has it.
    fn set(&mut self, object: u64, structure: &str, field: &str, bytes: usize, value: u64) {
        let Some(cell) = self.column.structure(structure).and_then(|cells| cells.field(field)) else { return };
        let at = object + u64::from(cell.offset);
        if cell.width == 0 {
            self.write(at, &value.to_le_bytes()[..bytes]);
        } else if let Some(byte) = self.bytes.get_mut((at - BASE) as usize) {
            *byte |= (value << cell.bit) as u8;
        }
    }

    fn offset(&self, structure: &str, field: &str) -> Option<u64> {
        Some(self.column.structure(structure)?.field(field)?.offset.into())
    }

    fn class(&mut self, name: &str, size: u64, item: u64, flags: u64, base: &str) -> u64 {
        let class = self.take(912);
        let text = self.take(name.len() as u64 + 1);
        self.write(text, name.as_bytes());
        let known = |image: &Image, name: &str| image.types.get(name).copied().unwrap_or(0);
        let (metaclass, base) = (known(self, "type"), known(self, base));
        self.put(class, 1);
        self.put(class + 8, metaclass);
        for (field, value) in
            [("tp_name", text), ("tp_basicsize", size), ("tp_itemsize", item), ("tp_flags", flags | READY), ("tp_base", base)]
        {
            self.set(class, "PyTypeObject", field, 8, value);
        }
        self.types.insert(name.to_owned(), class);
        self.objects.push(class);
        class
    }

    fn object(&mut self, class: &str, size: u64) -> u64 {
        // Behind a head for the collector and what may stand in front of attributes.
        let object = self.take(size + 32) + 32;
        self.put(object, 2);
        self.put(object + 8, self.types[class]);
        self.objects.push(object);
        object
    }

    fn text(&mut self, text: &str) -> u64 {
        let head = self.column.structure("PyASCIIObject").map_or(48, |cells| cells.size().into());
        let object = self.object("str", head + text.len() as u64 + 1);
        self.set(object, "PyASCIIObject", "length", 8, text.len() as u64);
        for field in ["state.kind", "state.compact", "state.ascii", "state.ready"] {
            self.set(object, "PyASCIIObject", field, 1, 1);
        }
        self.write(object + head, text.as_bytes());
        object
    }

    fn number(&mut self, number: u32) -> u64 {
        let object = self.object("int", 32);
        if self.offset("PyLongObject", "long_value.lv_tag").is_some() {
            self.set(object, "PyLongObject", "long_value.lv_tag", 8, 1 << 3);
            self.set(object, "PyLongObject", "ob_digit|long_value.ob_digit", 4, number.into());
            self.write(object + 24, &number.to_le_bytes());
        } else {
            self.put(object + 16, 1);
            self.write(object + 24, &number.to_le_bytes());
        }
        object
    }

    fn tuple(&mut self, items: &[u64]) -> u64 {
        let object = self.object("tuple", 24 + 8 * items.len() as u64);
        self.put(object + 16, items.len() as u64);
        (0..).zip(items).for_each(|(at, item)| self.put(object + 24 + 8 * at, *item));
        object
    }

    fn list(&mut self, items: &[u64]) -> u64 {
        let object = self.object("list", 40);
        let storage = self.take(8 * items.len() as u64 + 8);
        self.put(object + 16, items.len() as u64);
        self.put(object + 24, storage);
        (0..).zip(items).for_each(|(at, item)| self.put(storage + 8 * at, *item));
        object
    }

    /// A dict with a table of eight slots.
    fn dict(&mut self, entries: &[(&str, u64)]) -> u64 {
        let entries = &entries[..entries.len().min(5)];
        let object = self.object("dict", 48);
        let head = self.offset("PyDictKeysObject", "dk_indices").unwrap_or(40);
        let keys = self.take(head + 8 + 24 * 5);
        self.set(object, "PyDictObject", "ma_used", 8, entries.len() as u64);
        self.set(object, "PyDictObject", "ma_keys", 8, keys);
        for (field, bytes, value) in [
            ("dk_refcnt", 8, 1),
            ("dk_size", 8, 8),
            ("dk_nentries", 8, entries.len() as u64),
            ("dk_log2_size", 1, 3),
            ("dk_log2_index_bytes", 1, 3),
        ] {
            self.set(keys, "PyDictKeysObject", field, bytes, value);
        }
        self.write(keys + head, &[0xff; 8]);
        for (at, (name, value)) in (0..).zip(entries) {
            let key = self.text(name);
            self.write(keys + head + at, &[at as u8]);
            self.put(keys + head + 8 + 24 * at + 8, key);
            self.put(keys + head + 8 + 24 * at + 16, *value);
        }
        object
    }

    /// Objects as a program has them, which lead to each other.
    fn right_objects(&mut self) {
        let (one, name) = (self.number(7), self.text("name"));
        let pair = self.tuple(&[one, name]);
        let list = self.list(&[pair, one, name, 0]);
        self.put(pair + 24, list);
        let names = self.dict(&[("one", one), ("list", list), ("self", 0)]);
        let thing = self.object("app.Thing", INSTANCE);
        self.put(thing + 16, names);
        let module = self.object("module", 80);
        self.set(module, "PyModuleObject", "md_dict", 8, names);
        self.set(module, "PyModuleObject", "md_name", 8, name);
        let modules = self.dict(&[("app", module), ("threading", module), ("sys", module)]);
        let interpreter = self.interpreter;
        for field in ["imports.modules", "modules", "sysdict", "builtins", "dict"] {
            self.set(interpreter, "PyInterpreterState", field, 8, modules);
        }
        let function = self.object("function", 160);
        let code = self.code(&[name, name]);
        for (field, value) in [("func_code", code), ("func_globals", names), ("func_name", name), ("func_dict", names)] {
            self.set(function, "PyFunctionObject", field, 8, value);
        }
        let error = self.object("KeyError", 72);
        self.put(error + 24, pair);
    }

    /// A pool of the allocator's: a float, a tuple and a block of words in use, and one that is free; nothing leads to them.
    fn pool(&mut self) {
        let start = self.take(8 << 10).next_multiple_of(4 << 10);
        let (block, overhead) = (48, 48);
        let at = |index: u64| start + overhead + index * block;
        self.put(start, 3);
        self.put(start + 8, at(1));
        self.put(start + 32, 2 << 32);
        self.put(start + 40, ((4096 - block) << 32) | (overhead + 4 * block));
        let (float, tuple, one) = (self.types["float"], self.types["tuple"], self.objects[self.objects.len() / 2]);
        for (address, word) in
            [(at(0), 1), (at(0) + 8, float), (at(2) + 16, 1), (at(2) + 24, tuple), (at(2) + 32, 1), (at(2) + 40, one)]
        {
            self.put(address, word);
        }
        for offset in (0..block).step_by(8) {
            let word = self.random_word();
            self.put(at(3) + offset, word);
        }
    }

    fn code(&mut self, names: &[u64]) -> u64 {
        let names = self.tuple(names);
        let (file, name, nothing) = (self.text("app.py"), self.text("run"), self.tuple(&[]));
        let bytes = self.object("bytes", 64);
        self.put(bytes + 16, 16);
        let code = self.object("code", 256);
        self.put(code + 16, 8);
        for field in ["co_consts", "co_names", "co_freevars", "co_cellvars"] {
            self.set(code, "PyCodeObject", field, 8, nothing);
        }
        for field in ["co_varnames", "co_localsplusnames"] {
            self.set(code, "PyCodeObject", field, 8, names);
        }
        for field in ["co_code", "co_lnotab", "co_linetable", "co_localspluskinds", "co_exceptiontable"] {
            self.set(code, "PyCodeObject", field, 8, bytes);
        }
        for (field, value) in [("co_filename", file), ("co_name", name), ("co_qualname", name)] {
            self.set(code, "PyCodeObject", field, 8, value);
        }
        for (field, value) in [("co_nlocals", 2), ("co_nlocalsplus", 2), ("co_stacksize", 4), ("co_firstlineno", 3)] {
            self.set(code, "PyCodeObject", field, 4, value);
        }
        code
    }

    /// An object of a type, all of whose words are random: objects, places within them, small numbers, anything.
    fn random_instance(&mut self, class: &str, size: u64) {
        let object = self.object(class, size);
        for at in (16..size).step_by(8) {
            let word = self.random_word();
            self.put(object + at, word);
        }
    }

    fn random_word(&mut self) -> u64 {
        match self.random.below(8) {
            0..4 => self.objects[self.random.below(self.objects.len())],
            4 => BASE + self.random.below(LENGTH) as u64,
            5 => self.random.below(64) as u64,
            6 => 0,
            _ => self.random.number(),
        }
    }

    /// The runtime with two threads that run.
    fn threads(&mut self) {
        let (runtime, interpreter) = (self.runtime, self.interpreter);
        for field in ["interpreters.head", "interpreters.main"] {
            self.set(runtime, "PyRuntimeState", field, 8, interpreter);
        }
        let mut next = 0;
        for ident in [1, 2] {
            let state = self.take(1024);
            let frame = self.frame();
            let holder = self.take(64);
            self.put(holder, frame);
            self.set(holder, "PyCFrame", "current_frame", 8, frame);
            for (field, value) in [
                ("next", next),
                ("interp", interpreter),
                ("frame", frame),
                ("cframe", holder),
                ("current_frame", frame),
                ("thread_id", ident),
                ("id", ident),
                ("exc_info", state),
            ] {
                self.set(state, "PyThreadState", field, 8, value);
            }
            let error = *self.objects.last().unwrap_or(&0);
            self.set(state, "PyThreadState", "context", 8, error);
            next = state;
        }
        for field in ["threads.head", "tstate_head"] {
            self.set(interpreter, "PyInterpreterState", field, 8, next);
        }
    }

    /// A frame, as this version has it.
    fn frame(&mut self) -> u64 {
        let name = self.text("local");
        let code = self.code(&[name, name]);
        let names = self.dict(&[("global", name)]);
        if self.offset("PyInterpreterFrame", "localsplus").is_none() {
            let frame = self.object("frame", 480);
            self.put(frame + 16, 6);
            for (field, value) in [("f_code", code), ("f_globals", names), ("f_builtins", names)] {
                self.set(frame, "PyFrameObject", field, 8, value);
            }
            if let Some(locals) = self.offset("PyFrameObject", "f_localsplus") {
                self.put(frame + locals, name);
            }
            return frame;
        }
        let frame = self.take(256);
        let instructions = code + self.offset("PyCodeObject", "co_code_adaptive").unwrap_or(0);
        for (field, value) in [
            ("f_code", code),
            ("f_executable", code),
            ("f_globals", names),
            ("f_builtins", names),
            ("prev_instr", instructions),
            ("instr_ptr", instructions),
        ] {
            self.set(frame, "PyInterpreterFrame", field, 8, value);
        }
        self.set(frame, "PyInterpreterFrame", "stacktop", 4, 2);
        let locals = self.offset("PyInterpreterFrame", "localsplus").unwrap_or(0);
        self.put(frame + locals, name);
        frame
    }
}

/// The memory as a source: all of it may be read and written to.
#[derive(Debug)]
pub(super) struct Laid {
    bytes: Vec<u8>,
    mappings: Vec<Mapping>,
    regions: RegionMap,
}

impl Laid {
    pub(super) fn new(bytes: Vec<u8>) -> Laid {
        let span = Span::new(Address(BASE), bytes.len() as u64);
        let permissions = Permissions { read: true, write: true, execute: false, shared: false };
        Laid { bytes, mappings: vec![Mapping::anonymous(span, permissions)], regions: RegionMap::new(&[span]) }
    }
}

impl Memory for Laid {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        let bytes = self.slice(address, into.len()).ok_or(Unreadable::new(address, into.len()))?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(address.0.checked_sub(BASE)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }
}

impl Source for Laid {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    fn regions(&self) -> &RegionMap {
        &self.regions
    }
}
