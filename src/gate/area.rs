//! Which children belong to an authority's area: those at schools whose returns come to it. A protected enrolment does not
//! exist here.

use super::{Gate, OfOrganisation, Permit, Refusal};
use crate::domain::identifiers::{PupilId, SchoolId};
use crate::relationships;
use std::collections::{BTreeSet, HashMap};

impl Gate {
    /// How many children are on a roll of any school of the area that the holder serves: of all here, where the directory
    /// names none.
    pub async fn roll_of_area(&self, permit: &Permit<OfOrganisation>) -> Result<u64, Refusal> {
        let (directory, today) = (self.directory().current(), self.clock().today());
        let area = directory.organisations.get(&permit.organisation()).map(|o| &o.area);
        let Some(area) = area.filter(|area| !area.is_empty()) else {
            return Ok(relationships::on_roll(self.db(), today).await?);
        };
        let authorities = area.iter().filter_map(|code| directory.organisation_by_code(code));
        let schools = authorities.flat_map(|authority| directory.schools_returning_to(authority.id));
        Ok(relationships::on_rolls_of(self.db(), schools, today).await?)
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
