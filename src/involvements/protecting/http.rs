//! The queue on the wire: what waits, and what is decided of it.

use super::deciding::accept;
use super::storage::{self, Item, Through};
use crate::directory::Directory;
use crate::domain::bars::{ItemKind, ItemState};
use crate::domain::identifiers::{OrganisationId, TeamId};
use crate::gate::{Answer, Asked, ChildRef, Gate, OfPerson, Permit, QueueOf, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind, Query};
use crate::involvements::http::uuid;
use crate::policy::Action;
use crate::store::StoreError;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which part of the queue.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct ItemsQuery {
    /// What waits after this item: `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Items of one page: 1 to 200, which is what it is unless given.
    limit: Option<u16>,
}

/// What waits for the person's teams, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemsAnswer {
    items: Vec<ItemBody>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

/// One item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemBody {
    id: Uuid,
    /// `claim`, `emergency` or `protection`.
    kind: String,
    /// An enquiry under section 47, or an emergency.
    urgent: bool,
    /// The child, as a handle of the asking system's own.
    #[schema(value_type = String)]
    pupil_id: ChildRef,
    /// Code of the team that is asked; absent: the education safeguarding lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// Who asks, and the number on which to ring them: the directory's, and no other.
    ring: RingBody,
    /// What an emergency's claimant typed. It is not the number to ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    number_given_do_not_ring: Option<String>,
    /// UTC.
    created_at: DateTime<Utc>,
    /// `open` or `calling_back`.
    state: String,
    /// Whether it was told to the senior officer.
    escalated: bool,
}

/// Whom to ring.
#[derive(Debug, Serialize, ToSchema)]
pub struct RingBody {
    /// As published.
    organisation: String,
    /// As shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// The directory's; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    telephone: Option<String>,
}

impl Answer for ItemsAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        self.items.iter_mut().map(|item| &mut item.pupil_id).collect()
    }

    fn next(&self) -> Option<String> {
        self.next_cursor.map(|cursor| cursor.to_string())
    }
}

/// Items of one page at most.
const LIMIT: u16 = 200;
/// Items looked at for one page: where that many are others', the page ends and says where to go on.
const LOOKED_AT: usize = 5_000;
/// The same at a time.
const STEP: i64 = 500;

/// Lists what waits for those who protect children, of the person's own teams and those that these cover.
#[utoipa::path(
    get, path = "/v1/protecting-items", tag = "involvements", params(ItemsQuery),
    responses((status = 200, body = ItemsAnswer), (status = 403, description = "Not a proved person of an authority"))
)]
pub async fn list_protecting_items(
    State(gate): State<Gate>,
    asked: Asked,
    Query(query): Query<ItemsQuery>,
) -> Result<Released<ItemsAnswer>, Error> {
    let permit = gate.open_as_person(asked, Action::WorkProtectingQueue, None)?;
    let queue = gate.queue_of(&permit);
    let directory = gate.directory().current();
    // A team of another organisation is among those covered too.
    let mut organisations = queue.organisations.clone();
    organisations
        .extend(queue.teams.iter().filter_map(|team| directory.teams.get(team)).map(|t| t.organisation));
    organisations.sort_unstable();
    organisations.dedup();
    let limit = usize::from(query.limit.unwrap_or(LIMIT).clamp(1, LIMIT));
    let from = query.cursor.unwrap_or(Uuid::nil());
    let page = page(&gate, (&organisations, &queue), from, limit).await.map_err(Refusal::from)?;
    for (_, through) in &page.items {
        if let Through::Mark(mark) = through {
            permit.note_mark(*mark);
        }
    }
    let items = page.items.iter().map(|(item, _)| body(item, &directory)).collect();
    let answer = ItemsAnswer { items, next_cursor: page.next };
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}

/// A part of a person's queue.
struct Page {
    items: Vec<(Item, Through)>,
    /// The last item looked at, where there may be more.
    next: Option<Uuid>,
}

/// The next items of a person's queue after one.
async fn page(
    gate: &Gate,
    (organisations, queue): (&[OrganisationId], &QueueOf),
    after: Uuid,
    limit: usize,
) -> Result<Page, StoreError> {
    let (mut items, mut at, mut looked): (Vec<(Item, Through)>, Uuid, usize) = (Vec::new(), after, 0);
    loop {
        let open = storage::open(gate.db(), organisations, at, STEP).await?;
        let more = i64::try_from(open.len()).is_ok_and(|count| count == STEP);
        looked += open.len();
        for item in open {
            at = item.id;
            let Some(through) = item.through(queue) else { continue };
            // That there is more is said only of what is this person's own to see.
            if items.len() == limit {
                let next = items.last().map(|(last, _)| last.id);
                return Ok(Page { items, next });
            }
            items.push((item, through));
        }
        if !more {
            return Ok(Page { items, next: None });
        }
        if looked >= LOOKED_AT {
            return Ok(Page { items, next: Some(at) });
        }
    }
}

fn body(item: &Item, directory: &Directory) -> ItemBody {
    let asker = item.asker();
    let team = directory.team(asker, &item.asker_team);
    let telephone = team.map(|team| team.telephone.clone()).filter(|number| !number.is_empty());
    ItemBody {
        id: item.id,
        kind: item.kind.clone(),
        urgent: item.urgent,
        pupil_id: ChildRef::of(item.pupil()),
        team: item.team_id.and_then(|id| directory.teams.get(&TeamId(id))).map(|team| team.code.clone()),
        ring: RingBody {
            organisation: directory.organisations.get(&asker).map(|o| o.name.clone()).unwrap_or_default(),
            team: team.map(|team| team.name.clone()),
            telephone,
        },
        number_given_do_not_ring: item.call_back.clone(),
        created_at: item.created_at,
        state: item.state.clone(),
        escalated: item.escalated_at.is_some(),
    }
}

/// Whether an item is the person's own request, or of a team of theirs; a team that is asked to protect a child accepts that
/// itself, and nobody in its place.
async fn is_own(gate: &Gate, permit: &Permit<OfPerson>, item: &Item) -> Result<bool, Refusal> {
    let kind = ItemKind::parse(&item.kind).ok_or(StoreError::Corrupt("protecting_items.kind"))?;
    let own_team = item.asker() == permit.own_organisation() && permit.teams().contains(&item.asker_team);
    Ok(match kind {
        ItemKind::Claim => own_team,
        ItemKind::Emergency => {
            own_team
                || storage::claimant(gate.db(), item.subject_id).await?.as_deref() == Some(permit.person())
        }
        ItemKind::Protection => {
            let raiser = storage::raiser(gate.db(), item.subject_id).await?;
            item.team_id.is_none() || raiser.as_deref() == Some(permit.person())
        }
    })
}

/// What is decided of an item.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemDecision {
    /// `accept`, `call_back` or `decline`.
    decision: String,
}

/// What it now is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecidedAnswer {
    /// `accepted`, `calling_back` or `declined`.
    state: String,
}

impl Answer for DecidedAnswer {}

/// Accepts what waits, says that somebody rings back, or declines it. Whoever asked is told nothing.
#[utoipa::path(
    post, path = "/v1/protecting-items/{id}/decision", tag = "involvements",
    params(("id" = String, Path, description = "Of the item")), request_body = ItemDecision,
    responses((status = 200, body = DecidedAnswer), (status = 404, description = "No item of the person's teams"),
              (status = 409, description = "It is decided, or what was asked is over"))
)]
pub async fn decide_protecting_item(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Released<DecidedAnswer>, Error> {
    let permit = gate.open_as_person(asked, Action::WorkProtectingQueue, None)?;
    let id = uuid(&id)?;
    let body = body.read().await?;
    let sent: ItemDecision = crate::http::json(&body)?;
    let state = match sent.decision.as_str() {
        "accept" => ItemState::Accepted,
        "call_back" => ItemState::CallingBack,
        "decline" => ItemState::Declined,
        _ => {
            let detail = "`decision` must be accept, call_back or decline";
            return Err(Error::problem(ProblemKind::BadRequest, detail));
        }
    };
    let item = storage::one(gate.db(), id).await.map_err(Refusal::from)?;
    let through = item.as_ref().and_then(|item| item.through(&gate.queue_of(&permit)));
    let (item, through) = item.zip(through).ok_or(Refusal::NotFound)?;
    if let Through::Mark(mark) = through {
        permit.note_mark(mark);
    }
    permit.note_child(item.pupil());
    if let Some(done) = gate.done_before(&permit, &body).await? {
        return Ok(gate.release(permit, done.status, DecidedAnswer { state: item.state }).await?);
    }
    if state == ItemState::Accepted && is_own(&gate, &permit, &item).await? {
        let detail = "who asks does not decide; another of those who protect the child does";
        return Err(Error::problem(ProblemKind::Conflict, detail));
    }
    let over = || Error::problem(ProblemKind::Conflict, "it is decided already, or what was asked is over");
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let decided = storage::decide(&mut tx, &item, (state, permit.person()), gate.clock().now()).await;
    if !decided.map_err(Refusal::from)? {
        return Err(over());
    }
    if state == ItemState::Accepted && !accept(&gate, &mut tx, &item, permit.person()).await? {
        return Err(over());
    }
    permit.note_written(format!("protecting item {id} {state}"), &body);
    Ok(gate.commit(permit, tx, StatusCode::OK, DecidedAnswer { state: state.as_str().to_owned() }).await?)
}
