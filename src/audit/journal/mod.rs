//! The journal: one task that makes entries durable in groups, and the two ways in.
//!
//! Whatever queued while the previous commit was in flight goes into the next one; there is no timer, so a lone
//! entry costs one sync and a crowd shares it. It never answers before the commit: no record, no answer.

mod commit;

use super::lanes::Lanes;
use crate::audit::entry::{Entry, EventId};
use crate::audit::receipt::Receipt;
use crate::store::{Db, StoreError, Tx};
use commit::{GROUP, Item};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

/// The journal's limits.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Entries that may wait for a commit; one more is refused.
    pub queue_entries: usize,
    /// Longest wait for an entry to be durable, and longest time for one commit.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue_entries: 8 * GROUP, wait: Duration::from_secs(5) }
    }
}

/// Why an entry is not known to be durable. Whoever sees one answers 503 and says nothing about a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The queue is full.
    #[error("the audit log has too much waiting; try again in a moment")]
    Busy,
    /// The commit did not end in time; the entry may still become durable.
    #[error("the audit log did not answer in time; check the database, then try again")]
    TimedOut,
    /// The database refused the commit; the cause is in the log, once.
    #[error("the audit log could not be written; check the database, then try again")]
    Database,
    /// The event is neither pending nor in the log.
    #[error("no such event was staged; commit the change before asking for its receipt")]
    NotStaged,
    /// The journal's task has ended.
    #[error("the audit log has stopped; restart the gateway")]
    Stopped,
}

type Answer = oneshot::Sender<Result<Receipt, JournalError>>;

/// Entries that go into the log together, one after the other, and are waited for together.
#[derive(Debug, Default)]
pub struct Batch(Vec<Item>);

impl Batch {
    /// Most entries of one batch.
    pub const MOST: usize = GROUP;

    /// Adds an entry.
    pub fn add(&mut self, entry: &Entry) {
        self.0.push(Item::of(entry));
    }
}

enum Message {
    Record(Item, Answer),
    Batch(Vec<Item>, Answer),
    Sequence(Uuid, Answer),
}

/// The way into the log. Cheap to clone; the task ends when the last one is dropped and the queue is empty.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Message>,
    wait: Duration,
    lanes: Lanes,
}

/// Puts a write's entry into the write's own transaction; after the commit, [`Journal::sequenced`] gives its receipt.
pub async fn stage(tx: &mut Tx, entry: &Entry) -> Result<EventId, StoreError> {
    commit::insert_pending(tx, &Item::of(entry)).await?;
    Ok(entry.event)
}

impl Journal {
    /// Starts the task, which first gives their index to entries that an earlier process left pending.
    pub fn start(db: Db, options: Options) -> (Self, JoinHandle<()>) {
        let (queue, messages) = mpsc::channel(options.queue_entries.max(1));
        let lanes = Lanes::default();
        let task = tokio::spawn(run(db, messages, (options.wait, lanes.clone())));
        (Self { queue, wait: options.wait, lanes }, task)
    }

    /// What is known of how much systems read.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Records an entry; returns when it is durable.
    pub async fn record(&self, entry: &Entry) -> Result<Receipt, JournalError> {
        self.ask(|answer| Message::Record(Item::of(entry), answer)).await
    }

    /// Records a batch; returns when every entry of it is durable. No entry of it is without the others.
    pub async fn record_batch(&self, Batch(items): Batch) -> Result<(), JournalError> {
        if items.is_empty() {
            return Ok(());
        }
        self.ask(|answer| Message::Batch(items, answer)).await.map(drop)
    }

    /// The receipt of an entry staged in a transaction that has committed; returns when it is durable in the log.
    pub async fn sequenced(&self, event: EventId) -> Result<Receipt, JournalError> {
        self.ask(|answer| Message::Sequence(event.0, answer)).await
    }

    /// Whether an entry could be made durable now: locks the head, reads the log and commits, as a group does.
    pub async fn is_writable(&self) -> bool {
        // No event has this identifier, so that a log that works says that nothing was staged under it.
        self.sequenced(EventId(Uuid::nil())).await == Err(JournalError::NotStaged)
    }

    async fn ask(&self, message: impl FnOnce(Answer) -> Message) -> Result<Receipt, JournalError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(message(answer)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => JournalError::Busy,
            mpsc::error::TrySendError::Closed(_) => JournalError::Stopped,
        })?;
        match timeout(self.wait, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(JournalError::Stopped),
            Err(_) => Err(JournalError::TimedOut),
        }
    }
}

/// What the task holds between two commits.
#[derive(Default)]
struct Group {
    items: Vec<Item>,
    recorders: Vec<(Uuid, Answer)>,
    sequencers: Vec<(Uuid, Answer)>,
    /// Whether there may be pending rows: at the start, after a write, after a failure, and while they come in full groups.
    pending: bool,
}

impl Group {
    fn take(&mut self, message: Message) {
        match message {
            // Whoever gave up waiting has answered 503: nothing was let go, but that it was asked is still recorded.
            Message::Record(item, answer) => {
                self.recorders.push((item.event_id, answer));
                self.items.push(item);
            }
            Message::Batch(items, answer) => {
                self.recorders.extend(items.last().map(|last| (last.event_id, answer)));
                self.items.extend(items);
            }
            Message::Sequence(event, answer) => {
                self.sequencers.push((event, answer));
                self.pending = true;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.items.len() + self.sequencers.len() >= GROUP
    }
}

async fn run(db: Db, mut messages: mpsc::Receiver<Message>, (limit, lanes): (Duration, Lanes)) {
    let mut group = Group { pending: true, ..Group::default() };
    // The first round has no message: it clears what an earlier process left.
    let mut due = true;
    loop {
        if !due {
            let Some(message) = messages.recv().await else { return };
            group.take(message);
        }
        while !group.is_full() {
            let Ok(message) = messages.try_recv() else { break };
            group.take(message);
        }
        due = commit_group(&db, &mut group, (limit, &lanes)).await;
    }
}

/// Commits one group and wakes its waiters; returns whether the next one is due at once.
async fn commit_group(db: &Db, group: &mut Group, (limit, lanes): (Duration, &Lanes)) -> bool {
    let asked: Vec<Uuid> = group.sequencers.iter().map(|(event, _)| *event).collect();
    let result = match timeout(limit, commit::commit(db, &group.items, group.pending, &asked)).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => {
            tracing::error!(%error, entries = group.items.len(), "audit entries not committed");
            Err(JournalError::Database)
        }
        Err(_) => {
            tracing::error!(entries = group.items.len(), "audit commit took too long");
            Err(JournalError::TimedOut)
        }
    };
    group.items.clear();
    let recorders = group.recorders.drain(..);
    // Nobody listening any more is no error: they were told that it took too long.
    match result {
        Ok(outcome) => {
            lanes.learn(outcome.lanes);
            for (event, answer) in recorders {
                let _ = answer.send(outcome.receipts.get(&event).copied().ok_or(JournalError::Database));
            }
            for (event, answer) in std::mem::take(&mut group.sequencers) {
                match outcome.receipts.get(&event) {
                    Some(receipt) => drop(answer.send(Ok(*receipt))),
                    // Its row is behind a full group of older ones.
                    None if outcome.more_pending => group.sequencers.push((event, answer)),
                    None => drop(answer.send(Err(JournalError::NotStaged))),
                }
            }
            group.pending = outcome.more_pending;
            outcome.more_pending
        }
        Err(error) => {
            let waiting = recorders.chain(group.sequencers.drain(..));
            for (_, answer) in waiting {
                let _ = answer.send(Err(error));
            }
            // What was staged is in the database; the next group, whoever brings it, takes it along.
            group.pending = true;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::entry::{Class, Decision};
    use crate::store::migrate;
    use chrono::DateTime;

    async fn database() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("audit.db").display())).await.unwrap();
        migrate(&db).await.unwrap();
        (folder, db)
    }

    fn entry() -> Entry {
        Entry::new(EventId::new(), DateTime::UNIX_EPOCH, Class::Access, Decision::Allowed)
    }

    #[tokio::test]
    async fn what_is_queued_at_the_stop_is_still_recorded() {
        let (_folder, db) = database().await;
        let (journal, task) = Journal::start(db.clone(), Options::default());
        let (one, two) = (entry(), entry());
        let (first, second) = tokio::join!(journal.record(&one), journal.record(&two));
        assert_eq!((first.unwrap().index, second.unwrap().index), (0, 1));
        // The caller gives up before the task has had its turn; the entry is in the queue all the same.
        let given_up = entry();
        assert!(futures_util::FutureExt::now_or_never(journal.record(&given_up)).is_none());
        drop(journal);
        task.await.unwrap();
        assert_eq!(crate::audit::verify(&db).await.unwrap().size, 3);
    }

    #[tokio::test]
    async fn an_ended_task_is_an_error_not_a_wait() {
        let (_folder, db) = database().await;
        let (journal, task) = Journal::start(db, Options::default());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(journal.record(&entry()).await, Err(JournalError::Stopped));
    }
}
