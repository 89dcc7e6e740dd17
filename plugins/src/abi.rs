//! The C ABI between heapsake and a plugin; `include/heapsake_plugin.h` is the same in C.
//!
//! A plugin exports one function, [`ENTRY`], which returns its [`Plugin`] table. Every table begins with its own size and is
//! only ever appended to: what lies beyond the size that the other side gives is not there. The major version changes when
//! something else than an addition does. No Rust type, no allocation and no unwinding crosses: only integers, bytes that are
//! borrowed for the length of a call, and an opaque handle of the object that is being reduced.

#![expect(unsafe_code, reason = "tables and bytes arrive as pointers")]

use std::ffi::c_void;

/// What a plugin exports: `const heapsake_plugin *heapsake_plugin_v1(void)`.
pub const ENTRY: &str = "heapsake_plugin_v1";
/// The first word of a plugin's table: `HEAPSAKE`, little endian.
pub const MAGIC: u64 = u64::from_le_bytes(*b"HEAPSAKE");
/// Raised when something else than an addition changes.
pub const MAJOR: u16 = 1;
/// Raised by an addition.
pub const MINOR: u16 = 1;

/// All went well.
pub const OK: i32 = 0;
/// The target's memory does not have these bytes, or a name is not known.
pub const MISSING: i32 = 1;
/// The call made no sense: a bad pointer, kind or handle, or more than may be told of one object.
pub const REFUSED: i32 = 2;

/// The object's type has exactly this name.
pub const EXACT: u32 = 1;
/// The object's type, or one of its bases that no nearer reducer answers for, has this name.
pub const BASE: u32 = 2;

/// A value of 8 bytes, a signed number.
pub const VALUE_INTEGER: u32 = 1;
/// A value of 8 bytes, a double.
pub const VALUE_FLOAT: u32 = 2;
/// A value of 16 bytes, two doubles.
pub const VALUE_COMPLEX: u32 = 3;
/// Text in UTF-8; lone surrogates in three bytes of their own (WTF-8).
pub const VALUE_TEXT: u32 = 4;
/// Bytes.
pub const VALUE_BYTES: u32 = 5;
/// A number of any size: a byte that is 1 below zero, then the magnitude, little endian.
pub const VALUE_BIG: u32 = 6;

/// Bytes that somebody else owns; text is UTF-8 and needs no NUL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// The first byte; may be null when there are none.
    pub start: *const u8,
    /// How many.
    pub length: u64,
}

impl Text {
    /// Text that lives as long as the plugin.
    pub const fn new(text: &'static str) -> Text {
        Text { start: text.as_ptr(), length: text.len() as u64 }
    }
}

/// A type that a reducer answers for.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// [`EXACT`] or [`BASE`].
    pub matched: u32,
    /// Zero.
    pub reserved: u32,
    /// Its qualified name.
    pub name: Text,
}

/// What reduces: tells the object to the host; [`OK`], or else what was told to `fail` before is the reason.
pub type Reduce = unsafe extern "C" fn(host: *const Host, object: *mut c_void, data: *mut c_void) -> i32;

/// A reducer of a plugin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Reducer {
    /// The types, [`Reducer::type_count`] of them.
    pub types: *const Type,
    /// How many.
    pub type_count: u64,
    /// What is saved, in one line.
    pub saves: Text,
    /// The source file, for lists.
    pub file: Text,
    /// The function.
    pub reduce: Option<Reduce>,
    /// Handed to the function.
    pub data: *mut c_void,
}

/// The table that a plugin returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// [`MAGIC`].
    pub magic: u64,
    /// Bytes of this table.
    pub size: u32,
    /// [`MAJOR`] of the plugin.
    pub major: u16,
    /// [`MINOR`] of the plugin: what it needs.
    pub minor: u16,
    /// Its name.
    pub name: Text,
    /// Its version.
    pub version: Text,
    /// Bytes of one entry of `reducers`.
    pub reducer_size: u32,
    /// How many entries.
    pub reducer_count: u32,
    /// The entries.
    pub reducers: *const Reducer,
    /// Since 1.1: what it is, in one line.
    pub description: Text,
}

/// The table that a plugin is given. Functions that were added later are null when the host is older.
///
/// Each takes the handle first. Those that give text or bytes copy at most `capacity` bytes and return how many there are, or
/// a negative number when there is none; the others return [`OK`], [`MISSING`] or [`REFUSED`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Bytes of this table.
    pub size: u32,
    /// [`MAJOR`] of the host.
    pub major: u16,
    /// [`MINOR`] of the host.
    pub minor: u16,
    /// Where the object lies in the target. Not to be dereferenced: the target is another process.
    pub address: Option<extern "C" fn(*mut c_void) -> u64>,
    /// Fills a buffer from the target's memory, all or nothing: address, buffer, length.
    pub read: Option<extern "C" fn(*mut c_void, u64, *mut u8, u64) -> i32>,
    /// The qualified name of the object's type.
    pub type_name: Option<extern "C" fn(*mut c_void, *mut u8, u64) -> i64>,
    /// Whether an object lies at an address: 1 or 0.
    pub is_object: Option<extern "C" fn(*mut c_void, u64) -> i32>,
    /// The qualified name of the type of the object at an address.
    pub type_name_of: Option<extern "C" fn(*mut c_void, u64, *mut u8, u64) -> i64>,
    /// Tells what the nearest base with a known layout would tell.
    pub reduce_base: Option<extern "C" fn(*mut c_void) -> i32>,
    /// Tells facts: a CBOR map from names to plain values.
    pub state: Option<extern "C" fn(*mut c_void, *const u8, u64) -> i32>,
    /// Tells an edge: kind (numbers as in the file), name, target's address.
    pub edge: Option<extern "C" fn(*mut c_void, u32, *const u8, u64, u64) -> i32>,
    /// Tells an edge that is named by a number.
    pub indexed_edge: Option<extern "C" fn(*mut c_void, u32, u32, u64) -> i32>,
    /// Tells the next element.
    pub element: Option<extern "C" fn(*mut c_void, u64) -> i32>,
    /// Tells the next entry: key and value.
    pub entry: Option<extern "C" fn(*mut c_void, u64, u64) -> i32>,
    /// Tells the payload of a plain value: one of `VALUE_…`, bytes, length.
    pub value: Option<extern "C" fn(*mut c_void, u32, *const u8, u64) -> i32>,
    /// Says why the object is not complete: a reason (numbers as in the file), and in words.
    pub fail: Option<extern "C" fn(*mut c_void, u32, *const u8, u64) -> i32>,
    /// Since 1.1: the name of the base at a position, the type itself at 0.
    pub base: Option<extern "C" fn(*mut c_void, u32, *mut u8, u64) -> i64>,
    /// Since 1.1: the name of the declared member at a position, its offset and C type, and whether it is an object.
    pub member: Option<extern "C" fn(*mut c_void, u32, *mut u8, u64, *mut Member) -> i64>,
    /// Since 1.1: a fact of the process by name, such as `fd/7`, `net/tcp`, `pid`, `version`.
    pub process_fact: Option<extern "C" fn(*mut c_void, *const u8, u64, *mut u8, u64) -> i64>,
}

/// What [`Host::member`] fills in.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Member {
    /// Bytes from the object's start.
    pub offset: u32,
    /// The C type, by `Include/structmember.h`.
    pub kind: i32,
    /// 1 when it is a reference to an object.
    pub is_object: u32,
    /// Zero.
    pub reserved: u32,
}

impl Host {
    /// A table of an older host, with nothing in it.
    pub const NOTHING: Host = Host {
        size: 0,
        major: 0,
        minor: 0,
        address: None,
        read: None,
        type_name: None,
        is_object: None,
        type_name_of: None,
        reduce_base: None,
        state: None,
        edge: None,
        indexed_edge: None,
        element: None,
        entry: None,
        value: None,
        fail: None,
        base: None,
        member: None,
        process_fact: None,
    };

    /// A copy of the table at `table`, as far as it reaches.
    pub(crate) fn copied(table: *const Host) -> Host {
        let mut copy = Host::NOTHING;
        if table.is_null() {
            return copy;
        }
        // SAFETY: every host's table begins with its size (the contract of the entry), and it is not null.
        let size = unsafe { table.cast::<u32>().read() };
        let length = (size as usize).min(size_of::<Host>()) & !7;
        // SAFETY: both have this many bytes, in whole fields, which are integers and nullable pointers to functions.
        unsafe { std::ptr::copy_nonoverlapping(table.cast::<u8>(), (&raw mut copy).cast::<u8>(), length) };
        copy
    }
}

/// The bytes that the other side lent for this call; none when the pointer is null, or the length absurd.
pub(crate) fn lent<'a>(start: *const u8, length: u64) -> Option<&'a [u8]> {
    if length == 0 {
        return Some(&[]);
    }
    if start.is_null() || length > isize::MAX as u64 {
        return None;
    }
    // SAFETY: the contract: the caller lends that many bytes until the call returns, and no reference outlives it here. A
    // caller that lies crashes the worker, which is what the worker is for.
    Some(unsafe { std::slice::from_raw_parts(start, length as usize) })
}

/// Copies as much of `bytes` as fits into the other side's buffer; gives the length of all.
pub(crate) fn give(bytes: &[u8], into: *mut u8, capacity: u64) -> i64 {
    let length = bytes.len().min(usize::try_from(capacity).unwrap_or(usize::MAX));
    if length > 0 && !into.is_null() {
        // SAFETY: the contract: the buffer has that capacity, and is the caller's own.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), into, length) };
    }
    bytes.len() as i64
}

/// Fills in the other side's member.
pub(crate) fn give_member(member: Member, into: *mut Member) {
    if !into.is_null() {
        // SAFETY: the contract: not null means that there is room for one.
        unsafe { into.write_unaligned(member) };
    }
}
