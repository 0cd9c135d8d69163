//! Comparing: from counts in a window and in its baselines to findings.
//!
//! What is new, gone, silent or changed is told from counts alone, so that any engine that can
//! count may use it: [`findings`] is pure. [`skews`] tells clocks that differ from ids seen in two
//! layers.
//!
//! # Method
//! - A count is compared with all baselines together by the exact conditional test of two rates,
//!   with the variation between windows that the baselines themselves show (`rates.rs`,
//!   `variation.rs`): a pattern that is bursty or has a daily course in the baselines must leave
//!   what they let expect. With at least two baselines its own course counts; with one, a common
//!   belief stands in, and only large differences can be told.
//! - The ratio's 95 % interval inverts the same test, so both always agree.
//! - Probabilities are adjusted for their number (Benjamini and Hochberg 1995) over all subjects
//!   whose counts could reach the level at all.
//! - [`Novelty::Changed`], [`Novelty::Gone`] and [`Novelty::Silent`] need an adjusted probability
//!   of at most [`Settings::q`]; a change also a ratio outside of `1/r` to `r` of
//!   [`Settings::ratio`].
//! - [`Novelty::New`] is said of everything that no baseline has, even of one line: that a message
//!   was never seen before is worth a look, and the single line that names the cause is often
//!   such a one. Its `q` says whether it may be chance; ranking is the packet's.
//! - What may still arrive cannot be missed: while lines of a window may be missing, nothing in
//!   its layer is called gone, silent or fewer. A baseline with missing lines is left out. Both
//!   are said.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::log::LogSeverity;
use crate::{Decimal, Finding, LayerName, Novelty, RateRatio, Reason, Subject};

mod rates;
mod skew;
mod special;
mod variation;

use rates::Counts;
pub use skew::{Sighted, skews};
use variation::Variation;

/// A window that was counted, or was meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// How long it is.
    pub length: Duration,
    /// Why lines of it may be missing (late, cut, unread); `None` if all were counted.
    pub gap: Option<Reason>,
}

impl Looked {
    /// A window of which every line was counted.
    #[must_use]
    pub const fn whole(length: Duration) -> Self {
        Self { length, gap: None }
    }

    /// A window of which lines may be missing.
    #[must_use]
    pub const fn partial(length: Duration, gap: Reason) -> Self {
        Self { length, gap: Some(gap) }
    }
}

/// The windows of one layer: layers may be padded differently and be late on their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// The window.
    pub now: Looked,
    /// Its baselines, in the order of [`Compared::baselines`].
    pub baselines: Vec<Looked>,
}

/// The counts of one subject, and what a finding about it repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What was counted.
    pub subject: Subject,
    /// Lines in the window.
    pub now: u64,
    /// Lines in each baseline; zero for a subject that is not in one.
    pub baselines: Vec<u64>,
    /// The most severe of the lines in the window; in the baselines if there are none.
    pub severity: Option<LogSeverity>,
    /// The first of the lines in the window.
    pub first: Option<DateTime<Utc>>,
    /// The last of the lines in the window.
    pub last: Option<DateTime<Utc>>,
    /// Who wrote them: the first few names in order.
    pub emitters: Vec<String>,
    /// How many emitters wrote them.
    pub emitter_count: u64,
    /// At most two texts of lines.
    pub examples: Vec<String>,
}

impl Compared {
    /// Counts of a subject of which nothing else is known.
    #[must_use]
    pub const fn new(subject: Subject, now: u64, baselines: Vec<u64>) -> Self {
        Self {
            subject,
            now,
            baselines,
            severity: None,
            first: None,
            last: None,
            emitters: Vec::new(),
            emitter_count: 0,
            examples: Vec::new(),
        }
    }
}

/// What counts as a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The share of false ones among the findings that is put up with: 0.05.
    pub q: Decimal,
    /// How many times as many, or as few, lines make a change: 3.
    pub ratio: Decimal,
}

impl Default for Settings {
    fn default() -> Self {
        let decimal = |thousandths: i128| Decimal::from_billionths(thousandths * 1_000_000);
        let zero = Decimal::from(0);
        Self { q: decimal(50).unwrap_or(zero), ratio: decimal(3000).unwrap_or(zero) }
    }
}

/// What a comparison found, and what it could not compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The findings, most telling first: by `q`, severity, lines, subject.
    pub findings: Vec<Finding>,
    /// How many subjects were tested.
    pub tested: u64,
    /// What was left out and why, in words; empty if nothing was.
    pub left_out: Vec<String>,
}

/// Tells what differs from the baselines. The order of `compared` does not matter.
///
/// A subject whose layer has no windows, or whose baselines are not as many as those of its layer,
/// cannot be compared and is named in [`Comparison::left_out`].
#[must_use]
pub fn findings(
    windows: &BTreeMap<LayerName, Windows>,
    compared: Vec<Compared>,
    settings: &Settings,
) -> Comparison {
    let mut compared = compared;
    // Sums of floating-point numbers depend on their order.
    compared.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut left_out = Vec::new();
    let usable = usable(windows, &compared, &mut left_out);
    let subjects: Vec<(Compared, Option<Counts>)> = compared
        .into_iter()
        .filter_map(|compared| {
            let layer = compared.subject.layer();
            let usable = usable.get(layer)?;
            if usable.baselines.len() != compared.baselines.len() {
                left_out.push(format!(
                    "{layer}: a subject has {} counts for {} baselines and is not compared",
                    compared.baselines.len(),
                    usable.baselines.len()
                ));
                return None;
            }
            let counts = usable.counts(&compared);
            Some((compared, counts))
        })
        .collect();
    let variation = Variation::learn(subjects.iter().filter_map(|(_, counts)| counts.as_ref()));
    let level = number(settings.q);
    let tested: Vec<Option<f64>> = subjects
        .iter()
        .map(|(_, counts)| {
            let counts = counts.as_ref().filter(|counts| counts.least() <= level)?;
            Some(counts.probability(&variation.of(counts)))
        })
        .collect();
    let adjusted = adjusted(&tested);
    let mut findings: Vec<Finding> = subjects
        .into_iter()
        .zip(adjusted)
        .filter_map(|((compared, counts), q)| {
            let counts = counts?;
            let usable = usable.get(compared.subject.layer())?;
            finding(compared, &counts, q, usable, &variation, settings)
        })
        .collect();
    findings.sort_by(|a, b| {
        let order = |f: &Finding| (f.q, std::cmp::Reverse((f.severity, f.now, f.before)));
        order(a).cmp(&order(b)).then_with(|| a.subject.cmp(&b.subject))
    });
    left_out.sort();
    left_out.dedup();
    Comparison { findings, tested: tested.iter().flatten().count() as u64, left_out }
}

fn key(compared: &Compared) -> (&Subject, u64, &[u64], Option<DateTime<Utc>>, &[String]) {
    let Compared { subject, now, baselines, first, examples, .. } = compared;
    (subject, *now, baselines, *first, examples)
}

/// What of a layer's windows can be compared.
struct Usable {
    length: f64,
    /// Whether lines of the window may be missing.
    misses: bool,
    /// The baselines' lengths; `None` for one that is left out.
    baselines: Vec<Option<f64>>,
}

impl Usable {
    fn pairs<'a>(&'a self, compared: &'a Compared) -> impl Iterator<Item = (u64, f64)> + 'a {
        let pairs = compared.baselines.iter().zip(&self.baselines);
        pairs.filter_map(|(count, length)| Some((*count, (*length)?)))
    }

    fn counts(&self, compared: &Compared) -> Option<Counts> {
        let baselines: Vec<(u64, f64)> = self.pairs(compared).collect();
        Counts::new((compared.now, self.length), &baselines)
    }
}

fn usable(
    windows: &BTreeMap<LayerName, Windows>,
    compared: &[Compared],
    left_out: &mut Vec<String>,
) -> BTreeMap<LayerName, Usable> {
    let totals = totals(compared);
    let layers: std::collections::BTreeSet<&LayerName> =
        compared.iter().map(|compared| compared.subject.layer()).collect();
    let mut all = BTreeMap::new();
    for layer in layers {
        let Some(Windows { now, baselines }) = windows.get(layer) else {
            left_out.push(format!("{layer}: not compared, it has no windows"));
            continue;
        };
        if let Some(gap) = &now.gap {
            left_out.push(format!(
                "{layer}: lines of the window may be missing, so nothing is called gone, silent \
                 or fewer ({gap})"
            ));
        }
        let empty = BTreeMap::new();
        let total = totals.get(layer).unwrap_or(&empty);
        let of = baselines.len();
        let mut lengths = Vec::with_capacity(of);
        for (index, baseline) in baselines.iter().enumerate() {
            let why = match &baseline.gap {
                Some(gap) => Some(gap.to_string()),
                None if baseline.length.is_zero() => Some("it has no length".to_owned()),
                None if was_not_there(index, baselines, total) => {
                    Some("no line of the layer is in it".to_owned())
                }
                None => None,
            };
            lengths.push(why.is_none().then_some(baseline.length.as_secs_f64()));
            if let Some(why) = why {
                let index = index + 1;
                left_out.push(format!("{layer}: baseline {index} of {of} is left out ({why})"));
            }
        }
        if now.length.is_zero() {
            left_out.push(format!("{layer}: not compared, the window has no length"));
        } else if lengths.iter().all(Option::is_none) {
            left_out.push(format!("{layer}: not compared, no baseline is left"));
        }
        let usable = Usable {
            length: now.length.as_secs_f64(),
            misses: now.gap.is_some(),
            baselines: lengths,
        };
        all.insert(layer.clone(), usable);
    }
    all
}

/// Lines of each layer in each baseline: the most that any kind of subject adds up to, as
/// templates, emitters and the layer itself count the same lines.
fn totals(compared: &[Compared]) -> BTreeMap<&LayerName, BTreeMap<usize, u64>> {
    let mut by_kind: BTreeMap<(&LayerName, usize, u8), u64> = BTreeMap::new();
    for compared in compared {
        let kind = match compared.subject {
            Subject::Template { .. } => 0,
            Subject::Emitter { .. } => 1,
            Subject::Layer { .. } => 2,
            // A value is some of a layer's lines, and a line may have several.
            Subject::Value { .. } => continue,
        };
        for (index, count) in compared.baselines.iter().enumerate() {
            let sum = by_kind.entry((compared.subject.layer(), index, kind)).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    let mut totals: BTreeMap<&LayerName, BTreeMap<usize, u64>> = BTreeMap::new();
    for ((layer, index, _), sum) in by_kind {
        let most = totals.entry(layer).or_default().entry(index).or_default();
        *most = sum.max(*most);
    }
    totals
}

/// Whether the other baselines let expect lines of the layer here, and there is none at all: the
/// logs were not kept yet, or nothing wrote. Then its zeros say nothing of the layer's rates.
fn was_not_there(index: usize, baselines: &[Looked], total: &BTreeMap<usize, u64>) -> bool {
    let count = |index: &usize| total.get(index).copied().unwrap_or_default();
    if count(&index) > 0 {
        return false;
    }
    let (mut lines, mut length) = (0.0, 0.0);
    for (other, baseline) in baselines.iter().enumerate() {
        if other != index && baseline.gap.is_none() && count(&other) > 0 {
            lines += count(&other) as f64;
            length += baseline.length.as_secs_f64();
        }
    }
    let here = baselines.get(index).map_or(0.0, |baseline| baseline.length.as_secs_f64());
    length > 0.0 && lines / length * here >= 30.0
}

/// The probabilities adjusted for their number (Benjamini and Hochberg 1995).
fn adjusted(tested: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(f64, usize)> = tested
        .iter()
        .enumerate()
        .filter_map(|(index, probability)| Some(((*probability)?, index)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let all = order.len() as f64;
    let mut adjusted = vec![None; tested.len()];
    let mut least = 1.0_f64;
    for (rank, (probability, index)) in order.iter().enumerate().rev() {
        least = least.min(probability * all / (rank + 1) as f64);
        if let Some(place) = adjusted.get_mut(*index) {
            *place = Some(least);
        }
    }
    adjusted
}

fn finding(
    compared: Compared,
    counts: &Counts,
    q: Option<f64>,
    usable: &Usable,
    variation: &Variation,
    settings: &Settings,
) -> Option<Finding> {
    let before = usable.pairs(&compared).fold(0_u64, |sum, (count, _)| sum.saturating_add(count));
    let told = q.is_some_and(|q| q <= number(settings.q));
    let novelty = match (compared.now, before) {
        (_, 0) => Novelty::New,
        (0, _) => {
            if !told || usable.misses {
                return None;
            }
            match compared.subject {
                Subject::Emitter { .. } | Subject::Layer { .. } => Novelty::Silent,
                Subject::Template { .. } | Subject::Value { .. } => Novelty::Gone,
            }
        }
        _ => {
            let (ratio, least) = (counts.ratio(), number(settings.ratio).max(1.0));
            let outside = ratio >= least || (ratio <= 1.0 / least && !usable.misses);
            if !told || !outside {
                return None;
            }
            Novelty::Changed
        }
    };
    let ratio = (before > 0).then(|| {
        let (low, high) = counts.interval(&variation.of(counts));
        RateRatio {
            ratio: decimal(counts.ratio()),
            low: decimal(low),
            high: high.is_finite().then(|| decimal(high)),
        }
    });
    let length: f64 = usable.baselines.iter().flatten().sum();
    let Compared { subject, now, severity, first, last, emitters, emitter_count, examples, .. } =
        compared;
    Some(Finding {
        subject,
        novelty,
        now,
        before,
        expected: decimal(before as f64 * (usable.length / length)),
        ratio,
        q: decimal(q.unwrap_or(1.0)),
        severity,
        first,
        last,
        emitters,
        emitter_count,
        examples,
    })
}

fn number(decimal: Decimal) -> f64 {
    decimal.billionths() as f64 / 1e9
}

/// A number with four digits that count and at most nine after the point: the functions of the
/// platform may differ in the last bits, what is written must not.
fn decimal(number: f64) -> Decimal {
    let billionths = (number * 1e9).clamp(0.0, 1e37);
    let digits = billionths.max(1.0).log10().floor() as i32 - 3;
    let unit = 10_i128.checked_pow(u32::try_from(digits.max(0)).unwrap_or(0)).unwrap_or(1);
    let rounded = (billionths / unit as f64).round() as i128;
    rounded.checked_mul(unit).and_then(Decimal::from_billionths).unwrap_or_else(|| Decimal::from(0))
}

#[cfg(test)]
mod tests;
