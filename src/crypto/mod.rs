//! The only user of `ring` for keys, signatures and hashing.

mod digest;

pub use digest::{from_hex, random, sha256, to_hex};
