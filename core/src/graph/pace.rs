//! Loops over a whole graph, for whoever may not want to wait for their end: asked at bounded intervals.

use std::fmt;

/// Parts that are gone through between two questions: a millisecond's work, or a few where memory is slow.
pub(super) const STRIDE: usize = 1 << 16;
/// Bytes that are taken in one go where bytes are filled, hashed or written; as much work as the parts of a stride.
const PIECE: usize = 1 << 20;

/// How far a loop is, and who may end it.
pub struct Pace<'a> {
    goes_on: &'a mut dyn FnMut(usize, usize) -> bool,
    since: usize,
    done: usize,
    of: usize,
}

impl<'a> Pace<'a> {
    /// A loop over about so many parts. `goes_on` hears how many of how many are done, and ends the loop when it says no.
    pub fn new(of: usize, goes_on: &'a mut dyn FnMut(usize, usize) -> bool) -> Pace<'a> {
        Pace { goes_on, since: 0, done: 0, of: of.max(1) }
    }

    /// Counts parts that are gone through; none when the loop is to end.
    #[inline]
    pub fn passed(&mut self, parts: usize) -> Option<()> {
        self.since = self.since.saturating_add(parts);
        if self.since < STRIDE { Some(()) } else { self.ask() }
    }

    /// Asks now, whatever was gone through since.
    #[cold]
    pub fn ask(&mut self) -> Option<()> {
        self.done = self.done.saturating_add(std::mem::take(&mut self.since)).min(self.of);
        (self.goes_on)(self.done, self.of).then_some(())
    }

    /// Goes through a row, however long.
    #[inline]
    pub(super) fn each<T>(&mut self, row: &[T], mut act: impl FnMut(&T)) -> Option<()> {
        for part in row.chunks(STRIDE) {
            part.iter().for_each(&mut act);
            self.passed(part.len())?;
        }
        Some(())
    }

    /// Gives bytes a piece at a time.
    pub fn pieces(&mut self, bytes: &[u8], mut act: impl FnMut(&[u8])) -> Option<()> {
        for piece in bytes.chunks(PIECE) {
            act(piece);
            self.passed(of_bytes(piece.len()))?;
        }
        Some(())
    }
}

/// The parts that so many bytes count as.
pub(super) fn of_bytes(bytes: usize) -> usize {
    bytes / (PIECE / STRIDE)
}

impl fmt::Debug for Pace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("done", &self.done).field("of", &self.of).finish_non_exhaustive()
    }
}
