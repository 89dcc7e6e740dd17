//! Frames, generators and exceptions in memory of which some words are wrong.

use heapsake_core::Address;
use heapsake_core::reduce::Registry;
use heapsake_cpython::memory::{Memory, Snapshot, Unreadable};
use heapsake_cpython::sources::Sources;
use heapsake_cpython::{CPythonHeap, pystate};

use super::{Told, everywhere};

/// Memory in which some words are not what they were.
struct Noisy {
    memory: Snapshot,
    seed: u64,
}

impl Memory for Noisy {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        self.memory.read_at(address, into)?;
        for (index, byte) in into.iter_mut().enumerate() {
            let at = address.0 + index as u64;
            let mut hash = (at / 8).wrapping_add(self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> 29;
            hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
            hash ^= hash >> 32;
            if hash.is_multiple_of(400) {
                // A small number, a large one, or a pointer to somewhere near.
                *byte = match hash / 400 % 3 {
                    0 => {
                        if at.is_multiple_of(8) {
                            (hash >> 40) as u8
                        } else {
                            0
                        }
                    }
                    1 => (hash >> (at % 8 * 8)) as u8,
                    _ => {
                        if at % 8 < 2 {
                            (hash >> 40) as u8 & 0xf8
                        } else {
                            *byte
                        }
                    }
                };
            }
        }
        Ok(())
    }
}

#[test]
fn corrupted_memory_ends_in_less_and_never_in_a_panic() {
    everywhere(|minor, program, said| {
        let begin = std::time::Instant::now();
        let mut options = program.options();
        options.exception = said["exceptions"]["handled"]["id"].as_u64().map(Address);
        let clean = program.heap();
        let facts = clean.facts.clone();
        let mut memory = clean.memory;
        let mut frames = 0;
        for seed in 0..40 {
            let mut heap = CPythonHeap::new(Noisy { memory, seed }, facts.clone(), Registry::default());
            let outline = pystate::outline(&mut heap, &options);
            for thread in &outline.threads {
                frames += thread.frames.len();
                for frame in thread.frames.iter().rev().take(200) {
                    let _ = heap.reduce_object(frame.object, &mut Told::default());
                    let _ = heap.reduce_object(frame.code, &mut Told::default());
                }
            }
            for said in said["generators"].as_object().unwrap().values().chain(said["exceptions"].as_object().unwrap().values()) {
                let _ = heap.reduce_object(Address(said["id"].as_u64().unwrap()), &mut Told::default());
            }
            assert!(Sources::of(&heap, &options).each(&heap, &options, &|_| true, &mut |_| Ok(())).is_ok());
            memory = heap.memory.memory;
        }
        assert!(frames > 0);
        eprintln!("3.{minor}: {frames} frames in {:?}", begin.elapsed());
    });
}
