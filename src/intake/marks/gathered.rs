//! What a file of marks brings for one school, packed: memory grows with the children in it, not with its rows.
//!
//! Nothing is decided here. Every different row of a session is kept, so that holding the file against what stands, once
//! or again after another upload came first, gives the same as holding each row against it. A row that repeats another
//! exactly brings nothing and is only counted.

use super::super::parse::{CellFault, MarkRow};
use super::place::{Placed, Placing};
use crate::domain::attendance::{Code, Entered, Mark, MinutesLate, PackedYear};
use crate::domain::calendar::SchoolYear;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most rows of one file that may tell what no other does beside a mark (an original, a reason or a name), or are
/// another mark of the same session. Only these take memory by the row, about a hundred bytes each.
const DETAILS_MAX: usize = 4_000_000;

/// The marks of one school in a file.
pub(in crate::intake) struct Gathered {
    pub(super) placing: Placing,
    pub(super) pupils: Vec<Vec<BroughtYear>>,
    /// Rows that repeat another of the file.
    pub(super) repeated: usize,
    /// Such rows of all schools of the file.
    details: Arc<AtomicUsize>,
    texts: HashSet<Arc<str>>,
    tolds: HashSet<Arc<Told>>,
}

/// One enrolment's school year as the file brings it.
pub(super) struct BroughtYear {
    pub(super) year: SchoolYear,
    codes: PackedYear,
    /// Empty at a mark without a time of its own.
    entered: Entered,
    minutes: MinutesLate,
    told: BTreeMap<u16, Arc<Told>>,
    /// Further rows of sessions that have one already.
    more: BTreeMap<u16, BTreeSet<Brought>>,
}

/// One row: a mark, and what the row tells of it. Ordered as marks of one session rank: by time, code and minutes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Brought {
    /// Seconds since 1 August; none where the row has no time and that of receipt is taken.
    pub(super) entered: Option<u32>,
    pub(super) code: Code,
    pub(super) minutes_late: Option<u16>,
    pub(super) told: Option<Arc<Told>>,
}

/// What a row tells beside the mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Told {
    pub(super) amended_from: Option<Arc<str>>,
    pub(super) reason: Option<Arc<str>>,
    pub(super) amended_by: Option<Arc<str>>,
}

impl Gathered {
    /// Nothing yet; `details` counts for all schools of the file.
    pub(in crate::intake) fn new(placing: Placing, details: Arc<AtomicUsize>) -> Self {
        let pupils = std::iter::repeat_with(Vec::new).take(placing.pupils()).collect();
        Self { placing, pupils, repeated: 0, details, texts: HashSet::new(), tolds: HashSet::new() }
    }

    /// Takes a row, or says which cell keeps it from standing.
    pub(in crate::intake) fn take(&mut self, row: &MarkRow<'_>) -> Result<(), CellFault> {
        let placed = self.placing.place(row)?;
        let Placed { pupil, year, session, code } = placed;
        let told = self.told(row)?;
        let full = self.is_full();
        let entered = row.recorded_at.map(|at| Mark::new(year, code, at, None).entered);
        let brought = Brought { entered, code, minutes_late: row.minutes_late, told };
        let Some(years) = self.pupils.get_mut(pupil) else { return Ok(()) };
        let known = years.iter().position(|brought| brought.year == year);
        let index = known.unwrap_or(years.len());
        if known.is_none() {
            years.push(BroughtYear::new(year));
        }
        let Some(of_year) = years.get_mut(index) else { return Ok(()) };
        let detailed = match of_year.first(session) {
            None => {
                of_year.put(session, brought);
                false
            }
            Some(first) if first == brought || of_year.has_more(session, &brought) => {
                self.repeated += 1;
                false
            }
            Some(_) if of_year.contradicts(session, &brought) => return Err(says_two_things()),
            Some(_) if full => return Err(too_many()),
            Some(_) => of_year.more.entry(session).or_default().insert(brought),
        };
        self.details.fetch_add(usize::from(detailed), Ordering::Relaxed);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.details.load(Ordering::Relaxed) >= DETAILS_MAX
    }

    /// Reasons and names repeat from row to row: each text is kept once, and so is what is told by the same ones.
    fn told(&mut self, row: &MarkRow<'_>) -> Result<Option<Arc<Told>>, CellFault> {
        if row.amended_from.is_none() && row.reason.is_none() && row.amended_by.is_none() {
            return Ok(None);
        }
        let text = |text: Option<&str>| {
            text.map(|text| self.texts.get(text).cloned().unwrap_or_else(|| text.into()))
        };
        let told = Told {
            amended_from: text(row.amended_from),
            reason: text(row.reason),
            amended_by: text(row.amended_by),
        };
        if let Some(known) = self.tolds.get(&told) {
            return Ok(Some(Arc::clone(known)));
        }
        if self.is_full() {
            return Err(too_many());
        }
        self.texts
            .extend([&told.amended_from, &told.reason, &told.amended_by].into_iter().flatten().cloned());
        let told = Arc::new(told);
        self.tolds.insert(Arc::clone(&told));
        self.details.fetch_add(1, Ordering::Relaxed);
        Ok(Some(told))
    }
}

impl BroughtYear {
    fn new(year: SchoolYear) -> Self {
        Self {
            year,
            codes: PackedYear::EMPTY,
            entered: Entered::default(),
            minutes: MinutesLate::default(),
            told: BTreeMap::new(),
            more: BTreeMap::new(),
        }
    }

    fn first(&self, session: u16) -> Option<Brought> {
        let at = usize::from(session);
        self.codes.get(at).map(|code| Brought {
            entered: self.entered.get(at),
            code,
            minutes_late: self.minutes.get(at),
            told: self.told.get(&session).cloned(),
        })
    }

    fn put(&mut self, session: u16, brought: Brought) {
        let at = usize::from(session);
        self.codes.set(at, brought.code);
        self.entered.set(at, brought.entered.unwrap_or(0));
        if brought.minutes_late.is_some() {
            self.minutes.set(at, brought.minutes_late);
        }
        if let Some(told) = brought.told {
            self.told.insert(session, told);
        }
    }

    fn has_more(&self, session: u16, brought: &Brought) -> bool {
        self.more.get(&session).is_some_and(|rows| rows.contains(brought))
    }

    /// Whether two marks of a session say different things and neither says when it was recorded: nothing tells which of
    /// the two is meant.
    fn contradicts(&self, session: u16, brought: &Brought) -> bool {
        let says = |row: &Brought| (row.code, row.minutes_late);
        let other = |row: &Brought| row.entered.is_none() && says(row) != says(brought);
        // Of those that were taken without a time all say the same, and they come first.
        let more = self.more.get(&session).and_then(BTreeSet::first);
        brought.entered.is_none()
            && (self.first(session).as_ref().is_some_and(other) || more.is_some_and(other))
    }

    /// Gives every session that has a mark, with its rows in the order of their rank.
    pub(super) fn each(&self, mut take: impl FnMut(usize, &[Brought])) {
        let mut rows = Vec::new();
        for (at, _) in self.codes.iter() {
            let Ok(session) = u16::try_from(at) else { continue };
            rows.clear();
            rows.extend(self.first(session));
            if let Some(more) = self.more.get(&session) {
                rows.extend(more.iter().cloned());
                rows.sort_unstable();
            }
            take(at, &rows);
        }
    }
}

fn says_two_things() -> CellFault {
    let message = "is in the file twice for this session and says two things, of which the first was taken; keep the one \
                   that is right, or send when each was recorded";
    CellFault::new("code", message)
}

fn too_many() -> CellFault {
    let message = format!(
        "is one of more than {DETAILS_MAX} marks with a reason or name of its own, or another mark of the same session; send the \
         file in parts"
    );
    CellFault::new("code", message)
}
