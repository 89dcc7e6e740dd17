//! `/proc/PID/maps`: the mappings of a process, as `proc_pid_maps(5)` prints them.
//!
//! A line is `start-end perms offset major:minor inode path`. The path is raw bytes up to the end of the line, in which the
//! kernel writes a newline as `\012`, and to which it appends ` (deleted)` when the file has no name any more.

use crate::error::{Error, ErrorKind, Result};
use heapsake_core::{Address, Span};
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mapping of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The addresses it covers, whole pages.
    pub span: Span,
    /// What may be done there.
    pub permissions: Permissions,
    /// Where in the file its first byte stands; 0 without a file.
    pub offset: FileOffset,
    /// Major and minor number of the file's device.
    pub device: (u32, u32),
    /// The file's inode number; 0 without a file.
    pub inode: u64,
    /// The file's path as the process sees it, or a name in brackets such as `[heap]`, or nothing.
    pub path: Option<PathBuf>,
    /// Whether the file's name is gone.
    pub deleted: bool,
}

/// What a process may do with a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permissions {
    /// It may be read.
    pub read: bool,
    /// It may be written.
    pub write: bool,
    /// It may be executed.
    pub execute: bool,
    /// Writes are seen by every process that maps the same file.
    pub shared: bool,
}

/// An offset into a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct FileOffset(pub u64);

impl Mapping {
    /// Readable anonymous memory of a process: what tests and synthetic memory are made of.
    pub fn anonymous(span: Span, permissions: Permissions) -> Mapping {
        Mapping { span, permissions, offset: FileOffset(0), device: (0, 0), inode: 0, path: None, deleted: false }
    }

    /// The path, if a file with a path is mapped here (and not `[heap]`, a socket or an anonymous inode).
    pub fn file(&self) -> Option<&Path> {
        let path = self.path.as_deref()?;
        (self.inode != 0 && path.is_absolute()).then_some(path)
    }

    /// Whether the kernel put this here for its own ends: `[vdso]`, `[uprobes]` and the like, but no heap, stack or named memory.
    pub fn is_of_kernel(&self) -> bool {
        let name = self.path.as_deref().map(Path::to_string_lossy).unwrap_or_default();
        name.starts_with('[') && !["[heap", "[stack", "[anon"].iter().any(|start| name.starts_with(start))
    }

    /// Whether the file is one of memory alone, which processes may share: by the name, for a core does not say what is shared.
    pub fn is_shared_memory(&self) -> bool {
        let name = self.file().map(Path::to_string_lossy);
        let starts = ["/dev/shm/", "/memfd:", "/SYSV", "/dev/zero"];
        name.is_some_and(|name| starts.iter().any(|start| name.starts_with(start)))
    }

    /// Whether this is the kernel's, or a device's, and reading it has effects, blocks, or fails: `[vvar]`,
    /// `[vsyscall]`, `/dev/…` but for shared memory, sockets, and anonymous inodes such as rings and event counters.
    pub fn is_special(&self) -> bool {
        let Some(path) = &self.path else { return false };
        let name = path.to_string_lossy();
        match name.as_bytes() {
            b"[vsyscall]" => true,
            [b'[', ..] => name.starts_with("[vvar"),
            [b'/', ..] => {
                name.starts_with("/dev/")
                    && !name.starts_with("/dev/shm/")
                    && !name.starts_with("/dev/zero")
                    && !name.starts_with("/dev/hugepages/")
            }
            _ => true,
        }
    }

    /// Whether a pointer into this mapping may be followed.
    pub fn is_readable(&self) -> bool {
        self.permissions.read && !self.is_special() && !self.span.is_empty()
    }
}

/// The mappings of process `pid`, in ascending order.
pub fn of_process(pid: i32) -> std::io::Result<Vec<Mapping>> {
    let text = std::fs::read(format!("/proc/{pid}/maps"))?;
    parse(&text).map_err(std::io::Error::other)
}

/// The mappings of this process. In a forked child these are the child's, read anew.
pub fn own() -> std::io::Result<Vec<Mapping>> {
    let text = std::fs::read("/proc/self/maps")?;
    parse(&text).map_err(std::io::Error::other)
}

/// The mappings in the text of a `maps` file. An unfinished or malformed line is an error with its number.
pub fn parse(text: &[u8]) -> Result<Vec<Mapping>> {
    let mut mappings = Vec::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        mappings.push(parse_line(line).ok_or_else(|| {
            let line = String::from_utf8_lossy(line);
            Error::new(ErrorKind::System, format!("line {} of the memory map cannot be read: {line:?}", number + 1))
        })?);
    }
    mappings.sort_by_key(|mapping: &Mapping| mapping.span.start);
    Ok(mappings)
}

fn parse_line(line: &[u8]) -> Option<Mapping> {
    let mut rest = line;
    let mut column = || {
        let start = rest.iter().position(|&byte| byte != b' ')?;
        let text = &rest[start..];
        let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
        rest = &text[end..];
        std::str::from_utf8(&text[..end]).ok()
    };
    let (start, end) = column()?.split_once('-')?;
    let span = Span { start: Address(hexadecimal(start)?), end: Address(hexadecimal(end)?) };
    if span.end < span.start {
        return None;
    }
    let &[read, write, execute, shared, ..] = column()?.as_bytes() else { return None };
    let permissions = Permissions { read: read == b'r', write: write == b'w', execute: execute == b'x', shared: shared == b's' };
    let offset = FileOffset(hexadecimal(column()?)?);
    let (major, minor) = column()?.split_once(':')?;
    let device = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    let inode = column()?.parse().ok()?;
    let start = rest.iter().position(|&byte| byte != b' ').unwrap_or(rest.len());
    let (path, deleted) = match rest[start..].strip_suffix(b" (deleted)") {
        Some(path) => (path, true),
        None => (&rest[start..], false),
    };
    let path = (!path.is_empty()).then(|| PathBuf::from(OsString::from_vec(unescape(path))));
    Some(Mapping { span, permissions, offset, device, inode, path, deleted })
}

fn hexadecimal(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

/// The kernel escapes a newline, and nothing else, in these paths.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\012") {
            bytes.push(b'\n');
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |set, letter| if set { letter } else { '-' };
        write!(
            f,
            "{}{}{}{}",
            letter(self.read, 'r'),
            letter(self.write, 'w'),
            letter(self.execute, 'x'),
            if self.shared { 's' } else { 'p' }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c7a00000-55d0c7a01000 r-xp 00001000 fe:01 4194 /opt/my python/bin/python3.11
55d0c7c00000-55d0c7d00000 rw-p 00000000 00:00 0                                  [heap]
7f0000000000-7f0000021000 rw-p 00000000 00:00 0 
7f0000021000-7f0004000000 ---p 00000000 00:00 0 
7f0010000000-7f0010001000 rw-s 00000000 00:05 77 /memfd:pool (deleted)
7f0010002000-7f0010003000 r--p 00000000 08:01 9 /tmp/a\\012b
7f0010004000-7f0010005000 rw-s 00000000 00:06 12 /dev/dri/card0
7f0010006000-7f0010007000 rw-s 00000000 00:19 3 /dev/shm/psm_1
7f0010008000-7f0010009000 rw-s 00000000 00:0e 3 anon_inode:[io_uring]
7ffe00000000-7ffe00004000 r--p 00000000 00:00 0                          [vvar]
7ffe00004000-7ffe00006000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    #[test]
    fn reads_what_the_kernel_prints() {
        let mappings = parse(MAPS.as_bytes()).unwrap();
        assert_eq!(mappings.len(), 12);
        assert_eq!(mappings[0].file().unwrap(), Path::new("/opt/my python/bin/python3.11"));
        assert_eq!((mappings[0].offset, mappings[0].inode), (FileOffset(0x1000), 4194));
        assert_eq!(mappings[0].device, (0xfe, 1));
        assert_eq!(mappings[0].permissions.to_string(), "r-xp");
        assert_eq!(mappings[1].file(), None);
        assert_eq!(mappings[2].path, None);
        assert!(mappings[4].deleted);
        assert_eq!(mappings[5].file().unwrap(), Path::new("/tmp/a\nb"));
        let readable: Vec<bool> = mappings.iter().map(Mapping::is_readable).collect();
        let expected = [true, true, true, false, true, true, false, true, false, false, true, false];
        assert_eq!(readable, expected);
    }

    #[test]
    fn refuses_a_line_that_is_none() {
        for line in ["", "\n"] {
            assert_eq!(parse(line.as_bytes()).unwrap(), []);
        }
        for line in ["5", "5-4 rw-p 0 0:0 0", "4-5 rw-p 0 0:0", "4-5 rw 0 0:0 1 /x", "4-5 rw-p 0 00 1", "g-h rw-p 0 0:0 0"] {
            let error = parse(format!("1-2 rw-p 0 0:0 0\n{line}\n").as_bytes()).unwrap_err();
            assert!(error.to_string().contains("line 2"), "{error}");
        }
    }

    #[test]
    fn reads_its_own() {
        let mappings = own().unwrap();
        let here = Address(std::ptr::from_ref(&mappings) as u64);
        assert!(mappings.iter().any(|mapping| mapping.span.contains(here) && mapping.permissions.write));
        assert!(mappings.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
    }
}
