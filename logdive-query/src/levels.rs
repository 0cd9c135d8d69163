//! What levels are called.

use logdive_core::LogSeverity;

/// A severity by what levels are called, or by its number in OpenTelemetry.
pub(crate) fn severity(text: &str) -> Option<LogSeverity> {
    LogSeverity::from_level(text).or_else(|| LogSeverity::from_number(text.parse().ok()?))
}
