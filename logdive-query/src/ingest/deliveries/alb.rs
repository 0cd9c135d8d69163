//! Access logs of AWS Application Load Balancers.

use logdive_core::LogSeverity;
use logdive_core::format::{Format, Framing, Rows};
use logdive_core::log::LogLine;
use serde::ser::{SerializeMap as _, Serializer as _};

/// The access log entries of an Application Load Balancer: fields with spaces between them, some
/// in quotes, one line a request.
///
/// The line is kept as the body. Its fields are the attributes, under the names that the AWS
/// documentation gives to a table of them (`elb_status_code`, `request_url`, `trace_id`): counts,
/// codes and times are numbers, a field of `-` is left out, addresses and the request are taken
/// apart, and fields behind the known ones are `field_37` and so on. What wrote the line is the
/// load balancer. The severity is `ERROR` for a status of 500 and above, `WARN` for 400 and
/// above, else `INFO`.
///
/// Source: Elastic Load Balancing user guide, *Access log entries*; Amazon Athena user guide,
/// *Create the table for ALB access logs*.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct AlbLog;

impl AlbLog {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// How a field is written into the attributes.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Seconds,
    /// An address and a port, under two names.
    Place(&'static str, &'static str),
    /// Method, address and protocol.
    Request,
}

use Kind::{Integer, Place, Request, Seconds, Text};

const FIELDS: [(&str, Kind); 33] = [
    ("type", Text),
    ("time", Text),
    ("elb", Text),
    ("client", Place("client_ip", "client_port")),
    ("target", Place("target_ip", "target_port")),
    ("request_processing_time", Seconds),
    ("target_processing_time", Seconds),
    ("response_processing_time", Seconds),
    ("elb_status_code", Integer),
    ("target_status_code", Integer),
    ("received_bytes", Integer),
    ("sent_bytes", Integer),
    ("request", Request),
    ("user_agent", Text),
    ("ssl_cipher", Text),
    ("ssl_protocol", Text),
    ("target_group_arn", Text),
    ("trace_id", Text),
    ("domain_name", Text),
    ("chosen_cert_arn", Text),
    ("matched_rule_priority", Text),
    ("request_creation_time", Text),
    ("actions_executed", Text),
    ("redirect_url", Text),
    ("error_reason", Text),
    ("target_port_list", Text),
    ("target_status_code_list", Text),
    ("classification", Text),
    ("classification_reason", Text),
    ("conn_trace_id", Text),
    ("transformed_host", Text),
    ("transformed_uri", Text),
    ("request_transform_status", Text),
];

/// Fields up to the request have been there from the beginning.
const LEAST: usize = 13;

impl Format for AlbLog {
    fn name(&self) -> &'static str {
        "alb"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        if let Err(error) = push(&text, rows) {
            rows.malformed(&format!("not an ALB access log entry: {error}"));
        }
    }
}

fn push(text: &str, rows: &mut Rows<'_>) -> Result<(), String> {
    let fields: Vec<&str> = Fields(text).collect();
    if fields.len() < LEAST {
        return Err(format!("it has {} fields, expected {LEAST} or more", fields.len()));
    }
    let field = |at: usize| fields.get(at).copied().filter(|field| *field != "-");
    let time = field(1).unwrap_or_default();
    let nanos = chrono::DateTime::parse_from_rfc3339(time)
        .ok()
        .and_then(|time| time.timestamp_nanos_opt())
        .ok_or_else(|| format!("`{}` is no time", time.chars().take(80).collect::<String>()))?;
    let severity = match field(8).and_then(|status| status.parse::<u16>().ok()) {
        Some(500..) => LogSeverity::ERROR,
        Some(400..) => LogSeverity::WARN,
        _ => LogSeverity::INFO,
    };
    let attributes = attributes(&fields).map_err(|error| error.to_string())?;
    let base = rows.line();
    rows.push(&LogLine {
        time_unix_nano: Some(nanos),
        severity: Some(severity),
        emitter: field(2).or(base.emitter),
        body: Some(text),
        attributes: Some(&attributes),
        ..base
    });
    Ok(())
}

fn attributes(fields: &[&str]) -> Result<String, serde_json::Error> {
    let mut out = Vec::with_capacity(1024);
    let mut writer = serde_json::Serializer::new(&mut out);
    let mut map = writer.serialize_map(None)?;
    for (at, field) in fields.iter().enumerate() {
        if matches!(*field, "-" | "") {
            continue;
        }
        let Some((name, kind)) = FIELDS.get(at) else {
            map.serialize_entry(&format!("field_{}", at + 1), field)?;
            continue;
        };
        match kind {
            Text => map.serialize_entry(name, field)?,
            Integer => match field.parse::<i64>() {
                Ok(number) => map.serialize_entry(name, &number)?,
                Err(_) => map.serialize_entry(name, field)?,
            },
            Seconds => match field.parse::<f64>() {
                Ok(seconds) if seconds.is_finite() => map.serialize_entry(name, &seconds)?,
                _ => map.serialize_entry(name, field)?,
            },
            // An IPv6 address has colons of its own.
            Place(ip, port) => match field.rsplit_once(':') {
                Some((address, number)) => {
                    map.serialize_entry(ip, address)?;
                    match number.parse::<u16>() {
                        Ok(number) => map.serialize_entry(port, &number)?,
                        Err(_) => map.serialize_entry(port, number)?,
                    }
                }
                // A Lambda function, say.
                None => map.serialize_entry(ip, field)?,
            },
            Request => {
                let parts = field.split_once(' ').and_then(|(verb, rest)| {
                    let (url, protocol) = rest.rsplit_once(' ')?;
                    Some((verb, url, protocol))
                });
                match parts {
                    Some((verb, url, protocol)) => {
                        for (name, part) in [
                            ("request_verb", verb),
                            ("request_url", url),
                            ("request_proto", protocol),
                        ] {
                            if !matches!(part, "-" | "") {
                                map.serialize_entry(name, part)?;
                            }
                        }
                    }
                    None => map.serialize_entry(name, field)?,
                }
            }
        }
    }
    map.end()?;
    // serde_json writes UTF-8 alone.
    Ok(String::from_utf8(out).unwrap_or_default())
}

/// The fields of an entry, those in quotes without them.
struct Fields<'a>(&'a str);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches(' ');
        if rest.is_empty() {
            return None;
        }
        let (field, rest) = match rest.strip_prefix('"') {
            // A quote within is written `\"` or `\x22`; one that does not end goes to the end.
            Some(quoted) => {
                let end = (0..quoted.len()).find(|at| {
                    let bytes = quoted.as_bytes();
                    bytes.get(*at) == Some(&b'"')
                        && matches!(bytes.get(at + 1), None | Some(b' '))
                        && (*at == 0 || bytes.get(at - 1) != Some(&b'\\'))
                });
                match end {
                    Some(end) => (quoted.get(..end)?, quoted.get(end + 1..)?),
                    None => (quoted, ""),
                }
            }
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        self.0 = rest;
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use logdive_core::format::{Format, Origin, Parsed, parse as parse_bytes};
    use logdive_core::log::LogBatchBuilder;
    use logdive_core::{LayerName, LogBatch, LogSeverity};
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::AlbLog;

    fn parse(bytes: &[u8]) -> (LogBatch, Parsed) {
        let origin = Origin::new(LayerName::parse("front").unwrap(), "x", 1);
        let mut out = LogBatchBuilder::new();
        let format: Arc<dyn Format> = Arc::new(AlbLog::new());
        let parsed = parse_bytes(&format, bytes, &origin, &mut out);
        (out.finish(), parsed)
    }

    const HTTPS: &str = r#"https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 502 - 0 57 "GET https://www.example.com:443/a b?q=1 HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1234abcd5678ef90"#;

    #[test]
    fn an_entry_is_read() {
        let (batch, parsed) = parse(HTTPS.as_bytes());
        assert_eq!((parsed.records, parsed.malformed), (1, 0));
        let record = batch.records().next().unwrap();
        assert_eq!(record.time_unix_nano, Some(1_530_570_180_186_641_000));
        assert_eq!(record.severity, Some(LogSeverity::ERROR));
        assert_eq!(record.emitter.as_deref(), Some("app/my-loadbalancer/50dc6c495c0c9188"));
        assert_eq!((record.body.as_deref(), record.raw), (Some(HTTPS), None));
        let attributes: Json = serde_json::from_str(&record.attributes.unwrap()).unwrap();
        for (name, value) in [
            ("client_ip", json!("192.168.131.39")),
            ("client_port", json!(2817)),
            ("target_ip", json!("10.0.0.1")),
            ("response_processing_time", json!(0.037)),
            ("elb_status_code", json!(502)),
            ("target_status_code", Json::Null),
            ("request_verb", json!("GET")),
            ("request_url", json!("https://www.example.com:443/a b?q=1")),
            ("request_proto", json!("HTTP/1.1")),
            ("trace_id", json!("Root=1-58337281-1d84f3d73c47ec4e58577259")),
            ("actions_executed", json!("authenticate,forward")),
            ("conn_trace_id", json!("TID_1234abcd5678ef90")),
            ("redirect_url", Json::Null),
        ] {
            assert_eq!(attributes[name], value, "{name}");
        }
    }

    #[test]
    fn odd_fields_stay_texts() {
        let line = r#"h2 2018-07-02T22:23:00Z app/x/1 2001:db8::1:80 - -1 -1 -1 460 200x 1 2 "- http://x:80- -" "a \"q\" b" - - - "-" "-" "-" - - "-" "-" "-" "-" "-" "-" "-" T "-" "-" "-" "new" more"#;
        let (batch, parsed) = parse(line.as_bytes());
        assert_eq!(parsed.malformed, 0);
        let record = batch.records().next().unwrap();
        assert_eq!(record.severity, Some(LogSeverity::WARN));
        let attributes: Json = serde_json::from_str(&record.attributes.unwrap()).unwrap();
        assert_eq!(attributes["client_ip"], "2001:db8::1");
        assert_eq!(attributes["target_status_code"], "200x");
        assert_eq!(attributes["request_processing_time"], -1.0);
        assert_eq!(attributes["request_url"], "http://x:80-");
        assert_eq!(attributes["user_agent"], r#"a \"q\" b"#);
        assert_eq!(
            (&attributes["field_34"], &attributes["field_35"]),
            (&"new".into(), &"more".into())
        );
    }

    #[test]
    fn other_lines_are_kept() {
        let cut = HTTPS.get(..100).unwrap();
        let no_time = HTTPS.replace("2018-07-02T22:23:00.186641Z", "yesterday");
        for line in ["hello", cut, &no_time, "\"", "a \""] {
            let (batch, parsed) = parse(line.as_bytes());
            assert_eq!((parsed.records, parsed.malformed), (1, 1), "{line}");
            assert_eq!(batch.records().next().unwrap().raw.as_deref(), Some(line.as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn lines_in_are_rows_out(lines in prop::collection::vec(r#"[ -~]{0,20}|[a-z" \\]{0,60}"#, 0..10)) {
            let (batch, parsed) = parse(lines.join("\n").as_bytes());
            let expected = lines.iter().filter(|line| !line.trim().is_empty()).count();
            prop_assert_eq!(batch.len(), expected);
            prop_assert_eq!(parsed.records, expected as u64);
        }
    }
}
