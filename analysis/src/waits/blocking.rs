//! Calls in C that wait, by the line that makes them: the object that the line names, else what lies on the frame's stack.
//!
//! A frame that runs does not say how much of its stack is in use, so what lies there may be left over; it is used only
//! for what the line calls too, or where there is no source text.

use heapsake_core::format::LabelName;
use heapsake_core::format::records::Frame;
use heapsake_core::heap::{EdgeKind, TypeKind};
use heapsake_loader::Object;

use super::resolve::resolve;
use super::scene::Scene;
use super::source::{Call, calls, with_items};
use super::state::{is_a, is_any, is_locked, lock_of, member, text};
use super::threads::lock_wait;
use super::words::shown;
use super::{Wait, WaitKind};

/// Characters of a line that are quoted.
const QUOTED: usize = 100;

/// What a frame waits for in C.
pub(super) fn of(scene: &Scene<'_>, frame: &Frame) -> Option<Wait> {
    let line = scene.line(frame);
    if line.is_empty() {
        return of_stack(scene, frame);
    }
    if let Some((false, items)) = with_items(&line)
        && let Some(wait) = entering(scene, frame, &items)
    {
        return Some(wait);
    }
    if let Some(wait) = calls(&line).iter().find_map(|call| of_call(scene, frame, call, &line)) {
        return Some(wait);
    }
    let iterated = line.strip_prefix("for ").and_then(|rest| rest.split_once(" in ")).map(|(_, rest)| rest.trim_end_matches(':'));
    let iterated = iterated.and_then(|expression| resolve(scene, frame, expression))?;
    is_a(&iterated, "_io._IOBase").then(|| file(&iterated, "the next line of"))
}

/// The lock that a `with` statement waits for: of several the last that is on the stack, else the first that is held.
fn entering(scene: &Scene<'_>, frame: &Frame, items: &[String]) -> Option<Wait> {
    let named = items.iter().filter_map(|item| Some((item, resolve(scene, frame, item)?)));
    let locks: Vec<(&String, Object<'_>)> =
        named.filter(|(_, object)| lock_of(object).is_some_and(|lock| is_locked(&lock) != Some(false))).collect();
    let on_stack = stack(scene, frame);
    let is_there = |object: &Object<'_>| on_stack.iter().any(|there| there.id() == object.id());
    let chosen = match locks.as_slice() {
        [only] => only,
        several => several.iter().rev().find(|(_, object)| is_there(object)).or(several.first())?,
    };
    lock_wait(&chosen.1, chosen.0)
}

fn of_call(scene: &Scene<'_>, frame: &Frame, call: &Call, line: &str) -> Option<Wait> {
    let receiver = resolve(scene, frame, &call.receiver);
    let whole = if call.receiver.is_empty() { call.name.clone() } else { format!("{}.{}", call.receiver, call.name) };
    let callee = resolve(scene, frame, &whole).filter(|callee| callee.kind() == TypeKind::Builtin);
    let name = callee.as_ref().and_then(|callee| text(callee, "__name__")).unwrap_or_else(|| call.name.clone());
    let bound = callee.as_ref().and_then(|callee| member(callee, "__self__"));
    let of_module = receiver.as_ref().is_none_or(|object| object.kind() == TypeKind::Module);
    let target = bound.filter(|object| object.kind() != TypeKind::Module).or_else(|| receiver.clone());
    let quoted: String = line.chars().take(QUOTED).collect();
    let plain = |kind, words: &str| Some(Wait::new(kind, format!("{words}: {quoted}"), None));
    let on_stack = |is_wanted: &dyn Fn(&Object<'_>) -> bool| stack(scene, frame).into_iter().find(is_wanted);
    match name.as_str() {
        "acquire" | "acquire_lock" | "__enter__" | "_acquire_restore" => {
            let is_held = |object: &Object<'_>| lock_of(object).is_some_and(|lock| is_locked(&lock) != Some(false));
            let lock = target.or_else(|| on_stack(&is_held)).filter(|object| is_held(object))?;
            lock_wait(&lock, &call.receiver)
        }
        "get" => {
            let is_queue = |object: &Object<'_>| is_a(object, "_queue.SimpleQueue");
            let queue = target.filter(is_queue).or_else(|| on_stack(&is_queue))?;
            Some(Wait::new(WaitKind::Queue, format!("an item: queue.get on {}", shown(&queue)), Some(queue.id())))
        }
        "recv" | "recv_into" | "recvfrom" | "recvfrom_into" | "recvmsg" | "recvmsg_into" | "accept" | "_accept" | "connect"
        | "send" | "sendall" | "sendto" | "sendmsg" => {
            let is_socket = |object: &Object<'_>| is_a(object, "_socket.socket");
            let socket = target.filter(is_socket).or_else(|| on_stack(&is_socket))?;
            Some(Wait::new(WaitKind::Socket, format!("the socket: {name} on {}", shown(&socket)), Some(socket.id())))
        }
        "poll" | "control" if target.as_ref().is_some_and(|it| is_any(it, &["select.epoll", "select.poll", "select.kqueue"])) => {
            plain(WaitKind::Select, "descriptors")
        }
        "read" | "readline" | "readlines" | "readinto" | "readall" | "read1" | "write" | "flush"
            if target.as_ref().is_some_and(|file| is_a(file, "_io._IOBase")) =>
        {
            target.map(|target| file(&target, &format!("{name} of")))
        }
        "sleep" if of_module => plain(WaitKind::Sleep, "time to pass"),
        "select" if of_module => plain(WaitKind::Select, "descriptors"),
        "waitpid" | "wait" | "wait3" | "wait4" | "waitid" | "system" if of_module && callee.is_some() => {
            plain(WaitKind::Process, "a subprocess")
        }
        "read" | "write" if of_module && callee.is_some() => plain(WaitKind::File, "a descriptor"),
        "flock" | "lockf" if of_module => plain(WaitKind::File, "the lock of a file"),
        "input" if callee.is_some() || receiver.is_none() && call.receiver.is_empty() => plain(WaitKind::File, "standard input"),
        "pause" | "sigwait" | "sigwaitinfo" | "sigtimedwait" if of_module => plain(WaitKind::Event, "a signal"),
        _ => None,
    }
}

fn file(object: &Object<'_>, what: &str) -> Wait {
    Wait::new(WaitKind::File, format!("{what} {}", shown(object)), Some(object.id()))
}

/// What lies on a frame's stack, the top first; of bound methods what they are bound to.
fn stack<'d>(scene: &Scene<'d>, frame: &Frame) -> Vec<Object<'d>> {
    let Some(object) = scene.dump.referenced(frame.object) else { return Vec::new() };
    let mut slots: Vec<(u32, Object<'d>)> = Vec::new();
    for edge in object.edges() {
        if let (EdgeKind::Stale | EdgeKind::Internal, LabelName::Index(index)) = (edge.kind, edge.name)
            && let Some(there) = object.follow(edge.target)
        {
            let bound = if there.kind() == TypeKind::Builtin { member(&there, "__self__") } else { None };
            slots.push((index, bound.unwrap_or(there)));
        }
    }
    slots.sort_by_key(|(index, _)| std::cmp::Reverse(*index));
    slots.into_iter().map(|(_, object)| object).collect()
}

/// Without source text: a lock that is held on top of the stack's locks.
fn of_stack(scene: &Scene<'_>, frame: &Frame) -> Option<Wait> {
    let locks: Vec<Object<'_>> = stack(scene, frame).into_iter().filter(|object| lock_of(object).is_some()).collect();
    let lock = locks.first().filter(|lock| lock_of(lock).is_some_and(|lock| is_locked(&lock) == Some(true)))?;
    let mut wait = lock_wait(lock, "")?;
    wait.words.push_str(" (by what lies on its stack: there is no source text)");
    Some(wait)
}
