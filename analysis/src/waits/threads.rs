//! What a thread waits for: its innermost frames, against the functions of the standard library that wait.
//!
//! From the innermost frame outwards, as long as the frames are of the standard library; the outermost function that is
//! known says it best: `queue.get` rather than the condition inside of it. One that waits for a lock says just that.

use heapsake_core::format::records::{Frame, Thread};
use heapsake_core::heap::{FrameKind, TypeKind};
use heapsake_loader::{Object, PlainValue};

use super::scene::{Scene, is_file, is_standard_library, thread_name};
use super::state::{flag, is_a, is_any, lock_of, member, number, text};
use super::words::{plural, shown};
use super::{Party, Wait, WaitKind, blocking, source, tasklets};

/// Frames of the standard library that are looked through.
const MOST_FRAMES: usize = 60;

/// What a frame says of a wait.
#[derive(Debug)]
pub(super) enum Seen {
    /// What it waits for.
    Wait(Wait),
    /// Nothing; the frame outside of it may.
    Through,
    /// Nothing, and none outside of it does: it is the program's own.
    Own,
}

/// What a thread waits for.
pub(super) fn wait_of(scene: &Scene<'_>, thread: &Thread) -> Option<Wait> {
    if thread.kind == tasklets::KIND && !tasklets::is_in_waiting_thread(scene, thread) {
        return tasklets::wait_of(scene, thread);
    }
    let innermost = thread.frames.last()?;
    if thread.current || innermost.kind == FrameKind::Traceback {
        return None;
    }
    let enters = source::with_items(&scene.line(innermost)).is_some();
    if enters && let Some(wait) = blocking::of(scene, thread, innermost) {
        return Some(wait);
    }
    let mut found: Option<Wait> = None;
    let mut is_limited = false;
    for frame in thread.frames.iter().rev().take(MOST_FRAMES) {
        let seen = library(scene, frame);
        is_limited |= !matches!(seen, Seen::Own) && has_limit(scene, frame);
        match seen {
            Seen::Wait(wait) if wait.kind == WaitKind::Lock && found.is_none() => return Some(wait.with_limit(is_limited)),
            Seen::Wait(outer) => {
                found = Some(match found {
                    Some(inner) => inner.within(outer),
                    None => outer,
                });
            }
            Seen::Through => {}
            Seen::Own => break,
        }
    }
    found.map(|wait| wait.with_limit(is_limited)).or_else(|| blocking::of(scene, thread, innermost))
}

/// Whether a timeout is one: not None, and not below zero.
pub(super) fn is_limit(timeout: &Object<'_>) -> bool {
    match timeout.value() {
        PlainValue::Int(seconds) => seconds >= 0,
        PlainValue::Float(seconds) => seconds >= 0.0,
        _ => timeout.kind() != TypeKind::None,
    }
}

/// Whether a function of the standard library was given a time after which it gives up.
fn has_limit(scene: &Scene<'_>, frame: &Frame) -> bool {
    // A condition takes its lock again without a limit.
    !scene.line(frame).contains("_acquire_restore") && scene.variable(frame, "timeout").is_some_and(|time| is_limit(&time))
}

/// A wait for a lock, or for that of a condition.
pub(super) fn lock_wait(holder: &Object<'_>, named: &str) -> Option<Wait> {
    let lock = lock_of(holder)?;
    let of = if lock.id() == holder.id() { String::new() } else { format!(" of {}", shown(holder)) };
    let named = if named.is_empty() { String::new() } else { format!(" `{named}`") };
    let words = format!("the lock{named} {}{of}", shown(&lock));
    Some(Wait::new(WaitKind::Lock, words, Some(lock.id())).on_lock(lock.id()))
}

fn on(kind: WaitKind, what: &str, object: &Object<'_>) -> Seen {
    Seen::Wait(Wait::new(kind, format!("{what} {}", shown(object)), Some(object.id())))
}

fn library(scene: &Scene<'_>, frame: &Frame) -> Seen {
    if !is_standard_library(frame) {
        return Seen::Own;
    }
    let me = scene.variable(frame, "self");
    known(scene, frame, me.as_ref()).unwrap_or(Seen::Through)
}

fn known(scene: &Scene<'_>, frame: &Frame, me: Option<&Object<'_>>) -> Option<Seen> {
    let function = frame.function.as_str();
    if is_file(frame, "threading.py") {
        return threading(scene, frame, me);
    }
    if is_file(frame, "queue.py") {
        let queue = me.filter(|queue| is_a(queue, "queue.Queue"))?;
        return Some(match function {
            "get" => on(WaitKind::Queue, "an item: queue.get on", queue),
            "put" => on(WaitKind::Queue, "room: queue.put on", queue),
            "join" => on(WaitKind::Queue, "all items to be done: queue.join on", queue),
            _ => return None,
        });
    }
    if is_file(frame, "concurrent/futures/_base.py") {
        return futures(scene, frame, me);
    }
    if is_file(frame, "concurrent/futures/thread.py") {
        return match function {
            "_worker" if scene.line(frame).contains(".get(") => {
                let queue = scene.variable(frame, "work_queue")?;
                Some(on(WaitKind::Queue, "work for the executor: queue.get on", &queue))
            }
            "shutdown" => Some(on(WaitKind::Thread, "the threads of", me?)),
            _ => None,
        };
    }
    if is_file(frame, "selectors.py") && function == "select" {
        return Some(Seen::Wait(Wait::new(WaitKind::Select, selector_words(me?), Some(me?.id()))));
    }
    if is_file(frame, "asyncio/base_events.py") && function == "_run_once" {
        let timers = member(me?, "_scheduled").map_or(0, |timers| timers.len());
        let descriptors = member(me?, "_selector").map(|selector| selector_words(&selector));
        let words = format!("the event loop's next event: {timers} timer{}", plural(timers.into()));
        let words = descriptors.map_or(words.clone(), |more| format!("{words}, {more}"));
        return scene
            .line(frame)
            .contains("select")
            .then(|| Seen::Wait(Wait::new(WaitKind::EventLoop, words, me.map(|event_loop| event_loop.id()))));
    }
    if is_file(frame, "socket.py") {
        let socket = match function {
            "accept" | "sendall" | "sendfile" => me.cloned(),
            "readinto" | "write" => member(me?, "_sock"),
            "create_connection" => scene.variable(frame, "sock"),
            _ => None,
        }?;
        return Some(on(WaitKind::Socket, &format!("the socket: {function} on"), &socket));
    }
    if is_file(frame, "ssl.py") && is_a(me?, "_socket.socket") {
        return Some(on(WaitKind::Socket, &format!("the socket: {function} on"), me?));
    }
    if is_file(frame, "subprocess.py") && is_a(me?, "subprocess.Popen") {
        return Some(on(WaitKind::Process, "the subprocess", me?));
    }
    if frame.filename.contains("/multiprocessing/") {
        return Some(match function {
            "join" if is_file(frame, "multiprocessing/process.py") => on(WaitKind::Process, "the end of", me?),
            "wait" | "poll" if is_file(frame, "multiprocessing/popen_fork.py") => on(WaitKind::Process, "the end of", me?),
            "get" | "put" if is_file(frame, "multiprocessing/queues.py") => {
                on(WaitKind::Queue, &format!("queue.{function} on"), me?)
            }
            "_recv" | "recv_bytes" | "recv" | "poll" | "accept" => on(WaitKind::File, &format!("{function} on"), me?),
            "get" | "wait" if is_file(frame, "multiprocessing/pool.py") => on(WaitKind::Future, "the result", me?),
            "__enter__" if is_file(frame, "multiprocessing/synchronize.py") => {
                on(WaitKind::Semaphore, "the lock of processes", me?)
            }
            _ => return None,
        });
    }
    if frame.filename == "<frozen importlib._bootstrap>" && function == "acquire" && me?.type_name().ends_with("_ModuleLock") {
        let module = text(me?, "name").unwrap_or_default();
        let owner = number(me?, "owner").and_then(|ident| scene.thread_of_ident(ident));
        let by = owner.and_then(|owner| scene.dump.threads().get(owner)).map(thread_name);
        let by = by.map_or_else(String::new, |name| format!(", which {name} imports"));
        let wait = Wait::new(WaitKind::Import, format!("the module {module}{by}"), Some(me?.id()));
        return Some(Seen::Wait(wait.needing(owner.map(Party::Thread).into_iter().collect())));
    }
    None
}

fn threading(scene: &Scene<'_>, frame: &Frame, me: Option<&Object<'_>>) -> Option<Seen> {
    if frame.function == "_shutdown" {
        let others = scene.dump.threads().iter().enumerate().filter(|(_, thread)| {
            scene
                .dump
                .referenced(thread.object)
                .is_some_and(|object| flag(&object, "_daemonic") == Some(false) && !is_a(&object, "threading._MainThread"))
        });
        let needs: Vec<Party> = others.map(|(index, _)| Party::Thread(index)).collect();
        let count = needs.len();
        let words = format!("the end of {count} other thread{} before Python ends", plural(count as i128));
        return Some(Seen::Wait(Wait::new(WaitKind::Thread, words, None).needing(needs)));
    }
    let me = me?;
    let is_condition = is_a(me, "threading.Condition");
    Some(match frame.function.as_str() {
        "wait" if is_condition && scene.line(frame).contains("_acquire_restore") => Seen::Wait(lock_wait(me, "")?),
        "__enter__" | "acquire" | "_acquire_restore" if is_condition || is_a(me, "threading._RLock") => {
            Seen::Wait(lock_wait(me, "")?)
        }
        "wait" | "wait_for" if is_condition => on(WaitKind::Condition, "a notification of", me),
        "wait" if is_a(me, "threading.Event") => on(WaitKind::Event, "the event", me),
        "acquire" | "__enter__" if is_a(me, "threading.Semaphore") => on(WaitKind::Semaphore, "the semaphore", me),
        "wait" | "_wait" | "_enter" if is_a(me, "threading.Barrier") => on(WaitKind::Barrier, "the others at", me),
        "join" | "_wait_for_tstate_lock" if is_a(me, "threading.Thread") => {
            let thread = scene.thread_of_object(me);
            let name = text(me, "_name").unwrap_or_else(|| shown(me));
            let wait = Wait::new(WaitKind::Thread, format!("the end of thread {name}"), Some(me.id()));
            Seen::Wait(wait.needing(thread.map(Party::Thread).into_iter().collect()))
        }
        "start" if is_a(me, "threading.Thread") => on(WaitKind::Thread, "the start of", me),
        _ => return None,
    })
}

fn futures(scene: &Scene<'_>, frame: &Frame, me: Option<&Object<'_>>) -> Option<Seen> {
    const FUTURE: &str = "concurrent.futures._base.Future";
    match frame.function.as_str() {
        "result" | "exception" => {
            let future = me.filter(|future| is_a(future, FUTURE))?;
            let runner = runner_of(scene, future);
            let by = runner.and_then(|runner| scene.dump.threads().get(runner)).map(thread_name);
            let by = by.map_or_else(String::new, |name| format!(", which {name} works on"));
            let wait = Wait::new(WaitKind::Future, format!("the result of {}{by}", shown(future)), Some(future.id()));
            Some(Seen::Wait(wait.needing(runner.map(Party::Thread).into_iter().collect())))
        }
        "wait" | "as_completed" => {
            let count = scene.variable(frame, "fs").map_or(0, |futures| futures.len());
            let words = format!("{count} future{}", plural(count.into()));
            Some(Seen::Wait(Wait::new(WaitKind::Future, words, None)))
        }
        _ => None,
    }
}

/// The thread of an executor that works on a future.
fn runner_of(scene: &Scene<'_>, future: &Object<'_>) -> Option<usize> {
    let works_on_it = |frame: &Frame| {
        frame.function == "run"
            && is_file(frame, "concurrent/futures/thread.py")
            && scene
                .variable(frame, "self")
                .and_then(|item| member(&item, "future"))
                .is_some_and(|found| found.id() == future.id())
    };
    scene.dump.threads().iter().position(|thread| thread.frames.iter().any(works_on_it))
}

/// What a selector waits for.
pub(super) fn selector_words(selector: &Object<'_>) -> String {
    let Some(keys) = member(selector, "_fd_to_key") else { return "descriptors".to_owned() };
    let count = keys.len();
    let described: Vec<String> = keys
        .entries(0, 3)
        .into_iter()
        .filter_map(|(_, key)| {
            let key = keys.follow(key)?;
            let parts = key.elements(0, 2);
            let file = key.follow(*parts.first()?)?;
            let number = key.follow(*parts.get(1)?).and_then(|number| super::state::shown_number(&number))?;
            let what = if is_any(&file, &["_socket.socket"]) { format!(" {}", shown(&file)) } else { String::new() };
            Some(format!("{number}{what}"))
        })
        .collect();
    let more = if count > described.len() as u64 { " …" } else { "" };
    format!("{count} descriptor{}: {}{more}", plural(count.into()), described.join(", "))
}
