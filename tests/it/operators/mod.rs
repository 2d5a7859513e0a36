//! Operators change the directory: by commands of the program beside a running gateway, and through the library.

mod acting;
mod commands;
mod feeds;
pub mod policies;
mod refusals;
mod suppliers;

use crate::support::wire::{Reply, Wire, send};
use crate::support::{Ran, Suite, TestGate, schoolgate as program};
use schoolgate::crypto::{Ed25519Key, from_pem, read_private};
use schoolgate::demo::SystemName;
use schoolgate::demo::run::KEYS;
use schoolgate::directory::DirectoryFile;
use schoolgate::directory::changes::{self, Edit, Missing, Signed, Signer};
use schoolgate::gate::Gate;
use schoolgate::operators::{self, Done, OperatorFault};
use serde_json::{Value, json};
use std::path::PathBuf;
use uuid::Uuid;

/// Registers the tests of this folder.
pub fn register(suite: &mut Suite) {
    commands::register(suite);
    refusals::register(suite);
    feeds::register(suite);
    acting::register(suite);
    suppliers::register(suite);
    policies::register(suite);
}

/// The path of an operator's key: 0 is the first.
fn key_path(gate: &TestGate, operator: usize) -> PathBuf {
    gate.dir().join(KEYS[operator])
}

fn key(gate: &TestGate, operator: usize) -> Ed25519Key {
    let pem = read_private(&key_path(gate, operator)).unwrap();
    Ed25519Key::from_pkcs8(&from_pem(&pem).unwrap()).unwrap()
}

fn gateway(gate: &TestGate) -> String {
    gate.demo.json.log_origin.clone().unwrap()
}

/// Runs a command of an operator on the gateway's database.
pub fn run_as(gate: &TestGate, operator: usize, command: &[&str]) -> Ran {
    let key = key_path(gate, operator).display().to_string();
    plainly(gate, &[command, &["--as", &key]].concat())
}

/// Approves a change as an operator who has looked at it.
pub fn approve(gate: &TestGate, operator: usize, id: &str) -> Ran {
    let shown = told(&plainly(gate, &["change", "show", id]));
    let digest = shown["digest"].as_str().unwrap().to_owned();
    run_as(gate, operator, &["change", "approve", id, "--digest", &digest])
}

/// Runs a command on the gateway's database.
pub fn plainly(gate: &TestGate, command: &[&str]) -> Ran {
    let config = gate.dir().join("schoolgate.toml").display().to_string();
    program(&gate.dir(), [command, &["--config", &config]].concat())
}

/// What a command printed, as JSON.
pub fn told(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// A signed change of an operator's.
fn proposal(gate: &TestGate, operator: usize, edits: Vec<Edit>) -> Signed {
    let (key, inner) = (key(gate, operator), &gate.demo.running.gate);
    let directory = inner.directory().current();
    Signer::new(&directory, &key, &gateway(gate), inner.clock().now()).unwrap().change(Uuid::now_v7(), edits)
}

/// The edits that lead to the file.
fn edits(gate: &Gate, file: &DirectoryFile) -> Vec<Edit> {
    operators::planned(gate, file, Missing::Stand).unwrap()
}

async fn propose(gate: &TestGate, signed: &Signed) -> Result<Done, OperatorFault> {
    operators::propose(&gate.demo.running.gate, &gateway(gate), signed).await
}

async fn decide(
    gate: &TestGate,
    operator: usize,
    change: Uuid,
    approve: bool,
) -> Result<Done, OperatorFault> {
    let (key, inner, name) = (key(gate, operator), &gate.demo.running.gate, gateway(gate));
    let kept = changes::change(inner.db(), change).await.unwrap().unwrap();
    let directory = inner.directory().current();
    let signer = Signer::new(&directory, &key, &name, inner.clock().now()).unwrap();
    operators::decide(inner, &name, &signer.decision(change, &kept.signed.bytes, approve)).await
}

/// Applies some records by both operators.
async fn by_both(gate: &TestGate, file: &DirectoryFile) {
    gate.demo.add_to_directory(file).await.unwrap();
}

/// A system's certificate, with a token for acting for an organisation, or whatever came instead.
async fn acting_for(
    gate: &TestGate,
    (system, organisation): (&SystemName, Option<&str>),
    (role, purpose): (&str, &str),
) -> (Wire, Reply) {
    let mut wire = Wire::with_certificate(gate, &system.certificate());
    let mut detail = json!({"type": "schoolgate", "role": role, "purpose": purpose});
    if let Some(code) = organisation {
        detail["organisation"] = json!(code);
    }
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &system.file_name()),
        ("authorization_details", &json!([detail]).to_string()),
    ];
    let reply = send(wire.http.post(format!("{}/oauth2/token", wire.base)).form(&form)).await;
    reply.json()["access_token"].as_str().unwrap_or_default().clone_into(&mut wire.token);
    (wire, reply)
}

/// An organisation's whole feed.
async fn feed(wire: &Wire) -> Vec<Value> {
    let reply = send(wire.request("GET", "/v1/notifications?limit=200")).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["notifications"].as_array().unwrap().clone()
}
