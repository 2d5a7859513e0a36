//! A person's token is taken in exchange for one of ours (RFC 8693): the system acts, and the person is named.

use super::TokenState;
use super::client::Refused;
use super::request::{Details, Refusal, Subject, refusal};
use crate::directory::{Directory, System};
use crate::identity::{Asking, Noted, ProvedSubject, SubjectFault, prove};

/// RFC 8693 section 2.2.2: a token that is not taken is `invalid_request`, whatever is wrong with it; RFC 9396 section 5:
/// what is asked for and not given is said apart.
fn refused(fault: SubjectFault) -> Refusal {
    let error = match fault {
        SubjectFault::Role | SubjectFault::Attested => "invalid_authorization_details",
        SubjectFault::Unreachable => "temporarily_unavailable",
        SubjectFault::Malformed
        | SubjectFault::Header
        | SubjectFault::Algorithm
        | SubjectFault::Type
        | SubjectFault::Issuer
        | SubjectFault::Tenant
        | SubjectFault::Key
        | SubjectFault::Signature
        | SubjectFault::Audience
        | SubjectFault::Client
        | SubjectFault::Expired
        | SubjectFault::NotYet
        | SubjectFault::Old
        | SubjectFault::SignedInLongAgo
        | SubjectFault::Mfa
        | SubjectFault::Delegated
        | SubjectFault::Bound
        | SubjectFault::Replayed
        | SubjectFault::Suspended
        | SubjectFault::Elsewhere => "invalid_request",
    };
    refusal(error, fault.why(), fault.advice())
}

/// The person whom a token proves to this system, taken in; the token is used up.
pub(super) async fn exchanged(
    state: &TokenState,
    directory: &Directory,
    (system, thumbprint): (&System, [u8; 32]),
    subject: &Subject,
    details: &Details,
    noted: &mut Noted,
) -> Result<ProvedSubject, Refused> {
    let clock = state.gate.clock();
    let asking = Asking {
        token: &subject.token,
        kind: subject.kind,
        system,
        thumbprint,
        role: details.role,
        purpose: details.purpose,
        issuer: state.keys.issuer(),
        audience: state.keys.audience(),
        now: clock.now(),
        today: clock.today(),
    };
    let proved = prove(directory, &state.providers, &asking).await.map_err(refused)?;
    noted.person = Some(proved.person.key.to_string());
    state.gate.take_in(system.organisation, &proved).await?.map_err(refused)?;
    noted.marks = proved.person.marks.iter().map(ToString::to_string).collect();
    Ok(proved)
}
