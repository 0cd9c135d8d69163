//! Clocks that differ, told from ids that two layers saw.

use std::collections::{BTreeMap, BTreeSet};

use crate::{LayerName, Skew};

/// Fewer ids say nothing of a clock.
const LEAST_IDS: usize = 5;
/// Below two seconds it is the way of a request through the service, not a clock.
const LEAST_MICROS: u64 = 2_000_000;
/// The median must lie this many median deviations (as standard deviations) from zero.
const DEVIATIONS: f64 = 5.0;
/// The share of ids, in percent, whose difference has the sign of the median.
const SAME_SIGN: usize = 90;

/// When two layers first saw the same ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighted {
    /// A layer.
    pub layer: LayerName,
    /// Another.
    pub against: LayerName,
    /// For each id that both saw, by how many microseconds the layer's first line of it is later
    /// than the other's.
    pub ahead_micros: Vec<i64>,
}

/// Tells layers whose clocks differ: one [`Skew`] for each, against the layer it shares most ids
/// with.
///
/// A request is seen in front before it is seen behind, so that small differences of one sign are
/// expected; what is told is a median of at least two seconds that lies more than five deviations
/// from zero, over at least five ids of which nine in ten agree. A queue that holds every request
/// for about the same time looks the same as a clock that is ahead: what this tells is that times
/// of the two layers must not be compared as they stand. A layer behind that seems to be *before*
/// one in front can only be a clock.
///
/// A wrong clock shows in every pair of its layer, so the layer with the most such pairs is named,
/// and its pairs are explained by it. Of two layers alone, the one ahead is named.
#[must_use]
pub fn skews(pairs: &[Sighted]) -> Vec<Skew> {
    // Each pair once, the smaller name first, whichever way round it came.
    let mut joined: BTreeMap<(&LayerName, &LayerName), Vec<i64>> = BTreeMap::new();
    for Sighted { layer, against, ahead_micros } in pairs {
        if layer < against {
            joined.entry((layer, against)).or_default().extend(ahead_micros);
        } else if against < layer {
            let turned = ahead_micros.iter().map(|ahead| ahead.saturating_neg());
            joined.entry((against, layer)).or_default().extend(turned);
        }
    }
    let mut told: Vec<Skew> = joined
        .into_iter()
        .filter_map(|((layer, against), ahead)| {
            let ids = ahead.len() as u64;
            let ahead_micros = beyond_noise(ahead)?;
            let (layer, against) = (layer.clone(), against.clone());
            Some(Skew { layer, against, ahead_micros, ids })
        })
        .collect();
    let mut skews = Vec::new();
    while let Some(layer) = most_involved(&told) {
        let (of_it, rest) = told.into_iter().partition(|s| s.layer == layer || s.against == layer);
        told = rest;
        let of_it: Vec<Skew> = of_it;
        let best = of_it.into_iter().map(|skew| seen_from(skew, &layer)).min_by(|a, b| {
            let order = |skew: &Skew| std::cmp::Reverse(skew.ids);
            order(a).cmp(&order(b)).then_with(|| a.against.cmp(&b.against))
        });
        skews.extend(best);
    }
    skews.sort_by(|a, b| a.layer.cmp(&b.layer));
    skews
}

/// The median, if it is no noise.
fn beyond_noise(mut ahead: Vec<i64>) -> Option<i64> {
    if ahead.len() < LEAST_IDS {
        return None;
    }
    let median = median(&mut ahead)?;
    if median.unsigned_abs() < LEAST_MICROS {
        return None;
    }
    let agree = ahead.iter().filter(|one| one.signum() == median.signum()).count();
    let mut deviations: Vec<i64> =
        ahead.iter().map(|one| i64::try_from(one.abs_diff(median)).unwrap_or(i64::MAX)).collect();
    // 1.4826 makes the median deviation of normal noise its standard deviation.
    let noise = self::median(&mut deviations)? as f64 * 1.4826;
    let clear = median.unsigned_abs() as f64 > DEVIATIONS * noise;
    (clear && agree * 100 >= ahead.len() * SAME_SIGN).then_some(median)
}

/// The lower median: of an even number, no value is made up.
fn median(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// The layer in most of the pairs; of equals the one that is ahead, then by name.
fn most_involved(told: &[Skew]) -> Option<LayerName> {
    let names: BTreeSet<&LayerName> = told.iter().flat_map(|s| [&s.layer, &s.against]).collect();
    let involved = |name: &LayerName| {
        let of_it = told.iter().filter(|s| s.layer == *name || s.against == *name);
        let ahead = |s: &&Skew| (s.layer == *name) == (s.ahead_micros > 0);
        (of_it.clone().count(), of_it.filter(ahead).count())
    };
    let mut best: Option<((usize, usize), &LayerName)> = None;
    for name in names {
        let count = involved(name);
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, name));
        }
    }
    best.map(|(_, name)| name.clone())
}

fn seen_from(skew: Skew, layer: &LayerName) -> Skew {
    if skew.layer == *layer {
        return skew;
    }
    let Skew { layer: other, against, ahead_micros, ids } = skew;
    Skew { layer: against, against: other, ahead_micros: ahead_micros.saturating_neg(), ids }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Sighted, skews};
    use crate::LayerName;

    const SECOND: i64 = 1_000_000;

    fn sighted(layer: &str, against: &str, ahead_micros: Vec<i64>) -> Sighted {
        let name = |name| LayerName::parse(name).unwrap();
        Sighted { layer: name(layer), against: name(against), ahead_micros }
    }

    fn around(micros: i64) -> Vec<i64> {
        (0..20).map(|i| micros + (i * 37 % 11 - 5) * SECOND / 20).collect()
    }

    #[test]
    fn one_wrong_clock_is_named_once() {
        let pairs = [
            sighted("front", "auth", around(-SECOND / 5)),
            sighted("front", "hsm", around(-92 * SECOND)),
            sighted("hsm", "auth", around(92 * SECOND)),
            sighted("storage", "hsm", around(-91 * SECOND)),
            sighted("storage", "front", around(SECOND / 3)),
        ];
        let told = skews(&pairs);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].layer.as_str(), "hsm");
        assert!((told[0].ahead_micros - 92 * SECOND).abs() < SECOND);
        assert_eq!(told[0].ids, 20);
    }

    #[test]
    fn the_way_of_a_request_is_no_skew() {
        assert!(skews(&[sighted("back", "front", around(SECOND))]).is_empty(), "a second of work");
        assert!(skews(&[sighted("back", "front", vec![92 * SECOND; 4])]).is_empty(), "four ids");
        let spread: Vec<i64> = (0..40).map(|i| i * SECOND).collect();
        assert!(skews(&[sighted("back", "front", spread)]).is_empty(), "a queue of any length");
        let mixed: Vec<i64> = (0..40).map(|i| if i % 4 == 0 { -60 } else { 60 } * SECOND).collect();
        assert!(skews(&[sighted("back", "front", mixed)]).is_empty(), "no common sign");
        let told = skews(&[sighted("front", "back", around(-5 * SECOND))]);
        assert_eq!(told[0].layer.as_str(), "back", "of two the one ahead");
        assert!(told[0].ahead_micros > 4 * SECOND);
    }

    proptest! {
        #[test]
        fn neither_order_nor_direction_matters(
            shifts in prop::collection::vec((0..4_usize, 0..4_usize, -100..100_i64), 0..6),
            extreme in any::<i64>(),
        ) {
            let names = ["a", "b", "c", "d"];
            let mut pairs: Vec<Sighted> = shifts
                .iter()
                .map(|(a, b, shift)| sighted(names[*a], names[*b], around(shift * SECOND)))
                .collect();
            pairs.push(sighted("a", "e", vec![extreme.max(-i64::MAX); 7]));
            let told = skews(&pairs);
            pairs.reverse();
            for pair in &mut pairs {
                std::mem::swap(&mut pair.layer, &mut pair.against);
                for ahead in &mut pair.ahead_micros {
                    *ahead = -*ahead;
                }
                pair.ahead_micros.reverse();
            }
            prop_assert_eq!(skews(&pairs), told);
        }
    }
}
