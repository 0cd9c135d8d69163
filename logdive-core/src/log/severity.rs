//! OpenTelemetry severity numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A severity of the OpenTelemetry log data model: 1 (`TRACE`) to 24 (`FATAL4`).
///
/// Source: OpenTelemetry specification, *Logs Data Model*, field `SeverityNumber`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
// Invariant: 1 to 24.
pub struct LogSeverity(u8);

impl LogSeverity {
    /// Finest.
    pub const TRACE: Self = Self(1);
    /// For debugging.
    pub const DEBUG: Self = Self(5);
    /// Something happened.
    pub const INFO: Self = Self(9);
    /// Something may be wrong.
    pub const WARN: Self = Self(13);
    /// Something is wrong.
    pub const ERROR: Self = Self(17);
    /// The worst.
    pub const FATAL: Self = Self(21);

    /// The words a predicate uses, each the first of its four numbers.
    pub const WORDS: [&'static str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

    /// A severity by number; `None` outside of 1 to 24.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..=24).contains(number)).map(Self)
    }

    /// A severity by its word of [`LogSeverity::WORDS`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let index = Self::WORDS.iter().position(|known| *known == word)?;
        u8::try_from(index * 4 + 1).ok().map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The word of the four numbers it is among.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.get(usize::from((self.0 - 1) / 4)).copied().unwrap_or("fatal")
    }

    /// Whether it is the first of its four numbers, which the word alone names.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        self.0 % 4 == 1
    }
}

impl fmt::Display for LogSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match (self.0 - 1) % 4 {
            0 => Ok(()),
            more => write!(f, "{}", more + 1),
        }
    }
}

impl From<LogSeverity> for i64 {
    fn from(severity: LogSeverity) -> Self {
        severity.0.into()
    }
}

impl TryFrom<i64> for LogSeverity {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        Self::from_number(number).ok_or_else(|| format!("`{number}` is not a severity of 1 to 24"))
    }
}

#[cfg(test)]
mod tests {
    use super::LogSeverity;

    #[test]
    fn words_and_numbers() {
        assert_eq!(LogSeverity::from_word("error"), Some(LogSeverity::ERROR));
        assert_eq!(LogSeverity::from_number(18).unwrap().to_string(), "error2");
        for number in 1..=24 {
            let severity = LogSeverity::from_number(number).unwrap();
            assert_eq!(
                severity.is_plain(),
                LogSeverity::from_word(severity.word()) == Some(severity)
            );
        }
        assert_eq!(LogSeverity::from_number(0), None);
        assert_eq!(LogSeverity::from_number(25), None);
    }
}
