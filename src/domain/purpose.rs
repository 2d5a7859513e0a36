//! Roles, purposes, kinds of involvement and sections: the vocabulary in which disclosure is decided.
//!
//! The words are those of the published matrix. Which role may do what is not here: that is policy.

use super::words;

words! {
    /// A role that a person or system acts in; exactly one at a time.
    Role {
        /// A local authority's social worker, or one of an organisation that acts for it.
        SocialWorker = "social_worker",
        /// A practitioner of family help: children in need and Early Help, never child protection.
        FamilyHelpPractitioner = "family_help_practitioner",
        /// A worker of Early Help, where the family has agreed.
        EarlyHelpWorker = "early_help_worker",
        /// A school nurse with an accepted referral or an open episode.
        SchoolNurse = "school_nurse",
        /// A practitioner of mental health support, where the family has agreed.
        MentalHealthPractitioner = "mental_health_practitioner",
        /// The virtual school of the authority that looks after the child.
        VirtualSchool = "virtual_school",
        /// A worker of a youth justice service.
        YouthJusticeWorker = "youth_justice_worker",
        /// A local authority's attendance officer, authorised in writing under SI 2024/208 reg 12.
        AttendanceOfficerLa = "attendance_officer_la",
        /// A local authority's officer for children missing education.
        CmeOfficer = "cme_officer",
        /// The school to which a leaver's record is addressed.
        ReceivingSchool = "receiving_school",
        /// A school's own attendance officer.
        SchoolAttendanceOfficer = "school_attendance_officer",
        /// A school's designated safeguarding lead.
        Dsl = "dsl",
        /// A local authority's designated officer for allegations against people who work with children.
        DesignatedOfficer = "designated_officer",
        /// An organisation's data protection officer.
        DataProtectionOfficer = "data_protection_officer",
    }
}

words! {
    /// Why an answer is asked for; each is tied to a legal power and fixed by the kind of the relationship.
    Purpose {
        /// Deciding at the front door whether a referral needs an assessment.
        Screening = "screening",
        /// Assessing and supporting a child in need.
        ChildInNeed = "child_in_need",
        /// Protecting a child from significant harm.
        ChildProtection = "child_protection",
        /// Looking after a child in care.
        LookedAfter = "looked_after",
        /// Early help that the family has agreed to.
        EarlyHelp = "early_help",
        /// School nursing, or mental health support, for a named need.
        SchoolHealth = "school_health",
        /// Working with a child in the youth justice system.
        YouthJustice = "youth_justice",
        /// The authority's duties towards attendance at the schools that return to it.
        AttendanceDuty = "attendance_duty",
        /// A stated concern about a child who lives in the authority.
        ResidentConcern = "resident_concern",
        /// Finding a child missing education.
        Cme = "cme",
        /// A school's work on its own registers.
        OwnRecord = "own_record",
        /// Passing a leaver's record to the next school.
        RecordsTransfer = "records_transfer",
        /// An emergency claimed by a social worker before a case is open.
        Emergency = "emergency",
        /// Reviewing who saw what, and why.
        AuditReview = "audit_review",
        /// Answering a data subject's request for access.
        SubjectAccess = "subject_access",
    }
}

words! {
    /// The kind of an involvement: what an agency is doing with a child.
    InvolvementKind {
        /// A referral being screened.
        FrontDoor = "front_door",
        /// An assessment of need.
        Assessment = "assessment",
        /// A child in need.
        Cin = "cin",
        /// A child protection enquiry, from the strategy discussion on.
        Section47Enquiry = "section_47_enquiry",
        /// A child with a child protection plan.
        Cp = "cp",
        /// A child looked after.
        Cla = "cla",
        /// An early help case.
        EarlyHelp = "early_help",
        /// Family support by the authority or a partner.
        FamilySupport = "family_support",
        /// An accepted referral to, or an open episode of, school nursing.
        SchoolNursing = "school_nursing",
        /// Mental health support.
        MentalHealthSupport = "mental_health_support",
        /// A case of a youth justice service.
        YouthJustice = "youth_justice",
        /// A concern that the child's home authority has opened on a stated referral.
        ResidentConcern = "resident_concern",
    }
}

impl InvolvementKind {
    /// The one purpose that this kind supports: a child-in-need case never supports child protection.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::FrontDoor => Purpose::Screening,
            Self::Assessment | Self::Cin => Purpose::ChildInNeed,
            Self::Section47Enquiry | Self::Cp => Purpose::ChildProtection,
            Self::Cla => Purpose::LookedAfter,
            Self::EarlyHelp | Self::FamilySupport => Purpose::EarlyHelp,
            Self::SchoolNursing | Self::MentalHealthSupport => Purpose::SchoolHealth,
            Self::YouthJustice => Purpose::YouthJustice,
            Self::ResidentConcern => Purpose::ResidentConcern,
        }
    }

    /// Whether a live one counts only while the family's agreement is recorded and not withdrawn.
    pub const fn needs_family_agreement(self) -> bool {
        matches!(self, Self::EarlyHelp | Self::FamilySupport | Self::MentalHealthSupport)
    }
}

impl Purpose {
    /// Whether the relationship behind this purpose is a case, so that a request must carry `Case-Reference`.
    pub const fn is_a_case(self) -> bool {
        matches!(
            self,
            Self::Screening
                | Self::ChildInNeed
                | Self::ChildProtection
                | Self::LookedAfter
                | Self::EarlyHelp
                | Self::SchoolHealth
                | Self::YouthJustice
                | Self::ResidentConcern
        )
    }
}

words! {
    /// A section of an attendance and punctuality summary, in the order in which it is written.
    Section {
        /// Possible, attended and missed sessions, rates, and the flags of persistent and severe absence.
        Headline = "headline",
        /// The headline's figures for each school week.
        Trend = "trend",
        /// Authorised and unauthorised sessions.
        Split = "split",
        /// Lateness before and after the register closed.
        Punctuality = "punctuality",
        /// Absences by weekday and session, and spells of absence.
        Pattern = "pattern",
        /// Sessions lost to illness and medical appointments.
        Health = "health",
        /// Sessions lost to suspension or exclusion, code E.
        Suspension = "suspension",
        /// Unauthorised sessions in the worst 10 school weeks, and the ten-day flag.
        Enforcement = "enforcement",
        /// The last session marked present by the school, and the current run of unexplained absence.
        LastSeen = "last_seen",
        /// Dual registration, part-time timetable, provision elsewhere.
        Placement = "placement",
        /// Every session, by a class that hides the code.
        Sessions = "sessions",
        /// Exact counts of codes, including those that reveal religion, travelling or detention.
        Codes = "codes",
        /// The school's attendance lead and safeguarding lead.
        SchoolContact = "school_contact",
    }
}

/// A set of sections; one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SectionSet(u16);

impl SectionSet {
    /// No section.
    pub const EMPTY: Self = Self(0);

    /// Every section.
    pub fn all() -> Self {
        Section::ALL.iter().copied().collect()
    }

    /// The set with `section` in it.
    #[must_use]
    pub const fn with(self, section: Section) -> Self {
        Self(self.0 | 1 << section as u16)
    }

    /// Whether `section` is in the set.
    pub const fn has(self, section: Section) -> bool {
        self.0 & (1 << section as u16) != 0
    }

    /// What both sets hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set holds nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The sections of the set, in the order of their definition.
    pub fn iter(self) -> impl Iterator<Item = Section> {
        Section::ALL.iter().copied().filter(move |s| self.has(*s))
    }
}

impl FromIterator<Section> for SectionSet {
    fn from_iter<I: IntoIterator<Item = Section>>(sections: I) -> Self {
        sections.into_iter().fold(Self::EMPTY, Self::with)
    }
}
