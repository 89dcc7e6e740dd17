//! The facts of a dump's header: what the interpreter says of itself in `sys` and `os`, read from memory, completed by what
//! the kernel says of the process while it lives.

use std::cell::Cell;

use ciborium::Value;
use heapsake_core::Address;
use heapsake_core::heap::TypeKind;

use super::threads::State;
use super::{CaptureOptions, process};
use crate::death::Death;
use crate::heap::{CPythonHeap, Payload};
use crate::memory::Memory;

const MAXIMUM_ITEMS: u64 = 10_000;
const MAXIMUM_NESTING: usize = 4;
/// Values of a fact, texts counted as one for every 64 bytes.
const MAXIMUM_VALUES: u32 = 100_000;

/// The facts, by name.
pub(super) fn facts<M: Memory>(heap: &CPythonHeap<M>, states: &[State], options: &CaptureOptions) -> Vec<(String, Value)> {
    let mut facts: Vec<(String, Value)> = Vec::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            facts.push((name.to_owned(), value));
        }
    };
    let layouts = heap.layouts();
    let read = |field: crate::layout::Field<Address>| field.read(&heap.memory, heap.facts.interpreter);
    let sys = read(layouts.interpreter.sysdict).unwrap_or_default();
    let modules = read(layouts.interpreter.modules).unwrap_or_default();
    let of_sys = |name: &str| heap.dict_get(sys, name).and_then(|object| plain(heap, object));
    let implementation = heap.dict_get(sys, "implementation");
    let of_implementation = |name| plain(heap, heap.attribute(implementation?, name)?);

    add("python", Some(format!("{}{}", heap.facts.version, heap.facts.flags).into()));
    add("hexversion", Some(u64::from(heap.facts.version.0).into()));
    add("implementation", of_implementation("name").or_else(|| Some("cpython".into())));
    add("cache_tag", of_implementation("cache_tag"));
    add("build", of_sys("version"));
    add("platform", of_sys("platform"));
    for name in ["executable", "argv", "orig_argv", "path", "prefix", "base_prefix", "exec_prefix"] {
        add(name, of_sys(name));
    }
    add("flags", heap.dict_get(sys, "flags").and_then(|flags| named_items(heap, flags)));
    add("warnoptions", of_sys("warnoptions"));
    add("xoptions", of_sys("_xoptions"));
    add("reason", (!options.reason.is_empty()).then(|| options.reason.clone().into()));
    add("signal", options.death.as_ref().map(Death::fact));
    let hidden: Vec<Value> = options.hidden_prefixes.iter().map(|prefix| prefix.as_str().into()).collect();
    add("hidden", (!hidden.is_empty()).then_some(Value::Array(hidden)));
    add("pause_seconds", options.pause.map(|pause| pause.as_secs_f64().into()));
    add("main_file", heap.dict_get(modules, "__main__").and_then(|module| plain(heap, heap.attribute(module, "__file__")?)));
    add("module_versions", Some(module_versions(heap, modules)));
    add("environ", environ(heap, modules).or_else(|| process::environ(options)));
    add("gc", collector(heap));
    let daemons: Vec<Value> = states.iter().filter(|state| state.is_daemon).map(|state| state.ident.into()).collect();
    add("daemon_threads", (!daemons.is_empty()).then_some(Value::Array(daemons)));
    for (name, value) in &options.facts {
        add(name, Some(value.clone()));
    }
    // A process that lived was judged when it was stopped.
    if options.facts.iter().all(|(name, _)| name != "caught") {
        let identities: Vec<_> = states.iter().map(|state| (state.address, state.ident)).collect();
        let caught = crate::stackless::switching(&heap.memory, layouts, heap.facts.runtime, &identities);
        add("caught", (!caught.is_empty()).then(|| Value::Array(caught.into_iter().map(Value::from).collect())));
    }
    let known = |name: &str, facts: &[(String, Value)]| facts.iter().any(|(known, _)| known == name);
    for (name, value) in process::facts(options) {
        if !known(&name, &facts) {
            facts.push((name, value));
        }
    }
    facts
}

/// What the object at `object` is as a plain value; `None` if it is no plain value, or too large.
fn plain<M: Memory>(heap: &CPythonHeap<M>, object: Address) -> Option<Value> {
    plain_in(heap, object, 0, &Cell::new(MAXIMUM_VALUES))
}

/// The same, so deep in another one, of which so many values may still be told: containers may hold each other many times.
fn plain_in<M: Memory>(heap: &CPythonHeap<M>, object: Address, nesting: usize, left: &Cell<u32>) -> Option<Value> {
    let entry = heap.type_of(object)?;
    if nesting > MAXIMUM_NESTING {
        return None;
    }
    left.set(left.get().checked_sub(1)?);
    let items = |items: Vec<Address>| {
        let item = |item| plain_in(heap, item, nesting + 1, left).unwrap_or(Value::Null);
        Value::Array(items.into_iter().take_while(|_| left.get() > 0).map(item).collect())
    };
    Some(match entry.payload {
        Payload::Str => {
            let text = heap.text_of(object)?;
            left.set(left.get().saturating_sub((text.len() / 64) as u32));
            text.into()
        }
        Payload::Bytes => String::from_utf8_lossy(&heap.bytes_of(object).ok()?).into_owned().into(),
        Payload::Int if entry.description.kind == TypeKind::Bool => Value::Bool(heap.integer(object)? != 0),
        Payload::Int => heap.integer(object)?.into(),
        Payload::Float => heap.layouts().float.ob_fval.read(&heap.memory, object)?.into(),
        Payload::List => items(heap.items_of_list(object, MAXIMUM_ITEMS)?),
        Payload::Tuple => items(heap.items_of_tuple(object, MAXIMUM_ITEMS)?),
        Payload::Dict => Value::Map(entries(heap, object, nesting, left)),
        Payload::Singleton => Value::Null,
        _ => return None,
    })
}

fn entries<M: Memory>(heap: &CPythonHeap<M>, dict: Address, nesting: usize, left: &Cell<u32>) -> Vec<(Value, Value)> {
    let mut found = Vec::new();
    let _ = heap.entries(dict, |key, value| {
        if found.len() < MAXIMUM_ITEMS as usize
            && let (Some(key), Some(value)) = (plain_in(heap, key, nesting + 1, left), plain_in(heap, value, nesting + 1, left))
        {
            found.push((key, value));
        }
    });
    found
}

/// The items of a struct sequence by the names that its type gives them.
fn named_items<M: Memory>(heap: &CPythonHeap<M>, object: Address) -> Option<Value> {
    let entry = heap.type_of(object)?;
    let item = |member: &crate::heap::Member| {
        let target = heap.pointer(heap.place_of_member(entry, member, object).ok()?).ok()?;
        Some((Value::from(&*member.name), plain(heap, target)?))
    };
    let named: Vec<_> = entry.members.iter().filter(|member| member.is_object()).filter_map(item).collect();
    if named.is_empty() { plain(heap, object) } else { Some(Value::Map(named)) }
}

/// The modules that say in plain text which version they are.
fn module_versions<M: Memory>(heap: &CPythonHeap<M>, modules: Address) -> Value {
    let mut found = Vec::new();
    if heap.is_dict(modules) {
        let _ = heap.entries(modules, |name, module| {
            let version = heap.attribute(module, "__version__").and_then(|version| heap.text_of(version));
            if let (Some(name), Some(version), true) = (heap.text_of(name), version, found.len() < MAXIMUM_ITEMS as usize) {
                found.push((name.into(), version.into()));
            }
        });
    }
    Value::Map(found)
}

/// `os.environ` as the program sees it now.
fn environ<M: Memory>(heap: &CPythonHeap<M>, modules: Address) -> Option<Value> {
    let environ = heap.attribute(heap.dict_get(modules, "os")?, "environ")?;
    let data = heap.attribute(environ, "_data").filter(|data| heap.is_dict(*data))?;
    Some(Value::Map(entries(heap, data, 0, &Cell::new(MAXIMUM_VALUES))))
}

/// Whether the collector is on, whether it is at work, and what its generations count.
fn collector<M: Memory>(heap: &CPythonHeap<M>) -> Option<Value> {
    let layouts = heap.layouts();
    let state = match (layouts.interpreter.gc, layouts.runtime.gc) {
        (Some(inline), _) => inline.at(heap.facts.interpreter),
        (None, Some(inline)) => inline.at(heap.facts.runtime),
        (None, None) => return None,
    };
    let number = |field: crate::layout::Field<i32>, at| field.read(&heap.memory, at);
    let mut found = vec![
        ("enabled".into(), Value::Bool(number(layouts.gc_state.enabled, state)? != 0)),
        ("collecting".into(), Value::Bool(number(layouts.gc_state.collecting, state)? != 0)),
    ];
    if let Some(generations) = layouts.gc_state.generations {
        let generation = |index: i64| generations.at(state).offset(index * layouts.gc_generation.size as i64);
        let counts = |field| (0..3).filter_map(|index| Some(number(field, generation(index))?.into())).collect();
        found.push(("counts".into(), Value::Array(counts(layouts.gc_generation.count))));
        found.push(("thresholds".into(), Value::Array(counts(layouts.gc_generation.threshold))));
    }
    Some(Value::Map(found))
}
