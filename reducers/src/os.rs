//! `os`: directory entries and the iterator over them, by `Modules/posixmodule.c`.

use crate::framework::{facts, reducers};

reducers! {
    /// *What it holds.* What the kernel said of one name of a directory.
    /// *What is saved.* `name`, `path`, what `stat` gave where it was asked, the inode and the kind of file.
    /// *What becomes a surrogate.* None but the unreadable.
    DirectoryEntry ["posix.DirEntry"] "`name`, `path`, inode, kind" => |target, sink| {
        let layout = target.layouts().directory_entry;
        target.attributes(sink, &[("name", layout.name), ("path", layout.path)])?;
        target.internal(sink, "stat", layout.stat)?;
        target.internal(sink, "lstat", layout.lstat)?;
        let kind = match target.field(layout.d_type)? {
            1 => "fifo",
            2 => "character device",
            4 => "directory",
            6 => "block device",
            8 => "regular file",
            10 => "symbolic link",
            12 => "socket",
            _ => "unknown",
        };
        facts!(target, "inode": target.field(layout.d_ino)?, "kind": kind);
        Ok(())
    };

    /// *What it holds.* An open directory.
    /// *What is saved.* Its descriptor, if it has one of its own, and whether it is closed.
    /// *What becomes a surrogate.* None but the unreadable.
    ScandirIterator ["posix.ScandirIterator"] "the descriptor and `closed`" => |target, _| {
        let layout = target.layouts().scandir_iterator;
        let descriptor = target.field(layout.fd)?;
        facts!(target,
            "fd": (descriptor >= 0).then_some(descriptor),
            "closed": target.field(layout.dirp)?.is_null(),
        );
        Ok(())
    };
}
