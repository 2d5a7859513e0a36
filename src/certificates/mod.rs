//! A system follows its own certificate with the next one, and retires the older: without an operator, and without a gap.
//!
//! It widens nothing. The new certificate is of the same system, by an authority that is trusted, and whoever sends it has
//! shown the key of the one before.

mod expiry;
mod http;
mod proof;

pub use expiry::look_at_ends;
pub use http::{
    __path_add_certificate, __path_list_certificates, __path_retire_certificate, add_certificate,
    list_certificates, retire_certificate,
};
