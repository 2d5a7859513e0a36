//! How often a claim may try something out in a day: a case, a name, a UPN, an enquiry under section 47.

use super::Claim;
use super::storage::{self, Staged, Tried};
use crate::crypto::sha256;
use crate::domain::identifiers::OrganisationId;
use crate::domain::purpose::InvolvementKind;
use crate::gate::Gate;
use crate::store::{StoreError, Tx};
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashMap};

/// New claims, or ones with other details, of one source case, name or UPN in a day that are looked at: more than any
/// family has children, and far fewer than there are birth dates to be tried out. Further ones are stored and wait.
const CLAIMS_OF_ONE: i64 = 12;
/// New enquiries under section 47, which a name alone matches at once, of one organisation in a day that are looked at:
/// more than the largest authority has open, and far fewer than there are children to be tried out.
const ENQUIRIES_OF_A_DAY: i64 = 500;

/// Something that a claim tries out, how often that may be in a day, and the word for too often.
pub(super) struct Trial {
    pub(super) tried: Tried,
    most: i64,
    reason: &'static str,
}

/// What a claim tries out. A UPN and a name are counted whatever the source case is called, which the sender makes up.
pub(super) fn trials(claim: &Claim) -> Vec<Trial> {
    let name = [claim.surname_key.as_bytes(), b"\n", claim.forename_key.as_bytes()].concat();
    let upn = claim.upn.as_ref().filter(|upn| !upn.is_temporary()).map(ToString::to_string);
    let one = |what: &[u8], text: &[u8], reason| Trial {
        tried: sha256(&[what, b"\n", text]),
        most: CLAIMS_OF_ONE,
        reason,
    };
    let mut all = vec![
        one(b"case", claim.body.source_case_id.as_bytes(), "claims_of_one_case"),
        one(b"name", &name, "claims_of_one_name"),
    ];
    all.extend(upn.map(|upn| one(b"upn", upn.as_bytes(), "claims_of_one_name")));
    if claim.kind == InvolvementKind::Section47Enquiry {
        let tried = sha256(&[b"enquiry".as_slice()]);
        all.push(Trial { tried, most: ENQUIRIES_OF_A_DAY, reason: "enquiries_of_one_day" });
    }
    all
}

/// How often each thing was tried today, as far as the claims of an upload have come.
#[derive(Default)]
pub(super) struct Tries(HashMap<Tried, i64>);

impl Tries {
    /// Counts a claim, and says of what there are now too many.
    pub(super) async fn beyond(
        &mut self,
        gate: &Gate,
        day: (OrganisationId, NaiveDate),
        trials: &[Trial],
    ) -> Result<Option<&'static str>, StoreError> {
        let new: Vec<Tried> = trials.iter().map(|t| t.tried).filter(|t| !self.0.contains_key(t)).collect();
        if !new.is_empty() {
            let known = storage::tries(gate.db(), day, &new).await?;
            self.0.extend(new.into_iter().map(|tried| (tried, known.get(&tried).copied().unwrap_or(0))));
        }
        let mut beyond = None;
        for trial in trials {
            let count = self.0.entry(trial.tried).or_default();
            *count += 1;
            beyond = beyond.or((*count > trial.most).then_some(trial.reason));
        }
        Ok(beyond)
    }
}

/// Counts what the new claims of a step try out. It counts though the upload is never switched to.
pub(super) async fn count(
    tx: &mut Tx,
    organisation: OrganisationId,
    today: NaiveDate,
    step: &[Staged],
) -> Result<(), StoreError> {
    let mut tried: BTreeMap<Tried, i64> = BTreeMap::new();
    for one in step.iter().flat_map(|staged| &staged.tried) {
        *tried.entry(*one).or_default() += 1;
    }
    storage::count_tries(tx, organisation.0, today, &tried).await
}
