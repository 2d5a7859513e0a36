//! Questions that are asked at the same time, answered by one statement.
//!
//! `SQLite` answers on a thread of its own: the two turns of threads for a statement take longer than its rows. Whoever asks
//! while others are being answered goes over with all who asked meanwhile. Each question has its own place in the set and
//! its own rows, also where two are the same: nobody is answered from what was read for another.

use crate::store::{Db, StoreError};
use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Questions that one statement answers at most.
const MOST: usize = 64;
/// Statements for questions of one kind that may be on their way at once.
const WAYS: usize = 2;

/// A question that can be put together with others of its kind.
pub trait Together: Clone + Send + Sync + 'static {
    /// What is answered to it.
    type Answer: Send + 'static;

    /// Answers each of them, in their order, as if it were asked alone.
    fn answer_all(
        db: &Db,
        asked: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, StoreError>> + Send;
}

/// The questions that wait, by their kind. Cheap to clone: the queues are shared.
#[derive(Clone, Default)]
pub struct Queues(Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}

struct Queue<Q: Together>(Mutex<Waiting<Q>>);

struct Waiting<Q: Together> {
    asked: VecDeque<(Q, oneshot::Sender<Q::Answer>)>,
    ways: usize,
}

impl Db {
    /// Answers a question, together with those of its kind that wait beside it.
    pub async fn together<Q: Together>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        if let Self::Sqlite { queues, .. } = self
            && let Some(queue) = queues.of::<Q>()
            // An answer that does not come is a statement that failed, for whichever of its questions.
            && let Ok(answer) = queue.ask(self, question.clone()).await
        {
            return Ok(answer);
        }
        let alone = Q::answer_all(self, std::slice::from_ref(&question)).await?;
        alone.into_iter().next().ok_or(StoreError::Corrupt("no answer to a question"))
    }
}

impl Queues {
    fn of<Q: Together>(&self) -> Option<Arc<Queue<Q>>> {
        // A map and a list are whole after every step, so that a panic elsewhere does not spoil them.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue =
            Arc::clone(all.entry(TypeId::of::<Q>()).or_insert_with(|| Arc::new(Queue::<Q>::default())));
        drop(all);
        queue.downcast().ok()
    }
}

impl<Q: Together> Default for Queue<Q> {
    fn default() -> Self {
        Self(Mutex::new(Waiting { asked: VecDeque::new(), ways: 0 }))
    }
}

impl<Q: Together> Queue<Q> {
    fn ask(self: Arc<Self>, db: &Db, question: Q) -> oneshot::Receiver<Q::Answer> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.waiting();
        waiting.asked.push_back((question, answer));
        let begins = waiting.ways < WAYS;
        waiting.ways += usize::from(begins);
        drop(waiting);
        if begins {
            tokio::spawn(Arc::clone(&self).answering(db.clone()));
        }
        answered
    }

    /// Answers what waits until nothing does.
    async fn answering(self: Arc<Self>, db: Db) {
        let mut way = Way { queue: &self, given_back: false };
        while let Some((asked, waiting)) = way.next() {
            match Q::answer_all(&db, &asked).await {
                Ok(answers) => {
                    for (answer, waiting) in answers.into_iter().zip(waiting) {
                        // Nobody waits any more: their request's time ran out.
                        let _ = waiting.send(answer);
                    }
                }
                // Each of them asks again by itself, and hears for itself what is wrong.
                Err(error) => tracing::debug!(%error, questions = asked.len(), "not answered together"),
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<Q>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Questions that go over together, and whom to answer, in the same order.
type Group<Q> = (Vec<Q>, Vec<oneshot::Sender<<Q as Together>::Answer>>);

/// One of the [`WAYS`], in use until nothing waits.
struct Way<'a, Q: Together> {
    queue: &'a Queue<Q>,
    given_back: bool,
}

impl<Q: Together> Way<'_, Q> {
    /// The next group. With none it is given back at once: whoever asks from now on begins another.
    fn next(&mut self) -> Option<Group<Q>> {
        let mut waiting = self.queue.waiting();
        let many = waiting.asked.len().min(MOST);
        if many == 0 {
            waiting.ways -= 1;
            self.given_back = true;
            return None;
        }
        Some(waiting.asked.drain(..many).unzip())
    }
}

impl<Q: Together> Drop for Way<'_, Q> {
    /// After a panic nobody may be left waiting for a way that has ended.
    fn drop(&mut self) {
        if !self.given_back {
            let mut waiting = self.queue.waiting();
            waiting.ways -= 1;
            waiting.asked.clear();
        }
    }
}

/// Rows by the question that they answer, which each names by its place.
pub fn by_question<T>(
    asked: usize,
    rows: impl IntoIterator<Item = (i64, T)>,
) -> Result<Vec<Vec<T>>, StoreError> {
    let mut each: Vec<Vec<T>> = (0..asked).map(|_| Vec::new()).collect();
    for (n, row) in rows {
        let place = usize::try_from(n).ok().and_then(|n| each.get_mut(n));
        place.ok_or(StoreError::Corrupt("a row that answers no question"))?.push(row);
    }
    Ok(each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

    /// Its double; of a negative number, a statement that fails, and of zero a panic.
    #[derive(Clone)]
    struct Double(i64);

    impl Together for Double {
        type Answer = i64;

        async fn answer_all(db: &Db, asked: &[Self]) -> Result<Vec<i64>, StoreError> {
            const SUM: &str = "SELECT $1 + $1";
            STATEMENTS.fetch_add(1, Ordering::Relaxed);
            let mut answers = Vec::new();
            for Self(number) in asked {
                assert_ne!(*number, 0, "asked for a panic");
                let text = if *number < 0 { "SELECT nothing FROM nowhere WHERE $1 = 1" } else { SUM };
                answers.push(read!(db, c => sqlx::query_scalar(text).bind(number).fetch_one(c).await)?);
            }
            Ok(answers)
        }
    }

    async fn database() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("read.db").display())).await.unwrap();
        (folder, db)
    }

    #[tokio::test]
    async fn each_has_its_own_answer_whoever_asks_beside_it() {
        let (_folder, db) = database().await;
        let (from, many) = (STATEMENTS.load(Ordering::Relaxed), 1_000);
        let answers = futures_util::future::join_all((1..=many).map(|n| db.together(Double(n)))).await;
        let answers: Vec<i64> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, (1..=many).map(|n| 2 * n).collect::<Vec<_>>());
        let statements = STATEMENTS.load(Ordering::Relaxed) - from;
        assert!(statements < 100, "{statements} groups for {many} questions");
        db.close().await;
    }

    #[tokio::test]
    async fn one_that_fails_spoils_no_other() {
        let (_folder, db) = database().await;
        let asked = [1, 2, -3, 4, -5, 6].map(|n| db.together(Double(n)));
        let answers: Vec<Option<i64>> =
            futures_util::future::join_all(asked).await.into_iter().map(Result::ok).collect();
        assert_eq!(answers, [Some(2), Some(4), None, Some(8), None, Some(12)]);
        db.close().await;
    }

    #[tokio::test]
    async fn a_panic_leaves_nobody_waiting() {
        let (_folder, db) = database().await;
        for _ in 0..2 * WAYS {
            let panicking = tokio::spawn({
                let db = db.clone();
                async move { db.together(Double(0)).await }
            });
            assert!(panicking.await.unwrap_err().is_panic());
        }
        assert_eq!(db.together(Double(21)).await.unwrap(), 42);
        db.close().await;
    }
}
