use logdive_core::port::{LimitUnit, Markup, SinkError, SizeLimit};
use logdive_core::{BlockKind, Document, Priority};
use proptest::prelude::*;
use proptest::sample::select;

use super::fit;
use crate::render::hostile::{any_document, cases};
use crate::{Format, render, visible};

const MARKDOWN: Format = Format::new(Markup::Markdown);

fn chars(max: usize) -> SizeLimit {
    SizeLimit { max, unit: LimitUnit::Chars }
}

fn lines(count: usize) -> BlockKind {
    BlockKind::Code((1..=count).map(|n| format!("line {n} of the log")).collect())
}

fn packet() -> Document {
    Document::new()
        .heading(2, "Quota")
        .paragraph("72 requests were denied.")
        .with(Priority::Detail, lines(200))
        .with(Priority::Normal, BlockKind::Paragraph("The timeline is below.".into()))
        .with(Priority::Detail, BlockKind::Paragraph("Also of interest.".into()))
}

#[test]
fn what_fits_is_kept_whole() {
    let fitted = fit(&packet(), MARKDOWN, SizeLimit::NONE).unwrap();
    assert_eq!(fitted.body, render(&packet(), MARKDOWN));
    assert!(fitted.kept.is_all());
    assert_eq!(fitted.kept.blocks, 5);
}

#[test]
fn lines_of_detail_go_first_and_head_and_tail_stay() {
    let fitted = fit(&packet(), MARKDOWN, chars(400)).unwrap();
    assert!(fitted.body.contains("line 1 of the log\n"), "{}", fitted.body);
    assert!(fitted.body.contains("line 200 of the log\n"), "{}", fitted.body);
    assert!(fitted.body.contains("timeline"), "{}", fitted.body);
    assert!(fitted.body.contains("of interest"), "{}", fitted.body);
    let left_out = fitted.kept.lines_left_out;
    assert!(fitted.body.contains(&format!("… {left_out} lines left out\n")), "{}", fitted.body);
    assert_eq!(fitted.kept.left_out, 0);
    assert!(fitted.body.chars().count() > 340, "as much as fits is kept: {}", fitted.body);
}

#[test]
fn then_blocks_of_detail_and_what_is_essential_stays() {
    let fitted = fit(&packet(), MARKDOWN, chars(100)).unwrap();
    assert_eq!(
        fitted.body,
        "## Quota\n\n72 requests were denied.\n\n… 1 block left out\n\nThe timeline is below.\n\n\
         … 1 block left out\n"
    );
    assert_eq!(fitted.kept.left_out, 2);
    let fitted = fit(&packet(), MARKDOWN, chars(60)).unwrap();
    assert_eq!(fitted.body, "## Quota\n\n72 requests were denied.\n\n… 3 blocks left out\n");
}

#[test]
fn what_is_essential_is_never_left_out() {
    let error = fit(&packet(), MARKDOWN, chars(30)).unwrap_err();
    assert_eq!(error, SinkError::TooLarge { actual: 56, max: 30 });
}

#[test]
fn folds_matter_no_more_than_they_say() {
    let inner = Document::new().paragraph("essential in a fold of detail").0;
    let document = Document::new()
        .paragraph("first")
        .with(Priority::Detail, BlockKind::Fold { title: "fold".into(), blocks: inner });
    let fitted = fit(&document, MARKDOWN, chars(40)).unwrap();
    assert_eq!(fitted.body, "first\n\n… 2 blocks left out\n");
    assert_eq!((fitted.kept.blocks, fitted.kept.left_out), (3, 2));
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_document_fits_any_limit_or_is_refused(
        document in any_document(),
        max in 0_usize..3_000,
        unit in select(&[LimitUnit::Chars, LimitUnit::Bytes, LimitUnit::Utf16][..]),
        markup in select(&[Markup::Markdown, Markup::Plain][..]),
    ) {
        let limit = SizeLimit { max, unit };
        let format = Format::new(markup);
        let whole = render(&document, format);
        match fit(&document, format, limit) {
            Ok(fitted) => {
                prop_assert!(limit.fits(&fitted.body));
                // Nothing that a terminal obeys, and nothing hidden.
                for line in fitted.body.lines() {
                    let line = line.replace('\t', " ");
                    prop_assert_eq!(visible(&line), line);
                }
                prop_assert_eq!(fitted.kept.is_all(), fitted.body == whole);
                prop_assert!(fitted.kept.left_out <= fitted.kept.blocks);
            }
            Err(SinkError::TooLarge { actual, max: stated }) => {
                prop_assert!(actual > stated);
                prop_assert_eq!(stated, max);
                prop_assert!(!limit.fits(&whole));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
