//! What a decision depends on, and nothing else: enums and booleans that identify nobody.
//!
//! Because the space of facts is finite, every decision in it can be walked by a test and remembered.

use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{InvolvementKind, Purpose, Role, Section};
use crate::domain::words;

words! {
    /// Whether a person is proved behind the request.
    Lane {
        /// Only a system is known.
        System = "system",
        /// A person, by a token from their organisation's identity provider.
        Person = "person",
        /// The same, of whose second factor there is only the provider's dated word.
        AttestedPerson = "attested_person",
    }
}

words! {
    /// What the gateway may do of its own accord: a closed list, each with a rule of its own and one entry a batch.
    Duty {
        /// Match agencies' claims to children.
        MatchClaims = "match_claims",
        /// End what is past its retention.
        Retain = "retain",
        /// Retire what stands for a child outside, once its holder has had no relationship for thirty days.
        RetireHandles = "retire_handles",
        /// Tell organisations of certificates that end soon.
        TellExpiring = "tell_expiring",
        /// End involvements that their agency's feed no longer lists.
        Lapse = "lapse",
        /// Follow what happens on the rolls, and tell the teams of open cases promptly.
        FollowRoll = "follow_roll",
        /// Stop an organisation's systems that read far more than its caseload.
        StopLane = "stop_lane",
        /// Tell those who must know of what nobody has answered, countersigned or reviewed in time.
        Escalate = "escalate",
    }
}

/// What ties the caller to what is asked about, live now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relationship {
    /// Nothing: the child is unknown, or is not theirs. Both look the same from here on.
    None,
    /// A live involvement of this kind; whether the family's agreement is recorded and not withdrawn. The second part
    /// counts only for kinds that rest on it ([`InvolvementKind::needs_family_agreement`]).
    Involvement(InvolvementKind, bool),
    /// An enrolment at the caller's own school.
    Enrolment,
    /// An enrolment at the school that the caller's school took over from.
    PredecessorEnrolment,
    /// The child's enrolment at the other school of a dual registration, while main and subsidiary are both live and each
    /// school has recorded the other.
    DualEnrolment,
    /// An enrolment at a school whose returns come to this authority, and the officer's written authorisation is on
    /// record (SI 2024/208 reg 12).
    AuthorisedOfficer,
    /// A claim of an emergency by this person on this child; whether it is within its thirty minutes.
    Emergency(bool),
    /// Being one of those who protect where the child is.
    ProtectingTeam,
    /// A request about no child: the caller's own school or organisation.
    Organisation,
    /// A request about no child: a person whom the own authority lets say which child an ambiguous claim is about.
    DataMatcher,
}

impl Relationship {
    /// The word that policies use; for an involvement, its kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Involvement(kind, _) => kind.as_str(),
            Self::Enrolment => "enrolment",
            Self::PredecessorEnrolment => "predecessor_enrolment",
            Self::DualEnrolment => "dual_enrolment",
            Self::AuthorisedOfficer => "authorised_officer",
            Self::Emergency(_) => "emergency",
            Self::ProtectingTeam => "protecting_team",
            Self::Organisation => "organisation",
            Self::DataMatcher => "data_matcher",
        }
    }

    /// Whether the family agreed, or need not.
    pub const fn family_agreement(self) -> bool {
        match self {
            Self::Involvement(kind, agreed) => agreed || !kind.needs_family_agreement(),
            Self::None
            | Self::Enrolment
            | Self::PredecessorEnrolment
            | Self::DualEnrolment
            | Self::AuthorisedOfficer
            | Self::Emergency(_)
            | Self::ProtectingTeam
            | Self::Organisation
            | Self::DataMatcher => true,
        }
    }

    /// Whether nothing says that its time is over: an emergency's is, once its thirty minutes are.
    pub const fn emergency_live(self) -> bool {
        !matches!(self, Self::Emergency(false))
    }

    /// Every relationship that can be told apart: kinds that rest on the family's agreement twice, with and without it.
    pub fn all() -> impl Iterator<Item = Self> {
        let without = InvolvementKind::ALL.iter().filter(|kind| kind.needs_family_agreement());
        let kinds = InvolvementKind::ALL.iter().map(|kind| Self::Involvement(*kind, true));
        [Self::None]
            .into_iter()
            .chain(kinds)
            .chain(without.map(|kind| Self::Involvement(*kind, false)))
            .chain([Self::Enrolment, Self::PredecessorEnrolment, Self::DualEnrolment])
            .chain([Self::AuthorisedOfficer, Self::Emergency(true), Self::Emergency(false)])
            .chain([Self::ProtectingTeam, Self::Organisation, Self::DataMatcher])
    }
}

/// Everything that a decision may depend on, besides the action and whether it is listed (or, of an action that takes a mark
/// on the person, whether the person has it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent fact that one guard reads by this name"
)]
pub struct Facts {
    /// The one role that the caller acts in.
    pub role: Role,
    /// Why it asks.
    pub purpose: Purpose,
    /// The kind of the organisation that the answer goes to; for a supplier's system the one that it acts for.
    pub organisation_kind: OrganisationKind,
    /// Whether that organisation, and where a supplier acts for it the supplier, may be served.
    pub organisation_live: bool,
    /// Whether a person is proved.
    pub lane: Lane,
    /// Whether a sharing agreement that covers this purpose is live. Read only for questions about a child, and not for
    /// a school's own register.
    pub agreement_live: bool,
    /// What ties the caller to what is asked about.
    pub relationship: Relationship,
    /// Whether the system's registration holds the scope that the action needs.
    pub scope: bool,
    /// Whether a shield on the child names the caller and no exemption applies.
    pub shielded: bool,
    /// Whether the holder decided to withhold this child from the caller.
    pub withheld: bool,
    /// Whether the person who asks has a conflict of interest with the child, or with a school of its.
    pub in_conflict: bool,
}

/// What a question is about. Which one it is, no policy knows: the relationship says whether it is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One child.
    Child,
    /// One school: the caller's own, or one whose returns come to it.
    School,
    /// The caller's own organisation.
    Organisation,
}

impl Subject {
    /// The one entity of its type in the schema.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Child => "this",
            Self::School | Self::Organisation => "own",
        }
    }
}

/// What is asked for: one question each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// One section of a child's attendance and punctuality summary.
    Read(Section),
    /// Find a child by identifier.
    FindChild,
    /// Find a child by name and date of birth.
    FindChildByName,
    /// Be told that what may be read of a child has changed.
    FollowChild,
    /// Shield a child from organisations, teams or persons.
    SetShield,
    /// Decide not to tell somebody of a child.
    Withhold,
    /// Raise the flag that protects where a child is.
    RaiseProtection,
    /// Lower it.
    LowerProtection,
    /// Read the figures of the own school, its year groups and cohorts, as they are.
    ReadSchoolFigures,
    /// Read the figures of the own school's children with a social worker as they are.
    ReadSocialWorkerCohort,
    /// Read what has been published for outsiders of a school's figures.
    ReadPublishedFigures,
    /// Send the own school's calendar.
    SendCalendar,
    /// Send the own school's admission register.
    SendRoll,
    /// Send the own school's marks.
    SendMarks,
    /// Read the report on an upload of the own school's.
    ReadImport,
    /// Open, change or end an involvement of the own organisation's.
    WriteInvolvement,
    /// Read what became of such claims.
    ReadInvolvementReport,
    /// Claim an emergency.
    ClaimEmergency,
    /// Countersign one.
    CountersignEmergency,
    /// Confirm a school's shield.
    ConfirmShield,
    /// Work through what waits for those who protect children.
    WorkProtectingQueue,
    /// Read the own organisation's audit entries.
    ReadAuditEntries,
    /// Read the feed of notices to the own organisation.
    ReadNotifications,
    /// Read which agencies are involved with children on the own roll.
    ReadSchoolInvolvements,
    /// Read the own organisation's claims that are looked at each week.
    ReviewInvolvements,
    /// Read the involvements of the own area that no school is told of.
    ReviewNotTold,
    /// Let go on what was held until a person has looked.
    LetGoOn,
    /// Record a conflict of interest of a person of the own organisation.
    RecordConflict,
    /// See ambiguous claims, and say which child each is about.
    MatchClaim,
}

impl Action {
    /// The actions that are no section, in the order in which the matrix prints them.
    pub const OTHERS: [Self; 28] = [
        Self::FindChild,
        Self::FindChildByName,
        Self::FollowChild,
        Self::SetShield,
        Self::Withhold,
        Self::RaiseProtection,
        Self::LowerProtection,
        Self::ReadSchoolFigures,
        Self::ReadSocialWorkerCohort,
        Self::ReadPublishedFigures,
        Self::SendCalendar,
        Self::SendRoll,
        Self::SendMarks,
        Self::ReadImport,
        Self::WriteInvolvement,
        Self::ReadInvolvementReport,
        Self::ClaimEmergency,
        Self::CountersignEmergency,
        Self::ConfirmShield,
        Self::WorkProtectingQueue,
        Self::ReadAuditEntries,
        Self::ReadNotifications,
        Self::ReadSchoolInvolvements,
        Self::ReviewInvolvements,
        Self::ReviewNotTold,
        Self::LetGoOn,
        Self::RecordConflict,
        Self::MatchClaim,
    ];

    /// Every action.
    pub fn all() -> impl Iterator<Item = Self> {
        Section::ALL.iter().map(|section| Self::Read(*section)).chain(Self::OTHERS)
    }

    /// The word that policies use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read(section) => match section {
                Section::Headline => "read_headline",
                Section::Trend => "read_trend",
                Section::Split => "read_split",
                Section::Punctuality => "read_punctuality",
                Section::Pattern => "read_pattern",
                Section::Health => "read_health",
                Section::Suspension => "read_suspension",
                Section::Enforcement => "read_enforcement",
                Section::LastSeen => "read_last_seen",
                Section::Placement => "read_placement",
                Section::Sessions => "read_sessions",
                Section::Codes => "read_codes",
                Section::SchoolContact => "read_school_contact",
            },
            Self::FindChild => "find_child",
            Self::FindChildByName => "find_child_by_name",
            Self::FollowChild => "follow_child",
            Self::SetShield => "set_shield",
            Self::Withhold => "withhold",
            Self::RaiseProtection => "raise_protection",
            Self::LowerProtection => "lower_protection",
            Self::ReadSchoolFigures => "read_school_figures",
            Self::ReadSocialWorkerCohort => "read_social_worker_cohort",
            Self::ReadPublishedFigures => "read_published_figures",
            Self::SendCalendar => "send_calendar",
            Self::SendRoll => "send_roll",
            Self::SendMarks => "send_marks",
            Self::ReadImport => "read_import",
            Self::WriteInvolvement => "write_involvement",
            Self::ReadInvolvementReport => "read_involvement_report",
            Self::ClaimEmergency => "claim_emergency",
            Self::CountersignEmergency => "countersign_emergency",
            Self::ConfirmShield => "confirm_shield",
            Self::WorkProtectingQueue => "work_protecting_queue",
            Self::ReadAuditEntries => "read_audit_entries",
            Self::ReadNotifications => "read_notifications",
            Self::ReadSchoolInvolvements => "read_school_involvements",
            Self::ReviewInvolvements => "review_involvements",
            Self::ReviewNotTold => "review_not_told",
            Self::LetGoOn => "let_go_on",
            Self::RecordConflict => "record_conflict",
            Self::MatchClaim => "match_claim",
        }
    }

    /// What it is asked about.
    pub const fn subject(self) -> Subject {
        match self {
            Self::Read(_)
            | Self::FindChild
            | Self::FindChildByName
            | Self::FollowChild
            | Self::SetShield
            | Self::Withhold
            | Self::RaiseProtection
            | Self::LowerProtection => Subject::Child,
            Self::ReadSchoolFigures
            | Self::ReadSocialWorkerCohort
            | Self::ReadPublishedFigures
            | Self::SendCalendar
            | Self::SendRoll
            | Self::SendMarks
            | Self::ReadImport
            | Self::ReadSchoolInvolvements => Subject::School,
            Self::WriteInvolvement
            | Self::ReadInvolvementReport
            | Self::ClaimEmergency
            | Self::CountersignEmergency
            | Self::ConfirmShield
            | Self::WorkProtectingQueue
            | Self::ReadAuditEntries
            | Self::ReadNotifications
            | Self::ReviewInvolvements
            | Self::ReviewNotTold
            | Self::LetGoOn
            | Self::RecordConflict
            | Self::MatchClaim => Subject::Organisation,
        }
    }
}
