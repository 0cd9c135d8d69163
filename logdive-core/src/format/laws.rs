//! What holds for every format, whatever the bytes: tested for all of them by name.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::{Format, Framing, NAMES, Origin, Parsed, Parser, RAW_LIMIT, Rows, by_name, parse};
use crate::LayerName;
use crate::log::{LogBatch, LogBatchBuilder, LogRecord};

fn origin() -> Origin {
    // 2023-07-10T12:00:00Z
    Origin::new(LayerName::parse("front").unwrap(), "x", 1_688_990_400_000_000_000)
}

fn read(format: &Arc<dyn Format>, bytes: &[u8]) -> (LogBatch, Parsed) {
    let mut out = LogBatchBuilder::new();
    let parsed = parse(format, bytes, &origin(), &mut out);
    (out.finish(), parsed)
}

/// The only record of a text.
pub(super) fn read_one(format: impl Format + 'static, text: &str) -> LogRecord {
    let mut records = read_all(format, text);
    assert_eq!(records.len(), 1, "{text}");
    records.remove(0)
}

/// All records of a text.
pub(super) fn read_all(format: impl Format + 'static, text: &str) -> Vec<LogRecord> {
    let format: Arc<dyn Format> = Arc::new(format);
    read(&format, text.as_bytes()).0.records().collect()
}

/// Every beginning of a good line is one row that holds it, with attributes that are JSON.
pub(super) fn prefixes_are_kept(format: impl Format + 'static, line: &str) {
    let format: Arc<dyn Format> = Arc::new(format);
    for end in 0..=line.len() {
        let Some(text) = line.get(..end) else { continue };
        let (batch, parsed) = read(&format, text.as_bytes());
        let blank = text.trim_ascii().is_empty();
        assert_eq!(parsed.records, u64::from(!blank), "{text}");
        for record in batch.records() {
            assert_eq!(held(&record, text.as_bytes()), Ok(0..end), "{text}");
            assert!(is_json_object(record.attributes.as_deref()), "{record:?}");
            assert!(is_json_object(record.resource.as_deref()), "{record:?}");
        }
    }
}

fn is_json_object(text: Option<&str>) -> bool {
    text.is_none_or(|text| {
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
    })
}

/// Where the bytes that a row holds stand in the input.
fn held(record: &LogRecord, input: &[u8]) -> Result<Range<usize>, String> {
    let at = usize::try_from(record.source_offset.unwrap_or(-1)).map_err(|e| e.to_string())?;
    let rest = input.get(at..).ok_or("it stands behind the input")?;
    let is_here = |bytes: &[u8]| rest.starts_with(bytes).then(|| at..at + bytes.len());
    let text = |text: &Option<String>| text.as_ref().and_then(|text| is_here(text.as_bytes()));
    let range = match &record.raw {
        Some(raw) => is_here(raw),
        None => text(&record.body).or_else(|| text(&record.attributes)),
    };
    let range = range.ok_or_else(|| format!("it does not hold its record: {record:?}"))?;
    match record.raw_length {
        None => Ok(range),
        Some(length) if record.raw.as_ref().is_some_and(|raw| raw.len() == RAW_LIMIT) => {
            Ok(at..at + usize::try_from(length).map_err(|error| error.to_string())?)
        }
        Some(_) => Err("it holds less than it could".to_owned()),
    }
}

/// A format that notes which records it was given and how many rows each became.
#[derive(Debug)]
struct Watched {
    format: Arc<dyn Format>,
    records: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Format for Watched {
    fn name(&self) -> &'static str {
        self.format.name()
    }

    fn framing(&self) -> Framing {
        self.format.framing()
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        self.records.lock().unwrap().push(rows.record().to_vec());
        self.format.parse(rows);
    }
}

fn check(name: &str, bytes: &[u8], cuts: &[usize]) -> Result<(), TestCaseError> {
    let format = by_name(name).unwrap();
    let records = Arc::new(Mutex::new(Vec::new()));
    let watched = Watched { format: Arc::clone(&format), records: Arc::clone(&records) };
    let watched: Arc<dyn Format> = Arc::new(watched);
    let (batch, parsed) = read(&watched, bytes);
    let records = std::mem::take(&mut *records.lock().unwrap());

    prop_assert_eq!(batch.len() as u64, parsed.records);
    // An OTLP request may hold nothing; every other record is a row at least.
    let is_otlp = name.starts_with("otlp");
    if !is_otlp {
        prop_assert!(batch.len() >= records.len(), "{} rows of {:?}", batch.len(), records);
    }

    let mut covered = vec![false; bytes.len()];
    for (row, record) in batch.records().enumerate() {
        prop_assert_eq!(record.seq, i64::try_from(row).unwrap());
        prop_assert_eq!(record.format.as_deref(), Some(format.name()));
        prop_assert!(is_json_object(record.attributes.as_deref()), "{:?}", record);
        prop_assert!(is_json_object(record.resource.as_deref()), "{:?}", record);
        if is_otlp && record.raw.is_none() {
            // Held by its fields.
            continue;
        }
        let range = held(&record, bytes).map_err(TestCaseError::fail)?;
        covered[range].fill(true);
    }
    if format.framing().is_resumable() {
        for (byte, covered) in bytes.iter().zip(covered) {
            let is_space = byte.is_ascii_whitespace();
            prop_assert!(covered || is_space, "a byte {byte:#x} is in no row");
        }
    }

    let mut out = LogBatchBuilder::new();
    let mut parser = Parser::new(Arc::clone(&format), origin());
    let mut rest = bytes;
    for cut in cuts {
        let (piece, behind) = rest.split_at(cut % (rest.len() + 1));
        parser.feed(piece, &mut out);
        rest = behind;
    }
    parser.feed(rest, &mut out);
    parser.finish(&mut out);
    prop_assert_eq!(parser.parsed(), parsed);
    prop_assert_eq!(out.finish(), batch);
    prop_assert_eq!(parser.position().offset, i64::try_from(bytes.len()).unwrap());
    Ok(())
}

/// Lines that one format or another takes, to be cut and joined.
const LINES: &[&str] = &[
    r#"{"ts":1688990293.5,"level":"WARNING","msg":"slow","a":{"b":[1,"x\n"]}}"#,
    r#"{"Records":[{"eventTime":"2023-07-10T11:58:13Z","eventSource":"ssm.amazonaws.com","eventName":"Put"}]}"#,
    r#"<34>1 2003-10-11T22:14:15.003Z host app 17 ID47 [a@1 x="y\"]" x="z"][b@1] message"#,
    "<13>Oct 11 22:14:15 host su[7]: 'su root' failed",
    "Feb 30 22:14:15 host kernel: [12.5] oops",
    "<189>29: *Mar  1 18:46:11.158 EST: %SYS-5-CONFIG_I: Configured",
    "Dec 13 11:38:45 mac com.apple.launchd[1] (com.apple.x[2]): done",
    "\tcontinued",
    r#"ts=2023-07-10T11:58:13Z level=info msg="a \"b\" \u00e9" x=1 x=2 y z=="#,
    r#"h:80 10.0.0.2, 8.8.8.8 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.1" 503 23 "-" "M" 1 [x] "y""#,
    r#"[10/Aug/2018:09:45:56 +0200] 1.2.3.4 TLSv1.2 ECDHE "GET / HTTP/1.1" -"#,
    "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 1:tid 2] [client 1.2.3.4:80] AH00128: no, referer: x",
    r#"2016/10/25 14:49:34 [error] 5#0: *1 open() "/x" failed, client: 1.2.3.4, server: a, request: "GET / HTTP/1.1""#,
    "I0730 12:34:56.123456   12345 file.go:123] started",
    r#"E20230730 12:34:56.123456 1 file.go:1] "failed" err="x" pod={"a":[1]}"#,
    "goroutine 1 [running]:",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let line = (prop::sample::select(LINES), any::<prop::sample::Index>(), any::<u8>());
    let piece = prop_oneof![
        4 => prop::sample::select(LINES).prop_map(|line| line.as_bytes().to_vec()),
        2 => (prop::sample::select(LINES), any::<prop::sample::Index>())
            .prop_map(|(line, end)| line.as_bytes()[..end.index(line.len())].to_vec()),
        2 => line.prop_map(|(line, at, byte)| {
            let mut line = line.as_bytes().to_vec();
            let at = at.index(line.len());
            line[at] = byte;
            line
        }),
        1 => "[ -~]{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    let end = prop::sample::select(&["\n", "\n", "\n", "\r\n", "\n\n", "", " "][..]);
    prop::collection::vec((piece, end), 0..8).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|(piece, end)| [piece, end.as_bytes().to_vec()].concat())
            .collect()
    })
}

/// `LOGDIVE_TEST_SCALE` multiplies the cases, 10 on CI.
fn cases() -> ProptestConfig {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(100 * scale.unwrap_or(1))
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_byte_is_lost_and_pieces_do_not_count(
        bytes in bytes(),
        cuts in prop::collection::vec(0_usize..60, 0..12),
    ) {
        for name in NAMES {
            check(name, &bytes, &cuts)
                .map_err(|error| TestCaseError::fail(format!("{name}: {error}")))?;
        }
    }
}

/// Of the lines that a format takes: the beginning of a giant says what it says.
#[test]
fn lines_longer_than_a_row_are_kept_by_their_beginning() {
    let long = "x=\"y ".repeat(RAW_LIMIT / 4);
    for name in NAMES {
        let format = by_name(name).unwrap();
        let takes = |line: &&&str| read(&format, line.as_bytes()).1.malformed == 0;
        for line in LINES.iter().filter(takes).take(2) {
            let text = format!("{line}\n{line} {long}\n{line}");
            check(name, text.as_bytes(), &[]).unwrap();
        }
    }
}

/// Every name is that of its format, and names are found in any case and with `_`.
#[test]
fn names_are_those_of_formats() {
    for name in NAMES {
        let format = by_name(&name.to_ascii_uppercase().replace('-', "_")).unwrap();
        assert_eq!(format.name(), *name);
    }
}
