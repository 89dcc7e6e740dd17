//! What is known of the target beyond its memory: the layouts, the build, and what `/proc` says while it lives.
//!
//! Reducers that are written for CPython get it from `Object::runtime()`.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use heapsake_core::Address;
use rustc_hash::FxHashMap;
use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

use crate::attach::Runtime;
use crate::layouts::{Flags, HexVersion, Layouts};
use crate::memory::{Files, Mapping};

/// More of a file of `/proc` is not read.
const MAXIMUM_FILE: u64 = 4 << 20;

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
    /// What was mapped in a process that is left as a core only.
    pub mapped: Option<Arc<Mapped>>,
    /// What reducers have worked out once for all objects.
    pub kept: Kept,
}

/// What a process had mapped, and where its files are found now.
#[derive(Debug)]
pub struct Mapped {
    /// By address.
    pub mappings: Vec<Mapping>,
    /// Those that are proven to be the same.
    pub files: Files,
}

/// What reducers work out once for a target and keep, each under a name of its own. Never what depends on the order of
/// objects, as reductions are pure.
#[derive(Clone, Default)]
pub struct Kept(Rc<RefCell<FxHashMap<&'static str, Rc<dyn Any>>>>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.borrow().keys()).finish()
    }
}

impl Kept {
    /// What is kept under `name`, made by `make` at the first call.
    pub fn get<T: 'static>(&self, name: &'static str, make: impl FnOnce() -> T) -> Rc<T> {
        let known = self.0.borrow().get(name).cloned();
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return known;
        }
        let made = Rc::new(make());
        self.0.borrow_mut().insert(name, Rc::clone(&made) as Rc<dyn Any>);
        made
    }
}

impl Facts {
    /// Facts of a target of which only the memory is there.
    pub fn of_memory(layouts: Layouts) -> Facts {
        let (version, flags) = (layouts.version, layouts.flags);
        Facts {
            layouts,
            version,
            flags,
            runtime: Address::NULL,
            interpreter: Address::NULL,
            pid: None,
            root: PathBuf::from("/"),
            mapped: None,
            kept: Kept::default(),
        }
    }

    /// Facts of a target whose runtime was found; of its process nothing yet.
    pub(crate) fn of_runtime(runtime: &Runtime) -> Facts {
        Facts {
            version: runtime.version,
            flags: runtime.flags,
            runtime: runtime.address,
            interpreter: runtime.interpreter,
            ..Facts::of_memory(runtime.layouts.clone())
        }
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

    /// Device and inode of the file that a descriptor of the process is open on, as the kernel has them: the file is not
    /// opened for that, and a server that does not answer is not asked.
    pub fn descriptor_file(&self, descriptor: i64) -> Option<(u64, u64)> {
        let path = self.process_file("fd")?.join(descriptor.to_string());
        let about = statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::INO).ok()?;
        Some((makedev(about.stx_dev_major, about.stx_dev_minor), about.stx_ino))
    }

    /// What reducers from outside may ask by name: `version`, `flags`, `pid`, and while the process lives `fd/7`, `fdinfo/7`
    /// and `net/tcp` of `/proc/PID`; none for any other name.
    pub fn process_fact(&self, name: &str) -> Option<Vec<u8>> {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match name.split_once('/') {
            None if name == "version" => Some(self.version.to_string().into_bytes()),
            None if name == "flags" => Some(self.flags.to_string().into_bytes()),
            None if name == "pid" => Some(self.pid?.to_string().into_bytes()),
            Some(("fd", descriptor)) if number(descriptor) => {
                Some(std::fs::read_link(self.process_file(name)?).ok()?.into_os_string().into_encoded_bytes())
            }
            Some(("fdinfo", descriptor)) if number(descriptor) => self.bytes_of(name),
            Some(("net", "tcp" | "tcp6" | "udp" | "udp6" | "unix")) => self.bytes_of(name),
            _ => None,
        }
    }

    fn bytes_of(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(self.process_file(name)?).ok()?.take(MAXIMUM_FILE).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The library that a type comes from, as this process finds it: the file that is mapped at the type, or for a type of the
    /// heap the extension of its module. None when the process is gone.
    pub fn library(&self, type_address: Address, module: &str) -> Option<PathBuf> {
        let maps = String::from_utf8(self.bytes_of("maps")?).ok()?;
        let module = module.rsplit('.').next().filter(|module| !module.is_empty())?;
        let mut of_module = None;
        for line in maps.lines() {
            let mut words = line.splitn(6, ' ');
            let (start, end) = words.next()?.split_once('-')?;
            let [start, end] = [start, end].map(|word| u64::from_str_radix(word, 16).unwrap_or(0));
            let path = words.nth(4).unwrap_or_default().trim();
            if !path.starts_with('/') {
                continue;
            }
            let path = self.root.join(path.trim_start_matches('/'));
            if (start..end).contains(&type_address.0) {
                return Some(path);
            }
            let rest = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(module));
            let is_extension = path.extension().is_some_and(|ending| ending == "so");
            if is_extension && rest.is_some_and(|rest| rest.starts_with('.')) {
                of_module = Some(path);
            }
        }
        of_module
    }
}
