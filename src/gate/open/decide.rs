//! From live data to the policy's question: the tie between caller and child, and the facts that go with it.

use super::super::permit::Reach;
use super::super::{Gate, handles};
use super::Refusal;
use super::bars;
use super::tie::{Judged, Tie, Tied};
use crate::directory::{ByTeam, Directory, LaneException, Scope};
use crate::domain::identifiers::{PupilId, SchoolId};
use crate::domain::organisation::Standing;
use crate::domain::purpose::{InvolvementKind, Purpose, Section, SectionSet};
use crate::identity::Caller;
use crate::policy::{Action, Facts, Lane, Relationship, Sections};
use crate::relationships::{self, Bar, Case, Conflict, DualPlace, Enrolled};

/// What the database says of a caller and a child.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The child's enrolments, those that are protected too.
    pub(super) enrolled: Vec<Enrolled>,
    /// The caller's live involvements with it, where the purpose is a case.
    pub(super) cases: Vec<(Case, ByTeam)>,
    /// Whether its organisation had one that has ended.
    pub(super) former: bool,
    /// Whether the person who asks is in conflict with it.
    pub(super) in_conflict: bool,
    /// What stands between the child and anybody, and who protects it.
    pub(super) bars: Vec<Bar>,
}

impl Gate {
    /// Reads the child behind a handle of the caller's with what ties the caller to it; none where it resolves to nobody.
    pub(super) async fn known_behind(
        &self,
        caller: &Caller,
        handle: &str,
    ) -> Result<Option<(PupilId, Known)>, Refusal> {
        let moment = (self.clock().school_now(), self.clock().today());
        let holder = (caller.system.id, caller.organisation.id);
        let conflicts = self.conflicts(caller).await?;
        let behind = relationships::behind(self.db(), holder, &handles::bytes_of(handle), moment).await?;
        Ok(behind.map(|b| {
            let in_conflict = in_conflict(&conflicts, b.pupil, &b.enrolled);
            let (cases, former) = (self.callers(caller, b.cases), b.former);
            (b.pupil, Known { enrolled: b.enrolled, cases, former, in_conflict, bars: b.bars })
        }))
    }

    /// Reads what ties a caller to a child: as many statements for every child, whatever is protected.
    pub(super) async fn known(&self, caller: &Caller, pupil: PupilId) -> Result<Known, Refusal> {
        let moment = (self.clock().school_now(), self.clock().today());
        let conflicts = self.conflicts(caller).await?;
        let enrolled = relationships::enrolled(self.db(), pupil, moment.1).await?;
        let cases = if caller.purpose.is_a_case() {
            relationships::cases_of(self.db(), caller.organisation.id, pupil, moment).await?
        } else {
            Vec::new()
        };
        let bars = relationships::bars_on(self.db(), pupil, moment.0).await?;
        let in_conflict = in_conflict(&conflicts, pupil, &enrolled);
        Ok(Known { enrolled, cases: self.callers(caller, cases), former: false, in_conflict, bars })
    }

    /// The conflicts of the person who asks; asked once, whichever child is asked about. A system has none.
    pub(super) async fn conflicts(&self, caller: &Caller) -> Result<Vec<Conflict>, Refusal> {
        let Some(person) = &caller.person else { return Ok(Vec::new()) };
        let organisation = caller.organisation.id;
        let own = caller.by.as_ref().map_or(organisation, |own| own.id);
        Ok(relationships::conflicts_of(self.db(), (organisation, own), &person.key, self.clock().now())
            .await?)
    }

    /// Of an organisation's cases those that are the caller's: a person's are those of the teams that they are in, or that
    /// these cover; without a person they are the organisation's. Any other is as if it were not there.
    pub(super) fn callers(&self, caller: &Caller, cases: Vec<Case>) -> Vec<(Case, ByTeam)> {
        let (directory, now) = (self.directory().current(), self.clock().now());
        let organisation = caller.organisation.id;
        let own = caller.by.as_ref().map_or(organisation, |own| own.id);
        let by = |case: &Case| match &caller.person {
            // While a case moves, the team that had it sees it as the one that has it does.
            Some(person) => [Some(&case.team), case.former_team.as_ref()]
                .into_iter()
                .flatten()
                .find_map(|team| directory.by_team((organisation, team), (own, &person.teams), now)),
            None => Some(ByTeam::Own),
        };
        cases.into_iter().filter_map(|case| by(&case).map(|by| (case, by))).collect()
    }

    /// Every tie that serves the caller's purpose, in an order that is always the same and at least one; or the refusal
    /// that tells nothing. Which of them is worth something is the policy's to say.
    pub(super) fn ties(
        &self,
        caller: &Caller,
        known: &Known,
        case_reference: Option<&str>,
    ) -> Result<Vec<Tied>, Refusal> {
        if !caller.purpose.is_a_case() {
            let tie = self.enrolment(caller, &known.enrolled)?;
            return bars::officers(self.weighed(caller, known, tie)).map(|tied| vec![tied]);
        }
        let all =
            known.cases.iter().cloned().map(|(case, by)| self.weighed(caller, known, Tie::Case(case, by)));
        let there: Vec<Tied> = all.filter(|tied| tied.against.lets_any(&known.enrolled)).collect();
        is_there(caller, &known.enrolled, !there.is_empty())?;
        let (matching, others): (Vec<Tied>, Vec<Tied>) =
            there.into_iter().partition(|tied| tied.matches(caller, case_reference));
        if matching.is_empty() {
            // Whoever may not even know of the child is not told that a reference of theirs does not fit.
            let kinds: Vec<InvolvementKind> =
                others.iter().filter(|tied| !tied.against.is_hidden()).filter_map(Tied::kind).collect();
            let refusal = unfit(&kinds, &self.kinds_within(caller));
            let former = known.former && matches!(refusal, Refusal::NotFound);
            return Err(if former { Refusal::Former } else { refusal });
        }
        Ok(matching)
    }

    /// The first tie for which the policy permits any section, with those; else the first that a shield alone keeps from
    /// giving any; where there is none of either, the first.
    pub(super) fn judged(&self, caller: &Caller, ties: Vec<Tied>) -> Option<Judged> {
        let listed = self.listed(caller);
        let mut judged: Option<Judged> = None;
        for tied in ties {
            let facts = self.tied_facts(caller, &tied);
            let given = self.given(caller, &facts, listed);
            let not_given = if tied.against.may_know() {
                self.given(caller, &Facts { shielded: false, ..facts }, listed).permitted
            } else {
                SectionSet::EMPTY
            };
            let next = Judged { tied, given, not_given };
            if !next.given.permitted.is_empty() {
                return Some(Judged { not_given: SectionSet::EMPTY, ..next });
            }
            if judged.as_ref().is_none_or(|known| known.not_given.is_empty() && !next.not_given.is_empty()) {
                judged = Some(next);
            }
        }
        judged
    }

    /// The sections that the policy gives, of which a mandate that the caller acts under leaves those that it names.
    pub(super) fn given(&self, caller: &Caller, facts: &Facts, listed: SectionSet) -> Sections {
        let mut given = self.0.policy.sections(facts, listed);
        given.permitted = caller.within(given.permitted);
        given
    }

    /// The tie by enrolment, for purposes that are no case.
    fn enrolment(&self, caller: &Caller, enrolled: &[Enrolled]) -> Result<Tie, Refusal> {
        match caller.purpose {
            Purpose::OwnRecord => {
                let own = SchoolId(caller.organisation.id.0);
                let there = enrolled.iter().any(|e| e.school == own);
                let other = || counterpart(own, enrolled, &self.directory().current());
                if there { Ok(Tie::OwnSchool(own, other())) } else { Err(Refusal::NotFound) }
            }
            Purpose::AttendanceDuty => {
                let directory = self.directory().current();
                let returns_here = |school: SchoolId| {
                    directory.school(school).is_some_and(|s| s.returns_to == Some(caller.organisation.id))
                };
                let schools: Vec<SchoolId> = enrolled
                    .iter()
                    .filter(|e| !e.protected && returns_here(e.school))
                    .map(|e| e.school)
                    .collect();
                // Where it is asked child by child, as a feed does, without an authorisation there is nobody.
                if schools.is_empty() || self.officer_authorised(caller).is_err() {
                    Err(Refusal::NotFound)
                } else {
                    Ok(Tie::Officer(schools))
                }
            }
            Purpose::Screening
            | Purpose::ChildInNeed
            | Purpose::ChildProtection
            | Purpose::LookedAfter
            | Purpose::EarlyHelp
            | Purpose::SchoolHealth
            | Purpose::YouthJustice
            | Purpose::ResidentConcern
            | Purpose::Cme
            | Purpose::RecordsTransfer
            | Purpose::Emergency
            | Purpose::AuditReview
            | Purpose::SubjectAccess => Err(Refusal::NotFound),
        }
    }

    /// The kinds of involvement on which some role of the caller's system may rest: those that it may feed, and whose
    /// existence it may be told.
    pub(super) fn kinds_within(&self, caller: &Caller) -> Vec<InvolvementKind> {
        let directory = self.directory().current();
        let today = self.clock().today();
        let rests = |kind: InvolvementKind| {
            let purpose = kind.purpose();
            let agreement_live = directory.agreement(caller.organisation.id, purpose, today).is_some();
            caller.system.roles.iter().any(|role| {
                let relationship = Relationship::Involvement(kind, true);
                let facts =
                    Facts { role: *role, purpose, agreement_live, ..self.facts(caller, relationship, true) };
                self.0.policy.decide(&facts, Action::Read(Section::Headline), true).allowed
            })
        };
        InvolvementKind::ALL.iter().copied().filter(|kind| rests(*kind)).collect()
    }

    /// How far a tie reaches, and the policies that decided what of it is a relationship of its own: the other school of a
    /// dual registration.
    pub(super) fn reach(&self, caller: &Caller, tied: &Tied) -> (Reach, Vec<String>) {
        let against = &tied.against;
        let reach = match &tied.tie {
            _ if against.may_know() || against.is_hidden() => Reach::Nothing,
            Tie::Case(..) | Tie::Emergency { .. }
                if against.sees_protected() && against.hides().is_empty() =>
            {
                Reach::Whole
            }
            Tie::Case(..) | Tie::Emergency { .. } => Reach::NotAt(against.hides().to_vec()),
            Tie::Protecting => Reach::Nothing,
            Tie::OwnSchool(own, None) => Reach::At(*own),
            Tie::OwnSchool(own, Some(other)) => {
                let facts = self.facts(caller, Relationship::DualEnrolment, true);
                let given = self.given(caller, &facts, self.listed(caller));
                if !given.permitted.is_empty() {
                    let reach = Reach::Dual { own: *own, other: *other, sections: given.permitted };
                    return (reach, given.determining);
                }
                Reach::At(*own)
            }
            Tie::Officer(schools) => Reach::Among(schools.clone()),
        };
        (reach, Vec::new())
    }

    /// The facts of a caller for one tie, with what stands against it.
    pub(super) fn tied_facts(&self, caller: &Caller, tied: &Tied) -> Facts {
        Facts {
            shielded: tied.against.is_shielded(),
            withheld: tied.against.is_withheld(),
            in_conflict: tied.in_conflict,
            ..self.facts(caller, tied.tie.relationship(), true)
        }
    }

    /// The facts of a caller for one relationship.
    pub(super) fn facts(&self, caller: &Caller, relationship: Relationship, scope: bool) -> Facts {
        let today = self.clock().today();
        let agreement =
            self.directory().current().agreement(caller.organisation.id, caller.purpose, today).is_some();
        Facts {
            role: caller.role,
            purpose: caller.purpose,
            organisation_kind: caller.organisation.kind,
            organisation_live: caller.organisation.standing == Standing::Live,
            lane: lane_of(caller),
            agreement_live: agreement,
            relationship,
            scope,
            shielded: false,
            withheld: false,
            in_conflict: false,
        }
    }

    /// Sections that the caller's system may be given without a proved person (with one, no rule asks for it): those of its own list, and of health,
    /// sessions and suspension only what the sharing agreement lists.
    pub(super) fn listed(&self, caller: &Caller) -> SectionSet {
        let directory = self.directory().current();
        let agreement = directory.agreement(caller.organisation.id, caller.purpose, self.clock().today());
        let excepted = |e: LaneException| agreement.is_some_and(|a| a.exceptions.contains(&e));
        caller
            .system
            .sections_without_person
            .iter()
            .filter(|section| match section {
                Section::Health => excepted(LaneException::Health),
                Section::Sessions => excepted(LaneException::Sessions),
                Section::Suspension => excepted(LaneException::Suspension),
                Section::Headline
                | Section::Trend
                | Section::Split
                | Section::Punctuality
                | Section::Pattern
                | Section::Enforcement
                | Section::LastSeen
                | Section::Placement
                | Section::Codes
                | Section::SchoolContact => true,
            })
            .collect()
    }

    /// Refuses with 403 an attendance officer whose written authorisation is not in force today (SI 2024/208 reg 12). It is
    /// the person's where one is proved, and else the system's: the refusal is the same for every child, and asked for
    /// before any is looked for.
    pub(super) fn officer_authorised(&self, caller: &Caller) -> Result<(), Refusal> {
        let directory = self.directory().current();
        let officer = (caller.system.id, caller.person.as_ref().map(|person| &person.key));
        let (authority, today) = (caller.organisation.id, self.clock().today());
        let authorised = || directory.authorised_officer(authority, officer, today).is_some();
        if caller.purpose != Purpose::AttendanceDuty || authorised() {
            Ok(())
        } else {
            Err(Refusal::NotAuthorised)
        }
    }

    /// Refuses with 403 what no relationship could ever allow this caller: the same for every child.
    pub(super) fn could_ever(
        &self,
        caller: &Caller,
        scope: Scope,
        actions: &[Action],
    ) -> Result<(), Refusal> {
        let has_scope = caller.system.scopes.contains(&scope);
        let facts = self.facts(caller, Relationship::None, has_scope);
        // Under a mandate that gives no section there is nothing to be told of any child.
        let none = caller.sections == Some(SectionSet::EMPTY);
        let possible =
            !none && actions.iter().any(|action| self.0.policy.ever_allowed(&facts, *action, true));
        if possible { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

/// Whether a conflict is with this child, or with a school that the asker may know it goes to.
pub(super) fn in_conflict(conflicts: &[Conflict], pupil: PupilId, enrolled: &[Enrolled]) -> bool {
    conflicts.iter().any(|conflict| match conflict {
        Conflict::Child(child) => *child == pupil,
        Conflict::School(school) => enrolled.iter().any(|e| !e.protected && e.school == *school),
    })
}

/// The other school of a child's dual registration, where one is main and one subsidiary, both enrolments are live and
/// neither is protected, and each school has recorded the other's URN.
fn counterpart(own: SchoolId, enrolled: &[Enrolled], directory: &Directory) -> Option<SchoolId> {
    let places =
        || enrolled.iter().filter(|e| !e.protected).filter_map(|e| Some((e.school, e.dual.as_ref()?)));
    let urn = |school: SchoolId| directory.school(school).and_then(|s| s.urn.as_deref());
    let names = |place: &DualPlace, school| urn(school).is_some_and(|urn| urn == place.other_school);
    let mutual = places().filter(|(school, _)| *school == own).flat_map(|(_, mine)| {
        places().filter(move |(other, theirs)| {
            *other != own && mine.main != theirs.main && names(mine, *other) && names(theirs, own)
        })
    });
    mutual.map(|(other, _)| other).next()
}

/// Whether there is a child for this agency at all. A protected enrolment does not exist for it, unless it is one of those
/// who protect the child; and without any other neither does the child: not even that a reference does not fit is told.
fn is_there(caller: &Caller, enrolled: &[Enrolled], through_a_case: bool) -> Result<(), Refusal> {
    let home = caller.purpose != Purpose::ResidentConcern || is_home_authority(caller, enrolled);
    let there = through_a_case || enrolled.iter().any(|e| !e.protected);
    if home && there { Ok(()) } else { Err(Refusal::NotFound) }
}

/// Whether a person is proved, and how well.
pub(super) fn lane_of(caller: &Caller) -> Lane {
    match &caller.person {
        None => Lane::System,
        Some(person) if person.attested => Lane::AttestedPerson,
        Some(_) => Lane::Person,
    }
}

/// The refusal where no case fits: a mismatch is told only where there is a case that this system could be asking about;
/// a stranger to the others must not learn that they are there.
fn unfit(kinds: &[InvolvementKind], within: &[InvolvementKind]) -> Refusal {
    if kinds.iter().any(|kind| within.contains(kind)) {
        Refusal::CaseReferenceMismatch
    } else {
        Refusal::NotFound
    }
}

/// Whether a school has recorded, not assumed, that the child's home authority is the caller.
fn is_home_authority(caller: &Caller, enrolled: &[Enrolled]) -> bool {
    let own = caller.organisation.la_code.as_deref();
    own.is_some() && enrolled.iter().any(|e| !e.protected && e.home_authority.as_deref() == own)
}
