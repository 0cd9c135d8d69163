//! Text that attacks what shows it, and documents made of it, for tests.

use logdive_core::{Block, BlockKind, Document, Inline, Line, Priority};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Each has done harm somewhere.
pub(crate) const STRINGS: &[&str] = &[
    "@ana",
    "@acme/oncall please approve",
    "ana@example.com",
    "&#64;ana",
    "&#x40;ana",
    "&commat;ana",
    "&amp;#64;ana",
    "<@U123>",
    "<!channel>",
    "[x](https://evil.example)",
    "[x][y]",
    "[y]: https://evil.example \"t\"",
    "![x](https://evil.example/p.png)",
    "https://evil.example/?q=1",
    "http://evil.example",
    "www.evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "<https://evil.example>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<details open><summary>x",
    "</details>",
    "</summary><script>",
    "<!-- hidden -->",
    "<!--",
    "<!-- logdive:0000 -->",
    "<!-- /logdive:0000 -->",
    "<![CDATA[x]]>",
    "<?php x ?>",
    "```",
    "````\n@ana\n````",
    "`` ` ``",
    "`",
    "``",
    "~~~",
    "~~gone~~",
    "~sub~",
    "^sup^",
    "**APPROVED** by root",
    "__bold__",
    "*it*",
    "_it_",
    "***",
    "---",
    "===",
    "___",
    "* * *",
    "- item",
    "+ item",
    "* item",
    "1. one",
    "1) one",
    "10000. x",
    "> quote",
    "> [!NOTE]\n> x",
    "- [x] done",
    "# heading",
    "###### six #",
    "| a | b |\n| - | - |\n| c | d |",
    "a|b",
    "\\|",
    "\\\\|",
    "\\",
    "\\\\",
    "\\`",
    "\\@ana",
    "line\n\nAPPROVED by root",
    "x\r\nSet-Cookie: y",
    "    indented code",
    "\tindented",
    "$x^2$",
    "$$x$$",
    "[^1]",
    "[^1]: note",
    "#42",
    "acme/ops#42",
    "GH-42",
    "1760c4e0aa",
    ":tada:",
    ":+1:",
    "&nbsp;",
    "&lt;script&gt;",
    "&copy;",
    "\u{202e}evil",
    "\u{2066}x\u{2069}",
    "a\u{200b}b",
    "\u{feff}",
    "\u{e0041}\u{e0042}",
    "\u{fe0f}",
    "\u{1b}[31mred",
    "\u{1b}]8;;https://evil.example\u{7}x\u{1b}]8;;\u{7}",
    "\u{1b}]52;c;eA==\u{7}",
    "\u{9b}2J",
    "\u{0}",
    "\u{8}\u{8}\u{8}",
    "\u{7f}",
    "\u{2028}x",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "%0a%0d",
    "=cmd|' /C calc'!A0",
    "mailto:ana@example.com",
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    "\u{3000}- x",
    "\u{a0}# x",
    "漢字@ana漢字",
    "🙂@ana",
    "",
    " ",
    "  ",
    "x  ",
    "[[wiki]]",
    "http:",
    "//evil.example",
    "w",
    "ww.evil.example",
    "ftp://evil.example",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(STRINGS).prop_map(str::to_owned),
        2 => vec(select(STRINGS), 1..4).prop_map(|parts| parts.concat()),
        1 => vec(select(STRINGS), 1..4).prop_map(|parts| parts.join(" ")),
        1 => "[ -~]{0,40}",
        1 => "\\PC{0,20}",
    ]
}

pub(crate) fn any_line() -> impl Strategy<Value = Line> {
    let inline = prop_oneof![
        3 => text().prop_map(Inline::Text),
        1 => text().prop_map(Inline::Strong),
        1 => text().prop_map(Inline::Code),
    ];
    vec(inline, 0..4).prop_map(Line)
}

fn any_block() -> impl Strategy<Value = Block> {
    let kind = prop_oneof![
        1 => (0_u8..8, any_line()).prop_map(|(level, text)| BlockKind::Heading { level, text }),
        3 => any_line().prop_map(BlockKind::Paragraph),
        2 => vec(any_line(), 0..8).prop_map(BlockKind::List),
        2 => vec((text(), any_line()), 0..5).prop_map(BlockKind::KeyValues),
        2 => (vec(text(), 0..4), vec(vec(any_line(), 0..5), 0..12))
            .prop_map(|(columns, rows)| BlockKind::Table { columns, rows }),
        3 => vec(text(), 0..30).prop_map(BlockKind::Code),
        1 => (text(), text()).prop_map(|(text, url)| BlockKind::Link { text, url }),
    ];
    let priority = select(&[Priority::Detail, Priority::Normal, Priority::Essential][..]);
    let leaf = (kind, priority).prop_map(|(kind, priority)| Block { kind, priority });
    leaf.prop_recursive(3, 24, 4, |inner| {
        let priority = select(&[Priority::Detail, Priority::Normal, Priority::Essential][..]);
        (any_line(), vec(inner, 0..4), priority).prop_map(|(title, blocks, priority)| Block {
            kind: BlockKind::Fold { title, blocks },
            priority,
        })
    })
}

pub(crate) fn any_document() -> impl Strategy<Value = Document> {
    vec(any_block(), 0..8).prop_map(Document)
}

/// How many cases a property is tried on.
pub(crate) fn cases(per_scale: u32) -> ProptestConfig {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: per_scale * scale.unwrap_or(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
