//! Measures: what can be known from complete rows, and what of incomplete ones.

use std::time::Duration;

use proptest::prelude::*;

use super::{Function, Measure, nearest_rank};
use crate::log::{LogBatch, LogRecord};
use crate::{
    Fact, Field, Layer, LayerField, LayerName, Layers, Predicate, Reason, ReasonKind, StepName,
    Unit, Value, ValueType, Window,
};

fn layer() -> Layer {
    Layer::new("front")
        .and_then(|layer| {
            let ms = LayerField::attribute("ms", ValueType::Duration).unit(Unit::Milliseconds);
            layer.field("latency", ms)
        })
        .and_then(|layer| layer.field("n", LayerField::attribute("n", ValueType::Int)))
        .unwrap()
}

fn window() -> Window {
    Window::new("2023-07-10T12:00:00Z".parse().unwrap(), "2023-07-10T12:01:00Z".parse().unwrap())
        .unwrap()
}

fn rows(attributes: &[&str]) -> LogBatch {
    let start = window().from().timestamp_nanos_opt().unwrap();
    attributes
        .iter()
        .zip(0_i64..)
        .map(|(text, n)| LogRecord {
            time_unix_nano: Some(start + n * 1_000_000_000),
            seq: n,
            attributes: Some((*text).to_owned()),
            ..LogRecord::new(LayerName::parse("front").unwrap(), 0)
        })
        .collect()
}

fn measure(function: Function, filter: &str) -> Measure {
    Measure {
        name: "m".into(),
        step: StepName::parse("all").unwrap(),
        function,
        filter: Predicate::parse(filter, &layer()).unwrap(),
        window: None,
    }
}

fn late() -> Reason {
    Reason::new(ReasonKind::Late, "late")
}

fn compute(function: Function, filter: &str, lines: &[&str], incomplete: bool) -> Fact {
    let layers: Layers = [layer()].into_iter().collect();
    let late = late();
    measure(function, filter).compute(&rows(lines), &layers, &window(), incomplete.then_some(&late))
}

const LINES: [&str; 4] =
    [r#"{"n":3,"ms":20}"#, r#"{"n":1,"ms":10}"#, r#"{"n":3}"#, r#"{"other":1}"#];

#[test]
fn complete_rows_give_exact_facts() {
    let n = || Field::parse("n").unwrap();
    let latency = || Field::parse("latency").unwrap();
    let exact = |function, filter| compute(function, filter, &LINES, false);
    assert_eq!(exact(Function::Count, "true"), Fact::from(4));
    assert_eq!(exact(Function::Count, "n == 3"), Fact::from(2));
    assert_eq!(exact(Function::Count, "n is absent"), Fact::from(1));
    assert_eq!(exact(Function::Any, "n == 9"), Fact::from(false));
    assert_eq!(exact(Function::None, "n == 9"), Fact::from(true));
    assert_eq!(exact(Function::Distinct(n()), "true"), Fact::from(2));
    assert_eq!(exact(Function::Sum(n()), "true"), Fact::from(7));
    assert_eq!(exact(Function::Min(n()), "true"), Fact::from(1));
    assert_eq!(exact(Function::Max(n()), "true"), Fact::from(3));
    assert_eq!(exact(Function::Newest(n()), "true"), Fact::from(3));
    assert_eq!(exact(Function::Only(n()), "latency == 10ms"), Fact::from(1));
    assert!(exact(Function::Only(n()), "true").is_incomplete());
    assert_eq!(
        exact(Function::Percentile(latency(), 50), "true"),
        Fact::from(Duration::from_millis(10))
    );
    assert_eq!(exact(Function::Rate, "true").to_string(), "0.066666666");
    assert!(matches!(exact(Function::Max(n()), "n == 9"),
        Fact::Unavailable(reason) if reason.kind == ReasonKind::Empty));
}

#[test]
fn incomplete_rows_give_bounds_or_nothing() {
    let n = || Field::parse("n").unwrap();
    let loose = |function, filter| compute(function, filter, &LINES, true);
    assert_eq!(loose(Function::Count, "n == 3"), Fact::AtLeast(Value::Int(2), late()));
    assert_eq!(loose(Function::Any, "n == 3"), Fact::from(true), "one is enough");
    assert_eq!(loose(Function::Any, "n == 9"), Fact::Unavailable(late()));
    assert_eq!(loose(Function::None, "n == 3"), Fact::from(false), "one is enough");
    assert_eq!(loose(Function::None, "n == 9"), Fact::Unavailable(late()));
    assert_eq!(loose(Function::Distinct(n()), "true"), Fact::AtLeast(Value::Int(2), late()));
    assert_eq!(loose(Function::Max(n()), "true"), Fact::AtLeast(Value::Int(3), late()));
    assert_eq!(loose(Function::Min(n()), "true"), Fact::Unavailable(late()));
    assert_eq!(loose(Function::Sum(n()), "true"), Fact::Unavailable(late()));
    assert_eq!(loose(Function::Newest(n()), "true"), Fact::Unavailable(late()));
    assert_eq!(loose(Function::Only(n()), "latency == 10ms"), Fact::from(1), "a witness");
    assert_eq!(loose(Function::Complete, "true"), Fact::from(false));
}

#[test]
fn rows_that_cannot_be_read_are_never_a_wrong_number() {
    let lines = [r#"{"n":1}"#, r#"{"n":"many"}"#, "{oops"];
    let count = compute(Function::Count, "n == 1", &lines, false);
    assert!(
        matches!(&count, Fact::AtLeast(Value::Int(1), reason) if reason.kind == ReasonKind::IllTyped),
        "{count}"
    );
    assert_eq!(compute(Function::Count, "true", &lines, false), Fact::from(3));
    let field = Field::parse("n").unwrap();
    assert!(compute(Function::Min(field.clone()), "true", &lines, false).is_incomplete());
    let huge = [format!(r#"{{"n":{}}}"#, i64::MAX), r#"{"n":1}"#.to_owned()];
    let huge: Vec<&str> = huge.iter().map(String::as_str).collect();
    let sum = compute(Function::Sum(field), "true", &huge, false);
    assert!(matches!(sum, Fact::Unavailable(reason) if reason.kind == ReasonKind::Overflow));
}

proptest! {
    /// The ⌈p/100·n⌉-th of n: at least p percent of the values are not above it.
    #[test]
    fn nearest_rank_is_by_definition(count in 1_usize..500, percentile in 0_u8..=100) {
        let index = nearest_rank(count, percentile).unwrap();
        prop_assert!((index + 1) * 100 >= count * usize::from(percentile));
        prop_assert!(index == 0 || index * 100 < count * usize::from(percentile));
    }

    /// More rows never contradict what was said of fewer.
    #[test]
    fn what_is_said_of_incomplete_rows_stays_true(
        values in prop::collection::vec(0_i64..5, 1..20), cut in 0_usize..20, threshold in 0_i64..8
    ) {
        let lines: Vec<String> = values.iter().map(|n| format!("{{\"n\":{n}}}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let n = Field::parse("n").unwrap();
        for function in [Function::Count, Function::Distinct(n.clone()), Function::Max(n.clone()),
            Function::Any, Function::None, Function::Sum(n.clone()), Function::Min(n)]
        {
            let part = compute(function.clone(), "n > 1", &lines[..cut.min(lines.len())], true);
            let whole = compute(function.clone(), "n > 1", &lines, false);
            let kind = Field::parse("m").unwrap();
            for predicate in [
                Predicate::Compare { field: kind.clone(), comparison: crate::Comparison::GreaterOrEqual, value: threshold.into() },
                Predicate::eq(kind.clone(), threshold),
                Predicate::eq(kind.clone(), true),
            ] {
                let before = predicate.eval(&|_| part.clone());
                let after = predicate.eval(&|_| whole.clone());
                prop_assert!(before.is_unknown() || before == after, "{function:?}: {part} then {whole}");
            }
        }
    }
}
