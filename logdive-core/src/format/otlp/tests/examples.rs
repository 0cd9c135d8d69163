//! The examples of the protocol's own repository.

use serde_json::Value as Json;

use super::{JsonStyle, Request, alike, expected, json, protobuf, rows};
use crate::testkit::otlp::{AnyValue, Attributes, Record, ResourceLogs, ScopeLogs};

const EXAMPLES: [&str; 2] = [
    include_str!("../../../../tests/data/otlp/logs.json"),
    include_str!("../../../../tests/data/otlp/events.json"),
];

fn list<T>(value: &Json, each: impl Fn(&Json) -> T) -> Vec<T> {
    value.as_array().map(|list| list.iter().map(each).collect()).unwrap_or_default()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Json) -> u64 {
    text(value).parse().unwrap_or_default()
}

fn bytes(value: &Json) -> Vec<u8> {
    let text = text(value);
    let pair = |at| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}

fn attributes(value: &Json) -> Attributes {
    list(value, |pair| (text(&pair["key"]), any_value(&pair["value"])))
}

fn any_value(value: &Json) -> AnyValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "stringValue" => AnyValue::Text(text(value)),
        "boolValue" => AnyValue::Bool(value.as_bool().unwrap()),
        "intValue" => AnyValue::Int(text(value).parse().unwrap()),
        "doubleValue" => AnyValue::Double(value.as_f64().unwrap()),
        "arrayValue" => AnyValue::Array(list(&value["values"], any_value)),
        "kvlistValue" => AnyValue::Object(attributes(&value["values"])),
        other => panic!("{other}"),
    }
}

fn record(value: &Json) -> Record {
    Record {
        time_unix_nano: number(&value["timeUnixNano"]),
        observed_time_unix_nano: number(&value["observedTimeUnixNano"]),
        severity_number: value["severityNumber"].as_i64().unwrap().try_into().unwrap(),
        severity_text: text(&value["severityText"]),
        body: value.get("body").map(any_value),
        attributes: attributes(&value["attributes"]),
        trace_id: bytes(&value["traceId"]),
        span_id: bytes(&value["spanId"]),
        event_name: text(&value["eventName"]),
        ..Record::default()
    }
}

fn request(value: &Json) -> Request {
    let scope = |logs: &Json| ScopeLogs {
        name: text(&logs["scope"]["name"]),
        version: text(&logs["scope"]["version"]),
        attributes: attributes(&logs["scope"]["attributes"]),
        records: list(&logs["logRecords"], record),
        ..ScopeLogs::default()
    };
    let resource = |logs: &Json| ResourceLogs {
        attributes: attributes(&logs["resource"]["attributes"]),
        scopes: list(&logs["scopeLogs"], scope),
        ..ResourceLogs::default()
    };
    Request { resources: list(&value["resourceLogs"], resource) }
}

#[test]
fn every_field_of_the_examples_is_in_their_rows() {
    for example in EXAMPLES {
        let value: Json = serde_json::from_str(example).unwrap();
        let request = request(&value);
        // The model says all that the example says.
        let lower = |value: &Json| value.to_string().to_lowercase();
        let written: Json = serde_json::from_str(&request.to_json(JsonStyle::default())).unwrap();
        assert_eq!(lower(&written), lower(&value));

        let as_json = rows(&json(), example.as_bytes());
        let as_protobuf = rows(&protobuf(), &request.to_protobuf());
        assert_eq!(alike(as_json.clone()), alike(as_protobuf));
        let expected = expected::rows(&request);
        assert_eq!(as_json.len(), expected.len());
        for ((row, expected), record) in
            as_json.into_iter().zip(expected).zip(expected::records(&request))
        {
            assert_eq!(expected::Row::of(row, expected::is_structured(record)), expected);
            assert!(!expected.keeps_raw);
        }
    }
}

#[test]
fn the_example_reads_as_its_authors_meant_it() {
    let [row] = rows(&json(), EXAMPLES[0].as_bytes()).try_into().unwrap();
    assert_eq!(row.service.as_deref(), Some("my.service"));
    assert_eq!(row.emitter.as_deref(), Some("my.service"));
    assert_eq!(row.severity.unwrap().number(), 10);
    assert_eq!(row.trace_id.unwrap()[..3], [0x5b, 0x8e, 0xff]);
    assert_eq!(row.body.as_deref(), Some("Example log record"));
    assert_eq!(
        row.attributes.as_deref(),
        Some(concat!(
            r#"{"string.attribute":"some string","boolean.attribute":true,"int.attribute":10,"#,
            r#""double.attribute":637.704,"array.attribute":["many","values"],"#,
            r#""map.attribute":{"some.map.key":"some value"}}"#
        ))
    );
    assert_eq!(row.resource.as_deref(), Some(r#"{"service.name":"my.service"}"#));
}
