//! Certificates that end soon, as numbers for the operator; `operators` tells the organisation, and the log, once at each mark.

use crate::directory::Directory;
use crate::gate::Gate;
use crate::http::Metrics;
use chrono::{DateTime, TimeDelta, Utc};

/// Days before its end from which a certificate is among the numbers.
const DAYS: i64 = 30;

/// Sets the seconds that are left of every live certificate that ends within [`DAYS`].
pub fn look_at_ends(gate: &Gate, metrics: &Metrics) {
    look(&gate.directory().current(), metrics, gate.clock().now());
}

fn look(directory: &Directory, metrics: &Metrics, now: DateTime<Utc>) {
    let soon = directory.credentials.values().filter(|c| c.valid_until - now <= TimeDelta::days(DAYS));
    metrics.certificates().systems(soon.filter_map(|credential| {
        let system = directory.system_by_thumbprint(&credential.thumbprint, now)?;
        let organisation = directory.organisation_of(system)?;
        let (certificate, left) =
            (crate::crypto::to_hex(&credential.thumbprint), credential.valid_until - now);
        Some((organisation.code.as_str(), system.code.as_str(), certificate, left.num_seconds()))
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::{World, now};

    #[test]
    fn what_is_left_is_told_in_the_last_thirty_days_and_no_longer() {
        const NAME: &str = "schoolgate_certificate_expires_seconds{";
        let mut world = World::new();
        let metrics = Metrics::default();
        for (hours, expected) in
            [(31 * 24, None), (30 * 24, Some(2_592_000)), (48, Some(172_800)), (-1, None)]
        {
            let credential = world.directory.credentials.get_mut(&world.peer.thumbprint).unwrap();
            credential.valid_until = now() + TimeDelta::hours(hours);
            look(&world.directory, &metrics, now());
            let text = metrics.text();
            let line = text.lines().find(|line| line.starts_with(NAME));
            let left = line.map(|line| {
                assert!(line.contains("organisation=\"council\",system=\"cases\""), "{line}");
                line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()
            });
            assert_eq!(left, expected, "{hours} hours");
        }
    }
}
