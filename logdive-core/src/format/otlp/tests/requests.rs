//! Any requests.

use proptest::prelude::*;

use crate::testkit::otlp::{
    AnyValue, Attributes, JsonStyle, Record, Request, ResourceLogs, ScopeLogs,
};

pub(super) fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(AnyValue::Empty),
        any::<String>().prop_map(AnyValue::Text),
        any::<bool>().prop_map(AnyValue::Bool),
        any::<i64>().prop_map(AnyValue::Int),
        any::<f64>().prop_map(AnyValue::Double),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324])
            .prop_map(AnyValue::Double),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(AnyValue::Bytes),
    ];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AnyValue::Array),
            prop::collection::vec((".{0,3}", inner), 0..4).prop_map(AnyValue::Object),
        ]
    })
}

fn attributes(keys: &'static str) -> impl Strategy<Value = Attributes> {
    prop::collection::vec((keys, any_value()), 0..5)
}

fn small_or_any() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..3, any::<u32>()]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        1_600_000_000_000_000_000_u64..1_700_000_000_000_000_000,
        any::<u64>(),
        Just(u64::from(i64::MAX.unsigned_abs() as u32)),
        Just(i64::MAX.unsigned_abs()),
        Just(i64::MAX.unsigned_abs() + 1),
    ]
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), length),
        Just(vec![0; length]),
        prop::collection::vec(any::<u8>(), 1..20),
    ]
}

pub(super) fn record() -> impl Strategy<Value = Record> {
    let texts = (any::<String>(), any::<String>(), prop::option::of(any_value()));
    let keys =
        "(a|b|c|é|request_id|aws\\.request_id|http\\.request\\.id|log\\.record\\.uid|.{0,3})";
    let numbers =
        (time(), time(), prop_oneof![0..27, any::<i32>()], small_or_any(), small_or_any());
    (numbers, texts, attributes(keys), id(16), id(8)).prop_map(
        |(numbers, (severity_text, event_name, body), attributes, trace_id, span_id)| Record {
            time_unix_nano: numbers.0,
            observed_time_unix_nano: numbers.1,
            severity_number: numbers.2,
            severity_text,
            body,
            attributes,
            dropped_attributes_count: numbers.3,
            flags: numbers.4,
            trace_id,
            span_id,
            event_name,
        },
    )
}

/// Keys of resources and scopes are unique: else they stand as they came beside the others.
fn unique(attributes: Attributes) -> Attributes {
    let mut seen = std::collections::HashSet::new();
    attributes
        .into_iter()
        .filter(|(key, _)| seen.insert(key.clone()))
        .map(|(key, value)| {
            let flat = match value {
                AnyValue::Object(_) | AnyValue::Array(_) => {
                    AnyValue::Array(vec![AnyValue::Bool(true)])
                }
                flat => flat,
            };
            (key, flat)
        })
        .collect()
}

pub(super) fn request() -> impl Strategy<Value = Request> {
    let scope =
        (any::<String>(), "[0-9.]{0,3}", attributes("[a-c]{1,2}"), small_or_any(), "[a-z:/]{0,3}");
    let scope = (scope, prop::collection::vec(record(), 0..3)).prop_map(
        |((name, version, attributes, dropped_attributes_count, schema_url), records)| ScopeLogs {
            name,
            version,
            attributes: unique(attributes),
            dropped_attributes_count,
            schema_url,
            records,
        },
    );
    let keys = "(service\\.name|service\\.instance\\.id|host\\.name|k8s\\.pod\\.name|[a-c])";
    let scopes = prop::collection::vec(scope, 0..3);
    let resource = (attributes(keys), small_or_any(), "[a-z:/]{0,3}", scopes).prop_map(
        |(attributes, dropped_attributes_count, schema_url, scopes)| ResourceLogs {
            attributes: unique(attributes),
            dropped_attributes_count,
            schema_url,
            scopes,
        },
    );
    prop::collection::vec(resource, 0..3).prop_map(|resources| Request { resources })
}

pub(super) fn style() -> impl Strategy<Value = JsonStyle> {
    any::<[bool; 4]>().prop_map(|[snake_case, numbers, names, pretty]| JsonStyle {
        snake_case,
        numbers,
        names,
        pretty,
    })
}
