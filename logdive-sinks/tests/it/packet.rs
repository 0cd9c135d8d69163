//! The packet as tickets and terminals show it: the first lines hold what matters.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::compare::{Compared, Looked, Settings, Windows, findings};
use logdive_core::log::{LogRecord, LogSeverity};
use logdive_core::memory::{FnDecide, ManualClock, MemoryJournal, MemoryPost};
use logdive_core::port::{Description, DiveError, DiveRequest, EvidenceSource, Markup, Needs};
use logdive_core::{
    Actor, Audience, Conclusion, Coverage, Decision, Digest, Document, Evidence, Facts,
    LayerCoverage, LayerName, Mode, Pilot, Playbook, Provenance, StepEvidence, StepKind, StepName,
    StopLatch, Subject, Template, TemplateId, Ticket, TicketId, TicketSeverity, TicketStatus,
    Times, Window, packet,
};
use logdive_sinks::{Format, render};

const LAYERS: [&str; 4] = ["front", "auth", "hsm", "store"];
const BEFORE: i64 = 900;
const AFTER: i64 = 120;

fn t0() -> DateTime<Utc> {
    "2023-07-10T12:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    t0() + TimeDelta::seconds(seconds)
}

fn layer(name: &str) -> LayerName {
    LayerName::parse(name).unwrap()
}

/// Random numbers of a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn within(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from) as u64) as i64
    }

    /// About so many, give or take a fifth and some chance.
    fn about(&mut self, mean: u64) -> u64 {
        let wide = mean / 5 + (mean as f64).sqrt() as u64;
        (mean + self.below(2 * wide + 1)).saturating_sub(wide)
    }
}

/// One kind of line, as an engine would have counted it.
struct Kind {
    layer: &'static str,
    text: String,
    severity: Option<LogSeverity>,
    now: u64,
    baselines: Vec<u64>,
    first: i64,
    last: i64,
    emitters: u64,
}

impl Kind {
    fn template(&self) -> Template {
        Template {
            layer: layer(self.layer),
            id: TemplateId::of(&self.text),
            text: self.text.clone(),
            severity: self.severity,
            count: self.now,
            first: at(self.first),
            last: at(self.last),
            emitters: vec![format!("{}-1", self.layer)],
            emitter_count: self.emitters,
            examples: vec![self.text.replace("<*>", "17")],
        }
    }

    fn compared(&self) -> Compared {
        let Template { layer, id, text, severity, examples, emitters, .. } = self.template();
        let subject = Subject::Template { layer, id, text };
        let has_lines = self.now > 0;
        Compared {
            severity,
            first: has_lines.then(|| at(self.first)),
            last: has_lines.then(|| at(self.last)),
            emitters,
            emitter_count: self.emitters,
            examples,
            ..Compared::new(subject, self.now, self.baselines.clone())
        }
    }
}

/// 300 kinds of line that have nothing to do with it: most steady, some in bursts, rare ones that
/// happen to be in the window and in no baseline, errors of every day.
fn distractors(random: &mut Random) -> Vec<Kind> {
    let mut all = Vec::new();
    for index in 0..300_u64 {
        let of = LAYERS[random.below(4) as usize];
        let severity = match random.below(20) {
            0 | 1 => Some(LogSeverity::ERROR),
            2..=4 => Some(LogSeverity::WARN),
            5 | 6 => None,
            _ => Some(LogSeverity::INFO),
        };
        let rare = index % 10 == 0;
        let bursts = index % 10 == 1;
        let mean = 10_u64.pow(1 + random.below(3) as u32) * (1 + random.below(9)) / 5;
        let mut counts: Vec<u64> = (0..4)
            .map(|_| match (rare, bursts) {
                (true, _) => 0,
                (_, true) => random.about(mean) * random.below(3),
                _ => random.about(mean),
            })
            .collect();
        let mut severity = severity;
        if rare {
            counts[0] = 1 + random.below(2);
            // What was never seen and is an error is what one looks for: few such are chance.
            if severity == Some(LogSeverity::ERROR) && random.below(3) > 0 {
                severity = Some(LogSeverity::WARN);
            }
        }
        let first = if counts[0] > 20 { -BEFORE } else { random.within(-BEFORE, AFTER) };
        all.push(Kind {
            layer: of,
            text: format!("{of} kind {index} of <*> was done in <*> ms"),
            severity,
            now: counts[0],
            baselines: counts[1..].to_vec(),
            first,
            last: random.within(first, AFTER + 1).max(first),
            emitters: 1 + random.below(counts[0].max(1)).min(39),
        });
    }
    // What everybody sees, and what is only a consequence.
    for (index, of) in ["front", "front", "front", "auth"].into_iter().enumerate() {
        let mean = 20 + random.below(60);
        all.push(Kind {
            layer: of,
            text: format!("{of} call {index} timed out after <*> ms"),
            severity: Some(LogSeverity::ERROR),
            now: random.about(mean * 12),
            baselines: (0..3).map(|_| random.about(mean)).collect(),
            first: -BEFORE,
            last: AFTER - 1,
            emitters: 40,
        });
    }
    all
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Incident {
    NewError,
    OneLine,
    Deploy,
    Silence,
    Rise,
    Checked,
}

const INCIDENTS: [Incident; 6] = [
    Incident::NewError,
    Incident::OneLine,
    Incident::Deploy,
    Incident::Silence,
    Incident::Rise,
    Incident::Checked,
];

/// The evidence of an incident, and the text that names its cause.
fn planted(incident: Incident, random: &mut Random) -> (Evidence, String) {
    let mut kinds = distractors(random);
    let onset = random.within(-240, -5);
    let cause = |layer, text: &str, severity, now, baselines, first, emitters| Kind {
        layer,
        text: text.to_owned(),
        severity,
        now,
        baselines,
        first,
        last: AFTER - 1,
        emitters,
    };
    let steady = |random: &mut Random, mean| (0..3).map(|_| random.about(mean)).collect();
    let text = match incident {
        Incident::NewError => {
            let lines = 5 + random.below(200);
            let error = Some(LogSeverity::ERROR);
            let text = "partition <*>: session table is full";
            kinds.push(cause("hsm", text, error, lines, vec![0; 3], onset, 1));
            text.to_owned()
        }
        Incident::OneLine => {
            let text = "attestation of module <*> does not verify";
            let error = Some(LogSeverity::ERROR);
            let kind = cause("hsm", text, error, 1, vec![0; 3], onset, 1);
            kinds.push(Kind { last: onset, ..kind });
            text.replace("<*>", "17")
        }
        Incident::Deploy => {
            let text = "policy version <*> was pushed to zone <*>";
            let first = onset - random.within(60, 600);
            let info = Some(LogSeverity::INFO);
            let kind = cause("deploys", text, info, 1, vec![0, 0, 1], first, 1);
            kinds.push(Kind { last: first, ..kind });
            text.replace("<*>", "17")
        }
        Incident::Silence => {
            for kind in kinds.iter_mut().filter(|kind| kind.layer == "store") {
                kind.now = 0;
            }
            "store as a whole".to_owned()
        }
        Incident::Rise => {
            let text = "grant cache miss for key <*>";
            let before = steady(random, 60);
            kinds.push(cause("auth", text, None, random.about(3000), before, -BEFORE, 4));
            text.to_owned()
        }
        Incident::Checked => {
            let text = "operator login from <*>";
            kinds.push(cause("store", text, Some(LogSeverity::INFO), 1, vec![0, 1, 0], onset, 1));
            text.replace("<*>", "17")
        }
    };
    (evidence(&kinds, incident, random), text)
}

fn evidence(kinds: &[Kind], incident: Incident, random: &mut Random) -> Evidence {
    let step = |name: &str, kind, about: &str| {
        StepEvidence::new(StepName::parse(name).unwrap(), kind, about.to_owned())
    };
    let quarter = Looked::whole(Duration::from_secs((BEFORE + AFTER) as u64));
    let windows: BTreeMap<LayerName, Windows> = LAYERS
        .into_iter()
        .chain(["deploys"])
        .map(|of| {
            let windows = Windows { now: quarter.clone(), baselines: vec![quarter.clone(); 3] };
            (layer(of), windows)
        })
        .collect();
    let mut compared: Vec<Compared> = kinds.iter().map(Kind::compared).collect();
    for of in LAYERS {
        let lines = |index: usize| {
            let kinds = kinds.iter().filter(|kind| kind.layer == of);
            kinds.map(|k| if index == 0 { k.now } else { k.baselines[index - 1] }).sum()
        };
        let baselines = (1..4).map(lines).collect();
        compared.push(Compared::new(Subject::Layer { layer: layer(of) }, lines(0), baselines));
    }
    let told = findings(&windows, compared, &Settings::default());

    let present: Vec<&Kind> = kinds.iter().filter(|kind| kind.now > 0).collect();
    let mut select = step("errors", StepKind::Select, "severity >= error");
    let is_error = |kind: &&&Kind| kind.severity >= Some(LogSeverity::ERROR);
    select.templates = present.iter().filter(is_error).map(|kind| kind.template()).collect();
    select.matched = select.templates.iter().map(|template| template.count).sum();
    // The last rows of the front: what one greps first.
    select.rows = (0..50)
        .map(|index| LogRecord {
            time_unix_nano: at(AFTER - 51 + index).timestamp_nanos_opt(),
            body: Some(format!("call timed out after {} ms", 1000 + index)),
            ..LogRecord::new(layer("front"), 0)
        })
        .collect();
    let mut templates = step("kinds", StepKind::Templates, "all lines");
    templates.templates = present.iter().map(|kind| kind.template()).collect();
    let mut compare = step("baselines", StepKind::Compare, "yesterday, last week, before");
    compare.findings = told.findings;
    let mut check = step("operators", StepKind::Check, "logins of operators");
    if incident == Incident::Checked {
        let is_login = |kind: &&&Kind| kind.text.starts_with("operator");
        check.templates = present.iter().filter(is_login).map(|kind| kind.template()).collect();
        check.matched = 1;
    }
    let mut layers = BTreeMap::new();
    for of in LAYERS.into_iter().chain(["deploys"]) {
        let covered = LayerCoverage {
            watermark: Some(at(AFTER + random.within(0, 9))),
            scanned: 1_000_000,
            matched: 1000,
            changes: of == "deploys",
            ..LayerCoverage::default()
        };
        layers.insert(layer(of), covered);
    }
    Evidence {
        steps: vec![select, templates, compare, check],
        facts: Facts::new(),
        coverage: Coverage {
            window: Window::new(at(-BEFORE), at(AFTER)).unwrap(),
            layers,
            not_looked_at: Vec::new(),
            skews: Vec::new(),
        },
        provenance: Provenance {
            plan: "a plan".to_owned(),
            plan_digest: Digest::of("plan"),
            lake_version: Some(1),
            engine: "test".to_owned(),
        },
    }
}

#[derive(Debug)]
struct Fixed(Evidence);

#[async_trait]
impl EvidenceSource for Fixed {
    fn describe(&self) -> Description {
        Description { steps: Vec::new(), plan: Digest::of("plan") }
    }

    async fn dive(&self, _: &DiveRequest) -> Result<Evidence, DiveError> {
        Ok(self.0.clone())
    }
}

/// The packet of a whole case: undecided facts, a person asked.
async fn case_packet(evidence: Evidence) -> Document {
    let needs = Needs { measures: Vec::new(), actions: Vec::new(), digest: Digest::of("rules") };
    let decide = FnDecide::new(needs, |_, _| Decision {
        conclusion: Conclusion::NoRule {
            because: "no rule of this playbook fits what was measured in the window".into(),
        },
        trace: Vec::new(),
        rules: Some(Digest::of("rules")),
        by: Actor::Automation,
        parent: None,
    });
    let playbook = Playbook::builder("front-errors")
        .when("ticket.service == \"front\"")
        .look(Fixed(evidence))
        .decide(decide)
        .highest(Mode::Suggest)
        .build()
        .unwrap();
    let post = MemoryPost::new();
    let pilot = Pilot::builder()
        .playbook(playbook)
        .post_to(post.clone())
        .journal(MemoryJournal::new())
        .stop(StopLatch::in_memory())
        .clock(ManualClock::at(t0()))
        .ceiling(Mode::Suggest)
        .build()
        .unwrap();
    let ticket = Ticket {
        id: TicketId::new("test", "1").unwrap(),
        title: "ALARM: \"front-5xx\": more than 5 % of calls fail".into(),
        body: String::new(),
        url: None,
        severity: TicketSeverity::new(2),
        status: TicketStatus::New,
        vendor_status: "firing".into(),
        service: Some("front".into()),
        labels: BTreeMap::new(),
        times: Times::opened(t0()),
        group_key: None,
        dedupe_key: "1".into(),
        audience: Audience::Internal,
        truncated_members: 0,
        raw_digest: Digest::of("1"),
        entities: Vec::new(),
    };
    let case = pilot.accept(ticket).await.unwrap();
    let case = pilot.finish(&case).await.unwrap();
    pilot.packet(&case)
}

fn place(document: &Document, format: Format, cause: &str) -> Option<usize> {
    // In Markdown what means something in it is escaped; the cause's words are not.
    let text = render(document, format).replace("&lt;", "<").replace("&gt;", ">");
    // A long line is wrapped, so that the cause may stand on two.
    let lines: Vec<&str> = text.lines().collect();
    (0..lines.len()).find(|index| {
        let two: Vec<&str> = lines.iter().skip(*index).take(2).map(|line| line.trim()).collect();
        two.join(" ").contains(cause)
    })
}

/// The cause of an incident among 300 distractors stands in the first 15 lines of a packet as a
/// ticket gets it and as a terminal shows it, and the newest 50 lines of the service do not have
/// it.
#[tokio::test]
async fn the_first_lines_name_the_cause() {
    let scale: u64 =
        std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut missed = BTreeSet::new();
    let (mut all, mut in_15, mut in_40, mut in_newest) = (0_usize, 0_usize, 0_usize, 0_usize);
    for seed in 0..4 * scale {
        for incident in INCIDENTS {
            let mut random = Random(seed * 100 + incident as u64);
            let (evidence, cause) = planted(incident, &mut random);
            let newest = &evidence.steps[0].rows;
            in_newest += usize::from(newest.iter().any(|r| r.body.as_deref() == Some(&cause)));
            let alone = packet::evidence(&evidence, t0(), "logdive find --from 11:45 --to 12:02");
            for (document, name) in [(case_packet(evidence).await, "case"), (alone, "find")] {
                for format in [Format::new(Markup::Markdown), Format::new(Markup::Plain)] {
                    let line = place(&document, format, &cause);
                    all += 1;
                    in_15 += usize::from(line.is_some_and(|line| line < 15));
                    in_40 += usize::from(line.is_some_and(|line| line < 40));
                    if line.is_none_or(|line| line >= 15) {
                        missed.insert(format!("{incident:?} {seed} {name} {format:?}: {line:?}"));
                    }
                }
            }
        }
    }
    println!(
        "{in_15} of {all} in 15 lines, {in_40} in 40, {in_newest} in the newest 50; {missed:#?}"
    );
    assert!(in_15 * 100 >= all * 85, "{in_15} of {all}: {missed:#?}");
    assert!(in_40 * 100 >= all * 95, "{in_40} of {all}: {missed:#?}");
    assert_eq!(in_newest, 0);
}
