//! Why one request was refused, by its entry: for the operator, to whom a partner has given the receipt of the answer.
//!
//! What depends on a child is one text, as outside it is one answer: whoever could have the operator tell a bar from a case
//! that has ended would have learnt of the bar. The exact word is the organisation's own privacy officer's to read.

use super::{Findings, system};
use crate::audit::{Class, Decision, Outline, Receipt, outline};
use crate::clock::Clock;
use crate::crypto::to_hex;
use crate::directory::Directory;
use crate::store::Db;

/// Tells what the entry of a receipt says: the whole value of `Audit-Receipt`, so that only what a partner has brought is
/// looked at, and not the log entry by entry.
pub(super) async fn look(db: &Db, directory: &Directory, clock: &Clock, receipt: &str, found: &mut Findings) {
    let read = receipt.parse::<Receipt>().map(|receipt| (receipt.index, receipt.leaf));
    let Some((index, leaf)) = found.hold("receipt", "can be read", read.map_err(|fault| fault.to_string()))
    else {
        return;
    };
    let entry = outline(db, index).await.map_err(|error| error.to_string());
    let entry = entry.and_then(|entry| entry.ok_or_else(|| format!("the log has no entry {index} yet")));
    let entry = entry.and_then(|entry| {
        if leaf == entry.leaf {
            return Ok(entry);
        }
        Err(format!(
            "entry {index} of this log has the leaf {}, and the receipt another: it is another gateway's, or the log is \
             not what it was",
            to_hex(&entry.leaf)
        ))
    });
    let Some(entry) = found.hold("log", "holds the entry", entry) else { return };
    context(&entry, found);
    match (&entry.reason, entry.decision) {
        // Whatever depends on a child, with a word or without.
        (_, Decision::Refused) if entry.class == Class::Disclosure || of_a_child(&entry) => {
            found.bad("relationship", CHILD);
        }
        (Some(word), _) => refused(&entry, word, found),
        (None, Decision::Allowed) => found.good("answer", "was given"),
        (None, Decision::Failed) => found.bad("gateway", FAILED),
        (None, Decision::Limited) => {
            found.bad("limit", "too many requests; the answer said how long to wait");
        }
        (None, Decision::Refused | Decision::Unauthenticated | Decision::Malformed) => {
            found
                .bad("request", "could not be read, or is for nobody; the answer said what is wrong with it");
        }
    }
    if entry.reason.as_deref() == Some("forbidden_for_role") {
        system::of_entry(&entry, directory, clock.today(), found);
    }
}

/// Whose request it was, and when.
fn context(entry: &Outline, found: &mut Findings) {
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "none that is known".to_owned());
    let status = entry.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let (method, route) = (entry.method.as_deref().unwrap_or("-"), entry.route.as_deref().unwrap_or("-"));
    found.good("entry", &format!("{} of {}: {method} {route}, {status}", entry.index, entry.time));
    let whose = format!("organisation {}, system {}", word(&entry.organisation), word(&entry.system));
    let other = entry.acted_for.as_ref().map_or_else(String::new, |code| format!(", acting for {code}"));
    let lane = if entry.person { "for a person" } else { "for itself" };
    found.good("caller", &format!("{whose}{other}, {lane}"));
    if let (Some(role), Some(purpose)) = (entry.role, entry.purpose) {
        found.good("asked as", &format!("{role} for {purpose}"));
    }
}

/// Whether it is the one answer about a child: a 404 of a route that there is.
fn of_a_child(entry: &Outline) -> bool {
    entry.status == Some(404) && entry.route.is_some()
}

/// What failed, and who can mend it.
fn refused(entry: &Outline, word: &str, found: &mut Findings) {
    if entry.class == Class::HandshakeRefused {
        return found
            .bad("chain", &format!("{word}; docs/certificates.md says what that is and who mends it"));
    }
    // Whatever the word: a 404 depends on a child, and the word with it.
    if entry.status == Some(404) || OF_A_CHILD.contains(&word) {
        return found.bad("relationship", CHILD);
    }
    let (what, says) = told(word);
    found.bad(what, &format!("{says} ({word})"));
}

/// What a word of an entry means: first a whole word, then how it begins.
fn told(word: &str) -> (&'static str, &'static str) {
    let whole = WORDS.iter().find(|(words, ..)| words.contains(&word));
    let found = whole.map(|(_, what, says)| (*what, *says)).or_else(|| {
        BEGINNINGS.iter().find(|(begins, ..)| word.starts_with(begins)).map(|(_, what, says)| (*what, *says))
    });
    found.unwrap_or(("refused", "the answer said what to do"))
}

/// Words, what is at fault, and who mends it.
const WORDS: &[(&[&str], &str, &str)] = &[
    (
        &["no_certificate", "unknown_certificate"],
        "binding",
        "the certificate is not registered, or was ended or revoked; `doctor --client CERT` says which",
    ),
    (&["certificate_name"], "binding", "the certificate's SAN URI is not that of its registered system"),
    (
        &["client_of_other_certificate"],
        "binding",
        "the client_id is another system's than the certificate's; for the partner",
    ),
    (
        &["token_of_other_certificate", "token_of_other_client"],
        "binding",
        "the token was given to another certificate or client; for the partner, and look at who shows it",
    ),
    (&["no_token", "not_bearer"], "token", "none was sent as `Authorization: Bearer`; for the partner"),
    (
        &["token_expired", "token_not_yet", "assertion_expired", "assertion_not_yet", "subject_not_yet"],
        "clock",
        "it did not hold at this gateway's time; compare the clocks, then have a new one made",
    ),
    (&["token_revoked"], "token", "it was taken back by its own system"),
    (&["suspended"], "organisation", "it is suspended, by an operator's change"),
    (
        &["role_withdrawn", "role_of_other_system", "unknown_role"],
        "role",
        "it is not registered for this system; an operator's change gives it",
    ),
    (
        &["acting_withdrawn", "not_acting", "unknown_organisation"],
        "acting",
        "nothing lets the system act for that organisation today; `doctor --organisation` says why",
    ),
    (
        &["no_mandate", "mandate_not_begun", "mandate_ended", "mandate_without_scope"],
        "mandate",
        "none in force lets the system do this for that school",
    ),
    (
        &["officer_not_authorised"],
        "authorisation",
        "no written authorisation of the officer is in force (SI 2024/208 reg 12)",
    ),
    (&["forbidden_for_role"], "scope or role", "never for any child: what the directory says today follows"),
    (&["other_school", "no_area"], "school or area", "it is not the caller's, whoever asks"),
    (
        &["lane_stopped"],
        "lane",
        "its systems have read far more than its caseload; its privacy officer lets them go on",
    ),
    (
        &["case_reference_required", "case_reference_mismatch"],
        "case reference",
        "none was sent, or not that of a live case of this purpose; the answer said so",
    ),
    (&["ambiguous"], "relationship", "more than one of its own children match; the answer said so"),
    (&["too_many_requests"], "limit", "too many requests; the answer said how long to wait"),
    (
        &["provider_unreachable"],
        "identity provider",
        "its keys cannot be fetched; look at the network from this gateway to it",
    ),
    (
        &["person_suspended", "person_withdrawn", "person_of_other_organisation"],
        "person",
        "suspended, or of a provider that the directory no longer has for them; `doctor --person` says which",
    ),
    (
        &["role_of_other_person", "mfa_only_attested"],
        "person",
        "their provider's claims do not give this; `schoolgate idp list` has what is mapped",
    ),
    (&["store_unreachable", "database", "unrecorded", "failed", "answer"], "gateway", FAILED),
];

const FAILED: &str = "it could not answer safely; the log of that time has the cause";

/// How words of one kind begin.
const BEGINNINGS: &[(&str, &str, &str)] = &[
    ("assertion_", "assertion", "the client's signature does not prove it; the answer said why"),
    ("subject_", "person's token", "it proves nobody to this system; the answer said why"),
    ("token_", "token", "it does not hold; for the partner: a new one"),
];

/// Words that tell something of a child or of a case.
const OF_A_CHILD: [&str; 3] = ["no_relationship", "ex_relationship", "shielded"];
const CHILD: &str = "there was no live relationship of this purpose to the child, or the child is barred to it: which of them, \
     the organisation's own privacy officer reads (GET /v1/audit/entries)";

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(status: u16, word: &str) -> String {
        let entry = Outline {
            index: 7,
            leaf: [0; 32],
            time: Clock::machine().now(),
            class: Class::Access,
            method: Some("GET".to_owned()),
            route: None,
            organisation: Some("council".to_owned()),
            system: None,
            acted_for: None,
            person: false,
            role: None,
            purpose: None,
            decision: Decision::Refused,
            status: Some(status),
            reason: Some(word.to_owned()),
        };
        let mut found = Findings::default();
        refused(&entry, word, &mut found);
        found.text
    }

    #[test]
    fn what_depends_on_a_child_is_one_text() {
        let first = told_of(404, "no_relationship");
        assert!(first.contains("privacy officer") && !first.contains("no_relationship"), "{first}");
        for (status, word) in [
            (404, "ex_relationship"),
            (404, "shielded"),
            (200, "shielded"),
            (404, "a_word_of_a_later_version"),
        ] {
            assert_eq!(told_of(status, word), first, "{word}");
        }
    }

    #[test]
    fn what_depends_on_the_caller_is_told_exactly() {
        for (status, word, what) in [
            (401, "token_of_other_certificate", "binding"),
            (401, "token_expired", "clock"),
            (401, "assertion_replayed", "assertion"),
            (400, "subject_mfa", "person's token"),
            (403, "forbidden_for_role", "scope or role"),
            (403, "mandate_ended", "mandate"),
            (409, "ambiguous", "relationship"),
            (422, "two_certificates", "refused"),
        ] {
            let told = told_of(status, word);
            assert!(
                told.contains(&format!("FAILS  {what} ")) && told.contains(&format!("({word})")),
                "{told}"
            );
        }
    }
}
