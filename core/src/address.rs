//! Typed numbers of an address space: [`Address`], [`Span`], and [`RegionMap`], which says in two loads whether an
//! address is mapped and in which region.
//!
//! An address here belongs to the *target*, the process that is being dumped: nothing in this crate ever dereferences one.

use std::fmt;

/// An address in the target's address space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub u64);

impl Address {
    /// The null pointer, which stands for "nothing" in every edge.
    pub const NULL: Address = Address(0);

    /// Whether this is the null pointer.
    #[inline]
    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `bytes` further on; wraps, so that a hostile offset cannot panic.
    #[inline]
    pub fn offset(self, bytes: i64) -> Address {
        Address(self.0.wrapping_add_signed(bytes))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A half-open range of addresses, `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct Span {
    /// First address inside.
    pub start: Address,
    /// First address beyond.
    pub end: Address,
}

impl Span {
    /// A span of `length` bytes that starts at `start`; cut at the top of the address space.
    pub fn new(start: Address, length: u64) -> Span {
        Span { start, end: Address(start.0.saturating_add(length)) }
    }

    /// Number of bytes inside.
    #[inline]
    pub fn len(self) -> u64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Whether nothing is inside.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The parts of `spans`, which are ascending and do not overlap, that lie inside.
    pub fn parts_in(self, spans: &[Span]) -> Vec<Span> {
        let first = spans.partition_point(|span| span.end <= self.start);
        let inside = spans.iter().skip(first).take_while(|span| span.start < self.end);
        inside.map(|span| Span { start: span.start.max(self.start), end: span.end.min(self.end) }).collect()
    }

    /// Whether `address` lies inside.
    #[inline]
    pub fn contains(self, address: Address) -> bool {
        self.start <= address && address < self.end
    }
}

/// Position of a region in a [`RegionMap`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct RegionIndex(pub u32);

const PAGE_BITS: u32 = 12;
const LEAF_BITS: u32 = 30;
const SPACE_BITS: u32 = 47;
const LEAF_PAGES: usize = 1 << (LEAF_BITS - PAGE_BITS);

/// Which region an address lies in: a two-level page table over 47 bits of address, 1 GiB and 4 KiB a step.
///
/// Adjacent spans are joined and spans are widened to whole pages, so a region may be larger than a span it was made of.
/// A region of many gibibytes has one table for all those that it fills.
pub struct RegionMap {
    regions: Vec<Span>,
    leaves: Vec<u32>,
    tables: Vec<Vec<u32>>,
}

impl RegionMap {
    /// The map of `spans`, in any order, which may touch or overlap.
    pub fn new(spans: &[Span]) -> RegionMap {
        let mask = (1u64 << PAGE_BITS) - 1;
        let top = Address(1 << SPACE_BITS);
        let mut sorted: Vec<Span> = spans
            .iter()
            .filter(|span| !span.is_empty() && span.start < top)
            .map(|span| Span {
                start: Address(span.start.0 & !mask),
                end: Address(span.end.0.min(top.0).saturating_add(mask) & !mask),
            })
            .collect();
        sorted.sort();
        let mut regions: Vec<Span> = Vec::new();
        for span in sorted {
            match regions.last_mut() {
                Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
                _ => regions.push(span),
            }
        }
        let mut map = RegionMap { regions, leaves: vec![0; 1 << (SPACE_BITS - LEAF_BITS)], tables: vec![Vec::new()] };
        for index in 0..map.regions.len() {
            let span = map.regions[index];
            let mut page = span.start.0 >> PAGE_BITS;
            let end = span.end.0 >> PAGE_BITS;
            let mut whole = 0;
            while page < end {
                let leaf = (page >> (LEAF_BITS - PAGE_BITS)) as usize;
                let is_whole = page as usize & (LEAF_PAGES - 1) == 0 && end - page >= LEAF_PAGES as u64;
                if is_whole && whole != 0 {
                    map.leaves[leaf] = whole;
                    page += LEAF_PAGES as u64;
                    continue;
                }
                if map.leaves[leaf] == 0 {
                    map.leaves[leaf] = map.tables.len() as u32;
                    map.tables.push(vec![0; LEAF_PAGES]);
                }
                let table = &mut map.tables[map.leaves[leaf] as usize];
                let first = page as usize & (LEAF_PAGES - 1);
                let count = (LEAF_PAGES - first).min((end - page) as usize);
                table[first..first + count].fill(index as u32 + 1);
                if is_whole {
                    whole = map.leaves[leaf];
                }
                page += count as u64;
            }
        }
        map
    }

    /// The regions, ascending, disjoint and page-aligned.
    pub fn regions(&self) -> &[Span] {
        &self.regions
    }

    /// The region that `address` lies in.
    #[inline]
    pub fn find(&self, address: Address) -> Option<RegionIndex> {
        let leaf = *self.leaves.get((address.0 >> LEAF_BITS) as usize)?;
        let table = &self.tables[leaf as usize];
        match table.get((address.0 >> PAGE_BITS) as usize & (LEAF_PAGES - 1)) {
            None | Some(0) => None,
            Some(index) => Some(RegionIndex(index - 1)),
        }
    }
}

impl fmt::Debug for RegionMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.regions).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_inside_and_nothing_else() {
        let spans = [
            Span::new(Address(0x7f00_0000_0000), 0x3000),
            Span::new(Address(0x1000), 0x1000),
            Span::new(Address(0x2000), 0x1800),
            Span::new(Address(0x3fff_f000), 0x4000_2000),
        ];
        let map = RegionMap::new(&spans);
        assert_eq!(map.regions().len(), 3);
        for (address, expected) in [
            (0, None),
            (0xfff, None),
            (0x1000, Some(0)),
            (0x3fff, Some(0)),
            (0x4000, None),
            (0x3fff_efff, None),
            (0x3fff_f000, Some(1)),
            (0x4000_0000, Some(1)),
            (0x8000_0fff, Some(1)),
            (0x8000_1000, None),
            (0x7f00_0000_2fff, Some(2)),
            (0x7f00_0000_3000, None),
            (u64::MAX, None),
        ] {
            assert_eq!(map.find(Address(address)), expected.map(RegionIndex), "{address:#x}");
        }
    }

    #[test]
    fn numbers_more_regions_than_sixteen_bits_hold() {
        let spans: Vec<Span> =
            (0..150_000u64).map(|index| Span::new(Address(0x7000_0000_0000 + index * 0x2000), 0x1000)).collect();
        let map = RegionMap::new(&spans);
        assert_eq!(map.regions(), spans);
        for (index, span) in spans.iter().enumerate() {
            assert_eq!(map.find(span.start), Some(RegionIndex(index as u32)));
            assert_eq!(map.find(span.end), None, "the gap after {span:?}");
        }
    }

    #[test]
    fn a_region_of_terabytes_costs_no_more_than_its_ends() {
        let spans = [
            Span::new(Address(0x1000), 0x1000),
            Span::new(Address(0x7fff_8000), 0x1000_0000_0000),
            Span::new(Address(0x7f00_0000_0000), 1 << 31),
        ];
        let map = RegionMap::new(&spans);
        assert!(map.tables.len() <= 7, "{} tables", map.tables.len());
        for (index, span) in spans.iter().enumerate() {
            let middle = Address(span.start.0 / 2 + span.end.0 / 2);
            for address in [span.start, middle, span.end.offset(-1)] {
                assert_eq!(map.find(address), Some(RegionIndex(index as u32)), "{address} of {span:?}");
            }
            assert_eq!((map.find(span.start.offset(-0x1000)), map.find(span.end)), (None, None));
        }
    }
}
