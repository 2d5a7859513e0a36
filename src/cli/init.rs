//! `schoolgate init`: makes a gateway's keys and configuration, for two operators, and overwrites nothing.

use crate::config;
use crate::crypto::{
    Keyring, KeyringError, ed25519_public_from_pem, ed25519_public_to_pem, random, to_hex, write_new,
    write_private,
};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};

/// Arguments of `schoolgate init`.
#[derive(Clone, Debug, clap::Args)]
pub struct InitArgs {
    /// Folder of the gateway; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Public key of an operator, from `schoolgate operator key`; given twice, for two people
    #[arg(long = "operator", value_name = "FILE", required = true)]
    pub operators: Vec<PathBuf>,
    /// Name of the transparency log, such as gate.example.gov.uk/log; never changes [default: made at random]
    #[arg(long, value_name = "NAME")]
    pub log_origin: Option<String>,
}

/// What `init` made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialised {
    /// The configuration file.
    pub config: PathBuf,
    /// The folder of keys.
    pub keys: PathBuf,
    /// The log's origin.
    pub log_origin: String,
}

/// Makes `DIR/keys`, `DIR/operators` and `DIR/schoolgate.toml`. Nothing is written unless all of it can be.
pub fn init(args: &InitArgs) -> Result<Initialised> {
    let operators = two_operators(&args.operators)?;
    let log_origin = args.log_origin.clone().map_or_else(made_up_origin, Ok)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    if log_origin.is_empty() || !log_origin.chars().all(plain) {
        bail!("the log's name may have letters, digits and - . _ / only; choose another");
    }
    let made =
        Initialised { config: args.dir.join("schoolgate.toml"), keys: args.dir.join("keys"), log_origin };
    let public = args.dir.join("operators");
    for path in [&made.config, &made.keys, &public] {
        if path.exists() {
            bail!("`{}` is already there and is not overwritten; choose another folder", path.display());
        }
    }
    std::fs::create_dir_all(&public).with_context(|| format!("cannot make `{}`", public.display()))?;
    Keyring::make(&made.keys)?;
    for (key, name) in operators.iter().zip(["1.pub", "2.pub"]) {
        write_new(&public.join(name), ed25519_public_to_pem(key).as_bytes())?;
    }
    // The address of a database may hold a password.
    write_private(&made.config, config::sample(&made.log_origin).as_bytes())?;
    Ok(made)
}

/// Refuses a gateway folder whose keys are missing, damaged, or usable by others than their owner.
pub fn check_keys(dir: &Path) -> Result<(), KeyringError> {
    Keyring::load(&dir.join("keys")).map(|_| ())
}

/// No one operator widens anything alone, so there must be two, with different keys.
fn two_operators(files: &[PathBuf]) -> Result<[[u8; 32]; 2]> {
    let [first, second] = files else {
        bail!("give --operator twice, with the public keys of two people");
    };
    let read = |file: &PathBuf| -> Result<[u8; 32]> {
        let pem = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        ed25519_public_from_pem(&pem).with_context(|| format!("`{}`", file.display()))
    };
    let keys = [read(first)?, read(second)?];
    if keys[0] == keys[1] {
        bail!("both operators have the same key; two people must each have their own");
    }
    Ok(keys)
}

fn made_up_origin() -> Result<String> {
    let bytes: [u8; 8] = random().context("the operating system gave no random numbers; try again")?;
    Ok(format!("schoolgate/{}", to_hex(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::operator::{OperatorKeyArgs, operator_key};
    use crate::config::Config;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn makes_a_gateway_that_loads_once_and_never_again() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| operator_key(&OperatorKeyArgs { file: folder.path().join(name) }).unwrap();
        let (anna, ben) = (key("anna"), key("ben"));
        let dir = folder.path().join("gate");
        let args = |operators: &[&PathBuf]| InitArgs {
            dir: dir.clone(),
            operators: operators.iter().map(|p| (*p).clone()).collect(),
            log_origin: None,
        };
        let copy = folder.path().join("copy.pub");
        fs::copy(&anna, &copy).unwrap();
        for refused in [vec![&anna], vec![&anna, &anna], vec![&anna, &copy], vec![&anna, &ben, &copy]] {
            assert!(init(&args(&refused)).is_err());
            assert!(!dir.exists(), "a refusal wrote something");
        }
        let made = init(&args(&[&anna, &ben])).unwrap();
        check_keys(&dir).unwrap();
        let config = Config::load(&made.config).unwrap();
        assert_eq!((config.files.keys, config.names.log_origin), (made.keys.clone(), made.log_origin));
        assert!(init(&args(&[&anna, &ben])).is_err());
        fs::set_permissions(&made.keys, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(check_keys(&dir).is_err());
    }

    #[test]
    fn a_log_name_that_would_break_the_configuration_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| operator_key(&OperatorKeyArgs { file: folder.path().join(name) }).unwrap();
        let operators = vec![key("anna"), key("ben")];
        let args =
            InitArgs { dir: folder.path().join("g"), operators, log_origin: Some("a\"\nb = 1".into()) };
        assert!(init(&args).is_err());
    }
}
