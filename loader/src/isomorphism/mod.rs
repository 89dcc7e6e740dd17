//! Near-isomorphism of two dumps: the oracle of the property tests.
//!
//! Both heaps are walked from their roots along equal labels. There must be a one-to-one mapping between their objects
//! such that every root keeps its name, every object its identity and the name of its type, every object that is no
//! surrogate its value and its labelled edges in order, and every surrogate its reason. Conservative and stale edges are
//! guesses: they are followed after all others, and what differs in them, or is reached by them alone, is counted by itself.
//! Linear and iterative; the first differences come with the path that leads to them.

mod edges;
mod values;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;

use heapsake_core::format::Target;
use heapsake_core::heap::RootKind;

use crate::dump::Dump;
use crate::object::{Object, ObjectId};
use edges::{edges, guesses};
use values::{differing, is_same_state};

/// Differences that are described; the others are counted.
const DESCRIBED: usize = 100;
const NONE: u32 = u32::MAX;
/// Facts that the interpreter changes while it runs, without a program's doing: bytecode that adapts itself.
const TRANSIENT: [&str; 1] = ["co_code_adaptive"];
/// Marks the position of an edge as one among the guesses.
const GUESS: u32 = 1 << 31;

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Pairs of objects that are alike.
    pub matched: u64,
    /// Surrogates on both sides, by reason.
    pub surrogates: BTreeMap<String, u64>,
    /// The first differences: path, and what differs.
    pub differences: Vec<(String, String)>,
    /// Number of all differences.
    pub difference_count: u64,
    /// Conservative and stale edges that differ. They do not make heaps other ones.
    pub guesses_that_differ: u64,
    /// Objects that differ in what the interpreter changes by itself. They do not make heaps other ones either.
    pub transient_that_differ: u64,
    /// Objects of which a dump of a process knows more facts than one of its core, where the others are alike: what a descriptor is
    /// open on is the kernel's to say. They do not make heaps other ones.
    pub known_of_process_alone: u64,
}

impl Report {
    /// Whether the heaps are near-isomorphic.
    pub fn is_isomorphic(&self) -> bool {
        self.difference_count == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} objects are alike, {} differences", self.matched, self.difference_count)?;
        for (reason, count) in &self.surrogates {
            writeln!(f, "  {count} surrogates: {reason}")?;
        }
        if self.guesses_that_differ > 0 {
            writeln!(f, "  {} conservative or stale edges differ", self.guesses_that_differ)?;
        }
        if self.transient_that_differ > 0 {
            writeln!(f, "  {} objects differ in transient facts", self.transient_that_differ)?;
        }
        if self.known_of_process_alone > 0 {
            writeln!(f, "  {} objects have facts that a core does not tell", self.known_of_process_alone)?;
        }
        for (path, what) in &self.differences {
            writeln!(f, "  {path}: {what}")?;
        }
        let more = self.difference_count - self.differences.len() as u64;
        if more > 0 { writeln!(f, "  … {more} more") } else { Ok(()) }
    }
}

/// A fact of an object, by its name.
type Fact = (String, ciborium::Value);
/// An edge of any kind: how it is called, and where it leads.
type Labelled = (String, Target);

/// Compares two dumps, from all their roots.
pub fn compare(one: &Dump, other: &Dump) -> Report {
    let order: Vec<usize> = (0..one.threads().len()).collect();
    compare_roots(one, other, roots(one, &order), roots(other, &paired_threads(one, other)))
}

/// Compares what can be reached from pairs of objects, each with its name in the report.
pub fn compare_from(one: &Dump, other: &Dump, pairs: &[(String, ObjectId, ObjectId)]) -> Report {
    let side = |pick: fn(&(String, ObjectId, ObjectId)) -> ObjectId| {
        pairs.iter().map(|pair| (pair.0.clone(), Target::Object(pick(pair).0))).collect()
    };
    compare_roots(one, other, side(|pair| pair.1), side(|pair| pair.2))
}

fn compare_roots(one: &Dump, other: &Dump, left: Vec<Labelled>, right: Vec<Labelled>) -> Report {
    let is_of_core = |dump: &Dump| dump.fact("core").is_some();
    let mut comparison = Comparison {
        one,
        other,
        of_core: [is_of_core(one), is_of_core(other)],
        forward: vec![NONE; places(one)],
        backward: vec![NONE; places(other)],
        reached: vec![(NONE, 0); places(one)],
        guessed: false,
        roots: Vec::new(),
        queue: VecDeque::new(),
        guessing: VecDeque::new(),
        report: Report::default(),
    };
    comparison.start(left, right);
    loop {
        if let Some((left, right)) = comparison.queue.pop_front() {
            comparison.visit(left, right);
        } else if let Some((left, right)) = comparison.guessing.pop_front() {
            comparison.guess(left, right);
        } else {
            return comparison.report;
        }
    }
}

/// Numbers of objects that are kept: what a file says of their number is no more than its bytes can hold.
fn places(dump: &Dump) -> usize {
    let most = dump.file_bytes().saturating_mul(64).saturating_add(1 << 20);
    u64::from(dump.object_count()).min(most) as usize
}

struct Comparison<'d> {
    one: &'d Dump,
    other: &'d Dump,
    /// Whether they are of core files.
    of_core: [bool; 2],
    /// For each object of the one its partner, and the other way round.
    forward: Vec<u32>,
    backward: Vec<u32>,
    /// For each object of the one the object that led to it (or none, and the root), and the position of the edge.
    reached: Vec<(u32, u32)>,
    roots: Vec<String>,
    queue: VecDeque<(u32, u32)>,
    /// Whether all that is left is reached by guesses alone.
    guessed: bool,
    /// Pairs whose guesses are to be followed.
    guessing: VecDeque<(u32, u32)>,
    report: Report,
}

/// The threads of the other dump in the order of those of the one: by identity, as a core begins with the thread that died. Those
/// of which neither has the other's, as in two runs of a program, by position.
fn paired_threads(one: &Dump, other: &Dump) -> Vec<usize> {
    let mut left: Vec<usize> = (0..other.threads().len()).collect();
    let mut known = |ident: u64| {
        let at = left.iter().position(|index| other.threads()[*index].ident == ident)?;
        Some(left.remove(at))
    };
    let found: Vec<Option<usize>> = one.threads().iter().map(|thread| known(thread.ident)).collect();
    let mut rest = left.into_iter();
    let mut paired: Vec<usize> = found.into_iter().filter_map(|index| index.or_else(|| rest.next())).collect();
    paired.extend(rest);
    paired
}

/// All roots with their names, of threads in this order.
fn roots(dump: &Dump, order: &[usize]) -> Vec<Labelled> {
    let target = |id: Option<u32>| id.map_or(Target::Nothing, Target::Object);
    let mut found: Vec<Labelled> = Vec::new();
    if let Some(ObjectId(id)) = dump.exception() {
        found.push(("exception".into(), Target::Object(id)));
    }
    for (at, thread) in order.iter().map(|index| &dump.threads()[*index]).enumerate() {
        for (number, frame) in thread.frames.iter().enumerate() {
            let place = format!("thread {at} frame {number} {}:{}", frame.qualified_name, frame.line);
            for variable in &frame.variables {
                found.push((format!("{place} {}", variable.name), target(variable.object.id)));
            }
            for (what, reference) in [("code", frame.code), ("globals", frame.globals), ("locals", frame.locals)] {
                found.push((format!("{place} {what}"), target(reference.id)));
            }
            found.push((place, target(frame.object.id)));
        }
        found.push((format!("thread {at}"), target(thread.object.id)));
        found.push((format!("exception of thread {at}"), target(thread.exception.and_then(|exception| exception.id))));
    }
    // Garbage has no name by which it could be found in the other dump.
    let roots = dump.roots().iter().filter(|root| root.kind != RootKind::Garbage);
    found.extend(roots.map(|root| (format!("{:?} {}", root.kind, root.name), target(root.object.id))));
    found
}

impl Comparison<'_> {
    /// Notes a difference at an object of the one, or by an edge of it; the path is only worked out while it is told.
    fn differ(&mut self, object: u32, edge: Option<&str>, what: impl FnOnce() -> String) {
        if self.guessed {
            self.report.guesses_that_differ += 1;
            return;
        }
        self.report.difference_count += 1;
        if self.report.differences.len() < DESCRIBED {
            let mut path = self.path(object);
            if let Some(edge) = edge {
                path = format!("{path}/{edge}");
            }
            self.report.differences.push((path, what()));
        }
    }

    /// The same of a root.
    fn differ_at(&mut self, root: String, what: String) {
        self.report.difference_count += 1;
        if self.report.differences.len() < DESCRIBED {
            self.report.differences.push((root, what));
        }
    }

    /// The path from a root to an object of the one, cut in its middle when it is long.
    fn path(&self, object: u32) -> String {
        let mut steps = Vec::new();
        let mut at = object;
        while let Some((parent, position)) = self.reached.get(at as usize).copied() {
            if parent == NONE {
                steps.push(self.roots.get(position as usize).cloned().unwrap_or_default());
                break;
            }
            let parent_object = self.one.object(ObjectId(parent));
            let (guess, position) = (position & GUESS != 0, position & !GUESS);
            let edges = if guess { guesses(&parent_object) } else { edges(&parent_object) };
            steps.push(edges.get(position as usize).map(|(name, _)| name.to_string()).unwrap_or_default());
            at = parent;
            if steps.len() > 60 {
                steps.push("…".to_owned());
                break;
            }
        }
        steps.reverse();
        steps.join("/")
    }

    fn start(&mut self, left: Vec<Labelled>, right: Vec<Labelled>) {
        self.roots = left.iter().map(|(name, _)| name.clone()).collect();
        let mut there: HashMap<&str, VecDeque<Target>> = HashMap::new();
        for (name, target) in &right {
            there.entry(name).or_default().push_back(*target);
        }
        for (position, (name, target)) in left.into_iter().enumerate() {
            let Some(other) = there.get_mut(&*name).and_then(VecDeque::pop_front) else {
                self.differ_at(name, "is not there".into());
                continue;
            };
            if let Some(what) = self.pair(NONE, position as u32, target, other) {
                self.differ_at(name, what);
            }
        }
        for (name, _) in &right {
            if there.get_mut(&**name).is_some_and(|targets| targets.pop_front().is_some()) {
                self.differ_at(name.clone(), "is not here".into());
            }
        }
    }

    /// Pairs what two edges lead to; what differs, in words.
    fn pair(&mut self, parent: u32, position: u32, left: Target, right: Target) -> Option<String> {
        match (left, right) {
            (Target::Object(left), Target::Object(right)) => {
                let (Some(there), Some(here)) =
                    (self.forward.get(left as usize).copied(), self.backward.get(right as usize).copied())
                else {
                    return Some("leads to an object that the dump cannot have".into());
                };
                if there == NONE && here == NONE {
                    self.forward[left as usize] = right;
                    self.backward[right as usize] = left;
                    self.reached[left as usize] = (parent, position);
                    self.queue.push_back((left, right));
                    return None;
                }
                (there != right || here != left).then(|| {
                    let (one, other) = (self.one.object(ObjectId(left)), self.other.object(ObjectId(right)));
                    let (here, there) = (one.type_name(), other.type_name());
                    if here == there {
                        format!("leads to another object of type {here}: what was shared is not, or the other way round")
                    } else {
                        format!("leads to an object of type {here} here and {there} there")
                    }
                })
            }
            (Target::Nothing, Target::Nothing) | (Target::Stray(_), Target::Stray(_)) => None,
            (left, right) => Some(format!("leads to {left:?} here and to {right:?} there")),
        }
    }

    /// Whether one side is of a core, and has but fewer facts than the other.
    fn is_less_of_core(&self, mine: &[Fact], theirs: &[Fact]) -> bool {
        let (fewer, more) = match self.of_core {
            [true, false] => (mine, theirs),
            [false, true] => (theirs, mine),
            _ => return false,
        };
        let shared: Vec<_> = more.iter().filter(|(name, _)| fewer.iter().any(|(known, _)| known == name)).cloned().collect();
        is_same_state(fewer, &shared)
    }

    fn visit(&mut self, left: u32, right: u32) {
        let (one, other) = (self.one.object(ObjectId(left)), self.other.object(ObjectId(right)));
        let before = (self.report.difference_count, self.report.guesses_that_differ);
        if one.type_name() != other.type_name() {
            self.differ(left, None, || format!("is of type {} here and {} there", one.type_name(), other.type_name()));
        }
        let reason = |object: &Object<'_>| object.surrogate().map(|(reason, _)| reason.words());
        match (reason(&one), reason(&other)) {
            (None, None) => {}
            (Some(here), Some(there)) if here == there => {
                *self.report.surrogates.entry(here.to_owned()).or_default() += 1;
            }
            (here, there) => self.differ(left, None, || format!("is a surrogate here: {here:?}, there: {there:?}")),
        }
        // A surrogate keeps what was told before the failure.
        if let Some((here, there)) = differing(&one, &other) {
            self.differ(left, None, || format!("has another value: {here:?} here, {there:?} there"));
        }
        let encoded = |object: &Object<'_>| object.decoded().and_then(|decoded| decoded.state().map(<[u8]>::to_vec));
        if encoded(&one) != encoded(&other) {
            let (mut mine, mut theirs) = (one.state(), other.state());
            let is_same = is_same_state(&mine, &theirs);
            for facts in [&mut mine, &mut theirs] {
                facts.retain(|(name, _)| !TRANSIENT.contains(&name.as_str()));
            }
            if is_same {
                // Written in another way.
            } else if is_same_state(&mine, &theirs) {
                self.report.transient_that_differ += 1;
            } else if self.is_less_of_core(&mine, &theirs) {
                self.report.known_of_process_alone += 1;
            } else {
                self.differ(left, None, || "has other facts".into());
            }
        }
        let (mine, theirs) = (edges(&one), edges(&other));
        if mine.len() != theirs.len() {
            self.differ(left, None, || format!("has {} edges here and {} there", mine.len(), theirs.len()));
        }
        for (position, ((name, target), (there, partner))) in mine.iter().zip(&theirs).enumerate() {
            if name != there {
                self.differ(left, None, || format!("has the edge {name} here and {there} there"));
            } else if let Some(what) = self.pair(left, position as u32, *target, *partner) {
                self.differ(left, Some(&name.to_string()), || what);
            }
        }
        let after = (self.report.difference_count, self.report.guesses_that_differ);
        self.report.matched += u64::from(after == before);
        self.guessing.push_back((left, right));
    }

    /// Follows the guesses of a pair, as far as they agree.
    fn guess(&mut self, left: u32, right: u32) {
        self.guessed = true;
        let (one, other) = (self.one.object(ObjectId(left)), self.other.object(ObjectId(right)));
        let (mine, theirs) = (guesses(&one), guesses(&other));
        self.report.guesses_that_differ += mine.len().abs_diff(theirs.len()) as u64;
        for (position, ((name, target), (there, partner))) in mine.iter().zip(&theirs).enumerate() {
            let known = |pairs: &[u32], target: Target| match target {
                Target::Object(id) => pairs.get(id as usize).copied(),
                Target::Nothing | Target::Stray(_) => None,
            };
            let (forward, backward) = (known(&self.forward, *target), known(&self.backward, *partner));
            let agrees = match (*target, *partner) {
                (Target::Object(here), Target::Object(yonder)) => {
                    (forward, backward) == (Some(NONE), Some(NONE)) || (forward, backward) == (Some(yonder), Some(here))
                }
                (Target::Nothing, Target::Nothing) | (Target::Stray(_), Target::Stray(_)) => true,
                _ => false,
            };
            if name == there && agrees {
                self.pair(left, position as u32 | GUESS, *target, *partner);
            } else {
                self.report.guesses_that_differ += 1;
            }
        }
    }
}
