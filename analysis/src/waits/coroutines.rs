//! Frames of suspended generators, coroutines and async generators: from the outermost along what each awaits to the
//! innermost, as a stack would have them.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use heapsake_core::format::records::{Frame, Reference, Variable};
use heapsake_core::format::{LabelName, Target};
use heapsake_core::heap::{EdgeKind, FrameKind, VariableKind};
use heapsake_loader::{Dump, Object, ObjectId};

use super::state::{flag, member, number, text};

/// Steps from a coroutine to what it awaits in the end.
const MOST_STEPS: usize = 10_000;
/// Frames of one chain that are always read: chains may share what they await, so all of them together are limited too.
const ALWAYS: usize = 10;
/// Variables that count as much as a frame.
const VARIABLES: usize = 16;
/// Characters of a name, and of a path.
const NAME: usize = 1000;
const PATH: usize = 4096;

/// Names that a code object's frames share.
struct CodeTexts {
    function: String,
    qualified_name: String,
    filename: String,
    first_line: u32,
}

/// How the names of its attributes begin.
pub(super) fn prefix(object: &Object<'_>) -> &'static str {
    match object.type_name().rsplit('.').next().unwrap_or_default() {
        "generator" => "gi",
        "async_generator" => "ag",
        _ => "cr",
    }
}

/// What it awaits, or takes its values from.
pub(super) fn awaited<'d>(object: &Object<'d>) -> Option<Object<'d>> {
    let onwards = ["cr_await", "gi_yieldfrom", "ag_await", "ags_gen", "agt_gen", "cw_coroutine", "wrapped"];
    onwards.into_iter().find_map(|name| member(object, name))
}

/// Reads chains of one dump.
pub(super) struct Chains<'d> {
    dump: &'d Dump,
    codes: HashMap<ObjectId, Rc<CodeTexts>>,
    /// Frames that may still be read.
    left: usize,
}

/// The frames of one chain.
#[derive(Default)]
pub(super) struct Chain {
    /// The outermost first.
    pub(super) frames: Vec<Frame>,
    /// Whether the innermost runs.
    pub(super) runs: bool,
    /// Whether there are more, further inside.
    pub(super) is_cut: bool,
}

impl<'d> Chains<'d> {
    /// Of one dump; all chains together have at most `most` frames, beside the first ones of each.
    pub(super) fn new(dump: &'d Dump, most: usize) -> Chains<'d> {
        Chains { dump, codes: HashMap::new(), left: most }
    }

    /// The frames from a coroutine to the innermost that it awaits.
    pub(super) fn of(&mut self, coroutine: &Object<'d>) -> Chain {
        let mut chain = Chain::default();
        let mut seen = HashSet::new();
        let mut next = Some(coroutine.clone());
        while let Some(object) = next.take().filter(|object| seen.insert(object.id())) {
            if !may_go_on(seen.len(), self.left) {
                chain.is_cut = true;
                break;
            }
            self.left = self.left.saturating_sub(1);
            let prefix = prefix(&object);
            if let Some(frame) = member(&object, &format!("{prefix}_frame")).and_then(|frame| self.frame(&frame)) {
                self.left = self.left.saturating_sub(frame.variables.len() / VARIABLES);
                chain.frames.push(frame);
                chain.runs = flag(&object, &format!("{prefix}_running")) == Some(true) && prefix != "ag";
            }
            next = awaited(&object);
        }
        chain
    }

    fn frame(&mut self, object: &Object<'d>) -> Option<Frame> {
        let reference = |target: Target| match target {
            Target::Object(id) => Reference { id: Some(id), address: self.dump.object(ObjectId(id)).address().0 },
            Target::Stray(address) => Reference { id: None, address: address.0 },
            Target::Nothing => Reference::default(),
        };
        let mut frame = Frame { object: Reference { id: Some(object.id().0), address: object.address().0 }, ..Frame::default() };
        let mut code = None;
        for edge in object.edges() {
            let LabelName::Text(name) = edge.name else { continue };
            match (edge.kind, name.as_str()) {
                (EdgeKind::Local, _) => {
                    let name = cut(name, NAME);
                    let object = reference(edge.target);
                    frame.variables.push(Variable { name, kind: VariableKind::Local, object, preview: None });
                }
                (EdgeKind::Attribute, "f_code") => {
                    frame.code = reference(edge.target);
                    code = object.follow(edge.target);
                }
                (EdgeKind::Attribute, "f_globals") => frame.globals = reference(edge.target),
                (EdgeKind::Attribute, "f_locals") => frame.locals = reference(edge.target),
                _ => {}
            }
        }
        let code = code?;
        let texts = self.codes.entry(code.id()).or_insert_with(|| {
            let name = text(&code, "co_name").map(|name| cut(name, NAME)).unwrap_or_default();
            let first_line = number(&code, "co_firstlineno").and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
            Rc::new(CodeTexts {
                qualified_name: text(&code, "co_qualname").map_or_else(|| name.clone(), |name| cut(name, NAME)),
                function: name,
                filename: text(&code, "co_filename").map(|name| cut(name, PATH)).unwrap_or_default(),
                first_line,
            })
        });
        frame.function.clone_from(&texts.function);
        frame.qualified_name.clone_from(&texts.qualified_name);
        frame.filename.clone_from(&texts.filename);
        frame.first_line = texts.first_line;
        frame.line = number(object, "f_lineno").and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
        frame.kind = FrameKind::Running;
        Some(frame)
    }
}

/// Whether a chain may have one step more, its `step`th, while `left` are left of all.
fn may_go_on(step: usize, left: usize) -> bool {
    step <= ALWAYS || step <= MOST_STEPS && left > 0
}

/// The first characters of a text: every frame has its own copy.
pub(super) fn cut(mut text: String, characters: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_that_share_what_they_await_end() {
        let mut left = 100_000_usize;
        let mut frames = 0;
        for _ in 0..1000 {
            let mut step = 1;
            while step <= 10_000 && may_go_on(step, left) {
                (left, frames, step) = (left.saturating_sub(1), frames + 1, step + 1);
            }
            assert!(step > ALWAYS);
        }
        assert_eq!(frames, 100_000 + 990 * ALWAYS);
    }

    #[test]
    fn texts_are_cut() {
        assert_eq!(cut("été".to_owned(), 2), "ét");
        assert_eq!(cut("été".to_owned(), 3), "été");
    }
}
