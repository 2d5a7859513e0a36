//! The program itself: `demo` until it answers, `import` straight into its stopped folder, and `serve` on it again.

use crate::support::Suite;
use crate::support::exports::number;
use crate::support::wire::run;
use schoolgate::demo::agencies::{SUPPLIER, SUPPLIER_SYSTEM};
use schoolgate::demo::run::Client;
use schoolgate::demo::{DemoCaller, DemoJson, Standing, SystemName};
use schoolgate::store::Db;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.plain("import_command::demo_import_and_serve_work_on_one_folder", one_folder);
}

/// A day that lies behind every machine, since `import` and `serve` go by the machine's own.
const TODAY: &str = "2025-11-21";

fn schoolgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schoolgate"));
    command.env_remove("RUST_LOG").env_remove("SCHOOLGATE_CONFIG");
    command
}

/// A program that is stopped when the test ends, however it ends.
struct Running(Child);

impl Running {
    /// Asks it to end, and waits until it has.
    fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success(), "it ends cleanly when asked to");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn one_folder() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("demo");
    let json = demo(&dir);
    let school = Folder::new(&dir, &json);
    school.imports();
    school.of_another_version();
    school.lets_others_go_first();
    school.refusals();
    school.many();
    serve(&dir, &json);
}

/// Runs the demonstration until its ready file is there, and reads what it wrote.
pub fn demo(dir: &Path) -> DemoJson {
    let ready = dir.with_extension("ready");
    let mut command = schoolgate();
    command.args(["demo", "--pupils", "130", "--schools", "2", "--seed", "1", "--today", TODAY]);
    command.arg("--dir").arg(dir).arg("--ready-file").arg(&ready);
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let begun = Instant::now();
    while !ready.exists() {
        assert!(running.0.try_wait().unwrap().is_none(), "the demonstration ended");
        assert!(begun.elapsed() < Duration::from_mins(2), "the demonstration never answered");
        std::thread::sleep(Duration::from_millis(50));
    }
    let json: DemoJson = serde_json::from_slice(&std::fs::read(dir.join("demo.json")).unwrap()).unwrap();
    let plain: Value = serde_json::from_slice(&std::fs::read(dir.join("demo.json")).unwrap()).unwrap();
    let names: Vec<&str> = plain.as_object().unwrap().keys().map(String::as_str).collect();
    let fixed = [
        "api",
        "portal",
        "admin",
        "ca",
        "log_origin",
        "log_key",
        "today",
        "identity_provider",
        "callers",
        "schools",
    ];
    assert_eq!(names, fixed);
    let caller: Vec<&str> = plain["callers"][0].as_object().unwrap().keys().map(String::as_str).collect();
    let fixed = [
        "name",
        "organisation",
        "lane",
        "role",
        "purpose",
        "certificate",
        "key",
        "client_id",
        "subject_token",
        "children",
    ];
    assert_eq!(caller, fixed);
    let child: Vec<&str> =
        plain["callers"][0]["children"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(child, ["pupil_id", "upn", "case_reference", "standing"]);
    let school: Vec<&str> = plain["schools"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(school, ["urn", "laestab", "name", "calendar", "pupils", "attendance"]);
    assert_eq!(json.today.to_string(), TODAY);
    for name in ["social_worker_cp", "stranger", "data_protection_officer_agency"] {
        let caller = json.callers.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no {name}"));
        for path in [&caller.certificate, &caller.key, &json.ca] {
            assert!(Path::new(path).is_relative() && dir.join(path).is_file(), "{path}");
        }
    }
    let out = running.0.stdout.take().unwrap();
    running.stop();
    let said = std::io::read_to_string(out).unwrap();
    assert_eq!(said.matches("curl -sSi").count(), 3, "three calls: {said}");
    json
}

/// With `--json` a failure is JSON and nothing else.
fn told_as_json((exit, expected): (i32, i32), said: &str, why: &str) {
    let told: Value = serde_json::from_str(said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!((exit, told.as_object().unwrap().len()), (expected, 1), "{said}");
    assert!(told["error"].as_str().unwrap().contains(why), "{said}");
}

/// What each thread of a process has been made less urgent by.
fn urgency(process: u32) -> Vec<i64> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    stats.filter_map(|stat| stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()).collect()
}

/// A stopped demonstration, and the system of its first school.
pub struct Folder<'a> {
    pub dir: &'a Path,
    pub json: &'a DemoJson,
    urn: &'a str,
    caller: &'a DemoCaller,
}

impl<'a> Folder<'a> {
    pub fn new(dir: &'a Path, json: &'a DemoJson) -> Self {
        let urn = json.schools[0].urn.as_str();
        let name = format!("school_attendance_officer_{urn}");
        Self { dir, json, urn, caller: json.callers.iter().find(|c| c.name == name).unwrap() }
    }

    fn config(&self) -> PathBuf {
        self.dir.join("schoolgate.toml")
    }

    pub fn import_as(&self, who: (&str, &str), kind: &str, file: &Path, more: &[&str]) -> Output {
        self.importing(who, kind, file).args(more).output().unwrap()
    }

    fn importing(&self, (client_id, key): (&str, &str), kind: &str, file: &Path) -> Command {
        let mut command = schoolgate();
        command.args(["import", kind]).arg(file).args(["--as", client_id]);
        command.arg("--key").arg(self.dir.join(key)).arg("--config").arg(self.config());
        command
    }

    /// Every thread of an import is less urgent than this process. It is looked at while it waits for the writer.
    fn lets_others_go_first(&self) {
        let (good, _) = self.marks("first.csv", ["I", "I"]);
        let url = format!("sqlite:{}", self.dir.join("schoolgate.db").display());
        let runtime = runtime();
        let db = runtime.block_on(Db::open(&url)).unwrap();
        let held = runtime.block_on(db.begin()).unwrap();
        let who = (self.caller.client_id.as_str(), self.caller.key.as_str());
        let mut command = self.importing(who, "attendance", &good);
        let mut import = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let threads = loop {
            let threads = urgency(import.id());
            // The first thread stands alone until the runtime's are begun.
            if threads.len() > 2 {
                break threads;
            }
            assert!(import.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(5));
        };
        let most_urgent = threads.iter().min().copied().unwrap();
        let ours = urgency(std::process::id()).into_iter().min().unwrap();
        assert_eq!(most_urgent, (ours + 10).min(19), "{threads:?}");
        runtime.block_on(async { drop(held) });
        assert!(import.wait().unwrap().success());
        runtime.block_on(db.close());
    }

    pub fn import(&self, kind: &str, file: &Path, more: &[&str]) -> (i32, String) {
        let output = self.import_as((&self.caller.client_id, &self.caller.key), kind, file, more);
        let mut said = String::from_utf8(output.stdout).unwrap();
        // A machine that has much else to do holds the writer for longer, which is logged and is no part of the answer.
        let stderr = String::from_utf8(output.stderr).unwrap();
        let told = stderr.lines().filter(|line| !line.contains("schoolgate::store::held"));
        said.extend(told.map(|line| line.to_owned() + "\n"));
        (output.status.code().unwrap(), said)
    }

    /// A file of marks of one pupil on roll, the second of which is wrong where that is wanted.
    pub fn marks(&self, name: &str, codes: [&str; 2]) -> (PathBuf, String) {
        let rows = std::fs::read_to_string(self.dir.join(&self.json.schools[0].attendance)).unwrap();
        let row = rows.lines().rev().find(|line| line.contains(",2025-11-20,am,")).unwrap();
        let id = row.split(',').next().unwrap().to_owned();
        let file = self.dir.join(name);
        let at = "2025-11-21T17:00:00Z";
        let text = format!(
            "school_pupil_id,date,session,code,recorded_at\n{id},2025-11-20,am,{},{at}\n{id},2025-11-20,pm,{},{at}\n",
            codes[0], codes[1]
        );
        std::fs::write(&file, text).unwrap();
        (file, id)
    }

    /// How many entries tell of requests, and how many states the registers have had.
    fn recorded(&self) -> (i64, i64) {
        let url = format!("sqlite:{}", self.dir.join("schoolgate.db").display());
        runtime().block_on(async {
            let db = Db::open(&url).await.unwrap();
            let entries = number(&db, "SELECT COUNT(*) FROM audit_entries WHERE class = 'access'").await;
            let versions = number(&db, "SELECT COUNT(*) FROM register_versions").await;
            db.close().await;
            (entries, versions)
        })
    }

    /// On a database of another version an import changes nothing, not the database's form either.
    fn of_another_version(&self) {
        const NEWEST: &str = "WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
        let (good, _) = self.marks("good.csv", ["G", "G"]);
        let before = self.recorded();
        let move_by = |number: i64| {
            let url = format!("sqlite:{}", self.dir.join("schoolgate.db").display());
            runtime().block_on(async {
                let db = Db::open(&url).await.unwrap();
                let moved = format!("UPDATE _sqlx_migrations SET version = version + {number} {NEWEST}");
                run!(db, sqlx::AssertSqlSafe(moved.clone()));
                db.close().await;
            });
        };
        move_by(1_000);
        for more in [&["--dry-run"][..], &[]] {
            let (code, said) = self.import("attendance", &good, more);
            assert_eq!((code, said.contains("schoolgate migrate")), (1, true), "{said}");
        }
        move_by(-1_000);
        assert_eq!(self.recorded(), before);
    }

    fn imports(&self) {
        let exports = &self.json.schools[0];
        let before = self.recorded();
        for (kind, path) in [("calendar", &exports.calendar), ("pupils", &exports.pupils)] {
            let (code, said) = self.import(kind, &self.dir.join(path), &[]);
            assert_eq!(code, 0, "{kind}: {said}");
            assert!(said.contains(" 0 accepted, ") && said.contains(" 0 rejected"), "{kind}: {said}");
        }
        let (good, id) = self.marks("good.csv", ["G", "G"]);
        let (code, said) = self.import("attendance", &good, &["--dry-run"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.starts_with("not applied: 2 rows received, 2 accepted"), "{said}");
        assert_eq!(self.recorded(), (before.0 + 3, before.1), "an entry each, and nothing written");
        let (code, said) = self.import("attendance", &good, &["--json"]);
        assert_eq!(code, 0, "{said}");
        let counts: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
        assert_eq!((&counts["accepted"], &counts["applied"]), (&2.into(), &true.into()));
        assert_eq!(self.recorded(), (before.0 + 4, before.1 + 1));
        let (code, said) = self.import("attendance", &good, &[]);
        assert_eq!((code, said.contains("0 accepted, 2 unchanged")), (0, true), "{said}");
        assert!(!self.dir.join("good.csv.errors.csv").exists());
        let (bad, _) = self.marks("bad.csv", ["H", "XYZ"]);
        for more in [&[][..], &["--strict"], &["--dry-run"]] {
            let errors = self.dir.join("bad.csv.errors.csv");
            let (code, said) = self.import("attendance", &bad, more);
            assert_eq!(code, 3, "{said}");
            assert!(said.contains("line 3, code: ") && said.contains("bad.csv.errors.csv"), "{said}");
            assert!(!said.contains("XYZ") && !said.contains(&id), "values stay in the file: {said}");
            let told = std::fs::read_to_string(&errors).unwrap();
            assert!(told.contains(",3,code,XYZ,") && told.contains("what to do"), "{told}");
            std::fs::remove_file(errors).unwrap();
        }
        let (code, said) = self.import("attendance", &bad, &["--json"]);
        let counts: Value =
            serde_json::from_str(&said).unwrap_or_else(|e| panic!("JSON and nothing else: {e}: {said}"));
        assert_eq!((code, &counts["rejected"], &counts["errors"]), (3, &2.into(), &Value::Array(Vec::new())));
        assert!(self.dir.join("bad.csv.errors.csv").exists());
    }

    /// One file of both schools, sent by the supplier that both gave a mandate.
    fn many(&self) {
        let supplier = SystemName::new(SUPPLIER, SUPPLIER_SYSTEM);
        let key = supplier.key();
        let import = |file: &Path, more: &[&str]| {
            let output = self.import_as((&supplier.file_name(), &key), "attendance", file, more);
            let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
            (output.status.code().unwrap(), said)
        };
        let mut text = "school,school_pupil_id,date,session,code,recorded_at\n".to_owned();
        for school in &self.json.schools {
            let rows = std::fs::read_to_string(self.dir.join(&school.attendance)).unwrap();
            let row = rows.lines().find(|line| line.contains(",2025-11-20,am,")).unwrap();
            let id = row.split(',').next().unwrap();
            text += [school.urn.as_str(), id, "2025-11-20,am,O,2025-11-21T18:00:00Z\n"].join(",").as_str();
        }
        let file = self.dir.join("many.csv");
        std::fs::write(&file, &text).unwrap();
        let before = self.recorded();
        let (code, said) = import(&file, &["--dry-run"]);
        assert_eq!((code, said.lines().count()), (0, 3), "{said}");
        assert!(
            said.contains("\n0 of 2 schools applied: 2 rows received, 2 accepted, 0 unchanged, "),
            "{said}"
        );
        assert_eq!(
            self.recorded(),
            (before.0 + 2, before.1),
            "an entry for each school, and nothing written"
        );
        let (code, said) = import(&file, &[]);
        assert_eq!(code, 0, "{said}");
        for (line, school) in said.lines().zip(&self.json.schools) {
            assert!(
                line.starts_with(&format!("{} applied: 1 rows received, 1 accepted", school.urn)),
                "{said}"
            );
        }
        assert_eq!(self.recorded(), (before.0 + 4, before.1 + 2));
        // A pupil that the school does not have, and a school that nobody knows.
        let (first, rest) = text.trim_end().rsplit_once('\n').unwrap();
        let wrong =
            format!("{first}\n{rest}\n{},nobody,2025-11-20,am,O,\n199999,1,2025-11-20,am,O,\n", self.urn);
        std::fs::write(&file, wrong).unwrap();
        let (code, said) = import(&file, &["--json"]);
        let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
        assert_eq!((code, &told["rejected"], &told["unchanged"]), (3, &2.into(), &2.into()), "{said}");
        let schools = told["schools"].as_array().unwrap();
        let rejected: Vec<_> = schools.iter().map(|s| (s["urn"].as_str(), s["rejected"].as_u64())).collect();
        let urns: Vec<_> = self.json.schools.iter().map(|s| Some(s.urn.as_str())).collect();
        assert_eq!(rejected, [(urns[0], Some(1)), (urns[1], Some(0))], "{said}");
        let errors = std::fs::read_to_string(self.dir.join("many.csv.errors.csv")).unwrap();
        assert!(
            errors.contains(",4,school_pupil_id,nobody,") && errors.contains(",5,school,199999,"),
            "{errors}"
        );
    }

    fn refusals(&self) {
        let (good, id) = self.marks("refused.csv", ["C", "C"]);
        let before = self.recorded();
        let other = self
            .json
            .callers
            .iter()
            .find(|c| c.role == self.caller.role && c.name != self.caller.name)
            .unwrap();
        let agency = self.json.callers.iter().find(|c| c.name == "social_worker_cp").unwrap();
        let strangers = [
            (self.caller.client_id.as_str(), other.key.as_str()),
            ("nobody", self.caller.key.as_str()),
            (agency.client_id.as_str(), agency.key.as_str()),
        ];
        for who in strangers {
            let output = self.import_as(who, "attendance", &good, &[]);
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(4), "{who:?}: {said}");
            assert!(said.contains("not authorised") && !said.contains(&id), "{who:?}: {said}");
        }
        assert_eq!(self.recorded(), (before.0 + 3, before.1), "each has its entry");
        // A file that others may read is no key, whatever is in it.
        let output = self.import_as((&self.caller.client_id, "certs/ca.pem"), "attendance", &good, &[]);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!((output.status.code(), said.contains("run `chmod 600")), (Some(1), true), "{said}");
        // Another school's system opens its own registers only: there this pupil is not on roll.
        let output = self.import_as((&other.client_id, &other.key), "attendance", &good, &[]);
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
        let wrong = self.dir.join("wrong.csv");
        std::fs::write(&wrong, format!("number,day\n{id},2025-11-20\n")).unwrap();
        let (code, said) = self.import("attendance", &wrong, &[]);
        assert_eq!(
            (code, said.contains("nothing was taken"), said.contains(&id)),
            (1, true, false),
            "{said}"
        );
        let (code, said) = self.import("attendance", &self.dir.join("demo.json"), &[]);
        assert_eq!((code, said.contains("neither .csv, .xlsx nor .ndjson")), (1, true), "{said}");
        let (code, said) = self.import("attendance", &self.dir.join("none.csv"), &[]);
        assert_eq!((code, said.contains("cannot read")), (1, true), "{said}");
        for (file, code, why) in [
            (&wrong, 1, "nothing was taken"),
            (&self.dir.join("demo.json"), 1, "neither .csv, .xlsx nor .ndjson"),
            (&self.dir.join("none.csv"), 1, "cannot read"),
        ] {
            let (exit, said) = self.import("attendance", file, &["--json"]);
            told_as_json((exit, code), &said, why);
        }
        let output = self.import_as(("nobody", &self.caller.key), "attendance", &good, &["--json"]);
        let said = String::from_utf8(output.stdout).unwrap();
        told_as_json((output.status.code().unwrap(), 4), &said, "not authorised");
        assert_eq!(self.import("marks", &good, &[]).0, 2, "usage");
        assert_eq!(self.recorded().1, before.1, "none of it was written");
        assert_eq!(self.urn.len(), 6);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// `serve` on the folder: the handles of the demonstration still open, and what was imported shows.
fn serve(dir: &Path, json: &DemoJson) {
    // Another test of this run may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut command = schoolgate();
    command.arg("serve").arg("--config").arg(dir.join("schoolgate.toml"));
    let mut running = Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    // Kept to the end: a log that nobody reads any more is no log.
    let mut log = BufReader::new(running.0.stderr.take().unwrap()).lines();
    let api = log.by_ref().map(Result::unwrap).find_map(|line| {
        assert!(!line.contains('\u{1b}'), "no colours where no terminal is: {line:?}");
        let (_, rest) = line.split_once(" api=")?;
        Some(rest.split_whitespace().next()?.to_owned())
    });
    let api = format!("https://{}", api.expect("it says where it serves"));
    let caller = json.callers.iter().find(|c| c.name.starts_with("school_attendance_officer_")).unwrap();
    let child = caller.children.iter().find(|c| c.standing == Standing::Mine).unwrap();
    runtime().block_on(async {
        let client = Client::new(caller, dir, &api).unwrap();
        let path = format!("/v1/pupils/{}/attendance-summary", child.pupil_id.as_deref().unwrap());
        let answer = client.call(reqwest::Method::GET, &path, &[], Vec::new()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    });
    running.stop();
    drop(log);
}
