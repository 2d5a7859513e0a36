//! The admin listener: plain HTTP/1.1 on the loopback address, for the operator's own machine only.

use super::ConnectionLimits;
use super::places::Room;
use super::serve::{Shared, accept_until_stopped, serve_connection};
use crate::http::Metrics;
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
    let shared = Shared { router, events: None, limits, stop, tasks: TaskTracker::new() };
    let entrance = Room::new(limits.connections, "admin_connections_full", Metrics::default());
    accept_until_stopped(listener, shared, entrance, async |stream, address, _place, shared| {
        // What cannot be read here asks for nothing about a child: the audit is not told.
        serve_connection(stream, false, address, None, shared).await;
    })
    .await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn serves_on_loopback_and_refuses_any_other_address() {
        let limits = ConnectionLimits::from(&Limits::default());
        let (router, stop) =
            (Router::new().route("/livez", get(|| async { "alive" })), CancellationToken::new());
        let open = TcpListener::bind("0.0.0.0:0").await.unwrap();
        assert!(serve_plain(open, router.clone(), limits, stop.clone()).await.is_err());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let done = tokio::spawn(serve_plain(listener, router, limits, stop.clone()));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("alive"), "{answer}");
        stop.cancel();
        done.await.unwrap().unwrap();
    }
}
