//! A capture: memory in, a dump out. Finds the runtime, reads it as a heap, and hands it to the engine.

use std::io::{self, Write};

use heapsake_core::heap::{Heap, Outline, Region, Root, Sink, Source as SourceFile, Thread, TypeDescription, TypeId};
use heapsake_core::reduce::{Failure, Registry};
use heapsake_core::{Address, DumpOptions, Span, Summary};

use crate::attach::{Origin, Runtime};
use crate::error::Result;
use crate::heap::{CPythonHeap, Facts};
use crate::memory::{Files, Source};
use crate::pystate::{self, CaptureOptions};
use crate::regions::regions;
use crate::sources::Sources;
use crate::symbols::Which;

/// Captures the CPython in `memory` to `out`.
///
/// # Errors
/// When there is no CPython that can be read, or `out` fails.
pub fn capture<S: Source>(
    memory: S,
    files: &Files,
    which: Which,
    options: CaptureOptions,
    registry: Registry,
    out: &mut dyn Write,
    dump: DumpOptions,
) -> Result<Summary> {
    let runtime = Runtime::of(which, &memory, memory.mappings(), files)?;
    capture_runtime(memory, runtime, options, registry, out, dump)
}

/// Captures a runtime that was found already.
///
/// # Errors
/// When `out` fails.
pub fn capture_runtime<S: Source>(
    memory: S,
    runtime: Runtime,
    mut options: CaptureOptions,
    registry: Registry,
    out: &mut dyn Write,
    mut dump: DumpOptions,
) -> Result<Summary> {
    let origin = runtime.origin;
    if !runtime.others.is_empty() {
        let others = runtime.others.iter().map(|other| other.clone().into()).collect();
        options.facts.push(("other_pythons".to_owned(), ciborium::Value::Array(others)));
    }
    let (root, mapped) = (options.root_dir.clone(), options.mapped.take());
    let facts = Facts { pid: options.pid, root, mapped, ..Facts::of_runtime(&runtime) };
    let spans = memory.writable();
    let private = private(&memory, &spans);
    if dump.reason.is_empty() {
        dump.reason.clone_from(&options.reason);
    }
    let mut heap = CPythonHeap::new(memory, facts, registry);
    heap.know_pages(pystate::block_pages(&heap));
    let mut target = Target { heap, options, spans, private, regions: Vec::new(), origin, sources: None };
    Ok(heapsake_core::dump(&mut target, out, dump)?)
}

/// What of these parts of memory no file has and no other process sees: where allocators have theirs.
fn private<S: Source>(memory: &S, spans: &[Span]) -> Vec<Span> {
    let mappings = memory.mappings();
    let is_private = |span: &&Span| {
        let after = mappings.partition_point(|mapping| mapping.span.start <= span.start);
        let mapping = after.checked_sub(1).and_then(|at| mappings.get(at));
        mapping.is_some_and(|mapping| mapping.file().is_none() && !mapping.permissions.shared)
    };
    spans.iter().filter(is_private).copied().collect()
}

/// A CPython heap with what is to be said of its process.
struct Target<S: Source> {
    heap: CPythonHeap<S>,
    options: CaptureOptions,
    spans: Vec<Span>,
    /// Where the pools of its allocator may lie.
    private: Vec<Span>,
    /// What memory is for, as soon as it is known what there is: what the process has in memory changes.
    regions: Vec<Region>,
    origin: Origin,
    sources: Option<Sources>,
}

impl<S: Source> Heap for Target<S> {
    #[inline]
    fn prefetch(&self, object: Address) {
        self.heap.memory.prefetch(object);
    }

    fn outline(&mut self) -> Outline {
        self.regions = regions(&self.heap, &self.options, &self.private);
        let mut outline = pystate::outline(&mut self.heap, &self.options);
        outline.spans = std::mem::take(&mut self.spans);
        let Facts { flags, layouts, .. } = &self.heap.facts;
        let comma = if self.origin == Origin::OwnDebugInformation { "" } else { "," };
        let layout = format!("CPython {}{flags}{comma} {}", layouts.version, self.origin);
        outline.facts.push(("layout".to_owned(), layout.into()));
        outline
    }

    #[inline]
    fn reduce<K: Sink>(&mut self, object: Address, sink: &mut K) -> std::result::Result<(), Failure> {
        self.heap.reduce_object(object, sink)
    }

    fn deferred(&mut self) -> Vec<Address> {
        self.heap.deferred.take()
    }

    fn expect(&mut self, objects: &[Address]) {
        self.heap.expect(objects);
    }

    fn late_roots(&mut self) -> Vec<Root> {
        pystate::late_roots(&self.heap)
    }

    fn others(&mut self) -> Vec<Address> {
        if self.options.all { pystate::all(&self.heap, &self.private) } else { Vec::new() }
    }

    fn found_threads(&mut self) -> Vec<Thread> {
        pystate::found_threads(&self.heap, &self.options)
    }

    fn regions(&mut self) -> Vec<Region> {
        std::mem::take(&mut self.regions)
    }

    fn types(&mut self, first: TypeId) -> Vec<TypeDescription> {
        self.heap.described_types(first)
    }

    fn text(&self, object: Address, read: &mut dyn FnMut(&str)) {
        if let Some(text) = self.heap.text_of(object) {
            read(&text);
        }
    }

    fn key(&self, object: Address, read: &mut dyn FnMut(&str)) {
        // Variables of the environment are kept under bytes.
        match self.heap.name_of_bytes(object) {
            Some(name) => read(&name),
            None => self.text(object, read),
        }
    }

    fn is_interned(&self, object: Address) -> bool {
        self.heap.is_interned(object)
    }

    fn sources(&mut self, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(SourceFile) -> io::Result<()>) -> io::Result<()> {
        let sources = self.sources.get_or_insert_with(|| Sources::of(&self.heap, &self.options));
        sources.each(&self.heap, &self.options, wanted, take)
    }
}
