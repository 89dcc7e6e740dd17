//! Programs that show how to use heapsake from Rust; see `fleet.rs`.
