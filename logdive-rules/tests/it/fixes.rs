//! What is suggested mends what it is suggested for; mistakes as data.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use logdive_core::{Diagnostic, apply_fixes};
use logdive_rules::RuleSet;
use proptest::prelude::*;
use serde_json::json;

use crate::cases;

/// The rule files that must not load.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .filter(|(name, _)| name.starts_with("errors_") && name.ends_with(".rules"))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() >= 7);
    files
}

fn mistakes(text: &str) -> Vec<Diagnostic> {
    RuleSet::parse(text).err().map_or_else(Vec::new, |found| found.diagnostics().to_vec())
}

fn before(all: &[Diagnostic], place: usize) -> BTreeSet<(&str, usize)> {
    let earlier = all.iter().filter(|one| one.span.start < place);
    earlier.map(|one| (one.code.as_str(), one.span.start)).collect()
}

#[test]
fn every_suggestion_mends_its_mistake() {
    let (mut mended, mut all) = (0, 0);
    let mut failures = Vec::new();
    for (name, text) in files() {
        let found = mistakes(&text);
        all += found.len();
        for mistake in &found {
            let Some(fixed) = mistake.apply(&text) else {
                assert!(mistake.suggestion.is_none(), "{name}: {mistake:?}");
                continue;
            };
            mended += 1;
            let left = mistakes(&fixed);
            let start = mistake.span.start;
            let is_gone =
                !left.iter().any(|one| one.code == mistake.code && one.span.start == start);
            let no_new = before(&left, start).is_subset(&before(&found, start));
            // What was hidden by it may be told now, in its place.
            if !is_gone || !no_new || left.len() > found.len() {
                let drawn = mistake.render(&name, &text);
                failures.push(format!("{drawn}{} mistakes, then {}", found.len(), left.len()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(mended * 5 >= all * 2, "{mended} of {all} mistakes have a suggestion");
}

#[test]
fn all_suggestions_at_once_leave_the_rest() {
    for (name, text) in files() {
        let found = mistakes(&text);
        let (mut text, mut left) = (text, found.clone());
        for round in 0.. {
            assert!(round < 5, "{name}: mending ends");
            let fixed = apply_fixes(&left, &text);
            if fixed.applied == 0 {
                break;
            }
            text = fixed.text;
            left = mistakes(&text);
        }
        assert!(left.iter().all(|one| one.suggestion.is_none()), "{name}: {left:?}");
        assert!(left.len() < found.len(), "{name}: {left:?}");
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// Of a part of a file too, every suggestion can be applied, and reading the result ends.
    #[test]
    fn suggestions_for_a_part_of_a_file_can_be_applied(
        file in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let files = files();
        let (_, text) = file.get(&files);
        let from = text.floor_char_boundary(from.index(text.len()));
        let to = text.floor_char_boundary(to.index(text.len()));
        let part = &text[from.min(to)..from.max(to)];
        let found = mistakes(part);
        for mistake in &found {
            prop_assert_eq!(mistake.apply(part).is_some(), mistake.suggestion.is_some());
        }
        mistakes(&apply_fixes(&found, part).text);
    }
}

#[test]
fn mistakes_as_data_keep_their_form() {
    let text = "schema s v1 { fact n : int }\ndecisions { é, human }\n";
    let text = text.replace('é', "e")
        + "default human \"é\" rule \"é\" v1 mode off {\n\
               when m > 1 decide e }\nrule \"é\" v1 mode off { when n > 1 decide e }\n";
    let found = RuleSet::parse(&text).unwrap_err();
    let place = |byte: usize, line: usize, column: usize| json!({ "byte": byte, "line": line, "column": column });
    let span = |start, end| json!({ "start": start, "end": end });
    assert_eq!(
        serde_json::to_value(&found).unwrap(),
        json!([
            {
                "code": "P010",
                "level": "error",
                "message": "unknown fact `m`",
                "span": span(place(100, 4, 6), place(101, 4, 7)),
                "labels": [],
                "help": "did you mean `n`?",
                "suggestion": {
                    "span": span(place(100, 4, 6), place(101, 4, 7)),
                    "text": "n",
                },
            },
            {
                "code": "R020",
                "level": "error",
                "message": "a second rule `é`",
                "span": span(place(122, 5, 6), place(126, 5, 9)),
                "labels": [{
                    "span": span(place(76, 3, 24), place(80, 3, 27)),
                    "message": "the first is here",
                }],
                "help": "give one another name",
                "suggestion": null,
            },
        ])
    );
}

/// One mistake is told once, however much of the file leans on it.
#[test]
fn a_mistake_is_told_once() {
    let head = "schema s v1 { fact n : int  fact t : text }\ndecisions { a, human }\n\
                default human \"x\"\n";
    let loads = format!("{head}rule \"x\" v1 mode off {{ when n > 1 decide a }}\n");
    assert_eq!(mistakes(&loads), []);
    for (part, code) in [
        ("rule \"1\" v1 mode off { when t == 'x' decide a }", "P001"),
        ("rule \"1\" v1 mode off { when t == \"x decide a }", "P003"),
        ("rule \"1\" v1 mode off { when n > 5x decide a }", "P004"),
        ("rule \"1\" v1 mode off { when n & t == \"x\" decide a }", "P012"),
        ("rule \"1\" v1 mode off { when t.@b == \"x\" decide a }", "P001"),
        ("rule \"1\" v1 mode off { when n > 1 decide a } // why", "P001"),
        ("rule \"1\" v1 mode off { when n > 1 AND t == \"x\" decide a }", "P002"),
        ("rule \"1\" v1 mode off { when (n > 1 decide a }", "P002"),
        ("rule \"1\" v1 mode off { when t in [\"x\"] decide a }", "P002"),
        ("rule \"1\" v1 mode off { when n <> 1 decide a }", "P002"),
        ("rule \"1\" v1 mode off { when n > 1 decide a do b(k: t } }", "P002"),
        ("rule \"1\" v1 mode off review by 2027-02-30 { when n > 1 decide a }", "P004"),
        (
            "rule \"1\" mode off over \"x\" { when n > 1 decide a }\n\
          rule \"x\" v1 mode off { when n > 1 decide a }",
            "R012",
        ),
        (
            "rule \"1\" v1 mode off over \"2\" { when n > 1 decide a }\n\
          rule \"2\" v1 mode off over \"3\" { when n > 1 decide a }\n\
          rule \"3\" v1 mode off over \"1\" { when n > 1 decide a }",
            "R042",
        ),
        ("rule \"1\" v1 mode off { n > 1 decide a }", "R001"),
        ("rul \"1\" v1 mode off { when n > 1 decide a }", "R001"),
    ] {
        let text = format!("{head}{part}\n");
        let found = mistakes(&text);
        let codes: Vec<&str> = found.iter().map(|one| one.code.as_str()).collect();
        let mut expected = vec![code];
        // The condition goes on where `&` was read as `and`: its terms are mistakes of their own.
        if part.contains(" & ") {
            expected = vec!["P012", "P001"];
        }
        assert_eq!(codes, expected, "{part}: {found:?}");
    }
}
