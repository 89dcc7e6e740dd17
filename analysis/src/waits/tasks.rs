//! Tasks: all of asyncio's and trio's, their coroutines' frames, and what they wait for.
//!
//! A task's coroutine leads by `cr_await` to the one it awaits, and so on to a future. The frames on the way are those that
//! a stack would have. The innermost functions of asyncio say what is waited for, else the future does.

use std::collections::{HashMap, HashSet};

use heapsake_core::format::records::Frame;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{Object, ObjectId};

use super::coroutines::{Chain, Chains};
use super::scene::{Scene, is_file, is_standard_library};
use super::state::{is_a, is_any, member, shown_number, text};
use super::structured::{self, is_structured};
use super::threads::{Seen, lock_wait};
use super::words::{plural, shown};
use super::{Party, Task, Wait, WaitKind};

const TASKS: [&str; 2] = ["_asyncio.Task", "asyncio.tasks.Task"];
const FUTURES: [&str; 2] = ["_asyncio.Future", "asyncio.futures.Future"];
/// Trio's, as it is exported and as it is defined.
const TRIO: [&str; 2] = ["trio.lowlevel.Task", "trio._core._run.Task"];
/// Futures of one wait.
const MOST_FUTURES: u64 = 100_000;
/// Frames of all tasks together, beside the first ones of each.
const FRAMES: usize = 1_000_000;

/// All tasks, the unfinished first, then by the numbers that end their names.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Task> {
    let is_task = |names: &[String]| names.iter().any(|name| TRIO.contains(&name.as_str()) || TASKS.contains(&name.as_str()));
    let types = scene.dump.types().iter();
    let kinds: Vec<bool> = types.map(|known| is_task(&known.mro) || is_task(std::slice::from_ref(&known.name))).collect();
    let mut reader = Reader { scene, chains: Chains::new(scene.dump, FRAMES), limited: limited(scene) };
    let found = scene.dump.objects_of_types(&kinds);
    let mut tasks: Vec<Task> = found.map(|(id, _)| reader.task(&scene.dump.object(id))).collect();
    tasks.sort_by_cached_key(|task| {
        let number = task.name.rsplit('-').next().and_then(|digits| digits.parse::<u64>().ok());
        (matches!(task.state, "finished" | "cancelled"), number, task.name.clone())
    });
    tasks
}

/// The tasks in the block of an `asyncio.timeout` that has a time and has not left it (3.11 and later).
fn limited(scene: &Scene<'_>) -> HashSet<ObjectId> {
    let kinds: Vec<bool> = scene.dump.types().iter().map(|known| known.name == "asyncio.timeouts.Timeout").collect();
    let timeouts = scene.dump.objects_of_types(&kinds).map(|(id, _)| scene.dump.object(id));
    timeouts.filter(|one| member(one, "_timeout_handler").is_some()).filter_map(|one| Some(member(&one, "_task")?.id())).collect()
}

struct Reader<'a, 'd> {
    scene: &'a Scene<'d>,
    chains: Chains<'d>,
    /// Tasks that stand in an `asyncio.timeout`.
    limited: HashSet<ObjectId>,
}

impl<'d> Reader<'_, 'd> {
    fn task(&mut self, task: &Object<'d>) -> Task {
        let is_trio = is_any(task, &TRIO);
        let coroutine = member(task, if is_trio { "coro" } else { "_coro" });
        let name = text(task, if is_trio { "name" } else { "_name" });
        let chain = coroutine.as_ref().map_or_else(Chain::default, |coroutine| self.chains.of(coroutine));
        let (frames, runs) = (chain.frames, chain.runs);
        let future = member(task, "_fut_waiter");
        let state = match text(task, "_state").as_deref() {
            Some("FINISHED") => "finished",
            Some("CANCELLED") => "cancelled",
            _ if runs => "running",
            _ if is_trio && frames.is_empty() => "finished",
            _ if is_trio || future.is_some() => "pending",
            _ => "ready",
        };
        let mut wait = if state == "pending" { self.wait(&frames, future.as_ref()) } else { None };
        if let Some(wait) = &mut wait {
            wait.is_limited = self.limited.contains(&task.id()) || frames.iter().any(|frame| self.has_limit(frame));
        }
        let function = coroutine
            .as_ref()
            .and_then(|coroutine| text(coroutine, "__qualname__").or_else(|| text(coroutine, "__name__")))
            .unwrap_or_default();
        Task {
            object: task.id(),
            name: name.unwrap_or_else(|| format!("Task at {}", task.address())),
            state,
            coroutine: coroutine.map(|coroutine| coroutine.id()),
            function,
            event_loop: member(task, "_loop").map(|event_loop| event_loop.id()),
            frames,
            wait,
            awaited_by: Vec::new(),
            thread: None,
        }
    }

    /// Whether it is `asyncio.wait_for` or `asyncio.wait` with a time.
    fn has_limit(&self, frame: &Frame) -> bool {
        is_file(frame, "asyncio/tasks.py")
            && matches!(frame.function.as_str(), "wait_for" | "wait")
            && self.scene.variable(frame, "timeout").is_some_and(|time| time.kind() != TypeKind::None)
    }

    fn wait(&self, frames: &[Frame], future: Option<&Object<'d>>) -> Option<Wait> {
        let mut found: Option<Wait> = None;
        for (depth, frame) in frames.iter().rev().enumerate() {
            match self.library(frame, depth == 0) {
                Seen::Wait(outer) => {
                    found = Some(match found {
                        // Who is notified takes the condition's lock before it goes on.
                        Some(inner) if inner.kind == WaitKind::Lock && outer.kind != WaitKind::Lock => return Some(inner),
                        Some(inner) => inner.within(outer),
                        None => outer,
                    });
                }
                Seen::Through => {}
                Seen::Own => break,
            }
        }
        found.or_else(|| future.map(of_future))
    }

    fn library(&self, frame: &Frame, innermost: bool) -> Seen {
        let known = if is_structured(frame) {
            structured::known(self.scene, frame)
        } else if is_standard_library(frame) {
            self.known(frame, innermost)
        } else {
            return Seen::Own;
        };
        known.unwrap_or(Seen::Through)
    }

    fn known(&self, frame: &Frame, innermost: bool) -> Option<Seen> {
        let scene = self.scene;
        let me = || scene.variable(frame, "self");
        let on = |kind, what: &str, object: &Object<'_>| {
            Some(Seen::Wait(Wait::new(kind, format!("{what} {}", shown(object)), Some(object.id()))))
        };
        let function = frame.function.as_str();
        if is_file(frame, "asyncio/locks.py") {
            let me = me()?;
            return match function {
                "acquire" if is_any(&me, &["asyncio.locks.Lock", "asyncio.locks.Condition"]) => {
                    Some(Seen::Wait(lock_wait(&me, "")?))
                }
                "acquire" if is_a(&me, "asyncio.locks.Semaphore") => on(WaitKind::Semaphore, "the semaphore", &me),
                "wait" | "wait_for" if is_a(&me, "asyncio.locks.Condition") => on(WaitKind::Condition, "a notification of", &me),
                "wait" if is_a(&me, "asyncio.locks.Event") => on(WaitKind::Event, "the event", &me),
                "wait" | "_wait" | "_block" if is_a(&me, "asyncio.locks.Barrier") => on(WaitKind::Barrier, "the others at", &me),
                _ => None,
            };
        }
        if is_file(frame, "asyncio/queues.py") {
            return match function {
                "get" => on(WaitKind::Queue, "an item: queue.get on", &me()?),
                "put" => on(WaitKind::Queue, "room: queue.put on", &me()?),
                "join" => on(WaitKind::Queue, "all items to be done: queue.join on", &me()?),
                _ => None,
            };
        }
        if is_file(frame, "asyncio/tasks.py") {
            return match function {
                "sleep" => {
                    let delay = scene.variable(frame, "delay").and_then(|delay| shown_number(&delay));
                    Some(Seen::Wait(Wait::new(WaitKind::Sleep, format!("asyncio.sleep({})", delay.unwrap_or_default()), None)))
                }
                "wait_for" if innermost => {
                    let future = scene.variable(frame, "fut")?;
                    Some(Seen::Wait(of_future(&future)))
                }
                "_wait" => {
                    let all = scene.variable(frame, "return_when").and_then(|when| when.text());
                    let futures = scene.variable(frame, "fs").map(|futures| members(&futures)).unwrap_or_default();
                    let count = futures.len();
                    let words = format!(
                        "{} of {count} task{}",
                        if all.as_deref() == Some("ALL_COMPLETED") { "all" } else { "the first" },
                        plural(count as i128)
                    );
                    let needs = if all.as_deref() == Some("ALL_COMPLETED") || count == 1 { futures } else { Vec::new() };
                    Some(Seen::Wait(Wait::new(WaitKind::Task, words, None).of_futures(needs)))
                }
                _ => None,
            };
        }
        if is_file(frame, "asyncio/taskgroups.py") {
            let tasks = member(&me()?, "_tasks").map(|tasks| members(&tasks)).unwrap_or_default();
            let words = format!("the {} task{} of {}", tasks.len(), plural(tasks.len() as i128), shown(&me()?));
            return Some(Seen::Wait(Wait::new(WaitKind::Task, words, me().map(|me| me.id())).of_futures(tasks)));
        }
        if is_file(frame, "asyncio/streams.py") {
            let me = me()?;
            let transport = member(&me, "_transport").and_then(|transport| member(&transport, "_sock"));
            let socket = transport.map(|socket| format!(" of {}", shown(&socket))).unwrap_or_default();
            return Some(Seen::Wait(Wait::new(WaitKind::Socket, format!("{function} on {}{socket}", shown(&me)), Some(me.id()))));
        }
        if function.starts_with("sock_") && frame.filename.contains("/asyncio/") {
            return on(WaitKind::Socket, &format!("the socket: {function} on"), &scene.variable(frame, "sock")?);
        }
        if frame.filename.contains("subprocess.py") && matches!(function, "wait" | "communicate" | "_wait") {
            return on(WaitKind::Process, "the subprocess", &me()?);
        }
        None
    }
}

/// Elements of a list, a set, or whatever holds futures.
pub(super) fn members(container: &Object<'_>) -> Vec<ObjectId> {
    let targets = container.elements(0, MOST_FUTURES).into_iter();
    targets
        .filter_map(|target| container.follow(target))
        .filter(|future| future.kind() != TypeKind::None)
        .map(|future| future.id())
        .collect()
}

/// A wait for a future.
fn of_future(future: &Object<'_>) -> Wait {
    if is_any(future, &TASKS) {
        let name = text(future, "_name").unwrap_or_default();
        return Wait::new(WaitKind::Task, format!("the task {name}"), Some(future.id())).of_futures(vec![future.id()]);
    }
    if let Some(children) = member(future, "_children") {
        let children = members(&children);
        let count = children.len();
        let words = format!("all of {count} future{}: asyncio.gather", plural(count as i128));
        return Wait::new(WaitKind::Task, words, Some(future.id())).of_futures(children);
    }
    Wait::new(WaitKind::Future, format!("the future {}", shown(future)), Some(future.id())).of_futures(vec![future.id()])
}

/// Says of waits for the outer futures of `asyncio.shield` which tasks these stand for: a callback of the task knows the future.
fn through_shields(scene: &Scene<'_>, tasks: &mut [Task]) {
    let mut inner: HashMap<ObjectId, (ObjectId, String)> = HashMap::new();
    for task in tasks.iter().filter(|task| !matches!(task.state, "finished" | "cancelled")) {
        let object = scene.dump.object(task.object);
        for outer in shields(&object) {
            inner.insert(outer, (task.object, task.name.clone()));
        }
    }
    for wait in tasks.iter_mut().filter_map(|task| task.wait.as_mut()).filter(|wait| wait.kind == WaitKind::Future) {
        if let [future] = wait.futures[..]
            && let Some((task, name)) = inner.get(&future)
        {
            wait.kind = WaitKind::Task;
            wait.words = format!("the task {name}: asyncio.shield");
            (wait.object, wait.futures) = (Some(*task), vec![*task]);
        }
    }
}

/// The futures that `asyncio.shield` made of a task.
fn shields(task: &Object<'_>) -> Vec<ObjectId> {
    let listed = member(task, "_callbacks").map(|all| all.elements(0, MOST_FUTURES)).unwrap_or_default();
    // Each with its context.
    let listed = listed.into_iter().filter_map(|pair| {
        let pair = task.follow(pair)?;
        pair.elements(0, 1).first().and_then(|first| pair.follow(*first))
    });
    let callbacks = member(task, "callback0").into_iter().chain(listed);
    let of_shield = callbacks.filter(|callback| text(callback, "__name__").as_deref() == Some("_inner_done_callback"));
    let closures = of_shield.filter_map(|callback| member(&callback, "__closure__"));
    let cells = closures.flat_map(|closure| {
        let cells = closure.elements(0, MOST_FUTURES);
        cells.into_iter().filter_map(|cell| closure.follow(cell)).collect::<Vec<_>>()
    });
    let held = cells.filter_map(|cell| member(&cell, "cell_contents"));
    held.filter(|held| is_any(held, &FUTURES) && held.id() != task.id()).map(|held| held.id()).collect()
}

/// Who needs whom: futures that are tasks, tasks that a thread runs.
pub(super) fn link(scene: &Scene<'_>, tasks: &mut [Task], threads: &mut [Option<Wait>]) {
    let places: HashMap<ObjectId, usize> = tasks.iter().enumerate().map(|(index, task)| (task.object, index)).collect();
    let unfinished: Vec<bool> = tasks.iter().map(|task| !matches!(task.state, "finished" | "cancelled")).collect();
    let needs = |futures: &[ObjectId]| -> Vec<Party> {
        let known = futures.iter().filter_map(|future| places.get(future).copied());
        known.filter(|index| unfinished[*index]).map(Party::Task).collect()
    };
    through_shields(scene, tasks);
    let mut awaited_by: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (index, task) in tasks.iter_mut().enumerate() {
        let Some(wait) = task.wait.as_mut() else { continue };
        wait.needs.extend(needs(&wait.futures));
        for need in &wait.needs {
            if let Party::Task(needed) = need {
                awaited_by[*needed].push(index);
            }
        }
    }
    for wait in threads.iter_mut().flatten() {
        wait.needs.extend(needs(&wait.futures));
    }
    for (task, mut awaited_by) in tasks.iter_mut().zip(awaited_by) {
        // From 3.14 on asyncio itself keeps who awaits whom, also where one of several is enough.
        let told = member(&scene.dump.object(task.object), "_asyncio_awaited_by");
        let told = told.map(|one| if is_any(&one, &TASKS) { vec![one.id()] } else { members(&one) }).unwrap_or_default();
        let more = told.iter().filter_map(|one| places.get(one).copied()).filter(|one| unfinished[*one]);
        for one in more {
            if !awaited_by.contains(&one) {
                awaited_by.push(one);
            }
        }
        task.awaited_by = awaited_by;
        if task.state == "running"
            && let Some(frame) = task.frames.first().and_then(|frame| frame.object.id)
        {
            let runs = |frames: &[Frame]| frames.iter().any(|known| known.object.id == Some(frame));
            task.thread = scene.dump.threads().iter().position(|thread| runs(&thread.frames));
        }
    }
}
