use super::*;
use chrono::Datelike;
use std::collections::{HashMap, HashSet};

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn demo() -> Authority {
    Authority::generate(Options::new(1, day(2026, 11, 20)))
}

/// Every enrolment with its marks.
fn marked(authority: &Authority) -> impl Iterator<Item = (&Enrolment, Vec<Mark>)> {
    let of = move |school| move |e| (e, authority.marks(school, e));
    authority.schools.iter().flat_map(move |school| school.enrolments.iter().map(of(school)))
}

/// Possible and missed sessions of every enrolment with at least one possible session, between two days, counted here by
/// the statistical classes of SI 2024/208 reg 10 and not by the gateway's own code.
fn counts(authority: &Authority, from: NaiveDate, to: NaiveDate) -> Vec<(usize, usize)> {
    let missed = ["C1", "M", "J1", "S", "C2", "C", "T", "R", "I", "E", "G", "N", "O", "U"];
    let attended = ["/", "\\", "L", "K", "V", "P", "W", "B"];
    marked(authority)
        .map(|(_, marks)| {
            let marks = marks.iter().filter(|m| from <= m.date && m.date <= to);
            let codes: Vec<&str> = marks.map(|m| m.code).collect();
            let count = |set: &[&str]| codes.iter().filter(|c| set.contains(c)).count();
            (count(&missed) + count(&attended), count(&missed))
        })
        .filter(|(possible, _)| *possible > 0)
        .collect()
}

#[test]
fn absence_has_the_national_shape_last_year_and_this() {
    let authority = demo();
    for (label, from, to) in [
        ("last year, whole", day(2025, 8, 1), day(2026, 7, 31)),
        ("this year to date", day(2026, 8, 1), day(2026, 11, 20)),
    ] {
        let counts = counts(&authority, from, to);
        let per_mille = |part: usize, whole: usize| part * 1000 / whole;
        let overall = per_mille(counts.iter().map(|c| c.1).sum(), counts.iter().map(|c| c.0).sum());
        let persistent = per_mille(counts.iter().filter(|c| c.1 * 10 >= c.0).count(), counts.len());
        let severe = per_mille(counts.iter().filter(|c| c.1 * 2 >= c.0).count(), counts.len());
        assert!((60..70).contains(&overall), "{label}: overall {overall}");
        assert!((160..200).contains(&persistent), "{label}: persistent {persistent}");
        assert!((15..25).contains(&severe), "{label}: severe {severe}");
    }
}

#[test]
fn mondays_and_fridays_are_worse_than_wednesdays_and_illness_is_the_commonest_reason() {
    let authority = demo();
    let (mut by_weekday, mut codes) = ([(0_usize, 0_usize); 5], HashMap::<&str, usize>::new());
    for mark in marked(&authority).flat_map(|(_, marks)| marks) {
        if ["D", "#", "Y4"].contains(&mark.code) {
            continue;
        }
        let cell = &mut by_weekday[mark.date.weekday().num_days_from_monday() as usize];
        cell.0 += 1;
        if !["/", "\\", "L", "K", "V", "P", "W", "B"].contains(&mark.code) {
            cell.1 += 1;
            *codes.entry(mark.code).or_default() += 1;
        }
    }
    let rate = |i: usize| by_weekday[i].1 * 10_000 / by_weekday[i].0;
    assert!(rate(4) > rate(2) && rate(0) > rate(2), "{by_weekday:?}");
    assert_eq!(codes.iter().max_by_key(|c| c.1).map(|c| *c.0), Some("I"), "{codes:?}");
    for code in ["M", "C", "E", "O", "N", "G", "U", "R", "T", "C2"] {
        assert!(codes.contains_key(code), "{code} of {codes:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_authority_and_another_seed_another() {
    let print = |seed| {
        let authority = Authority::generate(Options::new(seed, day(2026, 11, 20)));
        let marks: Vec<Vec<Mark>> = marked(&authority).map(|(_, marks)| marks).collect();
        format!("{authority:?} {marks:?}")
    };
    let first = print(1);
    assert!(first == print(1));
    assert!(first != print(2));
}

#[test]
fn every_upn_has_its_check_letter_and_belongs_to_one_child() {
    let letters: Vec<char> = "ABCDEFGHJKLMNPQRTUVWXYZ".chars().collect();
    let mut children: HashMap<String, (NaiveDate, String)> = HashMap::new();
    for e in demo().schools.iter().flat_map(|s| &s.enrolments) {
        let upn: Vec<char> = e.child.upn.chars().collect();
        assert_eq!(upn.len(), 13);
        let mut sum = 0;
        for (position, c) in upn.iter().enumerate().skip(1) {
            let value = c
                .to_digit(10)
                .map_or_else(|| letters.iter().position(|l| l == c).unwrap(), |digit| digit as usize);
            sum += value * (position + 1);
        }
        assert_eq!(letters[sum % 23], upn[0], "{}", e.child.upn);
        let who = (e.child.date_of_birth, e.child.surname.clone());
        assert_eq!(children.entry(e.child.upn.clone()).or_insert(who.clone()), &who, "one number, one child");
    }
}

#[test]
fn ages_fit_year_groups_and_marks_fit_the_calendar_and_the_roll() {
    for today in [day(2026, 11, 20), day(2026, 11, 22), day(2026, 9, 4), day(2027, 6, 3), day(2025, 3, 3)] {
        let authority = Authority::generate(Options::new(3, today));
        for school in &authority.schools {
            let slots: HashMap<NaiveDate, &str> =
                school.calendars.iter().flat_map(|c| &c.days).map(|d| (d.date, d.slot)).collect();
            let mut numbers = HashSet::new();
            for e in &school.enrolments {
                assert!(numbers.insert(&e.school_pupil_id));
                // Who left at the end of last year is in that year's group.
                let last_year = &school.calendars[0];
                let left = e.last_day.is_some() && e.last_day == last_year.last_open();
                let year = last_year.start_year + i32::from(!left);
                let born = e.child.date_of_birth;
                let cohort = if born.month() >= 9 { born.year() } else { born.year() - 1 };
                assert_eq!(year - cohort - 5, e.year_group, "{e:?}");
                let marks = authority.marks(school, e);
                for mark in &marks {
                    assert!(mark.date <= today && e.on_roll(mark.date));
                    let slot = slots[&mark.date];
                    assert!(slot == "open" || mark.code == "#", "{} on a day that is {slot}", mark.code);
                    assert!(mark.code != "#" || slot == "inset");
                    assert_eq!(mark.recorded_at.date_naive(), mark.date);
                }
                let weekend = |at: chrono::DateTime<chrono::Utc>| at.weekday().num_days_from_monday() > 4;
                let changes = marks.iter().filter_map(|m| m.amendment.as_ref());
                assert!(changes.clone().all(|c| !weekend(c.at) && c.at.date_naive() <= today));
                assert!(marks.is_sorted_by(|a, b| (a.date, a.session) < (b.date, b.session)));
            }
        }
    }
}

#[test]
fn codes_before_19_august_2024_are_of_the_old_set() {
    let authority = Authority::generate(Options::new(1, day(2025, 3, 3)));
    let change = day(2024, 8, 19);
    let marks = marked(&authority).flat_map(|(_, marks)| marks);
    let (old, new): (Vec<Mark>, Vec<Mark>) = marks.partition(|m| m.date < change);
    assert!(old.iter().all(|m| !["C1", "C2", "J1", "K", "Y4", "Q"].contains(&m.code)));
    assert!(old.iter().any(|m| m.code == "Y") && new.iter().any(|m| m.code == "Y4"));
    assert!(new.iter().all(|m| !["H", "J", "Y"].contains(&m.code)));
}

#[test]
fn the_awkward_are_what_they_are_called() {
    let authority = demo();
    let cast = &authority.cast;
    let of = |place| authority.enrolment(place).unwrap();
    let marks = |place: Place| authority.marks(&authority.schools[place.school], of(place));
    let codes = |place| marks(place).iter().map(|m| m.code).collect::<Vec<_>>();
    let (main, other) = (of(cast.dual_main), of(cast.dual_subsidiary));
    assert_eq!(main.child, other.child);
    assert_eq!((main.status, other.status), ("main", "subsidiary"));
    let d = |place| {
        marks(place).iter().filter(|m| m.code == "D").map(|m| (m.date, m.session)).collect::<HashSet<_>>()
    };
    let (away, there) = (d(cast.dual_main), d(cast.dual_subsidiary));
    assert!(!away.is_empty() && away.is_disjoint(&there), "away at one school at a time");
    assert_eq!(
        (of(cast.moved_from).child.upn.as_str(), of(cast.moved_from).ground),
        (of(cast.moved_to).child.upn.as_str(), Some("9(1)(a)"))
    );
    assert!(of(cast.moved_from).last_day.unwrap() < of(cast.moved_to).starting_day);
    assert!(of(cast.part_time).part_time && codes(cast.part_time).contains(&"C2"));
    assert!(of(cast.boarder).boarder && codes(cast.boarder).is_empty() && codes(cast.no_marks).is_empty());
    assert_eq!(codes(cast.stale_n).iter().filter(|c| **c == "N").count(), 4);
    assert!(of(cast.protected).whereabouts_protected);
    assert!(of(cast.temporary_upn).child.upn.ends_with('A'));
    assert!(of(cast.apostrophe).child.surname.contains('\'') && of(cast.hyphen).child.forename.contains('-'));
    assert!(cast.scripts.iter().all(|p| !of(*p).child.surname.is_ascii()));
    let [a, b] = cast.siblings.map(of);
    assert_eq!((&a.child.surname, &a.child.address), (&b.child.surname, &b.child.address));
    assert_ne!(a.child.upn, b.child.upn);
    for (place, floor) in [(cast.severe, 2), (cast.persistent, 10)] {
        let all = codes(place);
        let missed =
            all.iter().filter(|c| !["/", "\\", "L", "V", "P", "B", "W", "#", "Y4"].contains(c)).count();
        assert!(missed * floor >= all.len() - 60 / floor, "{missed} of {}", all.len());
    }
    assert!(of(cast.left).last_day.is_some() && of(cast.joined).starting_day > day(2026, 9, 5));
    let apart =
        [cast.dual_main, cast.part_time, cast.left, cast.joined, cast.severe, cast.protected, cast.stale_n];
    assert_eq!(apart.iter().collect::<HashSet<_>>().len(), apart.len());
}

#[test]
fn small_and_large_authorities_have_the_awkward_too_and_no_number_twice() {
    let today = day(2026, 11, 20);
    for (schools, pupils) in [(0, 0), (2, 120), (4, 240), (12, 3000)] {
        let authority = Authority::generate(Options { schools, pupils, ..Options::new(7, today) });
        let cast = &authority.cast;
        let of = |place| authority.enrolment(place).unwrap();
        assert_eq!(of(cast.dual_main).child, of(cast.dual_subsidiary).child, "{schools}");
        assert_ne!(cast.dual_main.school, cast.dual_subsidiary.school);
        assert_eq!(of(cast.moved_from).child, of(cast.moved_to).child);
        let parts = [
            cast.dual_main,
            cast.dual_subsidiary,
            cast.part_time,
            cast.joined,
            cast.left,
            cast.boarder,
            cast.no_marks,
            cast.stale_n,
            cast.moved_from,
            cast.moved_to,
            cast.protected,
            cast.severe,
            cast.persistent,
            cast.temporary_upn,
            cast.apostrophe,
            cast.hyphen,
        ];
        assert_eq!(parts.iter().collect::<HashSet<_>>().len(), parts.len(), "one part each");
        let mut owners: HashMap<&str, (&str, NaiveDate)> = HashMap::new();
        let all = || authority.schools.iter().flat_map(|s| &s.enrolments);
        for e in all() {
            let who = (e.child.surname.as_str(), e.child.date_of_birth);
            assert_eq!(*owners.entry(&e.child.upn).or_insert(who), who);
        }
        let on_roll = all().filter(|e| e.last_day.is_none()).count();
        assert_eq!(on_roll, authority.options.pupils, "one leaves, and one is on two rolls");
        assert!(all().all(|e| e.starting_day.weekday().num_days_from_monday() < 5));
    }
}
