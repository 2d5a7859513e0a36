//! The reviewed matrix, read from its text: what trials over the wire hold answers against.

use std::collections::{BTreeMap, BTreeSet};

/// A cell's row: purpose, role, kind of organisation, relationship with whether it needs the family's agreement.
pub type Place = (String, String, String, String);

/// Sections by row, with a proved person.
#[derive(Debug)]
pub struct Matrix {
    rows: BTreeMap<Place, BTreeSet<String>>,
}

impl Matrix {
    /// The first table of `policy_matrix.txt`.
    pub fn reviewed() -> Self {
        let text = include_str!("../policy_matrix.txt");
        let table = text.split("\n1. ").nth(1).unwrap().split("\n2. ").next().unwrap();
        let mut lines = table.lines().filter(|line| !line.is_empty()).peekable();
        let header = lines.by_ref().find(|line| line.trim_start().starts_with("headline ")).unwrap();
        let sections: Vec<String> = header.split_whitespace().map(str::to_owned).collect();
        let (mut rows, mut purpose) = (BTreeMap::new(), String::new());
        while let Some(line) = lines.next() {
            if !line.starts_with(' ') {
                line.clone_into(&mut purpose);
            } else if !line.trim_start().starts_with("nobody") {
                let cells = lines.next().unwrap().split_whitespace();
                let given =
                    cells.zip(&sections).filter(|(cell, _)| *cell == "●").map(|(_, name)| name.clone());
                let given: BTreeSet<String> = given.collect();
                for place in places(&purpose, line) {
                    assert!(rows.insert(place, given.clone()).is_none(), "{line} stands twice");
                }
            }
        }
        assert!(rows.len() > 20, "{} rows", rows.len());
        Self { rows }
    }

    /// What may be read there; nothing where there is no row.
    pub fn given(
        &self,
        purpose: &str,
        role: &str,
        kind: &str,
        relationship: &str,
        agreed: bool,
    ) -> BTreeSet<String> {
        let place =
            |relationship: String| (purpose.to_owned(), role.to_owned(), kind.to_owned(), relationship);
        let with = format!("{relationship} (with family_agreement)");
        let found = self.rows.get(&place(relationship.to_owned()));
        found.or_else(|| self.rows.get(&place(with)).filter(|_| agreed)).cloned().unwrap_or_default()
    }

    /// Every place of a row.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.rows.keys()
    }

    /// The place by which this relationship, with the family's agreement, is given anything.
    pub fn place_of(&self, purpose: &str, role: &str, kind: &str, relationship: &str) -> Option<Place> {
        let is = |place: &&Place| {
            (place.0.as_str(), place.1.as_str(), place.2.as_str()) == (purpose, role, kind)
                && place.3.split(' ').next() == Some(relationship)
        };
        self.rows.keys().find(is).cloned()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many rows there are of this purpose, role and kind of organisation.
    pub fn rows_of(&self, purpose: &str, role: &str, kind: &str) -> usize {
        let is =
            |place: &&Place| (place.0.as_str(), place.1.as_str(), place.2.as_str()) == (purpose, role, kind);
        self.rows.keys().filter(is).count()
    }

    /// The rows by which this purpose is given to this role.
    pub fn of(&self, purpose: &str, role: &str) -> usize {
        self.rows.keys().filter(|place| place.0 == purpose && place.1 == role).count()
    }
}

/// `  ROLE, KIND or KIND, through RELATIONSHIP or RELATIONSHIP`.
fn places(purpose: &str, line: &str) -> Vec<Place> {
    let (who, relationships) = line.trim().split_once(", through ").unwrap();
    let (role, kinds) = who.split_once(", ").unwrap();
    let mut all = Vec::new();
    for kind in kinds.split(" or ") {
        for relationship in relationships.split(" or ") {
            let words = [purpose, role, kind, relationship];
            let [purpose, role, kind, relationship] = words.map(str::to_owned);
            all.push((purpose, role, kind, relationship));
        }
    }
    all
}
