//! What levels are called.

use crate::log::LogSeverity;

impl LogSeverity {
    /// A severity by what loggers call it, in any case; `None` if nobody calls one so.
    ///
    /// The words of syslog (`emerg`, `alert`, `crit`, `err`, `warning`, `notice`, `info`,
    /// `debug`) are placed as by [`LogSeverity::from_syslog`]; `critical`, as Python and .NET
    /// write it, is `FATAL`.
    ///
    /// Source: OpenTelemetry, *Logs Data Model Appendix*, example mappings of severity.
    #[must_use]
    pub fn from_level(level: &str) -> Option<Self> {
        let mut word = [0_u8; 16];
        let word = word.get_mut(..level.len())?;
        word.copy_from_slice(level.as_bytes());
        word.make_ascii_lowercase();
        let number = match &*word {
            b"trace" | b"finest" | b"trc" | b"verbose" | b"silly" => 1,
            b"finer" => 2,
            b"debug" | b"dbg" | b"fine" | b"debug1" => 5,
            b"config" => 6,
            b"info" | b"information" | b"informational" | b"inf" | b"log" | b"note" => 9,
            b"notice" => 10,
            b"warn" | b"warning" | b"wrn" => 13,
            b"error" | b"err" | b"severe" | b"eror" => 17,
            b"crit" => 18,
            b"alert" => 19,
            b"fatal" | b"critical" | b"emerg" | b"emergency" | b"panic" | b"ftl" => 21,
            _ => {
                return match std::str::from_utf8(word).ok()?.split_at_checked(5)? {
                    // The numbered words of OpenTelemetry and of PostgreSQL's `DEBUG5`.
                    ("trace", number) => numbered(1, number),
                    ("debug", number) => numbered(5, number),
                    ("error", number) => numbered(17, number),
                    ("fatal", number) => numbered(21, number),
                    _ => None,
                };
            }
        };
        Self::from_number(number)
    }

    /// A severity by its number in syslog, 0 (emergency) to 7 (debug).
    ///
    /// Source: RFC 5424, 6.2.1; OpenTelemetry, *Logs Data Model Appendix*, syslog.
    #[must_use]
    pub fn from_syslog(number: u8) -> Option<Self> {
        let number = match number {
            0 => 21,
            1 => 19,
            2 => 18,
            3 => 17,
            4 => 13,
            5 => 10,
            6 => 9,
            7 => 5,
            _ => return None,
        };
        Self::from_number(number)
    }
}

fn numbered(first: i64, number: &str) -> Option<LogSeverity> {
    let number: i64 = number.parse().ok().filter(|number| (1..=9).contains(number))?;
    LogSeverity::from_number(first + (number - 1).min(3))
}

#[cfg(test)]
mod tests {
    use crate::log::LogSeverity;

    #[test]
    fn words_of_loggers() {
        for (word, number) in [
            ("WARNING", Some(13)),
            ("Warn", Some(13)),
            ("err", Some(17)),
            ("NOTICE", Some(10)),
            ("crit", Some(18)),
            ("CRITICAL", Some(21)),
            ("debug5", Some(8)),
            ("trace8", Some(4)),
            ("error2", Some(18)),
            ("error0", None),
            ("", None),
            ("warningwarningwarning", None),
            ("été", None),
        ] {
            let found = LogSeverity::from_level(word).map(|severity| severity.number());
            assert_eq!(found, number, "{word}");
        }
        let syslog: Vec<_> =
            (0..9).map(|n| LogSeverity::from_syslog(n).map(|severity| severity.number())).collect();
        let numbers = [21, 19, 18, 17, 13, 10, 9, 5].map(Some);
        assert_eq!(syslog, [numbers.as_slice(), &[None]].concat());
    }
}
