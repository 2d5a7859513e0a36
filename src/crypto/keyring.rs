//! The gateway's own keys: made once, loaded at every start, and never made by a start.

use super::{
    Ed25519Key, KeyError, KeyFileError, check_private_directory, es256_pkcs8, from_pem,
    make_private_directory, random, read_private, to_pem, write_private,
};
use std::path::Path;
use zeroize::Zeroizing;

const TOKEN_EDDSA: &str = "token-eddsa.pem";
const TOKEN_ES256: &str = "token-es256.pem";
const LOG: &str = "log-ed25519.pem";
const KEY_ENCRYPTION: &str = "key-encryption.key";

/// Why the gateway's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A file is missing, in the way, or may be used by others.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file does not hold the key that its name says.
    #[error("`{0}` does not hold its key; restore it from your backup, since a new one would break the log")]
    Content(&'static str),
}

/// The gateway's own keys, in memory.
pub struct Keyring {
    /// Signs access tokens: Ed25519, PKCS#8 DER.
    pub token_eddsa: Zeroizing<Vec<u8>>,
    /// For clients that know no Ed25519: P-256, PKCS#8 DER.
    pub token_es256: Zeroizing<Vec<u8>>,
    /// Signs the log's checkpoints.
    pub log: Ed25519Key,
    /// Wraps the keys of records; 256 bits.
    pub key_encryption: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    /// Makes the folder (0700) and every key in it (0600); the folder must not be there.
    pub fn make(folder: &Path) -> Result<(), KeyringError> {
        make_private_directory(folder)?;
        let write =
            |name: &str, der: &[u8]| write_private(&folder.join(name), to_pem("PRIVATE KEY", der).as_bytes());
        write(TOKEN_EDDSA, Ed25519Key::generate()?.pkcs8())?;
        write(TOKEN_ES256, &es256_pkcs8()?)?;
        write(LOG, Ed25519Key::generate()?.pkcs8())?;
        let secret = Zeroizing::new(random::<32>().ok_or(KeyError::Random)?);
        Ok(write_private(&folder.join(KEY_ENCRYPTION), secret.as_slice())?)
    }

    /// Loads every key; refuses a missing one, a damaged one, and any that others than its owner may use.
    pub fn load(folder: &Path) -> Result<Self, KeyringError> {
        check_private_directory(folder)?;
        let pem = |name: &'static str| -> Result<_, KeyringError> {
            from_pem(&read_private(&folder.join(name))?).map_err(|_| KeyringError::Content(name))
        };
        let (token_eddsa, token_es256, log) = (pem(TOKEN_EDDSA)?, pem(TOKEN_ES256)?, pem(LOG)?);
        Ed25519Key::from_pkcs8(&token_eddsa).map_err(|_| KeyringError::Content(TOKEN_EDDSA))?;
        super::verifying_key_info(&token_es256).map_err(|_| KeyringError::Content(TOKEN_ES256))?;
        let log = Ed25519Key::from_pkcs8(&log).map_err(|_| KeyringError::Content(LOG))?;
        let secret = read_private(&folder.join(KEY_ENCRYPTION))?;
        let key_encryption =
            <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| KeyringError::Content(KEY_ENCRYPTION))?;
        Ok(Self { token_eddsa, token_es256, log, key_encryption: Zeroizing::new(key_encryption) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn loads_what_it_made_and_refuses_missing_wider_or_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        assert!(Keyring::load(&keys).is_err());
        Keyring::make(&keys).unwrap();
        let first = Keyring::load(&keys).unwrap();
        assert!(matches!(Keyring::make(&keys), Err(KeyringError::File(KeyFileError::Exists(_)))));
        assert_eq!(Keyring::load(&keys).unwrap().log.public(), first.log.public());
        for name in [TOKEN_EDDSA, TOKEN_ES256, LOG, KEY_ENCRYPTION] {
            let file = keys.join(name);
            let bytes = std::fs::read(&file).unwrap();
            set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(Keyring::load(&keys), Err(KeyringError::File(_))), "{name} wider");
            set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            std::fs::write(&file, b"damaged").unwrap();
            assert!(matches!(Keyring::load(&keys), Err(KeyringError::Content(_))), "{name} damaged");
            std::fs::remove_file(&file).unwrap();
            assert!(matches!(Keyring::load(&keys), Err(KeyringError::File(_))), "{name} missing");
            write_private(&file, &bytes).unwrap();
        }
        set_permissions(&keys, Permissions::from_mode(0o755)).unwrap();
        assert!(Keyring::load(&keys).is_err());
    }
}
