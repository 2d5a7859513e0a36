//! Messages that must leave exactly once. Nothing sends any yet, so there is no table: the place is kept, since `registers`
//! may use it and exchanges may not send for themselves.
