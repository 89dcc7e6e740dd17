//! How much of a process's memory its objects explain, by what the memory is for.

use heapsake_core::heap::{Region, RegionKind};
use heapsake_loader::Dump;

/// What regions add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many they are.
    pub regions: u64,
    /// Bytes of address space.
    pub mapped: u64,
    /// Bytes in memory; none where it is known of no region.
    pub resident: Option<u64>,
    /// Bytes that the runtime's allocator has given out; none where it has no region.
    pub in_use: Option<u64>,
    /// Objects that lie there.
    pub objects: u64,
    /// Bytes that objects and their blocks take.
    pub object_bytes: u64,
}

/// The memory of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// All regions together.
    pub whole: Sums,
    /// By what they are for, in the order of [`RegionKind::ALL`]; kinds of which there is no region are left out.
    pub kinds: Vec<(RegionKind, Sums)>,
}

impl Sums {
    fn add(&mut self, region: &Region) {
        let sum = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        self.regions += 1;
        // What the file says may be anything.
        self.mapped = self.mapped.saturating_add(region.len());
        sum(&mut self.resident, region.resident);
        sum(&mut self.in_use, region.in_use);
        self.objects = self.objects.saturating_add(region.objects);
        self.object_bytes = self.object_bytes.saturating_add(region.object_bytes);
    }

    /// Which share of what is in memory objects take, or of the address space where no more is known.
    pub fn share(&self) -> f64 {
        self.object_bytes as f64 / self.resident.unwrap_or(self.mapped).max(1) as f64
    }
}

impl MemoryUse {
    /// The memory of the process that a dump was made of; nothing is in it where the dump does not tell.
    pub fn of(dump: &Dump) -> MemoryUse {
        let mut whole = Sums::default();
        let mut kinds: Vec<(RegionKind, Sums)> =
            RegionKind::ALL.into_iter().chain([RegionKind::Unknown]).map(|kind| (kind, Sums::default())).collect();
        for region in dump.regions() {
            whole.add(region);
            if let Some((_, sums)) = kinds.iter_mut().find(|(kind, _)| *kind == region.kind) {
                sums.add(region);
            }
        }
        kinds.retain(|(_, sums)| sums.regions > 0);
        MemoryUse { whole, kinds }
    }
}

/// Bytes of a region that are in memory and that no object explains.
pub fn unexplained(region: &Region) -> u64 {
    region.resident.unwrap_or(region.len()).saturating_sub(region.object_bytes)
}
