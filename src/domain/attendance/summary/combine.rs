//! The figures of several enrolments of one child as one: sums of sessions, never means of rates.
//!
//! A mover counts at both schools; dual registration is kept from double counting by D. What belongs to one register
//! stays there: the sessions themselves, and how far its marks have come.

use super::Figures;
use super::runs::{Enforcement, LastSeen};

/// The figures of several enrolments of one child, or of several children, as one. Spells are all of them, by their
/// beginning; school weeks are those of any school; `sessions` is left empty.
pub fn combine(figures: &[Figures]) -> Figures {
    let mut total = Figures::default();
    for one in figures.iter().filter(|one| one.recorded) {
        total.recorded = true;
        add_sums(&mut total, one);
        total.pattern.spells.extend(&one.pattern.spells);
        total.health.spells.extend(&one.health.spells);
        total.health.sickness_flag |= one.health.sickness_flag;
    }
    total.pattern.spells.sort_by_key(|spell| spell.from);
    total.health.spells.sort_by_key(|spell| spell.from);
    total.enforcement = Enforcement::over(figures.iter().map(|one| &one.enforcement));
    total.last_seen = LastSeen::latest(figures.iter().map(|one| &one.last_seen));
    // Where a child is placed is known of a boarder too.
    for one in figures {
        add_placement(&mut total, one);
    }
    total
}

fn add_sums(total: &mut Figures, one: &Figures) {
    total.counts += one.counts;
    total.suspension += one.suspension;
    total.health.illness += one.health.illness;
    total.health.medical += one.health.medical;
    total.completeness.sessions_without_mark += one.completeness.sessions_without_mark;
    total.completeness.no_reason_yet_over_five_days += one.completeness.no_reason_yet_over_five_days;
    total.punctuality += one.punctuality;
    for week in &one.trend {
        match total.trend.binary_search_by_key(&week.monday, |w| w.monday) {
            Ok(at) => total.trend.iter_mut().skip(at).take(1).for_each(|w| w.counts += week.counts),
            Err(at) => total.trend.insert(at, *week),
        }
    }
    let slots = total.pattern.weekdays.as_flattened_mut();
    for (sum, slot) in slots.iter_mut().zip(one.pattern.weekdays.as_flattened()) {
        *sum += *slot;
    }
    total.codes.join(&one.codes);
}

fn add_placement(total: &mut Figures, one: &Figures) {
    let placement = &mut total.placement;
    placement.dual_registration |= one.placement.dual_registration;
    placement.part_time |= one.placement.part_time;
    placement.dual_sessions += one.placement.dual_sessions;
    placement.part_time_sessions += one.placement.part_time_sessions;
    for (code, sessions) in &one.placement.elsewhere {
        match placement.elsewhere.iter_mut().find(|(known, _)| known == code) {
            Some((_, sum)) => *sum += sessions,
            None => placement.elsewhere.push((*code, *sessions)),
        }
    }
}
