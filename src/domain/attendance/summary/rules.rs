//! Which rule decides each flag, and from when: versions as data.
//!
//! A change of the law or of the department's method is a new row here, never an edit of an old one: an answer names the
//! version that decided it, so that a flag of last year can be worked out again as it was. Where the regulations leave a
//! half day open, [`Reading`] is the choice.

use crate::domain::words;
use chrono::NaiveDate;
use std::borrow::Cow;

words! {
    /// What a rule decides.
    Flag {
        /// Missed a tenth or more of what was possible.
        PersistentAbsence = "persistent_absence",
        /// Missed half or more of what was possible.
        SevereAbsence = "severe_absence",
        /// Fifteen school days of sickness.
        Sickness = "sickness_flag",
        /// Ten school days of unauthorised absence without a break.
        TenDayAbsence = "ten_day_absence",
        /// Unauthorised sessions in ten school weeks.
        WorstWindow = "worst_window",
    }
}

/// One version of the rule of one flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it decides.
    pub flag: Flag,
    /// Its name in answers: flag, rule, year.
    pub version: &'static str,
    /// The first day on which it holds.
    pub from: NaiveDate,
    /// From how many it applies: percent of possible sessions (persistent, severe), school days (sickness, ten days), or
    /// sessions (worst window).
    pub threshold: u32,
    /// Where it comes from.
    pub source: &'static str,
}

/// Every version of every rule; for one flag the earlier first.
pub static RULES: &[Rule] = &[
    Rule {
        flag: Flag::PersistentAbsence,
        version: "persistent/exact-10/2015",
        from: day(2015, 8, 1),
        threshold: 10,
        source: "Department for Education, pupil absence statistics: methodology, section 3 (exact method)",
    },
    Rule {
        flag: Flag::SevereAbsence,
        version: "severe/exact-50/2022",
        from: day(2022, 9, 1),
        threshold: 50,
        source: "Department for Education, Working together to improve school attendance",
    },
    Rule {
        flag: Flag::Sickness,
        version: "sickness/15-school-days/2024",
        from: day(2024, 8, 19),
        threshold: 15,
        source: "SI 2024/208 reg 13(9) to (11)",
    },
    Rule {
        flag: Flag::TenDayAbsence,
        version: "ten-day/unauthorised/2006",
        from: day(2006, 9, 1),
        threshold: 10,
        source: "SI 2006/1751 reg 12; recalled, not read",
    },
    Rule {
        flag: Flag::TenDayAbsence,
        version: "ten-day/GNOU/2024",
        from: day(2024, 8, 19),
        threshold: 10,
        source: "SI 2024/208 reg 13(7)(b)",
    },
    Rule {
        flag: Flag::WorstWindow,
        version: "penalty/10-in-10-school-weeks/2024",
        from: day(2024, 8, 19),
        threshold: 10,
        source: "SI 2007/1867 reg 9A, inserted by SI 2024/210",
    },
];

const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MAX,
    }
}

impl Flag {
    /// Whether it is a statistic, which the department works out over earlier years too, and not a duty that began on a day.
    const fn is_a_measure(self) -> bool {
        matches!(self, Self::PersistentAbsence | Self::SevereAbsence)
    }

    /// The version that holds on a day. A duty has none before its first; a measure has its first one then.
    pub fn rule_on(self, day: NaiveDate) -> Option<&'static Rule> {
        let mut versions = RULES.iter().filter(|rule| rule.flag == self);
        let first = versions.clone().next().filter(|_| self.is_a_measure());
        versions.rfind(|rule| rule.from <= day).or(first)
    }

    /// The first day on which any version holds.
    pub(super) fn first_day(self) -> NaiveDate {
        RULES.iter().find(|rule| rule.flag == self).map_or(NaiveDate::MAX, |rule| rule.from)
    }
}

words! {
    /// How a total of school days of sickness counts, for which the regulations have no rule of half days.
    SicknessTotal {
        /// Two sessions make a day.
        HalfDays = "half_days",
        /// A day with any session of sickness is a day.
        DaysWithAny = "days_with_any",
    }
}

words! {
    /// What a session stands for whose day had one session held and the other cancelled.
    PartCancelledDay {
        /// The whole school day: all of it that was held.
        WholeDay = "whole_day",
        /// Half a school day.
        HalfDay = "half_day",
    }
}

/// The choices where the regulations leave half days open (docs/decisions/0015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How a total of sickness counts.
    pub sickness_total: SicknessTotal,
    /// What the session held of a day with a cancelled one stands for.
    pub part_cancelled_day: PartCancelledDay,
}

impl Default for Reading {
    fn default() -> Self {
        Self { sickness_total: SicknessTotal::HalfDays, part_cancelled_day: PartCancelledDay::WholeDay }
    }
}

impl Reading {
    /// The rule's name as an answer gives it: its version, and each choice on which it rests that is not the default.
    pub fn name(self, rule: &'static Rule) -> Cow<'static, str> {
        let mut name = Cow::Borrowed(rule.version);
        let usual = Self::default();
        if rule.flag == Flag::Sickness && self.sickness_total != usual.sickness_total {
            name += ";sickness_total=";
            name += self.sickness_total.as_str();
        }
        let in_days = matches!(rule.flag, Flag::Sickness | Flag::TenDayAbsence);
        if in_days && self.part_cancelled_day != usual.part_cancelled_day {
            name += ";part_cancelled_day=";
            name += self.part_cancelled_day.as_str();
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(flag: Flag, on: &str) -> Option<&'static str> {
        flag.rule_on(on.parse().unwrap()).map(|rule| rule.version)
    }

    #[test]
    fn the_version_of_a_day() {
        for (flag, on, expected) in [
            (Flag::PersistentAbsence, "2026-11-20", Some("persistent/exact-10/2015")),
            // A measure is worked out over earlier years by its first version.
            (Flag::PersistentAbsence, "2012-11-20", Some("persistent/exact-10/2015")),
            (Flag::SevereAbsence, "2021-06-01", Some("severe/exact-50/2022")),
            // A duty is none before it began.
            (Flag::Sickness, "2024-08-18", None),
            (Flag::Sickness, "2024-08-19", Some("sickness/15-school-days/2024")),
            (Flag::TenDayAbsence, "2006-08-31", None),
            (Flag::TenDayAbsence, "2024-08-18", Some("ten-day/unauthorised/2006")),
            (Flag::TenDayAbsence, "2024-08-19", Some("ten-day/GNOU/2024")),
            (Flag::WorstWindow, "2024-08-18", None),
            (Flag::WorstWindow, "2024-08-19", Some("penalty/10-in-10-school-weeks/2024")),
        ] {
            assert_eq!(version(flag, on), expected, "{flag} on {on}");
        }
    }

    #[test]
    fn versions_are_in_order_and_named_once() {
        for flag in Flag::ALL {
            let versions: Vec<&Rule> = RULES.iter().filter(|rule| rule.flag == *flag).collect();
            assert!(!versions.is_empty() && versions.is_sorted_by(|a, b| a.from < b.from), "{flag}");
        }
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|other| other.version == rule.version).count(), 1);
            assert!(!rule.source.is_empty() && rule.threshold > 0, "{}", rule.version);
        }
    }

    #[test]
    fn a_choice_that_is_not_the_default_shows_in_the_name() {
        let named =
            |reading: Reading, flag: Flag| reading.name(flag.rule_on("2026-11-20".parse().unwrap()).unwrap());
        let usual = Reading::default();
        let other = Reading {
            sickness_total: SicknessTotal::DaysWithAny,
            part_cancelled_day: PartCancelledDay::HalfDay,
        };
        assert_eq!(named(usual, Flag::Sickness), "sickness/15-school-days/2024");
        assert_eq!(
            named(other, Flag::Sickness),
            "sickness/15-school-days/2024;sickness_total=days_with_any;part_cancelled_day=half_day"
        );
        assert_eq!(named(other, Flag::TenDayAbsence), "ten-day/GNOU/2024;part_cancelled_day=half_day");
        assert_eq!(named(other, Flag::SevereAbsence), "severe/exact-50/2022");
    }
}
