//! A school's figures over the wire: its own staff see them as they are, its authority what has been published, and
//! everybody else nothing.

use crate::support::exports::{Row, Wire, changed, columns_of, csv_of, number, standing};
use crate::support::wire::{self, MOVED, entry_of, log_size, run, send};
use crate::support::{Suite, TestDb};
use schoolgate::audit::{Class, Decision};
use schoolgate::demo::SchoolFiles;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("school_figures::own_staff_see_the_registers_as_they_are", own_staff);
    suite.both_empty("school_figures::the_authority_sees_what_was_published_and_that_stands", published);
    suite.both_empty("school_figures::a_protected_child_is_in_no_outsiders_figure", protected);
    suite.both_empty("school_figures::nor_is_a_child_whom_another_school_protects", protected_elsewhere);
    suite.both_empty("school_figures::whoever_has_no_business_gets_the_plain_403", refusals);
    suite.both_empty("school_figures::a_half_term_is_published_once_however_many_ask", at_once);
    suite.both_empty("school_figures::a_register_still_being_loaded_is_waited_for", waited_for);
}

const HALF_TERM: (&str, &str) = ("2026-09-01", "2026-10-23");

/// Possible, attended, authorised and unauthorised sessions of one pupil.
type Sums = [u64; 4];

/// How the codes count; SI 2024/208 reg 10 and the department's classes, written out by hand.
fn sums_of(codes: &[&str]) -> Sums {
    let mut sums = [0; 4];
    for code in codes {
        let at = match *code {
            "/" | "\\" | "L" | "V" | "P" | "W" | "B" | "K" => 1,
            "C" | "C1" | "C2" | "E" | "I" | "J1" | "M" | "R" | "S" | "T" => 2,
            "G" | "N" | "O" | "U" => 3,
            _ => continue,
        };
        sums[at] += 1;
        sums[0] += 1;
    }
    sums
}

/// The pupils of a school's own files that count in the days, each with its groups and sums.
fn counted(gate: &Wire, school: &SchoolFiles, (from, to): (&str, &str)) -> Vec<(Row, Vec<String>, Sums)> {
    let (calendar, marks) = (gate.rows(&school.calendar), gate.rows(&school.attendance));
    let mut all = Vec::new();
    for row in gate.rows(&school.pupils).iter().filter(|row| row["boarder"] != "true") {
        let stands = standing(&marks, &row["school_pupil_id"]);
        let open = |date: &str, half: &str| {
            calendar.iter().any(|day| day["date"] == date && day[half] == "open")
                && row["starting_day"].as_str() <= date
                && (row["last_day"].is_empty() || date <= row["last_day"].as_str())
        };
        let inside = stands
            .iter()
            .filter(|((date, half), _)| from <= date.as_str() && date.as_str() <= to && open(date, half));
        let codes: Vec<&str> = inside.map(|(_, mark)| mark["code"].as_str()).collect();
        let sums = sums_of(&codes);
        if sums[0] > 0 {
            let mut groups = vec!["total".to_owned(), format!("year {}", row["year_group"])];
            groups.extend(match row["sen"].as_str() {
                "K" => Some("sen_support".to_owned()),
                "E" => Some("sen_plan".to_owned()),
                _ => None,
            });
            for cohort in ["free_meals", "social_worker"] {
                if row[cohort] == "true" {
                    groups.push(cohort.to_owned());
                }
            }
            all.push((row.clone(), groups, sums));
        }
    }
    all
}

/// The figures of each group as the wire must give them.
fn expected(pupils: &[(Row, Vec<String>, Sums)]) -> BTreeMap<String, Value> {
    let mut groups: BTreeMap<String, Vec<Sums>> = BTreeMap::new();
    for (_, of, sums) in pupils {
        for group in of {
            groups.entry(group.clone()).or_default().push(*sums);
        }
    }
    let percent =
        |part: u64, whole: u64| f64::from(u32::try_from((2000 * part + whole) / (2 * whole)).unwrap()) / 10.0;
    let figures = |all: Vec<Sums>| {
        let total = all.iter().fold([0; 4], |sum, one: &Sums| [0, 1, 2, 3].map(|at| sum[at] + one[at]));
        let number = u64::try_from(all.len()).unwrap();
        let absent = |times: u64| {
            let absent = all.iter().filter(|s| times * (s[2] + s[3]) >= s[0]).count();
            let absent = u64::try_from(absent).unwrap();
            json!({"enrolments": absent, "rate": percent(absent, number)})
        };
        json!({
            "enrolments": number, "possible": total[0], "attended": total[1], "authorised": total[2],
            "unauthorised": total[3], "absence_rate": percent(total[2] + total[3], total[0]),
            "persistent_absence": absent(10), "severe_absence": absent(2),
        })
    };
    groups.into_iter().map(|(group, all)| (group, figures(all))).collect()
}

/// The groups of an answer, named as above.
fn groups(body: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    if !body["total"].is_null() {
        all.insert("total".to_owned(), body["total"].clone());
    }
    for (list, name) in [("year_groups", "year_group"), ("cohorts", "cohort")] {
        for group in body[list].as_array().unwrap() {
            let mut figures = group.clone();
            let word = figures.as_object_mut().unwrap().remove(name).unwrap();
            let word = word.as_str().unwrap();
            all.insert(if list == "cohorts" { word.to_owned() } else { format!("year {word}") }, figures);
        }
    }
    all
}

fn path(urn: &str, query: &str) -> String {
    format!("/v1/schools/{urn}/attendance-summary{query}")
}

async fn own_staff(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    for school in gate.schools() {
        for (query, window) in [
            ("", ("2026-09-01", "2026-11-20")),
            ("?from=2026-10-05&to=2026-11-06", ("2026-10-05", "2026-11-06")),
        ] {
            let expected = expected(&counted(&gate, school, window));
            assert!(expected.contains_key("social_worker") && expected.len() > 5, "{:?}", expected.keys());
            let answer = gate.get(&format!("dsl_{}", school.urn), &path(&school.urn, query)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let body = &answer.body;
            assert_eq!((&body["figures"], &body["as_of"]), (&json!("live"), &json!("2026-11-20")));
            assert_eq!(body["school"]["urn"], school.urn.as_str());
            assert_eq!(body["window"]["to"], window.1);
            let rules = json!({"persistent_absence": "persistent/exact-10/2015", "severe_absence": "severe/exact-50/2022"});
            assert_eq!((groups(body), &body["rules"]), (expected.clone(), &rules), "{query}");
            assert!(body.get("caution").is_none() && body.get("groups_as_at").is_none());
            // The attendance officer sees the same, but for the children with a social worker.
            let officer = gate.get(&Wire::sender(&school.urn), &path(&school.urn, query)).await;
            let mut others = groups(&officer.body);
            if let Some(cohort) = others.remove("social_worker") {
                assert_eq!(cohort["published_window"]["to"], HALF_TERM.1, "as published, not as it is");
            }
            let without: BTreeMap<_, _> =
                expected.into_iter().filter(|(group, _)| group != "social_worker").collect();
            assert_eq!(others, without, "{query}");
        }
    }
    let urn = &gate.schools()[0].urn;
    for (query, problem) in [
        ("?from=2026-10-02&to=2026-10-01", "dates_reversed"),
        ("?from=2026-13-01", "bad_request"),
        ("?sections=headline", "bad_request"),
    ] {
        let answer = gate.get(&format!("dsl_{urn}"), &path(urn, query)).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.body["type"], format!("urn:schoolgate:problem:{problem}"), "{query}");
    }
    gate.stop().await;
}

/// Everything that a school can change about what was published.
async fn change_everything(gate: &Wire, school: &SchoolFiles) {
    let rows = gate.rows(&school.pupils);
    let live: Vec<&Row> = rows.iter().filter(|row| row["last_day"].is_empty()).collect();
    let swap = |value: &str| if value == "true" { "false" } else { "true" };
    let mut sent = Vec::new();
    for row in live.iter().take(6) {
        sent.push(changed(
            row,
            &[("free_meals", swap(&row["free_meals"])), ("social_worker", swap(&row["social_worker"]))],
        ));
    }
    sent.push(changed(live[7], &[("last_day", "2026-11-19"), ("removal_ground", "9(1)(a)")]));
    let new = [
        ("school_pupil_id", "999999"),
        ("upn", ""),
        ("surname", "Newcomer"),
        ("starting_day", "2026-11-16"),
        ("whereabouts_protected", "false"),
    ];
    sent.push(changed(live[8], &new));
    for csv in sent {
        let answer = gate.send(&school.urn, "pupils", &csv).await;
        assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{}", answer.body);
    }
    let marks: Vec<Row> = live
        .iter()
        .take(5)
        .map(|row| {
            let cells = [
                ("school_pupil_id", row["school_pupil_id"].as_str()),
                ("date", "2026-10-06"),
                ("session", "am"),
                ("code", "O"),
                ("recorded_at", "2026-11-20T17:00:00Z"),
            ];
            cells.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        })
        .collect();
    let answer = gate.send(&school.urn, "attendance", &csv_of(&columns_of(&marks[0]), &marks)).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{}", answer.body);
}

async fn published(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let before = log_size(&db.db).await;
    let officer = wire::Wire::of(&gate.gate, "attendance_officer_la").await;
    let reply = send(officer.request("GET", &path(&school.urn, ""))).await;
    let body = reply.json();
    assert_eq!(reply.status, 200, "{body}");
    let entry = entry_of(&db.db, &reply).await;
    assert_eq!((entry.class, entry.decision), (Class::Access, Decision::Allowed));
    assert_eq!(entry.action.as_deref(), Some("read_published_figures"));
    assert_eq!(entry.record.as_deref(), Some(format!("school {}", school.urn).as_str()));
    assert_eq!(entry.policies, ["summaries_published_figures_officer"]);
    assert!(entry.relationship.unwrap().contains("reg 12") && entry.child.is_none());
    // One for the token, one for the request, though it published.
    assert_eq!(log_size(&db.db).await, before + 2);
    assert_eq!((&body["figures"], &body["as_of"]), (&json!("published"), &json!("2026-11-15")));
    assert_eq!(body["groups_as_at"], HALF_TERM.1);
    assert_eq!(body["window"]["to"], HALF_TERM.1);
    assert!(body["caution"].as_str().unwrap().contains("01632 960999"));
    // What is given is true of those who are not protected, and no group of fewer than ten is there.
    let mut pupils = counted(&gate, school, HALF_TERM);
    pupils.retain(|(row, ..)| row["whereabouts_protected"] != "true");
    let (expected, given) = (expected(&pupils), groups(&body));
    assert!(given.contains_key("total") && given.len() > 1, "{:?}", given.keys());
    for (group, figures) in &given {
        let truth = &expected[group];
        assert!(truth["enrolments"].as_u64().unwrap() >= 10, "{group} is too small");
        for (name, value) in figures.as_object().unwrap() {
            let holds = if let Some(parts) = value.as_object() {
                parts.iter().all(|(part, value)| value.is_null() || *value == truth[name][part])
            } else {
                value.is_null() || *value == truth[name]
            };
            assert!(holds, "{group} {name}: {value} for {}", truth[name]);
        }
    }
    let small = expected.iter().filter(|(_, figures)| figures["enrolments"].as_u64().unwrap() < 10);
    assert!(small.clone().count() > 0 && small.into_iter().all(|(group, _)| !given.contains_key(group)));
    windows(&gate, school, &reply.bytes).await;
    change_everything(&gate, school).await;
    let again = send(officer.request("GET", &path(&school.urn, ""))).await;
    assert_eq!(again.bytes, reply.bytes, "what was published stands");
    windows(&gate, school, &reply.bytes).await;
    let live =
        gate.get(&format!("dsl_{}", school.urn), &path(&school.urn, "?from=2026-09-01&to=2026-10-23")).await;
    assert_ne!(groups(&live.body)["total"], groups(&body)["total"], "the school itself sees what changed");
    gate.stop().await;
}

/// Whatever days an outsider asks for, there is one half term yet and its year to date.
async fn windows(gate: &Wire, school: &SchoolFiles, to_date: &[u8]) {
    let mut alone = None;
    let window = &serde_json::from_slice::<Value>(to_date).unwrap()["window"];
    for (query, year) in [
        ("?to=2026-11-20", true),
        ("?from=2026-11-16", true),
        ("?from=2026-09-14&to=2026-09-18", false),
        ("?from=2026-09-14&to=2026-09-15", false),
        ("?from=2026-10-23&to=2026-11-20", false),
    ] {
        let answer = gate.get("attendance_officer_la", &path(&school.urn, query)).await;
        assert_eq!(answer.status, 200);
        if year && query.contains("to=") {
            assert_eq!(answer.bytes, to_date, "{query}");
        } else if !year {
            assert_eq!(alone.get_or_insert(answer.bytes.clone()), &answer.bytes, "{query}");
        }
        assert_eq!(&answer.body["window"], window, "{query}");
    }
    let last_year = gate.get("attendance_officer_la", &path(&school.urn, "?to=2025-12-01")).await;
    assert_eq!((last_year.status, &last_year.body["window"]), (200, &Value::Null));
    assert!(groups(&last_year.body).is_empty(), "nobody asked, so that nothing was published");
}

async fn protected(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pupils = counted(&gate, school, HALF_TERM);
    let unprotected = pupils.iter().filter(|(row, ..)| row["whereabouts_protected"] != "true").count();
    let (row, ..) = pupils
        .iter()
        .find(|(row, ..)| row["whereabouts_protected"] != "true" && row["last_day"].is_empty())
        .unwrap();
    let answer = gate.send(&school.urn, "pupils", &changed(row, &[("whereabouts_protected", "true")])).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(1)), "{}", answer.body);
    let outside = gate.get("attendance_officer_la", &path(&school.urn, "")).await;
    assert_eq!(outside.body["total"]["enrolments"], unprotected - 1, "raised this minute, and out");
    let inside =
        gate.get(&Wire::sender(&school.urn), &path(&school.urn, "?from=2026-09-01&to=2026-10-23")).await;
    assert_eq!(inside.body["total"]["enrolments"], pupils.len(), "the school counts its own");
    gate.stop().await;
}

async fn protected_elsewhere(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let (here, there) = (&gate.schools()[0], &gate.schools()[1]);
    let pupils = counted(&gate, here, HALF_TERM);
    let open: Vec<&Row> =
        pupils.iter().map(|(row, ..)| row).filter(|row| row["whereabouts_protected"] != "true").collect();
    let stays = open.iter().find(|row| row["last_day"].is_empty() && !row["upn"].is_empty()).unwrap();
    let flagged = [("school_pupil_id", "888888"), ("whereabouts_protected", "true")];
    let answer = gate.send(&there.urn, "pupils", &changed(stays, &flagged)).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(1)), "{}", answer.body);
    let outside = gate.get("attendance_officer_la", &path(&here.urn, "")).await;
    assert_eq!(outside.body["total"]["enrolments"], open.len() - 1, "the flag is the child's");
    gate.stop().await;
}

async fn refusals(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let (first, second) = (gate.schools()[0].urn.clone(), gate.schools()[1].urn.clone());
    let refused = async |name: &str, urn: &str, why: Option<&str>| {
        let wire = wire::Wire::of(&gate.gate, name).await;
        let reply = send(wire.request("GET", &path(urn, ""))).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{name} {urn}");
        let entry = entry_of(&db.db, &reply).await;
        assert_eq!(entry.decision, Decision::Refused, "{name}");
        assert!(why.is_none() || entry.reason.as_deref() == why, "{name} {urn}: {:?}", entry.reason);
        assert!(entry.legal_basis.is_none() && entry.record.is_none(), "{name}");
    };
    for name in
        [format!("dsl_{second}"), format!("school_attendance_officer_{second}"), "stranger".to_owned()]
    {
        refused(&name, &first, None).await;
    }
    for name in [
        "social_worker_cp",
        "virtual_school_cla",
        "attendance_officer_la_resident",
        "data_protection_officer_agency",
    ] {
        refused(name, &first, None).await;
    }
    refused("attendance_officer_la", "999999", Some("other_school")).await;
    refused("attendance_officer_la", "not-a-number", Some("other_school")).await;
    refused(&format!("dsl_{second}"), &first, Some("other_school")).await;
    assert_eq!(
        number(&db.db, "SELECT COUNT(*) FROM published_half_terms").await,
        0,
        "a refusal publishes nothing"
    );
    // An officer without a written authorisation, and an authority without an agreement.
    let kept = gate.get("attendance_officer_la", &path(&first, "")).await;
    assert_eq!(kept.status, 200);
    run!(db.db, "UPDATE officer_authorisations SET valid_until = '2026-11-19'");
    run!(db.db, MOVED);
    gate.gate.demo.running.gate.directory().refresh(&db.db).await.unwrap();
    refused("attendance_officer_la", &first, Some("officer_not_authorised")).await;
    run!(db.db, "UPDATE officer_authorisations SET valid_until = '2027-11-19'");
    run!(db.db, "UPDATE sharing_agreements SET valid_until = '2026-11-19'");
    run!(db.db, MOVED);
    gate.gate.demo.running.gate.directory().refresh(&db.db).await.unwrap();
    refused("attendance_officer_la", &first, None).await;
    assert_eq!(gate.get(&format!("dsl_{first}"), &path(&first, "")).await.status, 200, "a school needs none");
    gate.stop().await;
}

async fn at_once(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let urn = &gate.schools()[0].urn;
    let officer = wire::Wire::of(&gate.gate, "attendance_officer_la").await;
    let before = log_size(&db.db).await;
    let asks = (0..6).map(|_| send(officer.request("GET", &path(urn, ""))));
    let replies = futures_util::future::join_all(asks).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.bytes), (200, &replies[0].bytes), "all are told the same");
    }
    assert_eq!(log_size(&db.db).await, before + 6, "one entry each");
    assert_eq!(number(&db.db, "SELECT COUNT(*) FROM published_half_terms").await, 1);
    gate.stop().await;
}

async fn waited_for(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let urn = &gate.schools()[0].urn;
    run!(
        db.db,
        "DELETE FROM marks WHERE enrolment_id NOT IN (SELECT DISTINCT id FROM enrolments ORDER BY id LIMIT 20)"
    );
    let answer = gate.get("attendance_officer_la", &path(urn, "")).await;
    assert_eq!((answer.status, &answer.body["figures"]), (200, &json!("published")));
    assert!(answer.body["as_of"].is_null() && groups(&answer.body).is_empty(), "{}", answer.body);
    assert_eq!(number(&db.db, "SELECT COUNT(*) FROM published_half_terms").await, 0, "nothing stands");
    gate.stop().await;
}
