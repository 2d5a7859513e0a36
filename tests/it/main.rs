//! The one integration test binary.
//!
//! Every trial is registered by name in [`trials`]. A test that takes a database runs twice, on `SQLite` and on a
//! private PostgreSQL that is started at most once and stopped at the end; where none is installed those trials are
//! shown as ignored and counted in the last line.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "tests fail by panicking; the allowances for tests do not reach helper functions of this binary"
)]

mod again;
mod amendments;
mod architecture;
mod audit;
mod audit_trail;
mod bars;
mod careless;
mod caseloads;
mod certificates;
mod changes;
mod cli_help;
mod compile_fail;
mod config_samples;
mod connections;
mod contradictions;
mod cross_party;
mod demo;
mod derivations;
mod documents;
mod every_route_is_guarded;
mod figures;
mod fuzz_smoke;
mod identity;
mod import_command;
mod import_errors;
mod intake;
mod intake_files;
mod intake_reports;
mod involvement_matching;
mod involvements;
mod limits;
mod mandates;
mod many_children;
mod many_children_cut;
mod many_schools;
mod one_not_found;
mod openapi;
mod operators;
mod outages;
mod policy_matrix;
mod polling;
mod registers;
mod relationships;
mod retention;
mod school_figures;
mod snapshots;
mod store;
mod summaries;
mod support;
mod taken_back;
mod ties;
mod unfinished_day;
mod unreadable;

use libtest_mimic::Arguments;
use std::process::ExitCode;
use support::Suite;

/// Registers every trial: one line for each file.
fn trials(suite: &mut Suite) {
    again::register(suite);
    amendments::register(suite);
    architecture::register(suite);
    audit::register(suite);
    cli_help::register(suite);
    audit_trail::register(suite);
    bars::register(suite);
    compile_fail::register(suite);
    config_samples::register(suite);
    connections::register(suite);
    contradictions::register(suite);
    cross_party::register(suite);
    demo::register(suite);
    derivations::register(suite);
    documents::register(suite);
    every_route_is_guarded::register(suite);
    figures::register(suite);
    fuzz_smoke::register(suite);
    identity::register(suite);
    one_not_found::register(suite);
    mandates::register(suite);
    many_children::register(suite);
    many_children_cut::register(suite);
    many_schools::register(suite);
    openapi::register(suite);
    operators::register(suite);
    outages::register(suite);
    policy_matrix::register(suite);
    polling::register(suite);
    import_command::register(suite);
    import_errors::register(suite);
    intake::register(suite);
    intake_reports::register(suite);
    intake_files::register(suite);
    involvement_matching::register(suite);
    involvements::register(suite);
    careless::register(suite);
    limits::register(suite);
    caseloads::register(suite);
    certificates::register(suite);
    changes::register(suite);
    registers::register(suite);
    relationships::register(suite);
    retention::register(suite);
    school_figures::register(suite);
    snapshots::register(suite);
    store::register(suite);
    summaries::register(suite);
    support::register(suite);
    taken_back::register(suite);
    ties::register(suite);
    unfinished_day::register(suite);
    unreadable::register(suite);
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut suite = Suite::default();
    trials(&mut suite);
    let (trials, databases) = suite.into_parts();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        println!("{}", databases.last_line());
    }
    databases.stop();
    conclusion.exit_code()
}
