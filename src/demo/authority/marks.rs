//! A pupil's marks over two school years: absence in spells, not session by session, with the weekday shape that
//! schools know, late arrivals, and entries that were changed afterwards.

use super::calendar::{Day, Session};
use super::roll::{Enrolment, Pattern};
use super::schools::School;
use crate::demo::chance::Chance;
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};

/// A mark as the school's register holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The date.
    pub date: NaiveDate,
    /// Morning or afternoon.
    pub session: Session,
    /// The code as it is now, valid on that date.
    pub code: &'static str,
    /// Minutes after the register began, for L and U.
    pub minutes_late: Option<usize>,
    /// When the first entry was made.
    pub recorded_at: DateTime<Utc>,
    /// What stood there before, where it was changed.
    pub amendment: Option<Amendment>,
}

/// A change of an entry; the register keeps all of it, SI 2024/208 reg 6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// The original entry.
    pub from: &'static str,
    /// When it was changed.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: &'static str,
}

/// A reason for a spell of absence: code, how often for pupils with ordinary, persistent and severe absence, and the
/// shortest and longest spell in sessions.
struct Reason(&'static str, [usize; 3], usize, usize);

const REASONS: &[Reason] = &[
    Reason("I", [560, 460, 300], 1, 8),
    Reason("M", [170, 90, 20], 1, 1),
    Reason("C", [60, 40, 30], 1, 4),
    Reason("G", [40, 40, 10], 6, 10),
    Reason("O", [50, 190, 420], 1, 6),
    Reason("U", [70, 110, 60], 1, 1),
    Reason("E", [6, 40, 90], 2, 6),
    Reason("R", [30, 10, 5], 2, 2),
    Reason("J1", [8, 5, 2], 1, 2),
    Reason("C1", [6, 3, 1], 2, 4),
];

/// A mobile child's spells.
const TRAVELLING: Reason = Reason("T", [1, 1, 1], 10, 30);

/// Of 26: how readily a spell starts on Monday to Friday.
const WEEKDAYS: [usize; 5] = [24, 16, 15, 17, 26];

/// A session of a school day; the code is empty until drawn.
struct Slot<'a> {
    day: &'a Day,
    session: Session,
    code: &'static str,
}

/// Every mark of an enrolment up to today, after its last session.
pub fn draw(enrolment: &Enrolment, school: &School, seed: u64, today: NaiveDate) -> Vec<Mark> {
    if enrolment.boarder || enrolment.pattern == Pattern::Unmarked {
        return Vec::new();
    }
    let mut chance = Chance::new(seed, &enrolment.school_pupil_id);
    // One child in ten is often late.
    let late = if chance.per_mille(100) { 120 } else { 4 + chance.below(30) };
    let recent = school.days_ago(today, 2);
    let last_expected = last_expected(school, today);
    let mut marks = Vec::new();
    for calendar in &school.calendars {
        let days = calendar.days.iter().filter(|day| {
            (day.slot == "open" || day.slot == "inset") && day.date <= today && enrolment.on_roll(day.date)
        });
        let mut slots: Vec<Slot<'_>> = days
            .flat_map(|day| [Session::Am, Session::Pm].map(|session| Slot { day, session, code: "" }))
            .collect();
        for slot in &mut slots {
            slot.code = preset(enrolment, slot, last_expected);
        }
        spells(enrolment, &mut slots, &mut chance);
        marks.extend(slots.iter().map(|slot| mark(enrolment, slot, late, recent, today, &mut chance)));
    }
    marks
}

/// The last Thursday or Friday on which the school was open.
fn last_expected(school: &School, today: NaiveDate) -> Option<NaiveDate> {
    let late_week = |date: &NaiveDate| date.weekday().num_days_from_monday() >= 3;
    school.open_days(today).iter().rev().filter(|day| !day.cancelled).map(|day| day.date).find(late_week)
}

/// What the school or an arrangement settles before any chance; empty where nothing does.
fn preset(enrolment: &Enrolment, slot: &Slot<'_>, last_expected: Option<NaiveDate>) -> &'static str {
    let date = slot.day.date;
    let late_week = date.weekday().num_days_from_monday() >= 3;
    let holds = enrolment.since <= date;
    if slot.day.slot == "inset" {
        return "#";
    }
    if slot.day.cancelled {
        return "Y4";
    }
    match enrolment.pattern {
        Pattern::Main if holds && late_week => "D",
        Pattern::Subsidiary if holds && !late_week => "D",
        Pattern::Subsidiary if last_expected == Some(date) => "O",
        Pattern::PartTime if holds && slot.session == Session::Pm => "C2",
        Pattern::StaleN if date == enrolment.since || date == next_weekday(enrolment.since) => "N",
        Pattern::OffSite if date.weekday() == Weekday::Thu => "K",
        Pattern::Main
        | Pattern::Subsidiary
        | Pattern::PartTime
        | Pattern::StaleN
        | Pattern::OffSite
        | Pattern::Ordinary
        | Pattern::Travelling
        | Pattern::Unmarked => "",
    }
}

fn next_weekday(date: NaiveDate) -> NaiveDate {
    date + Days::new(if date.weekday() == Weekday::Fri { 3 } else { 1 })
}

/// Lays spells of absence over the sessions until the pupil's share of them is missed.
fn spells(enrolment: &Enrolment, slots: &mut [Slot<'_>], chance: &mut Chance) {
    let free = slots.iter().filter(|slot| slot.code.is_empty()).count();
    let mut left = (free * enrolment.share_missed + 500) / 1000;
    let class = match enrolment.share_missed {
        500.. => 2,
        100..500 => 1,
        0..100 => 0,
    };
    let weights: Vec<usize> =
        REASONS.iter().map(|reason| reason.1.get(class).copied().unwrap_or(0)).collect();
    let mut tries = 0;
    while left > 0 && tries < 50_000 {
        tries += 1;
        let travels = enrolment.pattern == Pattern::Travelling && chance.per_mille(300);
        let drawn = REASONS.get(chance.weighted(&weights)).unwrap_or(&TRAVELLING);
        let Reason(code, _, shortest, longest) = if travels { &TRAVELLING } else { drawn };
        let day = chance.below(slots.len() / 2);
        let weekday = slots.get(day * 2).map_or(0, |slot| slot.day.date.weekday().num_days_from_monday());
        let ready = WEEKDAYS.get(usize::try_from(weekday).unwrap_or(0)).copied().unwrap_or(0);
        if chance.below(26) >= ready {
            continue;
        }
        // Most absence begins in the morning; who arrives after the register closed does so in the morning.
        let afternoon = *code != "U" && chance.per_mille(150);
        let length = length(code, *shortest, *longest, chance).min(left);
        let start = day * 2 + usize::from(afternoon);
        for slot in slots.iter_mut().skip(start).filter(|slot| slot.code.is_empty()).take(length) {
            slot.code = code;
            left -= 1;
        }
    }
}

/// Whole days more often than not, short spells more often than long ones.
fn length(code: &str, shortest: usize, longest: usize, chance: &mut Chance) -> usize {
    let span = longest - shortest;
    let drawn = shortest + chance.below(span + 1).min(chance.below(span + 1));
    if code == "T" || drawn == 1 && chance.per_mille(400) {
        drawn
    } else {
        (drawn + drawn % 2).min(longest.max(1))
    }
}

fn mark(
    enrolment: &Enrolment,
    slot: &Slot<'_>,
    late: usize,
    recent: NaiveDate,
    today: NaiveDate,
    chance: &mut Chance,
) -> Mark {
    let mut code = if slot.code.is_empty() { attended(enrolment, slot, late, chance) } else { slot.code };
    let minutes_late = match code {
        "L" => Some(1 + chance.below(28)),
        "U" => Some(31 + chance.below(60)),
        _ => None,
    };
    let recorded_at = recorded_at(slot.day, slot.session, chance.below(15 * 60));
    let unsettled = matches!(code, "I" | "O" | "M" | "U") && enrolment.pattern != Pattern::StaleN;
    let mut amendment = None;
    if unsettled && code != "U" && slot.day.date >= recent && chance.per_mille(350) {
        code = "N";
    } else if unsettled && chance.per_mille(60) {
        amendment = amended(code, recorded_at, today, chance);
    }
    Mark {
        date: slot.day.date,
        session: slot.session,
        code: valid_on(code, slot.day.date),
        minutes_late,
        recorded_at,
        amendment,
    }
}

/// How a pupil who came was marked.
fn attended(enrolment: &Enrolment, slot: &Slot<'_>, late: usize, chance: &mut Chance) -> &'static str {
    let date = slot.day.date;
    let work_experience = enrolment.year_group >= 10 && date.month() == 6 && (8..15).contains(&date.day());
    let draw = chance.below(1000);
    let late = if slot.session == Session::Am { late } else { late / 4 };
    if work_experience {
        return "W";
    }
    if draw < 3 {
        return ["V", "P", "B"].get(draw).copied().unwrap_or("V");
    }
    if draw < 3 + late {
        return "L";
    }
    match slot.session {
        Session::Am => "/",
        Session::Pm => "\\",
    }
}

/// Registers begin at 08:50 and 13:00 and are closed within half an hour; `seconds` after that the mark was entered.
fn recorded_at(day: &Day, session: Session, seconds: usize) -> DateTime<Utc> {
    let minutes = match session {
        Session::Am => 8 * 60 + 50,
        Session::Pm => 13 * 60,
    };
    let since_midnight = i64::from(minutes - day.offset) * 60 + i64::try_from(seconds).unwrap_or(0);
    day.date.and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::seconds(since_midnight)
}

/// An entry that was N until the reason came to be known, one to three days later and on a weekday; none where that is still ahead.
fn amended(
    code: &str,
    recorded_at: DateTime<Utc>,
    today: NaiveDate,
    chance: &mut Chance,
) -> Option<Amendment> {
    let hours = i64::try_from(1 + chance.below(3)).unwrap_or(1) * 24 + 2;
    let mut at = recorded_at + if code == "U" { TimeDelta::minutes(95) } else { TimeDelta::hours(hours) };
    while matches!(at.weekday(), Weekday::Sat | Weekday::Sun) {
        at += TimeDelta::days(1);
    }
    let reason = match code {
        "I" => "parent telephoned",
        "M" => "appointment card seen",
        "U" => "arrived after the register closed",
        _ => "reason not established",
    };
    (at.date_naive() <= today).then_some(Amendment { from: "N", at, reason })
}

/// The code as the set in force on a date has it: SI 2024/208 took effect on 19 August 2024 and brought C1, C2, J1, K
/// and Y1 to Y7; before it, C, J, B and Y stood for them.
fn valid_on(code: &'static str, date: NaiveDate) -> &'static str {
    if NaiveDate::from_ymd_opt(2024, 8, 19).is_none_or(|change| date >= change) {
        return code;
    }
    match code {
        "C1" | "C2" => "C",
        "J1" => "J",
        "K" => "B",
        "Y4" => "Y",
        _ => code,
    }
}
