//! What is wrong with a configuration that cannot be read: where and at which name, never the line or the value, which may
//! be the address of the database with its password.

use super::SAMPLE;
use ::config::ConfigError as Fault;

/// Tells a fault of the library in words that hold nothing of a value. `text` is the file's.
pub(super) fn told(fault: &Fault, text: &str) -> String {
    match fault {
        Fault::FileParse { cause, .. } => unparsed(&cause.to_string(), text),
        Fault::Type { origin, expected, key, .. } => {
            format!("{} {expected} is expected{}", of(key.as_deref()), from(origin.as_deref()))
        }
        Fault::At { error, origin, key } => {
            format!("{} {}{}", of(key.as_deref()), told(error, text), from(origin.as_deref()))
        }
        Fault::NotFound(key) => format!("`{}` is missing", name(key).unwrap_or("a name")),
        Fault::Message(message) => described(message),
        // These have nothing to tell of a file that was read and a name that was known.
        Fault::Frozen | Fault::PathParse { .. } | Fault::Foreign(_) | _ => {
            "it is of a form that is not known".to_owned()
        }
    }
}

/// The place alone: what follows in the library's text is the line itself.
fn unparsed(message: &str, text: &str) -> String {
    let place = message.lines().next().and_then(|line| line.strip_prefix("TOML parse error at line "));
    let numbers = place.and_then(|place| place.split_once(", column "));
    let Some((Ok(line), Ok(column))) = numbers.map(|(l, c)| (l.parse::<usize>(), c.parse::<usize>())) else {
        return "it is not TOML".to_owned();
    };
    let at = text.lines().nth(line.saturating_sub(1)).and_then(|line| line.split_once('='));
    let key = at.map(|(key, _)| key.trim()).filter(|key| is_of_the_sample(key));
    let near = key.map(|key| format!(", at `{key}`")).unwrap_or_default();
    format!("it is not TOML at line {line}, column {column}{near}; check the quotes there")
}

/// Only a name that is ours is repeated: in a broken file anything may stand before a sign of equality.
fn is_of_the_sample(key: &str) -> bool {
    let names = SAMPLE.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line));
    names.filter_map(|line| line.split_once(" = ")).any(|(name, _)| name == key)
}

/// What a deserialiser says, without the value that it quotes.
fn described(message: &str) -> String {
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let field = rest.split_once('`').and_then(|(field, _)| name(field));
        let expected = expected.map(|names| format!("; expected {names}")).unwrap_or_default();
        return format!("`{}` is not known there{expected}", field.unwrap_or("a name"));
    }
    // What is expected stands last, and is ours; whatever stands before it may be the value.
    match expected.filter(|_| message.starts_with("unknown variant ") || message.starts_with("invalid ")) {
        Some(words) => format!("{words} is expected"),
        None => "the value is not of its form".to_owned(),
    }
}

/// A key as it is written in a configuration; anything else is not repeated.
fn name(key: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
    (!key.is_empty() && key.len() <= 80 && key.chars().all(plain)).then_some(key)
}

fn of(key: Option<&str>) -> String {
    key.and_then(name).map_or_else(|| "at a name:".to_owned(), |key| format!("at `{key}`:"))
}

fn from(origin: Option<&str>) -> &'static str {
    if origin.is_some() { ", in the environment" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, sample};
    use std::collections::HashMap;

    const SECRET: &str = "pass-word";

    /// What is told of a file, under an environment.
    fn told(text: &str, environment: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schoolgate.toml");
        std::fs::write(&path, text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let error = Config::load_under(&path, Some(environment.collect::<HashMap<_, _>>())).unwrap_err();
        let debug = format!("{error:?}");
        let all = format!("{debug} {:#}", anyhow::Error::new(error));
        assert!(!all.contains(SECRET) && !all.contains("postgres"), "{all}");
        all
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_by_its_place_alone() {
        let good = sample("gate.example/log");
        let line = 1 + good.lines().position(|line| line.starts_with("url = ")).unwrap();
        for (from, to, at) in [
            ("\"sqlite:schoolgate.db\"", format!("\"postgres://u:{SECRET}\"a@h/db\""), ", at `url`"),
            ("\"sqlite:schoolgate.db\"", format!("postgres://u:{SECRET}@h/db"), ", at `url`"),
            ("\"sqlite:schoolgate.db\"", format!("\"postgres://u:{SECRET}@h/db"), ", at `url`"),
            ("url = \"sqlite:schoolgate.db\"", format!("postgres://u:{SECRET}@h/db = 1"), ""),
            ("url = \"sqlite:schoolgate.db\"", format!("{SECRET}=\"a"), ""),
        ] {
            let text = good.replacen(from, &to, 1);
            assert_ne!(text, good);
            let told = told(&text, &[]);
            assert!(told.contains(&format!("not TOML at line {line}, column ")), "{told}");
            assert_eq!((told.contains(", at `"), told.contains(at)), (!at.is_empty(), true), "{told}");
        }
    }

    #[test]
    fn a_value_of_another_form_is_told_by_its_name_alone() {
        let good = sample("gate.example/log");
        let address = format!("postgres://u:{SECRET}@h/db");
        for (name, says) in [
            ("SCHOOLGATE__DATABASE", "`database`: struct Database is expected"),
            (
                "SCHOOLGATE__LIMITS__BODY_BYTES",
                "`limits.body_bytes`: an integer is expected, in the environment",
            ),
            (
                "SCHOOLGATE__DATABASE__ALLOW_UNVERIFIED_TLS",
                "`database.allow_unverified_tls`: a boolean is expected",
            ),
            ("SCHOOLGATE__LISTENERS__API", "`listeners.api`"),
            ("SCHOOLGATE__FIGURES__SICKNESS_TOTAL", "`figures.sickness_total`: "),
            (
                "SCHOOLGATE__DATABASE__URI",
                "`uri` is not known there; expected `url` or `allow_unverified_tls`",
            ),
            ("SCHOOLGATE__LIMITS", "`limits`: struct Limits is expected"),
        ] {
            let told = told(&good, &[(name, &address)]);
            assert!(told.contains(says), "{name}: {told}");
        }
        for (from, to, says) in [
            ("url = \"sqlite:schoolgate.db\"", format!("url = [\"{address}\"]"), "`database.url`: a string"),
            ("[database]\n", format!("[database]\n\"{address}\" = 1\n"), "`a name` is not known there"),
            ("url = \"sqlite:schoolgate.db\"", String::new(), "`database.url` is missing"),
        ] {
            let text = good.replacen(from, &to, 1);
            assert_ne!(text, good);
            let told = told(&text, &[]);
            assert!(told.contains(says), "{told}");
        }
    }

    #[test]
    fn what_is_read_hides_the_address_where_it_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schoolgate.toml");
        std::fs::write(&path, sample("gate.example/log")).unwrap();
        let url = format!("postgres://u:{SECRET}@localhost/db");
        let under = HashMap::from([("SCHOOLGATE__DATABASE__URL".to_owned(), url)]);
        let config = Config::load_under(&path, Some(under)).unwrap();
        assert!(!format!("{config:?}").contains(SECRET), "{config:?}");
    }
}
