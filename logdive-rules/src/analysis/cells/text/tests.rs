use std::collections::BTreeSet;

use logdive_core::{Comparison, Fact, Field, Pattern, Phrase, Predicate, TextTest, Truth, Value};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;

use super::{Limits, Texts, texts};
use crate::limits;

const LIMITS: Limits = Limits { product: limits::TEXT_PRODUCT, steps: limits::TEXT_STEPS };

fn field() -> Field {
    Field::parse("body").unwrap()
}

fn find(terms: &[Predicate]) -> Texts {
    texts(terms.iter(), LIMITS)
}

/// What all terms say of a text, by core's evaluator.
fn answers(terms: &[Predicate], text: &str) -> Vec<Truth> {
    terms.iter().map(|term| term.eval(&|_| Fact::from(text))).collect()
}

fn matches(pattern: &str) -> Predicate {
    Predicate::Matches { field: field(), pattern: Pattern::from(pattern.to_owned()) }
}

fn compare(comparison: Comparison, text: &str) -> Predicate {
    Predicate::Compare { field: field(), comparison, value: Value::from(text) }
}

fn tested(test: TextTest, text: &str) -> Predicate {
    Predicate::Text { field: field(), test, text: text.to_owned() }
}

/// Regular expressions with all that the syntax has, over few characters.
const PATTERNS: [&str; 34] = [
    "a",
    "^a",
    "a$",
    "^a$",
    "^$",
    "",
    "a|b",
    "^(a|b)*$",
    "a{2}",
    "a{2,}",
    "^a{1,3}$",
    "(?i)A",
    "(?i)ſ",
    ".",
    "^.$",
    "(?s)^.$",
    "(?m)^a$",
    "(?mR)^a$",
    r"\ba\b",
    r"\Ba",
    r"(?-u:\b)a",
    r"\w",
    r"^\W+$",
    r"\d",
    r"\bé\b",
    r"^\pL+$",
    "[^a]",
    "[a-c&&[^b]]",
    r"a\b{end}",
    r"\b{start-half}é",
    "é?b",
    "(?:a|ab)(?:c|bcd)?$",
    r"^\s",
    "[[:punct:]]a",
];

fn term() -> impl Strategy<Value = Predicate> {
    let word = proptest::string::string_regex("[abé_ -]{0,3}").unwrap().boxed();
    prop_oneof![
        (select(vec![TextTest::Contains, TextTest::StartsWith, TextTest::EndsWith]), word.clone())
            .prop_map(|(test, text)| tested(test, &text)),
        select(vec!["a", "ab", "a b", "é a", "_", "b a b"]).prop_map(|text| Predicate::Phrase {
            field: field(),
            phrase: Phrase::parse(text).unwrap(),
        }),
        select(PATTERNS.to_vec()).prop_map(matches),
        (select(vec![Comparison::Equal, Comparison::NotEqual, Comparison::Less]), word.clone())
            .prop_map(|(comparison, text)| compare(comparison, &text)),
        (
            select(vec![Comparison::GreaterOrEqual, Comparison::Greater, Comparison::LessOrEqual]),
            word.clone()
        )
            .prop_map(|(comparison, text)| compare(comparison, &text)),
        proptest::collection::vec(word, 0..4).prop_map(|texts| Predicate::In {
            field: field(),
            values: texts.into_iter().map(Value::Text).collect(),
        }),
    ]
}

fn scale() -> u32 {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    scale.unwrap_or(1).max(1)
}

proptest! {
    #![proptest_config(Config::with_cases(60 * scale()))]

    /// Whatever text there is, one that was found gives the same answers.
    #[test]
    fn every_text_is_like_one_that_was_found(
        terms in proptest::collection::vec(term(), 1..5),
        probes in proptest::collection::vec("[abcAé_ \n\r9ſk.-]{0,8}", 60),
        wild in proptest::collection::vec(any::<String>(), 4),
    ) {
        let found = find(&terms);
        prop_assert_eq!(&found.undecided, &None);
        let known: BTreeSet<Vec<Truth>> =
            found.texts.iter().map(|text| answers(&terms, text)).collect();
        for probe in probes.iter().chain(&wild) {
            let answers = answers(&terms, probe);
            prop_assert!(known.contains(&answers), "{probe:?} gives {answers:?}");
        }
    }
}

/// All texts up to three characters, for each pair of tests.
#[test]
fn every_short_text_is_like_one_that_was_found() {
    let letters = ['a', 'b', 'é', '_', ' ', '\n', '\r', '1', 'K', 'ſ'];
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..3 {
        let to = all.len();
        for at in from..to {
            for letter in letters {
                all.push(format!("{}{letter}", all[at]));
            }
        }
        from = to;
    }
    for (index, pattern) in PATTERNS.iter().enumerate() {
        let other = PATTERNS[(index * 7 + 3) % PATTERNS.len()];
        let terms = [matches(pattern), matches(other), tested(TextTest::Contains, "aa")];
        let found = find(&terms);
        assert_eq!(found.undecided, None, "{pattern} {other}");
        let known: BTreeSet<Vec<Truth>> =
            found.texts.iter().map(|text| answers(&terms, text)).collect();
        for text in &all {
            assert!(known.contains(&answers(&terms, text)), "{pattern} {other}: {text:?}");
        }
    }
}

#[test]
fn what_cannot_be_is_not_found() {
    let terms = [tested(TextTest::StartsWith, "ab"), matches("^[^a]")];
    let found = find(&terms);
    assert_eq!(found.undecided, None);
    let both = found.texts.iter().any(|text| answers(&terms, text) == [Truth::True; 2]);
    assert!(!both);
    // Both a token and no word in the sense of `\w`: none.
    let terms = [
        Predicate::Phrase { field: field(), phrase: Phrase::parse("a").unwrap() },
        matches(r"^\W*$"),
    ];
    let found = find(&terms);
    assert!(found.texts.iter().all(|text| answers(&terms, text) != [Truth::True; 2]));
}

#[test]
fn texts_are_short_and_readable() {
    let found = find(&[matches("code=5[0-9]{2}$"), tested(TextTest::Contains, "timed out")]);
    let mut texts = found.texts;
    texts.sort();
    assert_eq!(texts, ["", "code=500", "timed out", "timed outcode=500"]);
    let found = find(&[compare(Comparison::Equal, ""), compare(Comparison::NotEqual, "other")]);
    assert_eq!(found.texts, ["", "other", "other2"]);
}

/// Each limit is one beyond which it is not decided, and what was found stands.
#[test]
fn limits_are_kept() {
    // Two to the power of sixteen states.
    let found = find(&[matches("a.{15}b$")]);
    let why = format!("need more than {} states", limits::TEXT_PRODUCT);
    assert!(found.undecided.unwrap().contains(&why));
    let many: Vec<Predicate> =
        (0..13).map(|n| tested(TextTest::Contains, &char::from(b'a' + n).to_string())).collect();
    let few = find(&many[..8]);
    assert_eq!((few.undecided, few.texts.len()), (None, 256));
    let found = find(&many);
    let why = found.undecided.unwrap();
    assert!(why.contains("more than 4096 kinds of text"), "{why}");
    let long = "x".repeat(limits::TEXT_STATES);
    let found = find(&[tested(TextTest::Contains, &long)]);
    assert!(found.undecided.unwrap().contains("more than 20000 states"));
    let long = "x".repeat(limits::TEXT_STATES / 2);
    let found = find(&[tested(TextTest::Contains, &long)]);
    assert!(found.undecided.is_none() || found.undecided.unwrap().contains("bytes"));
    // An expression that cannot be used is unknown of all texts.
    let found = find(&[matches("a(")]);
    assert_eq!((found.undecided, found.texts.len()), (None, 1));
}
