//! No line leaves before its entry is durable.
use schoolgate::gate::{Cut, Lines, Written};

pub async fn unrecorded(lines: &mut Lines, written: Written) -> Result<(), Cut> {
    lines.push(written).await //~ E0308
}
