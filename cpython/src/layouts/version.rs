//! [`HexVersion`] and [`Flags`]: which CPython a column of the layout table is about.
//!
//! The number is `PY_VERSION_HEX` (`Include/patchlevel.h`), the same as `sys.hexversion`.

use std::fmt;
use std::str::FromStr;

/// A CPython version as `PY_VERSION_HEX` spells it: `0x030b07f0` is 3.11.7 final.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HexVersion(pub u32);

impl HexVersion {
    /// First number, 3.
    pub fn major(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// Second number: 11 of 3.11.7.
    pub fn minor(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Third number: 7 of 3.11.7.
    pub fn patch(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Whether both belong to one minor release, such as 3.11.
    pub fn same_minor(self, other: HexVersion) -> bool {
        self.0 >> 16 == other.0 >> 16
    }
}

impl fmt::Display for HexVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major(), self.minor(), self.patch())?;
        let serial = self.0 & 0xf;
        match (self.0 >> 4) & 0xf {
            0xa => write!(f, "a{serial}"),
            0xb => write!(f, "b{serial}"),
            0xc => write!(f, "rc{serial}"),
            0xf if serial == 0 => Ok(()),
            level => write!(f, "+level{level:x}.{serial}"),
        }
    }
}

impl fmt::Debug for HexVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:#010x})", self.0)
    }
}

/// How a CPython was built, as far as it moves fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Flags {
    /// `--disable-gil`; letter `t`.
    pub free_threaded: bool,
    /// `--with-pydebug`; letter `d`.
    pub debug: bool,
    /// Stackless Python; letter `s`.
    pub stackless: bool,
}

impl Flags {
    /// A default build.
    pub const NONE: Flags = Flags { free_threaded: false, debug: false, stackless: false };
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (set, letter) in [(self.free_threaded, 't'), (self.debug, 'd'), (self.stackless, 's')] {
            if set {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Flags {
    type Err = char;

    /// The letters that [`Display`](fmt::Display) writes; the error is the first letter that is none of them.
    fn from_str(text: &str) -> Result<Flags, char> {
        let mut flags = Flags::NONE;
        for letter in text.chars() {
            match letter {
                't' => flags.free_threaded = true,
                'd' => flags.debug = true,
                's' => flags.stackless = true,
                other => return Err(other),
            }
        }
        Ok(flags)
    }
}
