//! Core files as they are kept: as they are, packed by whoever keeps them (`systemd-coredump` uses zstd or lz4), or not kept at
//! all and coming through a pipe.
//!
//! Memory is read in no order, so what is packed or comes through a pipe is written to a file without a name first. Blocks of
//! zeros become holes. A stream that ends early is what it is until then, with a fault.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const LZ4: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
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
        let mut begin = [0; 4];
        let known = if metadata.is_file() {
            let length = read_up_to(&mut file, &mut begin).map_err(failed)?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            Packing::of(&begin[..length])
        } else {
            return spool(file, path, scratch);
        };
        let written = metadata.modified().ok();
        match known {
            Packing::None => Ok(Unpacked { file, path: path.to_owned(), written, faults: Vec::new() }),
            packing => {
                let unpacked = write_out(packing.unpack(file)?, packing, path, scratch)?;
                Ok(Unpacked { written, ..unpacked })
            }
        }
    }
}

/// A core that comes from `input`, packed or not, in a file without a name in the folder `scratch`.
///
/// # Errors
/// [`ErrorKind::System`] when it cannot be read or not be written out.
pub fn spool(mut input: impl Read + 'static, path: &Path, scratch: &Path) -> Result<Unpacked> {
    let mut begin = [0; 4];
    let length = read_up_to(&mut input, &mut begin).map_err(|error| unread(path, error))?;
    let packing = Packing::of(&begin[..length]);
    let whole = io::Cursor::new(begin[..length].to_vec()).chain(input);
    let unpacked = write_out(packing.unpack(whole)?, packing, path, scratch)?;
    Ok(Unpacked { written: Some(SystemTime::now()), ..unpacked })
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
            Packing::Zstd => Box::new(
                zstd::Decoder::new(packed)
                    .map_err(|error| Error::new(ErrorKind::System, "zstd cannot be unpacked").source(error))?,
            ),
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
            Packing::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
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
        match read_up_to(&mut from, &mut block) {
            Ok(0) => break,
            Ok(count) => {
                let bytes = &block[..count];
                if bytes.iter().all(|byte| *byte == 0) {
                    file.seek(SeekFrom::Current(count as i64)).map_err(unwritten)?;
                } else {
                    file.write_all(bytes).map_err(unwritten)?;
                }
                length += count as u64;
            }
            Err(error) if packing == Packing::None || length == 0 => return Err(unread(path, error)),
            Err(error) => {
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

/// Fills `into` as far as there is something; what was read before a failure counts first.
fn read_up_to(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < into.len() {
        match from.read(&mut into[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if length > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
