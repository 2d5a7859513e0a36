//! The national register's list of establishments (GIAS, "all establishment data", CSV) as records of the directory: the
//! schools of the authorities that take part. It adds and corrects schools; it ends none, and touches nothing else.

use crate::directory::changes::{Record, Records};
use crate::directory::{DirectoryFile, OrganisationEntry};
use std::borrow::Cow;
use std::collections::HashMap;

/// Why a list was not read; nothing of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GiasFault {
    /// A column is not there.
    #[error(
        "the column `{0}` is not there; take the list \"all establishment data\" as the register gives it"
    )]
    Column(&'static str),
    /// Not CSV.
    #[error("line {0} is not CSV; take the list as the register gives it")]
    Line(u64),
}

/// What became of the rows of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Schools as they will stand; those that the list does not change are among them.
    pub file: DirectoryFile,
    /// Rows of schools of authorities that do not take part.
    pub elsewhere: usize,
    /// Rows of schools that are closed or not open yet and stand nowhere in the directory.
    pub not_open: usize,
    /// Codes of schools of the directory that the list has as closed: they are left as they are.
    pub closed: Vec<String>,
}

const COLUMNS: [&str; 8] = [
    "URN",
    "LA (code)",
    "EstablishmentNumber",
    "EstablishmentName",
    "EstablishmentStatus (code)",
    "TypeOfEstablishment (name)",
    "PhaseOfEducation (name)",
    "LA (name)",
];

/// Reads a list against the directory as it stands.
pub fn from_gias(bytes: &[u8], stands: &Records) -> Result<Taken, GiasFault> {
    let mut authorities: HashMap<&str, &str> = HashMap::new();
    let mut schools: HashMap<&str, &OrganisationEntry> = HashMap::new();
    for record in stands.values() {
        if let Record::Organisation(o) = record {
            authorities.extend(o.la_code.as_deref().map(|la| (la, o.code.as_str())));
            schools.extend(o.urn.as_deref().map(|urn| (urn, o)));
        }
    }
    let text = decoded(bytes);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|_| GiasFault::Line(1))?.clone();
    let mut places = [0; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = headers.iter().position(|h| h.trim_start_matches('\u{feff}') == name);
        *place = found.ok_or(GiasFault::Column(name))?;
    }
    let mut taken = Taken::default();
    for row in reader.records() {
        let row = row.map_err(|e| GiasFault::Line(e.position().map_or(0, csv::Position::line)))?;
        let cells = places.map(|place| row.get(place).unwrap_or_default().trim());
        let [urn, la, number, name, status, kind, phase, _] = cells;
        let stands = schools.get(urn).copied();
        let Some(authority) = authorities.get(la).filter(|_| !urn.is_empty()) else {
            taken.elsewhere += 1;
            continue;
        };
        // 1 is open, 3 open and proposed to close.
        match (["1", "3"].contains(&status), stands) {
            (true, _) => {}
            (false, Some(school)) => {
                taken.closed.push(school.code.clone());
                continue;
            }
            (false, None) => {
                taken.not_open += 1;
                continue;
            }
        }
        let before = stands.cloned().unwrap_or_else(|| OrganisationEntry {
            code: format!("school-{urn}"),
            kind: "school".to_owned(),
            ..OrganisationEntry::default()
        });
        let laestab = (number.len() == 4).then(|| format!("{la}{number}"));
        taken.file.organisations.push(OrganisationEntry {
            name: name.to_owned(),
            urn: Some(urn.to_owned()),
            laestab: laestab.or_else(|| before.laestab.clone()),
            phase: phase_of(phase, kind).map(str::to_owned).or_else(|| before.phase.clone()),
            returns_to: Some((*authority).to_owned()),
            ..before
        });
    }
    Ok(taken)
}

/// The phase in our words; none where the list says none that we have.
fn phase_of(phase: &str, kind: &str) -> Option<&'static str> {
    let kind = kind.to_lowercase();
    if kind.contains("special") {
        return Some("special");
    }
    if kind.contains("referral") || kind.contains("alternative provision") {
        return Some("alternative");
    }
    match phase {
        "Nursery" => Some("nursery"),
        "Primary" | "Middle deemed primary" => Some("primary"),
        "Secondary" | "Middle deemed secondary" => Some("secondary"),
        "All-through" => Some("all_through"),
        _ => None,
    }
}

/// The list is written in Windows-1252; a copy that somebody has saved may be UTF-8.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
    }
}

/// Of what Windows-1252 has between 0x80 and 0x9f, what names of schools use.
const fn windows_1252(byte: u8) -> char {
    match byte {
        0x8a => 'Š',
        0x8c => 'Œ',
        0x8e => 'Ž',
        0x91 => '‘',
        0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x96 => '–',
        0x97 => '—',
        0x9a => 'š',
        0x9c => 'œ',
        0x9e => 'ž',
        0x9f => 'Ÿ',
        0x80..=0x9f => char::REPLACEMENT_CHARACTER,
        other => other as char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::changes::records;

    const HEAD: &str = "\"URN\",\"LA (code)\",\"LA (name)\",\"EstablishmentNumber\",\"EstablishmentName\",\
        \"TypeOfEstablishment (name)\",\"EstablishmentStatus (code)\",\"PhaseOfEducation (name)\"\n";

    fn stands() -> Records {
        let organisation = |code: &str, kind: &str| OrganisationEntry {
            code: code.to_owned(),
            kind: kind.to_owned(),
            name: code.to_owned(),
            ..OrganisationEntry::default()
        };
        let mut council = organisation("council", "local_authority");
        council.la_code = Some("999".to_owned());
        let mut hill = organisation("hill", "school");
        (hill.urn, hill.laestab) = (Some("100000".to_owned()), Some("9994000".to_owned()));
        hill.dsl = Some(("A Person".to_owned(), "01632 960000".to_owned()));
        let mut dale = organisation("dale", "school");
        dale.urn = Some("100001".to_owned());
        records(&DirectoryFile { organisations: vec![council, hill, dale], ..DirectoryFile::default() })
            .unwrap()
    }

    #[test]
    fn schools_of_the_authorities_that_take_part_are_added_and_corrected() {
        let mut list = HEAD.to_owned().into_bytes();
        for row in [
            &b"100000,999,Exampleshire,4000,St Mary\x92s,Academy converter,1,Primary\n"[..],
            b"100001,999,Exampleshire,4001,Dale,Community school,2,Secondary\n",
            b"100002,999,Exampleshire,4002,Beck,Community special school,3,Not applicable\n",
            b"100003,999,Exampleshire,4003,Gone,Community school,2,Primary\n",
            b"100004,998,Northmarch,4004,Away,Community school,1,Primary\n",
        ] {
            list.extend_from_slice(row);
        }
        let taken = from_gias(&list, &stands()).unwrap();
        assert_eq!((taken.elsewhere, taken.not_open, taken.closed), (1, 1, vec!["dale".to_owned()]));
        let [hill, beck] = taken.file.organisations.as_slice() else { panic!("{:?}", taken.file) };
        assert_eq!((hill.code.as_str(), hill.name.as_str()), ("hill", "St Mary’s"));
        assert_eq!(hill.dsl.as_ref().unwrap().0, "A Person", "what the list does not have is kept");
        assert_eq!((hill.laestab.as_deref(), hill.phase.as_deref()), (Some("9994000"), Some("primary")));
        assert_eq!((beck.code.as_str(), beck.phase.as_deref()), ("school-100002", Some("special")));
        assert_eq!(beck.returns_to.as_deref(), Some("council"));
    }

    #[test]
    fn a_list_of_another_form_is_refused() {
        let without = HEAD.replace("\"URN\",", "");
        assert_eq!(from_gias(without.as_bytes(), &stands()), Err(GiasFault::Column("URN")));
        let torn = format!("{HEAD}100000,999\n");
        assert_eq!(from_gias(torn.as_bytes(), &stands()), Err(GiasFault::Line(2)));
    }
}
