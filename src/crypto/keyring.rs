//! The gateway's own keys: made once, loaded at every start, and never made by a start.

use super::{
    Ed25519Key, KeyError, KeyFileError, check_private_directory, es256_pkcs8, from_pem,
    make_private_directory, random, read_private, to_pem, write_private,
};
use chrono::{DateTime, NaiveDateTime, Utc};
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
    /// A key of tokens whose name does not say from when it signs.
    #[error(
        "`{0}` is no name of a key of tokens; name a further one by its first moment: token-eddsa-20270101T000000Z.pem"
    )]
    Name(String),
    /// A file does not hold the key that its name says.
    #[error("`{0}` does not hold its key; restore it from your backup, since a new one would break the log")]
    Content(String),
}

/// What access tokens are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignWith {
    /// Ed25519.
    EdDsa,
    /// P-256, for readers that know no Ed25519.
    Es256,
}

/// A key that signs access tokens.
#[derive(Clone)]
pub struct TokenKey {
    /// Its kind.
    pub with: SignWith,
    /// The private key in PKCS#8, DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// From when it signs; none: from the beginning.
    pub from: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey").field("with", &self.with).field("from", &self.from).finish_non_exhaustive()
    }
}

/// The gateway's own keys, in memory.
pub struct Keyring {
    /// Sign access tokens, at least one of each kind.
    pub tokens: Vec<TokenKey>,
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
        let content = |name: &str| KeyringError::Content(name.to_owned());
        let (further, mut tokens) = (further(folder)?, Vec::new());
        for (name, with) in [(TOKEN_EDDSA, SignWith::EdDsa), (TOKEN_ES256, SignWith::Es256)] {
            // The first of a kind may be taken away once another has followed it.
            let followed = further.iter().any(|(_, kind, _)| *kind == with);
            if !followed || folder.join(name).exists() {
                tokens.push(token_key(folder, name, with, None)?);
            }
        }
        for (name, with, from) in further {
            tokens.push(token_key(folder, &name, with, Some(from))?);
        }
        let log = from_pem(&read_private(&folder.join(LOG))?).map_err(|_| content(LOG))?;
        let log = Ed25519Key::from_pkcs8(&log).map_err(|_| content(LOG))?;
        let secret = read_private(&folder.join(KEY_ENCRYPTION))?;
        let key_encryption = <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| content(KEY_ENCRYPTION))?;
        Ok(Self { tokens, log, key_encryption: Zeroizing::new(key_encryption) })
    }
}

fn token_key(
    folder: &Path,
    name: &str,
    with: SignWith,
    from: Option<DateTime<Utc>>,
) -> Result<TokenKey, KeyringError> {
    let content = || KeyringError::Content(name.to_owned());
    let pkcs8 = from_pem(&read_private(&folder.join(name))?).map_err(|_| content())?;
    let info = super::verifying_key_info(&pkcs8).map_err(|_| content())?;
    let begins = match with {
        SignWith::EdDsa => super::keys::ED25519_INFO,
        SignWith::Es256 => super::keys::P256_INFO,
    };
    if info.starts_with(begins) { Ok(TokenKey { with, pkcs8, from }) } else { Err(content()) }
}

/// The further keys of tokens in the folder, by the moment in their names: from then on they sign.
fn further(folder: &Path) -> Result<Vec<(String, SignWith, DateTime<Utc>)>, KeyringError> {
    let unreadable = |source| KeyFileError::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("token-") || [TOKEN_EDDSA, TOKEN_ES256].contains(&name.as_str()) {
            continue;
        }
        let kind = |start: &str| name.strip_prefix(start).and_then(|rest| rest.strip_suffix(".pem"));
        let named = match (kind("token-eddsa-"), kind("token-es256-")) {
            (Some(at), _) => Some((SignWith::EdDsa, at)),
            (None, Some(at)) => Some((SignWith::Es256, at)),
            (None, None) => None,
        };
        let moment = |at| NaiveDateTime::parse_from_str(at, "%Y%m%dT%H%M%SZ").ok();
        let Some((with, from)) = named.and_then(|(with, at)| Some((with, moment(at)?.and_utc()))) else {
            return Err(KeyringError::Name(name));
        };
        found.push((name, with, from));
    }
    found.sort_unstable_by_key(|(_, _, from)| *from);
    Ok(found)
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

    #[test]
    fn further_keys_of_tokens_begin_at_the_moment_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        Keyring::make(&keys).unwrap();
        let (ed, ec) = (Ed25519Key::generate().unwrap(), es256_pkcs8().unwrap());
        let write = |name: &str, der: &[u8]| {
            write_private(&keys.join(name), to_pem("PRIVATE KEY", der).as_bytes()).unwrap();
        };
        write("token-es256-20270201T000000Z.pem", &ec);
        write("token-eddsa-20270101T120000Z.pem", ed.pkcs8());
        let loaded = Keyring::load(&keys).unwrap();
        let all: Vec<_> =
            loaded.tokens.iter().map(|key| (key.with, key.from.map(|at| at.to_rfc3339()))).collect();
        let at = |text: &str| Some(text.to_owned());
        assert_eq!(
            all,
            [
                (SignWith::EdDsa, None),
                (SignWith::Es256, None),
                (SignWith::EdDsa, at("2027-01-01T12:00:00+00:00")),
                (SignWith::Es256, at("2027-02-01T00:00:00+00:00")),
            ]
        );
        std::fs::remove_file(keys.join(TOKEN_EDDSA)).unwrap();
        assert_eq!(Keyring::load(&keys).unwrap().tokens.len(), 3, "the first may go once it is followed");
        for (name, der) in [("token-eddsa-tomorrow.pem", ed.pkcs8()), ("token-rsa.pem", &ec)] {
            write(name, der);
            assert!(matches!(Keyring::load(&keys), Err(KeyringError::Name(_))), "{name}");
            std::fs::remove_file(keys.join(name)).unwrap();
        }
        write("token-eddsa-20270301T000000Z.pem", &ec);
        assert!(matches!(Keyring::load(&keys), Err(KeyringError::Content(_))), "another kind than its name");
    }
}
