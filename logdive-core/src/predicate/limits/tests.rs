//! Every limit is met, said and helped with; hostile conditions take bounded time and stack.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{
    DEPTH, Limit, MEMBERS, MISTAKES, PATTERN, PATTERNS, PHRASE, PredicateError, TERMS, TEXT,
};
use crate::predicate::{Comparison, Phrase};
use crate::{Field, Layer, LayerField, Pattern, Predicate, TextTest, Value, ValueType};

fn layer() -> Layer {
    let layer = Layer::new("x").unwrap();
    layer.field("count", LayerField::attribute("count", ValueType::Int)).unwrap()
}

/// A text is refused with one mistake that says which limit and what to do.
fn check(text: &str, code: &str, message: &str, help: &str) {
    let mistakes = Predicate::parse(text, &layer()).unwrap_err();
    let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
    assert_eq!((mistake.code.as_str(), mistake.message.as_str()), (code, message));
    let said = mistake.help.as_deref().unwrap_or_default();
    assert!(said.contains(help), "{said}");
}

fn reads(text: &str) -> Predicate {
    Predicate::parse(text, &layer()).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

#[test]
fn a_text_is_held_to_every_limit() {
    let nested = |depth| format!("{}count > 1{}", "(".repeat(depth), ")".repeat(depth));
    reads(&nested(DEPTH - 1));
    check(&nested(DEPTH), "P013", "nested more than 64 deep", "split the condition");
    let nots = |depth| format!("{}count > 1", "not ".repeat(depth));
    reads(&nots(DEPTH - 1));
    check(&nots(DEPTH), "P013", "nested more than 64 deep", "split the condition");

    let terms = |count| vec!["count > 1"; count].join(" or ");
    reads(&terms(TERMS));
    check(&terms(TERMS + 1), "P013", "more than 4096 terms", "`in { … }`");
    let truths = vec!["true"; TERMS + 1].join(" and ");
    check(&truths, "P013", "more than 4096 terms", "split");

    let members = |count| format!("count in {{{}}}", vec!["1"; count].join(","));
    reads(&members(MEMBERS));
    check(&members(MEMBERS + 1), "P013", "a set of more than 10000 members", "split the set");

    let long = |len: usize| format!("count > 1{}", " ".repeat(len - "count > 1".len()));
    reads(&long(TEXT));
    check(&long(TEXT + 1), "P013", "longer than 1048576 bytes", "split");

    let phrase = |count| format!("body has_phrase \"{}\"", vec!["a"; count].join(" "));
    reads(&phrase(PHRASE));
    check(&phrase(PHRASE + 1), "P013", "a phrase of more than 64 tokens", "`contains`");

    let pattern = |len| format!("body matches \"{}\"", "a".repeat(len));
    reads(&pattern(PATTERN));
    let longer = "the regular expression is longer than 1024 bytes";
    check(&pattern(PATTERN + 1), "P014", longer, "its parts");
    let patterns = |count| {
        let terms: Vec<_> = (0..count).map(|at| format!("body matches \"a{at}\"")).collect();
        terms.join(" or ")
    };
    reads(&patterns(PATTERNS));
    check(&patterns(PATTERNS + 1), "P013", "more than 16 regular expressions", "`|`");
    // The same one counts once.
    reads(&vec!["body matches \"a\""; PATTERNS + 1].join(" or "));
}

#[test]
fn a_regular_expression_is_refused_with_its_place_and_a_way_out() {
    let mistakes = Predicate::parse("count > 1 and body matches \"a(\"", &layer()).unwrap_err();
    assert_eq!(
        mistakes[0].render("--where", "count > 1 and body matches \"a(\""),
        "error[P014]: not a regular expression: unclosed group (at character 2)
 --> --where:1:28
  |
1 | count > 1 and body matches \"a(\"
  |                            ^^^^
  |
  = help: the syntax is that of Rust's crate regex, without look-around and back-references; \
         in a text a backslash is written `\\\\`
"
    );
    let large = "once compiled";
    for text in ["(a{1000}){1000}", "((a{99}){99}){99}", "(\\\\w{100}){100}"] {
        let mistakes = Predicate::parse(
            &format!("body matches {text:?}").replace("\\\\\\\\", "\\\\"),
            &layer(),
        );
        let mistakes = mistakes.unwrap_err();
        assert!(mistakes[0].message.contains(large), "{mistakes:?}");
        assert!(mistakes[0].help.as_deref().unwrap().contains("lower the counts"));
    }
    let mistakes = Predicate::parse("body has_token \"a b\"", &layer()).unwrap_err();
    assert_eq!(mistakes[0].code, "P015");
    assert!(mistakes[0].help.as_deref().unwrap().contains("has_phrase"));
    let mistakes = Predicate::parse("body has_phrase \"--\"", &layer()).unwrap_err();
    assert_eq!(mistakes[0].code, "P015");
    let mistakes = Predicate::parse("count matches \"1\"", &layer()).unwrap_err();
    assert_eq!((mistakes[0].code.as_str(), mistakes.len()), ("P012", 1));
    let mistakes = Predicate::parse("body matches boom", &layer()).unwrap_err();
    assert_eq!(mistakes[0].code, "P002");
}

fn beyond(predicate: &Predicate, limit: Limit) {
    assert_eq!(predicate.check_limits(), Err(PredicateError::Limit(limit)));
}

fn matches(pattern: impl Into<String>) -> Predicate {
    Predicate::Matches { field: Field::Body, pattern: Pattern::from(pattern.into()) }
}

#[test]
fn a_tree_is_held_to_every_limit() {
    let term = || Predicate::eq(Field::Body, "a");
    let nested = |depth| (1..depth).fold(term(), |inner, _| inner.not());
    assert_eq!(nested(DEPTH).check_limits(), Ok(()));
    beyond(&nested(DEPTH + 1), Limit::Depth);

    assert_eq!(Predicate::Or(vec![term(); TERMS]).check_limits(), Ok(()));
    beyond(&Predicate::Or(vec![term(); TERMS + 1]), Limit::Terms);
    beyond(&Predicate::And(vec![Predicate::Or(vec![term(); 1_000]); 5]), Limit::Terms);
    beyond(&Predicate::And(vec![Predicate::always(); TERMS + 1]), Limit::Terms);

    let members =
        |count| Predicate::In { field: Field::Severity, values: vec![Value::Int(9); count] };
    assert_eq!(members(MEMBERS).check_limits(), Ok(()));
    beyond(&members(MEMBERS + 1), Limit::Members);
    beyond(&members(1_000_000), Limit::Members);

    let text = |len| Predicate::Text {
        field: Field::Body,
        test: TextTest::Contains,
        text: "a".repeat(len),
    };
    let room = TEXT - text(0).to_string().len();
    assert_eq!(text(room).check_limits(), Ok(()));
    beyond(&text(room + 1), Limit::Text);

    let patterns = |count| Predicate::Or((0..count).map(|at| matches(format!("{at}"))).collect());
    assert_eq!(patterns(PATTERNS).check_limits(), Ok(()));
    beyond(&patterns(PATTERNS + 1), Limit::Patterns);
    let error = Predicate::And(vec![term(), matches("a(")]).check_limits().unwrap_err();
    assert_eq!(error.to_string(), "`body` is matched with what cannot be used");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("unclosed group"), "{source}");
    for limit in [Limit::Depth, Limit::Terms, Limit::Members, Limit::Text, Limit::Patterns] {
        let said = PredicateError::Limit(limit).to_string();
        assert!(said.starts_with("the condition is ") || said.contains(limit.help()), "{said}");
    }
}

/// What JSON brings is refused or harmless.
#[test]
fn json_is_no_way_around() {
    let deep = format!("{}{{\"and\":[]}}{}", "{\"not\":".repeat(10_000), "}".repeat(10_000));
    assert!(serde_json::from_str::<Predicate>(&deep).is_err());
    let nots = format!("{}{{\"and\":[]}}{}", "{\"not\":".repeat(100), "}".repeat(100));
    beyond(&serde_json::from_str(&nots).unwrap(), Limit::Depth);

    let bad = r#"{"matches":{"field":"body","pattern":"a("}}"#;
    let bad: Predicate = serde_json::from_str(bad).unwrap();
    assert!(bad.check_limits().is_err());
    let truth = bad.eval(&|_| "a(".into());
    assert!(truth.is_unknown() && bad.clone().not().eval(&|_| "a(".into()).is_unknown());
    assert_eq!(bad.to_string(), "body matches \"a(\"");

    for refused in [
        r#"{"phrase":{"field":"body","phrase":"--"}}"#,
        r#"{"phrase":{"field":"body","phrase":""}}"#,
        r#"{"matches":{"field":"body"}}"#,
        r#"{"matches":{"field":"matches","pattern":"a"}}"#,
    ] {
        assert!(serde_json::from_str::<Predicate>(refused).is_err(), "{refused}");
    }
    let phrase = Predicate::Phrase { field: Field::Body, phrase: Phrase::parse("a b").unwrap() };
    for predicate in [phrase, matches("a+")] {
        let json = serde_json::to_string(&predicate).unwrap();
        assert_eq!(serde_json::from_str::<Predicate>(&json).unwrap(), predicate, "{json}");
    }
}

fn texts() -> Vec<(&'static str, String)> {
    let fill = |part: &str| part.repeat(TEXT / part.len());
    vec![
        ("20,000 terms", vec!["count > 1"; 20_000].join(" or ")),
        ("terms", fill("count > 1 or ")),
        ("flags", fill("unknown or ")),
        ("truths", fill("true and ")),
        ("a million members", format!("count in {{{}}}", "1,".repeat(1_000_000))),
        ("members", format!("count in {{{}", "1,".repeat(TEXT / 2 - 10))),
        ("wrong members", format!("count in {{{}}}", "a,".repeat(10_000))),
        ("parentheses", fill("(")),
        ("parentheses and nots", fill("not(")),
        ("nots", fill("not ")),
        ("exclamation marks", fill("!")),
        ("braces", fill("{")),
        ("quotes", fill("\"")),
        ("open text", format!("\"{}", "a".repeat(TEXT - 1))),
        ("escapes", format!("body == \"{}", "\\x".repeat(TEXT / 2 - 10))),
        ("no tokens", fill("@")),
        ("emoji", fill("\u{1f980} ")),
        ("digits", fill("9")),
        ("dates", fill("2023-07-10T11:58:00Z-")),
        ("one word", fill("a")),
        ("dots", fill("a.")),
        ("comment", format!("#{}", "a".repeat(TEXT - 1))),
        ("longer than a text", " ".repeat(50 * TEXT)),
        ("catastrophic", "body matches \"((a+)+)+$\" and body matches \"(a|a)*b\"".to_owned()),
        ("repetition", "body matches \"(a{1000}){1000}\"".to_owned()),
        ("repetitions", "body matches \"((((a{99}){99}){99}){99}){99}\"".to_owned()),
        ("classes", format!("body matches \"(?i){}\"", "\\\\pL".repeat(340))),
        ("few classes", format!("body matches \"(?i){}\"", "\\\\pL".repeat(64))),
        ("groups", format!("body matches \"{}\"", "(".repeat(1_024))),
        ("long expression", format!("body matches \"{}\"", "a?".repeat(TEXT / 4))),
    ]
}

/// The stack is a quarter of what threads have by default.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(run).unwrap();
    thread.join().unwrap();
}

/// What is asserted leaves room for a debug build on a busy machine: what it guards against is
/// work that takes the square of the text.
#[test]
fn hostile_texts_end_soon() {
    on_a_small_stack(|| {
        for (name, text) in texts() {
            let begun = Instant::now();
            let read = Predicate::parse(&text, &layer());
            let took = begun.elapsed();
            println!("{took:>12.3?}  {name}");
            assert!(took < Duration::from_secs(5), "{name}: {took:?}");
            match read {
                Ok(predicate) => assert_eq!(predicate.check_limits(), Ok(()), "{name}"),
                Err(mistakes) => {
                    assert!((1..=MISTAKES).contains(&mistakes.len()), "{name}");
                    let said: usize = mistakes.iter().map(|m| m.to_string().len()).sum();
                    // A word that is not known is named whole.
                    assert!(said < 2 * TEXT, "{name}: {said}");
                }
            }
        }
    });
}

/// The largest trees that pass are printed, read, evaluated, compared, cloned and sent.
#[test]
fn the_largest_that_pass_work_on_a_small_stack() {
    on_a_small_stack(|| {
        let term = Predicate::eq(Field::Body, "a");
        // Parentheses at every second level, `not` at every third.
        let deep = (1..DEPTH).fold(term.clone(), |inner, level| match level % 3 {
            0 => inner.not(),
            1 => Predicate::And(vec![inner, term.clone()]),
            _ => Predicate::Or(vec![term.clone(), inner]),
        });
        let nots = (1..DEPTH).fold(term.clone(), |inner, _| inner.not());
        let ands = (1..DEPTH)
            .fold(term.clone(), |inner, _| Predicate::And(vec![inner, Predicate::always()]));
        let wide = Predicate::Or(vec![Predicate::And(vec![term; 64]); 64]);
        for predicate in [deep, nots, ands, wide] {
            assert_eq!(predicate.check_limits(), Ok(()));
            let text = predicate.to_string();
            assert_eq!(reads(&text), predicate);
            assert!(!predicate.eval(&|_| "a".into()).is_unknown());
            let json = serde_json::to_string(&predicate).unwrap();
            // JSON nests twice for each of our levels and stops at 128.
            if let Ok(read) = serde_json::from_str::<Predicate>(&json) {
                assert_eq!(read, predicate);
            }
            drop(predicate.clone());
        }
    });
}

#[test]
fn a_deeper_tree_is_measured_without_stack() {
    // So deep that walking it by recursion would not fit a stack of 512 KiB.
    let deep = (0..2_000).fold(Predicate::always(), |inner, _| inner.not());
    on_a_small_stack(move || {
        beyond(&deep, Limit::Depth);
        let size = deep.size();
        assert_eq!((size.terms, size.depth), (1, 2_001));
        assert!(deep.fields().is_empty());
        // Dropped by a thread that has the room.
        std::mem::forget(deep);
    });
}

fn tree() -> impl Strategy<Value = Predicate> {
    let leaf = prop_oneof![
        Just(Predicate::eq(Field::Body, "a")),
        Just(Predicate::Absent(Field::Body)),
        Just(Predicate::Compare {
            field: Field::Body,
            comparison: Comparison::Less,
            value: "\u{1}\\\"".into()
        }),
        Just(Predicate::always()),
    ];
    (leaf, prop::collection::vec((0_u8..5, any::<bool>()), 0..80)).prop_map(|(leaf, levels)| {
        levels.into_iter().fold(leaf, |inner, (kind, first)| {
            let other = Predicate::eq(Field::Event, "e");
            let both = if first { vec![inner.clone(), other] } else { vec![other, inner.clone()] };
            match kind {
                0 | 1 => Predicate::And(both),
                2 | 3 => Predicate::Or(both),
                _ => inner.not(),
            }
        })
    })
}

proptest! {
    /// What is within the limits has a text form that reads as the same tree, and every text that
    /// is read gives a tree within them.
    #[test]
    fn within_limits_means_it_can_be_written_and_read(tree in tree()) {
        let text = tree.to_string();
        match tree.check_limits() {
            Ok(()) => prop_assert_eq!(Predicate::parse(&text, &layer()), Ok(tree)),
            Err(error) => {
                prop_assert_eq!(error, PredicateError::Limit(Limit::Depth));
                if let Ok(read) = Predicate::parse(&text, &layer()) {
                    prop_assert_eq!(read.check_limits(), Ok(()));
                }
            }
        }
    }
}
