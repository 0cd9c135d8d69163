//! The special functions that tails of counts are made of.
//!
//! Source of the formulas: NIST Digital Library of Mathematical Functions, 5.11 (asymptotic series
//! of gamma and its derivatives), 5.5 and 5.15 (recurrences), 8.17 (incomplete beta function and
//! its continued fraction). Arguments are positive and finite; nothing here panics or loops
//! without a bound.

/// From here on the asymptotic series are exact to the last digits of an `f64`.
const ASYMPTOTIC: f64 = 12.0;

/// The logarithm of the gamma function.
pub(super) fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0_f64);
    while x < ASYMPTOTIC {
        product *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = (1.0 / 12.0
        - square
            * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0))))
        / x;
    let half_ln_tau = 0.918_938_533_204_672_8;
    (x - 0.5) * x.ln() - x + half_ln_tau + series - product.ln()
}

/// The first derivative of [`ln_gamma`].
pub(super) fn digamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < ASYMPTOTIC {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square
        * (1.0 / 12.0
            - square
                * (1.0 / 120.0 - square * (1.0 / 252.0 - square * (1.0 / 240.0 - square / 132.0))));
    sum + x.ln() - 0.5 / x - series
}

/// The second derivative of [`ln_gamma`]: the variance of the logarithm of a gamma variable.
pub(super) fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < ASYMPTOTIC {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        square * (1.0 / 6.0 - square * (1.0 / 30.0 - square * (1.0 / 42.0 - square / 30.0)));
    sum + (1.0 + 0.5 / x + series) / x
}

/// The third derivative of [`ln_gamma`].
fn tetragamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < ASYMPTOTIC {
        sum -= 2.0 / (x * x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = 1.0 + 1.0 / x + square * (0.5 - square * (1.0 / 6.0 - square / 6.0));
    sum - square * series
}

/// The positive number whose [`trigamma`] is `y`, by Newton's method on 1/trigamma, which is nearly
/// linear, so that it converges from below (Smyth, limma, `trigammaInverse`).
pub(super) fn trigamma_inverse(y: f64) -> f64 {
    if y > 1e7 {
        return 1.0 / y.sqrt();
    }
    if y < 1e-9 {
        return 1.0 / y;
    }
    let mut x = 0.5 + 1.0 / y;
    for _ in 0..40 {
        let value = trigamma(x);
        let step = value * (1.0 - value / y) / tetragamma(x);
        x += step;
        if step.abs() <= x * 1e-12 {
            break;
        }
    }
    x
}

/// The regularised incomplete beta function `I_p(a, b)`; `q` is `1 - p`, given apart so that it
/// keeps its digits where `p` is nearly one.
pub(super) fn beta(a: f64, b: f64, p: f64, q: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    if q <= 0.0 {
        return 1.0;
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * p.ln() + b * q.ln();
    // Each of the two fractions converges fast on its side of the mean.
    let value = if p * (a + b + 2.0) < a + 1.0 {
        front.exp() * fraction(a, b, p) / a
    } else {
        1.0 - front.exp() * fraction(b, a, q) / b
    };
    value.clamp(0.0, 1.0)
}

/// The continued fraction of the incomplete beta function by Lentz's method. It takes about the
/// square root of the larger shape in steps near the mean, and few elsewhere.
fn fraction(a: f64, b: f64, p: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let bounded = |x: f64| if x.abs() < TINY { TINY } else { x };
    let mut c = 1.0;
    let mut d = 1.0 / bounded(1.0 - (a + b) * p / (a + 1.0));
    let mut value = d;
    for step in 1..=200_000_u32 {
        let m = f64::from(step);
        let even = m * (b - m) * p / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / bounded(1.0 + even * d);
        c = bounded(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * p / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / bounded(1.0 + odd * d);
        c = bounded(1.0 + odd / c);
        let change = d * c;
        value *= change;
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{beta, digamma, ln_gamma, trigamma, trigamma_inverse};

    fn near(value: f64, known: f64, digits: i32) {
        let error = (value - known).abs() / known.abs().max(1e-300);
        assert!(error < 10_f64.powi(-digits), "{value} is not {known}");
    }

    /// Values of mpmath 1.3 with 30 digits.
    #[test]
    fn known_values() {
        near(ln_gamma(0.1), 2.252_712_651_734_206, 12);
        near(ln_gamma(4.5), 2.453_736_570_842_442_4, 14);
        near(ln_gamma(1e6), 12_815_504.569_147_612, 14);
        near(digamma(0.3), -3.502_524_222_200_133, 13);
        near(digamma(1e4), 9.210_290_371_142_85, 14);
        near(trigamma(0.3), 12.245_364_546_107_73, 13);
        near(trigamma(50.0), 0.020_201_333_226_697_13, 12);
        near(beta(0.5, 0.5, 0.1, 0.9), 0.204_832_764_699_133_45, 13);
        near(beta(20.0, 35.0, 0.2, 0.8), 0.002_791_161_751_072_96, 12);
        near(beta(2000.0, 6000.0, 0.255, 0.745), 0.849_090_642_429_728, 10);
        near(beta(100.0, 1.0, 0.25, 0.75), 6.223_015_277_861_142e-61, 11);
    }

    #[test]
    fn the_inverse_of_trigamma_is_its_inverse() {
        for exponent in -24..=24 {
            let x = 10_f64.powf(f64::from(exponent) / 4.0);
            near(trigamma_inverse(trigamma(x)), x, 7);
        }
    }
}
