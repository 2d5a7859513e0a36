//! The worked cases: registers on paper, with the figures that a person worked out from the text of the law.

use super::super::{COUNTS, Figures};
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
        assert!(!case.cites.is_empty(), "{file}: {} cites nothing", case.name);
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
                Whose::Together if key == "unmet" => unmet(&each, &built, None),
                Whose::Register(at) if key == "unmet" => unmet(&each, &built, Some(*at)),
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

/// The D of one register, or of all, that no other register met.
fn unmet(each: &[Figures], built: &[Built], whose: Option<usize>) -> String {
    let mut found = BTreeSet::new();
    for (at, one) in built.iter().enumerate().filter(|(at, _)| whose.is_none_or(|w| w == *at)) {
        let others: Vec<&Built> =
            built.iter().enumerate().filter(|(o, _)| *o != at).map(|(_, b)| b).collect();
        found.extend(one.dual_met(&each[at], &others).unmet);
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
