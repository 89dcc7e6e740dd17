//! Calls in C that wait, by the line that makes them: the object that the line names, else what lies on the frame's stack.
//!
//! A frame that runs does not say how much of its stack is in use, so what lies there may be left over; it is used only
//! for what the line calls too, or where there is no source text.

use heapsake_core::format::LabelName;
use heapsake_core::format::records::{Frame, Thread};
use heapsake_core::heap::{EdgeKind, TypeKind};
use heapsake_loader::Object;

use super::resolve::resolve;
use super::scene::Scene;
use super::source::{Call, call_of, calls, with_items};
use super::state::{is_a, is_any, is_locked, lock_of, member, number, text};
use super::threads::{is_limit, lock_wait};
use super::words::shown;
use super::{Wait, WaitKind};

/// Locks that the thread that has one may take again.
const RECURSIVE: [&str; 2] = ["_thread.RLock", "threading._RLock"];
/// Characters of a line that are quoted.
const QUOTED: usize = 100;

/// What a frame of a thread waits for in C.
pub(super) fn of(scene: &Scene<'_>, thread: &Thread, frame: &Frame) -> Option<Wait> {
    let line = scene.line(frame);
    let place = Place { scene, thread, frame, line: &line };
    if line.is_empty() {
        return place.of_stack();
    }
    match scene.part(frame) {
        Some(part) => place.of_part(&part),
        None => place.of_line(),
    }
    .or_else(|| place.of_iterated())
}

/// Where a thread is.
struct Place<'s, 'd> {
    scene: &'s Scene<'d>,
    thread: &'s Thread,
    frame: &'s Frame,
    line: &'s str,
}

impl<'d> Place<'_, 'd> {
    fn resolve(&self, expression: &str) -> Option<Object<'d>> {
        resolve(self.scene, self.frame, expression)
    }

    /// By the expression that it is at.
    fn of_part(&self, part: &str) -> Option<Wait> {
        if let Some((false, items)) = with_items(self.line) {
            // 3.11 has the whole statement for what enters it, later versions the one item.
            let entered: Vec<String> =
                if with_items(part).is_some() { items } else { items.into_iter().filter(|item| item == part).collect() };
            if let Some(wait) = self.entering(&entered) {
                return Some(wait);
            }
        }
        self.of_call(&call_of(part)?)
    }

    /// By the line alone. Where that may wait for several things, a lock is the one that is not said to be waited for: who waits
    /// in the body of a `with` has it.
    fn of_line(&self) -> Option<Wait> {
        let entered = match with_items(self.line) {
            Some((false, items)) => self.entering(&items),
            _ => None,
        };
        let waits: Vec<Wait> = entered.into_iter().chain(calls(self.line).iter().filter_map(|call| self.of_call(call))).collect();
        let is_lock = |wait: &&Wait| wait.kind == WaitKind::Lock;
        let mut chosen = waits.iter().find(|wait| !is_lock(wait)).or(waits.first())?.clone();
        if let Some(lock) = waits.iter().find(is_lock).filter(|_| chosen.kind != WaitKind::Lock) {
            chosen.words = format!("{}; or for {}", chosen.words, lock.words);
        }
        Some(chosen)
    }

    /// The lines of the file that a `for` statement goes through.
    fn of_iterated(&self) -> Option<Wait> {
        let (_, expression) = self.line.strip_prefix("for ")?.split_once(" in ")?;
        let iterated = self.resolve(expression.trim_end_matches(':'))?;
        is_a(&iterated, "_io._IOBase").then(|| file(&iterated, "the next line of"))
    }

    /// Whether it may have to wait for the lock: not for one that is free, nor for one of its own that it may take again.
    fn may_wait(&self, object: &Object<'_>) -> bool {
        lock_of(object).is_some_and(|lock| {
            let owner = ["owner", "_owner"].into_iter().find_map(|name| number(&lock, name));
            let is_own = is_any(&lock, &RECURSIVE) && owner == Some(i128::from(self.thread.ident));
            is_locked(&lock) != Some(false) && !is_own
        })
    }

    /// The lock that a `with` statement waits for: of several the last that is on the stack, else the first that is held.
    fn entering(&self, items: &[String]) -> Option<Wait> {
        let named = items.iter().filter_map(|item| Some((item, self.resolve(item)?)));
        let locks: Vec<(&String, Object<'_>)> = named.filter(|(_, object)| self.may_wait(object)).collect();
        let on_stack = self.stack();
        let is_there = |object: &Object<'_>| on_stack.iter().any(|there| there.id() == object.id());
        let chosen = match locks.as_slice() {
            [only] => only,
            several => several.iter().rev().find(|(_, object)| is_there(object)).or(several.first())?,
        };
        lock_wait(&chosen.1, chosen.0)
    }

    /// Whether an `acquire` ends by itself after a time, or may: of one that goes on beyond its line not all is known.
    fn is_limited(&self, call: &Call) -> bool {
        let is_refusing = call.argument(0, "blocking").is_some_and(|blocking| matches!(blocking, "False" | "0"));
        let is_timed = call.argument(1, "timeout").is_some_and(|timeout| {
            self.resolve(timeout).map_or(!matches!(timeout, "-1" | "-1.0" | "None"), |timeout| is_limit(&timeout))
        });
        is_refusing || is_timed || !call.is_whole
    }

    fn of_call(&self, call: &Call) -> Option<Wait> {
        let receiver = self.resolve(&call.receiver);
        let whole = if call.receiver.is_empty() { call.name.clone() } else { format!("{}.{}", call.receiver, call.name) };
        let callee = self.resolve(&whole).filter(|callee| callee.kind() == TypeKind::Builtin);
        let name = callee.as_ref().and_then(|callee| text(callee, "__name__")).unwrap_or_else(|| call.name.clone());
        let bound = callee.as_ref().and_then(|callee| member(callee, "__self__"));
        let of_module = receiver.as_ref().is_none_or(|object| object.kind() == TypeKind::Module);
        let target = bound.filter(|object| object.kind() != TypeKind::Module).or_else(|| receiver.clone());
        let quoted: String = self.line.chars().take(QUOTED).collect();
        let plain = |kind, words: &str| Some(Wait::new(kind, format!("{words}: {quoted}"), None));
        let on_stack = |is_wanted: &dyn Fn(&Object<'_>) -> bool| self.stack().into_iter().find(is_wanted);
        match name.as_str() {
            "acquire" | "acquire_lock" | "__enter__" | "_acquire_restore" => {
                let may_wait = |object: &Object<'_>| self.may_wait(object);
                let lock = target.or_else(|| on_stack(&may_wait)).filter(|object| may_wait(object))?;
                Some(lock_wait(&lock, &call.receiver)?.with_limit(self.is_limited(call)))
            }
            "get" => {
                let is_queue = |object: &Object<'_>| is_a(object, "_queue.SimpleQueue");
                let queue = target.filter(is_queue).or_else(|| on_stack(&is_queue))?;
                Some(Wait::new(WaitKind::Queue, format!("an item: queue.get on {}", shown(&queue)), Some(queue.id())))
            }
            "recv" | "recv_into" | "recvfrom" | "recvfrom_into" | "recvmsg" | "recvmsg_into" | "accept" | "_accept"
            | "connect" | "send" | "sendall" | "sendto" | "sendmsg" => {
                let is_socket = |object: &Object<'_>| is_a(object, "_socket.socket");
                let socket = target.filter(is_socket).or_else(|| on_stack(&is_socket))?;
                Some(Wait::new(WaitKind::Socket, format!("the socket: {name} on {}", shown(&socket)), Some(socket.id())))
            }
            "poll" | "control"
                if target.as_ref().is_some_and(|it| is_any(it, &["select.epoll", "select.poll", "select.kqueue"])) =>
            {
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
            "input" if callee.is_some() || receiver.is_none() && call.receiver.is_empty() => {
                plain(WaitKind::File, "standard input")
            }
            "pause" | "sigwait" | "sigwaitinfo" | "sigtimedwait" if of_module => plain(WaitKind::Event, "a signal"),
            _ => None,
        }
    }

    /// What lies on the frame's stack, the top first; of bound methods what they are bound to.
    fn stack(&self) -> Vec<Object<'d>> {
        let Some(object) = self.scene.dump.referenced(self.frame.object) else { return Vec::new() };
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
    fn of_stack(&self) -> Option<Wait> {
        let locks: Vec<Object<'_>> = self.stack().into_iter().filter(|object| lock_of(object).is_some()).collect();
        let lock =
            locks.first().filter(|lock| self.may_wait(lock) && lock_of(lock).and_then(|lock| is_locked(&lock)) == Some(true))?;
        let mut wait = lock_wait(lock, "")?;
        wait.words.push_str(" (by what lies on its stack: there is no source text)");
        Some(wait)
    }
}

fn file(object: &Object<'_>, what: &str) -> Wait {
    Wait::new(WaitKind::File, format!("{what} {}", shown(object)), Some(object.id()))
}
