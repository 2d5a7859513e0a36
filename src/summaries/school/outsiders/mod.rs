//! What outsiders are given of a school, and why nothing of a small group can be worked out from it.

pub(super) mod half_terms;
mod proof;

#[cfg(test)]
mod attack;
