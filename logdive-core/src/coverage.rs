//! Coverage: what was looked at, what was not, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{LayerName, Reason, ReasonKind, Window};

/// What a dive cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Bytes read.
    pub bytes: u64,
    /// Rows read.
    pub rows: u64,
    /// Money, in millionths of a dollar, where a layer states a price.
    pub micro_dollars: u64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.rows = self.rows.saturating_add(other.rows);
        self.micro_dollars = self.micro_dollars.saturating_add(other.micro_dollars);
    }
}

/// What was looked at in one layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerCoverage {
    /// The newest line, the lowest over the layer's emitters.
    pub newest: Option<DateTime<Utc>>,
    /// Up to when lines are known to have arrived: `newest` minus the declared lateness. A layer
    /// that declares none has none.
    pub watermark: Option<DateTime<Utc>>,
    /// How far the newest line lies behind that of the newest layer of the dive.
    #[serde(default)]
    pub lag: Option<Duration>,
    /// Whether it is a layer of changes (deploys, flags).
    #[serde(default)]
    pub changes: bool,
    /// Emitters that the layer had and that wrote nothing in the window.
    pub silent_emitters: Vec<String>,
    /// Pieces (files, requests) that had to be read.
    pub planned: u64,
    /// Pieces that were read.
    pub read: u64,
    /// What failed, and why.
    pub failed: Vec<Reason>,
    /// Rows looked at.
    pub scanned: u64,
    /// Rows that met the plan.
    pub matched: u64,
    /// Rows shown.
    pub shown: u64,
    /// Rows that met the plan and are not shown: counted, not lost.
    pub cut: u64,
    /// A limit that stopped the reading before its end.
    pub stopped_by: Option<String>,
    /// Predicates the layer's own store answered; the rest was evaluated by us.
    pub answered: Vec<String>,
    /// What it cost.
    pub cost: Cost,
}

impl LayerCoverage {
    /// The watermark of a layer: the newest line minus its lateness.
    #[must_use]
    pub fn watermark_of(
        newest: Option<DateTime<Utc>>,
        lateness: Option<Duration>,
    ) -> Option<DateTime<Utc>> {
        newest?.checked_sub_signed(TimeDelta::from_std(lateness?).ok()?)
    }

    /// Why lines of a window may be missing; `None` if all are there.
    #[must_use]
    pub fn gap(&self, layer: &LayerName, until: DateTime<Utc>) -> Option<Reason> {
        if let Some(first) = self.failed.first() {
            return Some(Reason::new(first.kind, format!("{layer}: {first}")));
        }
        if let Some(limit) = &self.stopped_by {
            return Some(Reason::new(ReasonKind::Cut, format!("{layer}: stopped by {limit}")));
        }
        if self.read < self.planned {
            let detail = format!("{layer}: {} of {} pieces read", self.read, self.planned);
            return Some(Reason::new(ReasonKind::Failed, detail));
        }
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match self.watermark {
            Some(watermark) if watermark >= until => None,
            Some(watermark) => Some(Reason::new(
                ReasonKind::Late,
                format!(
                    "{layer}: lines may still arrive; its watermark is {}, the window ends {}",
                    text(watermark),
                    text(until)
                ),
            )),
            None => Some(Reason::new(
                ReasonKind::Late,
                format!("{layer}: no watermark, so lines may still arrive"),
            )),
        }
    }
}

/// The clocks of two layers compared: the same ids were seen in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// The layer whose clock differs.
    pub layer: LayerName,
    /// The layer it is compared with.
    pub against: LayerName,
    /// By how many microseconds its times are ahead, the median over all ids of both.
    pub ahead_micros: i64,
    /// Ids that were seen in both.
    pub ids: u64,
}

/// What a dive looked at: per layer, and whether that was everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The window that was looked at.
    pub window: Window,
    /// Each layer of the plan.
    pub layers: BTreeMap<LayerName, LayerCoverage>,
    /// Layers there are and the plan does not look at.
    pub not_looked_at: Vec<LayerName>,
    /// Clocks that differ.
    #[serde(default)]
    pub skews: Vec<Skew>,
}

impl Coverage {
    /// Why the answer is not complete, a reason a layer; empty if it is.
    #[must_use]
    pub fn gaps(&self) -> Vec<Reason> {
        self.layers.iter().filter_map(|(name, layer)| layer.gap(name, self.window.to())).collect()
    }

    /// Whether everything of the window was read in every layer of the plan.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps().is_empty()
    }

    /// The lowest watermark over the layers; `None` if a layer has none.
    #[must_use]
    pub fn watermark(&self) -> Option<DateTime<Utc>> {
        let watermarks: Option<Vec<_>> =
            self.layers.values().map(|layer| layer.watermark).collect();
        watermarks?.into_iter().min()
    }

    /// Rows looked at, over all layers.
    #[must_use]
    pub fn scanned(&self) -> u64 {
        self.layers.values().map(|layer| layer.scanned).sum()
    }

    /// Rows that met the plan, over all layers.
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.layers.values().map(|layer| layer.matched).sum()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_complete() { "complete" } else { "incomplete" };
        write!(
            f,
            "{state}: {}, {} layers, {} rows scanned, {} matched",
            self.window,
            self.layers.len(),
            self.scanned(),
            self.matched()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{Coverage, LayerCoverage};
    use crate::{LayerName, ReasonKind, Window};

    #[test]
    fn a_window_behind_the_watermark_is_complete_and_one_before_it_is_not() {
        let newest = "2023-07-10T11:58:37Z".parse().unwrap();
        let watermark =
            LayerCoverage::watermark_of(Some(newest), Some(Duration::from_secs(900))).unwrap();
        let layer = LayerCoverage {
            newest: Some(newest),
            watermark: Some(watermark),
            ..LayerCoverage::default()
        };
        let coverage = |to: &str| Coverage {
            window: Window::new("2023-07-10T11:00:00Z".parse().unwrap(), to.parse().unwrap())
                .unwrap(),
            layers: BTreeMap::from([(LayerName::parse("ssm").unwrap(), layer.clone())]),
            not_looked_at: Vec::new(),
            skews: Vec::new(),
        };
        assert!(coverage("2023-07-10T11:43:37Z").is_complete());
        let late = coverage("2023-07-10T11:43:38Z");
        assert_eq!(late.gaps()[0].kind, ReasonKind::Late);
    }

    #[test]
    fn a_layer_without_lateness_has_no_watermark() {
        let newest = "2023-07-10T11:58:37Z".parse().ok();
        assert_eq!(LayerCoverage::watermark_of(newest, None), None);
        let name = LayerName::parse("ssm").unwrap();
        assert!(LayerCoverage::default().gap(&name, newest.unwrap()).is_some());
    }
}
