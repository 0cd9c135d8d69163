//! Requests that are not what OTLP has: what can be read is read, and the rest is kept.

use serde_json::{Value as Json, json as object};

use super::{LogRecord, alike, either, json, protobuf, rows};
use crate::log::LogSeverity;
use crate::testkit::otlp::{AnyValue, Message, Record};

/// A request of one scope with these records.
fn request(records: &[&[u8]]) -> Vec<u8> {
    let mut scope = Message::new();
    records.iter().for_each(|record| scope.field(2, record));
    let mut logs = Message::new();
    logs.message(2, &scope);
    let mut request = Message::new();
    request.message(1, &logs);
    request.into_bytes()
}

fn record(body: &str) -> Vec<u8> {
    let body = Some(AnyValue::Text(body.to_owned()));
    Record { body, ..Record::default() }.message().into_bytes()
}

fn one(format_rows: Vec<LogRecord>) -> LogRecord {
    let [row] = <[_; 1]>::try_from(format_rows).unwrap();
    row
}

/// The row of a JSON record.
fn of_json(record: &str) -> LogRecord {
    let text = format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{record}]}}]}}]}}");
    let row = one(rows(&json(), text.as_bytes()));
    if let Some(raw) = &row.raw {
        assert_eq!(raw, record.as_bytes());
    }
    row
}

/// The row of a protobuf record.
fn of_protobuf(record: &[u8]) -> LogRecord {
    let row = one(rows(&protobuf(), &request(&[record])));
    if let Some(raw) = &row.raw {
        assert_eq!(raw, record);
    }
    row
}

fn error(row: &LogRecord) -> &str {
    assert!(row.raw.is_some(), "a row with an error keeps its bytes");
    row.parse_error.as_deref().unwrap()
}

#[test]
fn an_unknown_field_is_no_error_and_is_kept() {
    let mut message = Message::new();
    message.raw(&record("a")).raw(&[0x7a, 1, b'x']);
    let row = of_protobuf(message.as_bytes());
    assert_eq!((row.body.as_deref(), row.parse_error.as_deref()), (Some("a"), None));
    assert_eq!(row.raw.as_deref(), Some(message.as_bytes()));

    let row = of_json(r#"{"body":{"stringValue":"a"},"new":[{"x":1}]}"#);
    assert_eq!((row.body.as_deref(), row.parse_error.as_deref()), (Some("a"), None));
    assert!(row.raw.is_some());
    for known in [
        r#"{"body":{"stringValue":"a"}}"#,
        r#"{"body":{"stringValue":"a"},"traceId":"","flags":0,"attributes":[],"severityText":null}"#,
        r#"{"body":{"stringValue":"a"},"traceId":"00000000000000000000000000000000"}"#,
    ] {
        assert_eq!(of_json(known).raw, None, "{known}");
    }
    for lossy in [
        r#"{"severityNumber":25}"#,
        r#"{"flags":256}"#,
        r#"{"traceId":"0001"}"#,
        r#"{"spanId":"x"}"#,
        r#"{"body":{"stringValue":"a","intValue":1}}"#,
        r#"{"body":{"newValue":"a"}}"#,
        r#"{"body":{"stringValue":"a"},"body":{"stringValue":"b"}}"#,
        r#"{"attributes":[{"key":"a"},{"key":"a"}]}"#,
        r#"{"attributes":[{"key":"a","new":1}]}"#,
        r#"{"attributes":[{"key":"a","value":{"kvlistValue":{"new":1}}}]}"#,
    ] {
        let row = of_json(lossy);
        assert_eq!((row.parse_error.as_deref(), row.raw.is_some()), (None, true), "{lossy}");
    }
}

#[test]
fn a_field_of_another_type_is_named_and_the_others_are_read() {
    for (field, name) in [
        (r#""timeUnixNano":"soon""#, "`timeUnixNano`"),
        (r#""timeUnixNano":-1"#, "`timeUnixNano`"),
        (r#""timeUnixNano":1.5"#, "`timeUnixNano`"),
        (r#""timeUnixNano":"18446744073709551615""#, "`time_unix_nano`"),
        (r#""observedTimeUnixNano":{}"#, "`observedTimeUnixNano`"),
        (r#""severityNumber":"SEVERITY_NUMBER_BAD""#, "`severityNumber`"),
        (r#""severityNumber":"SEVERITY_NUMBER_error""#, "`severityNumber`"),
        (r#""severityText":9"#, "`severityText`"),
        (r#""attributes":{"a":1}"#, "`attributes`"),
        (r#""attributes":[1]"#, "attribute"),
        (r#""attributes":[{"key":"k","value":"v"}]"#, "attribute `k`"),
        (r#""attributes":[{"key":"k","value":{"intValue":"9223372036854775808"}}]"#, "`intValue`"),
        (r#""attributes":[{"key":"k","value":{"intValue":1.5}}]"#, "attribute `k`"),
        (r#""attributes":[{"key":"k","value":{"doubleValue":1e999}}]"#, "`doubleValue`"),
        (r#""attributes":[{"key":"k","value":{"boolValue":"yes"}}]"#, "`boolValue`"),
        (r#""attributes":[{"key":"k","value":{"bytesValue":"?"}}]"#, "`bytesValue`"),
        (r#""attributes":[{"key":"k","value":{"arrayValue":[]}}]"#, "`arrayValue`"),
        (r#""flags":-1"#, "`flags`"),
        (r#""traceId":5"#, "`traceId`"),
        (r#""eventName":"\ud800""#, "`eventName`"),
    ] {
        let row = of_json(&format!(
            r#"{{"body":{{"stringValue":"a"}},{field},"spanId":"00000000000000ff"}}"#
        ));
        assert!(error(&row).contains(name), "{field}: {}", error(&row));
        assert_eq!((row.body.as_deref(), row.time_unix_nano), (Some("a"), None));
        assert_eq!(row.span_id, Some([0, 0, 0, 0, 0, 0, 0, 255]), "{field}");
    }
    let mut message = Message::new();
    message.bytes(1, b"a trace id");
    message.raw(&record("a"));
    message.field(3, b"no \xff text");
    let row = of_protobuf(message.as_bytes());
    assert_eq!(error(&row), "field 1 of the log record is bytes with a length, which it cannot be");
    assert_eq!(row.body.as_deref(), Some("a"));
    assert_eq!(row.severity_text.as_deref(), Some("no \u{fffd} text"));

    let mut pair = Message::new();
    pair.field(1, b"k");
    let mut value = Message::new();
    value.field(1, b"\xc3");
    pair.message(2, &value);
    let mut message = Message::new();
    message.message(6, &pair);
    let row = of_protobuf(message.as_bytes());
    assert!(error(&row).starts_with("attribute `k`: `string_value` is not UTF-8"));
    assert_eq!(row.attributes.as_deref(), Some("{\"k\":\"\u{fffd}\"}"));
}

#[test]
fn one_broken_record_does_not_hide_the_others() {
    let good = r#"{"body":{"stringValue":"a"}}"#;
    let text = format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"s"}}}}]}},
        "scopeLogs":[{{"logRecords":[{good},{{"body":oops}},7,{good}]}}]}}]}}"#
    );
    let found = rows(&json(), text.as_bytes());
    let errors: Vec<bool> = found.iter().map(|row| row.parse_error.is_some()).collect();
    assert_eq!(errors, [false, true, true, false]);
    assert_eq!(found[1].raw.as_deref(), Some(&br#"{"body":oops}"#[..]));
    assert!(found.iter().all(|row| row.service.as_deref() == Some("s")));

    // The second record's length says more than the scope has: the break is there.
    let mut scope = Message::new();
    scope.field(2, &record("a"));
    scope.raw(&[0x12, 0x7f, 0x2a]);
    let mut logs = Message::new();
    logs.message(2, &scope);
    let mut bytes = Message::new();
    bytes.message(1, &logs);
    let bytes = bytes.raw(&request(&[&record("b")])).clone().into_bytes();
    let found = rows(&protobuf(), &bytes);
    let bodies: Vec<_> = found.iter().map(|row| row.body.as_deref()).collect();
    assert_eq!(bodies, [Some("a"), Some("\u{12}\u{7f}*"), Some("b")]);
    assert_eq!(found[1].raw.as_deref(), Some(&[0x12, 0x7f, 0x2a][..]));
    assert!(error(&found[1]).contains("`scope_logs` is broken"));

    // A broken end of a record is its own.
    let found = rows(&protobuf(), &request(&[&[0x1a, 1, b't', 0x80], &record("b")]));
    assert_eq!(found[0].severity_text.as_deref(), Some("t"));
    assert!(error(&found[0]).contains("the log record is broken"));
    assert_eq!(found[1].body.as_deref(), Some("b"));
}

#[test]
fn what_a_resource_or_scope_says_beside_stands_in_it() {
    let text = r#"{"resourceLogs":[{"resource":{"attributes":[],"entityRefs":[{"type":"x"}]},
        "scopeLogs":[{"scope":{"name":"n","more":1},"other":true,"logRecords":[{}]}]}]}"#;
    let row = one(rows(&json(), text.as_bytes()));
    assert_eq!((row.parse_error, row.raw), (None, None));
    let parsed = |text: Option<String>| -> Json { serde_json::from_str(&text.unwrap()).unwrap() };
    let resource = parsed(row.resource);
    assert_eq!(
        resource,
        object!({"otlp.raw": r#"{"resource":{"attributes":[],"entityRefs":[{"type":"x"}]}}"#})
    );
    let scope = parsed(row.scope);
    assert_eq!(
        scope,
        object!({"name": "n", "otlp.raw": r#"{"scope":{"name":"n","more":1},"other":true}"#})
    );

    let mut resource = Message::new();
    resource.attributes(1, &vec![("schema_url".into(), AnyValue::Int(1))]);
    let mut scope = Message::new();
    scope.field(2, &record("a"));
    let mut logs = Message::new();
    logs.message(1, &resource);
    logs.message(2, &scope);
    logs.text(3, "u");
    let mut request = Message::new();
    request.message(1, &logs);
    let row = one(rows(&protobuf(), request.as_bytes()));
    let kept = parsed(row.resource);
    assert_eq!(kept["schema_url"], "u");
    let mut expected = Message::new();
    expected.message(1, &resource);
    expected.text(3, "u");
    use base64::Engine as _;
    let raw = base64::engine::general_purpose::STANDARD.encode(expected.as_bytes());
    assert_eq!(kept["otlp.raw"], raw);
}

#[test]
fn a_broken_resource_is_said_on_its_rows() {
    let text = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name",
        "value":{"stringValue":"s"}},{"key":"k","value":5}]},
        "scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}"#;
    let row = one(rows(&json(), text.as_bytes()));
    assert!(error(&row).starts_with("the resource: attribute `k`:"), "{}", error(&row));
    assert_eq!((row.service.as_deref(), row.body.as_deref()), (Some("s"), Some("a")));
    assert!(row.resource.unwrap().contains("otlp.raw"));
}

#[test]
fn a_request_without_records_is_empty_only_if_it_is_one() {
    for text in [
        "{}",
        " ",
        r#"{"resourceLogs":[]}"#,
        r#"{"resourceLogs":null}"#,
        r#"{"resource_logs":[{"resource":{},"scopeLogs":[{"scope":{"name":"n"}}]}]}"#,
    ] {
        assert_eq!(rows(&json(), text.as_bytes()), [], "{text}");
    }
    for text in [
        r#"{"resourceSpans":[]}"#,
        include_str!("../../../../tests/data/otlp/README.md").trim(),
        "[]",
        r#"{"resourceLogs":{}}"#,
        r#"{"resourceLogs":[{"new":1}]}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"scope":5}]}]}"#,
        r#"{"resourceLogs":[7]}"#,
    ] {
        let found = rows(&json(), text.as_bytes());
        assert!(!found.is_empty(), "{text}");
        for row in found {
            assert!(memchr::memmem::find(text.as_bytes(), row.raw.as_deref().unwrap()).is_some());
            assert!(row.parse_error.is_some(), "{text}");
        }
    }
    let spans = one(rows(&json(), br#"{"resourceSpans":[{"resource":{}}]}"#));
    assert_eq!(error(&spans), "this holds no logs: its first key is `resourceSpans`");
    let both = rows(&json(), br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}],"x":1}"#);
    assert_eq!(both[1].raw.as_deref(), Some(&br#""x":1"#[..]));
    assert_eq!(both.len(), 2);

    for bytes in [&[][..], &[0, 0, 0, 0], &[10, 0], &[10, 4, 10, 0, 18, 0], &[0, 0, 0, 2, 10, 0]] {
        assert_eq!(rows(&protobuf(), bytes), []);
    }
    for bytes in [&[10, 2, 0x20, 1][..], &[10, 4, 18, 2, 0x20, 1], &[0x12, 0], &[10, 1, 0x80]] {
        let row = one(rows(&protobuf(), bytes));
        assert!(row.parse_error.is_some());
        assert!(bytes.ends_with(row.raw.as_deref().unwrap()));
    }
    // A span begins with an id, where a log record has its time.
    let mut span = Message::new();
    span.bytes(1, &[7; 16]);
    assert!(error(&of_protobuf(span.as_bytes())).starts_with("field 1 of the log record"));
}

#[test]
fn severities_have_names_and_times_exponents() {
    let row =
        of_json(r#"{"severityNumber":"SEVERITY_NUMBER_WARN3","timeUnixNano":1.5447126603e18}"#);
    assert_eq!(row.severity, LogSeverity::from_number(15));
    assert_eq!(row.time_unix_nano, Some(1_544_712_660_300_000_000));
    assert_eq!(of_json(r#"{"severityNumber":"SEVERITY_NUMBER_UNSPECIFIED"}"#).severity, None);
    assert_eq!(of_json(r#"{"severityNumber":"17"}"#).severity, Some(LogSeverity::ERROR));
    let bytes = of_json(r#"{"body":{"bytesValue":"-_8"}}"#);
    assert_eq!((bytes.body.as_deref(), bytes.raw), (Some("+/8="), None));
}

#[test]
fn the_narrowest_place_is_the_emitter() {
    let row = |attributes: Json| {
        let request = object!({"resourceLogs": [{"resource": {"attributes": attributes},
            "scopeLogs": [{"logRecords": [{}]}]}]});
        one(rows(&json(), request.to_string().as_bytes())).emitter
    };
    let key = |key: &str| object!({"key": key, "value": {"stringValue": key}});
    let number = object!({"key": "service.instance.id", "value": {"intValue": "7"}});
    let all = [key("service.name"), key("host.name"), key("k8s.pod.name"), number];
    assert_eq!(row(object!(all)).as_deref(), Some("7"));
    assert_eq!(row(object!(all[..3])).as_deref(), Some("k8s.pod.name"));
    assert_eq!(row(object!(all[..2])).as_deref(), Some("host.name"));
    assert_eq!(row(object!(all[..1])).as_deref(), Some("service.name"));
    assert_eq!(row(object!([])).as_deref(), Some("receiver"));
}

#[test]
fn the_first_bytes_tell_json_from_protobuf() {
    let text = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"e"}]}]}]}"#;
    let event = Record { event_name: "e".into(), ..Record::default() }.message();
    let expected = alike(rows(&json(), text.as_bytes()));
    for bytes in [
        text.as_bytes().to_vec(),
        format!("\n\n {text}").into_bytes(),
        format!("\n{{\n  {}", text.trim_start_matches('{')).into_bytes(),
        format!("{}{text}", "\n".repeat(200)).into_bytes(),
        request(&[event.as_bytes()]),
        [&[0, 0, 0, 9][..], &request(&[event.as_bytes()])].concat(),
    ] {
        assert_eq!(alike(rows(&either(), &bytes)), expected, "{bytes:?}");
    }
    // A message of 123 bytes begins like a line feed and a brace, its resource like a quote.
    for length in [0x22, 0x20, 0x7b - 4] {
        let mut resource = Message::new();
        resource.attributes(1, &vec![("k".repeat(length - 8), AnyValue::Text("v".into()))]);
        let mut logs = Message::new();
        logs.message(1, &resource);
        let mut scope = Message::new();
        let rest = 0x7b - 2 - resource.as_bytes().len();
        if rest > 8 {
            scope.text(3, &"u".repeat(rest - 6));
            scope.field(2, &[]);
            logs.message(2, &scope);
        }
        let mut bytes = Message::new();
        bytes.message(1, &logs);
        assert_eq!(
            rows(&either(), bytes.as_bytes()).len(),
            rows(&protobuf(), bytes.as_bytes()).len()
        );
        for (ours, theirs) in
            rows(&either(), bytes.as_bytes()).iter().zip(rows(&protobuf(), bytes.as_bytes()))
        {
            assert_eq!(ours.scope, theirs.scope);
            assert_eq!(ours.parse_error, None);
        }
        assert!(rest <= 8 || bytes.as_bytes().starts_with(&[10, 0x7b, 10]), "{:?}", bytes);
    }
    for bytes in ["hello", "\nhello", "", "\n", "\n{", "[1]"] {
        let found = rows(&either(), bytes.as_bytes());
        assert!(found.iter().all(|row| row.parse_error.is_some() && row.raw.is_some()));
        assert_eq!(found.is_empty(), bytes.trim().is_empty(), "{bytes}");
    }
}
