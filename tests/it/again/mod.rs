//! Asking again: what a body is known by, updates that are held to what stands, and writes that are sent twice. None of it
//! tells anything of a child to whoever is not told already.

mod keys;
mod tags;
mod twice;
mod updates;

use crate::support::Suite;
use crate::support::wire::{Reply, Wire, send};
use serde_json::Value;

/// Registers this folder's tests.
pub fn register(suite: &mut Suite) {
    tags::register(suite);
    updates::register(suite);
    keys::register(suite);
    twice::register(suite);
}

/// Sends JSON with headers.
async fn sent(wire: &Wire, (method, path): (&str, &str), headers: &[(&str, &str)], body: &Value) -> Reply {
    let request = wire.request(method, path).header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(request.body(body.to_string())).await
}

/// Reads with headers.
async fn asked(wire: &Wire, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = wire.request("GET", path);
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

fn tag(reply: &Reply) -> String {
    reply.header("etag").unwrap_or_else(|| panic!("no ETag: {reply:?}")).to_owned()
}
