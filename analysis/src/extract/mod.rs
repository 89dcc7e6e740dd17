//! Plain structures out of a dump into files that other programs read: JSON, CSV, and NumPy's `.npy`.
//!
//! Written as a stream: of containers a batch of elements at a time is in memory, whatever their size and depth. What is
//! not in the dump is never passed over: a withheld or missing value is written as a marker that says so, and counted in the
//! [`Report`]; a format that has no room for markers refuses. Of an array that was
//! cut to its head when it was saved, the head is written, and what is left out is counted.

mod array;
mod csv;
mod error;
mod grid;
mod json;
mod numbers;
mod table;

use std::io::Write;

use heapsake_loader::Object;

pub use error::{Error, ErrorKind};

/// Elements that are fetched at once.
const BATCH: u64 = 1024;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON (RFC 8259).
    Json,
    /// CSV (RFC 4180), UTF-8, with a header line where columns have names.
    Csv,
    /// NumPy's array file, version 1.0.
    Npy,
}

impl Format {
    /// The format with this name, which is also the ending of its files.
    pub fn named(name: &str) -> Option<Format> {
        match name.to_ascii_lowercase().as_str() {
            "json" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            "npy" => Some(Format::Npy),
            _ => None,
        }
    }
}

/// What was written, and what stands for values that were not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Values: numbers, texts and the like, in JSON also containers.
    pub values: u64,
    /// Values withheld by redaction.
    pub redacted: u64,
    /// Values that are not in the dump for other reasons.
    pub missing: u64,
    /// Elements that were left out, as the dump has only the first ones of the array.
    pub omitted: u64,
    /// Containers that were written as a reference: within themselves, too deep, or shared too often.
    pub references: u64,
}

/// Writes an object in a format.
///
/// # Errors
/// When the object has not the shape of the format, and when writing fails.
pub fn write(object: &Object<'_>, format: Format, out: &mut dyn Write) -> Result<Report, Error> {
    match format {
        Format::Json => {
            let report = json::write(object, out)?;
            Ok(Report { omitted: report.omitted + array::omitted(object), ..report })
        }
        Format::Csv => csv::write(object, out),
        Format::Npy => array::write(object, out),
    }
}
