use std::collections::HashSet;

use proptest::prelude::*;

use super::{
    CATCH_ALL, FEW_FORMS, FEW_STATES, FEW_WORDS, MAX_MASKED, MAX_SHAPES, MAX_TEMPLATES, MAX_WORD,
    MAX_WORDS, Mined, Miner, Sample, masked,
};
use crate::log::shape;

fn texts_of(mined: &Mined, of: impl IntoIterator<Item = usize>) -> Vec<&str> {
    of.into_iter().map(|at| mined.templates[at].text.as_str()).collect()
}

/// The template of each line.
fn check(lines: &[&str], expected: &[&str]) {
    let mined = Miner::new().mine(lines.iter().copied());
    assert_eq!(texts_of(&mined, mined.of.iter().copied()), expected);
}

/// The different templates, in order.
fn found(lines: &[String]) -> Vec<String> {
    let mined = Miner::new().mine(lines.iter().map(String::as_str));
    mined.templates.into_iter().map(|template| template.text).collect()
}

/// A word without digits for each number.
fn word(mut n: usize) -> String {
    let mut text = String::from("w");
    while n > 0 {
        text.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
    }
    text
}

#[test]
fn numbers_make_no_templates() {
    check(
        &["took 35 ms for 10.0.0.1", "VM started", "took 1.5 s for [::1]:80", "VM stopped"],
        &["took <*> for <*>", "VM started", "took <*> for <*>", "VM stopped"],
    );
    assert_eq!(masked("a 1, 2, 3 [x=7f] /v2/8/x  end"), "a <*> [x=<*>] <*> end");
}

#[test]
fn ids_are_the_same_on_every_run() {
    let mined = Miner::new().mine(["took 35 ms", "VM started"]);
    let ids: Vec<String> = mined.templates.iter().map(|template| template.id.to_string()).collect();
    assert_eq!(ids, ["76e59904d28b58bd", "18a7a7d0df7dd807"]);
}

#[test]
fn few_words_are_kept_and_many_are_a_hole() {
    let line = |n: usize| format!("connection to {} was lost", word(n));
    let few: Vec<String> = (0..FEW_WORDS).map(line).collect();
    assert_eq!(found(&few).len(), FEW_WORDS);
    let many: Vec<String> = (0..=FEW_WORDS).map(line).collect();
    assert_eq!(found(&many), ["connection to <*> was lost"]);
    let more = Miner::new().few_words(FEW_WORDS + 1).mine(many.iter().map(String::as_str));
    assert_eq!(more.templates.len(), FEW_WORDS + 1);
}

#[test]
fn states_are_kept_longer() {
    let line = |n: usize| format!("task went to {} again", word(n + 26).to_uppercase());
    let few: Vec<String> = (0..FEW_STATES).map(line).collect();
    assert_eq!(found(&few).len(), FEW_STATES);
    let many: Vec<String> = (0..=FEW_STATES).map(line).collect();
    assert_eq!(found(&many), ["task went to <*> again"]);
}

#[test]
fn independent_flags_are_parameters() {
    let flags = |n: u32| {
        let flag = |bit: u32| if n >> bit & 1 == 1 { "true" } else { "false" };
        format!("options are a {} b {} c {} d {}", flag(0), flag(1), flag(2), flag(3))
    };
    let lines: Vec<String> = (0..16).map(flags).collect();
    let found = found(&lines);
    assert!(found.len() <= FEW_FORMS, "{found:?}");
    assert!(found.contains(&"options are a false b false c false d <*>".to_owned()), "{found:?}");
}

#[test]
fn places_are_holes_as_soon_as_they_differ() {
    check(
        &["reading file /etc/passwd", "reading file /etc/group", "mail to a@b.c sent"],
        &["reading file <*>", "reading file <*>", "mail to a@b.c sent"],
    );
}

#[test]
fn values_go_where_numbers_made_a_hole() {
    check(
        &["failed; rhost=a.example user=root", "failed; rhost=10.0.0.1 user=root"],
        &["failed; rhost=<*> user=root", "failed; rhost=<*> user=root"],
    );
}

#[test]
fn lists_and_optional_numbers_do_not_count() {
    check(
        &[
            "sent 12 bytes (1.2 KB) to [1, 2]",
            "sent 3 bytes to [7]",
            "ids 5",
            "at x=1, y=2; x=3, y=4; x=5, y=6",
            "at x=7, y=8",
        ],
        &[
            "sent <*> bytes <*>to [<*>]",
            "sent <*> bytes <*>to [<*>]",
            "ids <*>",
            "at x=<*>, y=<*>",
            "at x=<*>, y=<*>",
        ],
    );
}

#[test]
fn what_is_over_the_shapes_goes_to_the_catch_all() {
    let lines: Vec<String> = (0..60).map(|n| format!("{} {}", word(n), word(n + 100))).collect();
    let all = Miner::new().mine(lines.iter().map(String::as_str));
    assert_eq!(all.templates.len(), 60);
    let miner = Miner::new().max_shapes(20);
    let mined = miner.mine(lines.iter().map(String::as_str));
    assert_eq!(mined.templates.len(), 21);
    let rest = texts_of(&mined, mined.of.iter().copied());
    assert_eq!(rest.iter().filter(|text| **text == CATCH_ALL).count(), 40);
    // The same ones whatever the order, and however they are gathered.
    let back = miner.mine(lines.iter().rev().map(String::as_str));
    assert!(mined.of.iter().eq(back.of.iter().rev()));
    let mut sample = Sample::new(miner);
    let shapes: Vec<i64> = lines.iter().map(|line| sample.push(line)).collect();
    let templates = sample.mine();
    assert_eq!(templates.all(), mined.templates);
    assert!(
        shapes.iter().map(|shape| templates.place(*shape)).eq(mined.of.iter().copied().map(Some))
    );
    assert_eq!(sample.text(shapes[0]).is_some(), rest[0] != CATCH_ALL);
}

#[test]
fn a_sample_holds_so_many_shapes() {
    let mut sample = Sample::new(Miner::new().max_shapes(usize::MAX));
    for n in 0..=MAX_SHAPES {
        sample.push(&word(n));
    }
    assert_eq!(sample.shapes(), MAX_SHAPES);
}

#[test]
fn what_is_over_the_templates_goes_to_the_catch_all() {
    let extra = 50;
    let mut lines: Vec<String> = (0..MAX_TEMPLATES + extra)
        .map(|n| format!("{} {}", word(n), word(n + 1_000_000)))
        .collect();
    // One that more shapes share is not among those that go.
    lines.extend((0..10).map(|n| format!("zz zz {}", word(n))));
    let mined = Miner::new().mine(lines.iter().map(String::as_str));
    assert_eq!(mined.templates.len(), MAX_TEMPLATES + 1);
    assert_eq!(mined.of.len(), lines.len());
    let texts = texts_of(&mined, mined.of.iter().copied());
    assert_eq!(texts.iter().filter(|text| **text == CATCH_ALL).count(), extra + 1);
    assert_eq!(texts.last(), Some(&"zz zz <*>"));
}

#[test]
fn long_lines_are_cut() {
    // More words than are looked at.
    let words = |n: usize| vec!["ab"; n].join(" ");
    assert_eq!(masked(&words(MAX_WORDS)), words(MAX_WORDS));
    assert_eq!(masked(&words(MAX_WORDS + 1)), words(MAX_WORDS) + " <*>");
    // More bytes than are looked at.
    let text = format!("begin {}", "abcdefghi ".repeat(MAX_MASKED / 8));
    let cut = masked(&text);
    assert!(cut.ends_with(" <*>") && cut.len() <= MAX_MASKED + 3, "{cut}");
    assert!(text.starts_with(cut.trim_end_matches("<*>")));
    // A longer word than is kept.
    assert_eq!(masked(&"x".repeat(MAX_WORD)), "x".repeat(MAX_WORD));
    assert_eq!(masked(&format!("key {}", "x".repeat(MAX_WORD + 1))), "key <*>");
}

#[test]
fn hostile_lines_have_a_template() {
    let mebibyte = "x".repeat(1 << 20);
    let numbers = "7 ".repeat(100_000);
    let tokens = "token ".repeat(100_000);
    let quotes = "=\"".repeat(50_000);
    let dots = ".".repeat(5_000);
    let rtl = "\u{202e}gnirts\u{202c} שלום 12 \u{200f}";
    let lines = [
        "",
        " ",
        "\0",
        "a\0b 7",
        rtl,
        "###",
        "<*>",
        "{{{{",
        "\u{feff}x",
        "é1é",
        "::::1:::",
        "a:\\",
        &mebibyte,
        &numbers,
        &tokens,
        &quotes,
        &dots,
    ];
    let mined = Miner::new().mine(lines);
    let texts = texts_of(&mined, mined.of.iter().copied());
    assert_eq!((texts[0], texts[1], texts[12], texts[13]), ("", "", "<*>", "<*>"));
    assert!(texts.iter().all(|text| text.len() <= MAX_MASKED * 3), "{texts:?}");
    assert_eq!(texts[3], "a\0b <*>");
}

/// Lines as programs write them: a few statements, with parameters.
fn logs() -> impl Strategy<Value = Vec<String>> {
    let parameter = prop_oneof![
        Just("10.0.0.1".to_owned()),
        "[0-9]{1,4}",
        "[a-f]{2}[0-9]{3}",
        "(root|admin|guest|oracle|git|news|ftp)",
        "/[a-z]{1,3}/[a-z]{1,3}",
        "(GET|POST|PUT)",
        "[0-9]{1,2}(, [0-9]{1,2}){0,3}",
    ];
    let statement = prop_oneof![
        Just("Failed password for % from % port %"),
        Just("Accepted password for % from %"),
        Just("% % took % ms"),
        Just("state=% ids=[%] user=%"),
        Just("%"),
        Just("cache % for %"),
        Just(""),
    ];
    let line = (statement, prop::collection::vec(parameter, 4)).prop_map(|(text, with)| {
        let mut with = with.into_iter();
        text.split_inclusive('%').fold(String::new(), |mut line, part| {
            match part.strip_suffix('%') {
                Some(part) => line.extend([part, &with.next().unwrap_or_default()]),
                None => line.push_str(part),
            }
            line
        })
    });
    prop_oneof![
        4 => prop::collection::vec(line, 0..60),
        1 => prop::collection::vec("[a-c=:., 1#]{0,12}", 0..60),
    ]
}

/// The number of cases: a few on a desk, more in the gate.
fn config() -> ProptestConfig {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    ProptestConfig::with_cases(64 * scale.unwrap_or(1))
}

proptest! {
    #![proptest_config(config())]

    /// The order of lines does not matter, nor how often one comes.
    #[test]
    fn the_set_of_lines_alone_counts(
        (lines, order) in logs().prop_flat_map(|lines| {
            let order = Just(lines.clone()).prop_shuffle();
            (Just(lines), order)
        }),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let miner = Miner::new().max_templates(9).max_shapes(40);
        let mined = miner.mine(lines.iter().map(String::as_str));
        let mut other: Vec<&String> = order.iter().collect();
        if !lines.is_empty() {
            other.extend(again.iter().map(|at| at.get(&lines)));
        }
        let shuffled = miner.mine(other.iter().map(|line| line.as_str()));
        prop_assert_eq!(&shuffled.templates, &mined.templates);
        for (line, at) in other.iter().zip(&shuffled.of) {
            let place = lines.iter().position(|other| other == *line).unwrap();
            prop_assert_eq!(mined.of[place], *at);
        }
    }

    /// Every line has exactly one template, every template has a line, and no two one text.
    #[test]
    fn every_line_has_one_template(lines in logs()) {
        let mined = Miner::new().mine(lines.iter().map(String::as_str));
        prop_assert_eq!(mined.of.len(), lines.len());
        let used: HashSet<usize> = mined.of.iter().copied().collect();
        prop_assert_eq!(used, (0..mined.templates.len()).collect());
        prop_assert!(mined.templates.is_sorted_by(|a, b| a.text < b.text));
    }

    /// Lines of one shape have one template, whichever of them is there, and a sample finds what
    /// the miner finds.
    #[test]
    fn lines_of_one_shape_are_one(lines in logs(), digit in "[0-9]") {
        let other: Vec<String> = lines
            .iter()
            .map(|line| line.replace(|c: char| c.is_ascii_digit(), &digit).replace(' ', " \t "))
            .collect();
        for (line, other) in lines.iter().zip(&other) {
            prop_assert_eq!(shape(line), shape(other));
            prop_assert_eq!(masked(line), masked(other));
        }
        let mined = Miner::new().mine(lines.iter().map(String::as_str));
        prop_assert_eq!(&mined, &Miner::new().mine(other.iter().map(String::as_str)));
        let mut sample = Sample::new(Miner::new());
        let shapes: Vec<i64> = lines.iter().map(|line| sample.push(line)).collect();
        let templates = sample.mine();
        prop_assert_eq!(templates.all(), mined.templates);
        let places: Vec<usize> = shapes.iter().filter_map(|shape| templates.place(*shape)).collect();
        prop_assert_eq!(places, mined.of);
    }

    /// Anything has a template.
    #[test]
    fn anything_is_taken(lines in prop::collection::vec(any::<String>(), 0..20)) {
        let mined = Miner::new().mine(lines.iter().map(String::as_str));
        prop_assert_eq!(mined.of.len(), lines.len());
    }
}
