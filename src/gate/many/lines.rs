//! The sending end of an answer about many children: nothing goes into it but what the log has.
//!
//! Its reader may be as slow as it likes within its limits: between two steps nothing is held for it but one step's lines,
//! and no connection of the database at all.

use super::super::Gate;
use super::Written;
use crate::crypto::{self, Sha256};
use crate::gate::Refusal;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The most bytes handed on at once; a reader has the time of a stall for each.
const PIECE: usize = 64 * 1024;
/// Pieces that may wait for the reader: about one step's lines.
const PIECES: usize = 16;

/// How long a reader may take.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// For [`PIECE`] bytes.
    pub stall: Duration,
    /// For the whole answer.
    pub whole: Duration,
}

/// Why an answer ended before its trailer.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    /// The reader has gone.
    #[error("the client went away")]
    Gone,
    /// The reader took too long.
    #[error("the client read too slowly")]
    TooSlow,
    /// The gate shut, or something below it failed.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

enum Piece {
    Bytes(Bytes),
    End,
}

/// The sending end; dropped before [`Lines::finish`], the answer breaks off, and its reader is told so.
pub struct Lines {
    gate: Gate,
    to: mpsc::Sender<Piece>,
    digest: Sha256,
    count: u64,
    stall: Duration,
    ends: Instant,
}

/// The lines of one step, every one of them in the log.
pub struct RecordedLines {
    bytes: Vec<u8>,
    lines: u64,
}

/// The last line.
#[derive(Serialize)]
struct Trailer {
    trailer: Sums,
}

#[derive(Serialize)]
struct Sums {
    /// Lines before this one.
    count: u64,
    /// SHA-256 of every byte before this line.
    digest: String,
}

/// An answer that broke off.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
struct BrokenOff;

impl Lines {
    /// Both ends.
    pub(super) fn new(gate: Gate, limits: StreamLimits) -> (Self, Body) {
        let (to, from) = mpsc::channel(PIECES);
        let ends = Instant::now() + limits.whole;
        (Self { gate, to, digest: Sha256::default(), count: 0, stall: limits.stall, ends }, body(from))
    }

    /// Makes the entries of a step durable. For a reader who has gone nothing is recorded as given.
    pub async fn record(&self, written: Written) -> Result<RecordedLines, Cut> {
        let Written { bytes, lines, entries, .. } = written;
        if self.to.is_closed() {
            return Err(Cut::Gone);
        }
        self.gate.journal().record_batch(entries).await.map_err(|_| Refusal::Unrecorded)?;
        Ok(RecordedLines { bytes, lines })
    }

    /// Lets go of a step's lines, as fast as the reader takes them.
    pub async fn push(&mut self, RecordedLines { bytes, lines }: RecordedLines) -> Result<(), Cut> {
        self.digest.update(&bytes);
        self.count += lines;
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.send(Piece::Bytes(piece)).await?;
        }
        Ok(())
    }

    /// Ends the answer with its trailer.
    pub async fn finish(mut self) -> Result<(), Cut> {
        let digest = std::mem::take(&mut self.digest).finish();
        let trailer = Trailer { trailer: Sums { count: self.count, digest: crypto::to_hex(&digest) } };
        let mut line = serde_json::to_vec(&trailer).map_err(|_| Refusal::Answer)?;
        line.push(b'\n');
        self.send(Piece::Bytes(line.into())).await?;
        self.send(Piece::End).await
    }

    async fn send(&self, piece: Piece) -> Result<(), Cut> {
        let left = self.ends.saturating_duration_since(Instant::now());
        match timeout(self.stall.min(left), self.to.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Cut::Gone),
            Err(_) => Err(Cut::TooSlow),
        }
    }
}

/// The reading end. An answer that broke off ends with an error, so that no reader takes it for a whole one.
fn body(from: mpsc::Receiver<Piece>) -> Body {
    Body::from_stream(stream::unfold(Some(from), |from| async move {
        let mut from = from?;
        match from.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(from))),
            Some(Piece::End) => None,
            None => Some((Err(BrokenOff), None)),
        }
    }))
}
