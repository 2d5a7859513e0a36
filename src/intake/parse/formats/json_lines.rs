//! NDJSON: one object a line, its keys the columns' names. Nesting is bounded by the JSON reader (128 deep), and a line
//! that is cut short, too deep or no object is an error of that row only.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::super::Source;
use super::super::cells::folded;
use super::super::columns::{self, Column, Given, Json, Table};
use super::super::report::{FileError, RowError};
use super::super::taking::Taking;
use super::super::text::{Decoded, Encoding, Lines, survey};

const TOO_LONG: &str = "has more bytes than a row may; send one object a line";
const CUT_SHORT: &str = "is cut short; check that the export finished and that each object is on one line";
const NOT_JSON: &str = "is not JSON, or is nested too deep; write one flat object a line";
const NOT_AN_OBJECT: &str = "is not a JSON object; write one flat object a line";
const TOO_MANY_KEYS: &str = "has more keys than a row may; send only the columns that are needed";

/// What takes the values of one object, in the order of the table's columns, with which of them it has a key for and
/// what was wrong with their types.
pub(in super::super) type TakeValues<'t> =
    dyn FnMut(&mut Taking<'_>, u64, (&[&str], Given), Vec<RowError>) + 't;

/// Different keys remembered, and the longest of them: a file has forty.
const KEYS_MAX: usize = 1_024;
const KEY_MAX_BYTES: usize = 128;

/// What the keys of a file stand for, looked up once for each: every row has its keys.
struct Keys {
    names: HashMap<String, usize>,
    seen: HashMap<String, Key>,
}

#[derive(Clone, Copy)]
enum Key {
    Column(usize),
    Other { is_comment: bool },
}

impl Keys {
    fn new(table: &'static Table) -> Self {
        Self { names: table.folded(), seen: HashMap::new() }
    }

    fn resolve(&mut self, key: &str) -> Key {
        if let Some(seen) = self.seen.get(key) {
            return *seen;
        }
        let name = folded(key);
        let found = match self.names.get(&name) {
            Some(at) => Key::Column(*at),
            None => Key::Other { is_comment: columns::is_comment_folded(&name) },
        };
        if self.seen.len() < KEYS_MAX && key.len() <= KEY_MAX_BYTES {
            self.seen.insert(key.to_owned(), found);
        }
        found
    }
}

/// Reads a whole file; blank lines are passed over.
pub(in super::super) fn read(
    source: &mut dyn Source,
    table: &'static Table,
    taking: &mut Taking<'_>,
    take: &mut TakeValues<'_>,
) -> Result<(), FileError> {
    let mut keys = Keys::new(table);
    each_line(source, taking.limits.row_max_bytes, &mut |line, row| {
        taking.count_row()?;
        let Some(row) = row else {
            taking.broken(line, TOO_LONG);
            return Ok(true);
        };
        match serde_json::from_str::<Pairs>(row) {
            Ok(Pairs(pairs)) if pairs.len() > taking.limits.columns_max => taking.broken(line, TOO_MANY_KEYS),
            Ok(Pairs(pairs)) => {
                let (values, given, errors) = apart(pairs, line, (table, &mut keys), taking);
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                take(taking, line, (&values, given), errors);
            }
            Err(error) if error.is_eof() => taking.broken(line, CUT_SHORT),
            Err(error) if error.is_data() => taking.broken(line, NOT_AN_OBJECT),
            Err(_) => taking.broken(line, NOT_JSON),
        }
        Ok(true)
    })
}

/// The values of the lines that are wanted, in the order of the table's columns, as far as each can be read.
pub(in super::super) fn keys(
    source: &mut dyn Source,
    table: &'static Table,
    row_max_bytes: usize,
    wanted: &mut dyn FnMut(u64) -> Option<bool>,
    take: &mut dyn FnMut(u64, Vec<String>),
) -> Result<(), FileError> {
    let mut keys = Keys::new(table);
    each_line(source, row_max_bytes, &mut |line, row| {
        let Some(wanted) = wanted(line) else { return Ok(false) };
        if wanted {
            let mut values = vec![String::new(); table.columns.len()];
            for (key, value) in
                row.and_then(|row| serde_json::from_str::<Pairs>(row).ok()).map_or(Vec::new(), |p| p.0)
            {
                let Key::Column(at) = keys.resolve(&key) else { continue };
                if let (Some(cell), Value::String(_) | Value::Number(_) | Value::Bool(_)) =
                    (values.get_mut(at), &value)
                {
                    *cell = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                }
            }
            take(line, values);
        }
        Ok(true)
    })
}

/// Takes a line by its number; `None` is one that is too long. Says whether it wants more.
type TakeLine<'a> = dyn FnMut(u64, Option<&str>) -> Result<bool, FileError> + 'a;

/// Gives each line that is not blank until `take` says that it has enough.
fn each_line(
    source: &mut dyn Source,
    row_max_bytes: usize,
    take: &mut TakeLine<'_>,
) -> Result<(), FileError> {
    let survey = survey(source).map_err(|error| {
        if let FileError::MixedEncodings { line, .. } | FileError::NoKnownEncoding { line } = error {
            FileError::NotUtf8 { line }
        } else {
            error
        }
    })?;
    if survey.encoding != Encoding::Utf8 {
        return Err(FileError::NotUtf8 { line: survey.first_other });
    }
    let mut lines = Lines::new(Decoded::new(source, &survey)?, row_max_bytes);
    while let Some((line, row)) = lines.next()? {
        let row = row.map(str::trim);
        if row != Some("") && !take(line, row)? {
            return Ok(());
        }
    }
    Ok(())
}

/// The values of an object in the order of the table's columns, and what is wrong with their types.
fn apart(
    pairs: Vec<(String, Value)>,
    line: u64,
    (table, keys): (&'static Table, &mut Keys),
    taking: &mut Taking<'_>,
) -> (Vec<String>, Given, Vec<RowError>) {
    let mut values = vec![String::new(); table.columns.len()];
    let mut given = Given::default();
    let mut errors = Vec::new();
    for (key, value) in pairs {
        let at = match keys.resolve(&key) {
            Key::Column(at) => at,
            Key::Other { is_comment } => {
                taking.pass_over(is_comment);
                continue;
            }
        };
        let Some(column) = table.columns.get(at) else { continue };
        if given.add(at) {
            errors.push(RowError::of_cell(line, column.name, "", "is given twice; give one key for it"));
            continue;
        }
        match cell(column, value) {
            Ok(cell) => {
                if let Some(value) = values.get_mut(at) {
                    *value = cell;
                }
            }
            Err((shown, what)) => errors.push(RowError::of_cell(line, column.name, &shown, what)),
        }
    }
    (values, given, errors)
}

/// The text of a value, or how it is shown in the report and what is wrong with it.
fn cell(column: &Column, value: Value) -> Result<String, (String, &'static str)> {
    match (value, column.json) {
        (Value::Null, _) => Ok(String::new()),
        // Without the space around it, as the cells of a table are read.
        (Value::String(text), _) if text.trim().len() < text.len() => Ok(text.trim().to_owned()),
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
