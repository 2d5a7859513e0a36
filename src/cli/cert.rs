//! `schoolgate cert`: a development authority in a folder. It says so each time: its key lies in a file, and whoever has
//! that makes any system's certificate.

use crate::clock::Clock;
use crate::crypto::{Authority, Issued, Leaf, Validity, read_private, to_hex, write_new, write_private};
use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const CAUTION: &str = "for development only: this authority's key lies in a file. A deployment has its certificates \
     from an authority whose key does not (certs/profile.md).\n";
/// What the authority is called.
const NAME: &str = "schoolgate development CA";
/// How long the authority itself holds.
const AUTHORITY_DAYS: i64 = 3_650;
/// How long a list holds.
const LIST_DAYS: i64 = 7;
/// The longest that a certificate may hold.
const MOST_DAYS: u16 = 398;

/// `schoolgate cert …`
#[derive(Debug, clap::Subcommand)]
pub enum CertCommand {
    /// Issue a certificate for a system or a server; makes the authority where there is none
    Issue(IssueArgs),
    /// Issue the next certificate of a system, with a new key, beside the one it has
    Renew(IssueArgs),
    /// Put a certificate on the list of revoked ones, and make the list anew
    Revoke {
        #[command(flatten)]
        folder: FolderArgs,
        /// Its number, as `cert list` has it
        number: usize,
    },
    /// List what has been issued, and make the revocation list anew
    List(FolderArgs),
}

/// Where the authority is.
#[derive(Clone, Debug, clap::Args)]
pub struct FolderArgs {
    /// Folder of the development authority
    #[arg(long, value_name = "DIR", default_value = "development-ca")]
    dir: PathBuf,
}

/// What to issue.
#[derive(Clone, Debug, clap::Args)]
pub struct IssueArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Code of the organisation whose system it is
    #[arg(long, required_unless_present = "server", requires = "system")]
    organisation: Option<String>,
    /// Code of the system
    #[arg(long, requires = "organisation")]
    system: Option<String>,
    /// DNS name of a server, in place of a system
    #[arg(long, conflicts_with = "organisation")]
    server: Option<String>,
    /// Days that it holds
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_DAYS)))]
    days: u16,
}

/// What the authority has issued, in the order of its numbers.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    lists: u64,
    issued: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    serial: String,
    thumbprint: String,
    valid_until: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// Runs the command; what it says.
pub(super) fn cert(command: &CertCommand, clock: &Clock) -> Result<String> {
    let now = clock.now().trunc_subsecs(0);
    let told = match command {
        CertCommand::Issue(args) => issue(args, false, now)?,
        CertCommand::Renew(args) => issue(args, true, now)?,
        CertCommand::Revoke { folder, number } => revoke(&folder.dir, *number, now)?,
        CertCommand::List(folder) => list(&folder.dir, now)?,
    };
    Ok(told + CAUTION)
}

fn authority(dir: &Path, now: DateTime<Utc>) -> Result<(Authority, String)> {
    let (certificate, key) = (dir.join("ca.pem"), dir.join("ca.key"));
    if certificate.exists() {
        let pem = std::fs::read_to_string(&certificate)?;
        let key = read_private(&key)?;
        return Ok((Authority::kept(NAME, &pem, std::str::from_utf8(&key)?)?, String::new()));
    }
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    let validity = Validity { from: now - TimeDelta::hours(1), until: now + TimeDelta::days(AUTHORITY_DAYS) };
    let made = Authority::make(NAME, validity)?;
    write_private(&key, made.key_pem().as_bytes())?;
    write_new(&certificate, made.pem().as_bytes())?;
    Ok((made, format!("made the authority {}\n", certificate.display())))
}

fn book(dir: &Path) -> Result<Book> {
    match std::fs::read(dir.join("issued.json")) {
        Ok(text) => Ok(serde_json::from_slice(&text)
            .context("issued.json cannot be read; it is written by this command")?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Book::default()),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file whole in one step: a gateway that looks at it sees the old one or the new one.
fn put(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, text).with_context(|| format!("cannot write `{}`", new.display()))?;
    Ok(std::fs::rename(new, path)?)
}

/// Keeps the book, and makes the list of what it calls revoked.
fn keep(dir: &Path, book: &mut Book, authority: &Authority, now: DateTime<Utc>) -> Result<()> {
    book.lists += 1;
    let revoked: Vec<(Vec<u8>, DateTime<Utc>)> = book
        .issued
        .iter()
        .filter_map(|line| Some((crate::crypto::from_hex(&line.serial)?, line.revoked_at?)))
        .collect();
    let validity = Validity { from: now, until: now + TimeDelta::days(LIST_DAYS) };
    put(&dir.join("issued.json"), &serde_json::to_string_pretty(book)?)?;
    put(&dir.join("revoked.crl.pem"), &authority.list(&revoked, book.lists, validity)?)
}

fn issue(args: &IssueArgs, next: bool, now: DateTime<Utc>) -> Result<String> {
    let dir = &args.folder.dir;
    let (authority, mut told) = authority(dir, now)?;
    let mut book = book(dir)?;
    let name = match (&args.organisation, &args.system, &args.server) {
        (Some(organisation), Some(system), _) => format!("{organisation}.{system}"),
        (_, _, Some(server)) => server.clone(),
        _ => bail!("name an --organisation and a --system, or a --server"),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        bail!("codes and names have letters, digits and - _ . only; correct it");
    }
    let live = |line: &&Line| line.name == name && line.revoked_at.is_none() && now < line.valid_until;
    if book.issued.iter().any(|line| live(&line)) != next {
        bail!(if next {
            "it has no certificate that could be followed; use `cert issue`"
        } else {
            "it has a certificate already; use `cert renew`"
        });
    }
    let validity =
        Validity { from: now - TimeDelta::hours(1), until: now + TimeDelta::days(args.days.into()) };
    let uri =
        name.split_once('.').map(|(o, s)| format!("urn:schoolgate:org:{o}:system:{s}")).unwrap_or_default();
    let leaf =
        if args.server.is_some() { Leaf::Server(&name) } else { Leaf::Client { uri: &uri, name: &name } };
    let Issued { pem, key_pem, serial, thumbprint, key_digest } = authority.issue(leaf, validity)?;
    let number = book.issued.len() + 1;
    let file = dir.join(format!("{number}-{name}"));
    let (certificate, key) = (ending(&file, ".pem"), ending(&file, ".key"));
    write_private(&key, key_pem.as_bytes())?;
    write_new(&certificate, pem.as_bytes())?;
    book.issued.push(Line {
        name,
        serial: to_hex(&serial),
        thumbprint: to_hex(&thumbprint),
        valid_until: validity.until,
        revoked_at: None,
    });
    keep(dir, &mut book, &authority, now)?;
    let _ = writeln!(told, "made {} and {}", certificate.display(), key.display());
    if args.server.is_none() {
        let entry = serde_json::json!({"thumbprint": to_hex(&thumbprint), "key_digest": to_hex(&key_digest),
            "valid_from": validity.from, "valid_until": validity.until});
        let _ = writeln!(told, "for the directory: {entry}");
    }
    Ok(told)
}

fn revoke(dir: &Path, number: usize, now: DateTime<Utc>) -> Result<String> {
    let mut book = opened(dir)?;
    let line = number.checked_sub(1).and_then(|place| book.issued.get_mut(place));
    let line = line.context("there is no such number; `cert list` has them")?;
    line.revoked_at = line.revoked_at.or(Some(now));
    let (authority, _) = authority(dir, now)?;
    keep(dir, &mut book, &authority, now)?;
    Ok(format!("revoked {number}; the list is {}\n", dir.join("revoked.crl.pem").display()))
}

fn opened(dir: &Path) -> Result<Book> {
    if !dir.join("ca.pem").exists() {
        bail!("there is no authority in `{}`; `cert issue` makes one", dir.display());
    }
    book(dir)
}

fn list(dir: &Path, now: DateTime<Utc>) -> Result<String> {
    let mut book = opened(dir)?;
    let (authority, _) = authority(dir, now)?;
    keep(dir, &mut book, &authority, now)?;
    let mut told = String::new();
    for (number, line) in (1..).zip(&book.issued) {
        let state = match line.revoked_at {
            Some(_) => "revoked",
            None if line.valid_until <= now => "expired",
            None => "live",
        };
        let until = line.valid_until.date_naive();
        let _ = writeln!(told, "{number} {state} until {until} {} {}", line.name, line.thumbprint);
    }
    Ok(told)
}

/// Beside `file`, whose name may have dots of its own.
fn ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
