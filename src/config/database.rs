//! Where the gateway's state is, and that nobody on the way to it reads or changes what is said.

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr as _;

/// Where the gateway's state is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Whether PostgreSQL on another machine may be spoken to without TLS that proves which server it is.
    #[serde(default)]
    pub allow_unverified_tls: bool,
}

impl fmt::Debug for Database {
    /// Without the address, which may hold a password.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Database")
            .field("allow_unverified_tls", &self.allow_unverified_tls)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// What keeps it from being opened; of its address nothing is told, since it may hold a password.
    pub fn faults(&self) -> Vec<String> {
        if self.url.trim().is_empty() {
            return vec!["`database.url` is empty".to_owned()];
        }
        if self.url.starts_with("sqlite:") {
            return Vec::new();
        }
        if !self.url.starts_with("postgres:") && !self.url.starts_with("postgresql:") {
            return vec!["`database.url` must begin with sqlite: or postgres:".to_owned()];
        }
        let Ok(options) = PgConnectOptions::from_str(&self.url) else {
            return vec![
                "`database.url` is no address of PostgreSQL; write postgres://USER@HOST/NAME".to_owned(),
            ];
        };
        if self.allow_unverified_tls
            || is_here(&options)
            || matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
        {
            return Vec::new();
        }
        vec![
            "`database.url` names a server on another machine without `sslmode=verify-full`, so that somebody on the way \
             could read and change registers; add it, or set `database.allow_unverified_tls`"
                .to_owned(),
        ]
    }
}

/// Whether the server is on this machine: a socket, or a loopback address.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let loopback =
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(url: &str, allow_unverified_tls: bool) -> usize {
        Database { url: url.to_owned(), allow_unverified_tls }.faults().len()
    }

    #[test]
    fn a_server_elsewhere_must_prove_itself() {
        for here in [
            "sqlite:schoolgate.db",
            "postgres:///gate?host=/run/postgresql",
            "postgres://gate@localhost/gate",
            "postgres://gate@127.0.0.1:5433/gate",
            "postgresql://gate@[::1]/gate",
        ] {
            assert_eq!(faults(here, false), 0, "{here}");
        }
        for elsewhere in [
            "postgres://gate@db.example/gate",
            "postgres://gate@db.example/gate?sslmode=prefer",
            "postgres://gate@db.example/gate?sslmode=require",
            "postgres://gate@db.example/gate?sslmode=verify-ca",
            "postgresql://gate@10.0.0.5/gate",
            "postgres://gate@localhost.example/gate",
            // What stands last decides where the connection goes.
            "postgres://gate@localhost/gate?host=db.example",
            "postgres://gate@localhost/gate?hostaddr=10.0.0.5",
        ] {
            assert_eq!(faults(elsewhere, false), 1, "{elsewhere}");
            assert_eq!(faults(elsewhere, true), 0, "{elsewhere}");
            let word = if elsewhere.contains('?') { '&' } else { '?' };
            assert_eq!(faults(&format!("{elsewhere}{word}sslmode=verify-full"), false), 0, "{elsewhere}");
        }
        for nothing in ["", " ", "mysql://db.example", "postgresx://localhost/gate", "postgres://local host/"]
        {
            assert_eq!(faults(nothing, true), 1, "{nothing}");
        }
    }
}
