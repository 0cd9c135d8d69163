//! Requests that want to hurt.

use super::{JsonStyle, Request, either, json, protobuf, rows};
use crate::log::LogRecord as Row;
use crate::testkit::otlp::{AnyValue, Message, Record, ResourceLogs, ScopeLogs};

fn request(resource: Vec<(String, AnyValue)>, records: Vec<Record>) -> Request {
    let scopes = vec![ScopeLogs { records, ..ScopeLogs::default() }];
    let logs = ResourceLogs { attributes: resource, scopes, ..ResourceLogs::default() };
    Request { resources: vec![logs] }
}

fn nested(levels: usize, is_array: bool) -> AnyValue {
    (0..levels).fold(AnyValue::Int(1), |inner, _| match is_array {
        true => AnyValue::Array(vec![inner]),
        false => AnyValue::Object(vec![("k".into(), inner)]),
    })
}

/// Values nested so deep, in a body and an attribute, with a plain record behind them.
fn deep(levels: usize) -> Vec<Vec<Row>> {
    let record = |value: AnyValue| Record {
        severity_text: "t".into(),
        attributes: vec![("a".into(), value.clone())],
        body: Some(value),
        ..Record::default()
    };
    let records = vec![
        record(nested(levels, true)),
        record(nested(levels, false)),
        Record { event_name: "e".into(), ..Record::default() },
    ];
    let request = request(Vec::new(), records);
    vec![
        rows(&protobuf(), &request.to_protobuf()),
        rows(&json(), request.to_json(JsonStyle::default()).as_bytes()),
    ]
}

#[test]
fn deep_values_are_read_up_to_a_limit_and_kept_behind_it() {
    for found in deep(30) {
        assert!(found.iter().all(|row| row.parse_error.is_none() && row.raw.is_none()));
        for text in [&found[0].attributes, &found[1].attributes, &found[0].body, &found[1].body] {
            let parsed = serde_json::from_str::<serde_json::Value>(text.as_deref().unwrap());
            assert!(parsed.is_ok(), "what is written can be read");
        }
    }
    // serde_json, which the JSON is made with here, would overflow the stack far deeper.
    for found in [deep(31), deep(100)].concat() {
        assert_eq!(found.len(), 3);
        for row in &found[..2] {
            assert!(row.parse_error.as_deref().unwrap().contains("nested"), "{row:?}");
            assert!(row.raw.is_some());
        }
        assert_eq!(found[2].event.as_deref(), Some("e"));
        assert_eq!(found[2].parse_error, None);
    }
}

#[test]
fn no_depth_overflows_the_stack() {
    let mut message = Message::new();
    for level in 0..20_000 {
        let is_array = level % 2 == 0;
        let mut pair = Message::new();
        pair.message(2, &message);
        let mut list = Message::new();
        list.message(1, if is_array { &message } else { &pair });
        message = Message::new();
        message.message(if is_array { 5 } else { 6 }, &list);
    }
    let mut record = Message::new();
    record.message(5, &message);
    let mut scope = Message::new();
    scope.message(2, &record);
    let mut logs = Message::new();
    logs.message(2, &scope);
    let mut request = Message::new();
    request.message(1, &logs);
    let found = rows(&protobuf(), request.as_bytes());
    assert_eq!(found.len(), 1);
    assert!(found[0].parse_error.as_deref().unwrap().contains("nested"));

    let deep = 100_000;
    let array = format!("{}1{}", "{\"arrayValue\":{\"values\":[".repeat(deep), "]}}".repeat(deep));
    let plain = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    for record in [
        format!("{{\"body\":{array}}}"),
        format!("{{\"new\":{plain}}}"),
        plain.clone(),
        format!("{{\"attributes\":{plain}}}"),
    ] {
        let text =
            format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{record}]}}]}}]}}");
        let found = rows(&either(), text.as_bytes());
        assert_eq!(found.len(), 1);
        let row = &found[0];
        assert!(row.parse_error.is_some(), "{row:.200?}");
        assert!(record.as_bytes().starts_with(row.raw.as_deref().unwrap()));
    }
    let text = format!("{{\"resourceLogs\":[{{\"resource\":{plain},\"x\":{plain}}}]}}");
    assert_eq!(rows(&json(), text.as_bytes()).len(), 1);
    assert_eq!(rows(&json(), plain.as_bytes()).len(), 1);
}

/// The longest request that is parsed whole, of many records.
#[test]
fn a_request_of_16_mib_is_rows() {
    let body = Some(AnyValue::Text("x".repeat(2000)));
    let record = Record { body, time_unix_nano: 1, ..Record::default() };
    let mut logs = Message::new();
    let mut scope = Message::new();
    let mut count = 0;
    let message = record.message();
    while scope.as_bytes().len() + message.as_bytes().len() + 3 <= 16 * 1024 * 1024 - 10 {
        scope.message(2, &message);
        count += 1;
    }
    logs.message(2, &scope);
    let mut request = Message::new();
    request.message(1, &logs);
    let found = rows(&either(), request.as_bytes());
    assert_eq!(found.len(), count);
    assert!(found.iter().all(|row| row.parse_error.is_none()));
}

#[test]
fn a_record_longer_than_a_row_keeps_is_cut_and_says_so() {
    let body = Some(AnyValue::Text("x".repeat(300_000)));
    let records = vec![Record { body, ..Record::default() }, Record::default()];
    let request = request(Vec::new(), records);
    for (format, bytes) in [
        (protobuf(), request.to_protobuf()),
        (json(), request.to_json(JsonStyle::default()).into_bytes()),
    ] {
        let found = rows(&format, &bytes);
        assert_eq!(found.len(), 2);
        assert!(found[0].raw_length.unwrap() > 300_000);
        assert!(found[0].raw_sha256.is_some());
        assert_eq!(found[0].body.as_ref().unwrap().len(), 256 * 1024);
        assert_eq!(found[1].parse_error, None);
    }
}

/// A large resource stands in the row of each of its records: a request of 1 MB would be one of
/// 200 GB. What goes beyond 64 times its bytes stays as it came.
#[test]
fn a_small_request_cannot_fill_the_memory() {
    let resource = vec![("k".to_owned(), AnyValue::Text("r".repeat(100_000)))];
    let request = request(resource, vec![Record::default(); 50_000]);
    let text = request.to_json(JsonStyle::default());
    for (format, bytes) in [
        (protobuf(), request.to_protobuf()),
        (json(), text.replace("[{},", "[5,").replace("{},", "5,").into_bytes()),
        (json(), text.into_bytes()),
    ] {
        let found = rows(&format, &bytes);
        let held: usize =
            found.iter().map(|row| row.resource.as_ref().map_or(0, String::len)).sum();
        assert!(held <= 65 * bytes.len(), "{held} of {}", bytes.len());
        let rest = found.last().unwrap();
        assert!(found.len() > 1);
        assert!(rest.parse_error.as_deref().unwrap().contains("64 times"), "{rest:.300?}");
        let at = usize::try_from(rest.source_offset.unwrap()).unwrap();
        assert_eq!(rest.raw.as_deref(), Some(&bytes[at..]));
    }
}
