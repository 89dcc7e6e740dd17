//! The reference page of the reducers, made of their doc comments.

use heapsake_core::reduce::inventory;

/// The doc comment of a reducer, as the reference shows it.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// Its Rust name.
    pub name: &'static str,
    /// Its source file, by `file!()`.
    pub file: &'static str,
    /// The qualified names of the types it answers for.
    pub types: &'static [&'static str],
    /// The doc comment: what the object holds, what is saved, what becomes a surrogate.
    pub text: &'static str,
}

inventory::collect!(Documented);

/// The page `docs/reducers.md`: every linked-in reducer of this crate, and `more`, by file and type name.
pub fn reference(more: &[Documented]) -> String {
    let mut all: Vec<Documented> = inventory::iter::<Documented>.into_iter().copied().collect();
    all.extend(more);
    all.sort_by_key(|one| (one.file, one.types, one.name));
    let mut page = String::from(
        "# Reducers\n\n\
         What knows a C type that the engine does not know by itself: one file per Python module, registered at link time.\n\
         Generated from their doc comments by `cargo xtask reducers`; `heapsake reducers` lists those of a binary.\n",
    );
    let mut file = "";
    for one in all {
        if one.file != file {
            file = one.file;
            let stem = std::path::Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
            page.extend(["\n## ", stem.trim_end_matches('_'), "\n"]);
        }
        let types: Vec<String> = one.types.iter().map(|name| format!("`{name}`")).collect();
        page.extend(["\n### ", &types.join(", "), "\n\n"]);
        for line in one.text.lines() {
            let line = line.trim();
            page.extend([if line.starts_with('*') { "* " } else { "  " }, line, "\n"]);
        }
    }
    page
}
