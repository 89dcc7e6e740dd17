//! Where the walk starts beside the frames: the exception, what the caller gave, what threads hold, the interpreter's own
//! tables, and the modules by name.

use heapsake_core::Address;
use heapsake_core::heap::{Root, RootKind};

use super::CaptureOptions;
use super::threads::{self, State};
use crate::heap::CPythonHeap;
use crate::layout::{Field, Inline};
use crate::layouts::runtime::PyThreadStateImpl;
use crate::memory::Memory;

/// A list of tasks is not followed further.
const MAXIMUM_TASKS: usize = 1 << 20;
/// What holds a task weakly, as a set of weak references does up to 3.13.
const LISTED_TASK: &str = "asyncio task, listed and not held";

/// The roots, in the order of importance.
pub(super) fn roots<M: Memory>(
    heap: &CPythonHeap<M>,
    states: &[State],
    exception: Option<Address>,
    options: &CaptureOptions,
) -> Vec<Root> {
    let mut roots = Vec::new();
    let mut add = |kind, name: String, object: Address| {
        if heap.is_object(object) {
            roots.push(Root { kind, name, object });
        }
    };
    if let Some(exception) = exception {
        add(RootKind::Exception, "exception".to_owned(), exception);
    }
    for (name, object) in &options.given {
        add(RootKind::Given, name.clone(), *object);
    }
    let layout = &heap.layouts().thread;
    for state in states {
        let label = |what: &str| match &state.name {
            Some(name) => format!("{name}: {what}"),
            None => format!("{}: {what}", state.ident),
        };
        if let Some(in_flight) = state.in_flight(heap) {
            add(RootKind::Exception, label("in flight"), in_flight);
        }
        for handled in state.handled(heap) {
            add(RootKind::Exception, label("handled"), handled);
        }
        let held = [
            ("thread", Some(state.object)),
            ("context", layout.context.read(&heap.memory, state.address)),
            ("state dict", layout.dict.read(&heap.memory, state.address)),
            ("async exception", layout.async_exc.read(&heap.memory, state.address)),
            ("trace", layout.c_traceobj.read(&heap.memory, state.address)),
            ("profile", layout.c_profileobj.read(&heap.memory, state.address)),
            ("async generator first iteration hook", layout.async_gen_firstiter.read(&heap.memory, state.address)),
            ("async generator finalizer hook", layout.async_gen_finalizer.read(&heap.memory, state.address)),
            ("running loop", running(heap, state, |layout| Some(layout.asyncio_running_loop))),
            ("running task", running(heap, state, |layout| layout.asyncio_running_task)),
            ("main tasklet", heap.optional_field(layout.main_tasklet, state.address)),
            ("current tasklet", heap.optional_field(layout.current_tasklet, state.address)),
            ("interrupted tasklet", heap.optional_field(layout.interrupted_tasklet, state.address)),
            ("watchdogs", heap.optional_field(layout.watchdogs, state.address)),
        ];
        for (name, object) in held {
            add(RootKind::Thread, label(name), object.unwrap_or_default());
        }
        let listed = heap.layouts().thread_implementation.and_then(|layout| layout.asyncio_tasks_head);
        for task in tasks(heap, listed, state.address) {
            add(RootKind::Thread, label(LISTED_TASK), task);
        }
    }
    for interpreter in threads::interpreters(heap) {
        let layout = &heap.layouts().interpreter;
        let is_main = interpreter == heap.facts.interpreter;
        let number = layout.id.read(&heap.memory, interpreter).unwrap_or(0);
        let label = |name: &str| if is_main { name.to_owned() } else { format!("interpreter {number}: {name}") };
        let modules = layout.modules.read(&heap.memory, interpreter).unwrap_or_default();
        if heap.is_dict(modules) {
            let _ = heap.entries(modules, |name, module| {
                if let Some(name) = heap.text_of(name) {
                    add(RootKind::Module, label(&name), module);
                }
            });
        }
        let tables = [
            ("modules", Some(layout.modules)),
            ("builtins", Some(layout.builtins)),
            ("sysdict", Some(layout.sysdict)),
            ("interpreter dict", layout.dict),
            ("importlib", Some(layout.importlib)),
            ("modules by index", Some(layout.modules_by_index)),
            ("codec search path", Some(layout.codec_search_path)),
            ("codec search cache", Some(layout.codec_search_cache)),
            ("codec error registry", Some(layout.codec_error_registry)),
            ("before forkers", Some(layout.before_forkers)),
            ("after forkers, parent", Some(layout.after_forkers_parent)),
            ("after forkers, child", Some(layout.after_forkers_child)),
            ("channel callback", layout.channel_hook),
            ("schedule callback", layout.schedule_hook),
            ("tasklet error handler", layout.error_handler),
        ];
        for (name, field) in tables {
            add(RootKind::Interpreter, label(name), heap.optional_field(field, interpreter).unwrap_or_default());
        }
        for (name, object) in collector(heap, interpreter) {
            add(RootKind::Interpreter, label(name), object);
        }
        for task in tasks(heap, layout.asyncio_tasks_head, interpreter) {
            add(RootKind::Interpreter, label(LISTED_TASK), task);
        }
    }
    roots
}

/// The tasks of asyncio in the list whose head is a field of the struct at `owner`: a ring of nodes inside of the tasks,
/// which holds none of them (3.14).
fn tasks<M: Memory>(heap: &CPythonHeap<M>, head: Option<Field<Inline>>, owner: Address) -> Vec<Address> {
    let node = heap.layouts().task.and_then(|task| task.task_node);
    let (Some(head), Some(node)) = (head.map(|head| head.at(owner)), node) else { return Vec::new() };
    // `struct llist_node` begins with the next node.
    let following = |node: &Address| heap.pointer(*node).ok().filter(|next| *next != head && !next.is_null());
    let nodes = std::iter::successors(following(&head), following).take(MAXIMUM_TASKS);
    nodes.map(|found| found.offset(-(node.offset() as i64))).collect()
}

/// What the collector of an interpreter, or up to 3.8 of the runtime, holds.
fn collector<M: Memory>(heap: &CPythonHeap<M>, interpreter: Address) -> [(&'static str, Address); 2] {
    let layouts = heap.layouts();
    let state = match (layouts.interpreter.gc, layouts.runtime.gc) {
        (Some(inline), _) => inline.at(interpreter),
        (None, Some(inline)) => inline.at(heap.facts.runtime),
        (None, None) => Address::NULL,
    };
    let read = |field: Field<Address>| field.read(&heap.memory, state).unwrap_or_default();
    [("gc.garbage", read(layouts.gc_state.garbage)), ("gc.callbacks", read(layouts.gc_state.callbacks))]
}

fn running<M: Memory>(
    heap: &CPythonHeap<M>,
    state: &State,
    field: impl Fn(&PyThreadStateImpl) -> Option<Field<Address>>,
) -> Option<Address> {
    field(heap.layouts().thread_implementation.as_ref()?)?.read(&heap.memory, state.address)
}
