//! Ranking: which of all that was found a person should read first.
//!
//! A score is a sum of whole points, so that it is the same everywhere; `docs/packet.md` gives the
//! reason of each term. Nothing is dropped for its score: it decides order and what is folded.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::log::LogSeverity;
use crate::{
    Decimal, Evidence, Finding, LayerName, Novelty, RateRatio, StepEvidence, StepKind, Subject,
    Template, TemplateId, Window,
};

/// A text beyond this many points is not worth one of the first lines.
const LEAST: i64 = 10;
/// Further lines of one layer say much the same: points less for each that stands before.
const SAME_LAYER: i64 = 8;
/// A playbook said that such lines are not there, and they are: nothing else weighs as much. Only
/// the first of a check's templates has it among the lines that stand out.
const CHECK: i64 = 100;

/// What a candidate is, within its layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// All lines of the layer.
    Layer,
    /// Emitters that are new or silent, together.
    Emitters(Novelty),
    /// All lines of an emitter.
    Emitter(String),
    /// Lines of a template.
    Template(TemplateId),
    /// Lines whose field has a value.
    Value(String, String),
}

/// Something that may be worth a person's look.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) layer: LayerName,
    pub(super) key: Key,
    /// What its lines say; empty for all lines of a layer or emitter.
    pub(super) text: String,
    pub(super) examples: Vec<String>,
    pub(super) novelty: Option<Novelty>,
    pub(super) ratio: Option<RateRatio>,
    pub(super) expected: Option<Decimal>,
    /// Whether the comparison says that it is no chance.
    pub(super) sure: bool,
    pub(super) severity: Option<LogSeverity>,
    pub(super) count: u64,
    pub(super) first: Option<DateTime<Utc>>,
    pub(super) last: Option<DateTime<Utc>>,
    pub(super) emitters: Vec<String>,
    pub(super) emitter_count: u64,
    /// What the steps that found it do.
    pub(super) kinds: BTreeSet<StepKind>,
    /// Checks that expected it not to be there.
    pub(super) checks: BTreeSet<String>,
    /// Whether its layer is one of changes.
    pub(super) is_change: bool,
    pub(super) score: i64,
}

impl Candidate {
    fn of_template(template: &Template) -> Self {
        Self {
            layer: template.layer.clone(),
            key: Key::Template(template.id),
            text: template.text.clone(),
            examples: template.examples.clone(),
            novelty: None,
            ratio: None,
            expected: None,
            sure: false,
            severity: template.severity,
            count: template.count,
            first: Some(template.first),
            last: Some(template.last),
            emitters: template.emitters.clone(),
            emitter_count: template.emitter_count,
            kinds: BTreeSet::new(),
            checks: BTreeSet::new(),
            is_change: false,
            score: 0,
        }
    }

    fn of_finding(finding: &Finding) -> Self {
        let (key, text) = match &finding.subject {
            Subject::Template { id, text, .. } => (Key::Template(*id), text.clone()),
            Subject::Value { field, value, .. } => {
                (Key::Value(field.clone(), value.clone()), format!("{field} = {value}"))
            }
            Subject::Emitter { emitter, .. } => match finding.novelty {
                novelty @ (Novelty::New | Novelty::Silent) => {
                    (Key::Emitters(novelty), String::new())
                }
                _ => (Key::Emitter(emitter.clone()), String::new()),
            },
            Subject::Layer { .. } => (Key::Layer, String::new()),
        };
        let (emitters, emitter_count) = match &finding.subject {
            Subject::Emitter { emitter, .. } => (vec![emitter.clone()], 1),
            _ => (finding.emitters.clone(), finding.emitter_count),
        };
        Self {
            layer: finding.subject.layer().clone(),
            key,
            text,
            examples: finding.examples.clone(),
            novelty: Some(finding.novelty),
            ratio: finding.ratio,
            expected: Some(finding.expected),
            sure: finding.q.billionths() <= 50_000_000,
            severity: finding.severity,
            count: finding.now,
            first: finding.first,
            last: finding.last,
            emitters,
            emitter_count,
            kinds: BTreeSet::new(),
            checks: BTreeSet::new(),
            is_change: false,
            score: 0,
        }
    }

    /// Emitters of a layer that are new, or silent, are one thing to look at.
    fn join(&mut self, other: Self) {
        let mut names: BTreeSet<String> = std::mem::take(&mut self.emitters).into_iter().collect();
        names.extend(other.emitters);
        self.emitter_count = names.len() as u64;
        self.emitters = names.into_iter().collect();
        self.count = self.count.saturating_add(other.count);
        self.sure |= other.sure;
        self.severity = self.severity.max(other.severity);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.ratio = None;
        self.expected = match (self.expected, other.expected) {
            (Some(one), Some(two)) => one.checked_add(two),
            _ => None,
        };
    }
}

/// All candidates of the evidence, the one to read first at the head. The order does not depend on
/// that of the findings and templates of a step.
pub(super) fn rank(evidence: &Evidence, anchor: DateTime<Utc>) -> Vec<Candidate> {
    let mut all: BTreeMap<(LayerName, Key), Candidate> = BTreeMap::new();
    for finding in findings(evidence) {
        let candidate = Candidate::of_finding(finding);
        let key = (candidate.layer.clone(), candidate.key.clone());
        match all.get_mut(&key) {
            Some(known) if matches!(key.1, Key::Emitters(_)) => known.join(candidate),
            Some(_) => {}
            None => {
                all.insert(key, candidate);
            }
        }
    }
    for step in &evidence.steps {
        for template in templates(step) {
            let key = (template.layer.clone(), Key::Template(template.id));
            let candidate = all.entry(key).or_insert_with(|| Candidate::of_template(&template));
            // A step that follows another finds its lines again: the larger count is the whole.
            if candidate.novelty.is_none() && template.count > candidate.count {
                let Candidate { kinds, checks, .. } =
                    std::mem::replace(candidate, Candidate::of_template(&template));
                (candidate.kinds, candidate.checks) = (kinds, checks);
            }
            candidate.kinds.insert(step.kind);
            if step.kind == StepKind::Check {
                candidate.checks.insert(step.name.to_string());
            }
        }
    }
    let silent: BTreeSet<LayerName> = all
        .values()
        .filter(|c| c.key == Key::Layer && c.novelty == Some(Novelty::Silent))
        .map(|c| c.layer.clone())
        .collect();
    // That a layer is silent says it of its emitters and templates.
    all.retain(|(layer, key), candidate| {
        *key == Key::Layer
            || !silent.contains(layer)
            || !matches!(candidate.novelty, Some(Novelty::Silent | Novelty::Gone))
    });
    let surges: BTreeMap<LayerName, RateRatio> = all
        .values()
        .filter(|c| c.key == Key::Layer)
        .filter_map(|c| Some((c.layer.clone(), c.ratio?)))
        .collect();
    let compared = evidence.steps.iter().any(|step| step.kind == StepKind::Compare);
    let mut perhaps_new: BTreeMap<LayerName, u64> = BTreeMap::new();
    for candidate in all.values().filter(|c| c.novelty == Some(Novelty::New) && !c.sure) {
        *perhaps_new.entry(candidate.layer.clone()).or_default() += 1;
    }
    let mut ranked: Vec<Candidate> = all.into_values().collect();
    for candidate in &mut ranked {
        let layer = evidence.coverage.layers.get(&candidate.layer);
        candidate.is_change = layer.is_some_and(|layer| layer.changes);
        let surge = surges.get(&candidate.layer).filter(|_| candidate.key != Key::Layer);
        let perhaps_new = perhaps_new.get(&candidate.layer).copied().unwrap_or_default();
        // What the baselines have as well is what is always there.
        let is_usual = compared && candidate.novelty.is_none();
        let own =
            severity(candidate.severity) + onset(candidate, anchor, &evidence.coverage.window);
        candidate.score = if is_usual { own / 3 } else { own }
            + novelty(candidate, perhaps_new, surge)
            + change(candidate, anchor)
            + steps(candidate);
    }
    ranked.sort_by(|a, b| order(a).cmp(&order(b)));
    ranked
}

type Order<'a> = (
    Reverse<i64>,
    Reverse<Option<LogSeverity>>,
    bool,
    Option<DateTime<Utc>>,
    &'a LayerName,
    &'a Key,
);

fn order(candidate: &Candidate) -> Order<'_> {
    let Candidate { score, severity, first, layer, key, .. } = candidate;
    (Reverse(*score), Reverse(*severity), first.is_none(), *first, layer, key)
}

/// The few that are read first: by score, less for each further one of a layer or check.
pub(super) fn stands_out(ranked: &[Candidate], most: usize) -> Vec<&Candidate> {
    let mut chosen: Vec<&Candidate> = Vec::new();
    let mut rest: Vec<&Candidate> = ranked.iter().filter(|c| c.score >= LEAST).collect();
    while chosen.len() < most {
        let discounted = |candidate: &Candidate| {
            let before = chosen.iter().filter(|other| other.layer == candidate.layer).count();
            let is_said = |check| chosen.iter().any(|other| other.checks.contains(check));
            let repeats = !candidate.checks.is_empty() && candidate.checks.iter().all(is_said);
            let before = i64::try_from(before).unwrap_or(i64::MAX / SAME_LAYER);
            candidate.score - SAME_LAYER * before - if repeats { CHECK } else { 0 }
        };
        // Of equals the one that is ranked first.
        let best = rest.iter().enumerate().max_by_key(|(i, c)| (discounted(c), Reverse(*i)));
        let Some((index, _)) = best else { break };
        chosen.push(rest.remove(index));
    }
    chosen
}

fn severity(severity: Option<LogSeverity>) -> i64 {
    match severity {
        // A layer that states none may hide an error in its text.
        None => 6,
        Some(severity) if severity >= LogSeverity::FATAL => 24,
        Some(severity) if severity >= LogSeverity::ERROR => 18,
        Some(severity) if severity >= LogSeverity::WARN => 9,
        Some(severity) if severity >= LogSeverity::INFO => 3,
        Some(_) => 0,
    }
}

fn novelty(candidate: &Candidate, perhaps_new: u64, surge: Option<&RateRatio>) -> i64 {
    let breadth = i64::from(candidate.emitter_count.max(1).ilog2().min(4));
    match (candidate.novelty, &candidate.key) {
        (None, _) => 0,
        // Instances come and go with every deployment.
        (Some(Novelty::New), Key::Emitters(_) | Key::Emitter(_)) => 2,
        (Some(Novelty::New), _) if candidate.sure => 20 + breadth,
        // One of many that may be chance tells less than the only one.
        (Some(Novelty::New), _) => 12 + breadth - i64::from(2 * perhaps_new.max(1).ilog2().min(4)),
        (Some(Novelty::Silent), Key::Layer) => 30,
        (Some(Novelty::Silent), _) => 14 + breadth,
        (Some(Novelty::Gone), _) => 8,
        (Some(Novelty::Changed), _) => {
            let of = |ratio: &RateRatio| {
                let rises = quarters(ratio.low);
                let falls = ratio.high.map_or(0, |high| -quarters(high));
                if rises > 0 { rises } else { -falls.max(0) }
            };
            let own = candidate.ratio.as_ref().map_or(0, of);
            // What the whole layer does explains as much of it.
            let layer = surge.map_or(0, of);
            if own > 0 {
                // A tenfold rise weighs as much as a new message.
                ((own - layer.clamp(0, own)) * 6 / 4).min(30) + breadth
            } else {
                (-own - (-layer).clamp(0, -own)).min(18) / 2
            }
        }
    }
}

/// Four times the binary logarithm, rounded down, in whole numbers.
fn quarters(ratio: Decimal) -> i64 {
    let units = (ratio.billionths().clamp(0, 1_000_000_000_000_000) * 1024 / 1_000_000_000).max(1);
    units.checked_pow(4).map_or(0, |power| i64::from(power.ilog2()) - 40)
}

/// Points for beginning when the trouble began: most at t0, fewer up to 15 minutes before (an alarm
/// is later than its cause) and 5 minutes after.
fn onset(candidate: &Candidate, anchor: DateTime<Utc>, window: &Window) -> i64 {
    let Some(first) = candidate.first else { return 0 };
    // What is there from the window's begin began at an unknown time.
    let begun = window.from() + (window.to() - window.from()) / 10;
    if candidate.novelty != Some(Novelty::New) && first < begun {
        return 0;
    }
    near(first - anchor, 15 * 60, 5 * 60, 15)
}

/// Points for a deploy, a flag or the like in the hour before.
fn change(candidate: &Candidate, anchor: DateTime<Utc>) -> i64 {
    match candidate.first {
        Some(first) if candidate.is_change => near(first - anchor, 60 * 60, 2 * 60, 45),
        _ => 0,
    }
}

fn near(distance: TimeDelta, seconds_before: i64, seconds_after: i64, points: i64) -> i64 {
    let seconds = distance.num_seconds();
    let within = if seconds <= 0 { seconds_before } else { seconds_after };
    points * (within - seconds.saturating_abs().min(within)) / within
}

fn steps(candidate: &Candidate) -> i64 {
    let of = |kind, points| if candidate.kinds.contains(&kind) { points } else { 0 };
    of(StepKind::Check, CHECK) + of(StepKind::Select, 5) + of(StepKind::Follow, 5)
}

/// The findings of all steps, each subject once.
pub(super) fn findings(evidence: &Evidence) -> Vec<&Finding> {
    let mut all: BTreeMap<(&Subject, Novelty), &Finding> = BTreeMap::new();
    for finding in evidence.steps.iter().flat_map(|step| &step.findings) {
        all.entry((&finding.subject, finding.novelty)).or_insert(finding);
    }
    all.into_values().collect()
}

/// What a step's lines say: its templates, or its rows by shape where nothing was mined.
pub(super) fn templates(step: &StepEvidence) -> Vec<Template> {
    if !step.templates.is_empty() {
        return step.templates.clone();
    }
    let mut folded: BTreeMap<(&LayerName, i64), (Template, BTreeSet<&str>)> = BTreeMap::new();
    for row in &step.rows {
        let text = row.body.as_deref().or(row.event.as_deref()).unwrap_or_default();
        let shape = row.shape();
        let (template, emitters) = folded.entry((&row.layer, shape)).or_insert_with(|| {
            let template = Template {
                layer: row.layer.clone(),
                id: TemplateId::of(&shape.to_string()),
                text: text.to_owned(),
                severity: row.severity,
                count: 0,
                first: row.time(),
                last: row.time(),
                emitters: Vec::new(),
                emitter_count: 0,
                examples: Vec::new(),
            };
            (template, BTreeSet::new())
        });
        template.count += 1;
        if (row.time(), text) < (template.first, template.text.as_str()) {
            text.clone_into(&mut template.text);
        }
        template.first = template.first.min(row.time());
        template.last = template.last.max(row.time());
        template.severity = template.severity.max(row.severity);
        emitters.extend(row.emitter.as_deref());
    }
    let named = |(mut template, emitters): (Template, BTreeSet<&str>)| {
        template.emitter_count = emitters.len() as u64;
        template.emitters = emitters.into_iter().take(3).map(str::to_owned).collect();
        template
    };
    folded.into_values().map(named).collect()
}
