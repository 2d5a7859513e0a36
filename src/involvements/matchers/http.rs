//! The wire of a data matcher's list and decisions.

use super::storage::{self, Item};
use crate::directory::Directory;
use crate::domain::bars::ItemKind;
use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId};
use crate::gate::{
    Answer, Asked, Asker, ChildRef, Duty, Gate, OfMatching, Permit, Protector, Refusal, Released,
};
use crate::http::{Body, Error, Path, ProblemKind, json};
use crate::involvements::matching::LAPSE_DAYS;
use crate::involvements::protecting::{self, Ask};
use crate::involvements::storage as cases;
use crate::registers::{self, CandidateEntry};
use crate::store::{StoreError, Tx};
use axum::extract::State;
use chrono::{NaiveDate, TimeDelta};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Claims of one answer at most.
const ITEMS: i64 = 25;

/// Claims that fit more than one child of the authority's schools, or nearly one.
#[derive(Debug, Serialize, ToSchema)]
pub struct AmbiguousAnswer {
    /// The oldest first; further ones follow as these are decided.
    claims: Vec<AmbiguousBody>,
}

/// A claim, and whom it may be about.
#[derive(Debug, Serialize, ToSchema)]
pub struct AmbiguousBody {
    /// Stands for the claim here, and nowhere else.
    id: Uuid,
    /// As the claim has it, in the form in which names are compared.
    surname: String,
    /// The same.
    forename: String,
    /// As the claim has it.
    date_of_birth: NaiveDate,
    /// Entries of the registers of the authority's schools.
    candidates: Vec<CandidateBody>,
}

/// A child at a school.
#[derive(Debug, Serialize, ToSchema)]
pub struct CandidateBody {
    /// The caller's own handle of the child.
    #[schema(value_type = String)]
    pupil_id: ChildRef,
    surname: String,
    forename: String,
    date_of_birth: NaiveDate,
    /// Name of the school.
    school: String,
    /// Where the address ends with one.
    postcode: Option<String>,
}

impl Answer for AmbiguousAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        self.claims.iter_mut().flat_map(|claim| &mut claim.candidates).map(|one| &mut one.pupil_id).collect()
    }
}

/// Lists the ambiguous claims of the authority's area.
#[utoipa::path(
    get, path = "/v1/involvements/ambiguous", tag = "involvements",
    responses((status = 200, body = AmbiguousAnswer),
              (status = 403, description = "Not a person whom the authority has marked as a data matcher"))
)]
pub async fn list_ambiguous_claims(
    State(gate): State<Gate>,
    asked: Asked,
) -> Result<Released<AmbiguousAnswer>, Error> {
    let mut permit = gate.open_matching(asked)?;
    let mut claims = Vec::new();
    for item in waiting(&gate, &permit, None).await? {
        let pupils = gate.matching_candidates(&mut permit, item.claimed()).await?;
        claims.push((item, pupils));
    }
    let entries = registers::candidate_entries(gate.db(), &permit).await.map_err(Refusal::from)?;
    let directory = gate.directory().current();
    let body = |(item, pupils): (Item, Vec<PupilId>)| {
        let here = |entry: &&CandidateEntry| {
            let school = directory.school(SchoolId(entry.school_id));
            pupils.contains(&PupilId(entry.pupil_id))
                && school.is_some_and(|s| s.returns_to == Some(permit.organisation()))
        };
        let candidates: Vec<CandidateBody> =
            entries.iter().filter(here).map(|entry| candidate(&directory, entry)).collect();
        let (surname, forename) = item.name();
        AmbiguousBody {
            id: item.item_id,
            surname: surname.to_owned(),
            forename: forename.to_owned(),
            date_of_birth: item.claim_date_of_birth,
            candidates,
        }
    };
    // Whose candidates have all gone, or are protected meanwhile, is none of the matcher's.
    let claims: Vec<AmbiguousBody> =
        claims.into_iter().map(body).filter(|claim| !claim.candidates.is_empty()).collect();
    permit.note_record(format!("{} ambiguous claims", claims.len()));
    Ok(gate.release(permit, StatusCode::OK, AmbiguousAnswer { claims }).await?)
}

async fn waiting(gate: &Gate, permit: &Permit<OfMatching>, only: Option<Uuid>) -> Result<Vec<Item>, Refusal> {
    let since = gate.clock().now() - TimeDelta::days(LAPSE_DAYS);
    let authority: OrganisationId = permit.organisation();
    Ok(storage::items(gate.db(), authority, only, (since, ITEMS)).await?)
}

fn candidate(directory: &Directory, entry: &CandidateEntry) -> CandidateBody {
    CandidateBody {
        pupil_id: ChildRef::of(PupilId(entry.pupil_id)),
        surname: entry.surname.clone(),
        forename: entry.forename.clone(),
        date_of_birth: entry.date_of_birth,
        school: directory.school(SchoolId(entry.school_id)).map(|o| o.name.clone()).unwrap_or_default(),
        postcode: entry.fields.as_deref().and_then(postcode),
    }
}

/// The postcode with which the address of an admission entry ends; nothing else of it is told.
fn postcode(fields: &str) -> Option<String> {
    let fields: Value = serde_json::from_str(fields).ok()?;
    let address = fields.get("address")?.as_str()?;
    let mut words = address.rsplit([' ', ',']).filter(|word| !word.is_empty());
    let (inward, outward) = (words.next()?, words.next()?);
    let short =
        |word: &str, most: usize| word.len() <= most && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let fits = short(inward, 6)
        && inward.starts_with(|c: char| c.is_ascii_digit())
        && short(outward, 4)
        && outward.starts_with(|c: char| c.is_ascii_alphabetic());
    fits.then(|| format!("{outward} {inward}"))
}

/// What a data matcher decides of a claim.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// The candidate whom the claim is about; null where it is about none of them.
    pupil_id: Option<String>,
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchedAnswer {
    /// `matched` or `nobody`.
    decision: &'static str,
}

impl Answer for MatchedAnswer {}

impl MatchedAnswer {
    const fn of(matched: bool) -> Self {
        Self { decision: if matched { "matched" } else { "nobody" } }
    }
}

/// Says which child a claim is about.
#[utoipa::path(
    post, path = "/v1/involvements/ambiguous/{id}/decision", tag = "involvements",
    params(("id" = String, Path, description = "The claim, as the list has it")),
    request_body = DecisionBody,
    responses((status = 200, body = MatchedAnswer),
              (status = 409, description = "The claim has been decided, or has changed; read the list again"))
)]
pub async fn decide_claim(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Released<MatchedAnswer>, Error> {
    let mut permit = gate.open_matching(asked)?;
    let id = Uuid::parse_str(&id).map_err(|_| {
        Error::problem(ProblemKind::InvalidIdentifier, "the id in the path must be one of the list's")
    })?;
    let body = body.read().await?;
    let decision: DecisionBody = json(&body)?;
    if let Some(done) = gate.done_before(&permit, &body).await? {
        permit.note_record(format!("ambiguous claim {id}"));
        let answer = MatchedAnswer::of(decision.pupil_id.is_some());
        return Ok(gate.release(permit, done.status, answer).await?);
    }
    permit.note_written(format!("ambiguous claim {id}"), &body);
    let item = waiting(&gate, &permit, Some(id)).await?.into_iter().next().ok_or_else(moved)?;
    gate.matching_candidates(&mut permit, item.claimed()).await?;
    let pupil = match decision.pupil_id.as_deref() {
        None => None,
        Some(handle) => Some(gate.candidate_behind(&permit, handle).await?.ok_or_else(moved)?),
    };
    // A bar between the agency and the child is not the matcher's to pass, nor theirs to be told of.
    let matched = pupil.is_some();
    let found = match pupil {
        Some(pupil) => Some(may_count(&gate, &item, pupil).await?),
        None => None,
    };
    let at = gate.clock().now();
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let decided = (matched, permit.asserted_person());
    let noted = storage::decide(&mut tx, permit.organisation(), &item, (decided.0, &decided.1, at)).await;
    let tied = match found {
        Some(Counts::For(pupil)) => storage::tie(&mut tx, &item, pupil, gate.clock().school_now()).await,
        Some(Counts::OnceAccepted(pupil, protectors)) => {
            wait(&gate, &mut tx, &item, (pupil, &protectors)).await
        }
        None => Ok(1),
    };
    let tied = tied.map_err(Refusal::from)?;
    if noted.map_err(Refusal::from)? + tied < 2 {
        return Err(moved());
    }
    Ok(gate.commit(permit, tx, StatusCode::OK, MatchedAnswer::of(matched)).await?)
}

/// What becomes of a claim about a child.
enum Counts {
    /// It counts.
    For(PupilId),
    /// It waits, since a bar stands between the child and who claims, and for these.
    OnceAccepted(PupilId, Vec<Protector>),
}

async fn may_count(gate: &Gate, item: &Item, pupil: PupilId) -> Result<Counts, Refusal> {
    let (organisation, team) = item.claimant();
    let asker = Asker { organisation, own: organisation, teams: std::slice::from_ref(team), person: None };
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    let fit = gate.fit_of(&permit, pupil).await?;
    if gate.may_count(&permit, asker, fit).await?.is_ok() {
        return Ok(Counts::For(pupil));
    }
    Ok(Counts::OnceAccepted(pupil, gate.protectors(&permit, pupil).await?))
}

/// Has a claim wait for those who protect the child, as it does where it fits by itself. Says whether there is one.
async fn wait(
    gate: &Gate,
    tx: &mut Tx,
    item: &Item,
    (pupil, protectors): (PupilId, &[Protector]),
) -> Result<u64, StoreError> {
    let (organisation, team) = item.claimant();
    let subject = (organisation, item.claim_id());
    if cases::hold(tx, subject, pupil, gate.clock().now()).await? > 0 {
        let ask = Ask {
            kind: ItemKind::Claim,
            subject,
            pupil,
            asker: (organisation, team),
            urgent: item.is_enquiry(),
            call_back: None,
        };
        protecting::ask(gate, tx, ask, protectors).await?;
    }
    Ok(1)
}

fn moved() -> Error {
    Error::problem(ProblemKind::Conflict, "this claim has been decided, or has changed; read the list again")
}

#[cfg(test)]
mod tests {
    use super::postcode;

    #[test]
    fn of_an_address_only_its_postcode_is_told() {
        for (address, expected) in [
            ("12 Mill Lane, Exton, XE1 2XX", Some("XE1 2XX")),
            ("12 Mill Lane, Exton XE12 9000XX", Some("XE12 9000XX")),
            ("12 Mill Lane, Exton", None),
            ("Flat 4, The Long House 12", None),
            ("", None),
        ] {
            let fields = serde_json::json!({"address": address}).to_string();
            assert_eq!(postcode(&fields).as_deref(), expected, "{address}");
        }
        assert_eq!(postcode("{}"), None);
    }
}
