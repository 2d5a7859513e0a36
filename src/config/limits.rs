//! Limits on everything; each with its unit in its name.

use serde::{Deserialize, Serialize};

/// Limits on everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest TLS handshake.
    pub handshake_seconds: u64,
    /// Longest silence before the first request of a connection.
    pub first_request_seconds: u64,
    /// Longest time for the headers of a request.
    pub headers_seconds: u64,
    /// Longest life of a connection; what is under way then goes on to its end.
    pub connection_age_seconds: u64,
    /// Oldest revocation list that is gone by, whatever it says itself.
    pub revocation_list_hours: u32,
    /// Longest time that answers under way are given at a stop.
    pub drain_seconds: u64,
    /// Handshakes under way at once, and connections of certificates that prove nobody.
    pub handshakes_at_once: usize,
    /// Most connections at once of those that are proved.
    pub connections: usize,
    /// Most connections at once of one certificate.
    pub connections_per_certificate: usize,
    /// Most requests at once on one connection.
    pub streams_per_connection: u32,
    /// Longest time for one request, from its headers to its answer; a file of a whole school has to fit in.
    pub request_seconds: u64,
    /// Files worked out at once; further ones wait. Two of these places are kept for registers, where there are more. One
    /// system may send two of each school at a time.
    pub uploads_at_once: usize,
    /// Bytes of all files that are read, wait or are worked out at once. One system has at most a quarter of them, or the largest file; a
    /// sixteenth is kept for registers.
    pub uploads_held_bytes: usize,
    /// Longest time that a sender may take for 64 KiB of a body.
    pub body_stall_seconds: u64,
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
    /// Requests by all systems of one organisation together, whatever each may ask; requests for tokens likewise.
    pub organisation_requests_per_minute: u32,
    /// How many times its open caseload the systems of an organisation may read in a day without a proved person.
    pub system_lane_caseload_multiple: u32,
    /// Children that they may read in a day however small it is.
    pub system_lane_least_reads: u32,
    /// How long an `Idempotency-Key` is kept after the write.
    pub idempotency_key_hours: u32,
    /// Keys of one system and the organisation for which it acts that are kept at once.
    pub idempotency_keys_per_system: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_seconds: 5,
            first_request_seconds: 10,
            headers_seconds: 10,
            // Revocation is checked on every request too; this bounds what TLS itself decided.
            connection_age_seconds: 600,
            // Longer than any authority lets pass between two lists; most make one a day.
            revocation_list_hours: 168,
            drain_seconds: 10,
            handshakes_at_once: 500,
            connections: 2_000,
            // An eighth of all: a system that works with many at once has enough, and cannot keep others out.
            connections_per_certificate: 256,
            streams_per_connection: 64,
            request_seconds: 120,
            uploads_at_once: 8,
            // Four of the largest: what a small machine has to spare beside its database.
            uploads_held_bytes: 1024 * 1024 * 1024,
            body_stall_seconds: 30,
            body_bytes: 64 * 1024,
            list_bytes: 4 * 1024 * 1024,
            upload_bytes: 256 * 1024 * 1024,
            stream_lines: 10_000,
            stream_seconds: 300,
            stream_stall_seconds: 30,
            streams_per_system: 2,
            token_requests_per_minute: 60,
            organisation_requests_per_minute: 6_000,
            system_lane_caseload_multiple: 4,
            // A team of a few cases looks at each often; at this number nobody reads a whole authority.
            system_lane_least_reads: 1_000,
            // Longer than any client tries again.
            idempotency_key_hours: 24,
            idempotency_keys_per_system: 10_000,
        }
    }
}

/// The longest that a key is kept, hours: a week.
const KEY_HOURS_MAX: u32 = 168;

impl Limits {
    /// What keeps a gateway from serving within these.
    pub(super) fn faults(&self) -> Vec<String> {
        let numbers = [
            ("limits.handshake_seconds", self.handshake_seconds),
            ("limits.first_request_seconds", self.first_request_seconds),
            ("limits.headers_seconds", self.headers_seconds),
            ("limits.connection_age_seconds", self.connection_age_seconds),
            ("limits.revocation_list_hours", u64::from(self.revocation_list_hours)),
            ("limits.drain_seconds", self.drain_seconds),
            ("limits.request_seconds", self.request_seconds),
            ("limits.body_stall_seconds", self.body_stall_seconds),
            ("limits.uploads_at_once", u64::from(self.uploads_at_once > 0)),
            ("limits.list_bytes", u64::from(self.list_bytes > 0)),
            ("limits.handshakes_at_once", u64::from(self.handshakes_at_once > 0)),
            ("limits.connections", u64::from(self.connections > 0)),
            ("limits.connections_per_certificate", u64::from(self.connections_per_certificate > 0)),
            ("limits.streams_per_connection", u64::from(self.streams_per_connection)),
            ("limits.body_bytes", u64::from(self.body_bytes > 0)),
            ("limits.upload_bytes", u64::from(self.upload_bytes > 0)),
            ("limits.stream_lines", u64::from(self.stream_lines > 0)),
            ("limits.stream_seconds", self.stream_seconds),
            ("limits.stream_stall_seconds", self.stream_stall_seconds),
            ("limits.streams_per_system", u64::from(self.streams_per_system > 0)),
            ("limits.token_requests_per_minute", u64::from(self.token_requests_per_minute)),
            ("limits.organisation_requests_per_minute", u64::from(self.organisation_requests_per_minute)),
            ("limits.system_lane_caseload_multiple", u64::from(self.system_lane_caseload_multiple)),
            ("limits.system_lane_least_reads", u64::from(self.system_lane_least_reads)),
            ("limits.idempotency_key_hours", u64::from(self.idempotency_key_hours)),
            ("limits.idempotency_keys_per_system", u64::from(self.idempotency_keys_per_system)),
        ];
        let zeros = numbers.iter().filter(|(_, n)| *n == 0);
        let mut faults: Vec<String> = zeros.map(|(name, _)| format!("`{name}` must be at least 1")).collect();
        if self.idempotency_key_hours > KEY_HOURS_MAX {
            faults.push(format!("`limits.idempotency_key_hours` must be at most {KEY_HOURS_MAX}"));
        }
        if self.uploads_held_bytes < self.upload_bytes {
            faults.push(
                "`limits.uploads_held_bytes` must be at least `limits.upload_bytes`, or the largest file has no room"
                    .to_owned(),
            );
        }
        faults
    }
}
