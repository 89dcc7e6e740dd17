//! A plugin's library, opened in the worker: the handshake, the table decoded, and the call of a reducer.
//!
//! Nothing of a table is read beyond the size that it gives, and a library is never closed: its code may have been handed
//! out. Everything here runs in the worker, so a table that lies crashes the worker and is refused for it.

#![expect(unsafe_code, reason = "libraries are opened, and their tables are pointers")]

use std::ffi::c_void;
use std::path::Path;

use libloading::Library;

use crate::abi::{self, ENTRY, Host, MAGIC, MAJOR, MINOR, Plugin, Reduce, Reducer};
use crate::protocol::{Described, Description};

/// The part of the table that every version has had.
const FIRST_SIZE: usize = std::mem::offset_of!(Plugin, description);
/// The same of a reducer.
const FIRST_REDUCER_SIZE: usize = size_of::<Reducer>();
/// More reducers, or more types of one, are a mistake.
const MOST: u64 = 10_000;
/// Names and lines are not longer.
const LONGEST_TEXT: u64 = 4096;

/// How every table begins.
#[repr(C)]
struct Head {
    magic: u64,
    size: u32,
    major: u16,
    minor: u16,
}

/// A plugin that is open.
pub(crate) struct Opened {
    pub(crate) description: Description,
    reducers: Vec<(Reduce, *mut c_void)>,
}

impl Opened {
    /// Opens the library and shakes hands.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn open(path: &Path) -> Result<Opened, String> {
        // SAFETY: running a library's constructors may do anything; this is the worker, which may die of it.
        let library = unsafe { Library::new(path) }.map_err(|problem| format!("it cannot be opened: {problem}"))?;
        let library = Box::leak(Box::new(library));
        // SAFETY: the symbol is the entry by the contract of the ABI.
        let entry = unsafe { library.get::<unsafe extern "C" fn() -> *const Plugin>(ENTRY) };
        let entry = entry.map_err(|_| format!("it does not export {ENTRY}: no plugin, or one for another heapsake"))?;
        // SAFETY: the entry takes nothing and returns a table that stays.
        let table = unsafe { entry() };
        let plugin = table_of(table)?;
        let name = text(plugin.name).filter(|name| !name.is_empty()).ok_or("its name is missing")?;
        let mut described = Vec::new();
        let mut reducers = Vec::new();
        for at in 0..u64::from(plugin.reducer_count) {
            let (one, reduce) = reducer(&plugin, at).ok_or_else(|| format!("its reducer number {at} makes no sense"))?;
            described.push(one);
            reducers.push(reduce);
        }
        let description = Description {
            name,
            version: text(plugin.version).unwrap_or_default(),
            description: text(plugin.description).unwrap_or_default(),
            abi: (plugin.major, plugin.minor),
            reducers: described,
        };
        Ok(Opened { description, reducers })
    }

    /// Lets reducer number `reducer` tell an object; gives its status, none when there is no such reducer.
    pub(crate) fn reduce(&self, reducer: u32, host: &Host, handle: *mut c_void) -> Option<i32> {
        let (reduce, data) = *self.reducers.get(reducer as usize)?;
        // SAFETY: the function is the plugin's by its table; the host's table outlives the call, and the handle is one that
        // is never dereferenced.
        Some(unsafe { reduce(host, handle, data) })
    }
}

/// The table, as far as it reaches.
fn table_of(table: *const Plugin) -> Result<Plugin, String> {
    if table.is_null() {
        return Err("its table is missing".to_owned());
    }
    if !table.is_aligned() {
        return Err("its table lies askew".to_owned());
    }
    // SAFETY: the entry returns a table that begins like this in every major version; it is aligned and not null.
    let Head { magic, size, major, minor } = unsafe { table.cast::<Head>().read() };
    if magic != MAGIC {
        return Err(format!("its table begins with {magic:#x}, not with {MAGIC:#x}"));
    }
    let size = size as usize;
    if (major, minor) > (MAJOR, MINOR) {
        return Err(format!(
            "it is made for plugin interface {major}.{minor}, and this heapsake has {MAJOR}.{MINOR}\nhint: update heapsake"
        ));
    }
    if major < MAJOR {
        return Err(format!(
            "it is made for plugin interface {major}.{minor}, and this heapsake has {MAJOR}.{MINOR}\nhint: update the plugin"
        ));
    }
    if size < FIRST_SIZE {
        return Err(format!("its table has {size} bytes, and {FIRST_SIZE} are the least"));
    }
    let nothing = abi::Text { start: std::ptr::null(), length: 0 };
    let mut copy = Plugin {
        magic,
        size: size as u32,
        major,
        minor,
        name: nothing,
        version: nothing,
        reducer_size: 0,
        reducer_count: 0,
        reducers: std::ptr::null(),
        description: nothing,
    };
    let whole = if size < size_of::<Plugin>() { FIRST_SIZE } else { size_of::<Plugin>() };
    // SAFETY: the table has `size` bytes by its own word, and the copy has room for `whole`, which is no more than that.
    unsafe { std::ptr::copy_nonoverlapping(table.cast::<u8>(), (&raw mut copy).cast::<u8>(), whole) };
    if u64::from(copy.reducer_count) > MOST {
        return Err(format!("it has {} reducers, at most {MOST} are allowed", copy.reducer_count));
    }
    if copy.reducer_count > 0 && (copy.reducers.is_null() || (copy.reducer_size as usize) < FIRST_REDUCER_SIZE) {
        return Err(format!("its reducers have {} bytes each, and {FIRST_REDUCER_SIZE} are the least", copy.reducer_size));
    }
    Ok(copy)
}

fn reducer(plugin: &Plugin, at: u64) -> Option<(Described, (Reduce, *mut c_void))> {
    let entry = plugin.reducers.wrapping_byte_add((at * u64::from(plugin.reducer_size)) as usize);
    // SAFETY: the table says that it has this many entries of that size, which is no less than what is read.
    let one = unsafe { entry.read_unaligned() };
    if one.type_count == 0 || one.type_count > MOST || one.types.is_null() {
        return None;
    }
    let mut types = Vec::new();
    for at in 0..one.type_count {
        // SAFETY: the entry says that it has this many types.
        let wanted = unsafe { one.types.wrapping_add(at as usize).read_unaligned() };
        let name = text(wanted.name).filter(|name| !name.is_empty())?;
        types.push((
            name,
            matches!(wanted.matched, abi::EXACT).then_some(true).or((wanted.matched == abi::BASE).then_some(false))?,
        ));
    }
    let described = Described { types, saves: text(one.saves).unwrap_or_default(), file: text(one.file).unwrap_or_default() };
    Some((described, (one.reduce?, one.data)))
}

fn text(text: abi::Text) -> Option<String> {
    let bytes = abi::lent(text.start, text.length.min(LONGEST_TEXT))?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// Bounds what a plugin may take of the machine: address space, and no core file of a worker that crashes.
pub(crate) fn bound() {
    const MOST_MEMORY: u64 = 4 << 30;
    for (resource, most) in [(libc::RLIMIT_AS, MOST_MEMORY), (libc::RLIMIT_CORE, 0)] {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: the limit is ours, and lives until the call returns. A refusal leaves the limit that was there.
        unsafe { libc::setrlimit(resource, &raw const limit) };
    }
}
