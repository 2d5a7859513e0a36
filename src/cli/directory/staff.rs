//! Commands about an organisation's staff: teams, who covers which, who acts for whom, marks on persons, officers'
//! authorisations, and persons who are served nothing.

use super::args::{ListArgs, SignArgs};
use super::build::{Stands, of};
use super::list;
use super::run::change;
use crate::directory::changes::{Record, Records};
use crate::directory::{
    ActsForEntry, CoverEntry, OfficerAuthorisationEntry, OfficerEntry, PersonEntry, PersonMarkEntry,
    TeamEntry,
};
use anyhow::{Context as _, Result, bail};
use chrono::NaiveDate;
use clap::{Args, Subcommand};

/// Adding, listing and ending of one kind of record.
#[derive(Debug, Subcommand)]
pub enum StaffCommand<Add: Args, End: Args> {
    /// Add one, or change what is given of one that stands
    Add(Add),
    /// List them
    List(ListArgs),
    /// End it from now on
    Suspend(End),
}

/// `schoolgate team`.
pub type TeamCommand = StaffCommand<TeamAddArgs, TeamArgs>;
/// `schoolgate acts-for`.
pub type ActsForCommand = StaffCommand<ActsForAddArgs, ActsForEndArgs>;
/// `schoolgate cover`.
pub type CoverCommand = StaffCommand<CoverAddArgs, CoverEndArgs>;
/// `schoolgate mark`.
pub type MarkCommand = StaffCommand<MarkAddArgs, MarkEndArgs>;
/// `schoolgate officer`.
pub type OfficerCommand = StaffCommand<OfficerAddArgs, OfficerEndArgs>;

#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Serve a person nothing from now on, whatever their provider says: their tokens end at once
    Suspend(PersonArgs),
    /// Let a suspended person back
    Release(PersonArgs),
    /// List suspended persons
    List(ListArgs),
}

/// First and last day.
#[derive(Clone, Debug, Args)]
pub struct DaysArgs {
    /// First day
    #[arg(long, value_name = "DATE")]
    pub from: NaiveDate,
    /// Last day
    #[arg(long, value_name = "DATE")]
    pub until: NaiveDate,
}

/// A person, as their organisation's identity provider names them.
#[derive(Clone, Debug, Args)]
pub struct SubjectArgs {
    /// Code of the organisation whose provider proves them
    pub organisation: String,
    /// `sub` of the provider's tokens, as entries of the audit name the person
    pub subject: String,
    #[command(flatten)]
    pub provider: ProviderArgs,
}

#[derive(Clone, Debug, Args)]
pub struct ProviderArgs {
    /// The provider's `iss`; may be left out where the organisation has one provider
    #[arg(long)]
    pub issuer: Option<String>,
    /// Its tenant, where it has several; likewise
    #[arg(long)]
    pub tenant: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct PersonArgs {
    #[command(flatten)]
    pub person: SubjectArgs,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct TeamAddArgs {
    #[command(flatten)]
    pub team: TeamArgs,
    /// As shown
    #[arg(long)]
    pub name: String,
    /// Number on which those who claim are rung back, for a team that protects children
    #[arg(long, default_value = "")]
    pub telephone: String,
}

#[derive(Clone, Debug, Args)]
pub struct TeamArgs {
    /// Code of its organisation
    pub organisation: String,
    /// Short name, as in involvement feeds
    pub code: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct ActsForAddArgs {
    #[command(flatten)]
    pub ends: ActsForEndArgs,
    /// A role in which it acts; given once for each
    #[arg(long = "role", required = true)]
    pub roles: Vec<String>,
    #[command(flatten)]
    pub days: DaysArgs,
}

#[derive(Clone, Debug, Args)]
pub struct ActsForEndArgs {
    /// Code of the organisation that acts
    pub organisation: String,
    /// Code of the organisation that it acts for
    pub acted_for: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct CoverAddArgs {
    #[command(flatten)]
    pub ends: CoverEndArgs,
    /// duty, `out_of_hours`, reviewing or management
    #[arg(long)]
    pub kind: String,
    /// `always`, or London time such as `mon-fri 17:00-09:00; sat-sun 00:00-24:00`
    #[arg(long)]
    pub hours: String,
    #[command(flatten)]
    pub days: DaysArgs,
}

#[derive(Clone, Debug, Args)]
pub struct CoverEndArgs {
    /// Code of the organisation that covers
    pub organisation: String,
    /// Code of its team
    pub team: String,
    /// Code of the organisation that is covered, where that is another
    #[arg(long, value_name = "CODE")]
    pub covered_organisation: Option<String>,
    /// Code of the team that is covered
    pub covered_team: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct MarkAddArgs {
    #[command(flatten)]
    pub ends: MarkEndArgs,
    #[command(flatten)]
    pub days: DaysArgs,
}

#[derive(Clone, Debug, Args)]
pub struct MarkEndArgs {
    #[command(flatten)]
    pub person: SubjectArgs,
    /// manager, `senior_officer`, `data_matcher`, `protected_returns_officer` or `education_safeguarding_lead`
    pub mark: String,
    /// Of a manager: code of the team
    #[arg(long, value_name = "CODE")]
    pub team: Option<String>,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct OfficerAddArgs {
    #[command(flatten)]
    pub ends: OfficerEndArgs,
    /// The officer's name
    #[arg(long)]
    pub name: String,
    /// The officer at the authority's identity provider; without, the authorisation is the system's where nobody is proved
    #[arg(long)]
    pub subject: Option<String>,
    #[command(flatten)]
    pub provider: ProviderArgs,
    #[command(flatten)]
    pub days: DaysArgs,
}

#[derive(Clone, Debug, Args)]
pub struct OfficerEndArgs {
    /// Code of the authority
    pub organisation: String,
    /// Client identifier of the system through which the officer acts
    pub system: String,
    /// Reference of the written authorisation
    pub document: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

pub async fn person(command: PersonCommand) -> Result<u8> {
    match command {
        PersonCommand::Suspend(args) => change(&args.sign, |stands| standing(stands, &args, true)).await,
        PersonCommand::Release(args) => change(&args.sign, |stands| standing(stands, &args, false)).await,
        PersonCommand::List(args) => list::records(&args, "person").await,
    }
}

pub async fn team(command: TeamCommand) -> Result<u8> {
    let entry = |args: &TeamAddArgs| TeamEntry {
        organisation: args.team.organisation.clone(),
        code: args.team.code.clone(),
        name: args.name.clone(),
        ended: false,
        telephone: args.telephone.clone(),
    };
    match command {
        StaffCommand::Add(args) => change(&args.team.sign, |_| Ok(of([Record::Team(entry(&args))]))).await,
        StaffCommand::List(args) => list::records(&args, "team").await,
        StaffCommand::Suspend(args) => {
            let own = |t: &TeamEntry| t.organisation == args.organisation && t.code == args.code;
            change(&args.sign, |stands| ended(stands, |r| matches!(r, Record::Team(t) if own(t)))).await
        }
    }
}

pub async fn acts_for(command: ActsForCommand) -> Result<u8> {
    match command {
        StaffCommand::Add(args) => {
            let acts = Record::ActsFor(ActsForEntry {
                organisation: args.ends.organisation.clone(),
                acted_for: args.ends.acted_for.clone(),
                roles: args.roles.clone(),
                valid_from: args.days.from,
                valid_until: args.days.until,
            });
            change(&args.ends.sign, |_| Ok(of([acts]))).await
        }
        StaffCommand::List(args) => list::records(&args, "acting").await,
        StaffCommand::Suspend(args) => {
            let own = |a: &ActsForEntry| a.organisation == args.organisation && a.acted_for == args.acted_for;
            change(&args.sign, |stands| ended(stands, |r| matches!(r, Record::ActsFor(a) if own(a)))).await
        }
    }
}

pub async fn cover(command: CoverCommand) -> Result<u8> {
    let covered =
        |ends: &CoverEndArgs| ends.covered_organisation.clone().unwrap_or_else(|| ends.organisation.clone());
    match command {
        StaffCommand::Add(args) => {
            let cover = Record::Cover(CoverEntry {
                organisation: args.ends.organisation.clone(),
                team: args.ends.team.clone(),
                covered_organisation: covered(&args.ends),
                covered_team: args.ends.covered_team.clone(),
                kind: args.kind.clone(),
                hours: args.hours.clone(),
                valid_from: args.days.from,
                valid_until: args.days.until,
            });
            change(&args.ends.sign, |_| Ok(of([cover]))).await
        }
        StaffCommand::List(args) => list::records(&args, "cover").await,
        StaffCommand::Suspend(args) => {
            let whom = (covered(&args), &args.covered_team);
            let own = |c: &CoverEntry| {
                (&c.organisation, &c.team) == (&args.organisation, &args.team)
                    && (&c.covered_organisation, &c.covered_team) == (&whom.0, whom.1)
            };
            change(&args.sign, |stands| ended(stands, |r| matches!(r, Record::Cover(c) if own(c)))).await
        }
    }
}

pub async fn mark(command: MarkCommand) -> Result<u8> {
    match command {
        StaffCommand::Add(args) => {
            change(&args.ends.sign, |(stands, _)| {
                let person = &args.ends.person;
                let (issuer, tenant) = provider(stands, &person.organisation, &person.provider)?;
                Ok(of([Record::PersonMark(PersonMarkEntry {
                    organisation: person.organisation.clone(),
                    issuer,
                    tenant,
                    subject: person.subject.clone(),
                    mark: args.ends.mark.clone(),
                    team: args.ends.team.clone(),
                    valid_from: args.days.from,
                    valid_until: args.days.until,
                })]))
            })
            .await
        }
        StaffCommand::List(args) => list::records(&args, "mark").await,
        StaffCommand::Suspend(args) => {
            change(&args.sign, |(stands, today)| {
                let (issuer, tenant) = provider(stands, &args.person.organisation, &args.person.provider)?;
                let own = |m: &PersonMarkEntry| {
                    m.organisation == args.person.organisation
                        && (&m.issuer, &m.tenant, &m.subject) == (&issuer, &tenant, &args.person.subject)
                        && (&m.mark, &m.team) == (&args.mark, &args.team)
                };
                ended((stands, today), |r| matches!(r, Record::PersonMark(m) if own(m)))
            })
            .await
        }
    }
}

pub async fn officer(command: OfficerCommand) -> Result<u8> {
    match command {
        StaffCommand::Add(args) => {
            change(&args.ends.sign, |(stands, _)| {
                let named = args.subject.clone().map(|subject| {
                    let (issuer, tenant) = provider(stands, &args.ends.organisation, &args.provider)?;
                    Ok::<_, anyhow::Error>(OfficerEntry { issuer, tenant, subject })
                });
                Ok(of([Record::OfficerAuthorisation(OfficerAuthorisationEntry {
                    organisation: args.ends.organisation.clone(),
                    client_id: args.ends.system.clone(),
                    officer: args.name.clone(),
                    document: args.ends.document.clone(),
                    valid_from: args.days.from,
                    valid_until: args.days.until,
                    person: named.transpose()?,
                })]))
            })
            .await
        }
        StaffCommand::List(args) => list::records(&args, "officer authorisation").await,
        StaffCommand::Suspend(args) => {
            let own = |a: &OfficerAuthorisationEntry| {
                (&a.organisation, &a.client_id, &a.document)
                    == (&args.organisation, &args.system, &args.document)
            };
            let own = |r: &Record| matches!(r, Record::OfficerAuthorisation(a) if own(a));
            change(&args.sign, |stands| ended(stands, own)).await
        }
    }
}

/// Those records that have not ended, ended.
fn ended((stands, today): Stands<'_>, own: impl Fn(&Record) -> bool) -> Result<Records> {
    let ended = of(stands.values().filter(|record| own(record)).filter_map(|record| record.ended(today)));
    if ended.is_empty() {
        bail!("nothing of this name stands that has not ended; see the list");
    }
    Ok(ended)
}

fn standing((stands, _): Stands<'_>, args: &PersonArgs, suspended: bool) -> Result<Records> {
    let SubjectArgs { organisation, subject, provider: given } = &args.person;
    let (issuer, tenant) = provider(stands, organisation, given)?;
    let (organisation, subject) = (organisation.clone(), subject.clone());
    let person = Record::Person(PersonEntry { organisation, issuer, tenant, subject, suspended });
    if !suspended && !stands.contains_key(&person.key()) {
        bail!("nobody is suspended by this name; see `schoolgate person list`");
    }
    Ok(of([person]))
}

/// Issuer and tenant of the one provider of an organisation that fits what was given.
fn provider(stands: &Records, organisation: &str, given: &ProviderArgs) -> Result<(String, String)> {
    let mut fitting = stands.values().filter_map(|record| {
        let Record::IdentityProvider(p) = record else { return None };
        let own = p.tenant.as_deref().unwrap_or_default();
        let fits = p.organisation == organisation
            && given.issuer.as_ref().is_none_or(|issuer| *issuer == p.issuer)
            && given.tenant.as_ref().is_none_or(|tenant| tenant == own);
        fits.then(|| (p.issuer.clone(), own.to_owned()))
    });
    let found = fitting.next().with_context(|| {
        format!("`{organisation}` has no such identity provider; see `schoolgate idp list`")
    })?;
    if fitting.next().is_some() {
        bail!("`{organisation}` has several identity providers; give --issuer, and --tenant");
    }
    Ok(found)
}
