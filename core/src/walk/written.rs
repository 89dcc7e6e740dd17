//! What the writing pass has written, counted.

use rustc_hash::FxHashMap;

use crate::reduce::Reason;

/// What was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) objects: u64,
    pub(crate) edges: u64,
    pub(crate) bytes: u64,
    pub(crate) strays: u64,
    pub(crate) redacted: u64,
    pub(crate) surrogates: FxHashMap<Reason, u64>,
}
