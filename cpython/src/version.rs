//! Which CPython a target runs, by everything that says so: `_Py_DebugOffsets`, `Py_Version`, the text of
//! `Py_GetVersion`, and `sys.hexversion`, read through a layout, which has the last word.
//!
//! Mirrors `Include/patchlevel.h`, `Python/getversion.c`, `Include/internal/pycore_debug_offsets.h` and `Python/sysmodule.c`.
//! A free-threaded, debug or Stackless build is told by what only such a build has.

use crate::layouts::{Flags, HexVersion, Layouts};
use crate::memory::Memory;
use crate::stackless::Signs;
use crate::symbols::Binary;
use heapsake_core::{Address, Span};

/// What begins `_Py_DebugOffsets`, and with it `_PyRuntime`, from 3.13 on.
pub const COOKIE: &[u8; 8] = b"xdebugpy";

/// The words that say which CPython this is; any of them may be missing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    /// `_Py_DebugOffsets.version`.
    pub debug_offsets: Option<HexVersion>,
    /// `Py_Version`.
    pub constant: Option<HexVersion>,
    /// What `sys.version` was made of.
    pub text: Option<String>,
    /// How it was built, as far as its symbols and its debug offsets say.
    pub flags: Flags,
    /// What says that it is Stackless, and what that it is not.
    pub stackless: Signs,
}

impl Evidence {
    /// What `binary`, with `_PyRuntime` at `runtime`, says of itself.
    pub fn gather<M: Memory + ?Sized>(memory: &M, runtime: Address, binary: &Binary) -> Evidence {
        let header = debug_offsets(memory, runtime);
        let constant = binary.find("Py_Version").and_then(|symbol| memory.read_u32(symbol.address)).map(HexVersion);
        let text = version_text(memory, binary);
        let threaded = header.is_some_and(|(_, threaded)| threaded)
            || text.as_ref().is_some_and(|text| text.contains("free-threading build"));
        let find = |name: &str| binary.find(name).map(|symbol| (symbol.address, symbol.size));
        let stackless = Signs::gather(memory, find, text.as_deref());
        let flags = Flags {
            free_threaded: threaded,
            // `Py_REF_DEBUG`, which every debug build implies, exports it.
            debug: binary.find("_Py_NegativeRefcount").is_some(),
            stackless: stackless.verdict().unwrap_or(false),
        };
        Evidence { debug_offsets: header.map(|(version, _)| version), constant, text, flags, stackless }
    }

    /// The version, by the most trustworthy word there is.
    pub fn version(&self) -> Option<HexVersion> {
        self.debug_offsets.or(self.constant).or_else(|| parse_version(self.text.as_deref()?))
    }
}

/// Version and whether it is free-threaded, by the head of the debug offsets at `runtime`.
pub fn debug_offsets<M: Memory + ?Sized>(memory: &M, runtime: Address) -> Option<(HexVersion, bool)> {
    if memory.word(runtime)? != u64::from_le_bytes(*COOKIE) {
        return None;
    }
    let version = u32::try_from(memory.word(runtime.offset(8))?).ok()?;
    match memory.word(runtime.offset(16))? {
        threaded @ (0 | 1) => Some((HexVersion(version), threaded == 1)),
        _ => None,
    }
}

/// The static buffer of `Py_GetVersion`, such as `3.8.18 (default, Aug  2 2024, 10:00:00) \n[GCC 12.2.0]`, which every
/// interpreter has filled when `sys` exists: where its name says, or by its look, in the binary's data.
pub fn version_text<M: Memory + ?Sized>(memory: &M, binary: &Binary) -> Option<String> {
    let named = binary.with_prefix("version").filter(|(_, symbol)| !symbol.is_function && (100..=1000).contains(&symbol.size));
    for (_, symbol) in named {
        if let Some(text) = memory.c_string(symbol.address, 600).and_then(|text| String::from_utf8(text).ok())
            && is_version_text(&text)
        {
            return Some(text);
        }
    }
    scan_version_text(memory, binary.span())
}

fn scan_version_text<M: Memory + ?Sized>(memory: &M, span: Span) -> Option<String> {
    const BLOCK: usize = 64 << 10;
    const OVERLAP: usize = 256;
    if span.len() > 1 << 30 {
        return None;
    }
    let mut block = vec![0; BLOCK];
    let mut start = span.start;
    while start < span.end {
        let length = BLOCK.min((span.end.0 - start.0) as usize);
        let bytes = block.get_mut(..length)?;
        if memory.read_at(start, bytes).is_err() {
            // Parts of the span may be absent: page by page, and zeros for those.
            for (index, page) in bytes.chunks_mut(4096).enumerate() {
                if memory.read_at(start.offset(4096 * index as i64), page).is_err() {
                    page.fill(0);
                }
            }
        }
        for begin in (0..bytes.len().saturating_sub(OVERLAP)).filter(|&begin| bytes[begin..].starts_with(b"3.")) {
            let text = bytes[begin..].split(|&byte| byte == 0).next().unwrap_or_default();
            if let Ok(text) = std::str::from_utf8(text)
                && is_version_text(text)
            {
                return Some(text.to_owned());
            }
        }
        start = start.offset((BLOCK - OVERLAP) as i64);
    }
    None
}

/// Whether this is what `Py_GetVersion` gives: a version, the build in parentheses, the compiler in brackets.
fn is_version_text(text: &str) -> bool {
    let build = text.split_once(' ').map(|(_, rest)| rest.trim_start());
    parse_version(text).is_some()
        && build.is_some_and(|rest| {
            ["(", "free-threading build", "experimental", "Stackless"].iter().any(|start| rest.starts_with(start))
        })
        && text.contains(") ")
        && text.contains('[')
}

/// The number in front of a version text: `3.13.0rc2+` is `0x030d00c2`.
pub fn parse_version(text: &str) -> Option<HexVersion> {
    let number = text.split([' ', '+']).next()?;
    let (major, rest) = number.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (patch, suffix) = rest.split_at_checked(digits)?;
    let level = suffix.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let serial = suffix.strip_prefix(level)?;
    let (level, serial) = match (level, serial) {
        ("", "") => (0xf, 0),
        ("a", serial) => (0xa, serial.parse().ok()?),
        ("b", serial) => (0xb, serial.parse().ok()?),
        ("rc", serial) => (0xc, serial.parse().ok()?),
        _ => return None,
    };
    let (major, minor, patch): (u8, u8, u8) = (major.parse().ok()?, minor.parse().ok()?, patch.parse().ok()?);
    let serial: u32 = if serial <= 0xf { serial } else { return None };
    Some(HexVersion(u32::from_be_bytes([major, minor, patch, level << 4]) | serial))
}

/// `sys.hexversion` of the interpreter at `interpreter`, read through `layouts`; `None` if they do not describe what is there.
pub fn sys_hexversion<M: Memory + ?Sized>(memory: &M, interpreter: Address, layouts: &Layouts) -> Option<HexVersion> {
    let sys = layouts.interpreter.sysdict.read(memory, interpreter)?;
    let value = look_up(memory, sys, b"hexversion", layouts)?;
    let digits = match layouts.long.lv_tag {
        Some(lv_tag) => lv_tag.read(memory, value)? >> 3,
        None => u64::try_from(layouts.var_object.ob_size.read(memory, value)?).ok()?,
    };
    // Digits of 30 bits; the first byte of a version that exists leaves one of them.
    let number = memory.read_u32(layouts.long.ob_digit.at(value))?;
    (digits == 1).then_some(HexVersion(number))
}

/// Whether `sys.hexversion` of the interpreter is a number, but of digits that are not those of the layouts (15 bits, two bytes
/// each).
pub(crate) fn has_other_digits<M: Memory + ?Sized>(memory: &M, interpreter: Address, layouts: &Layouts) -> bool {
    let sys = layouts.interpreter.sysdict.read(memory, interpreter);
    let value = sys.and_then(|sys| look_up(memory, sys, b"hexversion", layouts));
    let class = value.and_then(|value| layouts.object.ob_type.read(memory, value));
    class.and_then(|class| layouts.type_object.tp_itemsize.read(memory, class)) == Some(2)
}

/// Whether what every `sys` has is in that of the interpreter at `interpreter`, read through `layouts`. A program may set and
/// delete `sys.hexversion`, and one that ends sets all of it to None; the keys stay.
pub(crate) fn reads_sys<M: Memory + ?Sized>(memory: &M, interpreter: Address, layouts: &Layouts) -> bool {
    const NAMES: [&[u8]; 8] =
        [b"modules", b"maxsize", b"byteorder", b"version", b"implementation", b"platform", b"executable", b"path"];
    let mut left = NAMES.len() / 2;
    let sys = layouts.interpreter.sysdict.read(memory, interpreter).filter(|sys| !sys.is_null());
    let found = sys.and_then(|sys| {
        each_entry(memory, sys, layouts, |key, _| {
            let length = usize::try_from(layouts.ascii.length.read(memory, key)?).ok()?;
            let is_known = NAMES.iter().any(|name| name.len() == length) && {
                let key = ascii(memory, key, layouts)?;
                NAMES.iter().any(|name| *name == key)
            };
            left -= usize::from(is_known);
            (left == 0).then_some(())
        })
    });
    found.is_some()
}

/// Whether a part of what the `sys` of the interpreter at `interpreter` consists of is not in the memory, as in a core that is cut.
pub(crate) fn lacks_sys<M: Memory + ?Sized>(memory: &M, interpreter: Address, layouts: &Layouts) -> bool {
    let Some(sys) = layouts.interpreter.sysdict.read(memory, interpreter).filter(|sys| !sys.is_null()) else { return false };
    let Some(keys) = layouts.dict.ma_keys.read(memory, sys) else { return true };
    if layouts.dict_keys.dk_nentries.read(memory, keys).is_none() {
        return true;
    }
    let mut entries = 0;
    let lacking = each_entry(memory, sys, layouts, |key, _| {
        entries += 1;
        ascii(memory, key, layouts).is_none().then_some(())
    });
    lacking.is_some() || entries == 0
}

/// The value of the ASCII key `name` in the combined dict at `dict`.
fn look_up<M: Memory + ?Sized>(memory: &M, dict: Address, name: &[u8], layouts: &Layouts) -> Option<Address> {
    each_entry(memory, dict, layouts, |key, value| {
        if layouts.ascii.length.read(memory, key)? != name.len() as i64 {
            return None;
        }
        (ascii(memory, key, layouts)? == name).then_some(value)
    })
}

/// The text of a compact ASCII string.
pub(crate) fn ascii<M: Memory + ?Sized>(memory: &M, text: Address, layouts: &Layouts) -> Option<Vec<u8>> {
    const MAXIMUM_LENGTH: usize = 1000;
    let is_plain = layouts.ascii.compact.read(memory, text)? == 1 && layouts.ascii.ascii.read(memory, text)? == 1;
    let length = u64::try_from(layouts.ascii.length.read(memory, text)?).ok().filter(|_| is_plain)?;
    let start = text.offset(layouts.ascii.size as i64);
    memory.read_vec(start, length, MAXIMUM_LENGTH).ok().filter(|text| text.len() as u64 == length)
}

/// What `look` finds in an entry of the combined dict at `dict`, given key and value; without a look at any type, which may
/// not be known yet.
pub(crate) fn each_entry<M: Memory + ?Sized, T>(
    memory: &M,
    dict: Address,
    layouts: &Layouts,
    mut look: impl FnMut(Address, Address) -> Option<T>,
) -> Option<T> {
    const MAXIMUM_ENTRIES: i64 = 1 << 16;
    let keys = layouts.dict.ma_keys.read(memory, dict)?;
    let entries = layouts.dict_keys.dk_nentries.read(memory, keys)?;
    let index_bytes = match (layouts.dict_keys.dk_log2_index_bytes, layouts.dict_keys.dk_size) {
        (Some(log2), _) => 1u64.checked_shl(u32::from(log2.read(memory, keys)?))?,
        (None, Some(size)) => {
            let size = u64::try_from(size.read(memory, keys)?).ok()?;
            let width = match size {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                0x1_0000..=0xffff_ffff => 4,
                _ => 8,
            };
            size.checked_mul(width)?
        }
        (None, None) => return None,
    };
    if !(0..=MAXIMUM_ENTRIES).contains(&entries) || index_bytes > 1 << 32 {
        return None;
    }
    let first = layouts.dict_keys.dk_indices.at(keys).offset(index_bytes as i64);
    let is_general = match layouts.dict_keys.dk_kind {
        Some(kind) => kind.read(memory, keys)? == 0,
        None => true,
    };
    let (size, key, value) = match (layouts.dict_unicode_entry, is_general) {
        (Some(entry), false) => (entry.size, entry.me_key, entry.me_value),
        _ => (layouts.dict_entry.size, layouts.dict_entry.me_key, layouts.dict_entry.me_value),
    };
    (0..entries).map(|index| first.offset(index * size as i64)).find_map(|entry| {
        let key = key.read(memory, entry).filter(|key| !key.is_null())?;
        look(key, value.read(memory, entry).filter(|value| !value.is_null())?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_as_python_writes_them() {
        for (text, number) in [
            ("3.8.18 (default, Aug  2 2024, 10:00:00) \n[GCC 12.2.0]", 0x030812f0),
            ("3.11.7+ (heads/x:1, Jan) [Clang 17]", 0x030b07f0),
            ("3.13.0rc2 (main) [GCC]", 0x030d00c2),
            ("3.15.0a7+ free-threading build (main) [GCC]", 0x030f00a7),
            ("3.7.5 Stackless 3.1b3 060516 (v3.7.5-slp, Jan  1 2020, 10:00:00) \n[GCC 9]", 0x030705f0),
        ] {
            assert_eq!(parse_version(text), Some(HexVersion(number)), "{text}");
            assert!(is_version_text(text), "{text}");
        }
        for text in ["", "3", "3.11", "3.11.", "3.11.x", "3.11.7post1", "3.400.1", "3.11.7rc99", "x.1.2"] {
            assert_eq!(parse_version(text), None, "{text}");
        }
        assert!(!is_version_text("3.11.7"));
    }
}
