//! Sums of sessions, and the rates and flags that follow from them.
//!
//! Integers only: persistent and severe are decided from the sums (the Department for Education's exact method), never from a rounded rate, and
//! there is no rate where nothing was possible.

use super::super::{Class, Code};
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

    /// Missed a tenth or more of the possible sessions; false when nothing was possible.
    pub const fn persistent_absence(&self) -> bool {
        self.possible() > 0 && 10 * self.missed() as u64 >= self.possible() as u64
    }

    /// Missed half or more of the possible sessions; false when nothing was possible.
    pub const fn severe_absence(&self) -> bool {
        self.possible() > 0 && 2 * self.missed() as u64 >= self.possible() as u64
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

/// Four counters in one word, 16 bits each; a year has 732 sessions, so that none reaches the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Lanes(u64);

const ATTENDED: u64 = 1;
const AUTHORISED: u64 = 1 << 16;
const UNAUTHORISED: u64 = 1 << 32;
const WITHOUT_MARK: u64 = 1 << 48;

/// What a byte of a packed year adds, after `byte | shut`: 0 is an open session without a mark, 0xFF a shut one. Not for
/// other bytes: a packed year holds none.
static ADDS: [u64; 256] = adds();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "constant evaluation over 0..256 only"
)]
const fn adds() -> [u64; 256] {
    let mut table = [0; 256];
    table[0] = WITHOUT_MARK;
    let mut byte = 1;
    while byte < 256 {
        if let Some(code) = Code::from_byte(byte as u8) {
            table[byte] = match code.class() {
                Class::Present | Class::ApprovedActivity | Class::Late => ATTENDED,
                Class::Authorised => AUTHORISED,
                Class::Unauthorised => UNAUTHORISED,
                Class::NotPossible | Class::NotCollected => 0,
            };
        }
        byte += 1;
    }
    table
}

impl Lanes {
    /// Adds up one year's sessions; both slices have the same range of places.
    pub(super) fn sum(marks: &[u8], shut: &[u8]) -> Self {
        let add = |(mark, shut): (&u8, &u8)| ADDS.get(usize::from(mark | shut)).copied().unwrap_or(0);
        Self(marks.iter().zip(shut).map(add).sum())
    }

    pub(super) fn counts(self) -> Counts {
        let lane = |shift: u32| u32::try_from(self.0 >> shift & 0xFFFF).unwrap_or(0);
        Counts { attended: lane(0), authorised: lane(16), unauthorised: lane(32), without_mark: lane(48) }
    }
}
