//! `variables`: the children of whatever can be expanded, named ones first, then indexed ones.
//!
//! Indexed children come a page at a time. A client that does not page gets the first thousand, and a node for the rest whose
//! children are ranges, so that any element is a few steps away. Named children are never paged by clients: they end with
//! such a node too.

mod cells;
mod entries;
mod facts;
mod frames;
mod holders;
mod objects;
mod present;

use heapsake_analysis::expression::Watch;
use serde_json::{Value, json};

use crate::lanes::Lane;
use crate::protocol::{Failure, PresentationHint, Variable, VariablesArguments};
use crate::references::{Called, Node};
use crate::session::{Answer, Session};
use crate::shown::{Manner, count};
use crate::task::Task;

pub(crate) use present::{Child, Content, Way, words};

/// Children that are told without being asked for by position.
const MOST: u64 = 1000;
/// Children of one page, whatever is asked for.
const LARGEST_PAGE: u64 = 10_000;

/// Which children are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    All,
    Named,
    Indexed,
}

impl Session {
    /// Whether the children of a node may take long to find.
    pub(crate) fn lane_of(&self, arguments: &VariablesArguments) -> Lane {
        match self.node(arguments.variables_reference) {
            Ok(Node::Holders(_) | Node::HolderList(_)) => Lane::Long,
            Ok(Node::Range(of, ..)) if matches!(self.node(of), Ok(Node::HolderList(_))) => Lane::Long,
            _ => Lane::Short,
        }
    }

    pub(crate) fn node(&self, reference: i64) -> Answer<Node> {
        let node = self.references.node(reference, self.dump.object_count());
        node.ok_or_else(|| Failure::new(format!("nothing to expand has the number {reference}")))
    }

    /// Makes the graph for a node that tells who holds what, or has it made before the answer.
    fn with_graph(&self, task: &Task) -> Answer<()> {
        if self.dump.graph_if_made().is_none() && !task.waits_for_graph() {
            return Err(Failure::new("the graph of the dump is not made yet"));
        }
        let made = self.dump.graph_while(&mut |step, of| task.step(step, of));
        made.map(drop).ok_or_else(|| Failure::new("cancelled"))
    }

    /// `variables`.
    pub(crate) fn variables(&self, arguments: &VariablesArguments, task: &Task) -> Answer<Value> {
        let reference = arguments.variables_reference;
        let manner = Manner::of_list(arguments.format.as_ref());
        let start = arguments.start.unwrap_or(0).max(0) as u64;
        let asked = arguments.count.filter(|count| *count > 0).map(|count| count as u64);
        let filter = match arguments.filter.as_deref() {
            Some("named") => Filter::Named,
            Some("indexed") => Filter::Indexed,
            _ => Filter::All,
        };
        let mut node = self.node(reference)?;
        let mut base = reference;
        let (mut from, mut to) = (0, u64::MAX);
        let mut names_from = 0;
        let mut filter = filter;
        match node {
            Node::Range(of, first, number) => {
                (base, from, to) = (of, first, first.saturating_add(number));
                (node, filter) = (self.node(of)?, Filter::Indexed);
            }
            Node::Names(of, first) => {
                (base, names_from) = (of, first);
                (node, filter) = (self.node(of)?, Filter::Named);
            }
            _ => {}
        }
        if matches!(node, Node::Holders(_) | Node::HolderList(_)) {
            self.with_graph(task)?;
        }
        let called = match node {
            Node::Result(number) if self.results.get(number).is_none() => {
                return Err(Failure::new("this result is not kept any more: evaluate it again"));
            }
            Node::Locals(frame) | Node::Closure(frame) | Node::Globals(frame) => Called { expression: None, frame: Some(frame) },
            _ => self.references.called(base),
        };
        let mut children: Vec<Variable> = Vec::new();
        if filter != Filter::Indexed {
            let (named, all) = self.named(&node, names_from, MOST);
            children.extend(self.present_all(named, &called, manner));
            let next = names_from.saturating_add(MOST);
            if all > next {
                let rest = self.references.number(Node::Names(base, next));
                children.push(self.bundle(format!("… {} more", count(all - next)), rest));
            }
        }
        if filter != Filter::Named {
            let length = self.length(&node).min(to);
            let first = from.saturating_add(start).min(length);
            let left = length - first;
            if asked.is_none() && start == 0 && to != u64::MAX && left > MOST {
                children.extend(self.ranges(base, first, length));
            } else {
                let page = asked.unwrap_or(MOST).min(LARGEST_PAGE).min(left);
                let found = self.indexed(&node, first, page);
                children.extend(self.present_all(found, &called, manner));
                let rest = left - page;
                let is_cut = asked.is_none_or(|asked| asked > LARGEST_PAGE);
                if rest > 0 && is_cut {
                    let node = self.references.number(Node::Range(base, first + page, rest));
                    children.push(self.bundle(format!("… {} more", count(rest)), node));
                }
            }
        }
        Ok(json!({ "variables": children }))
    }

    /// Nodes for the children from `first` to `end`: a thousand of them at most, each for a power of a thousand.
    fn ranges(&self, base: i64, first: u64, end: u64) -> Vec<Variable> {
        let mut size = MOST;
        while (end - first).div_ceil(size) > MOST {
            size = size.saturating_mul(MOST);
        }
        let mut found = Vec::new();
        let mut at = first;
        while at < end {
            let number = size.min(end - at);
            let node = self.references.number(Node::Range(base, at, number));
            found.push(self.bundle(format!("[{at}…{}]", at + number - 1), node));
            at += number;
        }
        found
    }

    /// A node that stands for children of its parent.
    fn bundle(&self, name: String, reference: i64) -> Variable {
        let hint = PresentationHint { kind: Some("virtual"), ..PresentationHint::of("virtual") };
        Variable { name, presentation_hint: hint, variables_reference: reference, ..Variable::default() }
    }

    /// Named children from a position on, at most `most`; and how many there are in all.
    fn named(&self, node: &Node, from: u64, most: u64) -> (Vec<Child>, u64) {
        let all = match node {
            Node::Object(id) => self.attributes(*id),
            Node::Locals(key) => self.locals(*key),
            Node::Closure(key) => self.closure(*key),
            Node::Globals(key) => self.globals(*key),
            Node::Exception(stack) => self.exceptions(*stack),
            Node::HeldBy(key) => self.held(*key),
            Node::FrameLocals(id) => self.frame_locals(*id),
            Node::Holders(id) => vec![self.holders(*id)],
            Node::HolderList(id) => self.root_names(*id),
            Node::Holder(id) => self.holder(*id),
            Node::Entry(id, at) => self.entry(*id, *at),
            Node::Fact(id, name, path) => self.named_parts(*id, name, path),
            Node::Part(..) | Node::Column(..) | Node::Range(..) | Node::Names(..) | Node::Result(_) => Vec::new(),
        };
        let number = all.len() as u64;
        (all.into_iter().skip(from as usize).take(most as usize).collect(), number)
    }

    /// Number of indexed children.
    pub(crate) fn length(&self, node: &Node) -> u64 {
        match node {
            Node::Object(id) => self.elements_of(*id),
            Node::HolderList(id) => self.holder_count(*id),
            Node::Fact(id, name, path) => self.fact_length(*id, name, path),
            Node::Part(id, indexes) => self.part_length(*id, indexes),
            Node::Column(id, position) => self.column_length(*id, *position),
            Node::Result(number) => self.result_length(*number),
            _ => 0,
        }
    }

    /// Indexed children from a position on, at most `number`.
    fn indexed(&self, node: &Node, from: u64, number: u64) -> Vec<Child> {
        if number == 0 {
            return Vec::new();
        }
        match node {
            Node::Object(id) => self.elements(*id, from, number),
            Node::HolderList(id) => self.holder_list(*id, from, number),
            Node::Fact(id, name, path) => self.indexed_parts(*id, name, path, from, number),
            Node::Part(id, indexes) => self.part(*id, indexes, from, number),
            Node::Column(id, position) => self.column(*id, *position, from, number),
            Node::Result(result) => self.result_children(*result, from, number),
            _ => Vec::new(),
        }
    }
}
