//! The wire of an organisation's feed.

use super::cursor;
use crate::directory::Scope;
use crate::domain::purpose::InvolvementKind;
use crate::gate::{Answer, Asked, Gate, Refusal, Released};
use crate::http::{Error, ProblemKind, Query};
use crate::outbox::{self, Told};
use crate::policy::Action;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Where to go on in the feed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct NotificationsQuery {
    /// `next_cursor` of the answer before; from the beginning unless given.
    since: Option<String>,
    /// Notices of the answer, 1 to 200; 100 unless given.
    limit: Option<u16>,
}

/// Notices, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationsAnswer {
    /// Those to the caller's own organisation, or to the one that it acts for.
    notifications: Vec<NotificationBody>,
    /// Where the next answer goes on; kept until the next time where `more` is false.
    next_cursor: String,
    /// Whether there are more now.
    more: bool,
}

/// One notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationBody {
    /// `change_pending`, `change_effective`, `change_refused`, `certificate_expiring`, `caseload_held`, `feed_silent`,
    /// `system_lane_stopped`, `absence_unexplained`, `deleted`, or what concerns an agency's own emergencies, shields and
    /// decisions (`docs/bars.md`); more may come. Those of a case are for systems that may feed cases of its kind.
    kind: String,
    /// UTC.
    at: DateTime<Utc>,
    /// By kind; see `docs/directory.md`.
    #[schema(value_type = Object)]
    body: Value,
}

impl Answer for NotificationsAnswer {
    fn next(&self) -> Option<String> {
        self.more.then(|| self.next_cursor.clone())
    }

    fn next_parameter(&self) -> &'static str {
        "since"
    }
}

const LIMIT_MAX: u16 = 200;

/// Lists what the caller's organisation has been told.
#[utoipa::path(
    get, path = "/v1/notifications", tag = "notifications", params(NotificationsQuery),
    responses((status = 200, body = NotificationsAnswer),
              (status = 400, description = "The cursor is not one of this organisation's feed; begin without one"),
              (status = 403, description = "The system is not registered for the scope `notifications`"))
)]
pub async fn list_notifications(
    State(gate): State<Gate>,
    asked: Asked,
    Query(query): Query<NotificationsQuery>,
) -> Result<Released<NotificationsAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Notifications, Action::ReadNotifications)?;
    let organisation = permit.organisation();
    let after = match query.since.as_deref() {
        None => 0,
        Some(text) => cursor::place(organisation, text).ok_or_else(|| {
            let detail = "this cursor is not one of this organisation's feed: ask without `since`";
            Error::problem(ProblemKind::InvalidCursor, detail)
        })?,
    };
    let limit = query.limit.unwrap_or(100).clamp(1, LIMIT_MAX);
    let told = outbox::told_after(gate.db(), organisation, after, i64::from(limit) + 1).await;
    let mut told = told.map_err(Refusal::from)?;
    let more = told.len() > usize::from(limit);
    told.truncate(usize::from(limit));
    let last = told.last().map_or(after, |t| t.number);
    let kinds = permit.kinds().to_vec();
    let answer = NotificationsAnswer {
        notifications: told
            .into_iter()
            .map(body)
            .filter(|told| told.as_ref().map_or(true, |told| is_for(told, &kinds)))
            .collect::<Result<_, _>>()?,
        next_cursor: cursor::after(organisation, last),
        more,
    };
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}

/// Whether a notice is for a system that may feed cases of these kinds: one of a case goes to nobody else.
fn is_for(told: &NotificationBody, kinds: &[InvolvementKind]) -> bool {
    let kind = told.body.get("involvement_kind").and_then(Value::as_str);
    kind.is_none_or(|kind| InvolvementKind::parse(kind).is_some_and(|kind| kinds.contains(&kind)))
}

fn body(told: Told) -> Result<NotificationBody, Error> {
    let body = serde_json::from_str(&told.body).map_err(|_| Error::Internal)?;
    Ok(NotificationBody { kind: told.kind, at: told.at, body })
}
