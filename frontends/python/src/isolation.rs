//! What a process that runs reducers gives up, so that the program it was split off from never notices: descriptors, shared
//! memory, its terminal, its signal handlers, a core file, and its life when its parent ends. And what it needs anew: an
//! interpreter lock for which none of the program's other threads waits.

#![expect(unsafe_code, reason = "prctl, mprotect, dup3 and the like are system calls")]

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::offset_of;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use heapsake_core::Address;
use heapsake_cpython::memory::maps;
use pyo3::prelude::*;

/// Signals that a reducer may bring about, whose handlers are the program's.
pub(crate) const FATAL: [i32; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT, libc::SIGTRAP, libc::SIGSYS];

/// Isolates this process, which was split off and has one thread. The descriptor `keep` stays as it is.
///
/// # Errors
/// When the memory map or the list of descriptors cannot be read, or a step is refused: then no reducer may run.
pub(crate) fn isolate(keep: RawFd, parent: i32) -> io::Result<()> {
    // SAFETY: system calls on this process alone; a session of its own takes it off the terminal and into a group.
    unsafe { libc::setsid() };
    // SAFETY: likewise; it ends with the process that split it off.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    // SAFETY: asks for a number.
    if unsafe { libc::getppid() } != parent {
        return Err(io::Error::other("the process that split this one off has ended"));
    }
    take_default_actions(&FATAL);
    protect_shared()?;
    point_at_null(keep)?;
    // SAFETY: as above; from here on a crash leaves no core file, whatever the system does with those.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) })
}

/// Gives up the program's handlers of `signals`.
pub(crate) fn take_default_actions(signals: &[i32]) {
    for signal in signals {
        // SAFETY: the default action is no function.
        unsafe { libc::signal(*signal, libc::SIG_DFL) };
    }
}

/// Has this process leave no core file, which is the program's to leave.
pub(crate) fn leave_no_core() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel reads a struct of ours.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}

/// Where there is no memory left, the kernel is to end this process rather than the program.
pub(crate) fn end_first() {
    const FIRST: &[u8] = b"1000";
    // SAFETY: the path is a NUL-terminated text.
    let file = unsafe { libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    if file >= 0 {
        // SAFETY: the kernel reads bytes of ours. Without success it chooses as it likes.
        unsafe { libc::write(file, FIRST.as_ptr().cast(), FIRST.len()) };
        // SAFETY: the descriptor is this function's.
        unsafe { libc::close(file) };
    }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes memory that other processes see read-only.
fn protect_shared() -> io::Result<()> {
    for mapping in maps::own()?.into_iter().filter(|mapping| mapping.permissions.shared && mapping.permissions.write) {
        let execute = if mapping.permissions.execute { libc::PROT_EXEC } else { 0 };
        let read = if mapping.permissions.read { libc::PROT_READ } else { 0 };
        let length = (mapping.span.end.0 - mapping.span.start.0) as usize;
        let start = std::ptr::with_exposed_provenance_mut(mapping.span.start.0 as usize);
        // SAFETY: a mapping of this process; nothing of ours lies in one that others share.
        check(unsafe { libc::mprotect(start, length, read | execute) })?;
    }
    Ok(())
}

/// Points every descriptor at the null device, but for `keep`.
fn point_at_null(keep: RawFd) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for descriptor in descriptors()? {
        if descriptor != keep && descriptor != null.as_raw_fd() {
            // What a reducer starts has standard streams.
            let flags = if descriptor <= libc::STDERR_FILENO { 0 } else { libc::O_CLOEXEC };
            // SAFETY: whoever owns the descriptor in the program does so there; here nothing of it is used.
            check(unsafe { libc::dup3(null.as_raw_fd(), descriptor, flags) })?;
        }
    }
    Ok(())
}

/// The open descriptors.
fn descriptors() -> io::Result<Vec<RawFd>> {
    let folder = File::open("/proc/self/fd")?;
    let names = names_in(&folder)?;
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse::<RawFd>().ok());
    Ok(numbers.filter(|descriptor| *descriptor != folder.as_raw_fd()).collect())
}

/// The names in a folder, read without the C library's directory streams, which allocate from it: in a child that was split off
/// its lock may be held for ever.
pub(crate) fn names_in(folder: &File) -> io::Result<Vec<OsString>> {
    let mut found = Vec::new();
    let mut buffer = [0u8; 8 << 10];
    loop {
        // SAFETY: the kernel writes at most the given number of bytes into a buffer of ours.
        let filled = unsafe { libc::syscall(libc::SYS_getdents64, folder.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) };
        if filled < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut entries = &buffer[..filled as usize];
        if entries.is_empty() {
            found.retain(|name| name != "." && name != "..");
            return Ok(found);
        }
        // An entry: inode, offset, 8 bytes each; its length, 2; its type, 1; its name, ended by a zero.
        while let Some(length) = entries.get(16..18).map(|two| usize::from(u16::from_le_bytes([two[0], two[1]]))) {
            let Some((entry, rest)) = entries.split_at_checked(length.max(19)) else { break };
            let name = entry[19..].split(|byte| *byte == 0).next().unwrap_or_default();
            found.push(OsStr::from_bytes(name).to_owned());
            entries = rest;
        }
    }
}

/// Bytes after the start of `_PyRuntime` in which the interpreter lock is looked for; it is within the first tenth.
const RUNTIME: usize = 4 << 20;

/// The interpreter lock, of which only the places of its parts are used: `struct _gil_runtime_state` of `Include/internal/pycore_gil.h`, the same from 3.8 to 3.13.
#[repr(C)]
struct InterpreterLock {
    interval: libc::c_ulong,
    last_holder: usize,
    locked: i32,
    switch_number: libc::c_ulong,
    condition: libc::pthread_cond_t,
    mutex: libc::pthread_mutex_t,
    switch_condition: libc::pthread_cond_t,
    switch_mutex: libc::pthread_mutex_t,
}

/// Where `_PyRuntime` lies: to be asked for before the process is split, as the dynamic linker has locks of its own.
pub(crate) fn runtime() -> usize {
    // SAFETY: looks a name up that ends with a zero.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_PyRuntime".as_ptr()) }.addr()
}

/// Makes the condition variables and mutexes of the interpreter lock anew, which this thread holds. Those of the program
/// remember threads that wait and that do not exist here: who signals them may wait for these for ever. Whether the lock was
/// found.
///
/// To be called with one thread, which is attached to the interpreter.
pub(crate) fn renew_interpreter_lock(runtime: usize) -> bool {
    // SAFETY: the caller is attached.
    let holder = unsafe { pyo3::ffi::PyThreadState_Get() }.expose_provenance();
    let Some(lock) = find_interpreter_lock(runtime, holder) else { return false };
    // SAFETY: zero bytes are a valid object of this type, which the next call initialises.
    let mut attributes: libc::pthread_condattr_t = unsafe { std::mem::zeroed() };
    // SAFETY: ours, and initialised by this.
    unsafe { libc::pthread_condattr_init(&raw mut attributes) };
    // SAFETY: initialised above. CPython waits by this clock where the system has it.
    unsafe { libc::pthread_condattr_setclock(&raw mut attributes, libc::CLOCK_MONOTONIC) };
    for offset in [offset_of!(InterpreterLock, condition), offset_of!(InterpreterLock, switch_condition)] {
        // SAFETY: a condition variable of the interpreter's, which no thread of this process uses.
        unsafe { libc::pthread_cond_init(std::ptr::with_exposed_provenance_mut(lock + offset), &raw const attributes) };
    }
    for offset in [offset_of!(InterpreterLock, mutex), offset_of!(InterpreterLock, switch_mutex)] {
        // SAFETY: likewise a mutex.
        unsafe { libc::pthread_mutex_init(std::ptr::with_exposed_provenance_mut(lock + offset), std::ptr::null()) };
    }
    true
}

/// The one place in the interpreter's runtime that looks like a lock that `holder` holds.
fn find_interpreter_lock(runtime: usize, holder: usize) -> Option<usize> {
    let mapping = maps::own().ok()?.into_iter().find(|mapping| mapping.span.contains(Address(runtime as u64)))?;
    if runtime == 0 || !mapping.permissions.read || !mapping.permissions.write {
        return None;
    }
    let last = (mapping.span.end.0 as usize).min(runtime + RUNTIME).checked_sub(size_of::<InterpreterLock>())?;
    let mut found = None;
    for at in (runtime.next_multiple_of(8)..=last).step_by(8) {
        // SAFETY: the mapping has these words and is readable, and they are aligned; no other thread writes to them.
        let word = |offset: usize| unsafe { std::ptr::with_exposed_provenance::<usize>(at + offset).read() };
        let looks = word(offset_of!(InterpreterLock, last_holder)) == holder
            && word(offset_of!(InterpreterLock, locked)) as u32 == 1
            && (1..=1_000_000_000_000).contains(&word(offset_of!(InterpreterLock, interval)));
        if looks && found.replace(at).is_some() {
            return None;
        }
    }
    found
}

/// The number of this process.
pub(crate) fn process() -> i32 {
    std::process::id() as i32
}

/// The object at `address` of this process, when its type is the one at `type_address`; else nothing.
///
/// To be called only in a process that was split off before any reducer ran, with an address and a type's address from the
/// dump that was made of the same memory.
pub(crate) fn live_object(py: Python<'_>, address: u64, type_address: u64) -> Option<Bound<'_, PyAny>> {
    let object: *mut pyo3::ffi::PyObject = std::ptr::with_exposed_provenance_mut(address as usize);
    if object.is_null() || !address.is_multiple_of(8) {
        return None;
    }
    // SAFETY: the capture has read an object there, of this type, in the same memory; the caller says that nothing has run
    // since. A reference of ours keeps it.
    let object = unsafe { Bound::from_borrowed_ptr_or_opt(py, object) }?;
    (object.get_type().as_ptr() as u64 == type_address).then_some(object)
}
