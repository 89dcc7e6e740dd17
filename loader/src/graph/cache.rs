//! Graphs kept in the user's cache directory, `heapsake/KEY.graph`: mapped when the same dump is opened again.
//!
//! The key is a hash of what is cheap to read and says what all the rest is: the length of the file, and the header of
//! every chunk, which has the chunk's kind, lengths, object numbers and the CRC-32 of its payload. Rereading the payloads
//! would cost as much as making the graph. A file found here is believed no more than any other: [`Graph::open`] checks its
//! key, its checksums and that no number leads outside; one that fails is made anew.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use heapsake_core::graph::{Graph, Key};

use super::{GoesOn, HeapGraph};
use crate::container::Container;
use crate::mapping::Bytes;

/// Bytes that all kept graphs may have together; the oldest go first.
const MOST_BYTES: u64 = 4 << 30;
/// Bytes that are written between two questions whether to go on.
const PIECE: usize = 1 << 20;
/// How the names of kept graphs end.
const ENDING: &str = "graph";
/// How the names of those being written start.
const UNFINISHED: &str = "unfinished-";
/// Seconds after which one that is being written was given up.
const GIVEN_UP: u64 = 24 * 60 * 60;

/// The folder of kept graphs, as the XDG base directories say; none when the user has none.
pub(super) fn folder() -> Option<PathBuf> {
    // A relative path is to be ignored, says the specification; it would also let the working directory decide.
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("heapsake"))
}

/// The key of a dump's graph: 128 bits of FNV-1a.
pub(super) fn key(container: &Container) -> Key {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58du128;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
        }
    };
    add(&container.len().to_le_bytes());
    for chunk in &container.chunks {
        add(&chunk.offset.to_le_bytes());
        add(&[chunk.kind]);
        add(&chunk.first.to_le_bytes());
        add(&chunk.count.to_le_bytes());
        add(container.header_bytes(chunk.offset));
    }
    hash.to_le_bytes()
}

fn name(key: Key) -> String {
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits}.{ENDING}")
}

/// The graph with this key, if it is kept and `goes_on` lets it be checked to the end.
pub(super) fn read(folder: &Path, key: Key, goes_on: GoesOn<'_>) -> Option<HeapGraph> {
    let path = folder.join(name(key));
    // A folder or a pipe of that name is not waited for.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let bytes = Bytes::of_file(File::open(path).ok()?).ok()?;
    Graph::open_while(bytes, key, goes_on)
}

/// Keeps a graph, and maps it; none when that is not possible, or when `goes_on` ends it: then nothing is kept.
pub(super) fn write(folder: &Path, key: Key, graph: &Graph, goes_on: GoesOn<'_>) -> Option<HeapGraph> {
    fs::create_dir_all(folder).ok()?;
    let room = MOST_BYTES.checked_sub(graph.bytes().len() as u64)?;
    make_room(folder, room)?;
    // Made for its owner alone to read: what a program held is nobody else's business.
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).ok()?;
    let length = graph.bytes().len();
    for (at, piece) in graph.bytes().chunks(PIECE).enumerate() {
        if !goes_on(at * PIECE, length) {
            return None;
        }
        file.write_all(piece).ok()?;
    }
    file.persist(folder.join(name(key))).ok()?;
    read(folder, key, &mut |_, _| goes_on(length, length))
}

/// Removes the oldest graphs until all have no more than so many bytes together, and what was given up unfinished.
pub(super) fn make_room(folder: &Path, room: u64) -> Option<()> {
    let mut kept = Vec::new();
    let mut total = 0u64;
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
        let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        if !metadata.is_file() {
            continue;
        }
        if unfinished && changed.elapsed().is_ok_and(|age| age.as_secs() > GIVEN_UP) {
            let _ = fs::remove_file(&path);
        } else if path.extension().is_some_and(|ending| ending == ENDING) {
            total += metadata.len();
            kept.push((changed, metadata.len(), path));
        }
    }
    kept.sort();
    for (_, length, path) in kept {
        if total <= room {
            break;
        }
        if fs::remove_file(path).is_ok() {
            total -= length;
        }
    }
    Some(())
}
