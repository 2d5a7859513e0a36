//! A set of sections is built from sections, never from bits.
use schoolgate::domain::purpose::SectionSet;

pub fn everything() -> SectionSet {
    SectionSet(u16::MAX) //~ E0423
}
