//! Typed numbers of an address space: [`Address`], [`Span`], and [`RegionMap`], which says in three loads whether an
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
/// What an entry of each level covers: a page, 2 MiB, 1 GiB.
const LEVEL_BITS: u32 = 9;
const ENTRIES: usize = 1 << LEVEL_BITS;
const BLOCK_BITS: u32 = PAGE_BITS + LEVEL_BITS;
const TOP_BITS: u32 = BLOCK_BITS + LEVEL_BITS;
const SPACE_BITS: u32 = 48;

/// Which region an address lies in: a three-level page table of 1 GiB, 2 MiB and 4 KiB a step over 48 bits of address, which is
/// all that x86-64 (47) and aarch64 give a process unasked.
///
/// Adjacent spans are joined and spans are widened to whole pages, so a region may be larger than a span it was made of.
/// What a region fills shares one table, so the map is small for regions that are large or far apart.
pub struct RegionMap {
    regions: Vec<Span>,
    /// Of each GiB the number of its table in `blocks`; table 0 is empty, here as there.
    top: Vec<u32>,
    /// Tables of 512, of each 2 MiB the number of its table in `pages`.
    blocks: Vec<u32>,
    /// Tables of 512, of each page one more than the number of its region.
    pages: Vec<u32>,
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
        let empty = vec![0; ENTRIES];
        let mut map = RegionMap { regions, top: vec![0; 1 << (SPACE_BITS - TOP_BITS)], blocks: empty.clone(), pages: empty };
        for index in 0..map.regions.len() {
            map.enter(index);
        }
        map
    }

    /// Enters a region, which lies above those that are there.
    fn enter(&mut self, index: usize) {
        let Span { start, end } = self.regions[index];
        let entry = index as u32 + 1;
        // The tables of what the region fills.
        let (mut full_block, mut full_top) = (None, None);
        let mut at = start.0;
        while at < end.0 {
            let is_start = |bits: u32| at & ((1 << bits) - 1) == 0 && end.0 - at >= 1 << bits;
            if is_start(TOP_BITS) {
                let block = *full_block.get_or_insert_with(|| table(&mut self.pages, entry));
                let full = *full_top.get_or_insert_with(|| table(&mut self.blocks, block));
                self.top[(at >> TOP_BITS) as usize] = full;
                at += 1 << TOP_BITS;
                continue;
            }
            let blocks = below(&mut self.top, (at >> TOP_BITS) as usize, &mut self.blocks);
            let place = blocks + (at >> BLOCK_BITS) as usize % ENTRIES;
            if is_start(BLOCK_BITS) {
                self.blocks[place] = *full_block.get_or_insert_with(|| table(&mut self.pages, entry));
                at += 1 << BLOCK_BITS;
                continue;
            }
            let pages = below(&mut self.blocks, place, &mut self.pages);
            let first = (at >> PAGE_BITS) as usize % ENTRIES;
            let count = (ENTRIES - first).min(((end.0 - at) >> PAGE_BITS) as usize);
            self.pages[pages + first..pages + first + count].fill(entry);
            at += (count as u64) << PAGE_BITS;
        }
    }

    /// The regions, ascending, disjoint and page-aligned.
    pub fn regions(&self) -> &[Span] {
        &self.regions
    }

    /// The region that `address` lies in.
    #[inline]
    pub fn find(&self, address: Address) -> Option<RegionIndex> {
        let block = *self.top.get((address.0 >> TOP_BITS) as usize)?;
        let page = *self.blocks.get(block as usize * ENTRIES + (address.0 >> BLOCK_BITS) as usize % ENTRIES)?;
        let entry = *self.pages.get(page as usize * ENTRIES + (address.0 >> PAGE_BITS) as usize % ENTRIES)?;
        entry.checked_sub(1).map(RegionIndex)
    }
}

/// A further table, all of whose entries are `entry`; gives its number.
fn table(tables: &mut Vec<u32>, entry: u32) -> u32 {
    let number = tables.len() / ENTRIES;
    tables.resize(tables.len() + ENTRIES, entry);
    number as u32
}

/// Where the table begins, in `tables`, that the entry at `place` names; an empty one is made for an entry that names none.
fn below(entries: &mut [u32], place: usize, tables: &mut Vec<u32>) -> usize {
    if entries[place] == 0 {
        entries[place] = table(tables, 0);
    }
    entries[place] as usize * ENTRIES
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
            // Where aarch64 has stacks and libraries.
            Span::new(Address(0xffff_8000_0000), 0x7fff_f000),
        ];
        let map = RegionMap::new(&spans);
        assert_eq!(map.regions().len(), 4);
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
            (0xffff_8000_0000, Some(3)),
            (0xffff_ffff_f000, None),
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
        let tables = map.pages.len() / ENTRIES + map.blocks.len() / ENTRIES;
        assert!(tables <= 13, "{tables} tables");
        for (index, span) in spans.iter().enumerate() {
            let middle = Address(span.start.0 / 2 + span.end.0 / 2);
            for address in [span.start, middle, span.end.offset(-1)] {
                assert_eq!(map.find(address), Some(RegionIndex(index as u32)), "{address} of {span:?}");
            }
            assert_eq!((map.find(span.start.offset(-0x1000)), map.find(span.end)), (None, None));
        }
    }

    #[test]
    fn regions_that_are_far_apart_cost_two_tables_each() {
        let spans: Vec<Span> = (0..4_000u64).map(|index| Span::new(Address((index << 30) + 0x20_0000), 0x1000)).collect();
        let map = RegionMap::new(&spans);
        assert_eq!((map.pages.len() / ENTRIES, map.blocks.len() / ENTRIES), (4_001, 4_001));
        assert_eq!(map.find(spans[3_999].start), Some(RegionIndex(3_999)));
    }

    proptest::proptest! {
        #[test]
        fn finds_what_a_search_of_the_regions_finds(spans in proptest::collection::vec((0u64..1 << 14, 0u64..1 << 13, 0u32..3), 1..12)) {
            // Starts and lengths in pages, in blocks of 2 MiB less a page, and in quarters of a GiB.
            let unit = |size: u32| [0x1000, 0x1f_f000, 0x1000_0000][size as usize];
            let spans: Vec<Span> =
                spans.iter().map(|(start, length, size)| Span::new(Address(start * unit(*size)), length / 8 * unit(*size))).collect();
            let map = RegionMap::new(&spans);
            let searched = |address: Address| map.regions().iter().position(|region| region.contains(address));
            for edge in spans.iter().flat_map(|span| [span.start, span.end, Address(span.start.0 / 2 + span.end.0 / 2)]) {
                for address in [edge, Address(edge.0.saturating_sub(1)), edge.offset(0x1000), edge.offset(1 << 21), edge.offset(1 << 30)] {
                    proptest::prop_assert_eq!(map.find(address).map(|index| index.0 as usize), searched(address));
                }
            }
        }
    }
}
