//! Which refused handshakes and 429s get an entry of their own, so that a flood cannot fill the log.
//!
//! The first ten of a source in a minute do; the rest are counted into one entry at the minute's end. Pure: the time is
//! passed in, the caller writes the entries. Nothing is dropped: entries and counts always add up to what was seen.

use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Entries of its own that a source gets in a minute.
const OWN_ENTRIES: u64 = 10;

/// Whose flood it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The /24 of an IPv4 address: its first three octets.
    V4([u8; 3]),
    /// The /64 of an IPv6 address: its first four groups.
    V6([u16; 4]),
    /// A system that proved who it is, by its client identifier.
    Client(String),
    /// Every source beyond those that are told apart in this minute.
    Others,
}

impl Source {
    /// The network of an address; an IPv4 address in IPv6 form counts as IPv4.
    pub fn of_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

impl fmt::Display for Source {
    /// The network as it is written, the client's identifier, or `elsewhere`.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b, c]) => write!(to, "{a}.{b}.{c}.0/24"),
            Self::V6([a, b, c, d]) => write!(to, "{}/64", Ipv6Addr::new(*a, *b, *c, *d, 0, 0, 0, 0)),
            Self::Client(client) => to.write_str(client),
            Self::Others => to.write_str("elsewhere"),
        }
    }
}

/// What a source did in a minute beyond its own entries: one entry with this count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whose.
    pub source: Source,
    /// The minute's first second, in seconds since 1970.
    pub minute_starts: i64,
    /// How many had no entry of their own; at least 1.
    pub count: u64,
}

/// What to write for one refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Whether this refusal gets an entry of its own.
    pub own_entry: bool,
    /// Entries due for a minute that has ended.
    pub summaries: Vec<Summary>,
}

/// The counts of the current minute, for a bounded number of sources.
#[derive(Debug)]
pub struct Flood {
    minute: i64,
    sources: usize,
    seen: HashMap<Source, u64>,
    owed: Vec<Summary>,
}

impl Flood {
    /// Tells at most `sources` apart in a minute; those after them are counted together and get no entries of their own.
    pub fn new(sources: usize) -> Self {
        Self { minute: i64::MIN, sources, seen: HashMap::new(), owed: Vec::new() }
    }

    /// Counts one refusal.
    pub fn note(&mut self, source: Source, now: DateTime<Utc>) -> Noted {
        let summaries = self.turn(now);
        let room = self.seen.len() < self.sources || self.seen.contains_key(&source);
        let source = if room { source } else { Source::Others };
        // A flood from everywhere must not fill the log with the first ten of each, so the rest have none.
        let own = own_entries(&source);
        let seen = self.seen.entry(source).or_default();
        *seen += 1;
        Noted { own_entry: *seen <= own, summaries }
    }

    /// Ends the minute if it has passed. Called once a minute too, so that a source that fell silent gets its count.
    pub fn turn(&mut self, now: DateTime<Utc>) -> Vec<Summary> {
        let minute = now.timestamp().div_euclid(60);
        // A clock set back ends the minute as well: nothing is counted twice or lost.
        if minute == self.minute {
            return std::mem::take(&mut self.owed);
        }
        let ended = self.finish();
        self.minute = minute;
        ended
    }

    /// Takes counts back that could not be written: they are due again with the next ones. One source has one count, so
    /// that what is owed is bounded too.
    pub fn put_back(&mut self, summaries: Vec<Summary>) {
        for summary in summaries {
            let full = self.owed.len() > self.sources;
            let known = self.owed.iter().position(|owed| owed.source == summary.source);
            match known.or_else(|| self.owed.len().checked_sub(1).filter(|_| full)) {
                None => self.owed.push(summary),
                Some(place) => {
                    if let Some(owed) = self.owed.get_mut(place) {
                        // The last place of a full list is for all that are not told apart.
                        if known.is_none() {
                            owed.source = Source::Others;
                        }
                        owed.count += summary.count;
                    }
                }
            }
        }
    }

    /// Ends the minute now, as when the gateway stops; sorted by source.
    pub fn finish(&mut self) -> Vec<Summary> {
        let minute_starts = self.minute.saturating_mul(60);
        let mut summaries = std::mem::take(&mut self.owed);
        summaries.extend(self.seen.drain().filter_map(|(source, seen)| {
            let count = seen.saturating_sub(own_entries(&source));
            (count > 0).then_some(Summary { source, minute_starts, count })
        }));
        summaries.sort_by(|a, b| a.source.cmp(&b.source));
        summaries
    }
}

fn own_entries(source: &Source) -> u64 {
    match source {
        Source::V4(_) | Source::V6(_) | Source::Client(_) => OWN_ENTRIES,
        Source::Others => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_040 + second, 0).unwrap()
    }

    #[test]
    fn addresses_count_by_network() {
        for (a, b, same) in [
            ("192.0.2.1", "192.0.2.254", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("192.0.2.1", "::ffff:192.0.2.9", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            let source = |text: &str| Source::of_address(text.parse().unwrap());
            assert_eq!(source(a) == source(b), same, "{a} {b}");
        }
    }

    #[test]
    fn the_first_ten_of_a_minute_have_their_own_and_the_rest_one() {
        let (mut flood, source) = (Flood::new(8), Source::Client("cases".into()));
        let own = (0..25).filter(|_| flood.note(source.clone(), at(0)).own_entry).count();
        assert_eq!(own, 10);
        assert_eq!(flood.turn(at(59)), []);
        let next = flood.note(source.clone(), at(60));
        let minute_starts = at(0).timestamp();
        assert_eq!(next.summaries, [Summary { source, minute_starts, count: 15 }]);
        assert!(next.own_entry, "a new minute begins anew");
        assert_eq!(flood.turn(at(120)), [], "one with its own entry leaves no count");
    }

    #[test]
    fn counts_that_could_not_be_written_are_due_again() {
        let mut flood = Flood::new(2);
        (0..15).for_each(|_| drop(flood.note(Source::V4([192, 0, 2]), at(0))));
        let lost = flood.turn(at(60));
        assert_eq!(lost.iter().map(|s| s.count).sum::<u64>(), 5);
        flood.put_back(lost.clone());
        flood.put_back(flood.owed.clone().into_iter().map(|s| Summary { count: 2, ..s }).collect());
        assert_eq!(flood.turn(at(61)).iter().map(|s| s.count).sum::<u64>(), 7);
        assert_eq!(flood.turn(at(62)), []);
        for network in 0..9 {
            flood.put_back(vec![Summary { source: Source::V4([10, 0, network]), ..lost[0].clone() }]);
        }
        assert!(flood.owed.len() <= 3, "{:?}", flood.owed);
        assert_eq!(flood.finish().iter().map(|s| s.count).sum::<u64>(), 45, "bounded, and none is lost");
    }

    #[test]
    fn a_source_is_written_as_its_network() {
        for (address, network) in [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::9", "2001:db8:1:2::/64")] {
            assert_eq!(Source::of_address(address.parse().unwrap()).to_string(), network);
        }
    }

    #[test]
    fn memory_is_bounded_and_the_rest_is_counted_together() {
        let mut flood = Flood::new(2);
        for network in 0..100 {
            let noted = flood.note(Source::V4([192, 0, network]), at(1));
            assert_eq!(noted.own_entry, network < 2);
        }
        assert_eq!(flood.seen.len(), 3);
        let others = Summary { source: Source::Others, minute_starts: at(0).timestamp(), count: 98 };
        assert_eq!(flood.finish(), [others]);
    }

    proptest! {
        #[test]
        fn entries_and_counts_add_up(events in prop::collection::vec((0_u8..6, -90_i64..90), 0..400), room in 0_usize..5) {
            let (mut flood, mut now) = (Flood::new(room), 0);
            let (mut own, mut counted) = (0, 0);
            for (network, step) in &events {
                // Mostly forward, now and then back, often within a minute.
                now += step / 20;
                let noted = flood.note(Source::V4([10, 0, *network]), at(now));
                own += u64::from(noted.own_entry);
                counted += noted.summaries.iter().map(|s| s.count).sum::<u64>();
                prop_assert!(flood.seen.len() <= room + 1);
            }
            counted += flood.finish().iter().map(|s| s.count).sum::<u64>();
            prop_assert_eq!(own + counted, events.len() as u64);
        }
    }
}
