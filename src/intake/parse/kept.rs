//! What is kept of rejected rows, shared out among the schools that they are of: a file may have more than can be held,
//! and the many of one school must not take the room of the few of another.
//!
//! Everything is kept while there is room. From then on a school with less takes the place of the last of the one with
//! most, so that each has at least an equal share of the room, in the order of its rows.

use std::collections::{BTreeMap, BTreeSet};

/// What was wrong with rows, up to so many things, each under the key of its school.
pub(in crate::intake) struct Kept<K, E> {
    max: usize,
    held: usize,
    of: BTreeMap<K, OfOne<E>>,
    /// Each key by how much is held of it.
    by_size: BTreeSet<(usize, K)>,
}

/// What is kept of the rows of one key.
pub(in crate::intake) struct OfOne<E> {
    /// What was wrong with each row, in their order.
    rows: Vec<Vec<E>>,
    held: usize,
    /// Rows of which nothing is kept.
    pub(in crate::intake) rows_left_out: usize,
    /// Things wrong that were only counted.
    pub(in crate::intake) errors_left_out: usize,
}

impl<E> OfOne<E> {
    /// What was wrong, in the order of the rows.
    pub(in crate::intake) fn into_errors(self) -> Vec<E> {
        self.rows.into_iter().flatten().collect()
    }
}

impl<K: Ord + Copy, E> Kept<K, E> {
    /// Nothing yet, with room for so many things.
    pub(in crate::intake) fn new(max: usize) -> Self {
        Self { max, held: 0, of: BTreeMap::new(), by_size: BTreeSet::new() }
    }

    /// Whether there is room for whatever comes.
    pub(in crate::intake) fn has_room(&self) -> bool {
        self.held < self.max
    }

    /// Whether another row of a key would be kept.
    pub(in crate::intake) fn takes(&self, key: K) -> bool {
        self.has_room() || self.fullest_but(key).is_some()
    }

    /// Keeps what is wrong with one row, or as much of it as there is room for; the rest is counted.
    pub(in crate::intake) fn keep(&mut self, key: K, mut errors: Vec<E>) {
        if errors.is_empty() {
            return;
        }
        if !self.has_room()
            && let Some(other) = self.fullest_but(key)
        {
            self.drop_last(other);
        }
        let room = self.max - self.held;
        let before = self.held_of(key);
        let one = self.of.entry(key).or_insert_with(OfOne::nothing);
        if room == 0 {
            one.rows_left_out += 1;
            one.errors_left_out += errors.len();
            return;
        }
        one.errors_left_out += errors.len().saturating_sub(room);
        errors.truncate(room);
        self.held += errors.len();
        one.held += errors.len();
        let now = one.held;
        one.rows.push(errors);
        self.by_size.remove(&(before, key));
        self.by_size.insert((now, key));
    }

    /// Counts a row of which nothing is kept, and how much was wrong with it.
    pub(in crate::intake) fn count(&mut self, key: K, rows: usize, errors: usize) {
        let one = self.of.entry(key).or_insert_with(OfOne::nothing);
        one.rows_left_out += rows;
        one.errors_left_out += errors;
    }

    /// What there is of each key.
    pub(in crate::intake) fn into_parts(self) -> BTreeMap<K, OfOne<E>> {
        self.of
    }

    fn held_of(&self, key: K) -> usize {
        self.of.get(&key).map_or(0, |one| one.held)
    }

    /// The key of which most is held, where that is more than another row would make of this one.
    fn fullest_but(&self, key: K) -> Option<K> {
        let (most, fullest) = self.by_size.last()?;
        (*fullest != key && *most > self.held_of(key) + 1).then_some(*fullest)
    }

    fn drop_last(&mut self, key: K) {
        let Some(one) = self.of.get_mut(&key) else { return };
        let Some(errors) = one.rows.pop() else { return };
        one.rows_left_out += 1;
        one.errors_left_out += errors.len();
        self.by_size.remove(&(one.held, key));
        one.held -= errors.len();
        self.held -= errors.len();
        self.by_size.insert((one.held, key));
    }
}

impl<E> OfOne<E> {
    fn nothing() -> Self {
        Self { rows: Vec::new(), held: 0, rows_left_out: 0, errors_left_out: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rows of each key that are kept, and how many are not.
    fn shares(max: usize, rows: &[(u8, usize)]) -> Vec<(u8, Vec<usize>, usize)> {
        let mut kept = Kept::new(max);
        for (at, (key, errors)) in rows.iter().enumerate() {
            kept.keep(*key, vec![at; *errors]);
        }
        let parts = kept.into_parts().into_iter();
        parts
            .map(|(key, one)| {
                let left = one.rows_left_out;
                let mut rows = one.into_errors();
                rows.dedup();
                (key, rows, left)
            })
            .collect()
    }

    #[test]
    fn the_many_of_one_leave_room_for_the_few_of_another() {
        let mut rows = vec![(1, 1); 100];
        rows.extend([(2, 1); 3]);
        rows.extend([(3, 1); 50]);
        let all = shares(10, &rows);
        assert_eq!(all[0], (1, vec![0, 1, 2, 3], 96));
        assert_eq!(all[1], (2, vec![100, 101, 102], 0), "all three of them");
        assert_eq!(all[2], (3, vec![103, 104, 105], 47));
        // A row with much wrong is kept as far as there is room.
        assert_eq!(shares(5, &[(1, 3), (1, 4), (1, 1)]), [(1, vec![0, 1], 1)]);
        assert_eq!(shares(0, &[(1, 1), (2, 1)]), [(1, vec![], 1), (2, vec![], 1)]);
    }

    proptest! {
        /// Never more than there is room for; each key has its first rows, and either all of them or its share.
        #[test]
        fn each_has_its_share(max in 1_usize..40, rows in prop::collection::vec(0_u8..5, 0..200)) {
            let ones: Vec<(u8, usize)> = rows.iter().map(|key| (*key, 1)).collect();
            let all = shares(max, &ones);
            prop_assert!(all.iter().map(|(_, kept, _)| kept.len()).sum::<usize>() <= max);
            for (key, kept, left) in &all {
                let own: Vec<usize> = (0..rows.len()).filter(|at| rows[*at] == *key).collect();
                prop_assert_eq!(own.len(), kept.len() + left);
                prop_assert_eq!(&own[..kept.len()], &kept[..]);
                prop_assert!(*left == 0 || kept.len() >= max / all.len());
            }
        }
    }
}
