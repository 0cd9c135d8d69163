//! The engine and core's row evaluator say the same: over random lines, layers that disagree about
//! where a field is, and random predicates and measures.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::log::Column;
use logdive_core::port::EvidenceSource as _;
use logdive_core::predicate::FieldTypes as _;
use logdive_core::{
    Comparison, Decimal, Digest, Fact, Field, FieldPath, Function, Layer, LayerField, Layers,
    LayersFields, LogBatch, LogRecord, LogSeverity, Measure, Predicate, Reason, ReasonKind,
    StepName, TextTest, Truth, Unit, Value, ValueType, Window,
};
use logdive_query::lake::StreamProgress;
use logdive_query::{DivePlan, Diver, Lake, Select};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{clock, hour, measure, scale};

const TEXTS: [&str; 12] =
    ["", "a", "A", "a%", "a_", "\\", "é", "e\u{301}", "\u{0}", "'; --", "🦀🦀", "true"];
const LAYERS: [&str; 2] = ["one", "two"];

static LAYER: LazyLock<Layers> = LazyLock::new(|| [one(), two()].into_iter().collect());

fn one() -> Layer {
    fields("one", |name| name.to_owned())
        .field("alias", LayerField::at(FieldPath::Field(Field::Severity), ValueType::Text))
        .unwrap()
        .field("moment", LayerField::at(FieldPath::Field(Field::Time), ValueType::Time))
        .unwrap()
}

fn two() -> Layer {
    fields("two", |name| format!("deep.{name}"))
        .field("alias", LayerField::at(FieldPath::Field(Field::TraceId), ValueType::Text))
        .unwrap()
        .field("moment", LayerField::attribute("deep.moment", ValueType::Time))
        .unwrap()
        // Only this layer has it.
        .field("tail", LayerField::attribute("deep.text", ValueType::Text).after("a"))
        .unwrap()
        .field("place", LayerField::at(FieldPath::Resource(vec!["place".into()]), ValueType::Text))
        .unwrap()
}

fn fields(name: &str, path: impl Fn(&str) -> String) -> Layer {
    let members = ["a", "é", "true"].map(str::to_owned).to_vec();
    let typed = [
        ("text", ValueType::Text),
        ("flag", ValueType::Bool),
        ("number", ValueType::Int),
        ("amount", ValueType::Decimal),
        ("when_", ValueType::Time),
        ("address", ValueType::Ip),
        ("kind", ValueType::Enum(members)),
        ("level", ValueType::Severity),
    ];
    let mut layer = Layer::new(name).unwrap().lateness(Duration::from_secs(60));
    for (name, kind) in typed {
        layer = layer.field(name, LayerField::attribute(&path(name), kind)).unwrap();
    }
    let took = LayerField::attribute(&path("took"), ValueType::Duration);
    layer.field("took", took.unit(Unit::Milliseconds)).unwrap()
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::json;
    let times = ["2023-07-10T11:58:00Z", "2023-07-10T11:58:00.000000001Z", "2016-12-31T23:59:60Z"];
    let ips = ["10.0.0.1", "::1", "192.168.0.300", "2001:db8::ff"];
    prop_oneof![
        3 => select(TEXTS.to_vec()).prop_map(|text| json!(text)),
        2 => (-3_i64..4).prop_map(|number| json!(number)),
        1 => select(vec![i64::MAX, i64::MIN, i64::MAX - 1]).prop_map(|number| json!(number)),
        1 => select(vec!["0.5", "-1.25", "12", "9.000000001", "1e3"]).prop_map(|text| json!(text)),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
        1 => select(times.to_vec()).prop_map(|text| json!(text)),
        1 => select(ips.to_vec()).prop_map(|text| json!(text)),
        1 => Just(json!(null)),
        1 => Just(json!([1])),
        1 => Just(json!(0.5)),
    ]
}

fn attributes() -> impl Strategy<Value = Option<String>> {
    let names =
        ["text", "flag", "number", "amount", "when_", "address", "kind", "level", "took", "moment"];
    let object = prop::collection::vec((select(names.to_vec()), json_value()), 0..10)
        .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
        .prop_map(|object: serde_json::Map<_, _>| {
            let mut whole = object.clone();
            whole.insert("deep".into(), object.into());
            serde_json::Value::Object(whole).to_string()
        });
    prop_oneof![
        12 => object.prop_map(Some),
        1 => Just(None),
        1 => Just(Some("{\"text\": ".to_owned())),
        1 => Just(Some("[]".to_owned())),
    ]
}

fn maybe_text() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.8, select(TEXTS.to_vec()).prop_map(str::to_owned))
}

fn record() -> impl Strategy<Value = LogRecord> {
    let head = (
        select(LAYERS.to_vec()),
        // Around both ends of the hour, to the nanosecond.
        prop_oneof![
            3 => 0_i64..3_600_000_000_000,
            1 => -1_001_i64..1_001,
            1 => 3_599_999_998_999_i64..3_600_000_001_001,
        ],
        prop::option::of(0_i64..26),
        0_i64..3,
    );
    let ids = (
        prop::option::of(select(vec![[0_u8; 16], [0xab; 16]])),
        prop::option::of(select(vec![[1_u8; 8], [0xff; 8]])),
    );
    let texts = (maybe_text(), maybe_text(), maybe_text(), maybe_text());
    (head, ids, texts, attributes(), maybe_text()).prop_map(
        |((layer, nanos, severity, seq), (trace_id, span_id), texts, attributes, place)| {
            let start = hour().from().timestamp_nanos_opt().unwrap();
            let (emitter, body, request_id, uid) = texts;
            LogRecord {
                time_unix_nano: Some(start + nanos),
                severity: severity.and_then(LogSeverity::from_number),
                emitter,
                seq,
                request_id,
                trace_id,
                span_id,
                uid,
                body,
                attributes,
                resource: place.map(|place| serde_json::json!({ "place": place }).to_string()),
                ..LogRecord::new(logdive_core::LayerName::parse(layer).unwrap(), 0)
            }
        },
    )
}

/// Fields that the layers of a step have together, and one that there is not.
fn field(layers: &[&Layer]) -> impl Strategy<Value = (Field, ValueType)> + use<> {
    let fields = LayersFields::new(layers.iter().copied());
    let typed: Vec<(Field, ValueType)> = fields
        .names()
        .into_iter()
        .filter_map(|name| {
            let field = Field::parse(&name).ok()?;
            fields.field_type(&field).map(|kind| (field, kind))
        })
        .collect();
    select(typed)
}

fn constant(kind: ValueType) -> BoxedStrategy<Value> {
    let time = |nanos: i64| {
        let time: DateTime<Utc> = "2023-07-10T11:58:00Z".parse().unwrap();
        Value::Time(time + TimeDelta::nanoseconds(nanos))
    };
    match kind {
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::Int => prop_oneof![-3_i64..4, Just(i64::MAX)].prop_map(Value::Int).boxed(),
        ValueType::Severity => (1_i64..25).prop_map(Value::Int).boxed(),
        ValueType::Decimal => select(vec!["0.5", "-1.25", "12", "9.000000001"])
            .prop_map(|text| Value::Decimal(text.parse::<Decimal>().unwrap()))
            .boxed(),
        ValueType::Time => {
            select(vec![0, 1, 999, 1_000, 1_001, 120_000_000_000]).prop_map(time).boxed()
        }
        ValueType::Duration => {
            (0_u64..4).prop_map(|ms| Value::Duration(Duration::from_millis(ms))).boxed()
        }
        ValueType::Ip => select(vec!["10.0.0.1", "::1", "2001:db8::ff"])
            .prop_map(|ip| Value::Ip(ip.parse::<IpAddr>().unwrap()))
            .boxed(),
        ValueType::Enum(members) => select(members).prop_map(Value::from).boxed(),
        _ => prop_oneof![
            4 => select(TEXTS.to_vec()).prop_map(Value::from),
            1 => Just(Value::from("ab".repeat(16))),
            1 => Just(Value::from("AB".repeat(16))),
            1 => Just(Value::from("0".repeat(32))),
            1 => Just(Value::from("host-1")),
            1 => Just(Value::from("one")),
        ]
        .boxed(),
    }
}

/// A term over a field. One that is checked is as the checker lets through; others compare fields
/// with constants of other types, too, which measures may.
fn term(layers: &[&Layer], checked: bool) -> impl Strategy<Value = Predicate> + use<> {
    let kinds = vec![ValueType::Int, ValueType::Text, ValueType::Time, ValueType::Decimal];
    field(layers).prop_flat_map(move |(field, kind)| {
        let ordered = kind.is_ordered();
        let is_text = matches!(kind, ValueType::Text | ValueType::Enum(_));
        let mut comparisons = vec![Comparison::Equal, Comparison::NotEqual];
        if ordered || !checked {
            comparisons.extend([
                Comparison::Less,
                Comparison::LessOrEqual,
                Comparison::Greater,
                Comparison::GreaterOrEqual,
            ]);
        }
        let other = if checked { 0 } else { 1 };
        let constant = || {
            prop_oneof![
                4 => constant(kind.clone()),
                other => select(kinds.clone()).prop_flat_map(constant),
            ]
        };
        let compared = (Just(field.clone()), select(comparisons), constant())
            .prop_map(|(field, comparison, value)| Predicate::Compare { field, comparison, value });
        let members = (Just(field.clone()), prop::collection::vec(constant(), 0..4))
            .prop_map(|(field, values)| Predicate::In { field, values });
        let tests = select(vec![TextTest::Contains, TextTest::StartsWith, TextTest::EndsWith]);
        let tested = (Just(field.clone()), tests, select(TEXTS.to_vec()))
            .prop_map(|(field, test, text)| Predicate::Text { field, test, text: text.to_owned() });
        prop_oneof![
            4 => compared,
            2 => members,
            u32::from(is_text || !checked) * 2 => tested,
            1 => Just(Predicate::Absent(field.clone())),
            1 => Just(Predicate::Unavailable(field)),
        ]
    })
}

fn predicate(layers: &[&Layer], checked: bool) -> impl Strategy<Value = Predicate> + use<> {
    term(layers, checked).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Or),
            inner.prop_map(Predicate::not),
        ]
    })
}

fn function(layers: &[&Layer]) -> impl Strategy<Value = Function> + use<> {
    (field(layers), 0_usize..11, 0_u8..=100).prop_map(|((field, kind), choice, rank)| {
        let numeric = matches!(kind, ValueType::Int | ValueType::Decimal | ValueType::Duration);
        match choice {
            0 => Function::Count,
            1 => Function::Any,
            2 => Function::None,
            3 => Function::Distinct(field),
            4 | 5 if numeric => Function::Sum(field),
            4 => Function::Rate,
            5 | 6 => Function::Min(field),
            7 => Function::Max(field),
            8 => Function::Percentile(field, rank),
            9 => Function::Newest(field),
            _ => Function::Only(field),
        }
    })
}

fn both() -> [&'static Layer; 2] {
    let mut layers = LAYER.iter();
    [layers.next().unwrap(), layers.next().unwrap()]
}

#[derive(Debug, Clone)]
struct Case {
    records: Vec<LogRecord>,
    predicate: Predicate,
    measures: Vec<(Function, Predicate)>,
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(record(), 0..40),
        predicate(&both(), true),
        prop::collection::vec((function(&both()), predicate(&both(), false)), 8..9),
    )
        .prop_map(|(records, predicate, measures)| Case { records, predicate, measures })
}

/// What the oracle says: the lines of the step, how many cannot be tested, and each measure.
fn oracle(case: &Case, batch: &LogBatch, window: &Window) -> (Vec<Digest>, u64, Vec<LogRecord>) {
    let mut digests = Vec::new();
    let mut untested = 0;
    let mut rows = Vec::new();
    for row in batch.rows() {
        let name = row.layer().unwrap();
        let reader = LAYER.get(&name).unwrap().reader(row);
        let time = DateTime::from_timestamp_micros(row.int(Column::Ts).unwrap()).unwrap();
        if !window.contains(time) {
            continue;
        }
        let evaluation = case.predicate.evaluate(&|field| reader.read(field));
        match evaluation.truth {
            Truth::True => {
                digests.push(Digest::of_json(&row.to_record()));
                rows.push(row.to_record());
            }
            Truth::Unknown if evaluation.unavailable => untested += 1,
            _ => {}
        }
    }
    digests.sort_unstable();
    (digests, untested, rows)
}

/// Facts agree; where both say why something is missing, the kind must be the same.
fn same(a: &Fact, b: &Fact) -> bool {
    match (a, b) {
        (Fact::Unavailable(a), Fact::Unavailable(b)) => a.kind == b.kind,
        (Fact::AtLeast(a, why), Fact::AtLeast(b, reason)) => a == b && why.kind == reason.kind,
        (a, b) => a == b,
    }
}

async fn check(case: &Case, diver: &Diver, batch: &LogBatch) {
    let window = hour();
    let step = StepName::parse("found").unwrap();
    let mut measures = vec![measure("complete", "found", Function::Complete)];
    measures.extend(case.measures.iter().enumerate().map(|(index, (function, filter))| Measure {
        name: format!("m{index}"),
        step: step.clone(),
        function: function.clone(),
        filter: filter.clone(),
        window: None,
    }));
    let filter = case.predicate.to_string();
    let plan = DivePlan::around(window)
        .select("found", Select::layers(LAYERS).filter(&filter).oldest(1_000));
    let evidence = diver.dive(&plan).measures(measures.clone()).run().await.unwrap();
    let found = evidence.step("found").unwrap();
    let (expected, untested, rows) = oracle(case, batch, &window);
    let mut shown: Vec<Digest> = found.rows.iter().map(Digest::of_json).collect();
    shown.sort_unstable();
    assert_eq!(found.matched as usize, expected.len(), "{filter}\n{evidence:#?}");
    assert_eq!(shown, expected, "{filter}");
    let said = evidence.coverage.layers.values().flat_map(|layer| &layer.failed);
    let said = said.filter(|reason| reason.detail.contains(&format!(": {untested} lines")));
    assert_eq!(said.count() > 0, untested > 0, "{filter}: {:?}", evidence.coverage);
    let complete = evidence.facts.read("complete") == Fact::from(true);
    assert_eq!(complete, untested == 0, "{filter}: {:?}", evidence.coverage);
    let incomplete = Reason::new(ReasonKind::IllTyped, "lines could not be tested");
    let incomplete = (!complete).then_some(&incomplete);
    let rows: LogBatch = rows.into_iter().collect();
    for measure in measures.iter().skip(1) {
        let fact = evidence.facts.read(&measure.name);
        let expected = measure.compute(&rows, &LAYER, &window, incomplete);
        assert!(same(&fact, &expected), "{measure} over {filter}: {fact:?}, not {expected:?}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Lines that are far behind the window, so that nothing is late.
fn with_watermark(records: &[LogRecord]) -> LogBatch {
    let mut records = records.to_vec();
    let far = (hour().to() + TimeDelta::hours(2)).timestamp_nanos_opt().unwrap();
    let emitters: std::collections::BTreeSet<Option<String>> =
        records.iter().map(|record| record.emitter.clone()).chain([None]).collect();
    for layer in LAYERS {
        for emitter in &emitters {
            records.push(LogRecord {
                emitter: emitter.clone(),
                ..LogRecord::new(logdive_core::LayerName::parse(layer).unwrap(), far)
            });
        }
    }
    records.into_iter().collect()
}

#[test]
fn memory_agrees_with_the_row_evaluator() {
    let runtime = runtime();
    let config = Config {
        cases: 40 * scale(),
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    runner
        .run(&case(), |case| {
            let batch = with_watermark(&case.records);
            runtime.block_on(async {
                let diver = Diver::builder()
                    .memory(one(), [batch.clone()])
                    .memory(two(), [batch.clone()])
                    .partitions(1)
                    .build()
                    .await
                    .unwrap();
                check(&case, &diver, &batch).await;
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_lake_agrees_with_the_row_evaluator() {
    let runtime = runtime();
    let config = Config {
        cases: 6 * scale(),
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    runner
        .run(&case(), |case| {
            let batch = with_watermark(&case.records);
            runtime.block_on(async {
                let dir = tempfile::tempdir().unwrap();
                let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
                let mut writer = lake.writer().await.unwrap();
                let half = batch.len() / 2;
                for (number, records) in [
                    batch.records().take(half).collect::<LogBatch>(),
                    batch.records().skip(half).collect(),
                ]
                .iter()
                .enumerate()
                {
                    let progress = StreamProgress::new("s", number as u64 + 1);
                    writer.append(records, &progress).await.unwrap();
                }
                let diver = Diver::builder()
                    .lake(lake, [one(), two()])
                    .partitions(4)
                    .build()
                    .await
                    .unwrap();
                let bound = diver.bind(&DivePlan::around(hour()).select("x", Select::all()));
                assert_eq!(Arc::new(bound.unwrap()).describe().steps.len(), 1);
                check(&case, &diver, &batch).await;
            });
            Ok(())
        })
        .unwrap();
}
