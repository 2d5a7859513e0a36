//! The Merkle tree of RFC 6962 over entries: leaf and node hashes, and the frontier by which it grows.
//!
//! The frontier is all that appending needs, so the head row holds it and nothing is cached. Leaves and nodes are
//! hashed with different prefixes (RFC 6962 section 2.1), so that no entry can pass for an inner node.

use crate::crypto::sha256;

/// A SHA-256 hash of the tree.
pub type Hash = [u8; 32];

const LEAF: &[u8] = &[0x00];
const NODE: &[u8] = &[0x01];

/// The hash of a leaf: SHA-256(0x00 ‖ entry), RFC 6962 section 2.1.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[LEAF, entry])
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[NODE, left, right])
}

/// The roots of the perfect subtrees that make up a tree, largest first: one for each bit set in its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier as the head row holds it; `None` when the number of hashes does not fit the size.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && u32::try_from(peaks.len()).ok() == Some(size.count_ones());
        fits.then(|| Self { size, peaks: peaks.to_vec() })
    }

    /// The hashes one after the other, 32 bytes each, largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf in at most log2(size) hashes and returns the leaf's index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size;
        let mut hash = leaf;
        // Each trailing one bit is a perfect subtree of the height reached so far: the two become one of the next.
        for _ in 0..index.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        index
    }

    /// The Merkle tree hash, RFC 6962 section 2.1; of an empty tree the SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// The leaves under the first perfect subtree in which two trees of one size differ: first index and count.
    pub fn first_difference(&self, other: &Self) -> Option<(u64, u64)> {
        let mut start = 0;
        let heights = (0..u64::BITS).rev().filter(|height| self.size >> height & 1 == 1);
        for ((ours, theirs), height) in self.peaks.iter().zip(&other.peaks).zip(heights) {
            if ours != theirs {
                return Some((start, 1 << height));
            }
            start += 1 << height;
        }
        None
    }
}

/// Whether `proof` shows that `leaf` stands at `index` of the tree of `size` leaves with this `root`.
///
/// The proof is the audit path of RFC 6962 section 2.1.1, lowest sibling first; checked as in RFC 9162 section 2.1.3.2.
pub fn includes(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{from_hex, to_hex};
    use proptest::prelude::*;

    /// RFC 6962 section 2.1 as it is written: MTH(D[n]) with k the largest power of two smaller than n.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [leaf] => *leaf,
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                node_hash(&naive_root(left), &naive_root(right))
            }
        }
    }

    /// RFC 6962 section 2.1.1 as it is written: PATH(m, D[n]).
    fn naive_path(at: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(k);
        let (mut path, sibling) = if at < k {
            (naive_path(at, left), naive_root(right))
        } else {
            (naive_path(at - k, right), naive_root(left))
        };
        path.push(sibling);
        path
    }

    fn grown(leaves: &[Hash]) -> Frontier {
        let mut frontier = Frontier::default();
        for leaf in leaves {
            frontier.append(*leaf);
        }
        frontier
    }

    /// The entries and roots of the certificate-transparency project's reference tests (`merkle_tree_test.cc`).
    #[test]
    fn the_reference_roots_hold() {
        let entries = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::default();
        assert_eq!(to_hex(&frontier.root()), roots[0]);
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(frontier.append(leaf_hash(&from_hex(entry).unwrap())), index as u64);
            assert_eq!(to_hex(&frontier.root()), roots[index + 1], "size {}", index + 1);
        }
    }

    #[test]
    fn frontier_root_is_the_definition_at_every_size_to_300() {
        let leaves: Vec<Hash> = (0..300_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut frontier = Frontier::default();
        for size in 0..=leaves.len() {
            assert_eq!(frontier.root(), naive_root(&leaves[..size]), "size {size}");
            let again = Frontier::from_bytes(frontier.size(), &frontier.to_bytes());
            assert_eq!(again.as_ref(), Some(&frontier));
            if let Some(leaf) = leaves.get(size) {
                frontier.append(*leaf);
            }
        }
    }

    #[test]
    fn a_frontier_of_another_size_is_refused() {
        let bytes = grown(&[leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")]).to_bytes();
        assert!(Frontier::from_bytes(3, &bytes).is_some());
        assert!(Frontier::from_bytes(4, &bytes).is_none());
        assert!(Frontier::from_bytes(3, &bytes[1..]).is_none());
    }

    proptest! {
        #[test]
        fn every_leaf_has_a_proof_that_holds_only_for_it(size in 1_usize..200, pick: prop::sample::Index, bit in 0_usize..256) {
            let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
            let at = pick.index(size);
            let (root, path) = (naive_root(&leaves), naive_path(at, &leaves));
            let check = |at: usize, size: usize, leaf: &Hash, path: &[Hash]| includes(at as u64, size as u64, leaf, path, &root);
            prop_assert!(check(at, size, &leaves[at], &path));
            prop_assert!(!check(size, size, &leaves[at], &path));
            let mut flipped = leaves[at];
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!check(at, size, &flipped, &path));
            if size > 1 {
                prop_assert!(!check((at + 1) % size, size, &leaves[at], &path));
                prop_assert!(!check(at, size, &leaves[at], &path[1..]));
            }
            let mut longer = path.clone();
            longer.push(root);
            prop_assert!(!check(at, size, &leaves[at], &longer));
        }

        #[test]
        fn any_flipped_bit_changes_the_root_and_is_placed(size in 1_usize..300, pick: prop::sample::Index, bit in 0_usize..64) {
            let mut entries: Vec<[u8; 8]> = (0..size as u64).map(u64::to_be_bytes).collect();
            let hashes = |entries: &[[u8; 8]]| entries.iter().map(|e| leaf_hash(e)).collect::<Vec<_>>();
            let before = grown(&hashes(&entries));
            let at = pick.index(size);
            entries[at][bit / 8] ^= 1 << (bit % 8);
            let after = grown(&hashes(&entries));
            prop_assert_ne!(before.root(), after.root());
            let (start, count) = before.first_difference(&after).unwrap();
            prop_assert!((start..start + count).contains(&(at as u64)));
        }
    }
}
