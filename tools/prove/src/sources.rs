//! A folder of policies, read as the gateway reads it.

use anyhow::{Context as _, Result, bail};
use cedar_policy::{Policy, PolicyId, PolicySet, RequestEnv, Schema, SchemaFragment};
use serde_json::Value;
use std::path::Path;
use std::str::FromStr as _;

/// A schema with its policies, each under its own id.
pub struct Policies {
    schema: Schema,
    words: Value,
    set: PolicySet,
}

impl Policies {
    /// Reads `schema.cedarschema` and every `.cedar` file of a folder.
    pub fn read(dir: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(dir.join("schema.cedarschema"))
            .with_context(|| format!("no schema in `{}`", dir.display()))?;
        let (schema, _) = Schema::from_cedarschema_str(&text)?;
        let words = SchemaFragment::from_cedarschema_str(&text)?.0.to_json_value()?;
        let mut files: Vec<_> = std::fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        let mut set = PolicySet::new();
        for file in files.iter().map(std::fs::DirEntry::path) {
            if file.extension().is_some_and(|extension| extension == "cedar") {
                let text = std::fs::read_to_string(&file)?;
                let read = PolicySet::from_str(&text).with_context(|| format!("`{}`", file.display()))?;
                for policy in read.policies() {
                    let id = policy.annotation("id").context("a policy has no @id")?;
                    set.add(policy.new_id(PolicyId::new(id)))?;
                }
            }
        }
        if set.is_empty() {
            bail!("there is no policy in `{}`", dir.display());
        }
        Ok(Self { schema, words, set })
    }

    /// The vocabulary.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many words an enumerated entity type has.
    pub fn words(&self, entity: &str) -> usize {
        self.words
            .pointer(&format!("//entityTypes/{entity}/enum"))
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    }

    /// All of them.
    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    /// All of them, in an order that is always the same.
    pub fn policies(&self) -> Vec<&Policy> {
        let mut all: Vec<&Policy> = self.set.policies().collect();
        all.sort_by_key(|policy| policy.id().to_string());
        all
    }

    /// Every kind of request: an action with whom and what it applies to.
    pub fn kinds_of_request(&self) -> Vec<RequestEnv> {
        let mut all: Vec<RequestEnv> = self.schema.request_envs().collect();
        all.sort_by_key(action_of);
        all
    }
}

/// The action of a kind of request.
pub fn action_of(kind: &RequestEnv) -> String {
    kind.action().id().unescaped().to_owned()
}
