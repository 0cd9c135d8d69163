//! What levels are called.

use logdive_core::LogSeverity;

/// A severity by what levels are called.
pub(crate) fn severity(text: &str) -> Option<LogSeverity> {
    let lower = text.to_ascii_lowercase();
    let word = match lower.as_str() {
        "warning" => "warn",
        "err" => "error",
        "critical" | "crit" | "panic" | "emergency" | "alert" => "fatal",
        "information" | "notice" => "info",
        other => other,
    };
    LogSeverity::from_word(word).or_else(|| LogSeverity::from_number(word.parse().ok()?))
}
