//! The variables of frames: locals, those of enclosing functions, global names; exceptions.

use heapsake_analysis::exceptions;
use heapsake_core::Address;
use heapsake_core::format::Target;
use heapsake_core::format::records::{Frame, Preview, Reference, Variable};
use heapsake_core::heap::VariableKind;
use heapsake_loader::{Object, ObjectId};

use super::present::{Child, Content, Way, is_name};
use crate::session::Session;
use crate::stacks::FrameKey;

/// Names of a code object that are read.
const NAMES: u64 = 10_000;
/// The kind of a variable of an enclosing function.
const CO_FAST_FREE: u8 = 0x80;

impl Session {
    /// The local variables of a frame that are bound.
    pub(crate) fn locals(&self, key: FrameKey) -> Vec<Child> {
        let Some(frame) = self.stacks.frame(key) else { return Vec::new() };
        let free = self.free_names(frame);
        let own = frame.variables.iter().filter(|variable| !is_free(variable, &free));
        let mut found: Vec<Child> = own.filter_map(|variable| self.variable(variable)).collect();
        if let Some(locals) = self.dump.referenced(frame.locals) {
            found.extend(names_of(&locals));
        }
        found.sort_by_key(|child| child.internal);
        found
    }

    /// The variables of enclosing functions.
    pub(crate) fn closure(&self, key: FrameKey) -> Vec<Child> {
        let Some(frame) = self.stacks.frame(key) else { return Vec::new() };
        let free = self.free_names(frame);
        frame.variables.iter().filter(|variable| is_free(variable, &free)).filter_map(|one| self.variable(one)).collect()
    }

    /// The global names of a frame.
    pub(crate) fn globals(&self, key: FrameKey) -> Vec<Child> {
        let globals = self.stacks.frame(key).and_then(|frame| self.dump.referenced(frame.globals));
        let mut found = globals.map_or_else(Vec::new, |globals| names_of(&globals));
        found.sort_by_key(|child| child.internal);
        found
    }

    /// The variables of a frame that is an object.
    pub(super) fn frame_locals(&self, id: ObjectId) -> Vec<Child> {
        let locals = self.dump.object(id).bound_locals();
        locals.into_iter().map(|(name, target)| Child::named(&name, Content::Target(target), Way::None)).collect()
    }

    /// The exception of a stack, and those that led to it.
    pub(super) fn exceptions(&self, stack: i64) -> Vec<Child> {
        let Some(id) = self.stacks.exception(stack) else { return Vec::new() };
        let chain = exceptions::chain_of(&self.dump.object(id)).into_iter();
        let child = |(link, exception): (&str, Object<'_>)| {
            let name = if link.is_empty() { "exception" } else { link };
            Child::new(name, Content::Target(Target::Object(exception.id().0)), Way::None)
        };
        chain.map(child).collect()
    }

    /// Names that a frame's code says are those of enclosing functions, where its variables do not say it themselves.
    fn free_names(&self, frame: &Frame) -> Vec<String> {
        if frame.variables.iter().any(|variable| variable.kind != VariableKind::Local) {
            return Vec::new();
        }
        let Some(code) = self.dump.referenced(frame.code) else { return Vec::new() };
        let names_of = |names: &Object<'_>| -> Vec<String> {
            let texts = names.elements(0, NAMES).into_iter().map(|name| names.follow(name).and_then(|name| name.text()));
            texts.map(Option::unwrap_or_default).collect()
        };
        if let Some(names) = code.attribute_object("co_freevars") {
            return names_of(&names);
        }
        // From 3.11 on one list has all names, and another what each is (`Include/internal/pycore_code.h`).
        let all = code.attribute_object("co_localsplusnames").map(|names| names_of(&names)).unwrap_or_default();
        let kinds = code.attribute_object("co_localspluskinds").map(|kinds| kinds.value_head(NAMES)).unwrap_or_default();
        let free = all.into_iter().zip(kinds).filter(|(_, kind)| kind & CO_FAST_FREE != 0);
        free.map(|(name, _)| name).collect()
    }

    fn variable(&self, variable: &Variable) -> Option<Child> {
        let target = target_of(variable.object);
        if target == Target::Nothing {
            return None;
        }
        let way = if is_name(&variable.name) { Way::Name(variable.name.clone()) } else { Way::None };
        let object = self.dump.referenced(variable.object);
        let lost = object.is_none_or(|object| object.decoded().is_none());
        let content = match &variable.preview {
            // A cut dump still has the copies in the stacks.
            Some(preview) if lost => Content::Words(shown_copy(preview), preview.type_name.clone()),
            _ => Content::Target(target),
        };
        Some(Child::named(&variable.name, content, way))
    }
}

fn is_free(variable: &Variable, free: &[String]) -> bool {
    variable.kind == VariableKind::Free || free.contains(&variable.name)
}

fn shown_copy(preview: &Preview) -> String {
    let text = preview.text.clone().unwrap_or_else(|| "…".to_owned());
    format!("{text} (from the stack's own copy; the object is lost)")
}

pub(super) fn target_of(reference: Reference) -> Target {
    match reference {
        Reference { id: Some(id), .. } => Target::Object(id),
        Reference { address: 0, .. } => Target::Nothing,
        Reference { address, .. } => Target::Stray(Address(address)),
    }
}

/// The names of a mapping as variables.
fn names_of(mapping: &Object<'_>) -> Vec<Child> {
    let named = mapping.named_entries().into_iter();
    let way = |name: &str| if is_name(name) { Way::Name(name.to_owned()) } else { Way::None };
    named.map(|(name, target)| Child::named(&name, Content::Target(target), way(&name))).collect()
}
