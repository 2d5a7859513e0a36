//! The columns of each kind of file and the names under which schools' systems export them.
//!
//! Data, to be added to: names are compared without case, spaces and punctuation, so `Date of Birth` and
//! `date_of_birth` are one. No name may stand for two columns of a file.

use super::cells::folded;
use std::collections::HashMap;

/// The columns of one kind of file.
pub(super) struct Table {
    pub(super) columns: &'static [Column],
    /// Columns of which a file needs at least one.
    pub(super) one_of: &'static [&'static str],
    /// Columns that hold dates.
    pub(super) dates: &'static [&'static str],
}

/// One column.
pub(super) struct Column {
    /// The canonical name.
    pub(super) name: &'static str,
    /// Whether a file without the column is refused.
    pub(super) needed: bool,
    /// What JSON may hold there besides a string.
    pub(super) json: Json,
    /// Other names accepted.
    pub(super) aliases: &'static [&'static str],
}

/// Which columns of a table a file, or one of its objects, has: by their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Given(u64);

impl Given {
    /// With the columns at these places.
    pub(super) fn of(places: impl IntoIterator<Item = usize>) -> Self {
        let mut given = Self::default();
        for place in places {
            given.add(place);
        }
        given
    }

    /// Adds the column at a place, and says whether it was there already.
    pub(super) fn add(&mut self, place: usize) -> bool {
        let had = self.has(place);
        self.0 |= Self::bit(place);
        had
    }

    /// Those that both have.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the column at a place is there.
    pub(super) fn has(self, place: usize) -> bool {
        self.0 & Self::bit(place) != 0
    }

    /// No table has more columns than bits, which a test holds.
    fn bit(place: usize) -> u64 {
        u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or(0)
    }
}

/// What a value may be in JSON besides a string; `null` is an empty cell everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Text,
    WholeNumber,
    Flag,
}

impl Table {
    /// The place of a column by its canonical name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The place of each column under every name that stands for it, as names are compared.
    pub(super) fn folded(&self) -> HashMap<String, usize> {
        let columns = self.columns.iter().enumerate();
        columns
            .flat_map(|(at, column)| {
                let names = std::iter::once(&column.name).chain(column.aliases);
                names.map(move |name| (folded(name), at))
            })
            .collect()
    }

    /// The place of the column that a header or key stands for.
    pub(super) fn resolve(&self, header: &str) -> Option<usize> {
        // The canonical name needs no folding, which matters where every row of a file has its keys.
        self.position(header).or_else(|| {
            let header = folded(header);
            self.columns.iter().position(|column| {
                folded(column.name) == header || column.aliases.iter().any(|alias| folded(alias) == header)
            })
        })
    }
}

/// Whether a column that is not taken is free text about a child, which is dropped and counted apart.
pub(super) fn is_comment(header: &str) -> bool {
    is_comment_folded(&folded(header))
}

/// The same of a name as names are compared.
pub(super) fn is_comment_folded(header: &str) -> bool {
    header.contains("comment") || header.contains("note") || header.contains("remark")
}

const fn needed(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, needed: true, json: Json::Text, aliases }
}

const fn optional(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, needed: false, json: Json::Text, aliases }
}

const fn flag(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, needed: false, json: Json::Flag, aliases }
}

const fn whole_number(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, needed: false, json: Json::WholeNumber, aliases }
}

const SCHOOL_PUPIL_ID: &[&str] =
    &["Adno", "Adm No", "Admission No", "Admission Number", "Pupil ID", "Student ID", "MIS ID", "Person ID"];
const UPN: &[&str] = &["Unique Pupil Number", "UPN Number", "Pupil UPN", "Student UPN"];
const SCHOOL: &[&str] = &["URN", "School URN", "LAESTAB", "DfE Number", "School Number", "Estab Number"];

/// The calendar: one row a date.
pub(super) static CALENDAR: Table = Table {
    one_of: &[],
    dates: &["date"],
    columns: &[
        optional("school", SCHOOL),
        needed("date", &["Day", "Calendar Date", "School Date"]),
        needed("am", &["Morning", "AM Session", "Morning Session"]),
        needed("pm", &["Afternoon", "PM Session", "Afternoon Session"]),
        optional("term", &["Term Name", "Half Term"]),
        optional("note", &["Description", "Event", "Reason"]),
    ],
};

/// The admission register: one row a pupil.
pub(super) static PUPILS: Table = Table {
    one_of: &[],
    dates: &[
        "date_of_birth",
        "starting_day",
        "last_day",
        "future_address_from",
        "other_school_from",
        "amended_on",
    ],
    columns: &[
        optional("school", SCHOOL),
        needed("school_pupil_id", SCHOOL_PUPIL_ID),
        optional("upn", UPN),
        needed("surname", &["Legal Surname", "Last Name", "Legal Last Name", "Family Name"]),
        needed("forename", &["Legal Forename", "First Name", "Legal First Name", "Given Name"]),
        needed("date_of_birth", &["DOB", "Birth Date"]),
        needed("sex", &["Gender", "Legal Sex", "Sex at Birth"]),
        whole_number(
            "year_group",
            &["Year", "NC Year", "NC Year Actual", "National Curriculum Year", "Year Taught In"],
        ),
        needed(
            "starting_day",
            &["Start Date", "Date of Admission", "Admission Date", "DOA", "Entry Date", "Enrolment Date"],
        ),
        optional("last_day", &["Leaving Date", "Date of Leaving", "DOL", "Leave Date", "End Date"]),
        optional(
            "removal_ground",
            &["Ground for Removal", "Ground for Deletion", "Deletion Ground", "Removal Reason"],
        ),
        needed("enrolment_status", &["Enrol Status", "Enrollment Status", "Registration Status"]),
        flag("boarder", &["Is Boarder", "Boarding"]),
        flag("part_time", &["Part Time Pupil", "Is Part Time"]),
        optional("home_authority", &["Home LA", "Home Local Authority", "Home LEA", "LA of Residence"]),
        flag("whereabouts_protected", &["Protected Whereabouts"]),
        optional("name_used", &["Name Used at School", "Known As", "Preferred Name", "Preferred Forename"]),
        optional("middle_names", &["Middle Name"]),
        optional("address", &["Home Address", "Full Address", "Pupil Address"]),
        optional("parent_1_name", &["Parent 1", "Contact 1 Name", "Priority 1 Contact Name"]),
        optional("parent_1_address", &["Contact 1 Address"]),
        flag("parent_1_lives_with", &["Lives With Parent 1", "Contact 1 Lives With"]),
        optional("parent_1_telephone", &["Contact 1 Telephone", "Contact 1 Phone", "Parent 1 Phone"]),
        optional("parent_2_name", &["Parent 2", "Contact 2 Name", "Priority 2 Contact Name"]),
        optional("parent_2_address", &["Contact 2 Address"]),
        flag("parent_2_lives_with", &["Lives With Parent 2", "Contact 2 Lives With"]),
        optional("parent_2_telephone", &["Contact 2 Telephone", "Contact 2 Phone", "Parent 2 Phone"]),
        optional(
            "emergency_telephone_1",
            &["Emergency Telephone", "Emergency Contact Number", "Emergency Phone"],
        ),
        optional("emergency_telephone_2", &["Emergency Contact Number 2", "Emergency Phone 2"]),
        optional("last_school_name", &["Last School", "Previous School", "Previous School Name"]),
        optional("last_school_address", &["Previous School Address"]),
        optional("future_address", &["New Address"]),
        optional("future_address_parents", &["New Address Parents"]),
        optional("future_address_from", &["New Address From", "New Address Start Date"]),
        optional("other_school_name", &["Other School", "Destination School", "New School"]),
        whole_number("other_school_urn", &["Dual Registration URN", "URN of Other School"]),
        optional("other_school_from", &["Other School Start Date", "New School Start Date"]),
        optional("sen", &["SEN Status", "SEN Provision", "SEN Need"]),
        flag("free_meals", &["FSM", "Free School Meals", "FSM Eligible", "Eligible for Free Meals"]),
        flag("social_worker", &["Has Social Worker"]),
        REASON,
        optional("amended_on", &["Amendment Date", "Date of Amendment", "Date Amended", "Modified On"]),
        AMENDED_BY,
    ],
};

/// The columns of [`PUPILS`] that are kept as the admission register's further entries (SI 2024/208 reg 8(2) to (5)).
pub(super) const REGISTER_COLUMNS: &[&str] = &[
    "name_used",
    "middle_names",
    "address",
    "parent_1_name",
    "parent_1_address",
    "parent_1_lives_with",
    "parent_1_telephone",
    "parent_2_name",
    "parent_2_address",
    "parent_2_lives_with",
    "parent_2_telephone",
    "emergency_telephone_1",
    "emergency_telephone_2",
    "last_school_name",
    "last_school_address",
    "future_address",
    "future_address_parents",
    "future_address_from",
    "other_school_name",
    "other_school_from",
];

const IDENTITY: &[&str] = &["school_pupil_id", "upn"];
const MARKED_DATE: Column = needed("date", &["Attendance Date", "Mark Date", "Session Date", "Day"]);
const SESSION: Column = needed("session", &["AM/PM", "Session Name", "Half Day", "Period"]);
const CODE: Column =
    needed("code", &["Mark", "Attendance Code", "Attendance Mark", "Mark Code", "Session Mark"]);
const MINUTES_LATE: Column = whole_number("minutes_late", &["Mins Late", "Late Minutes", "Minutes"]);
const RECORDED_AT: Column =
    optional("recorded_at", &["Recorded", "Date Recorded", "Taken At", "Mark Time", "Recorded Time"]);
const AMENDED_FROM: Column =
    optional("amended_from", &["Original Mark", "Original Code", "Previous Mark", "Previous Code"]);
const REASON: Column = optional("reason", &["Amendment Reason", "Reason for Amendment", "Reason for Change"]);
const AMENDED_BY: Column = optional("amended_by", &["Changed By", "Modified By", "Amended By Name"]);
const AM: Column =
    needed("am", &["Morning", "AM Mark", "AM Code", "AM Session", "Morning Mark", "Morning Session"]);
const PM: Column =
    needed("pm", &["Afternoon", "PM Mark", "PM Code", "PM Session", "Afternoon Mark", "Afternoon Session"]);

/// Attendance in the long layout: one row a session.
pub(super) static MARKS: Table = Table {
    one_of: IDENTITY,
    dates: &["date"],
    columns: &[
        optional("school", SCHOOL),
        optional("school_pupil_id", SCHOOL_PUPIL_ID),
        optional("upn", UPN),
        MARKED_DATE,
        SESSION,
        CODE,
        MINUTES_LATE,
        RECORDED_AT,
        AMENDED_FROM,
        REASON,
        AMENDED_BY,
    ],
};

/// Attendance in the day layout: one row a pupil and day.
pub(super) static DAY_MARKS: Table = Table {
    one_of: IDENTITY,
    dates: &["date"],
    columns: &[
        optional("school", SCHOOL),
        optional("school_pupil_id", SCHOOL_PUPIL_ID),
        optional("upn", UPN),
        MARKED_DATE,
        AM,
        PM,
        RECORDED_AT,
    ],
};

/// Attendance in the wide layout: one row a pupil, and a column for each session, which this table does not know.
pub(super) static WIDE_MARKS: Table = Table {
    one_of: IDENTITY,
    dates: &[],
    columns: &[
        optional("school", SCHOOL),
        optional("school_pupil_id", SCHOOL_PUPIL_ID),
        optional("upn", UPN),
    ],
};

/// Attendance as objects: the columns of [`MARKS`] in their places, then those that make an object a day.
pub(super) static MARKS_JSON: Table = Table {
    one_of: IDENTITY,
    dates: &["date"],
    columns: &[
        optional("school", SCHOOL),
        optional("school_pupil_id", SCHOOL_PUPIL_ID),
        optional("upn", UPN),
        MARKED_DATE,
        SESSION,
        CODE,
        MINUTES_LATE,
        RECORDED_AT,
        AMENDED_FROM,
        REASON,
        AMENDED_BY,
        AM,
        PM,
    ],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_name_stands_for_two_columns() {
        for table in [&CALENDAR, &PUPILS, &MARKS, &DAY_MARKS, &WIDE_MARKS, &MARKS_JSON] {
            let mut seen = BTreeMap::new();
            for column in table.columns {
                for name in [&[column.name], column.aliases].concat() {
                    assert!(!folded(name).is_empty(), "{name}");
                    assert_eq!(seen.insert(folded(name), column.name), None, "{name}");
                }
            }
            assert!(table.columns.len() <= 64, "`Given` has a bit for each");
            assert!(table.one_of.iter().chain(table.dates).all(|name| table.position(name).is_some()));
        }
        assert!(MARKS.columns.iter().zip(MARKS_JSON.columns).all(|(a, b)| a.name == b.name));
        assert!(REGISTER_COLUMNS.iter().all(|name| PUPILS.position(name).is_some()));
    }

    #[test]
    fn names_as_exported() {
        for (table, header, name) in [
            (&PUPILS, "Legal Surname", "surname"),
            (&PUPILS, " DATE OF BIRTH ", "date_of_birth"),
            (&PUPILS, "DOB", "date_of_birth"),
            (&PUPILS, "Adno", "school_pupil_id"),
            (&MARKS, "Unique_Pupil-Number", "upn"),
            (&MARKS, "Admission Number", "school_pupil_id"),
            (&MARKS, "Mark", "code"),
            (&MARKS, "attendance code", "code"),
            (&MARKS, "School URN", "school"),
            (&MARKS, "LAESTAB", "school"),
            (&DAY_MARKS, "AM", "am"),
            (&DAY_MARKS, "Afternoon Mark", "pm"),
        ] {
            assert_eq!(table.resolve(header), table.position(name), "{header}");
        }
        assert_eq!(MARKS.resolve("Tutor Group"), None);
        assert!(is_comment("Mark Comments") && is_comment("Notes") && !is_comment("Tutor Group"));
    }
}
