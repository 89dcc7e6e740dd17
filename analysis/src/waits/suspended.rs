//! Suspended generators, coroutines and async generators that no task and no thread runs: each has a stack of its own.

use std::collections::HashSet;

use heapsake_core::format::records::Frame;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{Dump, Object, ObjectId};

use super::coroutines::{Chains, awaited, cut, prefix};
use super::state::{member, text};
use super::{Task, Waits};

/// Frames of all of them together.
const FRAMES: usize = 100_000;
/// Characters of a name.
const NAME: usize = 1000;

/// One of them, the outermost of those that await each other.
#[derive(Clone, Debug)]
pub struct Suspended {
    /// The generator.
    pub object: ObjectId,
    /// Its type: `generator`, `coroutine`, `async_generator`.
    pub kind: String,
    /// Its qualified name.
    pub name: String,
    /// Its frames, outermost first.
    pub frames: Vec<Frame>,
    /// Whether there are more, further inside, that were not read.
    pub is_cut: bool,
}

impl Waits {
    /// Generators and coroutines that are suspended, or were never begun, and belong to no task; at most `most` of them, and
    /// how many there are.
    pub fn suspended(&self, dump: &Dump, most: usize) -> (Vec<Suspended>, usize) {
        let known = frames_of(dump, &self.tasks);
        let kinds: Vec<bool> = dump.types().iter().map(|known| known.kind == TypeKind::Generator).collect();
        let mut alone: Vec<Object<'_>> = Vec::new();
        let mut inner = HashSet::new();
        for (id, _) in dump.objects_of_types(&kinds) {
            let object = dump.object(id);
            let frame = member(&object, &format!("{}_frame", prefix(&object)));
            if let Some(frame) = frame.filter(|frame| frame.decoded().is_some()) {
                inner.extend(awaited(&object).map(|awaited| awaited.id()));
                if !known.contains(&frame.id()) {
                    alone.push(object);
                }
            }
        }
        alone.retain(|object| !inner.contains(&object.id()));
        let mut chains = Chains::new(dump, FRAMES);
        let described = alone.iter().take(most).map(|object| {
            let chain = chains.of(object);
            let name = text(object, "__qualname__").or_else(|| text(object, "__name__")).unwrap_or_default();
            Suspended {
                object: object.id(),
                kind: object.type_name().to_owned(),
                name: cut(name, NAME),
                frames: chain.frames,
                is_cut: chain.is_cut,
            }
        });
        (described.collect(), alone.len())
    }
}

/// Frames that threads and tasks are in.
fn frames_of(dump: &Dump, tasks: &[Task]) -> HashSet<ObjectId> {
    let of_threads = dump.threads().iter().flat_map(|thread| &thread.frames);
    let of_tasks = tasks.iter().flat_map(|task| &task.frames);
    of_threads.chain(of_tasks).filter_map(|frame| frame.object.id.map(ObjectId)).collect()
}
