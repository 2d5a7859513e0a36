//! What a piece of work holds until it has ended, and how it is told to stop.
//!
//! A thread that works cannot be ended from outside. Whoever waited for it may be gone: its places, and the bytes that it
//! holds, stay taken until it has seen that it is to stop, or two callers that give up would be two threads for ever.

use super::super::staging;
use crate::gate::Refusal;
use crate::http::Metrics;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells work to stop: once, and seen by every thread that works for it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Tells it when what is given is dropped, as a caller's handler is when nobody waits for it any more.
    #[must_use = "it stops the work when it is dropped"]
    pub fn when_dropped(&self) -> StopWhenDropped {
        StopWhenDropped(self.clone())
    }
}

/// Stops work when dropped.
#[derive(Debug)]
pub struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// What every thread of a piece of work has a share of; what it holds is let go with the last share.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub(super) stop: Stop,
    held: Option<Arc<dyn Any + Send + Sync>>,
    alarms: Option<Metrics>,
}

impl Work {
    /// Work that holds nothing.
    pub fn new(stop: Stop) -> Self {
        Self { stop, ..Self::default() }
    }

    /// Work that holds places and room, and rings the alarms of a process that has them.
    pub fn holding(stop: Stop, held: impl Any + Send + Sync, alarms: Metrics) -> Self {
        Self { stop, held: Some(Arc::new(held)), alarms: Some(alarms) }
    }

    /// The same work past the point up to which it may be stopped.
    pub(super) fn to_the_end(&self) -> Self {
        Self { stop: Stop::default(), ..self.clone() }
    }

    /// Runs what takes long on a thread of its own, which has its share until it has ended.
    pub(in crate::intake) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let share = self.held.clone();
        let run = move || {
            let done = work();
            drop(share);
            done
        };
        staging::apart(run).await
    }

    /// Counts what somebody should look at, so many times.
    pub(super) fn alarm(&self, reason: &'static str, times: usize) {
        if let Some(metrics) = &self.alarms {
            (0..times).for_each(|_| metrics.alarm(reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn places_are_held_until_the_thread_has_ended() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let stop = Stop::default();
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let waiting = {
            let (stop, guard) = (stop.clone(), stop.when_dropped());
            tokio::spawn(async move {
                let _guard = guard;
                let work = Work::holding(stop.clone(), place, Metrics::default());
                let run = move || {
                    begun.send(()).unwrap();
                    end.recv().unwrap();
                    stop.is_stopped()
                };
                work.apart(run).await
            })
        };
        begins.await.unwrap();
        assert_eq!(places.available_permits(), 0);
        // Nobody waits any more, and the thread works on.
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(stop.is_stopped(), "it is told to stop");
        assert_eq!(places.available_permits(), 0, "and holds its place until it does");
        ended.send(()).unwrap();
        drop(places.acquire().await.unwrap());
    }
}
