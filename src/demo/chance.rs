//! Repeatable chance: the same seed gives the same draws on every machine and in every release.
//!
//! A library's generator may change its stream between versions, and with it every figure of the demonstration; this
//! one (`SplitMix64`, Steele, Lea and Flood 2014) is fixed here. It must never make a key, a token or a handle.

/// A stream of draws from one seed.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A stream that depends on the seed and on what it is for, so that one more draw for one thing moves no other.
    pub fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a keeps streams for different purposes apart.
        let mixed = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(mixed ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from zero up to, and without, `end`; zero when `end` is zero. The bias is below one in 2^40.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        let draw = self.bits().checked_rem(end).unwrap_or(0);
        usize::try_from(draw).unwrap_or(0)
    }

    /// True `per_mille` times in a thousand.
    pub fn per_mille(&mut self, per_mille: usize) -> bool {
        self.below(1000) < per_mille
    }

    /// One of the list; `None` when it is empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }

    /// One word of the list; empty when the list is.
    pub fn word(&mut self, list: &[&'static str]) -> &'static str {
        self.pick(list).copied().unwrap_or_default()
    }

    /// The index of one weight, as often as its weight says.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut draw = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if draw < *weight {
                return index;
            }
            draw -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_fixed_for_ever() {
        // The published SplitMix64 vector for state 1234567.
        let mut chance = Chance(1_234_567);
        assert_eq!(chance.bits(), 6_457_827_717_110_365_317);
        assert_eq!(chance.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn weights_are_kept_and_purposes_are_apart() {
        let mut chance = Chance::new(1, "weights");
        let mut counts = [0_usize; 3];
        for _ in 0..30_000 {
            counts[chance.weighted(&[1, 0, 2])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((9_400..10_600).contains(&counts[0]), "{counts:?}");
        assert_ne!(Chance::new(1, "a").bits(), Chance::new(1, "b").bits());
        assert_ne!(Chance::new(1, "a").bits(), Chance::new(2, "a").bits());
    }
}
