//! The files of a made-up authority, written from a seed, and the directory that knows its schools.
//!
//! Rows are as a school's system exports them: sorted by school, pupil and date, every canonical column, most empty.

use anyhow::Result;
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Weekday};
use schoolgate::crypto::{sha256, to_hex, write_private};
use schoolgate::directory::{CertificateEntry, DirectoryFile, MandateEntry, OrganisationEntry, SystemEntry};
use schoolgate::domain::identifiers::Upn;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// The supplier's client identifier.
pub const CLIENT_ID: &str = "bench-registers.sync";
/// Its key, in the run's folder.
pub const KEY: &str = "bench-registers.key";
/// School days of a year: 380 sessions.
const DAYS: usize = 190;
/// Changed with the form of the files, so that old ones are not used again.
const FORM: u32 = 1;

/// How large it is.
pub struct Authority {
    pub pupils: usize,
    pub schools: usize,
}

/// Where its files are.
pub struct Files {
    /// Of both years.
    pub calendars: [PathBuf; 2],
    pub rolls: PathBuf,
    /// Marks of 2024/25.
    pub year_a: PathBuf,
    /// The same with one mark in fifty changed afterwards.
    pub changed: PathBuf,
    /// Marks of 2023/24.
    pub year_b: PathBuf,
    /// Marks of both years up to 2 GB.
    pub long: PathBuf,
    /// 2 GB of rows of a pupil whom no school has.
    pub wrong: PathBuf,
    /// Marks in each of the three.
    pub rows: usize,
}

/// A seeded sequence that only looks like chance (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

impl Authority {
    fn urn(school: usize) -> usize {
        120_000 + school
    }

    /// The supplier, its system with a new key whose private part is written into `folder`, and a mandate of each school.
    pub fn directory(&self, folder: &Path) -> Result<DirectoryFile> {
        let key = rcgen::KeyPair::generate()?;
        write_private(&folder.join(KEY), key.serialize_pem().as_bytes())?;
        let info = rcgen::PublicKeyData::subject_public_key_info(&key);
        let (from, until) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(60_000));
        let certificate = CertificateEntry {
            thumbprint: to_hex(&sha256(&[b"bench", &info])),
            key_digest: to_hex(&sha256(&[&info])),
            valid_from: from,
            valid_until: until,
            by_system: false,
        };
        let supplier = OrganisationEntry {
            code: "bench-registers".to_owned(),
            kind: "vendor".to_owned(),
            name: "Bench Registers".to_owned(),
            ..OrganisationEntry::default()
        };
        let schools = (0..self.schools).map(|school| OrganisationEntry {
            code: format!("bench-{school}"),
            kind: "school".to_owned(),
            name: format!("Bench School {school}"),
            urn: Some(Self::urn(school).to_string()),
            laestab: Some(format!("997{:04}", 2000 + school)),
            ..OrganisationEntry::default()
        });
        Ok(DirectoryFile {
            organisations: std::iter::once(supplier).chain(schools).collect(),
            systems: vec![SystemEntry {
                organisation: "bench-registers".to_owned(),
                code: "sync".to_owned(),
                client_id: CLIENT_ID.to_owned(),
                roles: vec!["school_attendance_officer".to_owned()],
                scopes: vec!["registers".to_owned()],
                certificates: vec![certificate],
                ..SystemEntry::default()
            }],
            mandates: (0..self.schools)
                .map(|school| MandateEntry {
                    client_id: CLIENT_ID.to_owned(),
                    school: format!("bench-{school}"),
                    scopes: vec!["registers".to_owned()],
                    sections: Vec::new(),
                    valid_from: from.date_naive(),
                    valid_until: until.date_naive(),
                })
                .collect(),
            ..DirectoryFile::default()
        })
    }

    /// School and place on its roll of every pupil.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let each = self.pupils / self.schools;
        (0..self.schools).flat_map(move |school| (0..each).map(move |place| (school, place)))
    }
}

/// The first weekdays of a school year that are not in a holiday.
fn school_days(year: i32) -> Vec<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, 9, 2).unwrap_or_default();
    let days = (0..330).filter_map(|day| first.checked_add_days(Days::new(day)));
    let open = days.filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun));
    let holiday = |day: &NaiveDate| {
        let (month, day) = (day.month(), day.day());
        matches!((month, day), (10, 24..) | (12, 21..) | (1, 1..=4) | (2, 12..=18) | (4, 4..=17) | (5, 27..))
    };
    open.filter(|day| !holiday(day)).take(DAYS).collect()
}

/// A valid UPN of an authority that is nobody's.
fn upn(number: usize) -> String {
    let digits = format!("997{:04}{:02}{:03}", 1000 + number / 100_000, number / 1000 % 100, number % 1000);
    let fits = |letter: char| Some(format!("{letter}{digits}")).filter(|upn| Upn::parse(upn).is_ok());
    ('A'..='Z').find_map(fits).unwrap_or_default()
}

impl Files {
    /// Writes those that are not there yet; the changed marks only where they are wanted.
    pub fn make(authority: &Authority, dir: &Path, changes: bool) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let Authority { pupils, schools } = authority;
        let path = |name: &str| dir.join(format!("{name}-{pupils}-{schools}-v{FORM}.csv"));
        let files = Self {
            calendars: [path("calendars-2023"), path("calendars-2024")],
            rolls: path("rolls"),
            year_a: path("marks-2024"),
            changed: path("marks-2024-changed"),
            year_b: path("marks-2023"),
            long: path("marks-long"),
            wrong: path("marks-wrong"),
            rows: authority.places().count() * DAYS * 2,
        };
        for (file, year) in files.calendars.iter().zip([2023, 2024]) {
            written(file, |to| calendars(authority, year, to))?;
        }
        written(&files.rolls, |to| rolls(authority, to))?;
        written(&files.year_a, |to| marks(authority, 2024, 0, to))?;
        if changes {
            written(&files.changed, |to| marks(authority, 2024, 20, to))?;
        }
        written(&files.year_b, |to| marks(authority, 2023, 0, to))?;
        written(&files.long, |to| long(&[&files.year_a, &files.year_b], to))?;
        written(&files.wrong, |to| wrong(authority, to))?;
        Ok(files)
    }
}

fn written(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let part = path.with_extension("part");
    let mut to = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    write(&mut to)?;
    to.into_inner()?.sync_all()?;
    // Whole under its own name, or not there.
    Ok(std::fs::rename(part, path)?)
}

/// Bytes of the two long files, or as many as there are.
const LONG: usize = 2 * 1024 * 1024 * 1024;

/// The rows of files one after the other, under one header.
fn long(files: &[&Path], to: &mut BufWriter<File>) -> Result<()> {
    let mut length = 0;
    for (place, file) in files.iter().enumerate() {
        let mut lines = BufReader::with_capacity(1 << 20, File::open(file)?);
        let mut line = Vec::new();
        while length < LONG && lines.read_until(b'\n', &mut line)? > 0 {
            if place == 0 || length == 0 || !line.starts_with(b"school,") {
                to.write_all(&line)?;
                length += line.len();
            }
            line.clear();
        }
    }
    Ok(())
}

fn wrong(authority: &Authority, to: &mut BufWriter<File>) -> Result<()> {
    writeln!(to, "school,school_pupil_id,upn,date,session,code")?;
    let (mut length, mut row) = (0, 0);
    while length < LONG {
        let line = format!(
            "{},X{:06},,2024-09-{:02},am,/\n",
            Authority::urn(row % authority.schools),
            row % 1_000_000,
            2 + row % 25
        );
        to.write_all(line.as_bytes())?;
        length += line.len();
        row += 1;
    }
    Ok(())
}

fn calendars(authority: &Authority, year: i32, to: &mut BufWriter<File>) -> Result<()> {
    writeln!(to, "school,date,am,pm,term,note")?;
    for school in 0..authority.schools {
        for day in school_days(year) {
            writeln!(to, "{},{day},open,open,Year,", Authority::urn(school))?;
        }
    }
    Ok(())
}

fn rolls(authority: &Authority, to: &mut BufWriter<File>) -> Result<()> {
    writeln!(
        to,
        "school,school_pupil_id,upn,surname,forename,date_of_birth,sex,year_group,starting_day,enrolment_status"
    )?;
    for (number, (school, place)) in authority.places().enumerate() {
        let (urn, upn) = (Authority::urn(school), upn(number));
        let (surname, forename) = (name(number / 97), name(number));
        let (month, day) = (1 + number % 12, 1 + number % 28);
        writeln!(
            to,
            "{urn},{place:06},{upn},{surname},{forename},{}-{month:02}-{day:02},female,{},2019-09-02,single",
            2009 + number % 10,
            1 + number % 11
        )?;
    }
    Ok(())
}

/// A name of letters for a number.
fn name(number: usize) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "be", "da", "do", "fi", "ga", "ha", "ka", "la", "li", "ma", "mo", "na", "ra", "sa", "ta"];
    let mut text = String::from("A");
    for place in 0..4 {
        text.push_str(SYLLABLES.get(number >> (4 * place) & 15).copied().unwrap_or("a"));
    }
    text
}

/// Marks of a year; of a thousand, so many are changed afterwards.
fn marks(authority: &Authority, year: i32, changed_of_thousand: u64, to: &mut BufWriter<File>) -> Result<()> {
    writeln!(
        to,
        "school,school_pupil_id,upn,date,session,code,minutes_late,recorded_at,amended_from,reason,amended_by"
    )?;
    let days: Vec<(NaiveDate, String)> =
        school_days(year).into_iter().map(|day| (day, day.to_string())).collect();
    let mut chance = Chance(0x5EED_0000 + u64::from(year.unsigned_abs()));
    let mut later = Chance(0x1A7E_0001);
    for (number, (school, place)) in authority.places().enumerate() {
        let (urn, upn) = (Authority::urn(school), upn(number));
        for (_, day) in &days {
            for (session, hour, present) in [("am", 8, "/"), ("pm", 13, "\\")] {
                let (code, minutes) = match chance.below(1000) {
                    0..930 => (present, None),
                    930..955 => ("L", Some(1 + chance.below(25))),
                    955..990 => ("I", None),
                    990..995 => ("O", None),
                    _ => ("N", None),
                };
                let (minute, second) = (50 + chance.below(10), chance.below(60));
                write!(to, "{urn},{place:06},{upn},{day},{session},")?;
                if later.below(1000) < changed_of_thousand {
                    writeln!(
                        to,
                        "C,,{day}T{:02}:{minute:02}:{second:02}Z,{code},appointment,A Clerk",
                        hour + 2
                    )?;
                    continue;
                }
                write!(to, "{code},")?;
                if let Some(minutes) = minutes {
                    write!(to, "{minutes}")?;
                }
                writeln!(to, ",{day}T{hour:02}:{minute:02}:{second:02}Z,,,")?;
            }
        }
    }
    Ok(())
}
