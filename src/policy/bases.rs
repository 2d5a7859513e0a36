//! The legal bases of each purpose: data beside the policies, owned by the data protection officer, written into entries.
//!
//! They decide nothing. But a purpose without its basis must not be used, so a file that lacks one is refused at load.

use super::load::PolicyError;
use crate::domain::purpose::Purpose;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The longest text of one part, so that no entry grows by a slip of the pen.
const TEXT_MAX: usize = 80;

/// What stands in an entry, by purpose; none is missing.
#[derive(Debug)]
pub(super) struct Bases(BTreeMap<Purpose, String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basis {
    standing: Standing,
    power: String,
    function: String,
    article_6: Article6,
    condition: String,
    #[serde(default)]
    reason: Option<Reason>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Proposed,
    Confirmed,
}

/// Consent is no basis for what is shared here, so it cannot be written.
#[derive(Clone, Copy, Deserialize)]
enum Article6 {
    #[serde(rename = "6(1)(c)")]
    LegalObligation,
    #[serde(rename = "6(1)(d)")]
    VitalInterests,
    #[serde(rename = "6(1)(e)")]
    PublicTask,
}

/// DPA 2018 Sch 1 para 18(2): why without consent.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    CannotBeGiven,
    CannotBeSought,
    WouldPrejudice,
}

impl Bases {
    /// Reads the file; each purpose must be there, whole, and no other word.
    pub(super) fn read(text: &str) -> Result<Self, PolicyError> {
        let format = ::config::FileFormat::Toml;
        let read = ::config::Config::builder().add_source(::config::File::from_str(text, format)).build();
        let blocks: BTreeMap<String, Basis> = read
            .and_then(::config::Config::try_deserialize)
            .map_err(|error| PolicyError::Bases(error.to_string()))?;
        let mut bases = BTreeMap::new();
        for (word, basis) in blocks {
            let purpose = Purpose::parse(&word)
                .ok_or_else(|| PolicyError::Bases(format!("`{word}` is not a purpose")))?;
            bases.insert(purpose, basis.line(purpose)?);
        }
        match Purpose::ALL.iter().find(|purpose| !bases.contains_key(purpose)) {
            Some(missing) => Err(PolicyError::Bases(format!("`{missing}` is missing"))),
            None => Ok(Self(bases)),
        }
    }

    /// The line of a purpose.
    pub(super) fn of(&self, purpose: Purpose) -> &str {
        self.0.get(&purpose).map_or("", String::as_str)
    }
}

impl Basis {
    /// The line that stands in entries.
    fn line(&self, purpose: Purpose) -> Result<String, PolicyError> {
        for (name, text) in
            [("power", &self.power), ("function", &self.function), ("condition", &self.condition)]
        {
            let length = text.trim().chars().count();
            if length == 0 || length > TEXT_MAX || text.chars().any(char::is_control) {
                return Err(PolicyError::Bases(format!(
                    "`{purpose}` needs a `{name}` of one line of at most {TEXT_MAX} characters"
                )));
            }
        }
        let reason = match (self.condition.contains("para 18"), self.reason) {
            (true, Some(reason)) => reason.words(),
            (false, None) => "",
            (true, None) => {
                return Err(PolicyError::Bases(format!(
                    "`{purpose}` rests on para 18 and needs its `reason`"
                )));
            }
            (false, Some(_)) => {
                return Err(PolicyError::Bases(format!("`{purpose}` has a `reason` without para 18")));
            }
        };
        let Self { power, function, condition, .. } = self;
        let proposed = if self.standing == Standing::Proposed { " [proposed]" } else { "" };
        let article = self.article_6.words();
        Ok(format!(
            "power: {power}; function: {function}; UK GDPR Art {article}; condition: {condition}{reason}{proposed}"
        ))
    }
}

impl Article6 {
    const fn words(self) -> &'static str {
        match self {
            Self::LegalObligation => "6(1)(c)",
            Self::VitalInterests => "6(1)(d)",
            Self::PublicTask => "6(1)(e)",
        }
    }
}

impl Reason {
    const fn words(self) -> &'static str {
        match self {
            Self::CannotBeGiven => ", consent cannot be given",
            Self::CannotBeSought => ", consent cannot be sought",
            Self::WouldPrejudice => ", consent would prejudice",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMBEDDED: &str = include_str!("../../policies/legal_bases.toml");

    #[test]
    fn each_purpose_has_its_line() {
        let bases = Bases::read(EMBEDDED).unwrap();
        assert_eq!(
            bases.of(Purpose::ChildProtection),
            "power: CA 2004 s.10; function: CA 1989 s.47; UK GDPR Art 6(1)(e); condition: Art 9(2)(g), DPA 2018 Sch 1 \
             para 18, consent would prejudice [proposed]"
        );
        // A school's own reading is not the reading of anybody else.
        for purpose in Purpose::ALL {
            let line = bases.of(*purpose);
            assert!(!line.is_empty() && line.len() < 256, "{purpose}: {line}");
            assert_eq!(line.contains("own register"), *purpose == Purpose::OwnRecord, "{purpose}");
        }
        let confirmed = EMBEDDED.replacen("standing = \"proposed\"", "standing = \"confirmed\"", 1);
        assert!(!Bases::read(&confirmed).unwrap().of(Purpose::Screening).contains("proposed"));
    }

    #[test]
    fn a_file_with_a_mistake_is_refused() {
        let (head, cme) = EMBEDDED.split_once("[cme]").unwrap();
        let (_, rest) = cme.split_once("# A school reads").unwrap();
        let changed = |from: &str, to: &str| {
            assert!(EMBEDDED.contains(from), "`{from}` no longer stands there");
            EMBEDDED.replacen(from, to, 1)
        };
        let long = format!("power = \"{}\"", "x".repeat(TEXT_MAX + 1));
        for (text, says) in [
            (format!("{head}# A school reads{rest}"), "`cme` is missing"),
            (changed("[cme]", "[cm]"), "`cm` is not a purpose"),
            (format!("{EMBEDDED}\n[cme]\npower = \"twice\"\n"), "cme"),
            (changed("[cme]\n", "[cme]\nnote = \"x\"\n"), "note"),
            (changed("standing = \"proposed\"", "standing = \"agreed\""), "agreed"),
            (changed("standing = \"proposed\"\n", ""), "standing"),
            (changed("power = \"CA 2004 s.10\"\n", ""), "power"),
            (changed("power = \"CA 2004 s.10\"", "power = \" \""), "needs a `power`"),
            (changed("power = \"CA 2004 s.10\"", &long), "needs a `power`"),
            (changed("function = \"CA 1989 s.17\"", "function = \"\""), "needs a `function`"),
            (changed("article_6 = \"6(1)(e)\"", "article_6 = \"6(1)(a)\""), "6(1)(a)"),
            (changed("condition = \"none\"\n", ""), "condition"),
            (changed("reason = \"cannot_be_sought\"\n", ""), "needs its `reason`"),
            (changed("reason = \"cannot_be_sought\"", "reason = \"busy\""), "busy"),
            (changed("condition = \"DPA 2018 Sch 1 para 18\"", "condition = \"none\""), "without para 18"),
            ("[[".to_owned(), ""),
            (String::new(), "missing"),
        ] {
            let error = Bases::read(&text).unwrap_err();
            assert!(matches!(error, PolicyError::Bases(_)));
            assert!(error.to_string().contains(says), "{says}: {error}");
        }
    }
}
