//! What an identity provider's token says, as it stands in it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// The claims that every exchange looks at; what a provider's roles, groups and second factor stand in is among the others.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub exp: i64,
    pub iat: i64,
    pub nbf: Option<i64>,
    pub jti: Option<String>,
    pub uti: Option<String>,
    pub azp: Option<String>,
    pub client_id: Option<String>,
    pub appid: Option<String>,
    pub auth_time: Option<i64>,
    pub name: Option<String>,
    pub act: Option<IgnoredAny>,
    pub cnf: Option<Value>,
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// For whom a token is.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Audience {
    /// Whether it is for this one and for nobody else.
    pub fn is_only(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => matches!(many.as_slice(), [one] if one == name),
        }
    }
}

impl Claims {
    /// The texts of a claim: one, or a list of them; anything else in it says nothing.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        match self.others.get(name) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
        }
    }
}
