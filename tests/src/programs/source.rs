//! Graphs as Python source text.
//!
//! All objects are made first, what is immutable out of those before it; then containers and instances are filled, from
//! anywhere. Only names of `making` are used, so that a program that failed reads well.

use std::fmt::Write;

use super::{Atom, Base, Class, Graph, Mapping, Node, Sequence, Storage};

/// Names of attributes and variables, mangled and hostile ones among them.
const NAMES: [&str; 12] =
    ["a", "b", "c", "_d", "__e", "long_name_of_an_attribute", "\u{e9}", "𝔘", "items", "value", "args2", "__f__"];

/// A program that appends these graphs to `GRAPHS`.
pub fn source(graphs: &[Graph]) -> String {
    let mut text = String::from("import collections, threading\nfrom collections import OrderedDict, deque\n");
    for (number, graph) in graphs.iter().enumerate() {
        Writer { graph, number, text: &mut text }.graph();
    }
    text
}

struct Writer<'a> {
    graph: &'a Graph,
    number: usize,
    text: &'a mut String,
}

fn identifier(number: u8) -> &'static str {
    NAMES[usize::from(number) % NAMES.len()]
}

fn atom(atom: &Atom) -> String {
    match atom {
        Atom::Constant(name) => (*name).to_owned(),
        Atom::Small(number) => format!("int('{number}')"),
        Atom::Big(negative, digits) => format!("int('{}{digits}', 16)", if *negative { "-" } else { "" }),
        Atom::Float(bits) => format!("making.struct.unpack('>d', bytes.fromhex('{bits:016x}'))[0]"),
        Atom::Text(points) => format!("''.join(map(chr, {points:?}))"),
        Atom::Bytes(bytes) => format!("bytes({bytes:?})"),
        Atom::Bytearray(bytes) => format!("bytearray({bytes:?})"),
    }
}

/// What is given to make an instance of a class with this base.
fn payload(base: &str, atom: &Atom) -> String {
    let (number, points) = match atom {
        Atom::Small(number) => (*number, Vec::new()),
        Atom::Text(points) => (points.len() as i64, points.clone()),
        Atom::Bytes(bytes) | Atom::Bytearray(bytes) => (-1, bytes.iter().map(|byte| u32::from(*byte)).collect()),
        Atom::Float(bits) => (*bits as i64, vec![7]),
        Atom::Big(_, digits) => (digits.len() as i64, digits.bytes().map(u32::from).collect()),
        Atom::Constant(name) => (name.len() as i64, Vec::new()),
    };
    match (base, atom) {
        ("int", Atom::Big(..)) | ("float", Atom::Float(_)) => super::source::atom(atom),
        ("int", _) => format!("int('{number}') << {}", points.len()),
        ("float" | "complex", _) => format!("float('{number}') / 3"),
        ("str", _) => format!("''.join(map(chr, {points:?}))"),
        ("bytes" | "bytearray", _) => format!("bytes([each & 255 for each in {points:?}])"),
        ("dict" | "OrderedDict", _) => format!("{{each: [each] for each in {points:?}}}"),
        _ => format!("[{}, *{points:?}]", super::source::atom(atom)),
    }
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "    {line}");
    }

    /// Any object of the graph.
    fn any(&self, number: u32) -> String {
        format!("n[{}]", number as usize % self.graph.nodes.len())
    }

    /// One that is there before the one with the number `at`.
    fn past(&self, at: usize, number: u32) -> String {
        if at == 0 { "None".to_owned() } else { format!("n[{}]", number as usize % at) }
    }

    fn pasts(&self, at: usize, numbers: &[u32]) -> String {
        let listed: Vec<String> = numbers.iter().map(|number| self.past(at, *number)).collect();
        format!("[{}]", listed.join(", "))
    }

    fn all(&self, numbers: &[u32]) -> String {
        let listed: Vec<String> = numbers.iter().map(|number| self.any(*number)).collect();
        format!("[{}]", listed.join(", "))
    }

    fn named(&self, pairs: &[(u8, u32)]) -> String {
        let listed: Vec<String> =
            pairs.iter().map(|(name, number)| format!("('{}', {})", identifier(*name), self.any(*number))).collect();
        format!("[{}]", listed.join(", "))
    }

    /// The built-in that a class comes from.
    fn base(&self, class: usize) -> &'static str {
        let mut at = class;
        loop {
            let Class { base, parent, .. } = &self.graph.classes[at];
            match parent {
                Some(parent) if at > 0 => at = usize::from(*parent) % at,
                _ => {
                    return match base {
                        Base::Object => "object",
                        Base::BuiltIn(name) => name,
                    };
                }
            }
        }
    }

    fn class_number(&self, number: u8) -> usize {
        usize::from(number) % self.graph.classes.len()
    }

    fn class(&mut self, at: usize) {
        let Class { parent, storage, is_renamed, .. } = self.graph.classes[at].clone();
        let parent = match parent {
            Some(parent) if at > 0 => format!("C{}", usize::from(parent) % at),
            _ => self.base(at).to_owned(),
        };
        self.line(&format!("class C{at}({parent}):"));
        // Objects of variable size have no room for slots.
        let has_room = !matches!(self.base(at), "int" | "tuple" | "bytes");
        let names = |names: &[u8]| {
            let mut listed: Vec<&str> = Vec::new();
            for name in names {
                if has_room && !listed.contains(&identifier(*name)) {
                    listed.push(identifier(*name));
                }
            }
            format!("{listed:?}")
        };
        match &storage {
            Storage::Dict => self.line("    pass"),
            Storage::Slots(slots) => self.line(&format!("    __slots__ = {}", names(slots))),
            Storage::Both(slots) => {
                self.line(&format!("    __slots__ = making.with_more({parent}, {}, '__dict__')", names(slots)));
            }
            Storage::Weak(slots) => {
                self.line(&format!("    __slots__ = making.with_more({parent}, {}, '__weakref__')", names(slots)));
            }
        }
        if is_renamed {
            self.line(&format!("C{at}.__qualname__ = 'C{at}\\u202e..\\u00e9 <b>'"));
        }
    }

    fn graph(&mut self) {
        let _ = writeln!(self.text, "\n\ndef graph_{}():\n    n = []", self.number);
        for at in 0..self.graph.classes.len() {
            self.class(at);
        }
        for at in 0..self.graph.nodes.len() {
            let made = self.made(at);
            self.line(&format!("n.append({made})"));
        }
        for at in 0..self.graph.nodes.len() {
            self.fill(at);
        }
        self.line("return n");
        let _ = writeln!(self.text, "\n\nGRAPHS.append(graph_{}())", self.number);
    }

    fn made(&self, at: usize) -> String {
        let name = |what: &str| format!("'{what} {} {at}'", self.number);
        match &self.graph.nodes[at] {
            Node::Atom(value) => atom(value),
            Node::Sequence(Sequence::List, ..) => "[]".to_owned(),
            Node::Sequence(Sequence::Set, ..) => "set()".to_owned(),
            Node::Sequence(Sequence::Deque(most), ..) => {
                format!("collections.deque(maxlen={})", most.map_or("None".to_owned(), |most| most.to_string()))
            }
            Node::Sequence(Sequence::Tuple, items, _) => format!("tuple({})", self.pasts(at, items)),
            Node::Sequence(Sequence::Frozenset, items, _) => {
                format!("frozenset(making.fits(each, 0) for each in {})", self.pasts(at, items))
            }
            Node::Mapping(Mapping::Dict, ..) => "{}".to_owned(),
            Node::Mapping(Mapping::Ordered, ..) => "collections.OrderedDict()".to_owned(),
            Node::Mapping(Mapping::Default, ..) => "collections.defaultdict(list)".to_owned(),
            Node::Mapping(Mapping::Counter, ..) => "collections.Counter()".to_owned(),
            Node::Instance { class, payload: value, .. } => {
                let class = self.class_number(*class);
                format!("making.instance(C{class}, {})", payload(self.base(class), value))
            }
            Node::Function { style, held, defaults, .. } => {
                let named = self.pasts(at, &defaults[..defaults.len().min(usize::from(style % 2))]);
                format!("making.function({}, {}, {named}, {style})", self.pasts(at, held), self.pasts(at, defaults))
            }
            Node::Suspended { kind, style, held, steps, is_looked_at } => {
                let looked = if *is_looked_at { "True" } else { "False" };
                format!("making.suspended('{kind}', {style}, {}, {steps}, {looked})", self.pasts(at, held))
            }
            Node::Iterator { kind, source, steps } => format!("making.iterator('{kind}', {}, {steps})", self.past(at, *source)),
            Node::Raised { class, arguments, cause, depth } => {
                let class = class.map(|class| self.class_number(class));
                let kind = match class.filter(|class| matches!(self.base(*class), "Exception" | "KeyError")) {
                    Some(class) => format!("C{class}"),
                    None => "ValueError".to_owned(),
                };
                let cause = cause.map_or("None".to_owned(), |cause| format!("making.as_cause({})", self.past(at, cause)));
                format!("making.raised({kind}, {}, {cause}, {depth})", self.pasts(at, arguments))
            }
            Node::Holder(kind, held) => format!("making.holder('{kind}', {})", self.pasts(at, held)),
            Node::Cell(_) => "making.cell()".to_owned(),
            Node::Module(_) => format!("making.module({})", name("module")),
            Node::Weak(kind, target) => format!("making.weak({kind}, {})", self.past(at, *target)),
            Node::Chain(kind, depth, end) => format!("making.chain('{kind}', {depth}, {})", self.past(at, *end)),
            Node::Wide(kind, count, held) => format!("making.wide('{kind}', {count}, {})", self.past(at, *held)),
            Node::Ready(index) => format!("making.ready({index})"),
            Node::Class(class) => format!("C{}", self.class_number(*class)),
            Node::Thread(held) => format!("making.held_by_a_thread({}, {})", name("thread"), self.pasts(at, held)),
            Node::Task(held, depth) => format!("making.task({}, {}, {depth})", name("task"), self.pasts(at, held)),
        }
    }

    fn fill(&mut self, at: usize) {
        let line = match &self.graph.nodes[at] {
            Node::Sequence(kind @ (Sequence::List | Sequence::Set | Sequence::Deque(_)), items, removed) => {
                let kind = match kind {
                    Sequence::List => "list",
                    Sequence::Set => "set",
                    _ => "deque",
                };
                format!("making.fill_{kind}(n[{at}], {}, {removed})", self.all(items))
            }
            Node::Mapping(_, entries, removed, moved) => {
                let key = |(key, number): &(Atom, u32)| match number % 5 {
                    0 => format!("making.fits({}, {at})", self.any(*number)),
                    _ => format!("making.fits({}, {at})", atom(key)),
                };
                let keys: Vec<String> = entries.iter().map(key).collect();
                let items: Vec<u32> = entries.iter().map(|(_, number)| number / 5).collect();
                format!("making.fill_dict(n[{at}], [{}], {}, {removed}, {moved})", keys.join(", "), self.all(&items))
            }
            Node::Instance { attributes, removed, is_looked_at, .. } => {
                let looked = if *is_looked_at { "True" } else { "False" };
                format!("making.attributes(n[{at}], {}, {removed}, {looked})", self.named(attributes))
            }
            Node::Function { attributes, .. } => format!("making.function_attributes(n[{at}], {})", self.named(attributes)),
            Node::Cell(Some(target)) => format!("n[{at}].cell_contents = {}", self.any(*target)),
            Node::Module(pairs) => format!("n[{at}].__dict__.update({})", self.named(pairs)),
            _ => return,
        };
        self.line(&line);
    }
}
