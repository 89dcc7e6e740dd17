//! Names of C types in a core without its binaries: `tp_name` points into read-only data, which a core does not have.
//!
//! Modules hold such types by their names, which are objects and therefore there: those of `builtins` as they are; those of
//! `types` and `_collections_abc` under names of their own; those of a module in C behind the module's name. Many modules may
//! hold one type: the name that something here answers for is its own, then that of the outermost package. The texts are put
//! where `tp_name` points to, so that everything else reads them as if they had been saved. A program that has not imported
//! `types` shows the most frequent types by examples: its modules, functions and frames, and attributes of `object` and others.
//! Functions in C that modules hold have their names in the same way.

use std::collections::BTreeMap;

use heapsake_core::Address;
use heapsake_core::reduce::Registry;
use rustc_hash::FxHashMap;

use crate::attach::Runtime;
use crate::heap::answers_for;
use crate::layouts::Layouts;
use crate::memory::Memory;
use crate::version::{ascii, each_entry};

const TYPE_SUBCLASS: u64 = 1 << 31;
const HEAPTYPE: u64 = 1 << 9;
const MAXIMUM_MODULES: usize = 100_000;
const MAXIMUM_THREADS: usize = 100_000;

/// What `types` calls the types of the interpreter that have no name in `builtins`, and `_weakref` those of its own, which
/// say their module from 3.10 on.
const OTHERWISE: [(&str, &str); 22] = [
    ("FunctionType", "function"),
    ("CodeType", "code"),
    ("MappingProxyType", "mappingproxy"),
    ("SimpleNamespace", "types.SimpleNamespace"),
    ("CellType", "cell"),
    ("GeneratorType", "generator"),
    ("CoroutineType", "coroutine"),
    ("AsyncGeneratorType", "async_generator"),
    ("MethodType", "method"),
    ("BuiltinFunctionType", "builtin_function_or_method"),
    ("WrapperDescriptorType", "wrapper_descriptor"),
    ("MethodWrapperType", "method-wrapper"),
    ("MethodDescriptorType", "method_descriptor"),
    ("ClassMethodDescriptorType", "classmethod_descriptor"),
    ("ModuleType", "module"),
    ("TracebackType", "traceback"),
    ("FrameType", "frame"),
    ("GetSetDescriptorType", "getset_descriptor"),
    ("MemberDescriptorType", "member_descriptor"),
    ("ReferenceType", "weakref"),
    ("ProxyType", "weakproxy"),
    ("CallableProxyType", "weakcallableproxy"),
];
/// The constants of `builtins` that are all there is of their types.
const SINGLETONS: [(&str, &str); 3] = [("None", "NoneType"), ("Ellipsis", "ellipsis"), ("NotImplemented", "NotImplementedType")];
/// Attributes of types of `builtins`, and the types that these are of.
const EXAMPLES: [(&str, &str, &str); 6] = [
    ("object", "__class__", "getset_descriptor"),
    ("object", "__repr__", "wrapper_descriptor"),
    ("object", "__new__", "builtin_function_or_method"),
    ("type", "__basicsize__", "member_descriptor"),
    ("str", "join", "method_descriptor"),
    ("dict", "fromkeys", "classmethod_descriptor"),
];
/// Modules in C whose types are called after the module in Python that shows them.
const SHOWN_BY: [(&str, &str); 8] = [
    ("_collections", "collections"),
    ("_functools", "functools"),
    ("_operator", "operator"),
    ("_datetime", "datetime"),
    ("_decimal", "decimal"),
    ("_sqlite3", "sqlite3"),
    ("_elementtree", "xml.etree.ElementTree"),
    ("_pickle", "_pickle"),
];

/// Second names of types, by module: NumPy's by what they are in C, and those that version 1 has.
const ALIASES: [(&str, &str); 2] = [
    ("array", "ArrayType"),
    (
        "numpy",
        "byte ubyte short ushort intc uintc int_ uint intp uintp half single double csingle cdouble float_ cfloat complex_ \
         singlecomplex unicode_ string_ object0 str0 bytes0 void0 bool8",
    ),
];
/// What modules in C call types of theirs that are called otherwise: up to 3.9 the lock.
const CALLED: [(&str, &str, &str); 1] = [("_thread", "LockType", "_thread.lock")];

/// The texts that are missing, by where they were; nothing if the name of `dict` can be read and nothing `is_missing` else.
pub(crate) fn restore<M: Memory>(
    memory: &M,
    runtime: &Runtime,
    registry: &Registry,
    is_missing: bool,
) -> BTreeMap<Address, Box<[u8]>> {
    let (found, functions) = (FxHashMap::default(), BTreeMap::new());
    let search = Search { memory, layouts: &runtime.layouts, registry, found, functions };
    let Search { found, functions, .. } = search.through_modules(runtime.interpreter, is_missing);
    let types = found.into_values().map(|Found { place, name, .. }| (place, name));
    let functions = functions.into_iter().map(|(place, (_, name))| (place, name));
    let texts = functions.chain(types).map(|(place, name)| {
        let mut text = name.into_bytes();
        text.push(0);
        (place, text.into_boxed_slice())
    });
    texts.collect()
}

/// How much a name is believed: the lower, the more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Belief {
    Builtin,
    Otherwise,
    /// A reducer, or what reads objects of the core, has it.
    AnsweredFor,
    OfModuleInC,
    OfAnyModule,
    /// The program's main module has what it has imported.
    OfMain,
}

/// The name of a type.
struct Found {
    belief: Belief,
    /// Modules on the way to the one that holds it.
    depth: usize,
    /// Where it was.
    place: Address,
    name: String,
}

struct Search<'a, M> {
    memory: &'a M,
    layouts: &'a Layouts,
    registry: &'a Registry,
    found: FxHashMap<Address, Found>,
    /// By the place of the name of a function in C: how much it is believed, and the name.
    functions: BTreeMap<Address, (Belief, String)>,
}

impl<M: Memory> Search<'_, M> {
    fn through_modules(mut self, interpreter: Address, is_missing: bool) -> Self {
        let Some(modules) = self.layouts.interpreter.modules.read(self.memory, interpreter) else { return self };
        // Of the type of all dictionaries the name is as good as any to see whether those of the interpreter are there.
        let dict = self.layouts.object.ob_type.read(self.memory, modules);
        if !is_missing && dict.is_none_or(|dict| self.lost_name(dict).is_none()) {
            return self;
        }
        let mut all = Vec::new();
        each_entry(self.memory, modules, self.layouts, |name, module| {
            all.push((ascii(self.memory, name, self.layouts).unwrap_or_default(), module));
            (all.len() >= MAXIMUM_MODULES).then_some(())
        });
        let all: Vec<_> = all.into_iter().map(|(name, module)| (String::from_utf8_lossy(&name).into_owned(), module)).collect();
        for (name, module) in &all {
            let is_in_c = self.is_in_c(name, *module);
            for (key, value) in self.attributes(*module) {
                self.look(name, is_in_c, &key, value);
            }
            self.example(*module, "module");
        }
        self.running(interpreter);
        let function = self.found.iter().find(|(_, found)| found.name == "builtin_function_or_method").map(|(class, _)| *class);
        for (name, module) in all.iter().filter(|_| function.is_some()) {
            let belief =
                if self.is_in_c(name, *module) || name == "builtins" { Belief::OfModuleInC } else { Belief::OfAnyModule };
            for (key, value) in self.attributes(*module) {
                if self.layouts.object.ob_type.read(self.memory, value) == function {
                    self.note_function(value, belief, key);
                }
            }
        }
        self
    }

    /// What a module has, by name.
    fn attributes(&self, module: Address) -> Vec<(String, Address)> {
        let mut found = Vec::new();
        if let Some(dict) = self.layouts.module.md_dict.read(self.memory, module).filter(|dict| !dict.is_null()) {
            each_entry(self.memory, dict, self.layouts, |key, value| {
                let key = ascii(self.memory, key, self.layouts).and_then(|key| String::from_utf8(key).ok());
                found.extend(key.map(|key| (key, value)));
                None::<()>
            });
        }
        found
    }

    /// Whether a module is of C, and its types are called after it: a part of a package is not what its types are called after.
    fn is_in_c(&self, name: &str, module: Address) -> bool {
        let definition = || self.layouts.module.md_def.and_then(|field| field.read(self.memory, module));
        !name.contains('.') && name != "__main__" && (name.starts_with('_') || definition().is_some_and(|found| !found.is_null()))
    }

    fn note_function(&mut self, value: Address, belief: Belief, name: String) {
        let method = self.layouts.cfunction.m_ml.read(self.memory, value).filter(|method| !method.is_null());
        let place = method.and_then(|method| self.layouts.method_def.ml_name.read(self.memory, method));
        if let Some(place) = place.filter(|place| !place.is_null() && self.memory.read_u8(*place).is_none())
            && self.functions.get(&place).is_none_or(|(known, _)| belief < *known)
        {
            self.functions.insert(place, (belief, name));
        }
    }

    /// An object that is known to be of a type of this name.
    fn example(&mut self, object: Address, name: &str) {
        if let Some(class) = self.layouts.object.ob_type.read(self.memory, object).filter(|class| !class.is_null()) {
            self.note(class, Belief::Otherwise, name.to_owned());
        }
    }

    /// Frames of the threads, before 3.11, when they were objects, and their code.
    fn running(&mut self, interpreter: Address) {
        let layouts = self.layouts;
        let Some(of_thread) = layouts.thread.frame else { return };
        let mut next = layouts.interpreter.threads_head.read(self.memory, interpreter).unwrap_or_default();
        for _ in 0..MAXIMUM_THREADS {
            if next.is_null() {
                break;
            }
            if let Some(frame) = of_thread.read(self.memory, next).filter(|frame| !frame.is_null()) {
                self.example(frame, "frame");
            }
            next = layouts.thread.next.read(self.memory, next).unwrap_or_default();
        }
    }

    /// A function is told by what its type lets see of it; its code is one example more.
    fn function(&mut self, value: Address, class: Address) {
        let Some(dict) = self.layouts.type_object.tp_dict.read(self.memory, class).filter(|dict| !dict.is_null()) else { return };
        let mut found = 0;
        each_entry(self.memory, dict, self.layouts, |key, _| {
            let key = ascii(self.memory, key, self.layouts)?;
            found += u32::from(matches!(&key[..], b"__globals__" | b"__code__" | b"__closure__"));
            (found == 3).then_some(())
        });
        if found == 3 {
            self.note(class, Belief::Otherwise, "function".to_owned());
            if let Some(code) = self.layouts.function.func_code.read(self.memory, value) {
                self.example(code, "code");
            }
        }
    }

    /// Has a look at what `module`, which may be one of C, calls `key`.
    fn look(&mut self, module: &str, is_in_c: bool, key: &str, value: Address) {
        if ALIASES.iter().any(|(of, names)| *of == module && names.split(' ').any(|name| name == key)) {
            return;
        }
        let Some(class) = self.layouts.object.ob_type.read(self.memory, value) else { return };
        let flags = |class| self.layouts.type_object.tp_flags.read(self.memory, class).unwrap_or(0);
        if module == "builtins"
            && let Some((_, name)) = SINGLETONS.iter().find(|(known, _)| *known == key)
        {
            self.note(class, Belief::Builtin, (*name).to_owned());
        }
        if flags(class) & TYPE_SUBCLASS == 0 {
            if flags(class) & HEAPTYPE == 0 && self.lost_name(class).is_some() && !self.found.contains_key(&class) {
                self.function(value, class);
            }
            return;
        }
        if module == "builtins"
            && let Some(dict) = self.layouts.type_object.tp_dict.read(self.memory, value).filter(|dict| !dict.is_null())
        {
            for (_, wanted, name) in EXAMPLES.iter().filter(|(owner, ..)| *owner == key) {
                let attribute = each_entry(self.memory, dict, self.layouts, |key, value| {
                    (ascii(self.memory, key, self.layouts)? == wanted.as_bytes()).then_some(value)
                });
                if let Some(attribute) = attribute {
                    self.example(attribute, name);
                }
            }
        }
        let otherwise = OTHERWISE.iter().find(|(known, _)| *known == key && matches!(module, "types" | "_weakref"));
        let in_c = SHOWN_BY.iter().find(|(known, _)| *known == module);
        let (belief, name) = match (module, otherwise, in_c) {
            ("_weakref", Some((known, _)), _) if self.layouts.version.minor() >= 10 => {
                (Belief::Otherwise, format!("weakref.{known}"))
            }
            ("builtins", ..) => (Belief::Builtin, key.to_owned()),
            (_, Some((_, name)), _) => (Belief::Otherwise, (*name).to_owned()),
            ("_collections_abc", ..) if flags(value) & HEAPTYPE == 0 && key.starts_with(char::is_lowercase) => {
                (Belief::Otherwise, key.to_owned())
            }
            (.., Some((_, shown))) => (Belief::OfModuleInC, format!("{shown}.{key}")),
            ("__main__", ..) => (Belief::OfMain, format!("{module}.{key}")),
            _ if is_in_c => (Belief::OfModuleInC, format!("{module}.{key}")),
            _ => (Belief::OfAnyModule, format!("{module}.{key}")),
        };
        let called = CALLED.iter().find(|(of, known, _)| (*of, *known) == (module, key));
        let name = called.map_or(name, |(.., called)| (*called).to_owned());
        let is_answered = belief > Belief::AnsweredFor && answers_for(self.layouts, self.registry, &name);
        self.note(value, if is_answered { Belief::AnsweredFor } else { belief }, name);
    }

    /// Of two names that are believed alike the one with fewer modules on the way to it is kept, and the first.
    fn note(&mut self, class: Address, belief: Belief, name: String) {
        let depth = name.matches('.').count();
        if let Some(place) = self.lost_name(class)
            && self.found.get(&class).is_none_or(|known| (belief, depth) < (known.belief, known.depth))
        {
            self.found.insert(class, Found { belief, depth, place, name });
        }
    }

    /// Where the name of a type is, if it cannot be read there.
    fn lost_name(&self, class: Address) -> Option<Address> {
        let place = self.layouts.type_object.tp_name.read(self.memory, class)?;
        (!place.is_null() && self.memory.read_u8(place).is_none()).then_some(place)
    }
}
