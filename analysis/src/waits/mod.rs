//! What every thread and task waits for, who holds it, and deadlocks.
//!
//! A wait is read off the innermost frames: functions of the standard library by file, name and the type of `self`
//! (`Lib/threading.py`, `Lib/queue.py`, `Lib/asyncio/`, …), calls in C by the line that makes them and the object that it
//! names. Owners are read off the locks where these store one (RLock, modules being imported); a plain lock stores none,
//! nor does `asyncio.Lock`: for them the frames that stand inside a `with` on it, or after an `acquire()` without a
//! `release()`, are taken from the source, and the owner is marked as a conclusion ([`Owner::certain`]).

mod blocking;
mod coroutines;
mod deadlocks;
mod owners;
mod resolve;
mod scene;
mod source;
mod state;
mod structured;
mod suspended;
mod tasklets;
mod tasks;
mod threads;
mod words;

use std::collections::HashMap;

use heapsake_core::format::records::Frame;
use heapsake_loader::{Dump, ObjectId};

use scene::Scene;
pub(crate) use state::{member, number, text};
pub use suspended::Suspended;

/// A thread or a task, by its position among the threads of the dump or in [`Waits::tasks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// A thread.
    Thread(usize),
    /// A task.
    Task(usize),
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitKind {
    /// A lock, an RLock, an `asyncio.Lock`.
    Lock,
    /// The notification of a condition.
    Condition,
    /// An event that is to be set.
    Event,
    /// A semaphore.
    Semaphore,
    /// The others at a barrier.
    Barrier,
    /// An item of a queue, or room in it.
    Queue,
    /// The end of a thread.
    Thread,
    /// The result of a future.
    Future,
    /// The end of tasks.
    Task,
    /// A socket.
    Socket,
    /// Descriptors.
    Select,
    /// Time.
    Sleep,
    /// The end of a process.
    Process,
    /// A file or a pipe.
    File,
    /// The next event of an event loop.
    EventLoop,
    /// A module that another thread imports.
    Import,
    /// The other side of a channel of Stackless.
    Channel,
    /// Its turn among tasklets, or the end of theirs.
    Scheduler,
}

impl WaitKind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            WaitKind::Lock => "lock",
            WaitKind::Condition => "condition",
            WaitKind::Event => "event",
            WaitKind::Semaphore => "semaphore",
            WaitKind::Barrier => "barrier",
            WaitKind::Queue => "queue",
            WaitKind::Thread => "thread",
            WaitKind::Future => "future",
            WaitKind::Task => "task",
            WaitKind::Socket => "socket",
            WaitKind::Select => "select",
            WaitKind::Sleep => "sleep",
            WaitKind::Process => "process",
            WaitKind::File => "file",
            WaitKind::EventLoop => "event_loop",
            WaitKind::Import => "import",
            WaitKind::Channel => "channel",
            WaitKind::Scheduler => "scheduler",
        }
    }
}

/// What a thread or a task waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What kind of thing.
    pub kind: WaitKind,
    /// The whole in words, to be read after "waits for".
    pub words: String,
    /// The object.
    pub object: Option<ObjectId>,
    /// Those without whom it does not end: all of them, for a lock its owners.
    pub needs: Vec<Party>,
    /// The lock that must be let go.
    lock: Option<ObjectId>,
    /// Futures and tasks that must end, all of them.
    futures: Vec<ObjectId>,
    /// Whether it ends by itself after a time.
    is_limited: bool,
}

impl Wait {
    fn new(kind: WaitKind, words: impl Into<String>, object: Option<ObjectId>) -> Wait {
        Wait { kind, words: words.into(), object, needs: Vec::new(), lock: None, futures: Vec::new(), is_limited: false }
    }

    fn needing(mut self, needs: Vec<Party>) -> Wait {
        self.needs = needs;
        self
    }

    fn of_futures(mut self, futures: Vec<ObjectId>) -> Wait {
        self.futures = futures;
        self
    }

    /// What an outer function waits for by way of this.
    fn within(self, outer: Wait) -> Wait {
        Wait {
            needs: if outer.needs.is_empty() { self.needs } else { outer.needs },
            lock: outer.lock.or(self.lock),
            is_limited: outer.is_limited || self.is_limited,
            futures: if outer.futures.is_empty() { self.futures } else { outer.futures },
            ..outer
        }
    }

    fn with_limit(mut self, is_limited: bool) -> Wait {
        self.is_limited |= is_limited;
        self
    }

    fn on_lock(mut self, lock: ObjectId) -> Wait {
        self.lock = Some(lock);
        self
    }
}

/// A task of asyncio or trio.
#[derive(Clone, Debug)]
pub struct Task {
    /// The task.
    pub object: ObjectId,
    /// Its name.
    pub name: String,
    /// `pending`, `ready` to take its next step, `running`, `finished`, `cancelled`.
    pub state: &'static str,
    /// Its coroutine.
    pub coroutine: Option<ObjectId>,
    /// The coroutine's name.
    pub function: String,
    /// The event loop.
    pub event_loop: Option<ObjectId>,
    /// The frames of the coroutines that await each other, outermost first.
    pub frames: Vec<Frame>,
    /// What it waits for.
    pub wait: Option<Wait>,
    /// Tasks that wait for this one, by position.
    pub awaited_by: Vec<usize>,
    /// The thread that runs it at this moment.
    pub thread: Option<usize>,
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub party: Party,
    /// Whether the lock itself says so; else it is concluded from source text.
    pub certain: bool,
}

/// A lock that is waited for, or that says who holds it.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The lock.
    pub object: ObjectId,
    /// The lock in words.
    pub words: String,
    /// Who holds it; none when that is not known.
    pub owners: Vec<Owner>,
    /// Who waits for it.
    pub waiters: Vec<Party>,
}

/// Threads and tasks that wait for each other, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// A cycle: each waits for the next, the last for the first.
    pub parties: Vec<Party>,
    /// Whether every link is told by state; else one at least is concluded from source text.
    pub certain: bool,
}

/// What all threads and tasks of a dump wait for.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// By position of the thread; none for one that runs, and where it is not known.
    pub threads: Vec<Option<Wait>>,
    /// All tasks, the unfinished first.
    pub tasks: Vec<Task>,
    /// Locks that are waited for.
    pub locks: Vec<Lock>,
    /// Cycles, the shortest first.
    pub deadlocks: Vec<Deadlock>,
}

impl Waits {
    /// Concludes it all.
    pub fn of(dump: &Dump) -> Waits {
        let scene = Scene::new(dump);
        let mut tasks = tasks::find(&scene);
        let mut threads: Vec<Option<Wait>> = dump.threads().iter().map(|thread| threads::wait_of(&scene, thread)).collect();
        tasks::link(&scene, &mut tasks, &mut threads);
        let locks = owners::find(&scene, &mut threads, &mut tasks);
        let mut waits = Waits { threads, tasks, locks, deadlocks: Vec::new() };
        waits.deadlocks = deadlocks::find(&waits);
        waits
    }

    /// What a thread or task waits for.
    pub fn wait(&self, party: Party) -> Option<&Wait> {
        match party {
            Party::Thread(index) => self.threads.get(index)?.as_ref(),
            Party::Task(index) => self.tasks.get(index)?.wait.as_ref(),
        }
    }

    /// How a thread or task is called.
    pub fn name(&self, dump: &Dump, party: Party) -> String {
        match party {
            Party::Thread(index) => dump.threads().get(index).map_or_else(String::new, scene::thread_name),
            Party::Task(index) => self.tasks.get(index).map_or_else(String::new, |task| task.name.clone()),
        }
    }

    /// Tasks with equal stacks that wait for the same kind of thing, by position, the largest group first.
    pub fn task_groups(&self) -> Vec<Vec<usize>> {
        type Key<'a> = (&'a str, Option<WaitKind>, Vec<(&'a str, u32)>);
        let mut places: HashMap<Key<'_>, usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (index, task) in self.tasks.iter().enumerate() {
            let stack = task.frames.iter().map(|frame| (frame.filename.as_str(), frame.line)).collect();
            let place = *places.entry((task.state, task.wait.as_ref().map(|wait| wait.kind), stack)).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.push(index),
                None => groups.push(vec![index]),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        groups
    }
}
