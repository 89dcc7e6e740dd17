//! What is known of the target beyond its memory: the layouts, the build, and what `/proc` says while it lives.
//!
//! Reducers that are written for CPython get it from `Object::runtime()`.

use std::path::{Path, PathBuf};

use heapsake_core::Address;

use crate::layouts::{Flags, HexVersion, Layouts};

/// The target, as reducers may ask about it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Where the fields of its structs lie.
    pub layouts: Layouts,
    /// Its version, which may be another patch release than the layouts' one.
    pub version: HexVersion,
    /// How it was built.
    pub flags: Flags,
    /// Where its `_PyRuntime` lies; null when it was not looked for (synthetic memory).
    pub runtime: Address,
    /// The interpreter whose static types have their dictionaries there (3.12+); null when there is none.
    pub interpreter: Address,
    /// The process, if it lives (also while it is stopped).
    pub pid: Option<i32>,
    /// The target's root directory: `/`, or `/proc/PID/root`.
    pub root: PathBuf,
}

impl Facts {
    /// Facts of a target of which only the memory is there.
    pub fn of_memory(layouts: Layouts) -> Facts {
        let (version, flags) = (layouts.version, layouts.flags);
        Facts { layouts, version, flags, runtime: Address::NULL, interpreter: Address::NULL, pid: None, root: PathBuf::from("/") }
    }

    /// `/proc/PID/name`, if the process lives.
    pub fn process_file(&self, name: &str) -> Option<PathBuf> {
        self.pid.map(|pid| Path::new("/proc").join(pid.to_string()).join(name))
    }

    /// What file descriptor `descriptor` is open on, as the kernel names it: a path, `socket:[4711]`, `pipe:[12]`.
    pub fn descriptor(&self, descriptor: i64) -> Option<String> {
        let link = self.process_file("fd")?.join(descriptor.to_string());
        Some(std::fs::read_link(link).ok()?.to_string_lossy().into_owned())
    }
}
