//! Memory of a target: the [`Memory`] trait that everything else reads through, and its sources.
//!
//! Addresses are the target's and are never dereferenced outside of [`own`]. A read is all or nothing, and each source
//! checks an address against its own region map before it follows it, so a wild pointer gives [`Unreadable`] or `None`
//! and nothing else. Numbers are little-endian, as every supported target is.
//!
//! [`maps`] parses `/proc/PID/maps`; [`own`] is this process or its forked child, in place; [`process`] is
//! another process, [`freeze`] stops it and [`snapshot`] is the copy of its memory, while
//! [`tracer`] traces one for as long as it runs; [`windows`] leaves it stopped and copies nothing; [`core`] is a core file;
//! [`synthetic`] is memory that tests make.

pub mod available;
pub mod backing;
mod copy;
pub mod core;
pub mod freeze;
pub mod limit;
pub mod maps;
pub mod own;
mod pieces;
pub mod process;
mod ptrace;
mod residency;
pub mod snapshot;
pub mod synthetic;
pub mod tracer;
mod urgency;
pub mod windows;

use heapsake_core::{Address, RegionMap, Span};
use std::fmt;

pub use self::core::Core;
pub use backing::Files;
pub use freeze::Frozen;
pub use maps::{FileOffset, Mapping, Permissions};
pub use own::Own;
pub use process::{Process, Registers};
pub(crate) use residency::Present;
pub use snapshot::Snapshot;
pub use synthetic::Synthetic;
pub use tracer::{Stopped, Tracer, Tracing};
pub use windows::Windows;

/// Bytes at an address of the target.
pub trait Memory {
    /// Fills `into` with the bytes from `address` on: all of it, or nothing that counts.
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable>;

    /// `length` bytes at `address`, borrowed, where the source has them in one piece. `None` does not mean that
    /// they are unreadable: [`read_at`](Memory::read_at) may still gather them.
    #[inline]
    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        let _ = (address, length);
        None
    }

    /// Whether what nothing vouches for may be followed to `address`: a source that loads in place would end with its process
    /// if that were in a guard page, which lies in the middle of a mapping and is no part of the map.
    fn is_loadable(&self, address: Address) -> bool {
        let _ = address;
        true
    }

    /// Is told that the bytes at `address` are soon to be read.
    #[inline]
    fn prefetch(&self, address: Address) {
        let _ = address;
    }

    /// The 64-bit word at `address`, which need not be aligned.
    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        read_array(self, address).map(u64::from_le_bytes)
    }

    /// The pointer at `address`.
    #[inline]
    fn pointer(&self, address: Address) -> Option<Address> {
        self.word(address).map(Address)
    }

    /// The signed 64-bit number at `address` (`Py_ssize_t`).
    #[inline]
    fn read_i64(&self, address: Address) -> Option<i64> {
        self.word(address).map(|word| word as i64)
    }

    /// The unsigned 32-bit number at `address`.
    #[inline]
    fn read_u32(&self, address: Address) -> Option<u32> {
        read_array(self, address).map(u32::from_le_bytes)
    }

    /// The signed 32-bit number at `address`.
    #[inline]
    fn read_i32(&self, address: Address) -> Option<i32> {
        read_array(self, address).map(i32::from_le_bytes)
    }

    /// The unsigned 16-bit number at `address`.
    #[inline]
    fn read_u16(&self, address: Address) -> Option<u16> {
        read_array(self, address).map(u16::from_le_bytes)
    }

    /// The byte at `address`.
    #[inline]
    fn read_u8(&self, address: Address) -> Option<u8> {
        read_array(self, address).map(u8::from_le_bytes)
    }

    /// The `double` at `address`.
    #[inline]
    fn read_f64(&self, address: Address) -> Option<f64> {
        self.word(address).map(f64::from_bits)
    }

    /// The first `length` bytes at `address`, or the first `cap` of them if there are more: a length that came from the
    /// target cannot ask for more memory than the caller grants.
    fn read_vec(&self, address: Address, length: u64, cap: usize) -> Result<Vec<u8>, Unreadable> {
        let length = length.min(cap as u64) as usize;
        if let Some(bytes) = self.slice(address, length) {
            return Ok(bytes.to_vec());
        }
        let mut bytes = Vec::new();
        if length >= LARGE {
            // An allocation that fails ends the program: one object is better lost.
            let failure = Unreadable::new(address, length);
            if !has_room(length.saturating_add(ROOM)) || bytes.try_reserve_exact(length).is_err() {
                return Err(failure);
            }
        }
        while bytes.len() < length {
            // In steps, so that a hostile length over a small mapping allocates no more than it can read.
            let step = (length - bytes.len()).min(1 << 20);
            let begin = bytes.len();
            bytes.resize(begin + step, 0);
            self.read_at(address.offset(begin as i64), &mut bytes[begin..])?;
        }
        Ok(bytes)
    }

    /// The bytes of the C string at `address`, without its NUL; `None` if memory ends before it, or if it is longer than
    /// `maximum`.
    fn c_string(&self, address: Address, maximum: usize) -> Option<Vec<u8>> {
        let mut string = Vec::new();
        let mut next = address;
        let mut piece = [0u8; 64];
        loop {
            // Never over the end of an aligned block: the string may end where its mapping ends.
            let mut step = 64 - (next.0 % 64) as usize;
            if self.read_at(next, &mut piece[..step]).is_err() {
                step = 1;
                self.read_at(next, &mut piece[..1]).ok()?;
            }
            let piece = &piece[..step];
            let found = piece.iter().position(|&byte| byte == 0);
            string.extend_from_slice(&piece[..found.unwrap_or(step)]);
            if string.len() > maximum {
                return None;
            }
            if found.is_some() {
                return Some(string);
            }
            next = next.offset(step as i64);
        }
    }
}

/// Reads of this many bytes ask first whether there is room, and leave so much of it.
const LARGE: usize = 16 << 20;
const ROOM: usize = 32 << 20;

/// Whether `bytes` can be allocated by now, in one piece.
pub fn has_room(bytes: usize) -> bool {
    let mut piece = Vec::<u8>::new();
    let found = piece.try_reserve_exact(bytes).is_ok();
    // An allocation that nobody looks at may be taken for one that succeeds.
    std::hint::black_box(&piece);
    found
}

/// `N` bytes at `address`.
#[inline]
pub fn read_array<const N: usize>(memory: &(impl Memory + ?Sized), address: Address) -> Option<[u8; N]> {
    if let Some(bytes) = memory.slice(address, N) {
        return bytes.try_into().ok();
    }
    let mut bytes = [0; N];
    memory.read_at(address, &mut bytes).ok().map(|()| bytes)
}

/// A [`Memory`] that knows the whole of its address space.
pub trait Source: Memory {
    /// Every mapping of the target, ascending, the unreadable ones included.
    fn mappings(&self) -> &[Mapping];

    /// What can be read. Inside of a region every page is readable, unless a read says otherwise.
    fn regions(&self) -> &RegionMap;

    /// Where objects may lie, which are written to, if only their reference counts. Of a large mapping that is mere address
    /// space a source leaves out what was never touched: marks are made for all of this.
    fn writable(&self) -> Vec<Span> {
        let mappings = self.mappings().iter();
        mappings.filter(|mapping| mapping.is_readable() && mapping.permissions.write).map(|mapping| mapping.span).collect()
    }

    /// The parts of a span that may be looked through page by page: what is in memory, where looking costs the target nothing.
    fn searchable(&self, span: Span) -> Vec<Span> {
        vec![span]
    }

    /// Gives the first bytes of each page of a part that is [searchable](Source::searchable) to `each`, ascending; pages that
    /// cannot be read are passed over.
    fn each_page(&self, part: Span, each: &mut dyn FnMut(Address, &PageHead)) {
        let first = part.start.0.next_multiple_of(PAGE);
        for page in (first..part.end.0).step_by(PAGE as usize).map(Address) {
            let mut head = [0; PAGE_HEAD];
            if self.read_at(page, &mut head).is_ok() {
                each(page, &head);
            }
        }
    }
}

const PAGE: u64 = 4096;
/// Bytes of a page that are looked at.
const PAGE_HEAD: usize = 48;
/// The first bytes of a page.
pub type PageHead = [u8; PAGE_HEAD];

impl<M: Memory + ?Sized> Memory for &M {
    #[inline]
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        (**self).read_at(address, into)
    }
    #[inline]
    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        (**self).slice(address, length)
    }
    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        (**self).word(address)
    }
    fn is_loadable(&self, address: Address) -> bool {
        (**self).is_loadable(address)
    }
    fn c_string(&self, address: Address, maximum: usize) -> Option<Vec<u8>> {
        (**self).c_string(address, maximum)
    }
    #[inline]
    fn prefetch(&self, address: Address) {
        (**self).prefetch(address);
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn mappings(&self) -> &[Mapping] {
        (**self).mappings()
    }
    fn regions(&self) -> &RegionMap {
        (**self).regions()
    }
    fn searchable(&self, span: Span) -> Vec<Span> {
        (**self).searchable(span)
    }
    fn each_page(&self, part: Span, each: &mut dyn FnMut(Address, &PageHead)) {
        (**self).each_page(part, each);
    }
    fn writable(&self) -> Vec<Span> {
        (**self).writable()
    }
}

/// `length` bytes at `address` are not all readable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// Where the read began.
    pub address: Address,
    /// How many bytes were asked for.
    pub length: u64,
}

impl Unreadable {
    /// The failure to read `length` bytes at `address`.
    pub fn new(address: Address, length: usize) -> Unreadable {
        Unreadable { address, length: length as u64 }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {} are not readable", self.length, self.address)
    }
}

impl std::error::Error for Unreadable {}
