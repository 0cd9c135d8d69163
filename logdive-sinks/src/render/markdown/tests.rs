use logdive_core::{BlockKind, Document, Line, Priority};
use proptest::prelude::*;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag};

use super::super::hostile::{STRINGS, any_document, any_line, cases};
use super::super::visible;
use super::document;

/// What a reader sees of Markdown, after making sure that nothing in it is alive but what is ours.
fn seen(markdown: &str) -> String {
    let mut seen = String::new();
    // What GitHub looks for mentions and links in: text that is in no code, piece by piece.
    let mut bare = String::new();
    let mut in_code = false;
    for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
        match &event {
            Event::Text(text) if !in_code => bare.push_str(text),
            _ => {
                assert_bare(&bare, markdown);
                bare.clear();
            }
        }
        match event {
            Event::Text(text) | Event::Code(text) => seen.push_str(&text),
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_code = false,
            Event::Html(html) => assert_html(&html, markdown),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                assert_eq!(link_type, LinkType::Inline, "{markdown}");
                assert!(
                    dest_url.to_lowercase().starts_with("http"),
                    "a link to {dest_url} in {markdown}"
                );
            }
            Event::Start(
                Tag::Paragraph
                | Tag::Heading { .. }
                | Tag::HtmlBlock
                | Tag::List(None)
                | Tag::Item
                | Tag::Strong
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell,
            )
            | Event::End(_) => {}
            other => panic!("{other:?} in {markdown}"),
        }
    }
    assert_bare(&bare, markdown);
    seen
}

fn assert_bare(text: &str, markdown: &str) {
    for live in ["@", "://", "www.", "\u{1b}", "\u{202e}", "\u{200b}"] {
        assert!(!text.to_lowercase().contains(live), "a live {live:?} in {markdown}");
    }
    let refers = text.split('#').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    assert!(!refers, "a live reference in {markdown}");
}

/// The only HTML is that of folds.
fn assert_html(html: &str, markdown: &str) {
    let mut rest = html.trim_end();
    for ours in ["<details>", "</details>", "<summary>", "</summary>"] {
        rest = rest.strip_prefix(ours).unwrap_or(rest);
        rest = rest.strip_suffix(ours).unwrap_or(rest);
    }
    let rest = ["strong", "code"].iter().fold(rest.to_owned(), |text, tag| {
        text.replace(&format!("<{tag}>"), "").replace(&format!("</{tag}>"), "")
    });
    assert!(!rest.contains('<'), "HTML {html:?} in {markdown}");
}

/// Letters only: what a reader must see of a text, whatever the layout does with white space.
fn letters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn everywhere(text: &str) -> Document {
    let line = || Line::from(text);
    Document::new()
        .heading(2, text)
        .paragraph(text)
        .paragraph(Line::new().text("before ").strong(text).text(" after"))
        .paragraph(Line::new().text("x").strong(text).code(text).text(text))
        .with(Priority::Normal, BlockKind::List(vec![line(), Line::new().code(text)]))
        .with(Priority::Normal, BlockKind::KeyValues(vec![(text.to_owned(), line())]))
        .with(
            Priority::Normal,
            BlockKind::Table {
                columns: vec![text.to_owned(), "b".to_owned()],
                rows: vec![vec![line(), Line::new().code(text)]],
            },
        )
        .with(Priority::Normal, BlockKind::Code(vec![text.to_owned(), text.to_owned()]))
        .with(
            Priority::Normal,
            BlockKind::Fold { title: line(), blocks: Document::new().paragraph(text).0 },
        )
        .with(Priority::Normal, BlockKind::Link { text: text.to_owned(), url: text.to_owned() })
}

#[test]
fn hostile_text_is_inert_in_every_place() {
    assert!(STRINGS.len() >= 100);
    for text in STRINGS {
        seen(&document(&everywhere(text)));
    }
}

#[test]
fn hostile_text_is_shown_as_it_is() {
    for text in STRINGS {
        let shown = seen(&document(&Document::new().paragraph(*text)));
        assert_eq!(letters(&shown), letters(&visible(text)), "{text:?}");
    }
}

#[test]
fn a_fence_is_longer_than_any_run_inside() {
    let code = BlockKind::Code(vec!["a".into(), "`````".into(), "b\n```".into()]);
    assert_eq!(
        document(&Document::new().with(Priority::Normal, code)),
        "``````\na\n`````\nb\\n```\n``````\n"
    );
}

#[test]
fn our_marks_cannot_be_forged() {
    let mark = "<!-- logdive:00 -->";
    let text = document(&everywhere(mark));
    assert!(!text.lines().any(|line| line.trim() == mark), "{text}");
}

#[test]
fn what_it_looks_like() {
    let row = |cells: [&str; 2]| cells.map(Line::from).to_vec();
    let markdown = document(
        &Document::new()
            .heading(2, "Quota denied 72 requests")
            .paragraph(Line::new().text("Ask ").strong("@ana").text(" about ").code("a_b"))
            .with(
                Priority::Normal,
                BlockKind::KeyValues(vec![("window".into(), "10:00 to 10:30 (30m)".into())]),
            )
            .with(
                Priority::Normal,
                BlockKind::Table {
                    columns: vec!["layer".into(), "lines".into()],
                    rows: vec![row(["front_end", "a|b"])],
                },
            )
            .with(
                Priority::Detail,
                BlockKind::Fold {
                    title: "lines & more".into(),
                    blocks: Document::new()
                        .with(Priority::Detail, BlockKind::Code(vec!["GET / 429".into()]))
                        .0,
                },
            )
            .with(
                Priority::Essential,
                BlockKind::Link {
                    text: "runbook".into(),
                    url: "https://w.example/r?a=1&b=(2)".into(),
                },
            ),
    );
    assert_eq!(
        markdown,
        "## Quota denied 72 requests\n\n\
         Ask `@ana` about `a_b`\n\n\
         - **window:** 10:00 to 10:30 (30m)\n\n\
         | layer | lines |\n| --- | --- |\n| front_end | a&#124;b |\n\n\
         <details>\n<summary>lines &amp; more</summary>\n\n\
         ```\nGET / 429\n```\n\n\
         </details>\n\n\
         [runbook](https://w.example/r?a=1&amp;b=%282%29)\n"
    );
}

#[test]
fn links_lead_only_to_the_web() {
    for url in ["javascript:alert(1)", "data:text/html,x", "//x", "https://a@evil.example/", ""] {
        let kind = BlockKind::Link { text: "x".into(), url: url.into() };
        let markdown = document(&Document::new().with(Priority::Normal, kind));
        assert!(!markdown.contains("]("), "{markdown}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_document_is_inert(document in any_document()) {
        seen(&super::document(&document));
    }

    #[test]
    fn any_line_is_shown_as_it_is(line in any_line()) {
        let shown = seen(&document(&Document::new().paragraph(line.clone())));
        let all: String = line.0.iter().map(|run| visible(run.as_str())).collect();
        prop_assert_eq!(letters(&shown), letters(&all));
    }
}
