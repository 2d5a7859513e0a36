//! What kinds of organisation take part, and whether one may act today.

use super::words;

words! {
    /// The kind of an organisation; a role belongs to some kinds only.
    OrganisationKind {
        /// A school, academy or pupil referral unit: a controller of its own registers.
        School = "school",
        /// A trust or federation that runs schools.
        Trust = "trust",
        /// A local authority in England.
        LocalAuthority = "local_authority",
        /// A provider of health services to children.
        HealthProvider = "health_provider",
        /// A voluntary or other partner under a sharing agreement.
        Partner = "partner",
        /// A supplier whose systems act for others under a mandate.
        Vendor = "vendor",
    }
}

impl OrganisationKind {
    /// Whether its systems may act for a school under a mandate. A school's own system sends its own school only.
    pub const fn may_hold_mandates(self) -> bool {
        match self {
            Self::Vendor | Self::Trust | Self::LocalAuthority => true,
            Self::School | Self::HealthProvider | Self::Partner => false,
        }
    }

    /// Whether it can act for an organisation of another kind: a trust, or a school that leads others, for a school that it
    /// runs; a children's trust, a partner, a health provider or another authority for an authority.
    pub const fn may_act_for(self, other: Self) -> bool {
        match other {
            Self::School => matches!(self, Self::Trust | Self::School),
            Self::LocalAuthority => {
                matches!(self, Self::Trust | Self::Partner | Self::HealthProvider | Self::LocalAuthority)
            }
            Self::Trust | Self::HealthProvider | Self::Partner | Self::Vendor => false,
        }
    }
}

words! {
    /// Whether an organisation may be served; `suspended` is served nothing.
    Standing {
        /// Served as its directory entry says.
        Live = "live",
        /// Served nothing.
        Suspended = "suspended",
    }
}
