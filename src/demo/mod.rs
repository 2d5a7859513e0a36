//! The demonstration: a synthetic local authority, seeded, realistic and awkward, with the files, certificates and
//! agencies around it.
//!
//! Everything about children is drawn from a seed, so that the same seed, day and size give the same bytes; only keys
//! come from the operating system. No real person, school or number is in it, and it must never be pointed at a
//! directory that holds real ones.

pub mod agencies;
pub mod authority;
mod chance;
pub mod files;
pub mod pki;
pub mod run;
mod upn;

pub use agencies::{
    DemoBar, DemoCaller, DemoChild, DemoInvolvement, Standing, callers, directory_file, identity_provider,
    involvements, system_names,
};
pub use authority::{Authority, Cast, Options};
pub use files::{DemoJson, SchoolFiles, write_demo_json, write_exports};
pub use pki::{Pki, PkiError, SystemName};
