//! Schools: their phases, numbers, names, staff and calendars.

use super::Options;
use super::calendar::{Calendar, Day, school_year_of};
use super::names;
use super::roll::Enrolment;
use chrono::NaiveDate;

/// A school with everything that its own system holds.
#[derive(Clone, Debug)]
pub struct School {
    /// Six digits.
    pub urn: String,
    /// Seven digits.
    pub laestab: String,
    /// As published.
    pub name: String,
    /// Short name in the directory.
    pub code: String,
    /// `primary`, `secondary`, `all_through` or `special`.
    pub phase: &'static str,
    /// Youngest year group; 0 is reception.
    pub first_year: i32,
    /// Oldest year group.
    pub last_year: i32,
    /// Name and telephone.
    pub attendance_lead: (String, String),
    /// Name and telephone of the designated safeguarding lead.
    pub dsl: (String, String),
    /// Last school year and this one.
    pub calendars: [Calendar; 2],
    /// Everybody on the roll in either year.
    pub enrolments: Vec<Enrolment>,
}

impl School {
    /// Open days of both years up to and including `today`.
    pub fn open_days(&self, today: NaiveDate) -> Vec<&Day> {
        self.calendars.iter().flat_map(Calendar::open_days).filter(|day| day.date <= today).collect()
    }

    /// The open day that is `back` open days before the last one up to `today`; the first when there are fewer.
    pub fn days_ago(&self, today: NaiveDate, back: usize) -> NaiveDate {
        let days = self.open_days(today);
        let index = days.len().saturating_sub(back + 1);
        days.get(index).map_or(today, |day| day.date)
    }
}

/// The schools of the authority, without pupils, each with how many it should have.
pub fn schools(options: &Options) -> Vec<(School, usize)> {
    let kinds: Vec<Kind> = (0..options.schools).map(|index| kind(index, options.schools)).collect();
    let total: usize = kinds.iter().map(|k| k.weight).sum();
    let mut left = options.pupils;
    let mut out = Vec::with_capacity(kinds.len());
    for (index, kind) in kinds.iter().enumerate() {
        let last = index + 1 == kinds.len();
        let size = if last { left } else { options.pupils * kind.weight / total.max(1) };
        left = left.saturating_sub(size);
        out.push((school(index, kind, options), size));
    }
    out
}

struct Kind {
    phase: &'static str,
    title: &'static str,
    years: (i32, i32),
    weight: usize,
}

/// Phases in turn; an authority of two has a primary and an all-through school, so that a child can be at both.
fn kind(index: usize, schools: usize) -> Kind {
    match if schools == 2 && index == 1 { 2 } else { index % 4 } {
        0 => Kind { phase: "primary", title: "Primary School", years: (0, 6), weight: 28 },
        1 => Kind { phase: "secondary", title: "High School", years: (7, 11), weight: 40 },
        2 => Kind { phase: "all_through", title: "Academy", years: (0, 11), weight: 32 },
        _ => Kind { phase: "special", title: "School", years: (0, 11), weight: 10 },
    }
}

fn school(index: usize, kind: &Kind, options: &Options) -> School {
    let year = school_year_of(options.today);
    let word =
        |list: &[&'static str], at: usize| list.get(at % list.len().max(1)).copied().unwrap_or_default();
    let town = names::TOWNS.get(index / names::SCHOOLS.len() % names::TOWNS.len()).map_or("", |town| town.0);
    let prefix = if index < names::SCHOOLS.len() { String::new() } else { format!("{town} ") };
    let urn = (100_000 + index).to_string();
    // 01632 960000 to 960999 is kept free of subscribers for drama.
    let telephone = |offset: usize| format!("01632 960{:03}", (index * 2 + offset) % 1000);
    School {
        laestab: (9_994_001 + index).to_string(),
        name: format!("{prefix}{} {}", word(names::SCHOOLS, index), kind.title),
        code: format!("school-{urn}"),
        urn,
        phase: kind.phase,
        first_year: kind.years.0,
        last_year: kind.years.1,
        attendance_lead: (word(names::STAFF, index * 2).to_owned(), telephone(0)),
        dsl: (word(names::STAFF, index * 2 + 1).to_owned(), telephone(1)),
        calendars: [Calendar::generate(year - 1, index), Calendar::generate(year, index)],
        enrolments: Vec::new(),
    }
}
