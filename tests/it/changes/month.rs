//! A month of marks and corrections, and one reader of each kind that asks day and night.

use super::{Change, Reader};
use crate::polling::{FIRST, LAST, ROLES, at, day, send_marks};
use crate::support::exports::Wire;
use crate::support::{TestDb, TestGate};
use chrono::{DateTime, Datelike as _, Utc, Weekday};
use schoolgate::clock::Clock;
use schoolgate::demo::{DemoChild, SchoolFiles, Standing};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Roles that see sessions, and so everything as it happens when they ask for it.
const LIVE: [&str; 3] = ["social_worker_cp", "virtual_school_cla", "attendance_officer_la"];

/// A reader, and what it was told of each child and when.
struct Following<'a> {
    name: &'a str,
    child: &'a DemoChild,
    reader: Reader,
    told: BTreeMap<String, Vec<DateTime<Utc>>>,
    gone: BTreeSet<String>,
    /// What could be read of the child at the last publication; none once it is gone.
    last: Option<String>,
    compared: [usize; 2],
}

impl Following<'_> {
    async fn poll(&mut self, gate: &Wire, now: DateTime<Utc>) -> Vec<Change> {
        let told = self.reader.poll(gate, self.name, 200).await;
        for (handle, gone) in &told {
            if *gone {
                assert!(self.gone.insert(handle.clone()), "{} at {now}: gone once", self.name);
            } else {
                self.told.entry(handle.clone()).or_default().push(now);
            }
        }
        told
    }

    /// On Monday at six: the child is listed if and only if what may be read of it is not what it was a week ago.
    async fn compare(&mut self, gate: &Wire, told: &[Change], now: DateTime<Utc>) {
        let handle = self.child.pupil_id.as_deref().unwrap();
        let listed = told.contains(&(handle.to_owned(), false));
        let answer = gate.summary(self.name, self.child, "").await;
        if answer.status == 404 {
            assert!(self.gone.contains(handle), "{} at {now}: {}", self.name, answer.body);
            self.last = None;
            return;
        }
        let bytes = what_is_told(&answer.body);
        if let Some(last) = self.last.replace(bytes.clone()) {
            assert_eq!(listed, last != bytes, "{} at {now}:\n{last}\n{bytes}", self.name);
            self.compared[usize::from(listed)] += 1;
        }
    }
}

/// What depends on the child: the window moves for everybody.
fn what_is_told(body: &Value) -> String {
    format!("{}{}", body["enrolments"], body["combined"])
}

pub async fn month(db: TestDb) {
    let (clock, hand) = Clock::by_hand(at(day(FIRST), "18:00"));
    let gate = Wire::over(TestGate::start_on(&db.url, clock).await);
    let follow = |name: &'static str| Following {
        name,
        child: gate.gate.child(name, Standing::Mine),
        reader: Reader::default(),
        told: BTreeMap::new(),
        gone: BTreeSet::new(),
        last: None,
        compared: [0, 0],
    };
    let mut all: Vec<Following<'_>> = ROLES.into_iter().chain(LIVE).map(follow).collect();
    let upns: Vec<&str> = all.iter().map(|one| one.child.upn.as_str()).collect();
    let of_school = |school: &SchoolFiles| -> Vec<String> {
        let rows = gate.rows(&school.pupils);
        let asked =
            rows.iter().filter(|row| upns.contains(&row["upn"].as_str()) && row["last_day"].is_empty());
        asked.filter(|row| row["boarder"] != "true").map(|row| row["school_pupil_id"].clone()).collect()
    };
    let numbers: Vec<Vec<String>> = gate.schools().iter().map(of_school).collect();
    let first = at(day(FIRST), "18:00");
    for one in &mut all {
        let told = one.poll(&gate, first).await;
        assert!(super::there(&told).contains(one.child.pupil_id.as_ref().unwrap()), "{}", one.name);
    }
    for today in day(FIRST).iter_days().skip(1).take_while(|date| *date <= day(LAST)) {
        let monday = today.weekday() == Weekday::Mon;
        let times: &[&str] = if monday { &["05:59", "06:00", "18:00"] } else { &["00:30", "18:00"] };
        for time in times {
            if *time == "18:00" {
                hand.set(at(today, "16:30"));
                for (school, numbers) in gate.schools().iter().zip(&numbers) {
                    send_marks(&gate, school, numbers, today).await;
                }
            }
            let now = at(today, time);
            hand.set(now);
            for one in &mut all {
                let told = one.poll(&gate, now).await;
                if *time == "06:00" {
                    one.compare(&gate, &told, now).await;
                }
            }
        }
    }
    for one in &all {
        for times in one.told.values() {
            let mondays = times.iter().filter(|now| **now != first);
            for now in mondays {
                let date = now.with_timezone(&chrono_tz::Europe::London).date_naive();
                assert!(
                    date.weekday() == Weekday::Mon && *now == at(date, "06:00"),
                    "{} is told at {now}",
                    one.name
                );
            }
            assert!(times.len() <= 6, "at first, and on five Mondays: {} {times:?}", one.name);
        }
    }
    let compared = all.iter().fold([0, 0], |sum, one| [sum[0] + one.compared[0], sum[1] + one.compared[1]]);
    assert!(compared[1] > 35, "weeks with changes: {compared:?}");
    // Of the whole roll some have left before: nothing changes any more, and they are never told of again.
    let officer = all.iter().find(|one| one.name == "attendance_officer_la").unwrap();
    assert!(officer.told.len() > 100, "{}", officer.told.len());
    assert!(officer.told.values().any(|times| times.len() == 6) && officer.gone.is_empty());
    assert!(officer.told.values().any(|times| times.len() == 1), "who has left is told of once");
    // Cases whose term ends are gone by themselves.
    assert!(all.iter().any(|one| !one.gone.is_empty()));
    gate.gate.stop().await;
}
