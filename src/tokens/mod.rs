//! A system is given an access token: `client_credentials` over its certificate (RFC 6749 section 4.4, RFC 8705 section 2).
//!
//! A token says who asks, in which role and why. It opens nothing by itself: what may be seen is decided per request.

mod http;
mod request;

pub use http::{__path_give_token, TokenState, give_token, routes};
