//! Decoded object chunks, the last ones used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heapsake_core::format::Objects;

/// Bytes of chunks that are kept unless more are asked for.
const KEPT: usize = 64 << 20;

/// The last decoded chunks. None is decoded while others wait for the lock; two who want one chunk at once decode it twice.
#[derive(Debug)]
pub(crate) struct Cache {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By position of the chunk.
    chunks: HashMap<usize, Kept>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    used: u64,
    bytes: usize,
    /// None when it cannot be decoded.
    chunk: Option<Arc<Objects>>,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache { most: KEPT, state: Mutex::default() }
    }
}

impl State {
    /// Keeps a chunk, which is the newest, and as many of the others as there is room for.
    fn keep(&mut self, position: usize, chunk: Option<Arc<Objects>>, most: usize) {
        self.forget(position);
        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.footprint());
        while self.bytes + bytes > most
            && let Some(oldest) = self.chunks.iter().min_by_key(|(_, kept)| kept.used).map(|(position, _)| *position)
        {
            self.forget(oldest);
        }
        self.bytes += bytes;
        self.chunks.insert(position, Kept { used: self.clock, bytes, chunk });
    }

    fn forget(&mut self, position: usize) {
        if let Some(kept) = self.chunks.remove(&position) {
            self.bytes -= kept.bytes;
        }
    }
}

impl Cache {
    /// Keeps so many bytes.
    pub(crate) fn keep(&mut self, most: usize) {
        self.most = most;
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
        if let Some(kept) = state.chunks.get_mut(&position) {
            kept.used = now;
            return kept.chunk.clone();
        }
        drop(state);
        let chunk = decode().map(Arc::new);
        self.state().keep(position, chunk.clone(), self.most);
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk of one object without anything, which takes some bytes all the same.
    fn chunk() -> Objects {
        let raw = [1, 0, 0, 0, 28, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Objects::decode(0, 1, &raw).expect("a chunk")
    }

    #[test]
    fn the_chunks_that_were_used_last_are_kept() {
        let room = chunk().footprint() * 2;
        let mut cache = Cache::default();
        cache.keep(room + 1);
        for position in [0, 1, 0, 2] {
            assert!(cache.get(position, || Some(chunk())).is_some());
        }
        assert_eq!([0, 1, 2].map(|position| cache.has(position)), [true, false, true]);
        assert_eq!(cache.state().bytes, room);
        // What is too large for the room is kept alone, and what cannot be decoded takes none.
        cache.keep(1);
        assert!(cache.get(3, || Some(chunk())).is_some() && cache.get(4, || None).is_none());
        assert_eq!([0, 2, 3, 4].map(|position| cache.has(position)), [false, false, false, true]);
        assert_eq!(cache.state().bytes, 0);
    }
}
