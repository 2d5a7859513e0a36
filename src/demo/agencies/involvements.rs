//! Cases that agencies hold with children of Exampleshire: three of every kind, two live and one ended.
//!
//! They are sent through the same API as any agency's; here they are only drawn.

use super::super::authority::{Authority, Enrolment, Pattern, Place};
use super::super::chance::Chance;
use super::super::pki::SystemName;
use super::{AUTHORITY, MINDS, NURSING, client_id};
use crate::domain::purpose::{InvolvementKind, Purpose};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

/// What a family agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyAgreement {
    /// Who agreed.
    pub agreed_by: String,
    /// To what.
    pub agreed_to: String,
    /// Last day.
    pub until: NaiveDate,
}

/// An involvement as its agency's system sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoInvolvement {
    /// The system that sends it.
    pub client_id: String,
    /// Drawn from the seed.
    pub id: Uuid,
    /// What the agency is doing with the child.
    pub kind: InvolvementKind,
    /// Code of the team.
    pub team: String,
    /// The agency's own number of the case.
    pub source_case_id: String,
    /// What a request about the child must carry.
    pub case_reference: String,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// Who opened it.
    pub staff_id: String,
    /// The child's number.
    pub upn: String,
    /// The child's day of birth.
    pub date_of_birth: NaiveDate,
    /// The child's family name.
    pub surname: String,
    /// The child's given name.
    pub forename: String,
    /// For the kinds that rest on it.
    pub family_agreement: Option<FamilyAgreement>,
    /// When it ended; an involvement with an end is to be opened and then ended.
    pub until: Option<DateTime<Utc>>,
    /// The child's whereabouts are protected, so that the claim stays pending.
    pub protected: bool,
    /// Why no school may learn of it, with the day on which somebody looks again.
    pub school_not_told: Option<(&'static str, NaiveDate)>,
    /// A bar that social care set stands against the agency, which opens the case after it.
    pub barred: Option<DemoBar>,
}

/// A bar of the demonstration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoBar {
    /// Whether it is a shield; else a decision to withhold.
    pub shield: bool,
    /// The reference of social care's own case with the child.
    pub under: String,
    /// That case's purpose.
    pub purpose: Purpose,
}

/// A kind as it is held here: kind, organisation, system, team, prefix of references, opened how many days ago.
struct Held(InvolvementKind, &'static str, &'static str, &'static str, &'static str, u64);

/// Each opened so lately that it is live by the term of its kind.
const HELD: &[Held] = &[
    Held(InvolvementKind::FrontDoor, AUTHORITY, "social-care", "front-door", "FD", 1),
    Held(InvolvementKind::Assessment, AUTHORITY, "social-care", "family-help-east", "AS", 20),
    Held(InvolvementKind::Cin, AUTHORITY, "social-care", "family-help-east", "CN", 90),
    Held(InvolvementKind::Section47Enquiry, AUTHORITY, "social-care", "child-protection", "SE", 6),
    Held(InvolvementKind::Cp, AUTHORITY, "social-care", "child-protection", "CP", 60),
    Held(InvolvementKind::Cla, AUTHORITY, "social-care", "looked-after", "LA", 300),
    Held(InvolvementKind::EarlyHelp, AUTHORITY, "early-help", "early-help", "EH", 45),
    Held(InvolvementKind::FamilySupport, AUTHORITY, "early-help", "early-help", "FS", 30),
    Held(InvolvementKind::SchoolNursing, NURSING, "school-nursing", "school-nurses", "SN", 70),
    Held(InvolvementKind::MentalHealthSupport, MINDS, "support", "support", "MH", 50),
    Held(InvolvementKind::YouthJustice, AUTHORITY, "youth-justice", "youth-justice", "YJ", 40),
    Held(InvolvementKind::ResidentConcern, AUTHORITY, "attendance", "attendance", "RC", 25),
];

/// Children to be told apart: those with cases, and those whom no agency knows.
pub(super) struct Draw<'a> {
    authority: &'a Authority,
    ordinary: Vec<&'a Enrolment>,
    chance: Chance,
}

impl<'a> Draw<'a> {
    pub(super) fn new(authority: &'a Authority) -> Self {
        let today = authority.options.today;
        let settled = |e: &&Enrolment| {
            e.last_day.is_none()
                && e.status == "single"
                && e.pattern == Pattern::Ordinary
                && !e.child.upn.ends_with(char::is_alphabetic)
                && !e.whereabouts_protected
                && (today - e.starting_day).num_days() > 330
        };
        let ordinary = authority.schools.iter().flat_map(|s| &s.enrolments).filter(settled);
        let cast = &authority.cast;
        let awkward: Vec<&str> = [cast.severe, cast.persistent, cast.joined, cast.moved_to]
            .iter()
            .filter_map(|place| authority.enrolment(*place))
            .map(|e| e.child.upn.as_str())
            .collect();
        let ordinary = ordinary.filter(|e| !awkward.contains(&e.child.upn.as_str())).collect();
        Self { authority, ordinary, chance: Chance::new(authority.options.seed, "cases") }
    }

    /// A settled child not drawn before, in at least this year group where there is one.
    pub(super) fn child(&mut self, least_year: i32) -> Option<&'a Enrolment> {
        let old: Vec<usize> = (0..self.ordinary.len())
            .filter(|i| self.ordinary.get(*i).is_some_and(|e| e.year_group >= least_year))
            .collect();
        let index = self.chance.pick(&old).copied().unwrap_or(0);
        (index < self.ordinary.len()).then(|| self.ordinary.swap_remove(index))
    }

    fn of(&self, place: Place) -> Option<&'a Enrolment> {
        self.authority.enrolment(place)
    }
}

/// Every involvement of the demonstration, in the order of kinds; the first of a kind is live, and so is the second.
pub fn involvements(authority: &Authority) -> Vec<DemoInvolvement> {
    let mut draw = Draw::new(authority);
    let mut all = Vec::new();
    for held in HELD {
        for number in 1..=3 {
            let cast =
                if number == 1 { awkward(authority, held.0).and_then(|place| draw.of(place)) } else { None };
            // Youth justice begins at ten, in year 5 or 6.
            let least_year = if held.0 == InvolvementKind::YouthJustice { 6 } else { 0 };
            if let Some(enrolment) = cast.or_else(|| draw.child(least_year)) {
                all.push(involvement(authority, held, number, enrolment));
            }
        }
        if held.0 == InvolvementKind::Cp
            && let Some(enrolment) = draw.of(authority.cast.protected)
        {
            all.push(involvement(authority, held, 4, enrolment));
        }
    }
    let barred: Vec<DemoInvolvement> = BARRED.iter().filter_map(|bar| barred(authority, bar, &all)).collect();
    all.extend(barred);
    all
}

/// A bar on the child of one of social care's cases: whether it is a shield, that case, and the kind that the barred agency
/// holds.
struct Barred(bool, &'static str, InvolvementKind);

const BARRED: &[Barred] = &[
    Barred(true, "CP-0002", InvolvementKind::MentalHealthSupport),
    Barred(false, "LA-0002", InvolvementKind::SchoolNursing),
];

/// The case of the agency that a bar names, which is of the same child.
fn barred(
    authority: &Authority,
    Barred(shield, under, kind): &Barred,
    all: &[DemoInvolvement],
) -> Option<DemoInvolvement> {
    let known = all.iter().find(|case| case.case_reference == *under)?;
    let held = HELD.iter().find(|held| held.0 == *kind)?;
    let mut enrolments = authority.schools.iter().flat_map(|school| &school.enrolments);
    let enrolment = enrolments.find(|e| e.child.upn == known.upn)?;
    let bar = DemoBar { shield: *shield, under: (*under).to_owned(), purpose: known.kind.purpose() };
    Some(DemoInvolvement { barred: Some(bar), ..involvement(authority, held, 5, enrolment) })
}

/// Children with something to see for the kinds where it matters.
fn awkward(authority: &Authority, kind: InvolvementKind) -> Option<Place> {
    let cast = &authority.cast;
    match kind {
        InvolvementKind::FrontDoor => Some(cast.joined),
        InvolvementKind::Cin => Some(cast.persistent),
        InvolvementKind::Section47Enquiry => Some(cast.stale_n),
        InvolvementKind::Cp => Some(cast.severe),
        InvolvementKind::Cla => Some(cast.dual_main),
        InvolvementKind::EarlyHelp => Some(cast.part_time),
        InvolvementKind::FamilySupport => Some(cast.moved_to),
        InvolvementKind::Assessment
        | InvolvementKind::SchoolNursing
        | InvolvementKind::MentalHealthSupport
        | InvolvementKind::YouthJustice
        | InvolvementKind::ResidentConcern => None,
    }
}

fn involvement(authority: &Authority, held: &Held, number: u64, e: &Enrolment) -> DemoInvolvement {
    let Held(kind, organisation, system, team, prefix, days) = held;
    let case_reference = format!("{prefix}-{number:04}");
    let mut chance = Chance::new(authority.options.seed, &case_reference);
    let bytes = (u128::from(chance.bits()) << 64 | u128::from(chance.bits())).to_be_bytes();
    let today = authority.options.today;
    let at = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc() + chrono::TimeDelta::hours(9);
    let agreement = kind.needs_family_agreement().then(|| FamilyAgreement {
        agreed_by: e.child.parent.clone(),
        agreed_to: "attendance figures shared with the people who help us".to_owned(),
        until: today + Days::new(180),
    });
    DemoInvolvement {
        client_id: client_id(&SystemName::new(organisation, system)),
        id: uuid::Builder::from_random_bytes(bytes).into_uuid(),
        kind: *kind,
        team: (*team).to_owned(),
        source_case_id: format!("{}", 400_000 + chance.below(500_000)),
        case_reference,
        opened_at: at(today - Days::new(*days)),
        staff_id: format!("S{:04}", 1000 + chance.below(9000)),
        upn: e.child.upn.clone(),
        date_of_birth: e.child.date_of_birth,
        surname: e.child.surname.clone(),
        forename: e.child.forename.clone(),
        family_agreement: agreement,
        until: (number == 3).then(|| at(today) - chrono::TimeDelta::hours(12)),
        protected: e.whereabouts_protected,
        // One child's worker has a relative on the staff of its school.
        school_not_told: (*kind == InvolvementKind::Cin && number == 2)
            .then(|| ("relative_on_staff", today + Days::new(30))),
        barred: None,
    }
}
