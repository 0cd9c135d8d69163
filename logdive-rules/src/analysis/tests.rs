//! What an analysis says, against the definition and against all facts there are.

use logdive_core::Fact;

use super::{Analysis, Budget, codes};
use crate::set::RuleSet;

mod differences;
mod exhaustive;
mod limits;
mod random;
mod speed;

pub(super) fn parse(text: &str) -> RuleSet {
    RuleSet::parse(text).unwrap_or_else(|found| panic!("{}", found.render("rules", text)))
}

fn codes_of(analysis: &Analysis) -> Vec<(&str, Vec<&str>)> {
    analysis
        .findings()
        .iter()
        .map(|finding| (finding.code, finding.rules.iter().map(String::as_str).collect()))
        .collect()
}

/// The flawed example of a rule set for tickets about keys.
pub(super) const KMS: &str = include_str!("../../tests/data/flawed/kms.rules");

#[test]
fn the_flawed_example_shows_its_flaws() {
    let rules = parse(KMS);
    let analysis = rules.analyse();
    assert_eq!(analysis.undecided(), []);
    let found = codes_of(&analysis);
    assert_eq!(
        found,
        [
            (codes::GAP, vec![]),
            (codes::AUTOMATIC, vec!["throttled by own quota"]),
            (codes::OVER, vec!["latency after deploy", "key pending deletion"]),
        ]
    );
    let [gap, automatic, over] = analysis.findings() else { panic!() };
    let facts = gap.witness.as_ref().unwrap();
    assert_eq!(facts.read("ticket.kind"), Fact::from("throttling"));
    assert!(rules.decide(facts).rule().is_none());
    insta(&gap.to_string(), "\
error A006: `cover when ticket.severity <= 2 and ticket.kind == \"throttling\"` does not hold: no rule applies: no rule applies
  other_err: 0
  throttled: 0
  ticket.customer_tier: \"standard\"
  ticket.kind: \"throttling\"
  ticket.severity: 1
  whole: false
  fix: add a rule for what the others leave: rule \"what the others leave\" v1 mode suggest { when ticket.severity <= 2 and ticket.kind == \"throttling\" unless ticket.kind == \"throttling\" and throttled >= 50 and other_err == 0 and whole == true and not (ticket.customer_tier == \"enterprise\") decide human because \"no rule applies\" }; and claim less: cover when ticket.severity <= 2 and ticket.kind == \"throttling\" and ticket.customer_tier is present");
    insta(&automatic.to_string(), "\
error A007: `never automatic when ticket.severity == 1` does not hold: rule `throttled by own quota` decides automatically while the condition is true
  other_err: 0
  throttled: 50
  ticket.customer_tier: \"standard\"
  ticket.kind: \"throttling\"
  ticket.severity: 1
  whole: true
  fix: add to `when` of `throttled by own quota`: and ticket.severity > 1");
    assert!(over.witness.is_some());
    assert!(
        over.to_string()
            .ends_with("fix: remove `over \"key pending deletion\"` of `latency after deploy`")
    );
}

fn insta(found: &str, expected: &str) {
    assert_eq!(found, expected, "found:\n{found}");
}

/// What each finding proposes mends it.
#[test]
fn fixes_mend() {
    let mended = KMS
        .replace("and whole\n", "and whole and ticket.severity > 1\n")
        .replace(" over \"key pending deletion\"", "");
    let analysis = parse(&mended).analyse();
    assert_eq!(codes_of(&analysis), [(codes::GAP, vec![])]);
}

fn set(entries: &str, rules: &str) -> RuleSet {
    parse(&format!("schema s v1 {{ {entries} }} decisions {{ x, y, z }} default z \"\"\n{rules}"))
}

fn found(entries: &str, rules: &str) -> String {
    let analysis = set(entries, rules).analyse();
    let lines = codes_of(&analysis);
    let lines: Vec<String> =
        lines.into_iter().map(|(code, rules)| format!("{code} {}", rules.join(","))).collect();
    let undecided = analysis.undecided().iter().map(|finding| finding.message.clone());
    lines.into_iter().chain(undecided).collect::<Vec<_>>().join("; ")
}

#[test]
fn each_code() {
    let a = "ticket.n : int 0..9  ticket.t : text optional";
    let check = |rules: &str, expected: &str| assert_eq!(found(a, rules), expected, "{rules}");
    check("rule \"a\" v1 mode confirm { when ticket.n > 3 and ticket.n < 3 decide x }", "A001 a");
    check(
        "rule \"a\" v1 mode confirm { when ticket.n > 9 decide x }
         rule \"off\" v1 mode off { when false decide x }",
        "A001 a",
    );
    check("rule \"a\" v1 mode confirm { when ticket.n >= 0 decide x }", "A002 a");
    check("rule \"a\" v1 mode confirm { when true decide x }", "");
    check(
        "rule \"top\" v1 mode confirm over \"low\" { when ticket.n > 2 decide x }
         rule \"top2\" v1 mode confirm over \"low\" { when ticket.n < 3 decide x }
         rule \"low\" v1 mode confirm { when ticket.n in {2, 3} decide y }",
        "A003 low,top,top2",
    );
    check(
        "rule \"a\" v1 mode confirm { when ticket.n > 2 decide x }
         rule \"b\" v1 mode confirm { when ticket.n < 4 decide y }",
        "A004 a,b",
    );
    check(
        "rule \"a\" v1 mode confirm { when ticket.n > 2 decide x }
         rule \"b\" v1 mode confirm { when ticket.n > 4 decide x }",
        "A005 b",
    );
    // One of a lower mode is not redundant.
    check(
        "rule \"a\" v1 mode confirm { when ticket.n > 2 decide x }
         rule \"b\" v1 mode suggest { when ticket.n > 4 decide x }",
        "",
    );
    // Nor one that what it asks for makes differ.
    check(
        "rule \"a\" v1 mode confirm { when ticket.n > 2 decide x do f(n: ticket.n) }
         rule \"b\" v1 mode confirm over \"a\" { when ticket.n > 4 decide x }",
        "",
    );
    check(
        "rule \"a\" v1 mode confirm { when ticket.t is absent decide x }
         cover when ticket.n > 3",
        "A006 ",
    );
    check(
        "rule \"a\" v1 mode automatic { when ticket.t is absent decide x }
         cover when ticket.n > 3 and ticket.n < 3",
        "A010 ",
    );
}

/// What cannot be known is not false: it does not let automation through.
#[test]
fn never_means_never() {
    let entries = "ticket.n : int 1..5";
    let of = |when: &str| {
        let rule = format!("rule \"a\" v1 mode automatic {{ when {when} decide x }}");
        found(entries, &format!("{rule} never automatic when ticket.n == 1"))
    };
    assert_eq!(of("true"), "A007 a");
    assert_eq!(of("ticket.n >= 2"), "");
    assert_eq!(of("ticket.n != 1"), "");
    assert_eq!(of("ticket.n >= 1"), "A007 a; A002 a");
}

/// Three rules that are right: nothing is found.
#[test]
fn the_example_of_the_readme_is_clean_but_for_what_it_says() {
    let entries = "fact n : int  fact t : text";
    let rules = "rule \"a\" v1 mode confirm { when n >= 50 and t contains \"out\" decide x }
                 rule \"b\" v1 mode confirm { when n == 0 and t ends_with \"in\" decide y }";
    assert_eq!(found(entries, rules), "");
}

/// A text entry beyond its budget: what holds whatever the texts is proved all the same.
#[test]
fn what_is_beyond_the_budget_is_undecided_not_guessed() {
    let rules = |second: &str| {
        set(
            "ticket.n : int 0..9  ticket.t : text",
            &format!(
                "rule \"a\" v1 mode confirm {{ when ticket.t contains \"needle\" and ticket.n == 1 decide x }}
                 rule \"b\" v1 mode confirm {{ when {second} decide y }}"
            ),
        )
    };
    let tight = Budget::default().text_states(3);
    let proved = rules("ticket.t contains \"other\" and ticket.n == 2").analyse_with(tight);
    assert!(proved.undecided().iter().all(|finding| !finding.message.contains("meet")), "{proved}");
    let open = rules("ticket.t contains \"other\" and ticket.n < 2");
    let undecided = open.analyse_with(tight);
    assert!(codes_of(&undecided).is_empty());
    let said = undecided.to_string();
    assert!(
        said.contains("it is not decided whether a rule that decides differently meets `a`"),
        "{said}"
    );
    assert!(
        said.contains("`ticket.t` is not decided: its tests need more than 3 states"),
        "{said}"
    );
    assert_eq!(codes_of(&open.analyse()), [(codes::CONFLICT, vec!["a", "b"])]);
}

#[test]
fn sets_and_networks() {
    let entries = "ticket.p : set of int  ticket.ip : ip  ticket.net : cidr";
    let check =
        |rules: &str, expected: &str| assert_eq!(found(entries, rules), expected, "{rules}");
    let pair = |a: &str, b: &str| {
        format!(
            "rule \"a\" v1 mode confirm {{ when {a} decide x }}
             rule \"b\" v1 mode confirm {{ when {b} decide y }}"
        )
    };
    check(&pair("any ticket.p == 22", "none ticket.p == 22"), "");
    check(&pair("any ticket.p == 22", "all ticket.p > 21"), "A004 a,b");
    check(&pair("any ticket.p == 22", "all ticket.p > 22"), "");
    check(&pair("ticket.p is empty", "all ticket.p > 22"), "A004 a,b");
    check(&pair("ticket.ip in {\"10.0.0.0/8\"}", "ticket.ip in {\"10.1.0.0/16\"}"), "A004 a,b");
    check(&pair("ticket.ip in {\"10.0.0.0/8\"}", "ticket.ip in {\"11.0.0.0/8\", \"::1\"}"), "");
    check(
        &pair(
            "ticket.net in {\"10.0.0.0/8\"}",
            "not (ticket.net in {\"10.0.0.0/9\", \"10.128.0.0/9\"}) and ticket.net != \"10.0.0.0/8\"",
        ),
        "",
    );
    check(
        &pair(
            "ticket.net in {\"10.0.0.0/8\"}",
            "not (ticket.net in {\"10.0.0.0/10\", \"10.64.0.0/10\", \"10.128.0.0/10\", \"10.192.0.0/10\"}) \
             and ticket.net != \"10.0.0.0/8\"",
        ),
        "A004 a,b",
    );
}
