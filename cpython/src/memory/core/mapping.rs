//! The bytes of a core file, which the kernel reads when they are looked at.

#![expect(unsafe_code, reason = "mapping a file")]

use memmap2::Mmap;
use std::fs::File;
use std::io;

/// The whole of a file.
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: nobody writes to a core that is finished, nor to the file that one was unpacked into; of one that is cut while
    // it is read the bytes are gone, which ends this process and harms no other.
    unsafe { Mmap::map(file) }
}
