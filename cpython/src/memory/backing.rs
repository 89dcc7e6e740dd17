//! Files that a process maps, opened from outside: by path as that process sees it, or through the kernel when the name
//! is gone.
//!
//! A mapped file's name may since stand for another file, live in another mount namespace, or never have been one
//! (`/memfd:`). A file that was replaced while mapped shows ` (deleted)` in the map, and is then opened through
//! `/proc/PID/map_files`, which asks for privilege.

use super::maps::Mapping;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files by path, and whether they were deleted when they were mapped: another file may have the path since.
pub(crate) type Found = BTreeMap<(PathBuf, bool), Arc<File>>;

/// Where the files of a target's mappings are found.
#[derive(Clone, Debug)]
pub struct Files {
    process: Option<PathBuf>,
    root: PathBuf,
    /// The files that were found, where only those are to be believed.
    found: Option<Arc<Found>>,
}

impl Files {
    /// The files of the live process `pid`.
    pub fn of_process(pid: i32) -> Files {
        let process = PathBuf::from(format!("/proc/{pid}"));
        Files { root: process.join("root"), process: Some(process), found: None }
    }

    /// The files of this process.
    pub fn own() -> Files {
        Files { process: Some("/proc/self".into()), root: "/".into(), found: None }
    }

    /// The files below `root`, for a target that is not alive here.
    pub fn under(root: &Path) -> Files {
        Files { process: None, root: root.into(), found: None }
    }

    /// These files and no others; code of the target is looked for below `root`.
    pub(crate) fn found(root: &Path, files: Found) -> Files {
        Files { process: None, root: root.into(), found: Some(Arc::new(files)) }
    }

    /// The target's root directory, as it is seen here.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file of `mapping`, open for reading; `None` if it has none, or it cannot be had any more.
    pub fn open(&self, mapping: &Mapping) -> Option<File> {
        let path = mapping.file()?;
        if let Some(found) = &self.found {
            // By the descriptor: a copy of it would share its position.
            return File::open(format!("/proc/self/fd/{}", found.get(&(path.to_owned(), mapping.deleted))?.as_raw_fd())).ok();
        }
        if !mapping.deleted
            && !mapping.is_special()
            && let Ok(file) = open_regular(&self.root.join(path.strip_prefix("/").unwrap_or(path)))
        {
            let same = file.metadata().is_ok_and(|metadata| metadata.ino() == mapping.inode);
            // Layered file systems show other numbers in the map than to `stat`. The name was not removed, so what it
            // stands for is what is mapped, and the kernel is asked only where it differs.
            return if same { Some(file) } else { self.open_mapped(mapping).or(Some(file)) };
        }
        self.open_mapped(mapping)
    }

    fn open_mapped(&self, mapping: &Mapping) -> Option<File> {
        let span = format!("{:x}-{:x}", mapping.span.start.0, mapping.span.end.0);
        File::open(self.process.as_ref()?.join("map_files").join(span)).ok().filter(is_regular)
    }
}

/// The file at `path`, if it is one: a pipe would be waited for, and a device may do something when it is opened.
///
/// # Errors
/// It cannot be opened, or is no file.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(no_file());
    }
    // Another may have its place by now.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if is_regular(&file) { Ok(file) } else { Err(no_file()) }
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}
