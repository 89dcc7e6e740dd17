//! Every reducer over memory that makes no sense: words that are small numbers, absurd ones, and pointers into each other.
//! Each must end, soon, with what it could tell or with a failure.

use std::time::{Duration, Instant};

use crate::framework::testing::{Process, VERSIONS, registrations};

const REGIONS: [u64; 6] = [0x1_0000, 0x2_0000, 0x3_0000, 0x4_0000, 0x5_0000, 0x6_0000];
const TYPES: [&str; 8] = [
    "_io.FileIO",
    "_io.BufferedReader",
    "_io.TextIOWrapper",
    "hamt_bitmap_node",
    "hamt_array_node",
    "hamt_collision_node",
    "tuple",
    "int",
];
const LENGTH: usize = 4096;

/// A generator of numbers that are the same at every run (Steele's and Vigna's SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn word(&mut self) -> u64 {
        let shape = self.next();
        match shape % 8 {
            0 => 0,
            1 => shape >> 8 & 7,
            2 => shape >> 8 & 0xfff,
            3 => u64::MAX >> (shape >> 8 & 63),
            4 => self.next(),
            _ => REGIONS[(shape >> 8) as usize % REGIONS.len()] + (shape >> 16 & 63) * 8,
        }
    }
}

fn process(version: u32, type_name: &'static str, numbers: &mut Numbers) -> Process {
    let mut process = Process::new(version);
    for (number, region) in REGIONS.into_iter().enumerate() {
        let of = if number == 0 { type_name } else { TYPES[numbers.next() as usize % TYPES.len()] };
        let words: Vec<u64> = (0..LENGTH / 8).map(|_| numbers.word()).collect();
        process = process.object(region, of, LENGTH).words(region, &words);
    }
    process
}

#[test]
fn every_reducer_ends_on_memory_that_makes_no_sense() {
    const ROUNDS: usize = 12;
    let mut numbers = Numbers(4711);
    for registration in registrations() {
        for matched in registration.types {
            for version in VERSIONS.into_iter().cycle().take(ROUNDS) {
                let process = process(version, matched.name(), &mut numbers);
                let begun = Instant::now();
                process.reduce(REGIONS[0]);
                let taken = begun.elapsed();
                assert!(taken < Duration::from_secs(2), "{} took {taken:?} for {version:#x}", matched.name());
            }
        }
    }
}
