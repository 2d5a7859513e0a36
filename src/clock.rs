//! Time comes in as an argument: the one place that asks the machine.

use chrono::{DateTime, DurationRound, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::London;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// The gateway's clock. Certificates, tokens and the audit run on real time; every rule about days runs on the
/// school's time, which a demonstration or a test may set to a chosen day.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Machine,
    Day { start: DateTime<Utc>, since: Instant },
    Hand(Hand),
}

/// What sets a clock by hand: microseconds since 1970, UTC.
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    /// Sets the time by which rules about days go; it stands until it is set again.
    pub fn set(&self, at: DateTime<Utc>) {
        self.0.store(at.timestamp_micros(), Ordering::SeqCst);
    }
}

/// When a chosen day begins for the gateway: after the last session of any school.
const EVENING: NaiveTime = NaiveTime::from_hms_opt(18, 0, 0).expect("18:00 is a time");

impl Clock {
    /// The machine's own time for everything.
    pub fn machine() -> Self {
        Self(Arc::new(Source::Machine))
    }

    /// Real time for certificates, tokens and the audit; rules about days see `today`, from 18:00 in London onward.
    pub fn on(today: NaiveDate) -> Self {
        let start = London
            .from_local_datetime(&today.and_time(EVENING))
            .earliest()
            .map_or_else(|| today.and_time(EVENING).and_utc(), |t| t.with_timezone(&Utc));
        Self(Arc::new(Source::Day { start, since: Instant::now() }))
    }

    /// Real time for certificates, tokens and the audit; rules about days see what a hand sets, for tests of weeks and
    /// months.
    pub fn by_hand(start: DateTime<Utc>) -> (Self, Hand) {
        let hand = Hand(Arc::new(AtomicI64::new(start.timestamp_micros())));
        (Self(Arc::new(Source::Hand(hand.clone()))), hand)
    }

    /// Real time, UTC, to the microsecond that both databases keep.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn now(&self) -> DateTime<Utc> {
        to_micros(Utc::now())
    }

    /// The time by which rules about days go, UTC, to the microsecond.
    pub fn school_now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Source::Machine => self.now(),
            Source::Hand(hand) => {
                DateTime::from_timestamp_micros(hand.0.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH)
            }
            Source::Day { start, since } => {
                to_micros(*start + TimeDelta::from_std(since.elapsed()).unwrap_or(TimeDelta::zero()))
            }
        }
    }

    /// Today in London.
    pub fn today(&self) -> NaiveDate {
        self.school_now().with_timezone(&London).date_naive()
    }
}

fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}
