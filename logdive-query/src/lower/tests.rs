//! What is lowered is true, false and unknown of the lines of which core says so.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use logdive_core::log::LogSeverity;
use logdive_core::{
    Comparison, Field, FieldPath, Layer, LayerField, LayerName, LogBatch, LogRecord, Pattern,
    Predicate, Truth, Value, ValueType,
};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::Lowering;

fn layer() -> Layer {
    let place = FieldPath::Resource(vec!["place".into()]);
    let fields = [
        ("code", LayerField::attribute("code", ValueType::Text)),
        ("count", LayerField::attribute("deep.count", ValueType::Int)),
        ("place", LayerField::at(place, ValueType::Text)),
        ("level", LayerField::at(FieldPath::Field(Field::Severity), ValueType::Text)),
    ];
    fields
        .into_iter()
        .fold(Layer::new("x").unwrap(), |layer, (name, field)| layer.field(name, field).unwrap())
}

/// Lines with each field, without it, and with what is ill-typed.
fn lines() -> LogBatch {
    let base = LogRecord::new(LayerName::parse("x").unwrap(), 1_688_990_400_000_000_000);
    let events = [None, Some("a"), Some("b"), Some("ab"), Some(""), Some("a b")];
    let attributes = [
        None,
        Some(r#"{"code":"a","deep":{"count":1}}"#),
        Some(r#"{"code":"b","code":"a","deep":{"count":"x"}}"#),
        Some(r#"{"code":[1]}"#),
        Some(r#"{"code":"a""#),
        Some("{}"),
    ];
    let at = |index: usize, shift: usize| (index + shift) % 6;
    (0..36)
        .map(|index| {
            let shift = index / 6;
            let has = |there: bool| there.then_some(());
            LogRecord {
                event: events.get(at(index, 0)).copied().flatten().map(str::to_owned),
                body: events.get(at(index, shift)).copied().flatten().map(str::to_owned),
                severity: has(index % 5 > 1).and(LogSeverity::from_number(9 + (shift as i64) % 3)),
                trace_id: has(index % 4 > 0).map(|()| [0xab; 16]),
                attributes: attributes.get(at(index, shift)).copied().flatten().map(str::to_owned),
                resource: has(shift > 2).map(|()| r#"{"place":"a"}"#.to_owned()),
                time_unix_nano: Some(
                    base.time_unix_nano.unwrap_or_default() + shift as i64 * 1_000,
                ),
                ..base.clone()
            }
        })
        .collect()
}

/// The truth of each predicate for each line, by the engine. Equal predicates are asked once.
async fn lowered(predicates: &[Predicate], lines: RecordBatch) -> Vec<Vec<Truth>> {
    let layer = layer();
    let lowering = Lowering::new(&layer);
    let columns = predicates
        .iter()
        .enumerate()
        .map(|(at, predicate)| lowering.truth(predicate).alias(format!("p{at}")));
    let frame = SessionContext::new().read_batch(lines).unwrap();
    let batches = frame.select(columns.collect::<Vec<_>>()).unwrap().collect().await.unwrap();
    let mut found = vec![Vec::new(); predicates.len()];
    for batch in &batches {
        for (column, found) in batch.columns().iter().zip(&mut found) {
            found.extend(column.as_boolean().iter().map(|truth| match truth {
                None => Truth::Unknown,
                Some(truth) => truth.into(),
            }));
        }
    }
    found
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// All disagreements, so that one run shows what is common to them.
fn disagreements(predicates: &[Predicate]) -> String {
    disagreements_over(predicates, lines().into_arrow())
}

fn disagreements_over(predicates: &[Predicate], batch: RecordBatch) -> String {
    let (lines, layer) = (lines(), layer());
    let found = runtime().block_on(lowered(predicates, batch));
    let mut said = String::new();
    for (predicate, found) in predicates.iter().zip(found) {
        assert_eq!(found.len(), lines.len());
        for ((at, row), found) in lines.rows().enumerate().zip(found) {
            let reader = layer.reader(row);
            let expected = predicate.eval(&|field| reader.read(field));
            if found != expected {
                let _ = writeln!(said, "{predicate}: {found:?}, not {expected:?} of line {at}");
                break;
            }
        }
    }
    said
}

/// Lists over one column that meet only after the optimiser has simplified what is around them.
#[test]
fn lists_that_meet_leave_lines_without_the_field_unknown() {
    let texts = [
        r#"event in {"a"} and event in {"b"}"#,
        r#"(event in {"a"} and true) and (event in {"b"} and true)"#,
        r#"not (event in {"a"}) or not (event in {"b"})"#,
        r#"not (event in {"a"} and event in {"b"})"#,
        r#"not ((event in {"a"} and body present_) and (event in {"b"} and true))"#,
        r#"(event == "a" or event == "ab") and (event == "b" or event == "")"#,
        r#"not ((event == "a" or event == "ab") and (event == "b" or event == ""))"#,
        r#"not ((event == "a" or event == "ab") and event in {"b", ""})"#,
        r#"not (not (event != "a" and event != "ab") and event in {"b", ""})"#,
        r#"not (event in {"a", "b"}) or (not (event in {"ab", ""}) or false)"#,
        r#"event in {"a", "b", "ab", ""} and not (event in {"a", "b", "ab", ""})"#,
        "severity in {info, 10} and (severity in {error, 11} and true)",
        "not (severity in {info, 10}) or not (true and severity in {error, 11})",
        "not (time in {2023-07-10T12:00:00Z} and (true and time in {2023-07-10T12:00:01Z}))",
        r#"not (trace_id in {"ab"} and (true and trace_id in {"cd"}))"#,
        r#"not (code in {"a"} and (true and code in {"b"}))"#,
        "not (count in {1} and (true and count in {2}))",
        r#"not (place in {"a"}) or not (place in {"b"})"#,
    ];
    let layer = layer();
    let read = |text: &str| {
        let text = text.replace("present_", "is present");
        Predicate::parse(&text, &layer).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
    };
    let predicates: Vec<Predicate> = texts.into_iter().map(read).collect();
    let said = disagreements(&predicates);
    assert!(said.is_empty(), "{said}");
}

fn term() -> impl Strategy<Value = Predicate> {
    let text = || select(vec!["a", "b", "ab", "", "c"]).prop_map(Value::from);
    let time = || {
        select(vec!["2023-07-10T12:00:00Z", "2023-07-10T12:00:00.000001Z"])
            .prop_map(|time| Value::Time(time.parse().unwrap()))
    };
    let id = || select(vec!["ab".repeat(16), "AB".repeat(16)]).prop_map(Value::from);
    let number = |from: i64| (from..from + 3).prop_map(Value::Int);
    let named = |name: &str| Field::parse(name).unwrap();
    let typed: Vec<(u32, Field, BoxedStrategy<Value>)> = vec![
        (6, Field::Event, text().boxed()),
        (2, Field::Severity, number(9).boxed()),
        (1, Field::Time, time().boxed()),
        (1, Field::TraceId, id().boxed()),
        (1, named("code"), text().boxed()),
        (1, named("count"), number(0).boxed()),
        (1, named("place"), text().boxed()),
    ];
    let terms = typed.into_iter().map(|(weight, field, value)| {
        let comparison = select(vec![
            Comparison::Equal,
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::LessOrEqual,
            Comparison::GreaterOrEqual,
        ]);
        let compared = (Just(field.clone()), comparison, value.clone())
            .prop_map(|(field, comparison, value)| Predicate::Compare { field, comparison, value });
        let member = (Just(field.clone()), prop::collection::vec(value, 0..5))
            .prop_map(|(field, values)| Predicate::In { field, values });
        let absent = Just(Predicate::Absent(field));
        (weight, prop_oneof![3 => compared, 4 => member, 1 => absent].boxed())
    });
    proptest::strategy::Union::new_weighted(terms.collect())
}

fn predicate() -> impl Strategy<Value = Predicate> {
    term().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::And),
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Or),
            2 => inner.prop_map(Predicate::not),
        ]
    })
}

#[test]
fn truth_is_that_of_the_row_evaluator() {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 * scale.unwrap_or(1_usize) {
        let draw = |_| predicate().new_tree(&mut runner).unwrap().current();
        let predicates: Vec<Predicate> = (0..50).map(draw).collect();
        let said = disagreements(&predicates);
        assert!(said.is_empty(), "{said}");
    }
}

/// Every test of text, over text as it lies in files and as Parquet is read into.
#[test]
fn tests_of_text_say_the_same_of_views() {
    let tests = [
        r#"contains "a""#,
        r#"contains """#,
        r#"starts_with "a""#,
        r#"ends_with "b""#,
        r#"has_token "a""#,
        r#"has_token "ab""#,
        r#"has_phrase "a, b""#,
        r#"matches "^a.?b?$""#,
        r#"matches "(?i)A""#,
        r#"== "a""#,
        "is absent",
        "is unavailable",
    ];
    let layer = layer();
    let fields = ["event", "body", "code", "place", "level", "trace_id"];
    let read = |(field, test)| Predicate::parse(&format!("{field} {test}"), &layer).unwrap();
    let all = fields.iter().flat_map(|field| tests.map(|test| (field, test)));
    let mut predicates: Vec<Predicate> = all.map(read).collect();
    // One that came from JSON and cannot be compiled.
    let bad = Pattern::from("a(".to_owned());
    predicates.push(Predicate::Matches { field: Field::Event, pattern: bad }.not());
    let strings = lines().into_arrow();
    let view = |array: &ArrayRef| match array.data_type() {
        DataType::Utf8 => cast(array, &DataType::Utf8View).unwrap(),
        _ => Arc::clone(array),
    };
    let views: Vec<ArrayRef> = strings.columns().iter().map(view).collect();
    let schema = strings.schema();
    let fields = schema
        .fields()
        .iter()
        .zip(&views)
        .map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let views = RecordBatch::try_new(Arc::new(schema), views).unwrap();
    for batch in [strings, views] {
        let said = disagreements_over(&predicates, batch);
        assert!(said.is_empty(), "{said}");
    }
}

/// The deepest and widest predicates fit the stack that threads have.
#[test]
fn the_largest_predicates_are_planned() {
    let term = |at: usize| {
        let value = Value::from(format!("{at}"));
        Predicate::Compare { field: Field::Event, comparison: Comparison::NotEqual, value }
    };
    // 64 deep, and a few terms at each level.
    let deep = (1..63).fold(term(0), |inner, level| match level % 3 {
        0 => inner.not(),
        1 => Predicate::And((0..8).map(term).chain([inner]).collect()),
        _ => Predicate::Or((0..8).map(term).chain([inner]).collect()),
    });
    let wide = Predicate::Or(
        (0..4_096)
            .map(|at| {
                let value = Value::from(format!("{at}"));
                let field = if at % 2 == 0 { Field::Event } else { Field::Body };
                Predicate::Compare { field, comparison: Comparison::Equal, value }
            })
            .collect(),
    );
    let set = Predicate::In {
        field: Field::Event,
        values: (0..10_000).map(|at| Value::from(format!("{at}"))).collect(),
    };
    for predicate in [deep, wide, set] {
        assert_eq!(predicate.check_limits(), Ok(()));
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let said = thread.spawn(move || disagreements(&[predicate])).unwrap().join().unwrap();
        assert!(said.is_empty(), "{said}");
    }
}
