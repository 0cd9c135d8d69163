//! How long an analysis takes, by hand: `cargo test --release -p logdive-rules --lib speed --
//! --ignored --nocapture`.

use std::fmt::Write as _;
use std::time::Instant;

use super::parse;
use super::random::Random;
use crate::analysis::Budget;
use crate::analysis::problem::Problem;
use crate::analysis::queries::Queries;
use crate::set::RuleSet;

/// Twelve entries of about twenty cells, rules of five terms.
fn rules(count: usize, ranked: bool, decisions: usize) -> RuleSet {
    let mut random = Random::new(count as u64);
    let mut text = String::from("schema s v1 {\n");
    let members: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    for entry in 0..12 {
        let _ = match entry % 4 {
            0 => writeln!(text, "  ticket.f{entry} : enum {{ {} }}", members.join(", ")),
            1 => writeln!(text, "  fact f{entry} : int 0..1000"),
            2 => writeln!(text, "  ticket.f{entry} : int optional"),
            _ => writeln!(text, "  fact f{entry} : text"),
        };
    }
    let names: Vec<String> = (0..decisions).map(|n| format!("d{n}")).collect();
    let _ = writeln!(text, "}}\ndecisions {{ {} }}\ndefault d0 \"\"", names.join(", "));
    for at in 0..count {
        let _ = write!(text, "rule \"r{at:04}\" v1 mode automatic");
        if ranked && at + 1 < count {
            let _ = write!(text, " over \"r{:04}\"", at + 1);
        }
        let mut terms = Vec::new();
        // Half of the time slices of one entry, so that most rules are apart.
        for _ in 0..5 {
            let entry = random.below(12);
            let number = random.below(10) * 100;
            terms.push(match entry % 4 {
                0 => format!("ticket.f{entry} == k{}", random.below(20)),
                1 => format!("f{entry} >= {number} and f{entry} < {}", number + 100),
                2 => format!("ticket.f{entry} > {number}"),
                _ => format!("f{entry} != \"t{}\"", random.below(20)),
            });
        }
        let _ = writeln!(
            text,
            " {{ when {} decide d{} }}",
            terms.join(" and "),
            random.below(decisions)
        );
    }
    let _ = writeln!(text, "cover when ticket.f0 == k1 and f1 > 500");
    let _ = writeln!(text, "never automatic when ticket.f4 == k1 or f5 < 100");
    parse(&text)
}

#[test]
#[ignore = "measured by hand, in release"]
fn analysis_of_many_rules() {
    for count in [200, 1_000] {
        for (name, ranked, decisions) in
            [("chain", true, 20), ("unranked", false, 20), ("agreeing", false, 1)]
        {
            let rules = rules(count, ranked, decisions);
            println!("{count} rules, {name}");
            let begun = Instant::now();
            let problem = Problem::new(&rules, Budget::default());
            println!("  laid out: {:?}", begun.elapsed());
            let mut queries = Queries::new(problem);
            for (question, ask) in Queries::QUESTIONS {
                let begun = Instant::now();
                ask(&mut queries);
                println!("  {question}: {:?}", begun.elapsed());
            }
            let begun = Instant::now();
            let analysis = rules.analyse();
            println!(
                "{count} rules, {name}: {:?}, {} findings, {} undecided",
                begun.elapsed(),
                analysis.findings().len(),
                analysis.undecided().len()
            );
        }
    }
}
