//! The wire of disclosures: audit entries of the caller's own organisation.

use crate::audit::{self, Decision, Entry, Stored};
use crate::directory::Scope;
use crate::gate::{Answer, Asked, ChildRef, Gate, Refusal, Released};
use crate::http::{Error, Query};
use crate::policy::Action;
use axum::extract::State;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A page of entries.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct EntriesQuery {
    /// `next_cursor` of the page before.
    cursor: Option<u64>,
    /// Entries of the page, at most 1,000; 100 unless given.
    limit: Option<u16>,
    /// `log` (oldest first, unless given) or `newest`.
    order: Order,
}

/// In which order entries come.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The order of the log.
    #[default]
    Log,
    /// The newest first.
    Newest,
}

/// Entries in the order asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntriesAnswer {
    /// The caller's own organisation's.
    entries: Vec<EntryBody>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<u64>,
}

/// One entry, in words; a field that is absent was not established, or there was none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryBody {
    /// Place in the log.
    index: u64,
    /// Leaf hash, hex: the one in the receipt.
    leaf: String,
    /// UTC.
    time: DateTime<Utc>,
    /// `access`, `disclosure`, `duty`, `admin`, `handshake_refused` or `limited`.
    class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    /// Code of the organisation whose system that is, where it acted for this school under a mandate; absent: this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    /// Who acted; `not asserted` where only a system is known.
    person: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legal_basis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_reference: Option<String>,
    /// The agency's own id of the involvement relied on.
    #[serde(skip_serializing_if = "Option::is_none")]
    involvement_id: Option<Uuid>,
    /// What was written, where something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    /// SHA-256 of what was sent to be written, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    written_sha256: Option<String>,
    /// SHA-256 of the certificate that asked, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// How many events it stands for; absent: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relationship: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// The child, as a handle of the reading system's own; only where something was given. Of what was refused it would say
    /// which child there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pupil_id: Option<ChildRef>,
    sections_asked: Vec<String>,
    sections_given: Vec<String>,
    decision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    policies: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_sha256: Option<String>,
}

impl Answer for EntriesAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        self.entries.iter_mut().filter_map(|entry| entry.pupil_id.as_mut()).collect()
    }

    fn next(&self) -> Option<String> {
        self.next_cursor.map(|cursor| cursor.to_string())
    }
}

/// Lists audit entries of the caller's own organisation.
#[utoipa::path(
    get, path = "/v1/audit/entries", tag = "disclosures", params(EntriesQuery),
    responses((status = 200, body = EntriesAnswer), (status = 403, description = "Not a data protection officer"))
)]
pub async fn list_audit_entries(
    State(gate): State<Gate>,
    asked: Asked,
    Query(query): Query<EntriesQuery>,
) -> Result<Released<EntriesAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::ReadAuditEntries)?;
    let limit = u32::from(query.limit.unwrap_or(100).clamp(1, 1_000));
    let stored = match query.order {
        Order::Log => audit::entries(gate.db(), permit.organisation(), query.cursor, limit).await,
        Order::Newest => audit::newest_entries(gate.db(), permit.organisation(), query.cursor, limit).await,
    };
    let stored = stored.map_err(Refusal::from)?;
    let full = u32::try_from(stored.len()).is_ok_and(|n| n == limit);
    let next_cursor = stored.last().map(|s| s.index).filter(|_| full);
    let answer = EntriesAnswer { entries: stored.into_iter().map(body).collect(), next_cursor };
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}

/// Which week.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct CoverQuery {
    /// Its first day; seven days ago unless given.
    week: Option<NaiveDate>,
}

/// One in so many is drawn: 5%.
const DRAWN: u64 = 20;

/// Lists a twentieth, drawn by chance, of what people of the own organisation read as cover for another team in seven
/// days. The draw goes by the entries' own leaf hashes, which nobody who reads can choose.
#[utoipa::path(
    get, path = "/v1/audit/reads-by-cover", tag = "disclosures", params(CoverQuery),
    responses((status = 200, body = EntriesAnswer), (status = 403, description = "Not a data protection officer"))
)]
pub async fn list_reads_by_cover(
    State(gate): State<Gate>,
    asked: Asked,
    Query(query): Query<CoverQuery>,
) -> Result<Released<EntriesAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::ReadAuditEntries)?;
    let today = gate.clock().now().date_naive();
    let first = query.week.or_else(|| today.checked_sub_days(Days::new(7))).unwrap_or(today);
    let from = first.and_time(NaiveTime::MIN).and_utc();
    let until = from + TimeDelta::days(7);
    let all =
        audit::by_cover(gate.db(), permit.organisation(), (from, until)).await.map_err(Refusal::from)?;
    let is_drawn = |stored: &Stored| {
        let number = stored.leaf.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        number % DRAWN == 0
    };
    permit.note_record(format!("reads by cover from {first}"));
    let entries = all.into_iter().filter(is_drawn).map(body).collect();
    Ok(gate.release(permit, StatusCode::OK, EntriesAnswer { entries, next_cursor: None }).await?)
}

fn body(stored: Stored) -> EntryBody {
    let Stored { index, entry, leaf } = stored;
    let system = entry.connection.as_ref().and_then(|c| c.system.clone());
    let other = entry.connection.as_ref().filter(|_| entry.acted_for.is_some());
    let organisation = other.and_then(|c| c.organisation.clone());
    let sections =
        |set: crate::domain::purpose::SectionSet| set.iter().map(|s| s.as_str().to_owned()).collect();
    let Entry {
        time, class, request, person, role, purpose, legal_basis, case_reference, relationship, ..
    } = entry;
    EntryBody {
        index,
        leaf: crate::crypto::to_hex(&leaf),
        time,
        class: class.as_str().to_owned(),
        request_id: request,
        system,
        organisation,
        person: person.unwrap_or_else(|| "not asserted".to_owned()),
        role: role.map(|r| r.as_str().to_owned()),
        purpose: purpose.map(|p| p.as_str().to_owned()),
        legal_basis,
        case_reference,
        relationship,
        involvement_id: entry.involvement.map(|id| id.0),
        record: entry.record,
        written_sha256: entry.written.map(|d| crate::crypto::to_hex(&d.0)),
        certificate_sha256: entry.connection.as_ref().map(|c| crate::crypto::to_hex(&c.thumbprint.0)),
        traceparent: entry.traceparent,
        count: entry.count,
        action: entry.action,
        pupil_id: entry.child.filter(|_| entry.decision == Decision::Allowed).map(ChildRef::of),
        sections_asked: sections(entry.sections_asked),
        sections_given: sections(entry.sections_given),
        decision: entry.decision.as_str().to_owned(),
        // That a tie was there once is the log's to know: shown, it would tell of a child that the answer did not.
        reason: entry.reason.map(|word| {
            if word == Refusal::Former.word() { Refusal::NotFound.word().to_owned() } else { word }
        }),
        policies: entry.policies,
        policy_set: entry.policy_set.map(|d| crate::crypto::to_hex(&d.0)),
        method: entry.method,
        route: entry.route,
        status: entry.status,
        answer_sha256: entry.answer.map(|d| crate::crypto::to_hex(&d.0)),
    }
}
