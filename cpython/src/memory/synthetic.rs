//! Memory that tests make: regions of bytes, words and pointers, laid out by hand.
//!
//! It shares nothing with the layout tables, so that a test which builds an object here catches a wrong table.
//! A read may begin and end anywhere inside of one region and may not cross into another.

use super::maps::{Mapping, Permissions};
use super::{Memory, Source, Unreadable};
use heapsake_core::{Address, RegionMap, Span};

/// Memory made by hand.
#[derive(Debug)]
pub struct Synthetic {
    parts: Vec<(Address, Vec<u8>)>,
    mappings: Vec<Mapping>,
    regions: RegionMap,
}

impl Synthetic {
    /// Begins to lay out memory.
    pub fn builder() -> SyntheticBuilder {
        SyntheticBuilder { parts: Vec::new() }
    }
}

impl Memory for Synthetic {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        let bytes = self.slice(address, into.len()).ok_or(Unreadable::new(address, into.len()))?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        self.regions.find(address)?;
        let after = self.parts.partition_point(|(start, _)| *start <= address);
        let (start, bytes) = self.parts.get(after.checked_sub(1)?)?;
        let begin = usize::try_from(address.0 - start.0).ok()?;
        bytes.get(begin..begin.checked_add(length)?)
    }
}

impl Source for Synthetic {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }
    fn regions(&self) -> &RegionMap {
        &self.regions
    }
}

/// Lays out a [`Synthetic`]: regions first, then what stands in them.
#[derive(Debug)]
pub struct SyntheticBuilder {
    parts: Vec<(Address, Vec<u8>)>,
}

impl SyntheticBuilder {
    /// A region of `length` zero bytes at `start`.
    ///
    /// # Panics
    ///
    /// If it overlaps another region.
    pub fn region(mut self, start: Address, length: usize) -> SyntheticBuilder {
        let overlaps =
            |(other, bytes): &(Address, Vec<u8>)| start.0 < other.0 + bytes.len() as u64 && other.0 < start.0 + length as u64;
        assert!(!self.parts.iter().any(overlaps), "the region at {start} overlaps another one");
        self.parts.push((start, vec![0; length]));
        self
    }

    /// Writes `bytes` at `address`.
    ///
    /// # Panics
    ///
    /// If they do not lie inside of one region.
    pub fn bytes(mut self, address: Address, bytes: &[u8]) -> SyntheticBuilder {
        self.write(address, bytes);
        self
    }

    /// Writes the 64-bit `words` one after the other from `address` on.
    ///
    /// # Panics
    ///
    /// If they do not lie inside of one region.
    pub fn words(mut self, address: Address, words: &[u64]) -> SyntheticBuilder {
        for (index, word) in words.iter().enumerate() {
            self.write(address.offset(8 * index as i64), &word.to_le_bytes());
        }
        self
    }

    /// Writes the pointer `target` at `address`.
    ///
    /// # Panics
    ///
    /// If it does not lie inside of one region.
    pub fn pointer(mut self, address: Address, target: Address) -> SyntheticBuilder {
        self.write(address, &target.0.to_le_bytes());
        self
    }

    /// Writes `text` and a NUL at `address`.
    ///
    /// # Panics
    ///
    /// If they do not lie inside of one region.
    pub fn c_string(mut self, address: Address, text: &str) -> SyntheticBuilder {
        self.write(address, text.as_bytes());
        self.write(address.offset(text.len() as i64), &[0]);
        self
    }

    /// Writes in place, for builders that are kept in a variable.
    ///
    /// # Panics
    ///
    /// If the bytes do not lie inside of one region.
    pub fn write(&mut self, address: Address, bytes: &[u8]) {
        let place = self.parts.iter_mut().find_map(|(start, part)| {
            let begin = usize::try_from(address.0.checked_sub(start.0)?).ok()?;
            part.get_mut(begin..begin.checked_add(bytes.len())?)
        });
        match place {
            Some(place) => place.copy_from_slice(bytes),
            None => panic!("{} bytes at {address} lie in no region", bytes.len()),
        }
    }

    /// The memory. Each region is a readable and writable mapping.
    pub fn build(mut self) -> Synthetic {
        self.parts.sort_by_key(|(start, _)| *start);
        let permissions = Permissions { read: true, write: true, execute: false, shared: false };
        let spans: Vec<Span> = self.parts.iter().map(|(start, bytes)| Span::new(*start, bytes.len() as u64)).collect();
        let mappings = spans.iter().map(|&span| Mapping::anonymous(span, permissions)).collect();
        Synthetic { parts: self.parts, mappings, regions: RegionMap::new(&spans) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_laid_out() {
        let memory = Synthetic::builder()
            .region(Address(0x7000), 0x100)
            .region(Address(0x1000), 0x40)
            .words(Address(0x1000), &[1, u64::MAX])
            .pointer(Address(0x1010), Address(0x7000))
            .bytes(Address(0x1018), &[0xfe, 0xff, 0xff, 0xff])
            .c_string(Address(0x70f0), "a name")
            .build();
        assert_eq!(memory.word(Address(0x1000)), Some(1));
        assert_eq!(memory.word(Address(0x1001)), Some(0xff << 56));
        assert_eq!(memory.read_i64(Address(0x1008)), Some(-1));
        assert_eq!(memory.pointer(Address(0x1010)), Some(Address(0x7000)));
        assert_eq!(memory.read_i32(Address(0x1018)), Some(-2));
        assert_eq!(memory.read_u32(Address(0x1018)), Some(0xffff_fffe));
        assert_eq!(memory.read_u16(Address(0x1018)), Some(0xfffe));
        assert_eq!(memory.read_u8(Address(0x1018)), Some(0xfe));
        assert_eq!(memory.c_string(Address(0x70f0), 6).unwrap(), b"a name");
        assert_eq!(memory.c_string(Address(0x70f0), 5), None);
        assert_eq!(memory.read_vec(Address(0x1000), u64::MAX, 16).unwrap().len(), 16);
        assert_eq!(memory.read_vec(Address(0x1000), u64::MAX, 0x41), Err(Unreadable::new(Address(0x1000), 0x41)));
        for address in [0, 0xfff, 0x1039, 0x1040, 0x6fff, 0x70f9, 0x8000, u64::MAX] {
            assert_eq!(memory.word(Address(address)), None, "{address:#x}");
        }
        assert_eq!(memory.mappings().len(), 2);
        assert_eq!(memory.regions().regions().len(), 2);
    }
}
