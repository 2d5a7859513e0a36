//! Lines that the log has may be let go.
use schoolgate::gate::{Cut, Lines, Written};

pub async fn recorded(lines: &mut Lines, written: Written) -> Result<(), Cut> {
    let recorded = lines.record(written).await?;
    lines.push(recorded).await
}
