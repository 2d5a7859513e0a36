//! A school's figures: the school, its year groups and its cohorts.
//!
//! Its own staff see every group as it is. Outsiders, that is the authority to which its returns come, get half terms
//! that have ended, counted once, without small groups and without anything from which one could be worked out; so does
//! everybody at the school but the safeguarding lead for the cohort of children with a social worker.

mod answer;
mod counted;
mod http;
mod live;
mod outsiders;
mod publish;
mod storage;

pub use answer::SchoolFiguresAnswer;
pub use http::{__path_read_school_figures, read_school_figures};
pub use publish::expire_half_terms;
