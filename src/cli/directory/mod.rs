//! Operators' commands: what they change is signed with an operator's key, goes through the same gate and journal as the
//! running gateways, and is seen by them within a second. They print records, counts and ids, never a child.

mod args;
mod build;
mod list;
pub(super) mod policies;
mod run;
mod staff;
mod told;

pub(super) use args::{
    ChangeCommand, DirectoryCommand, IdpCommand, MandateCommand, OrgCommand, SchoolCommand,
    SharingAgreementCommand, SystemCommand,
};
pub(super) use args::{ListArgs, OperatorAddArgs, OperatorSuspendArgs};
pub(super) use staff::{
    ActsForCommand, CoverCommand, MarkCommand, OfficerCommand, PersonCommand, TeamCommand, acts_for, cover,
    mark, officer, person, team,
};

use crate::directory::changes::Missing;
use anyhow::Result;
use run::{change, decide};

/// `schoolgate org`.
pub(super) async fn org(command: OrgCommand) -> Result<u8> {
    match command {
        OrgCommand::Add(args) => {
            change(&args.sign, |stands| build::organisation(stands, &args.organisation, None)).await
        }
        OrgCommand::List(args) => list::records(&args, "organisation").await,
        OrgCommand::Suspend(args) => {
            change(&args.sign, |stands| build::ended(stands, "organisation", &args.code)).await
        }
    }
}

/// `schoolgate school`.
pub(super) async fn school(command: SchoolCommand) -> Result<u8> {
    match command {
        SchoolCommand::Add(args) => {
            change(&args.sign, |stands| build::organisation(stands, &args.organisation, Some(&args.numbers)))
                .await
        }
        SchoolCommand::List(args) => list::records(&args, "school").await,
        SchoolCommand::Suspend(args) => {
            change(&args.sign, |stands| build::ended(stands, "organisation", &args.code)).await
        }
    }
}

/// `schoolgate system`.
pub(super) async fn system(command: SystemCommand) -> Result<u8> {
    match command {
        SystemCommand::Add(args) => change(&args.sign, |stands| build::system(stands, &args)).await,
        SystemCommand::List(args) => list::records(&args, "system").await,
        SystemCommand::Suspend(args) => change(&args.sign, |stands| build::shut_system(stands, &args)).await,
    }
}

/// `schoolgate sharing-agreement`.
pub(super) async fn sharing_agreement(command: SharingAgreementCommand) -> Result<u8> {
    match command {
        SharingAgreementCommand::Add(args) => change(&args.sign, |_| build::agreement(&args)).await,
        SharingAgreementCommand::List(args) => list::records(&args, "sharing agreement").await,
        SharingAgreementCommand::Suspend(args) => {
            change(&args.sign, |stands| build::suspended_agreement(stands, &args)).await
        }
    }
}

/// `schoolgate idp`.
pub(super) async fn idp(command: IdpCommand) -> Result<u8> {
    match command {
        IdpCommand::Add(args) => change(&args.sign, |_| build::provider(&args)).await,
        IdpCommand::List(args) => list::records(&args, "identity provider").await,
        IdpCommand::Suspend(args) => change(&args.sign, |stands| build::shut_provider(stands, &args)).await,
    }
}

/// `schoolgate mandate`.
pub(super) async fn mandate(command: MandateCommand) -> Result<u8> {
    match command {
        MandateCommand::Add(args) => change(&args.sign, |_| Ok(build::mandate(&args))).await,
        MandateCommand::List(args) => list::records(&args, "mandate").await,
        MandateCommand::Suspend(args) => {
            change(&args.sign, |stands| build::ended_mandates(stands, &args)).await
        }
    }
}

/// `schoolgate operator add`.
pub(super) async fn add_operator(args: OperatorAddArgs) -> Result<u8> {
    change(&args.sign, |_| build::operator(&args)).await
}

/// `schoolgate operator list`.
pub(super) async fn list_operators(args: ListArgs) -> Result<u8> {
    list::records(&args, "operator").await
}

/// `schoolgate operator suspend`.
pub(super) async fn suspend_operator(args: OperatorSuspendArgs) -> Result<u8> {
    change(&args.sign, |stands| build::ended(stands, "operator", &args.name)).await
}

/// `schoolgate directory`.
pub(super) async fn directory(command: DirectoryCommand) -> Result<u8> {
    match command {
        DirectoryCommand::Apply(args) => {
            let missing =
                if args.only_these || build::is_gias(&args.file) { Missing::Stand } else { Missing::End };
            run::change_with(&args.sign, missing, |stands| build::of_file(stands, &args.file)).await
        }
        DirectoryCommand::Show(args) => list::whole(&args).await,
    }
}

/// `schoolgate change`.
pub(super) async fn changes(command: ChangeCommand) -> Result<u8> {
    match command {
        ChangeCommand::List(args) => list::changes(&args).await,
        ChangeCommand::Show(args) => list::change(&args).await,
        ChangeCommand::Approve(args) => decide(&args, true).await,
        ChangeCommand::Refuse(args) => decide(&args, false).await,
    }
}
