//! A look at the next of a reader's children: who is new or gone, and whose summary is not what it was.
//!
//! A look at all of them takes as many requests as it needs, each of bounded work. It goes in the order of internal ids,
//! which nobody is told: what one request finds stands in the order of handles, and those are random.

use super::super::figures::Entitled;
use super::super::window;
use super::FeedKey;
use super::news::{self, Due};
use super::storage::{self, Feed, Told};
use crate::domain::attendance::summary::Reading;
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::{Section, SectionSet};
use crate::gate::{Gate, OfChild, OfFollowed, Permit, Refusal};
use crate::registers;
use crate::store::{StoreError, Tx};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Children whose ties one request looks at.
const TIES: usize = 1_000;

/// What a look needs besides the gate and the permit.
#[derive(Clone, Copy)]
pub(super) struct Looking<'a> {
    pub(super) key: &'a FeedKey,
    pub(super) reading: Reading,
    /// School time.
    pub(super) now: DateTime<Utc>,
    /// The most children to tell of, and so to work figures out for.
    pub(super) limit: usize,
}

/// A child that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) pupil: PupilId,
    /// What was told before.
    before: Option<Told>,
    /// Digest of what may be read of it; none: it is gone.
    digest: Option<[u8; 32]>,
    /// Whether it is to be told of, even under the handle that it was told by.
    news: bool,
}

/// What one request found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) looked: Vec<Looked>,
    /// The child that the look has come to; none: it is done.
    pub(super) after: Option<Uuid>,
    sunday: NaiveDate,
    now: DateTime<Utc>,
}

impl Looked {
    /// The handle under which a child that is gone was told.
    pub(super) fn gone(&self) -> Option<String> {
        let before = self.before.as_ref().filter(|_| self.digest.is_none())?;
        Some(before.handle.clone())
    }

    /// Whether it is to be told of under a handle: one that stands for it now, and did not before, is always news.
    pub(super) fn is_news_by(&self, handle: &str) -> bool {
        self.news || self.before.as_ref().is_none_or(|before| before.handle != handle)
    }
}

/// Looks at the children after one.
pub(super) async fn look(
    gate: &Gate,
    permit: &Permit<OfFollowed>,
    feed: &Feed,
    after: PupilId,
    looking: Looking<'_>,
) -> Result<Found, Refusal> {
    let most = i64::try_from(TIES).unwrap_or(i64::MAX);
    let told = storage::next_told(gate.db(), feed.id, after, most).await?;
    let tied = gate.next_followed(permit, after, most).await?;
    let (children, all) = together(told, tied, TIES);
    let sunday = window::at_publication(false, looking.now, looking.reading).map_err(unread)?.0;
    let mut found = Found { looked: Vec::new(), after: None, sunday, now: looking.now };
    let mut last = after;
    for (pupil, (before, tied)) in children {
        if found.looked.len() >= looking.limit {
            found.after = Some(last.0);
            return Ok(found);
        }
        let child = if tied { gate.open_followed_child(permit, pupil).await? } else { None };
        match (news::due(before.as_ref(), child.is_some(), sunday), child) {
            (Due::Look, Some(child)) => {
                let digest = digest(gate, feed, &child, looking).await?;
                let news = news::is_news(before.as_ref(), &digest);
                found.looked.push(Looked { pupil, before, digest: Some(digest), news });
            }
            (Due::Gone, _) => found.looked.push(Looked { pupil, before, digest: None, news: true }),
            (Due::Nothing | Due::Look, _) => {}
        }
        last = pupil;
    }
    found.after = (!all).then_some(last.0);
    Ok(found)
}

/// The children of both lists in their order, with what was told of each and whether the reader may be tied to it, as
/// far as both lists go; and whether that is all there are.
fn together(
    told: Vec<Told>,
    tied: Vec<PupilId>,
    most: usize,
) -> (BTreeMap<PupilId, (Option<Told>, bool)>, bool) {
    // A list that is full may go on after its last.
    let ends = [
        told.last().filter(|_| told.len() >= most).map(|told| told.pupil),
        tied.last().filter(|_| tied.len() >= most).copied(),
    ];
    let end = ends.into_iter().flatten().min();
    let mut children: BTreeMap<PupilId, (Option<Told>, bool)> = BTreeMap::new();
    for pupil in tied {
        children.insert(pupil, (None, true));
    }
    for one in told {
        let pupil = one.pupil;
        children.entry(pupil).or_default().0 = Some(one);
    }
    children.retain(|pupil, _| end.is_none_or(|end| *pupil <= end));
    (children, end.is_none())
}

async fn digest(
    gate: &Gate,
    feed: &Feed,
    child: &Permit<OfChild>,
    looking: Looking<'_>,
) -> Result<[u8; 32], Refusal> {
    let live = child.entitled().has(Section::Sessions);
    let (_, span) = window::at_publication(live, looking.now, looking.reading).map_err(unread)?;
    let record = registers::child_record(gate.db(), child, span.years()).await?;
    let entitled = Entitled { sections: child.entitled(), counterpart: SectionSet::EMPTY };
    let place = (looking.key, feed.id, child.pupil());
    Ok(news::digest(place, entitled, &record, span, &gate.directory().current())?)
}

/// A default window is never refused.
fn unread(_: window::WindowError) -> Refusal {
    Refusal::Store(StoreError::Corrupt("the time of a publication"))
}

impl Found {
    /// Writes what was found, each child with its handle and those to be told of in the order of their places, and moves
    /// the feed on. `false` when another request came first: the caller drops the transaction.
    pub(super) async fn write(
        &self,
        tx: &mut Tx,
        feed: &Feed,
        named: &[(Looked, String)],
    ) -> Result<bool, StoreError> {
        let mut feed = Feed { pass_after: self.after, ..feed.clone() };
        if self.after.is_none() {
            feed.passed_at = Some(feed.begun_at);
        }
        let (news, same): (Vec<_>, Vec<_>) =
            named.iter().partition(|(looked, handle)| looked.is_news_by(handle));
        let rows: Vec<Told> =
            news.iter().map(|(looked, handle)| self.told(&mut feed, looked, handle)).collect();
        if !storage::move_on(tx, &feed).await? {
            return Ok(false);
        }
        for row in &rows {
            storage::put(tx, feed.id, row).await?;
        }
        for (looked, _) in same {
            storage::looked(tx, feed.id, looked.pupil, self.sunday).await?;
        }
        Ok(true)
    }

    /// The row of a child at the next place.
    fn told(&self, feed: &mut Feed, looked: &Looked, handle: &str) -> Told {
        let place = feed.next_place;
        feed.next_place += 1;
        // Who comes back under another handle takes the place of one whom readers may not have heard to be gone.
        if let Some(before) = looked.before.as_ref().filter(|before| before.handle != handle) {
            feed.floor = feed.floor.max(if before.is_gone() { before.place } else { place });
        }
        Told {
            pupil: looked.pupil,
            handle: handle.to_owned(),
            digest: looked.digest.map(Vec::from).unwrap_or_default(),
            publication: self.sunday,
            place,
            gone_at: looked.digest.is_none().then_some(self.now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pupil(number: u128) -> PupilId {
        PupilId(Uuid::from_u128(number))
    }

    fn told(number: u128) -> Told {
        let publication = NaiveDate::default();
        Told {
            pupil: pupil(number),
            handle: String::new(),
            digest: Vec::new(),
            publication,
            place: 1,
            gone_at: None,
        }
    }

    /// However long the pages are, every child of either list is met once, with both that is known of it.
    #[test]
    fn pages_of_two_lists_miss_nobody() {
        let told_of = [1, 2, 3, 5, 8, 13, 21];
        let tied_to = [2, 4, 6, 8, 9, 10, 11, 12, 13, 30];
        for most in 1..12 {
            let (mut after, mut met) = (0, Vec::new());
            loop {
                let next = |all: &[u128]| -> Vec<u128> {
                    all.iter().copied().filter(|n| *n > after).take(most).collect()
                };
                let told = next(&told_of).into_iter().map(told).collect();
                let tied = next(&tied_to).into_iter().map(pupil).collect();
                let (children, all) = together(told, tied, most);
                for (pupil, (told, tied)) in children {
                    after = pupil.0.as_u128();
                    assert_eq!(told.is_some(), told_of.contains(&after), "{after} by {most}");
                    assert_eq!(tied, tied_to.contains(&after), "{after} by {most}");
                    met.push(after);
                }
                if all {
                    break;
                }
            }
            assert_eq!(met, [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 21, 30], "by {most}");
        }
    }
}
