//! Proves that sums over pupils cannot be taken apart: whatever is added to and subtracted from what, what comes out is
//! a figure of nobody or of at least so many pupils.
//!
//! Each figure is a row with a coefficient for each pupil; what can be worked out from several figures by adding and
//! subtracting is a row of the space that they span. The proof is that of a lower bound for the least weight of such a
//! space (Brouwer and Zimmermann): it takes disjoint sets of pupils of which each alone tells the rows apart. A row that
//! is a combination of `n` of the rows in a set's own form has `n` pupils of that set in it, at least. So combinations
//! of few are looked at one by one, and combinations of many have pupils enough in the sets taken together.
//!
//! What is not proved is not safe: the answer is then no, whether a small group was found or not. Arithmetic is modulo a
//! prime of 61 bits; a determinant of these small rows that the prime divides would have to be met by chance.

use std::collections::BTreeMap;

/// 2^61 - 1, a prime.
const PRIME: u64 = (1 << 61) - 1;
/// Combinations of so many rows are looked at one by one; of more only the sets speak.
const LOOKED_AT: usize = 2;

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    // 2^61 is 1 modulo the prime, so that the high part is added to the low one; neither has more than 61 bits.
    let part = |bits: u128| u64::try_from(bits & u128::from(PRIME)).unwrap_or(0);
    let sum = part(product) + part(product >> 61);
    if sum >= PRIME { sum - PRIME } else { sum }
}

const fn less(a: u64, b: u64) -> u64 {
    if a >= b { a - b } else { a + PRIME - b }
}

fn inverse(a: u64) -> u64 {
    let (mut power, mut base, mut left) = (1, a, PRIME - 2);
    while left > 0 {
        if left & 1 == 1 {
            power = times(power, base);
        }
        base = times(base, base);
        left >>= 1;
    }
    power
}

/// Rows of figures over the same pupils, `width` coefficients of 0 and 1 for each pupil.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    width: usize,
    rows: Vec<Vec<u8>>,
}

/// Pupils whom no row tells apart are one column.
struct Columns {
    width: usize,
    /// How many pupils a column stands for, as far as it matters.
    weights: Vec<usize>,
    rows: Vec<Vec<u64>>,
}

/// The rows in the form of one set of pupils: each has one of them that no other has, but the last `short` rows.
struct Form {
    rows: Vec<Vec<u64>>,
    short: usize,
}

impl Sums {
    /// No figure yet.
    pub(super) const fn of_width(width: usize) -> Self {
        Self { width, rows: Vec::new() }
    }

    /// Takes those of the candidates that can be told together with what is there, in their order; says which.
    pub(super) fn accept(&mut self, candidates: &[Vec<u8>], least: usize) -> Vec<bool> {
        let all = self.rows.len();
        self.rows.extend_from_slice(candidates);
        if candidates.is_empty() || self.is_proved(least) {
            return vec![true; candidates.len()];
        }
        self.rows.truncate(all);
        if candidates.len() == 1 {
            return vec![false];
        }
        let (first, second) = candidates.split_at(candidates.len() / 2);
        let mut accepted = self.accept(first, least);
        accepted.extend(self.accept(second, least));
        accepted
    }

    /// Adds what has been told already, whatever it tells.
    pub(super) fn told(&mut self, row: Vec<u8>) {
        self.rows.push(row);
    }

    /// Whether every combination of the rows that is not zero has at least `least` pupils in it.
    pub(super) fn is_proved(&self, least: usize) -> bool {
        let columns = self.columns(least);
        let rank = columns.rows.len();
        if rank == 0 || least <= 1 {
            return true;
        }
        let forms = forms(&columns, least);
        let bound = |looked: usize| forms.iter().map(|f| (looked + 1).saturating_sub(f.short)).sum::<usize>();
        let Some(looked) = (0..=LOOKED_AT).find(|looked| bound(*looked) >= least) else { return false };
        forms.iter().all(|form| {
            (looked < 1 || form.rows.iter().all(|row| columns.weight(row) >= least))
                && (looked < 2 || pairs_are_heavy(&columns, form, least))
        })
    }

    /// Joins pupils alike, and leaves rows that others make up out.
    fn columns(&self, least: usize) -> Columns {
        let pupils = self.rows.iter().map(Vec::len).max().unwrap_or(0) / self.width;
        let mut kinds: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for pupil in 0..pupils {
            let cells = pupil * self.width..(pupil + 1) * self.width;
            let pattern: Vec<u8> = self
                .rows
                .iter()
                .flat_map(|row| row.get(cells.clone()).unwrap_or_default())
                .copied()
                .collect();
            if pattern.iter().any(|cell| *cell != 0) {
                *kinds.entry(pattern).or_default() += 1;
            }
        }
        let mut rows = vec![Vec::with_capacity(kinds.len() * self.width); self.rows.len()];
        for pattern in kinds.keys() {
            for (row, cells) in rows.iter_mut().zip(pattern.chunks(self.width)) {
                row.extend(cells.iter().map(|cell| u64::from(*cell)));
            }
        }
        let weights = kinds.values().map(|count| (*count).min(least)).collect();
        let mut columns = Columns { width: self.width, weights, rows };
        let order: Vec<usize> = (0..columns.weights.len()).collect();
        let found = reduce(&mut columns.rows, &order, self.width, &vec![usize::MAX; columns.weights.len()]);
        columns.rows.truncate(found.len());
        columns
    }
}

impl Columns {
    /// Pupils in a row, each column counted up to the least number that matters.
    fn weight(&self, row: &[u64]) -> usize {
        row.chunks(self.width)
            .zip(&self.weights)
            .filter(|(cells, _)| cells.iter().any(|cell| *cell != 0))
            .map(|(_, weight)| weight)
            .sum()
    }
}

/// Brings rows into the form of a set of pupils, taken column by column in `order` while copies are left; gives the
/// columns taken, one for each row from the first on.
fn reduce(rows: &mut [Vec<u64>], order: &[usize], width: usize, copies: &[usize]) -> Vec<usize> {
    let mut taken: Vec<usize> = Vec::new();
    for column in order {
        let mut left = copies.get(*column).copied().unwrap_or(0);
        for cell in column * width..(column + 1) * width {
            if left == 0 || taken.len() == rows.len() {
                break;
            }
            let at = |row: &Vec<u64>| row.get(cell).copied().unwrap_or(0);
            let Some(found) = rows.iter().skip(taken.len()).position(|row| at(row) != 0) else { continue };
            rows.swap(taken.len(), taken.len() + found);
            clear_cell(rows, taken.len(), cell);
            taken.push(*column);
            left -= 1;
        }
    }
    taken
}

/// Makes the cell 1 in one row and 0 in all others.
fn clear_cell(rows: &mut [Vec<u64>], pivot: usize, cell: usize) {
    let Some(row) = rows.get_mut(pivot) else { return };
    let factor = inverse(row.get(cell).copied().unwrap_or(1));
    for cell in row.iter_mut() {
        *cell = times(*cell, factor);
    }
    let pivot_row = row.clone();
    for (index, row) in rows.iter_mut().enumerate() {
        let factor = row.get(cell).copied().unwrap_or(0);
        if index != pivot && factor != 0 {
            for (cell, of_pivot) in row.iter_mut().zip(&pivot_row) {
                if *of_pivot != 0 {
                    *cell = less(*cell, times(*of_pivot, factor));
                }
            }
        }
    }
}

/// Disjoint sets of pupils, each with the rows in its form, until there are sets enough or pupils no more.
fn forms(columns: &Columns, least: usize) -> Vec<Form> {
    let mut copies = columns.weights.clone();
    let mut forms = Vec::new();
    while forms.len() < least {
        let mut order: Vec<usize> = (0..copies.len()).collect();
        // Pupils like many others first, so that the rare ones are left for the sets that need them.
        order.sort_by_key(|column| std::cmp::Reverse(copies.get(*column).copied()));
        let mut rows = columns.rows.clone();
        let taken = reduce(&mut rows, &order, columns.width, &copies);
        if taken.is_empty() {
            break;
        }
        for column in &taken {
            copies.iter_mut().skip(*column).take(1).for_each(|left| *left -= 1);
        }
        let short = rows.len() - taken.len();
        forms.push(Form { rows, short });
    }
    forms
}

/// Whether every combination of two rows has enough pupils in it, whatever the factor.
fn pairs_are_heavy(columns: &Columns, form: &Form, least: usize) -> bool {
    let inverses: Vec<Vec<u64>> = form
        .rows
        .iter()
        .map(|row| row.iter().map(|c| if *c == 0 { 0 } else { inverse(*c) }).collect())
        .collect();
    form.rows.iter().enumerate().all(|(index, first)| {
        let others = form.rows.iter().zip(&inverses).skip(index + 1);
        others
            .into_iter()
            .all(|(second, inverses)| pair_weight(columns, first, (second, inverses), least) >= least)
    })
}

/// The fewest pupils in `first - factor * second` over all factors but 0; anything from `least` on is enough.
fn pair_weight(
    columns: &Columns,
    first: &[u64],
    (second, inverses): (&[u64], &[u64]),
    least: usize,
) -> usize {
    let width = columns.width;
    let mut kept = 0;
    let mut falls: BTreeMap<u64, usize> = BTreeMap::new();
    let cells = first.chunks(width).zip(second.chunks(width)).zip(inverses.chunks(width));
    for (((a, b), inverses), weight) in cells.zip(&columns.weights) {
        if a.iter().chain(b).all(|cell| *cell == 0) {
            continue;
        }
        match factor(a, b, inverses) {
            Some(factor) => *falls.entry(factor).or_default() += weight,
            None => kept += weight,
        }
        if kept >= least {
            return kept;
        }
    }
    let together: usize = falls.values().sum();
    kept + together - falls.values().copied().max().unwrap_or(0)
}

/// The one factor with which a pupil falls out of the difference, if there is one.
fn factor(a: &[u64], b: &[u64], inverses: &[u64]) -> Option<u64> {
    let mut found = None;
    for ((a, b), inverse) in a.iter().zip(b).zip(inverses) {
        match (*a, *b) {
            (0, 0) => {}
            (0, _) | (_, 0) => return None,
            _ => {
                let factor = times(*a, *inverse);
                if found.is_some_and(|known| known != factor) {
                    return None;
                }
                found = Some(factor);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row with ones at the given places of a school of 40.
    fn row(places: impl IntoIterator<Item = usize>) -> Vec<u8> {
        let mut row = vec![0; 40];
        places.into_iter().for_each(|place| row[place] = 1);
        row
    }

    fn proved(rows: &[Vec<u8>], least: usize) -> bool {
        let mut sums = Sums::of_width(1);
        for row in rows {
            sums.told(row.clone());
        }
        sums.is_proved(least)
    }

    #[test]
    fn a_difference_is_seen() {
        assert!(proved(&[], 5) && proved(&[row([])], 5));
        assert!(proved(&[row(0..40), row(0..10)], 5));
        assert!(!proved(&[row(0..40), row(0..37)], 5), "three are the rest");
        assert!(!proved(&[row(0..40), row(0..37)], 4) && proved(&[row(0..40), row(0..37)], 3));
        assert!(!proved(&[row(0..4)], 5));
        assert!(!proved(&[row(0..12), row(2..13)], 5), "two out and one in are three");
        assert!(proved(&[row(0..12), row(3..15)], 5), "three out and three in are six");
    }

    #[test]
    fn a_rest_over_overlapping_breakdowns_is_seen() {
        // Three years, and a cohort that is one year but for two pupils.
        let years = [row(0..40), row(0..14), row(14..27), row(27..40)];
        assert!(proved(&years, 5) && proved(&years, 10));
        let with = |cohort: Vec<u8>| [years.as_slice(), &[cohort]].concat();
        assert!(!proved(&with(row(2..14)), 5));
        assert!(proved(&with(row((0..6).chain(14..20))), 5));
        // Two cohorts that are two years together, but for three pupils.
        let cohorts = [row((0..7).chain(14..20)), row((7..12).chain(20..26))];
        assert!(!proved(&[years.as_slice(), &cohorts].concat(), 5));
    }

    #[test]
    fn the_next_smallest_goes_with_the_small_one() {
        // Years of 20, 14 and 6: the last is below ten, so that another may not stand beside the total either.
        let mut sums = Sums::of_width(1);
        let told = sums.accept(&[row(0..40), row(0..20), row(20..34)], 10);
        assert_eq!(told, [true, true, false]);
    }

    #[test]
    fn a_pupil_with_two_figures_is_one_pupil() {
        // Absences with and without leave of ten pupils, both of each of four of them in a smaller group.
        let mut sums = Sums::of_width(2);
        let all: Vec<u8> = (0..10).flat_map(|_| [1, 1]).collect();
        let unauthorised: Vec<u8> = (0..10).flat_map(|_| [0, 1]).collect();
        let six: Vec<u8> = (0..10).flat_map(|pupil| if pupil < 6 { [1, 1] } else { [0, 0] }).collect();
        assert_eq!(sums.accept(&[all, unauthorised], 5), [true, true]);
        assert_eq!(sums.accept(&[six], 5), [false], "four pupils with eight figures are four");
    }
}
