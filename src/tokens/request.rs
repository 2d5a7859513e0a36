//! The form of a request for a token, and the refusals of RFC 6749 section 5.2, RFC 8693 section 2.2.2 and RFC 9396
//! section 5.

use crate::domain::purpose::{Purpose, Role};
use crate::identity::SubjectKind;
use serde::Deserialize;

/// A system asks for itself.
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// A system asks for a person (RFC 8693 section 2.1).
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// How an assertion of a client is made (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What is given in exchange.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

/// How a client says who it is, beside its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientProof {
    pub client_id: Option<String>,
    /// Signed for this request, where it authenticates by `private_key_jwt`.
    pub assertion: Option<String>,
}

/// A request for a token, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRequest {
    pub client: ClientProof,
    pub details: Details,
    /// The person's token to exchange; none: the system asks for itself.
    pub subject: Option<Subject>,
    /// Names for whom the token is to be; each must be this gateway.
    pub targets: Vec<String>,
}

/// What a token is asked for (RFC 9396).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Details {
    pub role: Role,
    pub purpose: Purpose,
    /// Code of the organisation acted for; absent: the system's own.
    pub organisation: Option<String>,
}

/// A person's token.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub token: String,
    pub kind: SubjectKind,
}

impl std::fmt::Debug for Subject {
    /// Without the token.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Subject").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Why no token is given: an error code of the standards, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub error: &'static str,
    pub description: &'static str,
    /// The one word that the audit keeps.
    pub why: &'static str,
}

pub(super) const fn refusal(error: &'static str, why: &'static str, description: &'static str) -> Refusal {
    Refusal { error, description, why }
}

pub(super) const NO_FORM: Refusal = refusal(
    "invalid_request",
    "request_form",
    "send an application/x-www-form-urlencoded body with each parameter once",
);
const NO_GRANT: Refusal = refusal(
    "invalid_request",
    "no_grant_type",
    "send grant_type=client_credentials, or that of token exchange for a person",
);
const OTHER_GRANT: Refusal = refusal(
    "unsupported_grant_type",
    "grant_type",
    "only client_credentials and token exchange are given here",
);
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
    "client_secret",
    "leave client_secret out; the certificate is the authentication, or with it a client_assertion",
);
const ASSERTION: Refusal = refusal(
    "invalid_request",
    "client_assertion_type",
    "send client_assertion with client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
);
const DETAILS: Refusal = refusal(
    "invalid_authorization_details",
    "authorization_details",
    "send authorization_details=[{\"type\":\"schoolgate\",\"purpose\":\"...\",\"role\":\"...\"}], one object; of other members only organisation may be there",
);
const ROLE: Refusal =
    refusal("invalid_authorization_details", "unknown_role", "the role is not one of the published words");
const PURPOSE: Refusal = refusal(
    "invalid_authorization_details",
    "unknown_purpose",
    "the purpose is not one of the published words",
);
/// The longest code of an organisation.
const CODE_MAX: usize = 100;
pub(super) const ORGANISATION: Refusal = refusal(
    "invalid_authorization_details",
    "unknown_organisation",
    "the organisation is not the code of one in the directory; leave it out to act for the system's own",
);
pub(super) const NOT_ACTING: Refusal = refusal(
    "unauthorized_client",
    "not_acting",
    "the directory does not let this system act for this organisation in this role today; ask the operator",
);
pub(super) const OTHER_ROLE: Refusal = refusal(
    "unauthorized_client",
    "role_of_other_system",
    "the directory does not give this role to this system; ask the operator, or use one that it has",
);
const NO_SUBJECT: Refusal = refusal(
    "invalid_request",
    "no_subject_token",
    "send the person's token as subject_token, with its subject_token_type",
);
const SUBJECT_TYPE: Refusal = refusal(
    "invalid_request",
    "subject_token_type",
    "subject_token_type must be that of an access token, an ID token, or an ID-JAG",
);
const SUBJECT_ALONE: Refusal = refusal(
    "invalid_request",
    "subject_token",
    "leave subject_token out, or ask with grant_type of token exchange",
);
const ACTOR: Refusal = refusal(
    "invalid_request",
    "actor_token",
    "leave actor_token out; the system that acts is the one of the connection",
);
const REQUESTED: Refusal = refusal(
    "invalid_request",
    "requested_token_type",
    "leave requested_token_type out; only access tokens are given",
);
pub(super) const TARGET: Refusal = refusal(
    "invalid_target",
    "target",
    "leave resource and audience out, or name this gateway as its metadata does",
);

#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    authorization_details: Option<String>,
    scope: Option<String>,
    secret: Option<String>,
    assertion: Option<String>,
    assertion_type: Option<String>,
    subject: Option<String>,
    subject_type: Option<String>,
    actor: Option<String>,
    actor_type: Option<String>,
    requested: Option<String>,
    token: Option<String>,
    targets: Vec<String>,
}

/// What one object of `authorization_details` has. A member that is not here is refused, so that none is thought to be
/// heeded that is not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    r#type: String,
    purpose: String,
    role: String,
    #[serde(default)]
    organisation: Option<String>,
}

/// Whether the pairs of a form ask for a token, or take one back, in a way that is understood; the word of why not.
pub fn is_understood(pairs: Vec<(String, String)>) -> Result<(), &'static str> {
    let revocation = read_revocation(pairs.clone());
    read(pairs).map(drop).or(revocation.map(drop)).map_err(|refusal| refusal.why)
}

/// Reads the pairs of a form; a parameter given twice is refused (RFC 6749 section 3.2), an unknown one is ignored.
pub(super) fn read(pairs: Vec<(String, String)>) -> Result<TokenRequest, Refusal> {
    let mut form = Form::of(pairs)?;
    let exchange = match form.grant_type.as_deref() {
        Some(CLIENT_CREDENTIALS) => false,
        Some(TOKEN_EXCHANGE) => true,
        Some(_) => return Err(OTHER_GRANT),
        None => return Err(NO_GRANT),
    };
    if form.scope.is_some() {
        return Err(SCOPE);
    }
    let client = form.client()?;
    let subject = if exchange {
        Some(form.subject()?)
    } else if form.subject.is_some() || form.subject_type.is_some() {
        return Err(SUBJECT_ALONE);
    } else {
        None
    };
    let details = details(&form.authorization_details.ok_or(DETAILS)?)?;
    Ok(TokenRequest { client, details, subject, targets: form.targets })
}

/// Reads the pairs of a form that takes a token back (RFC 7009 section 2.1): the client and the token.
pub(super) fn read_revocation(pairs: Vec<(String, String)>) -> Result<(ClientProof, String), Refusal> {
    const NO_TOKEN: Refusal = refusal("invalid_request", "no_token", "send the access token as token");
    let mut form = Form::of(pairs)?;
    let client = form.client()?;
    Ok((client, form.token.ok_or(NO_TOKEN)?))
}

impl Form {
    fn of(pairs: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut form = Self::default();
        for (name, value) in pairs {
            let place = match name.as_str() {
                "grant_type" => &mut form.grant_type,
                "client_id" => &mut form.client_id,
                "authorization_details" => &mut form.authorization_details,
                "scope" => &mut form.scope,
                "client_secret" => &mut form.secret,
                "client_assertion" => &mut form.assertion,
                "client_assertion_type" => &mut form.assertion_type,
                "subject_token" => &mut form.subject,
                "subject_token_type" => &mut form.subject_type,
                "actor_token" => &mut form.actor,
                "actor_token_type" => &mut form.actor_type,
                "requested_token_type" => &mut form.requested,
                "token" => &mut form.token,
                // These two may be given more than once (RFC 8693 section 2.1).
                "resource" | "audience" => {
                    form.targets.push(value);
                    continue;
                }
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(NO_FORM);
            }
        }
        Ok(form)
    }

    fn client(&mut self) -> Result<ClientProof, Refusal> {
        if self.secret.is_some() {
            return Err(SECRET);
        }
        let (client_id, assertion) = (self.client_id.take(), self.assertion.take());
        match (&assertion, self.assertion_type.as_deref()) {
            (None, None) if client_id.is_none() => Err(NO_CLIENT),
            (None, None) | (Some(_), Some(JWT_BEARER)) => Ok(ClientProof { client_id, assertion }),
            (None | Some(_), Some(_)) | (Some(_), None) => Err(ASSERTION),
        }
    }

    fn subject(&mut self) -> Result<Subject, Refusal> {
        if self.actor.is_some() || self.actor_type.is_some() {
            return Err(ACTOR);
        }
        if self.requested.as_deref().is_some_and(|kind| kind != ACCESS_TOKEN) {
            return Err(REQUESTED);
        }
        let kind = match self.subject_type.as_deref() {
            Some(ACCESS_TOKEN) => SubjectKind::AccessToken,
            Some(ID_JAG) => SubjectKind::IdJag,
            Some(ID_TOKEN) => SubjectKind::IdToken,
            Some(_) => return Err(SUBJECT_TYPE),
            None => return Err(NO_SUBJECT),
        };
        let token = self.subject.take().filter(|token| !token.is_empty()).ok_or(NO_SUBJECT)?;
        Ok(Subject { token, kind })
    }
}

fn details(text: &str) -> Result<Details, Refusal> {
    let [detail]: [Detail; 1] = serde_json::from_str(text).map_err(|_| DETAILS)?;
    if detail.r#type != "schoolgate" {
        return Err(DETAILS);
    }
    let role = Role::parse(&detail.role).ok_or(ROLE)?;
    let purpose = Purpose::parse(&detail.purpose).ok_or(PURPOSE)?;
    let organisation = detail.organisation;
    if organisation.as_ref().is_some_and(|code| code.is_empty() || code.len() > CODE_MAX) {
        return Err(ORGANISATION);
    }
    Ok(Details { role, purpose, organisation })
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
            (("grant_type", CLIENT_CREDENTIALS), ("client_id", "c"), ("authorization_details", GOOD));
        assert!(form(&[grant, client, good, ("unknown", "x")]).is_ok());
        let details = |text| form(&[grant, client, ("authorization_details", text)]).unwrap_err().error;
        for (result, expected) in [
            (form(&[client, good]), "invalid_request"),
            (form(&[("grant_type", "password"), client, good]), "unsupported_grant_type"),
            (form(&[grant, grant, client, good]), "invalid_request"),
            (form(&[grant, good]), "invalid_client"),
            (form(&[grant, client, good, ("client_secret", "x")]), "invalid_request"),
            (form(&[grant, client, good, ("scope", "x")]), "invalid_request"),
            (form(&[grant, client, good, ("client_assertion", "x")]), "invalid_request"),
            (form(&[grant, client, good, ("client_assertion_type", JWT_BEARER)]), "invalid_request"),
            (
                form(&[grant, client, good, ("client_assertion", "x"), ("client_assertion_type", "saml")]),
                "invalid_request",
            ),
            (form(&[grant, client, good, ("subject_token", "x")]), "invalid_request"),
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
            r#"[{"type":"schoolgate","purpose":"child_protection","role":"social_worker","organisation":""}]"#,
            r#"[{"type":"schoolgate","purpose":"child_protection","role":"social_worker","organisation":1}]"#,
            r#"[{"type":"schoolgate","purpose":"child_protection","role":"social_worker","more":1}]"#,
        ] {
            assert_eq!(details(text), "invalid_authorization_details", "{text}");
        }
    }

    #[test]
    fn an_exchange_is_of_one_persons_token_and_for_this_gateway() {
        let base = [("grant_type", TOKEN_EXCHANGE), ("client_id", "c"), ("authorization_details", GOOD)];
        let with = |more: &[(&str, &str)]| form(&[&base[..], more].concat());
        let token = ("subject_token", "a.b.c");
        for (kind, expected) in [
            (ACCESS_TOKEN, SubjectKind::AccessToken),
            (ID_JAG, SubjectKind::IdJag),
            (ID_TOKEN, SubjectKind::IdToken),
        ] {
            let read = with(&[token, ("subject_token_type", kind)]).unwrap();
            assert_eq!(read.subject.unwrap().kind, expected);
        }
        let kind = ("subject_token_type", ID_TOKEN);
        for (more, why) in [
            (vec![], "no_subject_token"),
            (vec![token], "no_subject_token"),
            (vec![kind], "no_subject_token"),
            (vec![("subject_token", ""), kind], "no_subject_token"),
            (
                vec![token, ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")],
                "subject_token_type",
            ),
            (vec![token, kind, ("actor_token", "x")], "actor_token"),
            (vec![token, kind, ("actor_token_type", "x")], "actor_token"),
            (vec![token, kind, ("requested_token_type", ID_TOKEN)], "requested_token_type"),
            (vec![token, token, kind], "request_form"),
        ] {
            let refused = with(&more).unwrap_err();
            assert_eq!((refused.error, refused.why), ("invalid_request", why));
        }
        let aimed = with(&[token, kind, ("audience", "a"), ("resource", "b"), ("resource", "c")]).unwrap();
        assert_eq!(aimed.targets, ["a", "b", "c"]);
        assert!(!format!("{aimed:?}").contains("a.b.c"), "a token is not shown");
    }
}
