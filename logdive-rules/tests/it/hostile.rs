//! Texts that were made to hurt: each ends in a diagnostic or a result, in little memory.

use std::process::Command;

use logdive_rules::{Draft, RuleSet, format, limits};

const HEAD: &str = "schema s v1 { fact n : int  fact t : text } decisions { a, b, human }
default human \"x\"\n";

/// A file filled with a text: up to the limit on CI, to an eighth of it elsewhere.
fn filled(with: &str) -> String {
    let size = if crate::cases(1).cases >= 10 { limits::FILE } else { limits::FILE / 8 };
    let mut text = HEAD.to_owned();
    text.push_str(&with.repeat((size - HEAD.len()) / with.len()));
    text
}

fn rules(count: usize, condition: impl Fn(usize) -> String) -> String {
    let rule = |at| {
        let (decision, when) = (if at % 2 == 0 { "a" } else { "b" }, condition(at));
        format!("rule \"{at}\" v1 mode off {{ when {when} decide {decision} }}\n")
    };
    let rules: String = (0..count).map(rule).collect();
    format!("{HEAD}cover when n > 0\nnever automatic when n < 0\n{rules}")
}

fn all() -> Vec<String> {
    let fills = [
        "(",
        ")",
        "{",
        "}",
        "\"",
        "\\",
        "#",
        "\n",
        "!",
        "not ",
        "n ",
        "n == 1 and ",
        "rule ",
        "rule \"x\" ",
        "rule \"x\" v1 mode off { when (",
        "cover when ",
        "never automatic when n ",
        "schema s v1 { ",
        "fact f = count(s where ",
        "evidence e : rows { ",
        "enum { a, ",
        "any ",
        "n or else ",
        "é",
        "\u{0}",
        "\u{1b}[31m",
        "1d",
        "2027-05-01",
        "'",
        "{n}",
        "t matches \"(",
    ];
    let mut all: Vec<String> = fills.into_iter().map(filled).collect();
    all.push(rules(limits::RULES, |at| format!("n == {at}")));
    all.push(rules(limits::RULES + 1, |_| "true".to_owned()));
    all.push(rules(limits::ANALYSED_RULES / 4, |at| format!("n > {at} or t contains \"{at}\"")));
    let regex = |at: usize| {
        let body = "(a|b|c)*[0-9]{1,9}x".repeat(53);
        format!("t matches \"{at}{body}\"")
    };
    all.push(rules(20, regex));
    let deep = "not (".repeat(limits::DEPTH - 1) + "n == 1" + &")".repeat(limits::DEPTH - 1);
    all.push(rules(200, |_| deep.clone()));
    let wide: Vec<String> = (0..limits::TERMS).map(|at| format!("n == {at}")).collect();
    all.push(rules(3, |_| wide.join(" or ")));
    let texts: Vec<String> = (0..400).map(|at| format!("t contains \"{at}x\"")).collect();
    all.push(rules(3, |_| texts.join(" or ")));
    all
}

/// Run alone in a process of its own, whose memory is looked at.
#[test]
#[ignore = "the child process of `hostile_texts_end_in_little_memory`"]
fn child() {
    for (at, text) in all().into_iter().enumerate() {
        match RuleSet::compile(&text) {
            Ok(rules) => drop(rules.decide(&rules.facts().admit())),
            Err(errors) => {
                assert!(errors.diagnostics().len() <= limits::DIAGNOSTICS + 1, "{at}");
                let drawn = errors.render("hostile", &text);
                assert!(drawn.len() < 1 << 20 && !drawn.contains('\u{1b}'), "{at}");
                assert!(errors.to_string().len() < 1 << 20, "{at}");
            }
        }
        let _ = format(&text);
        let _ = serde_json::from_str::<Draft>(&text);
    }
    let json = format!("{}1{}", "{\"rules\":[".repeat(50_000), "]}".repeat(50_000));
    assert!(serde_json::from_str::<Draft>(&json).is_err());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("peak {}", peak.unwrap_or("0 kB").trim());
}

#[test]
fn hostile_texts_end_in_little_memory() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::child", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let peak = text.lines().find_map(|line| line.strip_prefix("peak ")).unwrap();
    let kilobytes: u64 = peak.split(' ').next().unwrap().parse().unwrap();
    assert!(kilobytes < 256 << 10, "{peak}");
    println!("{peak}");
}
