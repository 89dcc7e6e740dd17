//! `multiprocessing`: semaphores between processes, by `Modules/_multiprocessing/semaphore.c`.

use crate::framework::{facts, known, reducers};

reducers! {
    /// *What it holds.* A named semaphore of the operating system, and how often this process has it.
    /// *What is saved.* `name`, `kind`, `maxvalue`, `count` and the thread that took it last.
    /// *What becomes a surrogate.* None but the unreadable.
    Semaphore ["_multiprocessing.SemLock"] "`name`, `kind`, `maxvalue`, `count`" => |target, _| {
        let layout = known(target.layouts().semaphore)?;
        let kind = match target.field(layout.kind)? {
            0 => "recursive mutex",
            1 => "semaphore",
            _ => "unknown",
        };
        facts!(target,
            "name": target.c_text(target.field(layout.name)?),
            "kind": kind,
            "maxvalue": target.field(layout.maxvalue)?,
            "count": target.field(layout.count)?,
            "last_tid": target.field(layout.last_tid)?,
        );
        Ok(())
    };
}
