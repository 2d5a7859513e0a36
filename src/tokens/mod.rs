//! A system, or a person through it, is given an access token: `client_credentials` (RFC 6749 section 4.4) or token
//! exchange (RFC 8693), over the system's certificate (RFC 8705 section 2) and, where it likes, its own signature
//! (RFC 7523).
//!
//! A token says who asks, in which role and why. It opens nothing by itself: what may be seen is decided per request.

mod client;
mod exchange;
mod http;
mod metadata;
mod request;
mod revoke;

pub use http::{__path_give_token, TokenState, give_token, routes};
pub use metadata::{
    __path_describe_authorization_server, __path_describe_protected_resource, __path_publish_keys,
    describe_authorization_server, describe_protected_resource, metadata_address, publish_keys,
};
pub use request::is_understood;
pub use revoke::{__path_revoke_token, revoke_token};
