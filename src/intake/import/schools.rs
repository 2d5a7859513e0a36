//! The schools of a file: each opened at the gate when the file first names it, once, with an entry of its own.

use super::super::parse::CellFault;
use crate::directory::Directory;
use crate::domain::identifiers::SchoolId;
use crate::domain::organisation::OrganisationKind;
use crate::gate::{Asked, Gate, OfSchool, Permit, Refusal, Trail};
use crate::identity::Caller;
use crate::policy::Action;
use std::collections::HashMap;
use std::sync::Arc;

/// A proved system that sends a file of any number of schools, from the command line.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Who sends.
    pub caller: Caller,
    /// What it does.
    pub action: Action,
    /// The command, as the entries name it.
    pub command: &'static str,
}

/// A school that a file names.
pub(super) struct SchoolInFile {
    pub(super) school: SchoolId,
    /// Its unique reference number.
    pub(super) urn: String,
    /// The permit, or why the gate stayed shut.
    pub(super) opened: Result<Permit<OfSchool>, Refusal>,
    /// What the school's one entry will say.
    pub(super) trail: Option<Trail>,
}

/// Numbers remembered, those of no school among them; a file of thousands of wrong ones is only read more slowly.
const NUMBERS_MAX: usize = 50_000;

/// The schools of a file, in the order in which it names them.
pub(super) struct Schools {
    gate: Gate,
    directory: Arc<Directory>,
    /// Whose rows they are that name no school.
    default: Option<SchoolId>,
    whose: Whose,
    /// Each number as the file has it, with the school's place in `all`, or what is wrong with it.
    numbers: HashMap<String, Result<usize, &'static str>>,
    last: Option<(String, usize)>,
    pub(super) all: Vec<SchoolInFile>,
}

/// Whose rows a file may have.
enum Whose {
    /// The one school's that it is sent for.
    One,
    /// Any school's, and only this one's are wanted: the file is read again.
    OneOfMany,
    /// Those of every school that opens to the sender.
    Any(Sender),
}

impl Schools {
    /// The one school of a permit, whose rows are wanted of a file that is sent for it, or for any by `sender`.
    pub(super) fn one(gate: &Gate, permit: Permit<OfSchool>, sender: Option<&Sender>) -> Self {
        let school = permit.school();
        let (default, whose) = match sender {
            None => (Some(school), Whose::One),
            Some(sender) => (own_school(&sender.caller), Whose::OneOfMany),
        };
        let mut schools = Self::new(gate, default, whose);
        let urn = schools.urn(school);
        schools.all.push(SchoolInFile { school, urn, opened: Ok(permit), trail: None });
        schools
    }

    /// Whichever schools the file names.
    pub(super) fn named(gate: &Gate, sender: Sender) -> Self {
        Self::new(gate, own_school(&sender.caller), Whose::Any(sender))
    }

    fn new(gate: &Gate, default: Option<SchoolId>, whose: Whose) -> Self {
        let directory = gate.directory().current();
        let (numbers, last, all) = (HashMap::new(), None, Vec::new());
        Self { gate: gate.clone(), directory, default, whose, numbers, last, all }
    }

    fn urn(&self, school: SchoolId) -> String {
        self.directory.school(school).and_then(|s| s.urn.clone()).unwrap_or_default()
    }

    /// Whether the file may have rows of several schools.
    pub(super) fn are_many(&self) -> bool {
        !matches!(self.whose, Whose::One)
    }

    /// Whether rows of other schools are passed over, since they have been looked at before.
    pub(super) fn pass_over_others(&self) -> bool {
        matches!(self.whose, Whose::OneOfMany)
    }

    /// The place in `all` of the school that a row names, or is of where it names none.
    pub(super) fn of(&mut self, number: Option<&str>) -> Result<usize, CellFault> {
        let number = number.unwrap_or_default();
        if let Some((last, place)) = &self.last
            && last == number
        {
            return Ok(*place);
        }
        let place = if let Some(place) = self.numbers.get(number) {
            *place
        } else {
            let place = self.open(number);
            if self.numbers.len() < NUMBERS_MAX {
                self.numbers.insert(number.to_owned(), place);
            }
            place
        };
        let place = place.map_err(|message| CellFault::new("school", message))?;
        self.last = Some((number.to_owned(), place));
        Ok(place)
    }

    /// Opens the school whose rows they are that name none, if there is one.
    pub(super) fn open_default(&mut self) {
        let _ = self.of(None);
    }

    /// Opens a school of which no row was taken, where the file may have rows of it.
    pub(super) fn open_known(&mut self, school: SchoolId) {
        let _ = self.open_school(school);
    }

    /// Whose rows are which, whether or not the gate opens: what is wrong in them is kept for each school apart. All are
    /// of one school where the file is sent for it.
    pub(super) fn whose(&self) -> impl FnMut(&str) -> Option<SchoolId> + use<> {
        let (directory, default, are_many) = (Arc::clone(&self.directory), self.default, self.are_many());
        let mut known: HashMap<String, Option<SchoolId>> = HashMap::new();
        move |number| {
            if !are_many || number.is_empty() {
                return default.filter(|_| are_many);
            }
            if let Some(school) = known.get(number) {
                return *school;
            }
            let school = directory.school_by_number(number);
            if known.len() < NUMBERS_MAX {
                known.insert(number.to_owned(), school);
            }
            school
        }
    }

    fn open(&mut self, number: &str) -> Result<usize, &'static str> {
        let school = if number.is_empty() {
            self.default.ok_or(UNNAMED)?
        } else {
            self.directory.school_by_number(number).ok_or(UNKNOWN)?
        };
        self.open_school(school)
    }

    fn open_school(&mut self, school: SchoolId) -> Result<usize, &'static str> {
        if let Some(place) = self.all.iter().position(|s| s.school == school) {
            return Ok(place);
        }
        let Whose::Any(Sender { caller, action, command }) = &self.whose else { return Err(OTHER) };
        let trail = Trail::of_command(command, caller, self.gate.clock().now());
        let asked = Asked { caller: caller.clone(), trail: trail.clone() };
        let opened = self.gate.open_registers(asked, Some(school), *action);
        self.all.push(SchoolInFile { school, urn: self.urn(school), opened, trail: Some(trail) });
        Ok(self.all.len() - 1)
    }
}

/// A school's own system need not name its school.
fn own_school(caller: &Caller) -> Option<SchoolId> {
    let is_school = caller.organisation.kind == OrganisationKind::School;
    is_school.then_some(SchoolId(caller.organisation.id.0))
}

const OTHER: &str = "is not the school that the file is sent for; send each school's rows to its own path";
const UNNAMED: &str =
    "is empty; name the school of each row by its URN or LAESTAB, since this system is no school's own";
const UNKNOWN: &str =
    "is no school that this gateway knows; correct the URN or LAESTAB, or have the school registered";
