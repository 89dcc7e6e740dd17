//! Decoded object chunks, the last ones used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use heapsake_core::format::Objects;

/// Chunks that are kept: about 1 MB each.
const KEPT: usize = 24;

/// The last decoded chunks.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By position of the chunk; none when it cannot be decoded.
    chunks: HashMap<usize, (u64, Option<Arc<Objects>>)>,
    clock: u64,
}

impl Cache {
    /// The chunk at `position`, made by `decode` when it is not kept.
    pub(crate) fn get(&self, position: usize, decode: impl FnOnce() -> Option<Objects>) -> Option<Arc<Objects>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        if let Some((used, chunk)) = state.chunks.get_mut(&position) {
            *used = now;
            return chunk.clone();
        }
        let chunk = decode().map(Arc::new);
        if state.chunks.len() >= KEPT
            && let Some(oldest) = state.chunks.iter().min_by_key(|(_, (used, _))| *used).map(|(position, _)| *position)
        {
            state.chunks.remove(&oldest);
        }
        state.chunks.insert(position, (now, chunk.clone()));
        chunk
    }
}
