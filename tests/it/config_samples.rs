//! What `init` makes can be served with once certificates are there, and nothing unsafe is served with.

use crate::support::{Ran, Suite, schoolgate};
use schoolgate::clock::Clock;
use schoolgate::demo::Pki;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("config_samples::keys_are_for_their_owner_alone", keys_are_for_their_owner_alone);
    suite.plain("config_samples::one_operator_twice_is_refused", one_operator_twice_is_refused);
    suite
        .plain("config_samples::made_configuration_is_checked_and_shown", configuration_is_checked_and_shown);
    suite.plain("config_samples::a_password_is_not_shown", a_password_is_not_shown);
    suite.plain("config_samples::a_database_elsewhere_must_prove_itself", database_elsewhere);
    suite.plain("config_samples::migrate_alone_makes_a_database", migrate_alone_makes_a_database);
    suite.plain("config_samples::serves_nothing_without_its_keys", serves_nothing_without_its_keys);
    suite.plain("config_samples::serves_nothing_with_keys_for_others", serves_nothing_with_keys_for_others);
}

/// A folder with the keys of two operators, `anna` and `ben`.
fn operators() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["anna", "ben"] {
        done(&schoolgate(folder.path(), ["operator", "key", name]));
    }
    folder
}

/// The same with a gateway in `gate`.
fn gateway() -> TempDir {
    let folder = operators();
    done(&init(folder.path(), "anna.pub", "ben.pub"));
    folder
}

fn init(folder: &Path, first: &str, second: &str) -> Ran {
    schoolgate(folder, ["init", "--dir", "gate", "--operator", first, "--operator", second])
}

fn done(ran: &Ran) {
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
}

/// A failure that says what to do.
fn refused(ran: &Ran, says: &str) {
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains(says), "`{says}` is not in: {}", ran.err);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn keys_are_for_their_owner_alone() {
    let folder = gateway();
    assert_eq!(mode(&folder.path().join("anna")), 0o600);
    let keys = folder.path().join("gate/keys");
    assert_eq!(mode(&keys), 0o700);
    let files: Vec<_> = fs::read_dir(&keys).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    let again = init(folder.path(), "anna.pub", "ben.pub");
    refused(&again, "choose another folder");
    refused(&schoolgate(folder.path(), ["operator", "key", "anna"]), "choose another place");
}

fn one_operator_twice_is_refused() {
    let folder = operators();
    fs::copy(folder.path().join("anna.pub"), folder.path().join("copy.pub")).unwrap();
    for second in ["anna.pub", "copy.pub"] {
        refused(&init(folder.path(), "anna.pub", second), "two people must each have their own");
        assert!(!folder.path().join("gate").exists(), "a refusal wrote something");
    }
    let one = schoolgate(folder.path(), ["init", "--dir", "gate", "--operator", "anna.pub"]);
    refused(&one, "give --operator twice");
    let private = init(folder.path(), "anna.pub", "ben");
    refused(&private, "`ben`");
}

fn configuration_is_checked_and_shown() {
    let folder = gateway();
    let config = folder.path().join("gate/schoolgate.toml");
    let gate = config.parent().unwrap();
    // What `serve` would refuse is told: a deployment brings its certificates.
    let checked = schoolgate(gate, ["config", "check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.out.contains("server.pem") && checked.out.contains("certs/README.md"), "{checked:?}");
    Pki::create(gate, &[], Clock::machine().now()).unwrap();
    fs::copy(gate.join("certs/ca.pem"), gate.join("certs/client-authorities.pem")).unwrap();
    let checked = schoolgate(gate, ["config", "check"]);
    done(&checked);
    assert_eq!(checked.out, "");
    let shown = schoolgate(folder.path(), ["config", "show", "--config", config.to_str().unwrap()]);
    done(&shown);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(shown["files"]["keys"], gate.join("keys").to_str().unwrap());
    let text = fs::read_to_string(&config).unwrap();
    for (from, to, says) in [
        ("sqlite:", "mysql:", "database.url"),
        ("[names]", "[names]\nnam = 1", "nam"),
        ("[listeners]", "[listeners]\nadmin = \"0.0.0.0:9090\"", "loopback"),
    ] {
        fs::write(&config, text.replacen(from, to, 1)).unwrap();
        refused(&schoolgate(gate, ["config", "check"]), says);
    }
    fs::remove_file(&config).unwrap();
    refused(&schoolgate(gate, ["config", "check"]), "schoolgate.toml");
}

fn a_password_is_not_shown() {
    let folder = gateway();
    let config = folder.path().join("gate/schoolgate.toml");
    let text = fs::read_to_string(&config).unwrap();
    let secret = text.replacen(
        "sqlite:schoolgate.db",
        "postgres://gate:open-sesame@db.example/gate?sslmode=verify-full",
        1,
    );
    assert_ne!(secret, text);
    fs::write(&config, secret).unwrap();
    let shown = schoolgate(&folder.path().join("gate"), ["config", "show"]);
    done(&shown);
    assert!(shown.out.contains("db.example") && !shown.out.contains("open-sesame"), "{}", shown.out);
}

const IMPORT: [&str; 7] = ["import", "pupils", "roll.csv", "--as", "school.mis", "--key", "school.key"];

fn database_elsewhere() {
    let folder = gateway();
    let gate = folder.path().join("gate");
    let config = gate.join("schoolgate.toml");
    let text = fs::read_to_string(&config).unwrap();
    let url = "postgres://gate:open-sesame@db.example/gate?sslmode=require";
    fs::write(&config, text.replacen("sqlite:schoolgate.db", url, 1)).unwrap();
    fs::write(gate.join("roll.csv"), "upn\n").unwrap();
    for command in [&["config", "check"][..], &["migrate"], &["serve"], &IMPORT] {
        let ran = schoolgate(&gate, command);
        refused(&ran, "sslmode=verify-full");
        assert!(!ran.err.contains("open-sesame"), "{ran:?}");
    }
}

/// A file that is not there is a volume that is not mounted, or a wrong name: no new log begins in its place.
fn migrate_alone_makes_a_database() {
    let folder = gateway();
    let gate = folder.path().join("gate");
    Pki::create(&gate, &[], Clock::machine().now()).unwrap();
    fs::copy(gate.join("certs/ca.pem"), gate.join("certs/client-authorities.pem")).unwrap();
    let config = gate.join("schoolgate.toml");
    let text = fs::read_to_string(&config).unwrap();
    let free = "[listeners]\napi = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"";
    fs::write(&config, text.replacen("[listeners]", free, 1)).unwrap();
    fs::write(gate.join("roll.csv"), "upn\n").unwrap();
    let database = gate.join("schoolgate.db");
    for command in [&["serve"][..], &IMPORT] {
        refused(&schoolgate(&gate, command), "schoolgate.db` is not there");
        assert!(!database.exists());
    }
    fs::write(&database, "").unwrap();
    for command in [&["serve"][..], &IMPORT] {
        refused(&schoolgate(&gate, command), "schoolgate migrate");
    }
    fs::remove_file(&database).unwrap();
    let made = schoolgate(&gate, ["migrate"]);
    done(&made);
    assert!(made.out.contains("from migration 0 to "), "{made:?}");
    assert_eq!(mode(&database), 0o600);
    // Now an import gets as far as asking who imports.
    refused(&schoolgate(&gate, IMPORT), "school.key");
}

/// `serve` and `config check` agree; neither leaves a database behind.
fn serves_nothing(gate: &Path, says: &str) {
    refused(&schoolgate(gate, ["serve"]), says);
    let checked = schoolgate(gate, ["config", "check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.out.contains(says), "{checked:?}");
    assert!(!gate.join("schoolgate.db").exists(), "a gateway that may not serve opened its database");
}

fn serves_nothing_without_its_keys() {
    let folder = gateway();
    let gate = folder.path().join("gate");
    fs::remove_dir_all(gate.join("keys")).unwrap();
    serves_nothing(&gate, "check that it is there");
}

fn serves_nothing_with_keys_for_others() {
    let folder = gateway();
    let gate = folder.path().join("gate");
    let keys = gate.join("keys");
    let file = fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    serves_nothing(&gate, "run `chmod 600");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&keys, Permissions::from_mode(0o750)).unwrap();
    serves_nothing(&gate, "run `chmod 700");
    fs::set_permissions(&keys, Permissions::from_mode(0o700)).unwrap();
    // With its keys in order it asks for the next thing that it needs.
    refused(&schoolgate(&gate, ["serve"]), "server.pem");
}
