//! How much rates differ between windows when nothing is wrong.
//!
//! Logs are no Poisson processes: load has a daily course and jobs write in bursts. The variation
//! is the squared coefficient of variation of a subject's rate from window to window (0.1: a
//! standard deviation of 32 %). A handful of baselines says little of one subject's, so that it is
//! learned from all of them together, and each subject's own baselines shift it (empirical Bayes,
//! as in Robinson and Smyth 2007, on a grid). What remains open about a subject's variation stays
//! open: its probability is the mean over the grid.

use super::rates::Counts;

/// The variations that are weighed. The first is none: a Poisson process.
pub(super) const GRID: [f64; 8] = [0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// A weight for each of [`GRID`]; they add to one.
pub(super) type Weights = [f64; GRID.len()];

/// What is believed before any baseline is seen, and all there is with a single one: most rates
/// move by 10 to 30 %, few by more than half.
const DEFAULT: Weights = [0.10, 0.15, 0.20, 0.25, 0.20, 0.08, 0.015, 0.005];
/// For how many subjects that belief stands.
const DEFAULT_COUNTS: f64 = 20.0;
const ROUNDS: u32 = 60;

/// What the baselines say of the variation.
#[derive(Debug, Clone)]
pub(super) struct Variation {
    prior: Weights,
}

impl Variation {
    /// Learns from all subjects, in an order that does not depend on the caller's.
    pub(super) fn learn<'a>(all: impl Iterator<Item = &'a Counts>) -> Self {
        let likelihoods: Vec<Weights> =
            all.filter(|counts| counts.tells_variation()).map(likelihoods).collect();
        let mut prior = DEFAULT;
        for _ in 0..ROUNDS {
            let mut sums = DEFAULT.map(|weight| weight * DEFAULT_COUNTS);
            for likelihood in &likelihoods {
                for (sum, weight) in sums.iter_mut().zip(posterior(&prior, likelihood)) {
                    *sum += weight;
                }
            }
            let all = DEFAULT_COUNTS + likelihoods.len() as f64;
            let next = sums.map(|sum| sum / all);
            let moved: f64 = next.iter().zip(&prior).map(|(a, b)| (a - b).abs()).sum();
            prior = next;
            if moved < 1e-9 {
                break;
            }
        }
        Self { prior }
    }

    /// What is to be believed of one subject.
    pub(super) fn of(&self, counts: &Counts) -> Weights {
        if counts.tells_variation() {
            posterior(&self.prior, &likelihoods(counts))
        } else {
            self.prior
        }
    }
}

/// Likelihoods over the grid, the largest being one.
fn likelihoods(counts: &Counts) -> Weights {
    let logarithms = GRID.map(|variation| counts.likelihood(variation));
    let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logarithms.map(|logarithm| (logarithm - most).exp())
}

fn posterior(prior: &Weights, likelihood: &Weights) -> Weights {
    let mut weights = *prior;
    for (weight, likelihood) in weights.iter_mut().zip(likelihood) {
        *weight *= likelihood;
    }
    let all: f64 = weights.iter().sum();
    if all > 0.0 { weights.map(|weight| weight / all) } else { *prior }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Variation};

    fn counts(baselines: [u64; 4]) -> Counts {
        Counts::new((100, 60.0), &baselines.map(|count| (count, 60.0))).unwrap()
    }

    #[test]
    fn steady_and_bursty_subjects_are_told_apart() {
        let steady = [[100, 104, 96, 101], [1000, 1020, 990, 1003], [50, 48, 55, 51]];
        let all: Vec<Counts> = steady.iter().cycle().take(60).map(|c| counts(*c)).collect();
        let variation = Variation::learn(all.iter());
        let mean = |baselines| -> f64 {
            let weights = variation.of(&counts(baselines));
            super::GRID.iter().zip(weights).map(|(grid, weight)| grid * weight).sum()
        };
        assert!(mean([100, 103, 97, 99]) < 0.01);
        assert!(mean([0, 400, 0, 3]) > 0.9);
        let alone = counts([7, 0, 0, 0]);
        let weights = variation.of(&alone);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
