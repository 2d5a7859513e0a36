//! What one entry says, and its exact bytes: the one place where they are defined.
//!
//! The bytes are compact JSON with the fields in the order of [`Entry`], version first. A field that is not there has
//! the meaning written at it. Bytes once written are never written again in another form: a later version reads this
//! one. An entry never holds a name, a UPN, a date of birth or a raw path.

mod fields;

pub use fields::Digest;

use crate::domain::identifiers::{InvolvementId, OrganisationId, PupilId};
use crate::domain::purpose::{Purpose, Role, SectionSet};
use crate::domain::words;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of the bytes that this program writes.
pub const VERSION: u8 = 1;

/// The identifier of an event: a `UUIDv7`, made once where the event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub Uuid);

impl EventId {
    /// A new identifier.
    #[expect(clippy::new_without_default, reason = "each call gives another one")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

words! {
    /// What an entry is about.
    Class {
        /// One request: exactly one such entry each.
        Access = "access",
        /// One child in an answer about many.
        Disclosure = "disclosure",
        /// One batch of the gateway's own work.
        Duty = "duty",
        /// A change by an operator.
        Admin = "admin",
        /// A connection refused before it could ask.
        HandshakeRefused = "handshake_refused",
        /// Requests refused because there were too many.
        Limited = "limited",
    }
}

words! {
    /// How it ended.
    Decision {
        /// Policy allowed it.
        Allowed = "allowed",
        /// Policy refused it, or no such child: outside the two look the same, here the policies tell them apart.
        Refused = "refused",
        /// Nobody whom the gateway knows asked.
        Unauthenticated = "unauthenticated",
        /// The request could not be read.
        Malformed = "malformed",
        /// Too many requests.
        Limited = "limited",
        /// The gateway failed; no answer was given.
        Failed = "failed",
    }
}

/// The connection that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// SHA-256 of the certificate, DER.
    pub thumbprint: Digest,
    /// The organisation's identifier; absent: the certificate is nobody's in the directory.
    #[serde(default, with = "fields::word", skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<OrganisationId>,
    /// The organisation's code at the time; absent as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The system's code at the time; absent as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

/// The organisation for which a system of another acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActedFor {
    /// The organisation's identifier.
    #[serde(with = "fields::required_word")]
    pub organisation_id: OrganisationId,
    /// Its code at the time.
    pub organisation: String,
}

/// The bytes of a refusal's entry, or as often as many as it takes; all that a caller can add to one is less.
const REFUSED: usize = 1_024;

/// One event, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of the bytes, [`VERSION`].
    pub v: u8,
    /// The event.
    pub event: EventId,
    /// When, UTC, to the microsecond. The order of events is their index, not this.
    #[serde(with = "fields::time")]
    pub time: DateTime<Utc>,
    /// What the entry is about.
    #[serde(with = "fields::required_word")]
    pub class: Class,
    /// How many events of this class it stands for; absent: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The request's identifier, as in the answer's header; absent: no request (a duty, a refused handshake).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// W3C trace context as the caller sent it; absent: none was sent, or it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Network (/24 or /64) from which a handshake was refused, or `elsewhere` for all beyond those told apart; absent:
    /// the connection says who it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Method of the request; absent: no request was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Template of the route, never the path that was asked; absent: no route of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Who connected; absent: no certificate, or none that could be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// The organisation for which a system of another acted, under a mandate or because the directory says that its own
    /// organisation acts for it; absent: it acted for its own, or nothing let it act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted_for: Option<ActedFor>,
    /// The person, as the organisation's identity provider names them: issuer, tenant (`-` where there is none) and subject
    /// with a space between them; absent: person not asserted, the system asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Whether the person acted as cover for another; absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_cover: bool,
    /// Marks on the person that what was asked rested on, a manager's with the team; of a token, those that it carries;
    /// absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    /// The role acted in; absent: not established.
    #[serde(default, with = "fields::word", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The purpose declared; absent: none that could be read, or none needed.
    #[serde(default, with = "fields::word", skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// The legal basis for what was given, in words; absent: nothing was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// The involvement relied on; absent: none.
    #[serde(default, with = "fields::word", skip_serializing_if = "Option::is_none")]
    pub involvement: Option<InvolvementId>,
    /// The case reference that stands at the involvement, not what the caller sent; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_reference: Option<String>,
    /// What was to be done, as policy names it; absent: not established.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The child, by the internal identifier that never leaves; absent: none, or not resolved.
    #[serde(default, with = "fields::word", skip_serializing_if = "Option::is_none")]
    pub child: Option<PupilId>,
    /// The record that is not a child (an import, an involvement, an operator's change); absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Sections asked for; absent: none.
    #[serde(default, with = "fields::sections", skip_serializing_if = "nothing")]
    pub sections_asked: SectionSet,
    /// Sections given; absent: none.
    #[serde(default, with = "fields::sections", skip_serializing_if = "nothing")]
    pub sections_given: SectionSet,
    /// How it ended.
    #[serde(with = "fields::required_word")]
    pub decision: Decision,
    /// Identifiers of the policies that determined it; absent: no policy was asked, or none applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Digest of the policy set; absent: no policy was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_set: Option<Digest>,
    /// The fact of relationship that was used, in words; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship: Option<String>,
    /// Why it was refused, as one word of ours; absent: it was not. Outside, refusals about a child look the same. In a
    /// duty's entry, what its records have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// HTTP status of the answer; absent: no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// SHA-256 of the answer's body (of a 304: of the body that its reader has), of one line of it in a disclosure's entry;
    /// absent: no body, or one of lines that each have an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Digest>,
    /// SHA-256 of what was written; absent: nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Digest>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn nothing(sections: &SectionSet) -> bool {
    sections.is_empty()
}

/// Bytes that are not an entry of a version this program knows.
#[derive(Debug, thiserror::Error)]
#[error("not the bytes of an audit entry that this version knows; read it with the version that wrote it")]
pub struct NotAnEntry;

impl Entry {
    /// An entry about nobody yet; the caller fills in what is known.
    pub fn new(event: EventId, time: DateTime<Utc>, class: Class, decision: Decision) -> Self {
        Self {
            v: VERSION,
            event,
            time: fields::to_micros(time),
            class,
            count: None,
            request: None,
            traceparent: None,
            network: None,
            method: None,
            route: None,
            connection: None,
            acted_for: None,
            person: None,
            by_cover: false,
            marks: Vec::new(),
            role: None,
            purpose: None,
            legal_basis: None,
            involvement: None,
            case_reference: None,
            action: None,
            child: None,
            record: None,
            sections_asked: SectionSet::EMPTY,
            sections_given: SectionSet::EMPTY,
            decision,
            policies: Vec::new(),
            policy_set: None,
            relationship: None,
            reason: None,
            status: None,
            answer: None,
            written: None,
        }
    }

    /// The exact bytes that the leaf commits to. A refusal's are filled up with spaces, so that their number does not tell
    /// whether there is a child behind it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let refused = self.decision == Decision::Refused;
        let mut bytes = Vec::with_capacity(REFUSED);
        // No map with other keys than text and no value that can refuse: writing into memory cannot fail.
        let _ = serde_json::to_writer(&mut bytes, self);
        if refused {
            bytes.resize(bytes.len().next_multiple_of(REFUSED), b' ');
        }
        bytes
    }

    /// Reads the bytes back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAnEntry> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|_| NotAnEntry)?;
        if entry.v == VERSION { Ok(entry) } else { Err(NotAnEntry) }
    }

    /// The organisation whose officer may read the entry: the one acted for, else the one whose system asked.
    pub fn organisation(&self) -> Option<OrganisationId> {
        let acted_for = self.acted_for.as_ref().map(|a| a.organisation_id);
        acted_for.or_else(|| self.connection.as_ref()?.organisation_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::purpose::Section;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n)
    }

    fn full() -> Entry {
        let time = DateTime::from_timestamp(1_790_000_000, 120_000_999).unwrap();
        Entry {
            count: Some(3),
            request: Some("r-1".into()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            network: Some("192.0.2.0/24".into()),
            method: Some("GET".into()),
            route: Some("/v1/pupils/{pupil_id}/attendance-summary".into()),
            connection: Some(Connection {
                thumbprint: Digest([0xab; 32]),
                organisation_id: Some(OrganisationId(id(2))),
                organisation: Some("northshire".into()),
                system: Some("cases".into()),
            }),
            acted_for: Some(ActedFor { organisation_id: OrganisationId(id(5)), organisation: "hill".into() }),
            person: Some("sw-17".into()),
            by_cover: true,
            marks: vec!["manager:duty".into()],
            role: Some(Role::SocialWorker),
            purpose: Some(Purpose::ChildProtection),
            legal_basis: Some("Children Act 1989 s 47".into()),
            involvement: Some(InvolvementId(id(3))),
            case_reference: Some("CP-\"9\"".into()),
            action: Some("summary".into()),
            child: Some(PupilId(id(4))),
            record: Some("none".into()),
            sections_asked: [Section::Headline, Section::Health].into_iter().collect(),
            sections_given: [Section::Headline].into_iter().collect(),
            policies: vec!["summaries.cp".into()],
            policy_set: Some(Digest([1; 32])),
            relationship: Some("live cp involvement".into()),
            status: Some(200),
            answer: Some(Digest([2; 32])),
            written: Some(Digest([3; 32])),
            ..Entry::new(EventId(id(1)), time, Class::Access, Decision::Allowed)
        }
    }

    #[test]
    fn the_bytes_of_a_full_entry_are_these() {
        let (ab, one, two, three) = ("ab".repeat(32), "01".repeat(32), "02".repeat(32), "03".repeat(32));
        let expected = format!(
            "{{\"v\":1,\"event\":\"01920000-0000-7000-8000-000000000001\",\"time\":\"2026-09-21T14:13:20.120000Z\",\
             \"class\":\"access\",\"count\":3,\"request\":\"r-1\",\
             \"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\",\"network\":\"192.0.2.0/24\",\"method\":\"GET\",\
             \"route\":\"/v1/pupils/{{pupil_id}}/attendance-summary\",\"connection\":{{\"thumbprint\":\"{ab}\",\
             \"organisation_id\":\"01920000-0000-7000-8000-000000000002\",\"organisation\":\"northshire\",\
             \"system\":\"cases\"}},\"acted_for\":{{\"organisation_id\":\"01920000-0000-7000-8000-000000000005\",\
             \"organisation\":\"hill\"}},\"person\":\"sw-17\",\"by_cover\":true,\"marks\":[\"manager:duty\"],\"role\":\"social_worker\",\
             \"purpose\":\"child_protection\",\"legal_basis\":\"Children Act 1989 s 47\",\
             \"involvement\":\"01920000-0000-7000-8000-000000000003\",\"case_reference\":\"CP-\\\"9\\\"\",\
             \"action\":\"summary\",\"child\":\"01920000-0000-7000-8000-000000000004\",\"record\":\"none\",\
             \"sections_asked\":[\"headline\",\"health\"],\"sections_given\":[\"headline\"],\
             \"decision\":\"allowed\",\"policies\":[\"summaries.cp\"],\"policy_set\":\"{one}\",\
             \"relationship\":\"live cp involvement\",\"status\":200,\"answer\":\"{two}\",\"written\":\"{three}\"}}"
        );
        assert_eq!(String::from_utf8(full().to_bytes()).unwrap(), expected);
    }

    #[test]
    fn the_bytes_of_an_empty_entry_are_these() {
        let time = DateTime::from_timestamp(0, 0).unwrap();
        let entry = Entry::new(EventId(id(1)), time, Class::HandshakeRefused, Decision::Unauthenticated);
        let expected = "{\"v\":1,\"event\":\"01920000-0000-7000-8000-000000000001\",\
             \"time\":\"1970-01-01T00:00:00.000000Z\",\"class\":\"handshake_refused\",\"decision\":\"unauthenticated\"}";
        assert_eq!(String::from_utf8(entry.to_bytes()).unwrap(), expected);
        assert_eq!(Entry::from_bytes(expected.as_bytes()).unwrap(), entry);
    }

    #[test]
    fn a_refusal_is_as_long_whomever_it_is_about() {
        let refused = Entry { decision: Decision::Refused, child: None, ..full() };
        let (about, nobody) = (Entry { child: full().child, ..refused.clone() }, refused);
        assert_eq!(about.to_bytes().len() % REFUSED, 0);
        assert_eq!(about.to_bytes().len(), nobody.to_bytes().len().next_multiple_of(about.to_bytes().len()));
        assert_eq!(Entry::from_bytes(&about.to_bytes()).unwrap(), about);
    }

    #[test]
    fn what_was_written_is_read() {
        let entry = full();
        assert_eq!(Entry::from_bytes(&entry.to_bytes()).unwrap(), entry);
        assert_eq!(entry.organisation(), Some(OrganisationId(id(5))), "the school's, not its supplier's");
        let own = Entry { acted_for: None, ..entry };
        assert_eq!(own.organisation(), Some(OrganisationId(id(2))));
    }

    #[test]
    fn other_bytes_are_refused() {
        let text = String::from_utf8(full().to_bytes()).unwrap();
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"role\":\"social_worker\"", "\"role\":\"wizard\""),
            ("\"headline\"", "\"headlines\""),
            ("\"count\":3", "\"counts\":3"),
            ("\"decision\":\"allowed\",", ""),
            ("abab", "abxy"),
            ("2026-09-21T", "2026-09-21 "),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            assert!(Entry::from_bytes(changed.as_bytes()).is_err(), "{from} became {to}");
        }
    }
}
