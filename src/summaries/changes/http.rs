//! The wire of a change feed. A page that has been told is given again as it was; only when a reader has come to the end
//! are its children looked at anew.

use super::FeedKey;
use super::cursor::Cursor;
use super::pass::{self, Found, Looked, Looking};
use super::storage::{self, Feed, Told};
use crate::config::Safety;
use crate::domain::attendance::summary::Reading;
use crate::domain::identifiers::PupilId;
use crate::gate::{Answer, Asked, ChildRef, Gate, OfFollowed, Permit, Refusal, Released};
use crate::http::{Error, ProblemKind, Query};
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where to go on in the feed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct ChangesQuery {
    /// `next_cursor` of the answer before; from the beginning unless given.
    cursor: Option<String>,
    /// Children of the answer, 1 to 200; 200 unless given.
    limit: Option<u16>,
}

/// Children whose permitted summary has changed, and children who are gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangesAnswer {
    /// In no order that means anything; the last word on a child is the one that counts.
    changes: Vec<ChangeBody>,
    /// Where the next answer goes on; kept until the next time where `more` is false.
    next_cursor: String,
    /// Whether there is, or may be, more to be told now.
    more: bool,
    /// What the answer does not mean, and whom to ring.
    caution: String,
}

/// One child.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeBody {
    /// The caller's own handle for the child.
    #[schema(value_type = String)]
    pupil_id: ChildRef,
    /// False: the child is new to this feed, or its summary is not what it was; ask for it. True: there is no answer for
    /// this child any more, for whatever reason; delete what is held of it for this purpose.
    gone: bool,
}

impl Answer for ChangesAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        self.changes.iter_mut().map(|change| &mut change.pupil_id).collect()
    }

    fn next(&self) -> Option<String> {
        self.more.then(|| self.next_cursor.clone())
    }
}

/// The most children of one answer.
const LIMIT_MAX: u16 = 200;
/// How often a feed that somebody else moves on at the same time is tried again.
const TRIES: usize = 10;

/// Lists which of the caller's own children have changed since it last asked.
#[utoipa::path(
    get, path = "/v1/attendance-summaries/changes", tag = "summaries", params(ChangesQuery),
    responses((status = 200, body = ChangesAnswer),
              (status = 400, description = "The cursor is not one of this feed, or too old; begin without one"))
)]
pub async fn list_changes(
    State(gate): State<Gate>,
    State(key): State<FeedKey>,
    State(safety): State<Safety>,
    State(reading): State<Reading>,
    asked: Asked,
    Query(query): Query<ChangesQuery>,
) -> Result<Released<ChangesAnswer>, Error> {
    let permit = gate.open_followed(asked)?;
    let limit = query.limit.unwrap_or(LIMIT_MAX).clamp(1, LIMIT_MAX);
    let now = gate.clock().school_now();
    let looking = Looking { key: &key, reading, now, limit: usize::from(limit) };
    for _ in 0..TRIES {
        let held = storage::feed(gate.db(), &permit).await.map_err(Refusal::from)?;
        let (feed, stale) = match held {
            Some(feed) if feed.is_stale(now) => (None, Some(feed.id)),
            other => (other, None),
        };
        let cursor = place(query.cursor.as_deref(), feed.as_ref(), &key)?;
        let open = Reader { gate: &gate, permit: &permit, looking, caution: safety.caution() };
        let Some(mut feed) = feed else {
            open.begin(stale).await?;
            continue;
        };
        if let Some(answer) = open.told(&feed, cursor).await? {
            return Ok(gate.release(permit, StatusCode::OK, answer).await?);
        }
        let (answer, found, named) = open.look(&mut feed, cursor).await?;
        let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
        if found.write(&mut tx, &feed, &named).await.map_err(Refusal::from)? {
            return Ok(gate.commit(permit, tx, StatusCode::OK, answer).await?);
        }
    }
    Err(Error::NotReady)
}

/// The place that a reader names in its feed. Another's cursor, a made-up one, and one that somebody who is gone has been
/// forgotten since are one: begin anew, and who is not listed then is gone.
fn place(text: Option<&str>, feed: Option<&Feed>, key: &FeedKey) -> Result<Cursor, Error> {
    let Some(text) = text else { return Ok(Cursor::default()) };
    let cursor = feed.and_then(|feed| {
        let cursor = Cursor::unsealed(text, key, feed.id)?;
        (cursor.place == 0 || cursor.place >= feed.floor).then_some(cursor)
    });
    cursor.ok_or_else(|| {
        let detail = "this cursor is not one of this system, role and purpose, or it is too old: ask without `cursor`, \
             and when `more` is false delete what is held of children that were not listed";
        Error::problem(ProblemKind::InvalidCursor, detail)
    })
}

/// What of a feed a page holds, as its entry says it; none where the last is before the first.
fn places(feed: &Feed, first: i64, last: i64) -> String {
    format!("change feed {}, places {first} to {last}", feed.id)
}

/// Who reads.
struct Reader<'a> {
    gate: &'a Gate,
    permit: &'a Permit<OfFollowed>,
    looking: Looking<'a>,
    caution: String,
}

impl Reader<'_> {
    /// Begins a feed, in which nothing is told yet.
    async fn begin(&self, stale: Option<Uuid>) -> Result<(), Refusal> {
        let mut tx = self.gate.db().begin().await?;
        if storage::begin(&mut tx, self.permit, &Feed::new(self.looking.now), stale).await? {
            self.gate.put_aside(self.permit, tx).await?;
        }
        Ok(())
    }

    /// What has been told already and this reader has not come to; or nothing, where the look that it is in the middle of
    /// has been brought to its end for another. Who may not be followed any more is gone here too.
    async fn told(&self, feed: &Feed, cursor: Cursor) -> Result<Option<ChangesAnswer>, Refusal> {
        let limit = i64::try_from(self.looking.limit).unwrap_or(i64::MAX);
        let told = storage::told_from(self.gate.db(), feed.id, cursor.place, limit).await?;
        let (Some(first), Some(last)) = (told.first(), told.last()) else {
            let ended = cursor.within && feed.pass_after.is_none();
            let at = Cursor { within: false, ..cursor };
            return Ok(ended.then(|| self.answer(feed, Vec::new(), at, false)));
        };
        self.permit.note_record(places(feed, first.place, last.place));
        let at = Cursor { place: last.place, ..cursor };
        let mut changes = Vec::with_capacity(told.len());
        for told in told {
            changes.push(self.told_again(told).await?);
        }
        Ok(Some(self.answer(feed, changes, at, true)))
    }

    async fn told_again(&self, told: Told) -> Result<ChangeBody, Refusal> {
        let follows =
            !told.is_gone() && self.gate.open_followed_child(self.permit, told.pupil).await?.is_some();
        let pupil_id = if follows { ChildRef::of(told.pupil) } else { ChildRef::told(told.handle) };
        Ok(ChangeBody { pupil_id, gone: !follows })
    }

    /// Looks at the next children: from the first of them, unless the reader is in the middle of a look. Gives the answer,
    /// and what is to be written before it is let go.
    async fn look(
        &self,
        feed: &mut Feed,
        cursor: Cursor,
    ) -> Result<(ChangesAnswer, Found, Vec<(Looked, String)>), Refusal> {
        let after = feed.pass_after.filter(|_| cursor.within).unwrap_or_else(|| {
            feed.begun_at = self.looking.now;
            Uuid::nil()
        });
        let mut found = pass::look(self.gate, self.permit, feed, PupilId(after), self.looking).await?;
        let looked = std::mem::take(&mut found.looked);
        let bodies = looked.iter().map(|one| match one.gone() {
            Some(handle) => ChangeBody { pupil_id: ChildRef::told(handle), gone: true },
            None => ChangeBody { pupil_id: ChildRef::of(one.pupil), gone: false },
        });
        let more = found.after.is_some();
        let mut answer = self.answer(feed, bodies.collect(), cursor, more);
        self.gate.name_children(self.permit, &mut answer).await?;
        let mut pairs: Vec<(ChangeBody, Looked)> = answer.changes.drain(..).zip(looked).collect();
        pairs.sort_by(|(one, _), (other, _)| one.pupil_id.handle().cmp(&other.pupil_id.handle()));
        let mut named = Vec::with_capacity(pairs.len());
        for (body, looked) in pairs {
            let handle = body.pupil_id.handle().ok_or(Refusal::Answer)?.to_owned();
            if looked.is_news_by(&handle) {
                answer.changes.push(body);
            }
            named.push((looked, handle));
        }
        let told = i64::try_from(answer.changes.len()).map_err(|_| Refusal::Answer)?;
        let at = Cursor { place: feed.next_place - 1 + told, within: more };
        answer.next_cursor = at.sealed(self.looking.key, feed.id);
        let written = serde_json::to_vec(&answer.changes).map_err(|_| Refusal::Answer)?;
        self.permit.note_written(places(feed, feed.next_place, at.place), &written);
        Ok((answer, found, named))
    }

    fn answer(&self, feed: &Feed, changes: Vec<ChangeBody>, at: Cursor, more: bool) -> ChangesAnswer {
        let next_cursor = at.sealed(self.looking.key, feed.id);
        ChangesAnswer { changes, next_cursor, more, caution: self.caution.clone() }
    }
}
