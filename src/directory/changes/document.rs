//! What operators sign: a change, and the decision of a second operator on one. Canonical JSON, whose exact bytes are
//! signed and kept, so that a stranger can check who let whom in.

use super::plan::Edit;
use super::record::as_value;
use crate::crypto::{Ed25519Key, sha256, to_hex, verify_ed25519};
use crate::directory::Directory;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of the documents that this program writes and reads.
const VERSION: u8 = 1;
/// How long after it was made a document is taken in, so that none can be kept back and used later.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// Which document it is: neither can pass as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A change of the directory.
    DirectoryChange,
    /// A decision on one.
    ChangeDecision,
}

/// What every document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Version of the form.
    v: u8,
    kind: Kind,
    /// Origin of the gateway's log: a document for one gateway is no other's.
    gateway: String,
    /// Name of the operator whose key signs.
    operator: String,
    /// When it was made, UTC.
    made_at: DateTime<Utc>,
}

/// A change of the directory: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Used once.
    pub id: Uuid,
    /// What every document says.
    pub head: Head,
    /// Its edits.
    pub edits: Vec<Edit>,
}

/// What a second operator decides on a waiting change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// The change.
    pub change: Uuid,
    /// SHA-256 of its bytes, hex: what was looked at is what is approved.
    pub digest: String,
    /// Approved, or else refused.
    pub approve: bool,
    /// What every document says.
    pub head: Head,
}

/// A document as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// Ed25519 over them.
    pub signature: Vec<u8>,
}

/// Why a document is nobody's word here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// No operator has this key.
    #[error(
        "this key is no operator's of this gateway; use the key of one, or have it added with `schoolgate operator add`"
    )]
    UnknownOperator,
    /// The signature is not that of the operator whom the document names.
    #[error("the signature does not hold over the bytes of this document; sign it again")]
    Signature,
    /// Not the canonical bytes of a document of this version.
    #[error(
        "this is not a document of this version in its canonical form; make it with the same version as the gateway's"
    )]
    Form,
    /// Made for another gateway.
    #[error("this was signed for another gateway; make it for this one")]
    OtherGateway,
    /// Made too long ago, or later than now.
    #[error("this was signed more than ten minutes from now; check the clock and make it again")]
    Stale,
}

/// An operator who signs, with the gateway signed for.
#[derive(Debug)]
pub struct Signer<'a> {
    /// The private key.
    pub key: &'a Ed25519Key,
    /// The operator's name in the directory.
    pub name: String,
    /// Origin of the gateway's log.
    pub gateway: &'a str,
    /// Real time.
    pub now: DateTime<Utc>,
}

impl<'a> Signer<'a> {
    /// The live operator whose private key this is.
    pub fn new(
        directory: &Directory,
        key: &'a Ed25519Key,
        gateway: &'a str,
        now: DateTime<Utc>,
    ) -> Result<Self, NotSigned> {
        let public = key.public();
        let live = directory.operators.iter().find(|o| o.public_key == public && o.ended_at.is_none());
        let operator = live.ok_or(NotSigned::UnknownOperator)?;
        Ok(Self { key, name: operator.name.clone(), gateway, now })
    }

    /// Signs a change.
    pub fn change(&self, id: Uuid, edits: Vec<Edit>) -> Signed {
        self.signed(&Change { id, head: self.head(Kind::DirectoryChange), edits })
    }

    /// Signs a decision on a change.
    pub fn decision(&self, change: Uuid, document: &[u8], approve: bool) -> Signed {
        let head = self.head(Kind::ChangeDecision);
        self.signed(&Decided { change, digest: to_hex(&sha256(&[document])), approve, head })
    }

    fn head(&self, kind: Kind) -> Head {
        Head {
            v: VERSION,
            kind,
            gateway: self.gateway.to_owned(),
            operator: self.name.clone(),
            made_at: self.now.trunc_subsecs(0),
        }
    }

    fn signed(&self, document: &impl Serialize) -> Signed {
        let bytes = canonical(document);
        let signature = self.key.sign(&bytes).to_vec();
        Signed { bytes, signature }
    }
}

fn canonical(document: &impl Serialize) -> Vec<u8> {
    as_value(document).to_string().into_bytes()
}

/// A document that holds, and the operator who signed it.
trait Headed: Serialize + DeserializeOwned {
    const KIND: Kind;
    fn head(&self) -> &Head;
}

impl Headed for Change {
    const KIND: Kind = Kind::DirectoryChange;
    fn head(&self) -> &Head {
        &self.head
    }
}

impl Headed for Decided {
    const KIND: Kind = Kind::ChangeDecision;
    fn head(&self) -> &Head {
        &self.head
    }
}

impl Signed {
    /// The change, once its signature is found right for a live operator, this gateway and now.
    pub fn change(
        &self,
        directory: &Directory,
        gateway: &str,
        now: DateTime<Utc>,
    ) -> Result<(Change, String), NotSigned> {
        self.verified(directory, gateway, now)
    }

    /// The decision, likewise.
    pub fn decision(
        &self,
        directory: &Directory,
        gateway: &str,
        now: DateTime<Utc>,
    ) -> Result<(Decided, String), NotSigned> {
        self.verified(directory, gateway, now)
    }

    fn verified<T: Headed>(
        &self,
        directory: &Directory,
        gateway: &str,
        now: DateTime<Utc>,
    ) -> Result<(T, String), NotSigned> {
        let document: T = serde_json::from_slice(&self.bytes).map_err(|_| NotSigned::Form)?;
        let head = document.head();
        let operators = &directory.operators;
        let live = operators.iter().find(|o| o.name == head.operator && o.ended_at.is_none());
        let operator = live.ok_or(NotSigned::UnknownOperator)?;
        if !verify_ed25519(&operator.public_key, &self.bytes, &self.signature) {
            return Err(NotSigned::Signature);
        }
        if head.v != VERSION || head.kind != T::KIND || canonical(&document) != self.bytes {
            return Err(NotSigned::Form);
        }
        if head.gateway != gateway {
            return Err(NotSigned::OtherGateway);
        }
        if (now - head.made_at).abs() > FRESH {
            return Err(NotSigned::Stale);
        }
        Ok((document, operator.name.clone()))
    }
}

/// The change of bytes that were verified when they were taken in.
pub(super) fn kept(bytes: &[u8]) -> Option<Change> {
    serde_json::from_slice(bytes).ok()
}
