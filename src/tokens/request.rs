//! The form of a request for a token, and the refusals of RFC 6749 section 5.2 and RFC 9396 section 5.

use crate::domain::purpose::{Purpose, Role};
use serde::Deserialize;

/// The only kind of client authentication and grant of a system without a person.
const GRANT: &str = "client_credentials";

/// A request for a token, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRequest {
    pub client_id: String,
    pub role: Role,
    pub purpose: Purpose,
}

/// Why no token is given: an error code of the standards, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub error: &'static str,
    pub description: &'static str,
    /// The one word that the audit keeps.
    pub why: &'static str,
}

const fn refusal(error: &'static str, why: &'static str, description: &'static str) -> Refusal {
    Refusal { error, description, why }
}

pub(super) const NO_FORM: Refusal = refusal(
    "invalid_request",
    "request_form",
    "send an application/x-www-form-urlencoded body with each parameter once",
);
const NO_GRANT: Refusal = refusal("invalid_request", "no_grant_type", "send grant_type=client_credentials");
const OTHER_GRANT: Refusal =
    refusal("unsupported_grant_type", "grant_type", "only client_credentials is given here");
pub(super) const NO_CLIENT: Refusal =
    refusal("invalid_client", "no_client_id", "send the client_id that the certificate is registered for");
pub(super) const OTHER_CLIENT: Refusal = refusal(
    "invalid_client",
    "client_of_other_certificate",
    "the certificate is not registered for this client_id; use the system's own",
);
const SCOPE: Refusal =
    refusal("invalid_request", "scope", "leave scope out; send authorization_details with purpose and role");
const SECRET: Refusal = refusal(
    "invalid_request",
    "second_authentication",
    "leave client_secret and client_assertion out; the certificate is the authentication",
);
const DETAILS: Refusal = refusal(
    "invalid_authorization_details",
    "authorization_details",
    "send authorization_details=[{\"type\":\"schoolgate\",\"purpose\":\"...\",\"role\":\"...\"}], one object and no other member",
);
const ROLE: Refusal =
    refusal("invalid_authorization_details", "unknown_role", "the role is not one of the published words");
const PURPOSE: Refusal = refusal(
    "invalid_authorization_details",
    "unknown_purpose",
    "the purpose is not one of the published words",
);
pub(super) const OTHER_ROLE: Refusal = refusal(
    "unauthorized_client",
    "role_of_other_system",
    "the directory does not give this role to this system; ask the operator, or use one that it has",
);

#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    authorization_details: Option<String>,
    scope: Option<String>,
    second: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    r#type: String,
    purpose: String,
    role: String,
}

/// Reads the pairs of a form; a parameter given twice is refused (RFC 6749 section 3.2), an unknown one is ignored.
pub(super) fn read(pairs: Vec<(String, String)>) -> Result<TokenRequest, Refusal> {
    let mut form = Form::default();
    for (name, value) in pairs {
        let place = match name.as_str() {
            "grant_type" => &mut form.grant_type,
            "client_id" => &mut form.client_id,
            "authorization_details" => &mut form.authorization_details,
            "scope" => &mut form.scope,
            "client_secret" | "client_assertion" => &mut form.second,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(NO_FORM);
        }
    }
    match form.grant_type.as_deref() {
        Some(GRANT) => {}
        Some(_) => return Err(OTHER_GRANT),
        None => return Err(NO_GRANT),
    }
    if form.second.is_some() {
        return Err(SECRET);
    }
    if form.scope.is_some() {
        return Err(SCOPE);
    }
    let client_id = form.client_id.ok_or(NO_CLIENT)?;
    let details: [Detail; 1] =
        serde_json::from_str(&form.authorization_details.ok_or(DETAILS)?).map_err(|_| DETAILS)?;
    let [detail] = details;
    if detail.r#type != "schoolgate" {
        return Err(DETAILS);
    }
    let role = Role::parse(&detail.role).ok_or(ROLE)?;
    let purpose = Purpose::parse(&detail.purpose).ok_or(PURPOSE)?;
    Ok(TokenRequest { client_id, role, purpose })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"[{"type":"schoolgate","purpose":"child_protection","role":"social_worker"}]"#;

    fn form(pairs: &[(&str, &str)]) -> Result<TokenRequest, Refusal> {
        read(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn each_wrong_form_has_the_error_of_its_standard() {
        let (grant, client, good) =
            (("grant_type", "client_credentials"), ("client_id", "c"), ("authorization_details", GOOD));
        assert!(form(&[grant, client, good, ("unknown", "x")]).is_ok());
        let details = |text| form(&[grant, client, ("authorization_details", text)]).unwrap_err().error;
        for (result, expected) in [
            (form(&[client, good]), "invalid_request"),
            (form(&[("grant_type", "password"), client, good]), "unsupported_grant_type"),
            (form(&[grant, grant, client, good]), "invalid_request"),
            (form(&[grant, good]), "invalid_client"),
            (form(&[grant, client, good, ("client_secret", "x")]), "invalid_request"),
            (form(&[grant, client, good, ("scope", "x")]), "invalid_request"),
            (form(&[grant, client]), "invalid_authorization_details"),
        ] {
            assert_eq!(result.unwrap_err().error, expected);
        }
        for text in [
            "",
            "{}",
            "[]",
            "[{}]",
            r#"[{"type":"other","purpose":"child_protection","role":"social_worker"}]"#,
            r#"[{"type":"schoolgate","purpose":"curiosity","role":"social_worker"}]"#,
            r#"[{"type":"schoolgate","purpose":"child_protection","role":"boss"}]"#,
            r#"[{"type":"schoolgate","purpose":"child_protection","role":"social_worker","more":1}]"#,
        ] {
            assert_eq!(details(text), "invalid_authorization_details", "{text}");
        }
    }
}
