//! Values in one line, as Python's `repr` writes built-ins. Bounded, and escaped: a dump's text is hostile.

use heapsake_loader::{Dump, Limits, render};

use super::values::Value;

impl Value {
    /// The value in one line of at most about `characters`: what is beyond is told as "… 99,000 more".
    pub fn show(&self, dump: &Dump, characters: usize) -> String {
        match self {
            Value::Object(id) => render(&dump.object(*id), Limits { characters, ..Limits::default() }),
            _ => String::new(),
        }
    }
}
