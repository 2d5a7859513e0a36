//! The command line: one file per subcommand. Operators' commands print counts, ids, line and column, never a child.

mod cert;
mod demo;
mod directory;
mod doctor;
pub mod import;
pub mod init;
pub mod operator;
pub mod policy;
mod serve;

use crate::clock::Clock;
use crate::demo::run::DemoArgs;
use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// A secure inter-agency data exchange gateway for English schools.
#[derive(Debug, Parser)]
#[command(name = "schoolgate", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A running gateway with a synthetic authority, certificates and sample calls
    Demo(DemoArgs),
    /// Make a gateway's keys and configuration
    Init(init::InitArgs),
    /// Operators and their keys
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Organisations that take part
    #[command(subcommand)]
    Org(directory::OrgCommand),
    /// Schools
    #[command(subcommand)]
    School(directory::SchoolCommand),
    /// Systems of organisations, and their certificates
    #[command(subcommand)]
    System(directory::SystemCommand),
    /// Identity providers, whose tokens prove an organisation's people
    #[command(subcommand)]
    Idp(directory::IdpCommand),
    /// What may be received by whom
    #[command(subcommand)]
    SharingAgreement(directory::SharingAgreementCommand),
    /// Which systems may act for which schools
    #[command(subcommand)]
    Mandate(directory::MandateCommand),
    /// The directory as a whole
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    /// Organisations' teams, to which cases belong
    #[command(subcommand)]
    Team(directory::TeamCommand),
    /// Which organisations act for which
    #[command(subcommand)]
    ActsFor(directory::ActsForCommand),
    /// Which teams cover which, and when
    #[command(subcommand)]
    Cover(directory::CoverCommand),
    /// What persons may do beyond their role
    #[command(subcommand)]
    Mark(directory::MarkCommand),
    /// Officers' written authorisations, SI 2024/208 reg 12
    #[command(subcommand)]
    Officer(directory::OfficerCommand),
    /// Persons who are served nothing
    #[command(subcommand)]
    Person(directory::PersonCommand),
    /// Changes of the directory, which a second operator approves
    #[command(subcommand)]
    Change(directory::ChangeCommand),
    /// Serve the API and the admin listener
    Serve(serve::ServeArgs),
    /// Make the database's tables, or bring them up to date
    Migrate(serve::ServeArgs),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Import a school's file as one of its systems, straight into the database
    Import(import::ImportArgs),
    /// What the access policies give to whom
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// A certificate authority for development
    #[command(subcommand)]
    Cert(cert::CertCommand),
    /// Say why a system is not answered: names, clocks, certificates, directory
    Doctor(doctor::DoctorArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Print shell completions
    Completions {
        /// For this shell
        shell: Shell,
    },
    /// Print the manual page, or write those of every command into a folder
    Man {
        /// The folder; made if it is not there
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Make an operator's key pair on the operator's own machine
    Key(operator::OperatorKeyArgs),
    /// Add an operator, or give one another key
    Add(directory::OperatorAddArgs),
    /// List operators
    List(directory::ListArgs),
    /// Have an operator sign nothing from now on
    Suspend(directory::OperatorSuspendArgs),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say what is wrong with the configuration; nothing if it can be served with
    Check(serve::ServeArgs),
    /// Print the configuration as it is in force
    Show(serve::ServeArgs),
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Print the full table: who may see which sections, for which purpose
    Matrix(policy::MatrixArgs),
    /// Say whether a folder of policies could be taken into force
    Check(policy::FolderArgs),
    /// Put a folder of policies in force, as a change that a second operator approves
    Apply(directory::policies::PolicyApplyArgs),
    /// List which sets of policies were in force, the newest first
    List(directory::ListArgs),
    /// Print the texts of a set of policies, or write them into a folder
    Show(directory::policies::PolicyShowArgs),
    /// Say who gains and who loses what when one set of policies takes the place of another
    Diff(policy::DiffArgs),
    /// Say why a question with these facts is answered as it is, and by which rule
    Why(policy::WhyArgs),
}

/// Done, and nothing was left out.
const DONE: u8 = 0;
/// Failed.
const FAILED: u8 = 1;

/// Runs the command line. Exit codes: 0 done, 1 failed, 2 usage, 3 some rows rejected, 4 not authorised, 5 try again.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Before any other thread is begun, which is given what this one has.
    if matches!(cli.command, Command::Import(_)) {
        import::let_others_go_first();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    complain(error);
    ExitCode::from(FAILED)
}

/// Says what is in the way, to standard error.
#[expect(clippy::print_stderr, reason = "the command line speaks to its user")]
fn complain(error: &anyhow::Error) {
    eprintln!("schoolgate: {error:#}");
}

async fn run(cli: Cli) -> Result<u8> {
    match cli.command {
        Command::Demo(args) => demo::demo(&args).await?,
        Command::Init(args) => {
            let made = init::init(&args)?;
            say(&format!(
                "made {} and {}\nnext: the certificates that it names, as certs/README.md says; then `config check`, `migrate` and \
                 `serve`, each with `--config {}`\n",
                made.config.display(),
                made.keys.display(),
                made.config.display()
            ))?;
        }
        Command::Operator(OperatorCommand::Key(args)) => {
            let public = operator::operator_key(&args)?;
            say(&format!("made {} and {}\n", args.file.display(), public.display()))?;
        }
        Command::Operator(OperatorCommand::Add(args)) => return directory::add_operator(args).await,
        Command::Operator(OperatorCommand::List(args)) => return directory::list_operators(args).await,
        Command::Operator(OperatorCommand::Suspend(args)) => return directory::suspend_operator(args).await,
        Command::Org(command) => return directory::org(command).await,
        Command::School(command) => return directory::school(command).await,
        Command::System(command) => return directory::system(command).await,
        Command::SharingAgreement(command) => return directory::sharing_agreement(command).await,
        Command::Idp(command) => return directory::idp(command).await,
        Command::Mandate(command) => return directory::mandate(command).await,
        Command::Team(command) => return directory::team(command).await,
        Command::ActsFor(command) => return directory::acts_for(command).await,
        Command::Cover(command) => return directory::cover(command).await,
        Command::Mark(command) => return directory::mark(command).await,
        Command::Officer(command) => return directory::officer(command).await,
        Command::Person(command) => return directory::person(command).await,
        Command::Directory(command) => return directory::directory(command).await,
        Command::Change(command) => return directory::changes(command).await,
        Command::Serve(args) => serve::serve(&args).await?,
        Command::Migrate(args) => say(&serve::migrate(&args).await?)?,
        Command::Config(ConfigCommand::Check(args)) => return serve::check(&args),
        Command::Config(ConfigCommand::Show(args)) => say(&serve::show(&args)?)?,
        Command::Import(args) => return import::import(&args).await,
        Command::Cert(command) => say(&cert::cert(&command, &Clock::machine())?)?,
        Command::Doctor(args) => return doctor::doctor(&args).await,
        Command::Policy(PolicyCommand::Matrix(args)) => say(&policy::matrix_of(&args).await?)?,
        Command::Policy(PolicyCommand::Apply(args)) => return directory::policies::apply(&args).await,
        Command::Policy(PolicyCommand::List(args)) => return directory::policies::list(&args).await,
        Command::Policy(PolicyCommand::Show(args)) => return directory::policies::show(&args).await,
        Command::Policy(PolicyCommand::Check(args)) => say(&policy::check(&args)?)?,
        Command::Policy(PolicyCommand::Diff(args)) => say(&policy::diff(&args).await?)?,
        Command::Policy(PolicyCommand::Why(args)) => say(&policy::why(&args).await?)?,
        Command::Openapi => say(&crate::router::openapi())?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "schoolgate", &mut std::io::stdout());
        }
        Command::Man { dir: None } => clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?,
        Command::Man { dir: Some(dir) } => {
            std::fs::create_dir_all(&dir)?;
            clap_mangen::generate_to(Cli::command(), &dir)?;
            say(&format!(
                "wrote manual pages into {}
",
                dir.display()
            ))?;
        }
    }
    Ok(DONE)
}

/// Prints to standard output; a reader that has gone away is no error.
pub(crate) fn say(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
