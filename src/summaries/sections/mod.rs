//! From figures to the sections on the wire; only those that the permit gives.

mod bodies;

pub use bodies::{Headline, HeadlineRules, LastSeenBody, Sections};

use self::bodies::{
    AbsenceOn, ContactBody, DayBody, ElsewhereBody, EnforcementBody, EnforcementRules, HealthBody,
    HealthRules, LateOn, MarkedPresentBody, PatternBody, PlacementBody, PunctualityBody, SchoolContact,
    SpellBody, Split, Suspension, Trend, WeekBody, WorstWindowBody,
};
use super::answer::{SessionBody, WindowBody};
use super::figures::Detail;
use crate::directory::{Contact, Organisation};
use crate::domain::attendance::Code;
use crate::domain::attendance::summary::{
    Counts, DualMet, Enforcement, Figures, Flag, Health, LastSeen, Late, Punctuality, Reading, Shown, Spell,
    Week,
};
use crate::domain::calendar::{Half, Session};
use crate::domain::purpose::{Section, SectionSet};
use chrono::NaiveDate;
use std::borrow::Cow;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What the sections of one enrolment, or of all together, are written from.
pub(super) struct Told<'a> {
    pub(super) figures: &'a Figures,
    /// Live, whatever the figures' moment.
    pub(super) last_seen: &'a LastSeen,
    pub(super) dual: &'a DualMet,
    pub(super) detail: &'a Detail,
    /// The sections to write.
    pub(super) given: SectionSet,
    /// Whose flags the headline's are.
    pub(super) flags_of: &'static str,
    pub(super) reading: Reading,
    /// The day whose rules decide the flags.
    pub(super) on: NaiveDate,
}

/// What can be said of an enrolment without an attendance register.
const UNRECORDED: SectionSet = SectionSet::EMPTY.with(Section::Placement).with(Section::SchoolContact);

impl Sections {
    /// The permitted sections of one enrolment.
    pub(super) fn of(told: &Told<'_>, school: &Organisation) -> Self {
        let contact = told.given.has(Section::SchoolContact).then(|| contact(school));
        Self { school_contact: contact, ..Self::without_school(told) }
    }

    /// The permitted sections of the sums over enrolments.
    pub(super) fn combined(told: &Told<'_>) -> Self {
        Self::without_school(told)
    }

    fn without_school(told: &Told<'_>) -> Self {
        let (figures, detail) = (told.figures, told.detail);
        let rules = (told.reading, told.on);
        // Of a boarder nothing is recorded, which is not the same as nothing missed.
        let given = if figures.recorded { told.given } else { told.given.and(UNRECORDED) };
        Self {
            headline: given.has(Section::Headline).then(|| headline(&figures.counts, told.flags_of, rules)),
            trend: given.has(Section::Trend).then(|| trend(figures)),
            split: given.has(Section::Split).then(|| split(&figures.counts)),
            punctuality: given.has(Section::Punctuality).then(|| punctuality(&figures.punctuality, detail)),
            pattern: given.has(Section::Pattern).then(|| pattern(detail)),
            health: given.has(Section::Health).then(|| health(&figures.health, detail, rules)),
            suspension: given.has(Section::Suspension).then_some(Suspension { sessions: figures.suspension }),
            enforcement: given.has(Section::Enforcement).then(|| enforcement(&figures.enforcement, rules)),
            last_seen: given.has(Section::LastSeen).then(|| last_seen(told.last_seen, told.dual)),
            placement: given.has(Section::Placement).then(|| placement(figures)),
            sessions: given.has(Section::Sessions).then(|| sessions(figures)),
            codes: given
                .has(Section::Codes)
                .then(|| figures.codes.iter().map(|(code, count)| (code.as_str(), count)).collect()),
            school_contact: None,
        }
    }
}

fn percent(tenths: Option<u32>) -> Option<f64> {
    tenths.map(|t| f64::from(t) / 10.0)
}

/// Sums, rates and flags, with the version of the rule that decides each flag on that day.
pub(super) fn headline(counts: &Counts, flags_of: &'static str, rules: (Reading, NaiveDate)) -> Headline {
    Headline {
        possible: counts.possible(),
        attended: counts.attended,
        missed: counts.missed(),
        attendance_rate: percent(counts.attendance_rate()),
        absence_rate: percent(counts.absence_rate()),
        persistent_absence: counts.persistent_absence(rules.1),
        severe_absence: counts.severe_absence(rules.1),
        flags_of,
        rules: headline_rules(rules),
    }
}

/// The names of the rules that decide the headline's flags on a day.
pub(super) fn headline_rules(rules: (Reading, NaiveDate)) -> HeadlineRules {
    HeadlineRules {
        persistent_absence: version(Flag::PersistentAbsence, rules),
        severe_absence: version(Flag::SevereAbsence, rules),
    }
}

/// The name of the rule that decides a flag on a day.
fn version(flag: Flag, (reading, on): (Reading, NaiveDate)) -> Option<Cow<'static, str>> {
    flag.rule_on(on).map(|rule| reading.name(rule))
}

fn trend(figures: &Figures) -> Trend {
    let week = |w: &Week| WeekBody {
        week: w.monday,
        possible: w.counts.possible(),
        attended: w.counts.attended,
        missed: w.counts.missed(),
    };
    Trend { weeks: figures.trend.iter().map(week).collect() }
}

const fn split(counts: &Counts) -> Split {
    Split { authorised: counts.authorised, unauthorised: counts.unauthorised }
}

fn punctuality(figures: &Punctuality, detail: &Detail) -> PunctualityBody {
    let late = |(weekday, late): (&&'static str, &Late)| LateOn {
        weekday,
        late_before_close: late.before_close,
        late_after_close: late.after_close,
    };
    let by_weekday =
        WEEKDAYS.iter().zip(&detail.late_by_weekday).filter(|(_, l)| l.before_close + l.after_close > 0);
    PunctualityBody {
        late_before_close: figures.late.before_close,
        late_after_close: figures.late.after_close,
        minutes_late: figures.minutes_late,
        by_weekday: by_weekday.map(late).collect(),
        detail_window: detail_window(detail),
    }
}

fn detail_window(detail: &Detail) -> Option<WindowBody> {
    detail.window.map(|(from, to)| WindowBody { from, to })
}

fn pattern(detail: &Detail) -> PatternBody {
    let mut absences = Vec::new();
    for (weekday, halves) in WEEKDAYS.iter().zip(&detail.weekdays) {
        for (half, slot) in [Half::Am, Half::Pm].iter().zip(halves).filter(|(_, slot)| slot.held > 0) {
            let session = half.as_str();
            let (missed, possible, held) = (slot.missed, slot.possible, slot.held);
            absences.push(AbsenceOn { weekday, session, missed, possible, held });
        }
    }
    PatternBody {
        absences,
        spells: spells(&detail.absences, detail.dated),
        detail_window: detail_window(detail),
    }
}

/// With their dates for whoever sees sessions; for others only how long each was, since a list of dated spells is a list
/// of sessions.
fn spells(spells: &[Spell], dated: bool) -> Vec<SpellBody> {
    let at = |at: Session| dated.then(|| session(at));
    spells.iter().map(|s| SpellBody { from: at(s.from), to: at(s.to), sessions: s.sessions }).collect()
}

/// A session on the wire.
pub(super) fn session(session: Session) -> SessionBody {
    SessionBody { date: session.date, session: session.half.as_str() }
}

fn health(figures: &Health, detail: &Detail, rules: (Reading, NaiveDate)) -> HealthBody {
    HealthBody {
        illness: figures.illness,
        medical: figures.medical,
        spells: spells(&detail.illness, detail.dated),
        sickness_flag: figures.sickness_flag,
        rules: HealthRules { sickness_flag: version(Flag::Sickness, rules) },
        detail_window: detail_window(detail),
    }
}

fn enforcement(figures: &Enforcement, rules: (Reading, NaiveDate)) -> EnforcementBody {
    let penalty = Flag::WorstWindow.rule_on(rules.1);
    EnforcementBody {
        worst_window: figures.worst_window.as_ref().map(|w| WorstWindowBody {
            from: w.from,
            to: w.to,
            unauthorised: w.unauthorised,
            threshold_met: penalty.is_some_and(|rule| w.unauthorised >= rule.threshold),
        }),
        ten_day_absence: figures.ten_day_absence,
        rules: EnforcementRules {
            worst_window: version(Flag::WorstWindow, rules),
            ten_day_absence: version(Flag::TenDayAbsence, rules),
        },
    }
}

/// The last sightings, with what another register says of the sessions marked D.
pub(super) fn last_seen(live: &LastSeen, dual: &DualMet) -> LastSeenBody {
    let elsewhere = live.last_reported_elsewhere.as_ref().map(|e| e.session);
    LastSeenBody {
        last_marked_present: live.last_marked_present.as_ref().map(|seen| MarkedPresentBody {
            date: seen.session.date,
            session: seen.session.half.as_str(),
            entered_at: seen.entered_at,
        }),
        last_reported_elsewhere: [elsewhere, dual.last_met].into_iter().flatten().max().map(session),
        unexplained_run: live.unexplained_run,
        d_unmet: dual.unmet.iter().copied().map(session).collect(),
    }
}

fn placement(figures: &Figures) -> PlacementBody {
    // Trips, sport and work experience are no placement; the codes themselves are for `codes` only.
    let elsewhere = figures.placement.elsewhere.iter().filter(|(code, _)| *code == Code::K);
    PlacementBody {
        dual_registration: figures.placement.dual_registration,
        part_time: figures.placement.part_time,
        elsewhere: elsewhere
            .map(|(_, sessions)| ElsewhereBody { provision: "arranged_by_authority", sessions: *sessions })
            .collect(),
    }
}

fn sessions(figures: &Figures) -> Vec<DayBody> {
    let [am, pm] = [0, 1].map(|half| {
        // What is not over yet is no class: neither "not required" nor "no mark" would be true of it.
        move |shown: &[Option<Shown>; 2]| shown.get(half).copied().flatten().map(Shown::as_str)
    });
    figures
        .sessions
        .iter()
        .map(|day| DayBody { date: day.date, am: am(&day.shown), pm: pm(&day.shown) })
        .collect()
}

fn contact(school: &Organisation) -> SchoolContact {
    let body = |c: &Contact| ContactBody { name: c.name.clone(), telephone: c.telephone.clone() };
    SchoolContact { attendance_lead: body(&school.attendance_lead), dsl: body(&school.dsl) }
}
