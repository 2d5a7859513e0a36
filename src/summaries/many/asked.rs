//! The body of a request about many children: one JSON object a line, read whole before anybody is looked at.

use crate::gate::Named;
use crate::http::{Error, Fault, ProblemKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line: a child under a case, or the caller's own area.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineBody {
    /// The caller's own handle for a child.
    pupil_id: Option<String>,
    /// The case that it is asked under: required where the purpose is a case.
    case_reference: Option<String>,
    /// `own`, alone on the only line: everybody of the officer's own area.
    area: Option<String>,
}

/// Whom a request asks about.
#[derive(Debug)]
pub(super) enum AskedFor {
    /// Children by name.
    Lines(Vec<Named>),
    /// The caller's own area.
    OwnArea,
}

/// Faults told of one body at most.
const FAULTS: usize = 100;

/// Reads the body. `cases` is whether every line must name a case, `most` how many lines there may be.
pub(super) fn read(body: &[u8], cases: bool, most: usize) -> Result<AskedFor, Error> {
    let bad = |detail: &str| Error::problem(ProblemKind::BadRequest, detail);
    let text =
        std::str::from_utf8(body).map_err(|_| bad("send the list as UTF-8, one JSON object a line"))?;
    let lines = (1_u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let lines: Vec<(u64, &str)> = lines.take(most + 1).collect();
    if lines.is_empty() {
        return Err(bad("name a child on each line, or send the one line {\"area\": \"own\"}"));
    }
    if lines.len() > most {
        let detail = format!("send at most {most} lines at a time");
        return Err(Error::problem(ProblemKind::PayloadTooLarge, detail));
    }
    if let [(_, only)] = lines.as_slice()
        && serde_json::from_str::<LineBody>(only).is_ok_and(|line| line.is_own_area())
    {
        return Ok(AskedFor::OwnArea);
    }
    let (mut named, mut errors) = (Vec::with_capacity(lines.len()), Vec::new());
    for (number, line) in lines {
        match LineBody::read(line, cases) {
            Ok(line) => named.push(line),
            Err(detail) if errors.len() < FAULTS => {
                errors.push(Fault { line: Some(number), detail: detail.to_owned(), ..Fault::default() });
            }
            Err(_) => {}
        }
    }
    if errors.is_empty() {
        return Ok(AskedFor::Lines(named));
    }
    let detail = "some lines cannot be read; nothing was answered: correct them and send the list again";
    Err(Error::Problem { kind: ProblemKind::BadRequest, detail: detail.to_owned(), errors })
}

impl LineBody {
    fn is_own_area(&self) -> bool {
        self.area.as_deref() == Some("own") && self.pupil_id.is_none() && self.case_reference.is_none()
    }

    /// Reads a line that names a child. What is no handle, or no reference of anybody's, is a child like any other that the
    /// caller may not be told of.
    fn read(line: &str, cases: bool) -> Result<Named, &'static str> {
        let read: Self = serde_json::from_str(line)
            .map_err(|_| "the line is not a JSON object with `pupil_id` and `case_reference`")?;
        if read.area.is_some() {
            return Err("`area` is `own`, and stands alone on the only line");
        }
        let handle = read.pupil_id.ok_or("`pupil_id` is missing")?;
        let case_reference = read.case_reference.filter(|reference| !reference.is_empty());
        if cases && case_reference.is_none() {
            return Err("`case_reference` is missing: the purpose of the token is a case");
        }
        Ok(Named { handle, case_reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &[u8], cases: bool, most: usize) -> Vec<Option<u64>> {
        let Err(Error::Problem { errors, .. }) = read(body, cases, most) else { panic!("it was read") };
        errors.into_iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn a_list_or_the_own_area_is_read() {
        let AskedFor::Lines(named) = read(
            b"{\"pupil_id\":\"a\",\"case_reference\":\"CP-1\"}\n\n{\"pupil_id\":\"not a handle\",\"case_reference\":\"x y\"}\r\n",
            true,
            2,
        )
        .unwrap() else {
            panic!("a list")
        };
        let read_as: Vec<_> =
            named.iter().map(|n| (n.handle.as_str(), n.case_reference.as_deref())).collect();
        assert_eq!(read_as, [("a", Some("CP-1")), ("not a handle", Some("x y"))]);
        assert!(matches!(read(b"{\"area\": \"own\"}", true, 1), Ok(AskedFor::OwnArea)));
        assert!(matches!(read(b"{\"pupil_id\":\"a\"}", false, 1), Ok(AskedFor::Lines(_))));
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_line() {
        let good = "{\"pupil_id\":\"a\",\"case_reference\":\"r\"}";
        for bad in [
            "{",
            "[]",
            "\"a\"",
            "{\"pupil_id\":1,\"case_reference\":\"r\"}",
            "{\"pupil_id\":\"a\",\"case_reference\":\"r\",\"upn\":\"x\"}",
            "{\"case_reference\":\"r\"}",
            "{\"pupil_id\":\"a\"}",
            "{\"pupil_id\":\"a\",\"case_reference\":\"\"}",
            "{\"area\":\"own\"}",
        ] {
            let body = format!("{good}\n\n{bad}\n{good}\n");
            assert_eq!(faults(body.as_bytes(), true, 10), [Some(3)], "{bad}");
        }
        assert_eq!(faults(b"{\"area\":\"theirs\"}", true, 10), [Some(1)]);
        for (body, most) in [(&b""[..], 1), (b"\n \n", 1), (b"\xff", 1), (b"{}\n{}", 1)] {
            assert_eq!(faults(body, true, most), [], "{body:?}");
        }
        assert_eq!(faults("x\n".repeat(500).as_bytes(), true, 1_000).len(), FAULTS);
    }
}
