//! Limits of a capture. What they cut is counted, never silent; a core of objects around the roots is never cut.

use std::time::Instant;

/// Limits; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Sum of the sizes of the objects, in bytes.
    pub bytes: Option<u64>,
    /// Time of the marking pass in seconds.
    pub seconds: Option<f64>,
    /// Number of objects.
    pub objects: Option<u64>,
}

impl Budget {
    /// In words, the limit that is reached.
    pub(crate) fn exceeded(&self, objects: u64, bytes: u64, started: Instant) -> Option<String> {
        if self.objects.is_some_and(|limit| objects >= limit) {
            return Some(format!("stopped after {objects} objects, as asked"));
        }
        if self.bytes.is_some_and(|limit| bytes >= limit) {
            return Some(format!("stopped after objects of {bytes} bytes, as asked"));
        }
        let seconds = self.seconds?;
        (started.elapsed().as_secs_f64() >= seconds).then(|| format!("stopped after {seconds} seconds, as asked"))
    }
}
