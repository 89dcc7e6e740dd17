//! Mark bitmaps over the mapped memory, one bit per 8 bytes, and the object numbers that follow from them.
//!
//! `seen` says that an object was reached, `done` that it was visited. A summary bit per page says where something seen is
//! not done, so a sweep looks at 1/32768 of the memory. After the walk the number of an object is the count of seen bits
//! below it: dense, in the order of addresses, without a hash map.

use std::cell::Cell;

use crate::address::{Address, RegionMap, Span};

/// Words of a line.
pub(crate) const LINE_WORDS: usize = 8;
/// Bytes of memory that a word covers.
const WORD_BYTES: i64 = 512;
/// Bytes of memory that a line of 8 words covers.
const LINE_BYTES: u64 = 4096;

/// The marks of a walk.
pub(crate) struct Marks {
    map: RegionMap,
    last: Cell<Region>,
    /// First line of each region.
    first_line: Vec<usize>,
    seen: Vec<u64>,
    done: Vec<u64>,
    summary: Vec<u64>,
    /// Seen and not done.
    pub(crate) pending: u64,
    /// Pointers that led out of the mapped memory, or were not aligned.
    pub(crate) strays: u64,
}

/// A region, and where its marks begin.
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    length: u64,
    first_word: usize,
}

/// Direction of a sweep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Up,
    Down,
}

impl Marks {
    pub(crate) fn new(spans: &[Span]) -> Marks {
        let map = RegionMap::new(spans);
        let mut lines = 0;
        let mut first_line = Vec::with_capacity(map.regions().len());
        for region in map.regions() {
            first_line.push(lines);
            lines += (region.len() / LINE_BYTES) as usize;
        }
        let words = vec![0; lines * LINE_WORDS];
        let done = vec![0; lines * LINE_WORDS];
        Marks {
            map,
            last: Cell::default(),
            first_line,
            seen: words,
            done,
            summary: vec![0; lines.div_ceil(64)],
            pending: 0,
            strays: 0,
        }
    }

    #[inline]
    fn place(&self, address: Address) -> Option<(usize, u64)> {
        let mut region = self.last.get();
        if address.0.wrapping_sub(region.start) >= region.length {
            region = self.region(address)?;
        }
        if address.0 & 7 != 0 {
            return None;
        }
        let offset = address.0 - region.start;
        Some((region.first_word + (offset >> 9) as usize, 1 << (offset >> 3 & 63)))
    }

    /// The region that `address` lies in, which is remembered: most references stay in one.
    fn region(&self, address: Address) -> Option<Region> {
        let index = self.map.find(address)?.0 as usize;
        let span = self.map.regions()[index];
        let first_word = self.first_line[index] * LINE_WORDS;
        let region = Region { start: span.start.0, length: span.len(), first_word };
        self.last.set(region);
        Some(region)
    }

    /// Marks an object as seen; whether it was not before. Null is nothing.
    #[inline]
    pub(crate) fn mark(&mut self, address: Address) -> bool {
        let Some((word, bit)) = self.place(address) else {
            self.strays += u64::from(!address.is_null());
            return false;
        };
        let seen = &mut self.seen[word];
        if *seen & bit != 0 {
            return false;
        }
        *seen |= bit;
        let line = word / LINE_WORDS;
        self.summary[line / 64] |= 1 << (line % 64);
        self.pending += 1;
        true
    }

    /// Marks an object as seen and done, for a caller that visits it; whether it was not seen before.
    #[inline]
    pub(crate) fn claim(&mut self, address: Address) -> bool {
        let Some((word, bit)) = self.place(address) else {
            self.strays += u64::from(!address.is_null());
            return false;
        };
        if self.seen[word] & bit != 0 {
            return false;
        }
        self.seen[word] |= bit;
        self.done[word] |= bit;
        true
    }

    /// Makes a done object pending again, which its caller did not come to.
    pub(crate) fn give_back(&mut self, address: Address) {
        if let Some((word, bit)) = self.place(address)
            && self.done[word] & bit != 0
        {
            self.done[word] &= !bit;
            let line = word / LINE_WORDS;
            self.summary[line / 64] |= 1 << (line % 64);
            self.pending += 1;
        }
    }

    /// Marks a seen object as done; whether it was not before.
    #[inline]
    pub(crate) fn finish(&mut self, address: Address) -> bool {
        let Some((word, bit)) = self.place(address) else { return false };
        if self.done[word] & bit != 0 {
            return false;
        }
        self.done[word] |= bit;
        self.pending -= 1;
        true
    }

    fn address_of_line(&self, line: usize) -> Address {
        let region = self.first_line.partition_point(|first| *first <= line) - 1;
        let start = self.map.regions()[region].start;
        Address(start.0 + (line - self.first_line[region]) as u64 * LINE_BYTES)
    }

    /// The next line with something pending in `direction`, from summary word `from` on, and the address that it starts at;
    /// its summary bit is cleared.
    pub(crate) fn next_line(&mut self, from: &mut usize, direction: Direction) -> Option<(usize, Address)> {
        loop {
            let word = self.summary.get_mut(*from)?;
            if *word != 0 {
                let bit = match direction {
                    Direction::Up => word.trailing_zeros(),
                    Direction::Down => 63 - word.leading_zeros(),
                };
                *word &= !(1 << bit);
                let line = *from * 64 + bit as usize;
                return Some((line, self.address_of_line(line)));
            }
            match direction {
                Direction::Up => *from += 1,
                Direction::Down => *from = from.checked_sub(1)?,
            }
        }
    }

    /// Summary word from which a sweep starts.
    pub(crate) fn start(&self, direction: Direction) -> usize {
        match direction {
            Direction::Up => 0,
            Direction::Down => self.summary.len().saturating_sub(1),
        }
    }

    /// Takes the pending objects of a word, the `nth` of its line in `direction`: they are done from now on.
    #[inline]
    pub(crate) fn take(&mut self, (line, start): (usize, Address), direction: Direction, nth: usize) -> Taken {
        let within = match direction {
            Direction::Up => nth,
            Direction::Down => LINE_WORDS - 1 - nth,
        };
        let at = line * LINE_WORDS + within;
        let bits = self.seen[at] & !self.done[at];
        self.done[at] |= bits;
        self.pending -= u64::from(bits.count_ones());
        Taken { start: start.offset(within as i64 * WORD_BYTES), bits, direction }
    }

    /// The pending objects of a line, ascending; they stay pending.
    fn pending_of(&self, (line, start): (usize, Address)) -> impl Iterator<Item = Address> + '_ {
        (0..LINE_WORDS).flat_map(move |within| {
            let at = line * LINE_WORDS + within;
            bits(self.seen[at] & !self.done[at]).map(move |bit| start.offset(within as i64 * WORD_BYTES + i64::from(bit) * 8))
        })
    }

    /// Up to `limit` pending addresses; they stay pending.
    pub(crate) fn collect_pending(&self, limit: usize, into: &mut Vec<Address>) {
        let lines = self.summary.iter().enumerate();
        let lines = lines.flat_map(|(index, summary)| bits(*summary).map(move |bit| index * 64 + bit as usize));
        let pending = lines.flat_map(|line| self.pending_of((line, self.address_of_line(line))));
        into.extend(pending.take(limit.saturating_sub(into.len())));
    }

    /// The marks with numbers for all that was seen.
    pub(crate) fn number(mut self) -> Numbers {
        if self.pending == 0 {
            self.done = Vec::new();
        }
        let mut ranks = Vec::with_capacity(self.seen.len());
        let mut count = 0u32;
        for word in &self.seen {
            ranks.push(count);
            count += word.count_ones();
        }
        Numbers { marks: self, ranks, count }
    }
}

/// Objects with their numbers.
pub(crate) struct Numbers {
    marks: Marks,
    /// Number of the first object of each word. One entry a word and not a line: half a percent of memory more, and no
    /// summing for each of the millions of edges.
    ranks: Vec<u32>,
    count: u32,
}

impl Numbers {
    /// Number of objects.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The number of the object at `address`.
    #[inline]
    pub(crate) fn id(&self, address: Address) -> Option<u32> {
        let (word, bit) = self.marks.place(address)?;
        let seen = self.marks.seen[word];
        (seen & bit != 0).then(|| self.ranks[word] + (seen & (bit - 1)).count_ones())
    }

    /// Gives every object to `told` in ascending order of addresses, with whether it was visited.
    ///
    /// # Errors
    /// The first that `told` has.
    pub(crate) fn each<E>(&self, mut told: impl FnMut(Address, bool) -> Result<(), E>) -> Result<(), E> {
        for (line, words) in self.marks.seen.chunks_exact(LINE_WORDS).enumerate() {
            if words.iter().all(|word| *word == 0) {
                continue;
            }
            let mut start = self.marks.address_of_line(line);
            for (within, word) in words.iter().enumerate() {
                // Nothing pending, no bitmap of what is done.
                let done = self.marks.done.get(line * LINE_WORDS + within).copied().unwrap_or(u64::MAX);
                for bit in bits(*word) {
                    told(start.offset(i64::from(bit) * 8), done >> bit & 1 == 1)?;
                }
                start = start.offset(WORD_BYTES);
            }
        }
        Ok(())
    }
}

/// Objects that were taken to be visited; those that are not are to be given back.
pub(crate) struct Taken {
    start: Address,
    bits: u64,
    direction: Direction,
}

impl Iterator for Taken {
    type Item = Address;

    #[inline]
    fn next(&mut self) -> Option<Address> {
        if self.bits == 0 {
            return None;
        }
        let bit = match self.direction {
            Direction::Up => self.bits.trailing_zeros(),
            Direction::Down => self.bits.ilog2(),
        };
        self.bits &= !(1 << bit);
        Some(self.start.offset(i64::from(bit) * 8))
    }
}

fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros();
            word &= word - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans() -> Vec<Span> {
        vec![Span::new(Address(0x10_0000), 0x5000), Span::new(Address(0x7000_0000_0000), 0x2000)]
    }

    #[test]
    fn numbers_are_the_ranks_of_the_addresses() {
        let mut marks = Marks::new(&spans());
        let addresses = [0x10_0000, 0x10_0008, 0x10_01f8, 0x10_0200, 0x10_4ff8, 0x7000_0000_0000, 0x7000_0000_1ff8];
        for address in addresses.iter().rev() {
            assert!(marks.mark(Address(*address)));
            assert!(!marks.mark(Address(*address)));
        }
        for stray in [0x10_0004, 0x20_0000, 8] {
            assert!(!marks.mark(Address(stray)));
        }
        assert_eq!((marks.pending, marks.strays), (7, 3));
        assert!(marks.finish(Address(0x10_0200)) && !marks.finish(Address(0x10_0200)));
        let mut pending = Vec::new();
        marks.collect_pending(100, &mut pending);
        assert_eq!(pending.len(), 6);
        let numbers = marks.number();
        assert_eq!(numbers.count(), 7);
        for (id, address) in addresses.iter().enumerate() {
            assert_eq!(numbers.id(Address(*address)), Some(id as u32));
        }
        assert_eq!(numbers.id(Address(0x10_0010)), None);
        let mut all = Vec::new();
        let told: Result<(), ()> = numbers.each(|address, done| {
            all.push((address, done));
            Ok(())
        });
        assert_eq!(told, Ok(()));
        assert_eq!(all.iter().map(|(address, _)| address.0).collect::<Vec<_>>(), addresses);
        assert_eq!(all.iter().filter(|(_, done)| *done).count(), 1);
    }

    #[test]
    fn a_sweep_meets_everything_pending_in_its_direction() {
        for direction in [Direction::Up, Direction::Down] {
            let mut marks = Marks::new(&spans());
            for address in [0x10_0000, 0x10_2008, 0x10_2010, 0x7000_0000_1000] {
                marks.mark(Address(address));
            }
            let mut met = Vec::new();
            let mut at = marks.start(direction);
            while let Some(line) = marks.next_line(&mut at, direction) {
                (0..LINE_WORDS).for_each(|nth| met.extend(marks.take(line, direction, nth).map(|address| address.0)));
            }
            let mut expected = vec![0x10_0000, 0x10_2008, 0x10_2010, 0x7000_0000_1000];
            if direction == Direction::Down {
                expected.reverse();
            }
            assert_eq!(met, expected);
            assert_eq!(marks.pending, 0);
        }
    }
}
