//! Core files as they are kept: as they are, packed by whoever keeps them (`systemd-coredump` uses zstd or lz4), or not kept at
//! all and coming through a pipe.
//!
//! Memory is read in no order, so what is packed or comes through a pipe is written to a file without a name first. Blocks of
//! zeros become holes. A stream that ends early is what it is until then, with a fault.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lz4_flex::frame::FrameDecoder;

use crate::error::{Error, ErrorKind, Result};

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const LZ4: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// A frame of zstd's or lz4's that says how long it is and is passed over; the low four bits are anything. `pzstd` begins with one.
const SKIPPED: [u8; 3] = [0x2a, 0x4d, 0x18];
const BLOCK: usize = 64 << 10;

/// A core file that can be mapped.
#[derive(Debug)]
pub struct Unpacked {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) written: Option<SystemTime>,
    pub(super) faults: Vec<String>,
}

impl Unpacked {
    /// The file at `path`; if it is packed, its content in a file without a name in the folder `scratch`.
    ///
    /// # Errors
    /// [`ErrorKind::System`] when it cannot be opened, or not be written out.
    pub fn open(path: &Path, scratch: &Path) -> Result<Unpacked> {
        let failed = |error: io::Error| {
            Error::new(ErrorKind::System, format!("the core file {} cannot be opened", path.display())).source(error)
        };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Error::new(ErrorKind::NotACore, format!("{} is a folder, not a core file", path.display())));
        }
        if !metadata.is_file() {
            return spool(file, path, scratch);
        }
        let written = metadata.modified().ok();
        let mut begin = [0; 4];
        let length = fill(&mut file, &mut begin).map_err(|(_, error)| failed(error))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        if is_skipped(&begin[..length]) || Packing::of(&begin[..length]) != Packing::None {
            let unpacked = spool(file, path, scratch)?;
            return Ok(Unpacked { written, ..unpacked });
        }
        Ok(Unpacked { file, path: path.to_owned(), written, faults: Vec::new() })
    }
}

/// A core that comes from `input`, packed or not, in a file without a name in the folder `scratch`.
///
/// # Errors
/// [`ErrorKind::NotACore`], and [`ErrorKind::System`] when it cannot be read or not be written out.
pub fn spool(mut input: impl Read + 'static, path: &Path, scratch: &Path) -> Result<Unpacked> {
    let unread = |error: io::Error| unread(path, error);
    let mut begin = [0; 4];
    let mut length = fill(&mut input, &mut begin).map_err(|(_, error)| unread(error))?;
    while is_skipped(&begin[..length]) {
        let mut size = [0; 4];
        fill(&mut input, &mut size).map_err(|(_, error)| unread(error))?;
        io::copy(&mut input.by_ref().take(u64::from(u32::from_le_bytes(size))), &mut io::sink()).map_err(unread)?;
        length = fill(&mut input, &mut begin).map_err(|(_, error)| unread(error))?;
    }
    let packing = Packing::of(&begin[..length]);
    if packing == Packing::None && begin[..length] != object::elf::ELFMAG {
        // What is no core is not written out, as it may have no end; its first bytes say what it is.
        let mut rest = [0; 4];
        let more = fill(&mut input, &mut rest).map_err(|(_, error)| unread(error))?;
        return Err(super::elf::no_elf(&[&begin[..length], &rest[..more]].concat()));
    }
    let whole = io::Cursor::new(begin[..length].to_vec()).chain(input);
    let unpacked = write_out(packing.unpack(whole)?, packing, path, scratch)?;
    Ok(Unpacked { written: Some(SystemTime::now()), ..unpacked })
}

fn is_skipped(begin: &[u8]) -> bool {
    matches!(begin, [0x50..=0x5f, rest @ ..] if rest == SKIPPED)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Zstd,
    Gzip,
    Lz4,
}

impl Packing {
    fn of(begin: &[u8]) -> Packing {
        match begin {
            _ if begin.starts_with(&ZSTD) => Packing::Zstd,
            _ if begin.starts_with(&GZIP) => Packing::Gzip,
            _ if begin.starts_with(&LZ4) => Packing::Lz4,
            _ => Packing::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Packing::None => "",
            Packing::Zstd => "zstd",
            Packing::Gzip => "gzip",
            Packing::Lz4 => "lz4",
        }
    }

    fn unpack(self, packed: impl Read + 'static) -> Result<Box<dyn Read>> {
        Ok(match self {
            Packing::None => Box::new(packed),
            Packing::Zstd => {
                let failed = |error| Error::new(ErrorKind::System, "zstd cannot be unpacked").source(error);
                let mut decoder = zstd::Decoder::new(packed).map_err(failed)?;
                // As far as `zstd --long` goes.
                decoder.window_log_max(31).map_err(failed)?;
                Box::new(decoder)
            }
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
            Packing::Lz4 => Box::new(Lz4Frames::new(packed)),
        })
    }
}

fn write_out(mut from: Box<dyn Read>, packing: Packing, path: &Path, scratch: &Path) -> Result<Unpacked> {
    let unwritten = |error: io::Error| {
        Error::new(ErrorKind::System, format!("the core file cannot be written out in {}", scratch.display()))
            .source(error)
            .hint("it is written to the folder of the dump while it is read: -o chooses one with more room")
    };
    let mut file = tempfile::tempfile_in(scratch).map_err(unwritten)?;
    let mut faults = Vec::new();
    let mut block = vec![0; BLOCK];
    let mut length = 0;
    loop {
        let (count, failure) = match fill(&mut from, &mut block) {
            Ok(count) => (count, None),
            Err((count, error)) => (count, Some(error)),
        };
        let bytes = &block[..count];
        if bytes.iter().all(|byte| *byte == 0) {
            file.seek(SeekFrom::Current(count as i64)).map_err(unwritten)?;
        } else {
            file.write_all(bytes).map_err(unwritten)?;
        }
        length += count as u64;
        match failure {
            None if count == block.len() => {}
            None => break,
            Some(error) if packing == Packing::None || length == 0 => return Err(unread(path, error)),
            Some(error) => {
                faults.push(format!("the {} stream breaks off after {length} bytes: {error}", packing.name()));
                break;
            }
        }
    }
    file.set_len(length).map_err(unwritten)?;
    Ok(Unpacked { file, path: path.to_owned(), written: None, faults })
}

fn unread(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::System, format!("the core file {} cannot be read", path.display())).source(error)
}

/// Fills `into` as far as there is something; gives how much that is, with a failure that ended it.
fn fill(from: &mut impl Read, into: &mut [u8]) -> std::result::Result<usize, (usize, io::Error)> {
    let mut length = 0;
    while length < into.len() {
        match from.read(&mut into[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((length, error)),
        }
    }
    Ok(length)
}

/// All frames of lz4's, one after the other: the decoder tells the end of each as the end of all.
struct Lz4Frames<R: Read> {
    decoder: FrameDecoder<Ended<R>>,
}

/// An input that knows whether it has ended.
struct Ended<R> {
    input: R,
    has_ended: bool,
}

impl<R: Read> Read for Ended<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        self.has_ended |= count == 0 && !into.is_empty();
        Ok(count)
    }
}

impl<R: Read> Lz4Frames<R> {
    fn new(input: R) -> Lz4Frames<R> {
        Lz4Frames { decoder: FrameDecoder::new(Ended { input, has_ended: false }) }
    }
}

impl<R: Read> Read for Lz4Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.decoder.read(into) {
                Ok(0) if !into.is_empty() && !self.decoder.get_ref().has_ended => {}
                Err(error) => match error.get_ref().and_then(|error| error.downcast_ref()) {
                    Some(lz4_flex::frame::Error::SkippableFrame(size)) => {
                        let mut skipped = self.decoder.get_mut().take(u64::from(*size));
                        io::copy(&mut skipped, &mut io::sink())?;
                    }
                    _ => return Err(error),
                },
                read => return read,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lz4_flex::frame::{BlockSize, FrameInfo};

    use super::*;

    /// What no packing makes much smaller, with zeros between.
    fn content(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|at| if at % 7 < 2 { 0 } else { next() }).collect()
    }

    fn lz4(content: &[u8]) -> Vec<u8> {
        let small = FrameInfo::new().block_size(BlockSize::Max64KB);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(small, Vec::new());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        zstd::encode_all(content, 1).unwrap()
    }

    const SKIPPED_FRAME: [u8; 11] = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];

    /// What is unpacked, and the faults.
    fn unpacked(packed: &[u8]) -> (Vec<u8>, Vec<String>) {
        let scratch = tempfile::tempdir().unwrap();
        let unpacked = spool(io::Cursor::new(packed.to_vec()), Path::new("core"), scratch.path()).unwrap();
        let (mut file, mut whole) = (unpacked.file, Vec::new());
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut whole).unwrap();
        (whole, unpacked.faults)
    }

    #[test]
    fn frames_follow_each_other_and_some_are_passed_over() {
        // Of lengths at which a block ends where a frame does, and none.
        let parts = [content(2 * BLOCK), Vec::new(), content(BLOCK + 17), content(3 * BLOCK), vec![0; BLOCK]];
        let whole = parts.concat();
        for pack in [lz4, gzip, zstd] {
            let frames: Vec<Vec<u8>> = parts.iter().map(|part| pack(part)).collect();
            assert!(unpacked(&frames.concat()) == (whole.clone(), Vec::new()));
        }
        for pack in [lz4, zstd] {
            let frames: Vec<u8> = parts.iter().flat_map(|part| [SKIPPED_FRAME.to_vec(), pack(part)].concat()).collect();
            assert!(unpacked(&frames) == (whole.clone(), Vec::new()));
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("core");
            std::fs::write(&file, &frames).unwrap();
            assert_eq!(Unpacked::open(&file, folder.path()).unwrap().file.metadata().unwrap().len(), whole.len() as u64);
        }
    }

    #[test]
    fn what_is_damaged_or_cut_is_said() {
        let whole = content(20 * BLOCK + 100);
        for pack in [lz4, gzip, zstd] {
            let packed = pack(&whole);
            let (got, faults) = unpacked(&packed[..packed.len() / 2]);
            assert!(whole.starts_with(&got) && faults[0].contains("breaks off after"), "{faults:?}");
        }
        // These have checksums of their own accord; of all bits of the last third one is changed.
        let packed = gzip(&whole);
        for place in (packed.len() * 2 / 3..packed.len() - 8).step_by(99_991) {
            let mut damaged = packed.clone();
            damaged[place] ^= 4;
            let (got, faults) = unpacked(&damaged);
            assert!(got != whole || !faults.is_empty());
            assert_eq!(faults.len(), 1, "at {place} of {}", packed.len());
        }
    }
}
