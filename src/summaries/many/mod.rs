//! Answers for many: an agency's caseload line by line, or an authority's own area, streamed.
//!
//! Each line says of a child what the answer about it alone would say at the same moment, byte for byte; whatever would be
//! refused there is one and the same line here. Nothing is held for a slow reader but one step's lines.

mod answering;
mod asked;
mod http;

pub use asked::LineBody;
pub use http::{__path_read_many_summaries, ManyAnswer, Streams, read_many_summaries};
