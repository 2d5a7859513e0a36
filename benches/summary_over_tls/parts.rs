//! The parts of one summary, each measured by calling the library as a request does, one call after the other.
//!
//! What is not public is measured with what it stands in, and the line says so. Medians of separate runs: their sum is
//! near the whole and not equal to it.

use super::Sample;
use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use reqwest::Method;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use schoolgate::audit::{Class, Decision, Entry, EventId, Journal};
use schoolgate::clock::Clock;
use schoolgate::config::Config;
use schoolgate::crypto::{self, Keyring};
use schoolgate::demo::run::{Client, Demo};
use schoolgate::domain::attendance::summary::{Enrolment, Figures, Register, Window, YearOfMarks};
use schoolgate::domain::attendance::{Entered, MinutesLate, PackedYear};
use schoolgate::domain::calendar::{
    Half, SchoolCalendar, SchoolYear, Session, last_complete_week, london, published_at,
};
use schoolgate::domain::organisation::OrganisationKind;
use schoolgate::domain::purpose::{InvolvementKind, Purpose, Role, SectionSet};
use schoolgate::gate::{Answer, Asked, ChildRef, OfChild, Permit, Trail};
use schoolgate::identity::{Caller, Peer, TokenKeys, authenticate};
use schoolgate::policy::{Facts, Lane, Policy, Relationship};
use schoolgate::registers::{self, ChildRecord, EnrolmentRecord};
use schoolgate::relationships;
use serde::Serialize;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How often a part is done for its median.
const TIMES: usize = 2_000;
/// How often a part that waits for the disk is done.
const COMMITS: usize = 500;
/// Entries outstanding at once where the journal's commit is shared.
const SHARING: u32 = 64;

/// Prints a row for each part.
pub async fn print(demo: &Demo, sample: &Sample) -> Result<()> {
    let body = &answer(demo, sample).await?;
    println!("| (the answer has {} bytes) | |", body.len());
    let gate = &demo.running.gate;
    let caller = print_identity(demo, sample)?;
    let sections: SectionSet = SectionSet::all();
    let open = async || {
        let trail = Trail::new(entry(gate.clock(), body.len()));
        let asked = Asked { caller: caller.clone(), trail };
        gate.open_child(asked, &sample.handle, Some(&sample.case_reference), sections).await
    };
    print_policy()?;
    row("gate.open_child, whole: handle, relationship, policy (seen)", median(TIMES, &open).await?);
    let permit = open().await?;
    let moment = (gate.clock().school_now(), gate.clock().today());
    let handle = crypto::from_hex(&sample.handle).context("a handle")?;
    let holder = (permit.system(), permit.organisation());
    let behind = async || relationships::behind(gate.db(), holder, &handle, moment).await;
    row("– of it: the child behind the handle and the facts, one query", median(TIMES, behind).await?);
    let year = SchoolYear::of(moment.1);
    let read = async || registers::child_record(gate.db(), &permit, (SchoolYear(year.0 - 1), year)).await;
    row("registers.child_record: enrolments, calendars, marks", median(TIMES, &read).await?);
    print_figures(&read().await?, moment.0)?;
    let value: serde_json::Value = serde_json::from_slice(body)?;
    row("serialise (the same answer, as a JSON value)", now(TIMES, || Ok(serde_json::to_vec(&value)?))?);
    row("SHA-256 of the answer", now(TIMES, || Ok(crypto::sha256(&[body])))?);
    let journal = gate.journal();
    let one = async || journal.record(&entry(gate.clock(), 200)).await;
    row("journal, one entry alone", median(COMMITS, one).await?);
    let shared = together(journal, gate.clock()).await?;
    row("journal, an entry's share with 64 outstanding", shared);
    let release = async || {
        let permit: Permit<OfChild> = open().await?;
        let answer = Same { pupil_id: ChildRef::of(permit.pupil()), rest: &value };
        gate.release(permit, http::StatusCode::OK, answer).await
    };
    row(
        "gate.open_child and gate.release, an answer as large",
        median(COMMITS, release).await.context("a release")?,
    );
    Ok(())
}

/// The answer itself, by the demonstration's own client.
async fn answer(demo: &Demo, sample: &Sample) -> Result<Vec<u8>> {
    let client = Client::new(&sample.caller, &demo.dir, &demo.json.api)?;
    let path = format!("/v1/pupils/{}/attendance-summary", sample.handle);
    let reference = [("case-reference", sample.case_reference.as_str())];
    let answered = client.call(Method::GET, &path, &reference, Vec::new()).await?;
    ensure!(answered.status == 200, "the summary was answered with {}", answered.status);
    Ok(answered.bytes)
}

/// An answer of the same size, around a child that is still to be given its handle.
#[derive(Serialize)]
struct Same<'a> {
    pupil_id: ChildRef,
    rest: &'a serde_json::Value,
}

impl Answer for Same<'_> {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        vec![&mut self.pupil_id]
    }
}

fn print_identity(demo: &Demo, sample: &Sample) -> Result<Caller> {
    let config = Config::load(&demo.dir.join("schoolgate.toml"))?;
    let keyring = Keyring::load(&config.files.keys)?;
    let (issuer, audience) = (&config.names.issuer, &config.names.audience);
    let keys = TokenKeys::new(&keyring.tokens, crypto::SignWith::EdDsa, issuer, audience)?;
    let certificate = CertificateDer::from_pem_file(demo.dir.join(&sample.caller.certificate))?;
    let peer = Peer::from_der(&certificate)?;
    let directory = demo.running.gate.directory().current();
    let header = format!("Bearer {}", sample.token);
    let at = demo.running.gate.clock().now();
    let prove = || Ok(authenticate(&directory, &keys, Some(&peer), Some(&header), at)?);
    row("authenticate: certificate, system, token (Ed25519)", now(TIMES, prove)?);
    prove()
}

/// The thirteen questions of a summary, the first time that these facts are met and after.
fn print_policy() -> Result<()> {
    let load = || Ok(Policy::embedded(crypto::sha256)?);
    row("Policy::embedded, once a start", now(10, load)?);
    let policy = load()?;
    let facts = |purpose: Purpose, organisation_kind: OrganisationKind| Facts {
        role: Role::SocialWorker,
        purpose,
        organisation_kind,
        organisation_live: true,
        lane: Lane::System,
        agreement_live: true,
        relationship: Relationship::Involvement(InvolvementKind::Cp, true),
        scope: true,
        shielded: false,
        withheld: false,
        in_conflict: false,
    };
    let mut unseen = Vec::new();
    for (purpose, kind) in
        Purpose::ALL.iter().flat_map(|p| OrganisationKind::ALL.iter().map(move |k| (*p, *k)))
    {
        let facts = facts(purpose, kind);
        let started = Instant::now();
        black_box(policy.sections(&facts, SectionSet::all()));
        unseen.push(started.elapsed());
    }
    row("policy: thirteen sections, facts not seen before", middle(unseen));
    let known = facts(Purpose::ChildProtection, OrganisationKind::LocalAuthority);
    row("policy: thirteen sections, seen", now(TIMES, || Ok(policy.sections(&known, SectionSet::all())))?);
    Ok(())
}

struct Year {
    calendar: SchoolCalendar,
    marks: PackedYear,
    entered: Entered,
    minutes: MinutesLate,
}

/// The arithmetic as a role without `sessions` has it done: decoded as at the published week and as at now.
fn print_figures(record: &ChildRecord, at: DateTime<Utc>) -> Result<()> {
    let sunday = last_complete_week(london(at));
    let moment = Some(published_at(sunday));
    let decode = || {
        let both = [moment, None];
        both.iter()
            .flat_map(|moment| record.0.iter().map(move |one| years(one, *moment)))
            .collect::<Result<Vec<_>>>()
    };
    row("decode calendars and marks, twice", now(TIMES, decode)?);
    let decoded = decode()?;
    let first = SchoolYear::of(sunday).first_day();
    let figures = || Ok(decoded.iter().map(|years| figures_of(years, first, sunday)).collect::<Vec<_>>());
    row("every figure, twice", now(TIMES, figures)?);
    Ok(())
}

fn years(record: &EnrolmentRecord, moment: Option<DateTime<Utc>>) -> Result<Vec<Year>> {
    let marks = record.marks_at(moment);
    let mut all = Vec::new();
    for row in record.calendars_at(moment) {
        let calendar = row.calendar()?;
        for packed in &marks {
            if packed.year()? == calendar.year() {
                all.push(Year {
                    calendar: calendar.clone(),
                    marks: packed.marks()?,
                    entered: packed.entered()?,
                    minutes: packed.minutes()?,
                });
            }
        }
    }
    all.sort_by_key(|year| year.calendar.year());
    Ok(all)
}

fn figures_of(years: &[Year], from: chrono::NaiveDate, to: chrono::NaiveDate) -> Figures {
    let years: Vec<YearOfMarks<'_>> = years
        .iter()
        .map(|y| YearOfMarks {
            calendar: &y.calendar,
            marks: &y.marks,
            entered: Some(&y.entered),
            minutes_late: Some(&y.minutes),
        })
        .collect();
    let enrolment = Enrolment {
        starting_day: SchoolYear(SchoolYear::of(from).0 - 1).first_day(),
        last_day: None,
        boarder: false,
        part_time: false,
        dual_registered: false,
    };
    let last = Session::new(to, Half::Pm);
    let window = Window { from, to, last_due: last, live_to: last };
    Register { enrolment, years: &years, window }.figures()
}

fn entry(clock: &Clock, size: usize) -> Entry {
    Entry {
        request: Some("01920000000070008000000000000001".to_owned()),
        method: Some("GET".to_owned()),
        route: Some("/v1/pupils/{pupil_id}/attendance-summary".to_owned()),
        status: Some(200),
        record: Some(format!("{size}")),
        ..Entry::new(EventId::new(), clock.now(), Class::Access, Decision::Allowed)
    }
}

/// The time of one entry where so many are outstanding that commits are shared.
async fn together(journal: &Journal, clock: &Clock) -> Result<Duration> {
    const EACH: u32 = 100;
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..SHARING {
        let (journal, clock) = (journal.clone(), clock.clone());
        tasks.spawn(async move {
            for _ in 0..EACH {
                journal.record(&entry(&clock, 200)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a writer")??;
    }
    Ok(started.elapsed() / (SHARING * EACH))
}

async fn median<T, E>(times: usize, work: impl AsyncFn() -> Result<T, E>) -> Result<Duration>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let started = Instant::now();
        black_box(work().await?);
        taken.push(started.elapsed());
    }
    Ok(middle(taken))
}

fn now<T>(times: usize, work: impl Fn() -> Result<T>) -> Result<Duration> {
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let started = Instant::now();
        black_box(work()?);
        taken.push(started.elapsed());
    }
    Ok(middle(taken))
}

fn middle(mut taken: Vec<Duration>) -> Duration {
    taken.sort_unstable();
    taken.get(taken.len() / 2).copied().unwrap_or_default()
}

fn row(part: &str, taken: Duration) {
    println!("| {part} | {:.1} |", taken.as_secs_f64() * 1e6);
}
