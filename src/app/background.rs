//! What a gateway does of its own accord while it serves: it looks at the directory, matches claims, and once a day ends
//! what is past its time.

use super::AppState;
use crate::gate::Refusal;
use crate::{certificates, disclosures, intake, involvements, operators, summaries};
use chrono::NaiveDate;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often a change of the directory is looked for: seen by every gateway within a second.
const DIRECTORY: Duration = Duration::from_millis(250);
/// Age of the directory past which the gateway is not ready, and the operator is told. Past
/// [`OLDEST_DIRECTORY`](crate::http::OLDEST_DIRECTORY) nothing is answered.
pub(super) const UNREADY: Duration = Duration::from_secs(5);
/// How often rolls are followed: teams hear within a minute of what happened.
const FOLLOW: Duration = Duration::from_secs(20);
/// The minute after which counts of refused requests are written.
const MINUTE: Duration = Duration::from_mins(1);

/// Starts all of it.
pub(super) fn background(state: &AppState, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
    let matcher = state.matcher.clone().run(state.gate.clone(), stop.clone());
    let daily = daily(state.clone(), stop.clone());
    let directory = look_at_directory(state.clone(), stop.clone());
    let (audit, stopped) = (state.audit.clone(), stop.clone());
    let (gate, metrics) = (state.gate.clone(), state.metrics.clone());
    let minutes = async move {
        while tokio::time::timeout(MINUTE, stopped.cancelled()).await.is_err() {
            audit.turn_minute(false).await;
            if let Err(error) = disclosures::tell_stopped(&gate, &metrics).await {
                tracing::warn!(%error, "stopped systems could not be told of; trying again");
            }
        }
    };
    let (gate, stopped) = (state.gate.clone(), stop.clone());
    let follow = async move {
        while tokio::time::timeout(FOLLOW, stopped.cancelled()).await.is_err() {
            if let Err(error) = involvements::follow_rolls(&gate).await {
                tracing::warn!(%error, "what happened on the rolls could not be told; trying again");
            }
        }
    };
    let watch = state.certificates.clone().watch(state.metrics.clone(), stop.clone());
    vec![
        tokio::spawn(watch),
        tokio::spawn(matcher),
        tokio::spawn(daily),
        tokio::spawn(directory),
        tokio::spawn(minutes),
        tokio::spawn(follow),
    ]
}

/// Looks for changes of the directory until stopped, and takes up the policies that it puts in force. That it cannot be
/// looked at is told once, and once when it can again.
async fn look_at_directory(state: AppState, stop: CancellationToken) {
    let directory = state.gate.directory();
    let mut told = false;
    while tokio::time::timeout(DIRECTORY, stop.cancelled()).await.is_err() {
        match directory.refresh(state.gate.db()).await {
            Ok(_) if told => {
                told = false;
                tracing::info!("the directory is looked at again");
            }
            Err(error) if !told && directory.age() > UNREADY => {
                told = true;
                tracing::error!(%error, "the directory cannot be looked at; soon nothing is answered");
                state.metrics.alarm("directory_not_read");
            }
            Ok(_) | Err(_) => {}
        }
        follow_policies(&state).await;
    }
}

/// Takes up the policies in force, if they are others. That they do not hold is told once: it is tried once.
async fn follow_policies(state: &AppState) {
    match state.gate.follow_policies().await {
        Ok(true) => tracing::info!("another set of policies is in force"),
        Ok(false) => {}
        Err(error) => {
            tracing::error!(%error, "nothing is answered until another set of policies is in force");
            state.metrics.alarm("policies_not_loaded");
        }
    }
}

/// How often it is looked whether a new day has begun.
const DAY: Duration = Duration::from_mins(10);

/// Days before the end of the known bank holidays from which the operator is told.
const HOLIDAYS_LEFT: i64 = 365;

/// Says how long bank holidays are known for: a number for `/metrics`, and a warning in the last year.
fn look_at_holidays(state: &AppState, today: NaiveDate) {
    let until = state.holidays.known_until(today);
    let left = (until - today).num_days();
    state.metrics.holidays_known(left);
    if left < HOLIDAYS_LEFT {
        tracing::warn!(
            %until,
            "bank holidays are not known for a whole year ahead; add them to `calendar.bank_holidays`, or each weekday \
             after that day counts as a working day and clocks end sooner"
        );
    }
}

/// Ends what is past its time, each by itself: what cannot be ended keeps nothing else standing, least of all a case that
/// gives access. Says whether all was.
async fn end_what_is_past(state: &AppState) -> bool {
    let gate = &state.gate;
    let mut whole = true;
    let mut told = |what: &'static str, ended: Result<(), Refusal>| {
        if let Err(error) = ended {
            whole = false;
            tracing::warn!(what, %error, "what is past its time stands; trying again");
            state.metrics.alarm("past_its_time");
        }
    };
    let lapsed = involvements::lapse_silent(gate, &state.holidays, &state.metrics).await;
    told("cases", lapsed.map(drop));
    told("handles", gate.retire_handles().await.map(drop));
    told("bars", involvements::expire_bars(gate).await.map(drop));
    told("keys", gate.expire_keys().await.map(drop));
    told("imports", intake::expire_entries(gate).await.map(drop));
    told("half terms", summaries::expire_half_terms(gate).await.map(drop));
    told("changes", summaries::expire_changes(gate).await.map(drop));
    told("certificates", operators::tell_expiring(gate).await.map(drop));
    whole
}

/// Does what is due once a day, until stopped: ends what is past its time, which is tried again where it fails, and looks
/// how long the bank holidays and systems' certificates last.
async fn daily(state: AppState, stop: CancellationToken) {
    let gate = state.gate.clone();
    let (mut done, mut looked): (Option<NaiveDate>, Option<NaiveDate>) = (None, None);
    loop {
        certificates::look_at_ends(&gate, &state.metrics);
        let today = gate.clock().today();
        if looked != Some(today) {
            look_at_holidays(&state, today);
            looked = Some(today);
        }
        if done != Some(today) && end_what_is_past(&state).await {
            done = Some(today);
        }
        if tokio::time::timeout(DAY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}
