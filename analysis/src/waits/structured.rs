//! Waits of trio and anyio: their functions by name and by the type of `self`.
//!
//! anyio's objects wrap those of trio or asyncio: what the program names is told, the lock within is the one that has an owner.

use heapsake_core::format::records::Frame;
use heapsake_loader::Object;

use super::scene::Scene;
use super::state::{lock_of, member, number, shown_number, structured_kind, text};
use super::threads::Seen;
use super::words::{plural, shown};
use super::{Wait, WaitKind, tasks};

/// Whether a frame's file came with trio or anyio.
pub(super) fn is_structured(frame: &Frame) -> bool {
    let installed = ["/site-packages/", "/dist-packages/"].into_iter().find_map(|folder| frame.filename.split_once(folder));
    installed.is_some_and(|(_, file)| file.starts_with("trio/") || file.starts_with("anyio/"))
}

/// What one of their frames waits for.
pub(super) fn known(scene: &Scene<'_>, frame: &Frame) -> Option<Seen> {
    let function = frame.function.as_str();
    let variable = |names: &[&str]| names.iter().find_map(|name| scene.variable(frame, name));
    let library = if frame.filename.contains("/anyio/") { "anyio" } else { "trio" };
    match function {
        "sleep" | "sleep_until" | "sleep_forever" => {
            let until = variable(&["seconds", "delay", "deadline"]).and_then(|seconds| shown_number(&seconds));
            let words = format!("{library}.{function}({})", until.unwrap_or_default());
            return Some(Seen::Wait(Wait::new(WaitKind::Sleep, words, None)));
        }
        "to_thread_run_sync" | "run_sync_in_worker_thread" => {
            let called = variable(&["sync_fn", "func"])?;
            let called = member(&called, "__func__").unwrap_or(called);
            let name = text(&called, "__qualname__").or_else(|| text(&called, "__name__"));
            let name = name.unwrap_or_else(|| shown(&called));
            return Some(Seen::Wait(Wait::new(WaitKind::Thread, format!("a thread that runs {name}"), Some(called.id()))));
        }
        "wait_readable" | "wait_writable" | "wait_socket_readable" | "wait_socket_writable" => {
            let to = if function.ends_with("readable") { "readable" } else { "writable" };
            let socket = variable(&["fd", "sock", "obj"])?;
            return Some(Seen::Wait(match shown_number(&socket) {
                Some(descriptor) => Wait::new(WaitKind::Socket, format!("descriptor {descriptor} to be {to}"), None),
                None => Wait::new(WaitKind::Socket, format!("the socket {} to be {to}", shown(&socket)), Some(socket.id())),
            }));
        }
        _ => {}
    }
    let me = scene.variable(frame, "self")?;
    let on = |kind, what: &str| Some(Seen::Wait(Wait::new(kind, format!("{what} {}", shown(&me)), Some(me.id()))));
    let kind = structured_kind(&me)?;
    match (kind.as_str(), function) {
        ("Lock" | "StrictFIFOLock" | "LockAdapter", "acquire" | "__aenter__") => {
            let lock = lock_of(&me)?;
            let wait = Wait::new(WaitKind::Lock, format!("the lock {}", shown(&me)), Some(me.id()));
            Some(Seen::Wait(wait.on_lock(lock.id())))
        }
        ("Semaphore" | "SemaphoreAdapter" | "CapacityLimiter" | "CapacityLimiterAdapter", _) => {
            on(WaitKind::Semaphore, "the semaphore")
        }
        ("Condition", "wait" | "wait_for") => on(WaitKind::Condition, "a notification of"),
        ("Event" | "EventAdapter", "wait") => on(WaitKind::Event, "the event"),
        ("MemoryReceiveChannel" | "MemoryObjectReceiveStream", "receive" | "__anext__") => {
            on(WaitKind::Queue, "an item: receive on")
        }
        ("MemorySendChannel" | "MemoryObjectSendStream", "send") => on(WaitKind::Queue, "room: send on"),
        ("ParkingLot", "park") => on(WaitKind::Event, "to be unparked from"),
        ("Process", "wait") => on(WaitKind::Process, "the subprocess"),
        ("_SocketType" | "SocketType" | "SocketStream" | "SocketListener" | "UNIXSocketStream" | "UDPSocket", _) => {
            let socket = ["_sock", "socket", "_raw_socket"].into_iter().find_map(|name| member(&me, name));
            let socket = socket.map(|socket| format!(" of {}", shown(&socket))).unwrap_or_default();
            let words = format!("the socket {}{socket}", shown(&me));
            Some(Seen::Wait(Wait::new(WaitKind::Socket, words, Some(me.id()))))
        }
        ("Nursery", "_nested_child_finished") => children(&me, member(&me, "_children")),
        ("TaskGroup", "__aexit__") => {
            let tasks = member(&me, "_tasks").or_else(|| member(&member(&me, "cancel_scope")?, "_tasks"));
            // On trio it is a nursery that waits.
            tasks.and_then(|tasks| children(&me, Some(tasks)))
        }
        _ => None,
    }
}

fn children(group: &Object<'_>, tasks: Option<Object<'_>>) -> Option<Seen> {
    let tasks = tasks.map(|tasks| tasks::members(&tasks)).unwrap_or_default();
    let words = format!("the {} task{} of {}", tasks.len(), plural(tasks.len() as i128), shown(group));
    Some(Seen::Wait(Wait::new(WaitKind::Task, words, Some(group.id())).of_futures(tasks)))
}

/// A capacity limiter or semaphore in a word more.
pub(super) fn state(object: &Object<'_>) -> Option<String> {
    match structured_kind(object)?.as_str() {
        "Semaphore" => Some(format!("value {}", number(object, "_value")?)),
        "CapacityLimiter" => {
            let taken = member(object, "_borrowers")?.len();
            Some(format!("{taken} of {} taken", number(object, "_total_tokens")?))
        }
        _ => None,
    }
}
