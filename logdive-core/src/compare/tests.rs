//! What holds for findings: few false ones, planted ones found, no order, no panic.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{Compared, Comparison, Looked, Settings, Windows, findings};
use crate::{Decimal, LayerName, Novelty, ReasonKind, Subject, TemplateId};

fn layer() -> LayerName {
    LayerName::parse("front").unwrap()
}

fn template(index: usize) -> Subject {
    let text = format!("template {index}");
    Subject::Template { layer: layer(), id: TemplateId::of(&text), text }
}

fn windows(baselines: usize) -> BTreeMap<LayerName, Windows> {
    let hour = Looked::whole(Duration::from_secs(3600));
    BTreeMap::from([(layer(), Windows { now: hour.clone(), baselines: vec![hour; baselines] })])
}

fn compare(rows: &[(u64, Vec<u64>)]) -> Comparison {
    let compared = rows
        .iter()
        .enumerate()
        .map(|(index, (now, baselines))| Compared::new(template(index), *now, baselines.clone()))
        .collect();
    findings(&windows(rows[0].1.len()), compared, &Settings::default())
}

/// Random numbers of a seed (SplitMix64), and the variables made from them.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A gamma variable of mean one (Marsaglia and Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = (1.0 - self.unit()).powf(1.0 / shape);
            return self.gamma(shape + 1.0) * (shape + 1.0) * boost / shape;
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && (1.0 - self.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v / shape;
            }
        }
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 200.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), 1.0 - self.unit(), 0);
        while product > limit {
            product *= 1.0 - self.unit();
            count += 1;
        }
        count
    }

    /// Lines of a window at a rate that varies between windows.
    fn lines(&mut self, mean: f64, variation: f64) -> u64 {
        let rate = if variation > 0.0 { self.gamma(1.0 / variation) } else { 1.0 };
        self.poisson(mean * rate)
    }

    /// Subjects as they are in logs: many rare, few frequent; most steady, some with bursts.
    fn subject(&mut self) -> (f64, f64) {
        let mean = 10_f64.powf(self.unit() * 5.0 - 0.7);
        let variation = match self.unit() {
            u if u < 0.2 => 0.0,
            u if u < 0.5 => 0.02,
            u if u < 0.85 => 0.1,
            u if u < 0.96 => 0.4,
            _ => 1.5,
        };
        (mean, variation)
    }
}

fn runs(runs: u64) -> u64 {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|s| s.parse().ok());
    runs * scale.unwrap_or(1)
}

/// Where nothing differs, a comparison that tells anything at all is false. Changes of every size
/// count here, and new subjects as far as their `q` says that they are no chance. Over 900 runs
/// something was told in 6.0, 5.1 and 4.0 % of them with 2, 3 and 7 baselines.
#[test]
fn nothing_is_told_where_nothing_differs() {
    for baselines in [2, 3, 7] {
        let runs = runs(60);
        let mut random = Random(7 + baselines as u64);
        let (mut false_runs, mut as_packet) = (0, 0);
        for _ in 0..runs {
            let rows = (0..150).map(|index| {
                let (mean, variation) = random.subject();
                let now = random.lines(mean, variation);
                let before = (0..baselines).map(|_| random.lines(mean, variation)).collect();
                Compared::new(template(index), now, before)
            });
            let settings = Settings { ratio: Decimal::from(1), ..Settings::default() };
            let told = findings(&windows(baselines), rows.collect(), &settings);
            let level = settings.q;
            let sure = |f: &&crate::Finding| f.q <= level;
            false_runs += u64::from(told.findings.iter().any(|f| sure(&f)));
            let large = |f: &&crate::Finding| {
                let ratio = f.ratio.map_or(9.0, |ratio| super::number(ratio.ratio));
                f.q <= level && !(1.0 / 3.0..=3.0).contains(&ratio)
            };
            as_packet += u64::from(told.findings.iter().any(|f| large(&f)));
        }
        let share = |count: u64| count as f64 / runs as f64;
        println!("{baselines} baselines: {:.3}, {:.3}", share(false_runs), share(as_packet));
        // Two standard errors above 6 %, so that what is asked grows with the runs.
        let most = 0.06 + 2.0 * (0.05 * 0.95 / runs as f64).sqrt();
        assert!(share(false_runs) <= most, "{baselines} baselines: {}", share(false_runs));
        assert!(share(as_packet) <= most, "{baselines} baselines: {}", share(as_packet));
    }
}

/// Eight times the lines, or a tenth, among distractors: found, with few false ones beside. Over
/// 225 runs with 2, 3 and 7 baselines, 44, 91 and 99 % of the rises and 27, 65 and 88 % of the falls
/// were found, and 5.1, 4.0 and 2.0 % of what was told was false.
#[test]
fn what_differs_is_told() {
    // Of the ten that rise and the ten that fall. With two baselines little is known of each.
    for (baselines, least) in [(2, [0.3, 0.15]), (3, [0.8, 0.5]), (7, [0.95, 0.75])] {
        let runs = runs(15);
        let mut random = Random(99 + baselines as u64);
        let (mut planted, mut found, mut shares) = (0_u64, [0_u64; 2], 0.0);
        for _ in 0..runs {
            let rows = (0..300).map(|index| {
                let (mean, variation) = random.subject();
                let (mean, variation, factor) = match index {
                    0..10 => (mean.max(12.0), variation.min(0.1), 8.0),
                    10..20 => (mean.max(40.0), variation.min(0.1), 0.1),
                    _ => (mean, variation, 1.0),
                };
                let now = random.lines(mean * factor, variation);
                let before = (0..baselines).map(|_| random.lines(mean, variation)).collect();
                Compared::new(template(index), now, before)
            });
            let rows: Vec<Compared> = rows.collect();
            let is_planted: Vec<Subject> = (0..20).map(template).collect();
            let told = findings(&windows(baselines), rows, &Settings::default());
            let sure =
                |f: &&crate::Finding| f.novelty != Novelty::New || f.q <= Settings::default().q;
            let all = told.findings.iter().filter(sure).count();
            let right =
                |of: &[Subject]| told.findings.iter().filter(|f| of.contains(&f.subject)).count();
            planted += 10;
            let (more, fewer) = is_planted.split_at(10);
            found[0] += right(more) as u64;
            found[1] += right(fewer) as u64;
            let right = right(&is_planted);
            shares += (all - right) as f64 / all.max(1) as f64;
        }
        let power = found.map(|found| found as f64 / planted as f64);
        let false_share = shares / runs as f64;
        println!("{baselines} baselines: found {power:?}, false {false_share:.3}");
        let enough = power.iter().zip(least).all(|(power, least)| *power >= least);
        assert!(enough, "{baselines} baselines: {power:?}");
        // The share's standard deviation from run to run is about 7 %.
        let most = 0.06 + 2.0 * 0.07 / (runs as f64).sqrt();
        assert!(false_share <= most, "{baselines} baselines: {false_share}");
    }
}

#[test]
fn each_kind_is_told() {
    let steady = |count: u64| vec![count, count + 3, count - 2];
    let mut rows: Vec<(u64, Vec<u64>)> = (0..40).map(|i| (90 + i, steady(91 + i))).collect();
    rows.push((1, vec![0, 0, 0]));
    rows.push((40, vec![0, 0, 0]));
    rows.push((0, steady(60)));
    rows.push((700, steady(60)));
    rows.push((150, steady(60)));
    rows.push((500, vec![0, 480, 2]));
    let told = compare(&rows);
    let of = |index: usize| told.findings.iter().find(|f| f.subject == template(index));
    assert_eq!(told.findings.len(), 4, "{:#?}", told.findings);
    let once = of(40).unwrap();
    assert_eq!((once.novelty, once.now, once.ratio), (Novelty::New, 1, None));
    assert_eq!(once.q, Decimal::from(1), "a single line may be chance, and is said all the same");
    let new = of(41).unwrap();
    assert!(new.novelty == Novelty::New && new.q < Settings::default().q);
    let gone = of(42).unwrap();
    assert_eq!(gone.novelty, Novelty::Gone);
    assert_eq!(gone.expected.to_string(), "60.33");
    assert_eq!(gone.ratio.unwrap().ratio, Decimal::from(0));
    let changed = of(43).unwrap();
    assert_eq!(changed.novelty, Novelty::Changed);
    let ratio = changed.ratio.unwrap();
    assert_eq!(ratio.ratio.to_string(), "11.6");
    assert!(ratio.low > Decimal::from(3) && ratio.high.unwrap() < Decimal::from(40), "{ratio:?}");
    assert!(of(44).is_none(), "two and a half times is no change");
    assert!(of(45).is_none(), "a burst as in a baseline is no change");
    assert!(told.left_out.is_empty());
    assert!(told.tested > 40);
}

#[test]
fn silence_is_told_of_layers_and_emitters() {
    let emitter = |name: &str| Subject::Emitter { layer: layer(), emitter: name.to_owned() };
    let rows = vec![
        Compared::new(Subject::Layer { layer: layer() }, 0, vec![300, 310, 290]),
        Compared::new(emitter("a"), 0, vec![150, 155, 145]),
        Compared::new(emitter("b"), 0, vec![1, 0, 0]),
    ];
    let told = findings(&windows(3), rows.clone(), &Settings::default());
    let silent: Vec<&Subject> = told.findings.iter().map(|f| &f.subject).collect();
    assert_eq!(silent, [&Subject::Layer { layer: layer() }, &emitter("a")]);
    assert!(told.findings.iter().all(|f| f.novelty == Novelty::Silent));

    // While lines may still arrive, nothing is silent.
    let mut late = windows(3);
    let gap = crate::Reason::new(ReasonKind::Late, "the watermark is 11:53");
    late.get_mut(&layer()).unwrap().now.gap = Some(gap);
    let told = findings(&late, rows, &Settings::default());
    assert!(told.findings.is_empty());
    assert!(told.left_out[0].contains("watermark is 11:53"), "{:?}", told.left_out);
}

#[test]
fn baselines_that_were_not_read_are_left_out_and_said() {
    let rows = vec![Compared::new(template(0), 100, vec![0, 95, 0])];
    let mut torn = windows(3);
    let gap = crate::Reason::new(ReasonKind::Failed, "2 files unreadable");
    torn.get_mut(&layer()).unwrap().baselines[0].gap = Some(gap);
    let told = findings(&torn, rows.clone(), &Settings::default());
    assert!(told.findings.is_empty(), "{told:?}");
    assert_eq!(
        told.left_out,
        [
            "front: baseline 1 of 3 is left out (2 files unreadable)",
            "front: baseline 3 of 3 is left out (no line of the layer is in it)"
        ]
    );
    for baseline in &mut torn.get_mut(&layer()).unwrap().baselines {
        baseline.length = Duration::ZERO;
    }
    let told = findings(&torn, rows.clone(), &Settings::default());
    assert!(told.findings.is_empty() && told.left_out.iter().any(|s| s.contains("no baseline")));
    let told = findings(&BTreeMap::new(), rows.clone(), &Settings::default());
    assert!(told.findings.is_empty() && told.left_out[0].contains("no windows"));
    let told = findings(&windows(2), rows, &Settings::default());
    assert!(told.findings.is_empty() && told.left_out[0].contains("3 counts for 2 baselines"));
}

#[test]
fn a_single_baseline_tells_large_differences() {
    let mut rows: Vec<(u64, Vec<u64>)> = (0..20).map(|i| (100 + i, vec![98 + i])).collect();
    rows.push((20_000, vec![100]));
    rows.push((400, vec![100]));
    let told = compare(&rows);
    let subjects: Vec<&Subject> = told.findings.iter().map(|f| &f.subject).collect();
    assert_eq!(subjects, [&template(20)], "four times in one baseline may be the time of day");
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..20_u64, 3 => 0..5_000_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

proptest! {
    /// Any counts and lengths: no panic, numbers in their ranges, and no dependence on order.
    #[test]
    fn any_counts_are_compared_in_any_order(
        rows in prop::collection::vec((count(), prop::collection::vec(count(), 3)), 1..12),
        lengths in prop::collection::vec(
            prop_oneof![Just(0), 1..1_000_000_u64, Just(u64::MAX)], 4),
        turn in 0..12_usize,
    ) {
        let mut compared: Vec<Compared> = rows
            .iter()
            .enumerate()
            .map(|(i, (now, before))| Compared::new(template(i / 2), *now, before.clone()))
            .collect();
        let looked = |seconds: &u64| Looked::whole(Duration::from_secs(*seconds));
        let windows = BTreeMap::from([(layer(), Windows {
            now: looked(&lengths[0]),
            baselines: lengths[1..].iter().map(looked).collect(),
        })]);
        let told = findings(&windows, compared.clone(), &Settings::default());
        compared.reverse();
        let half = turn % compared.len();
        compared.rotate_left(half);
        prop_assert_eq!(&findings(&windows, compared, &Settings::default()), &told);
        let (zero, one) = (Decimal::from(0), Decimal::from(1));
        for finding in &told.findings {
            prop_assert!(finding.q >= zero && finding.q <= one);
            if let Some(ratio) = finding.ratio {
                prop_assert!(ratio.low <= ratio.ratio, "{:?}", finding);
                prop_assert!(ratio.high.is_none_or(|high| high >= ratio.ratio), "{:?}", finding);
                let apart = ratio.low > one || ratio.high.is_some_and(|high| high < one);
                prop_assert!(apart, "{:?}", finding);
            }
            match finding.novelty {
                Novelty::New => prop_assert!(finding.before == 0 && finding.now > 0),
                Novelty::Gone => prop_assert!(finding.now == 0 && finding.before > 0),
                _ => prop_assert!(finding.now > 0 && finding.before > 0),
            }
        }
    }

    /// More lines than the baselines let expect are never less of a difference than fewer, and
    /// less time for the same lines is not either.
    #[test]
    fn more_of_a_difference_is_never_less_sure(
        baselines in prop::collection::vec(0..300_u64, 1..5),
        now in 1..3_000_u64,
        more in 1..500_u64,
    ) {
        let lengths: Vec<(u64, f64)> = baselines.iter().map(|count| (*count, 60.0)).collect();
        let of = |now: u64, length: f64| {
            let counts = super::Counts::new((now, length), &lengths).unwrap();
            let variation = super::Variation::learn(std::iter::once(&counts));
            let weights = variation.of(&counts);
            (counts.probability(&weights), counts.ratio(), counts.interval(&weights))
        };
        let (probability, ratio, interval) = of(now, 60.0);
        let (larger, _, wider) = of(now + more, 60.0);
        if ratio >= 1.0 {
            prop_assert!(larger <= probability * 1.000_001 + 1e-15);
        }
        prop_assert!(wider.0 >= interval.0 * 0.999_999 && wider.1 >= interval.1 * 0.999_999);
        if baselines.iter().sum::<u64>() > 0 {
            prop_assert!(interval.0 <= ratio && ratio <= interval.1);
        }
    }
}
