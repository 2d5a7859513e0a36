//! The worked cases: registers on paper, with the figures that a person worked out from the text of the law.

use super::super::{COUNTS, Enforcement, Figures};
use super::notation::{Built, Case, Whose, figure, figures, read};
use std::collections::BTreeSet;

const FILES: &[(&str, &str)] = &[
    ("codes", include_str!("../cases/codes.txt")),
    ("rates", include_str!("../cases/rates.txt")),
    ("roll", include_str!("../cases/roll.txt")),
    ("dual", include_str!("../cases/dual.txt")),
    ("closures", include_str!("../cases/closures.txt")),
    ("reasons", include_str!("../cases/reasons.txt")),
    ("enforcement", include_str!("../cases/enforcement.txt")),
    ("sickness", include_str!("../cases/sickness.txt")),
    ("seen", include_str!("../cases/seen.txt")),
    ("pattern", include_str!("../cases/pattern.txt")),
    ("code_sets", include_str!("../cases/code_sets.txt")),
    ("calendars", include_str!("../cases/calendars.txt")),
];

/// What a case may cite by a number, and which numbers that has: laws by regulation or section, papers of the department by
/// section, and decisions.
const NUMBERED: &[(&str, &[&str])] = &[
    ("SI 2024/208 reg ", &["1", "3", "5", "8", "9", "10", "11", "13"]),
    ("SI 2006/1751 reg ", &["12"]),
    ("SI 2007/1867 reg ", &["9A"]),
    ("SI 1999/3181 reg ", &["2", "3"]),
    ("EA 1996 s.", &["8", "19", "434", "579"]),
    ("DfE methodology s.", &["3"]),
    ("DfE absence methodology s.", &["3"]),
    ("decision ", &["15"]),
    ("disclosure ", &["4"]),
];
/// The department's classes and its administrative codes, by the code.
const OF_CODES: &[&str] = &["DfE class of ", "DfE administrative code "];
/// Documents of this project, by the heading of a part.
const DOCUMENTS: &[(&str, &str)] = &[
    ("figures, ", include_str!("../../../../../docs/figures.md")),
    ("files, ", include_str!("../../../../../docs/files.md")),
];
/// The tables of SI 2024/208 reg 10. Y4 is in none: it is reg 10(10).
const TABLES: &[&str] = &["1", "2", "3"];

/// Whether a citation begins, or goes on after a semicolon, with a source that is known and a paragraph that it has; and
/// names no table that there is not.
fn is_known(cites: &str) -> bool {
    let tables = cites.split("Table ").skip(1).all(|rest| TABLES.contains(&number(rest)));
    tables && !cites.contains("Table 3 (Y4") && cites.split("; ").any(has_paragraph)
}

fn has_paragraph(part: &str) -> bool {
    let numbered = |(source, numbers): &(&str, &[&str])| {
        part.strip_prefix(source).is_some_and(|rest| numbers.contains(&number(rest)))
    };
    let headed = |(document, text): &(&str, &str)| {
        let heading = part.strip_prefix(document).and_then(|rest| rest.split(':').next());
        heading.is_some_and(|heading| text.lines().any(|line| line.strip_prefix("## ") == Some(heading)))
    };
    NUMBERED.iter().any(numbered)
        || OF_CODES.iter().any(|of| part.starts_with(of))
        || DOCUMENTS.iter().any(headed)
}

/// The number at the beginning, with its letter.
fn number(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

#[test]
fn a_citation_without_a_paragraph_is_found() {
    for cites in [
        "",
        "SI 2024/208",
        "SI 2024/208 department's administrative code",
        "SI 2024/208 reg 10 Table 4 (X)",
        "SI 2024/208 reg 10 Table 3 (Y4)",
        "SI 2024/208 reg 113",
        "SI 2007/1867 reg 9B",
        "figures, What counts",
        "the calendar",
        "sums of sessions",
    ] {
        assert!(!is_known(cites), "`{cites}`");
    }
    for cites in ["SI 2024/208 reg 10(10)", "the text; decision 15: both", "figures, Which days: from and to"]
    {
        assert!(is_known(cites), "`{cites}`");
    }
}

fn all() -> Vec<(&'static str, Case)> {
    FILES.iter().flat_map(|(file, text)| read(text).into_iter().map(move |case| (*file, case))).collect()
}

#[test]
fn there_are_enough_cases_and_each_has_its_source() {
    let cases = all();
    let mut names = BTreeSet::new();
    for (file, case) in &cases {
        assert!(
            !case.name.is_empty() && names.insert(case.name.clone()),
            "{file}: {} is there twice",
            case.name
        );
        assert!(is_known(&case.cites), "{file}: {} cites `{}`: no known paragraph", case.name, case.cites);
        assert!(!case.expects.is_empty(), "{file}: {} expects nothing", case.name);
    }
    println!("{} worked cases in {} files", cases.len(), FILES.len());
    assert!(names.len() > 250, "{} cases", names.len());
}

#[test]
fn every_case_comes_to_what_was_worked_out() {
    let mut wrong = Vec::new();
    for (file, case) in all() {
        let built = case.build();
        let (each, together) = figures(&case, &built);
        for (whose, expected) in &case.expects {
            let (key, _) = expected.split_once('=').unwrap_or_else(|| panic!("{}: `{expected}`", case.name));
            let got = match whose {
                Whose::Together if DUAL.contains(&key) => dual(key, &each, &built, None),
                Whose::Register(at) if DUAL.contains(&key) => dual(key, &each, &built, Some(*at)),
                Whose::Together => figure(key, &together),
                Whose::Register(at) => figure(key, &each[*at]),
            };
            if format!("{key}={got}") != *expected {
                wrong.push(format!("{file}: {}: expected {expected}, came to {got}", case.name));
            }
        }
        hold(&case, &built, &each);
    }
    assert!(wrong.is_empty(), "{} figures differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Figures that take two registers.
const DUAL: [&str; 2] = ["unmet", "met"];

/// The D of one register, or of all, that no other register met, or the last one that another did.
fn dual(key: &str, each: &[Figures], built: &[Built], whose: Option<usize>) -> String {
    let mut found = BTreeSet::new();
    for (at, one) in built.iter().enumerate().filter(|(at, _)| whose.is_none_or(|w| w == *at)) {
        let others: Vec<&Built> =
            built.iter().enumerate().filter(|(o, _)| *o != at).map(|(_, b)| b).collect();
        let dual = one.dual_met(&each[at], &others);
        if key == "met" { found.extend(dual.last_met) } else { found.extend(dual.unmet) }
    }
    let all: Vec<String> = found.iter().map(|s| format!("{}{}", s.date, s.half)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(",") }
}

/// What must hold of every register: the fast headline is the slow one, and each count is its sessions.
fn hold(case: &Case, built: &[Built], each: &[Figures]) {
    for (one, figures) in built.iter().zip(each) {
        assert_eq!(one.ask(|r| r.counts()), figures.counts, "{}: headline alone", case.name);
        let brief = one.ask(|r| r.headline());
        assert_eq!(brief, (figures.counts, figures.completeness), "{}: headline alone", case.name);
        let derived = one.ask(|r| r.derivation(case.reading, figures));
        for count in COUNTS {
            let figure = usize::try_from((count.figure)(figures)).unwrap();
            assert_eq!(derived.count(count.made), figure, "{}: {}", case.name, count.name);
        }
    }
    let (over, made_by) = Enforcement::over_which(each.iter().map(|figures| &figures.enforcement));
    if let Some(window) = over.worst_window {
        let of = |one: &Built| one.ask(|r| r.unauthorised_in(case.reading, window)).len();
        let listed: usize = built[made_by].iter().map(of).sum();
        assert_eq!(listed, window.unauthorised as usize, "{}: the worst window together", case.name);
    }
}

#[test]
fn a_case_that_is_wrong_is_found() {
    let text = "case a\ncites b\nfrom 2026-09-07\nweek II full\nexpect possible=9\n";
    let broken = std::panic::catch_unwind(|| read(text));
    assert!(broken.is_err(), "`full` is no day");
    let case = &read("case a\ncites b\nfrom 2026-09-07\nweek II /\\\nexpect possible=9\n")[0];
    let built = case.build();
    assert_eq!(figure("possible", &figures(case, &built).0[0]), "4");
}
