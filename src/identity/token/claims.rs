//! What an access token of ours says, as it stands in it: RFC 9068, with RFC 8705, 8693 and 9396.

use super::{Grant, Held, TokenFault};
use crate::directory::PersonKey;
use crate::domain::purpose::{Purpose, Role};
use crate::domain::staff::Marked;
use crate::identity::Person;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far the clocks of two gateways on one database may be apart, in seconds: what one issues, the other reads at once.
pub(super) const APART_SECONDS: i64 = 30;

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub aud: String,
    /// The person, or without one the system.
    sub: String,
    client_id: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    pub jti: String,
    cnf: Confirmation,
    /// The system that acts for the person (RFC 8693 section 4.1); none where nobody is proved behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<PersonClaims>,
    authorization_details: [Detail; 1],
}

#[derive(Serialize, Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

#[derive(Serialize, Deserialize)]
struct Actor {
    sub: String,
}

/// What is needed of a person beside their `sub`.
#[derive(Serialize, Deserialize)]
struct PersonClaims {
    iss: String,
    tenant: String,
    teams: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    marks: Vec<String>,
    attested: bool,
}

#[derive(Serialize, Deserialize)]
struct Detail {
    r#type: String,
    purpose: String,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
}

/// The names that a token carries: who issues it, and for whom it is.
pub(super) struct Names<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
}

fn marks(texts: &[String]) -> Result<Vec<Marked>, TokenFault> {
    texts.iter().map(|text| Marked::parse(text).ok_or(TokenFault::Malformed)).collect()
}

impl Claims {
    /// The claims of a grant that begins and ends at these seconds.
    pub fn of(grant: &Grant<'_>, names: &Names<'_>, token_id: &str, (from, until): (i64, i64)) -> Self {
        let person = grant.person;
        Self {
            iss: names.issuer.to_owned(),
            aud: names.audience.to_owned(),
            sub: person.map_or(grant.client_id, |person| &person.key.subject).to_owned(),
            client_id: grant.client_id.to_owned(),
            iat: from,
            nbf: from - APART_SECONDS,
            exp: until,
            jti: token_id.to_owned(),
            cnf: Confirmation { thumbprint: URL_SAFE_NO_PAD.encode(grant.thumbprint) },
            act: person.map(|_| Actor { sub: grant.client_id.to_owned() }),
            person: person.map(|person| PersonClaims {
                iss: person.key.issuer.clone(),
                tenant: person.key.tenant.clone(),
                teams: person.teams.clone(),
                marks: person.marks.iter().map(ToString::to_string).collect(),
                attested: person.attested,
            }),
            authorization_details: [Detail {
                r#type: "schoolgate".to_owned(),
                purpose: grant.purpose.as_str().to_owned(),
                role: grant.role.as_str().to_owned(),
                organisation: grant.organisation.map(str::to_owned),
            }],
        }
    }

    /// What they say, where they are of the form that this program gives.
    pub fn held(self, longest: i64) -> Result<Held, TokenFault> {
        if self.exp.checked_sub(self.iat).is_none_or(|seconds| seconds > longest) {
            return Err(TokenFault::Expired);
        }
        let [detail] = self.authorization_details;
        let person = match (self.person, self.act) {
            (None, None) if self.sub == self.client_id => None,
            (Some(person), Some(act)) if act.sub == self.client_id => Some(Arc::new(Person {
                key: PersonKey { issuer: person.iss, tenant: person.tenant, subject: self.sub },
                teams: person.teams,
                marks: marks(&person.marks)?,
                attested: person.attested,
            })),
            _ => return Err(TokenFault::Malformed),
        };
        Ok(Held {
            // It begins when it was issued, whatever else it says of its start.
            times: (self.nbf.max(self.iat.saturating_sub(APART_SECONDS)), self.exp),
            role: Role::parse(&detail.role).ok_or(TokenFault::Malformed)?,
            purpose: Purpose::parse(&detail.purpose).ok_or(TokenFault::Malformed)?,
            organisation: detail.organisation,
            client_id: self.client_id,
            token_id: self.jti,
            bound_to: self.cnf.thumbprint,
            person,
        })
    }
}
