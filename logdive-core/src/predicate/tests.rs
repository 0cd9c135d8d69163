//! The text form: what is printed reads as the same tree, and what is wrong is named.

use std::time::Duration;

use proptest::prelude::*;

use super::{Comparison, FieldTypes, Pattern, Phrase, Predicate, Quantifier, TextTest, limits};
use crate::{Decimal, Fact, Field, ReasonKind, Truth, Value, ValueType};

struct Fields;

type NamedType = (&'static str, fn() -> ValueType);

const DECLARED: [NamedType; 9] = [
    ("latency", || ValueType::Duration),
    ("ratio", || ValueType::Decimal),
    ("count", || ValueType::Int),
    ("kind", || ValueType::Enum(vec!["calm".into(), "wild".into()])),
    ("peer.ip", || ValueType::Ip),
    ("read_only", || ValueType::Bool),
    ("net", || ValueType::Cidr),
    ("tags", || ValueType::Set(Box::new(ValueType::Text))),
    ("any", || ValueType::Set(Box::new(ValueType::Ip))),
];

impl FieldTypes for Fields {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        field.built_in_type().or_else(|| {
            DECLARED.iter().find(|(name, _)| *name == field.name()).map(|(_, kind)| kind())
        })
    }

    fn names(&self) -> Vec<String> {
        DECLARED.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

fn value(kind: &ValueType) -> BoxedStrategy<Value> {
    match kind {
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::Int => any::<i64>().prop_map(Value::Int).boxed(),
        ValueType::Severity => (1..=24_i64).prop_map(Value::Int).boxed(),
        ValueType::Decimal => (-(10_i128.pow(30))..10_i128.pow(30))
            .prop_map(|n| Value::Decimal(Decimal::from_billionths(n).unwrap()))
            .boxed(),
        ValueType::Text => any::<String>().prop_map(Value::Text).boxed(),
        ValueType::Enum(members) => {
            prop::sample::select(members.clone()).prop_map(Value::Text).boxed()
        }
        ValueType::Time => (0..4_000_000_000_000_000_i64)
            .prop_map(|n| Value::Time(chrono::DateTime::from_timestamp_micros(n).unwrap()))
            .boxed(),
        ValueType::Duration => {
            any::<u64>().prop_map(|n| Value::Duration(Duration::from_nanos(n))).boxed()
        }
        ValueType::Ip => any::<std::net::IpAddr>().prop_map(Value::Ip).boxed(),
        ValueType::Cidr => network().boxed(),
        ValueType::Set(members) => prop::collection::vec(value(members), 0..4)
            .prop_map(|values| Value::Set(values.into()))
            .boxed(),
    }
}

fn network() -> impl Strategy<Value = Value> {
    any::<(std::net::IpAddr, u8)>().prop_map(|(ip, prefix)| {
        let most = if ip.is_ipv4() { 33 } else { 129 };
        Value::from(ipnet::IpNet::new(ip, prefix % most).unwrap())
    })
}

/// A member of a list of constants.
fn member(kind: &ValueType) -> BoxedStrategy<Value> {
    match kind {
        ValueType::Ip => prop_oneof![value(kind), network()].boxed(),
        kind => value(kind),
    }
}

fn field() -> impl Strategy<Value = (Field, ValueType)> {
    let names: Vec<String> = Fields
        .names()
        .into_iter()
        .chain(Field::built_in().map(|field| field.name().to_owned()))
        .collect();
    prop::sample::select(names).prop_map(|name| {
        let field = Field::parse(name).unwrap();
        let kind = Fields.field_type(&field).unwrap();
        (field, kind)
    })
}

fn comparison(kind: &ValueType) -> impl Strategy<Value = Comparison> + use<> {
    let equality = vec![Comparison::Equal, Comparison::NotEqual];
    let order = [
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];
    prop::sample::select(if kind.is_ordered() {
        [equality, order.to_vec()].concat()
    } else {
        equality
    })
}

/// A comparison or a list over a field of one value, or the same of a set's members.
fn typed() -> impl Strategy<Value = Predicate> {
    let quantifier = prop::sample::select(vec![Quantifier::Any, Quantifier::All]);
    (field(), quantifier, any::<bool>()).prop_flat_map(|((field, kind), quantifier, list)| {
        let (kind, set) = match kind {
            ValueType::Set(members) => (*members, true),
            kind => (kind, false),
        };
        let of = field.clone();
        let test = match list {
            true => prop::collection::vec(member(&kind), 0..4)
                .prop_map(move |values| Predicate::In { field: of.clone(), values })
                .boxed(),
            false => (value(&kind), comparison(&kind))
                .prop_map(move |(value, comparison)| Predicate::Compare {
                    field: of.clone(),
                    comparison,
                    value,
                })
                .boxed(),
        };
        test.prop_map(move |test| match set {
            true => Predicate::Each { field: field.clone(), quantifier, test: Box::new(test) },
            false => test,
        })
    })
}

fn term() -> impl Strategy<Value = Predicate> {
    let tags = || Field::parse("tags").unwrap();
    let empty = Predicate::Each {
        field: tags(),
        quantifier: Quantifier::All,
        test: Box::new(Predicate::never()),
    };
    let tagged = any::<String>().prop_map(move |text| Predicate::Each {
        field: tags(),
        quantifier: Quantifier::Any,
        test: Box::new(Predicate::Text { field: tags(), test: TextTest::Contains, text }),
    });
    let tests = vec![TextTest::Contains, TextTest::StartsWith, TextTest::EndsWith];
    let text = (prop::sample::select(tests), any::<String>())
        .prop_map(|(test, text)| Predicate::Text { field: Field::Body, test, text });
    let phrase = any::<String>().prop_filter_map("a phrase", |text| Phrase::parse(text).ok());
    let phrase = phrase.prop_map(|phrase| Predicate::Phrase { field: Field::Event, phrase });
    let pattern = prop_oneof![any::<String>(), r#"[a-c\\\."(){}|+*?\n]{0,8}"#];
    let pattern = pattern.prop_filter_map("an expression", |text| Pattern::parse(text).ok());
    let matched = pattern.prop_map(|pattern| Predicate::Matches { field: Field::Body, pattern });
    prop_oneof![
        typed(),
        tagged,
        Just(empty),
        text,
        phrase,
        matched,
        field().prop_map(|(field, _)| Predicate::Absent(field)),
        field().prop_map(|(field, _)| Predicate::Unavailable(field)),
        Just(Predicate::always()),
        Just(Predicate::never()),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    term().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Predicate::Or),
            inner.prop_map(Predicate::not),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same_tree(predicate in predicate()) {
        let text = predicate.to_string();
        prop_assert_eq!(Predicate::parse(&text, &Fields), Ok(predicate), "{}", text);
    }

    #[test]
    fn any_text_ends_in_a_tree_or_a_diagnostic(text in ".{0,60}") {
        if let Err(diagnostics) = Predicate::parse(&text, &Fields) {
            prop_assert!(!diagnostics.is_empty());
        }
    }

    #[test]
    fn every_prefix_ends_in_a_tree_or_a_diagnostic(predicate in predicate(), cut in 0_usize..400) {
        let text = predicate.to_string();
        let cut: String = text.chars().take(cut).collect();
        if let Err(diagnostics) = Predicate::parse(&cut, &Fields) {
            prop_assert!(!diagnostics.is_empty(), "{}", cut);
            for diagnostic in diagnostics {
                prop_assert!(diagnostic.span.end <= cut.len(), "{}", cut);
            }
        }
    }
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let diagnostics = Predicate::parse(text, &Fields).unwrap_err();
    let found: Vec<(&str, String)> =
        diagnostics.iter().map(|d| (d.code.as_str(), d.to_string())).collect();
    assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
    for ((code, message), (expected_code, part)) in found.iter().zip(expected) {
        assert_eq!(code, expected_code, "{text}: {message}");
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn mistakes_are_named_all_at_once() {
    check("coutn > 1 and kind == clam", &[("P010", "`count`"), ("P011", "`calm`")]);
    check("count = 1", &[("P002", "`==`")]);
    check("count == \"1\"", &[("P011", "int")]);
    check("body == boom", &[("P011", "\"boom\"")]);
    check("kind < calm", &[("P012", "no order")]);
    check("count", &[("P012", "not a condition")]);
    check("count contains \"1\"", &[("P012", "not text")]);
    check("severity >= eror", &[("P011", "`error`")]);
    check("peer.ip == \"300.1.1.1\"", &[("P011", "not an IP")]);
    check("body == \"open", &[("P003", "closing quote")]);
    check("latency > 5x", &[("P004", "duration")]);
    check("count > 99999999999999999999", &[("P004", "64 bits")]);
    check("count > 1 count", &[("P002", "expected `and`")]);
    check("", &[("P002", "the end")]);
    check("and", &[("P002", "field")]);
    check("count > 1 @ 2", &[("P001", "`@`")]);
}

#[test]
fn limits_are_named() {
    let deep = format!("{}count > 1{}", "(".repeat(100), ")".repeat(100));
    check(&deep, &[("P013", "64 deep")]);
    let nots = format!("{}read_only", "not ".repeat(100_000));
    check(&nots, &[("P013", "64 deep")]);
    let terms = vec!["count > 1"; limits::TERMS + 1].join(" or ");
    check(&terms, &[("P013", "4096 terms")]);
    let long = " ".repeat(limits::TEXT + 1);
    check(&long, &[("P013", "bytes")]);
}

#[test]
fn the_new_tests_mean_what_they_say() {
    let truth = |text: &str, body: &str| {
        Predicate::parse(text, &Fields).unwrap().eval(&|_| Fact::from(body))
    };
    let line = "GET /v1/users timed-out in 15ms: conn_reset";
    for (text, expected) in [
        ("body has_token \"users\"", true),
        ("body has_token \"user\"", false),
        ("body has_token \"reset\"", false),
        ("body has_token \"conn_reset\"", true),
        ("body has_token \"get\"", false),
        ("body has_phrase \"timed out in\"", true),
        ("body has_phrase \"out timed\"", false),
        ("body has_phrase \"v1 timed\"", false),
        ("body matches \"/v[0-9]+/users? \"", true),
        ("body matches \"^users\"", false),
        ("body matches \"\\\\b15ms\\\\b\"", true),
        ("body matches \"\"", true),
    ] {
        assert_eq!(truth(text, line), expected.into(), "{text}");
        let negated = format!("not ({text})");
        assert_eq!(truth(&negated, line), (!expected).into(), "{negated}");
    }
    for text in ["body has_token \"a\"", "body has_phrase \"a b\"", "body matches \"a\""] {
        let predicate = Predicate::parse(text, &Fields).unwrap();
        for fact in [Fact::Absent, Fact::unavailable(ReasonKind::Cut, "cut"), Fact::from(1)] {
            assert!(predicate.eval(&|_| fact.clone()).is_unknown(), "{text}: {fact:?}");
        }
    }
}

#[test]
fn other_spellings_are_read() {
    let read = |text| Predicate::parse(text, &Fields).unwrap();
    assert_eq!(
        read("!(count > 1) && read_only || kind == \"calm\""),
        read("not (count > 1) and read_only == true or kind == calm")
    );
    assert_eq!(read("kind not in {calm}"), read("not (kind in {calm,})"));
    assert_eq!(read("count is present # why"), read("not (count is absent)"));
    assert_eq!(read("body has_phrase \" a,b \""), read("body has_phrase \"a b\""));
    assert_eq!(read("body has_phrase \"a\""), read("body has_token \"a\""));
    assert_eq!(
        read("body matches \"a\\\\d\\u{e9}\" and kind has_token \"calm\"").to_string(),
        "body matches \"a\\\\dé\" and kind has_token \"calm\""
    );
    assert_eq!(read("time >= 2023-07-10T13:58:00+02:00"), read("time >= 2023-07-10T11:58:00Z"));
}

fn read(text: &str, fact: &Fact) -> Truth {
    let predicate =
        Predicate::parse(text, &Fields).unwrap_or_else(|found| panic!("{text}: {found:?}"));
    predicate.eval(&|_| fact.clone())
}

#[test]
fn members_of_sets_are_tested() {
    let set =
        |words: &[&str]| Fact::Known(Value::Set(words.iter().copied().map(Value::from).collect()));
    let (two, none) = (set(&["a", "b"]), set(&[]));
    for (text, of_two, of_none) in [
        ("any tags == \"a\"", true, false),
        ("all tags == \"a\"", false, true),
        ("none tags == \"c\"", true, true),
        ("none tags == \"a\"", false, true),
        ("any tags not in {\"a\"}", true, false),
        ("all tags not in {\"c\"}", true, true),
        ("none tags not in {\"a\", \"b\"}", true, true),
        ("none tags not in {\"a\"}", false, true),
        ("tags is empty", false, true),
        ("any tags starts_with \"a\" and not (tags is empty)", true, false),
        ("tags is present", true, true),
    ] {
        assert_eq!(read(text, &two), of_two.into(), "{text}");
        assert_eq!(read(text, &none), of_none.into(), "{text}");
        let unknown = read(text, &Fact::unavailable(ReasonKind::Late, "late"));
        assert_eq!(unknown, Truth::Unknown, "{text}");
    }
    assert_eq!(read("any tags == \"a\"", &Fact::Absent), Truth::Unknown);
}

#[test]
fn what_is_absent_may_be_read_as_a_constant() {
    let late = Fact::unavailable(ReasonKind::Late, "late");
    for (text, absent, known) in [
        ("event or else \"\" == \"x\"", false, true),
        ("event or else \"\" != \"x\"", true, false),
        ("event or else \"x\" == \"x\"", true, true),
        ("event or else \"y\" not in {\"x\"}", true, false),
        ("not (event or else \"\" starts_with \"x\")", true, false),
    ] {
        assert_eq!(read(text, &Fact::Absent), absent.into(), "{text}");
        assert_eq!(read(text, &Fact::from("x")), known.into(), "{text}");
        assert_eq!(read(text, &late), Truth::Unknown, "{text}");
    }
    assert_eq!(read("read_only or else false", &Fact::Absent), Truth::False);
    assert_eq!(read("read_only or else true", &Fact::Absent), Truth::True);
}

#[test]
fn addresses_are_tested_against_networks() {
    let ip = |text: &str| Fact::Known(Value::Ip(text.parse().unwrap()));
    let text = "peer.ip in {\"10.0.0.0/8\", \"::1\"}";
    assert_eq!(read(text, &ip("10.255.0.1")), Truth::True);
    assert_eq!(read(text, &ip("11.0.0.1")), Truth::False);
    assert_eq!(read(text, &ip("::1")), Truth::True);
    assert_eq!(read(text, &Fact::Absent), Truth::Unknown);
    let net = |text: &str| Fact::Known(Value::from(text.parse::<ipnet::IpNet>().unwrap()));
    assert_eq!(read("net in {\"10.0.0.0/8\"}", &net("10.1.0.0/16")), Truth::True);
    assert_eq!(read("net in {\"10.1.0.0/16\"}", &net("10.0.0.0/8")), Truth::False);
    assert_eq!(read("net == \"10.1.0.0/16\"", &net("10.1.0.0/16")), Truth::True);
}

#[test]
fn sets_and_networks_have_their_own_mistakes() {
    for (text, code, says) in [
        ("tags == \"a\"", "P012", "member by member"),
        ("any event == \"a\"", "P012", "not a set"),
        ("event is empty", "P012", "not a set"),
        ("any tags is present", "P012", "not a condition by itself"),
        ("any tags == 5", "P011", "this is an int"),
        ("net == \"10.0.0.1/8\"", "P011", "bits behind its prefix"),
        ("peer.ip == \"10.0.0.0/8\"", "P011", "stands in a list"),
        ("peer.ip in {\"10.0.0.0/99\"}", "P011", "not a network"),
        ("net < \"10.0.0.0/8\"", "P012", "no order"),
        ("event or else 5 == \"a\"", "P011", "this is an int"),
        ("event or else \"a\" is absent", "P002", "expected"),
    ] {
        let found = Predicate::parse(text, &Fields).unwrap_err();
        let fits = found.iter().any(|d| d.code == code && d.message.contains(says));
        assert!(fits, "{text}: {found:?}");
    }
}
