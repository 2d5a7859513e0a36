//! Which shields stand against somebody: by when they came to be tied to the child, and by what those who protect it have
//! accepted since.
//!
//! One clock for both: school time, by which shields are set, claims are matched and accepted.

use super::super::tie::Tie;
use crate::domain::bars::BarSort;
use crate::domain::purpose::InvolvementKind;
use crate::relationships::{Bar, Whom};
use chrono::{DateTime, Utc};

/// Cases of these kinds are exempt from shields that were set after they came to count, of whichever authority; not from
/// being named in conflict.
const EXEMPT: [InvolvementKind; 3] =
    [InvolvementKind::Section47Enquiry, InvolvementKind::Cp, InvolvementKind::Cla];

/// Since when somebody is tied to a child.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since {
    exempt: bool,
    /// When the tie came to count; none: only now.
    matched_at: Option<DateTime<Utc>>,
    /// When those who protect the child accepted it.
    accepted_at: Option<DateTime<Utc>>,
    /// Whether they accepted a person, and not a case of a team.
    in_person: bool,
}

impl Since {
    /// Of a case.
    pub(super) fn case(
        kind: InvolvementKind,
        (matched_at, accepted_at): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    ) -> Self {
        Self { exempt: EXEMPT.contains(&kind), matched_at, accepted_at, in_person: false }
    }

    /// Of any tie.
    pub(super) fn of(tie: &Tie) -> Self {
        match tie {
            Tie::Case(case, _) => Self::case(case.kind, (case.matched_at, case.accepted_at)),
            Tie::Emergency { accepted_at, .. } => {
                Self { accepted_at: *accepted_at, in_person: true, ..Self::default() }
            }
            Tie::OwnSchool(..) | Tie::Officer(_) | Tie::Protecting => Self::default(),
        }
    }

    /// Whether the tie was there before a line.
    pub(super) fn is_before(self, bar: &Bar) -> bool {
        self.matched_at.is_some_and(|at| at <= bar.begins_at)
    }

    /// Whether a line does not stand against whom it names: a case of an exempt kind that was there before it, or one that
    /// was accepted since. Who accepts a team's case does not accept a person whom a shield names.
    fn is_free_of(self, bar: &Bar) -> bool {
        let accepted = self.accepted_at.is_some_and(|at| at >= bar.begins_at);
        let person = matches!(bar.whom, Whom::Person { .. });
        (accepted && (self.in_person || !person)) || (self.exempt && self.is_before(bar))
    }
}

/// The lines of shields that stand against somebody whom they name, but those that leave their team.
pub(super) fn standing<'a>(bars: &'a [Bar], is_them: &dyn Fn(&Whom) -> bool, since: Since) -> Vec<&'a Bar> {
    let named = |bar: &&Bar| is_them(&bar.whom);
    let left = |shield: &Bar| {
        bars.iter().filter(named).any(|bar| bar.sort == BarSort::Sees && bar.source == shield.source)
    };
    let shields = bars.iter().filter(|bar| matches!(bar.sort, BarSort::Shield | BarSort::Whereabouts));
    shields.filter(named).filter(|bar| !left(bar) && !since.is_free_of(bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifiers::{OrganisationId, TeamId};
    use InvolvementKind::{Cin, Cp};
    use uuid::Uuid;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const SET: &str = "2026-11-20T12:00:00Z";

    fn shield(whom: Whom) -> Bar {
        Bar { source: Uuid::nil(), sort: BarSort::Shield, whom, begins_at: at(SET) }
    }

    #[test]
    fn a_case_is_exempt_from_shields_that_came_after_it_and_from_no_other() {
        let organisation = OrganisationId(Uuid::from_u128(1));
        let of_organisation = shield(Whom::Organisation(organisation));
        let of_person = shield(Whom::Person { key: "a - b".to_owned(), organisation: Some(organisation) });
        let (before, after) = (at("2026-11-20T11:59:59Z"), at("2026-11-20T12:00:01Z"));
        for (what, kind, matched, accepted, stands) in [
            ("before it, exempt", Cp, before, None, (false, false)),
            ("with it, exempt", Cp, at(SET), None, (false, false)),
            ("after it, exempt", Cp, after, None, (true, true)),
            ("before it, of another kind", Cin, before, None, (true, true)),
            ("accepted since", Cin, after, Some(after), (false, true)),
            ("accepted before it was set", Cin, before, Some(before), (true, true)),
            ("an exempt one that was accepted since", Cp, after, Some(after), (false, true)),
        ] {
            let since = Since::case(kind, (Some(matched), accepted));
            let against = |bar: &Bar| !standing(std::slice::from_ref(bar), &|_| true, since).is_empty();
            assert_eq!((against(&of_organisation), against(&of_person)), stands, "{what}");
        }
        let unmatched = Since::case(Cp, (None, None));
        assert_eq!(standing(std::slice::from_ref(&of_organisation), &|_| true, unmatched).len(), 1);
    }

    #[test]
    fn a_shield_stands_against_whom_it_names_but_the_teams_that_it_leaves() {
        let team = TeamId(Uuid::from_u128(2));
        let whole = shield(Whom::Organisation(OrganisationId(Uuid::from_u128(1))));
        let sees = Bar { sort: BarSort::Sees, ..shield(Whom::Team(team)) };
        let other = Bar { source: Uuid::from_u128(9), ..whole.clone() };
        let bars = [whole.clone(), sees, other.clone()];
        let of_team = |whom: &Whom| !matches!(whom, Whom::Person { .. });
        assert_eq!(standing(&bars, &of_team, Since::default()), [&other], "left by one, not by the other");
        let elsewhere = |whom: &Whom| matches!(whom, Whom::Organisation(_));
        assert_eq!(standing(&bars, &elsewhere, Since::default()), [&whole, &other]);
        assert!(standing(&bars, &|_| false, Since::default()).is_empty());
    }
}
