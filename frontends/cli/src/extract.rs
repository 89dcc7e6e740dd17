//! `heapsake extract FILE PATH -o OUT`: a plain structure or an array, as a file that other programs read.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, bail};
use heapsake_analysis::extract::{Format, Report, write};
use heapsake_core::DumpFile;
use heapsake_loader::{Object, open};

use crate::inspect::object_of_path;
use crate::output::count;

/// Options of `heapsake extract`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Formats:
  json   lists, tuples, sets, dicts, numbers, texts, instances; what JSON has nothing for is a
         mapping with one key that begins with $: $bytes, $redacted, $missing, $ref and so on;
         of a frame columns, index and data
  csv    a list of dicts, of instances, of lists or tuples; a dict of lists; an array of one or
         two dimensions, a frame or series of pandas or polars
  npy    numbers: a list, a list of lists, an array.array, bytes, a memoryview; an array of
         NumPy, a tensor of torch, a series

A withheld or missing value is never left out in silence: it is marked in the file, and counted.
Of an array that the dump has only the first elements of, these are written; a line says how many are left out, and the
exit status is 1.")]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// The path of the object, as for `heapsake inspect`.
    path: String,
    /// Where to write; - is standard output.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// json, csv or npy; without it the ending of OUT says it.
    #[arg(long)]
    format: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let ending = arguments.output.extension().map(|ending| ending.to_string_lossy().into_owned());
    let name = arguments.format.clone().or(ending);
    let Some(format) = name.as_deref().and_then(Format::named) else {
        let what = name.map_or_else(|| "no format is named".to_owned(), |name| format!("{name:?} is no format"));
        bail!("{what}\nhint: json, csv and npy are: --format json, or -o name.json");
    };
    let dump = open(&arguments.file)?;
    let object = object_of_path(&dump, &arguments.path)?;
    let report = if arguments.output.as_os_str() == "-" {
        let mut out = BufWriter::new(stdout().lock());
        let report = written(&object, format, &mut out)?;
        out.flush()?;
        report
    } else {
        let mut file = DumpFile::create(&arguments.output)?;
        let report = match written(&object, format, &mut file) {
            Ok(report) => report,
            Err(problem) => {
                drop(file);
                // Half a table is no table.
                let mut partial = arguments.output.clone().into_os_string();
                partial.push(".partial");
                let _ = std::fs::remove_file(partial);
                return Err(problem);
            }
        };
        file.finish()?;
        report
    };
    let whole = |number: u64, what: &str| if number > 0 { format!(", {} {what}", count(number)) } else { String::new() };
    eprintln!(
        "wrote {}: {} values{}{}{}",
        arguments.output.display(),
        count(report.values),
        whole(report.redacted, "withheld by redaction"),
        whole(report.missing, "not in the dump"),
        whole(report.references, "references")
    );
    if report.omitted > 0 {
        eprintln!("cut: {} further elements are left out: the dump has only the first ones of this array", count(report.omitted));
    }
    for fault in dump.faults().iter().take(10) {
        eprintln!("damaged: {fault}");
    }
    Ok(i32::from(!dump.faults().is_empty() || report.omitted > 0))
}

fn written(object: &Object<'_>, format: Format, out: &mut dyn Write) -> anyhow::Result<Report> {
    write(object, format, out).with_context(|| format!("the {} cannot be written", object.type_name()))
}
