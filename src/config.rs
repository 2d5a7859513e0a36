//! The configuration: one TOML file, with `SCHOOLGATE__SECTION__NAME` from the environment over it.
//!
//! Names carry their units. A name that is not known is refused, so that a misspelt limit is not silently no limit.
//! It holds no secret: keys are files, named here by their paths.

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

/// Where the gateway's state is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
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

/// Limits on everything; each with its unit in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest TLS handshake.
    pub handshake_seconds: u64,
    /// Longest silence before the first request of a connection.
    pub first_request_seconds: u64,
    /// Longest time for the headers of a request.
    pub headers_seconds: u64,
    /// Longest life of a connection.
    pub connection_age_seconds: u64,
    /// Longest time that answers under way are given at a stop.
    pub drain_seconds: u64,
    /// Most connections at once.
    pub connections: usize,
    /// Most requests at once on one connection.
    pub streams_per_connection: u32,
    /// Longest time for one request, from its headers to its answer; a file of a whole school has to fit in.
    pub request_seconds: u64,
    /// Files worked out at once; further ones wait. One system may send two at a time.
    pub uploads_at_once: usize,
    /// Bytes of all files that are read, wait or are worked out at once; further ones wait before they are read.
    pub uploads_held_bytes: usize,
    /// Largest body of an ordinary request.
    pub body_bytes: usize,
    /// Largest list: one register, or a day's caseload.
    pub list_bytes: usize,
    /// Largest file that a school sends at once.
    pub upload_bytes: usize,
    /// Children asked about by one request at most.
    pub stream_lines: usize,
    /// Longest time for the whole of an answer in lines.
    pub stream_seconds: u64,
    /// Longest time that its reader may take for 64 KiB of it.
    pub stream_stall_seconds: u64,
    /// Answers in lines to one system at a time; of its own area, one.
    pub streams_per_system: usize,
    /// Requests for tokens by one system.
    pub token_requests_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_seconds: 5,
            first_request_seconds: 10,
            headers_seconds: 10,
            // Revocation is checked on every request too; this bounds what TLS itself decided.
            connection_age_seconds: 600,
            drain_seconds: 10,
            connections: 2_000,
            streams_per_connection: 64,
            request_seconds: 120,
            uploads_at_once: 8,
            // Four of the largest: what a small machine has to spare beside its database.
            uploads_held_bytes: 1024 * 1024 * 1024,
            body_bytes: 64 * 1024,
            list_bytes: 4 * 1024 * 1024,
            upload_bytes: 256 * 1024 * 1024,
            stream_lines: 10_000,
            stream_seconds: 300,
            stream_stall_seconds: 30,
            streams_per_system: 2,
            token_requests_per_minute: 60,
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not there, not TOML, or with a name that is not known.
    #[error("the configuration cannot be read: {0}")]
    Read(#[from] ::config::ConfigError),
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
        let read = ::config::Config::builder()
            .add_source(::config::File::from(path).format(::config::FileFormat::Toml))
            .add_source(environment)
            .build()?;
        let mut config: Self = read.try_deserialize()?;
        config.anchor(path.parent().unwrap_or_else(|| Path::new(".")));
        let faults = config.check();
        if faults.is_empty() { Ok(config) } else { Err(ConfigError::Values(faults)) }
    }

    /// Everything that keeps these values from being served with, in plain words; empty when nothing does.
    pub fn check(&self) -> Vec<String> {
        let limits = &self.limits;
        let numbers = [
            ("limits.handshake_seconds", limits.handshake_seconds),
            ("limits.first_request_seconds", limits.first_request_seconds),
            ("limits.headers_seconds", limits.headers_seconds),
            ("limits.connection_age_seconds", limits.connection_age_seconds),
            ("limits.drain_seconds", limits.drain_seconds),
            ("limits.request_seconds", limits.request_seconds),
            ("limits.uploads_at_once", u64::from(limits.uploads_at_once > 0)),
            ("limits.list_bytes", u64::from(limits.list_bytes > 0)),
            ("limits.connections", u64::from(limits.connections > 0)),
            ("limits.streams_per_connection", u64::from(limits.streams_per_connection)),
            ("limits.body_bytes", u64::from(limits.body_bytes > 0)),
            ("limits.upload_bytes", u64::from(limits.upload_bytes > 0)),
            ("limits.stream_lines", u64::from(limits.stream_lines > 0)),
            ("limits.stream_seconds", limits.stream_seconds),
            ("limits.stream_stall_seconds", limits.stream_stall_seconds),
            ("limits.streams_per_system", u64::from(limits.streams_per_system > 0)),
            ("limits.token_requests_per_minute", u64::from(limits.token_requests_per_minute)),
        ];
        let zeros =
            numbers.iter().filter(|(_, n)| *n == 0).map(|(name, _)| format!("`{name}` must be at least 1"));
        let texts = [
            ("names.audience", &self.names.audience),
            ("names.log_origin", &self.names.log_origin),
            ("names.safety_telephone", &self.names.safety_telephone),
            ("database.url", &self.database.url),
        ];
        let blanks =
            texts.iter().filter(|(_, t)| t.trim().is_empty()).map(|(name, _)| format!("`{name}` is empty"));
        let mut faults: Vec<String> = zeros.chain(blanks).chain(self.calendar.faults()).collect();
        let Suppression { smallest_group_pupils, smallest_count_pupils } = self.suppression;
        if smallest_count_pupils < 2 || smallest_group_pupils < smallest_count_pupils {
            faults.push(
                "`suppression.smallest_count_pupils` must be at least 2, and no more than `smallest_group_pupils`"
                    .to_owned(),
            );
        }
        if limits.uploads_held_bytes < limits.upload_bytes {
            faults.push(
                "`limits.uploads_held_bytes` must be at least `limits.upload_bytes`, or the largest file has no room"
                    .to_owned(),
            );
        }
        if !self.listeners.admin.ip().is_loopback() {
            faults.push("`listeners.admin` has no encryption; give it a loopback address".to_owned());
        }
        if !self.names.issuer.starts_with("https://") {
            faults.push("`names.issuer` must begin with https://".to_owned());
        }
        if !self.database.url.starts_with("sqlite:") && !self.database.url.starts_with("postgres") {
            faults.push("`database.url` must begin with sqlite: or postgres:".to_owned());
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

const SAMPLE: &str = include_str!("config_sample.toml");

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
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let error = load(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
