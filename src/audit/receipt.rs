//! The receipt of a durable entry, as the `Audit-Receipt` header carries it.

use super::tree::Hash;
use crate::crypto::{from_hex, to_hex};
use std::fmt;
use std::str::FromStr;

/// Where an entry stands and what the tree holds of it. One fixed length, so that it tells nothing of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The entry's index in the log, from 0.
    pub index: u64,
    /// The entry's leaf hash.
    pub leaf: Hash,
}

/// Text that is not a receipt.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt; copy the whole value of the `Audit-Receipt` header")]
pub struct NotAReceipt;

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Twenty digits hold every u64.
        write!(f, "index={:020};leaf={}", self.index, to_hex(&self.leaf))
    }
}

impl FromStr for Receipt {
    type Err = NotAReceipt;

    fn from_str(text: &str) -> Result<Self, NotAReceipt> {
        let read = || {
            let (index, leaf) = text.strip_prefix("index=")?.split_once(";leaf=")?;
            let leaf = Hash::try_from(from_hex(leaf)?).ok()?;
            let receipt = Self { index: index.parse().ok()?, leaf };
            // One text per receipt: no other case, sign or length.
            (receipt.to_string() == text).then_some(receipt)
        };
        read().ok_or(NotAReceipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_text_is_this() {
        let text = Receipt { index: 42, leaf: [0xab; 32] }.to_string();
        assert_eq!(text, format!("index=00000000000000000042;leaf={}", "ab".repeat(32)));
    }

    #[test]
    fn other_texts_are_refused() {
        let good = Receipt { index: 42, leaf: [0xab; 32] }.to_string();
        for (from, to) in
            [("42;", "42 ;"), ("index=0", "index=+"), ("index=0", "index="), ("ab", "AB"), ("ab", "")]
        {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good);
            assert_eq!(changed.parse::<Receipt>(), Err(NotAReceipt), "{changed}");
        }
    }

    proptest! {
        #[test]
        fn it_is_read_back_and_has_one_length(index: u64, leaf: [u8; 32]) {
            let receipt = Receipt { index, leaf };
            prop_assert_eq!(receipt.to_string().len(), 96);
            prop_assert_eq!(receipt.to_string().parse(), Ok(receipt));
        }
    }
}
