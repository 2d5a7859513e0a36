//! What is true whoever asks: the law's arithmetic and vocabulary.
//!
//! Pure: no clock, input or output, async, database, or serialisation for the wire. Everything that varies comes in
//! as an argument, so that each rule can be held to the paragraph it comes from.

pub mod attendance;
pub mod bars;
pub mod calendar;
pub mod identifiers;
pub mod involvement;
pub mod organisation;
pub mod pupil;
pub mod purpose;
pub mod roll;
pub mod staff;
pub mod working_days;

/// Declares a closed vocabulary: an enum whose variants have one word each, as written in files, policies and answers.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every word of this vocabulary, in the order of its definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as written in files, policies and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the exact word; anything else is `None`.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}
pub(crate) use words;
