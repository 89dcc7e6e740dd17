//! The worker alone, for the tests of this crate; `heapsake` and the Python extension are their own workers.

fn main() {
    std::process::exit(heapsake_plugins::worker());
}
