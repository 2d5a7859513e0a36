//! Sums of sessions, and the rates and flags that follow from them.
//!
//! Integers only: persistent and severe are decided from the sums (the Department for Education's exact method), never from a rounded rate, and
//! there is no rate where nothing was possible.

use super::super::{Class, Code};
use super::Flag;
use chrono::NaiveDate;
use std::ops::AddAssign;

/// Sessions by what they count as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Present, late before the close, or in an approved educational activity.
    pub attended: u32,
    /// Authorised absence.
    pub authorised: u32,
    /// Unauthorised absence.
    pub unauthorised: u32,
    /// Sessions that are over, on roll, open, and without a mark; in no other figure.
    pub without_mark: u32,
}

impl Counts {
    /// Sessions that the pupil could have attended and that are marked.
    pub const fn possible(&self) -> u32 {
        self.attended + self.missed()
    }

    /// Authorised and unauthorised absence together.
    pub const fn missed(&self) -> u32 {
        self.authorised + self.unauthorised
    }

    /// Attended of possible, in tenths of a percent, rounded half up; `None` when nothing was possible.
    pub fn attendance_rate(&self) -> Option<u32> {
        tenths(self.attended, self.possible())
    }

    /// Missed of possible, in tenths of a percent, rounded half up; `None` when nothing was possible.
    pub fn absence_rate(&self) -> Option<u32> {
        tenths(self.missed(), self.possible())
    }

    /// Missed at least so many percent of the possible sessions, exactly; false when nothing was possible.
    pub const fn missed_at_least(&self, percent: u32) -> bool {
        self.possible() > 0 && 100 * self.missed() as u64 >= percent as u64 * self.possible() as u64
    }

    /// Persistent absence by the rule that holds on a day, a window's last; false when nothing was possible.
    pub fn persistent_absence(&self, on: NaiveDate) -> bool {
        Flag::PersistentAbsence.rule_on(on).is_some_and(|rule| self.missed_at_least(rule.threshold))
    }

    /// Severe absence by the rule that holds on a day, a window's last; false when nothing was possible.
    pub fn severe_absence(&self, on: NaiveDate) -> bool {
        Flag::SevereAbsence.rule_on(on).is_some_and(|rule| self.missed_at_least(rule.threshold))
    }

    pub(super) const fn add_class(&mut self, class: Class) {
        match class {
            Class::Present | Class::ApprovedActivity | Class::Late => self.attended += 1,
            Class::Authorised => self.authorised += 1,
            Class::Unauthorised => self.unauthorised += 1,
            Class::NotPossible | Class::NotCollected => {}
        }
    }

    pub(super) const fn add(&mut self, code: Option<Code>) {
        match code {
            Some(code) => self.add_class(code.class()),
            None => self.without_mark += 1,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.attended += other.attended;
        self.authorised += other.authorised;
        self.unauthorised += other.unauthorised;
        self.without_mark += other.without_mark;
    }
}

/// `part` of `whole` in tenths of a percent, rounded half up.
fn tenths(part: u32, whole: u32) -> Option<u32> {
    let (part, whole) = (u64::from(part), u64::from(whole));
    (2000 * part + whole).checked_div(2 * whole).and_then(|t| u32::try_from(t).ok())
}

/// Sessions counted in bytes before they are carried over: fewer than a byte holds, since each adds at most one.
const STEP: usize = 128;

/// Adds up one year's sessions; both slices have the same range of places, and `shut` is 0xFF where there was no session.
///
/// Comparisons of bytes alone, without a branch or a table, so that the compiler does many sessions at a time.
pub(super) fn sum(marks: &[u8], shut: &[u8]) -> Counts {
    let mut counts = Counts::default();
    for (marks, shut) in marks.chunks(STEP).zip(shut.chunks(STEP)) {
        let (mut attended, mut authorised, mut unauthorised, mut without_mark) = (0_u8, 0_u8, 0_u8, 0_u8);
        for (mark, shut) in marks.iter().zip(shut) {
            let byte = mark | shut;
            attended += u8::from(is_attended(byte));
            authorised += u8::from(is_authorised(byte));
            unauthorised += u8::from(is_unauthorised(byte));
            without_mark += u8::from(byte == 0);
        }
        counts += Counts {
            attended: attended.into(),
            authorised: authorised.into(),
            unauthorised: unauthorised.into(),
            without_mark: without_mark.into(),
        };
    }
    counts
}

/// Whether a byte lies in `first..=last`.
const fn within(byte: u8, first: Code, last: Code) -> bool {
    byte.wrapping_sub(first.byte()) <= last.byte() - first.byte()
}

/// The classes as ranges of stored bytes, which never change; the test below holds them to [`Code::class`]. `|` and not
/// `||`: no branch.
const fn is_attended(byte: u8) -> bool {
    within(byte, Code::PresentAm, Code::B) | (byte == Code::J.byte())
}

const fn is_authorised(byte: u8) -> bool {
    within(byte, Code::C1, Code::S)
        | (byte == Code::C2.byte())
        | within(byte, Code::C, Code::I)
        | (byte == Code::E.byte())
        | (byte == Code::H.byte())
        | within(byte, Code::I01, Code::I02)
}

const fn is_unauthorised(byte: u8) -> bool {
    within(byte, Code::G, Code::U)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_packed_year_counts_as_its_class() {
        for byte in (0..=Code::I02.byte()).chain([u8::MAX]) {
            let mut expected = Counts::default();
            if byte != u8::MAX {
                expected.add(Code::from_byte(byte));
            }
            assert_eq!(sum(&[byte], &[0]), expected, "{byte}");
            assert_eq!(sum(&[byte], &[u8::MAX]), Counts::default(), "{byte}, no session");
        }
    }

    #[test]
    fn a_whole_year_of_one_code_does_not_overflow() {
        let year = [Code::I.byte(); 732];
        assert_eq!(sum(&year, &[0; 732]), Counts { authorised: 732, ..Counts::default() });
    }
}
