//! What is claimed of the policies: each claim is a policy that permits what must never be, or what must always be.

use super::sources::{Policies, action_of};
use super::table::Table;
use anyhow::{Context as _, Result};
use cedar_policy::PolicySet;
use std::str::FromStr as _;

/// One claim.
pub struct Claim {
    /// In words.
    pub says: String,
    /// Requests that it is about.
    pub about: PolicySet,
    /// What is claimed of them.
    pub is: Is,
    /// The one action that they ask for, where it is one.
    pub action: Option<String>,
}

/// What is claimed of some requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// None of them is ever allowed.
    Refused,
    /// Each of them is always allowed.
    Allowed,
}

/// No bar stands against a request about a child.
const NO_BAR: &str = "context.organisation_live && context.scope && !context.shielded && !context.withheld && \
     !context.in_conflict && \
     (context.agreement_live || context.purpose == Purpose::\"own_record\")";

/// Nothing stands against a request about a school or an organisation.
const SERVED: &str = "context.organisation_live && context.scope";

/// What must never be, whatever the table says: the head and the condition of the requests, and the claim in words.
const NEVER: [(&str, &str, &str); 21] = [
    ("nothing for an organisation that is suspended", ANYTHING, "!context.organisation_live"),
    ("nothing for a system that is not registered for it", ANYTHING, "!context.scope"),
    (
        "nothing about a child without a sharing agreement, but a school's own register",
        OF_CHILD,
        "!context.agreement_live && context.purpose != Purpose::\"own_record\"",
    ),
    ("no published figures without a sharing agreement", PUBLISHED, "!context.agreement_live"),
    (
        "nothing that rests on the family's agreement without it",
        OF_CHILD,
        "!context.family_agreement && [Relationship::\"early_help\", Relationship::\"family_support\", \
         Relationship::\"mental_health_support\"].contains(context.relationship)",
    ),
    (
        "no section without a person that is not listed, but a school's own register",
        SECTIONS,
        "context.lane == Lane::\"system\" && !context.listed && context.purpose != Purpose::\"own_record\"",
    ),
    ("nothing about a child that is shielded from the caller", OF_CHILD, "context.shielded"),
    ("nothing about a child that is withheld from the caller", OF_CHILD, "context.withheld"),
    ("nothing about a child with whom the person is in conflict", OF_CHILD, "context.in_conflict"),
    (
        "no ambiguous claim, no conflict and nothing held to a system, nor to anybody at a school",
        "principal, action in [Action::\"match_claim\", Action::\"let_go_on\", Action::\"record_conflict\"], resource",
        "context.lane == Lane::\"system\" || context.organisation_kind == OrganisationKind::\"school\"",
    ),
    (
        "nothing about a child without a relationship to it",
        OF_CHILD,
        "[Relationship::\"none\", Relationship::\"organisation\", Relationship::\"data_matcher\"].contains(context.relationship)",
    ),
    (
        "nothing but a school's figures through anything but the own organisation",
        ANYTHING,
        "!(resource is Child) && context.relationship != Relationship::\"organisation\" && \
         !(action == Action::\"match_claim\" && context.relationship == Relationship::\"data_matcher\") && \
         !(action == Action::\"read_published_figures\" && context.relationship == Relationship::\"authorised_officer\")",
    ),
    (
        "no child protection where the only live kind is a child-in-need plan",
        OF_CHILD,
        "context.purpose == Purpose::\"child_protection\" && context.relationship == Relationship::\"cin\"",
    ),
    (
        "nothing about a child in an emergency but through the claim of one",
        OF_CHILD,
        "context.purpose == Purpose::\"emergency\" && context.relationship != Relationship::\"emergency\"",
    ),
    (
        "nothing through the claim of an emergency that is over",
        OF_CHILD,
        "context.relationship == Relationship::\"emergency\" && !context.emergency_live",
    ),
    (
        "nothing in an emergency without a proved person who shows a second factor",
        OF_CHILD,
        "context.purpose == Purpose::\"emergency\" && context.lane != Lane::\"person\"",
    ),
    (
        "no bar is set or lifted, and no emergency claimed or countersigned, without such a person",
        BY_PERSONS,
        "context.lane != Lane::\"person\"",
    ),
    (
        "nothing lowers the flag that protects a child but being one of those who protect it",
        "principal, action == Action::\"lower_protection\", resource",
        "context.relationship != Relationship::\"protecting_team\"",
    ),
    (
        "no health and no sessions for a person whose second factor is only attested",
        "principal, action in [Action::\"read_health\", Action::\"read_sessions\"], resource",
        "context.lane == Lane::\"attested_person\"",
    ),
    (
        "no feed of changes for a person",
        "principal, action == Action::\"follow_child\", resource",
        "context.lane != Lane::\"system\"",
    ),
    (
        "nothing about a child for a supplier or a trust as themselves",
        OF_CHILD,
        "[OrganisationKind::\"vendor\", OrganisationKind::\"trust\"].contains(context.organisation_kind)",
    ),
];

const BY_PERSONS: &str = "principal, action in [Action::\"set_shield\", Action::\"withhold\", \
     Action::\"raise_protection\", Action::\"lower_protection\", Action::\"claim_emergency\", \
     Action::\"countersign_emergency\", Action::\"confirm_shield\", Action::\"work_protecting_queue\"], resource";
const ANYTHING: &str = "principal, action in Action::\"for_caller\", resource";
const OF_CHILD: &str = "principal, action in Action::\"about_child\", resource";
const SECTIONS: &str =
    "principal, action in [Action::\"read_summary\", Action::\"find_child_by_name\"], resource";
const PUBLISHED: &str = "principal, action == Action::\"read_published_figures\", resource";

/// Every claim: what must never be, and for each action that its cells of the table are filled and empty as printed.
pub fn all(policies: &Policies, table: &Table) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for (says, head, when) in NEVER {
        let text = format!("permit ({head}) when {{ {when} }};");
        claims.push(claim(says.to_owned(), Is::Refused, None, &text)?);
    }
    for kind in policies.kinds_of_request() {
        let action = action_of(&kind);
        let head = format!("principal, action == Action::\"{action}\", resource");
        if kind.principal().to_string() == "Gateway" {
            let says = format!("{action}: done by the gateway of its own accord");
            claims.push(claim(says, Is::Allowed, Some(&action), &format!("permit ({head});"))?);
            continue;
        }
        let cells: Vec<String> = table.of(&action).iter().map(|line| line.condition(&action)).collect();
        let filled = if cells.is_empty() { "false".to_owned() } else { cells.join(" ||\n") };
        let open = match (kind.resource().to_string().as_str(), action.as_str()) {
            ("Child", _) => NO_BAR.to_owned(),
            (_, "read_published_figures") => format!("{SERVED} && context.agreement_live"),
            _ => SERVED.to_owned(),
        };
        let says = format!("{action}: every empty cell of the table is empty");
        let text = format!("permit ({head}) when {{ !({filled}) }};");
        claims.push(claim(says, Is::Refused, Some(&action), &text)?);
        let says = format!("{action}: every filled cell of the table is filled, where nothing bars");
        let text = format!("permit ({head}) when {{ ({open}) && ({filled}) }};");
        claims.push(claim(says, Is::Allowed, Some(&action), &text)?);
    }
    Ok(claims)
}

fn claim(says: String, is: Is, action: Option<&str>, text: &str) -> Result<Claim> {
    let about = PolicySet::from_str(text).with_context(|| format!("the claim `{says}` does not read"))?;
    Ok(Claim { says, about, is, action: action.map(str::to_owned) })
}
