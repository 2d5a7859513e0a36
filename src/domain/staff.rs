//! What the directory says of staff beyond their role: which team covers which, when, and marks on persons.

use super::words;
use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

words! {
    /// Why one team covers another.
    CoverKind {
        /// The duty team of the day.
        Duty = "duty",
        /// The team of evenings and weekends, of several authorities perhaps.
        OutOfHours = "out_of_hours",
        /// Reviewing officers and those who chair conferences.
        Reviewing = "reviewing",
        /// Those who manage the team.
        Management = "management",
    }
}

words! {
    /// What a person may do beyond the role acted in; the person still acts in one role.
    Mark {
        /// Manages a team.
        Manager = "manager",
        /// Decides conflicts and late alarms.
        SeniorOfficer = "senior_officer",
        /// Decides which child an ambiguous claim is about.
        DataMatcher = "data_matcher",
        /// Sees the returns of protected enrolments.
        ProtectedReturnsOfficer = "protected_returns_officer",
        /// Leads on safeguarding in education for the authority.
        EducationSafeguardingLead = "education_safeguarding_lead",
    }
}

/// A mark that a person has: a manager's with the code of the team.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marked {
    /// The mark.
    pub mark: Mark,
    /// Of a manager: the team's code.
    pub team: Option<String>,
}

impl Marked {
    /// Reads `manager:TEAM`, or the word of any other mark; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, team) = text.split_once(':').map_or((text, None), |(word, team)| (word, Some(team)));
        let mark = Mark::parse(word)?;
        let fits = team.is_some_and(|team| !team.is_empty()) == (mark == Mark::Manager);
        (fits && team.is_none_or(|team| !team.is_empty()))
            .then(|| Self { mark, team: team.map(str::to_owned) })
    }
}

impl std::fmt::Display for Marked {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.team {
            Some(team) => write!(to, "{}:{team}", self.mark),
            None => self.mark.fmt(to),
        }
    }
}

/// When a cover holds, London time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hours {
    /// Day and night.
    Always,
    /// In any of these.
    Spans(Vec<Span>),
}

/// Some weekdays, and from when to when: a span that ends no later than it begins ends on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    first: Weekday,
    last: Weekday,
    from: NaiveTime,
    /// The end, not included; none is the end of the day.
    until: Option<NaiveTime>,
}

impl Hours {
    /// Reads `always`, or spans such as `mon-fri 17:00-09:00; sat-sun 00:00-24:00`; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "always" {
            return Some(Self::Always);
        }
        let spans = text.split(';').map(|span| Span::parse(span.trim())).collect::<Option<Vec<_>>>()?;
        Some(Self::Spans(spans))
    }

    /// Whether a cover that holds from one day to another, both included, holds at this moment, London time. A span counts
    /// for the day on which it begins: the last day's night ends on the morning after.
    pub fn hold(&self, now: NaiveDateTime, (first, last): (NaiveDate, NaiveDate)) -> bool {
        let within = |day: NaiveDate| first <= day && day <= last;
        match self {
            Self::Always => within(now.date()),
            Self::Spans(spans) => spans.iter().filter_map(|span| span.begun(now)).any(within),
        }
    }
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (days, times) = text.split_once(' ')?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (from, until) = times.split_once('-')?;
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5);
        let until = if until == "24:00" { None } else { Some(time(until)?) };
        Some(Self { first: weekday(first)?, last: weekday(last)?, from: time(from)?, until })
    }

    /// The day on which the span began that this moment is in; none where it is in none.
    fn begun(self, now: NaiveDateTime) -> Option<NaiveDate> {
        let (today, time) = (now.date(), now.time());
        let over_midnight = self.until.is_some_and(|until| until <= self.from);
        let ended = self.until.is_some_and(|until| until <= time) && !over_midnight;
        if self.on(today.weekday()) && self.from <= time && !ended {
            return Some(today);
        }
        let yesterday = today.pred_opt().filter(|day| over_midnight && self.on(day.weekday()));
        yesterday.filter(|_| self.until.is_some_and(|until| time < until))
    }

    /// Whether a span begins on this weekday; a range may go over the end of the week.
    fn on(self, day: Weekday) -> bool {
        day.days_since(self.first) <= self.last.days_since(self.first)
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    match text {
        "mon" => Some(Weekday::Mon),
        "tue" => Some(Weekday::Tue),
        "wed" => Some(Weekday::Wed),
        "thu" => Some(Weekday::Thu),
        "fri" => Some(Weekday::Fri),
        "sat" => Some(Weekday::Sat),
        "sun" => Some(Weekday::Sun),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_word_and_a_managers_has_a_team() {
        for text in ["manager:child-protection", "senior_officer", "data_matcher"] {
            assert_eq!(Marked::parse(text).unwrap().to_string(), text);
        }
        for text in ["manager", "manager:", "senior_officer:duty", "senior_officer:", "head", "", ":duty"] {
            assert_eq!(Marked::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hours_are_of_london_weekdays_and_may_go_over_midnight() {
        // 20 November 2026 is a Friday.
        let check = |hours: &str, at: &str, expected: bool| {
            let at = NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M").unwrap();
            let ever = (NaiveDate::MIN, NaiveDate::MAX);
            assert_eq!(Hours::parse(hours).unwrap().hold(at, ever), expected, "{hours} at {at}");
        };
        check("always", "2026-11-22 03:00", true);
        for (at, expected) in [
            ("2026-11-20 16:59", false),
            ("2026-11-20 17:00", true),
            ("2026-11-21 08:59", true),
            ("2026-11-21 09:00", false),
            ("2026-11-21 18:00", false),
            ("2026-11-23 08:59", false),
            ("2026-11-24 08:59", true),
        ] {
            check("mon-fri 17:00-09:00", at, expected);
        }
        for (at, expected) in
            [("2026-11-20 23:59", false), ("2026-11-21 00:00", true), ("2026-11-22 23:59", true)]
        {
            check("mon-fri 12:00-13:00; sat-sun 00:00-24:00", at, expected);
        }
        check("sat-mon 08:00-10:00", "2026-11-23 08:00", true);
        check("sat-mon 08:00-10:00", "2026-11-24 08:00", false);
        check("wed 08:00-10:00", "2026-11-25 09:59", true);
    }

    #[test]
    fn hours_of_another_form_are_refused() {
        for text in ["", "never", "mon", "mon 9-17", "mon-fri 09:00", "mon 24:00-01:00", "mon 09:00-17:00;"] {
            assert_eq!(Hours::parse(text), None, "{text}");
        }
    }
}
