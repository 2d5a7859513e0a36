//! How long certificates and revocation lists still hold, for the operator. Systems are named by their codes.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Numbers for `/metrics`. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct CertificateTimes {
    server: Gauge,
    list_age: Gauge,
    list_ends: Gauge,
    systems: Family<OfSystem, Gauge>,
}

/// A certificate of a system: at most two are live at a time, told apart by the first half of their thumbprint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSystem {
    organisation: String,
    system: String,
    certificate: String,
}

impl CertificateTimes {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let times = Self::default();
        let mut register = |name: &str, help: &str, gauge: &Gauge| {
            registry.register_with_unit(name, help, Unit::Seconds, gauge.clone());
        };
        register("server_certificate_expires", "Time until the API's own certificate ends", &times.server);
        register("revocation_list_age", "Age of the oldest revocation list in force", &times.list_age);
        register(
            "revocation_list_expires",
            "Time until the first revocation list in force is past its time",
            &times.list_ends,
        );
        registry.register_with_unit(
            "certificate_expires",
            "Time until a system's certificate ends, of those that end within 30 days",
            Unit::Seconds,
            times.systems.clone(),
        );
        times
    }

    /// Says how long the API's own certificate holds.
    pub fn server(&self, seconds: i64) {
        self.server.set(seconds);
    }

    /// Says how old the oldest revocation list is, and how long the first to end holds.
    pub fn lists(&self, age_seconds: i64, left_seconds: i64) {
        self.list_age.set(age_seconds);
        self.list_ends.set(left_seconds);
    }

    /// Says which systems' certificates end soon, each by organisation, system, thumbprint and seconds; others are gone.
    pub fn systems<'a>(&self, ending: impl Iterator<Item = (&'a str, &'a str, String, i64)>) {
        self.systems.clear();
        for (organisation, system, certificate, seconds) in ending {
            let of = OfSystem {
                organisation: organisation.to_owned(),
                system: system.to_owned(),
                certificate: certificate.chars().take(32).collect(),
            };
            self.systems.get_or_create(&of).set(seconds);
        }
    }
}
