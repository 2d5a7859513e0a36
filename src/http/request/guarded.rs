//! Routes about children: only handlers that answer with a [`Released`] body can be put here.

use super::body::{BodyLimit, STALL};
use crate::gate::Released;
use crate::http::Error;
use axum::Extension;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts};
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::future::Future;
use std::time::Duration;

/// A handler whose every answer has been recorded by the gate, or is a problem that the audit layer records.
#[diagnostic::on_unimplemented(
    message = "a /v1 handler must return `Result<Released<_>, http::Error>`",
    note = "open the gate, read with the permit, and let go with `Gate::release` or `Gate::commit`"
)]
pub trait Guarded<T, S>: Handler<T, S> {}

macro_rules! guarded {
    ($($part:ident),* ; $last:ident) => {
        impl<F, Fut, Body, S, M, $($part,)* $last> Guarded<(M, $($part,)* $last,), S> for F
        where
            F: FnOnce($($part,)* $last) -> Fut + Clone + Send + Sync + 'static,
            F: Handler<(M, $($part,)* $last,), S>,
            Fut: Future<Output = Result<Released<Body>, Error>> + Send,
            $($part: FromRequestParts<S> + Send,)*
            $last: FromRequest<S, M> + Send,
        {}
    };
}

guarded!(; A);
guarded!(A; B);
guarded!(A, B; C);
guarded!(A, B, C; D);
guarded!(A, B, C, D; E);
guarded!(A, B, C, D, E; G);
guarded!(A, B, C, D, E, G; H);

/// A router of guarded handlers.
#[derive(Clone, Debug)]
pub struct GuardedRouter<S = ()> {
    routes: Router<S>,
    stall: Duration,
}

impl<S: Clone + Send + Sync + 'static> Default for GuardedRouter<S> {
    fn default() -> Self {
        Self::stalling_after(STALL)
    }
}

impl<S: Clone + Send + Sync + 'static> GuardedRouter<S> {
    /// One whose bodies may take so long for each piece of them.
    #[must_use]
    pub fn stalling_after(stall: Duration) -> Self {
        Self { routes: Router::new(), stall }
    }

    /// Adds a route; `body_bytes` is the most that it reads.
    #[must_use]
    pub fn route<H, T>(self, method: MethodFilter, path: &str, body_bytes: usize, handler: H) -> Self
    where
        H: Guarded<T, S>,
        T: 'static,
    {
        let limited: MethodRouter<S> = on(method, handler).layer(DefaultBodyLimit::max(body_bytes));
        let limit = BodyLimit { bytes: body_bytes, stall: self.stall };
        Self { routes: self.routes.route(path, limited.layer(Extension(limit))), ..self }
    }

    /// The router, to be merged with what is not about children.
    pub fn into_router(self) -> Router<S> {
        self.routes
    }
}
