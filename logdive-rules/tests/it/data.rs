//! Rule files whose header says what they mean.
//!
//! Lines that begin with `#!` are expectations; the rest is the file. A file that must not load
//! lists every mistake, in any order:
//!
//! ```text
//! #! error CODE LINE [TEXT of its message or help]
//! ```
//!
//! A file that must load lists cases:
//!
//! ```text
//! #! case TITLE
//! #! given NAME = CONSTANT; NAME = at_least CONSTANT "why"; NAME = unavailable "why"; NAME = absent
//! #! then decided DECISION by "RULE" mode MODE
//! #! then no action DECISION by "RULE" mode MODE
//! #! then undetermined FACT, FACT
//! #! then no rule
//! #! because TEXT
//! #! action ACTION
//! ```
//!
//! `given` and `action` may be repeated; `because` and `action` are compared if they are there.

use std::fs;
use std::path::Path;

use logdive_core::predicate::constant;
use logdive_core::predicate::syntax::{Cursor, literal, tokens};
use logdive_core::{Conclusion, Decision, Fact, Reason, Value, ValueType};
use logdive_rules::{RuleSet, limits};

#[test]
fn files_mean_what_their_headers_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rules"));
    assert!(paths.len() >= 10, "the folder of rule files is there");
    let mut failures = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        failures.extend(check(&text).into_iter().map(|failure| format!("{name}: {failure}")));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// A code that no file expects is a mistake that nobody proved can be told.
#[test]
fn every_code_is_expected_by_a_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let texts: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let codes = include_str!("../../src/diagnostics.rs")
        .lines()
        .filter_map(|line| line.split_once("&str = \"R")?.1.strip_suffix("\";"));
    // These take a large text: a test of its own makes it.
    for code in codes.filter(|code| !["003", "004"].contains(code)) {
        let expected = format!("#! error R{code} ");
        assert!(texts.iter().any(|text| text.contains(&expected)), "no file expects R{code}");
    }
}

fn check(text: &str) -> Vec<String> {
    let header: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#! ")).collect();
    let errors: Vec<&str> = header.iter().filter_map(|line| line.strip_prefix("error ")).collect();
    match RuleSet::parse(text) {
        Err(_) if errors.is_empty() => {
            let found = RuleSet::parse(text).unwrap_err().render("file", text);
            vec![format!("does not load\n{found}")]
        }
        Err(found) => {
            let rendered = found.render("file", text);
            let mut left: Vec<_> = found.lines().collect();
            let mut failures = Vec::new();
            for error in errors {
                let mut words = error.splitn(3, ' ');
                let (code, line) = (words.next().unwrap(), words.next().unwrap());
                let part = words.next().unwrap_or_default();
                let at = left.iter().position(|(at, diagnostic)| {
                    let help = diagnostic.help.as_deref().unwrap_or_default();
                    diagnostic.code == code
                        && at.to_string() == line
                        && (diagnostic.message.contains(part) || help.contains(part))
                });
                match at {
                    Some(at) => drop(left.remove(at)),
                    None => failures.push(format!("expected {error}")),
                }
            }
            failures.extend(left.iter().map(|(line, found)| format!("line {line}: {found}")));
            if !failures.is_empty() {
                failures.push(rendered);
            }
            failures
        }
        Ok(_) if !errors.is_empty() => vec!["loads, and should not".to_owned()],
        Ok(rules) => {
            let printed = RuleSet::parse(rules.to_string()).expect("the normal form loads");
            assert_eq!(printed, rules);
            let mut cases = header.split(|line| line.starts_with("case "));
            assert!(cases.next().is_none_or(<[_]>::is_empty), "a case begins with its title");
            let titles = header.iter().filter(|line| line.starts_with("case "));
            let cases: Vec<_> = titles.zip(cases).collect();
            assert!(!cases.is_empty(), "a file that loads has a case");
            cases
                .into_iter()
                .filter_map(|(title, case)| {
                    run(&rules, case).err().map(|found| format!("{title}: {found}"))
                })
                .collect()
        }
    }
}

fn run(rules: &RuleSet, case: &[&str]) -> Result<(), String> {
    let mut builder = rules.facts();
    for given in case.iter().filter_map(|line| line.strip_prefix("given ")) {
        for (name, fact) in given_facts(given, rules) {
            builder = builder.fact(name, fact);
        }
    }
    let facts = builder.build().map_err(|error| error.to_string())?;
    let decision = rules.decide(&facts);
    let then: Vec<&str> = case.iter().filter_map(|line| line.strip_prefix("then ")).collect();
    let [then] = then[..] else { return Err("a case has one `then`".to_owned()) };
    same(&conclusion(&decision), then)?;
    if let Some(expected) = case.iter().find_map(|line| line.strip_prefix("because ")) {
        let because = match decision.conclusion() {
            Conclusion::Decided { because, .. }
            | Conclusion::NoActionNeeded { because, .. }
            | Conclusion::NoRule { because } => because.as_str(),
            Conclusion::Undetermined { .. } => "",
        };
        same(because, expected)?;
    }
    let expected: Vec<&str> = case.iter().filter_map(|line| line.strip_prefix("action ")).collect();
    if !expected.is_empty() {
        let actions: Vec<String> = decision.actions().iter().map(ToString::to_string).collect();
        same(&actions.join("; "), &expected.join("; "))?;
    }
    Ok(())
}

fn same(found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("expected `{expected}`, got `{found}`")) }
}

fn conclusion(decision: &Decision) -> String {
    match decision.conclusion() {
        Conclusion::Decided { rule, decision, mode, .. } => {
            format!("decided {decision} by \"{rule}\" mode {mode}")
        }
        Conclusion::NoActionNeeded { rule, decision, mode, .. } => {
            format!("no action {decision} by \"{rule}\" mode {mode}")
        }
        Conclusion::Undetermined { missing } => {
            let facts: Vec<&str> = missing.iter().map(|missing| missing.fact.as_str()).collect();
            format!("undetermined {}", facts.join(", "))
        }
        Conclusion::NoRule { .. } => "no rule".to_owned(),
    }
}

fn given_facts(text: &str, rules: &RuleSet) -> Vec<(String, Fact)> {
    let (tokens, diagnostics) = tokens(text);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    let mut cursor = Cursor::new(&tokens);
    let mut facts = Vec::new();
    while cursor.peek().is_some() {
        let name = cursor.expect_word("a fact").unwrap().value;
        cursor.expect_symbol("=").unwrap();
        let kind = rules.inputs().find(|(known, _)| *known == name).map(|(_, kind)| kind);
        let kind = kind.unwrap_or_else(|| panic!("`{name}` is declared"));
        let fact = if cursor.eat_word("absent") {
            Fact::Absent
        } else if cursor.eat_word("unavailable") {
            Fact::Unavailable(Reason::from(cursor.expect_text("why").unwrap().value))
        } else if cursor.eat_word("at_least") {
            let value = value(&mut cursor, kind);
            Fact::AtLeast(value, Reason::from(cursor.expect_text("why").unwrap().value))
        } else {
            Fact::Known(value(&mut cursor, kind))
        };
        facts.push((name, fact));
        assert!(cursor.eat_symbol(";") || cursor.peek().is_none(), "facts are separated by `;`");
    }
    facts
}

/// A constant, or constants in braces for a set.
fn value(cursor: &mut Cursor<'_>, kind: &ValueType) -> Value {
    let ValueType::Set(members) = kind else {
        return constant("it", kind, &literal(cursor).unwrap()).unwrap();
    };
    cursor.expect_symbol("{").unwrap();
    let mut values = Vec::new();
    while !cursor.eat_symbol("}") {
        values.push(value(cursor, members));
        assert!(cursor.eat_symbol(",") || cursor.at_symbol("}"), "members are separated by `,`");
    }
    Value::Set(values.into())
}

/// One mistake too many, or one byte too many, is said so and not cut.
#[test]
fn limits_are_kept() {
    let long = "#".repeat(limits::FILE + 1);
    let found = RuleSet::parse(&long).unwrap_err();
    assert_eq!(found.diagnostics()[0].code, "R003");

    let many = "rule \"x\" { }\n".repeat(limits::DIAGNOSTICS);
    let found = RuleSet::parse(&many).unwrap_err();
    assert_eq!(found.diagnostics().len(), limits::DIAGNOSTICS + 1);
    assert_eq!(found.diagnostics().last().unwrap().code, "R004");

    let head = "schema s v1 { } decisions { a } default a \"x\"\n";
    let rule = |at| format!("rule \"{at}\" v1 mode off {{ when true decide a }}\n");
    let most: String = (0..limits::RULES).map(rule).collect();
    assert_eq!(RuleSet::parse(format!("{head}{most}")).unwrap().rules().len(), limits::RULES);
    let found = RuleSet::parse(format!("{head}{most}{}", rule(limits::RULES))).unwrap_err();
    assert_eq!(found.diagnostics()[0].code, "R003");
}

/// A file of nothing but mistakes, as large as a file may be, is told so in bounded work: none of
/// these takes the square of its size.
#[test]
fn hostile_files_are_told_what_is_wrong() {
    let fill = |head: &str, part: &dyn Fn(usize) -> String, tail: &str| {
        let mut text = head.to_owned();
        let mut at = 0;
        while text.len() < limits::FILE - 100 {
            text.push_str(&part(at));
            at += 1;
        }
        text + tail
    };
    let rules = "} decisions { a } default a \"\" ";
    let files = [
        fill("schema s v1 { ", &|at| format!("fact f{at} : int fact f{at} = sum(x{at}.y) "), rules),
        fill("decisions { ", &|at| format!("a{at} b c,"), "}"),
        fill(
            "",
            &|at| format!("rule \"{at}\" v1 mode x{at} over \"y{at}\" {{ when z decide u }}"),
            "",
        ),
        fill(
            "rule \"a\" v1 mode off { when true decide a because \"",
            &|at| format!("{{f{at}}}"),
            "\" }",
        ),
        fill("rule \"a\" v1 mode off { when ", &|at| format!("x{at} == 1 and "), "}"),
        fill("schema s v1 { fact a : enum { ", &|at| format!("m{at}, "), "} }"),
        fill("", &|_| "{".to_owned(), ""),
        fill("rule \"a\" v1 mode off ", &|_| "{ rule \"a\" {".to_owned(), ""),
        fill("", &|_| "\"".to_owned(), ""),
        fill("", &|_| "\u{1f980} ".to_owned(), ""),
    ];
    for file in files {
        let found = RuleSet::parse(&file).unwrap_err();
        assert!(found.diagnostics().len() <= limits::DIAGNOSTICS + 1);
        assert!(found.to_string().len() < limits::FILE, "{}", found.to_string().len());
    }
}
