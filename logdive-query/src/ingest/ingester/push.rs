//! What goes from streams to the writer, and what it costs.

use arrow::array::Array as _;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use logdive_core::LogBatch;
use serde_json::Value as Json;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::lake::{Committed, GroupPart, LakeError};

/// Most bytes that can be counted.
pub(super) const MOST: usize = u32::MAX as usize;
/// What a push takes beside its rows, about: its offsets aside, its places in queues and lists.
const OVERHEAD: usize = 1_024;
/// Room in a batch that is not worth a copy.
const SLACK: usize = 16 << 10;

/// What streams and handles say to the writer's task.
#[derive(Debug)]
pub(super) enum Message {
    Push(Box<Push>),
    /// Asks where a stream stands behind everything pushed before.
    Open {
        stream: String,
        reply: oneshot::Sender<Result<Option<Committed>, LakeError>>,
    },
}

/// Rows on their way.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) part: GroupPart,
    pub(super) came: DateTime<Utc>,
    /// Given back when it is dropped.
    pub(super) room: OwnedSemaphorePermit,
    pub(super) durable: oneshot::Sender<u64>,
}

/// Gives back what a builder has reserved and did not use: of a few lines that is nearly all.
pub(super) fn compact(rows: LogBatch) -> Result<LogBatch, LakeError> {
    let held = rows.as_arrow().get_array_memory_size();
    let used: usize = rows
        .as_arrow()
        .columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size().unwrap_or_default())
        .sum();
    if held <= used.saturating_mul(2).saturating_add(SLACK) {
        return Ok(rows);
    }
    let taking = "taking lines";
    let (schema, mut columns, _) = rows.into_arrow().into_parts();
    columns.iter_mut().for_each(|column| column.shrink_to_fit());
    let rows = RecordBatch::try_new(schema, columns)
        .map_err(LakeError::log(taking, std::path::Path::new("")))?;
    LogBatch::try_new(&rows).map_err(LakeError::log(taking, std::path::Path::new("")))
}

/// Bytes that a push holds, within what may be held at all: what is larger takes all the room.
pub(super) fn cost(rows: &LogBatch, offsets: &Json, most: usize) -> u32 {
    let bytes = rows
        .as_arrow()
        .get_array_memory_size()
        .saturating_add(size(offsets))
        .saturating_add(OVERHEAD);
    u32::try_from(bytes.min(most)).unwrap_or(u32::MAX)
}

/// About how many bytes a value takes.
fn size(value: &Json) -> usize {
    let own = size_of::<Json>();
    own + match value {
        Json::String(text) => text.len(),
        Json::Array(values) => values.iter().map(size).sum(),
        Json::Object(values) => {
            values.iter().map(|(key, value)| key.len() + own + size(value)).sum()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use logdive_core::{LayerName, LogBatch, LogRecord};
    use serde_json::json;

    use super::{compact, cost};

    #[test]
    fn a_few_lines_cost_what_they_hold() {
        let record = || LogRecord {
            body: Some("one line".into()),
            ..LogRecord::new(LayerName::parse("ssm").unwrap(), 1)
        };
        let one: LogBatch = [record()].into_iter().collect();
        let as_built = cost(&one, &json!(null), usize::MAX);
        let before = one.clone();
        // Shared with another holder, it cannot be made smaller, and stays as it is.
        assert_eq!(compact(one).unwrap(), before);
        let one: LogBatch = [record()].into_iter().collect();
        let one = compact(one).unwrap();
        assert_eq!(one, before);
        let now = cost(&one, &json!(null), usize::MAX);
        assert!(now * 4 < as_built, "{now} of {as_built}");
        let offsets = json!({"files": vec!["x".repeat(100); 100]});
        assert!(cost(&one, &offsets, usize::MAX) >= now + 10_000);
        assert_eq!(cost(&one, &offsets, 100), 100);
    }
}
