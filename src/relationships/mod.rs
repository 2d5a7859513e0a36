//! Who is tied to which child, now: read from live data into enums, booleans and ids.
//!
//! Never a name, a date or a mark, so it needs no permit; and it writes no table. What a tie is worth is policy.

mod behind;
mod cases;
mod enrolled;
mod finding;
mod many;
mod tied;
mod untied;

pub use behind::{Behind, behind};
pub use cases::{Case, cases_of};
pub use enrolled::{DualPlace, Enrolled, enrolled};
pub use finding::{Among, Claimed, Fit, Hit, Sought, fitting, sought};
pub use many::{cases_of_each, enrolled_at, enrolled_of_each};
pub use tied::{TiedBy, next_tied};
pub use untied::{Untied, untied_handles};
