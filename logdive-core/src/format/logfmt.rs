//! logfmt: `ts=… level=info msg="…" key=value`.

use super::found::{Found, Scalar};
use super::keys::{Keys, key_setters};
use super::object::ObjectWriter;
use super::pairs::{Pair, Pairs, Value, write_pairs};
use super::{Format, Framing, Rows, TIME_ASSUMED};
use crate::log::LogLine;

/// Lines of `key=value` pairs, as go-kit, logrus and Heroku write them, with the guesses of
/// [`JsonLines`](super::JsonLines) which keys hold time, level, message and ids.
///
/// - Values may be in quotes, with the escapes of JSON and Go; a key without value is `true`.
/// - All pairs are the line's attributes. Numbers are numbers there if they are exact ones of JSON
///   and no reader changes them, else texts. Of a key that occurs several times the last counts,
///   as in JSON; the others are in `raw`, which holds the line as it came.
/// - A line without a message is its own body.
/// - A line without any `key=value` is malformed.
///
/// Source: Brandur Leach, *logfmt*; `go-logfmt/logfmt`; `kr/logfmt`.
#[derive(Debug, Clone)]
pub struct Logfmt {
    keys: Keys,
}

impl Default for Logfmt {
    fn default() -> Self {
        Self::new()
    }
}

impl Logfmt {
    /// The format with its guesses.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: Keys::guesses() }
    }

    key_setters! {}
}

impl Format for Logfmt {
    fn name(&self) -> &'static str {
        "logfmt"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        let mut reader = Pairs::new(&text);
        let pairs: Vec<Pair<'_>> = reader.by_ref().collect();
        if pairs.iter().all(|(_, value)| *value == Value::Flag) {
            return rows.malformed("not logfmt: it has no `key=value`");
        }
        let mut found = Found::new(rows.origin());
        for (key, value) in &pairs {
            if let Some(entry) = self.keys.get(key)
                && *value != Value::Flag
            {
                found.take(&entry.roles, &Scalar::Text(value.text().into()));
            }
        }
        let when = found.when();
        let mut attributes = String::with_capacity(text.len() + 64);
        let mut object = ObjectWriter::new(&mut attributes);
        when.write(&mut object);
        // If there is a note, it stands in the place of a key of its name.
        let taken: &[&str] = if when.is_assumed() { &[TIME_ASSUMED] } else { &[] };
        write_pairs(&pairs, taken, &mut object);
        object.end();
        let line = found.line(&when, rows.line());
        let unclosed = reader.is_unclosed().then_some("a value in quotes does not end");
        rows.push(&LogLine {
            body: line.body.or(Some(&text)),
            attributes: Some(&attributes),
            parse_error: unclosed.or(line.parse_error),
            ..line
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Logfmt;
    use crate::format::laws::{prefixes_are_kept, read_one};
    use crate::log::{LogRecord, LogSeverity};

    fn attributes(record: &LogRecord) -> Value {
        serde_json::from_str(record.attributes.as_deref().unwrap()).unwrap()
    }

    const LINE: &str = r#"ts=2023-07-10T11:58:13.5Z caller=main.go:17 level=eror msg="it \"broke\"" requestId=007 trace_id=000102030405060708090a0b0c0d0e0f took=1.5e-05 n=-3 id=5e10 ok=true dry"#;

    #[test]
    fn keys_are_guessed_and_all_are_kept() {
        let record = read_one(Logfmt::new(), LINE);
        assert_eq!(record.time_unix_nano, Some(1_688_990_293_500_000_000));
        assert_eq!(record.severity, Some(LogSeverity::ERROR));
        assert_eq!(record.severity_text.as_deref(), Some("eror"));
        assert_eq!(record.body.as_deref(), Some("it \"broke\""));
        assert_eq!(record.request_id.as_deref(), Some("007"));
        assert_eq!(record.trace_id.unwrap()[15], 15);
        assert_eq!(record.raw.as_deref(), Some(LINE.as_bytes()));
        assert_eq!(
            attributes(&record),
            json!({
                "ts": "2023-07-10T11:58:13.5Z", "caller": "main.go:17", "level": "eror",
                "msg": "it \"broke\"", "requestId": "007",
                "trace_id": "000102030405060708090a0b0c0d0e0f",
                "took": 1.5e-5, "n": -3, "id": "5e10", "ok": true, "dry": true,
            })
        );
    }

    #[test]
    fn a_line_without_message_is_its_own_body() {
        let line = "at=info method=GET path=/x?a=b host=h request_id=8601b555 status=200";
        let record = read_one(Logfmt::new(), line);
        assert_eq!((record.body.as_deref(), record.raw.as_deref()), (Some(line), None));
        assert_eq!(record.request_id.as_deref(), Some("8601b555"));
        assert_eq!(attributes(&record)["path"], "/x?a=b");
        assert_eq!(attributes(&record)["status"], 200);
    }

    #[test]
    fn the_last_of_two_keys_counts() {
        for more in [0, 50] {
            let rest: String = (0..more).map(|n| format!(" k{n}={n}")).collect();
            let record = read_one(Logfmt::new(), &format!("a=1 msg=x a=2 msg=y{rest}"));
            assert_eq!(record.body.as_deref(), Some("y"));
            assert_eq!(attributes(&record)["a"], 2);
            let text = record.attributes.unwrap();
            assert_eq!((text.matches("\"a\":").count(), text.matches("\"msg\":").count()), (1, 1));
        }
    }

    #[test]
    fn what_is_assumed_of_a_time_is_said_once() {
        let record = read_one(Logfmt::new(), "time=\"2023-07-10 11:58:13\" time_assumed=x");
        assert_eq!(record.attributes.as_deref().unwrap().matches("time_assumed").count(), 1);
        assert_eq!(attributes(&record)["time_assumed"], "zone +00:00");
        let record = read_one(Logfmt::new(), "time=3023-07-10T11:58:13Z");
        assert!(record.parse_error.unwrap().contains("no time"));
    }

    #[test]
    fn keys_can_be_set() {
        let format = Logfmt::new().message(["text"]).time(["when"]);
        let record = read_one(format, "text=b when=1688990293 msg=a");
        assert_eq!(record.body.as_deref(), Some("b"));
        assert_eq!(record.time_unix_nano, Some(1_688_990_293_000_000_000));
    }

    #[test]
    fn other_lines_are_malformed() {
        for line in ["hello", "just some words", "=x", "\"a=b\""] {
            let record = read_one(Logfmt::new(), line);
            assert!(record.parse_error.unwrap().starts_with("not logfmt"), "{line}");
        }
        let record = read_one(Logfmt::new(), "level=info msg=\"cut");
        assert_eq!(record.parse_error.as_deref(), Some("a value in quotes does not end"));
        assert_eq!(record.body.as_deref(), Some("cut"));
    }

    #[test]
    fn prefixes_are_neither_lost_nor_wrong() {
        prefixes_are_kept(Logfmt::new(), LINE);
    }
}
