#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cometchat_auth::fuzzing::assertion(bytes));
