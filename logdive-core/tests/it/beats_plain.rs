//! Plain text against what others expect of real logs, and against samples of common loggers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, SecondsFormat};
use logdive_core::format::{Format, Origin, Parser, by_name, parse};
use logdive_core::{LayerName, LogBatchBuilder, LogRecord};
use serde_json::{Map, Value};

/// 2024-06-01T00:00:00Z: what has no year is of the twelve months before.
const OBSERVED: i64 = 1_717_200_000_000_000_000;

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder)
}

/// The files of a folder that end so, in order.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder of samples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    files.sort();
    files
}

fn records(format: &str, bytes: &[u8], zone: i32) -> Vec<LogRecord> {
    let mut origin = Origin::new(LayerName::parse("x").expect("a name"), "x", OBSERVED);
    origin.assumed.offset = FixedOffset::east_opt(zone).expect("a zone");
    let format = by_name(format).expect("a format");
    let mut out = LogBatchBuilder::new();
    parse(&format, bytes, &origin, &mut out);
    out.finish().records().collect()
}

/// Fields of the expectations that are checked, and those that say something about the set.
const CHECKED: [&str; 5] = ["@timestamp", "log.level", "log.offset", "message", "log.flags"];

#[test]
fn real_logs_have_the_records_that_others_expect() {
    let mut lacking: BTreeMap<String, usize> = BTreeMap::new();
    let (mut compared, mut found_files) = (0, 0);
    for module in ["mysql", "redis", "logstash"] {
        for path in files(&data("beats-plain").join(module), ".log") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let bytes = std::fs::read(&path).expect("a log");
            let json = std::fs::read(path.with_file_name(format!("{name}-expected.json")));
            let expected: Vec<Map<String, Value>> =
                serde_json::from_slice(&json.expect("an expectation")).expect("JSON");
            let format = if name.contains("json") { "json" } else { "plain" };
            // The authors' machine is two hours behind UTC.
            let found = records(format, &bytes, -2 * 3_600);
            let offsets: Vec<_> = found.iter().filter_map(|record| record.source_offset).collect();
            let wanted: Vec<_> =
                expected.iter().filter_map(|one| one["log.offset"].as_i64()).collect();
            assert_eq!(offsets, wanted, "where the records of {name} begin");
            let ends = offsets.iter().skip(1).copied().chain([bytes.len() as i64]);
            for ((record, expected), end) in found.iter().zip(&expected).zip(ends) {
                let offset = expected["log.offset"].as_u64().expect("an offset");
                compare(record, expected, &format!("{name} at {offset}"), format);
                let begin = record.source_offset.expect("an offset") as usize;
                let lines = bytes[begin..end as usize].trim_ascii_start();
                let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
                assert!(
                    !expected.contains_key("log.flags") || lines.contains(&b'\n'),
                    "{name} at {offset} has several lines"
                );
                compared += 1;
                for field in expected.keys().filter(|field| !CHECKED.contains(&field.as_str())) {
                    *lacking.entry(field.clone()).or_default() += 1;
                }
            }
            let detected = <dyn Format>::detect(&bytes).expect("an answer");
            assert_eq!(detected.format.name(), format, "{name}: {detected}");
            found_files += 1;
        }
    }
    assert!(found_files == 15 && compared == 319, "{found_files} files, {compared} records");
    println!("{compared} records as expected; expected fields that a line of plain text lacks:");
    for (field, count) in lacking {
        println!("{count:5} {field}");
    }
}

fn compare(record: &LogRecord, expected: &Map<String, Value>, place: &str, format: &str) {
    let text = |field: &str| expected.get(field).and_then(Value::as_str);
    assert_eq!(record.parse_error, None, "{place}");
    let nanos = record.time_unix_nano.expect(place);
    if let Some(time) = text("@timestamp") {
        let time = DateTime::parse_from_rfc3339(time).expect("a time");
        assert_eq!(nanos / 1_000_000, time.timestamp_millis(), "{place}: the time");
    }
    // redis writes a mark, and its documentation the word.
    let level = match record.severity_text.as_deref() {
        Some(".") => Some("debug"),
        Some("-") => Some("verbose"),
        Some("*") => Some("notice"),
        Some("#") => Some("warning"),
        word => word,
    };
    assert_eq!(level, text("log.level"), "{place}: the level");
    assert_eq!(record.severity.is_some(), level.is_some(), "{place}: the severity");
    let body = record.body.as_deref().unwrap_or_default();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let body_words = words(body);
    let Some(message) = text("message").map(words) else { return };
    if format == "json" {
        assert_eq!(body_words, message, "{place}: the message");
    } else {
        assert!(body_words.contains(&message), "{place}: `{message}` is no part of `{body}`");
    }
}

/// Each sample has an expectation beside it, a line a record: time, level, number of the severity,
/// lines, with tabs between and `-` for nothing.
#[test]
fn samples_of_common_loggers() {
    let mut samples = 0;
    for path in files(&data("plain"), ".log") {
        let bytes = std::fs::read(&path).expect("a log");
        let expected = std::fs::read_to_string(path.with_extension("expected"));
        let found: String = records("plain", &bytes, 0).iter().map(summary).collect();
        assert_eq!(found, expected.expect("an expectation"), "{}", path.display());
        samples += 1;
        let detected = <dyn Format>::detect(&bytes).expect("an answer");
        let name = detected.format.name();
        assert!(matches!(name, "plain" | "syslog"), "{}: {detected}", path.display());
    }
    assert!(samples >= 14, "{samples} samples");
}

fn summary(record: &LogRecord) -> String {
    let time = record.time_unix_nano.map(|nanos| {
        DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true)
    });
    let number = record.severity.map(|severity| severity.number().to_string());
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let body = record.body.as_deref().unwrap_or_default();
    let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
    let (time, level) = (or_none(time.as_deref()), or_none(record.severity_text.as_deref()));
    format!("{time}\t{level}\t{}\t{lines}\n", or_none(number.as_deref()))
}

/// Samples of several forms in one stream, cut at any place, have the rows of the whole.
#[test]
fn samples_in_pieces_have_the_same_rows() {
    for path in files(&data("plain"), ".log") {
        let bytes = std::fs::read(&path).expect("a log");
        let whole = records("plain", &bytes, 0);
        for size in [1, 7, 64] {
            let origin = Origin::new(LayerName::parse("x").expect("a name"), "x", OBSERVED);
            let format: Arc<dyn Format> = by_name("plain").expect("a format");
            let mut parser = Parser::new(format, origin);
            let mut out = LogBatchBuilder::new();
            bytes.chunks(size).for_each(|piece| parser.feed(piece, &mut out));
            parser.finish(&mut out);
            let pieces: Vec<_> = out.finish().records().collect();
            assert_eq!(pieces, whole, "{} in pieces of {size}", path.display());
        }
    }
}
