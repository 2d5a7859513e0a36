//! Letting go: the entry is durable before the first byte leaves. No record, no answer.

use super::conditions::Leaving;
use super::handles::{self, ChildRef};
use super::open::Refusal;
use super::permit::Permit;
use super::trail::Recorded;
use super::{Gate, Trail};
use crate::audit::{self, Decision, Digest, Receipt};
use crate::crypto;
use crate::store::{StoreError, Tx};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// A body that may be released: it names the children in it, so that the gate can put handles in their place.
pub trait Answer: Serialize {
    /// The children that the body names.
    fn children(&mut self) -> Vec<&mut ChildRef> {
        Vec::new()
    }

    /// Where the next page begins, if there is one: told in `Link` too.
    fn next(&self) -> Option<String> {
        None
    }

    /// The parameter of the request that says where a page begins.
    fn next_parameter(&self) -> &'static str {
        "cursor"
    }

    /// The content type of the body where it is JSON.
    fn content_type(&self) -> &'static str {
        JSON
    }

    /// The body where it is not JSON, with its content type. Such a body names no child.
    fn written(&self) -> Option<(&'static str, Vec<u8>)> {
        None
    }
}

/// A body whose audit entry is durable. Only the gate makes one, and it can be sent once.
#[must_use = "a released answer has been recorded as given"]
#[derive(Debug)]
pub struct Released<T> {
    status: StatusCode,
    kind: &'static str,
    body: Content,
    receipt: Receipt,
    next: Option<NextPage>,
    tag: Option<HeaderValue>,
    of: PhantomData<T>,
}

#[derive(Debug)]
enum Content {
    Whole(Vec<u8>),
    /// One line after the other, each let go by [`Lines`](super::Lines).
    Lines(Body),
    /// None: its reader has it.
    Unchanged,
}

/// The content type of nearly every answer.
const JSON: &str = "application/json";
/// That of an answer in lines.
const LINES: &str = "application/x-ndjson";

impl<T> Released<T> {
    /// The body as it is let go, for a caller that is no connection: the command line, which asks for nothing in lines.
    pub fn body(&self) -> &[u8] {
        match &self.body {
            Content::Whole(bytes) => bytes,
            Content::Lines(_) | Content::Unchanged => &[],
        }
    }

    /// An answer whose entry is durable, or nothing but its tag.
    fn leaving(
        Leaving { status, tag, unchanged }: Leaving,
        (kind, body): (&'static str, Vec<u8>),
        receipt: Receipt,
        next: Option<NextPage>,
    ) -> Self {
        let body = if unchanged { Content::Unchanged } else { Content::Whole(body) };
        // A 304 says what is needed to know the body by, and no more (RFC 9110 section 15.4.5).
        let next = next.filter(|_| !unchanged);
        Self { status, kind, body, receipt, next, tag, of: PhantomData }
    }

    /// An answer in lines whose request has its entry.
    pub(super) fn of_lines(body: Body, receipt: Receipt) -> Self {
        let body = Content::Lines(body);
        let (next, tag) = (None, None);
        Self { status: StatusCode::OK, kind: LINES, body, receipt, next, tag, of: PhantomData }
    }
}

impl Gate {
    /// Records the answer durably, puts handles in the place of internal ids, and lets go: of nothing but its tag, where its
    /// reader has the same body already.
    pub async fn release<S, T: Answer>(
        &self,
        permit: Permit<S>,
        status: StatusCode,
        mut body: T,
    ) -> Result<Released<T>, Refusal> {
        self.put_handles(&permit, &mut body).await?;
        let next = NextPage::of(&body);
        let (kind, body) = match body.written() {
            Some(written) => written,
            None => (body.content_type(), as_json(&body)?),
        };
        let digest = digest_of(&body);
        let leaving = self.leaving(&permit, status, digest);
        let receipt = self.record_digest(&permit.trail, leaving.status, digest).await?;
        Ok(Released::leaving(leaving, (kind, body), receipt, next))
    }

    /// Puts handles in the place of internal ids ahead of [`Self::commit`]: issuing one takes a transaction of its own.
    pub async fn name_children<S, T: Answer>(&self, permit: &Permit<S>, body: &mut T) -> Result<(), Refusal> {
        self.put_handles(permit, body).await
    }

    /// Commits a write and its complete entry in one transaction, waits until the entry is in the log, and lets go.
    /// Children in the body have been given their handles before the transaction began.
    pub async fn commit<S, T: Answer>(
        &self,
        permit: Permit<S>,
        mut tx: Tx,
        status: StatusCode,
        mut body: T,
    ) -> Result<Released<T>, Refusal> {
        if body.children().iter().any(|child| child.internal().is_some()) {
            return Err(Refusal::Answer);
        }
        self.takes_no_condition(&permit)?;
        self.keep_key(&mut tx, &permit, status).await?;
        let (next, kind) = (NextPage::of(&body), body.content_type());
        let body = serde_json::to_vec(&body).map_err(|_| Refusal::Answer)?;
        let digest = digest_of(&body);
        let leaving = self.leaving(&permit, status, digest);
        let entry = finished(&permit.trail, leaving.status, digest);
        if !permit.trail.hand_over() {
            return Err(Refusal::Unrecorded);
        }
        let claim = Claim(Some(&permit.trail));
        let event = audit::stage(&mut tx, &entry).await?;
        tx.commit().await?;
        claim.keep();
        let receipt = self.journal().sequenced(event).await.map_err(|_| Refusal::Unrecorded)?;
        permit.trail.set_recorded(receipt);
        Ok(Released::leaving(leaving, (kind, body), receipt, next))
    }

    /// Commits rows that count for nobody yet: a short step of an upload that [`Gate::commit`] switches to.
    pub async fn put_aside<S>(&self, _permit: &Permit<S>, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await
    }

    /// Writes the entry of a request for which nothing was released: refusals, malformed requests, errors.
    pub async fn record(&self, trail: &Trail, status: StatusCode, body: &[u8]) -> Result<Receipt, Refusal> {
        self.record_digest(trail, status, digest_of(body)).await
    }

    async fn record_digest(
        &self,
        trail: &Trail,
        status: StatusCode,
        answer: Digest,
    ) -> Result<Receipt, Refusal> {
        let entry = finished(trail, status, answer);
        if !trail.hand_over() {
            return Err(Refusal::Unrecorded);
        }
        let receipt = self.journal().record(&entry).await.map_err(|_| Refusal::Unrecorded)?;
        trail.set_recorded(receipt);
        Ok(receipt)
    }

    /// Writes the entry of a command that was not carried out.
    pub async fn record_failure(&self, trail: &Trail, status: StatusCode) -> Result<Receipt, Refusal> {
        let decision = match status {
            StatusCode::UNPROCESSABLE_ENTITY => Decision::Malformed,
            StatusCode::FORBIDDEN => Decision::Refused,
            StatusCode::UNAUTHORIZED => Decision::Unauthenticated,
            _ => Decision::Failed,
        };
        trail.note(|e| e.decision = decision);
        self.record(trail, status, b"").await
    }

    async fn put_handles<S, T: Answer>(&self, permit: &Permit<S>, body: &mut T) -> Result<(), Refusal> {
        for child in body.children() {
            let asked = permit.holder.handle.as_ref().filter(|(asked, _)| child.internal() == Some(*asked));
            if let Some((_, handle)) = asked {
                child.put(handle.clone());
            }
        }
        let pupils: BTreeSet<_> = body.children().iter().filter_map(|child| child.internal()).collect();
        if pupils.is_empty() {
            return Ok(());
        }
        let handles = handles::of_all(self.db(), &permit.holder, &pupils, self.clock().now()).await?;
        for child in body.children() {
            if let Some(pupil) = child.internal() {
                child.put(handles.get(&pupil).ok_or(Refusal::Answer)?.clone());
            }
        }
        Ok(())
    }
}

/// Holds the one handing over of an entry until the transaction that carries it has committed. Dropped before that, by an
/// error or because the request's time ran out, it gives the claim back, so that the failure can be recorded.
struct Claim<'a>(Option<&'a Trail>);

impl Claim<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(trail) = self.0 {
            trail.take_back();
        }
    }
}

/// Room for the answer about one child, bytes: larger ones grow.
const USUAL: usize = 12 * 1024;

fn as_json(body: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut bytes, body).map_err(|_| Refusal::Answer)?;
    Ok(bytes)
}

fn digest_of(body: &[u8]) -> Digest {
    Digest(crypto::sha256(&[body]))
}

/// The entry with what only the end of a request knows. That of a 304 has the digest of the body that its reader has.
fn finished(trail: &Trail, status: StatusCode, answer: Digest) -> audit::Entry {
    trail.note(|e| {
        e.status = Some(status.as_u16());
        e.answer = Some(answer);
    });
    trail.entry()
}

impl<T> IntoResponse for Released<T> {
    fn into_response(self) -> Response {
        let (kind, body) = match self.body {
            Content::Whole(bytes) => (Some(self.kind), bytes.into()),
            Content::Lines(body) => (Some(self.kind), body),
            Content::Unchanged => (None, Body::empty()),
        };
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(tag) = self.tag {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(Recorded(self.receipt));
        if let Some(next) = self.next {
            response.extensions_mut().insert(next);
        }
        response
    }
}

/// Where the page after an answer begins: an extension of its response, told in `Link` with the request's own query.
#[derive(Clone, Debug)]
pub struct NextPage {
    parameter: &'static str,
    cursor: String,
}

impl NextPage {
    fn of(body: &impl Answer) -> Option<Self> {
        body.next().map(|cursor| Self { parameter: body.next_parameter(), cursor })
    }

    /// The value of `Link` (RFC 8288) for a page that was asked for with this query: all of it, but for where it began.
    pub fn link(&self, query: Option<&str>) -> Option<HeaderValue> {
        let parts = query.unwrap_or_default().split('&');
        let mut link = String::from("<?");
        let begins = |part: &&str| part.split('=').next() == Some(self.parameter);
        for part in parts.filter(|part| !part.is_empty() && !begins(part)) {
            link.extend([part, "&"]);
        }
        // The cursor is of our own making: a number, a UUID, or hexadecimal.
        link.extend([self.parameter, "=", self.cursor.as_str(), ">; rel=\"next\""]);
        HeaderValue::from_str(&link).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_of_the_same_question() {
        let page = |parameter| NextPage { parameter, cursor: "9".to_owned() };
        let link = |query| page("cursor").link(query).unwrap();
        assert_eq!(link(None), "<?cursor=9>; rel=\"next\"");
        assert_eq!(link(Some("cursor=4")), "<?cursor=9>; rel=\"next\"");
        assert_eq!(
            link(Some("order=newest&cursor=4&limit=5")),
            "<?order=newest&limit=5&cursor=9>; rel=\"next\""
        );
        assert_eq!(page("since").link(Some("since=4&limit=5")).unwrap(), "<?limit=5&since=9>; rel=\"next\"");
    }
}
