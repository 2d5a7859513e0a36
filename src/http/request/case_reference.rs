//! The header that selects among a caller's cases.

use crate::domain::involvement::is_case_reference;
use crate::http::{Error, ProblemKind};
use http::HeaderMap;

/// The one `Case-Reference` header. An empty one is none; two, or one that is no reference of anybody's, are refused
/// for every child alike.
pub fn case_reference(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all("case-reference").iter();
    let (first, second) = (values.next(), values.next());
    let text = match (first, second) {
        (None, _) => return Ok(None),
        (Some(value), None) if value.is_empty() => return Ok(None),
        (Some(value), None) => value.to_str().ok().filter(|text| is_case_reference(text)),
        (Some(_), Some(_)) => None,
    };
    text.map(Some).ok_or_else(|| {
        let detail = "send one `Case-Reference` header of at most 64 visible ASCII characters";
        Error::problem(ProblemKind::BadRequest, detail)
    })
}
