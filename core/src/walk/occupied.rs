//! How much of each region of the target's memory objects take, counted while they are written.

use crate::address::Address;
use crate::heap::Region;

/// Regions, ascending, and what objects take of them.
#[derive(Debug, Default)]
pub(crate) struct Occupied {
    regions: Vec<Region>,
    /// Where the last object was, and the last block: the next one is often there too.
    object: usize,
    block: usize,
}

impl Occupied {
    pub(crate) fn new(mut regions: Vec<Region>) -> Occupied {
        regions.sort_by_key(|region| region.start);
        Occupied { regions, object: 0, block: 0 }
    }

    /// Counts an object of so many bytes that lie where it does.
    #[inline]
    pub(crate) fn object(&mut self, at: Address, bytes: u64) {
        self.object = place(&self.regions, self.object, at);
        if let Some(region) = self.regions.get_mut(self.object) {
            region.objects += 1;
            region.object_bytes = region.object_bytes.saturating_add(bytes);
        }
    }

    /// Counts a block of an object; gives how many bytes of it lie in the region in which it begins, and only those are counted.
    #[inline]
    pub(crate) fn block(&mut self, at: Address, bytes: u64) -> u64 {
        self.block = place(&self.regions, self.block, at);
        let Some(region) = self.regions.get_mut(self.block) else { return 0 };
        let inside = bytes.min(region.end - at.0);
        region.object_bytes = region.object_bytes.saturating_add(inside);
        inside
    }

    pub(crate) fn into_regions(self) -> Vec<Region> {
        self.regions
    }
}

/// The region that an address lies in, `likely` perhaps; beyond the last one when it lies in none.
#[inline]
fn place(regions: &[Region], likely: usize, at: Address) -> usize {
    let contains = |region: &Region| region.start <= at.0 && at.0 < region.end;
    if regions.get(likely).is_some_and(contains) {
        return likely;
    }
    let after = regions.partition_point(|region| region.start <= at.0);
    after.checked_sub(1).filter(|index| regions.get(*index).is_some_and(contains)).unwrap_or(usize::MAX)
}
