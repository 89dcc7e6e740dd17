//! A dump that is open: its header, threads, types, roots and sources, decoded when they are asked for.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use heapsake_core::format::records::{Header, Memory, Omissions, Reference, Roots, Sources, Thread, Trailer, Types};
use heapsake_core::format::{ChunkKind, Objects};
use heapsake_core::heap::{Region, RootKind, Source, TypeDescription};
use heapsake_core::{Address, Span};

use crate::annotated::Annotated;
use crate::cache::Cache;
use crate::container::Container;
use crate::error::{Error, ErrorKind};
use crate::fault::{Fault, FaultKind};
use crate::graph::{HeapGraph, Making};
use crate::mapping::Bytes;
use crate::object::{Object, ObjectId};

/// Where a dump was opened from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    File,
    Memory,
}

/// A dump.
///
/// Opening finds the chunks and decodes nothing else. Everything is read-only, so a dump can be shared between threads.
#[derive(Debug)]
pub struct Dump {
    path: PathBuf,
    origin: Origin,
    pub(crate) container: Container,
    header: Header,
    threads: OnceLock<Vec<Thread>>,
    types: OnceLock<Vec<TypeDescription>>,
    roots: OnceLock<Vec<Root>>,
    omissions: OnceLock<Omissions>,
    regions: OnceLock<Vec<Region>>,
    annotations: OnceLock<Annotated>,
    sources: Mutex<SourceFiles>,
    /// First object, number of objects and offset of each objects chunk, ascending.
    object_chunks: Vec<(u32, u32, u64)>,
    /// Object and offset of each elements chunk.
    pub(crate) element_chunks: HashMap<u32, Vec<u64>>,
    /// Object and offset of each payload chunk.
    pub(crate) payload_chunks: HashMap<u32, Vec<u64>>,
    cache: Cache,
    pub(crate) graph: OnceLock<HeapGraph>,
    pub(crate) making: Making,
}

/// A root of the heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What kind of root it is.
    pub kind: RootKind,
    /// Its name.
    pub name: String,
    /// The object.
    pub object: Reference,
}

#[derive(Debug, Default)]
struct SourceFiles {
    /// Chunks decoded so far.
    decoded: usize,
    files: HashMap<String, Arc<Source>>,
    names: Vec<String>,
}

/// Opens the dump at `path`.
///
/// # Errors
/// Only when the file cannot be read, or is no dump at all; damage makes faults.
pub fn open(path: impl AsRef<Path>) -> Result<Dump, Error> {
    let path = path.as_ref().to_owned();
    if path.is_dir() {
        return Err(Error::new(ErrorKind::Directory, path, None));
    }
    let read = File::open(&path).and_then(Bytes::of_file);
    let bytes = read.map_err(|source| Error::of_io(path.clone(), source))?;
    Dump::new(bytes, path, Origin::File)
}

/// Notes which objects no chunk has, by their numbers.
fn report_missing(container: &Container, object_chunks: &[(u32, u32, u64)], header: &Header) {
    let mut next = 0u32;
    let missing = |from: u32, to: u32, offset: u64| {
        if from < to {
            container.fault(offset, FaultKind::Missing, format!("objects {from} to {} are in no chunk", to - 1));
        }
    };
    for (first, count, offset) in object_chunks {
        missing(next, *first, *offset);
        next = next.max(first.saturating_add(*count));
    }
    missing(next, u32::try_from(header.objects).unwrap_or(u32::MAX), container.len());
}

impl Dump {
    /// The dump that these bytes are.
    ///
    /// # Errors
    /// When they are no dump at all.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Dump, Error> {
        Dump::new(bytes.into(), PathBuf::from("<memory>"), Origin::Memory)
    }

    /// Whether it was opened from a file.
    pub(crate) fn is_file(&self) -> bool {
        self.origin == Origin::File
    }

    fn new(bytes: Bytes, path: PathBuf, origin: Origin) -> Result<Dump, Error> {
        if bytes.is_empty() {
            return Err(Error::new(ErrorKind::Empty, path, None));
        }
        let Some(container) = Container::new(bytes) else {
            return Err(Error::new(ErrorKind::NotADump, path, None));
        };
        let mut header = None;
        for chunk in container.of_kind(ChunkKind::Header) {
            header = header.or_else(|| container.record(chunk.offset, "the header"));
        }
        if header.is_none() {
            container.fault(0, FaultKind::Missing, "the header is lost: program, time and reason are not known".into());
        }
        let by_object = |kind| {
            let mut chunks: HashMap<u32, Vec<u64>> = HashMap::new();
            for chunk in container.of_kind(kind) {
                chunks.entry(chunk.first).or_default().push(chunk.offset);
            }
            chunks
        };
        let mut object_chunks: Vec<_> =
            container.of_kind(ChunkKind::Objects).map(|chunk| (chunk.first, chunk.count, chunk.offset)).collect();
        object_chunks.sort_unstable();
        object_chunks.dedup_by_key(|(first, _, _)| *first);
        let header = header.unwrap_or_default();
        report_missing(&container, &object_chunks, &header);
        Ok(Dump {
            path,
            origin,
            header,
            threads: OnceLock::new(),
            types: OnceLock::new(),
            roots: OnceLock::new(),
            omissions: OnceLock::new(),
            regions: OnceLock::new(),
            annotations: OnceLock::new(),
            sources: Mutex::default(),
            object_chunks,
            element_chunks: by_object(ChunkKind::Elements),
            payload_chunks: by_object(ChunkKind::Payload),
            cache: Cache::default(),
            graph: OnceLock::new(),
            making: Making::default(),
            container,
        })
    }

    /// The file; `<memory>` of what was opened from bytes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.container.len()
    }

    /// The header; empty when it is lost.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A fact of the header, by name.
    pub fn fact(&self, name: &str) -> Option<&ciborium::Value> {
        self.header.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The trailer; none when the file ends before it.
    pub fn trailer(&self) -> Option<&Trailer> {
        self.container.trailer.as_ref()
    }

    /// What was met in the file so far that is not as it was written. Decoding more may find more.
    pub fn faults(&self) -> Vec<Fault> {
        self.container.faults()
    }

    /// All threads, the one of the exception first, each with its frames, outermost first.
    pub fn threads(&self) -> &[Thread] {
        self.threads.get_or_init(|| {
            let parts = self.container.of_kind(ChunkKind::Stacks);
            let mut parts: Vec<Thread> =
                parts.filter_map(|chunk| self.container.record(chunk.offset, "frames of a thread")).collect();
            parts.sort_by_key(|part| (part.thread, part.first_frame));
            let mut threads: Vec<Thread> = Vec::new();
            for part in parts {
                match threads.last_mut() {
                    Some(last) if last.thread == part.thread => last.frames.extend(part.frames),
                    _ => threads.push(part),
                }
            }
            threads
        })
    }

    /// The exception that is the reason of the dump.
    pub fn exception(&self) -> Option<ObjectId> {
        self.header.exception?.id.map(ObjectId)
    }

    /// All types, by number.
    pub fn types(&self) -> &[TypeDescription] {
        self.types.get_or_init(|| {
            let mut types: Vec<TypeDescription> = Vec::new();
            let mut chunks: Vec<_> = self.container.of_kind(ChunkKind::Types).collect();
            chunks.sort_by_key(|chunk| chunk.first);
            // A table can hardly name more types than its bytes can hold.
            let most = self.container.len().min(u64::from(u32::MAX)) as usize;
            for chunk in chunks {
                let Some(record) = self.container.record::<Types>(chunk.offset, "names of types") else { continue };
                let first = chunk.first as usize;
                if first > most {
                    continue;
                }
                types.resize_with(types.len().max(first + record.types.len()), TypeDescription::default);
                for (place, description) in types[first..].iter_mut().zip(record.types) {
                    *place = description;
                }
            }
            types
        })
    }

    /// All roots other than frames.
    pub fn roots(&self) -> &[Root] {
        self.roots.get_or_init(|| {
            let mut chunks: Vec<_> = self.container.of_kind(ChunkKind::Roots).collect();
            chunks.sort_by_key(|chunk| chunk.first);
            let records = chunks.into_iter().filter_map(|chunk| self.container.record::<Roots>(chunk.offset, "roots"));
            records.flat_map(|record| record.roots).map(|(kind, name, object)| Root { kind, name, object }).collect()
        })
    }

    /// The modules, by name.
    pub fn modules(&self) -> impl Iterator<Item = (&str, Reference)> {
        let modules = self.roots().iter().filter(|root| root.kind == RootKind::Module);
        modules.map(|root| (root.name.as_str(), root.object))
    }

    /// What was left out.
    pub fn omissions(&self) -> &Omissions {
        self.omissions.get_or_init(|| {
            let mut chunks = self.container.of_kind(ChunkKind::Omissions);
            chunks.find_map(|chunk| self.container.record(chunk.offset, "what was left out")).unwrap_or_default()
        })
    }

    /// The memory of the process that this was made of, in the order of its addresses; nothing where it is not told.
    pub fn regions(&self) -> &[Region] {
        self.regions.get_or_init(|| {
            let chunks = self.container.of_kind(ChunkKind::Memory);
            let records = chunks.filter_map(|chunk| self.container.record::<Memory>(chunk.offset, "the memory of the process"));
            let mut regions: Vec<Region> = records.flat_map(|record| record.regions).collect();
            regions.sort_by_key(|region| (region.start, region.end));
            regions
        })
    }

    /// What reducers that ran after the capture made of objects.
    pub fn annotated(&self) -> &Annotated {
        self.annotations.get_or_init(|| Annotated::read(&self.container))
    }

    /// The objects of some types, ascending: `wanted` says of each type by its number whether it is. Chunks without such an
    /// object are not decoded beyond their shapes.
    pub fn objects_of_types<'d>(&'d self, wanted: &'d [bool]) -> impl Iterator<Item = (ObjectId, u32)> + 'd {
        let is_wanted = |type_id: u32| wanted.get(type_id as usize).copied().unwrap_or(false);
        let any = wanted.contains(&true);
        let chunks = self.object_chunks.iter().filter(move |_| any);
        chunks.flat_map(move |(first, count, offset)| {
            let holds = format!("objects {first} to {}", first.saturating_add(*count).saturating_sub(1));
            let found = self.container.payload(*offset, &holds).and_then(|(header, raw)| {
                let shapes = Objects::decode_shapes(&raw)?;
                let some = header.kind == ChunkKind::Objects && shapes.iter().any(|shape| is_wanted(shape.type_id));
                some.then(|| Objects::decode(header.first, header.count, &raw)).flatten()
            });
            let objects = found.iter().flat_map(Objects::iter).map(|object| (ObjectId(object.id), object.shape().type_id));
            objects.filter(|(_, type_id)| is_wanted(*type_id)).collect::<Vec<_>>()
        })
    }

    /// The source file that code objects call `filename`.
    pub fn source(&self, filename: &str) -> Option<Arc<Source>> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        while !sources.files.contains_key(filename) && self.decode_sources(&mut sources) {}
        sources.files.get(filename).cloned()
    }

    /// The names of all source files.
    pub fn source_names(&self) -> Vec<String> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        while self.decode_sources(&mut sources) {}
        sources.names.clone()
    }

    /// Decodes one more chunk of sources; whether there was one.
    fn decode_sources(&self, sources: &mut SourceFiles) -> bool {
        let Some(chunk) = self.container.of_kind(ChunkKind::Sources).nth(sources.decoded) else { return false };
        sources.decoded += 1;
        for source in self.container.record::<Sources>(chunk.offset, "source files").unwrap_or_default().sources {
            sources.names.push(source.filename.clone());
            sources.files.insert(source.filename.clone(), Arc::new(source));
        }
        true
    }

    /// Number of objects that the dump was made of; those of lost chunks are counted.
    pub fn object_count(&self) -> u32 {
        let last = self.object_chunks.last().map_or(0, |(first, count, _)| first.saturating_add(*count));
        last.max(u32::try_from(self.header.objects).unwrap_or(0).min(last.saturating_add(1 << 24)))
    }

    /// The object with a number. Always gives one: a lost one says so.
    pub fn object(&self, id: ObjectId) -> Object<'_> {
        Object::new(self, id, self.chunk_of(id.0))
    }

    /// The object of a reference; none for nothing, and for what has no number.
    pub fn referenced(&self, reference: Reference) -> Option<Object<'_>> {
        reference.id.map(|id| self.object(ObjectId(id)))
    }

    /// Number of objects chunks.
    pub fn chunk_count(&self) -> usize {
        self.object_chunks.len()
    }

    /// The objects chunk at `position`; none when it is damaged.
    pub fn chunk(&self, position: usize) -> Option<Arc<Objects>> {
        let (first, count, offset) = *self.object_chunks.get(position)?;
        self.cache.get(position, || self.decode(first, count, offset))
    }

    /// Where the objects chunk at `position` lies in the file.
    pub(crate) fn chunk_offset(&self, position: usize) -> Option<u64> {
        self.object_chunks.get(position).map(|(_, _, offset)| *offset)
    }

    /// The objects chunk at `position`, decoded and not kept.
    pub(crate) fn decoded_chunk(&self, position: usize) -> Option<Objects> {
        let (first, count, offset) = *self.object_chunks.get(position)?;
        self.decode(first, count, offset)
    }

    fn decode(&self, first: u32, count: u32, offset: u64) -> Option<Objects> {
        let holds = format!("objects {first} to {}", first.saturating_add(count).saturating_sub(1));
        let (header, raw) = self.container.payload(offset, &holds)?;
        let objects = (header.kind == ChunkKind::Objects).then(|| Objects::decode(header.first, header.count, &raw)).flatten();
        if objects.is_none() {
            self.container.fault(offset, FaultKind::Undecodable, format!("{holds}: the columns contradict each other"));
        }
        objects
    }

    fn chunk_of(&self, id: u32) -> Option<Arc<Objects>> {
        self.position_of(id).and_then(|position| self.chunk(position))
    }

    /// The position of the chunk that has an object.
    fn position_of(&self, id: u32) -> Option<usize> {
        let position = self.object_chunks.partition_point(|(first, _, _)| *first <= id).checked_sub(1)?;
        let (first, count, _) = self.object_chunks[position];
        (id - first < count).then_some(position)
    }

    /// Keeps so many bytes of decoded chunks of objects, 50 an object, for whoever looks at objects all over the heap.
    pub fn keep_decoded(&mut self, most: usize) {
        self.cache.keep(most);
    }

    /// Decodes the chunks of these objects that are not kept, several at once, so that looking at the objects does not wait
    /// for one after the other. More than are kept are of no use.
    pub fn fetch(&self, ids: &[ObjectId]) {
        let mut missing: Vec<usize> = ids.iter().filter_map(|id| self.position_of(id.0)).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|position| !self.cache.has(*position));
        let workers = std::thread::available_parallelism().map_or(1, |count| count.get()).min(missing.len());
        if workers < 2 {
            return;
        }
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(position) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.chunk(*position);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers {
                // Without a further thread this one does it all.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
    }

    /// The object at an address.
    pub fn object_at(&self, address: Address) -> Option<Object<'_>> {
        let (mut low, mut high) = (0, self.object_chunks.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(chunk) = self.chunk(middle) else {
                // A lost chunk says nothing of its addresses: look on both sides.
                return (low..high).filter(|position| *position != middle).find_map(|position| {
                    let chunk = self.chunk(position)?;
                    let id = chunk.at_address(address)?;
                    Some(Object::new(self, ObjectId(id), Some(chunk)))
                });
            };
            let span = span_of(&chunk);
            if address < span.start {
                high = middle;
            } else if span.contains(address) {
                return chunk.at_address(address).map(|id| Object::new(self, ObjectId(id), Some(chunk.clone())));
            } else {
                low = middle + 1;
            }
        }
        None
    }

    /// All objects, ascending; those of lost chunks are left out.
    pub fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        (0..self.object_chunks.len()).filter_map(|position| self.chunk(position)).flat_map(move |chunk| {
            let ids = chunk.first..chunk.first + chunk.len() as u32;
            ids.map(move |id| Object::new(self, ObjectId(id), Some(chunk.clone())))
        })
    }
}

/// From the first object's address to just beyond the last one's.
fn span_of(chunk: &Objects) -> Span {
    let end = |id: u32| chunk.get(id).map_or(Address::NULL, |object| object.address());
    let last = chunk.first + (chunk.len() as u32).saturating_sub(1);
    Span { start: end(chunk.first), end: end(last).offset(1) }
}
