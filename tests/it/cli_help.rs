//! The command line as its users meet it: the help of every subcommand, and the small commands.

use crate::support::{Suite, schoolgate};
use std::path::{Path, PathBuf};

/// Asks for the expected text to be written anew instead of compared.
const RENEW: &str = "RENEW_CLI_HELP";

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("cli_help::help_is_as_reviewed", help_is_as_reviewed);
    suite.plain("cli_help::self::subcommands_are_read", || {
        let help = "About\n\nCommands:\n  serve  Serve\n  help   Print this\n\nOptions:\n  -h, --help\n";
        assert_eq!(subcommands(help), ["serve"]);
    });
    suite.plain("cli_help::bash_completions_know_every_subcommand", || {
        let ran = schoolgate(Path::new("/"), ["completions", "bash"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        for command in all_commands().iter().filter(|c| !c.is_empty()) {
            // The completions write a hyphen of a name as they write the step to a subcommand.
            let name = command.join("__subcmd__").replace('-', "__subcmd__");
            assert!(
                ran.out.contains(&format!("schoolgate__subcmd__{name})")),
                "no completion of {command:?}"
            );
        }
    });
    suite.plain("cli_help::manual_has_a_page_for_every_subcommand", || {
        let folder = tempfile::tempdir().unwrap();
        let ran = schoolgate(folder.path(), ["man", "pages"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        for command in all_commands() {
            let name = [&["schoolgate".to_owned()], command.as_slice()].concat().join("-");
            let page = std::fs::read_to_string(folder.path().join(format!("pages/{name}.1"))).unwrap();
            assert!(page.contains(".SH NAME"), "{name}");
        }
    });
    suite.plain("cli_help::policy_matrix_is_the_reviewed_one", || {
        let ran = schoolgate(Path::new("/"), ["policy", "matrix"]);
        let reviewed = std::fs::read_to_string(here().join("policy_matrix.txt")).unwrap();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert_eq!(ran.out, reviewed);
    });
    suite.plain("cli_help::an_unknown_command_is_a_usage_error", || {
        let ran = schoolgate(Path::new("/"), ["server"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
        assert!(ran.err.contains("serve"), "no help towards the right word: {}", ran.err);
    });
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")
}

fn help(command: &[String]) -> String {
    let ran = schoolgate(Path::new("/"), command.iter().map(String::as_str).chain(["--help"]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{command:?} --help");
    ran.out
}

/// The names under `Commands:`, without `help` itself.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    // A description that runs on stands further to the right than a name.
    let names = listed.filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    let names = names.filter_map(|l| l.split_whitespace().next()).filter(|name| *name != "help");
    names.map(ToOwned::to_owned).collect()
}

/// Every command by its words, the program itself first, each before its own subcommands.
fn all_commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut next = vec![Vec::new()];
    while let Some(command) = next.pop() {
        let below = subcommands(&help(&command));
        next.extend(below.into_iter().rev().map(|name| [command.clone(), vec![name]].concat()));
        found.push(command);
    }
    assert!(found.len() > 10, "the form of the help has changed: {found:?}");
    found
}

fn help_is_as_reviewed() {
    let file = here().join("cli_help.txt");
    let texts = all_commands().into_iter().map(|command| {
        let name = [&["schoolgate".to_owned()], command.as_slice()].concat().join(" ");
        // Clap leaves spaces at the end of some lines; nobody sees them.
        let lines = help(&command).lines().map(|l| l.trim_end().to_owned() + "\n").collect::<String>();
        format!("$ {name} --help\n{lines}\n")
    });
    let said: String = texts.collect();
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&file, &said).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
    let differing = said.lines().zip(reviewed.lines()).find(|(said, reviewed)| said != reviewed);
    assert!(
        said == reviewed,
        "the help has changed (first: {differing:?}); renew the text, and review it:\n  {RENEW}=1 cargo test --test it cli_help"
    );
}
