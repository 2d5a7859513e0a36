//! What organisations are told: a feed for each, whose notices are written in the transaction of what they tell.
//!
//! Numbers of a feed are given in the order of commits and without gaps, so that whoever has read up to one misses none.
//! A notice holds no name, UPN, date of birth or mark. Nothing is sent: an organisation asks for its feed.

use crate::domain::identifiers::OrganisationId;
use crate::domain::words;
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

words! {
    /// What a notice is about.
    NoticeKind {
        /// A change of the directory that widens who may act waits for a second operator; it gives nothing yet.
        ChangePending = "change_pending",
        /// A change of the directory has taken effect.
        ChangeEffective = "change_effective",
        /// A change of the directory that waited was refused.
        ChangeRefused = "change_refused",
        /// A certificate of one of the organisation's systems ends soon.
        CertificateExpiring = "certificate_expiring",
        /// A whole caseload would end over a tenth of what is open, and waits for a person.
        CaseloadHeld = "caseload_held",
        /// The organisation's feed lists over a tenth of its involvements no more; none ends until a person has looked.
        FeedSilent = "feed_silent",
        /// The organisation's systems have read far more than its caseload, and are given nothing until a person has looked.
        SystemLaneStopped = "system_lane_stopped",
        /// A child of a case is absent, and nobody has said why.
        AbsenceUnexplained = "absence_unexplained",
        /// A child of a case has been deleted from a school's roll.
        Deleted = "deleted",
        /// A social worker claimed an emergency: a manager of another team countersigns it.
        EmergencyClaimed = "emergency_claimed",
        /// Nobody countersigned it in time: the claimant's right is lost until somebody does.
        EmergencyNotCountersigned = "emergency_not_countersigned",
        /// An emergency is to be open once more: a manager on call says whether.
        EmergencyRenewalWaits = "emergency_renewal_waits",
        /// No manager answered, and it opened.
        EmergencyRenewalOpened = "emergency_renewal_opened",
        /// A school set a shield, which lapses unless its authority confirms it.
        ShieldToConfirm = "shield_to_confirm",
        /// The authority confirmed a school's shield, or declined it.
        ShieldDecided = "shield_decided",
        /// A school's shield lapsed.
        ShieldLapsed = "shield_lapsed",
        /// A shield is due to be looked at again.
        ShieldReviewDue = "shield_review_due",
        /// A decision to withhold is due to be looked at again.
        WithheldReviewDue = "withheld_review_due",
    }
}

/// A notice, to be told once: of one kind and subject an organisation is told no second time.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// What it is about.
    pub kind: NoticeKind,
    /// What it is told of.
    pub subject: &'a str,
    /// JSON.
    pub body: &'a str,
}

/// Tells an organisation, in the transaction of what is told; says whether it had not been told before.
pub async fn notify(
    tx: &mut Tx,
    organisation: OrganisationId,
    notice: Notice<'_>,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    // The feed's row is held until the transaction ends, so that numbers become visible in their order.
    const NEXT: &str = "INSERT INTO notification_feeds (organisation_id, last) VALUES ($1, 1) \
         ON CONFLICT (organisation_id) DO UPDATE SET last = notification_feeds.last + 1 RETURNING last";
    const TELL: &str = "INSERT INTO notifications (organisation_id, number, kind, subject, at, body) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organisation_id, kind, subject) DO NOTHING";
    const BACK: &str = "UPDATE notification_feeds SET last = last - 1 WHERE organisation_id = $1";
    let number: i64 = on!(tx, c => sqlx::query_scalar(NEXT).bind(organisation.0).fetch_one(c).await)?;
    let told = on!(tx, c => sqlx::query(TELL)
        .bind(organisation.0).bind(number).bind(notice.kind.as_str()).bind(notice.subject).bind(at)
        .bind(notice.body).execute(c).await.map(|r| r.touched()))?;
    if told == 0 {
        on!(tx, c => sqlx::query(BACK).bind(organisation.0).execute(c).await.map(|_| ()))?;
    }
    Ok(told == 1)
}

/// A notice as it stands in a feed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Told {
    /// Place in the feed, from 1.
    pub number: i64,
    /// What it is about, as one of the words of [`NoticeKind`].
    pub kind: String,
    /// UTC.
    pub at: DateTime<Utc>,
    /// JSON.
    pub body: String,
}

/// The next notices of an organisation's feed after a number, the oldest first.
pub async fn told_after(
    db: &Db,
    organisation: OrganisationId,
    after: i64,
    limit: i64,
) -> Result<Vec<Told>, StoreError> {
    const PAGE: &str = "SELECT number, kind, at, body FROM notifications \
         WHERE organisation_id = $1 AND number > $2 ORDER BY number LIMIT $3";
    let organisation: Uuid = organisation.0;
    Ok(read!(db, c => sqlx::query_as(PAGE).bind(organisation).bind(after).bind(limit).fetch_all(c).await)?)
}
