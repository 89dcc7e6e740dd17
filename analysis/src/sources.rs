//! Whose a source file is, by its name.

/// Whether a file is of the program itself: of no library that came with Python or was installed.
pub fn is_own(filename: &str) -> bool {
    !(filename.contains("/site-packages/")
        || filename.contains("/dist-packages/")
        || filename.contains("/lib/python3.")
        || filename.starts_with('<'))
}
