//! One private PostgreSQL for the whole run, from the binaries found on this machine.
//!
//! It listens on a Unix socket in a folder of its own and on no port. It must never outlive the run: a shell watches a
//! pipe held by this process, and when that closes, however the process ended, the server is stopped and its folder
//! removed. PostgreSQL refuses to run as root, so root drops to an unprivileged user first.

use super::Suite;
use sqlx::{Connection, Executor, PgConnection};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs the server until the pipe on standard input closes; keeps the folder, with its log, when the server failed.
const WATCH: &str = r#"
trap '' INT HUP TERM
exec 3<&0
"$1" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=300 -c fsync=off -c full_page_writes=off \
  -c shared_buffers=32MB >"$2/log" 2>&1 </dev/null &
server=$!
( cat <&3 >/dev/null; kill -INT "$server" ) >/dev/null 2>&1 &
wait "$server" && rm -rf -- "$2"
"#;
/// Longest wait for the server to answer.
const START: Duration = Duration::from_mins(1);
/// Longest wait for it to stop.
const STOP: Duration = Duration::from_secs(20);

/// Why there is no PostgreSQL to test on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// None is installed.
    #[error("no PostgreSQL found")]
    Missing,
    /// One is installed and would not run.
    #[error("PostgreSQL would not start: {0}")]
    Failed(String),
}

/// A running server; dropped, it stops.
pub struct Server {
    watcher: Child,
    root: PathBuf,
}

/// The user that the server runs as.
#[derive(Clone, Copy, Debug, PartialEq)]
struct User {
    id: u32,
    group: u32,
}

impl Server {
    /// Makes a cluster in a new folder and starts it.
    pub fn start() -> Result<Self, StartError> {
        let binaries = find_binaries().ok_or(StartError::Missing)?;
        let failed =
            |what: &str, error: &dyn std::fmt::Display| StartError::Failed(format!("{what}: {error}"));
        let root = tempfile::Builder::new()
            .prefix("schoolgate-pg-")
            .tempdir()
            .map_err(|e| failed("temporary folder", &e))?
            .keep();
        let user = if is_root(&root) { Some(unprivileged_user()?) } else { None };
        if let Some(user) = user {
            std::os::unix::fs::chown(&root, Some(user.id), Some(user.group))
                .map_err(|e| failed("giving away the folder", &e))?;
        }
        let made = as_user(&binaries.join("initdb"), user, &root)
            .args(["-N", "-A", "trust", "-U", "schoolgate", "-E", "UTF8", "--locale=C", "-D"])
            .arg(root.join("data"))
            .output()
            .map_err(|e| failed("initdb", &e))?;
        if !made.status.success() {
            return Err(failed("initdb", &String::from_utf8_lossy(&made.stderr)));
        }
        let watcher = as_user(Path::new("/bin/sh"), user, &root)
            .args(["-c", WATCH, "sh"])
            .arg(binaries.join("postgres"))
            .arg(&root)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| failed("sh", &e))?;
        let mut server = Self { watcher, root };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// Makes an empty database and gives its URL.
    pub fn create_database(&self, name: &str) -> Result<String, StartError> {
        self.execute(&format!("CREATE DATABASE {name}"))
            .map_err(|e| StartError::Failed(format!("creating a database: {e}")))?;
        Ok(self.url(name))
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=schoolgate", self.root.display())
    }

    fn execute(&self, statement: &str) -> Result<(), sqlx::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url("postgres")).await?;
            connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await?;
            connection.close().await
        })
    }

    fn wait_until_it_answers(&mut self) -> Result<(), StartError> {
        let begun = Instant::now();
        loop {
            let error = match self.execute("SELECT 1") {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let ended = self.watcher.try_wait().ok().flatten().is_some();
            if ended || begun.elapsed() > START {
                let log = std::fs::read_to_string(self.root.join("log")).unwrap_or_default();
                return Err(StartError::Failed(format!("{error}; its log says: {log}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let begun = Instant::now();
        while matches!(self.watcher.try_wait(), Ok(None)) && begun.elapsed() < STOP {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A command run in `folder`, as `user` where one is given, without this process's database settings.
fn as_user(program: &Path, user: Option<User>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env_remove("PGDATA")
        .env_remove("PGHOST")
        .env_remove("PGPORT");
    if let Some(user) = user {
        command.uid(user.id).gid(user.group);
    }
    command
}

/// The folder that holds both `initdb` and `postgres`: by `PATH`, else Debian's newest.
fn find_binaries() -> Option<PathBuf> {
    let whole = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let by_path = std::env::split_paths(&path)
        .filter_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_path_buf))
        .find(whole);
    by_path.or_else(|| debian_folders(Path::new("/usr/lib/postgresql")).into_iter().find(whole))
}

/// `ROOT/<version>/bin`, newest version first.
fn debian_folders(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin"))))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// Whether this process is root: it owns what it has just made.
fn is_root(own_folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(own_folder).is_ok_and(|m| m.uid() == 0)
}

fn unprivileged_user() -> Result<User, StartError> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].iter().find_map(|name| user_named(&passwd, name)).ok_or_else(|| {
        StartError::Failed("run as an unprivileged user: there is no user `postgres` or `nobody`".into())
    })
}

/// Finds a user in the text of `/etc/passwd`.
fn user_named(passwd: &str, name: &str) -> Option<User> {
    let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some(User { id: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("support::newest_debian_folder_comes_first", || {
        let root = tempfile::tempdir().unwrap();
        for folder in ["9", "15", "16", "common"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let found = debian_folders(root.path());
        assert_eq!(found, ["16", "15", "9"].map(|v| root.path().join(v).join("bin")));
    });
    suite.plain("support::user_is_found_by_whole_name", || {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(user_named(passwd, "postgres"), Some(User { id: 101, group: 104 }));
        assert_eq!(user_named(passwd, "nobody"), None);
    });
}
