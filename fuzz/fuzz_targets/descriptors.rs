//! The target `descriptors` of `heapsake_tests::fuzz`, led by coverage.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (heapsake_tests::fuzz::target("descriptors").run)(bytes));
