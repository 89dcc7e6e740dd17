//! Compression of chunk payloads, bounded both ways.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read, Write};

use super::chunk::{Codec, MAXIMUM_RAW_LENGTH};

/// zstd's level: above 1 next to nothing is gained on these columns; below 0 the file grows faster than capture gains.
const LEVEL: i32 = -1;

/// Compresses chunks into a buffer of its own.
///
/// A dump that is written in a forked child must not allocate from the C library there, as another thread may have held its
/// lock when the process was split: make the compressor before the fork. [`Compressor::new`] has used it once at full
/// size, so later uses find their working memory in place.
pub struct Compressor {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    deflates: bool,
    is_kept: bool,
    buffer: Vec<u8>,
}

impl Drop for Compressor {
    fn drop(&mut self) {
        if self.is_kept {
            std::mem::forget(self.zstd.take());
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("zstd", &self.zstd.is_some()).finish_non_exhaustive()
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor::new()
    }
}

impl Compressor {
    /// A compressor that is ready: its working memory for the largest chunk is allocated.
    pub fn new() -> Compressor {
        let buffer = vec![0; zstd::zstd_safe::compress_bound(MAXIMUM_RAW_LENGTH)];
        let mut compressor =
            Compressor { zstd: zstd::bulk::Compressor::new(LEVEL).ok(), deflates: false, is_kept: false, buffer };
        compressor.compress(&vec![0; MAXIMUM_RAW_LENGTH]);
        compressor
    }

    /// A compressor that needs no preparation: zlib, whose memory is Rust's own. Slower, so for what is small.
    pub fn zlib() -> Compressor {
        Compressor { zstd: None, deflates: true, is_kept: false, buffer: Vec::new() }
    }

    /// The same, the memory of which is never given back: in a child that must not call the C library's `free` either.
    #[must_use]
    pub fn kept(mut self) -> Compressor {
        self.is_kept = true;
        self
    }

    /// The codec, and the bytes to store for `raw`; as they are when compression does not help.
    pub fn compress<'a>(&'a mut self, raw: &'a [u8]) -> (Codec, &'a [u8]) {
        if self.deflates && raw.len() > 64 {
            self.buffer.clear();
            let mut encoder = flate2::write::ZlibEncoder::new(&mut self.buffer, flate2::Compression::fast());
            let done = encoder.write_all(raw).and_then(|()| encoder.finish().map(|out| out.len()));
            return match done {
                Ok(length) if length < raw.len() => (Codec::Zlib, &self.buffer[..length]),
                _ => (Codec::None, raw),
            };
        }
        let length = match &mut self.zstd {
            Some(zstd) if raw.len() > 64 => zstd.compress_to_buffer(raw, &mut self.buffer[..]).ok(),
            _ => None,
        };
        match length {
            Some(length) if length < raw.len() => (Codec::Zstd, &self.buffer[..length]),
            _ => (Codec::None, raw),
        }
    }
}

/// Why a chunk's payload could not be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Undecodable {
    /// It claims more bytes than a chunk may have.
    TooLong(u32),
    /// This version does not know the codec.
    UnknownCodec(u8),
    /// The codec says it is broken, or the length is another than claimed.
    Broken,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undecodable::TooLong(length) => {
                write!(f, "claims {length} bytes, and a chunk has at most {MAXIMUM_RAW_LENGTH}")
            }
            Undecodable::UnknownCodec(number) => write!(f, "stored with codec {number}, which this version does not know"),
            Undecodable::Broken => f.write_str("does not decompress"),
        }
    }
}

/// Decompresses zstd with the working memory that the thread used before.
fn inflate(stored: &[u8], wanted: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    ZSTD.with_borrow_mut(|zstd| {
        if zstd.is_none() {
            *zstd = Some(zstd::bulk::Decompressor::new()?);
        }
        zstd.as_mut().map_or_else(|| Ok(Vec::new()), |zstd| zstd.decompress(stored, wanted))
    })
}

/// The payload of a chunk, decompressed: exactly `raw_length` bytes, never more than a chunk may have.
///
/// # Errors
/// See [`Undecodable`].
pub fn decompress(codec: Codec, stored: &[u8], raw_length: u32) -> Result<Vec<u8>, Undecodable> {
    let wanted = raw_length as usize;
    if wanted > MAXIMUM_RAW_LENGTH {
        return Err(Undecodable::TooLong(raw_length));
    }
    let raw = match codec {
        Codec::None => stored.to_vec(),
        Codec::Zstd => inflate(stored, wanted).map_err(|_| Undecodable::Broken)?,
        Codec::Zlib => {
            let mut raw = Vec::new();
            flate2::read::ZlibDecoder::new(stored)
                .take(wanted as u64 + 1)
                .read_to_end(&mut raw)
                .map_err(|_| Undecodable::Broken)?;
            raw
        }
        Codec::Unknown(number) => return Err(Undecodable::UnknownCodec(number)),
    };
    if raw.len() == wanted { Ok(raw) } else { Err(Undecodable::Broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused_before_they_grow() {
        let zeros = vec![0; MAXIMUM_RAW_LENGTH];
        let mut compressor = Compressor::new();
        let (codec, stored) = compressor.compress(&zeros);
        assert_eq!(codec, Codec::Zstd);
        assert_eq!(decompress(codec, stored, zeros.len() as u32).as_deref(), Ok(&zeros[..]));
        assert_eq!(decompress(codec, stored, 100), Err(Undecodable::Broken));
        assert_eq!(decompress(codec, stored, u32::MAX), Err(Undecodable::TooLong(u32::MAX)));
        assert_eq!(decompress(Codec::Unknown(9), stored, 100), Err(Undecodable::UnknownCodec(9)));
        assert_eq!(decompress(Codec::Zlib, stored, 100), Err(Undecodable::Broken));
        let noise: Vec<u8> = (0..100u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        assert_eq!(compressor.compress(&noise), (Codec::None, &noise[..]));
    }
}
