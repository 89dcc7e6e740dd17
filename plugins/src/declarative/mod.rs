//! Types that are described in a text file: which fields their C struct has, where each lies, and what it is shown as.
//!
//! ```text
//! heapsake-type 1                                  the first line: the version of this format
//!
//! type ledger.Account                              begins a type; `base` instead of `type` takes subclasses too
//! struct AccountObject                             its C name, for places that are names
//! saves holder, balance and entries                one line for lists
//!
//! holder   = 16         char*                      a fact: the text that the pointer leads to
//! cents    = 24         i64                        a fact: a number
//! parent   = 32         object                     an attribute that is an object; or `object weak`, `borrowed`, `internal`
//! entries  = 40         object*   count 48         elements: a pointer to so many objects
//! currency = 56         u8        one-of 0 EUR, 1 USD
//! flags    = 57         u8        flags 1 frozen, 2 audited
//! opened   = .opened_at f64                        a place by the name that the struct's debug information has
//! next     = 72 -> 8    object                     8 bytes into what the pointer at 72 leads to
//! ```
//!
//! A place is a number of bytes from the object's start, a `.member` of the type's struct, or a `Struct.member` (also
//! `.member.member` of structs within structs), and any number of `-> PLACE`, each of which follows a pointer. Kinds: `i8` to
//! `i64`, `u8` to `u64`, `f32`, `f64`, `bool`, `pointer`, `char*` (to its NUL), `char[N]`, `bytes[N]`, `bytes*` with a count,
//! `object`, `object[N]`, `object*` with a count. Numbers take `hex`, `one-of NUMBER WORD, …`, `flags NUMBER WORD, …`, or `descriptor`, which adds what the file
//! descriptor is open on. `#` begins a comment.
//!
//! A null pointer is no fact, and no edge. A field that cannot be read makes the object a surrogate and costs no other field.

mod debug_information;
mod parse;
mod reduce;

pub use parse::{Problem, parse};
pub use reduce::DescribedType;

use std::fs;
use std::io::Read;
use std::path::Path;

/// No file of descriptions is longer.
const LONGEST: u64 = 1 << 20;

/// Reads a file of descriptions.
///
/// # Errors
/// What is wrong with it, with the line.
pub fn read(path: &Path) -> Result<Vec<DescribedType>, Problem> {
    let problem = |problem: std::io::Error| Problem::new(0, format!("it cannot be read: {problem}"));
    let mut text = Vec::new();
    fs::File::open(path).map_err(problem)?.take(LONGEST + 1).read_to_end(&mut text).map_err(problem)?;
    if text.len() as u64 > LONGEST {
        return Err(Problem::new(0, format!("it is longer than {LONGEST} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| Problem::new(0, "it is no UTF-8".to_owned()))?;
    parse(&text)
}
