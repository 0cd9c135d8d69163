//! docs/rule-codes.md and docs/rule-findings.md: every code has a section, and every example is
//! what the section says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use logdive_rules::RuleSet;

/// Codes of which an example would take a text too large for the page.
const LARGE: [&str; 3] = ["P013", "R003", "R004"];

struct Section {
    examples: Vec<String>,
    text: String,
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The head of a document's examples, and its sections by code.
fn document(name: &str) -> (String, BTreeMap<String, Section>) {
    let text = fs::read_to_string(folder("docs").join(name)).unwrap();
    let blocks = |text: &str, kind: &str| -> Vec<String> {
        let fence = format!("```{kind}\n");
        let blocks = text.split(fence.as_str()).skip(1);
        blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
    };
    let head = blocks(&text, "head").remove(0);
    let mut sections = BTreeMap::new();
    for section in text.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap();
        let Some((code, _)) = title.split_once(": ") else { continue };
        let section = Section { examples: blocks(section, "rules"), text: section.to_owned() };
        assert!(sections.insert(code.to_owned(), section).is_none(), "{code} has two sections");
    }
    (head, sections)
}

/// An example as the whole file that it is short for.
fn whole(head: &str, example: &str) -> String {
    match example.split_whitespace().next().unwrap() {
        "schema" => example.to_owned(),
        "when" => format!("{head}rule \"example\" v1 mode suggest {{\n{example}}}\n"),
        "fact" | "evidence" => {
            let end = head.find("\n}").unwrap();
            format!("{}\n{example}{}", &head[..end], &head[end..])
        }
        _ => format!("{head}{example}"),
    }
}

/// The codes that a source text can report.
fn codes_in(source: &str, letter: char) -> BTreeSet<String> {
    let quoted = source.split('"').filter(|part| {
        part.len() == 4
            && part.starts_with(letter)
            && part.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    });
    quoted.map(str::to_owned).collect()
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push_str(text.split("#[cfg(test)]").next().unwrap());
        }
    }
}

#[test]
fn every_code_has_a_section() {
    let (_, sections) = document("rule-codes.md");
    let mut core = String::new();
    sources(&folder("logdive-core/src/predicate"), &mut core);
    sources(&folder("logdive-core/src/measure"), &mut core);
    core += &fs::read_to_string(folder("logdive-core/src/predicate.rs")).unwrap();
    core += &fs::read_to_string(folder("logdive-core/src/measure.rs")).unwrap();
    let ours = fs::read_to_string(folder("logdive-rules/src/diagnostics.rs")).unwrap();
    let mut codes = codes_in(&core, 'P');
    assert!(codes.len() >= 10, "{codes:?}");
    codes.extend(codes_in(&core, 'R'));
    codes.extend(codes_in(&ours, 'R'));
    let documented: BTreeSet<String> = sections.into_keys().collect();
    assert_eq!(documented, codes);
}

#[test]
fn examples_are_answered_with_their_code() {
    let (head, sections) = document("rule-codes.md");
    for (code, Section { examples, text }) in &sections {
        if LARGE.contains(&code.as_str()) {
            assert!(examples.is_empty() && text.contains("No example"), "{code}");
            continue;
        }
        let [wrong, mended] = examples.as_slice() else { panic!("{code} has two examples") };
        let wrong = whole(&head, wrong);
        let found = RuleSet::parse(&wrong).expect_err(code);
        let drawn = found.render(code, &wrong);
        assert_eq!(found.diagnostics().len(), 1, "{code}: one mistake\n{drawn}");
        assert_eq!(&found.diagnostics()[0].code, code, "{drawn}");
        let mended = whole(&head, mended);
        if let Err(found) = RuleSet::parse(&mended) {
            panic!("{code}, mended\n{}", found.render(code, &mended));
        }
    }
}

#[test]
fn findings_are_what_their_sections_say() {
    let (head, sections) = document("rule-findings.md");
    let expected: BTreeSet<String> = (1..=10).map(|number| format!("A{number:03}")).collect();
    assert_eq!(sections.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for (code, Section { examples, text }) in &sections {
        let [wrong, mended] = examples.as_slice() else { panic!("{code} has two examples") };
        for example in [wrong, mended] {
            let example = whole(&head, example);
            if let Err(found) = RuleSet::parse(&example) {
                panic!("{code} reads well\n{}", found.render(code, &example));
            }
        }
        let reported = |example: &str| {
            let rules = RuleSet::parse(whole(&head, example)).unwrap();
            let analysis = rules.analyse();
            let all = analysis.findings().iter().chain(analysis.undecided());
            all.map(|finding| (finding.code.to_owned(), finding.level.name())).collect::<Vec<_>>()
        };
        let level = ["error", "warning", "note"]
            .into_iter()
            .find(|level| text.contains(&format!("Level: {level}")))
            .unwrap();
        let found = reported(wrong);
        assert!(found.contains(&(code.clone(), level)), "{code}: {found:?}");
        let found = reported(mended);
        assert!(!found.iter().any(|(other, _)| other == code), "{code}, mended: {found:?}");
        let refused = RuleSet::compile(whole(&head, wrong)).is_err();
        assert!(refused == (level == "error") || code == "A008", "{code}");
    }
}
