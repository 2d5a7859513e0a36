//! Exampleshire: schools, calendars, rolls and marks drawn from a seed.
//!
//! It is generated as a school's own system would hold it and leaves only as files (see [`crate::demo::files`]); it
//! never writes to a database.

mod calendar;
mod cast;
mod marks;
mod names;
mod roll;
mod schools;

pub use calendar::{Calendar, Day, Session};
pub use cast::{Cast, Place};
pub use marks::{Amendment, Mark};
pub use roll::{Child, Enrolment, Pattern};
pub use schools::School;

use chrono::NaiveDate;

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The same seed gives the same authority.
    pub seed: u64,
    /// The last day of the data, London.
    pub today: NaiveDate,
    /// Schools; 2 to 200.
    pub schools: usize,
    /// Children on roll today; at least 60 a school.
    pub pupils: usize,
}

impl Options {
    /// The default size: 3 schools, 600 pupils.
    pub const fn new(seed: u64, today: NaiveDate) -> Self {
        Self { seed, today, schools: 3, pupils: 600 }
    }
}

/// The synthetic authority.
#[derive(Clone, Debug)]
pub struct Authority {
    /// What it was generated from, within its limits.
    pub options: Options,
    /// Three digits; no authority has this number.
    pub la_code: &'static str,
    /// As published.
    pub name: &'static str,
    /// In order of their reference numbers.
    pub schools: Vec<School>,
    /// The awkward, by name.
    pub cast: Cast,
}

impl Authority {
    /// Generates the authority; a size outside the limits of [`Options`] is moved to the nearest one inside.
    pub fn generate(options: Options) -> Self {
        let count = options.schools.clamp(2, 200);
        let options = Options { schools: count, pupils: options.pupils.max(60 * count), ..options };
        let mut roll = roll::Roll::new(options.seed, options.today);
        let mut schools = Vec::with_capacity(count);
        for (index, (mut school, size)) in schools::schools(&options).into_iter().enumerate() {
            roll.fill(&mut school, index, size);
            schools.push(school);
        }
        let cast = cast::cast(&mut schools, options.seed, options.today);
        Self { options, la_code: "999", name: "Exampleshire County Council", schools, cast }
    }

    /// Every mark of an enrolment of a school, in order of date and session. Drawn anew each time, from a stream of the
    /// enrolment's own: those of a whole authority would not fit into memory.
    pub fn marks(&self, school: &School, enrolment: &Enrolment) -> Vec<Mark> {
        marks::draw(enrolment, school, self.options.seed, self.options.today)
    }

    /// The enrolment at a place.
    pub fn enrolment(&self, place: Place) -> Option<&Enrolment> {
        self.schools.get(place.school)?.enrolments.get(place.position)
    }
}

#[cfg(test)]
mod tests;
