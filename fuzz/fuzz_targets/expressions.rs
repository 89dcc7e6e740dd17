//! The target `expressions` of `heapsake_tests::fuzz`, led by coverage.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (heapsake_tests::fuzz::target("expressions").run)(bytes));
