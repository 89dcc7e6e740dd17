//! Memory in pieces: spans of which the bytes are held, in one run of memory of ours or in a file that is mapped, and spans that
//! are read from files when they are asked for.
//!
//! A region of what is held is one run of bytes. What is read from a file is read in blocks, once each.

use super::{Memory, Unreadable, own};
use heapsake_core::{Address, RegionMap, Span};
use std::fs::File;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

/// Pieces of a target's memory.
#[derive(Debug)]
pub(super) struct Pieces<B> {
    bytes: B,
    /// What the bytes hold, and for each of its regions the place.
    held: RegionMap,
    places: Vec<Place>,
    copies: Vec<Copy>,
    windows: Vec<FileWindow>,
    regions: RegionMap,
}

/// A span of the target, and where the bytes that are held have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    pub(super) span: Span,
    pub(super) offset: u64,
}

impl Copy {
    /// The same place, of a part of the span.
    pub(super) fn part(&self, span: Span) -> Copy {
        Copy { span, offset: self.offset + (span.start.0 - self.span.start.0) }
    }
}

/// Where a region is held.
#[derive(Debug)]
enum Place {
    /// In one run.
    Run(Copy),
    /// In copies, from this one on, that do not follow each other.
    From(usize),
}

impl<B: Deref<Target = [u8]>> Pieces<B> {
    /// `copies` and `windows`, ascending, of whole pages, which do not overlap.
    pub(super) fn new(bytes: B, copies: Vec<Copy>, windows: Vec<FileWindow>) -> Pieces<B> {
        let mut spans: Vec<Span> = copies.iter().map(|copy| copy.span).collect();
        let held = RegionMap::new(&spans);
        let places = held.regions().iter().map(|region| {
            let first = copies.partition_point(|copy| copy.span.end <= region.start);
            let of_region = copies[first..].iter().take_while(|copy| copy.span.start < region.end);
            let mut runs = of_region.map(|copy| copy.offset.wrapping_sub(copy.span.start.0));
            match (runs.next(), copies.get(first)) {
                (Some(start), Some(copy)) if runs.all(|next| next == start) => Place::Run(copy.part(*region)),
                _ => Place::From(first),
            }
        });
        let places = places.collect();
        spans.extend(windows.iter().map(|window| window.span));
        let regions = RegionMap::new(&spans);
        Pieces { bytes, held, places, copies, windows, regions }
    }

    /// The same, with `windows` beside what is held.
    pub(super) fn with_windows(self, windows: Vec<FileWindow>) -> Pieces<B> {
        Pieces::new(self.bytes, self.copies, windows)
    }

    /// What can be read.
    pub(super) fn regions(&self) -> &RegionMap {
        &self.regions
    }

    /// What the bytes hold.
    #[cfg(test)]
    pub(super) fn held_regions(&self) -> &RegionMap {
        &self.held
    }

    #[inline]
    fn place(&self, address: Address) -> Option<&Copy> {
        let region = self.held.find(address)?;
        match self.places.get(region.0 as usize)? {
            Place::Run(run) => Some(run),
            Place::From(first) => self.copy_from(*first, address),
        }
    }

    #[cold]
    fn copy_from(&self, first: usize, address: Address) -> Option<&Copy> {
        let copies = self.copies.get(first..)?;
        copies.get(copies.partition_point(|copy| copy.span.end <= address)).filter(|copy| copy.span.contains(address))
    }

    #[inline]
    fn held(&self, address: Address, length: usize) -> Option<&[u8]> {
        let place = self.place(address)?;
        if length as u64 > place.span.end.0 - address.0 {
            return None;
        }
        let begin = (place.offset + (address.0 - place.span.start.0)) as usize;
        self.bytes.get(begin..begin + length)
    }

    #[cold]
    fn whole_piece(&self, address: Address, length: usize) -> Option<&[u8]> {
        self.piece(address, length).filter(|piece| piece.len() == length)
    }

    #[cold]
    fn gathered_word(&self, address: Address) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_at(address, &mut bytes).ok().map(|()| u64::from_le_bytes(bytes))
    }

    fn window(&self, address: Address) -> Option<&FileWindow> {
        let after = self.windows.partition_point(|window| window.span.start <= address);
        self.windows.get(after.checked_sub(1)?).filter(|window| window.span.contains(address))
    }

    /// As many bytes from `address` on as lie in one piece, at most `length`.
    fn piece(&self, address: Address, length: usize) -> Option<&[u8]> {
        if let Some(place) = self.place(address) {
            let left = place.span.end.0 - address.0;
            return self.held(address, length.min(left as usize));
        }
        self.window(address)?.piece(address, length)
    }
}

impl<B: Deref<Target = [u8]>> Memory for Pieces<B> {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        let failure = Unreadable::new(address, into.len());
        let mut done = 0;
        while done < into.len() {
            let next = Address(address.0.checked_add(done as u64).ok_or(failure)?);
            let piece = self.piece(next, into.len() - done).filter(|piece| !piece.is_empty()).ok_or(failure)?;
            into[done..done + piece.len()].copy_from_slice(piece);
            done += piece.len();
        }
        Ok(())
    }

    #[inline]
    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        match self.held(address, length) {
            Some(bytes) => Some(bytes),
            None => self.whole_piece(address, length),
        }
    }

    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        match self.held(address, 8) {
            Some(bytes) => bytes.try_into().ok().map(u64::from_le_bytes),
            None => self.gathered_word(address),
        }
    }

    #[inline]
    fn prefetch(&self, address: Address) {
        if let Some(bytes) = self.held(address, 8) {
            own::prefetch(bytes.as_ptr());
        }
    }
}

/// A span that is read from a file, a block at a time.
#[derive(Debug)]
pub(super) struct FileWindow {
    pub(super) span: Span,
    file: Arc<File>,
    offset: u64,
    /// Groups of blocks, made when one of theirs is: the file behind a window may be a large hole.
    groups: Vec<OnceLock<Box<[OnceLock<Block>]>>>,
}

/// Bytes read from a file: fewer than a block where the file ends or cannot be read.
#[derive(Debug)]
struct Block(Box<[u8]>);

const BLOCK: u64 = 64 << 10;
const GROUP: usize = 1 << 10;

impl FileWindow {
    /// The window that shows `file` from `offset` on at `span`.
    pub(super) fn new(span: Span, file: Arc<File>, offset: u64) -> FileWindow {
        let count = span.len().div_ceil(BLOCK * GROUP as u64);
        FileWindow { span, file, offset, groups: (0..count).map(|_| OnceLock::new()).collect() }
    }

    /// As many bytes from `address` on as lie in one block, at most `length`.
    fn piece(&self, address: Address, length: usize) -> Option<&[u8]> {
        let position = address.0.checked_sub(self.span.start.0)?;
        let index = (position / BLOCK) as usize;
        let group = self.groups.get(index / GROUP)?.get_or_init(|| (0..GROUP).map(|_| OnceLock::new()).collect());
        let block = group.get(index % GROUP)?.get_or_init(|| self.read(index as u64));
        let begin = (position % BLOCK) as usize;
        let end = block.0.len().min(begin.checked_add(length)?);
        block.0.get(begin..end)
    }

    fn read(&self, index: u64) -> Block {
        let length = BLOCK.min(self.span.len() - index * BLOCK) as usize;
        // The rest of a file's last page reads as zeros, as it does in the process.
        let mut bytes = vec![0; length];
        let mut done = 0;
        while done < length {
            match self.file.read_at(&mut bytes[done..], self.offset + index * BLOCK + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => {
                    bytes.clear();
                    break;
                }
            }
        }
        Block(bytes.into_boxed_slice())
    }
}
