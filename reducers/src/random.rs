//! `random`: the generator in C, by `Modules/_randommodule.c`.

use crate::framework::{Fact, facts, known, reducers, unreadable};
use heapsake_cpython::memory::Memory;

reducers! {
    /// *What it holds.* The 624 words of a Mersenne twister, and the position in them.
    /// *What is saved.* `state` and `index`: what `getstate` would give.
    /// *What becomes a surrogate.* None but the unreadable.
    Random ["_random.Random"] "`state` and `index`" => |target, _| {
        const WORDS: usize = 624;
        let layout = known(target.layouts().random)?;
        let state = layout.state.at(target.address());
        let bytes = target.read_vec(state, 4 * WORDS as u64, 4 * WORDS).map_err(|_| unreadable(state))?;
        let words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        facts!(target, "index": target.field(layout.index)?, "state": words.collect::<Fact>());
        Ok(())
    };
}
