//! The extension's allocator: the system's in the program, an arena of its own in the child that writes a dump.
//!
//! The child is split off a process of many threads, any of which may hold the system allocator's lock at that moment, so
//! the child must never call it. There is one thread in the child, so the arena has no lock: small blocks come from free
//! lists by size class, large ones are mappings of their own, which grow in place and go back at once. What was allocated
//! before the split is never freed by the child. A child that runs Python has more threads, and says so ([`share`]): from
//! then on a lock of the arena's own is taken, which no other process can have held.

#![expect(unsafe_code, reason = "an allocator hands out raw memory")]
#![expect(clippy::cast_ptr_alignment, reason = "every block is aligned to 16 bytes or more")]
#![expect(clippy::large_stack_arrays, reason = "the array is part of a static")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Blocks up to this size are small.
const LARGEST_SMALL: usize = 32 << 10;
/// Size classes: powers of two from 16 bytes.
const CLASSES: usize = 12;
/// Bytes that are made usable at once for small blocks.
const SLAB: usize = 1 << 20;
/// Address space that is reserved at once for slabs: as much as the system gives between these, as powers of two.
const RESERVED: std::ops::RangeInclusive<u32> = 26..=36;
/// What is reserved where the program's address space is limited, so that something is left for large blocks.
const SCARCE: usize = 2 * SLAB;
/// How often it is reserved.
const REGIONS: usize = 64;
/// Large blocks that are remembered; beyond it they are never given back.
const LARGE: usize = 4096;
const PAGE: usize = 4096;

/// The allocator.
pub(crate) struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;
static IN_CHILD: AtomicBool = AtomicBool::new(false);
static SHARED: AtomicBool = AtomicBool::new(false);
static LOCKED: AtomicBool = AtomicBool::new(false);
static ARENA: Arena = Arena(UnsafeCell::new(State::new()));

/// From here on this process allocates from the arena. To be called once, in the child, which has one thread.
pub(crate) fn enter() {
    IN_CHILD.store(true, Ordering::Relaxed);
}

/// From here on several threads of this process allocate.
pub(crate) fn share() {
    SHARED.store(true, Ordering::Relaxed);
}

/// The lock, held while it lives, where several threads allocate.
struct Hold(bool);

impl Hold {
    fn take() -> Hold {
        let shared = SHARED.load(Ordering::Relaxed);
        if shared {
            while LOCKED.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
                std::hint::spin_loop();
            }
        }
        Hold(shared)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.0 {
            LOCKED.store(false, Ordering::Release);
        }
    }
}

struct Arena(UnsafeCell<State>);

// SAFETY: the state is touched only after `enter`, in a process that has one thread, or else with the lock held.
unsafe impl Sync for Arena {}

struct State {
    free: [*mut u8; CLASSES],
    slab: *mut u8,
    slab_left: usize,
    /// Address and length of large blocks.
    large: [(usize, usize); LARGE],
    large_count: usize,
    /// Where slabs lie: start and end. What lies elsewhere was allocated before the split, by the system, and a block of the
    /// system's has no more bytes than were asked for.
    regions: [(usize, usize); REGIONS],
    region_count: usize,
    next_slab: usize,
}

impl State {
    const fn new() -> State {
        State {
            free: [ptr::null_mut(); CLASSES],
            slab: ptr::null_mut(),
            slab_left: 0,
            large: [(0, 0); LARGE],
            large_count: 0,
            regions: [(0, 0); REGIONS],
            region_count: 0,
            next_slab: 0,
        }
    }

    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        if layout.align() > PAGE {
            return ptr::null_mut();
        }
        let size = layout.size().max(layout.align());
        if size > LARGEST_SMALL {
            return self.allocate_large(size);
        }
        let class = class_of(size);
        let head = self.free[class];
        if !head.is_null() {
            // SAFETY: a block on a free list holds the address of the next one in its first word.
            self.free[class] = unsafe { head.cast::<*mut u8>().read() };
            return head;
        }
        let bytes = 16 << class;
        if self.slab_left < bytes {
            let slab = self.new_slab();
            if slab.is_null() {
                return slab;
            }
            self.slab = slab;
            self.slab_left = SLAB;
        }
        // Carved from the end, so that blocks of a class are aligned to it: every slab starts on a page.
        let offset = (self.slab_left - bytes) & !(bytes - 1);
        self.slab_left = offset;
        self.slab.wrapping_add(offset)
    }

    /// The next slab of the reserved space, all its pages present: one call in place of a fault for each.
    fn new_slab(&mut self) -> *mut u8 {
        let end = self.regions[..self.region_count].last().map_or(0, |(_, end)| *end);
        if self.next_slab + SLAB > end && !self.reserve() {
            return ptr::null_mut();
        }
        let place: *mut u8 = ptr::with_exposed_provenance_mut(self.next_slab);
        let slab = map(place, SLAB, libc::MAP_FIXED | libc::MAP_POPULATE);
        if !slab.is_null() {
            self.next_slab += SLAB;
        }
        slab
    }

    /// Reserves address space, which costs no memory; whether there was some.
    fn reserve(&mut self) -> bool {
        let Some(place) = self.regions.get_mut(self.region_count) else { return false };
        for length in RESERVED.rev().map(|bits| 1usize << bits).chain([SCARCE]) {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            // SAFETY: a new anonymous mapping touches no memory that exists.
            let start = unsafe { libc::mmap(ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
            if start != libc::MAP_FAILED {
                let start = start.expose_provenance();
                *place = (start, start + length);
                self.region_count += 1;
                self.next_slab = start;
                return true;
            }
        }
        false
    }

    fn allocate_large(&mut self, size: usize) -> *mut u8 {
        let length = size.next_multiple_of(PAGE);
        let block = map(ptr::null_mut(), length, 0);
        if !block.is_null() && self.large_count < LARGE {
            self.large[self.large_count] = (block as usize, length);
            self.large_count += 1;
        }
        block
    }

    fn find_large(&self, block: *mut u8) -> Option<usize> {
        self.large[..self.large_count].iter().rposition(|(start, _)| *start == block as usize)
    }

    fn is_small(&self, block: *mut u8, layout: Layout) -> bool {
        let address = block as usize;
        let ours = self.regions[..self.region_count].iter().any(|(start, end)| (*start..*end).contains(&address));
        layout.size().max(layout.align()) <= LARGEST_SMALL && ours
    }

    fn free(&mut self, block: *mut u8, layout: Layout) {
        if self.is_small(block, layout) {
            let class = class_of(layout.size().max(layout.align()));
            // SAFETY: the block is ours, free from now on, and has at least 16 bytes.
            unsafe { block.cast::<*mut u8>().write(self.free[class]) };
            self.free[class] = block;
        } else if let Some(at) = self.find_large(block) {
            let (start, length) = self.large[at];
            self.large_count -= 1;
            self.large[at] = self.large[self.large_count];
            // SAFETY: a mapping of this length was made at this address for this block alone.
            unsafe { libc::munmap(start as *mut libc::c_void, length) };
        }
    }

    fn grow_large(&mut self, block: *mut u8, size: usize) -> Option<*mut u8> {
        let at = self.find_large(block)?;
        let (start, length) = self.large[at];
        let wanted = size.next_multiple_of(PAGE);
        // SAFETY: as in `free`; the kernel moves the pages when it must.
        let moved = unsafe { libc::mremap(start as *mut libc::c_void, length, wanted, libc::MREMAP_MAYMOVE) };
        if moved == libc::MAP_FAILED {
            return Some(ptr::null_mut());
        }
        self.large[at] = (moved as usize, wanted);
        Some(moved.cast())
    }
}

fn class_of(size: usize) -> usize {
    size.max(16).next_power_of_two().trailing_zeros() as usize - 4
}

/// A new mapping, at `place` where the flags say that it is to be there: then that space is reserved and not used yet.
fn map(place: *mut u8, length: usize, more: libc::c_int) -> *mut u8 {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | more);
    // SAFETY: a new anonymous mapping touches no memory that is in use.
    let mapped = unsafe { libc::mmap(place.cast(), length, protection, flags, -1, 0) };
    if mapped == libc::MAP_FAILED { ptr::null_mut() } else { mapped.cast() }
}

// SAFETY: in the program every call goes to the system's allocator. In the child blocks come from the arena, which hands
// out each block once, aligned to its size class or to a page, and never touches a block of the system's.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !IN_CHILD.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise is passed on.
            return unsafe { System.alloc(layout) };
        }
        let _hold = Hold::take();
        // SAFETY: one thread, or the lock is held; and nothing below calls back into the allocator.
        let state = unsafe { &mut *ARENA.0.get() };
        state.allocate(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !IN_CHILD.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise is passed on.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let _hold = Hold::take();
        // SAFETY: as above.
        let state = unsafe { &mut *ARENA.0.get() };
        let block = state.allocate(layout);
        // A large block is a new mapping, which is zero and should stay untouched.
        if !block.is_null() && layout.size().max(layout.align()) <= LARGEST_SMALL {
            // SAFETY: the block has at least this many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !IN_CHILD.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise is passed on.
            unsafe { System.dealloc(block, layout) };
            return;
        }
        let _hold = Hold::take();
        // SAFETY: as above.
        let state = unsafe { &mut *ARENA.0.get() };
        state.free(block, layout);
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !IN_CHILD.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise is passed on.
            return unsafe { System.realloc(block, layout, size) };
        }
        let _hold = Hold::take();
        // SAFETY: as above.
        let state = unsafe { &mut *ARENA.0.get() };
        if size > LARGEST_SMALL
            && let Some(grown) = state.grow_large(block, size)
        {
            return grown;
        }
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        if state.is_small(block, layout) && wanted.size() <= LARGEST_SMALL {
            let same = class_of(layout.size().max(layout.align())) == class_of(size.max(layout.align()));
            if same {
                return block;
            }
        }
        let moved = state.allocate(wanted);
        if !moved.is_null() {
            // SAFETY: both blocks have at least this many bytes, and a new block overlaps no other.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
            state.free(block, layout);
        }
        moved
    }
}
