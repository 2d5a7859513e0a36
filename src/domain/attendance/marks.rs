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

    /// The first and the last place of the absence that nobody has explained yet (N, or O) with which the marks end, where
    /// they do; sessions at which nobody had to come (X, Y4, Z, `#`) neither begin nor end one.
    pub fn unexplained(&self) -> Option<(usize, usize)> {
        let mut spell = None;
        for (index, byte) in self.0.iter().enumerate().rev() {
            match Code::from_byte(*byte) {
                None | Some(Code::X | Code::Y4 | Code::Z | Code::PlannedClosure) => {}
                Some(Code::N | Code::O) => spell = Some((index, spell.map_or(index, |(_, last)| last))),
                Some(_) => break,
            }
        }
        spell
    }

    /// Places and codes of all marks, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Code)> + '_ {
        self.0.iter().enumerate().filter_map(|(index, byte)| Code::from_byte(*byte).map(|code| (index, code)))
    }
}

/// Bytes of one bit for each place.
const BITS: usize = SESSIONS.div_ceil(8);
/// Stands before seconds that are too far from their day's noon: more than nine hours.
const FAR: i16 = i16::MIN;

/// Noon of a place's day, UTC: seconds since 1 August.
fn noon(place: usize) -> i64 {
    i64::try_from(place / 2).unwrap_or(0) * 86_400 + 43_200
}

/// Takes the next bytes off the front.
fn take<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(head)
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
    /// Reads stored bytes: packed as [`Self::to_bytes`] writes them, or [`SESSIONS`] little-endian integers of four bytes,
    /// which stood before and stand where packing gains nothing.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredMarksError> {
        if bytes.len() != 4 * SESSIONS {
            return Self::unpack(bytes).ok_or(StoredMarksError);
        }
        let (words, _) = bytes.as_chunks::<4>();
        Ok(Self(words.iter().map(|word| u32::from_le_bytes(*word)).collect()))
    }

    /// The bytes to store: a bit for each place that has a time, then for each of these, in order, the distance in seconds
    /// from noon (UTC) of its day as an integer of two bytes, little-endian; where that is too far, [`FAR`] and the
    /// seconds themselves, four bytes. A mark made on its day, as most are, takes two bytes instead of four, and a place
    /// without a mark takes one bit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; BITS];
        for (place, seconds) in self.0.iter().enumerate().filter(|(_, seconds)| **seconds > 0) {
            if let Some(bits) = bytes.get_mut(place / 8) {
                *bits |= 1 << (place % 8);
            }
            let near = i16::try_from(i64::from(*seconds) - noon(place)).ok().filter(|near| *near != FAR);
            bytes.extend(near.unwrap_or(FAR).to_le_bytes());
            if near.is_none() {
                bytes.extend(seconds.to_le_bytes());
            }
        }
        if bytes.len() < 4 * SESSIONS {
            return bytes;
        }
        // The two forms are told apart by their length.
        self.0.iter().flat_map(|seconds| seconds.to_le_bytes()).collect()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (bits, mut rest) = bytes.split_at_checked(BITS)?;
        let mut entered = Self::default();
        for place in 0..8 * BITS {
            if bits.get(place / 8)? >> (place % 8) & 1 == 0 {
                continue;
            }
            let near = i16::from_le_bytes(*take(&mut rest)?);
            let seconds = if near == FAR {
                u32::from_le_bytes(*take(&mut rest)?)
            } else {
                u32::try_from(noon(place) + i64::from(near)).ok()?
            };
            // A bit past the year has no place, and one without seconds no meaning.
            if seconds == 0 || !entered.set(place, seconds) {
                return None;
            }
        }
        rest.is_empty().then_some(entered)
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
        let mut one = Entered::default();
        one.set(731, 365 * 86_400 + 30_000);
        let good = one.to_bytes();
        assert_eq!((good.len(), Entered::from_bytes(&good)), (94, Ok(one)));
        for bytes in [
            &good[..93],                                          // cut short
            &[good.as_slice(), &[0]].concat(),                    // something behind it
            &[&good[..91], &[0x10], &good[92..]].concat(),        // a bit past the year
            &[&good[..92], &FAR.to_le_bytes()].concat(),          // far, and no seconds
            &[&good[..92], &FAR.to_le_bytes(), &[0; 4]].concat(), // far, and none
            &[0; 91],
            &[0; 2927],
            &[0xFF; 2927],
        ] {
            assert_eq!(Entered::from_bytes(bytes), Err(StoredMarksError), "{} bytes", bytes.len());
        }
        assert_eq!(
            MinutesLate::from_bytes(&[1, 0, 5, 0, 1, 0, 6, 0]),
            Err(StoredMarksError),
            "one place twice"
        );
        assert_eq!(MinutesLate::from_bytes(&[0xDC, 2, 5, 0]), Err(StoredMarksError), "732 is no place");
    }

    #[test]
    fn times_are_packed_around_noon_and_read_in_the_form_before() {
        let year = |seconds: &dyn Fn(i64) -> i64| {
            let mut entered = Entered::default();
            for place in (0..SESSIONS).filter(|place| place / 2 % 7 < 5) {
                entered.set(place, u32::try_from(seconds(noon(place))).unwrap().max(1));
            }
            entered
        };
        for (seconds, length, why) in [
            (&(|noon: i64| noon - 11_000) as &dyn Fn(i64) -> i64, 92 + 2 * 524, "on the day"),
            (&|noon| noon + 32_767, 92 + 2 * 524, "nine hours after noon"),
            (&|noon| noon + 32_768, 2_928, "each of them later: packing gains nothing"),
        ] {
            let entered = year(seconds);
            let bytes = entered.to_bytes();
            assert_eq!(bytes.len(), length, "{why}");
            assert_eq!(Entered::from_bytes(&bytes).as_ref(), Ok(&entered), "{why}");
            let before: Vec<u8> = entered.0.iter().flat_map(|seconds| seconds.to_le_bytes()).collect();
            assert_eq!(Entered::from_bytes(&before), Ok(entered), "{why}");
        }
        assert_eq!(Entered::from_bytes(&Entered::default().to_bytes()), Ok(Entered::default()));
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
