//! What somebody in a hurry looks at: the last lines of the service in the window.

use crate::log::{Column, LogBatch, LogRecord, LogRow};
use crate::{LogSeverity, Window};

/// The last so many lines of a service in a window, oldest first.
#[must_use]
pub fn last_lines(
    batches: &[LogBatch],
    service: &str,
    window: Window,
    most: usize,
) -> Vec<LogRecord> {
    last(batches, service, window, most, |_| true)
}

/// The last so many of its errors, oldest first.
#[must_use]
pub fn last_errors(
    batches: &[LogBatch],
    service: &str,
    window: Window,
    most: usize,
) -> Vec<LogRecord> {
    let error = i64::from(LogSeverity::ERROR);
    last(batches, service, window, most, |row| {
        row.int(Column::SeverityNumber).is_some_and(|severity| severity >= error)
    })
}

fn last(
    batches: &[LogBatch],
    service: &str,
    window: Window,
    most: usize,
    wanted: impl Fn(&LogRow<'_>) -> bool,
) -> Vec<LogRecord> {
    let (from, to) = (window.from().timestamp_micros(), window.to().timestamp_micros());
    let mut rows: Vec<LogRow<'_>> = batches
        .iter()
        .flat_map(LogBatch::rows)
        .filter(|row| {
            let inside = row.int(Column::Ts).is_some_and(|ts| from <= ts && ts < to);
            inside && row.text(Column::ServiceName) == Some(service) && wanted(row)
        })
        .collect();
    rows.sort_by_key(LogRow::order);
    let before = rows.len().saturating_sub(most);
    rows.drain(..before);
    rows.iter().map(LogRow::to_record).collect()
}
