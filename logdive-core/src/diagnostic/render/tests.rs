//! What is drawn, of hostile texts too.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::is_hidden;
use crate::{Diagnostic, Level, Span, TextLines};

#[test]
fn draws_the_line() {
    let text = "a == 1\nand thorttled >= 5";
    let diagnostic = Diagnostic::new("P010", Span::new(11, 20), "unknown field `thorttled`")
        .suggestion("throttled");
    assert_eq!(
        diagnostic.render("x.rules", text),
        "error[P010]: unknown field `thorttled`
 --> x.rules:2:5
  |
2 | and thorttled >= 5
  |     ^^^^^^^^^
  |
  = help: did you mean `throttled`?
"
    );
    let coloured = diagnostic.render_coloured("x.rules", &TextLines::new(text));
    assert!(coloured.contains("\u{1b}[") && coloured.contains("--> x.rules:2:5"), "{coloured}");
}

#[test]
fn draws_second_places() {
    let text = "one two\n\n\nthree\tfour 漢 five\n";
    let at = |word: &str| {
        let start = text.find(word).unwrap();
        Span::new(start, start + word.len())
    };
    let drawn = Diagnostic::new("R020", at("five"), "a second five")
        .level(Level::Warning)
        .label(at("one"), "the first")
        .label(at("two"), "another")
        .label(at("four"), "near")
        .render("x", text);
    assert_eq!(
        drawn,
        "warning[R020]: a second five
 --> x:4:14
  |
1 | one two
  | --- --- another
  | |
  | the first
...
4 | three    four 漢 five
  |          ----    ^^^^
  |          |
  |          near
"
    );
}

#[test]
fn what_is_far_off_is_named() {
    let text = format!("first\n{}second\n", "\n".repeat(5_000));
    let start = text.find("second").unwrap();
    let found = Diagnostic::new("R020", Span::new(start, start + 6), "a second")
        .label(Span::new(0, 5), "the first");
    let drawn = found.render("x", &text);
    let end = "5002 | second\n     | ^^^^^^\n     |\n     = note: x:1:1: the first\n";
    assert!(drawn.ends_with(end), "{drawn}");
    let giant = "a ".repeat(5_000);
    let found =
        Diagnostic::new("R020", Span::new(8_000, 8_001), "x").label(Span::new(0, 1), "first");
    assert!(found.render("x", &giant).contains("= note: x:1:1: first"));
}

#[test]
fn the_end_of_a_text_draws() {
    for text in ["", "\n", "a", "a\n", "a\r\n", "é"] {
        let end = Span::new(text.len(), text.len());
        let drawn = Diagnostic::new("R010", end, "no end").render("x", text);
        assert_eq!(drawn.matches('^').count(), 1, "{text:?}: {drawn}");
    }
}

#[test]
fn of_a_giant_line_only_what_is_near_is_drawn() {
    let text = format!("{}bad{}", "é".repeat(1_000), "x".repeat(1 << 20));
    let drawn = Diagnostic::new("P010", Span::new(2_000, 2_003), "no").render("x", &text);
    let mut lines = drawn.lines().skip(3);
    let line = lines.next().unwrap();
    assert!(line.starts_with("1 | …éé") && line.ends_with("xx…"), "{line}");
    let caret = lines.next().unwrap();
    let before = line.chars().take_while(|c| *c != 'b').count();
    assert_eq!(caret.chars().take_while(|c| *c != '^').count(), before);
    assert!(drawn.contains("x:1:1001") && drawn.chars().count() < 1_000, "{drawn}");
}

#[test]
fn many_mistakes_of_a_large_text_are_drawn_at_once() {
    let line = "rule \"x\" v1 { when thorttled }\n";
    let short = line.repeat((1 << 20) / line.len());
    let giant = "é".repeat(1 << 19);
    for text in [short.as_str(), giant.as_str(), &"\n".repeat(1 << 20)] {
        let lines = TextLines::new(text);
        let begun = Instant::now();
        let step = text.len() / 200;
        let drawn: usize = (0..200)
            .map(|at| {
                let span = Span::new(at * step, text.len());
                let label = Span::new((at * step).saturating_sub(300), at * step);
                let found = Diagnostic::new("P010", span, "no").label(label, "here");
                found.label(Span::new(0, 4), "first").render_in("x", &lines).len()
            })
            .sum();
        assert!(drawn < 1 << 20);
        // A tenth of it, even without optimisation on a busy machine.
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let part = proptest::sample::select(vec![
        "\u{1b}[31m",
        "\u{9b}2J",
        "\t",
        "\r\n",
        "\n",
        "\r",
        "\u{202e}",
        "\u{200b}",
        "e\u{301}",
        "漢字",
        "🦀",
        "\0",
        "// {",
        "word ",
    ]);
    let run = (part, prop_oneof![3 => 1_usize..4, 1 => 100_usize..600]);
    proptest::collection::vec(run, 0..12)
        .prop_map(|parts| parts.into_iter().map(|(part, times)| part.repeat(times)).collect())
}

fn span() -> impl Strategy<Value = Span> {
    let at = || prop_oneof![8 => 0_usize..400, 2 => 0_usize..20_000, 1 => Just(usize::MAX)];
    (at(), at()).prop_map(|(start, end)| Span::new(start, end))
}

proptest! {
    /// Whatever the text and the spans: it draws, marks the place, and only what can be seen
    /// reaches the terminal.
    #[test]
    fn any_span_of_any_text_draws(
        text in hostile(),
        name in hostile(),
        message in hostile(),
        primary in span(),
        labels in proptest::collection::vec((span(), hostile()), 0..12),
    ) {
        let mut found = Diagnostic::new("P001", primary, message.as_str()).help(message.as_str());
        for (span, message) in labels {
            found = found.label(span, message);
        }
        let drawn = found.render(&name, &text);
        prop_assert!(!drawn.chars().any(|c| c != '\n' && is_hidden(c)), "{drawn:?}");
        prop_assert!(drawn.contains('^'), "{drawn}");
        let place = TextLines::new(&text).place(primary.start);
        let place = format!(":{}:{}", place.line, place.column);
        prop_assert!(drawn.lines().nth(1).is_some_and(|line| line.ends_with(&place)), "{drawn}");
        prop_assert!(drawn.chars().count() < 60_000);
    }
}
