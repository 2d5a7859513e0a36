//! `schoolgate operator key`: an operator makes a key on their own machine; the gateway never sees its private half.

use crate::crypto::{Ed25519Key, ed25519_public_to_pem, to_pem, write_new, write_private};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Arguments of `schoolgate operator key`.
#[derive(Clone, Debug, clap::Args)]
pub struct OperatorKeyArgs {
    /// Where to write the private key (0600); the public one goes beside it, with `.pub` added
    pub file: PathBuf,
}

/// Makes an operator's key: FILE (private, 0600) and FILE.pub. Overwrites nothing. Returns the path of the public key.
pub fn operator_key(args: &OperatorKeyArgs) -> Result<PathBuf> {
    let key = Ed25519Key::generate()?;
    let public = public_path(&args.file);
    write_private(&args.file, to_pem("PRIVATE KEY", key.pkcs8()).as_bytes())?;
    write_new(&public, ed25519_public_to_pem(&key.public()).as_bytes())?;
    Ok(public)
}

fn public_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{ed25519_public_from_pem, from_pem, read_private};

    #[test]
    fn the_two_files_belong_together_and_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let args = OperatorKeyArgs { file: folder.path().join("anna") };
        let public = operator_key(&args).unwrap();
        assert_eq!(public, folder.path().join("anna.pub"));
        let private = from_pem(&read_private(&args.file).unwrap()).unwrap();
        let read = ed25519_public_from_pem(&std::fs::read(&public).unwrap()).unwrap();
        assert_eq!(Ed25519Key::from_pkcs8(&private).unwrap().public(), read);
        assert!(operator_key(&args).is_err());
        assert!(ed25519_public_from_pem(&std::fs::read(&args.file).unwrap()).is_err());
    }
}
