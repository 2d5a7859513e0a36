//! intake

pub mod parse;
