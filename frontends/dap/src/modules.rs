//! `modules`: those of the dead program's `sys.modules`, with their files and the versions that they tell.

use heapsake_analysis::sources::is_own;
use heapsake_core::format::records::Reference;
use heapsake_loader::{Object, harmless_line};
use serde_json::{Value, json};

use crate::protocol::{Module, ModulesArguments};
use crate::session::{Answer, Session};
use crate::shown::NAME;

/// Characters of a path.
const PATH: usize = 4096;

impl Session {
    /// `modules`.
    pub(crate) fn modules(&self, arguments: &ModulesArguments) -> Answer<Value> {
        let number = |number: Option<i64>| usize::try_from(number.unwrap_or(0)).unwrap_or(0);
        let all: Vec<(&str, Reference)> = self.dump.modules().collect();
        let most = match number(arguments.module_count) {
            0 => usize::MAX,
            most => most,
        };
        let asked = all.iter().zip(1i64..).skip(number(arguments.start_module)).take(most);
        let modules: Vec<Module> = asked.map(|((name, reference), id)| self.module(id, name, *reference)).collect();
        Ok(json!({ "modules": modules, "totalModules": all.len() }))
    }

    fn module(&self, id: i64, name: &str, reference: Reference) -> Module {
        let module = self.dump.referenced(reference);
        let text = |wanted: &str| module.as_ref().and_then(|module: &Object<'_>| module.attribute_object(wanted)?.text());
        let path = text("__file__");
        Module {
            id,
            name: harmless_line(name, NAME),
            is_user_code: path.as_deref().is_some_and(is_own),
            path: path.map(|path| harmless_line(&path, PATH)),
            version: text("__version__").map(|version| harmless_line(&version, NAME)),
        }
    }
}
