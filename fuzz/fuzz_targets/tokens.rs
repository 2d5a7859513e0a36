//! `tokens` of what proves somebody, by libFuzzer.

#![no_main]

#[path = "../proofs.rs"]
mod proofs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofs::tokens(bytes));
