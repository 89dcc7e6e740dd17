//! The limits under which a dump of another process must have room too: that of this process's address space (`RLIMIT_AS`), those
//! of which the kernel ends a process when they are reached, and that of files that are open (`RLIMIT_NOFILE`).
#![expect(unsafe_code, reason = "the allocator is the C library's")]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes the most of a limit of the address space: lifts it as far as it may be lifted, and does as [`one_heap`]. Where there is no
/// memory left at all, the kernel is to end this process rather than the one that it looks at.
///
/// To be called by a process that only writes a dump, and starts no program that should have the limit.
pub fn make_the_most() {
    // Anybody may put himself first. Where it cannot be written, the kernel chooses.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // A process has mapped as many files as it likes, of which its core leads to each.
    lift(Resource::Nofile);
    if lift(Resource::As) {
        one_heap();
    }
}

/// Has the threads of this process share one heap, if its address space is limited.
///
/// The C library gives a thread a heap of its own by reserving 64 MiB, and reserves them under a limit too if the system
/// happens to place them well, once in 32 times: nothing would be left for the walk then.
///
/// To be called before there is a second thread.
pub fn one_heap() {
    #[cfg(target_env = "gnu")]
    if getrlimit(Resource::As).current.is_some() {
        // SAFETY: a setting of the allocator, which takes its own lock.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// Lifts a limit as far as it may be lifted; whether there was one.
fn lift(resource: Resource) -> bool {
    let limit = getrlimit(resource);
    // Without success it is what it was.
    let _ = setrlimit(resource, Rlimit { current: limit.maximum, maximum: limit.maximum });
    limit.current.is_some()
}
