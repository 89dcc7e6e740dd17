//! Hostile core files: what is no core is refused, and of what is one every answer is bounded by the file's size.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use heapsake_core::reduce::Registry;
use heapsake_core::{Address, DumpOptions, Redaction};
use heapsake_cpython::Postmortem;
use heapsake_cpython::capture::capture_runtime;
use heapsake_cpython::memory::core::{Core, Search, head, spool};
use heapsake_cpython::memory::{Memory, Source};
use heapsake_cpython::pystate::CaptureOptions;
use heapsake_cpython::symbols::Which;
use heapsake_loader::Dump;

use super::image::{BASE, Image, LENGTH};
use super::mutation::Mutations;
use crate::damage::look;

const PAGE: usize = 4096;
/// What an input begins with that is no core itself: the version of a small process, and the number of its random words.
const HEAD: usize = 4;
/// What a change of its core is: a place, a kind, a value.
const CHANGE: usize = 6;
/// Pieces that the memory of the small process is saved in.
const SEGMENTS: usize = 8;

/// Opens the bytes as a core, or the core of a small process after the changes that the bytes are.
pub(super) fn core_files(bytes: &[u8]) {
    if bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"\x1f\x8b") {
        let _ = opened(bytes).map(|core| Postmortem::of_core(core, Which::Running));
        return;
    }
    let Some((begin, changes)) = bytes.split_first_chunk::<HEAD>() else { return };
    let image = Image::new(begin[0].into(), u64::from(u16::from_le_bytes([begin[1], begin[2]])), &[]);
    let mut file = core(&image.bytes);
    // What says where memory lies is changed more often than memory.
    let heads = file.len() - image.bytes.len();
    for change in changes.as_chunks::<CHANGE>().0 {
        let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
        let at = if change[3] & 8 == 0 { place % heads } else { place % file.len() };
        let value: &[u8] = match change[3] & 7 {
            0 => &change[4..5],
            1 => &change[4..6],
            2 => &[0xff; 8],
            3 => &[0; 8],
            4 => &BASE.to_le_bytes(),
            5 => &[0, 0, change[4], change[5], 0, 0, 0, 0],
            6 => &[change[4], change[5], 0, 0, 0, 0, 0, 0],
            _ => {
                file.truncate(at.max(1));
                break;
            }
        };
        let end = (at + value.len()).min(file.len());
        file[at..end].copy_from_slice(&value[..end - at]);
    }
    let Some(core) = opened(&file) else { return };
    captured(&core, &image);
    let _ = Postmortem::of_core(core, Which::Running);
}

fn opened(bytes: &[u8]) -> Option<Core> {
    let _ = head(&mut &bytes[..]);
    let folder = std::env::temp_dir();
    let search = Search { sysroot: Some(PathBuf::from("/nowhere")), ..Search::default() };
    let unpacked = spool(Cursor::new(bytes.to_vec()), Path::new("-"), &folder).ok()?;
    let core = Core::of(unpacked, &search).ok()?;
    let mut end = Address(0);
    for mapping in core.mappings() {
        assert!(mapping.span.start >= end && !mapping.span.is_empty(), "mappings overlap: {:?}", core.mappings());
        end = mapping.span.end;
    }
    let mut held = 0;
    for region in core.regions().regions() {
        assert!(core.read_u8(region.start).is_some() && core.read_u8(region.end.offset(-1)).is_some(), "{region:?} is not there");
        assert_eq!(core.read_u8(region.end), None, "{region:?} goes on");
        held += region.len();
    }
    assert!(held <= core.length(), "{held} bytes of memory of a file of {}", core.length());
    Some(core)
}

/// A dump of the small process by its core opens without a fault, whatever became of the core.
fn captured(core: &Core, image: &Image) {
    let Some(runtime) = image.runtime() else { return };
    let given = image.given();
    let options = CaptureOptions { given, all: true, root_dir: PathBuf::from("/nowhere"), ..CaptureOptions::default() };
    let how = DumpOptions { redaction: Redaction::None, ..DumpOptions::default() };
    let mut file = Vec::new();
    let registry = Registry::linked().expect("no duplicates");
    capture_runtime(core, runtime, options, registry, &mut file, how).expect("memory takes every byte");
    let dump = Dump::from_bytes(file).expect("a dump");
    look(&dump);
    assert_eq!(dump.faults(), [], "what was written is not what is read");
}

/// A core file of a process that has this memory at [`BASE`], in pieces that follow each other, with a thread and a file.
fn core(memory: &[u8]) -> Vec<u8> {
    let mut thread = vec![0; 336];
    thread[12] = 11;
    thread[32..36].copy_from_slice(&77u32.to_le_bytes());
    let mut signal = vec![0; 128];
    signal[0] = 11;
    signal[8] = 1;
    let mut files = Vec::new();
    for word in [1, PAGE as u64, BASE, BASE + LENGTH as u64, 0] {
        files.extend(word.to_le_bytes());
    }
    files.extend(b"/python3.99\0");
    let mut notes = Vec::new();
    for (kind, payload) in [(1u32, &thread), (0x5349_4749, &signal), (0x4649_4c45, &files)] {
        for number in [5, payload.len() as u32, kind] {
            notes.extend(number.to_le_bytes());
        }
        notes.extend(b"CORE\0\0\0\0");
        notes.extend(payload);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
    let mut bytes = vec![0; 64];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[16..20].copy_from_slice(&[4, 0, 62, 0]);
    bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
    bytes[56..58].copy_from_slice(&(SEGMENTS as u16 + 1).to_le_bytes());
    let begin = 64 + 56 * (SEGMENTS as u64 + 1);
    let data = (begin + notes.len() as u64).next_multiple_of(PAGE as u64);
    let mut header = |kind: u32, flags: u32, words: [u64; 6]| {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    };
    header(4, 0, [begin, 0, 0, notes.len() as u64, 0, 4]);
    let piece = (memory.len() / SEGMENTS) as u64;
    for number in 0..SEGMENTS as u64 {
        header(1, 6, [data + number * piece, BASE + number * piece, 0, piece, piece, PAGE as u64]);
    }
    bytes.extend(&notes);
    bytes.resize(data as usize, 0);
    bytes.extend(memory);
    bytes
}

/// Cores of every version without a change and with random ones, and the head of one.
pub(super) fn small_cores() -> Vec<Vec<u8>> {
    let mut random = Mutations::new(17);
    let some = |version: u8| {
        let changes = (0..CHANGE * 2 * usize::from(version)).map(|_| random.number() as u8);
        [version, version, 0, 0].into_iter().chain(changes).collect()
    };
    let mut seeds: Vec<Vec<u8>> = (0..16u8).map(some).collect();
    seeds.push(core(&vec![7; SEGMENTS * PAGE]));
    seeds
}
