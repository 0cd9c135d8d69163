//! Batches of facts: what is taken, what is refused, and what rules of another set read of them.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, FixedSizeBinaryArray, Int8Array, Int64Array,
    RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow_schema::DataType;
use logdive_core::{Fact, Facts, Mode, Reason, Value};
use logdive_rules::{FactBatch, FactBatchError, RuleSet, Verdict};

const RULES: &str = r#"
schema s v1 {
  fact a : int 0..100
  fact b : bool optional
  fact t : text
  fact at : time optional
  fact h : ip optional
}
decisions { p, q, human }
default human "x"
rule "first" v1 mode confirm { when a >= 50 and b decide p do act(k: t) }
rule "late" v1 mode automatic over "first" { when at > 9999-12-30T00:00:00Z decide q no action }
"#;

fn rules(text: &str) -> RuleSet {
    RuleSet::parse(text).unwrap()
}

fn calm() -> Facts {
    Facts::new()
        .with("a", 70)
        .with("b", true)
        .with("t", "x")
        .with("at", Fact::Absent)
        .with("h", Fact::Absent)
}

/// The batch of some facts with columns replaced.
fn with(facts: &[Facts], columns: &[(&str, ArrayRef)]) -> Result<FactBatch, FactBatchError> {
    let rules = rules(RULES);
    let batch = FactBatch::from_facts(&rules, facts).unwrap();
    let batch = batch.record_batch();
    let fields = batch.schema().fields().clone();
    let arrays = fields.iter().zip(batch.columns()).map(|(field, array)| {
        let other = columns.iter().find(|(name, _)| name == field.name());
        (field.name().clone(), other.map_or_else(|| Arc::clone(array), |(_, other)| other.clone()))
    });
    let batch = RecordBatch::try_from_iter_with_nullable(
        arrays.map(|(name, array)| (name, array, true)).collect::<Vec<_>>(),
    );
    FactBatch::new(&rules, &batch.unwrap())
}

fn refused(columns: &[(&str, ArrayRef)], message: &str) {
    let found = with(&[calm(), calm()], columns).unwrap_err();
    assert_eq!(found.to_string(), message);
}

#[test]
fn what_does_not_hold_is_refused_by_name() {
    let int8 = |values: [i8; 2]| Arc::new(Int8Array::from(values.to_vec())) as ArrayRef;
    refused(
        &[("a", Arc::new(StringArray::from(vec!["1", "2"])))],
        "column `a` is of type Utf8, not Int64",
    );
    refused(
        &[("a#state", Arc::new(Int64Array::from(vec![3, 3])))],
        "column `a#state` is of type Int64, not Int8",
    );
    refused(
        &[("a#state", int8([3, 4]))],
        "column `a#state`, row 1: there is no such state; 0 is unavailable, 1 absent, 2 at least, \
         3 known",
    );
    refused(
        &[("a#state", Arc::new(Int8Array::from(vec![None, Some(3)])))],
        "column `a#state`, row 0: there is no such state; 0 is unavailable, 1 absent, 2 at least, \
         3 known",
    );
    let null = "a value is null exactly where";
    refused(
        &[("a#state", int8([3, 0]))],
        &format!("column `a`, row 1: {null} `a#state` is 0 or 1"),
    );
    refused(
        &[("b", Arc::new(BooleanArray::from(vec![None, Some(true)])))],
        &format!("column `b`, row 0: {null} `b#state` is 0 or 1"),
    );
    let mut bytes = [0_u8; 34];
    bytes[0] = 4;
    bytes[17] = 4;
    bytes[33] = 1;
    let ip = FixedSizeBinaryArray::new(17, bytes.to_vec().into(), None);
    refused(
        &[("h", Arc::new(ip)), ("h#state", int8([3, 3]))],
        "column `h`, row 1: not an address: the byte 4 or 6, it, and zeros",
    );
    let seconds = Decimal128Array::from(vec![0, i128::MAX / 2]);
    let seconds = seconds.with_precision_and_scale(38, 9).unwrap();
    refused(
        &[("at", Arc::new(seconds)), ("at#state", int8([3, 3]))],
        "column `at`, row 1: a time in a leap second, or beyond the year 262142",
    );
    let rules = rules(RULES);
    let empty = RecordBatch::new_empty(Arc::new(arrow_schema::Schema::empty()));
    let found = FactBatch::new(&rules, &empty).unwrap_err();
    assert_eq!(found.to_string(), "there is no column `a` of type Int64");
}

/// Zones name the same instants; other columns are left out; the order does not matter.
#[test]
fn what_means_the_same_is_taken() {
    let times = TimestampNanosecondArray::from(vec![1, 2]).with_timezone("+00:00");
    let states = Arc::new(Int8Array::from(vec![3, 3]));
    let batch = with(&[calm(), calm()], &[("at", Arc::new(times)), ("at#state", states)]);
    let batch = batch.unwrap();
    let time = batch.facts(1).unwrap().read("at");
    assert_eq!(time, Value::Time("1970-01-01T00:00:00.000000002Z".parse().unwrap()).into());

    let rules = rules(RULES);
    let more = batch.record_batch();
    let mut columns: Vec<(String, ArrayRef)> = vec![("id".to_owned(), more.column(0).clone())];
    let named = more.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    columns.extend(named.into_iter().zip(more.columns().iter().cloned()).rev());
    let more = RecordBatch::try_from_iter(columns).unwrap();
    let again = FactBatch::new(&rules, &more).unwrap();
    assert_eq!(again.record_batch(), batch.record_batch());
    assert_eq!(FactBatch::schema(&rules).fields().len(), again.record_batch().num_columns());
}

#[test]
fn times_beyond_64_bits_are_exact_and_leap_seconds_are_refused() {
    let rules = rules(RULES);
    let at = |text: &str| calm().with("at", Value::Time(text.parse().unwrap()));
    let facts = [
        at("9999-12-31T23:59:59.999999999Z"),
        at("9999-12-30T00:00:00Z"),
        at("-200000-01-01T00:00:00Z"),
        calm(),
    ];
    let batch = FactBatch::from_facts(&rules, &facts).unwrap();
    let kind = batch.record_batch().column_by_name("at").unwrap().data_type().clone();
    assert_eq!(kind, DataType::Decimal128(38, 9));
    for (row, facts) in facts.iter().enumerate() {
        assert_eq!(batch.facts(row).as_ref(), Some(facts));
        assert_eq!(rules.verdicts(&batch).get(row), Some(rules.verdict(facts)));
    }
    let names = rules.verdicts(&batch);
    let names: Vec<Option<&str>> = names.iter().map(|v| v.rule().map(|rule| rule.name())).collect();
    assert_eq!(names, [Some("late"), Some("first"), Some("first"), None]);

    let leap = at("2016-12-31T23:59:60.5Z");
    let found = FactBatch::from_facts(&rules, [calm(), leap]).unwrap_err();
    assert_eq!(
        found.to_string(),
        "column `at`, row 1: a time in a leap second, or beyond the year 262142"
    );
}

/// What the schema does not admit is unavailable, as everywhere.
#[test]
fn what_does_not_fit_the_schema_is_unavailable() {
    let rules = rules(RULES);
    let cut = || Reason::from("cut");
    let facts = [
        calm().with("a", 101),
        calm().with("a", "seventy"),
        calm().with("a", Fact::Absent),
        calm().with("b", Fact::AtLeast(true.into(), cut())),
        calm().with("a", Fact::AtLeast(60.into(), cut())).with("at", Fact::Absent),
        Facts::new(),
    ];
    let batch = FactBatch::from_facts(&rules, &facts).unwrap();
    for (row, facts) in facts.iter().enumerate() {
        assert_eq!(rules.verdicts(&batch).get(row), Some(rules.verdict(facts)), "{row}");
    }
    // And numbers of a batch that somebody else made.
    let batch = with(
        &[calm(), calm()],
        &[
            ("a", Arc::new(Int64Array::from(vec![101, 60]))),
            ("at", Arc::new(TimestampNanosecondArray::from(vec![0, 0]).with_timezone("UTC"))),
            ("at#state", Arc::new(Int8Array::from(vec![3, 3]))),
        ],
    );
    let batch = batch.unwrap();
    let verdicts: Vec<_> = rules.verdicts(&batch).iter().collect();
    let first = rules.rule("first").unwrap();
    assert_eq!(verdicts, [Verdict::Undetermined, Verdict::Decided(first)]);
}

/// Rows of several chunks, and numbers of many values.
#[test]
fn long_batches_are_the_same_row_by_row() {
    let rules = rules(RULES);
    let facts: Vec<Facts> = (0..20_000_i64)
        .map(|row| {
            let facts = calm()
                .with("a", row * 7 % 130)
                .with("t", format!("text {}", row % 9_000))
                .with("at", Value::Time(chrono::DateTime::from_timestamp_nanos(row << 49)));
            match row % 11 {
                0 => facts.with("at", Fact::Absent),
                1 => facts.with("t", Fact::unavailable(logdive_core::ReasonKind::Late, "late")),
                2 => facts.with("b", row % 2 == 0),
                3 => facts.with("a", Fact::AtLeast((row % 90).into(), Reason::from("cut"))),
                _ => facts,
            }
        })
        .collect();
    let batch = FactBatch::from_facts(&rules, &facts).unwrap();
    assert_eq!(FactBatch::new(&rules, batch.record_batch()).unwrap().len(), facts.len());
    let verdicts = rules.verdicts(&batch);
    assert_eq!(verdicts.len(), facts.len());
    let mut counts = [0; 4];
    for (facts, verdict) in facts.iter().zip(verdicts.iter()) {
        assert_eq!(verdict, rules.verdict(facts), "{facts:?}");
        counts[match verdict {
            Verdict::Decided(_) => 0,
            Verdict::NoActionNeeded(_) => 1,
            Verdict::Undetermined => 2,
            Verdict::NoRule => 3,
        }] += 1;
    }
    assert!(counts[0] > 100 && counts[2] > 100, "{counts:?}");

    // As columns.
    let columns = verdicts.record_batch().unwrap();
    let column = |name: &str| {
        let column = columns.column_by_name(name).unwrap();
        let column =
            arrow_array::cast::AsArray::as_dictionary::<arrow_array::types::Int32Type>(column);
        let words = column.downcast_dict::<StringArray>().unwrap();
        (0..column.len())
            .map(|row| {
                column
                    .is_valid(row)
                    .then(|| arrow_array::ArrayAccessor::value(&words, row).to_owned())
            })
            .collect::<Vec<_>>()
    };
    let (outcome, rule, mode) = (column("outcome"), column("rule"), column("mode"));
    for (row, verdict) in verdicts.iter().enumerate() {
        assert_eq!(outcome[row].as_deref(), Some(verdict.outcome()));
        assert_eq!(rule[row].as_deref(), verdict.rule().map(|rule| rule.name()));
        let expected = verdict.rule().map(|rule| Mode::name(rule.mode()));
        assert_eq!(mode[row].as_deref(), expected);
    }
}

/// A batch may be asked by the next version of the rules, whose schema is another.
#[test]
fn another_rule_set_reads_what_it_knows() {
    let old = rules(RULES);
    let early = Value::Time("2024-01-01T00:00:00Z".parse().unwrap());
    let facts = [calm(), calm().with("a", 10).with("at", early)];
    let batch = FactBatch::from_facts(&old, &facts).unwrap();
    let new = rules(
        &RULES
            .replace("fact t : text", "fact t : int  fact n : int")
            .replace("when a >= 50 and b", "when a >= 50 and b and not (n == 1)")
            .replace("int 0..100", "int 0..50"),
    );
    for (row, facts) in facts.iter().enumerate() {
        assert_eq!(new.verdicts(&batch).get(row), Some(new.verdict(facts)));
    }
    assert_eq!(new.verdicts(&batch).get(1), Some(Verdict::NoRule));
    assert_eq!(new.verdicts(&batch).get(2), None);
}

#[test]
fn nothing_is_a_batch_too() {
    let rules = rules(RULES);
    let batch = FactBatch::from_facts(&rules, Vec::<Facts>::new()).unwrap();
    assert!(batch.is_empty() && rules.verdicts(&batch).is_empty());
    assert_eq!(batch.facts(0), None);
    assert!(rules.truths(&batch).iter().all(|truths| truths.is_empty()));
    // A set that reads nothing has rows all the same.
    let rules = RuleSet::parse(
        "schema s v1 { } decisions { x } default x \"\"
         rule \"always\" v1 mode shadow { when true decide x }",
    );
    let rules = rules.unwrap();
    let batch = FactBatch::from_facts(&rules, vec![Facts::new(); 3]).unwrap();
    assert_eq!(batch.len(), 3);
    let decided: Vec<Verdict<'_>> = rules.verdicts(&batch).iter().collect();
    assert_eq!(decided, vec![Verdict::Decided(rules.rule("always").unwrap()); 3]);
}
