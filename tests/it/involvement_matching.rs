//! Matching as it happens off the request path: turns of organisations, the day's one run, and what cannot be matched.

use crate::support::exports::number;
use crate::support::wire::{Logged, log, run};
use crate::support::{Suite, TestDb};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schoolgate::app::{self, Opened};
use schoolgate::audit::Class;
use schoolgate::clock::Clock;
use schoolgate::involvements::{Matched, match_claims, match_daily, match_step};
use schoolgate::store::Db;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both("involvement_matching::one_agencys_crowd_delays_no_other", crowd);
    suite.both("involvement_matching::a_claim_that_cannot_be_written_keeps_none_back", poison);
    suite.both("involvement_matching::the_day_is_run_once_and_never_lost", day);
    suite.both("involvement_matching::a_claim_on_a_protected_child_is_told_once", protected);
    suite.both("involvement_matching::what_has_waited_too_long_leaves_the_queue", lapsed);
    suite.both("involvement_matching::what_ended_a_year_ago_is_forgotten", forgotten);
    suite.both("involvement_matching::a_upn_that_fits_a_child_decides", upn_decides);
}

const TODAY: &str = "2026-11-20";
const UPN: &str = "B801200005001";
const BORN: &str = "2014-03-05";

/// A gateway's gate on the database, without listeners, and so without the task that matches.
async fn opened(test: &TestDb) -> Opened {
    app::open(&test.url, Clock::on(TODAY.parse().unwrap())).await.unwrap()
}

fn day_of(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn ago(minutes: i64) -> DateTime<Utc> {
    Clock::machine().now() - TimeDelta::minutes(minutes)
}

/// A child on the roll of a school of its own.
async fn child(db: &Db, upn: Option<&str>, surname: &str, flagged: bool) -> Uuid {
    const PUPIL: &str = "INSERT INTO pupils (id, created_at) VALUES ($1, $2)";
    const VERSION: &str =
        "INSERT INTO register_versions (school_id, version, committed_at) VALUES ($1, 1, $2)";
    const ENROLMENT: &str = "INSERT INTO enrolments (school_id, id, version, pupil_id, upn, upn_permanent, surname, \
         surname_key, forename, forename_key, date_of_birth, status, starting_day, boarder, part_time, \
         home_authority_assumed, whereabouts_protected) \
         VALUES ($1, $2, 1, $3, $4, $5, $6, $6, 'wren', 'wren', $7, 'single', $8, $9, $9, $9, $10)";
    let (school, pupil) = (Uuid::now_v7(), Uuid::now_v7());
    run!(*db, PUPIL, pupil, ago(9_000));
    run!(*db, VERSION, school, ago(9_000));
    let (born, start) = (day_of(BORN), day_of("2025-09-02"));
    run!(
        *db,
        ENROLMENT,
        school,
        Uuid::now_v7(),
        pupil,
        upn,
        upn.is_some(),
        surname,
        born,
        start,
        false,
        flagged
    );
    pupil
}

/// A claim that waits in a queue, received so many minutes ago.
async fn claim(
    db: &Db,
    (organisation, queue): (Uuid, i64),
    kind: &str,
    (upn, surname): (Option<&str>, &str),
    minutes: i64,
) -> Uuid {
    const CLAIM: &str = "INSERT INTO involvements (organisation_id, id, system_id, kind, team, source_case_id, \
         case_reference, opened_at, staff_id, claim_upn, claim_date_of_birth, claim_surname, claim_forename, at_once, \
         received_at, queue, confirmed_at) VALUES ($1, $2, $1, $3, 't', 's', 'R-1', $4, $5, $6, $7, $5, 'wren', $8, $4, $9, $4)";
    let id = Uuid::now_v7();
    run!(*db, CLAIM, organisation, id, kind, ago(minutes), surname, upn, day_of(BORN), queue != 4, queue);
    id
}

/// The child of a claim, and where it waits.
async fn of(db: &Db, id: Uuid) -> (Option<Uuid>, Option<i64>) {
    const OF: &str = "SELECT pupil_id, queue FROM involvements WHERE id = $1";
    match db {
        Db::Sqlite { read, .. } => sqlx::query_as(OF).bind(id).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(OF).bind(id).fetch_one(pool).await.unwrap(),
    }
}

/// The duties in the log: reason and count.
async fn duties(db: &Db) -> Vec<(Option<String>, Option<u64>)> {
    let duty = |logged: &Logged| logged.entry.class == Class::Duty;
    log(db, 0).await.into_iter().filter(duty).map(|l| (l.entry.reason, l.entry.count)).collect()
}

async fn crowd(test: TestDb) {
    const SQLITE: &str = "INSERT INTO involvements (organisation_id, id, system_id, kind, team, source_case_id, \
         case_reference, opened_at, staff_id, claim_date_of_birth, claim_surname, claim_forename, at_once, received_at, \
         queue, confirmed_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
         SELECT $1, randomblob(16), $1, 'section_47_enquiry', 't', 's', 'R-1', $2, 's', $3, 'nobody', 'wren', 1, $2, 1, $2 FROM n";
    const POSTGRES: &str = "INSERT INTO involvements (organisation_id, id, system_id, kind, team, source_case_id, \
         case_reference, opened_at, staff_id, claim_date_of_birth, claim_surname, claim_forename, at_once, received_at, \
         queue, confirmed_at) SELECT $1, gen_random_uuid(), $1, 'section_47_enquiry', 't', 's', 'R-1', $2, 's', $3, 'nobody', 'wren', \
         true, $2, 1, $2 FROM generate_series(1, 5000)";
    let opened = opened(&test).await;
    let (careless, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let crowd = match &test.db {
        Db::Sqlite { .. } => SQLITE,
        Db::Postgres(_) => POSTGRES,
    };
    run!(test.db, crowd, careless, ago(600), day_of(BORN));
    let pupil = child(&test.db, None, "ash", false).await;
    // It came ten hours after the 5,000, and is matched with the first hundred of them.
    let late = claim(&test.db, (other, 1), "section_47_enquiry", (None, "ash"), 1).await;
    let turn = match_step(&opened.gate).await.unwrap();
    assert_eq!(turn, Matched { looked_at: 101, tied: 1, ..Matched::default() });
    assert_eq!(of(&test.db, late).await, (Some(pupil), None));
    assert_eq!(number(&test.db, "SELECT COUNT(*) FROM involvements WHERE queue = 1").await, 4_900);
    assert_eq!(duties(&test.db).await, [(None, Some(1))], "turns that find nobody leave no entry");
    // Nor are those looked at over and over: each leaves the new ones by its first look.
    assert_eq!(match_step(&opened.gate).await.unwrap().looked_at, 100);
    assert_eq!(number(&test.db, "SELECT COUNT(*) FROM involvements WHERE queue = 3").await, 200);
    opened.close().await;
}

async fn poison(test: TestDb) {
    const SQLITE: &str = "CREATE TRIGGER poison BEFORE UPDATE ON involvements WHEN NEW.claim_surname = 'oak' \
         BEGIN SELECT RAISE(ABORT, 'poison'); END";
    const FUNCTION: &str = "CREATE FUNCTION poison() RETURNS trigger AS $$ BEGIN IF NEW.claim_surname = 'oak' \
         THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql";
    const TRIGGER: &str =
        "CREATE TRIGGER poison BEFORE UPDATE ON involvements FOR EACH ROW EXECUTE FUNCTION poison()";
    let opened = opened(&test).await;
    match &test.db {
        Db::Sqlite { .. } => drop(run!(test.db, SQLITE)),
        Db::Postgres(_) => drop((run!(test.db, FUNCTION), run!(test.db, TRIGGER))),
    }
    let agency = Uuid::from_u128(1);
    for surname in ["oak", "ash", "elm"] {
        child(&test.db, None, surname, false).await;
    }
    let bad = claim(&test.db, (agency, 1), "section_47_enquiry", (None, "oak"), 30).await;
    let mut good = Vec::new();
    for surname in ["ash", "elm"] {
        good.push(claim(&test.db, (agency, 1), "section_47_enquiry", (None, surname), 20).await);
    }
    let turn = match_step(&opened.gate).await.unwrap();
    assert_eq!((turn.tied, turn.failed), (2, 1));
    for id in good {
        assert!(of(&test.db, id).await.0.is_some());
    }
    assert_eq!(of(&test.db, bad).await, (None, Some(1)), "left where it was, to be tried again");
    assert_eq!(match_step(&opened.gate).await.unwrap().failed, 1);
    opened.close().await;
}

async fn day(test: TestDb) {
    const HELD: &str = "UPDATE matching_days SET holder = $1, lease_until = $2 WHERE id = 1";
    const DONE: &str = "SELECT COUNT(*) FROM matching_days WHERE last_day = '2026-11-20'";
    let opened = opened(&test).await;
    let (gate, go_on) = (&opened.gate, CancellationToken::new());
    child(&test.db, None, "ash", false).await;
    let by_name = claim(&test.db, (Uuid::from_u128(1), 4), "cp", (None, "ash"), 5).await;
    assert_eq!(match_step(gate).await.unwrap(), Matched::default(), "a name waits for the day");
    // Another gateway has begun the day, and is at it.
    run!(test.db, HELD, Uuid::now_v7(), ago(-4));
    assert!(!match_daily(gate, &go_on).await.unwrap());
    assert_eq!(of(&test.db, by_name).await, (None, Some(4)));
    // It stopped in the middle: once it has been silent for long enough, we take over.
    run!(test.db, HELD, Uuid::now_v7(), ago(1));
    // Nobody can be looked up just now: the day is not done by that.
    run!(test.db, "ALTER TABLE enrolments RENAME TO enrolments_gone");
    assert!(!match_daily(gate, &go_on).await.unwrap_or(false));
    assert_eq!(number(&test.db, DONE).await, 0);
    run!(test.db, "ALTER TABLE enrolments_gone RENAME TO enrolments");
    // Nor by being stopped.
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert!(!match_daily(gate, &stopped).await.unwrap());
    assert_eq!(of(&test.db, by_name).await, (None, Some(4)));
    assert!(match_daily(gate, &go_on).await.unwrap());
    assert!(of(&test.db, by_name).await.0.is_some());
    assert_eq!(number(&test.db, DONE).await, 1);
    // Once a day for everybody: a claim that comes later waits for tomorrow.
    child(&test.db, None, "elm", false).await;
    let tomorrow = claim(&test.db, (Uuid::from_u128(2), 4), "cp", (None, "elm"), 1).await;
    assert!(match_daily(gate, &go_on).await.unwrap(), "it is done");
    assert_eq!(of(&test.db, tomorrow).await, (None, Some(4)));
    opened.close().await;
}

async fn protected(test: TestDb) {
    let opened = opened(&test).await;
    let agency = Uuid::from_u128(1);
    child(&test.db, Some(UPN), "ash", true).await;
    child(&test.db, None, "elm", true).await;
    let by_upn = claim(&test.db, (agency, 2), "cp", (Some(UPN), "ash"), 5).await;
    let enquiry = claim(&test.db, (agency, 1), "section_47_enquiry", (None, "elm"), 5).await;
    let turn = match_step(&opened.gate).await.unwrap();
    assert_eq!((turn.tied, turn.held, turn.held_enquiries), (0, 2, 1));
    // Each time it is looked at again it fits again; it has been told.
    assert_eq!(match_claims(&opened.gate, true).await.unwrap(), 0);
    for id in [by_upn, enquiry] {
        assert_eq!(of(&test.db, id).await, (None, Some(3)), "it waits");
    }
    let told = Some("claim_fits_protected_child".to_owned());
    assert_eq!(duties(&test.db).await, [(told.clone(), Some(1)), (told, Some(1))]);
    let entries = log(&test.db, 0).await;
    assert!(entries.iter().all(|l| l.entry.child.is_none() && l.entry.involvement.is_none()), "of nobody");
    opened.close().await;
}

async fn lapsed(test: TestDb) {
    const STAGED: &str = "INSERT INTO involvements_staged (organisation_id, upload_id, id, system_id, kind, team, \
         source_case_id, case_reference, opened_at, staff_id, claim_date_of_birth, claim_surname, claim_forename, \
         at_once, claim_digest, is_new, staged_at) \
         VALUES ($1, $1, $2, $1, 'cp', 't', 's', 'R-1', $3, 's', $4, 'ash', 'wren', $5, $6, $5, $3)";
    const TRIED: &str = "INSERT INTO involvement_tries (organisation_id, tried, tried_on, claims) \
         VALUES ($1, $2, $3, 1)";
    const TERM: &str = "INSERT INTO involvement_terms (organisation_id, source_case_id, kind, first_opened, last_opened, \
         renewals, last_day) VALUES ($1, 's', $2, $3, $3, 0, $3)";
    const SENT: &str = "UPDATE involvements SET confirmed_at = $2 WHERE id = $1";
    let opened = opened(&test).await;
    let (agency, minutes) = (Uuid::from_u128(1), 60 * 24);
    for age in [11, 9] {
        run!(test.db, STAGED, agency, Uuid::now_v7(), ago(age), day_of(BORN), true, vec![0_u8; 32]);
    }
    for (case, day) in [("old", "2026-10-22"), ("young", "2026-10-24")] {
        run!(test.db, TRIED, agency, case.as_bytes(), day_of(day));
    }
    for (kind, day) in [("front_door", "2025-11-19"), ("assessment", "2025-11-21")] {
        run!(test.db, TERM, agency, kind, day_of(day));
    }
    for surname in ["ash", "elm", "oak"] {
        child(&test.db, None, surname, false).await;
    }
    let old = claim(&test.db, (agency, 4), "cp", (None, "ash"), 28 * minutes + 5).await;
    let crowded = claim(&test.db, (agency, 5), "cp", (None, "elm"), 29 * minutes).await;
    let young = claim(&test.db, (agency, 4), "cp", (None, "oak"), 28 * minutes - 5).await;
    // One that is still sent waits on, however long ago it came.
    let sent = claim(&test.db, (agency, 4), "cp", (None, "elm"), 90 * minutes).await;
    assert_eq!(run!(test.db, SENT, sent, ago(28 * minutes - 5)), 1);
    assert!(match_daily(&opened.gate, &CancellationToken::new()).await.unwrap());
    for id in [old, crowded] {
        assert_eq!(of(&test.db, id).await, (None, None));
    }
    for id in [young, sent] {
        assert!(of(&test.db, id).await.0.is_some());
    }
    for table in [
        "SELECT COUNT(*) FROM involvements_staged",
        "SELECT COUNT(*) FROM involvement_tries WHERE tried_on = '2026-10-24'",
        "SELECT COUNT(*) FROM involvement_tries",
        "SELECT COUNT(*) FROM involvement_terms WHERE kind = 'assessment'",
        "SELECT COUNT(*) FROM involvement_terms",
    ] {
        assert_eq!(number(&test.db, table).await, 1, "{table}");
    }
    let lapses = duties(&test.db).await.into_iter().filter(|(reason, _)| reason.as_deref() == Some("lapsed"));
    assert_eq!(lapses.map(|(_, count)| count.unwrap()).sum::<u64>(), 2);
    opened.close().await;
}

/// Ended, over by its term, and lapsed: each goes a year later, to the minute or the day; what is live never does.
async fn forgotten(test: TestDb) {
    const ENDED: &str = "UPDATE involvements SET ended_at = $2, queue = NULL WHERE id = $1";
    const UNTIL: &str = "UPDATE involvements SET until_day = $2, queue = NULL WHERE id = $1";
    const LAPSED: &str = "UPDATE involvements SET queue = NULL WHERE id = $1";
    const LEFT: &str = "SELECT COUNT(*) FROM involvements WHERE claim_surname = $1";
    let opened = opened(&test).await;
    let (agency, day, year) = (Uuid::from_u128(1), 60 * 24, 365 * 60 * 24);
    let waits = async |surname: &str, minutes: i64| {
        claim(&test.db, (agency, 4), "cp", (None, surname), minutes).await
    };
    for (surname, minutes) in [("ended", year + 5), ("ends", year - 5)] {
        let id = waits(surname, year + 9_000).await;
        run!(test.db, ENDED, id, ago(minutes));
    }
    // Today is 20 November 2026.
    for (surname, until) in [("past", "2025-11-19"), ("passes", "2025-11-20"), ("runs", "2026-11-20")] {
        let id = waits(surname, 5).await;
        run!(test.db, UNTIL, id, day_of(until));
    }
    for (surname, minutes) in [("lapsed", year + 28 * day + 5), ("lapses", year + 28 * day - 5)] {
        let id = waits(surname, minutes).await;
        run!(test.db, LAPSED, id);
    }
    // A case without an end, of a child that was found long ago.
    let pupil = child(&test.db, None, "elsewhere", false).await;
    let id = waits("live", 3 * year).await;
    run!(test.db, "UPDATE involvements SET pupil_id = $2, queue = NULL WHERE id = $1", id, pupil);
    assert!(match_daily(&opened.gate, &CancellationToken::new()).await.unwrap());
    for (surname, left) in [
        ("ended", 0),
        ("ends", 1),
        ("past", 0),
        ("passes", 1),
        ("runs", 1),
        ("lapsed", 0),
        ("lapses", 1),
        ("live", 1),
    ] {
        let found: i64 = match &test.db {
            Db::Sqlite { read, .. } => sqlx::query_scalar(LEFT).bind(surname).fetch_one(read).await.unwrap(),
            Db::Postgres(pool) => sqlx::query_scalar(LEFT).bind(surname).fetch_one(pool).await.unwrap(),
        };
        assert_eq!(found, left, "{surname}");
    }
    let ended: u64 = duties(&test.db).await.into_iter().filter_map(|(_, count)| count).sum();
    assert!(ended >= 3, "each that goes is counted in an entry: {ended}");
    opened.close().await;
}

async fn upn_decides(test: TestDb) {
    let opened = opened(&test).await;
    let agency = Uuid::from_u128(1);
    let of_upn = child(&test.db, Some(UPN), "ash", false).await;
    // A twin of the same surname and birthday, whose forename the agency knows.
    let twin = child(&test.db, None, "ash", false).await;
    let exact = claim(&test.db, (agency, 1), "section_47_enquiry", (Some(UPN), "ash"), 5).await;
    // By name alone there are two, and nobody can tell which; a UPN that fits neither makes no difference.
    let doubtful =
        claim(&test.db, (agency, 1), "section_47_enquiry", (Some("P207000016049"), "ash"), 5).await;
    assert_eq!(match_claims(&opened.gate, true).await.unwrap(), 1);
    assert_eq!(of(&test.db, exact).await.0, Some(of_upn));
    assert_eq!(of(&test.db, doubtful).await.0, None);
    assert_ne!(of_upn, twin);
    opened.close().await;
}
