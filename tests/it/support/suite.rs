//! Registering trials: `plain` without a database, `both` with one of each kind.

use super::postgres::{Server, StartError};
use libtest_mimic::{Completion, Failed, Trial};
use schoolgate::store::{self, Db};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// A database for one test alone; gone when the test ends.
pub struct TestDb {
    /// The open database.
    pub db: Db,
    /// Its URL, for what opens it again.
    pub url: String,
    /// Holds the file of a `SQLite` database; `None` on PostgreSQL.
    _folder: Option<tempfile::TempDir>,
}

/// Whether a test finds its database migrated.
#[derive(Clone, Copy)]
enum Start {
    Migrated,
    Empty,
}

/// The one PostgreSQL of this run, started when first asked for.
#[derive(Default)]
pub struct Databases {
    server: OnceLock<Result<Mutex<Option<Server>>, StartError>>,
    ran: AtomicUsize,
    without: AtomicUsize,
    named: AtomicUsize,
}

/// The trials of this run.
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
    databases: Arc<Databases>,
}

impl Suite {
    /// Adds a test that needs no database.
    pub fn plain(&mut self, name: &str, test: impl FnOnce() + Send + 'static) {
        self.trials.push(Trial::test(name, move || {
            test();
            Ok(())
        }));
    }

    /// Adds `NAME::sqlite` and `NAME::postgresql`, each on a migrated database of its own.
    pub fn both<T, F>(&mut self, name: &str, test: T)
    where
        T: Fn(TestDb) -> F + Clone + Send + 'static,
        F: Future<Output = ()>,
    {
        self.on_each(name, Start::Migrated, test);
    }

    /// Like [`Suite::both`], on databases without any table.
    pub fn both_empty<T, F>(&mut self, name: &str, test: T)
    where
        T: Fn(TestDb) -> F + Clone + Send + 'static,
        F: Future<Output = ()>,
    {
        self.on_each(name, Start::Empty, test);
    }

    /// Adds `NAME::postgresql` alone, on a migrated database of its own: for what `SQLite` has no part in.
    pub fn on_postgresql<T, F>(&mut self, name: &str, test: T)
    where
        T: Fn(TestDb) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        self.on_server(name, Start::Migrated, test);
    }

    /// Adds `NAME::sqlite` alone, on a database without any table: for what is decided where no database has a part in it.
    pub fn on_sqlite_empty<T, F>(&mut self, name: &str, test: T)
    where
        T: Fn(TestDb) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        self.on_file(name, Start::Empty, test);
    }

    /// The trials, and the databases to stop once they have run.
    pub fn into_parts(self) -> (Vec<Trial>, Arc<Databases>) {
        (self.trials, self.databases)
    }

    fn on_each<T, F>(&mut self, name: &str, start: Start, test: T)
    where
        T: Fn(TestDb) -> F + Clone + Send + 'static,
        F: Future<Output = ()>,
    {
        self.on_file(name, start, test.clone());
        self.on_server(name, start, test);
    }

    fn on_file<T, F>(&mut self, name: &str, start: Start, test: T)
    where
        T: Fn(TestDb) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        self.trials.push(Trial::test(format!("{name}::sqlite"), move || {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("schoolgate.db").display());
            run(url, Some(folder), start, test);
            Ok(())
        }));
    }

    fn on_server<T, F>(&mut self, name: &str, start: Start, test: T)
    where
        T: Fn(TestDb) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let databases = Arc::clone(&self.databases);
        self.trials.push(Trial::ignorable_test(format!("{name}::postgresql"), move || {
            match databases.new_database() {
                Ok(url) => {
                    databases.ran.fetch_add(1, Ordering::Relaxed);
                    run(url, None, start, test);
                    Ok(Completion::Completed)
                }
                Err(error) => {
                    databases.without.fetch_add(1, Ordering::Relaxed);
                    let required = std::env::var("REQUIRE_POSTGRES").as_deref() == Ok("1");
                    match error {
                        StartError::Missing if !required => Ok(Completion::ignored_with(error)),
                        StartError::Missing | StartError::Failed(_) => Err(Failed::from(error)),
                    }
                }
            }
        }));
    }
}

/// Opens the database, runs the test on it, closes it.
fn run<T, F>(url: String, folder: Option<tempfile::TempDir>, start: Start, test: T)
where
    T: FnOnce(TestDb) -> F,
    F: Future<Output = ()>,
{
    runtime().block_on(async {
        let db = Db::open(&url).await.unwrap();
        if matches!(start, Start::Migrated) {
            store::migrate(&db).await.unwrap();
        }
        test(TestDb { db: db.clone(), url, _folder: folder }).await;
        db.close().await;
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

impl Databases {
    /// Makes an empty database on the private server and gives its URL.
    fn new_database(&self) -> Result<String, StartError> {
        let server = self.server.get_or_init(|| Server::start().map(|s| Mutex::new(Some(s))));
        let number = self.named.fetch_add(1, Ordering::Relaxed);
        match server {
            Ok(server) => match server.lock().unwrap().as_ref() {
                Some(server) => server.create_database(&format!("test_{number}")),
                None => Err(StartError::Failed("the server has been stopped".into())),
            },
            Err(error) => Err(error.clone()),
        }
    }

    /// What the run says last: on which databases it ran.
    pub fn last_line(&self) -> String {
        let (ran, without) = (self.ran.load(Ordering::Relaxed), self.without.load(Ordering::Relaxed));
        let state = match self.server.get() {
            None => "not asked for".to_owned(),
            Some(Ok(_)) => "found".to_owned(),
            Some(Err(error)) => error.to_string(),
        };
        format!("PostgreSQL: {state}; {ran} tests ran on it, {without} could not")
    }

    /// Stops the server, if there is one, and removes its folder.
    pub fn stop(&self) {
        if let Some(Ok(server)) = self.server.get() {
            drop(server.lock().unwrap().take());
        }
    }
}
