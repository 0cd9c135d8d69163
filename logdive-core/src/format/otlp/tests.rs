//! What requests become, told by a second reading of them.

use std::sync::Arc;

use proptest::prelude::*;

use crate::LayerName;
use crate::format::{Format, Origin, Otlp, OtlpJson, OtlpProtobuf, Parsed, Parser, by_name, parse};
use crate::log::{LogBatchBuilder, LogRecord};
use crate::testkit::otlp::{JsonStyle, Request};

mod broken;
mod examples;
mod expected;
mod hostile;
mod laws;
mod requests;

/// A tenth of what a run on CI does.
fn cases(cases: u32) -> ProptestConfig {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: cases * scale.unwrap_or(1), ..ProptestConfig::default() }
}

fn origin() -> Origin {
    let layer = LayerName::parse("front").unwrap();
    Origin { emitter: Some("receiver".into()), ..Origin::new(layer, "x", 77) }
}

fn json() -> Arc<dyn Format> {
    Arc::new(OtlpJson::new())
}

fn protobuf() -> Arc<dyn Format> {
    Arc::new(OtlpProtobuf::new())
}

fn either() -> Arc<dyn Format> {
    Arc::new(Otlp::new())
}

fn rows(format: &Arc<dyn Format>, bytes: &[u8]) -> Vec<LogRecord> {
    let mut out = LogBatchBuilder::new();
    let parsed = parse(format, bytes, &origin(), &mut out);
    let rows: Vec<_> = out.finish().records().collect();
    let malformed = rows.iter().filter(|row| row.parse_error.is_some()).count() as u64;
    assert_eq!(parsed, Parsed { records: rows.len() as u64, malformed });
    assert!(rows.iter().map(|row| row.seq).eq(0..parsed.records.cast_signed()));
    rows
}

/// Without what depends on the encoding.
fn alike(rows: Vec<LogRecord>) -> Vec<LogRecord> {
    let alike = |row| LogRecord { source_offset: None, format: None, raw: None, ..row };
    rows.into_iter().map(alike).collect()
}

#[test]
fn formats_have_their_names() {
    for (name, format) in [
        ("otlp", "otlp"),
        ("OTLP-JSON", "otlp-json"),
        ("otlp_json", "otlp-json"),
        ("otlp-proto", "otlp-proto"),
        ("otlp_proto", "otlp-proto"),
        ("otlp-protobuf", "otlp-proto"),
    ] {
        assert_eq!(by_name(name).unwrap().name(), format);
        assert!(crate::format::NAMES.contains(&format));
    }
}
