//! The wire of caseloads: a day's claims in lines, and the whole of a system's with a trailer.

use super::storage;
use crate::crypto::{sha256, to_hex};
use crate::directory::Scope;
use crate::domain::calendar::london;
use crate::gate::{Answer, Asked, Done, Gate, OfOrganisation, Permit, Refusal, Released};
use crate::http::{Body, Error, Fault, Path, ProblemKind};
use crate::involvements::http::{uuid, within};
use crate::involvements::sending::{Upload, prepare, put};
use crate::involvements::{Claim, ClaimBody, ClaimsAnswer, Matcher, Sending};
use crate::policy::Action;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use utoipa::ToSchema;

/// Sends a day's caseload, one claim a line and one caseload of an organisation at a time. With a trailer it is the whole
/// caseload of the system: what it does not list ends.
#[utoipa::path(
    post, path = "/v1/involvements", tag = "involvements",
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 202, body = ClaimsAnswer), (status = 400, description = "A line cannot be read; none was taken"),
              (status = 429, description = "Another caseload of the organisation is being taken, or too many requests; come back after `Retry-After`"))
)]
pub async fn send_caseload(
    State(gate): State<Gate>,
    State(matcher): State<Matcher>,
    State(sending): State<Sending>,
    asked: Asked,
    body: Body,
) -> Result<Released<ClaimsAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Involvements, Action::WriteInvolvement)?;
    gate.takes_no_condition(&permit)?;
    let _place = sending.caseload(permit.organisation())?;
    let body = body.read().await?;
    let (lines, whole) = trailed(&body).inspect_err(|_| permit.note_malformed("trailer"))?;
    let claims = read_lines(&gate, &permit, lines, whole)?;
    if let Some(done) = gate.done_before(&permit, &body).await? {
        return told_again(&gate, &sending, permit, claims, &done).await;
    }
    put(&gate, (&matcher, &sending), permit, claims, Upload { body: &body, whole, single: None }).await
}

/// Tells again what became of a caseload that was sent before with the same key: how many of its claims stand now as they
/// were sent, and whether it is held.
async fn told_again(
    gate: &Gate,
    sending: &Sending,
    permit: Permit<OfOrganisation>,
    claims: Vec<Claim>,
    done: &Done,
) -> Result<Released<ClaimsAnswer>, Error> {
    let who = (permit.organisation(), permit.system());
    let moment = (london(gate.clock().now()).date(), &*sending.holidays);
    let prepared = prepare(gate, who, claims, moment).await.map_err(Refusal::from)?;
    let upload = done.id()?;
    let held = storage::held(gate.db(), who.0).await.map_err(Refusal::from)?;
    let held = held.iter().find(|held| held.upload_id == upload).map(|held| held.would_end.unsigned_abs());
    permit.note_record(format!("caseload {upload}"));
    let answer = ClaimsAnswer { held, ..prepared.as_they_stand() };
    Ok(gate.release(permit, done.status, answer).await?)
}

/// The last line of a whole caseload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    trailer: Sums,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sums {
    /// Claims before it.
    count: usize,
    /// SHA-256 of every byte before its line, hex.
    digest: String,
}

/// The lines of claims, and whether they are a whole caseload. A trailer that does not fit what it ends says that some of
/// it was lost on the way.
fn trailed(body: &[u8]) -> Result<(&[u8], bool), Error> {
    let end = body.trim_ascii_end();
    let start = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (lines, last) = end.split_at_checked(start).unwrap_or((end, &[]));
    let Ok(Trailer { trailer }) = serde_json::from_slice::<Trailer>(last) else { return Ok((body, false)) };
    let count = lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    if count == trailer.count && to_hex(&sha256(&[lines])) == trailer.digest.to_ascii_lowercase() {
        return Ok((lines, true));
    }
    let detail = "the trailer does not fit the lines before it: `count` is how many there are, `digest` the SHA-256 of \
                  every byte before the trailer's line; none was taken, send the whole caseload again";
    Err(Error::problem(ProblemKind::BadRequest, detail))
}

/// Claims of one upload at most: switching to so many new ones holds the one writer for about 40 ms.
pub(in crate::involvements) const CHANGES_MAX: usize = 1_000;
/// Claims of a whole caseload at most: more than the largest authority has open. Of those [`CHANGES_MAX`] may be new or other
/// than they stand.
const WHOLE_MAX: usize = 20_000;

fn read_lines(
    gate: &Gate,
    permit: &Permit<OfOrganisation>,
    body: &[u8],
    whole: bool,
) -> Result<Vec<Claim>, Error> {
    let text = std::str::from_utf8(body).map_err(|_| {
        Error::problem(ProblemKind::BadRequest, "send the caseload as UTF-8, one JSON object a line")
    })?;
    // Numbered as they stand in the file, blank ones too.
    let lines = text.lines().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty());
    let most = if whole { WHOLE_MAX } else { CHANGES_MAX };
    let lines: Vec<(&str, u64)> = lines.take(most + 1).collect();
    if lines.len() > most {
        let detail = "send at most 1,000 claims at a time, or 20,000 as a whole caseload with a trailer";
        return Err(Error::problem(ProblemKind::PayloadTooLarge, detail));
    }
    let (mut claims, mut errors) = (Vec::with_capacity(lines.len()), Vec::new());
    let mut ids = HashSet::new();
    for (line, number) in lines {
        let read = serde_json::from_str::<ClaimBody>(line)
            .map_err(|_| "the line is not a JSON object with the fields of a claim".to_owned())
            .and_then(|body| Claim::read(body, None, gate.clock().school_now()).map_err(|e| e.to_string()))
            .and_then(|claim| within(gate, permit, &claim).map(|()| claim).map_err(|e| e.to_string()))
            .and_then(|claim| {
                let twice = "`id` stands in an earlier line; send each involvement once";
                if ids.insert(claim.id) { Ok(claim) } else { Err(twice.to_owned()) }
            });
        match read {
            Ok(claim) => claims.push(claim),
            Err(detail) => errors.push(Fault { line: Some(number), detail, ..Fault::default() }),
        }
    }
    if errors.is_empty() {
        return Ok(claims);
    }
    errors.truncate(100);
    let detail =
        "some lines cannot be read; none was taken: correct them and send the caseload again".to_owned();
    Err(Error::Problem { kind: ProblemKind::BadRequest, detail, errors })
}

/// What was let go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct LetGoAnswer {
    /// Involvements that ended with it; absent where it went on before, when this was sent with the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<u64>,
}

impl Answer for LetGoAnswer {}

/// Lets a whole caseload go on that was held since it would end too many.
#[utoipa::path(
    post, path = "/v1/involvements/held/{id}/release", tag = "involvements",
    params(("id" = String, Path, description = "The caseload, as the review has it")),
    responses((status = 200, body = LetGoAnswer), (status = 403, description = "Not the privacy officer in person"),
              (status = 409, description = "No such caseload is held any more; read the review again"))
)]
pub async fn release_caseload(
    State(gate): State<Gate>,
    State(matcher): State<Matcher>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<LetGoAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::LetGoOn)?;
    let id = uuid(&id)?;
    if let Some(done) = gate.done_before(&permit, b"").await? {
        permit.note_record(format!("caseload {id}"));
        return Ok(gate.release(permit, done.status, LetGoAnswer { ended: None }).await?);
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let at = gate.clock().school_now();
    let ended = storage::let_go(&mut tx, permit.organisation(), id, at).await.map_err(Refusal::from)?;
    let Some(ended) = ended else {
        permit.note_malformed("not_held");
        let detail = "no such caseload is held any more: a later one took its place, or it went on; read the review again";
        return Err(Error::problem(ProblemKind::Conflict, detail));
    };
    permit.note_record(format!("caseload {id}"));
    let released = gate.commit(permit, tx, StatusCode::OK, LetGoAnswer { ended: Some(ended) }).await?;
    matcher.wake();
    Ok(released)
}

/// What goes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct SilenceAnswer {
    /// Involvements that no feed has listed, and that end on the next daily run unless one does.
    due: u64,
}

impl Answer for SilenceAnswer {}

/// Lets involvements end that no feed has listed for too long, though they are many at once.
#[utoipa::path(
    post, path = "/v1/involvements/silence/release", tag = "involvements",
    responses((status = 200, body = SilenceAnswer), (status = 403, description = "Not the privacy officer in person"),
              (status = 409, description = "Nothing is held; read the review again"))
)]
pub async fn release_silence(
    State(gate): State<Gate>,
    asked: Asked,
) -> Result<Released<SilenceAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::LetGoOn)?;
    if let Some(done) = gate.done_before(&permit, b"").await? {
        let silence = storage::silence(gate.db(), permit.organisation()).await.map_err(Refusal::from)?;
        let due = silence.map_or(0, |silence| silence.due.unsigned_abs());
        return Ok(gate.release(permit, done.status, SilenceAnswer { due }).await?);
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let today = crate::domain::calendar::london(gate.clock().now()).date();
    let due = storage::look_at_silence(&mut tx, permit.organisation(), today).await.map_err(Refusal::from)?;
    let Some(due) = due else {
        permit.note_malformed("not_held");
        return Err(Error::problem(ProblemKind::Conflict, "nothing is held; read the review again"));
    };
    permit.note_record("involvements that no feed lists".to_owned());
    Ok(gate.commit(permit, tx, StatusCode::OK, SilenceAnswer { due }).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_fits_what_it_ends() {
        let lines = "{\"a\":1}\n\n{\"a\":2}\n";
        let sent = |count: usize, of: &str| {
            let digest = to_hex(&sha256(&[of.as_bytes()]));
            format!("{lines}{{\"trailer\":{{\"count\":{count},\"digest\":\"{digest}\"}}}}\n")
        };
        let body = sent(2, lines);
        assert_eq!(trailed(body.as_bytes()).unwrap(), (lines.as_bytes(), true));
        assert_eq!(trailed(lines.as_bytes()).unwrap(), (lines.as_bytes(), false));
        for wrong in [sent(3, lines), sent(2, "{\"a\":1}\n")] {
            assert!(trailed(wrong.as_bytes()).is_err());
        }
        let empty = to_hex(&sha256(&[b""]));
        let nobody = format!("{{\"trailer\":{{\"count\":0,\"digest\":\"{empty}\"}}}}");
        assert_eq!(trailed(nobody.as_bytes()).unwrap(), (&b""[..], true));
    }
}
