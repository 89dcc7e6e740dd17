//! A Stackless 3.7 process in memory that is written here by numbers of its own, which are those of its headers on x86-64
//! Linux, not those of the layout table; and what a heap over it tells.

use std::collections::{BTreeMap, BTreeSet};

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, Thread, TypeId, Value};
use heapsake_core::reduce::Registry;
use heapsake_cpython::layouts::{Flags, HexVersion, Layouts};
use heapsake_cpython::memory::Synthetic;
use heapsake_cpython::pystate::{self, CaptureOptions};
use heapsake_cpython::{CPythonHeap, Facts};

const BASE: u64 = 0x10_0000;
const LENGTH: usize = 4 << 20;

/// `tp_flags`: a static type that is ready, and what may be told by a bit.
const READY: u64 = 1 << 12;
const COLLECTED: u64 = 1 << 14;
const LIST: u64 = 1 << 25;
const TUPLE: u64 = 1 << 26;
const TEXT: u64 = 1 << 28;
const DICT: u64 = 1 << 29;
const EXCEPTION: u64 = 1 << 30;
const TYPE: u64 = 1 << 31;

/// Offsets that the tests use by name.
pub(crate) mod at {
    pub(crate) const NEXT: u64 = 16;
    pub(crate) const PREV: u64 = 24;
    pub(crate) const F: u64 = 32;
    pub(crate) const TEMPVAL: u64 = 40;
    pub(crate) const CSTATE: u64 = 48;
    pub(crate) const EXC_INFO: u64 = 56;
    pub(crate) const EXC_STATE: u64 = 64;
    pub(crate) const FLAGS: u64 = 96;
    pub(crate) const DEF_GLOBALS: u64 = 104;
    /// Of a thread state.
    pub(crate) const TS_FRAME: u64 = 24;
    pub(crate) const TS_EXC_STATE: u64 = 112;
    pub(crate) const TS_EXC_INFO: u64 = 144;
    pub(crate) const TS_IS_BLOCKED: u64 = 376;
    pub(crate) const TS_MAIN: u64 = 320;
    pub(crate) const TS_CURRENT: u64 = 328;
    pub(crate) const TS_WATCHDOGS: u64 = 400;
    pub(crate) const TS_RUNCOUNT: u64 = 424;
    pub(crate) const TS_NESTING_LEVEL: u64 = 428;
    pub(crate) const TS_SWITCH_TRAP: u64 = 432;
    pub(crate) const TS_SCHEDLOCK: u64 = 436;
    /// Of `_PyRuntime`.
    pub(crate) const TRANSFER: u64 = 9720;
    /// Of a copied piece of a C stack.
    pub(crate) const TASK: u64 = 48;
    pub(crate) const NESTING_LEVEL: u64 = 56;
    pub(crate) const TSTATE: u64 = 64;
}

/// `flags` of a tasklet.
pub(crate) mod flag {
    pub(crate) const RECEIVING: u32 = 3;
    pub(crate) const SENDING: u32 = 1;
    pub(crate) const ATOMIC: u32 = 1 << 2;
    pub(crate) const IGNORE_NESTING: u32 = 1 << 3;
    pub(crate) const AUTOSCHEDULE: u32 = 1 << 4;
    pub(crate) const BLOCK_TRAP: u32 = 1 << 5;
    pub(crate) const ZOMBIE: u32 = 1 << 6;
    pub(crate) const PENDING: u32 = 1 << 7;
}

/// The process.
pub(crate) struct World {
    bytes: Vec<u8>,
    used: u64,
    types: BTreeMap<&'static str, u64>,
    pub(crate) runtime: u64,
    pub(crate) interpreter: u64,
    pub(crate) none: u64,
    last_state: u64,
    /// The head of the youngest generation's list.
    generation: u64,
    modules: Vec<(&'static str, u64)>,
    kept: Vec<u64>,
}

impl World {
    pub(crate) fn new() -> World {
        let mut world = World {
            bytes: vec![0; LENGTH],
            used: 0,
            types: BTreeMap::new(),
            runtime: 0,
            interpreter: 0,
            none: 0,
            last_state: 0,
            generation: 0,
            modules: Vec::new(),
            kept: Vec::new(),
        };
        world.runtime = world.take(9744);
        world.interpreter = world.take(2640);
        world.put(world.runtime + 24, world.interpreter);
        world.put(world.runtime + 32, world.interpreter);
        for generation in [352, 400, 448, 512] {
            world.put(world.runtime + generation, world.runtime + generation);
            world.put(world.runtime + generation + 8, world.runtime + generation);
        }
        world.generation = world.runtime + 352;
        let root = world.class("object", 16, 0, 0, "");
        let metaclass = world.class("type", 864, 40, TYPE | COLLECTED, "object");
        world.put(root + 8, metaclass);
        world.put(metaclass + 8, metaclass);
        for (name, size, item, flags) in [
            ("NoneType", 16, 0, 0),
            ("int", 24, 4, 1 << 24),
            ("str", 80, 0, TEXT),
            ("bytes", 33, 1, 1 << 27),
            ("tuple", 24, 8, TUPLE | COLLECTED),
            ("list", 40, 0, LIST | COLLECTED),
            ("dict", 48, 0, DICT | COLLECTED),
            ("module", 80, 0, COLLECTED),
            ("code", 144, 0, 0),
            ("frame", 376, 8, COLLECTED),
            ("function", 112, 0, COLLECTED),
            ("generator", 96, 0, COLLECTED),
            ("BaseException", 72, 0, EXCEPTION | COLLECTED),
            ("_stackless.tasklet", 120, 0, COLLECTED),
            ("_stackless.channel", 48, 0, COLLECTED),
            ("_stackless.cframe", 96, 0, COLLECTED),
            ("_stackless.cstack", 88, 8, 0),
            ("_stackless.bomb", 40, 0, COLLECTED),
        ] {
            world.class(name, size, item, flags, "object");
        }
        world.class("KeyError", 72, 0, EXCEPTION | COLLECTED, "BaseException");
        world.class("app.Mine", 120, 0, COLLECTED, "_stackless.tasklet");
        // Where a module has its dictionary.
        world.put(world.types["module"] + 288, 16);
        world.none = world.object("NoneType", 16);
        let members = [("tasklet", world.types["_stackless.tasklet"]), ("channel", world.types["_stackless.channel"])];
        let module = world.object("module", 80);
        let dict = world.dict(&members);
        world.put(module + 16, dict);
        world.modules.push(("_stackless", module));
        world
    }

    fn take(&mut self, length: u64) -> u64 {
        let place = (self.used + 15) & !15;
        self.used = place + length;
        assert!(self.used as usize <= self.bytes.len(), "the process is full");
        BASE + place
    }

    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) {
        let start = (address - BASE) as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn put(&mut self, address: u64, word: u64) {
        self.write(address, &word.to_le_bytes());
    }

    pub(crate) fn half(&mut self, address: u64, word: u32) {
        self.write(address, &word.to_le_bytes());
    }

    pub(crate) fn word(&self, address: u64) -> u64 {
        let start = (address - BASE) as usize;
        u64::from_le_bytes(self.bytes[start..start + 8].try_into().unwrap())
    }

    fn c_text(&mut self, text: &str) -> u64 {
        let at = self.take(text.len() as u64 + 1);
        self.write(at, text.as_bytes());
        at
    }

    fn class(&mut self, name: &'static str, size: u64, item: u64, flags: u64, base: &str) -> u64 {
        let class = self.take(864);
        let text = self.c_text(name);
        let metaclass = self.types.get("type").copied().unwrap_or(0);
        let base = self.types.get(base).copied().unwrap_or(0);
        for (offset, word) in [(0, 1), (8, metaclass), (24, text), (32, size), (40, item), (168, flags | READY), (256, base)] {
            self.put(class + offset, word);
        }
        self.types.insert(name, class);
        class
    }

    /// An object, behind the collector's head and in its list where it is collected.
    pub(crate) fn object(&mut self, class: &str, size: u64) -> u64 {
        let class = self.types[class];
        let collected = self.word(class + 168) & COLLECTED != 0;
        let head = if collected { self.take(size + 32) } else { self.take(size) };
        let object = if collected { head + 32 } else { head };
        if collected {
            let last = self.word(self.generation + 8);
            self.put(last, head);
            self.put(head, self.generation);
            self.put(head + 8, last);
            self.put(head + 16, -6_i64 as u64);
            self.put(self.generation + 8, head);
        }
        self.put(object, 1);
        self.put(object + 8, class);
        object
    }

    pub(crate) fn text(&mut self, text: &str) -> u64 {
        let object = self.object("str", 48 + text.len() as u64 + 1);
        self.put(object + 16, text.len() as u64);
        self.put(object + 24, u64::MAX);
        // Compact, ASCII, ready, one byte a character.
        self.half(object + 32, 1 << 2 | 1 << 5 | 1 << 6 | 1 << 7);
        self.write(object + 48, text.as_bytes());
        object
    }

    pub(crate) fn number(&mut self, number: u32) -> u64 {
        let object = self.object("int", 28);
        self.put(object + 16, u64::from(number != 0));
        self.half(object + 24, number);
        object
    }

    pub(crate) fn tuple(&mut self, items: &[u64]) -> u64 {
        let object = self.object("tuple", 24 + 8 * items.len() as u64);
        self.put(object + 16, items.len() as u64);
        for (index, item) in items.iter().enumerate() {
            self.put(object + 24 + 8 * index as u64, *item);
        }
        object
    }

    pub(crate) fn list(&mut self, items: &[u64]) -> u64 {
        let object = self.object("list", 40);
        let storage = self.take(8 * items.len() as u64 + 8);
        self.put(object + 16, items.len() as u64);
        self.put(object + 24, storage);
        for (index, item) in items.iter().enumerate() {
            self.put(storage + 8 * index as u64, *item);
        }
        object
    }

    /// A dict with keys of its own: eight indices of a byte, then entries of hash, key, value.
    pub(crate) fn dict(&mut self, entries: &[(&str, u64)]) -> u64 {
        assert!(entries.len() <= 5);
        let keys = self.take(40 + 8 + 24 * 5);
        let object = self.object("dict", 48);
        self.put(object + 16, entries.len() as u64);
        self.put(object + 32, keys);
        for (offset, word) in [(0, 1), (8, 8), (24, 0), (32, entries.len() as u64)] {
            self.put(keys + offset, word);
        }
        self.write(keys + 40, &[0xff; 8]);
        for (index, (name, value)) in entries.iter().enumerate() {
            let key = self.text(name);
            self.write(keys + 40 + index as u64, &[index as u8]);
            self.put(keys + 48 + 24 * index as u64 + 8, key);
            self.put(keys + 48 + 24 * index as u64 + 16, *value);
        }
        object
    }

    /// A code object with local variables of these names and an operand stack of four words.
    fn code(&mut self, name: &str, variables: &[&str]) -> u64 {
        let names: Vec<u64> = variables.iter().map(|name| self.text(name)).collect();
        let (names, nothing, name) = (self.tuple(&names), self.tuple(&[]), self.text(name));
        let (file, instructions) = (self.text("app.py"), self.object("bytes", 40));
        let table = self.object("bytes", 40);
        let object = self.object("code", 144);
        for (offset, number) in [(24, variables.len() as u32), (28, 4), (32, 3), (36, 10)] {
            self.half(object + offset, number);
        }
        let pointers = [(40, instructions), (48, nothing), (56, nothing), (64, names), (72, nothing), (80, nothing)];
        for (offset, word) in pointers.into_iter().chain([(96, file), (104, name), (112, table)]) {
            self.put(object + offset, word);
        }
        object
    }

    /// A frame in that function, called by `back`. `depth` is how much lies on its operand stack, where that is known.
    pub(crate) fn frame(&mut self, name: &str, variables: &[(&str, u64)], back: u64, depth: Option<u64>) -> u64 {
        let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
        let code = self.code(name, &names);
        let globals = self.dict(&[]);
        let size = 368 + 8 * variables.len() as u64 + 32;
        let object = self.object("frame", size);
        let stack = object + 368 + 8 * variables.len() as u64;
        for (offset, word) in
            [(16, variables.len() as u64 + 4), (24, back), (40, globals), (48, globals), (64, stack), (360, code)]
        {
            self.put(object + offset, word);
        }
        self.put(object + 72, depth.map_or(0, |depth| stack + 8 * depth));
        self.half(object + 104, 0);
        self.write(object + 116, &[1]);
        for (index, (_, value)) in variables.iter().enumerate() {
            self.put(object + 368 + 8 * index as u64, *value);
        }
        object
    }

    pub(crate) fn cframe(&mut self, back: u64, obs: [u64; 3]) -> u64 {
        let object = self.object("_stackless.cframe", 96);
        for (offset, word) in [(24, back), (32, 0x7000_1000), (40, obs[0]), (48, obs[1]), (56, obs[2]), (64, 7), (72, 9)] {
            self.put(object + offset, word);
        }
        object
    }

    pub(crate) fn exception(&mut self, number: u32) -> u64 {
        let number = self.number(number);
        let arguments = self.tuple(&[number]);
        let object = self.object("KeyError", 72);
        self.put(object + 24, arguments);
        object
    }

    /// A thread with its state, its first tasklet, which runs, and `frame` as the innermost one.
    pub(crate) fn thread(&mut self, ident: u64, frame: u64) -> (u64, u64) {
        let state = self.take(440);
        let previous = std::mem::replace(&mut self.last_state, state);
        if previous == 0 {
            self.put(self.interpreter + 8, state);
        } else {
            self.put(previous + 8, state);
        }
        let main = self.tasklet(state, 0);
        let pointers = [
            (16, self.interpreter),
            (at::TS_FRAME, frame),
            (at::TS_EXC_INFO, main + at::EXC_STATE),
            (176, ident),
            (at::TS_MAIN, main),
            (at::TS_CURRENT, main),
        ];
        for (offset, word) in pointers {
            self.put(state + offset, word);
        }
        self.put(main + at::EXC_INFO, state + at::TS_EXC_STATE);
        self.half(state + at::TS_RUNCOUNT, 1);
        self.ring(&[main]);
        (state, main)
    }

    /// Makes an object one that the program refers to.
    pub(crate) fn keep(&mut self, object: u64) {
        self.kept.push(object);
    }

    /// A tasklet of that thread, left softly at `frame`, in no queue.
    pub(crate) fn tasklet(&mut self, state: u64, frame: u64) -> u64 {
        self.tasklet_of("_stackless.tasklet", state, frame)
    }

    pub(crate) fn tasklet_of(&mut self, class: &str, state: u64, frame: u64) -> u64 {
        let cstate = self.cstack(state, 0, 0);
        let object = self.object(class, 120);
        let pointers = [(at::F, frame), (at::TEMPVAL, self.none), (at::CSTATE, cstate), (at::EXC_INFO, object + at::EXC_STATE)];
        for (offset, word) in pointers {
            self.put(object + offset, word);
        }
        object
    }

    pub(crate) fn cstack(&mut self, state: u64, task: u64, nesting_level: u32) -> u64 {
        let object = self.object("_stackless.cstack", 88);
        self.put(object + at::TASK, task);
        self.half(object + at::NESTING_LEVEL, nesting_level);
        self.put(object + at::TSTATE, state);
        object
    }

    /// A tasklet that was left with a C call in its stack.
    pub(crate) fn hard(&mut self, state: u64, frame: u64) -> u64 {
        let object = self.tasklet(state, frame);
        let cstate = self.cstack(state, object, 1);
        self.put(object + at::CSTATE, cstate);
        object
    }

    /// Links these, the last to the first.
    pub(crate) fn ring(&mut self, members: &[u64]) {
        for (index, one) in members.iter().enumerate() {
            let next = members[(index + 1) % members.len()];
            self.put(one + at::NEXT, next);
            self.put(next + at::PREV, *one);
        }
    }

    /// A channel with these waiting at it, in this direction.
    pub(crate) fn channel(&mut self, waiting: &[u64], direction: u32, flags: u32) -> u64 {
        let object = self.object("_stackless.channel", 48);
        let mut members = vec![object];
        members.extend(waiting);
        self.ring(&members);
        let count = waiting.len() as u32;
        self.half(object + 32, if direction == flag::SENDING { count } else { count.wrapping_neg() });
        self.half(object + 36, flags);
        for one in waiting {
            self.half(one + at::FLAGS, direction);
        }
        object
    }

    /// What a heap over the process tells, from its roots on.
    pub(crate) fn told(mut self) -> Told {
        let mut modules = std::mem::take(&mut self.modules);
        let kept = std::mem::take(&mut self.kept);
        modules.push(("kept", self.list(&kept)));
        let modules = self.dict(&modules);
        self.put(self.interpreter + 40, modules);
        let flags = Flags { stackless: true, ..Flags::NONE };
        let mut facts = Facts::of_memory(Layouts::lp64(HexVersion(0x0307_05f0), flags).unwrap());
        facts.runtime = Address(self.runtime);
        facts.interpreter = Address(self.interpreter);
        let memory = Synthetic::builder().region(Address(BASE), LENGTH).bytes(Address(BASE), &self.bytes).build();
        let mut heap = CPythonHeap::new(memory, facts, Registry::linked().unwrap());
        let options = CaptureOptions::default();
        let outline = pystate::outline(&mut heap, &options);
        let caught = outline.facts.iter().find(|(name, _)| name == "caught").and_then(|(_, lines)| lines.as_array());
        let caught = caught.into_iter().flatten().filter_map(|line| line.as_text().map(str::to_owned)).collect();
        let mut told = Told { caught, threads: outline.threads, ..Told::default() };
        let frames = told.threads.iter().flat_map(|thread| &thread.frames).map(|frame| frame.object);
        let mut queue: Vec<Address> = outline.roots.iter().map(|root| root.object).chain(frames).collect();
        let mut met = BTreeSet::new();
        while let Some(object) = queue.pop() {
            if object.is_null() || !met.insert(object) {
                continue;
            }
            let mut sink = Heard::default();
            match heap.reduce_object(object, &mut sink) {
                Ok(()) => queue.extend(sink.edges.iter().map(|edge| Address(edge.2))),
                Err(failure) => sink.failure = Some(format!("{failure:?}")),
            }
            told.objects.insert(object.0, sink);
        }
        told.tasklets = pystate::found_threads(&heap, &options);
        told
    }
}

/// All that was told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) objects: BTreeMap<u64, Heard>,
    /// Threads of the system.
    pub(crate) threads: Vec<Thread>,
    /// Tasklets that are shown as threads.
    pub(crate) tasklets: Vec<Thread>,
    pub(crate) caught: Vec<String>,
}

impl Told {
    pub(crate) fn of(&self, object: u64) -> &Heard {
        self.objects.get(&object).unwrap_or_else(|| panic!("{object:#x} was not found"))
    }

    /// The thread that a tasklet is shown as.
    pub(crate) fn shown(&self, tasklet: u64) -> Option<&Thread> {
        self.tasklets.iter().find(|thread| thread.ident == tasklet)
    }

    /// Names of the functions that a tasklet is in, the outermost first.
    pub(crate) fn functions(&self, tasklet: u64) -> Vec<&str> {
        self.shown(tasklet).into_iter().flat_map(|thread| &thread.frames).map(|frame| frame.function.as_str()).collect()
    }
}

/// What one object told.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) edges: Vec<(EdgeKind, String, u64)>,
    pub(crate) state: BTreeMap<String, ciborium::Value>,
    pub(crate) failure: Option<String>,
}

impl Heard {
    pub(crate) fn edge(&self, name: &str) -> Option<u64> {
        self.edges.iter().find(|edge| edge.1 == name).map(|edge| edge.2)
    }

    pub(crate) fn word(&self, name: &str) -> &str {
        self.state.get(name).and_then(ciborium::Value::as_text).unwrap_or("")
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.state.get(name).and_then(ciborium::Value::as_bool) == Some(true)
    }

    pub(crate) fn number(&self, name: &str) -> Option<i128> {
        self.state.get(name).and_then(ciborium::Value::as_integer).map(i128::from)
    }

    pub(crate) fn elements(&self) -> Vec<u64> {
        self.edges.iter().filter(|edge| edge.1 == "element").map(|edge| edge.2).collect()
    }
}

impl Sink for Heard {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, _: Value<'_>) {}

    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        let name = match name {
            Name::Text(name) => name.to_owned(),
            Name::Object(name) => format!("{name}"),
            Name::Index(index) => format!("#{index}"),
        };
        self.edges.push((kind, name, target.0));
    }

    fn element(&mut self, target: Address) {
        self.edges.push((EdgeKind::Internal, "element".to_owned(), target.0));
    }

    fn entry(&mut self, key: Address, value: Address) {
        self.edges.push((EdgeKind::Internal, "key".to_owned(), key.0));
        self.edges.push((EdgeKind::Internal, "value".to_owned(), value.0));
    }

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let ciborium::Value::Map(facts) = ciborium::Value::serialized(state).unwrap() else { panic!("no map") };
        self.state.extend(facts.into_iter().map(|(name, value)| (name.into_text().unwrap(), value)));
    }
}
