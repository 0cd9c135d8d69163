//! The API as users call it.

use std::collections::BTreeMap;

use logdive_core::port::Decide;
use logdive_core::{
    Audience, Conclusion, Digest, Fact, Facts, Function, Mode, ReasonKind, Ticket, TicketId,
    TicketSeverity, TicketStatus, Times, ValueType,
};
use logdive_rules::{FactProblem, RuleSet};
use proptest::prelude::*;
use serde::Serialize;

use crate::cases;

const RULES: &str = include_str!("../data/decides.rules");

const SIMPLE: &str = r#"
schema kms v1 {
  ticket.severity : int 1..5
  ticket.labels.metric : text optional
  fact throttled : int
  fact other_err : int
  fact mood : enum { calm, wild } optional
  fact p99 : duration
}
decisions { quota_notice, wait, human }
default human "no rule applies"
rule "throttled by own quota" v2 mode automatic {
  when   throttled >= 50 and other_err == 0
  unless ticket.severity == 1
  decide quota_notice because "{throttled} throttles, no other error"
  do     reply(text: "you are throttled")
}
rule "calm" v1 mode suggest {
  when throttled == 0 and other_err == 0 and mood == calm
  decide wait because "it is calm"
  no action
}
"#;

#[derive(Serialize)]
struct MyTicket<'a> {
    severity: u8,
    labels: BTreeMap<&'a str, &'a str>,
}

fn my_ticket(severity: u8) -> MyTicket<'static> {
    MyTicket { severity, labels: BTreeMap::from([("metric", "errors")]) }
}

#[test]
fn facts_come_from_any_serialize_and_by_name() {
    let rules = RuleSet::parse(SIMPLE).unwrap();
    let facts = rules
        .facts()
        .ticket(&my_ticket(3))
        .known("throttled", 72)
        .unavailable("other_err", "loki timed out")
        .build()
        .unwrap();
    assert_eq!(facts.read("ticket.severity"), Fact::from(3));
    assert_eq!(facts.read("ticket.labels.metric"), Fact::from("errors"));
    let decision = rules.decide(&facts);
    let Conclusion::Undetermined { missing } = decision.conclusion() else {
        panic!("{decision}");
    };
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].fact, "other_err");
    assert_eq!(missing[0].reason, "loki timed out");
    assert_eq!(missing[0].rules, ["throttled by own quota"]);
    assert_eq!(decision.rules, Some(rules.digest()));

    // What was not given was not measured.
    let facts = rules.facts().ticket(&my_ticket(3)).known("throttled", 0).build().unwrap();
    let decision = rules.decide(&facts);
    let Conclusion::Undetermined { missing } = decision.conclusion() else {
        panic!("{decision}");
    };
    let reasons: Vec<&str> = missing.iter().map(|missing| missing.reason.as_str()).collect();
    assert_eq!(reasons, ["`mood` was not measured", "`other_err` was not measured"]);
}

#[test]
fn every_mistake_in_facts_is_named() {
    let rules = RuleSet::parse(SIMPLE).unwrap();
    let json = serde_json::json!({ "severity": "three", "labels": { "metric": 3 } });
    let error = rules
        .facts()
        .ticket(&json)
        .known("thorttled", 72)
        .known("throttled", "many")
        .known("mood", "angry")
        .absent("other_err")
        .known("p99", 3)
        .known("p99", 4)
        .build()
        .unwrap_err();
    let mut found: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "`mood` is of type enum { calm, wild }, not `\"angry\"`",
            "`other_err` is missing: give it, say why it is unavailable, or declare it optional \
             in the schema",
            "`p99` is of type duration, not `3`",
            "`p99` was given twice",
            "`throttled` is of type int, not `\"many\"`",
            "`ticket.labels.metric` is of type text, not `3`",
            "`ticket.severity` is of type int, not `\"three\"`",
            "the schema has no `thorttled`: did you mean `throttled`?",
        ]
    );
    let of = |json: serde_json::Value| {
        rules.facts().ticket(&json).build().unwrap_err().problems().to_vec()
    };
    assert!(matches!(
        &of(serde_json::json!({}))[..],
        [FactProblem::Missing { name, .. }] if name == "ticket.severity"
    ));
    assert!(matches!(
        &of(serde_json::json!({ "severity": 9 }))[..],
        [FactProblem::Range { low: 1, high: 5, .. }]
    ));
    let named = rules.facts().build().unwrap_err().to_string();
    assert!(named.contains("`ticket.severity` is missing"), "{named}");
    let bound = rules.facts().ticket(&my_ticket(2)).at_least("mood", "calm", "cut").build();
    assert!(matches!(bound.unwrap_err().problems(), [FactProblem::NoLowerBound { .. }]));
    // A key of a map that is no text.
    let odd = BTreeMap::from([((1, 2), 3)]);
    assert!(rules.facts().ticket(&odd).build().unwrap_err().to_string().contains("cannot be read"));
}

fn ticket() -> Ticket {
    Ticket {
        id: TicketId::parse("demo:1").unwrap(),
        title: "secrets throttled".to_owned(),
        body: String::new(),
        url: None,
        severity: TicketSeverity::new(3),
        status: TicketStatus::New,
        vendor_status: "open".to_owned(),
        service: Some("ssm".to_owned()),
        labels: BTreeMap::from([
            ("metric".to_owned(), "errors".to_owned()),
            ("count".to_owned(), "12".to_owned()),
        ]),
        times: Times::opened("2023-07-10T11:58:00Z".parse().unwrap()),
        group_key: None,
        dedupe_key: "demo:1".to_owned(),
        audience: Audience::Internal,
        truncated_members: 0,
        raw_digest: Digest::of("raw"),
        entities: Vec::new(),
    }
}

const TICKETS: &str = r#"
schema t v1 {
  ticket.severity : int 1..5
  ticket.opened : time
  ticket.status : enum { new, in_progress }
  ticket.labels.count : int optional
  ticket.labels.metric : int optional
  ticket.service : text
  fact n : int
}
decisions { a, human }
default human "no"
rule "a" v1 mode confirm {
  when ticket.labels.count == 12 and ticket.opened < 2023-07-10T12:00:00Z and ticket.status == new
    and ticket.service == "ssm" and n == 1
  decide a because "{ticket.service}"
}
"#;

#[test]
fn the_loop_decides_what_the_library_decides() {
    let rules = RuleSet::parse(TICKETS).unwrap();
    let facts = Facts::new().with("n", 1).with("nobody asked", true);
    let by_loop = Decide::decide(&rules, &ticket(), &facts);
    assert!(matches!(by_loop.conclusion(), Conclusion::Decided { .. }), "{by_loop}");

    // The same ticket by the library: what serialises as a ticket is read as one. A label that is
    // not what the schema says is told there, and unavailable in the loop.
    let error = rules.facts().ticket(&ticket()).known("n", 1).build().unwrap_err();
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["`ticket.labels.metric` is of type int, not `\"errors\"`"]);
    let by_hand = rules.facts().ticket(&ticket()).absent("ticket.labels.metric").known("n", 1);
    let by_hand = rules.decide(&by_hand.build().unwrap());
    assert_eq!(by_hand, by_loop);

    let nameless = Ticket { severity: None, service: None, ..ticket() };
    let decision = Decide::decide(&rules, &nameless, &facts);
    let Conclusion::Undetermined { missing } = decision.conclusion() else { panic!("{decision}") };
    assert_eq!(missing[0].fact, "ticket.service");
    assert!(missing[0].reason.contains("not optional"), "{}", missing[0].reason);
}

#[test]
fn facts_that_do_not_fit_are_unavailable() {
    let rules = RuleSet::parse(SIMPLE).unwrap();
    let facts = Facts::new()
        .with("ticket.severity", 7)
        .with("throttled", "many")
        .with("other_err", Fact::Absent);
    let decision = rules.decide(&facts);
    for term in decision.trace.iter().flat_map(|trace| &trace.when) {
        assert!(matches!(term.read, Fact::Unavailable(_)), "{term:?}");
    }
    let severity = &decision.trace.iter().find_map(|trace| trace.unless.first()).unwrap().read;
    assert_eq!(severity.reason().unwrap().kind, ReasonKind::IllTyped);
}

#[test]
fn needs_name_measures_and_actions() {
    let rules = RuleSet::parse(RULES).unwrap();
    let needs = rules.needs();
    assert_eq!(needs.digest, rules.digest());
    let names: Vec<&str> = needs.measures.iter().map(|measure| measure.name.as_str()).collect();
    assert_eq!(names, ["caller", "secrets", "throttled"]);
    assert!(matches!(needs.measures[0].function, Function::Only(_)));
    assert_eq!(
        needs.measures[2].to_string(),
        "count(throttles where event == \"GetParameter\" within 15m before started)"
    );
    let disable = needs.actions.iter().find(|need| need.name.as_str() == "disable-key").unwrap();
    assert_eq!(disable.rule, "throttled by own quota");
    let expected =
        [("key", ValueType::Text), ("user", ValueType::Text), ("wait", ValueType::Duration)];
    assert_eq!(
        disable.arguments,
        expected.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
    );
}

#[test]
fn rules_can_be_looked_at() {
    let rules = RuleSet::parse(RULES).unwrap();
    let listed: Vec<_> = rules
        .rules()
        .map(|rule| (rule.name(), rule.version(), rule.mode(), rule.decision()))
        .collect();
    assert_eq!(
        listed,
        [
            ("nothing to do", 1, Mode::Confirm, "expected"),
            ("throttled by own quota", 2, Mode::Automatic, "quota_notice"),
        ]
    );
    assert_eq!(rules.schema(), ("cloudtrail", 1));
    assert_eq!(rules.default_decision(), ("human", "no rule applies"));
    let reformatted = RULES.replace("throttled < 2 && load", "throttled<2 and # few\n load");
    assert_ne!(reformatted, RULES);
    let reformatted = RuleSet::parse(reformatted).unwrap();
    let digest = |rules: &RuleSet| rules.rule("nothing to do").unwrap().digest();
    assert_eq!(digest(&reformatted), digest(&rules));
}

#[test]
fn the_trace_has_every_term() {
    let rules = RuleSet::parse(SIMPLE).unwrap();
    let facts = rules.facts().ticket(&my_ticket(1)).known("throttled", 3).build().unwrap();
    let decision = rules.decide(&facts);
    let trace = decision.trace.iter().find(|trace| trace.version == 2).unwrap();
    let terms: Vec<String> = trace
        .when
        .iter()
        .chain(&trace.unless)
        .map(|term| format!("{} is {:?}: {}", term.term, term.truth, term.read))
        .collect();
    assert_eq!(
        terms,
        [
            "throttled >= 50 is False: 3",
            "other_err == 0 is Unknown: unavailable (`other_err` was not measured)",
            "ticket.severity == 1 is True: 1",
        ]
    );
}

#[test]
fn mistakes_are_drawn() {
    let text = SIMPLE.replace("throttled >= 50", "thorttled >= 50");
    let error = RuleSet::parse(&text).unwrap_err();
    assert_eq!(
        error.render("kms.rules", &text),
        "error[P010]: unknown fact `thorttled`
  --> kms.rules:13:10
   |
13 |   when   thorttled >= 50 and other_err == 0
   |          ^^^^^^^^^
   |
   = help: did you mean `throttled`?
"
    );
    assert_eq!(
        error.to_string(),
        "the rules do not hold together: line 13: P010: unknown fact `thorttled` (did you mean \
         `throttled`?)"
    );
}

proptest! {
    #![proptest_config(cases(256))]

    /// The law that a team writes about its own rules.
    #[test]
    fn severity_one_is_never_automatic(facts in RuleSet::parse(SIMPLE).unwrap().any_facts()) {
        let decision = RuleSet::parse(SIMPLE).unwrap().decide(&facts);
        if facts.read("ticket.severity") == Fact::from(1) {
            prop_assert!(decision.mode() < Mode::Automatic);
        }
    }
}

/// A law that does not hold is refuted, by calm facts: the strategy reaches where rules change
/// their mind.
#[test]
fn a_law_that_does_not_hold_is_refuted() {
    let text = SIMPLE.replace("unless ticket.severity == 1", "");
    let rules = RuleSet::parse(text).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let found = runner.run(&rules.any_facts(), |facts| {
        let severest = facts.read("ticket.severity") == Fact::from(1);
        prop_assert!(!severest || rules.decide(&facts).mode() < Mode::Automatic);
        Ok(())
    });
    let Err(proptest::test_runner::TestError::Fail(_, facts)) = found else {
        panic!("not refuted: {found:?}");
    };
    assert_eq!(facts.read("other_err"), Fact::from(0));
    assert_eq!(facts.read("mood"), Fact::from("calm"));
}
