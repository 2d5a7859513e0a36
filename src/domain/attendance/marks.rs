//! Marks packed by school year: one byte a session, and beside them when each was recorded and minutes late.
//!
//! Packed by date, not by school session, so that correcting a calendar moves no mark. Whether a mark may stand on a slot
//! is asked when it comes in; whether it counts, when it is read.

use super::Code;
use crate::domain::calendar::{DaySlot, SESSIONS};

/// Why stored bytes are not marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the stored marks of a school year are damaged; restore them from a back-up or import the year again"
)]
pub struct StoredMarksError;

/// One enrolment's marks in one school year, by place: twice the day since 1 August, plus one in the afternoon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedYear([u8; SESSIONS]);

/// Codes have the bytes 1..=LAST without a gap, so that one comparison checks a stored year.
const LAST: u8 = Code::I02.byte();

impl PackedYear {
    /// A year without a mark.
    pub const EMPTY: Self = Self([0; SESSIONS]);

    /// Reads stored bytes: exactly [`SESSIONS`], each 0 or the byte of a code.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredMarksError> {
        let array: [u8; SESSIONS] = bytes.try_into().map_err(|_| StoredMarksError)?;
        // A maximum over all of them is vectorised; an early exit would not be.
        let greatest = array.iter().fold(0, |greatest, byte| greatest.max(*byte));
        (greatest <= LAST).then_some(Self(array)).ok_or(StoredMarksError)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; SESSIONS] {
        &self.0
    }

    /// The mark at a place; `None` for no mark, and past the year.
    pub fn get(&self, index: usize) -> Option<Code> {
        self.0.get(index).copied().and_then(Code::from_byte)
    }

    /// Puts a mark; says whether the place exists.
    pub fn set(&mut self, index: usize, code: Code) -> bool {
        self.0.get_mut(index).map(|byte| *byte = code.byte()).is_some()
    }

    /// Takes the mark at a place away; past the year there is none.
    pub fn clear(&mut self, index: usize) {
        if let Some(byte) = self.0.get_mut(index) {
            *byte = 0;
        }
    }

    /// Places and codes of all marks, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Code)> + '_ {
        self.0.iter().enumerate().filter_map(|(index, byte)| Code::from_byte(*byte).map(|code| (index, code)))
    }
}

/// When each mark of a year was recorded: seconds since 1 August 00:00 UTC; 0 where there is no mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered(Vec<u32>);

impl Default for Entered {
    fn default() -> Self {
        Self(vec![0; SESSIONS])
    }
}

impl Entered {
    /// Reads stored bytes: [`SESSIONS`] little-endian integers of four bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredMarksError> {
        let (words, rest) = bytes.as_chunks::<4>();
        if words.len() != SESSIONS || !rest.is_empty() {
            return Err(StoredMarksError);
        }
        Ok(Self(words.iter().map(|word| u32::from_le_bytes(*word)).collect()))
    }

    /// The bytes to store.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|seconds| seconds.to_le_bytes()).collect()
    }

    /// The seconds at a place; `None` where there is none.
    pub fn get(&self, index: usize) -> Option<u32> {
        self.0.get(index).copied().filter(|seconds| *seconds > 0)
    }

    /// Puts the seconds; says whether the place exists.
    pub fn set(&mut self, index: usize, seconds: u32) -> bool {
        self.0.get_mut(index).map(|place| *place = seconds).is_some()
    }
}

/// Minutes late where the source sent them: sorted places with minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinutesLate(Vec<(u16, u16)>);

impl MinutesLate {
    /// Reads stored bytes: pairs of two little-endian integers of two bytes, places rising.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredMarksError> {
        let (pairs, rest) = bytes.as_chunks::<4>();
        let read = |[a, b, c, d]: &[u8; 4]| (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        let pairs: Vec<_> = pairs.iter().map(read).collect();
        let rising =
            pairs.is_sorted_by(|a, b| a.0 < b.0) && pairs.iter().all(|p| usize::from(p.0) < SESSIONS);
        (rising && rest.is_empty()).then_some(Self(pairs)).ok_or(StoredMarksError)
    }

    /// The bytes to store.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(place, minutes)| [place.to_le_bytes(), minutes.to_le_bytes()])
            .flatten()
            .collect()
    }

    /// The minutes at a place.
    pub fn get(&self, index: usize) -> Option<u16> {
        let place = u16::try_from(index).ok()?;
        let found = self.0.binary_search_by_key(&place, |pair| pair.0).ok()?;
        self.0.get(found).map(|pair| pair.1)
    }

    /// Puts or, with `None`, takes away the minutes at a place.
    pub fn set(&mut self, index: usize, minutes: Option<u16>) {
        let Some(place) = u16::try_from(index).ok().filter(|_| index < SESSIONS) else { return };
        self.0.retain(|pair| pair.0 != place);
        if let Some(minutes) = minutes {
            let at = self.0.partition_point(|pair| pair.0 < place);
            self.0.insert(at, (place, minutes));
        }
    }
}

/// Why a mark may not stand on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkPlaceError {
    /// The school does not meet then.
    #[error(
        "the calendar has no session then; correct the date or session, send `#`, or correct the calendar"
    )]
    NoSession,
}

/// Whether a code may stand on such a slot. Without a session only `#` may; a session that was planned and cancelled
/// (`closed`) takes Y4 too, which reg 10(10) puts against every pupil as if the session had been.
pub fn may_stand(code: Code, slot: DaySlot) -> Result<(), MarkPlaceError> {
    let may = match slot {
        DaySlot::Open => true,
        DaySlot::Closed => matches!(code, Code::PlannedClosure | Code::Y4),
        DaySlot::None | DaySlot::Inset | DaySlot::Holiday => code == Code::PlannedClosure,
    };
    may.then_some(()).ok_or(MarkPlaceError::NoSession)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_planned_closure_stands_without_a_session() {
        let rows = [
            (DaySlot::Open, "every code", 43),
            (DaySlot::Closed, "# and Y4 (reg 10(10))", 2),
            (DaySlot::Inset, "#", 1),
            (DaySlot::Holiday, "#", 1),
            (DaySlot::None, "#", 1),
        ];
        for (slot, which, count) in rows {
            assert_eq!(
                Code::ALL.iter().filter(|c| may_stand(**c, slot).is_ok()).count(),
                count,
                "{slot:?}: {which}"
            );
            assert_eq!(may_stand(Code::PlannedClosure, slot), Ok(()));
        }
    }

    #[test]
    fn damaged_rows_are_refused() {
        assert_eq!(PackedYear::from_bytes(&[0; 731]), Err(StoredMarksError));
        assert_eq!(PackedYear::from_bytes(&[44; 732]), Err(StoredMarksError));
        assert_eq!(Entered::from_bytes(&[0; 2927]), Err(StoredMarksError));
        assert_eq!(
            MinutesLate::from_bytes(&[1, 0, 5, 0, 1, 0, 6, 0]),
            Err(StoredMarksError),
            "one place twice"
        );
        assert_eq!(MinutesLate::from_bytes(&[0xDC, 2, 5, 0]), Err(StoredMarksError), "732 is no place");
    }

    proptest! {
        #[test]
        fn what_is_put_is_found_again(puts in prop::collection::vec((0_usize..732, 1_u8..=43, 1_u32.., 0_u16..200), 0..60)) {
            let (mut marks, mut entered, mut minutes) = (PackedYear::EMPTY, Entered::default(), MinutesLate::default());
            let mut expected = std::collections::BTreeMap::new();
            for (place, byte, seconds, late) in puts {
                let code = Code::from_byte(byte).unwrap();
                prop_assert!(marks.set(place, code) && entered.set(place, seconds));
                minutes.set(place, (late > 0).then_some(late));
                expected.insert(place, (code, seconds, (late > 0).then_some(late)));
            }
            let marks = PackedYear::from_bytes(marks.as_bytes()).unwrap();
            let entered = Entered::from_bytes(&entered.to_bytes()).unwrap();
            let minutes = MinutesLate::from_bytes(&minutes.to_bytes()).unwrap();
            prop_assert_eq!(marks.iter().count(), expected.len());
            for (place, code) in marks.iter() {
                prop_assert_eq!((code, entered.get(place).unwrap(), minutes.get(place)), expected[&place]);
            }
        }
    }
}
