//! Roles, purposes, kinds of involvement and sections: the vocabulary in which disclosure is decided.
//!
//! The words are those of the published matrix. Which role may do what is not here: that is policy.

use super::words;

words! {
    /// A role that a person or system acts in; exactly one at a time.
    Role {
        SocialWorker = "social_worker",
        FamilyHelpPractitioner = "family_help_practitioner",
        EarlyHelpWorker = "early_help_worker",
        SchoolNurse = "school_nurse",
        MentalHealthPractitioner = "mental_health_practitioner",
        VirtualSchool = "virtual_school",
        YouthJusticeWorker = "youth_justice_worker",
        AttendanceOfficerLa = "attendance_officer_la",
        CmeOfficer = "cme_officer",
        ReceivingSchool = "receiving_school",
        SchoolAttendanceOfficer = "school_attendance_officer",
        Dsl = "dsl",
        DesignatedOfficer = "designated_officer",
        DataProtectionOfficer = "data_protection_officer",
    }
}

words! {
    /// Why an answer is asked for; each is tied to a legal power and fixed by the kind of the relationship.
    Purpose {
        Screening = "screening",
        ChildInNeed = "child_in_need",
        ChildProtection = "child_protection",
        LookedAfter = "looked_after",
        EarlyHelp = "early_help",
        SchoolHealth = "school_health",
        YouthJustice = "youth_justice",
        AttendanceDuty = "attendance_duty",
        ResidentConcern = "resident_concern",
        Cme = "cme",
        OwnRecord = "own_record",
        RecordsTransfer = "records_transfer",
        Emergency = "emergency",
        AuditReview = "audit_review",
        SubjectAccess = "subject_access",
    }
}

words! {
    /// The kind of an involvement: what an agency is doing with a child.
    InvolvementKind {
        FrontDoor = "front_door",
        Assessment = "assessment",
        Cin = "cin",
        Section47Enquiry = "section_47_enquiry",
        Cp = "cp",
        Cla = "cla",
        EarlyHelp = "early_help",
        FamilySupport = "family_support",
        SchoolNursing = "school_nursing",
        MentalHealthSupport = "mental_health_support",
        YouthJustice = "youth_justice",
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

impl Purpose {
    /// The receiver's function and the special category condition, as proposed for the data protection officer to
    /// confirm; written into each entry.
    pub const fn legal_basis(self) -> &'static str {
        match self {
            Self::Screening | Self::ChildInNeed => "CA 1989 s.17, CA 2004 s.10; DPA 2018 Sch 1 para 18",
            Self::ChildProtection | Self::Emergency => {
                "CA 1989 s.47; UK GDPR Art 9(2)(g), DPA 2018 Sch 1 para 18"
            }
            Self::LookedAfter => "CA 1989 s.22; UK GDPR Art 9(2)(g), DPA 2018 Sch 1 para 18",
            Self::EarlyHelp => "CA 2004 s.10",
            Self::SchoolHealth => "CA 2004 s.10; UK GDPR Art 9(2)(h)",
            Self::YouthJustice => "CDA 1998 s.115 (unconfirmed)",
            Self::AttendanceDuty | Self::ResidentConcern => {
                "SI 2024/208 regs 12, 13; CA 2004 s.10; UK GDPR Art 9(2)(g)"
            }
            Self::Cme => "EA 1996 s.436A",
            Self::OwnRecord | Self::RecordsTransfer => "SI 2024/208; SI 2005/1437 reg 9; UK GDPR Art 9(2)(g)",
            Self::AuditReview | Self::SubjectAccess => "UK GDPR Arts 5(2), 15",
        }
    }
}

words! {
    /// A section of an attendance and punctuality summary, in the order in which it is written.
    Section {
        Headline = "headline",
        Trend = "trend",
        Split = "split",
        Punctuality = "punctuality",
        Pattern = "pattern",
        Health = "health",
        Suspension = "suspension",
        Enforcement = "enforcement",
        LastSeen = "last_seen",
        Placement = "placement",
        Sessions = "sessions",
        Codes = "codes",
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
