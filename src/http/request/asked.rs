//! Who asks: the certificate of the connection and the token bound to it, proved before a handler runs.

use crate::gate::{Asked, Gate, Trail};
use crate::http::{Error, SystemLimits};
use crate::identity::{Peer, TokenKeys, authenticate};
use axum::extract::{FromRef, FromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::sync::Arc;

impl<S> FromRequestParts<S> for Asked
where
    S: Send + Sync,
    Gate: FromRef<S>,
    Arc<TokenKeys>: FromRef<S>,
    SystemLimits: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let gate = Gate::from_ref(state);
        // Only the audit layer puts a trail there; a route outside it serves nobody.
        let trail = parts.extensions.get::<Trail>().cloned().ok_or(Error::Internal)?;
        let peer = parts.extensions.get::<Arc<Peer>>().cloned();
        let header = parts.headers.get(AUTHORIZATION).map(|v| v.to_str().unwrap_or("unreadable"));
        let keys = Arc::<TokenKeys>::from_ref(state);
        let directory = gate.directory().current();
        let proved = authenticate(&directory, &keys, peer.as_deref(), header, gate.clock().now())
            .and_then(|caller| caller.acting(&directory, gate.clock().today()));
        let caller = proved.inspect_err(|fault| trail.note(|e| e.reason = Some(fault.why().to_owned())))?;
        trail.caller(&caller);
        SystemLimits::from_ref(state).check(&caller)?;
        Ok(Self { caller, trail })
    }
}
