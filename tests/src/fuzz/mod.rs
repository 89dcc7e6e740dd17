//! What fuzzing runs: targets, each a function of bytes that must return, and the inputs that it starts from.
//!
//! A target panics when a promise is broken and never for what its input says. The coverage-guided fuzzers in `fuzz/` are
//! glue over this list; `tests/fuzz.rs` runs the same targets over their seeds and over mutations of them, with any compiler.

mod binaries;
mod cores;
mod expressions;
mod files;
mod image;
mod memory;
mod mutation;
mod texts;

pub use mutation::Mutations;

/// A function of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its binary in `fuzz/`.
    pub name: &'static str,
    /// What its input is.
    pub input: &'static str,
    /// Must return, whatever the bytes are.
    pub run: fn(&[u8]),
    /// Inputs from which others are made.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Longer inputs only take longer.
    pub longest: usize,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "file_bytes", input: "a file", run: files::file_bytes, seeds: files::small_dumps, longest: 64 << 10 },
    Target {
        name: "chunk_bytes",
        input: "chunks, which get the right checksums",
        run: files::chunk_bytes,
        seeds: files::chunk_seeds,
        longest: 16 << 10,
    },
    Target {
        name: "mutated_dumps",
        input: "the number of a random heap, and what happens to its dump",
        run: files::mutated_dumps,
        seeds: files::damages,
        longest: 66,
    },
    Target {
        name: "layout_table",
        input: "the text of a layout table",
        run: texts::layout_table,
        seeds: texts::tables,
        longest: 256 << 10,
    },
    Target {
        name: "descriptors",
        input: "a description of a type, and objects of it; or what a plugin's worker says",
        run: texts::descriptors,
        seeds: texts::descriptions,
        longest: 8 << 10,
    },
    Target {
        name: "inspect_path",
        input: "a path of `heapsake inspect`",
        run: texts::inspect_path,
        seeds: texts::paths,
        longest: 512,
    },
    Target {
        name: "expressions",
        input: "what is damaged of a dump, and lines of a session of expressions",
        run: expressions::expressions,
        seeds: expressions::expression_seeds,
        longest: 512,
    },
    Target {
        name: "cpython_memory",
        input: "a version of CPython, and changes of a small process that is random but for its types",
        run: memory::cpython_memory,
        seeds: memory::changes,
        longest: 4 << 10,
    },
    Target {
        name: "binaries",
        input: "an ELF file that a process has mapped",
        run: binaries::binaries,
        seeds: binaries::small_binaries,
        longest: 64 << 10,
    },
    Target {
        name: "core_files",
        input: "a core file, or what is changed in the core of a small process",
        run: cores::core_files,
        seeds: cores::small_cores,
        longest: 64 << 10,
    },
];

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target is called {name}"))
}
