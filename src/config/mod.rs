//! The configuration: one TOML file, with `SCHOOLGATE__SECTION__NAME` from the environment over it.
//!
//! Names carry their units. A name that is not known is refused, so that a misspelt limit is not silently no limit.
//! It holds no secret: keys are files, named here by their paths.

mod database;
mod fault;
mod identity;
mod limits;

pub use database::Database;
pub use identity::{Identity, TokenAlgorithm};
pub use limits::Limits;

use chrono::{Datelike as _, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole configuration. Relative paths are relative to the file's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the gateway listens.
    #[serde(default)]
    pub listeners: Listeners,
    /// Where its state is.
    pub database: Database,
    /// Its certificates and keys.
    pub files: Files,
    /// Its names towards others.
    pub names: Names,
    /// How callers are proved.
    #[serde(default)]
    pub identity: Identity,
    /// Choices where the regulations leave figures open.
    #[serde(default)]
    pub figures: Figures,
    /// Days that are not working days.
    #[serde(default)]
    pub calendar: Calendar,
    /// Limits on everything.
    #[serde(default)]
    pub limits: Limits,
    /// What outsiders are not given of a school's figures.
    #[serde(default)]
    pub suppression: Suppression,
}

/// Where the gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listeners {
    /// Systems: TLS 1.3 with client certificates.
    pub api: SocketAddr,
    /// Operator: plain HTTP, loopback only.
    pub admin: SocketAddr,
}

impl Default for Listeners {
    fn default() -> Self {
        Self { api: SocketAddr::from(([0, 0, 0, 0], 8443)), admin: SocketAddr::from(([127, 0, 0, 1], 9090)) }
    }
}

/// Certificates and keys, by path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Folder of the gateway's own keys, as `schoolgate init` makes it; 0700.
    pub keys: PathBuf,
    /// The API's server certificate and its chain, PEM.
    pub server_certificate: PathBuf,
    /// Its private key, PKCS#8 PEM, 0600.
    pub server_key: PathBuf,
    /// The authorities that issue client certificates, PEM.
    pub client_authorities: PathBuf,
    /// Their revocation lists, PEM or DER; with any, each authority of a chain must have one.
    #[serde(default)]
    pub revocation_lists: Vec<PathBuf>,
}

/// The gateway's names towards others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// `iss` of access tokens, and the base address of the API.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Origin of the transparency log; never changes once entries exist.
    pub log_origin: String,
    /// The number to ring when a child may be in danger; stands in the one 404.
    pub safety_telephone: String,
}

/// What every answer about a child says it does not mean, with the number to ring.
#[derive(Clone, Debug)]
pub struct Safety(std::sync::Arc<str>);

impl Safety {
    /// With the authority's number.
    pub fn new(telephone: &str) -> Self {
        Self(telephone.into())
    }

    /// The sentence, the same wherever it stands.
    pub fn caution(&self) -> String {
        format!("This does not mean the child is at no school. If a child may be in danger, ring {}.", self.0)
    }
}

/// How small a group's figures may be that outsiders are given. These are ours, not the Department for Education's. A
/// change counts for half terms that are not published yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Suppression {
    /// Groups of fewer enrolments are not shown.
    pub smallest_group_pupils: usize,
    /// Figures of fewer enrolments are not given, but for those of none.
    pub smallest_count_pupils: usize,
}

impl Default for Suppression {
    fn default() -> Self {
        Self { smallest_group_pupils: 10, smallest_count_pupils: 5 }
    }
}

/// How half school days count where the regulations do not say (docs/decisions/0015).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Figures {
    /// A total of school days of sickness.
    pub sickness_total: SicknessTotal,
    /// The session held of a day whose other one was cancelled.
    pub part_cancelled_day: PartCancelledDay,
}

/// How a total of school days of sickness counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SicknessTotal {
    /// Two sessions make a day.
    #[default]
    HalfDays,
    /// A day with any session of sickness is a day.
    DaysWithAny,
}

/// What a session stands for whose day had its other one cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartCancelledDay {
    /// The whole school day.
    #[default]
    WholeDay,
    /// Half a school day.
    HalfDay,
}

/// Days that are not working days, beside those that the gateway knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    /// Bank holidays of England, `YYYY-MM-DD` with a space between them; of each year named, all.
    pub bank_holidays: String,
}

impl Calendar {
    /// The days that are written as days.
    pub fn days(&self) -> Vec<NaiveDate> {
        self.bank_holidays.split_whitespace().filter_map(|day| day.parse().ok()).collect()
    }

    /// What is wrong with them. A day of the weekend is never one, since its substitute is; a year with fewer than eight
    /// was cut short, or means to add to the built-in list, which it replaces.
    fn faults(&self) -> Vec<String> {
        const FEWEST: usize = 8;
        let mut faults = Vec::new();
        let mut years: BTreeMap<i32, BTreeSet<NaiveDate>> = BTreeMap::new();
        for text in self.bank_holidays.split_whitespace() {
            match text.parse::<NaiveDate>() {
                Err(_) => {
                    faults.push(format!("`calendar.bank_holidays` has `{text}`; write days as YYYY-MM-DD"));
                }
                Ok(day) if !(2000..2200).contains(&day.year()) => {
                    faults.push(format!("`calendar.bank_holidays` has `{day}`; check its year"));
                }
                Ok(day) if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) => faults.push(format!(
                    "`calendar.bank_holidays` has `{day}`, of a weekend; write the substitute day"
                )),
                Ok(day) if !years.entry(day.year()).or_default().insert(day) => {
                    faults.push(format!("`calendar.bank_holidays` has `{day}` twice"));
                }
                Ok(_) => {}
            }
        }
        let short = years.iter().filter(|(_, days)| days.len() < FEWEST);
        faults.extend(short.map(|(year, days)| {
            let days = days.len();
            format!(
                "`calendar.bank_holidays` has {days} days of {year}; write all of the year, at least {FEWEST}"
            )
        }));
        faults
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not there, or not to be read.
    #[error("the configuration `{}` cannot be read: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: std::io::Error,
    },
    /// Not TOML, or with a name or a form of value that is not known: where, and never what stands there.
    #[error("the configuration `{}` cannot be read: {fault}", path.display())]
    Read {
        /// The file; the environment lies over it.
        path: PathBuf,
        /// Where, and what is expected there.
        fault: String,
    },
    /// Values that cannot be served with.
    #[error("the configuration has {} faults: {}", .0.len(), .0.join("; "))]
    Values(Vec<String>),
}

impl Config {
    /// Reads a file, lays the environment over it, makes paths absolute to the file's folder, and checks the values.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_under(path, None)
    }

    /// The same with the environment given; `None` is the process's own.
    fn load_under(path: &Path, environment: Option<HashMap<String, String>>) -> Result<Self, ConfigError> {
        // Nothing is guessed to be a number: a telephone number would lose its leading zero.
        let environment = ::config::Environment::with_prefix("SCHOOLGATE")
            .prefix_separator("__")
            .separator("__")
            .source(environment);
        let text = std::fs::read_to_string(path)
            .map_err(|fault| ConfigError::File { path: path.to_owned(), fault })?;
        let read = ::config::Config::builder()
            .add_source(::config::File::from_str(&text, ::config::FileFormat::Toml))
            .add_source(environment)
            .build()
            .and_then(::config::Config::try_deserialize);
        let mut config: Self = read.map_err(|fault| ConfigError::Read {
            path: path.to_owned(),
            fault: fault::told(&fault, &text),
        })?;
        config.anchor(path.parent().unwrap_or_else(|| Path::new(".")));
        let faults = config.check();
        if faults.is_empty() { Ok(config) } else { Err(ConfigError::Values(faults)) }
    }

    /// Everything that keeps these values from being served with, in plain words; empty when nothing does.
    pub fn check(&self) -> Vec<String> {
        let texts = [
            ("names.audience", &self.names.audience),
            ("names.log_origin", &self.names.log_origin),
            ("names.safety_telephone", &self.names.safety_telephone),
        ];
        let blanks =
            texts.iter().filter(|(_, t)| t.trim().is_empty()).map(|(name, _)| format!("`{name}` is empty"));
        let mut faults: Vec<String> = self
            .limits
            .faults()
            .into_iter()
            .chain(blanks)
            .chain(self.calendar.faults())
            .chain(self.database.faults())
            .collect();
        let Suppression { smallest_group_pupils, smallest_count_pupils } = self.suppression;
        if smallest_count_pupils < 2 || smallest_group_pupils < smallest_count_pupils {
            faults.push(
                "`suppression.smallest_count_pupils` must be at least 2, and no more than `smallest_group_pupils`"
                    .to_owned(),
            );
        }
        if !self.listeners.admin.ip().is_loopback() {
            faults.push("`listeners.admin` has no encryption; give it a loopback address".to_owned());
        }
        if !self.names.issuer.starts_with("https://") {
            faults.push("`names.issuer` must begin with https://".to_owned());
        }
        faults
    }

    fn anchor(&mut self, folder: &Path) {
        let files = &mut self.files;
        for path in [
            &mut files.keys,
            &mut files.server_certificate,
            &mut files.server_key,
            &mut files.client_authorities,
        ] {
            *path = folder.join(&*path);
        }
        if let Some(path) = &mut self.identity.provider_authorities {
            *path = folder.join(&*path);
        }
        files.revocation_lists.iter_mut().for_each(|path| *path = folder.join(&*path));
        if let Some(path) = self.database.url.strip_prefix("sqlite:")
            && !path.starts_with(':')
        {
            self.database.url = format!("sqlite:{}", folder.join(path).display());
        }
    }
}

/// The commented configuration that `schoolgate init` writes, for a log with this origin.
pub fn sample(log_origin: &str) -> String {
    SAMPLE.replace("{log_origin}", log_origin)
}

const SAMPLE: &str = include_str!("sample.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schoolgate.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn the_sample_loads_and_its_commented_values_are_the_defaults() {
        let config = load(&sample("gate.example/log")).unwrap();
        assert_eq!(config.names.log_origin, "gate.example/log");
        assert!(config.files.keys.is_absolute());
        let uncommented: String = sample("gate.example/log")
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line).to_owned() + "\n")
            .collect();
        assert!(uncommented.contains("\nhandshake_seconds"));
        let explicit = load(&uncommented).unwrap();
        assert_eq!((explicit.limits, explicit.listeners), (Limits::default(), Listeners::default()));
        assert_eq!(explicit.suppression, Suppression::default());
        assert_eq!((&explicit.calendar, &config.calendar), (&Calendar::default(), &Calendar::default()));
        assert_eq!((explicit.figures, config.figures), (Figures::default(), Figures::default()));
        assert_eq!((explicit.identity, config.identity), (Identity::default(), Identity::default()));
    }

    #[test]
    fn the_environment_lies_over_the_file_and_keeps_leading_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schoolgate.toml");
        std::fs::write(&path, sample("gate.example/log")).unwrap();
        let under = |name: &str, value: &str| {
            Config::load_under(&path, Some(HashMap::from([(name.to_owned(), value.to_owned())])))
        };
        let config = under("SCHOOLGATE__NAMES__SAFETY_TELEPHONE", "01632960000").unwrap();
        assert_eq!(config.names.safety_telephone, "01632960000");
        let config = under("SCHOOLGATE__LIMITS__BODY_BYTES", "1024").unwrap();
        assert_eq!(config.limits.body_bytes, 1024);
        let config = under("SCHOOLGATE__DATABASE__ALLOW_UNVERIFIED_TLS", "true").unwrap();
        assert!(config.database.allow_unverified_tls);
        let config = under("SCHOOLGATE__LISTENERS__API", "127.0.0.1:9443").unwrap();
        assert_eq!(config.listeners.api.port(), 9443);
        assert!(under("SCHOOLGATE__LIMITS__BODY_BITES", "1024").is_err());
        let config = under("SCHOOLGATE__FIGURES__SICKNESS_TOTAL", "days_with_any").unwrap();
        assert_eq!(config.figures.sickness_total, SicknessTotal::DaysWithAny);
        assert!(under("SCHOOLGATE__FIGURES__PART_CANCELLED_DAY", "no_day").is_err());
        let year = "2029-01-01 2029-03-30 2029-04-02 2029-05-07 2029-05-28 2029-08-27 2029-12-25 2029-12-26";
        let config = under("SCHOOLGATE__CALENDAR__BANK_HOLIDAYS", year).unwrap();
        assert_eq!(config.calendar.days().len(), 8);
        for (from, to, says) in [
            ("2029-12-26", "26/12/2029", "has `26/12/2029`"),
            ("2029-12-26", "2029-12-32", "has `2029-12-32`"),
            ("2029-12-26", "2029-12-30", "of a weekend"),
            ("2029-12-26", "2029-12-25", "twice"),
            ("2029-12-26", "", "7 days of 2029"),
            ("2029-12-26", "2030-12-26", "1 days of 2030"),
            ("2029-12-26", "2029-12-26 3029-12-26", "check its year"),
        ] {
            let error = under("SCHOOLGATE__CALENDAR__BANK_HOLIDAYS", &year.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn an_unknown_name_or_an_unsafe_value_is_refused() {
        let good = sample("gate.example/log");
        for (from, to, expected) in [
            ("[limits]", "[limits]\nhandshake_second = 3", "handshake_second"),
            ("[limits]", "[limits]\nhandshake_seconds = 0", "limits.handshake_seconds"),
            (
                "[suppression]",
                "[suppression]\nsmallest_count_pupils = 1",
                "suppression.smallest_count_pupils",
            ),
            ("[suppression]", "[suppression]\nsmallest_group_pupils = 4", "smallest_group_pupils"),
            ("[listeners]", "[listeners]\nadmin = \"0.0.0.0:9090\"", "listeners.admin"),
            ("[limits]", "[limits]\nuploads_held_bytes = 1048576", "limits.uploads_held_bytes"),
            ("https://", "http://", "names.issuer"),
            ("sqlite:", "mysql:", "database.url"),
            ("sqlite:schoolgate.db", "postgres://gate@db.example/gate", "database.allow_unverified_tls"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
