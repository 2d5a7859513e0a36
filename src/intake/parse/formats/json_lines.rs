//! NDJSON: one object a line, its keys the columns' names. Nesting is bounded by the JSON reader (128 deep), and a line
//! that is cut short, too deep or no object is an error of that row only.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::super::columns::{Column, Json};
use super::super::report::{FileError, RowError};
use super::super::{Taking, line_after};

const TOO_LONG: &str = "has more bytes than a row may; send one object a line";
const CUT_SHORT: &str = "is cut short; check that the export finished and that each object is on one line";
const NOT_JSON: &str = "is not JSON, or is nested too deep; write one flat object a line";
const NOT_AN_OBJECT: &str = "is not a JSON object; write one flat object a line";
const TOO_MANY_KEYS: &str = "has more keys than a row may; send only the columns that are needed";

/// Reads a whole file into `taking`; blank lines are passed over.
pub(in super::super) fn read(text: &str, taking: &mut Taking<'_>) -> Result<(), FileError> {
    for (ended, row) in text.split('\n').enumerate() {
        let row = row.trim();
        if row.is_empty() {
            continue;
        }
        taking.count()?;
        let line = line_after(ended);
        if row.len() > taking.limits.row_max_bytes {
            taking.broken(line, TOO_LONG);
            continue;
        }
        match serde_json::from_str::<Pairs>(row) {
            Ok(Pairs(pairs)) if pairs.len() > taking.limits.columns_max => taking.broken(line, TOO_MANY_KEYS),
            Ok(Pairs(pairs)) => take(pairs, line, taking),
            Err(error) if error.is_eof() => taking.broken(line, CUT_SHORT),
            Err(error) if error.is_data() => taking.broken(line, NOT_AN_OBJECT),
            Err(_) => taking.broken(line, NOT_JSON),
        }
    }
    Ok(())
}

fn take(pairs: Vec<(String, Value)>, line: u64, taking: &mut Taking<'_>) {
    let mut values = vec![Cow::Borrowed(""); taking.table.columns.len()];
    let mut given = vec![false; taking.table.columns.len()];
    let mut errors = Vec::new();
    for (key, value) in pairs {
        let Some((at, column)) =
            taking.table.resolve(&key).and_then(|at| Some((at, taking.table.columns.get(at)?)))
        else {
            taking.pass_over(&key);
            continue;
        };
        if given.get_mut(at).is_some_and(|given| std::mem::replace(given, true)) {
            errors.push(RowError::of_cell(line, column.name, "", "is given twice; give one key for it"));
            continue;
        }
        match cell(column, value) {
            Ok(cell) => {
                if let Some(value) = values.get_mut(at) {
                    *value = Cow::Owned(cell);
                }
            }
            Err((shown, what)) => errors.push(RowError::of_cell(line, column.name, &shown, what)),
        }
    }
    taking.row(line, &values, errors);
}

/// The text of a value, or how it is shown in the report and what is wrong with it.
fn cell(column: &Column, value: Value) -> Result<String, (String, &'static str)> {
    match (value, column.json) {
        (Value::Null, _) => Ok(String::new()),
        (Value::String(text), _) => Ok(text),
        (Value::Bool(flag), Json::Flag) => Ok(flag.to_string()),
        (Value::Number(number), Json::WholeNumber) if number.is_u64() => Ok(number.to_string()),
        // What is nested may be of other columns, so it is not shown.
        (Value::Array(_) | Value::Object(_), _) => {
            Err((String::new(), "is a list or object; write a single value"))
        }
        (value @ (Value::Bool(_) | Value::Number(_)), Json::Text) => {
            Err((value.to_string(), "is not a string; write it in quotation marks"))
        }
        (value @ (Value::Bool(_) | Value::Number(_)), Json::WholeNumber) => {
            Err((value.to_string(), "is not a whole number from 0; write one"))
        }
        (value @ Value::Number(_), Json::Flag) => {
            Err((value.to_string(), "is not true or false; write one of them"))
        }
    }
}

/// An object's keys and values in order, so that a key given twice is seen; a map would keep the last and say nothing.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
