//! The fuzz targets without a fuzzer: each file of the corpus, whole and with seeded damage, to the same functions.

use crate::support::Suite;
use crate::support::book::{Book, Cell};
use std::path::Path;

#[path = "../../fuzz/proofs.rs"]
mod proofs;
#[path = "../../fuzz/readers.rs"]
mod readers;

/// Damaged copies of each file.
const COPIES: usize = 120;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("fuzz_smoke::text_of_any_kind_is_answered", || over("text", readers::text));
    suite.plain("fuzz_smoke::sheets_of_any_kind_are_answered", || {
        over("sheets", readers::sheets);
        damaged(&sample(), 3 * COPIES, readers::sheets);
    });
    suite.plain("fuzz_smoke::tokens_of_any_kind_prove_nobody", || over("tokens", proofs::tokens));
    suite.plain("fuzz_smoke::certificates_of_any_kind_are_let_in_as_what_they_are", || {
        over("certificates", proofs::certificates);
    });
}

fn over(folder: &str, read: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "there is a corpus");
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        read(&bytes);
        damaged(&bytes, COPIES, read);
    }
}

/// Bytes that mean something to one reader or another.
const ODD: &[&[u8]] = &[
    b"\"",
    b",",
    b"\n",
    b"\r",
    b"\0",
    b"\xFF",
    b"\xC3\xAB",
    b"<",
    b"&",
    b"PK\x01\x02",
    b"{",
    b"=",
    b"2026-09-03",
    b".",
    b"[",
    b"eyJ",
    b"\x30\x82",
    b"\x30\x80",
    b"\x02\x01",
    b"\x06\x03\x55\x1d",
];

/// Copies with bytes changed, cut out, doubled or put in, always the same ones.
fn damaged(bytes: &[u8], copies: usize, read: fn(&[u8])) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |below: usize| {
        // xorshift64: any sequence will do, as long as it is the same each time.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    for _ in 0..copies {
        let mut copy = bytes.to_vec();
        for _ in 0..=draw(4) {
            let (at, to) = (draw(copy.len()), draw(copy.len()));
            match draw(4) {
                0 => copy[at] = u8::try_from(draw(256)).unwrap(),
                1 => drop(copy.drain(at.min(to)..at.max(to))),
                2 => copy.extend_from_within(at.min(to)..at.max(to)),
                _ => drop(copy.splice(at..at, ODD[draw(ODD.len())].iter().copied())),
            }
            if copy.is_empty() {
                copy.push(b'x');
            }
        }
        read(&copy);
    }
}

/// A spreadsheet of each kind of cell.
fn sample() -> Vec<u8> {
    Book::of(&[
        &[Cell::Text("UPN"), Cell::Text("Date"), Cell::Text("AM"), Cell::Text("PM")],
        &[Cell::Text("B801200005001"), Cell::Date("46268"), Cell::Shared(0), Cell::Formula("A1", "/")],
        &[Cell::Empty, Cell::Number("1.5"), Cell::Error("#N/A"), Cell::Shared(1)],
    ])
    .bytes()
}
