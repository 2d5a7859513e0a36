//! Every attendance code: what it counts as, when it was valid, which statutory sets it belongs to, what it reveals.
//!
//! SI 2024/208 reg 10 for the set since 19 August 2024; the set before it lives on in marks that must be kept for six
//! years. The classes are the department's (working together to improve school attendance, August 2024). Bytes are stored and must
//! never change their meaning: a new code takes the next one.

use chrono::NaiveDate;

/// The first day of the present set of codes (SI 2024/208 reg 1).
pub const NEW_CODES_FROM: NaiveDate = match NaiveDate::from_ymd_opt(2024, 8, 19) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

/// How the Department for Education counts a session with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Attending, on time.
    Present,
    /// Attending: an approved educational activity away from the school.
    ApprovedActivity,
    /// Attending: arrived before the register closed.
    Late,
    /// Authorised absence.
    Authorised,
    /// Unauthorised absence.
    Unauthorised,
    /// Not a possible attendance: in no rate at all.
    NotPossible,
    /// Administrative; not in the regulations and not collected.
    NotCollected,
}

impl Class {
    /// Whether the session counts as one that the pupil could have attended.
    pub const fn possible(self) -> bool {
        !matches!(self, Self::NotPossible | Self::NotCollected)
    }

    /// Whether the pupil attended.
    pub const fn attended(self) -> bool {
        matches!(self, Self::Present | Self::ApprovedActivity | Self::Late)
    }

    /// Whether the session was missed, with authority or without.
    pub const fn missed(self) -> bool {
        matches!(self, Self::Authorised | Self::Unauthorised)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Era {
    Old,
    New,
    Both,
}

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $byte:literal $text:literal $class:ident $era:ident;)+) => {
        /// One attendance code. The number is its stored byte.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Code { $($(#[$meta])* $variant = $byte),+ }

        impl Code {
            /// Every code, by stored byte.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as written in a register.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $text),+ } }

            /// The code of a stored byte; `None` for 0, which is no mark, and for bytes never written.
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($byte => Some(Self::$variant),)+ _ => None }
            }

            /// How the Department for Education counts it. A code that changed its class changed its name too (J, now J1), so one class suffices.
            pub const fn class(self) -> Class { match self { $(Self::$variant => Class::$class),+ } }

            const fn era(self) -> Era { match self { $(Self::$variant => Era::$era),+ } }

            fn lookup(text: &str) -> Option<Self> { match text { $($text => Some(Self::$variant),)+ _ => None } }
        }
    };
}

codes! {
    /// Present in the morning (Table 1).
    PresentAm = 1 "/" Present Both;
    /// Present in the afternoon (Table 1).
    PresentPm = 2 "\\" Present Both;
    /// Arrived before the register closed (Table 1).
    L = 3 "L" Late Both;
    /// Provision arranged by the authority (Table 2; EA 1996 s.19).
    K = 4 "K" ApprovedActivity New;
    /// Visit or trip supervised by the school's staff (Table 2).
    V = 5 "V" ApprovedActivity Both;
    /// Approved sporting activity (Table 2).
    P = 6 "P" ApprovedActivity Both;
    /// Approved work experience (Table 2).
    W = 7 "W" ApprovedActivity Both;
    /// Any other approved educational activity (Table 2).
    B = 8 "B" ApprovedActivity Both;
    /// Leave for a regulated performance or employment abroad (Table 3).
    C1 = 9 "C1" Authorised New;
    /// Leave for a medical or dental appointment (Table 3).
    M = 10 "M" Authorised Both;
    /// Leave for an interview (Table 3).
    J1 = 11 "J1" Authorised New;
    /// Leave to study for a public examination (Table 3).
    S = 12 "S" Authorised Both;
    /// Not of compulsory school age and not required by the timetable (Table 3); until March 2022 also not in school in
    /// circumstances of the coronavirus, which counted as not possible too.
    X = 13 "X" NotPossible Both;
    /// Leave under a temporary part-time timetable (Table 3; reg 11).
    C2 = 14 "C2" Authorised New;
    /// Leave to attend another school where the pupil is registered (Table 3).
    D = 15 "D" NotPossible Both;
    /// Leave for any other purpose (Table 3).
    C = 16 "C" Authorised Both;
    /// Mobile child travelling with a parent for work (Table 3).
    T = 17 "T" Authorised Both;
    /// Day set apart by the parent's religious body (Table 3).
    R = 18 "R" Authorised Both;
    /// Sickness (Table 3).
    I = 19 "I" Authorised Both;
    /// The authority failed its duty of access or travel (Table 3; reg 10(12), (13)).
    Q = 20 "Q" NotPossible New;
    /// Beyond walking distance and the usual transport did not run (Table 3).
    Y1 = 21 "Y1" NotPossible New;
    /// Widespread disruption of travel (Table 3).
    Y2 = 22 "Y2" NotPossible New;
    /// Part of the premises unavoidably out of use (Table 3).
    Y3 = 23 "Y3" NotPossible New;
    /// The session was cancelled (reg 10(10)); in neither table.
    Y4 = 24 "Y4" NotPossible New;
    /// Criminal justice detention (Table 3; reg 10(14)).
    Y5 = 25 "Y5" NotPossible New;
    /// Public health guidance or law (Table 3).
    Y6 = 26 "Y6" NotPossible New;
    /// Another unavoidable cause (Table 3).
    Y7 = 27 "Y7" NotPossible New;
    /// Suspended, or permanently excluded and not yet deleted (Table 3).
    E = 28 "E" Authorised Both;
    /// Holiday without leave (Table 3).
    G = 29 "G" Unauthorised Both;
    /// No reason yet (Table 3; reg 10(7)).
    N = 30 "N" Unauthorised Both;
    /// None of the other rows (Table 3).
    O = 31 "O" Unauthorised Both;
    /// Arrived after the register closed, before the session ended (reg 10(8)(b)).
    U = 32 "U" Unauthorised Both;
    /// Prospective pupil, not yet on roll; not in the regulations.
    Z = 33 "Z" NotCollected Both;
    /// Planned closure of the whole school; not in the regulations.
    PlannedClosure = 34 "#" NotCollected Both;
    /// Holiday with leave; withdrawn, now C or G.
    H = 35 "H" Authorised Old;
    /// Interview as an approved activity; withdrawn, now J1, which is authorised absence.
    J = 36 "J" ApprovedActivity Old;
    /// Unable to attend in exceptional circumstances; withdrawn, now Y1 to Y7.
    Y = 37 "Y" NotPossible Old;
    // The six below are recalled from 2020 to 2022 and unconfirmed: what each stood for, and their exact dates. They are
    // read so that a history can be taken in; none was a possible attendance except the two kinds of illness.
    /// Coronavirus period: not required, under compulsory school age. Unconfirmed.
    X01 = 38 "X01" NotPossible Old;
    /// Coronavirus period: symptoms. Unconfirmed.
    X02 = 39 "X02" NotPossible Old;
    /// Coronavirus period: contact with a case. Unconfirmed.
    X03 = 40 "X03" NotPossible Old;
    /// Coronavirus period: quarantine after travel. Unconfirmed.
    X04 = 41 "X04" NotPossible Old;
    /// Coronavirus period: illness other than a confirmed case. Unconfirmed.
    I01 = 42 "I01" Authorised Old;
    /// Coronavirus period: illness, a confirmed case. Unconfirmed.
    I02 = 43 "I02" Authorised Old;
}

/// Why a code was refused. The text itself is not quoted: it may be a comment about a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// No code at all.
    #[error(
        "not an attendance code; send one of the codes of SI 2024/208 regulation 10, in capitals, or `#`"
    )]
    Unknown,
    /// A code of the present set on an earlier date.
    #[error("code `{0}` began on 19 August 2024; send the code that stood in the register on that date")]
    NotYet(&'static str),
    /// A withdrawn code.
    #[error("code `{0}` was withdrawn on 19 August 2024; send {1}")]
    Withdrawn(&'static str, &'static str),
}

impl Code {
    /// Reads a code as it was valid on the session's date.
    pub fn parse(text: &str, date: NaiveDate) -> Result<Self, CodeError> {
        let code = Self::lookup(text).ok_or(CodeError::Unknown)?;
        match code.era() {
            Era::New if date < NEW_CODES_FROM => Err(CodeError::NotYet(code.as_str())),
            Era::Old if date >= NEW_CODES_FROM => Err(CodeError::Withdrawn(code.as_str(), code.successor())),
            Era::Old | Era::New | Era::Both => Ok(code),
        }
    }

    /// The byte in a packed year; never 0.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// First and last date on which the code may stand; `None` is no end.
    pub fn validity(self) -> (Option<NaiveDate>, Option<NaiveDate>) {
        match self.era() {
            Era::Old => (None, NEW_CODES_FROM.pred_opt()),
            Era::New => (Some(NEW_CODES_FROM), None),
            Era::Both => (None, None),
        }
    }

    /// Whether it is in the set of the attendance return's ten-day limb: G, N, O, U (SI 2024/208 reg 13(7)(b)).
    pub const fn ten_day_return(self) -> bool {
        matches!(self, Self::G | Self::N | Self::O | Self::U)
    }

    /// Whether it counts towards a penalty notice: G, N, O, U (SI 2007/1867 reg 9A).
    pub const fn penalty_notice(self) -> bool {
        matches!(self, Self::G | Self::N | Self::O | Self::U)
    }

    /// Whether it keeps a run under ground 9(1)(i) unbroken: G, N, O; never U, since the child attended.
    pub const fn ground_i(self) -> bool {
        matches!(self, Self::G | Self::N | Self::O)
    }

    /// Whether the school itself saw the child in that session: `/`, `\`, L or U.
    pub const fn seen_at_school(self) -> bool {
        matches!(self, Self::PresentAm | Self::PresentPm | Self::L | Self::U)
    }

    /// Whether another place reported the child: B, K, P, V or W.
    pub const fn reported_elsewhere(self) -> bool {
        matches!(self, Self::B | Self::K | Self::P | Self::V | Self::W)
    }

    /// Whether it is sickness: I, and the two kinds of it before August 2024.
    pub const fn illness(self) -> bool {
        matches!(self, Self::I | Self::I01 | Self::I02)
    }

    /// Whether it says that nobody was to come: such a session neither lengthens nor breaks a run. Y4 is in neither table
    /// of reg 10, so a cancelled session is read like a planned closure.
    pub const fn nobody_was_to_come(self) -> bool {
        matches!(self, Self::Y4 | Self::PlannedClosure | Self::Z)
    }

    fn successor(self) -> &'static str {
        if self == Self::H {
            return "`C` for leave granted, `G` for a holiday without leave";
        }
        match self.class() {
            Class::ApprovedActivity => "`J1`",
            Class::Authorised => "`I`",
            Class::NotPossible => "the one of `Y1` to `Y7` that fits, or `X`",
            Class::Present | Class::Late | Class::Unauthorised | Class::NotCollected => "the code that fits",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn bytes_never_change_their_meaning() {
        // Stored marks outlive every version of this program: a line here may be added, never altered.
        let table =
            Code::ALL.iter().map(|c| format!("{}={}", c.byte(), c.as_str())).collect::<Vec<_>>().join(" ");
        let stored = "1=/ 2=\\ 3=L 4=K 5=V 6=P 7=W 8=B 9=C1 10=M 11=J1 12=S 13=X 14=C2 15=D 16=C 17=T 18=R 19=I 20=Q \
                      21=Y1 22=Y2 23=Y3 24=Y4 25=Y5 26=Y6 27=Y7 28=E 29=G 30=N 31=O 32=U 33=Z 34=# 35=H 36=J 37=Y \
                      38=X01 39=X02 40=X03 41=X04 42=I01 43=I02";
        assert_eq!(table, stored);
        for byte in 0..=u8::MAX {
            assert_eq!(Code::from_byte(byte).map(Code::byte), (1..=43).contains(&byte).then_some(byte));
        }
    }

    #[test]
    fn every_code_of_regulation_10_has_its_class() {
        let classes = [
            (Class::Present, "/ \\"),
            (Class::Late, "L"),
            (Class::ApprovedActivity, "K V P W B"),
            (Class::Authorised, "C1 M J1 S C2 C T R I E"),
            (Class::Unauthorised, "G N O U"),
            (Class::NotPossible, "X D Q Y1 Y2 Y3 Y4 Y5 Y6 Y7"),
            (Class::NotCollected, "Z #"),
        ];
        let codes: usize = classes.iter().map(|(_, codes)| codes.split(' ').count()).sum();
        assert_eq!(
            codes,
            Code::ALL.iter().filter(|c| Code::parse(c.as_str(), NEW_CODES_FROM).is_ok()).count()
        );
        for (class, codes) in classes {
            for code in codes.split(' ') {
                assert_eq!(Code::parse(code, NEW_CODES_FROM).unwrap().class(), class, "{code}");
            }
        }
    }

    #[test]
    fn a_code_is_read_as_of_its_date() {
        let rows = [
            ("J", "2024-08-18", Ok(Class::ApprovedActivity)),
            ("J", "2024-08-19", Err("code `J` was withdrawn on 19 August 2024; send `J1`")),
            ("J1", "2024-08-19", Ok(Class::Authorised)),
            ("H", "2024-07-01", Ok(Class::Authorised)),
            ("Y", "2024-07-01", Ok(Class::NotPossible)),
            ("X02", "2021-01-11", Ok(Class::NotPossible)),
        ];
        for (text, at, expected) in rows {
            let read = Code::parse(text, date(at)).map(Code::class).map_err(|e| e.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{text} {at}");
        }
        for new in ["K", "C1", "C2", "J1", "Q", "Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7"] {
            assert!(
                matches!(Code::parse(new, date("2024-08-18")), Err(CodeError::NotYet(code)) if code == new)
            );
        }
        for unknown in ["", "l", "l ", "ZZ", "Y8", "sick, mum rang"] {
            assert_eq!(Code::parse(unknown, NEW_CODES_FROM), Err(CodeError::Unknown));
        }
    }

    #[test]
    fn a_code_is_read_on_its_dates_of_validity_alone() {
        for code in Code::ALL {
            let (first, last) = code.validity();
            assert!(first.is_none() || last.is_none(), "{code:?}");
            for day in ["2020-09-01", "2024-08-18", "2024-08-19", "2026-11-20"].map(date) {
                let valid = first.is_none_or(|first| first <= day) && last.is_none_or(|last| day <= last);
                assert_eq!(Code::parse(code.as_str(), day).is_ok(), valid, "{code:?} on {day}");
            }
        }
    }

    #[test]
    fn the_three_sets_are_three() {
        let set = |of: fn(Code) -> bool| {
            Code::ALL.iter().filter(|c| of(**c)).map(|c| c.as_str()).collect::<String>()
        };
        assert_eq!(set(Code::ten_day_return), "GNOU", "SI 2024/208 reg 13(7)(b)");
        assert_eq!(set(Code::penalty_notice), "GNOU", "SI 2007/1867 reg 9A");
        assert_eq!(set(Code::ground_i), "GNO", "SI 2024/208 reg 9(1)(i)");
        assert_eq!(set(Code::seen_at_school), "/\\LU");
        assert_eq!(set(Code::reported_elsewhere), "KVPWB");
    }
}
