//! Each limit is one up to which all is done, and beyond which that is said.

use std::fmt::Write as _;

use super::{codes_of, parse, set};
use crate::analysis::Budget;
use crate::limits;

#[test]
fn findings_are_cut_and_counted() {
    let dead = |count: usize| {
        let rules = (0..count).map(|at| {
            format!(
                "rule \"r{at}\" v1 mode confirm {{ when ticket.n > 5 and ticket.n < 5 decide x }}\n"
            )
        });
        set("ticket.n : int", &rules.collect::<String>()).analyse()
    };
    let whole = dead(limits::FINDINGS);
    assert_eq!((whole.findings().len(), whole.undecided().len()), (limits::FINDINGS, 0));
    let cut = dead(limits::FINDINGS + 3);
    assert_eq!((cut.findings().len(), cut.undecided().len()), (limits::FINDINGS, 1));
    assert!(cut.undecided()[0].message.contains("at least 3 more findings A001"));
}

#[test]
fn differences_are_cut_and_never_denied() {
    let rules = |count: usize, decision: &str| {
        let rules = (0..count).map(|at| {
            format!(
                "rule \"r{at}\" v1 mode confirm {{ when ticket.n == {at} decide {decision} }}\n"
            )
        });
        set("ticket.n : int", &rules.collect::<String>())
    };
    let of = |count| rules(count, "x").difference(&rules(count, "y"));
    let whole = of(limits::DIFFERENCES);
    assert_eq!((whole.changes().len(), whole.has_more()), (limits::DIFFERENCES, false));
    let cut = of(limits::DIFFERENCES + 1);
    assert_eq!((cut.changes().len(), cut.has_more()), (limits::DIFFERENCES, true));
    assert!(!cut.is_none());
}

#[test]
fn so_many_facts_are_changed() {
    let nearest = |count: usize| {
        let mut entries = String::new();
        for at in 0..count {
            let _ = write!(entries, " fact f{at} : bool");
        }
        let when: Vec<String> = (0..count).map(|at| format!("f{at}")).collect();
        let rule = format!("rule \"r\" v1 mode confirm {{ when {} decide x }}", when.join(" and "));
        let rules = set(&entries, &rule);
        let mut facts = rules.facts();
        for at in 0..count {
            facts = facts.known(format!("f{at}"), false);
        }
        let facts = facts.build().unwrap();
        rules.nearest(&facts, "r").map(|nearest| nearest.changes.len())
    };
    assert_eq!(nearest(limits::CHANGES), Some(limits::CHANGES));
    assert_eq!(nearest(limits::CHANGES + 1), None);
}

/// An entry with more constants than the work allows is not decided; what does not depend on it is.
#[test]
fn work_on_cells_is_bounded() {
    let values: Vec<String> = (0..200).map(|n| (2 * n).to_string()).collect();
    let rules = set(
        "ticket.n : int  ticket.m : int",
        &format!(
            "rule \"a\" v1 mode confirm {{ when ticket.n in {{ {} }} and ticket.m > 3 decide x }}
             rule \"b\" v1 mode confirm {{ when ticket.n == 399 and ticket.m > 2 decide y }}
             rule \"c\" v1 mode confirm {{ when ticket.m < 1 decide y }}",
            values.join(", ")
        ),
    );
    assert!(rules.analyse().is_clean());
    let tight = rules.analyse_with(Budget::default().cell_work(1_000));
    assert_eq!(codes_of(&tight), []);
    let said: Vec<&str> = tight.undecided().iter().map(|note| note.message.as_str()).collect();
    assert!(
        said.iter()
            .any(|note| note
                .contains("`ticket.n` is not decided: its terms have too many constants")),
        "{said:?}"
    );
    // `c` meets neither: that is proved all the same.
    assert!(said.iter().all(|note| !note.contains("`c`")), "{said:?}");
}

/// Texts of hostile size end in an answer.
#[test]
fn a_hostile_set_ends() {
    let mut text = String::from("schema s v1 { ticket.t : text } decisions { x } default x \"\"\n");
    for at in 0..16 {
        let _ = writeln!(
            text,
            "rule \"r{at}\" v1 mode confirm {{ when ticket.t matches \"(a|b)*a(a|b){{{}}}\" decide x }}",
            10 + at
        );
    }
    let rules = parse(&text);
    let analysis = rules.analyse_with(Budget::default().text_states(2_000));
    assert!(!analysis.undecided().is_empty());
    assert_eq!(analysis.errors().count(), 0);
}
