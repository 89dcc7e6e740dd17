//! A guard for walks along pointers of the target, whose chains may have been made to run in circles.
//!
//! Brent's way: one remembered link, exchanged for the present one at doubling distances. A circle is found after at most
//! three times its length, without memory of what was visited.

use heapsake_core::Address;
use heapsake_core::reduce::{Failure, Reason};

/// A walk along links.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    remembered: Address,
    steps: u64,
    limit: u64,
}

impl Ring {
    /// A walk that has not begun.
    pub(crate) fn new() -> Ring {
        Ring::default()
    }

    /// Takes the step to `link`.
    ///
    /// # Errors
    /// When the walk has been there before.
    pub(crate) fn step(&mut self, link: Address) -> Result<(), Failure> {
        if self.steps > 0 && link == self.remembered {
            return Err(Failure::new(Reason::Corrupt, "its links run in a circle"));
        }
        if self.steps == self.limit {
            self.remembered = link;
            self.limit = 2 * self.limit + 1;
        }
        self.steps += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_end_and_long_chains_do_not() {
        for (lead, length) in [(0, 1), (0, 7), (100, 1), (5, 64), (1000, 999)] {
            let mut ring = Ring::new();
            let link = |step: u64| Address(if step < lead { 8 + step } else { 5000 + (step - lead) % length });
            let steps = (0..100_000).take_while(|step| ring.step(link(*step)).is_ok()).count() as u64;
            assert!(steps >= lead + length && steps <= 4 * (lead + length) + 4, "{lead} {length}: {steps}");
        }
        let mut ring = Ring::new();
        assert!((1..1_000_000).all(|link| ring.step(Address(link)).is_ok()));
    }
}
