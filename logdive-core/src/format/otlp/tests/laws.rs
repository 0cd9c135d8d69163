//! Laws that hold of any request and of any bytes.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::format::protobuf::Fields;

use super::requests::{request, style};
use super::{
    Format, JsonStyle, LogBatchBuilder, LogRecord, Parser, Request, alike, cases, either, expected,
    json, origin, protobuf, rows,
};

fn in_pieces(format: &Arc<dyn Format>, bytes: &[u8], cuts: &[Index]) -> Vec<LogRecord> {
    let mut out = LogBatchBuilder::new();
    let mut parser = Parser::new(Arc::clone(format), origin());
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts {
        parser.feed(&bytes[from..cut], &mut out);
        from = cut;
    }
    parser.feed(&bytes[from..], &mut out);
    parser.finish(&mut out);
    out.finish().records().collect()
}

/// With each message's length in front, as the collector's file exporter writes them.
fn with_lengths(requests: &[Request]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for request in requests {
        let message = request.to_protobuf();
        bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&message);
    }
    bytes
}

/// What a resource and a scope keep as it came.
fn as_it_came(row: &LogRecord) -> Vec<Vec<u8>> {
    let objects = [&row.resource, &row.scope].into_iter().flatten();
    let kept = objects.filter_map(|object| {
        let object: serde_json::Value = serde_json::from_str(object).ok()?;
        let kept = object["otlp.raw"].as_str()?;
        Some(STANDARD.decode(kept).unwrap_or_else(|_| kept.as_bytes().to_vec()))
    });
    kept.collect()
}

/// Everything that the rows say, to look for texts in.
fn haystack(rows: &[LogRecord]) -> Vec<u8> {
    let mut all = Vec::new();
    for row in rows {
        let texts = [
            &row.severity_text,
            &row.service,
            &row.emitter,
            &row.event,
            &row.uid,
            &row.request_id,
            &row.body,
            &row.attributes,
            &row.resource,
            &row.scope,
        ];
        for text in texts.into_iter().flatten() {
            all.extend_from_slice(text.as_bytes());
            all.push(b' ');
        }
        let objects = [&row.attributes, &row.resource, &row.scope, &row.body];
        for object in objects.into_iter().flatten() {
            if let Ok(object) = serde_json::from_str(object) {
                decoded(&object, &mut all);
            }
            all.extend(STANDARD.decode(object).unwrap_or_default());
        }
        all.extend_from_slice(row.raw.as_deref().unwrap_or_default());
        as_it_came(row).iter().for_each(|kept| all.extend_from_slice(kept));
        all.push(b' ');
    }
    all
}

/// A text that is told from others by each of its parts: damaged lengths may cut it in two, of
/// which each is kept elsewhere.
fn mark(count: u32) -> String {
    unit(count).repeat(4)
}

fn unit(count: u32) -> String {
    format!("m{count:03}")
}

/// A request in which every text is one of its own.
fn marked(copies: u32) -> Request {
    use crate::testkit::otlp::{AnyValue, Record, ResourceLogs, ScopeLogs};
    let mut count = 0;
    let mut mark = || {
        count += 1;
        mark(count)
    };
    let mut request = Request::default();
    for _ in 0..copies {
        let mut resource = ResourceLogs {
            attributes: vec![(mark(), AnyValue::Text(mark()))],
            schema_url: mark(),
            ..ResourceLogs::default()
        };
        for _ in 0..copies {
            let mut scope = ScopeLogs {
                name: mark(),
                version: mark(),
                attributes: vec![(mark(), AnyValue::Text(mark()))],
                schema_url: mark(),
                ..ScopeLogs::default()
            };
            for _ in 0..2 {
                let inside = vec![(mark(), AnyValue::Array(vec![AnyValue::Text(mark())]))];
                scope.records.push(Record {
                    time_unix_nano: 1_700_000_000_000_000_000,
                    severity_text: mark(),
                    event_name: mark(),
                    body: Some(AnyValue::Text(mark())),
                    attributes: vec![(mark(), AnyValue::Object(inside))],
                    trace_id: vec![7; 16],
                    flags: 1,
                    ..Record::default()
                });
            }
            resource.scopes.push(scope);
        }
        request.resources.push(resource);
    }
    request
}

/// Adds the bytes that texts are the base64 of: a wrong bit makes bytes of a message.
fn decoded(value: &serde_json::Value, all: &mut Vec<u8>) {
    match value {
        serde_json::Value::String(text) => {
            all.extend(STANDARD.decode(text).unwrap_or_default());
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| decoded(value, all)),
        serde_json::Value::Object(values) => values.values().for_each(|value| decoded(value, all)),
        _ => {}
    }
}

/// The marks that the bytes hold and no row does, nor several rows that keep the bytes one after
/// another.
fn lost(copies: u32, bytes: &[u8], rows: &[LogRecord]) -> Vec<String> {
    // As many as `marked` makes.
    let marks = copies * (3 + copies * (5 + copies * 6));
    let all = haystack(rows);
    let mut kept = vec![b' '; bytes.len()];
    for row in rows {
        let from = usize::try_from(row.source_offset.unwrap()).unwrap();
        let raw = row.raw.as_deref().unwrap_or_default();
        assert_eq!(raw, &bytes[from..from + raw.len()], "rows keep the bytes that stand there");
        kept[from..from + raw.len()].copy_from_slice(raw);
        for message in as_it_came(row) {
            for field in Fields::of(&message).flatten() {
                for at in memchr::memmem::find_iter(bytes, field.whole) {
                    kept[at..at + field.whole.len()].copy_from_slice(field.whole);
                }
            }
        }
    }
    let holds = |bytes, text: String| memchr::memmem::find(bytes, text.as_bytes()).is_some();
    let intact = (1..=marks).filter(|count| holds(bytes, mark(*count)));
    intact
        .filter(|count| !holds(&all, unit(*count)) && !holds(&kept, unit(*count)))
        .map(mark)
        .collect()
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn both_encodings_give_the_rows_of_the_model(request in request(), style in style()) {
        let as_json = rows(&json(), request.to_json(style).as_bytes());
        let as_protobuf = rows(&protobuf(), &request.to_protobuf());
        prop_assert_eq!(alike(as_json.clone()), alike(as_protobuf.clone()));
        let expected = expected::rows(&request);
        prop_assert_eq!(expected.len(), as_protobuf.len());
        for (rows, name) in [(as_json, "otlp-json"), (as_protobuf, "otlp-proto")] {
            for ((row, expected), record) in
                rows.into_iter().zip(&expected).zip(expected::records(&request))
            {
                prop_assert_eq!(row.format.as_deref(), Some(name));
                if name == "otlp-proto" && let Some(raw) = &row.raw {
                    let message = record.message();
                    prop_assert_eq!(&**raw, message.as_bytes());
                }
                let row = expected::Row::of(row, expected::is_structured(record));
                prop_assert_eq!(&row, expected);
            }
        }
    }

    #[test]
    fn any_split_gives_equal_rows(
        requests in prop::collection::vec(request(), 1..3),
        style in style(),
        cuts in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let json_bytes = requests.iter().map(|r| r.to_json(style)).collect::<Vec<_>>().join("\n");
        let plain: Vec<u8> = requests.iter().flat_map(Request::to_protobuf).collect();
        let with_lengths = with_lengths(&requests);
        let same_rows = alike(rows(&protobuf(), &plain));
        for (format, bytes) in [
            (json(), json_bytes.as_bytes()), (protobuf(), &plain), (protobuf(), &with_lengths),
            (either(), json_bytes.as_bytes()), (either(), &plain), (either(), &with_lengths),
        ] {
            let whole = rows(&format, bytes);
            prop_assert_eq!(&in_pieces(&format, bytes, &cuts), &whole);
            prop_assert_eq!(&alike(whole), &same_rows);
        }
    }

    #[test]
    fn any_bytes_are_taken(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..32], 0..200),
        cuts in prop::collection::vec(any::<Index>(), 0..4),
    ) {
        for format in [json(), protobuf(), either()] {
            prop_assert_eq!(in_pieces(&format, &bytes, &cuts), rows(&format, &bytes));
        }
        let mut framed = vec![10, u8::try_from(bytes.len() & 0x7f).unwrap()];
        framed.extend_from_slice(bytes.get(..bytes.len() & 0x7f).unwrap());
        rows(&protobuf(), &framed);
        let mut json_bytes = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#.to_vec();
        json_bytes.extend_from_slice(&bytes);
        json_bytes.extend_from_slice(b"]}]}]}");
        prop_assert!(!rows(&json(), &json_bytes).is_empty() || bytes.trim_ascii().is_empty());
    }

    /// What is intact in the bytes is in the rows, whatever was done to the bytes.
    #[test]
    fn no_text_is_lost(
        damage in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..4), 1..4),
    ) {
        let request = marked(2);
        let compact = JsonStyle::default();
        for (format, bytes) in [
            (json(), request.to_json(compact).into_bytes()),
            (json(), request.to_json(JsonStyle { pretty: true, ..compact }).into_bytes()),
            (protobuf(), request.to_protobuf()),
        ] {
            let mut bytes = bytes;
            for (at, byte, what) in &damage {
                let at = at.index(bytes.len());
                match what {
                    0 => bytes[at] ^= 1 << (byte % 8),
                    1 => bytes[at] = *byte,
                    2 => bytes.insert(at, *byte),
                    _ => drop(bytes.remove(at)),
                }
            }
            let rows = rows(&format, &bytes);
            let lost = lost(2, &bytes, &rows);
            prop_assert!(
                lost.is_empty(),
                "{} lost {lost:?} of {}\nin {rows:#?}",
                format.name(),
                String::from_utf8_lossy(&bytes),
            );
        }
    }
}

#[test]
fn every_prefix_of_a_message_is_rows_and_its_cut_end() {
    let request = marked(2);
    let bytes = request.to_protobuf();
    let all = rows(&protobuf(), &bytes);
    let first = Request { resources: request.resources[..1].to_vec() }.to_protobuf().len();
    for cut in 0..=bytes.len() {
        let part = &bytes[..cut];
        let found = rows(&protobuf(), part);
        let (whole, from) = match cut {
            _ if cut == bytes.len() => (8, cut),
            _ if cut >= first => (4, first),
            _ => (0, 0),
        };
        assert_eq!(found[..whole], all[..whole], "{cut}");
        if from == cut {
            assert_eq!(found.len(), whole);
        } else {
            assert_eq!(found.len(), whole + 1);
            assert_eq!(found[whole].raw.as_deref(), Some(&part[from..]));
            assert_eq!(found[whole].source_offset, Some(i64::try_from(from).unwrap()));
        }
    }
}

#[test]
fn every_prefix_of_json_is_kept() {
    let text = marked(2).to_json(JsonStyle::default());
    for cut in 1..text.len() {
        let part = &text.as_bytes()[..cut];
        let found = rows(&json(), part);
        assert_eq!(found.len(), 1, "{cut}");
        assert_eq!(found[0].raw.as_deref(), Some(part));
    }
}

#[test]
fn records_stand_where_they_begin() {
    let request = marked(2);
    for (format, bytes) in [
        (json(), request.to_json(JsonStyle { pretty: true, ..JsonStyle::default() }).into_bytes()),
        (protobuf(), request.to_protobuf()),
    ] {
        for (row, record) in rows(&format, &bytes).iter().zip(expected::records(&request)) {
            let at = usize::try_from(row.source_offset.unwrap()).unwrap();
            let here = &bytes[at..];
            if format.name() == "otlp-proto" {
                assert!(here.starts_with(record.message().as_bytes()));
            } else {
                let mut values = serde_json::Deserializer::from_slice(here).into_iter();
                let value: serde_json::Value = values.next().unwrap().unwrap();
                assert_eq!(value["eventName"], record.event_name);
            }
        }
    }
}

/// One bit of each byte is wrong, on CI any.
#[test]
fn no_text_is_lost_by_a_wrong_bit() {
    let request = marked(1);
    for (format, good) in [
        (protobuf(), request.to_protobuf()),
        (json(), request.to_json(JsonStyle::default()).into_bytes()),
    ] {
        let bits = if cases(1).cases < 10 { 1 } else { 8 };
        for (at, bit) in (0..good.len()).flat_map(|at| (0..bits).map(move |bit| (at, bit))) {
            let bit = (at + bit) % 8;
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            let rows = rows(&format, &bytes);
            let lost = lost(1, &bytes, &rows);
            assert!(
                lost.is_empty(),
                "{} lost {lost:?} by bit {bit} of byte {at} of {:?}\nin {rows:#?}",
                format.name(),
                String::from_utf8_lossy(&bytes),
            );
        }
    }
}
