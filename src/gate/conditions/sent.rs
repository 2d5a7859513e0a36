//! What a request says beside what it asks for.

use crate::audit::Entry;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, header};

/// What a request says of what its sender has, and by which key it can be sent again. Nothing of it is looked at before a
/// permit has been handed out.
#[derive(Clone, Default)]
pub struct Sent {
    target: Option<PathAndQuery>,
    pub(super) if_match: Vec<HeaderValue>,
    pub(super) if_none_match: Vec<HeaderValue>,
    /// Whether an update has been held to the conditions.
    pub(super) judged: bool,
    /// What is known of the state that was written, where it has a tag.
    pub(super) written: Option<HeaderValue>,
    /// The key as it was sent.
    pub(in crate::gate) key: Option<String>,
    /// The key and what was sent with it, once it was looked for and not found.
    pub(in crate::gate) keyed: Option<Keyed>,
    /// What was written, as its answer is told anew.
    pub(in crate::gate) record: Option<String>,
}

/// A key that is kept with the write: MACs, from which neither key nor body can be had.
#[derive(Clone, Copy)]
pub(in crate::gate) struct Keyed {
    /// Of client, person, route and key.
    pub(in crate::gate) scope: [u8; 32],
    /// Of what was sent with it.
    pub(in crate::gate) request: [u8; 32],
}

impl std::fmt::Debug for Sent {
    /// Without anything that its sender chose.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Sent").field("judged", &self.judged).finish_non_exhaustive()
    }
}

impl Sent {
    /// Of a request, with the key that it names, whose form has been checked.
    pub fn of(target: Option<&PathAndQuery>, headers: &HeaderMap, key: Option<String>) -> Self {
        let all = |name| headers.get_all(name).iter().cloned().collect();
        Self {
            target: target.cloned(),
            if_match: all(header::IF_MATCH),
            if_none_match: all(header::IF_NONE_MATCH),
            key,
            ..Self::default()
        }
    }

    /// The path that was asked.
    pub(super) fn path(&self) -> Option<&str> {
        self.target.as_ref().map(PathAndQuery::path)
    }

    /// Path and query that were asked.
    pub(in crate::gate) fn target(&self) -> &str {
        self.target.as_ref().map_or("", PathAndQuery::as_str)
    }

    pub(super) fn is_unjudged(&self) -> bool {
        !(self.judged || self.if_match.is_empty() && self.if_none_match.is_empty())
    }
}

/// Whether a request reads, by its method.
pub(in crate::gate) fn is_read(entry: &Entry) -> bool {
    matches!(entry.method.as_deref(), Some("GET" | "HEAD"))
}
