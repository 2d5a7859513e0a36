//! From figures to the sections on the wire; only those that the permit gives.

use super::answer::SessionBody;
use super::detail::{Detail, DualMet};
use crate::directory::{Contact, Organisation};
use crate::domain::attendance::Code;
use crate::domain::attendance::summary::{
    Counts, Enforcement, Figures, Health, LastSeen, Late, Punctuality, Shown, Spell, Week,
};
use crate::domain::calendar::{Half, Session};
use crate::domain::purpose::{Section, SectionSet};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The sections of one enrolment; absent where not permitted or not asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(default)]
pub struct Sections {
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<Headline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trend: Option<Trend>,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<Split>,
    #[serde(skip_serializing_if = "Option::is_none")]
    punctuality: Option<PunctualityBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<PatternBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspension: Option<Suspension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforcement: Option<EnforcementBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<LastSeenBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<PlacementBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<DayBody>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<BTreeMap<&'static str, u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    school_contact: Option<SchoolContact>,
}

/// Sums, rates in percent to one decimal, and flags that come from the integers.
#[derive(Debug, Serialize, ToSchema)]
struct Headline {
    possible: u32,
    attended: u32,
    missed: u32,
    attendance_rate: Option<f64>,
    absence_rate: Option<f64>,
    /// Missed a tenth or more of the possible sessions.
    persistent_absence: bool,
    /// Missed half or more of the possible sessions.
    severe_absence: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct Trend {
    weeks: Vec<WeekBody>,
}

/// One school week, by its Monday.
#[derive(Debug, Serialize, ToSchema)]
struct WeekBody {
    week: NaiveDate,
    possible: u32,
    attended: u32,
    missed: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct Split {
    authorised: u32,
    unauthorised: u32,
}

/// L and U side by side; there is no official rate of punctuality.
#[derive(Debug, Serialize, ToSchema)]
struct PunctualityBody {
    late_before_close: u32,
    late_after_close: u32,
    minutes_late: Option<u32>,
    by_weekday: Vec<LateOn>,
}

#[derive(Debug, Serialize, ToSchema)]
struct LateOn {
    #[schema(value_type = String)]
    weekday: &'static str,
    late_before_close: u32,
    late_after_close: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct PatternBody {
    absences: Vec<AbsenceOn>,
    spells: Vec<SpellBody>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AbsenceOn {
    #[schema(value_type = String)]
    weekday: &'static str,
    #[schema(value_type = String)]
    session: &'static str,
    missed: u32,
    possible: u32,
}

/// An unbroken run of sessions.
#[derive(Debug, Serialize, ToSchema)]
struct SpellBody {
    /// Only for roles with `sessions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<SessionBody>,
    /// Only for roles with `sessions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<SessionBody>,
    sessions: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct HealthBody {
    illness: u32,
    medical: u32,
    spells: Vec<SpellBody>,
    /// Fifteen school days of sickness, in one run or in one school year.
    sickness_flag: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct Suspension {
    sessions: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct EnforcementBody {
    worst_window: Option<WorstWindowBody>,
    ten_day_absence: bool,
}

/// The ten consecutive school weeks with the most unauthorised sessions.
#[derive(Debug, Serialize, ToSchema)]
struct WorstWindowBody {
    from: NaiveDate,
    to: NaiveDate,
    unauthorised: u32,
}

/// Marked present by the school; never "seen safe".
#[derive(Debug, Serialize, ToSchema)]
struct LastSeenBody {
    last_marked_present: Option<MarkedPresentBody>,
    last_reported_elsewhere: Option<SessionBody>,
    unexplained_run: u32,
    d_unmet: Vec<SessionBody>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MarkedPresentBody {
    date: NaiveDate,
    #[schema(value_type = String)]
    session: &'static str,
    entered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct PlacementBody {
    dual_registration: bool,
    part_time: bool,
    elsewhere: Vec<ElsewhereBody>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ElsewhereBody {
    /// `arranged_by_authority`.
    #[schema(value_type = String)]
    provision: &'static str,
    sessions: u32,
}

/// Each session by class of our own: P, L, A, U, · and ?.
#[derive(Debug, Serialize, ToSchema)]
struct DayBody {
    date: NaiveDate,
    #[schema(value_type = String)]
    am: &'static str,
    #[schema(value_type = String)]
    pm: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct SchoolContact {
    attendance_lead: ContactBody,
    dsl: ContactBody,
}

#[derive(Debug, Serialize, ToSchema)]
struct ContactBody {
    name: String,
    telephone: String,
}

/// What can be said of an enrolment without an attendance register.
const UNRECORDED: SectionSet = SectionSet::EMPTY.with(Section::Placement).with(Section::SchoolContact);

impl Sections {
    /// The permitted sections of one enrolment.
    pub(super) fn of(
        figures: &Figures,
        live: &LastSeen,
        dual: &DualMet,
        school: &Organisation,
        (given, detail): (SectionSet, &Detail),
    ) -> Self {
        let counts = &figures.counts;
        // Of a boarder nothing is recorded, which is not the same as nothing missed.
        let given = if figures.recorded { given } else { given.and(UNRECORDED) };
        Self {
            headline: given.has(Section::Headline).then(|| headline(counts)),
            trend: given.has(Section::Trend).then(|| trend(figures)),
            split: given.has(Section::Split).then(|| split(counts)),
            punctuality: given.has(Section::Punctuality).then(|| punctuality(&figures.punctuality, detail)),
            pattern: given.has(Section::Pattern).then(|| pattern(detail)),
            health: given.has(Section::Health).then(|| health(&figures.health, detail)),
            suspension: given.has(Section::Suspension).then_some(Suspension { sessions: figures.suspension }),
            enforcement: given.has(Section::Enforcement).then(|| enforcement(&figures.enforcement)),
            last_seen: given.has(Section::LastSeen).then(|| last_seen(live, dual)),
            placement: given.has(Section::Placement).then(|| placement(figures)),
            sessions: given.has(Section::Sessions).then(|| sessions(figures)),
            codes: given
                .has(Section::Codes)
                .then(|| figures.codes.iter().map(|(code, count)| (code.as_str(), count)).collect()),
            school_contact: given.has(Section::SchoolContact).then(|| contact(school)),
        }
    }

    /// The sums over several enrolments: headline and split.
    pub(super) fn combined(figures: &Figures, given: SectionSet) -> Self {
        Self {
            headline: given.has(Section::Headline).then(|| headline(&figures.counts)),
            split: given.has(Section::Split).then(|| split(&figures.counts)),
            ..Self::default()
        }
    }
}

fn percent(tenths: Option<u32>) -> Option<f64> {
    tenths.map(|t| f64::from(t) / 10.0)
}

fn headline(counts: &Counts) -> Headline {
    Headline {
        possible: counts.possible(),
        attended: counts.attended,
        missed: counts.missed(),
        attendance_rate: percent(counts.attendance_rate()),
        absence_rate: percent(counts.absence_rate()),
        persistent_absence: counts.persistent_absence(),
        severe_absence: counts.severe_absence(),
    }
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
    }
}

fn pattern(detail: &Detail) -> PatternBody {
    let mut absences = Vec::new();
    for (weekday, halves) in WEEKDAYS.iter().zip(&detail.weekdays) {
        for (half, slot) in [Half::Am, Half::Pm].iter().zip(halves) {
            if slot.possible > 0 {
                let session = half.as_str();
                absences.push(AbsenceOn { weekday, session, missed: slot.missed, possible: slot.possible });
            }
        }
    }
    PatternBody { absences, spells: spells(&detail.absences, detail.dated) }
}

/// With their dates for whoever sees sessions; for others only how long each was, since a list of dated spells is a list
/// of sessions.
fn spells(spells: &[Spell], dated: bool) -> Vec<SpellBody> {
    let at = |at: Session| dated.then(|| session(at));
    spells.iter().map(|s| SpellBody { from: at(s.from), to: at(s.to), sessions: s.sessions }).collect()
}

pub(super) fn session(session: Session) -> SessionBody {
    SessionBody { date: session.date, session: session.half.as_str() }
}

fn health(figures: &Health, detail: &Detail) -> HealthBody {
    HealthBody {
        illness: figures.illness,
        medical: figures.medical,
        spells: spells(&detail.illness, detail.dated),
        sickness_flag: figures.sickness_flag,
    }
}

fn enforcement(figures: &Enforcement) -> EnforcementBody {
    EnforcementBody {
        worst_window: figures.worst_window.as_ref().map(|w| WorstWindowBody {
            from: w.from,
            to: w.to,
            unauthorised: w.unauthorised,
        }),
        ten_day_absence: figures.ten_day_absence,
    }
}

fn last_seen(live: &LastSeen, dual: &DualMet) -> LastSeenBody {
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
        move |shown: &[Option<Shown>; 2]| shown.get(half).copied().flatten().map_or("·", Shown::as_str)
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
