//! Why records make no directory, in words that say what to do.

/// Why records make no directory, or a change does not fit the one that stands; nothing of it is applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A record names what is not there.
    #[error("`{0}` is named but not defined; add it first, or to the file")]
    Unknown(String),
    /// A word outside its vocabulary.
    #[error("`{word}` is not a {vocabulary}; see docs/directory.md for the words")]
    Word {
        /// What stands in the record.
        word: String,
        /// The vocabulary it should come from.
        vocabulary: &'static str,
    },
    /// Two records of one key, or two that share what must be one's own.
    #[error("{0} stands twice; leave one of them out")]
    Twice(String),
    /// More than two live certificates for a system.
    #[error("system `{0}` has more than two certificates that have not expired; remove the oldest")]
    Certificates(String),
    /// A digest that is not 64 hexadecimal digits.
    #[error("a certificate digest of system `{0}` is not 64 hexadecimal digits")]
    Digest(String),
    /// More than two live keys of a system.
    #[error("system `{0}` has more than two keys that have not expired; remove the oldest")]
    Keys(String),
    /// What is no public key for signatures, or has another identifier than its entry.
    #[error(
        "a key of system `{0}` is not a public JWK for signatures with its entry's `kid`; take out private members"
    )]
    Key(String),
    /// An identity provider that cannot be used as it is entered.
    #[error("the identity provider `{0}` cannot be used: {1}")]
    Provider(String, &'static str),
    /// A certificate or key that was revoked, or that stands as another.
    #[error(
        "a certificate or key of system `{0}` was revoked or stands otherwise; it does not come back, and another needs a \
         name of its own"
    )]
    TakenBack(String),
    /// A new certificate of a key that another has or had.
    #[error(
        "a new certificate of system `{0}` has a key that stands in the directory already; make it with a new key"
    )]
    KeyKnown(String),
    /// A mandate for a system that can hold none, or for what is no school.
    #[error(
        "the mandate of `{0}` for `{1}` is not of a supplier's, trust's or authority's system for a school"
    )]
    Mandate(String, String),
    /// One organisation acts for another of a kind that it cannot act for.
    #[error(
        "`{0}` cannot act for `{1}`; a trust or school acts for a school, and no supplier or school for an authority"
    )]
    ActsFor(String, String),
    /// A code, name or number that cannot stand.
    #[error("`{0}` of {1} cannot stand: {2}")]
    Text(String, String, &'static str),
    /// The last day is before the first.
    #[error("{0} ends before it begins; correct its days")]
    Reversed(String),
    /// Something else stands than what the change replaces.
    #[error("{0} has changed since this change was made; refuse it and make it again")]
    Moved(String),
    /// A person whom another organisation's provider proved.
    #[error("{0} is known as another organisation's person; name that one")]
    PersonElsewhere(String),
    /// Fewer than two operators would stand.
    #[error(
        "fewer than two operators would stand, and nothing could be approved any more; add another first"
    )]
    Operators,
}
