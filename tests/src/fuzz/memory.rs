//! Hostile memory: a small CPython in which anything may be anything is captured, and the dump of it is a good dump.

use std::path::PathBuf;

use heapsake_core::reduce::Registry;
use heapsake_core::{DumpOptions, Redaction};
use heapsake_cpython::capture::capture_runtime;
use heapsake_cpython::pystate::CaptureOptions;
use heapsake_greenlet as _;
use heapsake_loader::{Dump, isomorphism};
use heapsake_numpy as _;
use heapsake_reducers as _;
use heapsake_stackless as _;

use super::image::{BASE, Image, LENGTH, Laid};
use super::mutation::Mutations;
use crate::damage::look;

/// What an input begins with: the version, and the number of the random words.
const HEAD: usize = 4;
/// Types that have a reducer, of which a process has instances: another choice for every number.
const TYPES: usize = 24;
/// What a change is: a place, a kind, a value.
const CHANGE: usize = 6;

/// Captures a process after the changes that the bytes are.
pub(super) fn cpython_memory(bytes: &[u8]) {
    let Some((head, changes)) = bytes.split_first_chunk::<HEAD>() else { return };
    let registry = Registry::linked().expect("no duplicates");
    let known: Vec<&str> = registry.entries().map(|(matched, _)| matched.name()).collect();
    let seed = u64::from(u16::from_le_bytes([head[1], head[2]]));
    let mut chosen = Mutations::new(seed ^ 0x5eed);
    let names: Vec<&str> = (0..TYPES).filter_map(|_| known.get(chosen.below(known.len())).copied()).collect();
    let mut image = Image::new(head[0].into(), seed, &names);
    for change in changes.as_chunks::<CHANGE>().0 {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % LENGTH;
        let (value, address) = (u16::from_le_bytes([change[4], change[5]]), BASE + at as u64);
        match change[3] % 6 {
            0 => image.write(address, &[change[4]]),
            1 => image.write(address, &value.to_le_bytes()),
            2 => image.put(address & !7, BASE + u64::from(value) * 16),
            3 => image.put(address & !7, value as i16 as i64 as u64),
            4 => image.put(address & !7, u64::from(value) << 48 | u64::from(value)),
            _ => image.put(address & !7, image.objects[usize::from(value) % image.objects.len()]),
        }
    }
    captured(image, &registry, head[0] >= 0x80);
}

/// Captures it twice, with what nothing leads to if `all` is asked for: both dumps are whole, and alike.
pub(super) fn captured(image: Image, registry: &Registry, all: bool) {
    let Some(runtime) = image.runtime() else { return };
    let given = image.given();
    let options =
        CaptureOptions { given, all, find_exception: true, root_dir: PathBuf::from("/nowhere"), ..CaptureOptions::default() };
    let memory = Laid::new(image.bytes);
    let capture = || {
        let mut file = Vec::new();
        let how = DumpOptions { redaction: Redaction::None, ..DumpOptions::default() };
        let summary = capture_runtime(&memory, runtime.clone(), options.clone(), registry.clone(), &mut file, how);
        let dump = Dump::from_bytes(file).expect("a dump");
        (summary.expect("memory takes every byte"), dump)
    };
    let (summary, dump) = capture();
    look(&dump);
    assert_eq!(dump.faults(), [], "what was written is not what is read");
    assert_eq!(u64::from(dump.object_count()), summary.objects);
    assert_eq!(dump.objects().count() as u64, summary.objects);
    assert_eq!(dump.threads().len() as u64, summary.threads);
    let (_, again) = capture();
    let report = isomorphism::compare(&dump, &again);
    assert!(report.is_isomorphic(), "captured twice, it is not the same: {report}");
}

/// Every version without a change, and with random ones.
pub(super) fn changes() -> Vec<Vec<u8>> {
    let mut random = Mutations::new(11);
    let versions = (0..16u8).chain(0x80..0x90);
    let some = |version: u8| {
        let changes = (0..CHANGE * 4 * usize::from(version & 0xf)).map(|_| random.number() as u8);
        [version, version, 0, 0].into_iter().chain(changes).collect()
    };
    versions.map(some).collect()
}
