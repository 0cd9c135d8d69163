//! The engine finds the very lines of which core's row evaluator says that the predicate is true:
//! random predicates of every form over hostile lines. Without fields, with `LIKE`'s
//! metacharacters, odd Unicode, numbers and times at their edges, JSON that is nearly right.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use logdive_core::{
    Comparison, Decimal, Field, FieldPath, Layer, LayerField, LayerName, LogBatch, LogRecord,
    LogSeverity, Pattern, Phrase, Predicate, TextTest, Unit, Value, ValueType,
};
use logdive_query::{DivePlan, Diver, Select};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{Union, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;

use crate::support::{alive, hour, scale};

/// Predicates of one dive, each a step.
const STEPS: usize = 10;

/// Texts from the conformance corpus and our own.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let corpus: Json =
        serde_json::from_str(include_str!("../data/cerbos-conformance/seeds.json")).unwrap();
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for seed in corpus.get("seeds").unwrap().as_array().unwrap() {
        for field in ["aString", "aOptionalString"] {
            texts.extend(seed.get(field).unwrap().as_str().map(str::to_owned));
        }
    }
    let ours = [
        "",
        " ",
        "%",
        "_",
        "\\",
        "\\%",
        "a%b",
        "a_b",
        "aXb",
        "100%",
        "'; --",
        "\"",
        "true",
        "null",
        "\u{0}",
        "a\u{0}b",
        "\n",
        "a\nb",
        "é",
        "e\u{301}",
        "É",
        "ß",
        "SS",
        "İ",
        "i\u{307}",
        "ﬁ",
        "\u{202e}txt.exe",
        "שלום עולם",
        "مرحبا",
        "温度 高い",
        "👩\u{200d}👩\u{200d}👧",
        "\u{feff}",
        "\u{fffd}",
        "\u{10ffff}",
        "\u{e000}",
        "\u{d7ff}",
        "timed out",
        "timed, out",
        "timed-out",
        "untimed out",
        "conn_reset",
        "NaN",
        "inf",
        "-inf",
        "-0",
        "1e999",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615",
        "0.000000001",
        "170141183460469231731687303715884105727",
        "٣",
        "½",
        "one two",
        "two one",
        "{}",
        "[1]",
    ];
    texts.extend(ours.map(str::to_owned));
    texts.insert("a".repeat(5_000));
    texts.into_iter().collect()
});

/// Numbers and times of the corpus, as JSON.
static CORPUS_JSON: LazyLock<Vec<String>> = LazyLock::new(|| {
    let derived: Json =
        serde_json::from_str(include_str!("../data/cerbos-conformance/derived-fields.json"))
            .unwrap();
    let seeds = derived.get("derived").unwrap().as_object().unwrap().values();
    let values =
        seeds.flat_map(|seed| ["aDouble", "createdAt", "createdBy", "labels"].map(|f| &seed[f]));
    values.map(Json::to_string).collect::<BTreeSet<_>>().into_iter().collect()
});

const TIMES: [&str; 7] = [
    "2023-07-10T11:58:00Z",
    "2023-07-10T13:58:00+02:00",
    "2023-07-10T11:58:00.000000001Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:60.999999999Z",
    "1969-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59Z",
];

const IPS: [&str; 6] =
    ["10.0.0.1", "::1", "::ffff:10.0.0.1", "255.255.255.255", "2001:db8::ff", "0.0.0.0"];

const DECIMALS: [&str; 7] =
    ["0", "0.25", "-0.6", "0.000000001", "-4.7", "9223372036854775807", "1.3"];

const PATTERNS: [&str; 16] = [
    "",
    "^$",
    "a",
    "(?i)É",
    "[%_]",
    r"\\",
    "^.$",
    "(?s)^.*$",
    r"\d+",
    r"\bone\b",
    r"\x00",
    "(a+)+$",
    r"^\PL*$",
    "timed.?out|🦀",
    r"\p{Hebrew}",
    r"^-?\d+(\.\d+)?$",
];

const PHRASES: [&str; 10] =
    ["one", "a_b", "timed out", "100 done", "é", "e", "a", "שלום עולם", "conn_reset", "two one"];

fn layer() -> Layer {
    let members = ["one", "é", "true", "100%"].map(str::to_owned).to_vec();
    let layer = Layer::new("hostile").unwrap().lateness(Duration::from_secs(60));
    let resource = FieldPath::Resource(vec!["a.b".into(), String::new()]);
    let after = LayerField::attribute("deep.text", ValueType::Text).after("o");
    [
        ("text", LayerField::attribute("text", ValueType::Text)),
        ("deep_text", LayerField::attribute("deep.text", ValueType::Text)),
        ("tail", after),
        ("flag", LayerField::attribute("flag", ValueType::Bool)),
        ("number", LayerField::attribute("number", ValueType::Int)),
        ("amount", LayerField::attribute("amount", ValueType::Decimal)),
        ("moment", LayerField::attribute("moment", ValueType::Time)),
        ("address", LayerField::attribute("address", ValueType::Ip)),
        ("kind", LayerField::attribute("kind", ValueType::Enum(members))),
        ("level", LayerField::attribute("level", ValueType::Severity)),
        ("took", LayerField::attribute("took", ValueType::Duration).unit(Unit::Milliseconds)),
        ("lasted", LayerField::attribute("took", ValueType::Duration)),
        ("odd", LayerField::at(resource, ValueType::Text)),
        ("shown_time", LayerField::at(FieldPath::Field(Field::Time), ValueType::Text)),
    ]
    .into_iter()
    .fold(layer, |layer, (name, field)| layer.field(name, field).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    select(TEXTS.as_slice())
}

/// A JSON value as it may stand in a line; some make the whole of it no JSON.
fn json() -> impl Strategy<Value = String> {
    let odd = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1",
        "1e2",
        "1e308",
        "5e-324",
        "[]",
        "{}",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "[null]",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "0.1234567891",
        r#""\u0000""#,
        r#""\ud83e\udd80""#,
        r#""15ms""#,
        r#""1d""#,
        "15",
        "24",
        "25",
    ];
    let quoted = |text: &'static str| Json::from(text).to_string();
    prop_oneof![
        8 => text().prop_map(|text| Json::from(text).to_string()),
        5 => select(odd.to_vec()).prop_map(str::to_owned),
        2 => select(TIMES.to_vec()).prop_map(quoted),
        2 => select(IPS.to_vec()).prop_map(quoted),
        2 => select(DECIMALS.to_vec()).prop_map(str::to_owned),
        2 => select(CORPUS_JSON.as_slice()),
    ]
}

fn attributes() -> impl Strategy<Value = Option<String>> {
    let names = [
        "text",
        "flag",
        "number",
        "amount",
        "moment",
        "address",
        "kind",
        "level",
        "took",
        "t\\u0065xt",
    ];
    let member =
        (select(names.to_vec()), json()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
    // Keys that come twice are among them.
    let members = prop::collection::vec(member, 0..12).prop_map(|members| members.join(","));
    let object = (members, json()).prop_map(|(members, deep)| match members.as_str() {
        "" => format!("{{\"deep\":{{\"text\":{deep}}}}}"),
        members => format!("{{{members},\"deep\":{{\"text\":{deep}}}}}"),
    });
    let broken = [
        "",
        "[]",
        "nul",
        "{\"text\":",
        "{\"text\":1e999}",
        "{\"x\":\"\\ud800\",\"text\":\"one\"}",
        "{\"text\":\"one\"} x",
        "{\"text\":NaN}",
        "{\"deep\":{\"text\":\"one\"},\"deep\":1}",
    ];
    prop_oneof![
        16 => object.prop_map(Some),
        1 => Just(None),
        2 => select(broken.to_vec()).prop_map(|text| Some(text.to_owned())),
    ]
}

fn record() -> impl Strategy<Value = LogRecord> {
    let maybe = || prop::option::weighted(0.75, text());
    let head = (0_i64..3_600_000_000_000, prop::option::weighted(0.7, 1_i64..25));
    let ids = (
        prop::option::of(select(vec![[0_u8; 16], [0xab; 16]])),
        prop::option::of(select(vec![[1_u8; 8], [0xff; 8]])),
    );
    let odd = prop::option::of(json())
        .prop_map(|value| value.map(|v| format!("{{\"a.b\":{{\"\":{v}}}}}")));
    (head, ids, (maybe(), maybe(), maybe(), maybe()), attributes(), odd).prop_map(
        |(
            (nanos, severity),
            (trace_id, span_id),
            (event, body, uid, request_id),
            attributes,
            resource,
        )| {
            LogRecord {
                time_unix_nano: Some(hour().from().timestamp_nanos_opt().unwrap() + nanos),
                severity: severity.and_then(LogSeverity::from_number),
                trace_id,
                span_id,
                event,
                body,
                uid,
                request_id,
                attributes,
                resource,
                ..LogRecord::new(LayerName::parse("hostile").unwrap(), 0)
            }
        },
    )
}

fn constant(kind: &ValueType) -> BoxedStrategy<Value> {
    let time = |text: &str| Value::Time(text.parse::<DateTime<Utc>>().unwrap());
    match kind {
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::Int => {
            select(vec![i64::MIN, i64::MAX, -1, 0, 1, 15, 100]).prop_map(Value::Int).boxed()
        }
        ValueType::Severity => (1_i64..25).prop_map(Value::Int).boxed(),
        ValueType::Decimal => select(DECIMALS.to_vec())
            .prop_map(|text| Value::Decimal(text.parse::<Decimal>().unwrap()))
            .boxed(),
        ValueType::Time => select(TIMES.to_vec()).prop_map(time).boxed(),
        ValueType::Duration => select(vec![0, 1, 15, 1_000, 86_400_000, u64::MAX / 1_000_000])
            .prop_map(|ms| Value::Duration(Duration::from_millis(ms)))
            .boxed(),
        ValueType::Ip => {
            select(IPS.to_vec()).prop_map(|ip| Value::Ip(ip.parse::<IpAddr>().unwrap())).boxed()
        }
        ValueType::Enum(members) => select(members.clone()).prop_map(Value::from).boxed(),
        _ => prop_oneof![
            6 => text().prop_map(Value::from),
            1 => Just(Value::from("ab".repeat(16))),
            1 => Just(Value::from("AB".repeat(8))),
            1 => Just(Value::from("hostile")),
        ]
        .boxed(),
    }
}

/// A network around one of the addresses.
fn network() -> impl Strategy<Value = Value> {
    (select(IPS.to_vec()), any::<u8>()).prop_map(|(ip, prefix)| {
        let ip: IpAddr = ip.parse().unwrap();
        let most = if ip.is_ipv4() { 33 } else { 129 };
        Value::from(ipnet::IpNet::new(ip, prefix % most).unwrap())
    })
}

/// A term of any form that the checker lets through.
fn term(layer: &Layer) -> impl Strategy<Value = Predicate> + use<> {
    use logdive_core::predicate::FieldTypes as _;
    let forms = layer.names().into_iter().flat_map(|name| {
        let field = Field::parse(&name).unwrap();
        let kind = layer.field_type(&field).unwrap();
        let (is_text, ordered) =
            (matches!(kind, ValueType::Text | ValueType::Enum(_)), kind.is_ordered());
        let mut comparisons = vec![Comparison::Equal, Comparison::NotEqual];
        if ordered {
            comparisons.extend([
                Comparison::Less,
                Comparison::LessOrEqual,
                Comparison::Greater,
                Comparison::GreaterOrEqual,
            ]);
        }
        let compared = (Just(field.clone()), select(comparisons), constant(&kind))
            .prop_map(|(field, comparison, value)| Predicate::Compare { field, comparison, value });
        let constants = match kind {
            ValueType::Ip => prop_oneof![constant(&kind), network()].boxed(),
            _ => constant(&kind),
        };
        let member = (Just(field.clone()), prop::collection::vec(constants, 0..6))
            .prop_map(|(field, values)| Predicate::In { field, values });
        let presence = prop_oneof![
            Just(Predicate::Absent(field.clone())),
            Just(Predicate::Unavailable(field.clone())),
        ];
        let mut forms = vec![(2, compared.boxed()), (2, member.boxed()), (1, presence.boxed())];
        if is_text {
            let tests = vec![TextTest::Contains, TextTest::StartsWith, TextTest::EndsWith];
            let tested = (Just(field.clone()), select(tests), text())
                .prop_map(|(field, test, text)| Predicate::Text { field, test, text });
            let phrase =
                (Just(field.clone()), select(PHRASES.to_vec())).prop_map(|(field, text)| {
                    Predicate::Phrase { field, phrase: Phrase::parse(text).unwrap() }
                });
            let matched = (Just(field), select(PATTERNS.to_vec())).prop_map(|(field, text)| {
                Predicate::Matches { field, pattern: Pattern::parse(text).unwrap() }
            });
            forms.extend([(2, tested.boxed()), (1, phrase.boxed()), (1, matched.boxed())]);
        }
        forms
    });
    Union::new_weighted(forms.collect())
}

fn predicate(layer: &Layer) -> impl Strategy<Value = Predicate> + use<> {
    term(layer).prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Or),
            inner.prop_map(Predicate::not),
        ]
    })
}

/// The places of the lines that a step shows.
async fn found(layer: &Layer, lines: &LogBatch, filters: &[String]) -> Vec<BTreeSet<i64>> {
    let diver = Diver::builder().memory(layer.clone(), [lines.clone()]).partitions(1);
    let diver = diver.build().await.unwrap();
    let plan = filters.iter().enumerate().fold(DivePlan::around(hour()), |plan, (at, filter)| {
        plan.select(format!("s{at}"), Select::layers(["hostile"]).filter(filter).oldest(1_000))
    });
    let evidence = diver.dive(&plan).run().await.unwrap();
    let step = |(at, filter)| {
        let step = evidence.step(&format!("s{at}")).unwrap();
        let places: BTreeSet<i64> = step.rows.iter().map(|row| row.seq).collect();
        assert_eq!(step.matched as usize, places.len(), "{filter}");
        places
    };
    filters.iter().enumerate().map(step).collect()
}

#[test]
fn hostile_lines_are_found_as_the_row_evaluator_says() {
    let layer = layer();
    let predicates = predicate(&layer);
    let records = prop::collection::vec(record(), 60);
    let mut runner = TestRunner::deterministic();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut met, mut cases) = (0, 0);
    for _ in 0..200 * scale() as usize / STEPS {
        let mut records = records.new_tree(&mut runner).unwrap().current();
        records.iter_mut().zip(0..).for_each(|(record, seq)| record.seq = seq);
        let lines: LogBatch = records.into_iter().chain([alive("hostile")]).collect();
        let asked: Vec<Predicate> =
            (0..STEPS).map(|_| predicates.new_tree(&mut runner).unwrap().current()).collect();
        let filters: Vec<String> = asked.iter().map(Predicate::to_string).collect();
        let found = runtime.block_on(found(&layer, &lines, &filters));
        for ((predicate, filter), found) in asked.iter().zip(&filters).zip(found) {
            let expected: BTreeSet<i64> = lines
                .rows()
                .filter_map(|row| {
                    let (record, reader) = (row.to_record(), layer.reader(row));
                    let is_true = predicate.eval(&|field| reader.read(field)).is_true();
                    (is_true && reader.is_in(&hour())).then_some(record.seq)
                })
                .collect();
            assert_eq!(found, expected, "{filter}");
            cases += 1;
            met += usize::from(!expected.is_empty() && expected.len() < 60);
        }
    }
    // Predicates that tell lines apart are not the exception.
    assert!(met * 5 > cases, "{met} of {cases}");
}
