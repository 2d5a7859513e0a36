//! Admission registers: each file beside what must come of it.

use super::*;
use crate::domain::pupil::{Sex, YearGroup};
use crate::domain::roll::{EnrolmentStatus, RemovalGround};

#[test]
fn pupils_as_exported() {
    let file = pupils(
        "Adno,UPN,Legal Surname,Legal Forename,DOB,Gender,Year,Admission Date,Leaving Date,Removal Ground,Enrol Status,\
         Boarder,Home LA,Whereabouts Protected,Address,Parent 1,Lives With Parent 1,SEN Status,FSM\n\
         7,M80120000500A,O'Neill,王,2012-02-29,F,Year 07,2024-09-03,2026-07-21,9(1)(A),C,N,999,,\"1 High Street\nTown\",Ann O'Neill,Yes,K,Y\n\
         8,,=SUM(A1),Nguyễn,2013-01-01,M,,2024-09-03,,,main,,,TRUE,,,,,\n",
    );
    assert_eq!(file.tally.rejected.errors, []);
    let (line, first) = &file.rows[0];
    assert_eq!(
        (*line, first.surname.as_str(), first.forename.as_str(), first.sex),
        (2, "O'Neill", "王", Sex::Female)
    );
    assert!(first.upn.as_ref().unwrap().is_temporary());
    assert_eq!((first.year_group, first.enrolment_status), (Some(YearGroup::Year7), EnrolmentStatus::Single));
    assert_eq!(first.stay.last_day(), Some("2026-07-21".parse().unwrap()));
    assert_eq!(first.stay.removal_ground(), Some(RemovalGround::OtherSchool));
    assert_eq!(first.home_authority.map(|code| code.to_string()).as_deref(), Some("999"));
    assert_eq!((first.boarder, first.whereabouts_protected), (false, false));
    let register: Vec<_> = first.register.iter().map(|(column, entry)| (*column, entry.as_str())).collect();
    assert_eq!(
        register,
        [
            ("address", "1 High Street\nTown"),
            ("parent_1_lives_with", "true"),
            ("parent_1_name", "Ann O'Neill")
        ]
    );
    assert_eq!(
        (first.sen, first.free_meals, first.social_worker),
        (Some(SpecialNeeds::Support), Some(true), None)
    );
    let (line, second) = &file.rows[1];
    assert_eq!((*line, second.surname.as_str(), second.upn.as_ref()), (4, "=SUM(A1)", None));
    assert!(second.whereabouts_protected && second.register.is_empty());
}

#[test]
fn wrong_pupils_say_where() {
    let row = |cells: &str| pupils(&format!("{PUPILS_HEADER},last_day,removal_ground\n{cells}\n"));
    for (cells, column, value) in [
        ("1,B801200005002,A,B,2012-01-01,F,2024-09-03,single,,", "upn", "B801200005002"),
        ("1,,,B,2012-01-01,F,2024-09-03,single,,", "surname", ""),
        ("1,,A,B,2027-01-01,F,2027-09-03,single,,", "date_of_birth", "2027-01-01"),
        ("1,,A,B,1985-01-01,F,2024-09-03,single,,", "date_of_birth", "1985-01-01"),
        ("1,,A,B,2012-01-01,x,2024-09-03,single,,", "sex", "x"),
        ("1,,A,B,2012-01-01,F,2011-09-03,single,,", "starting_day", "2011-09-03"),
        ("1,,A,B,2012-01-01,F,2024-09-03,dual,,", "enrolment_status", "dual"),
        ("1,,A,B,2012-01-01,F,2024-09-03,single,2024-09-02,9(1)(a)", "last_day", "2024-09-02"),
        ("1,,A,B,2012-01-01,F,2024-09-03,single,2025-09-02,", "removal_ground", ""),
        ("1,,A,B,2012-01-01,F,2024-09-03,single,,9(1)(a)", "last_day", ""),
        ("1,,A,B,2012-01-01,F,2024-09-03,single,2025-09-02,8(1)(b)", "removal_ground", "8(1)(b)"),
        ("1,,A,B,2012-01-01,F,2024-09-03,single,02/09/2025,9(1)(a)", "last_day", "02/09/2025"),
    ] {
        assert_eq!(places(&row(cells)), [(2, column, value)], "{cells}");
    }
}

#[test]
fn year_groups_as_exported() {
    for (cell, year) in [
        ("7", Some(YearGroup::Year7)),
        ("07", Some(YearGroup::Year7)),
        ("Y7", Some(YearGroup::Year7)),
        ("Year 10", Some(YearGroup::Year10)),
        ("r", Some(YearGroup::Reception)),
        ("Reception", Some(YearGroup::Reception)),
        ("n2", Some(YearGroup::Nursery2)),
        ("15", None),
        ("0", None),
        ("7A", None),
    ] {
        let file =
            pupils(&format!("{PUPILS_HEADER},year_group\n1,,A,B,2012-01-01,F,2024-09-03,single,{cell}\n"));
        assert_eq!(file.rows.first().and_then(|(_, row)| row.year_group), year, "{cell}");
        assert_eq!(file.tally.rejected.rows, usize::from(year.is_none()), "{cell}");
    }
}
