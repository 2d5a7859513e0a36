//! The search for a sum or difference of figures that is of a few pupils: figures as rows of a matrix over the integers
//! of a prime, whose combinations are looked through kind of pupil by kind of pupil.

use super::{Figure, Of};
use std::collections::BTreeMap;
use uuid::Uuid;

const PRIME: u64 = 1_000_000_007;

/// Rows over pupils' coefficients, with the places of each kind of pupil and how many are of it.
pub(super) struct Search {
    places: Vec<Vec<usize>>,
    weights: Vec<usize>,
}

impl Search {
    /// Whether some sum or difference of the figures is of one pupil to `budget` pupils.
    pub(super) fn found(figures: &[Figure], budget: usize) -> bool {
        let mut by_pupil: BTreeMap<Uuid, BTreeMap<Of, Vec<bool>>> = BTreeMap::new();
        for (at, figure) in figures.iter().enumerate() {
            for (pupil, of) in figure {
                let columns = by_pupil.entry(*pupil).or_default();
                columns.entry(*of).or_insert_with(|| vec![false; figures.len()])[at] = true;
            }
        }
        let mut kinds: BTreeMap<Vec<Vec<bool>>, usize> = BTreeMap::new();
        for columns in by_pupil.into_values() {
            let mut columns: Vec<Vec<bool>> = columns.into_values().collect();
            // Coefficients of one pupil that always stand together are one.
            columns.sort();
            columns.dedup();
            *kinds.entry(columns).or_default() += 1;
        }
        let mut rows = vec![Vec::new(); figures.len()];
        let (mut places, mut weights, mut width) = (Vec::new(), Vec::new(), 0);
        for (columns, weight) in kinds {
            places.push((width..width + columns.len()).collect());
            weights.push(weight);
            width += columns.len();
            for column in columns {
                rows.iter_mut().zip(column).for_each(|(row, one)| row.push(u64::from(one)));
            }
        }
        let search = Self { places, weights };
        parts(reduced(rows)).into_iter().any(|rows| search.within(rows, &mut Vec::new(), budget))
    }

    /// Whether some combination of the rows is not zero and zero outside the chosen kinds of pupils and further ones
    /// within the budget: for each other kind it either vanishes there, or that kind is chosen too.
    fn within(&self, rows: Vec<Vec<u64>>, chosen: &mut Vec<usize>, budget: usize) -> bool {
        let touched = |kind: &usize| {
            !chosen.contains(kind)
                && self.places[*kind].iter().any(|place| rows.iter().any(|r| r[*place] != 0))
        };
        let Some(kind) = (0..self.places.len()).filter(touched).max_by_key(|kind| self.weights[*kind]) else {
            return rows.iter().any(|row| row.iter().any(|cell| *cell != 0));
        };
        if self.weights[kind] <= budget {
            chosen.push(kind);
            let found = self.within(rows.clone(), chosen, budget - self.weights[kind]);
            chosen.pop();
            if found {
                return true;
            }
        }
        self.within(vanishing(rows, &self.places[kind]), chosen, budget)
    }
}

/// The same space by as few rows as span it, each with a place that no other has.
fn reduced(mut rows: Vec<Vec<u64>>) -> Vec<Vec<u64>> {
    let mut done: Vec<Vec<u64>> = Vec::new();
    while let Some(mut row) = rows.pop() {
        let Some(place) = row.iter().position(|cell| *cell != 0) else { continue };
        let inverse = power(row[place], PRIME - 2);
        for cell in &mut row {
            *cell = *cell * inverse % PRIME;
        }
        for other in rows.iter_mut().chain(&mut done).filter(|other| other[place] != 0) {
            let factor = PRIME - other[place];
            other.iter_mut().zip(&row).for_each(|(cell, of_row)| *cell = (*cell + factor * of_row) % PRIME);
        }
        done.push(row);
    }
    done
}

fn power(base: u64, exponent: u64) -> u64 {
    let half = |exponent| power(base * base % PRIME, exponent);
    match exponent {
        0 => 1,
        odd if odd % 2 == 1 => base * half(odd / 2) % PRIME,
        even => half(even / 2),
    }
}

/// Rows that have no place in common with others stand apart: what is found of the whole is found of a part.
fn parts(mut rows: Vec<Vec<u64>>) -> Vec<Vec<Vec<u64>>> {
    let meet = |a: &Vec<u64>, b: &Vec<u64>| a.iter().zip(b).any(|(a, b)| *a != 0 && *b != 0);
    let mut parts = Vec::new();
    while let Some(row) = rows.pop() {
        let mut part = vec![row];
        while let Some(at) = rows.iter().position(|row| part.iter().any(|of_part| meet(of_part, row))) {
            part.push(rows.swap_remove(at));
        }
        parts.push(part);
    }
    parts
}

/// The combinations of the rows that are zero at the places.
fn vanishing(mut rows: Vec<Vec<u64>>, places: &[usize]) -> Vec<Vec<u64>> {
    for place in places {
        let Some(at) = rows.iter().position(|row| row[*place] != 0) else { continue };
        let pivot = rows.swap_remove(at);
        for row in rows.iter_mut().filter(|row| row[*place] != 0) {
            let (a, b) = (pivot[*place], row[*place]);
            for (cell, of_pivot) in row.iter_mut().zip(&pivot) {
                *cell = (*cell * a + (PRIME - b) * of_pivot % PRIME) % PRIME;
            }
        }
    }
    rows.retain(|row| row.iter().any(|cell| *cell != 0));
    rows
}
