//! The only user of `ring` for keys, signatures and hashing.
//!
//! Private keys stay in zeroed memory and in files that only their owner can read; nothing here prints one.

mod digest;
mod files;
mod issue;
mod jose;
mod keyring;
mod keys;

pub use digest::{Sha256, from_hex, hmac_sha256, random, same, sha256, to_hex};
pub use files::{
    KeyFileError, check_private_directory, make_private_directory, read_private, write_new, write_private,
};
pub use issue::{Authority, IssueError, Issued, Leaf, Validity};
pub use jose::{
    JwsFault, JwsKey, UnverifiedJws, install_jwt, jwk_of_info, jws_algorithm, jwt_key_of, public_jwk,
};
pub use keyring::{Keyring, KeyringError, SignWith, TokenKey};
pub use keys::{
    Ed25519Key, KeyError, can_be_factored, ed25519_public_from_pem, ed25519_public_to_pem, es256_pkcs8,
    from_pem, has_few_multiples, note_verifier_key, to_pem, verify_ed25519, verifying_key_info,
};
