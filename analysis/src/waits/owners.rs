//! Who holds the locks that are waited for: by the lock's own word, else by the source of the frames.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use heapsake_core::format::records::Frame;
use heapsake_core::heap::FrameKind;
use heapsake_loader::ObjectId;

use super::resolve::resolve;
use super::scene::{Scene, thread_name};
use super::source::{self, Held};
use super::state::{is_any, is_locked, lock_of, number, owner_of};
use super::words::shown;
use super::{Lock, Owner, Party, Task, Wait};

/// Where a lock was taken, as the source says.
struct Taken {
    lock: ObjectId,
    party: Party,
    place: String,
}

/// All locks that are waited for, with their owners; the waits learn of them.
pub(super) fn find(scene: &Scene<'_>, threads: &mut [Option<Wait>], tasks: &mut [Task]) -> Vec<Lock> {
    let mut waiters: BTreeMap<ObjectId, Vec<Party>> = BTreeMap::new();
    let of_threads = threads.iter().enumerate().map(|(index, wait)| (Party::Thread(index), wait.as_ref()));
    let of_tasks = tasks.iter().enumerate().map(|(index, task)| (Party::Task(index), task.wait.as_ref()));
    for (party, wait) in of_threads.chain(of_tasks) {
        if let Some(lock) = wait.and_then(|wait| wait.lock) {
            waiters.entry(lock).or_default().push(party);
        }
    }
    let mut locks = Vec::new();
    let mut unknown = HashSet::new();
    for (id, waiters) in waiters {
        let object = scene.dump.object(id);
        let ident = ["owner", "_owner"].into_iter().find_map(|name| number(&object, name));
        let thread = ident.and_then(|ident| scene.thread_of_ident(ident)).map(Party::Thread);
        let task = owner_of(&object).and_then(|owner| tasks.iter().position(|task| task.object == owner.id()));
        let owner = thread.or(task.map(Party::Task));
        let owners: Vec<Owner> = owner.map(|party| Owner { party, certain: true }).into_iter().collect();
        if owners.is_empty() && is_locked(&object) != Some(false) {
            unknown.insert(id);
        }
        locks.push(Lock { object: id, words: shown(&object), owners, waiters });
    }
    let mut taken = if unknown.is_empty() { Vec::new() } else { search(scene, threads, tasks, &unknown) };
    taken.sort_by_key(|taken| (taken.lock, taken.party));
    taken.dedup_by_key(|taken| (taken.lock, taken.party));
    let mut words: HashMap<ObjectId, String> = HashMap::new();
    for lock in &mut locks {
        let candidates: Vec<&Taken> = taken.iter().filter(|taken| taken.lock == lock.object).collect();
        let known = lock.owners.first().map(|owner| format!(", held by {}", name(scene, tasks, owner.party)));
        let said = known.unwrap_or_else(|| match candidates.as_slice() {
            _ if !unknown.contains(&lock.object) => ", which is free by now".to_owned(),
            [] => ", held, owner not known".to_owned(),
            [one] => {
                lock.owners.push(Owner { party: one.party, certain: false });
                format!(", held by {} as the source says ({})", name(scene, tasks, one.party), one.place)
            }
            several => {
                let names: Vec<String> = several.iter().take(5).map(|taken| name(scene, tasks, taken.party)).collect();
                format!(", held by one of {} {} as the source says", several.len(), names.join(", "))
            }
        });
        words.insert(lock.object, said);
    }
    let owners: HashMap<ObjectId, Vec<Party>> =
        locks.iter().map(|lock| (lock.object, lock.owners.iter().map(|owner| owner.party).collect())).collect();
    for wait in threads.iter_mut().flatten().chain(tasks.iter_mut().filter_map(|task| task.wait.as_mut())) {
        if let Some(lock) = wait.lock {
            wait.words.push_str(&words[&lock]);
            wait.needs.extend(owners[&lock].iter().copied());
        }
    }
    locks
}

fn name(scene: &Scene<'_>, tasks: &[Task], party: Party) -> String {
    match party {
        Party::Thread(index) => scene.dump.threads().get(index).map_or_else(String::new, thread_name),
        Party::Task(index) => tasks.get(index).map_or_else(String::new, |task| task.name.clone()),
    }
}

/// Frames that stand where one of these locks was taken and not given back.
fn search(scene: &Scene<'_>, threads: &[Option<Wait>], tasks: &[Task], wanted: &HashSet<ObjectId>) -> Vec<Taken> {
    let mut search = Search { scene, wanted, held: HashMap::new(), taken: Vec::new() };
    let mut of_tasks: HashSet<u32> = HashSet::new();
    for (index, task) in tasks.iter().enumerate() {
        of_tasks.extend(task.frames.iter().filter_map(|frame| frame.object.id));
        let frames: Vec<&Frame> = task.frames.iter().collect();
        search.stack(Party::Task(index), &frames, task.wait.as_ref());
    }
    for (index, thread) in scene.dump.threads().iter().enumerate() {
        // What an exception has left holds nothing any more.
        let runs = |frame: &&Frame| frame.kind == FrameKind::Running && frame.object.id.is_none_or(|id| !of_tasks.contains(&id));
        let frames: Vec<&Frame> = thread.frames.iter().filter(runs).collect();
        search.stack(Party::Thread(index), &frames, threads.get(index).and_then(Option::as_ref));
    }
    search.taken
}

struct Search<'a, 'd> {
    scene: &'a Scene<'d>,
    wanted: &'a HashSet<ObjectId>,
    held: HashMap<(String, u32), Rc<Vec<Held>>>,
    taken: Vec<Taken>,
}

impl Search<'_, '_> {
    fn stack(&mut self, party: Party, frames: &[&Frame], wait: Option<&Wait>) {
        // Who waits for a condition has let its lock go.
        let conditions = frames.iter().filter(|frame| frame.function == "wait").filter_map(|frame| {
            let me = self.scene.variable(frame, "self")?;
            is_any(&me, &["threading.Condition", "asyncio.locks.Condition"]).then(|| lock_of(&me)).flatten()
        });
        let let_go: Vec<ObjectId> =
            conditions.map(|lock| lock.id()).filter(|id| wait.and_then(|wait| wait.lock) != Some(*id)).collect();
        for (at, frame) in frames.iter().enumerate() {
            let found = self.held_at(frame);
            for held in found.iter() {
                self.consider(party, frame, &held.expression, held.line, &let_go);
            }
            // `with a, b:` that waits for b holds a.
            if at + 1 == frames.len()
                && let Some(lock) = wait.and_then(|wait| wait.lock)
                && let Some((_, items)) = source::with_items(&self.scene.line(frame))
            {
                let of_item = |item: &String| resolve(self.scene, frame, item).and_then(|object| lock_of(&object));
                let last = items.iter().rposition(|item| of_item(item).is_some_and(|found| found.id() == lock));
                for item in &items[..last.unwrap_or(0)] {
                    self.consider(party, frame, item, frame.line, &let_go);
                }
            }
        }
    }

    fn held_at(&mut self, frame: &Frame) -> Rc<Vec<Held>> {
        let scene = self.scene;
        let key = (frame.filename.clone(), frame.line);
        let found = self
            .held
            .entry(key)
            .or_insert_with(|| Rc::new(source::held(&scene.lines(&frame.filename), frame.first_line, frame.line)));
        Rc::clone(found)
    }

    fn consider(&mut self, party: Party, frame: &Frame, expression: &str, line: u32, let_go: &[ObjectId]) {
        let Some(lock) = resolve(self.scene, frame, expression).and_then(|object| lock_of(&object)) else { return };
        if self.wanted.contains(&lock.id()) && !let_go.contains(&lock.id()) {
            let file = frame.filename.rsplit('/').next().unwrap_or_default();
            self.taken.push(Taken { lock: lock.id(), party, place: format!("`{expression}` at {file}:{line}") });
        }
    }
}
