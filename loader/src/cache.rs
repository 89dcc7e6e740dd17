//! Decoded object chunks, the last ones used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heapsake_core::format::Objects;

/// Chunks that are kept unless more are asked for: up to some MB each.
const KEPT: usize = 24;

/// The last decoded chunks. None is decoded while others wait for the lock; two who want one chunk at once decode it twice.
#[derive(Debug)]
pub(crate) struct Cache {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By position of the chunk; none when it cannot be decoded.
    chunks: HashMap<usize, (u64, Option<Arc<Objects>>)>,
    clock: u64,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache { most: KEPT, state: Mutex::default() }
    }
}

impl Cache {
    /// Keeps more chunks, or fewer.
    pub(crate) fn keep(&mut self, most: usize) {
        self.most = most.max(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the chunk at `position` is kept.
    pub(crate) fn has(&self, position: usize) -> bool {
        self.state().chunks.contains_key(&position)
    }

    /// The chunk at `position`, made by `decode` when it is not kept.
    pub(crate) fn get(&self, position: usize, decode: impl FnOnce() -> Option<Objects>) -> Option<Arc<Objects>> {
        let mut state = self.state();
        state.clock += 1;
        let now = state.clock;
        if let Some((used, chunk)) = state.chunks.get_mut(&position) {
            *used = now;
            return chunk.clone();
        }
        drop(state);
        let chunk = decode().map(Arc::new);
        let mut state = self.state();
        if state.chunks.len() >= self.most
            && !state.chunks.contains_key(&position)
            && let Some(oldest) = state.chunks.iter().min_by_key(|(_, (used, _))| *used).map(|(position, _)| *position)
        {
            state.chunks.remove(&oldest);
        }
        state.chunks.insert(position, (now, chunk.clone()));
        chunk
    }
}
