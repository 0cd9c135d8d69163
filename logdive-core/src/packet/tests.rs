//! What packets say, and that nothing unordered moves it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{Change, changes, evidence};
use crate::log::{LogRecord, LogSeverity};
use crate::{
    Block, BlockKind, ContextGroup, ContextLine, Coverage, Decimal, Digest, Document, Evidence,
    Facts, Finding, LayerCoverage, LayerName, Novelty, Provenance, RateRatio, Skew, StepEvidence,
    StepKind, StepName, Subject, Template, TemplateId, Window,
};

fn t0() -> DateTime<Utc> {
    "2023-07-10T12:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    t0() + TimeDelta::seconds(seconds)
}

fn layer(name: &str) -> LayerName {
    LayerName::parse(name).unwrap()
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn template(of: &str, text: &str, count: u64, first: i64) -> Template {
    Template {
        layer: layer(of),
        id: TemplateId::of(text),
        text: text.to_owned(),
        severity: Some(LogSeverity::INFO),
        count,
        first: at(first),
        last: at(first + 20),
        emitters: vec!["a-1".to_owned()],
        emitter_count: 1,
        examples: vec![format!("{text}, as it was written")],
    }
}

fn finding(of: &str, text: &str, novelty: Novelty, first: i64) -> Finding {
    let has_lines = matches!(novelty, Novelty::New | Novelty::Changed);
    let ratio =
        RateRatio { ratio: number("11.6"), low: number("8.25"), high: Some(number("16.0")) };
    Finding {
        subject: Subject::Template {
            layer: layer(of),
            id: TemplateId::of(text),
            text: text.to_owned(),
        },
        novelty,
        now: if has_lines { 37 } else { 0 },
        before: if novelty == Novelty::New { 0 } else { 90 },
        expected: if novelty == Novelty::New { number("0") } else { number("30") },
        ratio: (novelty == Novelty::Changed).then_some(ratio),
        q: number("0.00001"),
        severity: Some(LogSeverity::ERROR),
        first: has_lines.then(|| at(first)),
        last: has_lines.then(|| at(first + 30)),
        emitters: vec!["hsm-17".to_owned()],
        emitter_count: 1,
        examples: Vec::new(),
    }
}

fn step(name: &str, kind: StepKind) -> StepEvidence {
    StepEvidence::new(StepName::parse(name).unwrap(), kind, format!("lines of {name}"))
}

fn row(of: &str, seconds: i64, request: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: at(seconds).timestamp_nanos_opt(),
        body: Some(format!("{of} took {seconds} s")),
        request_id: Some(request.to_owned()),
        ..LogRecord::new(layer(of), 0)
    }
}

fn sample() -> Evidence {
    let covered = |watermark: i64| LayerCoverage {
        newest: Some(at(120)),
        watermark: Some(at(watermark)),
        scanned: 1000,
        matched: 100,
        ..LayerCoverage::default()
    };
    let layers = BTreeMap::from([
        (layer("front"), covered(200)),
        (
            layer("hsm"),
            LayerCoverage {
                lag: Some(Duration::from_secs(432)),
                silent_emitters: vec!["hsm-31".to_owned(), "hsm-17".to_owned()],
                ..covered(200)
            },
        ),
        (layer("deploys"), LayerCoverage { changes: true, ..covered(200) }),
        (layer("store"), LayerCoverage { matched: 0, ..covered(200) }),
    ]);
    let mut select = step("errors", StepKind::Select);
    select.rows = vec![row("front", -5, "r-1"), row("hsm", -4, "r-1"), row("front", -3, "r-2")];
    select.templates = vec![
        template("front", "timeout after <*> ms", 400, -290),
        template("front", "retry <*>", 12, -20),
    ];
    (select.matched, select.cut) = (412, 409);
    let mut compare = step("baselines", StepKind::Compare);
    compare.findings = vec![
        finding("hsm", "partition <*> is full", Novelty::New, -42),
        finding("front", "timeout after <*> ms", Novelty::Changed, -290),
        finding("front", "cache hit", Novelty::Gone, 0),
        Finding {
            subject: Subject::Emitter { layer: layer("hsm"), emitter: "hsm-17".to_owned() },
            ..finding("hsm", "x", Novelty::Silent, 0)
        },
        Finding {
            subject: Subject::Emitter { layer: layer("hsm"), emitter: "hsm-31".to_owned() },
            ..finding("hsm", "x", Novelty::Silent, 0)
        },
    ];
    compare.stopped = Some("front: baseline 3 of 3 is left out (torn)".to_owned());
    let mut changed = step("changes", StepKind::Changes);
    changed.rows = vec![LogRecord { request_id: None, ..row("deploys", -600, "x") }];
    changed.templates = vec![template("deploys", "deploys took <*> s", 1, -600)];
    changed.matched = 1;
    let mut context = step("around", StepKind::Context);
    context.context = vec![ContextGroup {
        layer: layer("hsm"),
        emitter: Some("hsm-17".to_owned()),
        source: None,
        lines: vec![
            ContextLine { record: row("hsm", -43, "r-9"), hit: false },
            ContextLine { record: row("hsm", -42, "r-9"), hit: true },
        ],
    }];
    Evidence {
        steps: vec![select, compare, changed, step("locked", StepKind::Check), context],
        facts: Facts::new(),
        coverage: Coverage {
            window: Window::new(at(-300), at(120)).unwrap(),
            layers,
            not_looked_at: vec![layer("zone"), layer("mail")],
            skews: vec![Skew {
                layer: layer("hsm"),
                against: layer("front"),
                ahead_micros: 92_400_000,
                ids: 31,
            }],
        },
        provenance: Provenance {
            plan: "a plan".to_owned(),
            plan_digest: Digest::of("plan"),
            lake_version: Some(7),
            engine: "test".to_owned(),
        },
    }
}

/// The text of a document, a line for each heading, paragraph and item.
fn text(document: &Document) -> String {
    fn push(blocks: &[Block], out: &mut Vec<String>) {
        for block in blocks {
            match &block.kind {
                BlockKind::Heading { text, .. } => out.push(format!("# {}", text.plain())),
                BlockKind::Paragraph(line) => out.push(line.plain()),
                BlockKind::List(items) => {
                    out.extend(items.iter().map(|item| format!("- {}", item.plain())));
                }
                BlockKind::KeyValues(rows) => {
                    out.extend(rows.iter().map(|(key, value)| format!("{key}: {}", value.plain())));
                }
                BlockKind::Code(lines) => out.extend(lines.iter().cloned()),
                BlockKind::Fold { title, blocks } => {
                    out.push(format!("+ {}", title.plain()));
                    push(blocks, out);
                }
                BlockKind::Table { .. } | BlockKind::Link { .. } => {}
            }
        }
    }
    let mut out = Vec::new();
    push(&document.0, &mut out);
    out.join("\n")
}

#[test]
fn the_sections_stand_in_their_order() {
    let written = text(&evidence(&sample(), t0(), "logdive find"));
    let expected = "\
- t0 = 2023-07-10T12:00:00Z
- New, 37 error lines, hsm, from t0-42s, only hsm-17: partition <*> is full
- 11.6 times, 37 error lines, front, from t0-4m50s, only hsm-17: timeout after <*> ms
- Change, 1 info line, deploys, from t0-10m, only a-1: deploys took <*> s, as it was written
- Silent, 60 lines expected and none there, hsm, hsm-17, hsm-31
- Gone, 30 lines expected and none there, front, only hsm-17: cache hit
- Found, 12 info lines, front, from t0-20s, only a-1: retry <*>
Evidence complete: 2023-07-10 11:55:00 to 12:02:00 UTC (t0-5m to t0+2m), watermark 2023-07-10T12:03:20Z (t0+3m20s), 4000 lines scanned, 300 matched, 4 shown, 409 counted and not shown
- behind the newest layer: hsm 7m12s
- hsm: 2 silent emitters: hsm-17, hsm-31
- clocks: hsm is 1m32s ahead of front (31 ids seen in both); times are shown as logged
# New: in no baseline
- New, 37 error lines, hsm, t0-42s to t0-12s, only hsm-17: partition <*> is full";
    let head: Vec<&str> = written.lines().take(expected.lines().count()).collect();
    assert_eq!(head.join("\n"), expected);
    let heads: Vec<&str> = written.lines().filter(|line| line.starts_with("# ")).collect();
    assert_eq!(
        heads,
        [
            "# New: in no baseline",
            "# Changed against the baselines",
            "# Stopped: in the baselines, and not there now",
            "# Timeline",
            "# Ruled out",
            "# Not looked at",
            "# Provenance"
        ]
    );
    for said in [
        "- t0-10m, deploys, change: deploys took -600 s",
        "- t0-42s to t0-12s, hsm, 37 lines, new: partition <*> is full",
        "- front → hsm: 1 request, first r-1 at t0-5s",
        "- locked: no line of lines of locked",
        "- layers not in the plan: mail, zone",
        "- looked at, nothing found: store",
        "- baselines: front: baseline 3 of 3 is left out (torn)",
        "> 11:59:18 t0-42s hsm - hsm took -42 s",
    ] {
        assert!(written.contains(said), "`{said}` is not in\n{written}");
    }
    assert!(written.ends_with("again: logdive find"), "{written}");
}

/// What was not found while lines may be missing is not ruled out, and a check that found lines
/// stands first.
#[test]
fn checks_are_honest_and_loud() {
    let mut late = sample();
    late.coverage.layers.get_mut("hsm").unwrap().watermark = Some(at(-60));
    let written = text(&evidence(&late, t0(), "again"));
    assert!(!written.contains("# Ruled out"), "{written}");
    assert!(written.contains("# Looked for and not found so far, though lines may be missing"));
    assert!(written.contains("Evidence INCOMPLETE"), "{written}");

    let mut loud = sample();
    loud.steps[3].matched = 1;
    loud.steps[3].rows = vec![row("store", -290, "r-7")];
    let written = text(&evidence(&loud, t0(), "again"));
    let second = written.lines().nth(1).unwrap();
    assert!(second.contains("Expected not to be there (check locked), Found, 1 line"), "{second}");
    assert!(!written.contains("# Ruled out"), "{written}");
}

/// A surge of the whole layer explains its templates; a silent one its emitters and templates.
#[test]
fn what_a_whole_layer_does_is_said_once() {
    let mut surge = sample();
    surge.steps[1].findings.push(Finding {
        subject: Subject::Layer { layer: layer("front") },
        severity: None,
        ..finding("front", "x", Novelty::Changed, -300)
    });
    let ranked = super::rank::rank(&surge, t0());
    let score = |text: &str| ranked.iter().find(|c| c.text == text).unwrap().score;
    let alone = super::rank::rank(&sample(), t0());
    let before = alone.iter().find(|c| c.text == "timeout after <*> ms").unwrap().score;
    assert_eq!(score("timeout after <*> ms"), before - 18, "three doublings are explained");

    let mut silent = sample();
    silent.steps[1].findings.push(Finding {
        subject: Subject::Layer { layer: layer("hsm") },
        ..finding("hsm", "x", Novelty::Silent, 0)
    });
    let written = text(&evidence(&silent, t0(), "again"));
    assert!(written.contains("Silent, 30 lines expected and none there, hsm as a whole"));
    assert!(!written.contains("expected and none there, hsm, hsm-17"), "{written}");
}

#[test]
fn a_dive_without_comparison_says_so_and_ranks_all_the_same() {
    let mut plain = sample();
    plain.steps.truncate(1);
    plain.steps[0].templates.clear();
    let written = text(&evidence(&plain, t0(), "again"));
    assert!(written.contains("the plan compares nothing"), "{written}");
    assert!(written.contains("Found, 2 lines, front, from t0-5s: front took -5 s"), "{written}");
}

#[test]
fn a_second_look_says_what_changed() {
    let (mut before, mut after) = (sample(), sample());
    before.coverage.layers.get_mut("hsm").unwrap().watermark = Some(at(-60));
    let gone = before.steps[1].findings.split_off(2);
    after.steps[1].findings.truncate(2);
    before.steps[1].findings = vec![gone[0].clone(), gone[1].clone()];
    let told: Vec<String> = changes(&before, &after).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "the evidence is complete now",
            "hsm: its watermark has passed the window's end",
            "changed, front: timeout after <*> ms, 37 lines",
            "new, hsm: partition <*> is full, 37 lines",
            "not gone any more, front: cache hit",
            "not silent any more, hsm: hsm-17",
        ]
    );
    assert!(changes(&after, &after).is_empty());
    let back = changes(&after, &before);
    assert!(back.contains(&Change::Complete(false)));
    assert!(!back.iter().any(|change| matches!(change, Change::Watermark(_))));
}

proptest! {
    /// Findings, templates, skews, silent emitters and layers have no order of their own.
    #[test]
    fn order_without_meaning_has_no_effect(
        turns in prop::collection::vec(0..50_usize, 8),
        firsts in prop::collection::vec(-300..120_i64, 12),
        kinds in prop::collection::vec(0..4_usize, 12),
    ) {
        let novelties = [Novelty::New, Novelty::Changed, Novelty::Gone, Novelty::Silent];
        let mut one = sample();
        for (index, (first, kind)) in firsts.iter().zip(&kinds).enumerate() {
            let text = format!("kind {} of line", index % 7);
            // Equal scores and times: only the total order is left.
            let of = ["front", "hsm", "store"][index % 3];
            one.steps[0].templates.push(template(of, &text, 5, first / 100 * 100));
            if index < 7 {
                one.steps[1].findings.push(finding(of, &text, novelties[*kind], first / 100 * 100));
            }
        }
        let mut two = one.clone();
        let mut turns = turns.into_iter();
        let mut turn = |length: usize| turns.next().unwrap_or(1) % length.max(1);
        for step in &mut two.steps {
            let (a, b) = (turn(step.templates.len()), step.findings.len());
            step.templates.rotate_left(a);
            step.findings.reverse();
            step.findings.rotate_left(if b == 0 { 0 } else { a % b });
        }
        two.coverage.not_looked_at.reverse();
        two.coverage.layers.get_mut("hsm").unwrap().silent_emitters.reverse();
        let other = Skew { ids: 9, layer: layer("store"), ..one.coverage.skews[0].clone() };
        one.coverage.skews.push(other.clone());
        two.coverage.skews.insert(0, other);
        prop_assert_eq!(evidence(&one, t0(), "again"), evidence(&two, t0(), "again"));
    }
}
