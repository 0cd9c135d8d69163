//! The three ways to ask a rule set agree on every input: with a trace, without one, and over a
//! batch of facts.

use logdive_core::{
    Conclusion, Decision, Fact, Facts, Reason, ReasonKind, Truth, Value, parse_duration,
};
use logdive_rules::{FactBatch, RuleSet, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::cases;
use crate::sets::{Language, any_text};

/// Every type, every form of term, and what may be known as a lower bound.
const LANGUAGE: Language = Language {
    head: r#"
schema any v1 {
  ticket.s : int 1..5
  ticket.o : text optional
  ticket.at : time optional
  evidence step : rows { latency: duration, path: text, size: decimal }
  fact n = count(step)
  fact m = max(step.latency)
  fact p = max(step.path)
  fact q = max(step.size)
  fact a : int
  fact b : bool
  fact c : enum { x, y, z } optional
  fact d : duration optional
  fact e : decimal
  fact g : severity
  fact h : ip optional
  fact t : text
  fact u : time
  fact v : set of text optional
  fact w : set of int
  fact k : cidr
  ticket.i : int or else 0
  ticket.j : json optional
  ticket.y : set of ip or else {}
  ticket.z : text at "/a~1b" or else "none"
}
decisions { p, q, human }
default human "no rule applies"
"#,
    terms: &[
        "n >= 3",
        "n == 0",
        "n < 2",
        "n != 4",
        "n <= 3",
        "n > 4",
        "n in {0, 3, 5}",
        "m > 250ms",
        "m <= 1s",
        "m == 1s",
        "m in {1s, 2s}",
        "p >= \"k\"",
        "p == \"abc\"",
        "p contains \"b\"",
        "p in {\"\", \"a\"}",
        "q > 0.5",
        "q == 0.0",
        "q in {1.5, 2.0}",
        "a >= 50",
        "a == 7",
        "a in {1, 2, 50}",
        "a != 7",
        "a < 0",
        "b",
        "b == false",
        "b is absent",
        "c == x",
        "c != z",
        "c in {y, z}",
        "c is absent",
        "c is present",
        "d < 5m",
        "d is absent",
        "d >= 0s",
        "e < 1.5",
        "e in {0.0, 0.000000001}",
        "e >= -3.25",
        "g >= error",
        "g == info",
        "g in {warn, fatal}",
        "h == \"10.0.0.1\"",
        "h == \"::1\"",
        "h != \"10.0.0.1\"",
        "h is present",
        "t contains \"k\"",
        "t starts_with \"ab\"",
        "t == \"abc\"",
        "t ends_with \"%\"",
        "t has_token \"ab\"",
        "t has_phrase \"ab c\"",
        "t matches \"^a.*c$\"",
        "t == \"\"",
        "t in {\"\", \"a\\u{0}b\", \"'\"}",
        "t < \"b\"",
        "u >= 2024-01-01T00:00:00Z",
        "u < 1969-12-31T23:59:59.999999999Z",
        "u is absent",
        "u == 2024-01-01T00:00:00.5Z",
        "u > 9999-01-01T00:00:00Z",
        "ticket.s > 1",
        "ticket.s == 5",
        "ticket.s in {2, 4}",
        "ticket.o is present",
        "ticket.o ends_with \"z\"",
        "ticket.o is absent",
        "ticket.at < 2024-01-01T00:00:00Z",
        "ticket.at is present",
        "true",
        "false",
    ],
    effects: &[
        "",
        "",
        "",
        "no action",
        "do act(k: a)",
        "do act(k: 1)",
        "do act(k: c)",
        "do say(text: \"{n} and {c}\")",
        "do say(text: \"{p} {u}\"); act(k: h)",
    ],
};

fn time(text: &str) -> Value {
    Value::Time(text.parse().expect("a time"))
}

/// A fact as a caller may put it in by hand: of any type, outside of any range, any text.
fn hostile() -> impl Strategy<Value = Fact> {
    let values = prop_oneof![
        select(vec![i64::MIN, -1, 0, 6, 24, 25, i64::MAX]).prop_map(Value::Int),
        select(vec![
            "", "\u{0}", "a\u{0}b", "'", "\"", "%", "a%", "_", "\\", "abc", "ab c", "ab, c", "x",
            "É", "e\u{301}", "NaN", "null", "🦀",
        ])
        .prop_map(Value::from),
        any::<bool>().prop_map(Value::Bool),
        select(vec![&[][..], &["a"], &["a", "abc", "\u{0}"], &["x", ""]])
            .prop_map(|texts| Value::Set(texts.iter().copied().map(Value::from).collect())),
        vec(-1_i64..4, 0..3)
            .prop_map(|numbers| { Value::Set(numbers.into_iter().map(Value::Int).collect()) }),
        select(vec!["10.0.0.0/8", "10.0.0.0/9", "::/0"]).prop_map(|network| {
            Value::from(network.parse::<ipnet::IpNet>().expect("a network"))
        }),
        Just(Value::Ip("10.0.0.1".parse().expect("an address"))),
        any::<[u8; 4]>().prop_map(|ip| Value::Ip(ip.into())),
        Just(Value::Ip("::ffff:10.0.0.1".parse().expect("an address"))),
        (-2_i128..3)
            .prop_map(|n| Value::Decimal(logdive_core::Decimal::from_billionths(n).unwrap())),
        Just(Value::Duration(parse_duration("292y").unwrap_or_default())),
        select(vec![
            "1677-09-22T00:00:00Z",
            "1969-12-31T23:59:59.999999999Z",
            "2262-04-11T00:00:00Z"
        ])
        .prop_map(time),
    ];
    (values, 0_u8..8).prop_map(|(value, state)| {
        let reason = Reason::new(ReasonKind::Cut, "cut");
        match state {
            0 => Fact::Absent,
            1 => Fact::Unavailable(reason),
            2 | 3 => Fact::AtLeast(value, reason),
            _ => Fact::Known(value),
        }
    })
}

/// A set of rules and facts for it, some of which fit no schema or are left out.
fn any_set_and_many_facts(most: usize) -> impl Strategy<Value = (RuleSet, Vec<Facts>)> {
    any_text(&LANGUAGE).prop_flat_map(move |text| {
        let rules = RuleSet::parse(text).expect("made to hold together");
        let names: Vec<String> = rules.inputs().map(|(name, _)| name.to_owned()).collect();
        let edit = (select(names), proptest::option::weighted(0.8, hostile())).boxed();
        let facts = (rules.any_facts(), prop_oneof![2 => Just(0), 1 => 1_usize..6]);
        let facts = facts.prop_flat_map(move |(facts, edits)| {
            vec(edit.clone(), edits).prop_map(move |edits| {
                let mut facts = facts.clone();
                for (name, fact) in edits {
                    match fact {
                        Some(fact) => facts.insert_overwrite(name, fact),
                        None => {
                            facts = facts.iter().filter(|(n, _)| *n != name).map(owned).collect()
                        }
                    }
                }
                facts
            })
        });
        (Just(rules), vec(facts, 0..most))
    })
}

fn owned((name, fact): (&str, &Fact)) -> (String, Fact) {
    (name.to_owned(), fact.clone())
}

/// The outcome of a decision, and the rule that decided.
fn told<'a>(rules: &'a RuleSet, decision: &Decision) -> Verdict<'a> {
    let rule = |name: &str| rules.rule(name).expect("a rule of the set");
    match decision.conclusion() {
        Conclusion::Decided { rule: name, .. } => Verdict::Decided(rule(name)),
        Conclusion::NoActionNeeded { rule: name, .. } => Verdict::NoActionNeeded(rule(name)),
        Conclusion::Undetermined { .. } => Verdict::Undetermined,
        Conclusion::NoRule { .. } => Verdict::NoRule,
    }
}

fn truth(value: Option<bool>) -> Truth {
    value.map_or(Truth::Unknown, Truth::from)
}

/// All three agree about each set of facts, and about each rule.
fn agree(rules: &RuleSet, facts: &[Facts]) -> Result<(), TestCaseError> {
    let batch = FactBatch::from_facts(rules, facts).expect("all of it can be encoded");
    let verdicts = rules.verdicts(&batch);
    let truths = rules.truths(&batch);
    prop_assert_eq!(verdicts.len(), facts.len());
    for (row, facts) in facts.iter().enumerate() {
        let decision = rules.decide(facts);
        let verdict = told(rules, &decision);
        prop_assert_eq!(rules.verdict(facts), verdict, "row {}", row);
        prop_assert_eq!(verdict.mode(), decision.mode());
        prop_assert_eq!(verdicts.get(row), Some(verdict), "row {}: {:?}", row, facts);
        let bound = rules.bind(facts);
        for ((at, rule), truths) in rules.rules().enumerate().zip(&truths) {
            let trace = decision.trace.iter().find(|trace| trace.rule == rule.name());
            let expected = trace.map_or_else(|| bound.truth_at(at), |trace| trace.truth);
            prop_assert_eq!(bound.truth(rule.name()), expected);
            let value = arrow_array::Array::is_valid(truths, row).then(|| truths.value(row));
            prop_assert_eq!(truth(value), expected, "{} in row {}", rule.name(), row);
        }
        // And what the batch gives back is decided the same.
        let again = batch.facts(row).expect("a row");
        prop_assert_eq!(rules.verdict(&again), verdict);
    }
    Ok(())
}

proptest! {
    // Each case is some sixty sets of facts.
    #![proptest_config(cases(36))]

    #[test]
    fn row_by_row_and_over_batches_it_is_the_same(
        (rules, facts) in any_set_and_many_facts(120)
    ) {
        agree(&rules, &facts)?;
    }
}
