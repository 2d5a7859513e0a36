//! The sets that each code belongs to, as bits, so that a walk over a year looks them up once a session.

use super::{Class, Code};

/// Sets of codes as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sets(u16);

impl Sets {
    /// No mark, or in none of the sets below.
    pub(super) const NONE: Self = Self(0);
    /// Counts as a session that the pupil could have attended.
    pub(super) const POSSIBLE: Self = Self(1);
    /// Missed, with authority or without.
    pub(super) const MISSED: Self = Self(1 << 1);
    /// Sickness.
    pub(super) const ILLNESS: Self = Self(1 << 2);
    /// The attendance return's ten-day limb.
    pub(super) const TEN_DAY: Self = Self(1 << 3);
    /// Counts towards a penalty notice.
    pub(super) const PENALTY: Self = Self(1 << 4);
    /// The school itself saw the child.
    pub(super) const SEEN: Self = Self(1 << 5);
    /// Another place reported the child.
    pub(super) const ELSEWHERE: Self = Self(1 << 6);
    /// No reason, or none that could be found out: N and O.
    pub(super) const UNEXPLAINED: Self = Self(1 << 7);
    /// Nobody was to come.
    pub(super) const NOBODY: Self = Self(1 << 8);
    /// This pupil was not to come: X, and all of [`Sets::NOBODY`].
    pub(super) const NOT_TO_COME: Self = Self(1 << 9);
    /// This pupil was not to come here: X, C2, D, and all of [`Sets::NOBODY`].
    pub(super) const NOT_EXPECTED: Self = Self(1 << 11);
    /// Late, before the register closed or after it: L and U.
    pub(super) const LATE: Self = Self(1 << 10);

    /// The sets of a stored byte; 0, which is no mark, is in none.
    pub(super) fn of_byte(byte: u8) -> Self {
        OF_BYTES.get(usize::from(byte)).copied().unwrap_or(Self::NONE)
    }

    /// Whether the code is in any of these sets.
    pub(super) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    const fn with(self, set: Self, belongs: bool) -> Self {
        if belongs { Self(self.0 | set.0) } else { self }
    }

    const fn of(code: Code) -> Self {
        let class = code.class();
        let unexplained = matches!(code, Code::N | Code::O);
        let nobody = code.nobody_was_to_come();
        Self::NONE
            .with(Self::POSSIBLE, class.possible())
            .with(Self::MISSED, class.missed())
            .with(Self::ILLNESS, code.illness())
            .with(Self::TEN_DAY, code.ten_day_return())
            .with(Self::PENALTY, code.penalty_notice())
            .with(Self::SEEN, code.seen_at_school())
            .with(Self::ELSEWHERE, code.reported_elsewhere())
            .with(Self::UNEXPLAINED, unexplained)
            .with(Self::NOBODY, nobody)
            .with(Self::NOT_TO_COME, nobody || matches!(code, Code::X))
            .with(Self::NOT_EXPECTED, nobody || matches!(code, Code::X | Code::C2 | Code::D))
            .with(Self::LATE, matches!(class, Class::Late) || matches!(code, Code::U))
    }
}

static OF_BYTES: [Sets; 256] = table();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "constant evaluation over 0..256 only"
)]
const fn table() -> [Sets; 256] {
    let mut table = [Sets::NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(code) = Code::from_byte(byte as u8) {
            table[byte] = Sets::of(code);
        }
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_is_the_codes_own() {
        let held = |set: Sets| {
            let codes = Code::ALL.iter().filter(|c| Sets::of_byte(c.byte()).any(set));
            codes.map(|c| c.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(held(Sets::TEN_DAY), "G N O U", "SI 2024/208 reg 13(7)(b)");
        assert_eq!(held(Sets::PENALTY), "G N O U", "SI 2007/1867 reg 9A");
        assert_eq!(held(Sets::SEEN), "/ \\ L U");
        assert_eq!(held(Sets::ELSEWHERE), "K V P W B");
        assert_eq!(held(Sets::UNEXPLAINED), "N O", "SI 2024/208 reg 10(7) to (9)");
        assert_eq!(held(Sets::NOBODY), "Y4 Z #");
        assert_eq!(held(Sets::NOT_TO_COME), "X Y4 Z #");
        assert_eq!(held(Sets::NOT_EXPECTED), "X C2 D Y4 Z #");
        assert_eq!(held(Sets::LATE), "L U");
        assert_eq!(held(Sets::ILLNESS), "I I01 I02");
        assert_eq!(held(Sets::MISSED), "C1 M J1 S C2 C T R I E G N O U H I01 I02");
        assert_eq!(held(Sets::POSSIBLE), "/ \\ L K V P W B C1 M J1 S C2 C T R I E G N O U H J I01 I02");
        assert_eq!(Sets::of_byte(0), Sets::NONE);
    }
}
