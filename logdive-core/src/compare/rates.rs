//! Two counts over two stretches of time: tails and intervals of the ratio of their rates.

use super::special::{beta, digamma, ln_gamma, trigamma, trigamma_inverse};
use super::variation::{GRID, Weights};

/// Lines above which counts are scaled down before they are tested: nothing that is told at a
/// thousand million lines is told better with more, and the arithmetic stays exact and fast.
const MOST_LINES: f64 = 1e9;
const BISECTIONS: u32 = 100;

/// The counts of one subject that can be compared: each window with its length in seconds.
#[derive(Debug, Clone)]
// Invariant: lengths are positive; there is a baseline.
pub(super) struct Counts {
    now: f64,
    length: f64,
    baselines: Vec<(f64, f64)>,
    before: f64,
    length_before: f64,
}

impl Counts {
    /// Counts of a window and of its baselines; `None` if there is nothing to compare: no window
    /// of a length, no baseline of one, or no line.
    pub(super) fn new(now: (u64, f64), baselines: &[(u64, f64)]) -> Option<Self> {
        let all: f64 = now.0 as f64 + baselines.iter().map(|(count, _)| *count as f64).sum::<f64>();
        let scale = if all > MOST_LINES { MOST_LINES / all } else { 1.0 };
        let baselines: Vec<(f64, f64)> = baselines
            .iter()
            .filter(|(_, length)| *length > 0.0)
            .map(|(count, length)| (*count as f64 * scale, *length))
            .collect();
        if baselines.is_empty() || now.1 <= 0.0 || all < 1.0 {
            return None;
        }
        Some(Self {
            now: now.0 as f64 * scale,
            length: now.1,
            before: baselines.iter().map(|(count, _)| count).sum(),
            length_before: baselines.iter().map(|(_, length)| length).sum(),
            baselines,
        })
    }

    /// The window's part of the whole time.
    fn share(&self) -> f64 {
        self.length / (self.length + self.length_before)
    }

    fn is_rise(&self) -> bool {
        self.now >= (self.now + self.before) * self.share()
    }

    /// As how many windows of equal length the baselines vary: one long window beside short ones
    /// varies as a whole.
    fn equal_windows(&self) -> f64 {
        let squares: f64 = self.baselines.iter().map(|(_, length)| length * length).sum();
        self.length_before * self.length_before / squares
    }

    /// Shapes of the gamma variables that the rates follow at a variation of [`GRID`]: in the
    /// window, and in the baselines together.
    fn shapes(&self, variation: f64) -> Option<(f64, f64)> {
        (variation > 0.0).then(|| (1.0 / variation, self.equal_windows() / variation))
    }

    /// How likely the baselines' counts are at a variation, given their sum, as a logarithm
    /// without the parts that do not depend on it. For windows of equal length it is exact.
    pub(super) fn likelihood(&self, variation: f64) -> f64 {
        let Some((one, all)) = self.shapes(variation) else {
            let part = |(count, length): &(f64, f64)| count * (length / self.length_before).ln();
            return self.baselines.iter().map(part).sum();
        };
        let negative_binomial = |count: f64, mean: f64, shape: f64| {
            ln_gamma(shape + count) - ln_gamma(shape) + count * (mean / (mean + shape)).ln()
                - shape * (mean / shape).ln_1p()
        };
        let parts = self.baselines.iter().map(|(count, length)| {
            negative_binomial(*count, self.before * length / self.length_before, one)
        });
        parts.sum::<f64>() - negative_binomial(self.before, self.before, all)
    }

    /// Whether the baselines can say anything of the variation.
    pub(super) fn tells_variation(&self) -> bool {
        self.baselines.len() > 1 && self.before >= 5.0
    }

    /// The least probability that counts with this sum can have at all, whatever the variation.
    /// It depends on the sum alone, so that leaving out what cannot reach a level is no choice
    /// made after seeing the difference (Tarone 1990; Gilbert 2005).
    pub(super) fn least(&self) -> f64 {
        let share = self.share();
        let all = self.now + self.before;
        (2.0 * (all * share.max(1.0 - share).ln())
            .exp()
            .min((all * share.min(1.0 - share).ln()).exp()))
        .min(1.0)
    }

    /// The probability of a difference as large by chance: twice the tail on its side.
    pub(super) fn probability(&self, weights: &Weights) -> f64 {
        let tail: f64 = GRID
            .iter()
            .zip(weights)
            .map(|(variation, weight)| weight * self.tail(*variation, self.is_rise()).at(0.0))
            .sum();
        (2.0 * tail).clamp(0.0, 1.0)
    }

    /// Rate in the window over rate in the baselines; infinite without lines in these.
    pub(super) fn ratio(&self) -> f64 {
        (self.now / self.length) / (self.before / self.length_before)
    }

    /// The ends of the 95 % interval of the ratio: what would make each tail 2.5 %.
    pub(super) fn interval(&self, weights: &Weights) -> (f64, f64) {
        let end = |rise: bool| {
            let tails: Vec<(Tail, f64)> = GRID
                .iter()
                .zip(weights)
                .map(|(variation, weight)| (self.tail(*variation, rise), *weight))
                .collect();
            // With a larger true ratio the upper tail grows and the lower one falls.
            let is_above = |ln_ratio: f64| {
                let tail: f64 = tails.iter().map(|(tail, weight)| weight * tail.at(ln_ratio)).sum();
                (tail > 0.025) == rise
            };
            let (mut low, mut high) = (-80.0, 80.0);
            for _ in 0..BISECTIONS {
                let middle = f64::midpoint(low, high);
                if is_above(middle) { high = middle } else { low = middle }
            }
            f64::midpoint(low, high).exp()
        };
        let low = if self.now > 0.0 { end(true) } else { 0.0 };
        let high = if self.before > 0.0 { end(false) } else { f64::INFINITY };
        (low, high)
    }

    fn tail(&self, variation: f64, rise: bool) -> Tail {
        let share = self.share();
        let odds = (share / (1.0 - share)).ln();
        let shapes = self.shapes(variation);
        if rise {
            Tail::new(self.now, self.before, odds, shapes)
        } else {
            // That so few are in the window is that so many are in the baselines.
            let tail = Tail::new(self.before, self.now, -odds, shapes.map(|(a, b)| (b, a)));
            Tail { falls: true, ..tail }
        }
    }
}

/// The probability that at least `count` of `count + rest` lines fall into a stretch of time.
///
/// Each line falls into the window with probability `P`. Without variation `P` is the window's
/// share of the time, and the tail is that of a binomial: `P(B < P)` with `B` a
/// `Beta(count, rest + 1)` variable, the exact conditional test of two Poisson rates (Przyborowski
/// and Wilenski 1940). With variation the lines of each window are negative binomial, and for
/// windows of equal length `P` is a `Beta(a, b)` variable: the exact test of Robinson and Smyth
/// 2008. `B < P` compares two ratios of gamma variables; the logarithms on each side are joined into one log-gamma variable of the same
/// mean and variance. That is exact in both limits (no variation, or so many lines that only the
/// variation counts) and errs to the careful side between, as its tail is the heavier one.
#[derive(Debug, Clone, Copy)]
struct Tail {
    /// `None` if every count is in the tail.
    of: Option<(f64, f64, f64)>,
    /// Whether a larger true ratio makes the tail smaller.
    falls: bool,
}

impl Tail {
    fn new(count: f64, rest: f64, odds: f64, shapes: Option<(f64, f64)>) -> Self {
        let of = (count > 0.0).then(|| {
            let Some((window, others)) = shapes else {
                return (count, rest + 1.0, odds);
            };
            let join = |a: f64, b: f64| {
                let shape = trigamma_inverse(trigamma(a) + trigamma(b));
                (shape, digamma(a) + digamma(b) - digamma(shape))
            };
            let (for_it, shift) = join(window, rest + 1.0);
            let (against, other) = join(others, count);
            // Both gamma variables are rates of mean one.
            (against, for_it, odds + (others / window).ln() + shift - other)
        });
        Self { of, falls: false }
    }

    /// The tail if the true ratio of rates has this logarithm.
    fn at(&self, ln_ratio: f64) -> f64 {
        let Some((a, b, odds)) = self.of else { return 1.0 };
        let odds = odds + if self.falls { -ln_ratio } else { ln_ratio };
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        beta(a, b, logistic(odds), logistic(-odds))
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    /// All weight on no variation: two Poisson rates.
    const POISSON: super::Weights = {
        let mut weights = [0.0; super::GRID.len()];
        weights[0] = 1.0;
        weights
    };

    fn poisson(now: (u64, f64), before: (u64, f64)) -> (f64, f64, f64, f64) {
        let counts = Counts::new(now, &[before]).unwrap();
        let (low, high) = counts.interval(&POISSON);
        (counts.probability(&POISSON), counts.ratio(), low, high)
    }

    fn near(value: f64, known: f64) {
        assert!((value / known - 1.0).abs() < 1e-6, "{value} is not {known}");
    }

    /// `poisson.test(c(11, 6+8+7), c(800, 1083+1050+878))` of R's own documentation: rate ratio
    /// 1.971488, interval 0.8584264 to 4.2772659. R doubles no tail but adds all outcomes that are
    /// as unlikely (0.07967); its one-sided probability (`alternative = "greater"`) is 0.05600866,
    /// of which ours is the double, as fits the interval (Fay 2010).
    #[test]
    fn it_agrees_with_r() {
        let (probability, ratio, low, high) = poisson((11, 800.0), (21, 3011.0));
        near(probability, 2.0 * 0.056_008_659_8);
        near(ratio, 1.971_488_1);
        near(low, 0.858_426_4);
        near(high, 4.277_265_9);
    }

    /// From the sums themselves, with 40 digits.
    #[test]
    fn it_agrees_with_the_sums() {
        let (probability, _, low, high) = poisson((10, 1.0), (10, 3.0));
        near(probability, 0.027_728_833_89);
        near(low, 1.120_640_54);
        near(high, 8.031_121_201);
        let (probability, ratio, low, high) = poisson((0, 1.0), (20, 2.0));
        near(probability, 0.000_601_457_319_6);
        assert!(ratio.abs() < 1e-300 && low.abs() < 1e-300);
        near(high, 0.405_099_207_6);
        let (_, ratio, low, high) = poisson((4, 60.0), (0, 60.0));
        assert!(ratio.is_infinite() && high.is_infinite());
        near(low, 0.025_f64.powf(0.25) / (1.0 - 0.025_f64.powf(0.25)));
    }

    /// With variation: the beta-binomial tail by its sum. The joined variable errs by less than a
    /// third, and to the careful side where it matters.
    #[test]
    fn the_tail_with_variation_is_that_of_the_beta_binomial() {
        let mut weights = [0.0; super::GRID.len()];
        weights[4] = 1.0;
        assert!((super::GRID[4] - 0.1).abs() < 1e-12);
        for (now, before) in [(8, 10), (20, 12), (60, 30), (150, 90), (600, 300)] {
            let counts =
                Counts::new((now, 60.0), &[(before / 2, 60.0), (before / 2, 60.0)]).unwrap();
            let (a, b, all) = (10.0, 20.0, now + before);
            let term = |k: u64| {
                use super::ln_gamma as l;
                let (k, n) = (k as f64, all as f64);
                let choose = l(n + 1.0) - l(k + 1.0) - l(n - k + 1.0);
                let above = l(k + a) + l(n - k + b) - l(n + a + b);
                (choose + above - l(a) - l(b) + l(a + b)).exp()
            };
            let exact = (2.0 * (now..=all).map(term).sum::<f64>()).min(1.0);
            let ours = counts.probability(&weights);
            assert!(ours > 0.8 * exact && ours < 1.35 * exact, "{now} {before}: {ours} {exact}");
        }
    }
}
