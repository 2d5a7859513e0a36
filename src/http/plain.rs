//! The admin listener: plain HTTP/1.1 on the loopback address, for the operator's own machine only.

use super::ConnectionLimits;
use super::serve::{Shared, accept_until_stopped, serve_connection};
use axum::Router;
use std::io;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves plain HTTP/1.1 until stopped; refuses a listener on any other address than loopback.
pub async fn serve_plain(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) -> io::Result<()> {
    if !listener.local_addr()?.ip().is_loopback() {
        return Err(io::Error::other("the admin listener has no encryption; give it a loopback address"));
    }
    let shared = Shared { router, limits, stop, tasks: TaskTracker::new() };
    accept_until_stopped(listener, shared, |stream, address, shared| {
        serve_connection(stream, false, address, None, shared)
    })
    .await;
    Ok(())
}
