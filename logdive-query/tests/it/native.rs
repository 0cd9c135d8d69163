//! Native tables: columns of many types as lines, against a brute-force read of the same rows.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use datafusion::arrow::array::{
    ArrayRef, BinaryArray, Int32Array, Int64Array, Int64Builder, ListArray, MapBuilder,
    RecordBatch, StringArray, StringBuilder, StructArray, TimestampMicrosecondArray,
    TimestampNanosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Int32Type, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::data_type::{Int96, Int96Type};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::parser::parse_message_type;
use logdive_core::log::Column;
use logdive_core::{
    Evidence, Field, Layer, LayerField, LayerName, LogBatch, LogRecord, LogSeverity, Predicate,
    Truth, Unit, ValueType, Window,
};
use logdive_query::{BringLayer, BuildError, DivePlan, Diver, ParquetLayer, Select};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{hour, scale, time};

/// A Parquet file with small row groups.
pub(crate) fn parquet(batch: &RecordBatch, rows_in_group: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_in_group))
        .set_data_page_row_count_limit(2)
        .set_write_batch_size(2);
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(crate) fn columns(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

pub(crate) fn texts<const N: usize>(values: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Times so many seconds after the hour's begin, in microseconds.
pub(crate) fn seconds(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    let start = hour().from().timestamp_micros();
    let times = values.into_iter().map(|second| Some(start + second * 1_000_000));
    Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

pub(crate) async fn put(store: &InMemory, path: &str, bytes: Vec<u8>) {
    store.put(&Path::parse(path).unwrap(), bytes.into()).await.unwrap();
}

pub(crate) async fn diver(layer: impl BringLayer) -> Diver {
    Diver::builder().layer("x", layer).build().await.unwrap()
}

pub(crate) async fn refused(layer: impl BringLayer) -> String {
    let error: BuildError = Diver::builder().layer("x", layer).build().await.unwrap_err();
    error.to_string()
}

pub(crate) async fn look(diver: &Diver, window: Window, filter: &str) -> Evidence {
    let plan = DivePlan::around(window)
        .select("found", Select::layers(["x"]).filter(filter).oldest(1_000));
    diver.dive(&plan).run().await.unwrap()
}

/// The bodies of the lines that were found.
pub(crate) fn bodies(evidence: &Evidence) -> Vec<&str> {
    let rows = &evidence.step("found").unwrap().rows;
    rows.iter().map(|row| row.body.as_deref().unwrap_or_default()).collect()
}

#[derive(Debug, Clone)]
struct Row {
    /// Nanoseconds since the hour's begin.
    time: Option<i64>,
    level: Option<&'static str>,
    body: Option<&'static str>,
    request: Option<&'static str>,
    trace: Option<[u8; 16]>,
    host: Option<&'static str>,
    number: Option<i64>,
    tag: Option<&'static str>,
}

fn row() -> impl Strategy<Value = Row> {
    const SECOND: i64 = 1_000_000_000;
    let times = prop_oneof![
        6 => 0..3_600 * SECOND,
        1 => -SECOND..SECOND,
        1 => 3_599 * SECOND..3_601 * SECOND,
        // Days before and behind.
        1 => -200_000 * SECOND..200_000 * SECOND,
    ];
    let text = || prop::option::weighted(0.8, select(vec!["", "a", "ab", "é", "true", "7"]));
    (
        prop::option::weighted(0.95, times),
        prop::option::of(select(vec!["WARNING", "info", "Error", "17", "9", "odd"])),
        text(),
        text(),
        prop::option::of(select(vec![[0_u8; 16], [0xab; 16]])),
        prop::option::of(select(vec!["h-1", "h-2"])),
        prop::option::of(-3_i64..4),
        text(),
    )
        .prop_map(|(time, level, body, request, trace, host, number, tag)| Row {
            time,
            level,
            body,
            request,
            trace,
            host,
            number,
            tag,
        })
}

/// How the columns of a file are written.
#[derive(Debug, Clone, Copy)]
struct Written {
    time: TimeUnit,
    zone: bool,
    number: bool,
    words: u8,
    bytes: bool,
    small: bool,
}

fn written() -> impl Strategy<Value = Written> {
    let unit = select(vec![
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ]);
    (unit, any::<bool>(), any::<bool>(), 0_u8..4, any::<bool>(), any::<bool>()).prop_map(
        |(time, zone, number, words, bytes, small)| Written {
            time,
            zone,
            number,
            words,
            bytes,
            small,
        },
    )
}

impl Written {
    const fn per_second(self) -> i64 {
        match self.time {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        }
    }

    /// A time as it is written.
    fn time(self, row: &Row) -> Option<i64> {
        let nanos = hour().from().timestamp_nanos_opt().unwrap() + row.time?;
        Some(nanos.div_euclid(1_000_000_000 / self.per_second()))
    }

    fn words<'a>(self, values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        let plain: ArrayRef = Arc::new(values.collect::<StringArray>());
        let kind = match self.words {
            0 => DataType::Utf8,
            1 => DataType::LargeUtf8,
            2 => DataType::Utf8View,
            _ => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        };
        cast(&plain, &kind).unwrap()
    }

    fn batch(self, rows: &[Row], first: usize) -> RecordBatch {
        let times: ArrayRef =
            Arc::new(rows.iter().map(|row| self.time(row)).collect::<Int64Array>());
        let zone = self.zone.then(|| "+00:00".into());
        let times = match self.number {
            true => times,
            false => cast(&times, &DataType::Timestamp(self.time, zone)).unwrap(),
        };
        let hex = |trace: [u8; 16]| trace.iter().map(|b| format!("{b:02X}")).collect::<String>();
        let hex: Vec<Option<String>> = rows.iter().map(|row| row.trace.map(hex)).collect();
        let trace: ArrayRef = match self.bytes {
            true => Arc::new(
                rows.iter().map(|row| row.trace.as_ref().map(|t| &t[..])).collect::<BinaryArray>(),
            ),
            false => self.words(hex.iter().map(Option::as_deref)),
        };
        let numbers = rows.iter().map(|row| row.number);
        let numbers: ArrayRef = match self.small {
            true => Arc::new(numbers.map(|n| n.map(|n| n as i32)).collect::<Int32Array>()),
            false => Arc::new(numbers.collect::<Int64Array>()),
        };
        let uids = (first..first + rows.len()).map(|uid| Some(uid.to_string()));
        columns(vec![
            ("at", times),
            ("level", self.words(rows.iter().map(|row| row.level))),
            ("said", self.words(rows.iter().map(|row| row.body))),
            ("req", self.words(rows.iter().map(|row| row.request))),
            ("trace", trace),
            ("host", self.words(rows.iter().map(|row| row.host))),
            ("n", numbers),
            ("tag", self.words(rows.iter().map(|row| row.tag))),
            ("uid", Arc::new(uids.collect::<StringArray>())),
        ])
    }

    /// What the row is as a line; none without a time.
    fn record(self, row: &Row, uid: usize) -> Option<LogRecord> {
        let nanos = self.time(row)? * (1_000_000_000 / self.per_second());
        let mut attributes = serde_json::Map::new();
        attributes.extend(row.number.map(|number| ("n".to_owned(), number.into())));
        attributes.extend(row.tag.map(|tag| ("tag".to_owned(), tag.into())));
        let severity = match row.level {
            Some("WARNING") => Some(LogSeverity::WARN),
            Some("info" | "9") => Some(LogSeverity::INFO),
            Some("Error" | "17") => Some(LogSeverity::ERROR),
            _ => None,
        };
        let text = |text: Option<&str>| text.map(str::to_owned);
        Some(LogRecord {
            time_unix_nano: Some(nanos),
            severity,
            severity_text: text(row.level),
            emitter: text(row.host),
            uid: Some(uid.to_string()),
            request_id: text(row.request),
            trace_id: row.trace,
            body: text(row.body),
            attributes: Some(serde_json::Value::Object(attributes).to_string()),
            format: Some("parquet".to_owned()),
            ..LogRecord::new(LayerName::parse("x").unwrap(), nanos)
        })
    }
}

fn term() -> impl Strategy<Value = String> {
    let words = || select(vec!["", "a", "ab", "é", "true", "7"]);
    prop_oneof![
        words().prop_map(|word| format!("request_id == \"{word}\"")),
        words().prop_map(|word| format!("body contains \"{word}\"")),
        words().prop_map(|word| format!("tag == \"{word}\"")),
        words().prop_map(|word| format!("tag in {{\"{word}\", \"a\"}}")),
        (-3_i64..4).prop_map(|number| format!("n >= {number}")),
        Just("n is absent".to_owned()),
        Just("severity >= warn".to_owned()),
        Just("severity is absent".to_owned()),
        Just("emitter != \"h-1\"".to_owned()),
        Just(format!("trace_id == \"{}\"", "ab".repeat(16))),
        (0_i64..3_600).prop_map(|second| {
            let time = hour().from() + TimeDelta::seconds(second);
            format!("time >= {}", time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        }),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just("true".to_owned()),
        3 => term(),
        2 => (term(), term()).prop_map(|(a, b)| format!("({a}) and not ({b})")),
        2 => (term(), term()).prop_map(|(a, b)| format!("({a}) or ({b})")),
    ]
}

fn declared() -> Layer {
    Layer::new("x")
        .unwrap()
        .field("n", LayerField::attribute("n", ValueType::Int))
        .unwrap()
        .field("tag", LayerField::attribute("tag", ValueType::Text))
        .unwrap()
}

fn brute_force(records: &[LogRecord], window: &Window, filter: &str) -> Vec<LogRecord> {
    let layer = declared();
    let predicate = Predicate::parse(filter, &layer).unwrap();
    let batch: LogBatch = records.iter().cloned().collect();
    let mut found: Vec<LogRecord> = batch
        .rows()
        .filter(|row| {
            let time = DateTime::from_timestamp_micros(row.int(Column::Ts).unwrap()).unwrap();
            let reader = layer.reader(*row);
            let truth = predicate.evaluate(&|field| reader.read(field)).truth;
            window.contains(time) && truth == Truth::True
        })
        .map(|row| row.to_record())
        .collect();
    found.sort_by(|a, b| a.uid.cmp(&b.uid));
    found
}

#[test]
fn any_columns_give_the_lines_of_a_brute_force_read() {
    let config = Config { cases: 12 * scale(), failure_persistence: None, ..Config::default() };
    let files = prop::collection::vec((prop::collection::vec(row(), 1..12), 1_usize..6), 1..4);
    let windows = (-600_i64..4_000, 1_i64..4_000, filter());
    let cases = (files, written(), prop::collection::vec(windows, 2..3));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    TestRunner::new(config)
        .run(&cases, |(files, written, windows)| {
            let mut records = Vec::new();
            let store = Arc::new(InMemory::new());
            runtime.block_on(async {
                let mut first = 0;
                for (index, (rows, in_group)) in files.iter().enumerate() {
                    let bytes = parquet(&written.batch(rows, first), *in_group);
                    put(&store, &format!("logs/{index}.parquet"), bytes).await;
                    let numbered = rows.iter().zip(first..);
                    records.extend(numbered.filter_map(|(row, uid)| written.record(row, uid)));
                    first += rows.len();
                }
                let layer = ParquetLayer::with_store(store, "logs")
                    .unwrap()
                    .column(Field::Severity, "level")
                    .column(Field::Body, "said")
                    .column(Field::RequestId, "req")
                    .column(Field::TraceId, "trace")
                    .column(Field::Emitter, "host")
                    .column(Field::Uid, "uid")
                    .field("n", "n", ValueType::Int)
                    .field("tag", "tag", ValueType::Text);
                let layer = match (written.number, written.time) {
                    (false, _) => layer.time("at"),
                    (true, TimeUnit::Second) => layer.epoch("at", Unit::Seconds),
                    (true, TimeUnit::Millisecond) => layer.epoch("at", Unit::Milliseconds),
                    (true, TimeUnit::Microsecond) => layer.epoch("at", Unit::Microseconds),
                    (true, TimeUnit::Nanosecond) => layer.epoch("at", Unit::Nanoseconds),
                };
                let diver = diver(layer).await;
                for (from, length, filter) in &windows {
                    let from = hour().from() + TimeDelta::seconds(*from);
                    let window = Window::new(from, from + TimeDelta::seconds(*length)).unwrap();
                    let evidence = look(&diver, window, filter).await;
                    let mut rows = evidence.step("found").unwrap().rows.clone();
                    rows.sort_by(|a, b| a.uid.cmp(&b.uid));
                    let expected = brute_force(&records, &window, filter);
                    assert_eq!(rows, expected, "{filter}: {:?}", evidence.coverage);
                    let coverage = &evidence.coverage.layers["x"];
                    let all = brute_force(&records, &window, "true").len() as u64;
                    assert_eq!((coverage.scanned, coverage.read), (all, coverage.planned));
                }
            });
            Ok(())
        })
        .unwrap();
}

fn one(columns_of: Vec<(&str, ArrayRef)>) -> (Arc<InMemory>, impl Future<Output = ()>) {
    let store = Arc::new(InMemory::new());
    let (to, bytes) = (Arc::clone(&store), parquet(&columns(columns_of), 100));
    (store, async move { put(&to, "x.parquet", bytes).await })
}

#[tokio::test]
async fn what_does_not_fit_names_the_column_and_its_type() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]);
    let (store, written) = one(vec![
        ("ts", seconds([0])),
        ("whole", Arc::new(Int64Array::from(vec![1]))),
        ("list", Arc::new(list)),
        ("word", texts([Some("a")])),
    ]);
    written.await;
    let open = || ParquetLayer::with_store(store.clone(), "x.parquet").unwrap();
    let check = async |layer: ParquetLayer, expected: &[&str]| {
        let error = refused(layer).await;
        assert!(expected.iter().all(|part| error.contains(part)), "{error}");
    };
    check(open().time("list"), &["`list` is List", "must be a timestamp"]).await;
    check(open().time("whole"), &["`whole` is Int64", "`epoch`"]).await;
    check(open().epoch("word", Unit::Seconds), &["`word` is Utf8", "whole number"]).await;
    check(open().column(Field::Severity, "list"), &["`list` is List", "`severity`"]).await;
    check(open().column(Field::TraceId, "whole"), &["`whole` is Int64", "hexadecimal"]).await;
    check(open().field("at", "whole", ValueType::Time), &["`whole` is Int64", "timestamp"]).await;
    check(open().field("ip", "list", ValueType::Ip), &["`list` is List", "must be text"]).await;
    check(open().attributes("whole"), &["`whole` is Int64", "JSON objects"]).await;
    check(open().field_at("d", ["word", "k"], ValueType::Text), &["`word.k` is Utf8"]).await;
    check(open().field("wrod", "wrod", ValueType::Text), &["did you mean `word`?"]).await;
    check(open().column(Field::Layer, "word"), &["`layer` cannot be mapped"]).await;
    check(open().partition_time("day", "%A"), &["`%A`", "%Y"]).await;
    check(open().partition_time("day", "%Y-%m-%d"), &["none of its folders", "`day=…`"]).await;
}

#[tokio::test]
async fn far_times_are_right_and_never_wrap() {
    let far = time("3000-01-01T00:00:00.5Z").timestamp_micros();
    let day = TimeDelta::days(1);
    let window = Window::new(time("3000-01-01T00:00:00Z"), time("3000-01-01T00:00:00Z") + day);
    let (store, written) = one(vec![
        ("ts", Arc::new(TimestampMicrosecondArray::from(vec![far, i64::MAX, i64::MIN, 0]))),
        ("said", texts([Some("far"), Some("max"), Some("min"), Some("zero")])),
    ]);
    written.await;
    let layer = ParquetLayer::with_store(store, "").unwrap().column(Field::Body, "said");
    let evidence = look(&diver(layer.clone()).await, window.unwrap(), "true").await;
    assert_eq!(bodies(&evidence), ["far"], "{:?}", evidence.coverage);
    let row = &evidence.step("found").unwrap().rows[0];
    assert_eq!(row.time_unix_nano, None);
    // The nearest that nanoseconds hold, and the exact one beside it.
    assert_eq!(row.observed_time_unix_nano, i64::MAX);
    assert_eq!(row.attributes.as_deref(), Some(r#"{"ts":"3000-01-01T00:00:00.500Z"}"#));
    let template = &evidence.step("found").unwrap().templates[0];
    assert_eq!(template.first, time("3000-01-01T00:00:00.5Z"));
    let epoch = Window::new(time("1970-01-01T00:00:00Z"), time("1970-01-01T00:00:01Z")).unwrap();
    assert_eq!(bodies(&look(&diver(layer).await, epoch, "true").await), ["zero"]);
}

/// Times of 96 bits: nanoseconds of the day and the Julian day, as Spark wrote them for years.
#[tokio::test]
async fn old_times_of_96_bits_are_times() {
    let schema = Arc::new(parse_message_type("message m { optional int96 ts; }").unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let at = |text: &str| {
        let micros = time(text).timestamp_micros();
        let nanos = micros.rem_euclid(86_400_000_000) * 1_000;
        let mut value = Int96::new();
        let day = u32::try_from(micros.div_euclid(86_400_000_000) + 2_440_588).unwrap();
        value.set_data(nanos as u32, (nanos >> 32) as u32, day);
        value
    };
    let values = [at("2023-07-10T11:58:00.000001Z"), at("3000-01-01T00:00:00Z")];
    column.typed::<Int96Type>().write_batch(&values, Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let store = Arc::new(InMemory::new());
    put(&store, "x.parquet", bytes).await;
    let diver = diver(ParquetLayer::with_store(store, "").unwrap()).await;
    let evidence = look(&diver, hour(), "true").await;
    let rows = &evidence.step("found").unwrap().rows;
    assert_eq!(rows.len(), 1, "{:?}", evidence.coverage);
    assert_eq!(rows[0].ts(), time("2023-07-10T11:58:00.000001Z").timestamp_micros());
    let failed = format!("{:?}", evidence.coverage.layers["x"].failed);
    assert!(failed.contains("1 lines have no readable time in `ts`"), "{failed}");
    let far = Window::new(time("2999-12-31T00:00:00Z"), time("3000-01-02T00:00:00Z")).unwrap();
    assert_eq!(look(&diver, far, "true").await.step("found").unwrap().matched, 1);
}

#[tokio::test]
async fn nested_columns_are_attributes_by_path() {
    let mut tags = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    tags.keys().append_value("shard");
    tags.values().append_value(7);
    tags.append(true).unwrap();
    tags.append(false).unwrap();
    let user: ArrayRef = texts([Some("ann"), Some("bob")]);
    let user_field = Arc::new(ArrowField::new("id.x", DataType::Utf8, true));
    let context = StructArray::new(vec![user_field].into(), vec![user], None);
    let odd = "not hexadecimal";
    let start = hour().from().timestamp_nanos_opt().unwrap();
    let (store, written) = one(vec![
        ("time", Arc::new(TimestampNanosecondArray::from(vec![start, start + 1_999]))),
        ("ctx", Arc::new(context)),
        ("tags", Arc::new(tags.finish())),
        ("json", texts([Some(r#"{"code":"E1","time":1,"json":2}"#), Some("[not an object")])),
        ("trace", texts([Some(odd), Some(&"0a".repeat(16))])),
    ]);
    written.await;
    let layer = ParquetLayer::with_store(store, "")
        .unwrap()
        .attributes("json")
        .column(Field::TraceId, "trace")
        .column(Field::Body, "ctx")
        .field_at("shard", ["tags", "shard"], ValueType::Int)
        .field_at("code", ["code"], ValueType::Text);
    let diver_ = diver(layer).await;
    let evidence = look(&diver_, hour(), "true").await;
    let rows = &evidence.step("found").unwrap().rows;
    let attributes: Vec<&str> = rows.iter().map(|row| row.attributes.as_deref().unwrap()).collect();
    assert_eq!(
        attributes,
        [
            r#"{"code":"E1","json":{"json":2},"tags":{"shard":7},"time":1,"trace":"not hexadecimal"}"#,
            r#"{"json":"[not an object"}"#,
        ]
    );
    assert_eq!(rows[0].body.as_deref(), Some(r#"{"id.x":"ann"}"#));
    assert_eq!((rows[0].trace_id, rows[1].trace_id), (None, Some([10; 16])));
    // To the nanosecond, and pruned by it.
    assert_eq!(rows[1].time_unix_nano, Some(start + 1_999));
    assert_eq!(look(&diver_, hour(), "shard == 7").await.step("found").unwrap().matched, 1);
    assert_eq!(look(&diver_, hour(), "code == \"E1\"").await.step("found").unwrap().matched, 1);
}

#[tokio::test]
async fn a_layer_without_emitters_is_alive_by_any_later_line() {
    let store = Arc::new(InMemory::new());
    let said = || texts([Some("a")]);
    let week = 7 * 86_400;
    for (name, second) in [("now", 60), ("later", week)] {
        let batch = columns(vec![("ts", seconds([second])), ("said", said())]);
        let date = (hour().from() + TimeDelta::seconds(second)).date_naive();
        put(&store, &format!("date={date}/{name}.parquet"), parquet(&batch, 10)).await;
    }
    let open = || ParquetLayer::with_store(store.clone() as Arc<dyn ObjectStore>, "").unwrap();
    let watermark = async |layer: ParquetLayer| {
        let layer = layer.lateness(Duration::from_secs(60));
        let evidence = look(&diver(layer).await, hour(), "true").await;
        evidence.coverage.layers["x"].watermark
    };
    let behind = hour().from() + TimeDelta::seconds(week - 60);
    assert_eq!(watermark(open()).await, Some(behind));
    // One of many emitters may be silent since the window: nobody knows.
    let of_many = watermark(open().column(Field::Emitter, "said")).await;
    assert!(of_many < Some(hour().to()), "{of_many:?}");
}
