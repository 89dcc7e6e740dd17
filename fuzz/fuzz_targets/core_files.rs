//! The target `core_files` of `heapsake_tests::fuzz`, led by coverage.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (heapsake_tests::fuzz::target("core_files").run)(bytes));
