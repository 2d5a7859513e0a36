//! schoolgate: the gate between schools and the agencies around a child.
//!
//! Read from the bottom up: what is true (`domain`), what is held (`store`, `crypto`, `directory`, `outbox`,
//! `registers`), the one door (`policy`, `relationships`, `identity`, `audit`, `gate`), how it is spoken (`http`), then
//! one folder per exchange, and last the process around them. `ARCHITECTURE.md` has the map and two walkthroughs.

// What is true: no clock, network, database, async.
pub mod domain;

// What is held.
pub mod clock;
pub mod config;
pub mod crypto;
pub mod directory;
pub mod outbox;
pub mod registers;
pub mod store;

// The one door.
pub mod audit;
pub mod gate;
pub mod identity;
pub mod policy;
pub mod relationships;

// How it is spoken.
pub mod http;

// What the gateway does.
pub mod certificates;
pub mod disclosures;
pub mod intake;
pub mod involvements;
pub mod notifications;
pub mod operators;
pub mod summaries;
pub mod tokens;

// The process.
pub mod app;
pub mod cli;
pub mod demo;

pub mod router;

/// The very axum that handlers here are written against, for the cases that must not compile.
#[doc(hidden)]
pub use axum;
