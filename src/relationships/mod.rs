//! Who is tied to which child, now: read from live data into enums, booleans and ids.
//!
//! Never a name, a date or a mark, so it needs no permit; and it writes no table. What a tie is worth is policy.

mod bars;
mod behind;
mod cases;
mod conflicts;
mod enrolled;
mod finding;
mod many;
mod tied;
mod untied;

pub use bars::{Bar, EmergencyClaim, Whom, bars_on, bars_on_each, emergency, holders_of};
pub use behind::{Behind, behind};
pub use cases::{Case, cases_of};
pub use conflicts::{Conflict, conflicts_of};
pub use enrolled::{DualPlace, Enrolled, enrolled};
pub use finding::{
    Among, Candidate, Claimed, Fit, Hit, NamedChild, Sought, candidates, fitting, fitting_named, sought,
};
pub use many::{caseload, cases_of_each, enrolled_at, enrolled_of_each, on_roll, on_rolls_of};
pub use tied::{TiedBy, next_tied};
pub use untied::{Untied, untied_handles};
