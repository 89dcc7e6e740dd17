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
}

impl<'d> Chains<'d> {
    pub(super) fn new(dump: &'d Dump) -> Chains<'d> {
        Chains { dump, codes: HashMap::new() }
    }

    /// The frames from a coroutine to the innermost that it awaits, and whether that one runs.
    pub(super) fn of(&mut self, coroutine: &Object<'d>) -> (Vec<Frame>, bool) {
        let mut frames = Vec::new();
        let mut seen = HashSet::new();
        let mut runs = false;
        let mut next = Some(coroutine.clone());
        while let Some(object) = next.take().filter(|object| seen.len() < MOST_STEPS && seen.insert(object.id())) {
            let prefix = prefix(&object);
            if let Some(frame) = member(&object, &format!("{prefix}_frame")).and_then(|frame| self.frame(&frame)) {
                frames.push(frame);
                runs = flag(&object, &format!("{prefix}_running")) == Some(true) && prefix != "ag";
            }
            next = awaited(&object);
        }
        (frames, runs)
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
            let name = text(&code, "co_name").unwrap_or_default();
            let first_line = number(&code, "co_firstlineno").and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
            Rc::new(CodeTexts {
                qualified_name: text(&code, "co_qualname").unwrap_or_else(|| name.clone()),
                function: name,
                filename: text(&code, "co_filename").unwrap_or_default(),
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
