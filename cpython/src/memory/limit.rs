//! The limits of memory under which a dump of another process must have room too: that of this process's address space
//! (`RLIMIT_AS`), and those of which the kernel ends a process when they are reached.
#![expect(unsafe_code, reason = "limits and the allocator are the C library's")]

/// Makes the most of a limit of the address space: lifts it as far as it may be lifted, and does as [`one_heap`]. Where there is no
/// memory left at all, the kernel is to end this process rather than the one that it looks at.
///
/// To be called by a process that only writes a dump, and starts no program that should have the limit.
pub fn make_the_most() {
    // Anybody may put himself first. Where it cannot be written, the kernel chooses.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let Some(mut limit) = limit() else { return };
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the kernel reads a struct of ours. Without success the limit is what it was.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    one_heap();
}

/// Has the threads of this process share one heap, if its address space is limited.
///
/// The C library gives a thread a heap of its own by reserving 64 MiB, and reserves them under a limit too if the system
/// happens to place them well, once in 32 times: nothing would be left for the walk then.
///
/// To be called before there is a second thread.
pub fn one_heap() {
    #[cfg(target_env = "gnu")]
    if limit().is_some() {
        // SAFETY: a setting of the allocator, which takes its own lock.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// The limit, if there is one.
fn limit() -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes to a struct of ours.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
    (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit)
}
