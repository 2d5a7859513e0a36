//! What operators' commands tell of a change.

use crate::directory::changes::{Does, Edit, Records, State, does};
use crate::operators::Done;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Records that are named one by one; the others are counted.
const NAMED_MAX: usize = 200;

/// What a change does, record by record.
pub(super) struct Planned(Vec<(String, Does)>);

impl Planned {
    pub(super) fn of(stands: &Records, edits: &[Edit]) -> Self {
        Self(edits.iter().map(|edit| (edit.put.key().to_string(), does(stands, edit))).collect())
    }

    fn count(&self, does: Does) -> usize {
        self.0.iter().filter(|(_, other)| *other == does).count()
    }

    /// In words or as JSON: before it is signed, or as it was taken in.
    pub(super) fn told(&self, json: bool, done: Option<Done>) -> String {
        if json { format!("{}\n", self.as_json(done)) } else { self.in_words(done) }
    }

    fn as_json(&self, done: Option<Done>) -> Value {
        let records: Vec<Value> =
            self.0.iter().map(|(key, does)| json!({"record": key, "effect": does.as_str()})).collect();
        json!({
            "change_id": done.map(|done| done.change),
            "state": done.map_or("planned", |done| done.state.as_str()),
            "entry": done.map(|done| done.entry),
            "new": self.count(Does::Adds),
            "changed": self.count(Does::Changes),
            "narrowed": self.count(Does::Narrows),
            "records": records,
        })
    }

    fn in_words(&self, done: Option<Done>) -> String {
        let counts = [Does::Adds, Does::Changes, Does::Narrows].map(|does| (self.count(does), does.as_str()));
        let mut text = format!("{} records:", self.0.len());
        for (count, word) in counts {
            // Writing into a String cannot fail.
            let _ = write!(text, " {count} {word}");
        }
        text.push('\n');
        for (key, does) in self.0.iter().take(NAMED_MAX) {
            let _ = writeln!(text, "  {:8} {key}", does.as_str());
        }
        if self.0.len() > NAMED_MAX {
            let _ = writeln!(text, "  and {} more", self.0.len() - NAMED_MAX);
        }
        match done {
            None => text.push_str("nothing was changed\n"),
            Some(done) => text.push_str(&in_words(done)),
        }
        text
    }
}

/// What became of a change that was decided on.
pub(super) fn decided(done: Done, json: bool) -> String {
    if json {
        let (id, state) = (done.change, done.state.as_str());
        let told =
            json!({"change_id": id, "state": state, "records_total": done.records, "entry": done.entry});
        format!("{told}\n")
    } else {
        in_words(done)
    }
}

fn in_words(done: Done) -> String {
    let (id, entry) = (done.change, done.entry);
    match done.state {
        State::Waiting => format!(
            "change {id} waits for a second operator and gives nothing yet; entry {entry}\nnext: `schoolgate change \
             approve {id} --as KEY_FILE`, by another operator\n"
        ),
        State::Effective => format!("change {id} has taken effect; entry {entry}\n"),
        State::Refused => format!("change {id} is refused and never takes effect; entry {entry}\n"),
    }
}
