//! Which children belong to an authority's area: those at schools whose returns come to it. A protected enrolment does not
//! exist here.

use super::{Gate, OfOrganisation, Permit, Refusal};
use crate::domain::identifiers::{PupilId, SchoolId};
use crate::relationships;
use std::collections::{BTreeSet, HashMap};

impl Gate {
    /// How many children are on a roll of any school here.
    pub async fn roll_of_all(&self, _permit: &Permit<OfOrganisation>) -> Result<u64, Refusal> {
        Ok(relationships::on_roll(self.db(), self.clock().today()).await?)
    }

    /// Of these children those of the holder's own area, each with its schools there.
    pub async fn own_area_of(
        &self,
        permit: &Permit<OfOrganisation>,
        pupils: BTreeSet<PupilId>,
    ) -> Result<HashMap<PupilId, Vec<SchoolId>>, Refusal> {
        let pupils: Vec<PupilId> = pupils.into_iter().collect();
        let enrolled = relationships::enrolled_of_each(self.db(), &pupils, self.clock().today()).await?;
        let own: BTreeSet<SchoolId> =
            self.directory().current().schools_returning_to(permit.organisation()).collect();
        let mut area = HashMap::new();
        for (pupil, enrolled) in enrolled {
            let there = enrolled.iter().filter(|e| !e.protected && own.contains(&e.school));
            let schools: BTreeSet<SchoolId> = there.map(|e| e.school).collect();
            if !schools.is_empty() {
                area.insert(pupil, schools.into_iter().collect());
            }
        }
        Ok(area)
    }
}
