//! The trail is a function of what was recorded, not of the order in which it came.

use super::*;
use proptest::prelude::*;

fn recording((second, code, minutes): (i64, &str, Option<u16>), reason: Option<&str>) -> Recording {
    Recording {
        key: RecordingKey {
            enrolment: EnrolmentId(Uuid::from_u128(1)),
            date: "2026-11-19".parse().unwrap(),
            half: Half::Am,
            recorded_at: DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap(),
            code: code.to_owned(),
        },
        minutes_late: minutes,
        amended_from: None,
        reason: reason.map(str::to_owned),
        amended_by: reason.map(|_| "Ruth Calloway".to_owned()),
    }
}

fn map(recordings: &[Recording]) -> BTreeMap<RecordingKey, Recording> {
    recordings.iter().map(|r| (r.key.clone(), r.clone())).collect()
}

/// Original and amended entry of each step.
fn steps(recordings: &[Recording]) -> Vec<(String, String)> {
    derived(&map(recordings)).into_iter().map(|a| (a.original, a.amended)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

/// SI 2024/208 reg 6(1): original, amended, reason, date, name.
#[test]
fn each_step_has_its_five_parts() {
    let all = [recording((0, "N", None), None), recording((60, "I", None), Some("telephoned"))];
    let amendments = derived(&map(&all));
    assert_eq!(amendments.len(), 1);
    let one = &amendments[0];
    assert_eq!((one.original.as_str(), one.amended.as_str(), one.reason.as_str()), ("N", "I", "telephoned"));
    let told = (one.amended_by.as_str(), one.session_date.unwrap().to_string());
    assert_eq!(told, ("Ruth Calloway", "2026-11-19".to_owned()));
    let on = all[1].key.recorded_at.with_timezone(&London).date_naive();
    assert_eq!(one.amended_on, on, "the date on which it was amended, not the session's");
    let untold = derived(&map(&[all[0].clone(), recording((60, "I", None), None)]));
    assert_eq!((untold[0].reason.as_str(), untold[0].amended_by.as_str()), (NOT_GIVEN, NOT_GIVEN));
}

#[test]
fn minutes_alone_are_an_amendment_too() {
    let late = |second, minutes| recording((second, "L", Some(minutes)), None);
    let expected = pairs(&[("L, 5 minutes late", "L, 25 minutes late")]);
    assert_eq!(steps(&[late(0, 5), late(60, 25)]), expected);
    assert_eq!(steps(&[late(0, 5), late(60, 5)]), [], "the same again is none");
    assert_eq!(steps(&[recording((0, "N", None), None), late(60, 5)]), pairs(&[("N", "L")]));
}

#[test]
fn a_first_recording_tells_what_it_replaced() {
    let mut only = recording((0, "I", None), Some("telephoned"));
    only.amended_from = Some("N".to_owned());
    assert_eq!(steps(&[only]), pairs(&[("N", "I")]));
}

/// What a file brings of one session: each mark, and beside it the one that stood.
fn arrive(order: &[Recording]) -> BTreeMap<RecordingKey, Recording> {
    let mut kept = BTreeMap::new();
    let mut standing: Option<Recording> = None;
    for incoming in order {
        let mut brought = BTreeMap::new();
        if let Some(current) = &standing {
            brought.insert(current.key.clone(), current.clone());
            brought.insert(incoming.key.clone(), incoming.clone());
        }
        for new in worth_keeping(brought, &kept).0 {
            kept.insert(new.key.clone(), new);
        }
        let newer =
            standing.as_ref().is_none_or(|current| current.key.recorded_at < incoming.key.recorded_at);
        if newer {
            standing = Some(incoming.clone());
        }
    }
    kept
}

#[test]
fn an_export_that_stamps_its_own_time_each_night_does_not_grow_the_trail() {
    let nights: Vec<Recording> = (0..50).map(|night| recording((night * 86_400, "/", None), None)).collect();
    assert_eq!(arrive(&nights).len(), 1, "the first dates it, the last stands in the register");
    let mut told = nights;
    told[20] = recording((20 * 86_400, "/", None), Some("checked"));
    assert_eq!(arrive(&told).len(), 1, "what it tells beside a mark that amends none is not kept");
    told[20].amended_from = Some("N".to_owned());
    assert_eq!(arrive(&told).len(), 2, "an original is");
}

/// Free text about a child is not carried: a reason and a name are parts of an amendment, or nothing.
#[test]
fn a_reason_beside_an_ordinary_mark_is_dropped_and_counted() {
    let [known, nothing] = [map(&[recording((0, "N", None), None)]), BTreeMap::new()];
    let told = |second| recording((second, "I", None), Some("chickenpox"));
    let untold = |second| recording((second, "I", None), None);
    // A first mark is no recording at all; of its confirmations the first is.
    assert_eq!(worth_keeping(map(&[told(60)]), &nothing), (vec![], 2));
    assert_eq!(worth_keeping(map(&[told(60), told(120)]), &nothing), (vec![untold(60)], 4));
    assert_eq!(worth_keeping(map(&[told(120)]), &map(&[untold(60)])), (vec![], 2));
    // With another mark of its session, before it or after it, it amends.
    assert_eq!(worth_keeping(map(&[told(60)]), &known), (vec![told(60)], 0));
    assert_eq!(worth_keeping(map(&[told(-60)]), &known), (vec![told(-60)], 0));
    let minutes = recording((0, "I", Some(3)), None);
    assert_eq!(worth_keeping(map(&[told(60)]), &map(&[minutes])).1, 0);
    let original = Recording { amended_from: Some("N".to_owned()), ..told(60) };
    assert_eq!(worth_keeping(map(std::slice::from_ref(&original)), &nothing), (vec![original.clone()], 0));
    // What is kept already stays.
    assert_eq!(worth_keeping(map(&[told(60)]), &map(&[told(60)])), (vec![], 0));
}

proptest! {
    /// Distinct times, two codes, minutes now and then: every order of arrival gives the same steps, and the same file
    /// again brings nothing.
    #[test]
    fn the_steps_do_not_depend_on_the_order(
        marks in prop::collection::vec((0_usize..2, prop::option::weighted(0.3, 1_u16..3)), 1..6),
        order in Just(()).prop_perturb(|(), mut rng| rng.random::<u64>()),
    ) {
        let codes = ["I", "L"];
        // No two neighbours in time alike: a mark between two of a run is another question, see `worth_keeping`.
        let mut all: Vec<Recording> = Vec::new();
        for (second, (code, minutes)) in marks.into_iter().enumerate() {
            let next = recording((i64::try_from(second).unwrap() * 60, codes[code], minutes), None);
            if all.last().is_none_or(|last| last.content() != next.content()) {
                all.push(next);
            }
        }
        let in_time = derived(&arrive(&all));
        let mut turned = all.clone();
        let len = turned.len();
        turned.rotate_left(usize::try_from(order % 5).unwrap() % len);
        if order % 2 == 0 {
            turned.reverse();
        }
        let kept = arrive(&turned);
        prop_assert_eq!(derived(&kept), in_time);
        prop_assert!(worth_keeping(kept.clone(), &kept).0.is_empty());
    }
}
