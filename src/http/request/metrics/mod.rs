//! Counts for the operator: answers by status, handshakes refused, alarms, how long writes hold the database. Never a
//! child, an agency or a case.

mod certificates;

pub use certificates::CertificateTimes;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;

/// What `/metrics` tells. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    answers: Family<Answered, Counter>,
    handshakes: Counter,
    unreadable: Counter,
    unproved: Family<Refused, Counter>,
    connections: Gauge,
    alarms: Family<Alarmed, Counter>,
    holidays: Gauge,
    certificates: CertificateTimes,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Alarmed {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: String,
}

impl Default for Metrics {
    /// Counts of the API alone.
    fn default() -> Self {
        Self::with_writes(Histogram::new([]))
    }
}

impl Metrics {
    /// The same, and how long writes hold the database.
    pub fn with_writes(seconds: Histogram) -> Self {
        let mut registry = Registry::with_prefix("schoolgate");
        let (answers, alarms, unproved) = (Family::default(), Family::default(), Family::default());
        let (handshakes, unreadable) = (Counter::default(), Counter::default());
        registry.register("answers", "Answers of the API, by status", answers.clone());
        registry.register("handshakes_refused", "TLS handshakes refused", handshakes.clone());
        registry.register(
            "requests_unreadable",
            "Requests that HTTP itself could not read",
            unreadable.clone(),
        );
        let help = "Requests and requests for tokens whose caller was not proved, by reason";
        registry.register("identity_refused", help, unproved.clone());
        registry.register("alarms", "What somebody should look at, by reason", alarms.clone());
        let (holidays, connections) = (Gauge::default(), Gauge::default());
        let help = "Connections of the API that are open, after their handshakes";
        registry.register("connections_open", help, connections.clone());
        let help =
            "Days for which the bank holidays of England are known; add years to the configuration in time";
        registry.register("bank_holidays_known_days", help, holidays.clone());
        let help = "How long a write transaction held the database's writer, of this process";
        registry.register_with_unit("store_write", help, Unit::Seconds, seconds);
        let certificates = CertificateTimes::registered(&mut registry);
        let registry = Arc::new(registry);
        Self {
            registry,
            answers,
            handshakes,
            unreadable,
            unproved,
            connections,
            alarms,
            holidays,
            certificates,
        }
    }

    /// Counts an answer.
    pub fn answered(&self, status: u16) {
        self.answers.get_or_create(&Answered { status }).inc();
    }

    /// Counts what somebody should look at.
    pub fn alarm(&self, reason: &'static str) {
        self.alarms.get_or_create(&Alarmed { reason }).inc();
    }

    /// Counts a caller who was not proved, or was given no token, by the word that the audit keeps.
    pub fn unproved(&self, reason: &str) {
        self.unproved.get_or_create(&Refused { reason: reason.to_owned() }).inc();
    }

    /// Says for how many days bank holidays are known.
    pub fn holidays_known(&self, days: i64) {
        self.holidays.set(days);
    }

    /// How long certificates and revocation lists still hold.
    pub fn certificates(&self) -> &CertificateTimes {
        &self.certificates
    }

    /// Counts a refused handshake.
    pub fn handshake_refused(&self) {
        self.handshakes.inc();
    }

    /// Counts a request that HTTP itself could not read.
    pub fn unreadable(&self) {
        self.unreadable.inc();
    }

    /// Counts a connection that has opened.
    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    /// Counts a connection that has closed.
    pub fn connection_closed(&self) {
        self.connections.dec();
    }

    /// `OpenMetrics` text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
