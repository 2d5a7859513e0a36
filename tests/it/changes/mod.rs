//! The change feed over the wire: who is told of whom, when, and what a reader who asks again is given.

mod endings;
mod month;
mod paging;

use crate::support::Suite;
use crate::support::exports::Wire;
use schoolgate::demo::run::Answered;
use serde_json::Value;
use std::collections::BTreeSet;

/// Registers the tests of this folder.
pub fn register(suite: &mut Suite) {
    suite.both_empty("changes::a_month_is_told_on_mondays_and_only_what_changed", month::month);
    suite.both_empty("changes::whoever_may_not_be_seen_is_gone_in_one_shape", endings::endings);
    suite.both_empty("changes::an_agreement_that_ends_takes_everybody", endings::agreement);
    suite.both_empty("changes::what_is_forgotten_makes_a_reader_begin_anew", endings::forgotten);
    suite.both_empty("changes::a_page_is_given_again_and_a_feed_begun_again", paging::pages);
    suite.both_empty("changes::another_feeds_cursor_is_refused", paging::foreign);
    suite.both_empty("changes::who_has_nobody_is_told_of_nobody", paging::nobody);
    suite.both_empty("changes::each_poll_has_its_one_entry", paging::entries);
    suite.both_empty("changes::readers_at_the_same_time_miss_nobody", paging::at_once);
}

const PATH: &str = "/v1/attendance-summaries/changes";

/// A child told of: its handle, and whether it is gone.
type Change = (String, bool);

fn changes(body: &Value) -> Vec<Change> {
    let all = body["changes"].as_array().unwrap_or_else(|| panic!("{body}"));
    all.iter()
        .map(|change| {
            assert_eq!(change.as_object().unwrap().len(), 2, "one shape for all: {change}");
            (change["pupil_id"].as_str().unwrap().to_owned(), change["gone"].as_bool().unwrap())
        })
        .collect()
}

fn cursor(body: &Value) -> String {
    body["next_cursor"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// One page.
async fn page(gate: &Wire, name: &str, cursor: Option<&str>, limit: u16) -> Answered {
    let at = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    gate.get(name, &format!("{PATH}?limit={limit}{at}")).await
}

/// A reader that keeps its place.
#[derive(Clone, Default)]
struct Reader {
    cursor: Option<String>,
}

impl Reader {
    /// Asks until there is no more, and gives everything that was told.
    async fn poll(&mut self, gate: &Wire, name: &str, limit: u16) -> Vec<Change> {
        let mut all = Vec::new();
        for _ in 0..1_000 {
            let answer = page(gate, name, self.cursor.as_deref(), limit).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.body);
            let told = changes(&answer.body);
            assert!(told.len() <= usize::from(limit), "{name}");
            all.extend(told);
            self.cursor = Some(cursor(&answer.body));
            if answer.body["more"] == false {
                return all;
            }
        }
        panic!("{name} comes to no end");
    }
}

/// The handles that are there, each told of once.
fn there(told: &[Change]) -> BTreeSet<String> {
    let here: BTreeSet<String> =
        told.iter().filter(|(_, gone)| !gone).map(|(handle, _)| handle.clone()).collect();
    assert_eq!(here.len(), told.iter().filter(|(_, gone)| !gone).count(), "each once: {told:?}");
    here
}
