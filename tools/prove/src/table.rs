//! The published table, read back from its text: what is proved is what people read.

use super::sources::{Policies, action_of};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Who may do an action: a line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    role: String,
    purpose: String,
    kinds: Vec<String>,
    /// Each with what it takes besides: the family's agreement, or that its time is not over.
    relationships: Vec<(String, &'static str)>,
    who: Who,
}

/// Who stands behind a request that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// A proved person; or a system for what is listed for it.
    PersonOrListed,
    PersonOrSystem,
    PersonOnly,
    SystemOnly,
    /// A person whose second factor is their own to show; and whether it takes a mark on them.
    Shown(Marked),
}

/// Whether an action takes a mark on the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marked {
    Yes,
    No,
}

/// Lines by their action.
pub struct Table(BTreeMap<String, Vec<Line>>);

/// What a person whose second factor is only attested is not given.
const NOT_ATTESTED: [&str; 2] = ["read_health", "read_sessions"];

/// What a system is given without a person only where it is listed.
const LISTED: [&str; 1] = ["find_child_by_name"];

impl Table {
    /// Reads the table of sections with a proved person, and everything else that may be done.
    pub fn read(text: &str) -> Result<Self> {
        let part = |from: &str, to: &str| -> Result<&str> {
            let (_, rest) =
                text.split_once(from).with_context(|| format!("the table has no part `{from}`"))?;
            Ok(rest.split_once(to).map_or(rest, |(part, _)| part))
        };
        let mut table = Self(BTreeMap::new());
        table.sections(part("\n1. With a proved person\n", "\n2. ")?)?;
        table.others(part("\n3. Everything else that may be done\n", "\n4. ")?)?;
        Ok(table)
    }

    fn sections(&mut self, part: &str) -> Result<()> {
        // What is said above the columns is claimed apart.
        let mut lines = part.lines().filter(|line| !line.trim().is_empty());
        let mut lines = lines.by_ref().skip_while(|line| !line.trim_start().starts_with("headline "));
        let columns: Vec<&str> = lines.next().context("no columns")?.split_whitespace().collect();
        let mut purpose = String::new();
        while let Some(line) = lines.next() {
            if !line.starts_with(' ') {
                line.clone_into(&mut purpose);
            } else if !line.trim_start().starts_with("nobody:") {
                let who = Line::read(&purpose, line.trim(), Who::PersonOrListed)?;
                let cells: Vec<&str> =
                    lines.next().context("a line without cells")?.split_whitespace().collect();
                if cells.len() != columns.len() {
                    bail!("`{line}` has {} cells, {} expected", cells.len(), columns.len());
                }
                for (column, _) in columns.iter().zip(cells).filter(|(_, cell)| *cell == "●") {
                    self.0.entry(format!("read_{column}")).or_default().push(who.clone());
                }
            }
        }
        Ok(())
    }

    fn others(&mut self, part: &str) -> Result<()> {
        let mut action = String::new();
        for line in part.lines().filter(|line| !line.trim().is_empty()) {
            if !line.starts_with(' ') {
                line.clone_into(&mut action);
                continue;
            }
            let (purpose, rest) = line.trim().split_once(": ").context("a line without a purpose")?;
            let (who, by) = rest.split_once("; ").context("a line that does not say by whom")?;
            let by = match by {
                "a person only" if LISTED.contains(&action.as_str()) => Who::PersonOrListed,
                "a person only" => Who::PersonOnly,
                "a person or a system" => Who::PersonOrSystem,
                "a system only" => Who::SystemOnly,
                "a person with a second factor only" => Who::Shown(Marked::No),
                "a marked person with a second factor only" => Who::Shown(Marked::Yes),
                other => bail!("`{other}` is not known to the prover"),
            };
            self.0.entry(action.clone()).or_default().push(Line::read(purpose, who, by)?);
        }
        Ok(())
    }

    /// The lines of an action.
    pub fn of(&self, action: &str) -> &[Line] {
        self.0.get(action).map_or(&[], Vec::as_slice)
    }

    /// How many cells there are, and how many of them are empty: role, purpose, kind of organisation, relationship, action.
    pub fn counts(&self, policies: &Policies) -> String {
        let words =
            ["Role", "Purpose", "OrganisationKind", "Relationship"].map(|entity| policies.words(entity));
        let one: usize = words.iter().product();
        let (mut all, mut filled) = (0, 0);
        for kind in policies.kinds_of_request() {
            let lines = self.of(&action_of(&kind));
            if kind.principal().to_string() == "Role" {
                all += one;
                filled += lines.iter().map(|line| line.kinds.len() * line.relationships.len()).sum::<usize>();
            }
        }
        format!(
            "{all} cells of role, purpose, kind of organisation, relationship and action; {filled} filled"
        )
    }
}

impl Line {
    /// Reads `role, kind or kind, through relationship (with family_agreement) or relationship`.
    fn read(purpose: &str, text: &str, who: Who) -> Result<Self> {
        let wrong = || format!("`{text}` is not role, kind, through relationship");
        let (role, rest) = text.split_once(", ").with_context(wrong)?;
        let (kinds, through) = rest.split_once(", through ").with_context(wrong)?;
        let relationship = |word: &str| match word.split_once(" (") {
            None => Ok((word.to_owned(), "")),
            Some((word, "with family_agreement)")) => Ok((word.to_owned(), " && context.family_agreement")),
            Some((word, "while it lasts)")) => Ok((word.to_owned(), " && context.emergency_live")),
            Some(_) => bail!("`{word}` is not known to the prover"),
        };
        Ok(Self {
            role: role.to_owned(),
            purpose: purpose.to_owned(),
            kinds: kinds.split(" or ").map(str::to_owned).collect(),
            relationships: through.split(" or ").map(relationship).collect::<Result<_>>()?,
            who,
        })
    }

    /// The line as a condition of one action.
    pub fn condition(&self, action: &str) -> String {
        let mut text = String::new();
        let kinds: Vec<String> = self.kinds.iter().map(|k| format!("OrganisationKind::\"{k}\"")).collect();
        let through: Vec<String> = self
            .relationships
            .iter()
            .map(|(word, besides)| format!("(context.relationship == Relationship::\"{word}\"{besides})"))
            .collect();
        let who = match self.who {
            Who::PersonOrListed if self.purpose == "own_record" => "true",
            Who::PersonOrListed if self.purpose == "emergency" => "context.lane == Lane::\"person\"",
            Who::Shown(Marked::No) => "context.lane == Lane::\"person\"",
            Who::Shown(Marked::Yes) => "context.lane == Lane::\"person\" && context.listed",
            Who::PersonOrListed => "(context.lane != Lane::\"system\" || context.listed)",
            Who::PersonOrSystem => "true",
            Who::PersonOnly => "context.lane != Lane::\"system\"",
            Who::SystemOnly => "context.lane == Lane::\"system\"",
        };
        let proved =
            if NOT_ATTESTED.contains(&action) { "context.lane != Lane::\"attested_person\"" } else { "true" };
        // Text in memory: writing it cannot fail.
        let _ = write!(
            text,
            "(principal == Role::\"{}\" && context.purpose == Purpose::\"{}\" && \
             [{}].contains(context.organisation_kind) && ({}) && {who} && {proved})",
            self.role,
            self.purpose,
            kinds.join(", "),
            through.join(" || "),
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let text = "early_help_worker, local_authority or partner, through early_help (with family_agreement) or cin";
        let line = Line::read("early_help", text, Who::PersonOrListed).unwrap();
        assert_eq!(line.kinds, ["local_authority", "partner"]);
        assert_eq!(
            line.relationships,
            [("early_help".to_owned(), " && context.family_agreement"), ("cin".to_owned(), "")]
        );
        assert!(Line::read("early_help", "early_help_worker", Who::SystemOnly).is_err());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let table = |by: &str| {
            format!(
                "\n1. With a proved person\n\n  headline trend\n\ncme\n  dsl, school, through enrolment\n   ● –\n\n2. x\n\
                 \n3. Everything else that may be done\n\nfind_child\n  cme: dsl, school, through enrolment; {by}\n\n4. x"
            )
        };
        let read = Table::read(&table("a person or a system")).unwrap();
        assert_eq!(read.of("read_headline").len(), 1);
        assert_eq!(read.of("read_trend").len(), 0);
        assert_eq!(read.of("find_child").len(), 1);
        assert!(Table::read(&table("somebody")).is_err());
        assert!(Table::read(&table("a system only").replace("● –", "●")).is_err());
    }
}
