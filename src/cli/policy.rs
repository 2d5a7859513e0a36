//! `schoolgate policy`: what the rules say, for people.
//!
//! It reads policies and nothing else: no database, no network, nothing about a child.

use crate::crypto::sha256;
use crate::policy::{self, Policy, PolicyError, Sources};
use std::io;
use std::path::Path;

/// The text that `schoolgate policy matrix` prints, from the policies that the gateway was built with.
pub fn matrix() -> Result<String, PolicyError> {
    Ok(policy::matrix(&Policy::embedded(sha256)?))
}

/// Reads `schema.cedarschema`, `legal_bases.toml` and every `*.cedar` of a folder, for a deployment that keeps its own set.
pub fn sources_of(folder: &Path) -> io::Result<Sources> {
    let schema = std::fs::read_to_string(folder.join("schema.cedarschema"))?;
    let bases = std::fs::read_to_string(folder.join("legal_bases.toml"))?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path)?));
        }
    }
    Ok(Sources::new(schema, bases, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is reviewed in the folder is what is built in: no policy file is forgotten in the list of embedded ones.
    #[test]
    fn the_folder_and_the_embedded_set_are_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let read = Policy::load(&sources_of(&folder).unwrap(), sha256).unwrap();
        assert_eq!(read.digest(), Policy::embedded(sha256).unwrap().digest());
    }
}
