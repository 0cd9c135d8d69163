//! Sentences of everyday lines, from words and forms.

use std::collections::BTreeSet;

use super::pattern::Pattern;
use super::rng::Rng;
use super::tier::Tier;
use super::words::{CALM, SORE, UNEASY, VERBS, components};
use crate::LogSeverity;
use crate::log::shape;

/// So many patterns of a layer: calm, uneasy, sore. No two have one shape.
pub(super) fn patterns(tier: Tier, counts: [usize; 3]) -> Vec<Pattern> {
    let mut rng = Rng::of(&[0x9a77, tier as u64]);
    let mut seen = BTreeSet::new();
    let mut patterns = Vec::new();
    for (forms, count, severity) in [
        (CALM, counts[0], LogSeverity::INFO),
        (UNEASY, counts[1], LogSeverity::WARN),
        (SORE, counts[2], LogSeverity::ERROR),
    ] {
        let wanted = patterns.len() + count;
        // Ends: there are many more sentences than are wanted, and a bound all the same.
        for _ in 0..count * 50 {
            if patterns.len() == wanted {
                break;
            }
            let (component, body) = sentence(tier, forms, &mut rng);
            if seen.insert(shape(&body)) {
                let debug = severity == LogSeverity::INFO && rng.below(4) == 0;
                let severity = if debug { LogSeverity::DEBUG } else { severity };
                patterns.push(Pattern::new(tier, severity, component, &body));
            }
        }
    }
    patterns
}

fn sentence(tier: Tier, forms: &[&str], rng: &mut Rng) -> (&'static str, String) {
    let all = components(tier);
    let place = rng.place(all.len());
    let (component, objects) = all.get(place).copied().unwrap_or_default();
    let object = rng.pick(objects);
    let verb = rng.pick(VERBS);
    let form = rng.pick(forms);
    let body = form
        .replace("{c}", component)
        .replace("{o}", object)
        .replace("{b}", verb[0])
        .replace("{p}", verb[1])
        .replace("{g}", verb[2]);
    (component, body)
}
