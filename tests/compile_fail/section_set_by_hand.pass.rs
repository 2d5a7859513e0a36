//! A set of sections is built from sections.
use schoolgate::domain::purpose::{Section, SectionSet};

pub fn one() -> SectionSet {
    SectionSet::EMPTY.with(Section::Headline)
}
