//! Signed tokens and public keys as JSON: what `jsonwebtoken` does over `ring`, and strict readers for what strangers send.

mod jwk;
mod jws;
mod jwt;

pub use jwk::{JwsKey, jwk_of_info, named as jws_algorithm, public_jwk};
pub use jws::{JwsFault, UnverifiedJws};
pub use jwt::{install as install_jwt, key_of as jwt_key_of};
