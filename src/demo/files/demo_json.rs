//! `demo.json`: where the demonstration listens and who its sample callers are; paths are relative to its folder.

use super::{WriteError, write};
use crate::demo::agencies::DemoCaller;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoJson {
    /// Base address of the API.
    pub api: String,
    /// Base address of the portal; null until there is one.
    pub portal: Option<String>,
    /// Base address of the operator's listener.
    pub admin: String,
    /// The authority that signed the server's and the clients' certificates, PEM.
    pub ca: String,
    /// The log's name, as its checkpoints will carry it.
    pub log_origin: Option<String>,
    /// The log's public key, as a verifier key of signed notes. Nothing is signed with it yet: the log has no checkpoints.
    pub log_key: Option<String>,
    /// The gateway's own day.
    pub today: NaiveDate,
    /// Base address of the demonstration's identity provider; null until there is one.
    pub identity_provider: Option<String>,
    /// Sample callers.
    pub callers: Vec<DemoCaller>,
    /// Schools and their exports.
    pub schools: Vec<SchoolFiles>,
}

/// A school and its exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchoolFiles {
    /// Six digits.
    pub urn: String,
    /// Seven digits.
    pub laestab: String,
    /// As published.
    pub name: String,
    /// This year's calendar.
    pub calendar: String,
    /// The admission register.
    pub pupils: String,
    /// Marks of last year and this.
    pub attendance: String,
}

/// Writes `demo.json` whole or not at all: under another name first, then renamed, for readers that wait for it.
pub fn write_demo_json(demo: &DemoJson, dir: &Path) -> Result<(), WriteError> {
    let failed = |source: std::io::Error| WriteError { path: "demo.json".to_owned(), source };
    let mut bytes = serde_json::to_vec_pretty(demo).map_err(|e| failed(e.into()))?;
    bytes.push(b'\n');
    write(dir, "demo.json.new", &bytes)?;
    std::fs::rename(dir.join("demo.json.new"), dir.join("demo.json")).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::agencies::callers;
    use crate::demo::authority::{Authority, Options};

    #[test]
    fn the_file_has_the_fixed_names_and_reads_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        let authority = Authority::generate(Options::new(1, today));
        let demo = DemoJson {
            api: "https://127.0.0.1:8443".to_owned(),
            portal: None,
            admin: "http://127.0.0.1:9090".to_owned(),
            ca: crate::demo::pki::CA.to_owned(),
            log_origin: None,
            log_key: None,
            today,
            identity_provider: None,
            callers: callers(&authority),
            schools: authority.schools.iter().map(super::super::school_files).collect(),
        };
        write_demo_json(&demo, dir.path()).unwrap();
        let text = std::fs::read_to_string(dir.path().join("demo.json")).unwrap();
        assert_eq!(serde_json::from_str::<DemoJson>(&text).unwrap(), demo);
        assert!(!dir.path().join("demo.json.new").exists());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let sorted = |names: &[&str]| {
            let mut names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            names.sort();
            names
        };
        let fixed = sorted(&[
            "api",
            "portal",
            "admin",
            "ca",
            "log_origin",
            "log_key",
            "today",
            "identity_provider",
            "callers",
            "schools",
        ]);
        assert_eq!(sorted(&keys(&value).iter().map(String::as_str).collect::<Vec<_>>()), fixed);
        let caller = sorted(&[
            "name",
            "organisation",
            "lane",
            "role",
            "purpose",
            "certificate",
            "key",
            "client_id",
            "subject_token",
            "children",
        ]);
        let written = keys(&value["callers"][0]);
        assert_eq!(sorted(&written.iter().map(String::as_str).collect::<Vec<_>>()), caller);
        assert!(value["portal"].is_null() && value["today"] == "2026-11-20");
    }
}
