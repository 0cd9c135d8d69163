//! One printed line as a log line. The one place to change when core reads JSON lines itself.

use chrono::{DateTime, Utc};
use logdive_core::{LayerName, LogRecord};
use serde_json::{Map, Value as Json};

const TIMES: [&str; 4] = ["ts", "time", "timestamp", "@timestamp"];

/// Reads a line.
///
/// # Errors
/// Why it is no log line.
pub(super) fn parse(bytes: &[u8], layer: &LayerName, number: u64) -> Result<LogRecord, String> {
    let object: Map<String, Json> = match serde_json::from_slice(bytes) {
        Ok(Json::Object(object)) => object,
        Ok(_) => return Err("it is JSON and no object".to_owned()),
        Err(error) => return Err(format!("it is no JSON: {error}")),
    };
    let first = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key));
    let text = |keys: &[&str]| match first(keys)? {
        Json::String(text) => Some(text.clone()),
        Json::Null => None,
        other => Some(other.to_string()),
    };
    let Some(found) = first(&TIMES) else {
        return Err(format!("it has no time: none of {}", TIMES.join(", ")));
    };
    let Some(nanos) = nanos(found) else {
        let shown: String = found.to_string().chars().take(40).collect();
        return Err(format!("its time {shown} is none"));
    };
    let severity_text = text(&["level", "severity", "severity_text"]);
    Ok(LogRecord {
        time_unix_nano: Some(nanos),
        severity: severity_text.as_deref().and_then(crate::levels::severity),
        severity_text,
        service: text(&["service", "service_name"]),
        emitter: text(&["emitter", "host", "hostname"]),
        seq: i64::try_from(number).unwrap_or(i64::MAX),
        event: text(&["event", "event_name"]),
        request_id: text(&["request_id"]),
        trace_id: text(&["trace_id"]).and_then(|text| hex(&text)),
        span_id: text(&["span_id"]).and_then(|text| hex(&text)),
        body: text(&["message", "msg", "body"]),
        format: Some("json".to_owned()),
        attributes: Some(Json::Object(object.clone()).to_string()),
        ..LogRecord::new(layer.clone(), nanos)
    })
}

/// A time in nanoseconds: RFC 3339, or a number whose size tells its unit.
fn nanos(value: &Json) -> Option<i64> {
    match value {
        Json::String(text) => {
            DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc).timestamp_nanos_opt()
        }
        Json::Number(number) => match number.as_i64() {
            Some(whole) => {
                // Seconds up to the year 5138, and so on.
                let factor = match whole.unsigned_abs() {
                    0..100_000_000_000 => 1_000_000_000,
                    100_000_000_000..100_000_000_000_000 => 1_000_000,
                    100_000_000_000_000..100_000_000_000_000_000 => 1_000,
                    _ => 1,
                };
                whole.checked_mul(factor)
            }
            None => {
                let (seconds, fraction) =
                    number.to_string().split_once('.').and_then(|(seconds, fraction)| {
                        let digits: String =
                            fraction.chars().chain("000000000".chars()).take(9).collect();
                        Some((seconds.parse::<i64>().ok()?, digits.parse::<i64>().ok()?))
                    })?;
                seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
            }
        },
        _ => None,
    }
}

/// Bytes of exactly so many hexadecimal digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    crate::lower::from_hex(&text.to_ascii_lowercase())?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use logdive_core::{LayerName, LogSeverity};

    use super::parse;

    fn read(line: &str) -> Result<logdive_core::LogRecord, String> {
        parse(line.as_bytes(), &LayerName::parse("x").unwrap(), 0)
    }

    #[test]
    fn fields_are_found() {
        let record = read(
            r#"{"@timestamp":"2023-07-10T11:58:00.5Z","level":"WARNING","msg":"hot","trace_id":"0AF7651916CD43DD8448EB211C80319C","n":1}"#,
        )
        .unwrap();
        assert_eq!(record.ts(), 1_688_990_280_500_000);
        assert_eq!(record.severity, Some(LogSeverity::WARN));
        assert_eq!(record.body.as_deref(), Some("hot"));
        assert_eq!(record.trace_id.unwrap()[0], 0x0a);
        assert!(record.attributes.unwrap().contains("\"n\":1"));
    }

    #[test]
    fn numbers_are_times_of_the_unit_they_look_like() {
        for time in ["1688990280", "1688990280000", "1688990280000000", "1688990280000000000"] {
            let record = read(&format!("{{\"ts\":{time}}}")).unwrap();
            assert_eq!(record.ts(), 1_688_990_280_000_000, "{time}");
        }
        assert_eq!(read("{\"ts\":1688990280.25}").unwrap().ts(), 1_688_990_280_250_000);
    }

    #[test]
    fn what_is_no_line_says_why() {
        for (line, why) in [
            ("x", "no JSON"),
            ("[1]", "no object"),
            ("{}", "no time"),
            ("{\"ts\":\"now\"}", "is none"),
        ] {
            assert!(read(line).unwrap_err().contains(why), "{line}");
        }
    }
}
