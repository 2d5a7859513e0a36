//! Certificates that end soon: a number for the operator, and a word in the log at 30, 14, 7 and 3 days, once each.

use crate::directory::Directory;
use crate::gate::Gate;
use crate::http::Metrics;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// Days before the end at which somebody is told.
const DAYS: [i64; 4] = [30, 14, 7, 3];

/// A system's certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Code of the organisation.
    pub organisation: String,
    /// Code of its system.
    pub system: String,
    /// SHA-256 of the certificate.
    pub thumbprint: [u8; 32],
    /// When it ends, UTC.
    pub valid_until: DateTime<Utc>,
    /// The mark that it has passed: 30, 14, 7 or 3 days.
    pub days: i64,
}

/// What has been told of each certificate: the last mark.
#[derive(Debug, Default)]
pub struct Told(HashMap<[u8; 32], i64>);

/// Every live certificate that ends within 30 days, those that end first before the others.
pub fn ending(directory: &Directory, now: DateTime<Utc>) -> Vec<Ending> {
    let mut ending: Vec<Ending> = directory
        .credentials
        .values()
        .filter_map(|credential| {
            let system = directory.system_by_thumbprint(&credential.thumbprint, now)?;
            let left = credential.valid_until - now;
            // The narrowest mark that it is within.
            let days = DAYS.into_iter().rev().find(|days| left <= chrono::TimeDelta::days(*days))?;
            Some(Ending {
                organisation: directory.organisation_of(system)?.code.clone(),
                system: system.code.clone(),
                thumbprint: credential.thumbprint,
                valid_until: credential.valid_until,
                days,
            })
        })
        .collect();
    ending.sort_by_key(|one| (one.valid_until, one.thumbprint));
    ending
}

impl Told {
    /// Those whose mark has not been told yet; from now on it is.
    pub fn new_of(&mut self, ending: &[Ending]) -> Vec<Ending> {
        self.0.retain(|thumbprint, _| ending.iter().any(|one| one.thumbprint == *thumbprint));
        let new = |one: &&Ending| self.0.get(&one.thumbprint).is_none_or(|told| one.days < *told);
        let new: Vec<Ending> = ending.iter().filter(new).cloned().collect();
        self.0.extend(new.iter().map(|one| (one.thumbprint, one.days)));
        new
    }
}

/// One look: sets the numbers, and says in the log what has passed a mark since the last. Gives those, for whoever tells the
/// organisation itself.
pub fn look_at_ends(gate: &Gate, told: &mut Told, metrics: &Metrics) -> Vec<Ending> {
    look(&gate.directory().current(), told, metrics, gate.clock().now())
}

fn look(directory: &Directory, told: &mut Told, metrics: &Metrics, now: DateTime<Utc>) -> Vec<Ending> {
    let ending = ending(directory, now);
    metrics.certificates().systems(ending.iter().map(|one| {
        let certificate = crate::crypto::to_hex(&one.thumbprint);
        (one.organisation.as_str(), one.system.as_str(), certificate, (one.valid_until - now).num_seconds())
    }));
    let new = told.new_of(&ending);
    for Ending { organisation, system, valid_until, days, .. } in &new {
        tracing::warn!(organisation, system, %valid_until, days, "a system's certificate ends soon");
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::{World, now};
    use chrono::TimeDelta;

    #[test]
    fn each_mark_is_told_once_and_a_new_certificate_begins_anew() {
        let mut world = World::new();
        let (mut told, metrics) = (Told::default(), Metrics::default());
        let ends = |world: &mut World, hours: i64| {
            let thumbprint = world.peer.thumbprint;
            let credential = world.directory.credentials.get_mut(&thumbprint).unwrap();
            credential.valid_until = now() + TimeDelta::hours(hours);
        };
        for (hours, expected) in [
            (31 * 24, None),
            (30 * 24, Some(30)),
            (29 * 24, None),
            (14 * 24 + 1, None),
            (14 * 24, Some(14)),
            (8 * 24, None),
            (6 * 24, Some(7)),
            (4 * 24, None),
            (72, Some(3)),
            (1, None),
            // Followed by a longer one, and near its end again.
            (300 * 24, None),
            (20 * 24, Some(30)),
            // What was not looked at for long is told by its narrowest mark alone.
            (2, Some(3)),
            (-1, None),
        ] {
            ends(&mut world, hours);
            let new = look(&world.directory, &mut told, &metrics, now());
            let days: Vec<i64> = new.iter().map(|one| one.days).collect();
            assert_eq!(days, expected.into_iter().collect::<Vec<_>>(), "{hours} hours");
        }
        ends(&mut world, 48);
        look(&world.directory, &mut told, &metrics, now());
        let text = metrics.text();
        let line =
            text.lines().find(|line| line.starts_with("schoolgate_certificate_expires_seconds{")).unwrap();
        assert!(
            line.contains("organisation=\"council\",system=\"cases\"") && line.ends_with(" 172800"),
            "{line}"
        );
        ends(&mut world, 31 * 24);
        look(&world.directory, &mut told, &metrics, now());
        assert!(!metrics.text().contains("schoolgate_certificate_expires_seconds{"));
    }
}
