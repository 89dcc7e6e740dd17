//! The engine: outline, marking, numbering, writing; one way.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustc_hash::FxHashSet;

use crate::address::Address;
use crate::error::{Error, ErrorKind};
use crate::format::records::{self, Header, Omissions, Reference, Trailer, Types};
use crate::format::{self, ChunkKind, Compressor, MAXIMUM_RAW_LENGTH, Writer};
use crate::heap::{Frame, Heap, Outline, Region, Root, RootKind, Thread, TypeDescription, TypeId};
use crate::reduce::Reason;
use crate::walk::{Budget, Marked, Numbers, ObjectWriter, Occupied, Previewer, Redaction, Redactor, Withheld, mark};

/// Frames of one part of a thread.
const FRAMES_PER_PART: usize = 500;
/// Bytes of one part of a thread.
const STACKS_RAW_LENGTH: usize = MAXIMUM_RAW_LENGTH / 2;
/// Variables of a frame whose variables alone would not fit a chunk.
const MOST_VARIABLES: usize = 5000;
/// A source file beyond this many bytes does not fit a chunk.
const LONGEST_SOURCE: usize = MAXIMUM_RAW_LENGTH - (64 << 10);
/// Objects between two reports of progress.
const PROGRESS_STRIDE: u64 = 64 << 10;

/// How a dump is made.
#[derive(Default)]
pub struct DumpOptions {
    /// Why it is made: `exception`, `on demand` and so on.
    pub reason: String,
    /// What is withheld.
    pub redaction: Redaction,
    /// Limits.
    pub budget: Budget,
    /// How long the target stood still, where known already.
    pub pause: Option<Duration>,
    /// A compressor that was made before, in a process that could still allocate.
    pub compressor: Option<Compressor>,
    /// Is told how far the work is.
    pub progress: Option<Box<dyn Fn(&Progress)>>,
    /// Further facts for the header, asked for after the marking.
    pub facts: Option<Box<dyn Fn() -> Vec<(String, ciborium::Value)>>>,
    /// Further notes for what was left out, asked for at the end.
    pub notes: Option<Box<dyn Fn() -> Vec<String>>>,
}

impl fmt::Debug for DumpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DumpOptions")
            .field("reason", &self.reason)
            .field("redaction", &self.redaction)
            .field("budget", &self.budget)
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// So many objects are marked.
    Marked(u64),
    /// So many of so many objects are written.
    Written(u64, u64),
}

/// What a dump holds.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Objects.
    pub objects: u64,
    /// Edges.
    pub edges: u64,
    /// Types.
    pub types: u64,
    /// Threads.
    pub threads: u64,
    /// Sum of the objects' sizes in bytes.
    pub heap_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Surrogates by reason.
    pub surrogates: Vec<(Reason, u64)>,
    /// What was cut, in words.
    pub notes: Vec<String>,
    /// What was withheld, for what is appended later.
    pub withheld: Withheld,
}

/// Saves everything that is reachable from the roots of `heap` to `out`.
///
/// # Errors
/// [`ErrorKind::Write`] when `out` fails. What cannot be read of the heap makes no error.
pub fn dump<H: Heap>(heap: &mut H, out: &mut dyn Write, options: DumpOptions) -> Result<Summary, Error> {
    save(heap, out, options).map_err(|source| Error::new(ErrorKind::Write, source))
}

/// What a walk reaches, without writing anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Objects.
    pub objects: u64,
    /// Types.
    pub types: u64,
    /// Pointers that led out of the mapped memory.
    pub strays: u64,
}

/// Counts what is reachable from the roots of `heap`: the marking pass alone.
pub fn reach<H: Heap>(heap: &mut H) -> Reached {
    let outline = heap.outline();
    let mut redactor = Redactor::new(Redaction::None);
    let marked = mark(heap, &outline, &Budget::default(), &mut redactor, &mut |_| {});
    let strays = marked.marks.strays;
    Reached { objects: u64::from(marked.marks.number().count()), types: marked.types.len() as u64, strays }
}

fn save<H: Heap>(heap: &mut H, out: &mut dyn Write, mut options: DumpOptions) -> io::Result<Summary> {
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let started = Instant::now();
    let mut outline = heap.outline();
    let compressor = options.compressor.take().unwrap_or_default();
    let mut writer = Writer::new(out, compressor)?;
    let mut redactor = Redactor::new(options.redaction);
    // First of all: of what is marked there may be more than is kept.
    redactor.learn(&outline.facts);
    let report = |progress: Progress| {
        if let Some(hear) = &options.progress {
            hear(&progress);
        }
    };
    let marked = mark(heap, &outline, &options.budget, &mut redactor, &mut |count| report(Progress::Marked(count)));
    let Marked { marks, mut types, late, garbage, cut } = marked;
    outline.roots.extend(late);
    outline.roots.extend(garbage.into_iter().map(|object| Root { kind: RootKind::Garbage, name: String::new(), object }));
    redactor.decide(heap);
    outline.threads.extend(heap.found_threads());
    let strays = marks.strays;
    let numbers = marks.number();
    let head = Head { outline: &outline, numbers: &numbers, redactor: &redactor };
    let header = Header {
        format: format::VERSION,
        writer: env!("CARGO_PKG_VERSION").to_owned(),
        created,
        reason: options.reason.clone(),
        pause: options.pause.map(|pause| pause.as_nanos() as u64),
        objects: u64::from(numbers.count()),
        types: types.len() as u64,
        threads: outline.threads.len() as u64,
        exception: outline.exception.map(|exception| head.reference(exception)),
        redaction: options.redaction.word().to_owned(),
        facts: head.facts(options.facts.as_ref().map(|ask| ask()).unwrap_or_default()),
    };
    writer.chunk(ChunkKind::Header, 0, 1, &header_within_limits(header))?;
    head.stacks(heap, &types, &mut writer)?;
    number_types(&mut types, &numbers);
    write_types(&mut writer, 0, &types)?;
    head.roots(&mut writer)?;
    let of_frames = head.files_of_frames();
    head.sources(heap, &|name| of_frames.contains(name), &mut writer)?;

    let occupied = Occupied::new(heap.regions());
    let mut objects = ObjectWriter::new(&numbers, &redactor, &mut writer, occupied, options.budget.bytes.unwrap_or(u64::MAX));
    numbers.each(|address, visited| {
        objects.object(heap, address, visited)?;
        if objects.written.objects.is_multiple_of(PROGRESS_STRIDE) {
            report(Progress::Written(objects.written.objects, u64::from(numbers.count())));
        }
        io::Result::Ok(())
    })?;
    objects.flush()?;
    let ObjectWriter { written, occupied, types_met, .. } = objects;
    if types_met as usize > types.len() {
        let first = types.len();
        types.extend(heap.types(TypeId(first as u32)));
        number_types(&mut types[first..], &numbers);
        write_types(&mut writer, first, &types[first..])?;
    }
    head.sources(heap, &|name| !of_frames.contains(name), &mut writer)?;
    writer.records(ChunkKind::Memory, "regions", &redacted(occupied.into_regions(), &redactor))?;
    let mut surrogates: Vec<_> = written.surrogates.iter().map(|(reason, count)| (*reason, *count)).collect();
    surrogates.sort_unstable();
    let omissions = Omissions {
        surrogates: surrogates.clone(),
        strays: strays.max(written.strays),
        redacted_values: written.redacted.max(redactor.count()),
        redacted_names: redactor.told_names(),
        notes: cut.into_iter().chain(options.notes.as_ref().map(|ask| ask()).unwrap_or_default()).collect(),
    };
    writer.record(ChunkKind::Omissions, 0, 1, &omissions)?;
    let trailer = Trailer {
        objects: written.objects,
        edges: written.edges,
        heap_bytes: written.bytes,
        cpu: started.elapsed().as_nanos() as u64,
        ..Trailer::default()
    };
    let file_bytes = writer.finish(trailer)?;
    Ok(Summary {
        objects: written.objects,
        edges: written.edges,
        types: types.len() as u64,
        threads: outline.threads.len() as u64,
        heap_bytes: written.bytes,
        file_bytes,
        surrogates,
        notes: omissions.notes,
        withheld: Withheld::of(&redactor),
    })
}

/// The header's bytes, without its longest facts where they would not fit a chunk.
fn header_within_limits(mut header: Header) -> Vec<u8> {
    loop {
        let raw = format::cbor(&header);
        let longest = header.facts.iter().enumerate().max_by_key(|(_, (_, value))| format::cbor(value).len());
        match longest.map(|(at, _)| at) {
            Some(at) if raw.len() > MAXIMUM_RAW_LENGTH => {
                let (name, value) = header.facts.swap_remove(at);
                let note = format!("{name}: {} bytes left out", format::cbor(&value).len());
                header.facts.push((format!("{name} left out"), note.into()));
            }
            _ => return raw,
        }
    }
}

/// The names of regions are paths, which may hold what is withheld.
fn redacted(mut regions: Vec<Region>, redactor: &Redactor) -> Vec<Region> {
    for region in &mut regions {
        redactor.scrub_text(&mut region.name);
    }
    regions
}

fn number_types(types: &mut [TypeDescription], numbers: &Numbers) {
    for description in types {
        description.object = numbers.id(Address(description.address));
    }
}

fn write_types(writer: &mut Writer<'_>, first: usize, types: &[TypeDescription]) -> io::Result<()> {
    let mut at = first;
    for part in types.chunks(250) {
        writer.record(ChunkKind::Types, at as u32, part.len() as u32, &Types { types: part.to_vec() })?;
        at += part.len();
    }
    Ok(())
}

/// What comes before the objects.
struct Head<'a> {
    outline: &'a Outline,
    numbers: &'a Numbers,
    redactor: &'a Redactor,
}

impl Head<'_> {
    fn reference(&self, address: Address) -> Reference {
        Reference { id: self.numbers.id(address), address: address.0 }
    }

    fn facts(&self, further: Vec<(String, ciborium::Value)>) -> Vec<(String, ciborium::Value)> {
        let all = self.outline.facts.iter().cloned().chain(further);
        let mut facts = ciborium::Value::Map(all.map(|(name, value)| (ciborium::Value::Text(name), value)).collect());
        self.redactor.scrub(&mut facts);
        let entries = facts.into_map().unwrap_or_default();
        entries.into_iter().filter_map(|(name, value)| Some((name.into_text().ok()?, value))).collect()
    }

    fn stacks<H: Heap>(&self, heap: &mut H, types: &[TypeDescription], writer: &mut Writer<'_>) -> io::Result<()> {
        let mut previewer = Previewer::new(self.redactor, types);
        for (index, thread) in self.outline.threads.iter().enumerate() {
            let parts = thread.frames.len().div_ceil(FRAMES_PER_PART).max(1);
            for part in 0..parts {
                let first = part * FRAMES_PER_PART;
                let frames = &thread.frames[first..thread.frames.len().min(first + FRAMES_PER_PART)];
                let frames = frames.iter().map(|frame| self.frame(heap, frame, &mut previewer)).collect();
                self.part(writer, thread, index, first, frames)?;
            }
        }
        Ok(())
    }

    /// Writes frames in as many chunks as it takes, without previews where these make them too long.
    fn part(
        &self,
        writer: &mut Writer<'_>,
        thread: &Thread,
        index: usize,
        first: usize,
        frames: Vec<records::Frame>,
    ) -> io::Result<()> {
        let mut waiting = vec![(first, frames)];
        while let Some((first, mut frames)) = waiting.pop() {
            let mut raw = format::cbor(&self.thread(thread, index, first, frames.clone()));
            if raw.len() > STACKS_RAW_LENGTH {
                let halves = frames.split_off(frames.len() / 2);
                if !frames.is_empty() {
                    let middle = first + frames.len();
                    waiting.push((middle, halves));
                    waiting.push((first, frames));
                    continue;
                }
                frames = halves;
                for frame in &mut frames {
                    frame.variables.truncate(MOST_VARIABLES);
                    frame.variables.iter_mut().for_each(|variable| variable.preview = None);
                }
                raw = format::cbor(&self.thread(thread, index, first, frames));
            }
            writer.chunk(ChunkKind::Stacks, index as u32, 1, &raw)?;
        }
        Ok(())
    }

    fn thread(&self, thread: &Thread, index: usize, first: usize, frames: Vec<records::Frame>) -> records::Thread {
        records::Thread {
            thread: index as u32,
            name: thread.name.clone(),
            ident: thread.ident,
            native_id: thread.native_id,
            current: thread.current,
            exception: thread.exception.map(|exception| self.reference(exception)),
            object: self.reference(thread.object),
            kind: thread.kind.clone(),
            carrier: thread.carrier,
            facts: thread.facts.clone(),
            depth: thread.frames.len() as u32,
            first_frame: first as u32,
            frames,
        }
    }

    fn frame<H: Heap>(&self, heap: &mut H, frame: &Frame, previewer: &mut Previewer<'_>) -> records::Frame {
        let variables = frame.variables.iter().map(|variable| records::Variable {
            name: variable.name.clone(),
            kind: variable.kind,
            object: self.reference(variable.target),
            preview: previewer.preview(heap, variable.target),
        });
        records::Frame {
            object: self.reference(frame.object),
            kind: frame.kind,
            function: frame.function.clone(),
            qualified_name: frame.qualified_name.clone(),
            filename: frame.filename.clone(),
            line: frame.line,
            first_line: frame.first_line,
            code: self.reference(frame.code),
            globals: self.reference(frame.globals),
            locals: self.reference(frame.locals),
            variables: variables.collect(),
        }
    }

    fn roots(&self, writer: &mut Writer<'_>) -> io::Result<()> {
        let roots: Vec<_> =
            self.outline.roots.iter().map(|root| (root.kind, root.name.clone(), self.reference(root.object))).collect();
        writer.records(ChunkKind::Roots, "roots", &roots)
    }

    /// The files that frames name.
    fn files_of_frames(&self) -> FxHashSet<&str> {
        let frames = self.outline.threads.iter().flat_map(|thread| &thread.frames);
        frames.map(|frame| frame.filename.as_str()).collect()
    }

    /// Writes the sources with these names, scrubbed.
    fn sources<H: Heap>(&self, heap: &mut H, wanted: &dyn Fn(&str) -> bool, writer: &mut Writer<'_>) -> io::Result<()> {
        let mut records = writer.begin_records(ChunkKind::Sources, "sources");
        heap.sources(wanted, &mut |mut source| {
            if let Some(text) = &mut source.text {
                self.redactor.scrub_text(text);
            }
            if let Some(text) = source.text.take_if(|text| text.len() > LONGEST_SOURCE) {
                source.problem = format!("{} bytes long, at most {LONGEST_SOURCE} are kept", text.len());
            }
            records.put(&source)
        })?;
        records.end()
    }
}
