//! What is written when a caller is proved or a proof is taken back. It opens nothing: the request that asked has its own
//! entry, which the audit layer writes before its answer leaves.

use super::Gate;
use crate::directory::{self, NotOurs, SeenPerson};
use crate::domain::identifiers::OrganisationId;
use crate::identity::{self, Once, ProvedSubject, SubjectFault};
use crate::store::StoreError;
use chrono::{DateTime, Utc};

impl Gate {
    /// Notes the one use of something; `false`: it was used before, on this gateway or another.
    pub async fn use_once(&self, once: &Once) -> Result<bool, StoreError> {
        let mut tx = self.db().begin().await?;
        let first = identity::use_once(&mut tx, once, self.clock().now()).await?;
        tx.commit().await?;
        Ok(first)
    }

    /// Takes a person in whom a token has proved: the token is used up, and the person is known from then on. Of one who
    /// is not served nothing is written.
    pub async fn take_in(
        &self,
        organisation: OrganisationId,
        proved: &ProvedSubject,
    ) -> Result<Result<(), SubjectFault>, StoreError> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if !identity::use_once(&mut tx, &proved.once, now).await? {
            return Ok(Err(SubjectFault::Replayed));
        }
        let person = &proved.person;
        let (key, teams) = (&person.key, person.teams.as_slice());
        let seen = SeenPerson { organisation, key, display_name: &proved.display_name, teams };
        match directory::seen_person(&mut tx, &seen, now).await? {
            Ok(()) => {}
            Err(NotOurs::Suspended) => return Ok(Err(SubjectFault::Suspended)),
            Err(NotOurs::Elsewhere) => return Ok(Err(SubjectFault::Elsewhere)),
        }
        tx.commit().await?;
        Ok(Ok(()))
    }

    /// Takes an access token back; every gateway refuses it within a second.
    pub async fn revoke_token(&self, token_id: &str, ends: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.db().begin().await?;
        directory::revoke_token(&mut tx, token_id, ends, self.clock().now()).await?;
        tx.commit().await?;
        self.directory().refresh(self.db()).await.map(drop)
    }
}
