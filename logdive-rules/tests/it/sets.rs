//! Rule sets made at random, for laws that hold for every set.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// What the sets read, decide and default to.
pub(crate) const HEAD: &str = r#"
schema any v1 {
  ticket.s : int 1..5
  ticket.o : text optional
  evidence step : rows { latency: duration }
  fact n = count(step)
  fact m = max(step.latency)
  fact a : int
  fact b : bool
  fact c : enum { x, y, z } optional
  fact d : duration
  fact t : text
  fact l : severity optional
  fact r : decimal or else 0.5
  fact w : time optional
  ticket.ports : set of int at "/rules/port~1s" or else {}
  ticket.tags : set of text optional
  ticket.from : ip optional
  ticket.net : cidr optional
  ticket.raw : json optional
}
decisions { p, q, human }
default human "no rule applies"
"#;

const TERMS: [&str; 42] = [
    "n >= 3",
    "n == 0",
    "n < 2",
    "n != 4",
    "m > 250ms",
    "m <= 1s",
    "a >= 50",
    "a == 7",
    "a in {1, 2, 50}",
    "b",
    "c == x",
    "c in {y, z}",
    "c is absent",
    "c is present",
    "d < 5m",
    "t contains \"k\"",
    "t starts_with \"ab\"",
    "t == \"abc\"",
    "ticket.s > 1",
    "ticket.s == 5",
    "ticket.o is present",
    "ticket.o ends_with \"z\"",
    "ticket.o or else \"\" == \"z\"",
    "c or else x != x",
    "c not in {z}",
    "t matches \"^a+b\"",
    "t has_token \"ab\"",
    "t has_phrase \"ab, c\"",
    "l >= error",
    "r < 0.25",
    "w < 2027-05-01T00:00:00Z",
    "any ticket.ports == 22",
    "all ticket.ports not in {22, 80}",
    "none ticket.ports > 1024",
    "ticket.ports is empty",
    "any ticket.tags starts_with \"k\"",
    "ticket.from in {\"10.0.0.0/8\", \"::1\"}",
    "ticket.net in {\"10.0.0.0/8\"}",
    "ticket.net == \"10.0.0.0/8\"",
    "ticket.raw contains \"a\"",
    "true",
    "false",
];

const EFFECTS: [&str; 8] = [
    "",
    "",
    "",
    "no action",
    "do act(k: a)",
    "do act(k: 1)",
    "do say(text: \"{n} and {c}\")",
    "do say(text: \"x\"); act(k: a)",
];

/// A set of rules and statements, each as text.
#[derive(Debug, Clone)]
pub(crate) struct Rules(pub(crate) Vec<String>);

impl Rules {
    pub(crate) fn text(&self) -> String {
        format!("{HEAD}{}", self.0.join("\n"))
    }
}

fn statement(language: &'static Language) -> impl Strategy<Value = String> {
    let words = select(vec!["cover", "never automatic"]);
    (words, condition(language.terms)).prop_map(|(words, when)| format!("{words} when {when}"))
}

fn condition(terms: &'static [&'static str]) -> impl Strategy<Value = String> {
    let term = select(terms).prop_map(str::to_owned);
    term.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|t| format!("({})", t.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|t| format!("({})", t.join(" or "))),
            inner.prop_map(|term| format!("not ({term})")),
        ]
    })
}

/// What rules made at random are made of.
pub(crate) struct Language {
    pub(crate) head: &'static str,
    pub(crate) terms: &'static [&'static str],
    pub(crate) effects: &'static [&'static str],
}

const LANGUAGE: Language = Language { head: HEAD, terms: &TERMS, effects: &EFFECTS };

/// A rule `rN` that may rank above rules of a greater number, so that there are no circles.
fn rule(
    language: &'static Language,
    at: usize,
    count: usize,
    blind: bool,
) -> impl Strategy<Value = String> {
    let lower: Vec<usize> = (at + 1..count).collect();
    let most = lower.len().min(2);
    (
        condition(language.terms),
        proptest::option::of(condition(language.terms)),
        // Rules that agree are as interesting as rules that do not.
        select(vec!["p", "p", "p", "q", "human"]),
        select(language.effects),
        select(vec!["shadow", "suggest", "confirm", "automatic", "automatic", "off"]),
        subsequence(lower, 0..=most),
        proptest::option::weighted(0.4, select(vec!["n is unavailable", "a is unavailable"])),
        select(vec!["", "cap 20 per 1h", "owner \"a \\\"b\"", "review by 2027-05-01"]),
    )
        .prop_map(move |(when, unless, decision, effect, mode, over, sees, bound)| {
            let over: Vec<String> = over.iter().map(|at| format!("\"r{at}\"")).collect();
            let over =
                if over.is_empty() { over.concat() } else { format!("over {}", over.join(", ")) };
            let unless = unless.map(|unless| format!("unless {unless}")).unwrap_or_default();
            let sees = sees.filter(|_| blind && mode != "automatic");
            let sees = sees.map(|term| format!("or {term}")).unwrap_or_default();
            format!(
                "rule \"r{at}\" v1 {bound} mode {mode} {over} {{ when {when} {sees} {unless} \
                 decide {decision} because \"{{n}}, {{a}}\" {effect} }}"
            )
        })
}

/// Any set of one to six rules; `blind` lets rules that are not automatic read
/// `is unavailable`.
pub(crate) fn any_rules(blind: bool) -> impl Strategy<Value = Rules> {
    any_rules_of(&LANGUAGE, blind)
}

fn any_rules_of(language: &'static Language, blind: bool) -> impl Strategy<Value = Rules> {
    (1_usize..=6).prop_flat_map(move |count| {
        let rules: Vec<_> = (0..count).map(|at| rule(language, at, count, blind).boxed()).collect();
        let statements = proptest::collection::vec(statement(language), 0..3);
        (rules, statements).prop_map(|(rules, statements)| Rules([rules, statements].concat()))
    })
}

/// The text of any set of rules of another language.
pub(crate) fn any_text(language: &'static Language) -> impl Strategy<Value = String> {
    any_rules_of(language, true)
        .prop_map(|Rules(rules)| format!("{}{}", language.head, rules.join("\n")))
}
